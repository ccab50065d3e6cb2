"""Read a county's ledger (一机一档): the cameras that can go in, and every row that can't, with the reason."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from monitor.core.fleet import Township
from monitor.inventory import cells
from monitor.inventory.columns import REQUIRED, Table, field_of, find_table, normal
from monitor.inventory.files import read_sheets
from monitor.inventory.makers import stream_path
from monitor.inventory.problems import InventoryError, Problem
from monitor.inventory.rows import CameraRow, RowReader, camera_of, extra_of, given_by, login_of
from monitor.inventory.sheets import MAX_ROWS, Cell, Sheet

NOT_A_CAMERA = re.compile(r"合计|小计|总计|共计|备注|说明|填表|制表|审核|统计|注[:：]")
TOWNSHIP_NAME = re.compile(r".+(?:镇|乡|街道|办事处|开发区)")
UNFILLED = frozenset({"id", "name"})
"""Merged cells lend their value to all their rows, except in these columns: two cameras never share them."""
MAX_FILLED = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What a file says. ``problems`` are rows (or sheets) left out, ``warnings`` things to look at.

    ``refused`` are ids of rows left out; ``nameless`` counts rows left out whose id could not be read.
    """

    file: str
    rows: tuple[CameraRow, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    refused: frozenset[str] = frozenset()
    nameless: int = 0


@dataclass(slots=True)
class _Notes:
    """Problems one by one; warnings folded, so that a mistake made 4,000 times is one line with a count."""

    problems: list[Problem] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    nameless: int = 0
    _warnings: dict[tuple[str, str, str], list[int | None]] = field(default_factory=lambda: defaultdict(list))

    def refuse(self, sheet: str, row: int | None, zh: str, en: str) -> None:
        self.problems.append(Problem(sheet=sheet, row=row, zh=zh, en=en))

    def warn(self, sheet: str, row: int | None, zh: str, en: str) -> None:
        self._warnings[sheet, zh, en].append(row)

    def warnings(self) -> Iterator[Problem]:
        for (sheet, zh, en), rows in self._warnings.items():
            more = len(rows) > 1
            zh_count, en_count = (f"（共 {len(rows)} 行）", f" ({len(rows)} rows)") if more else ("", "")
            yield Problem(sheet=sheet, row=rows[0], zh=zh + zh_count, en=en + en_count)


def read(path: Path, *, townships: Sequence[Township] = (), credentials: Collection[str] = ()) -> Ledger:
    """The ledger in ``path``.

    With ``townships`` (those of config.toml) a row must name one of them; with none any name is accepted.
    ``credentials`` are the ids of stored logins, which 凭据 may name. Raises InventoryError when the file cannot be
    read or no sheet of it has a heading with an id and a name.
    """
    notes = _Notes()
    rows: list[CameraRow] = []
    tables = 0
    for sheet in read_sheets(path):
        table = _usable_table(sheet, notes)
        if table:
            tables += 1
            rows.extend(_rows_of(table, _Names(townships), notes))
    if not tables:
        reasons = "；".join(note.text("zh") for note in notes.warnings())
        raise InventoryError(
            f"没有找到台账：任何工作表都没有同时含“编号（国标编码）”和“点位名称”的表头（{reasons}）",
            "no sheet has a heading with both an id (编号, 国标编码) and a name (点位名称)",
        )
    rows = _without_duplicates(rows, notes)
    rows = _with_known_logins(rows, frozenset(credentials), notes)
    _warn_of_shared_streams(rows, notes)
    return Ledger(
        file=path.name,
        rows=tuple(rows),
        problems=tuple(notes.problems),
        warnings=tuple(notes.warnings()),
        refused=frozenset(notes.refused - {""}),
        nameless=notes.nameless,
    )


class _Names:
    """The townships that a row may name, found however the ledger spaces them."""

    def __init__(self, townships: Sequence[Township]) -> None:
        self._by_key = {normal(township.name): township.name for township in townships}

    def find(self, name: str) -> str | None:
        """The township's own spelling; None when there is no such township."""
        return self._by_key.get(normal(name)) if self._by_key else name

    def similar(self, name: str) -> str | None:
        close = difflib.get_close_matches(normal(name), self._by_key, n=1, cutoff=0.5)
        return self._by_key[close[0]] if close else None

    def is_title(self, title: str) -> bool:
        """True for a sheet's title that is a township's name."""
        return bool(self.find(title) if self._by_key else TOWNSHIP_NAME.fullmatch(title))


def _usable_table(sheet: Sheet, notes: _Notes) -> Table | None:
    if not sheet.rows:
        return None
    if sheet.hidden:
        notes.warn(sheet.name, None, "是隐藏的工作表，未读取", "is hidden and was not read")
        return None
    table = find_table(sheet)
    if table is None:
        notes.warn(sheet.name, None, "没有可识别的表头，未读取", "has no heading that is recognised and was not read")
        return None
    if sheet.cut:
        notes.refuse(
            sheet.name, None, f"超过 {MAX_ROWS} 行，其后未读取", f"has more than {MAX_ROWS} rows; the rest was not read"
        )
        notes.nameless += 1
    for heading in table.unknown:
        notes.warn(sheet.name, None, f"不认识“{heading}”列，原样保留", f"unknown column {heading}, kept as it is")
    for heading in table.dropped:
        notes.warn(
            sheet.name,
            None,
            f"“{heading}”列像是密码，没有保留",
            f"column {heading} looks like passwords and was not kept",
        )
    return table


def _rows_of(table: Table, names: _Names, notes: _Notes) -> Iterator[CameraRow]:
    sheet = table.sheet
    fixed = {}
    if "township" not in table.columns and names.is_title(sheet.name):
        fixed["township"] = sheet.name
    missing = [name for name in REQUIRED if name not in table.columns and name not in fixed]
    if missing:
        zh = "、".join(WORDS[name] for name in missing)
        notes.refuse(sheet.name, None, f"缺少必需的列：{zh}", f"lacks required columns: {', '.join(missing)}")
        notes.nameless += 1
        return
    for index, values in enumerate(_filled(table), start=table.first):
        reader = RowReader(columns=table.columns, headings=table.headings, values=values, fixed=fixed)
        if _is_camera_row(reader, table, index + 1, notes):
            row = _row_of(reader, table, index + 1, names, notes)
            if row:
                yield row


WORDS = {"id": "编号", "name": "点位名称", "township": "乡镇", "village": "村(社区)"}


def _filled(table: Table) -> list[list[Cell]]:
    """The rows of data, merged cells lent to all the rows and columns they cover."""
    rows = [list(row) for row in table.sheet.rows[table.first :]]
    unfilled = {table.columns[name] for name in UNFILLED if name in table.columns}
    filled = 0
    for area in table.sheet.merged:
        top, bottom = area.top - table.first, min(area.bottom - table.first, len(rows) - 1)
        if (
            top < 0
            or top >= len(rows)
            or area.left >= len(rows[top])
            or area.left in unfilled
            or area.right > area.left
        ):
            continue
        filled += bottom - top
        if filled > MAX_FILLED:
            raise InventoryError("合并单元格过多，请取消合并后导入", "too many merged cells; unmerge them first")
        for row in rows[top + 1 : bottom + 1]:
            row.extend([None] * (area.left + 1 - len(row)))
            row[area.left] = rows[top][area.left]
    return rows


def _is_camera_row(reader: RowReader, table: Table, row: int, notes: _Notes) -> bool:
    """False for blank rows, totals, remarks and headings repeated on each printed page."""
    # Before merged cells were filled: a township merged over blank rows makes no cameras of them.
    own = table.sheet.rows[row - 1]
    used = [own[column] for column in table.columns.values() if column < len(own) and not cells.is_empty(own[column])]
    first = next((cell for cell in own if isinstance(cell, str) and not cells.is_empty(cell)), "")
    identity, name = reader.cell("id"), reader.cell("name")
    if isinstance(identity, str) and isinstance(name, str) and field_of(identity) == "id" and field_of(name) == "name":
        return False
    if cells.is_empty(name) and NOT_A_CAMERA.match(cells.visible(first)):
        notes.warn(table.sheet.name, row, "像是合计或说明，已跳过", "looks like a total or a remark and was skipped")
        return False
    return bool(used)


def _row_of(reader: RowReader, table: Table, row: int, names: _Names, notes: _Notes) -> CameraRow | None:
    sheet = table.sheet.name
    camera = camera_of(reader, partial(cells.day, epoch=table.sheet.epoch))
    login, cleared = login_of(reader)
    camera = replace(
        camera,
        township=_township(camera.township, names, reader),
        credential=reader.take("credential", cells.text_or_nothing, ""),
        extra=extra_of(reader, table.extra),
    )
    if reader.mistakes:
        for zh, en in dict.fromkeys(reader.mistakes):
            notes.refuse(sheet, row, zh, en)
        notes.refused.add(camera.id)
        notes.nameless += not camera.id
        return None
    for zh, en in (*reader.remarks, *_hidden(reader), *_unreachable(reader, camera.host)):
        notes.warn(sheet, row, zh, en)
    if camera.host and camera.rtsp_port and not camera.rtsp_path and not stream_path(camera.maker, camera.channel or 1):
        notes.warn(sheet, row, *_pathless(camera.onvif_port))
    return CameraRow(
        sheet=sheet, row=row, camera=camera, given=given_by(reader) | {"extra"}, login=login, login_cleared=cleared
    )


def _township(name: str, names: _Names, reader: RowReader) -> str:
    found = names.find(name) if name else None
    if name and found is None:
        similar = names.similar(name)
        zh, en = (f"，是否为“{similar}”？", f"; did you mean {similar}?") if similar else ("", "")
        reader.wrong(f"没有名为“{name}”的乡镇{zh}", f"no township named {name}{en}")
    return found or name


def _hidden(reader: RowReader) -> Iterator[tuple[str, str]]:
    for field_name, column in reader.columns.items():
        if column < len(reader.values) and cells.has_hidden(reader.values[column]):
            heading = reader.headings[field_name]
            yield f"“{heading}”含不可见字符，已去除", f"{heading} has invisible characters, which were removed"


def _unreachable(reader: RowReader, host: str) -> Iterator[tuple[str, str]]:
    if not host and (reader.has("host") or reader.has("rtsp_url")):
        yield "没有 IP 地址或 RTSP 地址，无法巡查", "has neither an address nor an RTSP URL and cannot be looked at"


def _pathless(onvif_port: int | None) -> tuple[str, str]:
    if onvif_port:
        return "没有取流路径，将由 ONVIF GetStreamUri 取得", "has no RTSP path: needs ONVIF GetStreamUri"
    return (
        "没有取流路径，厂家也认不出；请补 RTSP 路径或 ONVIF 端口",
        "has no RTSP path and no maker whose form is known; add the path or an ONVIF port",
    )


def _without_duplicates(rows: Iterable[CameraRow], notes: _Notes) -> list[CameraRow]:
    """Rows that share an id are all refused: only a person can say which of them is right."""
    by_id: dict[str, list[CameraRow]] = defaultdict(list)
    for row in rows:
        by_id[row.camera.id].append(row)
    kept = []
    for identity, twins in by_id.items():
        if len(twins) == 1:
            kept.append(twins[0])
            continue
        notes.refused.add(identity)
        for row in twins:
            others = [other for other in twins if other is not row]
            zh = "、".join(_place_zh(other) for other in others)
            en = ", ".join(_place_en(other) for other in others)
            notes.refuse(row.sheet, row.row, f"编号 {identity} 与{zh}重复", f"id {identity} also stands in {en}")
    return kept


def _place_zh(row: CameraRow) -> str:
    return f"工作表“{row.sheet}”第 {row.row} 行" if row.sheet else f"第 {row.row} 行"


def _place_en(row: CameraRow) -> str:
    return f'sheet "{row.sheet}" row {row.row}' if row.sheet else f"row {row.row}"


def _with_known_logins(rows: Sequence[CameraRow], stored: frozenset[str], notes: _Notes) -> list[CameraRow]:
    """Refuse rows whose 凭据 names no login, or gives one name to two logins."""
    first: dict[str, CameraRow] = {}
    kept = []
    for row in rows:
        label = row.camera.credential
        if label and row.login:
            owner = first.setdefault(label, row)
            if owner.login != row.login:
                zh, en = _place_zh(owner), _place_en(owner)
                notes.refuse(
                    row.sheet,
                    row.row,
                    f"凭据 {label} 的用户名或密码与{zh}不同",
                    f"credential {label} differs from {en}",
                )
                notes.refused.add(row.camera.id)
                continue
        kept.append(row)
    known = stored | first.keys()
    for row in [row for row in kept if row.camera.credential and row.camera.credential not in known]:
        label = row.camera.credential
        notes.refuse(row.sheet, row.row, f"没有名为“{label}”的凭据", f"there is no credential named {label}")
        notes.refused.add(row.camera.id)
        kept.remove(row)
    return kept


def _warn_of_shared_streams(rows: Iterable[CameraRow], notes: _Notes) -> None:
    first: dict[tuple[str, str, int | None], CameraRow] = {}
    for row in rows:
        camera = row.camera
        if camera.host and (camera.rtsp_path or camera.channel or stream_path(camera.maker, 1)):
            owner = first.setdefault((camera.address, camera.rtsp_path, camera.channel), row)
            if owner is not row:
                zh, en = _place_zh(owner), _place_en(owner)
                notes.warn(row.sheet, row.row, f"地址和通道与{zh}相同", f"has the same address and channel as {en}")
