"""Which inspection rounds (巡查轮次) did a month have, and what did they see?

A round is one picture look at every camera. What it sees is not confirmed by a second look, so it stands beside the
rates and enters none of those by time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import StrEnum

from monitor.core.condition import Condition

DAYLIGHT = range(6, 18)
"""Hours of the site's clock at which a round that begins is one by daylight."""


class RoundState(StrEnum):
    """What a round is good for."""

    VALID = "valid"
    VOID = "void"
    """we were blind during it: it counts for nobody"""
    UNFINISHED = "unfinished"
    """it was not over when the month was counted, or we were stopped in it"""


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionRound:
    """One round, in UTC seconds. ``counts`` are the cameras that it saw, by condition; ``void`` is why it is void."""

    number: int
    started: int
    ended: int | None = None
    counts: Mapping[Condition, int] = field(default_factory=dict)
    void: str | None = None

    @property
    def state(self) -> RoundState:
        """What it is good for."""
        if self.ended is None:
            return RoundState.UNFINISHED
        return RoundState.VALID if self.void is None else RoundState.VOID

    @property
    def cameras(self) -> int:
        """How many cameras it looked at."""
        return sum(self.counts.values())

    def by_daylight(self, zone: tzinfo) -> bool:
        """Whether it began by daylight at the site."""
        return datetime.fromtimestamp(self.started, zone).hour in DAYLIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundSums:
    """A month's rounds: ``by_day`` and ``by_night`` part the valid ones, ``looks`` are those of the valid ones."""

    by_day: int
    by_night: int
    void: int
    unfinished: int
    looks: int

    @property
    def valid(self) -> int:
        """The rounds that count."""
        return self.by_day + self.by_night


def round_sums(rounds: Iterable[InspectionRound], zone: tzinfo) -> RoundSums:
    """Count a month's rounds."""
    its = list(rounds)
    states = Counter(each.state for each in its)
    valid = [each for each in its if each.state is RoundState.VALID]
    by_day = sum(each.by_daylight(zone) for each in valid)
    return RoundSums(
        by_day=by_day,
        by_night=len(valid) - by_day,
        void=states[RoundState.VOID],
        unfinished=states[RoundState.UNFINISHED],
        looks=sum(each.cameras for each in valid),
    )
