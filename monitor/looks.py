"""One look at one camera: the questions that a depth asks, in order, until the answer is clear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from monitor.clock import Clock
from probes.observation import Depth, Observation, Outcome, Probe, Target
from probes.observe import observe

SILENT = frozenset({Outcome.UNREACHABLE, Outcome.REFUSED, Outcome.TIMED_OUT})
"""Outcomes after which nothing may be there at all, so the other configured port is asked too."""


@dataclass(frozen=True, kw_only=True)
class Questions:
    """The probes of the house: one for each depth, and the ONVIF clock, which needs no login."""

    by_depth: Mapping[Depth, Probe]
    clock: Probe
    deadline_s: float = 25.0


class Looker:
    """Asks a camera what a depth asks, and comes back with every answer."""

    def __init__(self, questions: Questions, clock: Clock) -> None:
        self._questions = questions
        self._clock = clock

    async def look(self, target: Target, depth: Depth) -> tuple[Observation, ...]:
        """The observations of one look, the deepest question first.

        A camera whose RTSP port is dead is asked by ONVIF whether anything lives there; a picture look reads the
        camera's clock as well. Neither of the two needs a login.
        """
        if target.rtsp_port is None:
            return (await self._ask(target, self._questions.by_depth[min(depth, Depth.ONVIF)]),)
        first = await self._ask(target, self._questions.by_depth[depth])
        if target.onvif_port is None:
            return (first,)
        silent = first.outcome in SILENT and not first.answered
        if silent or first.depth is Depth.PICTURE:
            return (first, await self._ask(target, self._questions.clock))
        return (first,)

    async def _ask(self, target: Target, probe: Probe) -> Observation:
        return await observe(probe, target, at=self._clock.now(), deadline_s=self._questions.deadline_s)


def without_login(target: Target) -> Target:
    """``target`` as it is looked at while its login is held back."""
    return replace(target, credential=None)
