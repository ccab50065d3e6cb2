"""Tables of cells: what every kind of spreadsheet is read into, and how much of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import NamedTuple

from monitor.inventory.problems import InventoryError

MAX_ROWS = 100_000
MAX_COLUMNS = 200
MAX_CELLS = 4_000_000

EPOCH_1900 = datetime(1899, 12, 30)  # noqa: DTZ001  # spreadsheets know no time zones


class Absent(Enum):
    """A cell that has something in it, but no value."""

    FORMULA = "formula"
    """never computed, so nothing is stored with it"""


Cell = str | int | float | bool | datetime | date | time | timedelta | Absent | None


class Area(NamedTuple):
    """Merged cells, counted from 0, both ends included."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One sheet: ``rows[0]`` is the spreadsheet's row 1. ``epoch`` is day 0 of its serial dates.

    ``cut`` says that it has more rows than MAX_ROWS, which were not read.
    """

    name: str
    rows: Sequence[tuple[Cell, ...]]
    merged: tuple[Area, ...] = ()
    hidden: bool = False
    cut: bool = False
    epoch: datetime = EPOCH_1900


def bounded(rows: Iterable[Iterable[Cell]]) -> tuple[list[tuple[Cell, ...]], bool]:
    """The rows without their empty ends, at most MAX_ROWS; and whether more were left. Raises InventoryError."""
    kept: list[tuple[Cell, ...]] = []
    cells = 0
    for row in rows:
        values = list(row)[:MAX_COLUMNS]
        while values and values[-1] in (None, ""):
            values.pop()
        if len(kept) == MAX_ROWS:
            # Sheets are often formatted down to their very end: blank rows are nothing that was left out.
            if values:
                return _without_empty_end(kept), True
            continue
        cells += len(values)
        if cells > MAX_CELLS:
            raise InventoryError(
                f"单元格超过 {MAX_CELLS} 个，请拆分后导入", f"more than {MAX_CELLS} cells; split the file"
            )
        kept.append(tuple(values))
    return _without_empty_end(kept), False


def _without_empty_end(rows: list[tuple[Cell, ...]]) -> list[tuple[Cell, ...]]:
    while rows and not rows[-1]:
        rows.pop()
    return rows


def not_a_spreadsheet(zh: str, en: str) -> InventoryError:
    """For a file of another kind, whatever its name ends in."""
    return InventoryError(
        f"这是{zh}，不是 Excel 或 CSV 台账；请用 Excel 或 WPS 打开后另存为 .xlsx 再导入",
        f"this is {en}, not an Excel or CSV ledger; open it in a spreadsheet program and save it as .xlsx",
    )
