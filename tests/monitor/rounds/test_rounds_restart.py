"""A run ends, however it ends, and the next one takes up the record."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from monitor.core.board import StateSeconds
from monitor.core.condition import Condition
from monitor.core.record import Transition
from monitor.store import Batch, Store, TransitionRecord
from tests.monitor.rounds.county import T0, Answer, Script, cameras, dead, good, no_stream, running, simulate


async def test_a_camera_is_unknown_from_the_committed_coverage_to_its_own_first_look(tmp_path: Path) -> None:
    script = Script(cameras(2))
    async with running(script, tmp_path) as run:
        await run.until(300)
        run.looker.script["c002"] = dead
        await run.until(600)
        assert run.condition("c002") == "offline"
        await run.until(603.5)
        (covered,) = run.store.coverages()
        assert 570 <= covered.until - T0 <= 603
        since = {camera: run.said(camera) for camera in ("c001", "c002")}
    async with running(script, tmp_path, at=3600, boot="second") as run:
        run.looker.took_s = lambda target, depth: 2.0
        await run.until(3620)
        for camera, condition in (("c001", "intact"), ("c002", "offline")):
            first = int(run.looker.looks_at(camera)[0].at) - T0
            assert run.said(camera) == [*since[camera], (covered.until - T0, "unknown"), (first, condition)]
            assert run.transitions(camera)[-2].cause == "ours"


async def test_an_orderly_end_leaves_nothing_unknown_that_was_watched(tmp_path: Path) -> None:
    async with running(Script(cameras(1)), tmp_path, orderly=True) as run:
        await run.until(603.5)
        watched_until = run.outpost.state.good_at
    async with running(Script(cameras(1)), tmp_path, at=3600, boot="second") as run:
        assert run.said("c001")[-1] == (watched_until - T0, "unknown")


async def test_a_look_that_differs_after_a_restart_starts_confirmation(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(300)
    script.answers["c001"] = dead
    async with running(script, tmp_path, at=900, boot="second") as run:
        await run.until(970)
        assert run.condition("c001") == "unknown"
        await run.until(1000)
        first = int(run.looker.looks_at("c001")[0].at) - T0
        assert run.said("c001")[-1] == (first, "offline")


async def test_without_any_coverage_nothing_is_known_since_the_last_transition(tmp_path: Path) -> None:
    seen = Transition(camera="c001", at=T0, condition=Condition.INTACT, decided_at=T0)
    with Store.open(f"sqlite:///{tmp_path / 'xunjian.db'}", at=T0) as store:
        store.write(Batch(transitions=(TransitionRecord(transition=seen),))).result()
    async with running(Script(cameras(1)), tmp_path, at=86400) as run:
        await run.until(86400 + 30)
        assert run.said("c001") == [(0, "intact"), (0, "unknown"), (86400, "intact")]


async def test_an_event_goes_on_over_a_restart_and_is_told_once(tmp_path: Path) -> None:
    script = Script(cameras(6, village="v"))
    async with running(script, tmp_path) as run:
        await run.until(300)
        script.answers.update({camera.id: dead for camera in script.cameras[:5]})
        await run.until(600)
        (event,) = run.rounds.board.events
        assert (event.kind, len(event.cameras), event.ended) == ("village", 5, None)
        assert list(run.store.open_events()) == [event]
    async with running(script, tmp_path, at=900, boot="second") as run:
        await run.until(1500)
        assert list(run.rounds.board.events) == [event]
        assert [told for batch in run.store.batches for told in batch.events] == []
        script.answers.clear()
        await run.until(3600)
        assert len(run.rounds.board.events) == len(run.store.open_events()) == 0


async def test_an_event_that_a_greater_one_takes_up_ends_in_the_record(tmp_path: Path) -> None:
    fleet = [*cameras(3, host="10.3.3.3", village="v"), *cameras(6, start=4, village="v")]
    script = Script([*fleet, *cameras(20, start=50)])
    async with running(script, tmp_path) as run:
        await run.until(300)
        script.answers.update({camera.id: dead for camera in fleet[:3]})
        await run.until(480)
        assert [event.kind for event in run.rounds.board.events] == ["recorder"]
        script.answers.update({camera.id: dead for camera in fleet})
        await run.until(780)
        assert [event.kind for event in run.rounds.board.events] == ["village"]
        assert [event.kind for event in run.store.open_events()] == ["village"]
        ended = [event for event in run.store.events(0, 1 << 40) if event.ended is not None]
        assert [event.kind for event in ended] == ["recorder"]


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(
    kills=st.lists(st.tuples(st.floats(0.1, 400), st.floats(0, 120)), min_size=1, max_size=3),
    answers=st.lists(st.sampled_from([good, dead, no_stream]), min_size=4, max_size=4),
    unwritten_s=st.floats(0, 30),
    clock_back=st.booleans(),
)
def test_no_counter_falls_whenever_a_run_is_killed(
    kills: list[tuple[float, float]], answers: list[Answer], unwritten_s: float, clock_back: bool
) -> None:
    async def story() -> None:
        script = Script(cameras(3))
        shown = dict.fromkeys(("c001", "c002", "c003"), StateSeconds())
        at = latest = 0.0
        with tempfile.TemporaryDirectory() as folder:
            for number, (lasts, pause) in enumerate([*kills, (300.0, 0.0)]):
                script.answers["c001"] = answers[number]
                async with running(script, Path(folder), at=at, boot=f"boot {number}") as run:
                    no_lower(shown, run.clerk.seconds)
                    await run.until(at + max(0.0, lasts - unwritten_s))
                    no_lower(shown, run.clerk.seconds)
                    run.store.stuck = True
                    await run.until(at + lasts)
                    no_lower(shown, run.clerk.seconds)
                    latest = max(latest, at + lasts)
                    for camera in shown:
                        assert sum(astuple(shown[camera])) <= latest
                at += lasts + (-min(pause, lasts) / 2 if clock_back else pause)

    simulate(story)


def no_lower(before: dict[str, StateSeconds], now: Mapping[str, StateSeconds]) -> None:
    for camera, seconds in now.items():
        pairs = zip(astuple(before[camera]), astuple(seconds), strict=True)
        assert all(old <= new for old, new in pairs), (camera, before[camera], seconds)
        before[camera] = seconds
