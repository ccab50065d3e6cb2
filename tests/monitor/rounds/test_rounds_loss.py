"""Packets that a township's link loses are held against no camera."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.core.due import Plan
from probes.observation import Depth, Observation, Outcome, Target
from tests.monitor.rounds.county import Run, Script, cameras, running, ways

HOURLY = ways(plan=Plan(picture_s=3600))
ENOUGH_S = 3 * 3600


def lose_packets(run: Run, patch: pytest.MonkeyPatch, lossy: Collection[str]) -> None:
    """From now on no key frame of ``lossy`` cameras comes whole."""
    sound = run.looker.look

    async def look(target: Target, depth: Depth, *, channel: int = 1) -> tuple[Observation, ...]:
        (seen,) = await sound(target, depth, channel=channel)
        if depth is not Depth.PICTURE:
            return (seen,)
        if target.camera not in lossy:
            return (replace(seen, facts={"key_frame_bytes": 60_000}),)
        lost: dict[str, object] = {"gapped_key_frames": 3, "packet_loss": True}
        spoiled = replace(seen, outcome=Outcome.BAD_PICTURE, step="key_frame", faults=("corrupted",), facts=lost)
        return (replace(spoiled, jpeg=None, memory=None),)

    patch.setattr(run.looker, "look", look)


async def test_a_camera_alone_in_losing_packets_is_corrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(Script(cameras(6)), tmp_path, by=HOURLY) as run:
        await run.until(100)
        lose_packets(run, monkeypatch, {"c001"})
        await run.until(ENOUGH_S)
        assert run.condition("c001") == "impaired"
        assert {run.condition(f"c{number:03d}") for number in range(2, 7)} == {"intact"}


async def test_cameras_of_a_link_that_loses_packets_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lossy, clean = cameras(6), cameras(6, start=7, township="t2")
    async with running(Script([*lossy, *clean]), tmp_path, by=HOURLY) as run:
        await run.until(100)
        lose_packets(run, monkeypatch, {camera.id for camera in lossy})
        await run.until(ENOUGH_S)
        assert all("impaired" not in dict(run.said(camera.id)).values() for camera in lossy)
        assert {run.condition(camera.id) for camera in clean} == {"intact"}


async def test_another_links_loss_excuses_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = cameras(4), cameras(4, start=5, township="t2")
    async with running(Script([*here, *there]), tmp_path, by=HOURLY) as run:
        await run.until(100)
        lose_packets(run, monkeypatch, {"c001", *(camera.id for camera in there)})
        await run.until(ENOUGH_S)
        assert run.condition("c001") == "impaired"
