"""Alerts as a part of the daemon: the dispatcher of config.toml's channels, and what it asks of the other parts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import tzinfo

import structlog

from monitor.alerts.dispatch import READER, Dispatcher, Ears, Troubles, Ways
from monitor.alerts.opening import open_posts, policy_of
from monitor.clock import Clock
from monitor.config import Config
from monitor.core.board import Board
from monitor.core.period import Month
from monitor.store import Store, StoreError
from monitor.web.source import MonthLine, MonthState

log = structlog.get_logger(__name__)

LATE_S = 6 * 3600
"""A month that is over for so long should have its draft."""

MONTHS_EVERY_S = 600.0
DAY_S = 86_400


def readers_of(config: Config) -> tuple[str, ...]:
    """Alerts read the outbox if there is a channel to tell anybody by."""
    return (READER,) if config.alerts.channels else ()


class MissingMonths:
    """The months that are over and have no draft, looked up now and then."""

    def __init__(self, months: Callable[[], Awaitable[tuple[MonthLine, ...]]], clock: Clock, zone: tzinfo) -> None:
        """``months`` gives all that can be shown, as ``Source.months`` does."""
        self._months = months
        self._clock = clock
        self._zone = zone
        self.months: tuple[str, ...] = ()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                self.months = await self.found()
            except StoreError as error:
                log.warning("the months cannot be read", reason=str(error))
            await asyncio.sleep(MONTHS_EVERY_S)

    async def found(self) -> tuple[str, ...]:
        """Those that are missing now. Raises StoreError."""
        late = self._clock.now() - LATE_S
        months = [each.month for each in await self._months() if each.state is MonthState.OPEN]
        return tuple(month for month in months if Month.parse(month, self._zone).end <= late)


async def open_dispatcher(
    config: Config,
    *,
    store: Store,
    clock: Clock,
    board: Callable[[], Board],
    missing: MissingMonths,
    ears: Ears,
    environment: Mapping[str, str],
) -> Dispatcher:
    """The dispatcher, with what the last run left to tell."""
    alerts = config.alerts
    dispatcher = Dispatcher(
        store=store,
        clock=clock,
        board=board,
        posts=await asyncio.to_thread(open_posts, config, environment),
        ways=Ways(
            policy=policy_of(config),
            excuse_links=not config.witness.link_failure_counts,
            deadline_s=alerts.deadline_s,
            give_up_s=alerts.give_up_h * 3600,
            keep_s=alerts.keep_days * DAY_S,
        ),
        troubles=Troubles(store=lambda: store.health().reason, missing_months=lambda: missing.months),
        ears=ears,
    )
    await dispatcher.open()
    return dispatcher
