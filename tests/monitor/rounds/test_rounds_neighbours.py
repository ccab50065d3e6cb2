"""A veiled picture is a cover where the neighbours see clearly, and weather where they don't."""

from __future__ import annotations

from pathlib import Path

from monitor.core.condition import Fault
from monitor.core.outage import Rules
from monitor.core.veil import FAR_TIMES, Neighbours
from monitor.store import EvidenceKind
from probes.observation import Depth
from tests.monitor.rounds.county import Run, Script, cameras, dead, running, ways

CLEAR, HAZY, VEILED = {"veil": 0.1, "haze": 0.3}, {"veil": 0.4, "haze": 1.5}, {"veil": 2.0, "haze": 5.0}
GAP = 300
"""Between two looks at a doubted picture, shorter than usual: the tests need not wait so long."""
QUICK = ways(rules=Rules(image_gap_s=GAP, veil_outlasts_s=5 * GAP))
FAR = FAR_TIMES * Neighbours().members


def village(count: int) -> Script:
    return Script(cameras(count, village="下泉村"))


def show(run: Run, sight: dict[str, float], *numbers: int) -> None:
    for number in numbers:
        run.looker.measures[f"c{number:03d}"] = sight


async def looked_at(run: Run, number: int) -> None:
    await run.rounds.look_now(f"c{number:03d}", Depth.PICTURE)
    await run.settle()


def pictures(run: Run, number: int, since: float) -> int:
    return sum(asked.depth is Depth.PICTURE for asked in run.looker.looks_at(f"c{number:03d}", since))


async def test_a_camera_veiled_among_clear_neighbours_is_covered(tmp_path: Path) -> None:
    async with running(village(5), tmp_path, by=QUICK) as run:
        show(run, CLEAR, 1, 2, 3, 4, 5)
        await run.until(500)
        show(run, VEILED, 1)
        await looked_at(run, 1)
        assert run.condition("c001") == "intact"
        await run.until(500 + GAP + 120)
        assert run.said("c001")[-1] == (500, "impaired")
        (shown,) = (
            kept
            for kept in run.store.evidence("c001", 9, read=False)
            if kept.at == run.transitions("c001")[-1].looks[-1]
        )
        assert shown.kind is EvidenceKind.FAULT
        assert shown.measures["neighbours"] == {"says": "cover", "scope": "village", "asked": 4, "clear": 4}
        show(run, CLEAR, 1)
        await run.until(500 + 5 * GAP)
        assert run.condition("c001") == "intact"


async def test_fog_over_the_village_accuses_nobody(tmp_path: Path) -> None:
    async with running(village(6), tmp_path, by=QUICK) as run:
        show(run, CLEAR, *range(1, 7))
        await run.until(500)
        show(run, VEILED, 1, 2, 3)
        show(run, HAZY, 4, 5, 6)
        await looked_at(run, 1)
        await run.until(500 + 2 * GAP + 120)
        show(run, CLEAR, *range(1, 7))
        await run.until(500 + 3 * GAP)
        for camera in run.script.cameras:
            assert [said for _, said in run.said(camera.id)] == ["unknown", "intact"], camera.id
            assert run.rounds.board.cameras[camera.id].doubt is None


async def test_a_suspect_has_its_village_looked_at_but_never_too_often(tmp_path: Path) -> None:
    async with running(village(7), tmp_path, by=QUICK) as run:
        show(run, CLEAR, *range(1, 8))
        await run.until(500)
        show(run, VEILED, 1)
        since = run.clock.now()
        await looked_at(run, 1)
        asked = [pictures(run, number, since) for number in range(2, 8)]
        assert asked == [1, 1, 1, 1, 0, 0]
        await looked_at(run, 1)
        assert [pictures(run, number, since) for number in range(2, 8)] == [1, 1, 1, 1, 1, 1]
        await looked_at(run, 1)
        assert sum(pictures(run, number, since) for number in range(2, 8)) == 6


async def test_without_neighbours_a_suspect_is_left_to_a_person_until_it_outlasts_weather(tmp_path: Path) -> None:
    async with running(village(1), tmp_path, by=QUICK) as run:
        show(run, CLEAR, 1)
        await run.until(500)
        show(run, VEILED, 1)
        await looked_at(run, 1)
        doubt = run.rounds.board.cameras["c001"].doubt
        assert doubt is not None
        assert (doubt.fault, doubt.needs_person) == (Fault.COVERED, True)
        assert run.store.evidence("c001", 1, read=False)[0].measures["neighbours"] == {
            "says": "suspect",
            "scope": "township",
            "asked": 0,
            "clear": 0,
        }
        await run.until(500 + 4 * GAP)
        assert run.condition("c001") == "intact"
        await run.until(500 + 5 * GAP + 300)
        assert run.said("c001")[-1] == (500, "impaired")


async def test_a_person_decides_what_no_neighbour_can_tell(tmp_path: Path) -> None:
    async with running(village(1), tmp_path, by=QUICK) as run:
        show(run, CLEAR, 1)
        await run.until(500)
        show(run, VEILED, 1)
        await looked_at(run, 1)
        assert await run.rounds.decide("c001", accept=True, by="王芳")
        assert run.said("c001")[-1] == (500, "impaired")


async def test_after_a_restart_nobody_is_accused_before_the_neighbours_were_looked_at(tmp_path: Path) -> None:
    script = village(5)
    async with running(script, tmp_path, by=QUICK) as run:
        show(run, CLEAR, 1, 2, 3, 4, 5)
        await run.until(500)
        show(run, VEILED, 1)
        await looked_at(run, 1)
    async with running(script, tmp_path, at=1000, boot="second", by=QUICK) as run:
        show(run, CLEAR, 2, 3, 4, 5)
        show(run, VEILED, 1)
        await looked_at(run, 1)
        doubt = run.rounds.board.cameras["c001"].doubt
        assert doubt is not None
        assert doubt.since >= run.clock.now() - 60
        assert run.condition("c001") != "impaired"
        await run.until(1000 + 2 * GAP + 300)
        assert run.condition("c001") == "impaired"


async def test_the_rest_of_the_township_tells_where_the_village_is_too_small(tmp_path: Path) -> None:
    script = Script([*cameras(1, village="下泉村"), *cameras(FAR, start=2, village="上泉村")])
    async with running(script, tmp_path, by=QUICK) as run:
        show(run, CLEAR, *range(1, FAR + 2))
        await run.until(500)
        show(run, VEILED, 1)
        for _ in range(2):
            await looked_at(run, 1)
            for number in range(2, FAR + 2):
                await run.rounds.look_now(f"c{number:03d}", Depth.PICTURE)
            await run.until(run.now + GAP + 60)
        assert run.condition("c001") == "impaired"


async def test_neighbours_that_are_out_or_covered_themselves_tell_nothing(tmp_path: Path) -> None:
    script = village(5)
    async with running(script, tmp_path, by=QUICK) as run:
        show(run, CLEAR, 1, 2, 3, 4, 5)
        await run.until(500)
        script.answers["c005"] = dead
        show(run, VEILED, 1)
        await looked_at(run, 1)
        await run.until(500 + GAP + 120)
        assert run.condition("c001") == "impaired"
        show(run, VEILED, 2)
        await looked_at(run, 2)
        newest = run.store.evidence("c002", 1, read=False)[0]
        assert newest.measures["neighbours"] == {"says": "suspect", "scope": "township", "asked": 2, "clear": 2}
