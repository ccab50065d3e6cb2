"""One camera's month as its page shows it: sums, the record's reason, the picture then and now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from monitor.core.condition import Condition
from monitor.core.record import Interval, Transition
from monitor.web.source import Evidence, Life
from probes.observation import Outcome

INTERVALS_SHOWN = 60
LOOKS_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeView:
    """``intervals`` newest first. ``then`` is the last good picture, ``latest`` the newest one if that is another."""

    life: Life
    spent: Mapping[Condition, int]
    rate: Fraction | None
    intervals: tuple[Interval, ...]
    hidden_intervals: int
    looks: tuple[Evidence, ...]
    reason: Transition | None
    then: Evidence | None
    latest: Evidence | None


def life_view(life: Life) -> LifeView:
    """What a month consists of; exemptions are not taken off here."""
    spent = dict.fromkeys(Condition, 0)
    for interval in life.intervals:
        spent[interval.condition] += interval.ended - interval.began
    accountable = sum(spent.values()) - spent[Condition.UNKNOWN]
    pictured = [evidence for evidence in life.evidence if evidence.picture]
    then = next((evidence for evidence in pictured if evidence.outcome is Outcome.OK), None)
    latest = pictured[0] if pictured and pictured[0] is not then else None
    return LifeView(
        life=life,
        spent=spent,
        rate=Fraction(spent[Condition.INTACT], accountable) if accountable else None,
        intervals=tuple(reversed(life.intervals))[:INTERVALS_SHOWN],
        hidden_intervals=max(0, len(life.intervals) - INTERVALS_SHOWN),
        looks=life.evidence[:LOOKS_SHOWN],
        reason=life.transitions[-1] if life.transitions else None,
        then=then,
        latest=latest,
    )
