"""One camera's month as its page shows it: sums, the record's reason, the picture then and now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from monitor.core.condition import Condition
from monitor.core.record import Transition
from monitor.store.values import Decision, Evidence, EvidenceKind
from monitor.web.source import Life
from monitor.web.why import Look, Stretch, look_of, stretches

STRETCHES_SHOWN = 60
LOOKS_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LifeView:
    """Lists are newest first. ``then`` is the last good picture, ``latest`` the newest one if that is another."""

    life: Life
    spent: Mapping[Condition, int]
    rate: Fraction | None
    stretches: tuple[Stretch, ...]
    hidden_stretches: int
    looks: tuple[Look, ...]
    decisions: tuple[Decision, ...]
    reason: Transition | None
    then: Evidence | None
    latest: Evidence | None


def life_view(life: Life) -> LifeView:
    """What a month consists of; exemptions are not taken off here."""
    spent = dict.fromkeys(Condition, 0)
    for interval in life.intervals:
        spent[interval.condition] += interval.ended - interval.began
    accountable = sum(spent.values()) - spent[Condition.UNKNOWN]
    evidence = sorted(life.evidence, key=lambda kept: kept.at, reverse=True)
    pictured = [kept for kept in evidence if kept.is_pictured]
    then = next((kept for kept in pictured if kept.kind is EvidenceKind.GOOD), None)
    latest = pictured[0] if pictured and pictured[0] is not then else None
    return LifeView(
        life=life,
        spent=spent,
        rate=Fraction(spent[Condition.INTACT], accountable) if accountable else None,
        stretches=stretches(life, STRETCHES_SHOWN),
        hidden_stretches=max(0, len(life.intervals) - STRETCHES_SHOWN),
        looks=tuple(look_of(kept) for kept in evidence[:LOOKS_SHOWN]),
        decisions=tuple(sorted(life.decisions, key=lambda decision: decision.at, reverse=True)),
        reason=life.transitions[-1] if life.transitions else None,
        then=then,
        latest=latest,
    )
