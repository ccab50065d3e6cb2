"""A folder in which the program lives as at a county's: config.toml, ledger, database; and ways to run its commands."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import aiohttp
import psutil

Value = TypeVar("Value")

PROGRAM = Path(sys.executable).with_name("xunjian")
POLL_S = 0.1

QUICK: Mapping[str, Mapping[str, Any]] = {
    "looks": {
        "light_s": 4,
        "describe_s": 8,
        "media_s": 20,
        "picture_s": 12,
        "impaired_s": 4,
        "backoff": [1],
        "relook_after_s": [1, 2],
        "deadline_s": 8.0,
    },
    "confirm": {"confirm_over_s": 3, "up_apart_s": 1, "image_gap_s": 3, "hold_s": 6, "silence_intervals": 5},
    **{f"probes.{name}": {"connect_timeout_s": 1.5} for name in ("light", "onvif", "rtsp", "picture")},
    "witness": {"every_s": 2.0},
    "record": {"coverage_s": 1.0, "board_s": 0.5, "count_s": 2.0},
    "together": {"window_s": 20},
    "inspection": {"rounds_per_month": 0},
    "web": {"port": 0},
    "log": {"format": "json", "level": "debug"},
}
"""The rules of a county, with intervals of seconds instead of minutes and hours."""


class NotInTimeError(AssertionError):
    """Something that was waited for has not come; says what, and what there was instead."""


async def until(
    what: str, ask: Callable[[], Awaitable[Value]], is_so: Callable[[Value], object], *, within_s: float
) -> Value:
    """The first answer of ``ask`` for which ``is_so`` holds. Raises NotInTimeError with the last answer."""
    give_up = monotonic() + within_s
    while True:
        value = await ask()
        if is_so(value):
            return value
        if monotonic() > give_up:
            raise NotInTimeError(f"not within {within_s:g} s: {what}; last seen: {str(value)[:2000]}")
        await asyncio.sleep(POLL_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """What it printed, as one JSON document."""
        return json.loads(self.out)


@dataclass(kw_only=True)
class Daemon:
    """A running ``xunjian run``."""

    process: asyncio.subprocess.Process
    url: str
    session: aiohttp.ClientSession
    log: Path

    async def get(self, path: str) -> str:
        """The body of one of its addresses, whatever the status."""
        async with self.session.get(self.url + path) as response:
            return await response.text()

    async def board(self) -> dict[str, Any]:
        """The board as JSON, its cameras by id."""
        board: dict[str, Any] = json.loads(await self.get("api/board.json"))
        board["cameras"] = {camera["id"]: camera for camera in board["cameras"]}
        return board

    async def health(self) -> dict[str, Any]:
        """What ``/healthz`` says of the program itself."""
        told: dict[str, Any] = json.loads(await self.get("healthz"))
        return told

    async def seconds(self) -> dict[str, dict[str, int]]:
        """The state counters of ``/metrics`` by camera id and condition."""
        found: dict[str, dict[str, int]] = {}
        for line in (await self.get("metrics")).splitlines():
            if told := SECONDS.match(line):
                found.setdefault(told["camera"], {})[told["state"]] = int(told["value"])
        return found

    async def until(
        self, what: str, is_so: Callable[[dict[str, Any]], object], *, within_s: float = 60.0
    ) -> dict[str, Any]:
        """The first board for which ``is_so`` holds."""
        return await until(what, self.board, is_so, within_s=within_s)

    def children(self) -> list[psutil.Process]:
        """Its decode workers, and whatever else it has started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    async def end(self, by: signal.Signals = signal.SIGTERM, *, within_s: float = 20.0) -> int:
        """Send a signal and wait for the end; returns the exit code. Raises NotInTimeError, and kills, if it stays."""
        if self.process.returncode is None:
            self.process.send_signal(by)
        try:
            async with asyncio.timeout(within_s):
                return await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            raise NotInTimeError(f"the daemon had not ended {within_s:g} s after {by.name}") from None

    def logged(self) -> list[dict[str, Any]]:
        """Its log so far."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines() if line[:1] == "{"]


SECONDS = re.compile(
    r'xunjian_camera_state_seconds_total\{camera="(?P<camera>[^"]*)",township="[^"]*",state="(?P<state>\w+)"\} '
    r"(?P<value>\d+)"
)


@dataclass(kw_only=True)
class Site:
    """``home`` holds everything: settings, database, and in ``said`` what every command printed."""

    home: Path
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @classmethod
    def at(
        cls,
        home: Path,
        townships: Sequence[Mapping[str, str]] = (),
        *overlays: Mapping[str, Mapping[str, Any]],
    ) -> Site:
        """Write config.toml with the quick intervals and ``overlays`` over them."""
        tables: dict[str, dict[str, Any]] = {}
        for overlay in (QUICK, *overlays):
            for name, table in overlay.items():
                tables.setdefault(name, {}).update(table)
        home.mkdir(parents=True, exist_ok=True)
        (home / "said").mkdir(exist_ok=True)
        (home / "config.toml").write_text(as_toml(tables, townships), encoding="utf-8")
        return cls(home=home)

    @property
    def config(self) -> Path:
        """The settings."""
        return self.home / "config.toml"

    @property
    def socket(self) -> Path:
        """Where the daemon can be asked."""
        return self.home / "data" / "xunjian.sock"

    async def command(
        self, *arguments: object, within_s: float = 60.0, environment: Mapping[str, str] | None = None
    ) -> Ended:
        """Run a command to its end. Raises NotInTimeError, and kills it, if it does not end."""
        number = next(self._numbers)
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            *map(str, arguments),
            "--config",
            str(self.config),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.home,
            env=_environment(environment),
        )
        try:
            async with asyncio.timeout(within_s):
                out, err = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.communicate()
            raise NotInTimeError(f"not ended within {within_s:g} s: {arguments}") from None
        (self.home / "said" / f"{number}.out").write_bytes(out)
        (self.home / "said" / f"{number}.err").write_bytes(err)
        return Ended(code=process.returncode or 0, out=out.decode(), err=err.decode())

    async def imported(self, ledger: Path, *options: str) -> Ended:
        """Import ``ledger``; it must all go in."""
        ended = await self.command("inventory", "import", ledger, *options, "--lang", "en")
        assert ended.code == 0, ended
        return ended

    @asynccontextmanager
    async def daemon(
        self, *options: str, environment: Mapping[str, str] | None = None, ready_within_s: float = 60.0
    ) -> AsyncIterator[Daemon]:
        """Start ``xunjian run``; at the exit it is ended, if it still runs."""
        log = self.home / "said" / f"daemon-{next(self._numbers)}.log"
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                PROGRAM,
                "--config",
                str(self.config),
                *options,
                "run",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd=self.home,
                env=_environment(environment),
            )
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
                url = await _url_in(log, process, ready_within_s)
                yield Daemon(process=process, url=url, session=session, log=log)
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.terminate()
                try:
                    async with asyncio.timeout(20):
                        await process.wait()
                except TimeoutError:
                    process.kill()
                    await process.wait()


def _environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XUNJIAN_", "COV_"))}
    return {**kept, "NO_COLOR": "1", "COLUMNS": "200", **(more or {})}


async def _url_in(log: Path, process: asyncio.subprocess.Process, within_s: float) -> str:
    """The address of the page, which the daemon logs once it watches."""
    give_up = monotonic() + within_s
    while True:
        text = log.read_text(encoding="utf-8")
        for line in text.splitlines():
            if line[:1] == "{" and (told := json.loads(line)).get("event") == "watching":
                return str(told["page"])
        if process.returncode is not None or monotonic() > give_up:
            raise NotInTimeError(f"the daemon does not watch (exit code {process.returncode}): {text[-3000:]}")
        await asyncio.sleep(POLL_S)


def as_toml(tables: Mapping[str, Mapping[str, Any]], townships: Sequence[Mapping[str, str]] = ()) -> str:
    """A TOML document of tables of numbers, texts, switches and lists of them: JSON has the same signs for these."""
    heads = [(f"[{name}]", table) for name, table in tables.items()]
    heads += [("[[townships]]", township) for township in townships]
    return "\n".join(
        "\n".join([head, *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()), ""])
        for head, table in heads
    )
