"""What pages and commands ask of the running rounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from monitor.clerk import Clerk
from monitor.clock import Clock
from monitor.control import Seen, round_report
from monitor.core.board import Board
from monitor.core.certificate import CERTIFICATE, CertificateNote
from monitor.core.condition import Condition
from monitor.core.period import Month
from monitor.core.record import Interval, Outage, Transition
from monitor.core.reference import ReferenceOrder
from monitor.rounds import Rounds
from monitor.store import Evidence, EvidenceKind, Round, RoundKind, Store
from monitor.web.source import Life, MonthLine, NoSuchPaperError, NoSuchPictureError, NothingToDecideError, Snapshot
from probes.observation import Depth, Light, Reference

EVIDENCE_SHOWN = 40
EVIDENCE_READ = 500
CERTIFICATES_TOLD = 10


class PapersError(Exception):
    """The papers cannot be made; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """A month's papers: where they lie, how many, and the fonts that only stand in for real ones."""

    folder: Path
    files: int
    stand_ins: tuple[str, ...]


class Archive(Protocol):
    """The months and their papers: handed in from above, since only the reports know how to tell them. All block."""

    def months(self) -> tuple[MonthLine, ...]:
        """As ``monitor.web.source.Source`` says."""
        ...

    def month(self, month: str) -> Snapshot | None:
        """As ``monitor.web.source.Source`` says."""
        ...

    def outages(self, month: str, township: str, day: int) -> tuple[Outage, ...]:
        """As ``monitor.web.source.Source`` says."""
        ...

    def paper(self, month: str, name: str) -> bytes:
        """As ``monitor.web.source.Source`` says."""
        ...

    def life(self, camera: str, month: str) -> tuple[tuple[Interval, ...], tuple[Transition, ...]]:
        """The camera's intervals of the month and the transitions that began them; none for one that nobody knew."""
        ...

    async def reconcile(self) -> bool:
        """Make the drafts and the papers that are due; whether there are none left to make. Does not block."""
        ...


class NoArchive:
    """For a daemon that shows no months: one that only lives for a round."""

    def months(self) -> tuple[MonthLine, ...]:
        return ()

    def month(self, month: str) -> Snapshot | None:
        return None

    def outages(self, month: str, township: str, day: int) -> tuple[Outage, ...]:
        return ()

    def paper(self, month: str, name: str) -> bytes:
        raise NoSuchPaperError(f"{month} has no papers")

    def life(self, camera: str, month: str) -> tuple[tuple[Interval, ...], tuple[Transition, ...]]:
        return (), ()

    async def reconcile(self) -> bool:
        """Nothing is due."""
        return True


