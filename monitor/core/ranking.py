"""In which order do townships stand, and what has changed since last month?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from monitor.core.availability import Totals
from monitor.core.fleet import Township
from monitor.core.inspection import Inspection
from monitor.core.scoring import Linear


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """A township before it is placed. ``rate`` is exact; None has no place."""

    code: str
    rate: Fraction | None
    faulty: int
    """distinct cameras with an outage that counts"""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Placing:
    """A township in its group; without a rate it has no place."""

    code: str
    place: int | None


def rank(entrants: Iterable[Entrant]) -> list[Placing]:
    """The townships in printed order: by exact rate, equal rates sharing a place (1, 1, 3), the rateless last.

    Among equals fewer faulty cameras come first, then the code: that orders the paper and touches no place. Groups
    rank apart, in the order of their first codes.

    >>> rank([Entrant(code=code, rate=Fraction(rate, 100), faulty=0) for code, rate in (("a", 95), ("b", 96))])
    [Placing(code='b', place=1), Placing(code='a', place=2)]
    """
    groups: dict[str, list[Entrant]] = defaultdict(list)
    for entrant in sorted(entrants, key=lambda entrant: entrant.code):
        groups[entrant.group].append(entrant)
    return [placing for group in groups.values() for placing in _places(group)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A township's month: its sums, its place within its group, its points. None where it has no rate."""

    township: Township
    totals: Totals
    faulty: int
    place: int | None
    points: Fraction | None
    reaches: bool | None

    @property
    def rate(self) -> Fraction | None:
        """在线完好率, exact."""
        return self.totals.online_intact_rate


def standings(inspection: Inspection, target: Fraction, rule: Linear) -> list[Standing]:
    """The townships in printed order, measured against ``target`` (a share of 1)."""
    townships = {code: inspection.record.township(code) for code in inspection.rows}
    placed = rank(
        Entrant(
            code=code,
            rate=row.online_intact_rate,
            faulty=inspection.faulty[code],
            group=townships[code].group,
        )
        for code, row in inspection.rows.items()
    )
    found = []
    for placing in placed:
        row = inspection.rows[placing.code]
        rate = row.online_intact_rate
        found.append(
            Standing(
                township=townships[placing.code],
                totals=row,
                faulty=inspection.faulty[placing.code],
                place=placing.place,
                points=None if rate is None else rule.points(rate, target),
                reaches=None if rate is None else rate >= target,
            )
        )
    return found


def change(now: str | None, before: str | None) -> str | None:
    """The difference of two printed figures with its sign, None where one is missing.

    >>> change("95.01", "94.99"), change("94.00", "95.00"), change("95.00", "95.00"), change("95.00", None)
    ('+0.02', '-1.00', '0.00', None)
    """
    if now is None or before is None:
        return None
    hundredths = _hundredths(now) - _hundredths(before)
    sign = "+" if hundredths > 0 else "-" if hundredths < 0 else ""
    return f"{sign}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}"


def months_below(reaches: bool | None, before: int) -> int:
    """How many months in a row it is below the target now, having been so for ``before`` until last month.

    A month without a rate is not one below the target, and ends the row.
    """
    return before + 1 if reaches is False else 0


def _places(entrants: Iterable[Entrant]) -> Iterable[Placing]:
    rated = sorted(entrants, key=lambda entrant: (entrant.rate is None, -(entrant.rate or 0), entrant.faulty))
    place, reached = 0, None
    for number, entrant in enumerate(rated, 1):
        if entrant.rate is None:
            yield Placing(entrant.code, None)
            continue
        if entrant.rate != reached:
            place, reached = number, entrant.rate
        yield Placing(entrant.code, place)


def _hundredths(figure: str) -> int:
    return int(figure.replace(".", "", 1))
