"""From looks to the record: confirmation, evidence, and what is kept in the store."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import astuple, replace
from pathlib import Path

import pytest

from monitor.core.due import Plan
from monitor.core.outage import Rules
from monitor.gate import Limits
from monitor.store import EvidenceKind, Ruling
from probes.observation import Depth
from tests.monitor.rounds.county import (
    T0,
    Answer,
    Script,
    black,
    cameras,
    dead,
    full,
    good,
    mute,
    no_stream,
    our_bug,
    running,
    ways,
)


async def test_a_never_seen_camera_gets_a_picture_look_and_is_intact_from_that_look(tmp_path: Path) -> None:
    async with running(Script(cameras(1)), tmp_path) as run:
        await run.until(30)
        assert run.looker.asked[0].depth is Depth.PICTURE
        assert run.said("c001") == [(0, "unknown"), (0, "intact")]
        assert run.condition("c001") == "intact"


@pytest.mark.parametrize("answer", [dead, mute, no_stream])
async def test_a_first_look_that_fails_leaves_a_camera_unknown_until_it_is_confirmed(
    tmp_path: Path, answer: Answer
) -> None:
    async with running(Script(cameras(1), answers={"c001": answer}), tmp_path) as run:
        await run.until(75)
        assert run.said("c001") == [(0, "unknown")]
        doubt = run.rounds.board.cameras["c001"].doubt
        assert doubt is not None
        assert doubt.since == T0
        await run.until(120)
        assert run.said("c001") == [(0, "unknown"), (0, "impaired" if answer is no_stream else "offline")]


async def test_three_failing_looks_over_80_s_make_a_camera_offline_from_the_first(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        script.answers["c001"] = dead
        await run.until(300)
        record = run.records("c001")[-1]
        decided_at = record.transition.decided_at
        failing = [at for each in run.looker.looks_at("c001", T0 + 100) if (at := int(each.at)) <= decided_at]
        assert len(failing) >= 3
        assert decided_at - failing[0] == 80
        assert (record.transition.at, record.transition.condition.value) == (failing[0], "offline")
        assert record.transition.looks == tuple(failing)
        assert record.witnesses == {"canary": "ok", "10.0.0.1:80": "ok"}
        assert record.evidence_at == failing[-1]
        kept = {each.at for each in run.store.evidence("c001", 20) if each.kind is EvidenceKind.FAULT}
        assert kept == set(failing)
        assert run.rounds.board.cameras["c001"].last_outcome == "unreachable"


async def test_a_good_look_in_between_refutes(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        script.answers["c001"] = dead
        while run.rounds.board.cameras["c001"].doubt is None:
            await run.settle()
        script.answers["c001"] = good
        await run.until(1000)
        assert run.said("c001") == [(0, "unknown"), (0, "intact")]
        assert run.rounds.board.cameras["c001"].doubt is None


async def test_an_open_port_does_not_refute_a_dead_stream(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        script.answers["c001"] = mute
        await run.until(900)
        assert run.condition("c001") == "offline"


async def test_a_camera_that_is_back_is_credited_from_its_first_good_deep_look(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        script.answers["c001"] = dead
        await run.until(4000)
        script.answers["c001"] = good
        await run.until(5000)
        back = [asked for asked in run.looker.looks_at("c001", T0 + 4000) if asked.depth >= Depth.DESCRIBE]
        assert run.said("c001")[-1] == (int(back[0].at) - T0, "intact")
        assert int(back[0].at) - T0 - 4000 <= 900


async def test_a_camera_that_is_back_does_not_wait_for_a_round_to_end(tmp_path: Path) -> None:
    script = Script(cameras(60), answers={"c001": dead})
    every_minute = ways(limits=Limits(media=8), plan=Plan(backoff=(1,)))
    async with running(script, tmp_path, by=every_minute) as run:
        await run.until(1000)
        run.looker.took_s = lambda target, depth: 60.0 if depth is Depth.PICTURE else 0.3
        others = [f"c{number:03d}" for number in range(2, 61)]
        round_ = asyncio.gather(*(run.rounds.look_now(camera, Depth.PICTURE) for camera in others))
        script.answers["c001"] = good
        await round_
        ended, seen = run.now, run.looker.looks_at("c001", T0 + 1000)
        answered = next(look.at for look in seen if look.depth is Depth.LIGHT)
        deep = next(look.at for look in seen if look.depth is Depth.PICTURE)
        assert answered + 240 < T0 + ended, "the round goes on long after the camera is back"
        assert deep - answered <= 62, "it takes the first place that comes free"


async def test_counters_never_fall_and_add_up_to_the_settled_time(tmp_path: Path) -> None:
    script = Script(cameras(3))
    before: dict[str, tuple[int, ...]] = {}
    async with running(script, tmp_path) as run:
        for minute in range(60):
            script.answers["c001"] = dead if 10 <= minute < 20 else good
            script.answers["c002"] = (good, dead)[minute % 2]
            await run.until(60 * (minute + 1))
            for camera, seconds in run.clerk.seconds.items():
                now = astuple(seconds)
                assert all(new >= old for old, new in zip(before.get(camera, (0,) * 4), now, strict=True)), camera
                before[camera] = now
        await run.settle()
        assert 3500 <= sum(before["c001"]) <= 3600
        assert before["c001"][2] == sum(
            each.ended - each.began for each in run.intervals("c001") if each.condition.value == "offline"
        )
        for camera in ("c001", "c002", "c003"):
            assert sum(before[camera]) <= 3600


async def test_a_busy_recorder_is_never_a_fault_and_unknown_after_three_intervals(tmp_path: Path) -> None:
    script = Script(cameras(8, host="10.1.1.1"))
    async with running(script, tmp_path) as run:
        await run.until(200)
        script.answers |= {camera.id: full for camera in script.cameras}
        await run.until(1000)
        for camera in script.cameras:
            asked = [int(each.at) - T0 for each in run.looker.looks_at(camera.id) if each.at < T0 + 200]
            assert run.said(camera.id)[1:] == [(0, "intact"), (asked[-1], "unknown")]
            assert run.transitions(camera.id)[-1].cause == "busy"
        run.looker.most_at_address.clear()
        await asyncio.gather(*(run.rounds.look_now(camera.id, Depth.DESCRIBE) for camera in script.cameras))
        assert run.looker.most_at_address["10.1.1.1:554"] == 1


async def test_a_camera_that_waits_in_vain_for_its_look_becomes_unknown(tmp_path: Path) -> None:
    one_at_a_time = replace(ways(), limits=Limits(per_recorder=1))
    async with running(Script(cameras(2, host="10.1.1.1")), tmp_path, by=one_at_a_time) as run:
        await run.until(200)
        run.looker.took_s = lambda target, depth: 5000.0 if target.camera == "c001" else 0.3
        await run.until(1000)
        last = int(run.looker.looks_at("c002")[-1].at) - T0
        assert last < 400
        assert run.said("c002")[-1] == (last, "unknown")
        assert run.said("c001")[-1][1] == "intact", "a look in flight may yet say something"


async def test_a_bug_of_ours_breaks_off_one_look_and_is_not_repeated_at_once(tmp_path: Path) -> None:
    script = Script(cameras(2), answers={"c001": our_bug})
    async with running(script, tmp_path) as run:
        await run.until(600)
        assert run.said("c001") == [(0, "unknown")]
        assert run.condition("c002") == "intact"
        assert 2 <= len(run.looker.looks_at("c001")) <= 13
        script.answers["c001"] = good
        await run.until(1000)
        assert run.condition("c001") == "intact"


async def test_whoever_asked_for_a_look_that_breaks_off_is_answered(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        script.answers["c001"] = our_bug
        observations, look = await run.rounds.look_now("c001", Depth.PICTURE)
        assert look.condition.value == "unknown"
        assert observations[0].outcome.value == "inconclusive"


async def test_a_grave_image_fault_needs_two_pictures_half_an_hour_apart(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        script.answers["c001"] = black
        _, look = await run.rounds.look_now("c001", Depth.PICTURE)
        await run.until(1700)
        assert run.condition("c001") == "intact"
        await run.until(2100)
        assert run.said("c001")[-1] == (look.at - T0, "impaired")
        assert run.store.evidence_at("c001", look.at) is not None


@pytest.mark.parametrize(("accept", "ruling"), [(True, Ruling.CONFIRMED), (False, Ruling.REFUTED)])
async def test_a_persons_word_decides_a_doubted_picture_at_once(tmp_path: Path, accept: bool, ruling: Ruling) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        assert not await run.rounds.decide("c001", accept=accept, by="王")
        script.answers["c001"] = black
        _, look = await run.rounds.look_now("c001", Depth.PICTURE)
        await run.until(130)
        assert await run.rounds.decide("c001", accept=accept, by="王")
        assert run.said("c001")[-1] == ((look.at - T0, "impaired") if accept else (0, "intact"))
        decision, *others = run.store.decisions("c001")
        assert (decision.ruling, decision.fault, decision.since, decision.by) == (ruling, "black", look.at, "王")
        assert others == []
        assert not await run.rounds.decide("c001", accept=accept, by="李")
        assert len(run.store.decisions("c001")) == 1
        with pytest.raises(KeyError):
            await run.rounds.decide("nobody", accept=accept, by="王")


async def test_a_good_picture_is_kept_once_a_day_and_what_it_looked_like_is_remembered(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        (first,) = run.store.evidence("c001")
        assert first.kind is EvidenceKind.GOOD
        assert first.jpeg == b"a picture of c001"
        for _ in range(3):
            await run.rounds.look_now("c001", Depth.PICTURE)
        assert [each.at for each in run.store.evidence("c001")] == [first.at]
        first_memory = run.store.memories()["c001"]
    async with running(script, tmp_path, at=200, boot="second") as run:
        await run.settle()
        assert run.condition("c001") == "intact"
        # The light look that resumes the record shows nothing: the picture stays.
        assert [each.at for each in run.store.evidence("c001")] == [first.at]
        assert run.store.memories()["c001"] == first_memory
        await run.rounds.look_now("c001", Depth.PICTURE)
        assert run.looker.asked[-1].memory == first_memory


async def test_a_healthy_day_writes_no_row_per_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.rounds.TICK_S", 2.0)
    unhurried = replace(ways(coverage_s=600.0, count_s=3600.0), plan=Plan(light_s=300))
    async with running(Script(cameras(50)), tmp_path, by=unhurried) as run:
        await run.until(3600)
        run.store.batches.clear()
        await run.until(3600 + 86400)
        rows: Counter[str] = Counter()
        for batch in run.store.batches:
            for kind in ("transitions", "gaps", "events", "evidence", "holds", "decisions", "memories", "rounds"):
                rows[kind] += len(getattr(batch, kind))
        # A picture a day and what it looked like, each in place of the one before.
        assert rows["evidence"] == rows["memories"] <= 50
        assert rows.total() == rows["evidence"] + rows["memories"]
        assert all(sum(astuple(seconds)) > 86400 for seconds in run.clerk.seconds.values())
        assert run.ears.looks > 50 * 86400 / 300 * 0.9


async def test_a_camera_that_flaps_is_marked_and_counted_as_it_was(tmp_path: Path) -> None:
    script = Script(cameras(1))
    quick = ways(rules=Rules(flap_changes=3))
    async with running(script, tmp_path, by=quick) as run:
        for hour in range(4):
            script.answers["c001"] = (good, dead)[hour % 2]
            await run.until(3600 * (hour + 1))
            assert run.rounds.board.cameras["c001"].flapping is False
        script.answers["c001"] = good
        await run.until(3600 * 5)
        assert run.rounds.board.cameras["c001"].flapping is True
