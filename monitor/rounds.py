"""The rounds: the only place where looking, judging and recording meet.

    wheel ──due──► gate ──may start──► looker ──observations──► core.verdict ──look──► core.outage
                                                                     │                      │ transitions
                                        outpost vouches for us ◄── failing?                 ▼
                                                                                    clerk ──► book, store

Every camera has one look at a time at most. A failing look is applied only after canary and witnesses have been
looked at later than it, so that our own blindness is never held against a camera.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, tzinfo
from itertools import count
from typing import Protocol

import structlog

from monitor.clerk import Clerk, Past
from monitor.clock import Clock
from monitor.core.blindness import (
    Witnesses,
    clock_set_by,
    clock_step,
    everybody_failed,
    link_gaps,
    watched_until,
)
from monitor.core.board import Board
from monitor.core.certificate import CertificateNote, noted
from monitor.core.condition import Cause, Condition, Fault
from monitor.core.due import Plan, interval, next_look
from monitor.core.event import CommonCause, common_causes
from monitor.core.fleet import Camera, Fleet, Registration
from monitor.core.loss import Arrival, arrival_seen, is_of_link
from monitor.core.outage import (
    FAILING,
    CameraState,
    Rules,
    advance,
    bridge,
    decide,
    doubts,
    expire,
    forget_refusals,
    holds_since,
    resume,
    settled,
    unseen,
    veiled_since,
    wants_neighbours,
)
from monitor.core.period import local_date, midnight
from monitor.core.record import Event, Gap, Interval, Transition
from monitor.core.reference import ReferenceOrder, carried_out, references_of, taken_over
from monitor.core.veil import Neighbours, Sight, sight_seen
from monitor.core.verdict import Look, judge, unveiled, void
from monitor.gate import Gate, Job, Lane, Limits
from monitor.live import PROVEN_BEFORE, Live
from monitor.logins import Login, Logins
from monitor.looks import Looker
from monitor.memories import PictureMemories
from monitor.sightings import Sightings
from monitor.store import AuditEntry, CameraMemory, Decision, Evidence, EvidenceKind, Membership, Ruling
from monitor.wheel import Wheel
from monitor.witness import Outpost
from probes.observation import Depth, Light, Observation, Outcome, Reference, Target

log = structlog.get_logger(__name__)

TICK_S = 0.05
"""How often the wheel is turned when nothing ends a look sooner."""

RECENT_LOOKS = 2000
"""How far back the rule for a county without witnesses goes, in looks."""

GOOD_PICTURE_S = 86400
"""A good picture a day is kept of each camera: enough for "then and now", and a healthy round writes no row."""

LEDGER_S = 5.0
"""How often the ledger is asked whether somebody has changed it."""

Seen = tuple[tuple[Observation, ...], Look]
"""What one look saw, and what it says."""


class Ears(Protocol):
    """Who is told of what the rounds do: the metrics."""

    def look_ended(self, *, township: str, probe: str, outcome: str) -> None:
        """One observation was made."""

    def round_ended(self, *, at: float, took_s: float) -> None:
        """All looks that fell due within one light interval are done."""

    def round_was_void(self) -> None:
        """We were blind during a round."""

    def looks_skipped(self, count: int = 1) -> None:
        """Looks could not be begun before the next one was due."""

    def clock_was_set(self, by_s: float) -> None:
        """The wall clock was set forward, or back when negative."""


@dataclass(frozen=True, kw_only=True)
class Ways:
    """How the rounds are run: the rules and numbers of config.toml."""

    rules: Rules
    plan: Plan
    limits: Limits
    common_cause: CommonCause
    grave: frozenset[Fault]
    neighbours: Neighbours = field(default_factory=Neighbours)
    excuse_links: bool = False
    coverage_s: float = 10.0
    """how often the reach of the record is committed"""
    board_s: float = 2.0
    """how often the board is made anew"""
    count_s: float = 15.0
    """how often the month is counted anew"""


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The fleet as the store has it, ready to be looked at."""

    generation: int
    fleet: Fleet
    targets: Mapping[str, Target]
    memberships: tuple[Membership, ...]


class Books(Protocol):
    """Where the ledger comes from. Both block: they are called in a thread."""

    def generation(self) -> int:
        """Grows with every change."""

    def read(self) -> Ledger:
        """The ledger as it stands."""


@dataclass(slots=True)
class _Period:
    """The looks that fall due within one light interval: what the metrics call a round."""

    began: float
    open_looks: int = 0
    closed: bool = False
    void: bool = False


