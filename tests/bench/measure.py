"""What does a stretch of work cost? Wall time, CPU of this process and of its workers, peak memory. Linux only."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

import psutil

MIB_IN_KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Seconds and MiB. Workers are all child processes; their peaks are added up."""

    wall_s: float
    cpu_s: float
    workers_cpu_s: float = 0.0
    peak_mib: float = 0.0
    workers_peak_mib: float = 0.0
    largest_worker_mib: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a benchmark is to reach: ``reached`` at most, or at least, ``bound``, both in ``unit``."""

    what: str
    reached: float
    bound: float
    unit: str
    sense: Literal["≤", "≥"] = "≤"

    @property
    def is_met(self) -> bool:
        """Whether the figure keeps within its bound."""
        return self.reached <= self.bound if self.sense == "≤" else self.reached >= self.bound


class Rows(NamedTuple):
    """A table of a benchmark's own."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of the table: ``what`` was done ``items`` times, what all of it took, and what was found besides."""

    what: str
    items: int
    usage: Usage
    notes: dict[str, object] = field(default_factory=dict)
    tables: Sequence[Rows] = ()
    goals: Sequence[Goal] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values, with the CPU of one item added, and whether each goal is met."""
        goals = [asdict(goal) | {"is_met": goal.is_met} for goal in self.goals]
        return asdict(self) | {"cpu_ms_per_item": round(self.cpu_ms_per_item, 4), "goals": goals}

    @property
    def cpu_ms_per_item(self) -> float:
        """CPU of this process and its workers for one item, milliseconds."""
        return (self.usage.cpu_s + self.usage.workers_cpu_s) * 1000 / self.items


class Meter:
    """Measures what happens inside ``with``. Processes in ``apart`` (a simulated county) are nobody's workers.

    With ``of`` it is the process of that id, and its workers, that are measured. The workers must live until the end
    of the block, or have been waited for.
    """

    def __init__(self, *, apart: frozenset[int] = frozenset(), of: int | None = None) -> None:
        self._apart = apart
        self._of = of
        self._process = psutil.Process(of)
        self.usage = Usage(wall_s=0.0, cpu_s=0.0)

    def __enter__(self) -> Self:
        _forget_peak(self._name)
        self._workers_before = self._workers_cpu()
        self._cpu_before, self._wall_before = self._cpu(), perf_counter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self.usage.wall_s:
            self.stop()

    def stop(self) -> None:
        """Measure until here and not until the end of the block."""
        wall, cpu = perf_counter() - self._wall_before, self._cpu() - self._cpu_before
        peaks = [_peak_mib(str(worker.pid)) for worker in self._workers()]
        self.usage = Usage(
            wall_s=wall,
            cpu_s=cpu,
            workers_cpu_s=max(0.0, self._workers_cpu() - self._workers_before),
            peak_mib=_peak_mib(self._name),
            workers_peak_mib=sum(peaks),
            largest_worker_mib=max(peaks, default=0.0),
        )

    @property
    def _name(self) -> str:
        return str(self._process.pid)

    def _cpu(self) -> float:
        # what the system tells of others counts in hundredths of a second
        return process_time() if self._of is None else sum(self._process.cpu_times()[:2])

    def _workers(self) -> list[psutil.Process]:
        strangers = set(self._apart)
        for pid in self._apart:
            strangers |= {child.pid for child in psutil.Process(pid).children(recursive=True)}
        return [child for child in self._process.children(recursive=True) if child.pid not in strangers]

    def _workers_cpu(self) -> float:
        """CPU of the workers that have ended, and of those that live."""
        living = (worker.cpu_times() for worker in self._workers())
        return sum(self._process.cpu_times()[2:4]) + sum(sum(times[:4]) for times in living)


class LoopLag:
    """How late the running event loop is with a timer of 10 ms, while the ``async with`` block lasts."""

    EVERY_S = 0.01

    def __init__(self) -> None:
        self._late_ms: list[float] = []

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._watching.cancel()
        await asyncio.wait({self._watching})

    @property
    def p99_ms(self) -> float:
        """All but the latest hundredth came no later."""
        ordered = sorted(self._late_ms) or [0.0]
        return ordered[int(len(ordered) * 0.99)]

    @property
    def max_ms(self) -> float:
        """How late the latest of all came."""
        return max(self._late_ms, default=0.0)

    async def _watch(self) -> None:
        while True:
            due = perf_counter() + self.EVERY_S
            await asyncio.sleep(self.EVERY_S)
            self._late_ms.append((perf_counter() - due) * 1000)


def median_of(times: int, work: Callable[[int], object]) -> Usage:
    """The medians of wall time and CPU over ``times`` runs of ``work`` (given the run's number), and the peak."""
    work(0)
    walls, cpus = [], []
    _forget_peak("self")
    for number in range(1, times + 1):
        wall, cpu = perf_counter(), process_time()
        work(number)
        walls.append(perf_counter() - wall)
        cpus.append(process_time() - cpu)
    return Usage(wall_s=median(walls), cpu_s=median(cpus), peak_mib=_peak_mib("self"))


def _forget_peak(pid: str) -> None:
    # proc(5): writing 5 to clear_refs resets VmHWM to the present size.
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def _peak_mib(pid: str) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        return 0.0
    peak = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(peak[1]) / MIB_IN_KIB if peak else 0.0  # a zombie has no memory
