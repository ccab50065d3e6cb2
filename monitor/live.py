"""What every camera last showed, kept ready for the board: only what changed is made anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from types import MappingProxyType

from monitor.core.availability import Totals
from monitor.core.board import (
    NOTHING_SPENT,
    Board,
    CameraLive,
    MonthSeconds,
    Proven,
    StateSeconds,
    TownshipMonth,
)
from monitor.core.condition import Condition, Fault
from monitor.core.fleet import Fleet
from monitor.core.outage import CameraState, Rules, doubts, flapping, holds_since
from monitor.core.record import Event, Gap
from monitor.core.verdict import Look
from probes.observation import Depth, Observation, Outcome

PROVEN_BEFORE = {
    "connect": 0,
    "tls": Depth.LIGHT,
    "describe": Depth.LIGHT,
    "setup": Depth.DESCRIBE,
    "play": Depth.DESCRIBE,
    "first_rtp": Depth.DESCRIBE,
    "key_frame": Depth.MEDIA,
}
"""What a look has proven that failed at this step; at any other step the stream was proven."""

SAYS_NOTHING = frozenset({Outcome.BUSY, Outcome.INCONCLUSIVE})


@dataclass(slots=True)
class _Seen:
    """The newest answers of one camera."""

    at: int | None = None
    good_at: int | None = None
    took_s: float | None = None
    outcome: str = ""
    answers: bool | None = None
    described: bool | None = None
    pictured: bool | None = None
    image_faults: tuple[Fault, ...] = ()
    clock_offset_s: float | None = None


class Live:
    """The newest answers of the fleet, and the board made of them."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._seen: dict[str, _Seen] = {}
        self._cameras: dict[str, CameraLive] = {}

    def saw(self, look: Look, observations: Sequence[Observation]) -> None:
        """Take note of one look."""
        seen = self._seen.setdefault(look.camera, _Seen())
        first = observations[0]
        seen.at, seen.took_s, seen.outcome = look.at, first.took_s, first.outcome.value
        was_void = look.condition is Condition.UNKNOWN and first.outcome not in SAYS_NOTHING
        if first.depth is not Depth.ONVIF and not was_void:
            _prove(seen, first)
        if look.depth is Depth.PICTURE and look.proven is not None:
            seen.image_faults = look.image_faults
        if look.condition is Condition.INTACT:
            seen.good_at = look.at
        for observation in observations:
            offset = observation.facts.get("clock_offset_s")
            if isinstance(offset, float):
                seen.clock_offset_s = offset

    def show(self, state: CameraState, now: int) -> None:
        """Make the camera's line on the board anew."""
        seen = self._seen.get(state.camera) or _Seen()
        found = doubts(state)
        self._cameras[state.camera] = CameraLive(
            id=state.camera,
            condition=state.condition,
            fault=state.fault,
            cause=state.cause,
            since=holds_since(state),
            doubt=found[0] if found else None,
            flapping=flapping(state, now, self._rules),
            last_look_at=seen.at,
            last_good_at=seen.good_at,
            last_took_s=seen.took_s,
            last_outcome=seen.outcome,
            answers=seen.answers,
            described=seen.described,
            pictured=seen.pictured,
            image_faults=seen.image_faults,
            clock_offset_s=seen.clock_offset_s,
        )

    def forget(self, camera: str) -> None:
        """The camera has left the fleet."""
        self._cameras.pop(camera, None)
        self._seen.pop(camera, None)

    def board(
        self,
        *,
        now: int,
        fleet: Fleet,
        seconds: Mapping[str, StateSeconds],
        events: Iterable[Event],
        counts: Mapping[str, Totals],
        county: Fraction | None,
        blind: Gap | None,
        link_gaps: tuple[Gap, ...],
        month: str,
        exempt: frozenset[str],
    ) -> Board:
        """The board as of ``now``."""
        cameras = dict(self._cameras)
        if blind is not None:
            cameras = {camera: _hidden(line, blind) for camera, line in cameras.items()}
        return Board(
            now=now,
            fleet=fleet,
            cameras=MappingProxyType(cameras),
            seconds=seconds,
            events=tuple(events),
            townships=_townships(fleet, cameras, counts),
            county_rate=county,
            proven=Proven(
                cameras=len(cameras),
                port=sum(camera.answers is True for camera in cameras.values()),
                described=sum(camera.described is True for camera in cameras.values()),
                pictured=sum(camera.pictured is True for camera in cameras.values()),
            ),
            blind=blind,
            month=month,
            link_gaps=link_gaps,
            exempt=exempt,
        )


def _hidden(line: CameraLive, blind: Gap) -> CameraLive:
    """While we are blind nobody's condition is known."""
    return replace(line, condition=Condition.UNKNOWN, fault=None, cause=blind.cause, since=blind.began, doubt=None)


def _prove(seen: _Seen, observation: Observation) -> None:
    """A look that failed disproves everything deeper; one that succeeded says nothing of what it didn't ask."""
    if observation.outcome is Outcome.UNDECODABLE:
        seen.answers = seen.described = True
        return
    passed = observation.outcome is Outcome.OK
    reached = observation.depth if passed else PROVEN_BEFORE.get(observation.step, Depth.MEDIA)
    fails = not passed and observation.outcome not in SAYS_NOTHING
    seen.answers = _proof(reached, Depth.LIGHT, seen.answers, fails=fails)
    seen.described = _proof(reached, Depth.DESCRIBE, seen.described, fails=fails)
    seen.pictured = _proof(reached, Depth.PICTURE, seen.pictured, fails=fails)


def _proof(reached: int, depth: Depth, before: bool | None, *, fails: bool) -> bool | None:
    if reached >= depth:
        return True
    return False if fails else before


def _townships(
    fleet: Fleet, cameras: Mapping[str, CameraLive], counts: Mapping[str, Totals]
) -> tuple[TownshipMonth, ...]:
    now: dict[str, Counter[Condition]] = {code: Counter() for code in fleet.townships}
    suspects: Counter[str] = Counter()
    for camera in cameras.values():
        township = fleet.cameras[camera.id].township
        now[township][camera.condition] += 1
        suspects[township] += camera.doubt is not None
    return tuple(
        TownshipMonth(
            code=code,
            name=township.name,
            cameras=now[code].total(),
            now=MappingProxyType({condition: now[code][condition] for condition in Condition}),
            rate=counts[code].online_intact_rate if code in counts else None,
            suspects=suspects[code],
            spent=_spent(counts[code]) if code in counts else NOTHING_SPENT,
        )
        for code, township in fleet.townships.items()
    )


def _spent(totals: Totals) -> MonthSeconds:
    return MonthSeconds(
        intact=totals.intact,
        impaired=totals.impaired,
        offline=totals.offline,
        exempt=totals.exempt,
        unknown=totals.unknown,
    )
