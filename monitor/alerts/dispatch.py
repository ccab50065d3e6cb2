"""Tells people: reads what happened, plans what is told, and sends it until it is taken or too old.

    outbox ──hear──► cases ──plan──► letters ──► store ──► one sender a channel ──► result ──► store
                       ▲
    board, own health ─┘

What is to be told is in the store, together with how far the outbox was read, before anything is sent: a crash loses
nothing, and doubles only what was on its way. While the disk takes nothing the letters go out all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import structlog

from monitor.alerts.channel import Channel, DeliveryError, Letter
from monitor.alerts.letters import TEST, Audience, letters
from monitor.clock import Clock
from monitor.core.alert import Cases, Own, begun, changes, hear, own_trouble
from monitor.core.alert_plan import Alert, Kind, Policy, Scene, Wait, plan
from monitor.core.board import Board
from monitor.core.condition import Condition, Fault
from monitor.core.delivery import Delivery, DeliveryState, Undelivered, given_up, refused, taken
from monitor.core.fleet import Fleet
from monitor.core.message import ongoing
from monitor.secrets import redact
from monitor.store import Batch, CaseChange, Numbered, ReadUpTo, Store, StoreError

log = structlog.get_logger(__name__)

READER = "alerts"
"""The dispatcher's name among the readers of the outbox."""

STEP_S = 2.0
"""How often the outbox and the clock are looked at."""

READ_AT_ONCE = 5000
"""Messages taken in one step: a county that goes dark is told of in one."""

WRITTEN_WITHIN_S = 5.0
"""How long a letter waits for the disk before it is sent without it."""

WAITING_AT_MOST = 500
"""Deliveries that wait for one channel; beyond that the oldest are given up, and shown."""

EVER = 1 << 40
"""Later than any time in the record."""

NEWLY_FAILED_S = 86_400
"""A failure is shown for a day."""


class Ears(Protocol):
    """Who counts deliveries: the metrics."""

    def alert_delivered(self, *, channel: str, result: str) -> None:
        """One attempt ended: sent, retried or failed."""


@dataclass(frozen=True, kw_only=True)
class Post:
    """A channel, and who reads it: ``audience`` by the newest ledger."""

    name: str
    channel: Channel
    audience: Callable[[Board], Audience]


@dataclass(frozen=True, kw_only=True)
class Ways:
    """How config.toml wants people told."""

    policy: Policy
    excuse_links: bool
    deadline_s: float
    give_up_s: int
    keep_s: int


@dataclass(frozen=True, kw_only=True)
class Troubles:
    """What the dispatcher asks of the rest: why the store cannot be written ("" while it can), months without draft."""

    store: Callable[[], str]
    missing_months: Callable[[], Iterable[str]]


