"""Cells of an .xls workbook (BIFF in an OLE2 file)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import xlrd  # type: ignore[import-untyped]  # it has no annotations

from monitor.inventory.problems import InventoryError
from monitor.inventory.sheets import EPOCH_1900, Area, Cell, Sheet, bounded, not_a_spreadsheet
from monitor.inventory.xlsx import password_protected

ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
WORD_DOCUMENT = "WordDocument".encode("utf-16-le")
EPOCH_1904 = datetime(1904, 1, 1)  # noqa: DTZ001  # spreadsheets know no time zones


def read_xls(content: bytes) -> tuple[Sheet, ...]:
    """The worksheets of a workbook. Raises InventoryError; a damaged file may raise anything of xlrd."""
    if ENCRYPTED_PACKAGE in content:
        # A password turns an .xlsx into an OLE2 file (MS-OFFCRYPTO §2.3.4).
        raise password_protected()
    if WORD_DOCUMENT in content:
        raise not_a_spreadsheet(" Word 文档", "a Word document")
    with Path(os.devnull).open("w") as nowhere:
        try:
            book = xlrd.open_workbook(file_contents=content, formatting_info=True, logfile=nowhere)
        except xlrd.XLRDError as error:
            if "encrypted" in str(error).lower():
                raise password_protected() from None
            raise InventoryError(
                "认不出这个 .xls 文件；请用 Excel 或 WPS 打开后另存为 .xlsx 再导入",
                "this .xls file is not recognised; open it in a spreadsheet program and save it as .xlsx",
            ) from None
        return tuple(_sheet(book, sheet) for sheet in book.sheets())


def _sheet(book: Any, sheet: Any) -> Sheet:
    rows, cut = bounded(_rows(book, sheet))
    return Sheet(
        name=sheet.name,
        rows=rows,
        merged=tuple(Area(top, left, bottom - 1, right - 1) for top, bottom, left, right in sheet.merged_cells),
        hidden=sheet.visibility != 0,
        cut=cut,
        epoch=EPOCH_1904 if book.datemode else EPOCH_1900,
    )


def _rows(book: Any, sheet: Any) -> Iterator[list[Cell]]:
    for row in range(sheet.nrows):
        yield [
            _value(book, kind, value) for kind, value in zip(sheet.row_types(row), sheet.row_values(row), strict=True)
        ]


def _value(book: Any, kind: int, value: object) -> Cell:
    if kind == xlrd.XL_CELL_DATE and isinstance(value, float):
        try:
            moment: datetime = xlrd.xldate_as_datetime(value, book.datemode)
        except (ValueError, OverflowError, xlrd.xldate.XLDateError):
            return value
        return moment
    if kind == xlrd.XL_CELL_BOOLEAN:
        return bool(value)
    if kind == xlrd.XL_CELL_ERROR and isinstance(value, int):
        return str(xlrd.error_text_from_code.get(value, "#N/A"))
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, str | float | int) else None
