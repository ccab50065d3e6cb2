"""Why does an interval say what it says? The looks that it rests on, their steps, and why one has no picture."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.core.condition import Condition
from monitor.core.record import Interval, Transition
from monitor.store.values import Decision, Evidence, EvidenceKind
from monitor.web.source import Life


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One kept look. ``of`` says what came, as far as the look found out: "h264 2560 × 1440".

    ``missing`` says why there is no picture, by an id of ``wording.MISSING``; "" where there is one.
    ``made_it`` says that the interval it is shown with rests on it.
    """

    evidence: Evidence
    took_s: float
    of: str
    missing: str
    made_it: bool = False

    @property
    def good(self) -> bool:
        """Whether it is kept as a good look."""
        return self.evidence.kind is EvidenceKind.GOOD


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One interval, the change that began it, and the kept looks, newest first: those it rests on, those within it.

    ``untold`` are looks that it rests on of which nothing is kept, ``decision`` a person's word that it rests on.
    ``imported`` says that another system found it.
    """

    interval: Interval
    reason: Transition | None
    looks: tuple[Look, ...] = ()
    untold: tuple[int, ...] = ()
    decision: Decision | None = None
    imported: bool = False


def look_of(evidence: Evidence, *, made_it: bool = False) -> Look:
    """What is said of a kept look."""
    measures = evidence.measures
    codec = str(measures.get("codec", ""))
    size = f"{measures['width']} × {measures['height']}" if "width" in measures and "height" in measures else ""
    return Look(
        evidence=evidence,
        took_s=sum(step.took_ms for step in evidence.steps) / 1000,
        of=" ".join(filter(None, (codec, size))),
        missing=_missing(evidence),
        made_it=made_it,
    )


def _missing(evidence: Evidence) -> str:
    if evidence.is_pictured:
        return ""
    if evidence.gone is not None:
        return evidence.gone.why.value
    return "undecoded" if any(step.name == "decode" for step in evidence.steps) else "none"


def stretches(life: Life, at_most: int) -> tuple[Stretch, ...]:
    """The newest intervals of a life, newest first."""
    changes = _changes(life)
    begins = [change.at for change in changes]
    own = {(reason.record.transition.at, reason.record.transition.condition): reason.looks for reason in life.reasons}
    found = []
    for interval in reversed(life.intervals[-at_most:]):
        change = _reason(interval, changes[: bisect_right(begins, interval.began)])
        behind = own.get((change.at, change.condition), ()) if change else ()
        found.append(_stretch(life, interval, change, behind))
    return tuple(found)


def _changes(life: Life) -> list[Transition]:
    """The store's transitions where there are any: they name their looks; others are imported, or newer than them."""
    stored = {(its.at, its.condition): its for reason in life.reasons for its in [reason.record.transition]}
    told = {(its.at, its.condition): its for its in life.transitions}
    return sorted({**told, **stored}.values(), key=lambda change: (change.at, change.decided_at))


def _reason(interval: Interval, before: Sequence[Transition]) -> Transition | None:
    """The change that the interval follows from: a gap that ends lets the condition before it go on.

    A gap that begins with a change hides it: the change then says nothing about the interval.
    """
    if interval.condition is Condition.UNKNOWN:
        last = before[-1] if before else None
        return last if last and (last.condition, last.cause) == (interval.condition, interval.cause) else None
    known = next((change for change in reversed(before) if change.condition is not Condition.UNKNOWN), None)
    return known if known and (known.condition, known.fault) == (interval.condition, interval.fault) else None


def _stretch(life: Life, interval: Interval, change: Transition | None, behind: Iterable[Evidence]) -> Stretch:
    rests_on = set(change.looks) if change else set()
    made_it = {(kept.at, kept.kind): kept for kept in behind}
    kept_ones = {(kept.at, kept.kind): kept for kept in life.evidence if interval.began <= kept.at < interval.ended}
    looks = [
        look_of(kept, made_it=place in made_it or kept.at in rests_on)
        for place, kept in {**kept_ones, **made_it}.items()
    ]
    looks.sort(key=lambda look: look.evidence.at, reverse=True)
    told = {look.evidence.at for look in looks}
    return Stretch(
        interval=interval,
        reason=change,
        looks=tuple(looks),
        untold=tuple(at for at in (change.looks if change else ()) if at not in told),
        decision=next((each for each in life.decisions if change and each.at == change.decided_at), None),
        imported=change is not None and interval.condition is not Condition.UNKNOWN and not _is_ours(change, life),
    )


def _is_ours(change: Transition, life: Life) -> bool:
    stored = (reason.record.transition for reason in life.reasons)
    return bool(change.looks) or any((its.at, its.condition) == (change.at, change.condition) for its in stored)
