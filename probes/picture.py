"""Does the camera send a picture worth the name?

session ──► key frame ──► decode worker ──► faults, measures, evidence, what to remember
                │              │
                │              ├─ refused: another key frame; so many refused in a row are ``corrupted``
                │              └─ the picture of the last look, or a little beside it: one more, two seconds later,
                │                 for ``frozen`` and ``shaking``
                └─ none in time: inconclusive; packets missing in all of them: ``corrupted``
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import ClassVar, Protocol

from probes.answer import CameraAnswer
from probes.image.judgement import Judged, PictureJob, PictureJudgement
from probes.image.thresholds import DEFAULTS, SCORE_MAX, Thresholds
from probes.observation import Depth, Outcome, Target
from probes.probe import Trace
from probes.rtsp_session import KeyFrame, Limits, RtspSession

FFMPEG_NAMES = {"H264": "h264", "H265": "hevc", "JPEG": "mjpeg", "MP4V-ES": "mpeg4"}
"""Codecs that the decoder knows, by their names in an SDP (RFC 6184, 7798, 2435, 6416)."""

GRAVE = frozenset({"signal_loss", "black", "frozen", "covered", "corrupted"})
"""Faults that make the outcome ``bad_picture``. The rules may weigh them otherwise: they see them all."""

APART_S = 2.0
"""Between two key frames that are compared: a clock with seconds has moved."""


SECOND_FRAME_BY_S = 20.0
"""Seconds into the look, and the camera's patience for each of the two: a second key frame that comes later would
endanger what the first one has told."""


class Decoder(Protocol):
    """Who judges pictures: :class:`probes.image.pool.DecodePool`."""

    async def judge(self, job: PictureJob) -> PictureJudgement: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureProbe:
    """One complete key frame, decoded and judged.

    ``frozen_hours`` is how long a picture must have stayed the same to be called frozen where no burned-in clock is
    known, ``corrupted_frames`` how many key frames in a row must be refused by the decoder or lack packets,
    ``thresholds`` from where on a picture has each of the other faults. ``now`` gives the UTC time in seconds since
    the epoch; in ``zone`` the look's time is written below the evidence. Facts: ``codec``, ``width``, ``height``,
    ``measures`` with the score of each fault, ``key_frame_bytes``.
    """

    name: ClassVar[str] = "picture"

    connect_timeout_s: float = 3.0
    reply_timeout_s: float = 5.0
    first_rtp_timeout_s: float = 5.0
    key_frame_timeout_s: float = 12.0
    frozen_hours: float = 5.0
    corrupted_frames: int = 2
    decoder: Decoder = field(repr=False, compare=False, metadata={"handed_in": True})
    now: Callable[[], float] = field(repr=False, compare=False, metadata={"handed_in": True})
    zone: tzinfo = field(default=UTC, repr=False, compare=False, metadata={"handed_in": True})
    thresholds: Thresholds = field(default=DEFAULTS, repr=False, compare=False, metadata={"handed_in": True})

    @property
    def depth(self) -> Depth:
        """A decoded picture."""
        return Depth.PICTURE

    async def check(self, target: Target, trace: Trace) -> Outcome:
        """Look once at the configured RTSP port."""
        limits = Limits(
            connect_timeout_s=self.connect_timeout_s,
            reply_timeout_s=self.reply_timeout_s,
            first_rtp_timeout_s=self.first_rtp_timeout_s,
            key_frame_timeout_s=self.key_frame_timeout_s + target.patience_s,
        )
        began = asyncio.get_running_loop().time()
        try:
            async with RtspSession(target, trace, limits) as session:
                await session.describe()
                await session.setup()
                await session.play()
                await session.first_packet()
                if not session.gives_key_frames:
                    return Outcome.UNDECODABLE
                return await self._judge(session, target, trace, began)
        except CameraAnswer as answer:
            return self._explained(answer, trace)

    async def _judge(self, session: RtspSession, target: Target, trace: Trace, began: float) -> Outcome:
        frame = await session.key_frame()
        codec = FFMPEG_NAMES.get(frame.codec)
        if codec is None:
            return Outcome.UNDECODABLE
        judgement = await self._decode(codec, frame, None, target, trace)
        refused = int(judgement.judged is Judged.REFUSED)
        if judgement.wants_second:
            judgement = await self._compare(session, codec, frame, judgement, target, trace, began)
        while judgement.judged is Judged.REFUSED and refused < self.corrupted_frames:
            frame = await session.key_frame()
            judgement = await self._decode(codec, frame, None, target, trace)
            refused += judgement.judged is Judged.REFUSED
        return _outcome(judgement, trace, corrupted=_corrupted_score(refused, self.corrupted_frames))

    async def _compare(
        self,
        session: RtspSession,
        codec: str,
        first: KeyFrame,
        alone: PictureJudgement,
        target: Target,
        trace: Trace,
        began: float,
    ) -> PictureJudgement:
        """The picture judged beside a later one; as it was judged alone where no later one is to be had."""
        try:
            async with asyncio.timeout_at(began + SECOND_FRAME_BY_S + 2 * target.patience_s):
                second = await session.key_frame(after_s=APART_S)
        except (CameraAnswer, TimeoutError):
            # the first picture was sound, so what the session says of the later ones is no fault of the camera's
            trace.faults.clear()
            trace.facts.pop("gapped_key_frames", None)
            return alone
        # a stream that repeats one packet for ever would look frozen; then its time stands still, too
        if second.rtp_timestamp == first.rtp_timestamp:
            return alone
        together = await self._decode(codec, first, second, target, trace)
        return together if together.judged is Judged.JUDGED else alone

    def _explained(self, answer: CameraAnswer, trace: Trace) -> Outcome:
        """The outcome, with the reason noted that the rules look for. Too few gaps prove nothing."""
        outcome = answer.outcome
        if "corrupted" in trace.faults:
            gapped = trace.facts["gapped_key_frames"]
            assert isinstance(gapped, int), "the session counts them"
            if gapped >= self.corrupted_frames:
                trace.facts["packet_loss"] = True
            else:
                trace.faults.remove("corrupted")
                outcome = Outcome.INCONCLUSIVE
            trace.facts["measures"] = {"score_corrupted": _corrupted_score(gapped, self.corrupted_frames)}
        if outcome is Outcome.INCONCLUSIVE and trace.at_step == "key_frame":
            trace.facts.setdefault("ours", "no key frame")
        return outcome

    async def _decode(
        self, codec: str, first: KeyFrame, second: KeyFrame | None, target: Target, trace: Trace
    ) -> PictureJudgement:
        trace.step("decode")
        trace.facts["key_frame_bytes"] = len(first.data)
        judgement = await self.decoder.judge(
            PictureJob(
                codec=codec,
                first=first.data,
                second=second.data if second is not None else None,
                at=self.now(),
                memory=target.memory,
                frozen_s=self.frozen_hours * 3600,
                thresholds=self.thresholds,
                ptz=target.ptz,
                stamp=(target.camera, datetime.fromtimestamp(int(trace.at), self.zone).isoformat(" ")),
            )
        )
        trace.said(judgement.said or " ".join(judgement.faults) or "ok")
        return judgement


def _outcome(judgement: PictureJudgement, trace: Trace, *, corrupted: float) -> Outcome:
    """The outcome of a judged picture; ``corrupted`` is that fault's score, by the key frames refused before."""
    measures = {**judgement.measures, "score_corrupted": corrupted}
    if judgement.judged is Judged.REFUSED:
        trace.faults.append("corrupted")
        trace.facts["measures"] = measures
        return Outcome.BAD_PICTURE
    if judgement.judged is not Judged.JUDGED:
        trace.facts["ours"] = f"decoder {judgement.judged}"
        return Outcome.INCONCLUSIVE
    trace.faults.extend(judgement.faults)
    trace.facts.update(width=judgement.width, height=judgement.height, measures=measures)
    trace.jpeg, trace.memory = judgement.jpeg, judgement.memory
    return Outcome.OK if GRAVE.isdisjoint(judgement.faults) else Outcome.BAD_PICTURE


def _corrupted_score(frames: int, needed: int) -> float:
    return round(min(frames / max(needed, 1), SCORE_MAX), 3)
