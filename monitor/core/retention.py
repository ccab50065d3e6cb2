"""Which evidence may go? By age, then by the room that pictures may take, but never what something still rests on.

    bound     the present record rests on it, or a frozen month of a year that is not closed does: it stays
    by age    good looks after ``good_s``, failed ones after ``fault_s``
    by room   while the pictures take more than ``budget``: the oldest good ones, then the oldest of faults

What is bound stays even when there is no room for it; whoever asked is told by how much.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from enum import StrEnum
from itertools import groupby

from monitor.core.condition import Condition
from monitor.core.period import Month

Place = tuple[str, int]
"""Where evidence is: the camera, and the second of the look."""

_FAILING = (Condition.IMPAIRED, Condition.OFFLINE)


class Why(StrEnum):
    """Why a picture is not there any more."""

    AGE = "age"
    BUDGET = "budget"
    REPLACED = "replaced"
    """A newer good one of the same camera took its place."""
    UNWRITTEN = "unwritten"
    """The disk did not take it."""
    LOST = "lost"
    """Its file is not there, or is not what was written: nobody of ours deleted it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How long evidence is kept, in seconds, and how many bytes its pictures may take.

    ``spare`` bytes of the disk are not for pictures: the record comes first.
    ``zone`` is the site's. Of ``closed_years`` the annual sheet is closed: their frozen months bind nothing any more.
    """

    good_s: int
    fault_s: int
    budget: int
    zone: tzinfo
    closed_years: frozenset[int] = frozenset()
    spare: int = 0

    def fitted(self, *, size: int, free: int) -> Rules:
        """The same for a disk with ``free`` bytes left, pictures taking ``size``: less room for them if it is short."""
        short = self.spare - free
        return self if short <= 0 else replace(self, budget=min(self.budget, max(0, size - short)))

    def binding(self, frozen: Iterable[str], now: int) -> list[Month]:
        """Those of the frozen months ("2026-10") that bind their evidence at ``now``.

        A year that is not over cannot be closed, whatever the settings say.
        """
        months = [Month.parse(text, self.zone) for text in frozen]
        return [
            month
            for month in months
            if month.year not in self.closed_years or Month(month.year, 12, self.zone).end > now
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A transition, as far as evidence goes: ``evidence_at`` is the look that shows it, ``looks`` are all of them."""

    camera: str
    at: int
    condition: Condition
    evidence_at: int | None = None
    looks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What has to stay: for the present record, for frozen months, and the last good picture of what ``fails`` now."""

    present: frozenset[Place]
    frozen: frozenset[Place]
    fails: frozenset[str]


def bound(grounds: Iterable[Ground], months: Sequence[Month]) -> Bound:
    """What the record rests on. ``grounds`` are ordered by camera, then by time; ``months`` are those that bind.

    A failure is behind every month that it reaches into: from its beginning until the camera was intact again.
    """
    present: set[Place] = set()
    frozen: set[Place] = set()
    fails: set[str] = set()
    for camera, its in groupby(grounds, key=lambda ground: ground.camera):
        said = _said(list(its))
        for ground, recovered in _failures(said):
            if any(ground.at < month.end and (recovered is None or recovered > month.start) for month in months):
                frozen.update((camera, at) for at in (ground.evidence_at, *ground.looks) if at is not None)
        if said and said[-1].evidence_at is not None:
            present.add((camera, said[-1].evidence_at))
        if said and said[-1].condition in _FAILING:
            fails.add(camera)
    return Bound(present=frozenset(present), frozen=frozenset(frozen), fails=frozenset(fails))


def _said(its: Sequence[Ground]) -> list[Ground]:
    """What the record says of one camera. An intact that did not last a second is no recovery."""
    following = (*its[1:], None)
    return [
        ground
        for ground, after in zip(its, following, strict=True)
        if ground.condition in _FAILING
        or (ground.condition is Condition.INTACT and (after is None or after.at > ground.at))
    ]


def _failures(said: Sequence[Ground]) -> Iterator[tuple[Ground, int | None]]:
    """Each failure of one camera with the time of the next recovery, None while there is none."""
    recovered: int | None = None
    for ground in reversed(said):
        if ground.condition is Condition.INTACT:
            recovered = ground.at
        else:
            yield ground, recovered


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One piece of evidence: ``size`` are the bytes of its picture, 0 without one; ``key`` is its caller's."""

    key: int
    camera: str
    at: int
    good: bool
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What goes and why, by key; the bytes that stay, and those of them that frozen months hold.

    ``over`` are the bytes beyond the budget that nothing may be taken from.
    """

    going: dict[int, Why]
    size: int
    held: int
    budget: int

    @property
    def over(self) -> int:
        return max(0, self.size - self.budget)

    def in_mib(self) -> dict[str, int]:
        """The figures for people, in MiB, rounded up: one byte too many is told."""
        figures = {"mib": self.size, "budget_mib": self.budget, "over_mib": self.over, "frozen_mib": self.held}
        return {name: -(-figure // 2**20) for name, figure in figures.items()}


def retain(evidence: Iterable[Kept], by: Bound, rules: Rules, now: int) -> Retention:
    """Say of all the evidence that there is what goes at ``now`` (UTC seconds)."""
    going: dict[int, Why] = {}
    loose: list[Kept] = []
    size = held = 0
    for kept in evidence:
        is_frozen = (kept.camera, kept.at) in by.frozen
        if is_frozen or _is_present(kept, by):
            size += kept.size
            held += kept.size if is_frozen else 0
        elif kept.at < now - (rules.good_s if kept.good else rules.fault_s):
            going[kept.key] = Why.AGE
        else:
            size += kept.size
            loose.append(kept)
    for kept in sorted((kept for kept in loose if kept.size), key=lambda kept: (not kept.good, kept.at, kept.key)):
        if size <= rules.budget:
            break
        going[kept.key] = Why.BUDGET
        size -= kept.size
    return Retention(going=going, size=size, held=held, budget=rules.budget)


def _is_present(kept: Kept, by: Bound) -> bool:
    return kept.camera in by.fails if kept.good else (kept.camera, kept.at) in by.present
