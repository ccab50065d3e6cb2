"""Could we see at all? The canary, the witnesses and the clock are asked before any camera is blamed.

canary failed, or all witnesses failed                   nobody's condition is known, from the last good look
                                                         at them to the next
one township's witness failed while others answer        its link is down; config.toml says whether that counts
no witness configured, and in one round every one of     the round is void
20 or more cameras in 2 or more townships fails
the wall clock was set forward                           the span that it skipped is unknown
the wall clock was set back                              ``outage.advance`` ignores looks until it catches up
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import floor
from types import MappingProxyType

from monitor.core.condition import Cause, Condition
from monitor.core.outage import CameraState
from monitor.core.record import Gap
from monitor.core.verdict import Look

NOBODY: Mapping[str, bool] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The way to one township: when its witness last answered, and since when it is down."""

    good_at: int
    down_since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnesses:
    """What the canary and the witnesses said last. ``answers`` is stored with each outage.

    ``answers`` maps "canary", the address of each gateway and the code of each township with a witness to whether
    it answered.
    """

    asked_at: int
    """the end of the last look; one that began earlier was dated by a clock set back, and is ignored"""
    good_at: int
    """the last look that found us able to see"""
    blind: Gap | None = None
    links: Mapping[str, Link] = field(default_factory=lambda: MappingProxyType({}))
    answers: Mapping[str, bool] = field(default_factory=lambda: NOBODY)


def begin(at: int) -> Witnesses:
    """Before the first look at the witnesses: what is before ``at`` is unknown anyway."""
    return Witnesses(asked_at=at, good_at=at)


def advance(
    state: Witnesses,
    *,
    at: int,
    until: int | None = None,
    canary: bool = True,
    gateways: Mapping[str, bool] = NOBODY,
    links: Mapping[str, bool] = NOBODY,
) -> tuple[Witnesses, tuple[Gap, ...]]:
    """After a look at all of them from ``at`` to ``until`` (the same by default); also the gaps that it has closed.

    A way that was open at the end of the look may have been shut when it began: a gap ends with the look, and begins
    with the start of the last good one. ``gateways`` holds the answers by address, ``links`` those of the townships'
    witnesses by township code.
    """
    if at < state.asked_at:
        return state, ()
    by = at if until is None else max(at, until)
    witnesses = [*gateways.values(), *links.values()]
    answers = {"canary": canary, **gateways, **links}
    seeing = replace(state, asked_at=by, answers=answers)
    if not canary:
        return _blind(seeing, "canary"), ()
    if witnesses and not any(witnesses):
        return _blind(seeing, "witnesses"), ()
    closed: list[Gap] = []
    if state.blind:
        closed.append(replace(state.blind, ended=by))
        seeing = replace(seeing, links=_after_blindness(state.links, by))
    kept: dict[str, Link] = {}
    for township, answered in links.items():
        link = seeing.links.get(township, Link(good_at=state.good_at))
        if not answered:
            kept[township] = link if link.down_since is not None else replace(link, down_since=link.good_at)
            continue
        if link.down_since is not None:
            closed.append(_link_gap(township, link.down_since, by))
        # no later gap begins within one that is over
        kept[township] = Link(good_at=at if link.down_since is None else by)
    return replace(seeing, good_at=by if state.blind else at, blind=None, links=kept), tuple(closed)


def link_gaps(state: Witnesses) -> tuple[Gap, ...]:
    """The townships' links that are down now, as open gaps."""
    return tuple(
        _link_gap(township, link.down_since, None)
        for township, link in sorted(state.links.items())
        if link.down_since is not None
    )


def watched_until(state: Witnesses, township: str, *, excuse_links: bool = False) -> int:
    """The second up to which no gap can be begun any more: nothing later is settled.

    ``excuse_links`` says that a township's broken link does not count against it.
    """
    link = state.links.get(township) if excuse_links else None
    return min(state.good_at, link.good_at) if link else state.good_at


def hiding(gaps: Iterable[Gap], township: str, *, excuse_links: bool = False) -> tuple[Gap, ...]:
    """Those of ``gaps`` that hide the cameras of this township: a broken link does only where config excuses it."""
    return tuple(
        gap
        for gap in gaps
        if gap.township in (None, township) and (excuse_links or gap.cause is not Cause.LINK_EXCUSED)
    )


def everybody_failed(
    looks: Iterable[Look],
    states: Mapping[str, CameraState],
    townships: Mapping[str, str],
    *,
    cameras: int = 20,
    in_townships: int = 2,
) -> bool:
    """Whether a round must be void although there is no witness: nobody can be that unlucky at once.

    ``looks`` are those of the round, ``states`` the states before it, ``townships`` maps cameras to township codes.
    Cameras on record as offline are left out: they fail in every round.
    """
    looked = [
        look
        for look in looks
        if look.condition is not Condition.UNKNOWN
        and (look.camera not in states or states[look.camera].condition is not Condition.OFFLINE)
    ]
    if len(looked) < cameras or any(look.proven is not None for look in looked):
        return False
    return len({townships[look.camera] for look in looked}) >= in_townships


def clock_set_by(
    wall_before: float, monotonic_before: float, wall_now: float, monotonic_now: float, tolerance_s: float = 2.0
) -> float:
    """By how many seconds the wall clock was set, judged by two readings of both clocks; negative when set back.

    A difference within the tolerance is one of reading, and 0.
    """
    step_s = (wall_now - wall_before) - (monotonic_now - monotonic_before)
    return step_s if abs(step_s) > tolerance_s else 0.0


def clock_step(
    wall_before: float, monotonic_before: float, wall_now: float, monotonic_now: float, tolerance_s: float = 2.0
) -> Gap | None:
    """The span that a wall clock set forward has skipped, judged by two readings of both clocks; else None.

    It covers everything between the readings, since nobody knows when between them the clock was set.
    """
    if clock_set_by(wall_before, monotonic_before, wall_now, monotonic_now, tolerance_s) <= 0:
        return None
    return Gap(began=floor(wall_before), ended=floor(wall_now), cause=Cause.OURS, reason="clock_step")


def _blind(state: Witnesses, reason: str) -> Witnesses:
    if state.blind:
        return state
    return replace(state, blind=Gap(began=state.good_at, ended=None, cause=Cause.OURS, reason=reason))


def _after_blindness(links: Mapping[str, Link], at: int) -> dict[str, Link]:
    """While we were blind no link could be judged; one that was down before stays down."""
    return {
        township: link if link.down_since is not None else replace(link, good_at=at) for township, link in links.items()
    }


def _link_gap(township: str, began: int, ended: int | None) -> Gap:
    return Gap(began=began, ended=ended, cause=Cause.LINK_EXCUSED, reason="township_link", township=township)
