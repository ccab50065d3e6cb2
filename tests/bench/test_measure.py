"""The benchmarks' own instrument: it sees work, workers and memory, and nobody else's."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from time import process_time
from typing import Literal

import pytest

from tests.bench.measure import Goal, LoopLag, Meter, Result, Usage, median_of

BUSY_S = 0.3
MIB = 1 << 20

WORKER = f"""
import time
sink = bytearray({64 * MIB})
print("ready", flush=True)
input()
began = time.process_time()
while time.process_time() - began < {BUSY_S}:
    pass
print("done", flush=True)
input()
"""


@contextmanager
def idle_worker() -> Iterator[subprocess.Popen[str]]:
    """A child that holds 64 MiB, burns BUSY_S of CPU when told to work, and waits for a line to end."""
    command = [sys.executable, "-c", WORKER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        yield worker
        tell(worker)


def tell(worker: subprocess.Popen[str]) -> None:
    """Send the line that it waits for."""
    assert worker.stdin is not None
    worker.stdin.write("\n")
    worker.stdin.flush()


def work(worker: subprocess.Popen[str]) -> None:
    """Let it burn its CPU, and wait until it has."""
    tell(worker)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "done\n"


@contextmanager
def busy_worker() -> Iterator[subprocess.Popen[str]]:
    """A child that has done its work."""
    with idle_worker() as worker:
        work(worker)
        yield worker


def burn(seconds: float) -> None:
    began = process_time()
    while process_time() - began < seconds:
        pass


def test_own_work_is_ours() -> None:
    with Meter() as meter:
        burn(BUSY_S)
    assert BUSY_S <= meter.usage.cpu_s < 2 * BUSY_S
    assert meter.usage.wall_s >= BUSY_S
    assert meter.usage.workers_cpu_s < 0.1


def test_work_of_a_living_child_is_the_workers() -> None:
    with ExitStack() as after:
        with Meter() as meter:
            after.enter_context(busy_worker())
        assert meter.usage.workers_cpu_s >= BUSY_S - 0.02
        assert meter.usage.cpu_s < BUSY_S
        assert meter.usage.workers_peak_mib >= 64


def test_work_of_a_child_that_has_ended_counts_too() -> None:
    with Meter() as meter, busy_worker():
        pass
    assert meter.usage.workers_cpu_s >= BUSY_S - 0.02


def test_a_process_apart_is_nobodys_worker() -> None:
    # other tests of this process may have children of their own: both meters see those alike
    with idle_worker() as county:
        with Meter() as both, Meter(apart=frozenset({county.pid})) as ours:
            work(county)
        assert both.usage.workers_cpu_s - ours.usage.workers_cpu_s >= BUSY_S - 0.02
        assert both.usage.workers_peak_mib - ours.usage.workers_peak_mib >= 64


def test_the_peak_is_that_of_the_stretch_alone() -> None:
    bytearray(b"x" * (96 * MIB))
    with Meter() as small:
        burn(0.01)
    with Meter() as large:
        bytearray(b"x" * (96 * MIB))
    assert large.usage.peak_mib - small.usage.peak_mib >= 90


def test_the_median_run_is_told() -> None:
    runs: list[int] = []

    def work(number: int) -> None:
        runs.append(number)
        burn(0.2 if number == 3 else 0.01)

    usage = median_of(3, work)
    assert runs == [0, 1, 2, 3]
    assert 0.01 <= usage.cpu_s < 0.15


def test_workers_count_in_the_cost_of_an_item() -> None:
    result = Result(what="look", items=4000, usage=Usage(wall_s=9.0, cpu_s=1.0, workers_cpu_s=3.0))
    assert result.cpu_ms_per_item == pytest.approx(1.0)
    assert result.as_json()["usage"]["wall_s"] == 9.0


@pytest.mark.parametrize(
    ("reached", "sense", "met"), [(2, "≤", True), (3, "≤", False), (2, "≥", True), (1, "≥", False)]
)
def test_a_goal_is_met_up_to_its_bound(reached: float, sense: Literal["≤", "≥"], met: bool) -> None:
    goal = Goal(what="a look", reached=reached, bound=2, unit="ms", sense=sense)
    assert goal.is_met is met
    result = Result(what="looks", items=1, usage=Usage(wall_s=1, cpu_s=1), goals=(goal,))
    (told,) = result.as_json()["goals"]
    assert told["is_met"] is met


async def test_a_loop_that_is_held_up_is_late_by_as_much() -> None:
    async with LoopLag() as lag:
        await asyncio.sleep(0)
        time.sleep(BUSY_S)
        await asyncio.sleep(2 * LoopLag.EVERY_S)
    assert lag.max_ms >= (BUSY_S - LoopLag.EVERY_S) * 1000
    assert lag.p99_ms <= lag.max_ms
