"""The daemon: its parts start in order and stop in reverse.

store ─ decoders ─ canary ─ rounds ─ MQTT ─ page, /metrics ─ control socket ─ calendar ─ watchdog
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import os
import shutil
import socket
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from monitor import alarm
from monitor.alerts.dispatch import Dispatcher
from monitor.backup import kept_in, places
from monitor.canary import Canary
from monitor.clerk import Clerk
from monitor.clock import Clock, SystemClock, is_synchronised
from monitor.config import Config
from monitor.control import Control, Orders
from monitor.core.fleet import Fleet
from monitor.core.period import Month
from monitor.desk import Archive, Desk, NoArchive
from monitor.gate import Limits
from monitor.inventory import targets
from monitor.looks import Looker, Questions
from monitor.memories import PictureMemories
from monitor.metrics import Disk, Machine, Metrics, Telling, compress
from monitor.mqtt.publisher import READER, Publisher
from monitor.notify import Notifier
from monitor.rounds import Ledger, Rounds, Ways
from monitor.schedule import Calendar
from monitor.secrets import KeyRing, open_key_ring
from monitor.store import Reading, Store, StoreError
from monitor.web.app import application
from monitor.web.settings import Rendered, Settings
from monitor.witness import Outpost, Posts
from monitor.wording import Lang
from probes.image.pool import DecodePool
from probes.observation import Credential
from probes.rtsp import RtspProbe

log = structlog.get_logger(__name__)

STUCK_S = 60.0
"""The watchdog is no longer fed when the round loop or the store's writer has shown no life for so long."""

RECORDS_SHARE = 4
"""Pictures are deleted for room below ``[evidence] keep_free_mib``, and no more written below a fourth of that."""

END_S = 2.0
"""How long the end waits for visitors who are being answered."""

GATHER_S = 0.1
"""Between two commits at least: in a round of pictures each camera would otherwise cost one of its own."""

FLUSH_S = 5.0
"""How late the count of a folded complaint may be."""

SOCKET_PATH_LENGTH = 100
"""unix(7) allows 107 bytes; a longer path falls back to the temporary folder."""


class PortTakenError(Exception):
    """The page cannot listen where config.toml wants it; the message says so in both languages."""

    def __init__(self, host: str, port: int, error: OSError) -> None:
        reason = os.strerror(error.errno) if error.errno else str(error)
        self.zh = f"网页不能监听 {host}:{port}（{reason}）；请修改 [web] 的 host 或 port"
        self.en = f"the page cannot listen on {host}:{port} ({reason}); change host or port in [web]"
        super().__init__(self.en)

    def text(self, lang: str = "zh") -> str:
        """The message in ``lang``."""
        return self.en if lang == "en" else self.zh


OpenArchive = Callable[[Config, Store, Clock], Archive]


class StoredLedger:
    """The fleet of a store, its logins decrypted with ``keys``."""

    def __init__(self, store: Store, keys: KeyRing, clock: Clock, month_at: Callable[[float], Month]) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._month_at = month_at

    def generation(self) -> int:
        """Grows with every change."""
        return self._store.fleet_generation()

    def read(self) -> Ledger:
        """The ledger as it stands. Raises KeyMismatchError when the key is not the one that it was written with."""
        now = int(self._clock.now())
        month = self._month_at(now)
        with self._store.snapshot() as reader:
            generation, fleet, stored = reader.fleet_generation(), reader.fleet_at(now), reader.credentials()
            memberships = reader.memberships(month.start, month.end)
        logins = {
            each.id: Credential(id=each.id, username=each.username, password=self._keys.decrypt(each.ciphertext))
            for each in stored.values()
        }
        return Ledger(generation=generation, fleet=fleet, targets=targets(fleet, logins), memberships=memberships)


@dataclass(frozen=True, kw_only=True)
class Running:
    """What a started daemon offers to whoever started it."""

    desk: Desk
    rounds: Rounds
    outpost: Outpost
    url: str
    """of the page"""


def socket_path(config: Config) -> Path:
    """Where the daemon of this database is to be asked."""
    name = config.store.url.removeprefix("sqlite:///")
    beside = Path(name).with_suffix(".sock") if name != config.store.url else config.home / "xunjian.sock"
    if len(os.fsencode(beside)) <= SOCKET_PATH_LENGTH:
        return beside
    return Path(tempfile.gettempdir()) / f"xunjian-{hashlib.sha256(os.fsencode(beside)).hexdigest()[:16]}.sock"


