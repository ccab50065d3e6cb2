"""While we cannot see, nobody is blamed: canary, witnesses, links, and a county without any of them."""

from __future__ import annotations

from pathlib import Path

from monitor.core.condition import Cause
from monitor.core.due import Plan
from monitor.core.fleet import Township
from monitor.core.record import Gap
from tests.monitor.rounds.county import T0, Answer, Run, Script, cameras, dead, good, running, ways

WITNESS = "10.0.0.1:80"


def everybody_is(script: Script, answer: Answer) -> None:
    script.answers.update({camera.id: answer for camera in script.cameras})


def gaps(run: Run) -> list[tuple[str, float, float | None]]:
    return [
        (gap.reason, gap.began - T0, None if gap.ended is None else gap.ended - T0)
        for gap in run.store.gaps(0, 1 << 40)
    ]


async def test_while_no_witness_answers_nothing_changes_and_the_gap_reaches_from_good_to_good(tmp_path: Path) -> None:
    script = Script([*cameras(30), *cameras(30, township="t2", start=31)])
    script.answers["c007"] = dead
    async with running(script, tmp_path) as run:
        await run.until(300)
        before = {camera: run.said(camera) for camera in ("c001", "c007", "c044")}
        rates = [township.rate for township in run.rounds.board.townships]
        proven = run.rounds.board.proven
        good_at = run.outpost.state.good_at
        everybody_is(script, dead)
        script.down.add(WITNESS)
        await run.until(400)
        assert run.rounds.board.blind == Gap(
            began=run.outpost.state.good_at, ended=None, cause=Cause.OURS, reason="witnesses"
        )
        assert run.outpost.state.good_at - good_at <= 20
        looks = len(run.looker.asked)
        await run.until(2000)
        assert len(run.looker.asked) == looks, "looks pause while we are blind"
        assert gaps(run) == [("witnesses", run.outpost.state.good_at - T0, None)]
        assert [township.rate for township in run.rounds.board.townships] == rates
        assert run.rounds.board.proven == proven
        everybody_is(script, good)
        script.answers["c007"] = dead
        script.down.clear()
        await run.until(2300)
        assert run.rounds.board.blind is None
        ((_, began, ended),) = gaps(run)
        assert 280 <= began <= 302
        assert ended is not None
        assert 2000 <= ended <= 2020
        assert {camera: run.said(camera) for camera in before} == before
        assert [township.rate for township in run.rounds.board.townships][1] == 1
        assert run.rounds.board.proven == proven
        for camera in script.cameras:
            hidden = [each for each in run.intervals(camera.id) if (each.began - T0, each.ended - T0) == (began, ended)]
            assert [each.cause for each in hidden] == ["ours"]
        assert run.ears.void >= 1


async def test_a_failing_canary_blinds_us_although_the_witnesses_answer(tmp_path: Path) -> None:
    script = Script(cameras(5))
    async with running(script, tmp_path) as run:
        await run.until(300)
        script.canary = False
        everybody_is(script, dead)
        await run.until(900)
        assert run.rounds.board.blind is not None
        assert run.rounds.board.blind.reason == "canary"
        assert {run.condition(camera.id) for camera in script.cameras} == {"unknown"}
        for camera in script.cameras:
            assert run.said(camera.id) == [(0, "unknown"), (0, "intact")]


async def test_looks_begin_again_within_the_caps_when_we_see_again(tmp_path: Path) -> None:
    script = Script(cameras(40, host="10.9.9.9"))
    async with running(script, tmp_path) as run:
        await run.until(300)
        script.down.add(WITNESS)
        await run.until(4000)
        run.looker.most_at_address.clear()
        script.down.clear()
        await run.until(4100)
        assert {asked.camera for asked in run.looker.asked if asked.at > T0 + 4000} == {
            each.id for each in script.cameras
        }
        assert run.looker.most_at_address["10.9.9.9:554"] <= 4


