"""Does the camera let us in, describe its video, and send it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from probes.answer import CameraAnswer
from probes.observation import Depth, Outcome, Target
from probes.probe import Trace
from probes.rtsp_session import Limits, RtspSession


@dataclass(frozen=True, slots=True, kw_only=True)
class RtspProbe:
    """RTSP up to the description (login and channel proven) or to the first RTP packet (stream proven).

    OPTIONS is never asked: most cameras answer it without a login, so it proves nothing, and many not at all.
    """

    name: ClassVar[str] = "rtsp"

    to: Literal["describe", "media"] = "describe"
    connect_timeout_s: float = 3.0
    reply_timeout_s: float = 5.0
    first_rtp_timeout_s: float = 5.0

    @property
    def depth(self) -> Depth:
        """How much an OK proves: ``DESCRIBE`` or ``MEDIA``."""
        return Depth.DESCRIBE if self.to == "describe" else Depth.MEDIA

    async def check(self, target: Target, trace: Trace) -> Outcome:
        """Look once at the configured RTSP port."""
        limits = Limits(
            connect_timeout_s=self.connect_timeout_s,
            reply_timeout_s=self.reply_timeout_s,
            first_rtp_timeout_s=self.first_rtp_timeout_s,
        )
        try:
            async with RtspSession(target, trace, limits, key_frames=False) as session:
                await session.describe()
                if self.to == "media":
                    await session.setup()
                    await session.play()
                    await session.first_packet()
        except CameraAnswer as answer:
            return answer.outcome
        return Outcome.OK
