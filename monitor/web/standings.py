"""The townships against the target this month, worst first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from monitor.core.board import Board, TownshipMonth
from monitor.core.condition import Condition

AXIS_STEP = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One township. ``reach`` and ``target_at`` are positions on the common axis, 0 to 100."""

    month: TownshipMonth
    reaches: bool | None
    reach: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """Townships in the order of their rate, those without a rate last; the axis runs from ``axis_from`` to 100 %."""

    rows: tuple[Row, ...]
    axis_from: int
    target_at: float
    reaching: int
    rated: int


def standings(board: Board, target: Fraction) -> Standings:
    """Order by exact rate, never by the printed one."""
    ordered = sorted(board.townships, key=lambda month: (month.rate is None, month.rate or Fraction(0), month.code))
    begins = axis_from(month.rate for month in ordered)
    rows = tuple(
        Row(
            month=month,
            reaches=None if month.rate is None else month.rate >= target,
            reach=0.0 if month.rate is None else position(month.rate, begins),
        )
        for month in ordered
    )
    return Standings(
        rows=rows,
        axis_from=begins,
        target_at=position(target, begins),
        reaching=sum(row.reaches is True for row in rows),
        rated=sum(row.reaches is not None for row in rows),
    )


def faulty_now(month: TownshipMonth) -> int:
    """Cameras of the township that are out now."""
    return month.now.get(Condition.IMPAIRED, 0) + month.now.get(Condition.OFFLINE, 0)


def axis_from(rates: Iterable[Fraction | None]) -> int:
    """80 %, or the whole ten below the worst rate: 94 and 96 must not look alike."""
    worst = min((rate for rate in rates if rate is not None), default=Fraction(1))
    return min(80, int(worst * 100) // AXIS_STEP * AXIS_STEP)


def position(rate: Fraction, begins: int) -> float:
    """Where a rate lies on the axis from ``begins`` to 100 %: 0 to 100."""
    share = (rate * 100 - begins) / (100 - begins)
    return round(float(min(max(share, Fraction(0)), Fraction(1))) * 100, 2)