class Dispatcher:
    """Runs until cancelled. ``open`` first, then ``run``."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        board: Callable[[], Board],
        posts: Sequence[Post],
        ways: Ways,
        troubles: Troubles,
        ears: Ears,
        step_s: float = STEP_S,
    ) -> None:
        self._store = store
        self._clock = clock
        self._board = board
        self._ways = ways
        self._troubles = troubles
        self._ears = ears
        self.step_s = step_s
        self._senders = {post.name: _Sender(post, self) for post in posts}
        self._cases = self._stored = Cases()
        self._read = 0
        self._failed: tuple[Delivery, ...] = ()
        self.waits: Mapping[str, Wait] = {}
        """why each case that nobody was told of waits, by its key"""

    async def open(self) -> None:
        """Take up what the last run left: cases, and deliveries that wait."""
        now = self.now
        self._cases = self._stored = await asyncio.to_thread(self._store.alert_cases)
        if self._cases == Cases():
            self._cases = begun(await asyncio.to_thread(_out, self._store, self._board().fleet), now)
        waiting = await asyncio.to_thread(self._store.deliveries, DeliveryState.WAITING, 100_000)
        failed = await asyncio.to_thread(self._store.deliveries, DeliveryState.FAILED)
        self._failed = tuple(each for each in failed if is_newly_failed(each, now))
        for delivery in reversed(waiting):
            if (sender := self._senders.get(delivery.channel)) is not None:
                sender.take(delivery)
            else:
                self.settle(given_up(delivery, "config.toml has no such channel any more", now))

    async def run(self) -> None:
        """Plan and send."""
        senders = [
            asyncio.create_task(sender.run(), name=f"alerts to {name}") for name, sender in self._senders.items()
        ]
        try:
            while True:
                try:
                    await self.step()
                except StoreError as error:
                    log.warning("alerts wait for the store", reason=str(error))
                except Exception:
                    # Whatever is wrong with telling people must not end the watching.
                    log.exception("alerts cannot be planned; tried again")
                await asyncio.sleep(self.step_s)
        finally:
            for task in senders:
                task.cancel()
            await asyncio.gather(*senders, return_exceptions=True)
            for sender in self._senders.values():
                await sender.post.channel.close()

    async def step(self) -> None:
        """Take in what has happened, and hand what is to be told to the senders. Raises StoreError."""
        messages = await asyncio.to_thread(self._store.outbox_after, READER, READ_AT_ONCE, beyond=self._read)
        board, now = self._board(), self.now
        heard = hear(self._cases, (each.message for each in messages), excuse_links=self._ways.excuse_links)
        heard = self._with_own_troubles(heard, now)
        planned = plan(heard, Scene(fleet=board.fleet, exempt=board.exempt, now=now), self._ways.policy)
        self.waits = planned.waits
        deliveries = [each for alert in planned.alerts for each in self._deliveries(alert, board, now)]
        await self._keep(planned.cases, messages, deliveries)
        for delivery in deliveries:
            self._senders[delivery.channel].take(delivery)

    @property
    def now(self) -> int:
        """The UTC second that it is."""
        return int(self._clock.now())

    @property
    def ways(self) -> Ways:
        """How people are told."""
        return self._ways

    def undelivered(self) -> Undelivered | None:
        """What people did not get, None when all is well."""
        now = self.now
        failed = [each for each in self._failed if is_newly_failed(each, now)]
        retried = [each for sender in self._senders.values() for each in sender.waiting if each.attempts]
        if not failed and not retried:
            return None
        shown = (
            max(failed, key=lambda each: each.ended_at or 0) if failed else min(retried, key=lambda each: each.made_at)
        )
        return Undelivered(
            failed=len(failed),
            retried=len(retried),
            channel=shown.channel,
            at=shown.ended_at or shown.made_at,
            why=shown.error,
        )

    def settle(self, delivery: Delivery) -> None:
        """Keep what has become of a delivery."""
        if delivery.state is DeliveryState.FAILED:
            self._failed = (*self._failed[-WAITING_AT_MOST:], delivery)
            log.error(
                "an alert was not delivered", channel=delivery.channel, alert=delivery.alert, reason=delivery.error
            )
        written = asyncio.wrap_future(self._store.write(Batch(deliveries=(delivery,))))
        written.add_done_callback(_complain_if_lost)

    def tried(self, delivery: Delivery) -> None:
        """An attempt has ended."""
        results = {DeliveryState.SENT: "sent", DeliveryState.FAILED: "failed", DeliveryState.WAITING: "retried"}
        self._ears.alert_delivered(channel=delivery.channel, result=results[delivery.state])
        self.settle(delivery)

    def _with_own_troubles(self, cases: Cases, now: int) -> Cases:
        reason = self._troubles.store()
        cases = own_trouble(cases, Own.STORE, reason, since=now if reason else None, now=now)
        missing = set(self._troubles.missing_months())
        known = {case.about for case in cases.own.values() if case.own is Own.REPORT}
        for month in sorted(missing | known):
            cases = own_trouble(cases, Own.REPORT, month, since=now if month in missing else None, now=now)
        return cases

    def _deliveries(self, alert: Alert, board: Board, now: int) -> list[Delivery]:
        made: list[Delivery] = []
        for name, sender in self._senders.items():
            pages = letters(alert, sender.post.audience(board), at=now, longest=sender.post.channel.longest)
            for number, letter in enumerate(pages, start=1):
                made.append(delivery_of(letter, alert=alert.id, channel=name, page=number, now=now))
        return made

    async def _keep(self, cases: Cases, messages: Sequence[Numbered], deliveries: Sequence[Delivery]) -> None:
        changed = changes(self._stored, cases)
        slots = (cases.digested,) if cases.digested not in (None, self._stored.digested) else ()
        read = (ReadUpTo(reader=READER, seq=messages[-1].seq),) if messages else ()
        self._cases = self._stored = cases
        self._read = messages[-1].seq if messages else self._read
        if not (changed or slots or read or deliveries):
            return
        batch = Batch(
            cases=tuple(CaseChange(key=key, case=case) for key, case in changed.items()),
            digests=tuple(slot for slot in slots if slot is not None),
            deliveries=tuple(deliveries),
            read=read,
        )
        written = asyncio.wrap_future(self._store.write(batch))
        written.add_done_callback(_complain_if_lost)
        await asyncio.wait({written}, timeout=WRITTEN_WITHIN_S)
        if slots:
            await asyncio.to_thread(self._store.forget_deliveries, self.now - self._ways.keep_s)


class _Sender:
    """Sends what waits for one channel, one letter at a time, the one that is due longest first."""

    def __init__(self, post: Post, dispatcher: Dispatcher) -> None:
        self.post = post
        self._dispatcher = dispatcher
        self._queue: dict[tuple[str, str, int], Delivery] = {}
        self._new = asyncio.Event()

    @property
    def waiting(self) -> Sequence[Delivery]:
        """What is not sent yet."""
        return tuple(self._queue.values())

    def take(self, delivery: Delivery) -> None:
        """Send this as soon as its time has come."""
        self._queue[delivery.key] = delivery
        while len(self._queue) > WAITING_AT_MOST:
            oldest = next((each for each in self._queue.values() if each.kind == Kind.DIGEST), None)
            dropped = self._queue.pop((oldest or next(iter(self._queue.values()))).key)
            self._dispatcher.settle(given_up(dropped, "too many messages wait for this channel", self._dispatcher.now))
        self._new.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            self._new.clear()
            due = [each for each in self._queue.values() if each.next_at <= self._dispatcher.now]
            if not due:
                await self._sleep()
                continue
            delivery = min(due, key=lambda each: each.next_at)
            tried = await self._try(delivery)
            if delivery.key in self._queue:
                del self._queue[delivery.key]
                if tried.state is DeliveryState.WAITING:
                    self._queue[tried.key] = tried
                self._dispatcher.tried(tried)

    async def _sleep(self) -> None:
        # No longer than a step: the wall clock, by which retries are timed, may be set meanwhile.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._dispatcher.step_s if self._queue else None):
                await self._new.wait()

    async def _try(self, delivery: Delivery) -> Delivery:
        ways = self._dispatcher.ways
        letter = Letter(title=delivery.title, text=delivery.text, kind=delivery.kind, at=delivery.dated)
        try:
            await self.post.channel.send(letter, deadline_s=ways.deadline_s)
        except DeliveryError as error:
            why, permanent = redact.text(str(error)), error.permanent
            log.warning("an alert was refused", channel=delivery.channel, reason=why)
            return refused(delivery, why, self._dispatcher.now, give_up_s=ways.give_up_s, permanent=permanent)
        except Exception as error:
            log.exception("a channel broke down", channel=delivery.channel)
            why = redact.text(f"{type(error).__name__}: {error}")
            return refused(delivery, why, self._dispatcher.now, give_up_s=ways.give_up_s)
        return taken(delivery, self._dispatcher.now)


def is_newly_failed(delivery: Delivery, now: int) -> bool:
    """Whether people should know of it: a test that failed was told to who made it."""
    return delivery.kind != TEST and (delivery.ended_at or 0) > now - NEWLY_FAILED_S


def delivery_of(letter: Letter, *, alert: str, channel: str, page: int, now: int) -> Delivery:
    """A letter on its way to a channel."""
    return Delivery(
        alert=alert,
        channel=channel,
        page=page,
        kind=letter.kind,
        title=letter.title,
        text=letter.text,
        dated=letter.at,
        made_at=now,
        next_at=now,
    )


def _out(store: Store, fleet: Fleet) -> dict[str, tuple[str, Condition, Fault | None, int]]:
    """What is out by the record. The board cannot say: after a start nothing has been looked at yet."""
    found: dict[str, tuple[str, Condition, Fault | None, int]] = {}
    for id_, its in groupby(store.transitions(0, EVER), key=lambda transition: transition.camera):
        outage, camera = ongoing(its), fleet.cameras.get(id_)
        if outage is not None and camera is not None:
            found[id_] = camera.township, outage.condition, outage.fault, outage.began
    return found


def _complain_if_lost(written: asyncio.Future[None]) -> None:
    if not written.cancelled() and (error := written.exception()) is not None:
        log.error("what became of an alert is not on record", error=str(error))
