"""What pages and commands ask of the running rounds."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

import pytest

from monitor.desk import Desk, NoArchive
from monitor.gate import Limits
from monitor.store import RoundKind
from monitor.web.source import NoSuchPictureError, NothingToDecideError
from probes.observation import Depth, Observation, Target
from tests.monitor.rounds.county import Run, Script, black, cameras, dead, full, running, ways


def desk_of(run: Run) -> Desk:
    return Desk(rounds=run.rounds, clerk=run.clerk, store=run.store, archive=NoArchive(), clock=run.clock)


async def test_a_round_looks_at_every_camera_once_tells_how_far_it_is_and_is_kept(tmp_path: Path) -> None:
    script = Script(cameras(5), answers={"c002": dead, "c003": full})
    async with running(script, tmp_path) as run:
        await run.until(300)
        run.looker.asked.clear()
        told: list[tuple[int, int]] = []
        report = await desk_of(run).round(Depth.DESCRIBE, lambda done, of: told.append((done, of)))
        assert told[-1] == (5, 5)
        assert {asked.camera for asked in run.looker.asked if asked.depth >= Depth.DESCRIBE} == {
            camera.id for camera in script.cameras
        }
        assert (report["round"], report["depth"], report["void"]) == (1, "describe", None)
        assert report["counts"] == {"intact": 3, "impaired": 0, "offline": 1, "unknown": 1}
        (kept,) = run.store.rounds()
        assert (kept.number, kept.kind, kept.counts, kept.void) == (1, RoundKind.MANUAL, report["counts"], None)
        assert kept.ended is not None


async def test_rounds_at_the_same_time_have_numbers_of_their_own(tmp_path: Path) -> None:
    async with running(Script(cameras(3)), tmp_path) as run:
        await run.until(100)
        desk = desk_of(run)
        reports = await asyncio.gather(
            desk.round(Depth.LIGHT, lambda *_: None),
            desk.round(Depth.PICTURE, lambda *_: None, RoundKind.INSPECTION),
        )
        assert sorted(str(report["round"]) for report in reports) == ["1", "2"]
        kept = run.store.rounds()
        assert [each.number for each in kept] == [2, 1]
        assert {each.kind for each in kept} == {RoundKind.MANUAL, RoundKind.INSPECTION}
        assert all(each.ended is not None for each in kept)
        assert run.looker.overlaps == []


async def test_a_round_outlives_a_camera_that_leaves_the_fleet(tmp_path: Path) -> None:
    script = Script(cameras(8, host="10.4.4.4"))
    async with running(script, tmp_path) as run:
        await run.until(100)
        run.looker.took_s = lambda target, depth: 15.0
        asked = asyncio.ensure_future(desk_of(run).round(Depth.PICTURE, lambda *_: None))
        await run.settle()
        script.change(without=("c008",))
        report = await asked
        cameras_told = report["cameras"]
        assert isinstance(cameras_told, list)
        assert [each["camera"] for each in cameras_told] == [f"c{number:03d}" for number in range(1, 8)]
        assert run.store.rounds()[0].ended is not None


async def test_a_round_in_which_we_were_blind_is_void(tmp_path: Path) -> None:
    script = Script(cameras(3))
    async with running(script, tmp_path) as run:
        await run.until(100)
        script.down.add("10.0.0.1:80")
        await run.until(140)
        report = await desk_of(run).round(Depth.LIGHT, lambda *_: None)
        assert report["void"] == "witnesses"
        assert run.store.rounds()[0].void == "witnesses"


async def test_a_round_in_which_everybody_fails_is_void_without_witnesses(tmp_path: Path) -> None:
    script = Script([*cameras(20), *cameras(20, township="t2", start=21)], witnesses=())
    async with running(script, tmp_path) as run:
        await run.until(300)
        script.answers.update({camera.id: dead for camera in script.cameras})
        await run.until(400)
        report = await desk_of(run).round(Depth.LIGHT, lambda *_: None)
        assert report["void"] == "mass_failure"


async def test_an_abandoned_round_asks_for_nothing_more(tmp_path: Path) -> None:
    script = Script(cameras(32, host="10.4.4.4"))
    async with running(script, tmp_path) as run:
        await run.until(200)
        run.looker.took_s = lambda target, depth: 10.0
        asked = asyncio.ensure_future(desk_of(run).round(Depth.PICTURE, lambda *_: None))
        await run.settle()
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        await run.until(230)
        run.looker.asked.clear()
        await run.until(500)
        assert all(each.depth < Depth.PICTURE for each in run.looker.asked)


async def test_a_round_over_no_camera_ends(tmp_path: Path) -> None:
    async with running(Script([]), tmp_path) as run:
        report = await desk_of(run).round(Depth.LIGHT, lambda *_: None)
        assert report["cameras"] == []


async def test_a_camera_of_the_newest_ledger_can_be_probed_at_once(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        script.change(*cameras(1, start=2))
        _, look = await desk_of(run).probe("c002", Depth.DESCRIBE)
        assert look.camera == "c002"
        with pytest.raises(KeyError):
            await desk_of(run).probe("nobody", Depth.LIGHT)


async def test_a_life_shows_intervals_evidence_and_decisions(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        script.answers["c001"] = black
        _, look = await desk_of(run).probe("c001", Depth.PICTURE)
        await desk_of(run).decide("c001", True, "王")
        await run.settle()
        life = await desk_of(run).life("c001")
        assert [each.condition.value for each in life.intervals] == ["intact", "impaired"]
        assert [each.by for each in life.decisions] == ["王"]
        assert await desk_of(run).picture("c001", look.at) == b"a picture of c001"
        with pytest.raises(NoSuchPictureError):
            await desk_of(run).picture("c001", look.at + 1)
        with pytest.raises(NothingToDecideError):
            await desk_of(run).decide("c001", True, "王")
        with pytest.raises(NothingToDecideError):
            await desk_of(run).decide("nobody", True, "王")
        assert (await desk_of(run).life("nobody")).intervals == ()


class Jpeg(bytes):
    """A picture that is counted while anybody holds it."""

    alive: ClassVar[int] = 0

    def __new__(cls, content: bytes) -> Self:
        cls.alive += 1
        return super().__new__(cls, content)

    def __del__(self) -> None:
        type(self).alive -= 1


async def test_a_round_holds_no_more_pictures_than_are_being_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 4,000 cameras they would be hundreds of megabytes."""
    in_flight = 4
    async with running(Script(cameras(60)), tmp_path, by=ways(limits=Limits(media=in_flight))) as run:
        await run.until(300)
        look = run.looker.look

        async def counted(target: Target, depth: Depth, *, channel: int = 1) -> tuple[Observation, ...]:
            seen = await look(target, depth, channel=channel)
            return tuple(replace(each, jpeg=Jpeg(each.jpeg)) if each.jpeg else each for each in seen)

        monkeypatch.setattr(run.looker, "look", counted)
        held: list[int] = []
        report = await desk_of(run).round(Depth.PICTURE, lambda *_: held.append(Jpeg.alive))
        assert report["counts"] == {"intact": 60, "impaired": 0, "offline": 0, "unknown": 0}
        assert 0 < max(held) <= 3 * in_flight
        await run.settle()
        gc.collect()
        assert Jpeg.alive == 0