@dataclass(slots=True)
class _Watched:
    """One camera between its looks."""

    camera: Camera
    target: Target
    state: CameraState
    period: _Period
    last: dict[Depth, int] = field(default_factory=dict)
    depth: Depth = Depth.LIGHT
    due: float = 0.0
    asked: list[tuple[Depth, asyncio.Future[Seen]]] = field(default_factory=list)
    good_kept_at: int = 0
    references_reset_at: float = 0.0

    @property
    def wanted(self) -> Depth:
        """How deep the next look goes: what is due, or more if somebody asked for it."""
        return max([self.depth, *(depth for depth, future in self.asked if not future.done())])

    @property
    def lane(self) -> Lane:
        """In which the next look waits: a camera on record as gone that answers again is served first."""
        if self.wanted <= Depth.ONVIF:
            return Lane.LIGHT
        returns = self.state.answers_since is not None or self.state.rise
        return Lane.RETURN if returns else Lane.MEDIA

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody who asked for a look still waits for it."""
        return any(not future.done() for _, future in self.asked)


class Rounds:
    """Looks at a fleet until cancelled. ``open`` first, then ``run``."""

    def __init__(
        self,
        *,
        books: Books,
        clerk: Clerk,
        looker: Looker,
        outpost: Outpost,
        clock: Clock,
        ways: Ways,
        ears: Ears,
        memories: PictureMemories | None = None,
    ) -> None:
        self._books = books
        self._clerk = clerk
        self._looker = looker
        self._outpost = outpost
        self._clock = clock
        self._ways = ways
        self._ears = ears
        self._memories = memories or PictureMemories()
        self._gate = Gate(ways.limits)
        self._wheel = Wheel()
        self._live = Live(ways.rules)
        self._logins = Logins((), (), ways.rules.hold_s)
        self._ledger = Ledger(generation=-1, fleet=Fleet.of((), ()), targets={}, memberships=())
        self._watched: dict[str, _Watched] = {}
        self._periods = deque([_Period(clock.monotonic())])
        self._recent: deque[Look] = deque(maxlen=RECENT_LOOKS)
        self._sightings = Sightings(ways.neighbours)
        self._arrivals: dict[str, Arrival] = {}
        self._certificates: dict[str, CertificateNote] = {}
        self._tickets = count()
        self._offered: dict[int, _Watched] = {}
        self._busy: set[str] = set()
        self._in_flight: set[str] = set()
        self._looks: set[asyncio.Task[None]] = set()
        self._renewing = asyncio.Lock()
        self._day = date.min
        self._wake = asyncio.Event()
        self._events: tuple[Event, ...] = ()
        self._explained: tuple[int, Mapping[str, tuple[int, Fault | None]]] = (-1, {})
        self._open_gaps: set[Gap] = set()
        self.mass_failures = 0
        """looks that were void because everybody failed at once and no witness could be asked"""
        self._board = self._make_board()
        self.progress = clock.monotonic()
        """when the wheel was last turned (monotonic seconds)"""

    @property
    def board(self) -> Board:
        """The newest board."""
        return self._board

    @property
    def waiting(self) -> int:
        """Looks that are due and not yet begun."""
        return self._gate.waiting

    # Who is watched

    async def open(self) -> None:
        """Take up the record where the last run left it."""
        past = await asyncio.to_thread(self._clerk.read_past)
        self._certificates = await asyncio.to_thread(self._clerk.read_certificates)
        self._day = self._today()
        self._ledger = await asyncio.to_thread(self._books.read)
        self._events = past.events
        self._logins = Logins(past.holds, _proven(self._ledger.fleet, past), self._ways.rules.hold_s)
        added: list[Transition] = []
        for camera in self._in_service(self._ledger):
            target = self._ledger.targets[camera.id]
            added += self._enter(camera, target, past.history.get(camera.id, ()), past.covered_until)
        await asyncio.to_thread(self._recall)
        self._clerk.write(added)
        self._clerk.part_with(self._ledger.fleet, past.history, self._watched.keys())
        await self._clerk.count(self._ledger.fleet, self._ledger.memberships)
        self._board = self._make_board()

    def _recall(self) -> None:
        for kept in self._clerk.read_memories():
            if kept.camera in self._watched:
                self._memories.put(kept.camera, kept.memory)

    def _in_service(self, ledger: Ledger) -> list[Camera]:
        now, zone = int(self._clock.now()), self._clerk.month.zone
        return [camera for camera in ledger.fleet.cameras.values() if _is_watched(camera, now, zone)]

    def _today(self) -> date:
        return local_date(int(self._clock.now()), self._clerk.month.zone)

    def _enter(
        self, camera: Camera, target: Target, history: Sequence[Transition], covered_until: int
    ) -> tuple[Transition, ...]:
        """Begin to watch one camera; returns what this adds to the record."""
        now = int(self._clock.now())
        self._clerk.enter(camera, history, covered_until)
        if history:
            gaps = self._clerk.gaps(camera.township)
            state, added = resume(camera.id, history, covered_until, now, self._ways.rules, gaps=gaps)
        else:
            state = unseen(camera.id, now)
            added = (_first_line(state),)
        watched = _Watched(camera, target, state, self._periods[-1])
        self._watched[camera.id] = watched
        self._live.show(state, now)
        self._schedule_unless_busy(watched)
        return added

    async def renew_ledger(self) -> None:
        """Take over what another process has changed in the ledger, and what a new day changes in it."""
        async with self._renewing:
            day = self._today()
            if day == self._day and await asyncio.to_thread(self._books.generation) == self._ledger.generation:
                return
            ledger = await asyncio.to_thread(self._books.read)
            new = [camera.id for camera in self._in_service(ledger) if camera.id not in self._watched]
            histories = await asyncio.to_thread(lambda: {camera: self._clerk.history(camera) for camera in new})
            self._day = day
            self._take_over(ledger, histories)

    def _take_over(self, ledger: Ledger, histories: Mapping[str, Sequence[Transition]]) -> None:
        """Without a pause, so that no look goes by half an old ledger and half a new one."""
        before, self._ledger = self._ledger, ledger
        cameras = {camera.id: camera for camera in self._in_service(ledger)}
        for gone in self._watched.keys() - cameras.keys():
            self._leave(gone)
        changed = _changed_credentials(before, ledger)
        holds = [hold for credential in changed for hold in self._logins.changed(credential)]
        added: list[Transition] = []
        for camera in cameras.values():
            watched, target = self._watched.get(camera.id), ledger.targets[camera.id]
            if watched is None:
                added += self._enter(camera, target, histories.get(camera.id, ()), int(self._clock.now()))
                continue
            if not _same_way(watched.target, target):
                watched.last.clear()  # what was seen at the old address, or with the old login, is to be seen anew
                self._logins.forget(camera.id)
            if camera.credential in changed:
                watched.state = forget_refusals(watched.state)
            watched.camera, watched.target = camera, target
            self._schedule_unless_busy(watched)
        self._clerk.write(added, holds=holds)
        log.info("the ledger was read anew", cameras=len(cameras), changed_credentials=len(changed))

    def _leave(self, camera: str) -> None:
        self._wheel.forget(camera)
        watched = self._watched.pop(camera)
        for _, future in watched.asked:
            future.cancel()
        last: list[Transition] = []
        if watched.state.condition is not Condition.UNKNOWN or watched.state.cause is not Cause.OURS:
            last.append(_last_line(watched.state, int(self._clock.now())))
        self._logins.forget(camera)
        self._clerk.leave(camera, last)
        self._live.forget(camera)
        self._arrivals.pop(camera, None)
        self._memories.forget(camera)
        self._sightings.forget(camera)

    # When and what

    async def run(self) -> None:
        """Look until cancelled."""
        keeping = asyncio.create_task(self._keep(), name="rounds-keep")
        self._outpost.on_look = self._on_witnesses
        try:
            while not keeping.done():
                self._wake.clear()
                self._turn()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TICK_S):
                        await self._wake.wait()
            keeping.result()
        finally:
            tasks = [keeping, *self._looks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._clerk.cover(self._watched_until(), last=True)

    def _turn(self) -> None:
        """Start every look whose time has come, unless we are blind."""
        self.progress = self._clock.monotonic()
        if self._sees():
            for camera in self._wheel.pop_due(self.progress):
                self._offer(self._watched[camera])
        for job in self._gate.ready(self.progress):
            task = asyncio.create_task(self._look(job), name=f"look at {job.camera}")
            self._looks.add(task)
            task.add_done_callback(self._look_ended)

    def _look_ended(self, task: asyncio.Task[None]) -> None:
        self._looks.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a look broke off", task=task.get_name(), exc_info=error)

    def _sees(self) -> bool:
        return self._outpost.state.blind is None

    def _schedule(self, watched: _Watched) -> None:
        now = self._clock.now()
        login_from = self._logins.allowed_from(watched.target, int(now))
        due = next_look(watched.state, watched.last, self._ways.plan, self._ways.rules, int(now), login_from=login_from)
        watched.depth = due.depth
        watched.due = self._clock.monotonic() + max(0.0, due.at - now)
        self._wheel.set(watched.camera.id, watched.due)

    def _schedule_unless_busy(self, watched: _Watched) -> None:
        """A camera that waits for its look or has it is scheduled when that has ended."""
        if watched.camera.id not in self._busy:
            self._schedule(watched)

    def _offer(self, watched: _Watched) -> None:
        self._wheel.forget(watched.camera.id)  # else its own time would come while it waits or is looked at
        self._busy.add(watched.camera.id)
        watched.period = self._periods[-1]
        watched.period.open_looks += 1
        ticket = next(self._tickets)
        self._offered[ticket] = watched
        self._gate.offer(
            Job(
                ticket=ticket,
                camera=watched.camera.id,
                address=watched.camera.address,
                link=watched.camera.township,
                lane=watched.lane,
                channels=watched.target.channels_at_address,
            )
        )

    def look_now(self, camera: str, depth: Depth) -> asyncio.Future[Seen]:
        """Ask for one look at ``depth`` as soon as the caps allow it. Raises KeyError for a camera not watched."""
        watched = self._watched[camera]
        future: asyncio.Future[Seen] = asyncio.get_running_loop().create_future()
        watched.asked.append((depth, future))
        if camera not in self._busy:
            self._offer(watched)
            self._wake.set()
        return future

    def login_tried(self, credential: str) -> Mapping[str, Login]:
        """What the cameras that tried a new login first said of it so far, by camera."""
        return self._logins.tried(credential)

    def watched(self) -> Collection[str]:
        """The ids of the cameras that are looked at."""
        return self._watched.keys()

    # One look

    async def _look(self, job: Job) -> None:
        watched = self._offered.pop(job.ticket)
        self._in_flight.add(job.camera)
        try:
            await self._look_at(watched, job)
        finally:
            self._in_flight.discard(job.camera)
            self._busy.discard(job.camera)
            self._count_look(watched.period)
            # Not always the same: a camera may leave the fleet and enter it again while it waits for its look.
            if (current := self._watched.get(job.camera)) is not None:
                self._go_on(current)

    def _go_on(self, watched: _Watched) -> None:
        """What somebody waits for is done at once, unless the login is being tried elsewhere first."""
        if watched.is_waited_for and not self._logins.awaits_trial(watched.target):
            self._offer(watched)
        else:
            self._schedule(watched)

    async def _look_at(self, watched: _Watched, job: Job) -> None:
        has_left = self._watched.get(job.camera) is not watched
        if has_left or not (self._sees() or watched.is_waited_for):
            self._gate.release(job, now=self._clock.monotonic())
            return
        began, target, depth = int(self._clock.now()), watched.target, watched.wanted
        asked: list[tuple[Depth, asyncio.Future[Seen]]] = []
        # Whoever asked for more than a light look goes on waiting until the login has been tried elsewhere.
        if depth is Depth.LIGHT or not self._logins.awaits_trial(target):
            asked, watched.asked = watched.asked, []
        self._count_skipped(watched)
        held = depth > Depth.LIGHT and not self._logins.begin(target, began)
        reach = Depth.LIGHT if held else depth
        watched.last[reach] = began
        observations, look = await self._see(watched, target, reach, held=held)
        self._charge(job, watched, observations)
        is_current = self._watched.get(job.camera) is watched and _same_way(watched.target, target)
        if reach > Depth.LIGHT:
            self._log_in_ended(target, look, observations if is_current else ())
        look = self._unveiled(watched, look, observations[0])
        if is_current:
            self._note_certificate(look, observations[0])
        look = self._without_loss_of_link(watched, look, observations[0])
        if look.condition in FAILING:
            look = await self._vouched(watched, look)
        if is_current and self._watched.get(job.camera) is watched and _same_way(watched.target, target):
            self._apply(watched, look, observations)
        if held and look.condition not in FAILING:
            look = void(look, Cause.HELD)  # whoever asked for more must not take an open port for it
        for _, future in asked:
            if not future.done():
                future.set_result((observations, look))

    async def _see(self, watched: _Watched, target: Target, depth: Depth, *, held: bool) -> Seen:
        """What one look sees and says. A bug of ours says nothing of the camera."""
        at = self._clock.now()
        try:
            if depth is Depth.PICTURE:
                target = replace(target, memory=self._memories.get(target.camera))
            observations = await self._looker.look(target, depth, channel=watched.camera.channel or 1)
            return observations, judge(observations, grave=self._ways.grave, held=held)
        except Exception:
            log.exception("a look broke off", camera=target.camera, depth=depth.label)
        broken = Observation(
            camera=target.camera,
            probe=depth.label,
            depth=depth,
            at=at,
            took_s=self._clock.now() - at,
            outcome=Outcome.INCONCLUSIVE,
            step="",
            facts={"ours": "look error"},
        )
        return (broken,), judge((broken,), grave=self._ways.grave)

    def _unveiled(self, watched: _Watched, look: Look, first: Observation) -> Look:
        """A veiled picture is what the neighbours make of it; every picture tells its neighbours of the weather."""
        if first.depth is not Depth.PICTURE:
            return look
        its, state = watched.camera, watched.state
        sight = sight_seen(first) if look.condition is Condition.INTACT else None
        if sight is Sight.VEILED:
            opinion = self._sightings.opinion(self._ledger.fleet, its, look.at, since=veiled_since(state))
            look = unveiled(look, opinion, grave=self._ways.grave)
            if wants_neighbours(state, look):
                self._look_at_neighbours(its, look.at)
        # a covered one tells nothing of the weather
        is_covered = Fault.COVERED in (state.fault, look.fault)
        self._sightings.saw(its.id, look.at, None if is_covered else sight)
        return look

    def _look_at_neighbours(self, camera: Camera, at: int) -> None:
        """Look at some of its village now, so that the next look at this camera can be told from the weather."""
        asked, gap_s = 0, self._ways.rules.image_gap_s
        for each in self._ledger.fleet.by_village.get((camera.township, camera.village), ()):
            other = self._watched.get(each.id)
            if other is None or each.id == camera.id or other.state.condition is not Condition.INTACT:
                continue
            if asked <= self._ways.neighbours.members and at - other.last.get(Depth.PICTURE, 0) >= gap_s:
                self.look_now(each.id, Depth.PICTURE)
                asked += 1

    def _note_certificate(self, look: Look, first: Observation) -> None:
        sha256 = first.facts.get("certificate_sha256")
        if not isinstance(sha256, str):
            return
        note = noted(self._certificates.get(look.camera), sha256, look.at)
        if note is None:
            return
        self._certificates[look.camera] = note
        self._clerk.note_certificate(look.camera, note)
        if note.before:
            log.warning("a camera has another certificate", camera=look.camera, sha256=note.sha256)

    def _without_loss_of_link(self, watched: _Watched, look: Look, first: Observation) -> Look:
        """The look, void if its picture was spoiled by packets that the township's link loses for others as well."""
        arrival, township = arrival_seen(first), watched.camera.township
        if arrival is None:
            return look
        self._arrivals[watched.camera.id] = arrival
        if not arrival.lossy or look.fault is not Fault.CORRUPTED:
            return look
        others = (
            its
            for camera, its in self._arrivals.items()
            if camera != look.camera and (other := self._watched.get(camera)) and other.camera.township == township
        )
        if not is_of_link(arrival.at, others):
            return look
        log.info("a link loses packets", township=township, camera=look.camera)
        return void(look, Cause.OURS)

    def _count_skipped(self, watched: _Watched) -> None:
        overdue = self._clock.monotonic() - watched.due
        if (missed := int(overdue / interval(watched.state, self._ways.plan))) > 0:
            self._ears.looks_skipped(missed)

    def _charge(self, job: Job, watched: _Watched, observations: Sequence[Observation]) -> None:
        """What a look costs its link and teaches about its device."""
        received = sum(count for each in observations if isinstance(count := each.facts.get("bytes"), int))
        busy = any(each.outcome is Outcome.BUSY for each in observations)
        self._gate.release(job, now=self._clock.monotonic(), received=received, busy=busy)
        for each in observations:
            self._ears.look_ended(township=watched.camera.township, probe=each.probe, outcome=each.outcome.value)

    def _log_in_ended(self, target: Target, look: Look, observations: Sequence[Observation]) -> None:
        """``observations`` are none when the login was changed meanwhile: they say nothing of the new one."""
        credential = target.credential
        on_trial = credential is not None and self._logins.on_trial(credential.id)
        login = _login(look, observations) if observations else Login.UNASKED
        self._clerk.write(holds=self._logins.end(target, login, look.at))
        if credential is not None and on_trial:
            for other in self._watched.values():
                if other.camera.credential == credential.id and other.camera.id not in self._busy:
                    self._go_on(other)

    async def _vouched(self, watched: _Watched, look: Look) -> Look:
        """The failing look as it may be applied: void when we were blind, or when everybody fails at once."""
        self._recent.append(look)
        await self._outpost.look_later_than(self._clock.monotonic())
        if not self._sees():
            return void(look, Cause.OURS)
        if self._outpost.has_witnesses or not self._everybody_fails(look.at):
            return look
        self.mass_failures += 1
        watched.period.void = True
        return void(look, Cause.OURS)

    def _everybody_fails(self, at: int) -> bool:
        """Whether the newest looks at all cameras within a round have failed.

        Older than ``confirm_over_s`` none may be: what was seen before our line broke would vouch for what came after.
        """
        rules, plan = self._ways.rules, self._ways.plan
        round_s = min(plan.light_s, rules.confirm_over_s or plan.light_s)
        newest = {look.camera: look for look in self._recent if at - look.at < round_s and look.camera in self._watched}
        states = {camera: self._watched[camera].state for camera in newest}
        townships = {camera: self._watched[camera].camera.township for camera in newest}
        return everybody_failed(newest.values(), states, townships)

    def _apply(self, watched: _Watched, look: Look, observations: Sequence[Observation]) -> None:
        """What the look does to the record: the one place where a verdict is made."""
        if not self._sees():
            return
        if look.condition is Condition.INTACT:
            self._recent.append(look)
        self._live.saw(look, observations)
        before = watched.state
        watched.state, transitions = advance(before, look, self._ways.rules)
        self._live.show(watched.state, look.at)
        evidence = self._evidence(watched, before, look, observations[0], changed=bool(transitions))
        memories = self._remember(watched, look, observations[0])
        self._clerk.write(transitions, witnesses=self._answers, evidence=evidence, memories=memories)
        if look.refused_login and self._logins.speaks_for_device(watched.target, watched.target.channels_at_address):
            self._share_refusal(watched, look)

    def _share_refusal(self, watched: _Watched, look: Look) -> None:
        """The device refuses this login for whoever asks: its other channels need not be asked one by one."""
        for other in self._watched.values():
            if other is watched or other.camera.address != watched.camera.address:
                continue
            if other.camera.credential == watched.camera.credential:
                shared = replace(look, camera=other.camera.id)
                other.state, transitions = advance(other.state, shared, self._ways.rules)
                self._live.show(other.state, look.at)
                self._clerk.write(transitions, witnesses=self._answers)

    def _evidence(
        self, watched: _Watched, before: CameraState, look: Look, first: Observation, *, changed: bool
    ) -> tuple[Evidence, ...]:
        """Every look that speaks against the record or changes it is kept, and a good picture a day.

        Of good looks the store keeps the last one of each camera, so one without a picture must not take its place.
        """
        kept = Evidence.of(first, EvidenceKind.FAULT)
        if look.veil is not None:
            kept = replace(kept, measures={**kept.measures, "neighbours": look.veil.told})
        elif look.condition is Condition.INTACT:
            if look.depth is not Depth.PICTURE:
                return ()
            old = look.at - watched.good_kept_at >= GOOD_PICTURE_S
            if not changed and not (old and first.jpeg is not None):
                return ()
            watched.good_kept_at = look.at
            return (Evidence.of(first, EvidenceKind.GOOD),)
        if changed or doubts(watched.state) != doubts(before):
            return (kept,)
        return ()

    def _remember(self, watched: _Watched, look: Look, first: Observation) -> tuple[CameraMemory, ...]:
        """A good picture is what the next one is held against; it is stored together with the one kept as evidence."""
        if first.memory is None or look.condition is not Condition.INTACT:
            return ()
        before = self._memories.get(watched.camera.id)
        memory = taken_over(before, first.memory, watched.references_reset_at)
        self._memories.put(watched.camera.id, memory)
        # The first night's would be lost at a restart before the next day's picture is kept.
        is_new = references_of(memory).keys() != references_of(before).keys()
        if watched.good_kept_at != look.at and not is_new:
            return ()
        return (CameraMemory(camera=watched.camera.id, memory=memory),)

    def references(self, camera: str) -> Mapping[Light, Reference]:
        """What the camera's pictures are held against. Raises KeyError for a camera not watched."""
        return references_of(self._memories.get(self._watched[camera].camera.id))

    async def order_references(self, camera: str, order: ReferenceOrder) -> Mapping[Light, Reference]:
        """Approve or let go of references of the camera; returns those that it has then, once they are in the store.

        Raises KeyError for a camera not watched, UnknownError for the approval of a reference that there isn't.
        """
        watched = self._watched[camera]
        if not order.changes:
            return self.references(camera)
        memory, now = carried_out(order, self._memories.get(camera)), self._clock.now()
        if order.reset:
            watched.references_reset_at = now
        if memory is not None:
            self._memories.put(camera, memory)
            entry = AuditEntry(at=int(now), who=order.by, action="reference", subject=camera, detail=order.told)
            written = self._clerk.write(memories=(CameraMemory(camera=camera, memory=memory),), audit=(entry,))
            if written is not None:
                await written
        return references_of(memory)

    # Time that passes without a look

    async def _keep(self) -> None:
        """Go through the fleet slice by slice, and keep everything that has a time of its own."""
        clocks = self._clock.now(), self._clock.monotonic()
        due = dict.fromkeys((self._cover, self._make_anew, self._count, self._watch_ledger, self._end_period), 0.0)
        every = {
            self._cover: self._ways.coverage_s,
            self._make_anew: self._ways.board_s,
            self._count: self._ways.count_s,
            self._watch_ledger: LEDGER_S,
            self._end_period: float(self._ways.plan.light_s),
        }
        # The counters follow what is committed, so going through the fleet twice as often as that is often enough.
        parts, part = max(1, round(self._ways.coverage_s / 2 / TICK_S)), 0
        while True:
            await asyncio.sleep(TICK_S)
            before, clocks = clocks, (self._clock.now(), self._clock.monotonic())
            self._notice_clock_step(before, clocks)
            part = (part + 1) % parts
            for watched in list(self._watched.values())[part::parts]:
                self._pass_time(watched)
            for chore, interval_s in every.items():
                if clocks[1] >= due[chore]:
                    due[chore] = clocks[1] + interval_s
                    await chore()

    async def _watch_ledger(self) -> None:
        try:
            await self.renew_ledger()
        except Exception:
            log.exception("the ledger cannot be read; the cameras that are watched go on being so")

    def _pass_time(self, watched: _Watched) -> None:
        now = self._clock.now()
        # One that waits for its turn in vain must not keep its condition for ever.
        if self._sees() and watched.camera.id not in self._in_flight:
            own = interval(watched.state, self._ways.plan)
            state, transitions = expire(watched.state, now, own, self._ways.rules)
            if transitions:
                watched.state = state
                self._live.show(state, int(now))
                self._clerk.write(transitions, witnesses=self._answers)
        limit = watched_until(self._outpost.state, watched.camera.township, excuse_links=self._ways.excuse_links)
        self._clerk.show(watched.camera, min(settled(watched.state), limit))

    def _notice_clock_step(self, before: tuple[float, float], now: tuple[float, float]) -> None:
        by_s = clock_set_by(*before, *now)
        if by_s == 0:
            return
        self._ears.clock_was_set(by_s)
        log.warning("the wall clock was set", by_s=round(by_s, 1))
        gap = clock_step(*before, *now)
        if gap is None:
            return
        self._clerk.write(gaps=(gap,))
        self._bridge(gap)

    def _on_witnesses(self, state: Witnesses, closed: tuple[Gap, ...]) -> None:
        """After each look at canary and witnesses."""
        before, self._open_gaps = self._open_gaps, {*link_gaps(state), *((state.blind,) if state.blind else ())}
        opened = self._open_gaps - before
        self._clerk.write(gaps=(*opened, *closed))
        if state.blind:
            self._periods[-1].void = True
        for gap in closed:
            if gap.cause is not Cause.LINK_EXCUSED or self._ways.excuse_links:
                self._bridge(gap)
        if opened or closed:
            self._board = self._make_board()
            self._wake.set()

    def _bridge(self, gap: Gap) -> None:
        """Doubts do not reach over a stretch in which nobody could look."""
        now = int(self._clock.now())
        added: list[Transition] = []
        for watched in self._watched.values():
            if gap.township in (None, watched.camera.township):
                watched.state, transitions = bridge(watched.state, gap)
                added += transitions
                self._live.show(watched.state, now)
                self._schedule_unless_busy(watched)
        self._clerk.write(added, witnesses=self._answers)

    def _count_look(self, period: _Period) -> None:
        period.open_looks -= 1
        self._end_old_periods()

    async def _end_period(self) -> None:
        self._periods[-1].closed = True
        self._periods.append(_Period(self._clock.monotonic(), void=not self._sees()))
        self._end_old_periods()

    def _end_old_periods(self) -> None:
        while self._periods[0].closed and self._periods[0].open_looks <= 0:
            ended = self._periods.popleft()
            self._ears.round_ended(at=self._clock.now(), took_s=self._clock.monotonic() - ended.began)
            if ended.void:
                self._ears.round_was_void()

    async def _cover(self) -> None:
        self._clerk.cover(self._watched_until())

    def _watched_until(self) -> int:
        """Nothing later is covered: the next look at the witnesses may yet find that we were blind."""
        return min(int(self._clock.now()), self._outpost.state.good_at)

    async def _count(self) -> None:
        await self._clerk.count(self._ledger.fleet, self._ledger.memberships)

    # What is shown

    async def _make_anew(self) -> None:
        self._find_events()
        self._board = self._make_board()

    def _find_events(self) -> None:
        now, failing = int(self._clock.now()), self._failing()
        if (self._ledger.generation, failing) == self._explained:
            return  # going through all groups of a county takes a while, and nothing would come of it
        self._explained = self._ledger.generation, failing
        before = {event.id: event for event in self._events}
        found = common_causes(self._ledger.fleet, failing, self._ways.common_cause, self._events, now=now)
        ids = {event.id for event in found}
        # One that another event has taken up is over in the record, too: else nobody would ever end it.
        taken_up = [replace(event, ended=max(now, event.began)) for event in self._events if event.id not in ids]
        self._clerk.write(events=[*(event for event in found if before.get(event.id) != event), *taken_up])
        self._events = tuple(event for event in found if event.ended is None)

    def _failing(self) -> dict[str, tuple[int, Fault | None]]:
        """Since when the failing cameras fail. One not seen since, after a restart say, still counts among them."""
        found: dict[str, tuple[int, Fault | None]] = {}
        for camera, watched in self._watched.items():
            state = watched.state
            if state.condition in FAILING:
                found[camera] = holds_since(state), state.fault
            elif state.condition is Condition.UNKNOWN and state.known and state.known.condition in FAILING:
                found[camera] = state.known.since, state.known.fault
        return found

    def _make_board(self) -> Board:
        now = int(self._clock.now())
        return self._live.board(
            now=now,
            fleet=self._ledger.fleet,
            seconds=self._clerk.seconds,
            events=self._events,
            counts=self._clerk.by_township,
            county=self._clerk.county.online_intact_rate,
            blind=self._outpost.state.blind,
            link_gaps=link_gaps(self._outpost.state),
            month=str(self._clerk.month),
            exempt=frozenset(
                camera
                for camera, spans in self._clerk.exempt.items()
                if any(began <= now < ended for began, ended in spans)
            ),
        )

    @property
    def _answers(self) -> Mapping[str, bool]:
        return self._outpost.state.answers

    def life(self, camera: str) -> tuple[list[Interval], tuple[Transition, ...]]:
        """The camera's month so far: its intervals, and the transitions that began them. Raises KeyError."""
        return self._clerk.life(self._watched[camera].camera, int(self._clock.now()))

    async def decide(self, camera: str, *, accept: bool, by: str) -> bool:
        """A person confirms or refutes the camera's doubted picture; False when nothing is in doubt any more.

        Returns once the decision is in the store. Raises KeyError for a camera not watched.
        """
        watched = self._watched[camera]
        doubt = next((doubt for doubt in doubts(watched.state) if doubt.needs_person), None)
        if doubt is None:
            return False
        now = int(self._clock.now())
        watched.state, transitions = decide(watched.state, accept, now, self._ways.rules)
        self._live.show(watched.state, now)
        decision = Decision(
            camera=camera,
            at=now,
            by=by,
            ruling=Ruling.CONFIRMED if accept else Ruling.REFUTED,
            condition=doubt.condition,
            fault=doubt.fault,
            since=doubt.since,
        )
        self._schedule_unless_busy(watched)
        self._board = self._make_board()
        written = self._clerk.write(transitions, witnesses=self._answers, decisions=(decision,))
        if written is not None:
            await written
        return True