@asynccontextmanager
async def running(
    config: Config,
    *,
    archive: OpenArchive = lambda config, store, clock: NoArchive(),
    environment: Mapping[str, str] = os.environ,
    clock: Clock | None = None,
    demo: bool = False,
    page: bool = True,
    listening: socket.socket | None = None,
) -> AsyncIterator[Running]:
    """A whole daemon while the context lasts. Raises AlreadyRunning and other StoreErrors, and SecretsError.

    ``archive`` opens what tells of whole months. ``demo`` marks every page; without ``page`` there is none, nor a
    control socket, nor a calendar. ``listening`` is a socket for it that listens already, and is closed at the end;
    without one it listens where config.toml says.

    When one of its parts breaks down, the task inside the context is cancelled and the part's error is raised.
    """
    clock = clock or SystemClock()
    notifier = Notifier.of(environment)
    async with AsyncExitStack() as parts:
        metrics = Metrics(
            version=version("xunjian"),
            stalled_after_s=config.metrics.stalled_after_s,
            began=clock.now(),
            target=config.site.target_rate,
            zone=config.site.zone,
        )
        store = await _open_store(parts, config, clock, metrics)
        await asyncio.to_thread(store.begin_outbox, readers_of(config))
        keys = open_key_ring(Path(config.secrets.key_file), environment)
        month_at = _months(config)
        ledger = StoredLedger(store, keys, clock, month_at)
        questions = await _open_questions(parts, config, clock)
        canary = await _open_canary(parts) if config.witness.canary else None
        outpost = Outpost(
            posts_of(config, await asyncio.to_thread(lambda: ledger.read().fleet)),
            canary=canary,
            probe=RtspProbe(to="describe"),
            clock=clock,
            every_s=config.witness.every_s,
        )
        clerk = Clerk(
            store,
            clock,
            boot=str(uuid.uuid4()),
            month_at=month_at,
            excuse_links=not config.witness.link_failure_counts,
            counting=config.counting.rules,
        )
        rounds = Rounds(
            books=ledger,
            clerk=clerk,
            looker=Looker(questions, clock),
            outpost=outpost,
            clock=clock,
            ways=ways_of(config),
            ears=metrics,
            memories=parts.enter_context(PictureMemories(Path(config.evidence.dir))),
        )
        await outpost.look()
        await rounds.open()
        gc.freeze()  # the fleet stays: no collection needs to walk it again
        desk = Desk(rounds=rounds, clerk=clerk, store=store, clock=clock, archive=archive(config, store, clock))
        tasks = await parts.enter_async_context(_tasks())
        tasks.start("witnesses", outpost.run())
        tasks.start("rounds", rounds.run())
        publisher = await _open_publisher(config, store, clock, rounds, environment)
        if publisher is not None:
            tasks.start("mqtt", publisher.run())
        dispatcher = await _open_dispatcher(tasks, config, store, clock, desk, metrics, environment) if page else None
        url = ""
        if page:
            calendar = Calendar(config, desk=desk, store=store, clock=clock, reported=metrics.months_are_reported)
            settings = _page_settings(config, clock, metrics, rounds, store, calendar, publisher, dispatcher, demo=demo)
            url = await _open_page(parts, config, desk, settings, listening=listening)
            await _open_control(parts, config, desk)
            calendar.start()
            parts.callback(calendar.close)
        tasks.start("watchdog", _feed(notifier, rounds, store))
        notifier.ready(f"{len(rounds.watched())} cameras, {url}")
        parts.callback(notifier.stopping)
        log.info("watching", cameras=len(rounds.watched()), page=url)
        yield Running(desk=desk, rounds=rounds, outpost=outpost, url=url)


class _Tasks:
    """Tasks that run until the daemon ends; the first that breaks down ends it."""

    def __init__(self, owner: asyncio.Task[Any]) -> None:
        self._owner = owner
        self._tasks: set[asyncio.Task[None]] = set()
        self.broken: BaseException | None = None

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and self.broken is None:
            self.broken = error
            self._owner.cancel()

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _tasks() -> AsyncIterator[_Tasks]:
    owner = asyncio.current_task()
    assert owner is not None, "a daemon runs inside a task"
    tasks = _Tasks(owner)
    try:
        yield tasks
    except asyncio.CancelledError:
        if tasks.broken is None:
            raise
        owner.uncancel()
        raise tasks.broken from None
    finally:
        await tasks.close()


async def _open_store(parts: AsyncExitStack, config: Config, clock: Clock, metrics: Metrics) -> Store:
    store = await asyncio.to_thread(
        lambda: Store.open(
            config.store.url,
            at=int(clock.now()),
            exclusive=True,
            who="xunjian run",
            evidence_dir=Path(config.evidence.dir),
            evidence_spare=config.evidence.keep_free_mib * 2**20 // RECORDS_SHARE,
            wrote=metrics.store_wrote,
            gather_s=GATHER_S,
        )
    )
    parts.push_async_callback(asyncio.to_thread, store.close)
    return store


