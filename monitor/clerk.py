"""Keeps the record: into the book at once, into the store as soon as it takes it, never ahead of what is settled."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from itertools import groupby

import structlog

from monitor.book import Book
from monitor.clock import Clock
from monitor.core.availability import BY_DEFAULT, Counting, Span, Totals
from monitor.core.board import StateSeconds
from monitor.core.certificate import CERTIFICATE, CertificateNote
from monitor.core.condition import Cause, Condition
from monitor.core.exemption import Filing, approved_spans
from monitor.core.fleet import Camera, Fleet
from monitor.core.message import Message, MessageKind, gap_message
from monitor.core.period import Month
from monitor.core.record import Event, Gap, Interval, Transition
from monitor.store import (
    AuditEntry,
    Batch,
    CameraMemory,
    Coverage,
    Decision,
    Evidence,
    Hold,
    Membership,
    Round,
    Store,
    TransitionRecord,
)
from monitor.teller import Teller, round_message, started

log = structlog.get_logger(__name__)

EVER = 1 << 40
"""Later than any time in the record."""


@dataclass(frozen=True, kw_only=True)
class Past:
    """What the last run left behind."""

    covered_until: int
    history: Mapping[str, tuple[Transition, ...]]
    holds: tuple[Hold, ...]
    events: tuple[Event, ...]


class Clerk:
    """The record of one run, which ``boot`` names. Times are UTC seconds."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        boot: str,
        month_at: Callable[[float], Month],
        excuse_links: bool,
        counting: Counting = BY_DEFAULT,
    ) -> None:
        self._store = store
        self._clock = clock
        self._boot = boot
        self._month_at = month_at
        self._began = int(clock.now())
        self._month = month_at(self._began)
        self._book = Book(self._month, (), excuse_links=excuse_links, counting=counting)
        self._teller = Teller(excuse_links=excuse_links)
        self._degraded = False
        self._committed_until = 0
        self._handed_in_until = self._began
        self._covering: asyncio.Future[None] | None = None
        self._unwritten: Counter[str] = Counter()
        """transitions on their way to the store, by camera"""
        self.by_township: Mapping[str, Totals] = {}
        self.county = Totals()
        self.exempt: Mapping[str, Sequence[Span]] = {}
        """by camera, the spans of this month that approved filings cover"""

    @property
    def month(self) -> Month:
        """The running month."""
        return self._month

    @property
    def seconds(self) -> Mapping[str, StateSeconds]:
        """What the counters hold."""
        return self._book.seconds()

    def read_past(self) -> Past:
        """Read the whole record, and end what the last run left open. Blocks: call it in a thread."""
        with self._store.snapshot() as reader:
            past = Past(
                # Without a coverage nobody says that anything was looked at after the last transition.
                covered_until=max((coverage.until for coverage in reader.coverages()), default=0),
                history={
                    camera: tuple(its)
                    for camera, its in groupby(reader.transitions(0, EVER), key=lambda transition: transition.camera)
                },
                holds=reader.holds(),
                events=reader.open_events(),
            )
            gaps = reader.gaps(0, EVER)
        # From there on every camera has an unknown of its own, until its first look.
        ended = [replace(gap, ended=max(gap.began + 1, self._began)) for gap in gaps if gap.ended is None]
        self._book.hide([*(gap for gap in gaps if gap.ended is not None), *ended])
        self._teller.resume(past.events)
        told = [gap_message(gap, at=self._began) for gap in ended]
        told.append(started(at=self._began, covered_until=past.covered_until))
        self._store.write(Batch(gaps=tuple(ended), messages=tuple(told))).add_done_callback(_is_lost)
        self._committed_until = past.covered_until
        return past

    def read_memories(self) -> Iterator[CameraMemory]:
        """What the last run remembered of the cameras' pictures. Blocks."""
        with self._store.snapshot() as reader:
            yield from reader.each_memory()

    def read_certificates(self) -> dict[str, CertificateNote]:
        """The certificate last noted of each camera. Blocks."""
        entries = reversed(self._store.audit_of(CERTIFICATE))
        return {entry.subject: CertificateNote.of(entry.at, entry.detail) for entry in entries}

    def note_certificate(self, camera: str, note: CertificateNote) -> None:
        """Keep what a camera's certificate is from now on."""
        self.write(audit=(AuditEntry(at=note.at, who="xunjian", action=CERTIFICATE, subject=camera, detail=note.told),))

    def history(self, camera: str) -> tuple[Transition, ...]:
        """All transitions of one camera. Blocks."""
        return self._store.transitions(0, EVER, camera)

    def gaps(self, township: str) -> tuple[Gap, ...]:
        """The gaps that hide this township's cameras."""
        return self._book.gaps(township)

    def enter(self, camera: Camera, history: Sequence[Transition], shown_until: int) -> None:
        """Open the camera's page; its counters begin with what they held at ``shown_until``."""
        self._book.open(camera.id, camera.township, history, min(shown_until, self._committed_until))
        self._teller.enter(camera, history)

    def leave(self, camera: str, last: Sequence[Transition] = ()) -> None:
        """The camera has left the fleet; ``last`` is what there is still to say of it."""
        self.write(last, leaves=camera)
        self._book.close(camera)

    def part_with(self, fleet: Fleet, history: Mapping[str, Sequence[Transition]], watched: Collection[str]) -> None:
        """End the record of cameras that left the fleet while nobody looked, where it was last covered."""
        for id_ in sorted(history.keys() - watched):
            last = history[id_][-1]
            if (last.condition, last.cause) == (Condition.UNKNOWN, Cause.OURS):
                continue
            camera = fleet.cameras.get(id_) or Camera(id=id_, name="", township="", village="")
            self.enter(camera, history[id_], self._committed_until)
            ended = Transition(
                camera=id_,
                at=max(last.at, self._committed_until),
                condition=Condition.UNKNOWN,
                cause=Cause.OURS,
                decided_at=self._began,
            )
            self.leave(id_, (ended,))

    def write(
        self,
        transitions: Sequence[Transition] = (),
        *,
        witnesses: Mapping[str, bool] | None = None,
        evidence: Sequence[Evidence] = (),
        memories: Sequence[CameraMemory] = (),
        holds: Sequence[Hold] = (),
        gaps: Sequence[Gap] = (),
        events: Sequence[Event] = (),
        decisions: Sequence[Decision] = (),
        rounds: Sequence[Round] = (),
        audit: Sequence[AuditEntry] = (),
        leaves: str | None = None,
    ) -> asyncio.Future[None] | None:
        """Enter what belongs together; None when there is nothing.

        ``witnesses`` are stored with each transition; ``leaves`` is a camera that is not watched any more.
        """
        said = {name: "ok" if answered else "failed" for name, answered in (witnesses or {}).items()}
        now = int(self._clock.now())
        told = (
            *self._teller.gaps(gaps, now),
            *self._teller.transitions(transitions, said),
            *(self._teller.leave(leaves, now) if leaves else ()),
            *self._teller.events(events, now),
            *(round_message(each) for each in rounds if each.ended is not None),
        )
        if not (transitions or evidence or memories or holds or gaps or events or decisions or rounds or audit or told):
            return None
        self._book.add(transitions)
        if gaps:
            self._book.hide(gaps)
        shown_by = evidence[0].at if evidence else None
        batch = Batch(
            transitions=tuple(
                TransitionRecord(transition=transition, witnesses=said, evidence_at=shown_by)
                for transition in transitions
            ),
            evidence=tuple(evidence),
            memories=tuple(memories),
            holds=tuple(holds),
            gaps=tuple(gaps),
            events=tuple(events),
            decisions=tuple(decisions),
            rounds=tuple(rounds),
            audit=tuple(audit),
            messages=told,
        )
        written = asyncio.wrap_future(self._store.write(batch))
        changed = {transition.camera for transition in transitions}
        self._unwritten.update(changed)
        written.add_done_callback(lambda done: self._written(done, changed))
        return written

    def _written(self, done: asyncio.Future[None], changed: set[str]) -> None:
        if not _is_lost(done):
            self._unwritten.subtract(changed)

    def _tell(self, messages: Sequence[Message]) -> None:
        if messages:
            self._store.write(Batch(messages=tuple(messages))).add_done_callback(_is_lost)

    def _watch_store(self) -> None:
        """Tell that the store cannot write, once it can again, and for how long."""
        health = self._store.health()
        if health.degraded is self._degraded:
            return
        self._degraded = health.degraded
        kind = MessageKind.STORE_DEGRADED if health.degraded else MessageKind.STORE_RECOVERED
        body = {"reason": health.reason} if health.degraded else {}
        self._tell((Message(kind=kind, at=int(self._clock.now()), body=body),))

    def cover(self, until: int, *, last: bool = False) -> None:
        """Commit how far the record reaches; once that is done, the counters may follow as far.

        While the store is slow to take one, no further one is handed in, but for the ``last`` one of a run: what was
        watched until an orderly end is not unknown. A clock set back takes nothing back.
        """
        self._watch_store()
        if self._covering is not None and not self._covering.done() and not last:
            return
        until = self._handed_in_until = max(until, self._handed_in_until)
        coverage = Coverage(boot=self._boot, began=self._began, until=until)
        self._covering = asyncio.wrap_future(self._store.write(Batch(coverage=coverage)))
        self._covering.add_done_callback(lambda done: self._covered(done, until))

    def _covered(self, done: asyncio.Future[None], until: int) -> None:
        if not done.cancelled() and done.exception() is None:
            self._committed_until = max(self._committed_until, until)

    def show(self, camera: Camera, settled: int) -> None:
        """Let the camera's counters reach what is settled and committed.

        They wait for a transition that is not: it may be dated back to before a coverage that is committed.
        """
        if self._unwritten[camera.id] == 0:
            self._book.show(camera, min(settled, self._committed_until))

    async def count(self, fleet: Fleet, memberships: Iterable[Membership]) -> None:
        """Count the month so far anew, in a thread. A month that has begun meanwhile turns the page."""
        now = int(self._clock.now())
        self._teller.rename(fleet)
        month = self._month_at(now)
        if month.start > self._month.start:
            self._month = month
            self._book.turn(month)
        self.exempt = await asyncio.to_thread(self._exempt, now)
        self.by_township, self.county = await asyncio.to_thread(self._book.count, fleet, memberships, now, self.exempt)

    def _exempt(self, now: int) -> dict[str, list[Span]]:
        with self._store.snapshot() as reader:
            filed = reader.exemptions(self._month.start, self._month.end, now)
            if not any(exemption.state is Filing.APPROVED for exemption in filed):
                return {}
            return approved_spans(filed, reader.camera_versions(now))

    def life(self, camera: Camera, until: int) -> tuple[list[Interval], tuple[Transition, ...]]:
        """The camera's month up to ``until``."""
        return self._book.life(camera, until)


def _is_lost(written: Future[None] | asyncio.Future[None]) -> bool:
    """Whether the batch will never be in the store; the log says so."""
    if written.cancelled():
        return True
    if (error := written.exception()) is not None:
        log.error("a part of the record is lost", error=str(error))
    return error is not None
