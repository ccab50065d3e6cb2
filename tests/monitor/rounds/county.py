"""A county in simulated time: scripted cameras, a real store, and the rounds as the daemon runs them.

The loop's clock jumps to the next timer as soon as nothing is left to do, so an hour passes in moments and every run
is the same. Threads are waited for in real time; meanwhile the clock stands still.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from zoneinfo import ZoneInfo

from monitor.canary import Canary
from monitor.clerk import Clerk
from monitor.core.condition import GRAVE_BY_DEFAULT
from monitor.core.due import Plan
from monitor.core.event import CommonCause
from monitor.core.fleet import Camera, Fleet, Township
from monitor.core.outage import Rules
from monitor.core.period import Month
from monitor.core.record import Interval, Transition
from monitor.gate import Limits
from monitor.inventory import targets
from monitor.looks import Looker
from monitor.rounds import Ledger, Rounds, Ways
from monitor.store import Batch, Membership, Store, TransitionRecord
from monitor.witness import Outpost, Posts
from probes.observation import Credential, Depth, Observation, Outcome, PictureMemory, Step, Target
from probes.probe import Trace

ZONE = ZoneInfo("Asia/Shanghai")
T0 = Month(2026, 10, ZONE).start
"""An October midnight; wall time starts a little after the full second so that rounding never decides a test."""

Result = TypeVar("Result")


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time passes only while everything waits for it."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.threads = 0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self.elapsed

    def run_in_executor(self, executor: Any, func: Callable[..., Result], *args: Any) -> asyncio.Future[Result]:  # type: ignore[override]  # the stubs type the variadic arguments more finely
        self.threads += 1
        future: asyncio.Future[Result] = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._thread_ended)
        return future

    def _thread_ended(self, _: asyncio.Future[Any]) -> None:
        self.threads -= 1


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or self._loop.threads:
            return super().select(timeout if timeout == 0 else 1.0)
        ready = super().select(0)
        if not ready and timeout > 0:
            self._loop.elapsed += timeout
        return ready


class LoopClock:
    """The wall clock of the simulation; ``step`` sets it, as somebody might set the machine's."""

    def __init__(self, start: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._start = start - self._loop.time()

    def now(self) -> float:
        return self._start + self.monotonic()

    def monotonic(self) -> float:
        return self._loop.time()

    def step(self, seconds: float) -> None:
        self._start += seconds


Answer = Callable[[Depth], tuple[Outcome, str, bool, tuple[str, ...]]]
"""How a camera answers a look of a depth: the outcome, the step reached, whether it spoke, the image faults."""


def good(depth: Depth) -> tuple[Outcome, str, bool, tuple[str, ...]]:
    return Outcome.OK, _LAST_STEP[depth], depth > Depth.LIGHT, ()


def dead(depth: Depth) -> tuple[Outcome, str, bool, tuple[str, ...]]:
    return Outcome.UNREACHABLE, "connect", False, ()


def mute(depth: Depth) -> tuple[Outcome, str, bool, tuple[str, ...]]:
    """A port is open, nothing is behind it."""
    return good(depth) if depth is Depth.LIGHT else (Outcome.TIMED_OUT, "describe", False, ())


def no_stream(depth: Depth) -> tuple[Outcome, str, bool, tuple[str, ...]]:
    return good(depth) if depth is Depth.LIGHT else (Outcome.NO_STREAM, "describe", True, ())


def denied(depth: Depth) -> tuple[Outcome, str, bool, tuple[str, ...]]:
    return good(depth) if depth is Depth.LIGHT else (Outcome.UNAUTHORIZED, "describe", True, ())


def full(depth: Depth) -> tuple[Outcome, str, bool, tuple[str, ...]]:
    return Outcome.BUSY, "describe", True, ()


def black(depth: Depth) -> tuple[Outcome, str, bool, tuple[str, ...]]:
    return (Outcome.OK, "judge", True, ("black",)) if depth is Depth.PICTURE else good(depth)


def our_bug(depth: Depth) -> tuple[Outcome, str, bool, tuple[str, ...]]:
    raise RuntimeError("a bug of ours")


_LAST_STEP = {
    Depth.LIGHT: "connect",
    Depth.ONVIF: "device",
    Depth.DESCRIBE: "describe",
    Depth.MEDIA: "teardown",
    Depth.PICTURE: "judge",
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A look as the camera saw it."""

    camera: str
    at: float
    depth: Depth
    login: Credential | None
    memory: PictureMemory | None


class ScriptedLooker(Looker):
    """Answers from a script, and notices whoever looks at a camera twice at a time."""

    def __init__(self, clock: LoopClock) -> None:
        self._wall = clock
        self.script: dict[str, Answer] = {}
        self.took_s: Callable[[Target, Depth], float] = lambda target, depth: 0.3
        self.remembers: Callable[[Target, float], PictureMemory] = lambda target, at: PictureMemory(
            at=at, hash=b"hash", thumb=b"thumb"
        )
        self.measures: dict[str, Mapping[str, float]] = {}
        """what the picture of a camera measures"""
        self.asked: list[Asked] = []
        self.in_flight: Counter[str] = Counter()
        self.at_address: Counter[str] = Counter()
        self.most_at_address: Counter[str] = Counter()
        self.overlaps: list[str] = []

    async def look(self, target: Target, depth: Depth, *, channel: int = 1) -> tuple[Observation, ...]:
        at, address = self._wall.now(), f"{target.host}:{target.rtsp_port}"
        self.asked.append(
            Asked(camera=target.camera, at=at, depth=depth, login=target.credential, memory=target.memory)
        )
        if self.in_flight[target.camera]:
            self.overlaps.append(target.camera)
        self.in_flight[target.camera] += 1
        self.at_address[address] += 1
        self.most_at_address[address] = max(self.most_at_address[address], self.at_address[address])
        took_s = self.took_s(target, depth)
        try:
            outcome, step, answered, faults = self.script.get(target.camera, good)(depth)
            await asyncio.sleep(took_s)
        finally:
            self.in_flight[target.camera] -= 1
            self.at_address[address] -= 1
        pictured = depth is Depth.PICTURE and outcome is Outcome.OK
        memory = self.remembers(target, self._wall.now()) if pictured else None
        return (
            Observation(
                camera=target.camera,
                probe=depth.label,
                depth=depth,
                at=at,
                took_s=took_s,
                outcome=outcome,
                step=step,
                steps=(Step(name=step, took_ms=took_s * 1000),),
                answered=answered,
                faults=faults,
                facts={"measures": self.measures.get(target.camera, {})} if pictured else {},
                jpeg=b"a picture of " + target.camera.encode() if pictured else None,
                memory=memory,
            ),
        )

    def looks_at(self, camera: str, since: float = 0.0) -> list[Asked]:
        return [asked for asked in self.asked if asked.camera == camera and asked.at >= since]


class PromptStore(Store):
    """The real store; each batch is on the disk when ``write`` returns, unless it is ``stuck``."""

    stuck = False

    def write(self, batch: Batch) -> Future[None]:
        self.__dict__.setdefault("batches", []).append(batch)
        if self.stuck:
            return Future()
        future = super().write(batch)
        future.result()
        return future

    @property
    def batches(self) -> list[Batch]:
        found: list[Batch] = self.__dict__.setdefault("batches", [])
        return found


class _CanaryProbe:
    name: ClassVar[str] = "canary"

    def __init__(self, script: Script) -> None:
        self._script = script

    @property
    def depth(self) -> Depth:
        return Depth.DESCRIBE

    async def check(self, target: Target, trace: Trace) -> Outcome:
        return Outcome.OK if self._script.canary else Outcome.TIMED_OUT


@dataclass
class Script:
    """What stays when a run ends and the next one begins: the cameras, the witnesses, the ledger."""

    cameras: list[Camera]
    townships: list[Township] = field(default_factory=list)
    credentials: dict[str, Credential] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    canary: bool = True
    down: set[str] = field(default_factory=set)
    """addresses of witnesses that do not answer"""
    witnesses: tuple[str, ...] = ("10.0.0.1:80",)
    generation: int = 1
    broken: bool = False
    """the ledger cannot be read"""

    def change(self, *cameras: Camera, without: Iterable[str] = ()) -> None:
        """A new edition of the ledger."""
        by_id = {camera.id: camera for camera in self.cameras} | {camera.id: camera for camera in cameras}
        self.cameras = [camera for camera in by_id.values() if camera.id not in set(without)]
        self.generation += 1


class _Books:
    def __init__(self, script: Script, clock: LoopClock) -> None:
        self._script = script
        self._clock = clock

    def generation(self) -> int:
        return self._script.generation

    def read(self) -> Ledger:
        script = self._script
        if script.broken:
            raise OSError("the disk is gone")
        codes = {camera.township for camera in script.cameras} - {township.code for township in script.townships}
        fleet = Fleet.of([*script.townships, *(Township(code=code, name=code) for code in codes)], script.cameras)
        month = Month.at(self._clock.now(), ZONE)
        return Ledger(
            generation=script.generation,
            fleet=fleet,
            targets=targets(fleet, script.credentials),
            memberships=tuple(
                Membership(camera=camera.id, township=camera.township, began=month.start, ended=month.end)
                for camera in script.cameras
            ),
        )


class Listening:
    """Who is told what the rounds do."""

    def __init__(self) -> None:
        self.looks = 0
        self.rounds = 0
        self.void = 0
        self.skipped = 0
        self.clock_set_by: list[float] = []

    def look_ended(self, *, township: str, probe: str, outcome: str) -> None:
        self.looks += 1

    def round_ended(self, *, at: float, took_s: float) -> None:
        self.rounds += 1

    def round_was_void(self) -> None:
        self.void += 1

    def looks_skipped(self, count: int = 1) -> None:
        self.skipped += count

    def clock_was_set(self, by_s: float) -> None:
        self.clock_set_by.append(by_s)


@dataclass
class Run:
    """One run of the daemon's middle: what the parts are called in it."""

    script: Script
    clock: LoopClock
    store: PromptStore
    clerk: Clerk
    looker: ScriptedLooker
    outpost: Outpost
    rounds: Rounds
    ears: Listening

    async def until(self, at: float) -> None:
        """Let time pass until ``at`` (seconds after T0)."""
        await asyncio.sleep(max(0.0, T0 + at - self.clock.now()))

    async def settle(self) -> None:
        """Let a moment pass in which a slice of everything has its turn."""
        await asyncio.sleep(3.0)

    @property
    def now(self) -> float:
        return self.clock.now() - T0

    def transitions(self, camera: str) -> list[Transition]:
        """The record of a camera as it is in the store."""
        return list(self.store.transitions(0, 1 << 40, camera))

    def records(self, camera: str) -> tuple[TransitionRecord, ...]:
        return self.store.transition_records(camera, 0, 1 << 40)

    def said(self, camera: str) -> list[tuple[float, str]]:
        """The record in brief: (seconds after T0, condition)."""
        return [(each.at - T0, each.condition.value) for each in self.transitions(camera)]

    def intervals(self, camera: str) -> list[Interval]:
        return self.rounds.life(camera)[0]

    def condition(self, camera: str) -> str:
        return self.rounds.board.cameras[camera].condition.value


def ways(**changed: Any) -> Ways:
    """The defaults of config.toml."""
    usual = Ways(
        rules=Rules(),
        plan=Plan(),
        limits=Limits(),
        common_cause=CommonCause(),
        grave=GRAVE_BY_DEFAULT,
    )
    return replace(usual, **changed)


@asynccontextmanager
async def running(
    script: Script,
    folder: Path,
    *,
    at: float = 0.0,
    boot: str = "boot",
    by: Ways | None = None,
    orderly: bool = False,
) -> AsyncIterator[Run]:
    """A run that begins ``at`` seconds after T0; leaving the context is a kill: nothing more is said or written.

    ``orderly``: it is an end in which the daemon has its last word.
    """
    clock = LoopClock(T0 + at + 0.0137)
    by = by or ways()
    store = await asyncio.to_thread(
        lambda: PromptStore.open(f"sqlite:///{folder / 'xunjian.db'}", at=int(clock.now()), exclusive=True, who="test")
    )
    looker = ScriptedLooker(clock)
    looker.script = script.answers
    clerk = Clerk(store, clock, boot=boot, month_at=lambda at: Month.at(at, ZONE), excuse_links=by.excuse_links)

    async def answers(address: str) -> bool:
        return address not in script.down

    outpost = Outpost(
        Posts(
            county=script.witnesses,
            townships={township.code: township.witness for township in script.townships if township.witness},
        ),
        canary=Canary(),
        probe=_CanaryProbe(script),
        clock=clock,
        every_s=20.0,
        answers=answers,
    )
    ears = Listening()
    rounds = Rounds(
        books=_Books(script, clock), clerk=clerk, looker=looker, outpost=outpost, clock=clock, ways=by, ears=ears
    )
    tasks: list[asyncio.Task[None]] = []
    try:
        await outpost.look()
        await rounds.open()
        tasks += [asyncio.create_task(outpost.run()), asyncio.create_task(rounds.run())]
        yield Run(
            script=script,
            clock=clock,
            store=store,
            clerk=clerk,
            looker=looker,
            outpost=outpost,
            rounds=rounds,
            ears=ears,
        )
        for task in tasks:
            if task.done():
                task.result()
    finally:
        store.stuck = not orderly
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        store.stuck = True
        await asyncio.to_thread(store.close)


def cameras(count: int, *, township: str = "t1", start: int = 1, **changed: Any) -> list[Camera]:
    """Cameras c001, c002 … of a township, each with an address of its own."""
    return [
        replace(
            Camera(
                id=f"c{number:03d}",
                name=f"村口{number}",
                township=township,
                village=f"v{number}",
                host=f"10.{number // 250}.{number % 250}.9",
                rtsp_path="/1",
            ),
            **changed,
        )
        for number in range(start, start + count)
    ]


def simulate(story: Callable[[], Any]) -> None:
    """Run one story in virtual time, for tests that hypothesis drives."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())


def by_camera(asked: Sequence[Asked]) -> Mapping[str, list[Asked]]:
    found: dict[str, list[Asked]] = defaultdict(list)
    for each in asked:
        found[each.camera].append(each)
    return found
