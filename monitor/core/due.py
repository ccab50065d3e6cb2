"""When is a camera looked at next, and how deep?

    a camera                                    gets
    never looked at                             a picture look at once
    on record, after a restart or a silence     a light look at once, the first agreeing one resumes its condition
    whose failing looks speak against it        a look as deep as the doubt, 20 s and then 60 s after the last
    with a doubted or veiled picture            a picture look once ``image_gap_s`` have passed
    with a refused login                        another login when the hold is over
    offline                                     the look that failed, 1, 2, 4, 8 and then every 15 minutes after
    offline, that answers again                 a picture look at once
    with one good look after an outage          the second a few seconds later
    impaired                                    the look that showed it every 15 minutes at most
    otherwise                                   each kind of look at its own interval

Regular looks fall into slots whose phase is a hash of the camera's id: 4,000 cameras spread evenly, and a restart
keeps the phase. A deeper look also counts as every shallower one. Four picture looks a day, six hours apart, always
hold one by daylight and one by night where neither is shorter than six hours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple
from zlib import crc32

from monitor.core.condition import Condition
from monitor.core.outage import CameraState, Rules, needed_depth
from probes.observation import Depth


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How often a camera gets which look, in seconds; 0 leaves a regular look out."""

    light_s: int = 60
    describe_s: int = 300
    media_s: int = 1800
    picture_s: int = 21600
    impaired_s: int = 900
    """an impaired camera's deep look at the latest"""
    backoff: tuple[int, ...] = (1, 2, 4, 8, 15)
    """multiples of ``light_s`` between the looks at an offline camera; the last one stays"""
    backoff_cap_s: int = 900
    relook_after_s: tuple[int, ...] = (20, 60)
    """how long after each failing look a suspect is looked at again; the last one stays"""

    def regular(self) -> Iterator[tuple[Depth, int]]:
        """The regular looks with their intervals, the shallowest first."""
        looks = (
            (Depth.LIGHT, self.light_s),
            (Depth.DESCRIBE, self.describe_s),
            (Depth.MEDIA, self.media_s),
            (Depth.PICTURE, self.picture_s),
        )
        return ((depth, interval_s) for depth, interval_s in looks if interval_s > 0)


class Due(NamedTuple):
    """The next look: when, in UTC seconds, and how deep."""

    at: int
    depth: Depth


def next_look(
    state: CameraState, last: Mapping[Depth, int], plan: Plan, rules: Rules, now: int, *, login_from: int = 0
) -> Due:
    """The deepest look that is due at ``now``, or else the one that will be due first.

    ``last`` holds the start of the last look of each depth. While the login is held back, ``login_from`` says until
    when: no look deeper than light comes before it.
    """
    dues = [
        Due(max(due.at, login_from), due.depth) if due.depth > Depth.LIGHT else due
        for due in _wanted(state, last, plan, rules, now)
    ]
    if login_from > now:
        # Nothing deeper may come for a long time, if ever; meanwhile somebody must notice that the camera is gone.
        dues.append(Due(_last(last, Depth.LIGHT, now - interval(state, plan)) + interval(state, plan), Depth.LIGHT))
    ready = [due for due in dues if due.at <= now]
    if ready:
        return max(ready, key=lambda due: (due.depth, -due.at))
    return min(dues, key=lambda due: (due.at, -due.depth))


def interval(state: CameraState, plan: Plan) -> int:
    """The camera's own current interval in seconds: that of the light look, backoff included."""
    if state.condition is not Condition.OFFLINE:
        return plan.light_s
    steps = plan.backoff
    return min(plan.backoff_cap_s, plan.light_s * steps[min(state.fails, len(steps) - 1)])


def phase(camera: str, interval_s: int) -> int:
    """Where in the interval the camera's slot lies: the same after each restart, evenly spread over a fleet."""
    return crc32(camera.encode()) % interval_s


