"""The ledger changes while the rounds go on, and so does the calendar."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.monitor.rounds.county import T0, Script, cameras, dead, good, running

DAY = 86400
TODAY = date(2026, 10, 1)


async def test_a_new_camera_enters_with_a_first_line_and_is_looked_at(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        script.change(*cameras(1, start=2))
        await run.until(130)
        (entered, first), *rest = run.said("c002")
        assert first == "unknown"
        assert 100 <= entered <= 106
        assert [condition for _, condition in rest] == ["intact"]


async def test_a_camera_that_leaves_is_looked_at_no_more_and_nothing_is_known_of_it(tmp_path: Path) -> None:
    script = Script(cameras(2))
    async with running(script, tmp_path) as run:
        await run.until(100)
        (gone,) = (camera for camera in script.cameras if camera.id == "c002")
        script.change(replace(gone, host=""))
        await run.until(110)
        looks = len(run.looker.looks_at("c002"))
        await run.until(1000)
        assert len(run.looker.looks_at("c002")) == looks
        assert "c002" not in run.rounds.board.cameras
        left, condition = run.said("c002")[-1]
        assert condition == "unknown"
        assert left <= 106
        with pytest.raises(KeyError):
            run.rounds.look_now("c002", run.looker.asked[0].depth)
        script.change(gone)
        await run.until(1100)
        back, condition = run.said("c002")[-1]
        assert (condition, back >= 1000) == ("intact", True)


async def test_counters_of_a_camera_that_comes_back_do_not_fall(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(600)
        before = run.clerk.seconds["c001"]
        assert before.intact > 500
        (camera,) = script.cameras
        script.change(without=("c001",))
        await run.until(610)
        script.change(camera)
        while "c001" not in run.clerk.seconds:
            await run.until(run.now + 0.25)
        assert run.clerk.seconds["c001"].intact >= before.intact


async def test_a_camera_that_moves_keeps_its_record(tmp_path: Path) -> None:
    script = Script(cameras(1), answers={"c001": dead})
    async with running(script, tmp_path) as run:
        await run.until(300)
        record = run.said("c001")
        script.change(replace(script.cameras[0], township="t2"))
        await run.until(310)
        assert run.said("c001") == record
        assert run.rounds.board.fleet.cameras["c001"].township == "t2"
        assert {township.code: township.cameras for township in run.rounds.board.townships} == {"t2": 1}


async def test_a_camera_with_a_new_address_is_looked_at_there_at_once(tmp_path: Path) -> None:
    script = Script(cameras(1), answers={"c001": dead})
    async with running(script, tmp_path) as run:
        await run.until(4000)
        assert run.condition("c001") == "offline"
        script.change(replace(script.cameras[0], host="10.8.8.8"))
        script.answers["c001"] = good
        await run.until(4030)
        assert run.condition("c001") == "intact"


async def test_a_look_at_the_old_address_says_nothing_of_the_new_one(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        run.looker.took_s = lambda target, depth: 20.0
        script.answers["c001"] = dead
        old = run.rounds.look_now("c001", run.looker.asked[0].depth)
        await run.settle()
        script.change(replace(script.cameras[0], host="10.8.8.8"))
        script.answers["c001"] = good
        await old
        run.looker.took_s = lambda target, depth: 0.3
        await run.settle()
        assert run.rounds.board.cameras["c001"].doubt is None


async def test_service_begins_and_ends_at_midnight_without_a_new_ledger(tmp_path: Path) -> None:
    tomorrow = TODAY + timedelta(days=1)
    script = Script([*cameras(1, in_service_from=tomorrow), *cameras(1, start=2, in_service_to=tomorrow)])
    async with running(script, tmp_path, at=DAY - 600) as run:
        await run.until(DAY - 60)
        assert set(run.rounds.watched()) == {"c002"}
        await run.until(DAY + 60)
        assert set(run.rounds.watched()) == {"c001"}
        assert run.condition("c001") == "intact"


async def test_a_ledger_that_cannot_be_read_leaves_the_old_one_in_force(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        script.change(*cameras(1, start=2))
        script.broken = True
        await run.until(300)
        assert set(run.rounds.watched()) == {"c001"}
        assert run.condition("c001") == "intact"
        script.broken = False
        await run.until(320)
        assert set(run.rounds.watched()) == {"c001", "c002"}


async def test_a_ledger_asked_for_twice_at_a_time_is_taken_over_once(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        script.change(*cameras(30, start=2))
        await asyncio.gather(*(run.rounds.renew_ledger() for _ in range(3)))
        await run.until(160)
        for number in range(2, 32):
            assert [condition for _, condition in run.said(f"c{number:03d}")] == ["unknown", "intact"]


async def test_a_new_month_begins_with_its_own_count_and_counters_go_on(tmp_path: Path) -> None:
    script = Script(cameras(2))
    month_end = 31 * DAY
    async with running(script, tmp_path, at=month_end - 1200) as run:
        await run.until(month_end - 70)
        script.answers["c002"] = dead
        before = run.clerk.seconds["c001"]
        await run.until(month_end + 600)
        assert str(run.clerk.month) == run.rounds.board.month == "2026-11"
        after = run.clerk.seconds["c001"]
        assert after.intact >= before.intact + 500
        (township,) = run.rounds.board.townships
        assert township.rate is not None
        assert run.clerk.by_township["t1"].service == pytest.approx(2 * 600, abs=2 * 16)
        assert 0.4 < township.rate < 0.6, "one of two cameras died at the turn of the month"
        assert run.intervals("c002")[0].began == T0 + month_end
        assert sum(each.ended - each.began for each in run.intervals("c002")) == pytest.approx(600, abs=2)
        # The doubt lived over the border, and no second of it was counted twice or left out.
        seconds = run.clerk.seconds["c002"]
        failed_at = next(at for at, condition in run.said("c002") if condition == "offline")
        assert failed_at < month_end
        assert seconds.intact == failed_at - (month_end - 1200)
