"""Files: told apart by content, bounded, and refused in one sentence."""

from __future__ import annotations

import contextlib
import io
import os
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlwt  # type: ignore[import-untyped]  # it has no annotations
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.worksheet import Worksheet

from monitor.inventory import InventoryError, read, sheets
from monitor.inventory import xlsx as xlsx_reader
from monitor.inventory.files import MAX_BYTES, read_sheets

HEADINGS = ("国标编码", "点位名称", "乡镇(街道)", "村(社区)", "IP地址", "RTSP路径")
ROW = ("34020000001320000001", "村口", "泌水镇", "东村", "10.1.1.1", "/live")

Write = Callable[..., Path]


def csv_text(separator: str = ",") -> str:
    return f"示范县监控台账\r\n{separator.join(HEADINGS)}\r\n{separator.join(ROW)}\r\n"


@pytest.mark.parametrize(
    "content",
    [
        csv_text().encode("utf-8"),
        csv_text().encode("utf-8-sig"),
        csv_text().encode("gbk"),
        csv_text().encode("gb18030"),
        csv_text("\t").encode("utf-16"),
        csv_text(";").encode("utf-8"),
    ],
    ids=["utf-8", "utf-8 with mark", "gbk", "gb18030", "utf-16 with tabs", "semicolons"],
)
def test_a_csv_is_read_in_every_encoding_that_spreadsheets_write(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.csv"
    path.write_bytes(content)
    ledger = read(path)
    assert ledger.problems == ()
    assert [(row.row, row.camera.name, row.camera.township) for row in ledger.rows] == [(3, "村口", "泌水镇")]


def test_rows_of_a_csv_are_numbered_as_the_spreadsheet_shows_them(tmp_path: Path) -> None:
    path = tmp_path / "ledger.csv"
    bad = ",".join(["x", '"two\nlines"', "泌水镇", "东村", "10.1", "/"])
    path.write_text(f"{','.join(HEADINGS)}\n\n{','.join(ROW)}\n{bad}\n", "utf-8")
    ledger = read(path)
    assert [row.row for row in ledger.rows] == [3]
    assert ledger.problems[0].text() == "第 4 行：“IP地址”应为 IP 地址或主机名，现为“10.1”"


def write_xls(path: Path, *, first: bool = True) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("台账")
    sheet.write_merge(0, 0, 0, 5, "示范县监控台账")
    for column, heading in enumerate((*HEADINGS, "启用日期", "重点点位", "端口")):
        sheet.write(1, column, heading)
    sheet.write_merge(2, 3, 2, 2, "泌水镇")
    day = xlwt.easyxf(num_format_str="yyyy-mm-dd")
    for number in (0, 1):
        sheet.write(2 + number, 0, f"3402000000132000000{number + 1}")
        sheet.write(2 + number, 1, f"村口{number}")
        sheet.write(2 + number, 3, "东村")
        sheet.write(2 + number, 4, f"10.1.1.{number + 1}")
        sheet.write(2 + number, 5, "/live")
        sheet.write(2 + number, 6, datetime(2026, 10, 1) if first else 46296, day)  # noqa: DTZ001  # a cell has no zone
        sheet.write(2 + number, 7, True)
        sheet.write(2 + number, 8, 8554)
    book.save(str(path))


def test_an_old_xls_is_read_with_its_merged_cells_and_dates(tmp_path: Path) -> None:
    write_xls(tmp_path / "ledger.xls")
    ledger = read(tmp_path / "ledger.xls")
    assert ledger.problems == ()
    cameras = [row.camera for row in ledger.rows]
    assert [(camera.township, camera.in_service_from, camera.rtsp_port) for camera in cameras] == [
        ("泌水镇", date(2026, 10, 1), 8554)
    ] * 2
    assert all(camera.key_point for camera in cameras)


def test_an_xls_that_is_called_xlsx_is_told_by_its_content(tmp_path: Path) -> None:
    write_xls(tmp_path / "ledger.xlsx")
    assert len(read(tmp_path / "ledger.xlsx").rows) == 2


def test_a_csv_that_is_called_xls_is_told_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "ledger.xls").write_bytes(csv_text().encode("gbk"))
    assert len(read(tmp_path / "ledger.xls").rows) == 1


