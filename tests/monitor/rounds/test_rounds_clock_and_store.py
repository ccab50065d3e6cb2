"""The clock jumps, the disk fails, and the rounds go on."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import pytest

from tests.monitor.rounds.county import T0, Script, cameras, dead, good, running


async def test_a_clock_set_forward_leaves_a_gap_over_which_no_doubt_reaches(tmp_path: Path) -> None:
    script = Script(cameras(2))
    async with running(script, tmp_path) as run:
        await run.until(300)
        script.answers["c001"] = dead
        while run.rounds.board.cameras["c001"].doubt is None:
            await run.settle()
        stepped = run.now
        run.clock.step(3600)
        await run.settle()
        (gap,) = run.store.gaps(0, 1 << 40)
        assert (gap.cause, gap.reason) == ("ours", "clock_step")
        assert stepped - 1 <= gap.began - T0 <= stepped
        assert stepped + 3600 <= (gap.ended or 0) - T0 + 1 <= stepped + 3602
        assert run.ears.clock_set_by == [pytest.approx(3600, abs=1)]
        assert run.said("c001")[-1] == (0, "intact"), "no 80 s of failing have passed"
        await run.until(run.now + 200)
        assert run.said("c001")[-1][0] >= stepped + 3600
        hidden = sum(each.ended - each.began for each in run.intervals("c002") if each.condition.value == "unknown")
        assert hidden == (gap.ended or 0) - gap.began
        assert run.condition("c002") == "intact"


async def test_after_a_clock_set_back_the_record_stands_still_until_it_has_caught_up(tmp_path: Path) -> None:
    script = Script(cameras(2))
    async with running(script, tmp_path) as run:
        await run.until(900)
        seconds, said = run.clerk.seconds["c001"], run.said("c001")
        last_look = int(run.looker.looks_at("c001")[-1].at) - T0
        run.clock.step(-600)
        script.answers["c001"] = dead
        await run.until(800)
        assert run.ears.clock_set_by == [pytest.approx(-600, abs=1)]
        assert run.said("c001") == said
        assert run.clerk.seconds["c001"].intact - seconds.intact <= 120
        await run.until(2000)
        assert run.condition("c001") == "offline"
        assert run.said("c001")[-1][0] >= last_look > 800
        assert run.condition("c002") == "intact"
        assert len(run.store.coverages()) == 1


async def test_coverage_never_goes_back(tmp_path: Path) -> None:
    async with running(Script(cameras(1)), tmp_path) as run:
        await run.until(900)
        run.clock.step(-600)
        await run.until(700)
        covered = [batch.coverage.until for batch in run.store.batches if batch.coverage]
        assert covered == sorted(covered)


async def test_while_the_store_is_stuck_rounds_go_on_and_counters_stop(tmp_path: Path) -> None:
    script = Script(cameras(2))
    async with running(script, tmp_path) as run:
        await run.until(300)
        run.store.stuck = True
        run.store.batches.clear()
        await run.settle()
        looks, (covered,) = len(run.looker.asked), run.store.coverages()
        script.answers["c001"] = dead
        await run.until(1200)
        assert len(run.looker.asked) > looks + 20
        assert run.condition("c001") == "offline"
        assert sum(batch.coverage is not None for batch in run.store.batches) == 1
        assert sum(astuple(run.clerk.seconds["c001"])) <= covered.until - T0
        assert run.clerk.seconds["c001"].offline == 0


async def test_counters_wait_for_a_transition_that_is_not_on_the_disk(tmp_path: Path) -> None:
    script = Script(cameras(2))
    async with running(script, tmp_path) as run:
        await run.until(300)
        script.answers["c001"] = dead
        while run.rounds.board.cameras["c001"].doubt is None:
            await run.settle()
        await run.until(run.now + 70)
        run.store.stuck = True
        await run.until(run.now + 60)
        assert run.condition("c001") == "offline"
        assert run.clerk.seconds["c001"].offline == 0


async def test_looks_that_come_too_late_are_counted_as_skipped(tmp_path: Path) -> None:
    script = Script(cameras(32, host="10.6.6.6"))
    async with running(script, tmp_path) as run:
        await run.until(200)
        assert run.ears.skipped == 0
        run.looker.took_s = lambda target, depth: 20.0
        await run.until(1200)
        assert run.ears.skipped > 0
        assert run.ears.rounds >= 15


async def test_a_tarpit_of_a_township_delays_nobody_else(tmp_path: Path) -> None:
    tarpit = cameras(300, township="t1")
    script = Script([*tarpit, *cameras(60, township="t2", start=301)])
    slow = {camera.host for camera in tarpit}
    async with running(script, tmp_path) as run:
        run.looker.took_s = lambda target, depth: 24.0 if target.host in slow else 0.2
        await run.until(300)
        assert {run.condition(camera.id) for camera in script.cameras[300:]} == {"intact"}
        run.looker.asked.clear()
        await run.until(365)
        others = {asked.camera for asked in run.looker.asked if asked.camera > "c300"}
        assert len(others) == 60


async def test_a_camera_that_answers_again_after_good_days_keeps_its_counters_whole(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(600)
        script.answers["c001"] = dead
        await run.until(1200)
        script.answers["c001"] = good
        await run.until(2400)
        total: dict[str, int] = {}
        for each in run.intervals("c001"):
            total[each.condition.value] = total.get(each.condition.value, 0) + each.ended - each.began
        seconds = run.clerk.seconds["c001"]
        assert seconds.offline == total["offline"]
        assert seconds.intact <= total["intact"]
        assert total["intact"] - seconds.intact <= 90
