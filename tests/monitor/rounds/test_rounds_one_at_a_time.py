"""No camera is ever looked at twice at a time, whoever asks."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from monitor.core.fleet import Camera
from monitor.desk import Desk, NoArchive
from probes.observation import Credential, Depth, Target
from tests.monitor.rounds.county import Script, cameras, dead, denied, full, good, our_bug, running, simulate


def mixed_fleet() -> list[Camera]:
    return [*cameras(6), *cameras(9, host="10.7.7.7", start=7), *cameras(3, host="10.7.7.7", township="t2", start=16)]


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(st.integers(0, 2**32))
def test_one_look_at_a_time_whatever_is_asked_for(seed: int) -> None:
    async def story() -> None:
        chance = Random(seed)
        script = Script(mixed_fleet())
        with tempfile.TemporaryDirectory() as folder:
            async with running(script, Path(folder)) as run:

                def took_s(target: Target, depth: Depth) -> float:
                    return chance.choice((0.01, 0.5, 3.0, 25.0))

                run.looker.took_s = took_s
                desk = Desk(rounds=run.rounds, clerk=run.clerk, store=run.store, archive=NoArchive(), clock=run.clock)
                asking: list[asyncio.Future[object]] = []
                for _ in range(40):
                    await run.until(run.now + chance.choice((0.3, 5, 40)))
                    camera = f"c{chance.randint(1, 18):03d}"
                    match chance.randint(0, 5):
                        case 0:
                            asking.append(
                                asyncio.ensure_future(desk.round(chance.choice(list(Depth)), lambda *_: None))
                            )
                        case 1 | 2:
                            if camera in run.rounds.watched():
                                asking.append(
                                    asyncio.ensure_future(run.rounds.look_now(camera, chance.choice(list(Depth))))
                                )
                        case 3:
                            script.answers[camera] = chance.choice((good, dead, full, denied, our_bug))
                        case 4:
                            script.change(without=(camera,))
                        case 5:
                            script.change(*mixed_fleet())
                await asyncio.gather(*asking, return_exceptions=True)
                script.change(*mixed_fleet())
                script.answers.clear()
                run.looker.took_s = lambda target, depth: 0.1
                await run.until(run.now + 1200)
                assert run.looker.overlaps == []
                assert run.looker.most_at_address["10.7.7.7:554"] <= 4
                assert all(most == 1 for place, most in run.looker.most_at_address.items() if place != "10.7.7.7:554")
                assert {run.condition(camera.id) for camera in script.cameras} == {"intact"}
                assert run.rounds.waiting == 0

    simulate(story)


async def test_a_round_that_waits_for_the_trial_of_a_login_asks_nobody_twice(tmp_path: Path) -> None:
    fleet = [replace(camera, credential="key") for camera in cameras(20)]
    key = Credential(id="key", username="admin", password="right")
    async with running(Script(fleet, credentials={"key": key}), tmp_path) as run:
        run.looker.took_s = lambda target, depth: 20.0 if depth > Depth.LIGHT else 0.3
        asked = [run.rounds.look_now(camera.id, Depth.PICTURE) for camera in fleet]
        await run.until(200)
        assert all(future.done() for future in asked)
        assert run.looker.overlaps == []


async def test_a_camera_that_leaves_and_comes_back_during_its_look_is_looked_at_once_at_a_time(tmp_path: Path) -> None:
    fleet = cameras(4, host="10.7.7.7")
    script = Script(fleet)
    async with running(script, tmp_path) as run:
        await run.until(100)
        run.looker.took_s = lambda target, depth: 40.0
        waiting = run.rounds.look_now("c001", Depth.PICTURE)
        await run.settle()
        script.change(without=("c001",))
        await run.until(110)
        assert "c001" not in run.rounds.watched()
        script.change(*fleet)
        await run.until(120)
        again = run.rounds.look_now("c001", Depth.DESCRIBE)
        assert run.looker.in_flight["c001"] == 1
        await waiting
        await again
        await run.until(400)
        assert run.looker.overlaps == []
        assert run.condition("c001") == "intact"


async def test_a_deeper_wish_is_met_by_the_look_that_waits_already(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        run.looker.took_s = lambda target, depth: 10.0
        first = run.rounds.look_now("c001", Depth.DESCRIBE)
        second = run.rounds.look_now("c001", Depth.PICTURE)
        assert (await first)[1].depth is Depth.PICTURE
        assert await second == await first


async def test_a_wish_that_nobody_waits_for_any_more_is_forgotten(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        run.looker.took_s = lambda target, depth: 10.0
        first = run.rounds.look_now("c001", Depth.DESCRIBE)
        await run.settle()
        run.rounds.look_now("c001", Depth.PICTURE).cancel()
        await first
        await run.until(150)
        assert all(asked.depth < Depth.PICTURE for asked in run.looker.asked[1:])


async def test_a_wish_for_a_camera_that_leaves_is_cancelled(tmp_path: Path) -> None:
    script = Script(cameras(2))
    async with running(script, tmp_path) as run:
        await run.until(100)
        run.looker.took_s = lambda target, depth: 20.0
        run.rounds.look_now("c001", Depth.LIGHT)
        await run.settle()
        waiting = run.rounds.look_now("c001", Depth.PICTURE)
        script.change(without=("c001",))
        await run.until(130)
        assert waiting.cancelled()


async def test_a_recorder_shared_by_two_townships_is_looked_at_for_ever(tmp_path: Path) -> None:
    shared = [*cameras(30, host="10.7.7.7"), *cameras(30, host="10.7.7.7", township="t2", start=31)]
    script = Script([*shared, *cameras(5, start=61), *cameras(5, township="t2", start=66)])
    async with running(script, tmp_path) as run:
        await run.until(2400)
        run.looker.asked.clear()
        await run.until(2400 + 70)
        assert {asked.camera for asked in run.looker.asked} == {camera.id for camera in script.cameras}