async def test_a_doubt_does_not_reach_over_a_gap(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(300)
        script.answers["c001"] = dead
        while run.rounds.board.cameras["c001"].doubt is None:
            await run.settle()
        script.down.add(WITNESS)
        await run.until(run.now + 600)
        script.down.clear()
        await run.until(run.now + 45)
        assert run.condition("c001") == "intact"
        await run.until(run.now + 150)
        (_, _, ended), *_ = gaps(run)
        assert ended is not None
        at, condition = run.said("c001")[-1]
        assert condition == "offline"
        assert at >= ended


async def test_a_look_that_began_while_we_were_blind_is_not_believed_later(tmp_path: Path) -> None:
    script = Script(cameras(3))
    async with running(script, tmp_path) as run:
        await run.until(300)
        run.looker.took_s = lambda target, depth: 25.0
        everybody_is(script, dead)
        await run.until(350)
        script.down.add(WITNESS)
        await run.until(372)
        script.down.clear()
        everybody_is(script, good)
        await run.until(420)
        for camera in script.cameras:
            assert run.said(camera.id) == [(0, "unknown"), (0, "intact")]


async def test_looks_that_wait_are_left_out_when_we_go_blind_but_a_person_gets_an_answer(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(300)
        script.down.add(WITNESS)
        await run.until(400)
        everybody_is(script, dead)
        _, look = await run.rounds.look_now("c001", depth=run.looker.asked[0].depth)
        assert look.condition.value == "unknown"
        assert run.said("c001") == [(0, "unknown"), (0, "intact")]


async def test_without_witnesses_a_round_in_which_everybody_fails_is_void(tmp_path: Path) -> None:
    script = Script([*cameras(30), *cameras(30, township="t2", start=31)], witnesses=())
    async with running(script, tmp_path) as run:
        await run.until(300)
        everybody_is(script, dead)
        await run.until(1800)
        for camera in script.cameras:
            assert [condition for _, condition in run.said(camera.id)] in (
                ["unknown", "intact"],
                ["unknown", "intact", "unknown"],
            )
        assert run.rounds.mass_failures > 0
        assert run.ears.void > 0
        everybody_is(script, good)
        await run.until(2400)
        assert {run.condition(camera.id) for camera in script.cameras} == {"intact"}


async def test_without_witnesses_what_was_seen_before_the_line_broke_does_not_vouch_for_long(tmp_path: Path) -> None:
    rare = ways(plan=Plan(light_s=240, describe_s=600))
    script = Script([*cameras(100), *cameras(100, township="t2", start=101)], witnesses=())
    async with running(script, tmp_path, by=rare) as run:
        await run.until(900)
        everybody_is(script, dead)
        await run.until(3600)
        blamed = [camera.id for camera in script.cameras if "offline" in dict(run.said(camera.id)).values()]
        assert blamed == []


async def test_without_witnesses_a_camera_that_fails_alone_is_still_found(tmp_path: Path) -> None:
    script = Script([*cameras(30), *cameras(30, township="t2", start=31)], witnesses=())
    async with running(script, tmp_path) as run:
        await run.until(300)
        script.answers["c003"] = dead
        await run.until(500)
        assert run.condition("c003") == "offline"


def two_townships(tmp_path: Path) -> Script:
    return Script(
        [*cameras(5), *cameras(5, township="t2", start=6)],
        townships=[Township(code="t1", name="山前镇", witness="10.0.1.1:80"), Township(code="t2", name="泌水镇")],
    )


async def test_a_broken_township_link_is_shown_and_counts_unless_config_excuses_it(tmp_path: Path) -> None:
    script = two_townships(tmp_path)
    async with running(script, tmp_path) as run:
        await run.until(300)
        script.down.add("10.0.1.1:80")
        script.answers.update({camera.id: dead for camera in script.cameras[:5]})
        await run.until(900)
        assert run.rounds.board.blind is None
        (gap,) = run.rounds.board.link_gaps
        assert (gap.township, gap.reason, gap.ended) == ("t1", "township_link", None)
        assert {run.condition(camera.id) for camera in script.cameras[:5]} == {"offline"}
        assert run.rounds.board.townships[0].rate is not None
        assert run.rounds.board.townships[0].rate < 1
        assert [event.kind for event in run.rounds.board.events] != []


async def test_an_excused_link_hides_its_township_also_over_a_restart(tmp_path: Path) -> None:
    script = two_townships(tmp_path)
    excusing = ways(excuse_links=True)
    async with running(script, tmp_path, by=excusing) as run:
        await run.until(300)
        script.down.add("10.0.1.1:80")
        script.answers.update({camera.id: dead for camera in script.cameras[:5]})
        await run.until(900)
        township, other = run.rounds.board.townships
        assert township.rate == other.rate == 1
        assert run.intervals("c001")[-1].cause == "link_excused"
    async with running(script, tmp_path, at=1000, boot="second", by=excusing) as run:
        await run.until(1600)
        assert {reason for reason, _, _ in gaps(run)} == {"township_link"}
        assert all(each.condition.value != "offline" for each in run.intervals("c001"))
        script.down.clear()
        script.answers.clear()
        await run.until(3600)
        assert run.rounds.board.townships[0].rate == 1
        assert run.condition("c001") == "intact"


async def test_a_link_gap_is_kept_even_if_it_does_not_hide(tmp_path: Path) -> None:
    script = two_townships(tmp_path)
    async with running(script, tmp_path) as run:
        await run.until(300)
        script.down.add("10.0.1.1:80")
        await run.until(600)
        script.down.clear()
        await run.until(700)
        ((reason, began, ended),) = gaps(run)
        assert reason == "township_link"
        assert ended is not None
        assert began < 302 < 600 <= ended
        assert all(each.condition.value != "unknown" for each in run.intervals("c001")[1:])


async def test_an_open_gap_is_not_written_again_with_every_look(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(300)
        script.down.add(WITNESS)
        await run.until(1200)
        assert sum(len(batch.gaps) for batch in run.store.batches) == 1


async def test_a_run_that_begins_blind_says_so_and_blames_nobody(tmp_path: Path) -> None:
    script = Script(cameras(3), canary=False)
    everybody_is(script, dead)
    async with running(script, tmp_path) as run:
        await run.until(300)
        assert run.looker.asked == []
        assert run.rounds.board.blind is not None
        assert gaps(run) == [("canary", 0, None)]
        script.canary = True
        everybody_is(script, good)
        await run.until(400)
        assert {run.condition(camera.id) for camera in script.cameras} == {"intact"}


async def test_a_gap_that_a_killed_run_left_open_ends_where_the_next_run_begins(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(300)
        script.down.add(WITNESS)
        await run.until(500)
    script.down.clear()
    async with running(script, tmp_path, at=700, boot="second") as run:
        await run.until(760)
        ((reason, began, ended),) = gaps(run)
        assert (reason, ended) == ("witnesses", 700)
        assert began <= 302
        assert [each.condition.value for each in run.intervals("c001")] == ["intact", "unknown", "intact"]
