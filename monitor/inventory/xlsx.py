"""Cells of an .xlsx workbook (ECMA-376), read as a stream."""

from __future__ import annotations

import contextlib
import io
import posixpath
import re
import warnings
import zipfile
from collections.abc import Iterator
from typing import IO, Any

from lxml import etree
from openpyxl import Workbook, load_workbook
from openpyxl.utils import range_boundaries

from monitor.inventory.problems import InventoryError
from monitor.inventory.sheets import MAX_COLUMNS, Absent, Area, Cell, Sheet, bounded, not_a_spreadsheet

MAX_UNPACKED = 256 * 1024 * 1024
MAX_PARTS = 5_000
MAX_MERGED = 100_000
PROLOGUE = 65_536
LAST_ROW = 1_048_576
"""Of a sheet by the format's own limit; a row number beyond it would be filled up with blank rows."""

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
STRICT_MAIN = "{http://purl.oclc.org/ooxml/spreadsheetml/main}"
RELATION_ID = re.compile(r"\{[^}]*/relationships\}id")


def read_xlsx(content: bytes) -> tuple[Sheet, ...]:
    """The worksheets of a workbook. Raises InventoryError; a damaged file may raise anything of zipfile or openpyxl."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive, warnings.catch_warnings():
        # openpyxl warns of styles and extensions that it drops; none of them holds a value.
        warnings.simplefilter("ignore")
        _refuse_bombs(archive)
        _refuse_other_documents(archive)
        parts = _parts_by_title(archive)
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        with contextlib.closing(book):
            return tuple(_sheet(book, worksheet, archive, parts.get(worksheet.title)) for worksheet in book.worksheets)


def _sheet(book: Workbook, worksheet: Any, archive: zipfile.ZipFile, part: str | None) -> Sheet:
    worksheet.reset_dimensions()  # the <dimension> of a file may lie
    rows, cut = bounded(map(_cells, worksheet.iter_rows(values_only=True, max_row=LAST_ROW, max_col=MAX_COLUMNS)))
    merged, formulas = _scan(archive, part)
    return Sheet(
        name=worksheet.title,
        rows=_marked(rows, formulas),
        merged=merged,
        hidden=worksheet.sheet_state != "visible",
        cut=cut,
        epoch=book.epoch,
    )


def _refuse_bombs(archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    # zipfile never unpacks more of a part than the size declared here.
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
        limit = MAX_UNPACKED // 1024 // 1024
        raise InventoryError(
            f"解压后超过 {limit} MB，已拒绝；请删去空白行、图片后另存再导入",
            f"unpacks to more than {limit} MB and was refused; delete blank rows and pictures, save and try again",
        )
    if any(part.flag_bits & 1 for part in parts):
        raise password_protected()
    for part in parts:
        if part.filename.endswith((".xml", ".rels")):
            with archive.open(part) as file:
                start = file.read(PROLOGUE).replace(b"\0", b"")
            if b"<!DOCTYPE" in start:
                raise InventoryError(
                    "文件含有 DOCTYPE 声明，已拒绝", "the file has a DOCTYPE declaration and was refused"
                )


def _refuse_other_documents(archive: zipfile.ZipFile) -> None:
    names = set(archive.namelist())
    if "xl/workbook.bin" in names:
        raise not_a_spreadsheet(" .xlsb 文件", "an .xlsb file")
    if "word/document.xml" in names:
        raise not_a_spreadsheet(" Word 文档", "a Word document")
    if "ppt/presentation.xml" in names:
        raise not_a_spreadsheet("演示文稿", "a presentation")
    if "[Content_Types].xml" not in names:
        raise not_a_spreadsheet("压缩包", "an archive")


def password_protected() -> InventoryError:
    """For a workbook that opens with a password only."""
    return InventoryError(
        "文件设有打开密码；请在 Excel 或 WPS 中去掉密码后再导入",
        "the file is protected by a password; remove it in a spreadsheet program first",
    )


def _parts_by_title(archive: zipfile.ZipFile) -> dict[str, str]:
    """Which part of the archive holds which worksheet."""
    try:
        book = _parsed(archive, "xl/workbook.xml")
        relations = _parsed(archive, "xl/_rels/workbook.xml.rels")
    except KeyError:
        return {}
    targets = {relation.get("Id"): relation.get("Target", "") for relation in relations}
    parts: dict[str, str] = {}
    for sheet in book.iter(f"{MAIN}sheet", f"{STRICT_MAIN}sheet"):
        identity = next((str(value) for key, value in sheet.items() if RELATION_ID.fullmatch(str(key))), None)
        if identity in targets:
            parts[sheet.get("name", "")] = posixpath.normpath(posixpath.join("/xl", targets[identity]))[1:]
    return parts


def _parsed(archive: zipfile.ZipFile, part: str) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    return etree.fromstring(archive.read(part), parser)


def _cells(values: tuple[object, ...]) -> list[Cell]:
    # A row number far down makes openpyxl fill the gap with up to a million blank rows: they must cost nothing.
    if values.count(None) == len(values):
        return []
    return [value if isinstance(value, Cell) else str(value) for value in values]


def _scan(archive: zipfile.ZipFile, part: str | None) -> tuple[tuple[Area, ...], frozenset[tuple[int, int]]]:
    """What a stream of values does not tell: merged areas, and formulas without a stored value."""
    merged: list[Area] = []
    formulas: set[tuple[int, int]] = set()
    if part is None or part not in archive.namelist():
        return (), frozenset()
    with archive.open(part) as file:
        for tag, element in _elements(file):
            if tag == "mergeCell" and len(merged) < MAX_MERGED:
                merged.extend(_areas(element.get("ref")))
            elif tag == "c" and len(formulas) < MAX_MERGED and _is_uncomputed(element):
                formulas.update((area.top, area.left) for area in _areas(element.get("r")))
    return tuple(merged), frozenset(formulas)


def _areas(reference: str | None) -> list[Area]:
    """The area of "A3:B5"; none for whole columns and rows, which no ledger merges."""
    left, top, right, bottom = range_boundaries(reference) if reference else (None, None, None, None)
    if left is None or top is None or right is None or bottom is None:
        return []
    return [Area(top - 1, left - 1, bottom - 1, right - 1)]


def _elements(file: IO[bytes]) -> Iterator[tuple[str, etree._Element]]:
    tags = [f"{space}{name}" for space in (MAIN, STRICT_MAIN) for name in ("c", "mergeCell", "row")]
    for _, element in etree.iterparse(
        file,
        tag=tags,
        resolve_entities=False,
        no_network=True,
    ):
        name = etree.QName(element).localname
        yield name, element
        if name == "row":
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]


def _is_uncomputed(cell: etree._Element) -> bool:
    children = {etree.QName(child).localname: child for child in cell}
    return "f" in children and ("v" not in children or not children["v"].text)


def _marked(rows: list[tuple[Cell, ...]], formulas: frozenset[tuple[int, int]]) -> list[tuple[Cell, ...]]:
    """Formulas without a value read as None; here they are told from empty cells."""
    for top, left in formulas:
        if top < len(rows):
            padded = list(rows[top]) + [None] * (left + 1 - len(rows[top]))
            if left < MAX_COLUMNS and padded[left] is None:
                padded[left] = Absent.FORMULA
                rows[top] = tuple(padded)
    return rows
