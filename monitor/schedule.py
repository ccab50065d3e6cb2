"""The few things that have a date: the months that are over, their inspection rounds, the deletion of old evidence.

APScheduler only wakes us. Which round is due follows from the calendar and from the rounds in the store, and which
month from the snapshots in it, so a start at the wrong moment neither loses one nor does one twice.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from monitor.clock import Clock
from monitor.config import Config
from monitor.core.inspection import planned
from monitor.core.period import Month
from monitor.core.retention import Retention
from monitor.desk import Desk
from monitor.store import Round, RoundKind, Store, StoreError
from probes.observation import Depth

log = structlog.get_logger(__name__)

DAY_S = 86_400

AT_LEAST_EVERY_S = 3600
"""How often the calendar is looked at although no round is due: a wake-up may be lost, the clock may be set."""

LATE_S = 3 * 3600
"""A round that could not begin in time is made up for within so long; later it would be another time of day."""


class Calendar:
    """Starts the inspection rounds, has months closed that are over, and deletes evidence when its time is over.

    ``reported`` is told whenever every month that is over has its draft and its papers, and when that was (UTC).
    """

    def __init__(
        self,
        config: Config,
        *,
        desk: Desk,
        store: Store,
        clock: Clock,
        reported: Callable[[float], None] = lambda at: None,
    ) -> None:
        self._inspections = config.inspection
        self._outbox = config.outbox
        self._retention = config.evidence.rules(config.site.zone)
        self._zone = config.site.zone
        self._desk = desk
        self._store = store
        self._clock = clock
        self._reported = reported
        self.evidence: Retention | None = None
        """what became of the evidence when it was last gone through"""
        self._scheduler = AsyncIOScheduler(
            timezone=self._zone,
            # The default drops a job that is a second late; which round is due is for due_round to say.
            job_defaults={"misfire_grace_time": None, "coalesce": True},
        )

    def start(self) -> None:
        self._scheduler.start()
        self._wake_at(int(self._clock.now()))
        nightly = CronTrigger(hour=3, minute=30, timezone=self._zone)
        self._scheduler.add_job(self.forget, nightly, id="evidence", next_run_time=self._soon())
        self._scheduler.add_job(self.forget_messages, IntervalTrigger(hours=1), id="outbox")
        self._scheduler.add_job(self.make_room, IntervalTrigger(hours=1), id="room")
        self._scheduler.add_job(self.close_months, IntervalTrigger(hours=1), id="months", next_run_time=self._soon())

    def close(self) -> None:
        self._scheduler.shutdown(wait=False)

    def _wake_at(self, at: int) -> None:
        when = datetime.fromtimestamp(at, self._zone)
        self._scheduler.add_job(self._wake, DateTrigger(when), id="inspection", replace_existing=True)

    async def _wake(self) -> None:
        now = int(self._clock.now())
        try:
            await self.begin_due_round(now)
        finally:
            self._wake_at(next_wake(self._plan(now), now))

    async def begin_due_round(self, now: int) -> bool:
        """Do the inspection round that is due at ``now`` (UTC seconds), if there is one."""
        done = await asyncio.to_thread(self._store.rounds, 50)
        begin = due_round(self._plan(now), done, now)
        if begin is None:
            return False
        log.info("an inspection round begins", planned_at=begin)
        await self._desk.round(Depth.PICTURE, lambda done, of: None, RoundKind.INSPECTION)
        return True

    def _plan(self, now: int) -> list[int]:
        month = Month.at(now, self._zone)
        return [at for each in (month.previous(), month, month.next()) for at in self._planned(each)]

    def _soon(self) -> datetime:
        """At once: a machine that was off on the 1st makes up for it when it starts."""
        return datetime.fromtimestamp(self._clock.now(), self._zone)

    async def close_months(self) -> None:
        """Have the months that are over drafted, and their papers made."""
        try:
            complete = await self._desk.reconcile_months()
        except StoreError as error:
            log.error("the month could not be closed; tried again in an hour", reason=str(error))
            return
        if complete:
            self._reported(self._clock.now())

    async def make_room(self) -> None:
        """Delete evidence before its time if pictures take more room than they may, or than the disk can spare."""
        try:
            short = await asyncio.to_thread(self._store.wants_room, self._retention)
        except StoreError as error:
            log.warning("how much room evidence takes cannot be read", reason=str(error))
            return
        if short:
            await self.forget()

    async def forget(self) -> None:
        """Delete the evidence whose time is over or for which there is no room."""
        try:
            found = await asyncio.to_thread(self._store.forget_evidence, self._retention, now=int(self._clock.now()))
        except StoreError as error:
            log.warning("old evidence stays for another day", reason=str(error))
            return
        self.evidence = found
        gone = Counter(found.going.values())
        log.info("evidence is gone through", gone={why.value: count for why, count in gone.items()}, bytes=found.size)
        if found.over:
            log.warning("evidence takes more room than it may", over=found.over, held_by_frozen_months=found.held)

    async def forget_messages(self) -> None:
        """Delete the messages whose time is over, those that somebody has not read included."""
        now = int(self._clock.now())
        read_before, all_before = (now - days * DAY_S for days in (self._outbox.read_days, self._outbox.unread_days))
        try:
            missed = await asyncio.to_thread(self._store.prune_outbox, read_before=read_before, all_before=all_before)
        except StoreError as error:
            log.warning("old messages stay for another hour", reason=str(error))
            return
        for reader, count in missed.items():
            log.warning("messages are dropped unread for their age", reader=reader, messages=count)

    def _planned(self, month: Month) -> tuple[int, ...]:
        return planned(
            month, self._inspections.rounds_per_month, self._inspections.day_time, self._inspections.night_time
        )


def due_round(plan: list[int], done: tuple[Round, ...], now: int) -> int | None:
    """The planned beginning of the round that should begin now, None when there is none or it was begun already."""
    begins = [at for at in plan if at <= now]
    if not begins or now - begins[-1] > LATE_S:
        return None
    begun = any(each.kind is RoundKind.INSPECTION and each.started >= begins[-1] for each in done)
    return None if begun else begins[-1]


def next_wake(plan: list[int], now: int) -> int:
    """When the calendar is to be looked at again."""
    return min(at for at in (*plan, now + AT_LEAST_EVERY_S) if at > now)
