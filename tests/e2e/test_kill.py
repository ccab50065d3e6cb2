"""kill -9 at any moment: what a page has shown stays so, and only the time without a daemon is unknown."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import psutil
import pytest
import pytest_asyncio

from monitor.core.condition import Cause, Condition
from monitor.core.record import Transition
from monitor.store import Coverage, Store
from probes.testing.county import County, write_ledger
from tests.e2e.site import Daemon, Ended, Site, until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(240),
]

KILLS = 3
FIRST_LOOK_S = 12
"""A first look after a restart is due at once; its time limit is 8 s."""

Seconds = dict[str, dict[str, int]]
Board = dict[str, Any]


@dataclass(kw_only=True)
class Run:
    """One life of the daemon, and the store as it was left."""

    pid: int
    first: Seconds
    last: Seconds = field(default_factory=dict)
    shown: list[Board] = field(default_factory=list)
    """boards seen at least a second before the end"""
    orphans: list[psutil.Process] = field(default_factory=list)
    history: dict[str, list[Transition]] = field(default_factory=dict)
    coverages: tuple[Coverage, ...] = ()


@dataclass(kw_only=True)
class Lives:
    """All runs on one database; the last one was ended by SIGTERM."""

    runs: list[Run] = field(default_factory=list)
    twin: Ended | None = None
    twin_of: int = 0
    exit_code: int = -1
    end_took_s: float = 0.0
    dark: dict[str, float] = field(default_factory=dict)
    """cameras without power, and since when"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lives(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lives]:
    told = Lives()
    async with AsyncExitStack() as stack:
        county = await stack.enter_async_context(
            await County.start(wall=time.time, cameras=60, townships=3, villages=15)
        )
        site = Site.at(tmp_path_factory.mktemp("kill"), county.townships())
        write_ledger(county.ledger(), site.home / "ledger.csv")
        await site.imported(site.home / "ledger.csv")
        villages = [township.villages[0] for township in county.plan.townships]
        for number in range(KILLS):
            async with site.daemon() as daemon:
                run = await _begin(told, daemon, number)
                since = await county.inject("power_lost", villages[number])
                told.dark |= dict.fromkeys(county.cameras_at(villages[number]), since)
                await _watch(run, daemon, for_s=random.uniform(0.2, 8))
                run.orphans = daemon.children()
                assert await daemon.end(signal.SIGKILL) == -signal.SIGKILL
            _read_record(run, site)
        async with site.daemon() as daemon:
            run = await _begin(told, daemon, KILLS)
            told.twin, told.twin_of = await site.command("run"), daemon.process.pid
            await daemon.until("the village is dark on the page", lambda board: _offline(board) == set(told.dark))
            run.last, run.orphans = await daemon.seconds(), daemon.children()
            began = time.monotonic()
            told.exit_code = await daemon.end()
            told.end_took_s = time.monotonic() - began
        _read_record(run, site)
    yield told


async def _begin(told: Lives, daemon: Daemon, number: int) -> Run:
    """Note what a fresh daemon shows. The first one comes to know every camera, the others may be killed before."""
    run = Run(pid=daemon.process.pid, first=await daemon.seconds())
    told.runs.append(run)
    if number == 0:
        await daemon.until("every camera is known", lambda board: "unknown" not in _conditions(board))
    return run


def _conditions(board: Board) -> set[str]:
    return {camera["condition"] for camera in board["cameras"].values()}


def _offline(board: Board) -> set[str]:
    return {id_ for id_, camera in board["cameras"].items() if camera["condition"] == "offline"}


async def _watch(run: Run, daemon: Daemon, *, for_s: float) -> None:
    end = time.monotonic() + for_s
    boards: list[tuple[float, Board]] = []
    while True:
        boards.append((time.monotonic(), await daemon.board()))
        run.last = await daemon.seconds()
        if time.monotonic() >= end:
            break
        await asyncio.sleep(min(0.1, max(0.0, end - time.monotonic())))
    run.shown = [board for seen_at, board in boards if seen_at <= time.monotonic() - 1]


