"""The demo's stage: a simulated county, its ledger taken in by the product's own import, and the daemon on it.

A temporary folder holds everything: config.toml, ledger.xlsx, the database with its pictures, the daemon's log. Any
other command can be tried on it beside the demo: ``xunjian --config FOLDER/config.toml camera ID``.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl

from monitor import logs
from monitor.clock import Clock, SystemClock
from monitor.config import Config, differences, load
from monitor.core.blindness import hiding
from monitor.core.fleet import Fleet
from monitor.core.record import Gap, Transition
from monitor.daemon import Running, running, socket_path
from monitor.demo.office import Office, OpenOffice
from monitor.demo.overlay import overlay, shortened
from monitor.demo.roles import Cast, cast
from monitor.demo.telling import Teller
from monitor.importing import Imported, import_ledger, open_store, stored_logins
from monitor.inventory import targets
from monitor.secrets import open_key_ring, redact
from monitor.store import Store
from probes.observation import Target
from probes.testing.county import County
from probes.testing.faults import Fault as Injected

COUNTY = "霁明县"
TOWNSHIPS, VILLAGES, FULL_SIZE = 22, 354, 880
CAMERAS_PER_TOWNSHIP = 20
"""With fewer, a township would be too small to have a recorder."""

PAGE_PORT = 8420
EVER = 1 << 40
"""Later than any time in the record."""


class DemoError(Exception):
    """The demo could not be set up; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """All that the store holds of what was judged: transitions and the gaps that hide them, by camera."""

    transitions: Mapping[str, Sequence[Transition]]
    gaps: Mapping[str, Sequence[Gap]]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Everything that the stories play with."""

    folder: Path
    config: Config
    clock: Clock
    county: County
    cast: Cast
    fleet: Fleet
    targets: Mapping[str, Target]
    daemon: Running
    office: Office
    dead_input_at: float
    """since when the recorder's input shows nothing: before anybody looked"""

    @property
    def url(self) -> str:
        """Of the page."""
        return self.daemon.url

    def read_record(self) -> Record:
        """The record as it is on the disk, since the daemon watches: an imported past is none of its findings.

        Blocks: call it in a thread.
        """
        began = int(self.dead_input_at)
        with open_store(self.config, self.clock) as store, store.snapshot() as reader:
            transitions = (each for each in reader.transitions(began, EVER) if each.at >= began)
            gaps = reader.gaps(began, EVER)
        lives: dict[str, list[Transition]] = {}
        for transition in transitions:
            lives.setdefault(transition.camera, []).append(transition)
        excused = not self.config.witness.link_failure_counts
        return Record(
            transitions=lives,
            gaps={camera: hiding(gaps, self.fleet.cameras[camera].township, excuse_links=excused) for camera in lives},
        )


def hold_port(preferred: int = PAGE_PORT) -> socket.socket:
    """A socket that listens on ``preferred``, or on any free port, for the page to take over.

    So nobody else takes the port meanwhile, and a browser that comes early waits instead of being refused.
    """
    for port in (preferred, 0):
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind(("127.0.0.1", port))
            held.listen()
        except OSError:
            held.close()
            continue
        return held
    raise DemoError("no TCP port is free on 127.0.0.1")


def port_of(held: socket.socket) -> int:
    """The port that the socket holds."""
    return int(held.getsockname()[1])


def county_size(cameras: int) -> tuple[int, int]:
    """How many townships and villages a county of so many cameras has: the whole county, or a corner of it."""
    townships = min(TOWNSHIPS, cameras // CAMERAS_PER_TOWNSHIP)
    return townships, min(VILLAGES, cameras * VILLAGES // FULL_SIZE)


@asynccontextmanager
async def stage(
    cameras: int, held: socket.socket, folder: Path, papers: Path, teller: Teller, open_office: OpenOffice
) -> AsyncIterator[Stage]:
    """Set everything up in ``folder``, which must be empty, and end it again; papers go to ``papers`` and stay.

    The page takes over ``held``, a socket that listens.

    Raises DemoError and CountyError.
    """
    clock = SystemClock()
    async with AsyncExitStack() as parts:
        townships, villages = county_size(cameras)
        county = await parts.enter_async_context(
            await County.start(wall=clock.now, cameras=cameras, townships=townships, villages=villages)
        )
        teller.served(cameras, townships, folder)
        shorter = overlay(cameras, port_of(held), papers)
        config = await asyncio.to_thread(_write_config, folder, county, shorter)
        teller.shortened(shortened(differences(config), shorter))
        _log_to_file(parts, config, clock, folder / "daemon.log")
        roles = cast(county.plan)
        dead_input_at = await county.inject(Injected.SIGNAL_LOSS, roles.dead_input)
        ledger = folder / "ledger.xlsx"
        await asyncio.to_thread(_write_ledger, ledger, county.ledger())
        imported = await asyncio.to_thread(_import, config, clock, ledger)
        teller.imported(ledger, imported)
        known = await asyncio.to_thread(_targets, config, clock, imported.fleet)
        offices: list[Office] = []

        def office(config: Config, store: Store, clock: Clock) -> Office:
            offices.append(open_office(config, store, clock))
            return offices[-1]

        daemon = await parts.enter_async_context(running(config, archive=office, demo=True, listening=held))
        yield Stage(
            folder=folder,
            config=config,
            clock=clock,
            county=county,
            cast=roles,
            fleet=imported.fleet,
            targets=known,
            daemon=daemon,
            office=offices[-1],
            dead_input_at=dead_input_at,
        )


def _write_config(folder: Path, county: County, laid_over: Mapping[str, Any]) -> Config:
    """A config.toml like a county's own; what the demo shortens is laid over it when the daemon starts."""
    path = folder / "config.toml"
    path.write_text(_toml(county.townships()), "utf-8")
    return load(path, laid_over)


def _toml(townships: Iterable[Mapping[str, str]]) -> str:
    tables = [
        ("[site]", {"county": COUNTY, "office": f"{COUNTY}综治中心", "demo": True}),
        *(("[[townships]]", township) for township in townships),
    ]
    # a JSON string is a TOML string as well
    lines = ([head, *(f"{key} = {json.dumps(value)}" for key, value in keys.items())] for head, keys in tables)
    return "\n".join(line for table in lines for line in table)


def _write_ledger(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("一机一档")
    sheet.append(list(rows[0]))
    for row in rows:
        sheet.append(list(row.values()))
    book.save(path)


def _import(config: Config, clock: Clock, ledger: Path) -> Imported:
    imported = import_ledger(
        config, clock, ledger, socket_path(config), who="demo", dry_run=False, retire_missing=False
    )
    if problems := imported.ledger.problems:
        raise DemoError(f"the ledger has {len(problems)} rows that cannot be taken in: {problems[0].text('en')}")
    return imported


def _targets(config: Config, clock: Clock, fleet: Fleet) -> Mapping[str, Target]:
    keys = open_key_ring(Path(config.secrets.key_file))
    with open_store(config, clock) as store:
        return targets(fleet, stored_logins(store, keys))


def _log_to_file(parts: AsyncExitStack, config: Config, clock: Clock, path: Path) -> None:
    """What the daemon says of itself goes to a file, so that it doesn't talk over the story."""
    stream = parts.enter_context(path.open("w", encoding="utf-8"))
    started = logs.start(
        style="console", level=config.log.level, stream=stream, zone=config.site.zone, redact=(redact,)
    )
    parts.callback(lambda: started.close(clock.monotonic()))
