"""What goes on in the county after the stories: small faults come and go, one at a time, until somebody ends it."""

from __future__ import annotations

import asyncio
from itertools import cycle

from monitor.core.condition import Condition
from monitor.core.outage import FAILING
from monitor.demo.watching import NotSeenError, Watcher
from probes.testing.faults import Fault as Injected

SMALL = (Injected.COVERED, Injected.POWER_LOST, Injected.NO_RTP, Injected.BLACK, Injected.REFUSED)
PAUSE_S = 15.0


async def live_on(watcher: Watcher) -> None:
    """Break a camera, wait until it is found, repair it, wait until that is found; for ever."""
    for fault, camera in zip(cycle(SMALL), cycle(watcher.stage.cast.lenses), strict=False):
        await asyncio.sleep(PAUSE_S)
        await _one_fault(watcher, fault, camera)
        watcher.teller.graded(await watcher.grade())


async def _one_fault(watcher: Watcher, fault: Injected, camera: str) -> None:
    stage, teller = watcher.stage, watcher.teller
    its = stage.fleet.cameras[camera]
    at = await stage.county.inject(fault, camera)
    teller.plain(f"{teller.clock(at)}  {its.name}  ← {fault.value}", "dim")
    try:
        await watcher.until(
            lambda board: board.cameras[camera].condition in FAILING,
            f"{its.name} 的 {fault.value} 没有被发现",
            f"{fault.value} of {its.name} was not found",
        )
        verdict = watcher.verdict([camera], FAILING)
        teller.found(its, verdict)
        await stage.county.repair(camera, fault)
        await watcher.until(
            lambda board: board.cameras[camera].condition is Condition.INTACT,
            f"{its.name} 没有恢复",
            f"{its.name} is not intact again",
        )
        teller.found(its, watcher.verdict([camera], {Condition.INTACT}))
    except NotSeenError as missing:
        teller.fails(str(missing))
    finally:
        await stage.county.repair(camera, fault)
