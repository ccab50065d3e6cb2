"""Looks that a person asks for: by the running daemon if there is one, else by the command itself."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from monitor.clock import Clock
from monitor.config import Config
from monitor.control import NoDaemonError, ask_probe, ask_round, report
from monitor.core.availability import Overlay, intervals
from monitor.core.blindness import hiding
from monitor.core.condition import Condition
from monitor.core.fleet import Camera
from monitor.core.period import Month
from monitor.core.verdict import judge
from monitor.daemon import running
from monitor.importing import open_store, stored_logins
from monitor.inventory import targets
from monitor.looks import Looker, Questions
from monitor.secrets import open_key_ring
from monitor.store import RoundKind
from monitor.web.source import Life
from probes.image.pool import DecodePool
from probes.observation import Credential, Depth, Target

EVIDENCE_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What one look said, as ``probe --json`` prints it, and its picture."""

    report: Mapping[str, Any]
    jpeg: bytes | None


async def look_once(config: Config, clock: Clock, socket: Path, camera: str, depth: Depth) -> Looked:
    """One look at a camera of the ledger or at an rtsp:// URL. Raises LookupError, and ValueError for a bad URL."""
    if "://" in camera:
        return await _look_ourselves(config, clock, target_of_url(camera), depth)
    try:
        answer = await ask_probe(socket, camera, depth)
    except NoDaemonError:
        return await _look_ourselves(config, clock, await asyncio.to_thread(_target, config, clock, camera), depth)
    return Looked(report=answer["report"], jpeg=bytes.fromhex(answer["jpeg"]) if answer["jpeg"] else None)


async def look_round(config: Config, clock: Clock, socket: Path, depth: Depth, console: Console) -> Mapping[str, Any]:
    """One look at every camera, with a progress bar. Without a daemon one is started for as long as it takes."""
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
        return last


def read_life(config: Config, clock: Clock, camera: str, month: str | None) -> tuple[Camera, Life, dict[str, int]]:
    """A camera's month from the store: its life and its seconds by condition. Raises LookupError, ValueError."""
    now = int(clock.now())
    period = Month.parse(month, config.site.zone) if month else Month.at(now, config.site.zone)
    until = min(period.end, now)
    with open_store(config, clock) as store:
        its = store.fleet_at(now).cameras.get(camera)
        if its is None:
            raise LookupError(f"no camera {camera} in the ledger")
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
            evidence=store.evidence(camera, EVIDENCE_SHOWN),
            decisions=store.decisions(camera),
        )
    spent: Counter[Condition] = Counter()
    for each in found:
        spent[each.condition] += each.ended - each.began
    return its, life, {condition.value: spent[condition] for condition in Condition}


def target_of_url(url: str) -> Target:
    """What an ``rtsp[s]://[user:password@]host[:port]/path`` names. Raises ValueError without repeating the URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("this is not an RTSP URL: rtsp://host:port/path") from None
    if parts.scheme not in ("rtsp", "rtsps") or not host:
        raise ValueError("this is not an RTSP URL: rtsp://host:port/path")
    login = None
    if parts.username is not None:
        login = Credential(id="url", username=unquote(parts.username), password=unquote(parts.password or ""))
    query = f"?{parts.query}" if parts.query else ""
    return Target(
        camera=f"{parts.scheme}://{host}:{port or 554}{parts.path}",
        host=host,
        rtsp_port=port or (322 if parts.scheme == "rtsps" else 554),
        rtsp_path=(parts.path or "/") + query,
        rtsps=parts.scheme == "rtsps",
        credential=login,
    )


def _target(config: Config, clock: Clock, camera: str) -> Target:
    with open_store(config, clock) as store:
        fleet = store.fleet_at(int(clock.now()))
        logins = stored_logins(store, open_key_ring(Path(config.secrets.key_file)))
    found = targets(fleet, logins).get(camera)
    if found is None:
        raise LookupError(f"no camera {camera} with an address in the ledger")
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