async def _open_questions(parts: AsyncExitStack, config: Config, clock: Clock) -> Questions:
    pool = await parts.enter_async_context(DecodePool(config.picture.workers))
    questions = Questions.of(config, decoder=pool, now=clock.now)
    parts.push_async_callback(questions.close)
    return questions


async def _open_canary(parts: AsyncExitStack) -> Canary:
    canary = Canary()
    await canary.start()
    parts.push_async_callback(canary.close)
    return canary


async def _open_publisher(
    config: Config, store: Store, clock: Clock, rounds: Rounds, environment: Mapping[str, str]
) -> Publisher | None:
    if not config.mqtt.host:
        return None
    return Publisher(
        config.mqtt,
        store=store,
        clock=clock,
        board=lambda: rounds.board,
        degraded=lambda: store.health().reason,
        epoch=await asyncio.to_thread(store.outbox_epoch),
        environment=environment,
    )


async def _open_dispatcher(
    tasks: _Tasks,
    config: Config,
    store: Store,
    clock: Clock,
    desk: Desk,
    metrics: Metrics,
    environment: Mapping[str, str],
) -> Dispatcher | None:
    if not config.alerts.channels:
        await asyncio.to_thread(store.forget_cases)
        return None
    missing = alarm.MissingMonths(desk.months, clock, config.site.zone)
    dispatcher = await alarm.open_dispatcher(
        config, store=store, clock=clock, board=desk.board, missing=missing, ears=metrics, environment=environment
    )
    tasks.start("months", missing.run())
    tasks.start("alerts", dispatcher.run())
    return dispatcher


async def _open_control(parts: AsyncExitStack, config: Config, desk: Desk) -> None:
    control = Control(
        socket_path(config),
        Orders(probe=desk.probe, round=desk.round, login=desk.login, references=desk.order_references),
    )
    await control.start()
    parts.push_async_callback(control.close)


def _page_settings(
    config: Config,
    clock: Clock,
    metrics: Metrics,
    rounds: Rounds,
    store: Store,
    calendar: Calendar,
    publisher: Publisher | None,
    dispatcher: Dispatcher | None,
    *,
    demo: bool,
) -> Settings:
    return Settings(
        county=config.site.county,
        zone=config.site.zone,
        target=config.site.target_rate,
        version=version("xunjian"),
        clock=clock,
        hosts=_hosts(config.web.host, config.web.names),
        demo=demo,
        refresh_s=max(1, round(config.record.board_s)),
        metrics=_renderer(config, metrics, rounds, store, publisher) if config.metrics.enabled else None,
        lang=Lang(config.web.lang),
        degraded=lambda: store.health().reason,
        undelivered=lambda: dispatcher.undelivered() if dispatcher else None,
        evidence=lambda: calendar.evidence,
    )


