"""What stands in a spreadsheet file? Its sheets, from .xlsx, .xls and .csv, told apart by content.

The file is hostile until read: its size, the size it unpacks to, its rows and its columns are bounded, no formula is
computed, and whatever a parsing library raises becomes one sentence.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

from monitor.inventory.problems import InventoryError
from monitor.inventory.sheets import Sheet, bounded, not_a_spreadsheet

MAX_BYTES = 64 * 1024 * 1024


def read_sheets(path: Path) -> tuple[Sheet, ...]:
    """All sheets of the file. Raises InventoryError when it is no spreadsheet that can be read."""
    # Imported here: the daemon reads no spreadsheet, and should not hold what reads them.
    from monitor.inventory.xls import read_xls
    from monitor.inventory.xlsx import read_xlsx

    content = _bytes_of(path)
    if content.startswith(b"PK\x03\x04"):
        return _guarded(read_xlsx, content)
    if content.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _guarded(read_xls, content)
    _refuse_other_types(content)
    return (_read_csv(content),)


def _bytes_of(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise InventoryError(f"没有名为 {path} 的文件", f"there is no file {path}")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InventoryError(f"无法读取 {path}（{reason}）", f"cannot read {path} ({reason})") from None
    if len(content) > MAX_BYTES:
        limit = MAX_BYTES // 1024 // 1024
        raise InventoryError(f"文件超过 {limit} MB，请拆分后导入", f"the file is larger than {limit} MB; split it")
    if not content.strip():
        raise InventoryError("文件是空的", "the file is empty")
    return content


def _guarded(read: Callable[[bytes], tuple[Sheet, ...]], content: bytes) -> tuple[Sheet, ...]:
    try:
        return read(content)
    except InventoryError:
        raise
    except Exception as error:  # noqa: BLE001  # the libraries raise whatever a damaged file makes them stumble over
        kind = type(error).__name__
    raise InventoryError(
        f"文件已损坏，读不下去（{kind}）；请用 Excel 或 WPS 打开后另存为 .xlsx 再导入",
        f"the file is damaged ({kind}); open it in a spreadsheet program and save it as .xlsx",
    )


OTHER_TYPES = (
    (b"%PDF", "PDF 文件", "a PDF"),
    (b"Rar!", "RAR 压缩包", "a RAR archive"),
    (b"7z\xbc\xaf", "7z 压缩包", "a 7z archive"),
    (b"\x89PNG", "图片", "a picture"),
    (b"\xff\xd8\xff", "图片", "a picture"),
    (b"\x1f\x8b", "压缩包", "a compressed file"),
)
MARKUP = ("<html", "<!doctype", "<table", "<?xml", "<meta", "<head")


def _refuse_other_types(content: bytes) -> None:
    for magic, zh, en in OTHER_TYPES:
        if content.startswith(magic):
            raise not_a_spreadsheet(zh, en)
    start = content[:200].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t").decode("latin-1").lower()
    if start.startswith(MARKUP):
        # Web systems like to call an HTML table .xls.
        raise not_a_spreadsheet("网页或 XML 文件", "a web page or XML file")


def _read_csv(content: bytes) -> Sheet:
    text = _decoded(content)
    try:
        rows, cut = bounded(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))
    except csv.Error as error:
        raise InventoryError(f"CSV 格式有误（{error}）", f"the CSV is malformed ({error})") from None
    return Sheet(name="", rows=rows, cut=cut)


def _decoded(content: bytes) -> str:
    encodings = ("utf-16",) if content.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise InventoryError(
        "认不出文件的编码；CSV 请存为 UTF-8 或 GBK，或改存为 .xlsx",
        "the encoding is not recognised; save the CSV as UTF-8 or GBK, or the file as .xlsx",
    )


def _delimiter(text: str) -> str:
    """The separator that the first lines hold most of."""
    start = text[:20_000]
    return max(",\t;", key=start.count)