OTHERS: list[tuple[bytes, str]] = [
    (b"", "文件是空的"),
    (b" \r\n", "文件是空的"),
    (b"%PDF-1.7\n", "这是PDF 文件，不是 Excel 或 CSV 台账；请用 Excel 或 WPS 打开后另存为 .xlsx 再导入"),
    (b"\x89PNG\r\n", "这是图片，不是 Excel 或 CSV 台账；请用 Excel 或 WPS 打开后另存为 .xlsx 再导入"),
    (b"Rar!\x1a\x07", "这是RAR 压缩包，不是 Excel 或 CSV 台账；请用 Excel 或 WPS 打开后另存为 .xlsx 再导入"),
    (
        "\ufeff<html><table>".encode(),
        "这是网页或 XML 文件，不是 Excel 或 CSV 台账；请用 Excel 或 WPS 打开后另存为 .xlsx 再导入",
    ),
    (b"\xff\xff\xff\xff" * 8, "认不出文件的编码；CSV 请存为 UTF-8 或 GBK，或改存为 .xlsx"),
    (b"a\0b,c", "认不出文件的编码；CSV 请存为 UTF-8 或 GBK，或改存为 .xlsx"),
    (b"PK\x03\x04 cut off", "文件已损坏，读不下去（BadZipFile）；请用 Excel 或 WPS 打开后另存为 .xlsx 再导入"),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 4096,
        "文件已损坏，读不下去（CompDocError）；请用 Excel 或 WPS 打开后另存为 .xlsx 再导入",
    ),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512 + "EncryptedPackage".encode("utf-16-le"),
        "文件设有打开密码；请在 Excel 或 WPS 中去掉密码后再导入",
    ),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512 + "WordDocument".encode("utf-16-le"),
        "这是 Word 文档，不是 Excel 或 CSV 台账；请用 Excel 或 WPS 打开后另存为 .xlsx 再导入",
    ),
]


@pytest.mark.parametrize(("content", "sentence"), OTHERS)
def test_what_is_no_ledger_is_refused_in_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "台账.xlsx"
    path.write_bytes(content)
    with pytest.raises(InventoryError) as caught:
        read(path)
    assert str(caught.value) == sentence
    assert caught.value.text("en").isascii()