async def _open_page(
    parts: AsyncExitStack, config: Config, desk: Desk, settings: Settings, *, listening: socket.socket | None
) -> str:
    runner = web.AppRunner(application(desk, settings), access_log=None, shutdown_timeout=END_S)
    await runner.setup()
    parts.push_async_callback(runner.cleanup)
    site: web.BaseSite = web.TCPSite(runner, config.web.host, config.web.port)
    if listening is not None:
        site = web.SockSite(runner, listening)
    try:
        await site.start()
    except OSError as error:
        raise PortTakenError(config.web.host, config.web.port, error) from error
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _hosts(host: str, names: Sequence[str]) -> frozenset[str]:
    """The names that the page answers to, against DNS rebinding; bound to all addresses it cannot know them."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return frozenset()
    return frozenset({host, *names, "localhost", "127.0.0.1", "::1"})


def _renderer(
    config: Config, metrics: Metrics, rounds: Rounds, store: Store, publisher: Publisher | None
) -> Callable[[bool], Rendered]:
    folders = _folders(config)

    def render(gzipped: bool) -> Rendered:
        health = store.health()
        metrics.queue_holds("looks", rounds.waiting)
        metrics.queue_holds("store", health.queued)
        body = metrics.render(
            rounds.board,
            now_monotonic=time.monotonic(),
            progress_monotonic=rounds.progress,
            machine=Machine(
                synchronised=is_synchronised(),
                store_degraded=health.degraded,
                pictures_lost=health.pictures_lost,
                disks=_disks(folders),
                backups=_backups(config),
                telling=_telling(store, publisher),
            ),
        )
        return Rendered(
            body=compress(body) if gzipped else body,
            content_type="text/plain; version=0.0.4; charset=utf-8",
            gzipped=gzipped,
        )

    return render


def _telling(store: Store, publisher: Publisher | None) -> Telling:
    """Blocks; a database that cannot be read leaves nothing to say of the outbox."""
    readings: tuple[Reading, ...] = ()
    with contextlib.suppress(StoreError):
        readings = store.outbox_readings()
    waiting = {each.reader: each.waiting for each in readings}
    dropped = {each.reader: each.dropped for each in readings}
    if publisher is None:
        return Telling(waiting=waiting, dropped=dropped)
    broker = publisher.broker
    published = {"event": broker.events, "state": broker.states}
    return Telling(waiting=waiting, dropped=dropped, connected=broker.connected, published=published)


def _folders(config: Config) -> dict[str, Path]:
    """Where the record and the evidence lie; a record on a database server has its disk there."""
    folders = {"evidence": Path(config.evidence.dir)}
    name = config.store.url.removeprefix("sqlite:///")
    if name != config.store.url:
        folders["record"] = Path(name).parent
    return folders


def _disks(folders: Mapping[str, Path]) -> dict[str, Disk]:
    """The file systems of the folders that are there: that of the evidence is made with its first picture."""
    disks = {}
    for what, folder in folders.items():
        with contextlib.suppress(FileNotFoundError):
            usage = shutil.disk_usage(folder)
            disks[what] = Disk(free=usage.free, size=usage.total)
    return disks


def _backups(config: Config) -> dict[str, int]:
    """When the newest backup of each place was made; a place that cannot be read has none to rely on."""
    newest = {}
    for place, folder in zip(("first", "second"), places(config), strict=False):
        newest[place] = 0
        with contextlib.suppress(OSError):
            newest[place] = max((kept.at for kept in kept_in(folder)), default=0)
    return newest


async def _flush(flush_logs: Callable[[float], None]) -> None:
    while True:
        await asyncio.sleep(FLUSH_S)
        flush_logs(time.monotonic())


async def _feed(notifier: Notifier, rounds: Rounds, store: Store) -> None:
    """Feed the watchdog while the loop turns and the writer lives; a full disk is degraded, not stuck."""
    every_s = notifier.watchdog_s or STUCK_S / 2
    while True:
        health = store.health()
        turning = time.monotonic() - rounds.progress < STUCK_S
        if turning and health.seen_ago_s < STUCK_S:
            notifier.alive()
        else:
            log.error("stuck", loop_turns=turning, writer_seen_ago_s=round(health.seen_ago_s))
        if health.degraded:
            notifier.status(f"degraded: the store cannot write ({health.reason}), {health.queued} batches wait")
        await asyncio.sleep(every_s)


def ways_of(config: Config) -> Ways:
    """How config.toml wants the rounds run."""
    limits = config.limits
    return Ways(
        rules=config.confirm.rules,
        plan=config.looks.plan,
        limits=Limits(
            light=limits.light,
            media=limits.media,
            per_camera=limits.per_camera,
            per_recorder=limits.per_recorder,
            link_bits_per_s=limits.link_mbit_s * 1_000_000,
        ),
        common_cause=config.together.common_cause,
        neighbours=config.neighbours.rule,
        grave=frozenset(config.picture.grave),
        excuse_links=not config.witness.link_failure_counts,
        coverage_s=config.record.coverage_s,
        board_s=config.record.board_s,
        count_s=config.record.count_s,
    )


def readers_of(config: Config) -> tuple[str, ...]:
    """Who reads the outbox."""
    return ((READER,) if config.mqtt.host else ()) + alarm.readers_of(config)


def posts_of(config: Config, fleet: Fleet) -> Posts:
    """The witnesses: the county's, and those of the townships that have one."""
    townships = {township.code: township.witness for township in fleet.townships.values() if township.witness}
    return Posts(county=config.witness.county, townships=townships)


def _months(config: Config) -> Callable[[float], Month]:
    return lambda at: Month.at(at, config.site.zone)


async def serve(config: Config, archive: OpenArchive, flush_logs: Callable[[float], None]) -> None:
    """Run until SIGINT or SIGTERM. ``flush_logs`` writes what the logs have folded by then (monotonic seconds)."""
    async with running(config, archive=archive), _tasks() as tasks:
        tasks.start("logs", _flush(flush_logs))
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        with contextlib.ExitStack() as handlers:
            for signal in (2, 15):
                loop.add_signal_handler(signal, stop.set)
                handlers.callback(loop.remove_signal_handler, signal)
            await stop.wait()
