"""The counters say what the record says, at any moment and whatever happens."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from monitor.core.availability import Overlay, state_seconds
from monitor.core.blindness import hiding
from monitor.core.board import StateSeconds
from monitor.core.due import Plan
from monitor.core.outage import Rules
from probes.observation import Credential, Depth, Target
from tests.monitor.rounds.county import (
    Run,
    Script,
    VirtualLoop,
    black,
    cameras,
    dead,
    denied,
    full,
    good,
    mute,
    no_stream,
    running,
    simulate,
    ways,
)

QUICK = ways(
    rules=Rules(confirm_over_s=3, up_apart_s=1, image_gap_s=3, hold_s=6, silence_intervals=5),
    plan=Plan(light_s=4, describe_s=8, media_s=20, picture_s=12, impaired_s=4, backoff=(1,), relook_after_s=(1, 2)),
    coverage_s=1.0,
    board_s=0.5,
    count_s=2.0,
)
ANSWERS = (good, dead, mute, no_stream, denied, full, black)
KEY = Credential(id="key", username="admin", password="right")


def total(spent: StateSeconds) -> int:
    return spent.intact + spent.impaired + spent.offline + spent.unknown


def recorded(run: Run, camera: str, township: str, counted: int) -> StateSeconds:
    """What the store says of the camera's first ``counted`` seconds."""
    history = run.transitions(camera)
    overlay = Overlay(hiding(run.store.gaps(0, 1 << 40), township))
    return state_seconds(history, overlay, history[0].at, history[0].at + counted)


async def cut_our_line(run: Run, seconds: float) -> None:
    """Nothing answers us, the witnesses included; then all is as it was."""
    script, answers = run.script, dict(run.script.answers)
    script.down = set(script.witnesses)
    script.answers.update({camera.id: dead for camera in script.cameras})
    await run.until(run.now + seconds)
    script.answers.clear()
    script.answers.update(answers)
    script.down = set()


async def stand_still(seconds: float) -> None:
    """The process gets no time: when it goes on, the clocks are ahead."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.elapsed += seconds


def happenings(run: Run, chance: Random) -> list[Callable[[], Coroutine[None, None, None]]]:
    """What may happen next."""
    script = run.script

    def camera() -> str:
        return chance.choice(script.cameras).id

    async def break_one() -> None:
        script.answers[camera()] = chance.choice(ANSWERS)

    async def repair_one() -> None:
        script.answers.pop(camera(), None)

    async def repair_all() -> None:
        script.answers.clear()

    async def ask() -> None:
        run.rounds.look_now(camera(), chance.choice(list(Depth)))

    async def set_the_clock() -> None:
        run.clock.step(chance.choice((-1.0, -0.3, 0.4, 1.0)))

    return [
        break_one,
        break_one,
        repair_one,
        repair_all,
        ask,
        set_the_clock,
        lambda: cut_our_line(run, chance.choice((1, 4, 9))),
        lambda: stand_still(chance.choice((0.5, 1.5, 3.0))),
    ]


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(st.integers(0, 2**32))
def test_the_counters_say_what_the_record_says_and_go_on_when_all_is_well(seed: int) -> None:
    async def story() -> None:
        chance = Random(seed)
        fleet = [*cameras(8), *cameras(6, host="10.7.7.7", start=9), *cameras(6, township="t2", start=15)]
        fleet = [replace(camera, credential=chance.choice(("", "key"))) for camera in fleet]
        script = Script(fleet, credentials={"key": KEY})
        with tempfile.TemporaryDirectory() as folder:
            async with running(script, Path(folder), by=QUICK, at=chance.random() * 3) as run:

                def took_s(target: Target, depth: Depth) -> float:
                    return chance.choice((0.01, 0.3, 0.9, 2.5))

                run.looker.took_s = took_s
                for _ in range(40):
                    await run.until(run.now + chance.choice((0.4, 1.3, 4, 9)))
                    await chance.choice(happenings(run, chance))()
                    for camera in fleet:
                        counted = run.clerk.seconds[camera.id]
                        assert counted == recorded(run, camera.id, camera.township, total(counted)), camera.id
                script.answers.clear()
                run.looker.took_s = lambda target, depth: 0.1
                await run.until(run.now + 60)
                before = run.clerk.seconds
                await run.until(run.now + 30)
                after = run.clerk.seconds
                assert all(total(after[camera.id]) > total(before[camera.id]) for camera in fleet)
                assert run.looker.overlaps == []

    simulate(story)
