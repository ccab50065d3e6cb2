"""Does anything listen on the camera's ports?"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from probes.answer import CameraAnswer, connect_failure
from probes.observation import Depth, Outcome, Target
from probes.probe import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachProbe:
    """A TCP connection to the RTSP port, else to the ONVIF port; nothing is sent.

    OK says that something listens, not that it is a camera. When every configured port fails, a refusal counts for
    more than silence: the host is there.
    """

    name: ClassVar[str] = "light"

    connect_timeout_s: float = 3.0

    @property
    def depth(self) -> Depth:
        """``LIGHT``."""
        return Depth.LIGHT

    async def check(self, target: Target, trace: Trace) -> Outcome:
        """Look once at the configured ports."""
        outcomes: list[Outcome] = []
        for port in dict.fromkeys(port for port in (target.rtsp_port, target.onvif_port) if port is not None):
            trace.step("connect")
            try:
                await self._connect(target.host, port)
            except CameraAnswer as answer:
                trace.said(f"port {port}: {answer.said}")
                outcomes.append(answer.outcome)
            else:
                trace.said(f"port {port} is open")
                return Outcome.OK
        if not outcomes:
            trace.said("no port is configured")
            return Outcome.INCONCLUSIVE
        return max(outcomes, key=_WEIGHT.index)

    async def _connect(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.connect_timeout_s):
                transport, _ = await loop.create_connection(asyncio.Protocol, host, port)
        except TimeoutError:
            raise CameraAnswer(Outcome.UNREACHABLE, f"no connection within {self.connect_timeout_s:g} s") from None
        except OSError as error:
            raise connect_failure(error) from None
        transport.abort()


_WEIGHT = (Outcome.UNREACHABLE, Outcome.REFUSED, Outcome.INCONCLUSIVE)
"""What all ports together say, the later before the earlier: a failure of ours settles nothing."""
