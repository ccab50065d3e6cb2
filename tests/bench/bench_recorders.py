"""Whole counties of recorders, 32 channels and room for 8 sessions each, asked in the order of the ledger.

A recorder whose sessions are taken answers 453. Asked through the gate, none ever has to; asked one after the other as
they stand in the ledger, most looks meet one, which costs us the look and must accuse nobody. The notes say how many
looks were accusations.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import uvloop

from monitor.clock import SystemClock
from monitor.config import Config
from monitor.core.condition import Condition
from monitor.core.verdict import judge
from monitor.gate import Lane
from monitor.looks import Looker
from probes.observation import Depth, Outcome
from probes.testing.county import County
from tests.bench.bench_round import FULL_HD, SAMPLE, Planned, SpoiltError, asking, look_at_all, planned
from tests.bench.measure import Meter, Result

CHANNELS = 32
ROUNDS = 3


Round = Callable[..., Awaitable[Counter[str]]]


def rounds(depth: Depth, times: int, look_at: Round, cameras: int) -> Result:
    """So many rounds over recorders; ``cameras`` is rounded down to whole ones."""
    return uvloop.run(_rounds(depth, times, look_at, cameras // CHANNELS * CHANNELS))


async def without_gate(
    looker: Looker, cameras: Sequence[Planned], depth: Depth, *, conditions: Counter[str]
) -> Counter[str]:
    """One round in the order given, with no other limit than how many looks are in flight."""
    turns = asyncio.Semaphore(Config().limits.media)
    outcomes: Counter[str] = Counter()

    async def look(each: Planned) -> None:
        async with turns:
            seen = await looker.look(each.target, depth)
        outcomes[seen[0].outcome] += 1
        conditions[judge(seen).condition] += 1

    await asyncio.gather(*map(look, cameras))
    return outcomes


async def _rounds(depth: Depth, times: int, look_at: Round, cameras: int) -> Result:
    wall = SystemClock().now
    async with await County.start(wall=wall, cameras=cameras, channels=CHANNELS, fmt=FULL_HD) as county:
        asked = planned(county, Lane.MEDIA)
        conditions: Counter[str] = Counter()
        outcomes: Counter[str] = Counter()
        async with asking(depth) as looker:
            await look_at_all(looker, asked[:SAMPLE], depth)
            with Meter(apart=frozenset(county.pids)) as meter:
                for _ in range(times):
                    outcomes += await look_at(looker, asked, depth, conditions=conditions)
        stats = await county.stats()
    if stats["violations"] or sum(outcomes.values()) != times * len(asked):
        raise SpoiltError(f"{dict(outcomes)}, {stats['violations'][:5]}")
    accused = conditions[Condition.IMPAIRED] + conditions[Condition.OFFLINE]
    notes = {
        "accused": accused,
        **{outcome: count for outcome, count in outcomes.items() if outcome is not Outcome.OK},
        "sessions_peak": stats["sessions_peak"],
        "refused_sessions": stats["refused_sessions"],
        "without_teardown": stats["missing_teardowns"],
    }
    return Result(what=f"rounds of {depth.label}: {times}", items=times * len(asked), usage=meter.usage, notes=notes)


BENCHMARKS: dict[str, Callable[[int], Result]] = {
    "recorders.media": partial(rounds, Depth.MEDIA, ROUNDS, look_at_all),
    "recorders.picture": partial(rounds, Depth.PICTURE, 1, look_at_all),
    "recorders.without_gate": partial(rounds, Depth.MEDIA, ROUNDS, without_gate),
}
