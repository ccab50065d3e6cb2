"""On which days do offices work? The Chinese calendar moves days off and days of work about (调休).

Years are in WORK_AND_REST as the State Council's office has published them (国办发明电); for others the settings may
say more, and without either a week has five days of work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Moved:
    """A year's days that are not what their weekday says."""

    off: frozenset[date]
    work: frozenset[date]


def _days(*spans: tuple[int, int, int, int]) -> Iterable[tuple[int, int]]:
    for month, first, last_month, last in spans:
        day, end = date(2000, month, first), date(2000, last_month, last)
        while day <= end:
            yield day.month, day.day
            day += timedelta(days=1)


def _year(year: int, off: Iterable[tuple[int, int]], work: Iterable[tuple[int, int]]) -> Moved:
    return Moved(frozenset(date(year, *day) for day in off), frozenset(date(year, *day) for day in work))


WORK_AND_REST: Mapping[int, Moved] = MappingProxyType(
    {
        2025: _year(
            2025,
            _days((1, 1, 1, 1), (1, 28, 2, 4), (4, 4, 4, 6), (5, 1, 5, 5), (5, 31, 6, 2), (10, 1, 10, 8)),
            [(1, 26), (2, 8), (4, 27), (9, 28), (10, 11)],
        ),
        2026: _year(
            2026,
            _days(
                (1, 1, 1, 3),
                (2, 15, 2, 23),
                (4, 4, 4, 6),
                (5, 1, 5, 5),
                (6, 19, 6, 21),
                (9, 25, 9, 27),
                (10, 1, 10, 7),
            ),
            [(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)],
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workdays:
    """``off`` and ``work`` are days that the county adds to what is published."""

    off: frozenset[date] = frozenset()
    work: frozenset[date] = frozenset()

    def knows(self, year: int) -> bool:
        """Whether the days of that year are published, or the county has entered some."""
        return year in WORK_AND_REST or any(day.year == year for day in self.off | self.work)

    def works(self, day: date) -> bool:
        """Whether offices work on that day."""
        published = WORK_AND_REST.get(day.year, Moved(frozenset(), frozenset()))
        if day in self.off or day in self.work:
            return day in self.work
        if day in published.off or day in published.work:
            return day in published.work
        return day.weekday() < 5

    def after(self, day: date, workdays: int) -> date:
        """The day that is so many days of work later.

        >>> Workdays().after(date(2026, 9, 30), 1), Workdays().after(date(2026, 11, 1), 3)
        (datetime.date(2026, 10, 8), datetime.date(2026, 11, 4))
        """
        while workdays > 0:
            day += timedelta(days=1)
            workdays -= self.works(day)
        return day
