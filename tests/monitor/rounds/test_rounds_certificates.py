"""A camera's TLS certificate is kept; another one is told to people and is no fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.core.certificate import CertificateNote
from monitor.desk import Desk, NoArchive
from probes.observation import Depth, Observation, Target
from tests.monitor.rounds.county import T0, Run, Script, cameras, running


def show(run: Run, patch: pytest.MonkeyPatch, certificates: Mapping[str, str]) -> None:
    """From now on these cameras speak TLS."""
    look = type(run.looker).look.__get__(run.looker)

    async def by_tls(target: Target, depth: Depth, *, channel: int = 1) -> tuple[Observation, ...]:
        (seen,) = await look(target, depth, channel=channel)
        if depth is Depth.LIGHT or target.camera not in certificates:
            return (seen,)
        return (replace(seen, facts={**seen.facts, "certificate_sha256": certificates[target.camera]}),)

    patch.setattr(run.looker, "look", by_tls)


async def noted(run: Run, camera: str) -> list[tuple[str, str]]:
    """What the camera's page tells, newest first."""
    desk = Desk(rounds=run.rounds, clerk=run.clerk, store=run.store, archive=NoArchive(), clock=run.clock)
    life = await desk.life(camera)
    assert all(isinstance(note, CertificateNote) and note.at >= T0 for note in life.certificates)
    return [(note.before, note.sha256) for note in life.certificates]


async def test_another_certificate_is_noted_and_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(Script(cameras(3)), tmp_path) as run:
        show(run, monkeypatch, {"c001": "aa", "c002": "bb"})
        await run.until(400)
        assert await noted(run, "c001") == [("", "aa")]
        show(run, monkeypatch, {"c001": "cc", "c002": "bb"})
        await run.until(4200)
        assert await noted(run, "c001") == [("aa", "cc"), ("", "aa")]
        assert (await noted(run, "c002"), await noted(run, "c003")) == ([("", "bb")], [])
        assert run.said("c001") == [(0, "unknown"), (0, "intact")]


async def test_a_certificate_is_remembered_over_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(cameras(1))
    async with running(script, tmp_path) as run:
        show(run, monkeypatch, {"c001": "aa"})
        await run.until(100)
    for boot, at, shown in (("second", 4000, "aa"), ("third", 8000, "bb")):
        async with running(script, tmp_path, at=at, boot=boot) as run:
            show(run, monkeypatch, {"c001": shown})
            await run.until(at + 400)
            told = await noted(run, "c001")
    assert told == [("aa", "bb"), ("", "aa")]
