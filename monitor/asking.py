"""Looks that a person asks for: by the running daemon if there is one, else by the command itself."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from monitor.clock import Clock
from monitor.config import Config
from monitor.control import NoDaemonError, NotToBeHadError, ask_probe, ask_references, ask_round, no_camera, report
from monitor.core.availability import Overlay, intervals
from monitor.core.blindness import hiding
from monitor.core.condition import Condition
from monitor.core.fleet import Camera
from monitor.core.period import Month
from monitor.core.reference import ReferenceOrder, carried_out, order_of, references_of
from monitor.core.verdict import judge
from monitor.daemon import running
from monitor.importing import open_store, stored_logins
from monitor.inventory import CellError, rtsp_url, targets
from monitor.looks import Looker, Questions
from monitor.secrets import open_key_ring
from monitor.store import AuditEntry, Batch, CameraMemory, RoundKind
from monitor.web.source import Life
from probes.image.pool import DecodePool
from probes.observation import Credential, Depth, Light, Reference, Target

EVIDENCE_SHOWN = 50


class BrokenOffError(Exception):
    """The daemon has ended before it had answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What one look said, as ``probe --json`` prints it, and its picture."""

    report: Mapping[str, Any]
    jpeg: bytes | None


async def look_once(config: Config, clock: Clock, socket: Path, camera: str, depth: Depth) -> Looked:
    """One look at a camera of the ledger or at an rtsp:// URL. Raises NotToBeHadError."""
    if "://" in camera:
        return await _look_ourselves(config, clock, target_of_url(camera), depth)
    try:
        answer = await ask_probe(socket, camera, depth)
    except NoDaemonError:
        return await _look_ourselves(config, clock, await asyncio.to_thread(_target, config, clock, camera), depth)
    return Looked(report=answer["report"], jpeg=bytes.fromhex(answer["jpeg"]) if answer["jpeg"] else None)


async def look_round(config: Config, clock: Clock, socket: Path, depth: Depth, console: Console) -> Mapping[str, Any]:
    """One look at every camera, with a progress bar. Without a daemon one is started for as long as it takes.

    Raises BrokenOffError when the daemon ends before the round does.
    """
    with Progress(BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task("", total=None)
        try:
            last: Mapping[str, Any] = {}
            async for last in ask_round(socket, depth):
                if "done" in last:
                    progress.update(task, completed=last["done"], total=last["of"] or None)
        except NoDaemonError:
            async with running(config, clock=clock, page=False) as daemon:
                return await daemon.desk.round(
                    depth, lambda done, of: progress.update(task, completed=done, total=of), RoundKind.MANUAL
                )
    if "round" not in last:
        raise BrokenOffError
    return last


async def ask_for_references(
    config: Config, clock: Clock, socket: Path, camera: str, *, approve: str = "", reset: str = "", by: str
) -> Mapping[Light, Reference]:
    """The references of a camera after some were approved or let go of: by the running daemon, else in the store.

    Raises NotToBeHadError, RuleError and UnknownError.
    """
    order = order_of(approve=approve, reset=reset, by=by)
    try:
        return await ask_references(socket, camera, approve=approve, reset=reset, by=by)
    except NoDaemonError:
        return await asyncio.to_thread(_references_in_store, config, clock, camera, order)


def _references_in_store(config: Config, clock: Clock, camera: str, order: ReferenceOrder) -> Mapping[Light, Reference]:
    now = int(clock.now())
    with open_store(config, clock) as store:
        if camera not in store.fleet_at(now).cameras:
            raise NotToBeHadError(f"台账中没有摄像机 {camera}", f"no camera {camera} in the ledger")
        memory = carried_out(order, store.memories().get(camera))
        if memory is not None and order.changes:
            entry = AuditEntry(at=now, who=order.by, action="reference", subject=camera, detail=order.told)
            store.write(Batch(memories=(CameraMemory(camera=camera, memory=memory),), audit=(entry,))).result()
    return references_of(memory)


def read_life(config: Config, clock: Clock, camera: str, month: str | None) -> tuple[Camera, Life, dict[str, int]]:
    """A camera's month from the store: its life and its seconds by condition. Raises NotToBeHadError."""
    now = int(clock.now())
    period = _month(month, config.site.zone, now) if month else Month.at(now, config.site.zone)
    until = min(period.end, now)
    with open_store(config, clock) as store:
        its = store.fleet_at(now).cameras.get(camera)
        if its is None:
            raise NotToBeHadError(f"台账中没有摄像机 {camera}", f"no camera {camera} in the ledger")
        gaps = hiding(
            store.gaps(period.start, until), its.township, excuse_links=not config.witness.link_failure_counts
        )
        transitions = store.transitions(period.start, until, camera)
        covered = max((each.until for each in store.coverages()), default=period.start)
        found = intervals(transitions, Overlay(gaps), period.start, max(period.start, min(until, covered)))
        life = Life(
            camera=camera,
            began=period.start,
            until=until,
            intervals=tuple(found),
            transitions=transitions,
            reasons=store.reasons(camera, period.start, until),
            evidence=store.evidence(camera, EVIDENCE_SHOWN, read=False),
            decisions=store.decisions(camera),
        )
    spent: Counter[Condition] = Counter()
    for each in found:
        spent[each.condition] += each.ended - each.began
    return its, life, {condition.value: spent[condition] for condition in Condition}


def _month(text: str, zone: tzinfo, now: int) -> Month:
    try:
        month = Month.parse(text, zone)
        begun = month.start <= now
    except ValueError:
        raise NotToBeHadError(f"月份写作 2026-10，不是 {text}", f"a month is written 2026-10, not {text}") from None
    if not begun:
        raise NotToBeHadError(f"{text} 还没有开始", f"the month {text} has not begun")
    return month


def target_of_url(url: str) -> Target:
    """What an ``rtsp[s]://[user:password@]host[:port]/path`` names. Raises NotToBeHadError, not repeating the URL."""
    try:
        stream = rtsp_url(url)
    except CellError:
        stream = None
    if stream is None:
        raise NotToBeHadError(
            "这不是 RTSP 地址，应形如 rtsp://主机:端口/路径",
            "this is not an RTSP URL; it looks like rtsp://host:port/path",
        )
    login = None
    if stream.username or stream.password:
        login = Credential(id="url", username=stream.username, password=stream.password)
    host = f"[{stream.host}]" if ":" in stream.host else stream.host
    return Target(
        camera=f"{stream.scheme}://{host}:{stream.port}{stream.path.partition('?')[0]}",
        host=stream.host,
        rtsp_port=stream.port,
        rtsp_path=stream.path,
        rtsps=stream.scheme == "rtsps",
        credential=login,
    )


def _target(config: Config, clock: Clock, camera: str) -> Target:
    with open_store(config, clock) as store:
        fleet = store.fleet_at(int(clock.now()))
        logins = stored_logins(store, open_key_ring(Path(config.secrets.key_file)))
    found = targets(fleet, logins).get(camera)
    if found is None:
        raise no_camera(camera)
    return found


async def _look_ourselves(config: Config, clock: Clock, target: Target, depth: Depth) -> Looked:
    async with _looker(config, clock) as looker:
        observations = await looker.look(target, depth)
    look = judge(observations, grave=frozenset(config.picture.grave))
    return Looked(report=report(observations, look), jpeg=observations[0].jpeg)


@asynccontextmanager
async def _looker(config: Config, clock: Clock) -> AsyncIterator[Looker]:
    async with DecodePool(1) as pool:
        questions = Questions.of(config, decoder=pool, now=clock.now)
        try:
            yield Looker(questions, clock)
        finally:
            await questions.close()
