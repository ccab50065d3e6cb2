"""What a plain checker would say: connect to the port, ask DESCRIBE once, and call everything but 200 down.

It knows the login, as any such checker does, but neither a second try nor what a refusal means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from monitor.clock import Clock
from probes.observation import Outcome, Target
from probes.observe import observe
from probes.rtsp import RtspProbe

DEADLINE_S = 10.0
AT_A_TIME = 8


async def would_accuse(targets: Iterable[Target], clock: Clock) -> list[str]:
    """The ids of the cameras that it calls down."""
    probe = RtspProbe(to="describe")
    lane = asyncio.Semaphore(AT_A_TIME)

    async def is_down(target: Target) -> str | None:
        async with lane:
            seen = await observe(probe, target, at=clock.now(), deadline_s=DEADLINE_S)
        return None if seen.outcome is Outcome.OK else target.camera

    verdicts = await asyncio.gather(*map(is_down, targets))
    return [camera for camera in verdicts if camera is not None]
