"""Ledgers as counties have them, written by the real libraries when a test asks for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

GOOD: Mapping[str, Any] = {
    "国标编码": "34020000001320000001",
    "点位名称": "村口",
    "乡镇(街道)": "泌水镇",
    "村(社区)": "东村",
    "IP地址": "10.1.1.1",
    "RTSP路径": "/live",
}


@pytest.fixture
def xlsx(tmp_path: Path) -> Callable[..., Path]:
    """Write rows to an .xlsx, one list of rows per sheet title; ``edit`` may do more to the first sheet."""

    def write(
        *rows: Sequence[Any],
        edit: Callable[[Worksheet], None] | None = None,
        more: Mapping[str, Sequence[Sequence[Any]]] | None = None,
    ) -> Path:
        book = openpyxl.Workbook()
        book.remove(book.worksheets[0])
        for title, lines in {"台账": rows, **(more or {})}.items():
            sheet = book.create_sheet(title)
            for values in lines:
                sheet.append(list(values))
        if edit:
            edit(book.worksheets[0])
        path = tmp_path / "台账.xlsx"
        book.save(path)
        return path

    return write


@pytest.fixture
def ledger_of(xlsx: Callable[..., Path]) -> Callable[..., Path]:
    """Write one row per mapping: a good row with these cells changed or added."""

    def write(*changes: Mapping[str, Any]) -> Path:
        rows = [{**GOOD, **change} for change in changes]
        headings = list(dict.fromkeys(heading for row in rows for heading in row))
        return xlsx(headings, *([row.get(heading) for heading in headings] for row in rows))

    return write
