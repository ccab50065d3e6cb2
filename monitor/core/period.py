"""Which seconds are a month's?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo


def midnight(day: date, zone: tzinfo) -> int:
    """The UTC second at which ``day`` begins at the site."""
    return int(datetime.combine(day, time.min, tzinfo=zone).timestamp())


def local_date(at: int, zone: tzinfo) -> date:
    """The day that it is at the site at the UTC second ``at``."""
    return datetime.fromtimestamp(at, tz=zone).date()


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month at the site: half-open [first day 00:00, next month's first day 00:00)."""

    year: int
    month: int
    zone: tzinfo

    def __post_init__(self) -> None:
        if not 1 <= self.month <= 12:
            raise ValueError(f"there is no month {self.month}")

    @classmethod
    def parse(cls, text: str, zone: tzinfo) -> Month:
        """Read "2026-10". Raises ValueError on anything else."""
        if not (match := re.fullmatch(r"(\d{4})-(\d{2})", text, re.ASCII)):
            raise ValueError(f"a month is written like 2026-10, not {text!r}")
        return cls(int(match[1]), int(match[2]), zone)

    @classmethod
    def at(cls, moment: float, zone: tzinfo) -> Month:
        """The month in which the UTC second ``moment`` lies."""
        day = local_date(int(moment // 1), zone)
        return cls(day.year, day.month, zone)

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.month, 1)

    @property
    def start(self) -> int:
        """Its first second, UTC."""
        return midnight(self.first, self.zone)

    @property
    def end(self) -> int:
        """The first second that is no longer in it, UTC."""
        return self.next().start

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.next().first - self.first).days

    def next(self) -> Month:
        """The month after."""
        year, month = divmod(self.year * 12 + self.month, 12)
        return Month(year, month + 1, self.zone)

    def previous(self) -> Month:
        """The month before."""
        day = self.first - timedelta(days=1)
        return Month(day.year, day.month, self.zone)

    def __contains__(self, at: float) -> bool:
        return self.start <= at < self.end

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"