def _is_watched(camera: Camera, now: int, zone: tzinfo) -> bool:
    """In the ledger, in service today, and with an address to look at."""
    if camera.registration is Registration.RETIRED or not camera.host:
        return False
    if camera.in_service_from is not None and now < midnight(camera.in_service_from, zone):
        return False
    return camera.in_service_to is None or now < midnight(camera.in_service_to, zone)


def _first_line(state: CameraState) -> Transition:
    """The camera's record begins: nothing is known of it yet."""
    return Transition(
        camera=state.camera, at=state.since, condition=state.condition, cause=state.cause, decided_at=state.decided_at
    )


def _last_line(state: CameraState, now: int) -> Transition:
    """Nobody looks at the camera any more: from where its record is settled on nothing is known of it."""
    return Transition(
        camera=state.camera, at=settled(state), condition=Condition.UNKNOWN, cause=Cause.OURS, decided_at=now
    )


def _same_way(one: Target, other: Target) -> bool:
    """Whether both lead to the same picture by the same login."""
    return one == other


def _proven(fleet: Fleet, past: Past) -> set[str]:
    """The credentials that some camera has accepted before.

    A refused one is none of them: the camera may have been intact by the login that it had before, and to try the new
    one on all cameras at once would lock their accounts.
    """
    refused = {hold.credential for hold in past.holds if hold.refusals}
    return {
        camera.credential
        for camera in fleet.cameras.values()
        if camera.credential not in refused
        and any(transition.condition is Condition.INTACT for transition in past.history.get(camera.id, ()))
    }


def _changed_credentials(before: Ledger, after: Ledger) -> set[str]:
    """The ids of the credentials whose login is another one now."""
    old = {target.credential.id: target.credential for target in before.targets.values() if target.credential}
    new = {target.credential.id: target.credential for target in after.targets.values() if target.credential}
    return {credential for credential in old if credential in new and old[credential] != new[credential]}


def _login(look: Look, observations: Sequence[Observation]) -> Login:
    """What the look says of the login it used. A stream described without a challenge accepted it as well."""
    if look.refused_login:
        return Login.REFUSED
    described = PROVEN_BEFORE.get(observations[0].step, Depth.MEDIA) >= Depth.DESCRIBE
    if observations[0].outcome in (Outcome.OK, Outcome.UNDECODABLE, Outcome.BAD_PICTURE) or (
        described and observations[0].outcome is not Outcome.INCONCLUSIVE
    ):
        return Login.ACCEPTED
    return Login.UNASKED