def _read_record(run: Run, site: Site) -> None:
    end = int(time.time()) + 1
    with Store.open(f"sqlite:///{site.home / 'data' / 'xunjian.db'}", at=end) as store:
        for transition in store.transitions(0, end):
            run.history.setdefault(transition.camera, []).append(transition)
        run.coverages = store.coverages()


async def test_what_a_page_has_shown_is_in_the_store(lives: Lives) -> None:
    shown = 0
    for run in lives.runs:
        for board in run.shown:
            for id_, camera in board["cameras"].items():
                facts = (camera["since"], camera["condition"], camera["fault"])
                assert facts in [(each.at, each.condition, each.fault) for each in run.history[id_]]
                shown += 1
    assert shown > 0


async def test_nothing_that_was_stored_is_changed_by_a_later_run(lives: Lives) -> None:
    for before, after in pairwise(lives.runs):
        for camera, history in before.history.items():
            assert after.history[camera][: len(history)] == history


async def test_only_the_time_without_a_daemon_is_unknown(lives: Lives) -> None:
    *killed, last = lives.runs
    for camera, history in last.history.items():
        unknown = [(each.at, end) for each, end in zip(history, _ends(history), strict=True) if _is_ours(each)]
        (first_began, _), *_ = unknown
        assert first_began == history[0].at
        for run, following in pairwise(lives.runs):
            lost_from = max(run.coverages[-1].until, run.history[camera][-1].at)
            (span,) = [span for span in unknown if span[0] <= lost_from < span[1]]
            # A camera that the killed run had not come to know stays unknown, and so until a run lives long enough.
            assert span[0] == lost_from or _is_ours(run.history[camera][-1])
            began = following.coverages[-1].began
            assert began <= span[1]
            assert span[1] <= began + FIRST_LOOK_S or _is_ours(following.history[camera][-1])
        assert len(unknown) <= 1 + len(killed)


def _is_ours(transition: Transition) -> bool:
    return transition.condition is Condition.UNKNOWN and transition.cause is Cause.OURS


def _ends(history: list[Transition]) -> list[int]:
    """When each transition of a camera was followed by another condition; for the last one, never."""
    return [*(following.at for following in history[1:]), 2**40]


async def test_no_counter_falls_over_a_restart(lives: Lives) -> None:
    for run in lives.runs:
        assert _fallen(run.first, run.last) == []
    for before, after in pairwise(lives.runs):
        assert before.last.keys() == after.first.keys()
        assert _fallen(before.last, after.first) == []
    # and none stands still: the time without a daemon is told as well
    began = {camera: history[0].at for camera, history in lives.runs[-1].history.items()}
    reached = [began[camera] + sum(counted.values()) for camera, counted in lives.runs[-1].last.items()]
    assert min(reached) >= lives.runs[-1].coverages[-1].began


def _fallen(before: Seconds, after: Seconds) -> list[tuple[str, str]]:
    return [
        (camera, state)
        for camera, counted in before.items()
        for state, value in counted.items()
        if after[camera][state] < value
    ]


async def test_an_outage_that_lasts_over_kills_is_found_and_dated_once(lives: Lives) -> None:
    for camera, since in lives.dark.items():
        outages = [each for each in lives.runs[-1].history[camera] if each.condition is Condition.OFFLINE]
        assert outages
        assert outages[0].at >= int(since) - 8
    for camera, history in lives.runs[-1].history.items():
        if camera not in lives.dark:
            assert {each.condition for each in history} == {Condition.UNKNOWN, Condition.INTACT}


async def test_a_second_daemon_is_refused_and_told_of_the_first(lives: Lives) -> None:
    assert lives.twin is not None
    assert lives.twin.code == 2
    assert f"pid {lives.twin_of}" in lives.twin.err
    assert "Traceback" not in lives.twin.err
    assert lives.twin.out == ""


async def test_no_decoder_outlives_the_daemon(lives: Lives) -> None:
    orphans = [orphan for run in lives.runs for orphan in run.orphans]
    assert orphans

    async def left() -> list[psutil.Process]:
        return [each for each in orphans if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]

    await until("every decode worker has ended", left, lambda running: not running, within_s=10)


async def test_sigterm_ends_it_in_seconds(lives: Lives) -> None:
    assert lives.exit_code == 0
    assert lives.end_took_s < 10
