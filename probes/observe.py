"""Run one probe once, under a deadline, and always come back with an Observation."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic

from probes.observation import Observation, Outcome, Target
from probes.probe import Probe, Trace

log = logging.getLogger(__name__)


async def observe(probe: Probe, target: Target, *, at: float, deadline_s: float = 25.0) -> Observation:
    """Look once at ``target`` with ``probe``; ``at`` is the wall time (UTC seconds) that the look is booked under.

    A deadline passed is ``timed_out`` at the step reached. A bug of ours is logged with its traceback and becomes
    ``inconclusive``: it is never the camera's fault.
    """
    trace = Trace(at)
    began = monotonic()
    try:
        async with asyncio.timeout(deadline_s):
            outcome = await probe.check(target, trace)
    except TimeoutError:
        outcome = Outcome.TIMED_OUT
    except Exception:
        log.exception("the %s probe failed on camera %s at step %s", probe.name, target.camera, trace.at_step)
        trace.facts["ours"] = "probe error"
        outcome = Outcome.INCONCLUSIVE
    return Observation(
        camera=target.camera,
        probe=probe.name,
        depth=probe.depth,
        at=at,
        took_s=monotonic() - began,
        outcome=outcome,
        step=trace.at_step,
        steps=trace.close(),
        answered=trace.answered,
        faults=tuple(trace.faults),
        facts=trace.facts,
        jpeg=trace.jpeg,
        memory=trace.memory,
    )