class Desk:
    """Answers from the rounds' memory where it can, else from the store, and of months from the archive."""

    def __init__(self, *, rounds: Rounds, clerk: Clerk, store: Store, clock: Clock, archive: Archive) -> None:
        self._archive = archive
        self._rounds = rounds
        self._clerk = clerk
        self._store = store
        self._clock = clock
        self._last_number = 0

    def board(self) -> Board:
        """The newest board."""
        return self._rounds.board

    async def life(self, camera: str, month: str | None = None) -> Life:
        """The camera's month. Of one that was not watched it is empty; an unknown month is the running one."""
        now, period = int(self._clock.now()), self._clerk.month
        if month is not None and month != str(period):
            period = Month.parse(month, period.zone)
            intervals, transitions = await asyncio.to_thread(self._archive.life, camera, month)
        else:
            intervals, transitions = self._running_life(camera)
        until = min(now, period.end)
        evidence = await asyncio.to_thread(self._store.evidence, camera, EVIDENCE_READ, read=False)
        reasons = await asyncio.to_thread(self._store.reasons, camera, period.start, until)
        decisions = await asyncio.to_thread(self._store.decisions, camera)
        certificates = await asyncio.to_thread(self._store.audit_of, CERTIFICATE, camera, CERTIFICATES_TOLD)
        return Life(
            camera=camera,
            began=period.start,
            until=until,
            intervals=intervals,
            transitions=transitions,
            reasons=reasons,
            evidence=_of_the_month(evidence, period.start, until),
            decisions=tuple(each for each in decisions if period.start <= each.at < until),
            certificates=tuple(CertificateNote.of(each.at, each.detail) for each in certificates),
        )

    def _running_life(self, camera: str) -> tuple[tuple[Interval, ...], tuple[Transition, ...]]:
        try:
            intervals, transitions = self._rounds.life(camera)
        except KeyError:
            return (), ()
        return tuple(intervals), transitions

    async def months(self) -> tuple[MonthLine, ...]:
        """Every month that can be shown, oldest first."""
        return await asyncio.to_thread(self._archive.months)

    async def month(self, month: str) -> Snapshot | None:
        """The month as frozen, as drafted, or as it stands; None without a record."""
        return await asyncio.to_thread(self._archive.month, month)

    async def outages(self, month: str, township: str, day: int) -> tuple[Outage, ...]:
        """What counted against a township on a day."""
        return await asyncio.to_thread(self._archive.outages, month, township, day)

    async def paper(self, month: str, name: str) -> bytes:
        """One of the month's papers. Raises NoSuchPaperError."""
        return await asyncio.to_thread(self._archive.paper, month, name)

    async def reconcile_months(self) -> bool:
        """Make the drafts and the papers that are due; whether there are none left to make."""
        return await self._archive.reconcile()

    async def picture(self, camera: str, at: int) -> bytes:
        """The picture of a look that was kept. Raises NoSuchPictureError."""
        evidence = await asyncio.to_thread(self._store.evidence_at, camera, at)
        if evidence is None or evidence.jpeg is None:
            raise NoSuchPictureError(f"no picture of {camera} was kept at {at}")
        return evidence.jpeg

    async def decide(self, camera: str, accept: bool, by: str) -> None:
        """A person's word on a doubted picture. Raises NothingToDecideError."""
        try:
            decided = await self._rounds.decide(camera, accept=accept, by=by)
        except KeyError:
            decided = False
        if not decided:
            raise NothingToDecideError(f"nothing about {camera} waits for a person")

    async def probe(self, camera: str, depth: Depth) -> Seen:
        """One look, now, by the newest ledger: a login that was just changed is what is tried.

        Raises KeyError for a camera that is not watched.
        """
        await self._rounds.renew_ledger()
        return await self._rounds.look_now(camera, depth)

    async def references(self, camera: str) -> Mapping[Light, Reference]:
        """What the camera's pictures are held against; nothing for a camera that is not watched."""
        try:
            return self._rounds.references(camera)
        except KeyError:
            return {}

    async def order_references(self, camera: str, order: ReferenceOrder) -> Mapping[Light, Reference]:
        """Approve references or let go of them, as ``Rounds.order_references`` says; by the newest ledger."""
        await self._rounds.renew_ledger()
        return await self._rounds.order_references(camera, order)

    async def login(self, credential: str) -> Mapping[str, str]:
        """What the cameras that try a new login first have said of it so far: accepted or refused, by camera."""
        await self._rounds.renew_ledger()
        return {camera: login.name.lower() for camera, login in self._rounds.login_tried(credential).items()}

    async def round(
        self, depth: Depth, told: Callable[[int, int], None], kind: RoundKind = RoundKind.MANUAL
    ) -> dict[str, object]:
        """One look at every camera, numbered and kept; what it says as ``round --json`` prints it.

        A round in which we were blind is void: it counts for nobody.
        """
        started, began = int(self._clock.now()), self._clock.monotonic()
        note = Round(number=await self._next_number(), kind=kind, depth=depth, started=started)
        self._clerk.write(rounds=(note,))
        watched, mass_failures, void = tuple(self._rounds.watched()), self._rounds.mass_failures, self._blind_by()
        done = 0

        def ended(_: asyncio.Future[Seen]) -> None:
            nonlocal done, void
            done += 1
            void = void or self._blind_by()
            told(done, len(watched))

        looks = []
        for camera in watched:
            look = self._rounds.look_now(camera, depth)
            look.add_done_callback(ended)
            looks.append(_in_short(look))
        answers = await asyncio.gather(*looks, return_exceptions=True)
        seen = [answer for answer in answers if not isinstance(answer, BaseException)]  # others have left the fleet
        if void is None and self._rounds.mass_failures > mass_failures:
            void = "mass_failure"
        seen.sort(key=lambda each: each[1].camera)
        report = round_report(
            note.number,
            depth,
            started_at=datetime.fromtimestamp(started, self._clerk.month.zone).isoformat(),
            took_s=self._clock.monotonic() - began,
            void=void,
            seen=seen,
        )
        await self._keep(note, seen, void)
        return report

    async def _next_number(self) -> int:
        """A number that no other round has, one that has only just begun included."""
        stored = max((each.number for each in await asyncio.to_thread(self._store.rounds, 1)), default=0)
        self._last_number = max(self._last_number, stored) + 1
        return self._last_number

    def _blind_by(self) -> str | None:
        blind = self._rounds.board.blind
        return blind.reason if blind else None

    async def _keep(self, note: Round, seen: list[Seen], void: str | None) -> None:
        counts = {condition.value: 0 for condition in Condition}
        for _, look in seen:
            counts[look.condition.value] += 1
        ended = Round(
            number=note.number,
            kind=note.kind,
            depth=note.depth,
            started=note.started,
            ended=int(self._clock.now()),
            counts=counts,
            void=void,
        )
        if (written := self._clerk.write(rounds=(ended,))) is not None:
            await written


async def _in_short(look: asyncio.Future[Seen]) -> Seen:
    """What was seen, without what is left to the store: pictures, measures and steps of a round are hundreds of MB."""
    observations, judged = await look
    return tuple(replace(each, jpeg=None, memory=None, facts={}, steps=()) for each in observations), judged


def _of_the_month(evidence: Iterable[Evidence], began: int, until: int) -> tuple[Evidence, ...]:
    """What was kept in [began, until), newest first; the last good picture whenever it was: it shows the then."""
    its = [each for each in evidence if each.at < until and (each.at >= began or each.kind is EvidenceKind.GOOD)]
    return tuple(its[:EVIDENCE_SHOWN])