def archive_of(parts: dict[str, bytes]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return memory.getvalue()


ARCHIVES: list[tuple[dict[str, bytes], str]] = [
    ({"a.txt": b"x"}, "这是压缩包，不是 Excel"),
    ({"[Content_Types].xml": b"<x/>", "word/document.xml": b"<x/>"}, "这是 Word 文档，不是 Excel"),
    ({"[Content_Types].xml": b"<x/>", "xl/workbook.bin": b""}, r"这是 \.xlsb 文件，不是 Excel"),
    ({"[Content_Types].xml": b"<x/>", "ppt/presentation.xml": b"<x/>"}, "这是演示文稿，不是 Excel"),
    ({"[Content_Types].xml": b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'}, "文件含有 DOCTYPE 声明，已拒绝"),
    ({"[Content_Types].xml": "<!DOCTYPE x><x/>".encode("utf-16")}, "文件含有 DOCTYPE 声明，已拒绝"),
    ({"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<broken"}, "文件已损坏，读不下去"),
]


@pytest.mark.parametrize(("parts", "sentence"), ARCHIVES)
def test_an_archive_of_another_kind_is_refused(tmp_path: Path, parts: dict[str, bytes], sentence: str) -> None:
    path = tmp_path / "台账.xlsx"
    path.write_bytes(archive_of(parts))
    with pytest.raises(InventoryError, match=sentence):
        read(path)


def test_an_archive_that_unpacks_to_too_much_is_refused_unread(tmp_path: Path) -> None:
    bomb = b"\0" * (xlsx_reader.MAX_UNPACKED + 1)
    path = tmp_path / "台账.xlsx"
    path.write_bytes(archive_of({"[Content_Types].xml": b"<x/>", "xl/worksheets/sheet1.xml": bomb}))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(InventoryError, match="解压后超过 256 MB，已拒绝"):
        read(path)


def test_a_file_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "台账.csv"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(InventoryError, match="文件超过 64 MB"):
        read(path)


@pytest.mark.parametrize("what", ["missing", "folder", "pipe"])
def test_what_is_no_file_is_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "台账.xlsx"
    if what == "folder":
        path.mkdir()
    if what == "pipe":
        os.mkfifo(path)
    with pytest.raises(InventoryError, match=r"没有名为 .* 的文件"):
        read(path)


def test_more_rows_than_the_limit_are_reported(xlsx: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MAX_ROWS", 3)
    ledger = read(xlsx(HEADINGS, *((f"id-{number}", *ROW[1:]) for number in range(5))))
    assert len(ledger.rows) == 2
    assert [problem.zh[:4] for problem in ledger.problems] == ["超过 1"]
    assert ledger.nameless == 1


def test_a_row_number_far_beyond_the_limit_takes_no_time(xlsx: Write) -> None:
    def far_away(sheet: Worksheet) -> None:
        sheet.cell(row=1_048_576, column=1, value="end")

    sheet = read_sheets(xlsx(HEADINGS, ROW, edit=far_away))[0]
    assert len(sheet.rows) == 2
    assert sheet.cut


def test_blank_rows_down_to_the_end_are_nothing_left_out(xlsx: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def formatted(sheet: Worksheet) -> None:
        for number in range(3, 30):
            sheet.cell(row=number, column=1).number_format = "@"

    monkeypatch.setattr(sheets, "MAX_ROWS", 10)
    sheet = read_sheets(xlsx(HEADINGS, ROW, edit=formatted))[0]
    assert len(sheet.rows) == 2
    assert not sheet.cut


def test_a_sheet_that_lies_about_its_size_is_read_whole(xlsx: Write) -> None:
    path = xlsx(HEADINGS, ROW)
    parts = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            parts[name] = archive.read(name).replace(b'<dimension ref="A1:F2"', b'<dimension ref="A1"')
    path.write_bytes(archive_of(parts))
    assert len(read(path).rows) == 1


def test_a_formula_counts_with_its_stored_value_and_is_never_computed(xlsx: Write) -> None:
    path = xlsx(HEADINGS, ("id-1", *ROW[1:]), ("id-2", "=A1&B1", *ROW[2:]))
    ledger = read(path)
    assert [problem.text() for problem in ledger.problems] == [
        "工作表“台账”第 3 行：“点位名称”是公式但没有计算结果，请用 Excel 打开并保存一次"
    ]
    parts = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            parts[name] = archive.read(name).replace(b"<f>A1&amp;B1</f><v />", b"<f>A1&amp;B1</f><v>7</v>")
            parts[name] = parts[name].replace(b"<f>A1&amp;B1</f><v></v>", b"<f>A1&amp;B1</f><v>7</v>")
    path.write_bytes(archive_of(parts))
    assert [row.camera.name for row in read(path).rows] == ["村口", "7"]


def test_a_text_that_begins_like_a_formula_stays_text(xlsx: Write) -> None:
    def as_text(sheet: Worksheet) -> None:
        cell = sheet["B2"]
        cell.value = "=cmd|' /C calc'!A0"
        cell.data_type = "s"

    assert read(xlsx(HEADINGS, ROW, edit=as_text)).rows[0].camera.name == "=cmd|' /C calc'!A0"


def test_dates_of_a_workbook_that_counts_from_1904(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    sheet: Any = book.active
    sheet.append([*HEADINGS, "启用日期", "停用日期"])
    sheet.append([*ROW, date(2026, 10, 1), 44834 + 31])
    book.save(tmp_path / "mac.xlsx")
    camera = read(tmp_path / "mac.xlsx").rows[0].camera
    assert (camera.in_service_from, camera.in_service_to) == (date(2026, 10, 1), date(2026, 11, 1))


def test_an_encrypted_xls_says_that_it_has_a_password(tmp_path: Path) -> None:
    write_xls(tmp_path / "ledger.xls")
    content = (tmp_path / "ledger.xls").read_bytes()
    # In place of the record CODEPAGE, FILEPASS (MS-XLS §2.4.117): the rest of the stream is encrypted.
    (tmp_path / "ledger.xls").write_bytes(content.replace(b"\x42\x00\x02\x00\xb0\x04", b"\x2f\x00\x02\x00\x00\x00", 1))
    with pytest.raises(InventoryError, match="文件设有打开密码"):
        read(tmp_path / "ledger.xls")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A sound file of each kind. Made once: a workbook bears the time at which it was written."""
    folder = tmp_path_factory.mktemp("sound")
    write_xls(folder / "xls")
    book = openpyxl.Workbook()
    for row in (HEADINGS, ROW):
        book.worksheets[0].append(row)
    book.save(folder / "xlsx")
    (folder / "csv").write_bytes(csv_text().encode("gbk"))
    return {kind: (folder / kind).read_bytes() for kind in ("xls", "xlsx", "csv")}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_and_never_worse(
    sound: dict[str, bytes], tmp_path: Path, data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from(list(sound)))
    path = tmp_path / f"ledger.{kind}"
    content = bytearray(sound[kind])
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(InventoryError):
        assert len(read(path).rows) <= 2
