"""References are learned by the looks, kept over a restart, and decided on by people while looks go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.core.reference import ReferenceOrder
from monitor.core.rule import UnknownError
from probes.observation import Depth, Light, PictureMemory, Reference, Target
from tests.monitor.rounds.county import T0, Run, Script, black, cameras, running
from tests.monitor.rounds.test_desk import desk_of


def learning(light: Light) -> Callable[[Target, float], PictureMemory]:
    def remembers(target: Target, at: float) -> PictureMemory:
        old = target.memory or PictureMemory(at=at, hash=b"hash", thumb=b"thumb")
        known = old.reference(light)
        learned = known if known is not None and known.approved_by else Reference(at=at, thumb=b"%d" % at)
        return replace(old.with_reference(light, learned), at=at)

    return remembers


async def look(run: Run, light: Light) -> None:
    run.looker.remembers = learning(light)
    await run.rounds.look_now("c001", Depth.PICTURE)


async def test_the_first_night_is_in_the_store_before_the_next_day(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        await look(run, Light.DAY)
        await look(run, Light.NIGHT)
        learned = dict(run.rounds.references("c001"))
        assert set(learned) == set(Light)
        stored = run.store.memories()["c001"]
        assert stored.night == learned[Light.NIGHT]
        rows = len(run.store.batches)
        await look(run, Light.NIGHT)
        assert not any(batch.memories for batch in run.store.batches[rows:]), "a healthy look writes no row"
    async with running(script, tmp_path, at=200, boot="second") as run:
        assert set(run.rounds.references("c001")) == set(Light)


async def test_what_a_person_approves_outlives_looks_and_restarts(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        await look(run, Light.DAY)
        (known,) = run.rounds.references("c001").values()
        run.looker.took_s = lambda target, depth: 10.0
        under_way = asyncio.ensure_future(look(run, Light.DAY))
        await run.settle()
        after = await desk_of(run).order_references("c001", ReferenceOrder(by="王芳", approve=Light.DAY))
        await under_way
        assert after == {Light.DAY: replace(known, approved_by="王芳")} == run.rounds.references("c001")
        (entry,) = run.store.audit()
        assert (entry.who, entry.action, entry.subject) == ("王芳", "reference", "c001")
        assert entry.detail == {"approve": "day", "reset": []}
    async with running(script, tmp_path, at=300, boot="second") as run:
        assert run.rounds.references("c001") == after


async def test_a_look_under_way_does_not_bring_back_what_was_let_go_of(tmp_path: Path) -> None:
    async with running(Script(cameras(1)), tmp_path) as run:
        await run.until(100)
        await look(run, Light.DAY)
        run.looker.took_s = lambda target, depth: 10.0
        old = run.rounds.references("c001")[Light.DAY]
        run.looker.remembers = lambda target, at: PictureMemory(at=at, hash=b"", thumb=b"", day=old)
        under_way = run.rounds.look_now("c001", Depth.PICTURE)
        await run.settle()
        assert await run.rounds.order_references("c001", ReferenceOrder(by="王芳", reset=tuple(Light))) == {}
        await under_way
        assert run.rounds.references("c001") == {}
        assert run.store.memories()["c001"].day is None
        await look(run, Light.DAY)
        assert run.rounds.references("c001")[Light.DAY].at > T0 + 110


async def test_a_faulty_picture_teaches_nothing(tmp_path: Path) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        await look(run, Light.DAY)
        known = dict(run.rounds.references("c001"))
        script.answers["c001"] = black
        await look(run, Light.DAY)
        assert run.rounds.references("c001") == known


async def test_of_an_unknown_camera_or_light_nothing_can_be_approved(tmp_path: Path) -> None:
    async with running(Script(cameras(1)), tmp_path) as run:
        await run.until(100)
        with pytest.raises(KeyError):
            await desk_of(run).order_references("c999", ReferenceOrder())
        assert await desk_of(run).references("c999") == {}
        with pytest.raises(UnknownError):
            await desk_of(run).order_references("c001", ReferenceOrder(by="王芳", approve=Light.NIGHT))
