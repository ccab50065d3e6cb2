"""Whole counties of recorders, 32 channels and room for 8 sessions each, asked in the order of the ledger.

A recorder whose sessions are taken answers 453. Asked as config.toml has it, none is ever needed; asked without a limit
most looks meet one, which costs us the look and must accuse nobody. The notes say how many looks were accusations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

import uvloop

from monitor.clock import SystemClock
from monitor.core.condition import Condition
from monitor.gate import Lane
from probes.observation import Depth, Outcome
from probes.testing.county import County
from tests.bench.bench_round import FULL_HD, SAMPLE, SpoiltError, asking, look_at_all, planned
from tests.bench.measure import Meter, Result

CHANNELS = 32
ROUNDS = 3


def rounds(depth: Depth, times: int, per_recorder: int | None, cameras: int) -> Result:
    """So many rounds over recorders; ``cameras`` is rounded down to whole ones."""
    return uvloop.run(_rounds(depth, times, per_recorder, cameras // CHANNELS * CHANNELS))


async def _rounds(depth: Depth, times: int, per_recorder: int | None, cameras: int) -> Result:
    wall = SystemClock().now
    async with await County.start(wall=wall, cameras=cameras, channels=CHANNELS, fmt=FULL_HD) as county:
        asked = planned(county, Lane.MEDIA)
        conditions: Counter[str] = Counter()
        outcomes: Counter[str] = Counter()
        async with asking(depth) as looker:
            await look_at_all(looker, asked[:SAMPLE], depth)
            with Meter(apart=frozenset(county.pids)) as meter:
                for _ in range(times):
                    outcomes += await look_at_all(
                        looker, asked, depth, per_recorder=per_recorder, conditions=conditions
                    )
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
    what = f"{times} rounds of {depth.label}" + ("" if per_recorder is None else ", no limit")
    return Result(what=what, items=times * len(asked), usage=meter.usage, notes=notes)


BENCHMARKS: dict[str, Callable[[int], Result]] = {
    "recorders.media": partial(rounds, Depth.MEDIA, ROUNDS, None),
    "recorders.picture": partial(rounds, Depth.PICTURE, 1, None),
    "recorders.unlimited": partial(rounds, Depth.MEDIA, ROUNDS, CHANNELS),
}
