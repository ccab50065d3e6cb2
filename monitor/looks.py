"""One look at one camera: the questions that a depth asks, in order, until the answer is clear."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar
from urllib.parse import urlsplit

from monitor.clock import Clock
from monitor.config import Config
from monitor.core.verdict import unanswered
from probes.answer import CameraAnswer
from probes.observation import Depth, Observation, Outcome, Target
from probes.observe import observe
from probes.onvif import OnvifProbe, stream_uri
from probes.picture import Decoder, PictureProbe
from probes.probe import Probe, Trace
from probes.reach import ReachProbe
from probes.rtsp import RtspProbe

Place = tuple[str, str, int, int]
"""Whose path was learned: camera, host, ONVIF port, channel. Another device at the camera is asked anew."""


PATIENCE_S, MOST_PATIENCE_S = 12.0, 36.0
"""Where no key frame came, the next look waits twice as long for it, up to 48 s: a group of 250 pictures of a smart
encoder takes 10 s at 25 pictures a second, and 42 s at 6."""


@dataclass(frozen=True, kw_only=True)
class Questions:
    """The probes of the house: one for each depth, and the ONVIF clock, which needs no login."""

    by_depth: Mapping[Depth, Probe]
    clock: OnvifProbe
    device: OnvifProbe
    deadline_s: float = 25.0

    @classmethod
    def of(cls, config: Config, *, decoder: Decoder, now: Callable[[], float]) -> Questions:
        """The probes with the settings of config.toml. ``now`` gives UTC seconds."""
        rtsp, onvif = config.probes.settings("rtsp"), config.probes.settings("onvif")
        device = OnvifProbe(to="device", now=now, **onvif)
        by_depth: dict[Depth, Probe] = {
            Depth.LIGHT: ReachProbe(**config.probes.settings("light")),
            Depth.ONVIF: device,
            Depth.DESCRIBE: RtspProbe(to="describe", **rtsp),
            Depth.MEDIA: RtspProbe(to="media", **rtsp),
            Depth.PICTURE: PictureProbe(
                decoder=decoder,
                now=now,
                zone=config.site.zone,
                thresholds=config.picture.limits,
                **config.probes.settings("picture"),
            ),
        }
        clock = OnvifProbe(to="clock", now=now, **onvif)
        return cls(by_depth=by_depth, clock=clock, device=device, deadline_s=config.looks.deadline_s)

    async def close(self) -> None:
        """Close the connections that the probes keep."""
        await self.clock.close()
        await self.device.close()


class Looker:
    """Asks a camera what a depth asks, and comes back with every answer."""

    def __init__(self, questions: Questions, clock: Clock) -> None:
        self._questions = questions
        self._clock = clock
        self._paths: dict[Place, str] = {}
        self._patience_s: dict[str, float] = {}

    async def look(self, target: Target, depth: Depth, *, channel: int = 1) -> tuple[Observation, ...]:
        """The observations of one look, the one that asked for ``depth`` first.

        A camera whose RTSP port is dead is asked by ONVIF whether anything lives there; a picture look reads the
        camera's clock as well. Neither of the two needs a login, nor does any light look. A stream whose path nobody
        wrote down is asked of the device once; if that refuses the login, no second one is tried. A camera whose key
        frame did not come in time is given longer at the next look.
        """
        if target.rtsp_port is None:
            probe = self._questions.clock if depth is Depth.LIGHT else self._questions.by_depth[Depth.ONVIF]
            return (await self._ask(target, probe),)
        learned = depth > Depth.ONVIF and not target.rtsp_path and target.onvif_port is not None
        if learned:
            asked = await self._learn_path(target, channel)
            if asked is not None and asked.outcome is Outcome.UNAUTHORIZED:
                return (asked,)
            target = replace(target, rtsp_path=self._paths.get(_place(target, channel), ""))
        patient = replace(target, patience_s=self._patience_s.get(target.camera, 0.0))
        first = await self._ask(patient if depth is Depth.PICTURE else target, self._questions.by_depth[depth])
        self._learn_patience(first)
        if learned and first.outcome is Outcome.NO_STREAM:
            self._paths.pop(_place(target, channel), None)
        if target.onvif_port is None or first.depth is Depth.ONVIF:
            return (first,)
        if unanswered(first) or first.depth is Depth.PICTURE:
            return (first, await self._ask(target, self._questions.clock))
        return (first,)

    async def _ask(self, target: Target, probe: Probe) -> Observation:
        # one key frame, and one more where two have to be compared
        deadline_s = self._questions.deadline_s + 2 * target.patience_s
        return await observe(probe, target, at=self._clock.now(), deadline_s=deadline_s)

    def _learn_patience(self, seen: Observation) -> None:
        """Wait longer next time where a stream flowed and no key frame came: seldom ones are no fault."""
        if seen.step == "key_frame" and seen.outcome in (Outcome.INCONCLUSIVE, Outcome.TIMED_OUT):
            longer = 2 * self._patience_s.get(seen.camera, 0.0) + PATIENCE_S
            self._patience_s[seen.camera] = min(longer, MOST_PATIENCE_S)

    async def _learn_path(self, target: Target, channel: int) -> Observation | None:
        """Ask the device for the stream's path; None when it is known already."""
        place = _place(target, channel)
        if place in self._paths:
            return None
        asked = await self._ask(target, _PathProbe(device=self._questions.device, channel=channel))
        if isinstance(path := asked.facts.get("rtsp_path"), str):
            self._paths[place] = path
        return asked


@dataclass(frozen=True, kw_only=True)
class _PathProbe:
    """Where is the stream of this channel? Fact: ``rtsp_path``."""

    name: ClassVar[str] = "onvif"

    device: OnvifProbe
    channel: int

    @property
    def depth(self) -> Depth:
        return Depth.ONVIF

    async def check(self, target: Target, trace: Trace) -> Outcome:
        try:
            address = await stream_uri(self.device, target, trace, channel=self.channel)
        except CameraAnswer as answer:
            return answer.outcome
        parts = urlsplit(address.uri)
        trace.facts["rtsp_path"] = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        return Outcome.OK


def _place(target: Target, channel: int) -> Place:
    return target.camera, target.host, target.onvif_port or 0, channel