def slot_after(camera: str, last: int, interval_s: int) -> int:
    """The camera's first slot that leaves at least half an interval after a look at ``last``."""
    earliest = last + (interval_s + 1) // 2
    return earliest + (phase(camera, interval_s) - earliest) % interval_s


def _wanted(state: CameraState, last: Mapping[Depth, int], plan: Plan, rules: Rules, now: int) -> Iterator[Due]:
    known = state.known
    if known is not None and state.condition is Condition.UNKNOWN and not last:
        yield Due(now, known.depth if known.condition is Condition.OFFLINE else Depth.LIGHT)
        return
    yield from _doubted(state, last, plan, rules)
    if known is None:
        yield from _first(state, last, plan, rules, now)
    elif known.condition is Condition.OFFLINE:
        yield from _offline(state, last, plan, now)
    else:
        if known.condition is not Condition.INTACT:
            deep = needed_depth(state)
            yield Due(_last(last, deep, state.since) + plan.impaired_s, deep)
        for depth, interval_s in plan.regular():
            # Without a look to count from, after a restart, the next slot is as good as any.
            yield Due(slot_after(state.camera, _last(last, depth, state.since - interval_s // 2), interval_s), depth)


def _doubted(state: CameraState, last: Mapping[Depth, int], plan: Plan, rules: Rules) -> Iterator[Due]:
    """Looks that settle what is in doubt, or, when such a look told nothing, repeat it after a light interval."""
    if state.run:
        depth = max(failing.depth for failing in state.run)
        yield Due(_relook(state.run[0].at, _last(last, depth, state.run[-1].at), plan.relook_after_s), depth)
    if state.rise:
        depth = needed_depth(state)
        deep = _last(last, depth, state.rise[-1])
        yield Due(deep + (rules.up_apart_s if deep <= state.rise[-1] else plan.light_s), depth)
    pictured = [picture.at for picture in state.pictures[-1:]] + ([state.veil.last] if state.veil else [])
    if pictured:
        again = _last(last, Depth.PICTURE, max(pictured)) + plan.light_s
        yield Due(max(max(pictured) + rules.image_gap_s, again), Depth.PICTURE)
    if state.refusals:
        again = _last(last, Depth.DESCRIBE, state.refusals[-1]) + plan.light_s
        yield Due(max(state.refusals[-1] + rules.hold_s, again), Depth.DESCRIBE)


def _relook(first: int, latest: int, after: tuple[int, ...]) -> int:
    """The next of the moments 20 s and 80 s after the first failing look, or, with both over, 60 s after the latest.

    Counted from the first look, so that a regular look in between does not put the decision off.
    """
    moments = (first + offset for offset in accumulate(after))
    return next((moment for moment in moments if moment > latest), latest + after[-1])


def _first(state: CameraState, last: Mapping[Depth, int], plan: Plan, rules: Rules, now: int) -> Iterator[Due]:
    """A picture at once; when it told nothing, again at the pace of the describe looks."""
    deep = _last(last, rules.first_depth, -1)
    if deep < state.since or not last:
        yield Due(now, rules.first_depth)
        return
    if not state.pictures:
        yield Due(deep + (plan.describe_s or plan.light_s), rules.first_depth)
    yield Due(_last(last, Depth.LIGHT, state.since) + plan.light_s, Depth.LIGHT)


def _offline(state: CameraState, last: Mapping[Depth, int], plan: Plan, now: int) -> Iterator[Due]:
    depth = state.known.depth if state.known else Depth.LIGHT
    yield Due(_last(last, depth, state.since) + interval(state, plan), depth)
    if state.answers_since is not None:
        deep = _last(last, Depth.DESCRIBE, -1)
        yield Due(now if deep < state.answers_since else deep + plan.light_s, Depth.PICTURE)


def _last(last: Mapping[Depth, int], depth: Depth, otherwise: int) -> int:
    """The start of the last look that went ``depth`` deep or deeper; ``otherwise`` if there was none."""
    return max((at for done, at in last.items() if done >= depth), default=otherwise)
