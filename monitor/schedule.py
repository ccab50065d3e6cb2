"""The few things that have a date: the month's inspection rounds, and the nightly deletion of old evidence.

APScheduler only wakes us. Which round is due follows from the calendar and from the rounds in the store, so a start
at the wrong moment neither loses a round nor does one twice.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger

from monitor.clock import Clock
from monitor.config import Config
from monitor.core.inspection import planned
from monitor.core.period import Month
from monitor.desk import Desk
from monitor.store import Round, RoundKind, Store, StoreError
from probes.observation import Depth

log = structlog.get_logger(__name__)

AT_LEAST_EVERY_S = 3600
"""How often the calendar is looked at although no round is due: a wake-up may be lost, the clock may be set."""

LATE_S = 3 * 3600
"""A round that could not begin in time is made up for within so long; later it would be another time of day."""


DAY_S = 86400


class Calendar:
    """Starts the inspection rounds of every month, and deletes evidence when its time is over."""

    def __init__(self, config: Config, *, desk: Desk, store: Store, clock: Clock) -> None:
        self._inspections = config.inspection
        self._evidence_days = config.evidence.days
        self._zone = config.site.zone
        self._desk = desk
        self._store = store
        self._clock = clock
        self._scheduler = AsyncIOScheduler(
            timezone=self._zone,
            # The default drops a job that is a second late; which round is due is for due_round to say.
            job_defaults={"misfire_grace_time": None, "coalesce": True},
        )

    def start(self) -> None:
        self._scheduler.start()
        self._wake_at(int(self._clock.now()))
        self._scheduler.add_job(self._forget, CronTrigger(hour=3, minute=30, timezone=self._zone), id="evidence")

    def close(self) -> None:
        self._scheduler.shutdown(wait=False)

    def _wake_at(self, at: int) -> None:
        when = datetime.fromtimestamp(at, self._zone)
        self._scheduler.add_job(self._wake, DateTrigger(when), id="inspection", replace_existing=True)

    async def _wake(self) -> None:
        now = int(self._clock.now())
        month = Month.at(now, self._zone)
        plan = [at for each in (month.previous(), month, month.next()) for at in self._planned(each)]
        try:
            done = await asyncio.to_thread(self._store.rounds, 50)
            if (begin := due_round(plan, done, now)) is not None:
                log.info("an inspection round begins", planned_at=begin)
                await self._desk.round(Depth.PICTURE, lambda done, of: None, RoundKind.INSPECTION)
        finally:
            self._wake_at(min(at for at in (*plan, now + AT_LEAST_EVERY_S) if at > now))

    async def _forget(self) -> None:
        before = int(self._clock.now()) - self._evidence_days * DAY_S
        try:
            gone = await asyncio.to_thread(self._store.forget_evidence, before)
        except StoreError as error:
            log.warning("old evidence stays for another day", reason=str(error))
            return
        log.info("old evidence is deleted", pictures=gone, older_than_days=self._evidence_days)

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
