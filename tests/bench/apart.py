"""The daemon in a process of its own, as a county has it, so that no county and no bench is counted as its.

``python -m tests.bench.apart CONFIG`` runs it until its standard input ends. It says how to reach it, and to each line
that comes how late its event loop has been since the line before.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.cli import logging_to_stderr, wait_for
from monitor.config import Config, load
from monitor.daemon import running
from reports.office import Office
from tests.bench.measure import LoopLag

START_LIMIT_S = 120.0
ANSWER_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """How late the loop came to a timer, in milliseconds."""

    p99_ms: float
    max_ms: float


class Daemon:
    """A daemon that runs elsewhere: ``pid`` and ``url`` are its."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.pid = process.pid
        self.url = url
        self._process = process

    async def lateness(self) -> Lateness:
        """Since it was asked last, or since its start."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        async with asyncio.timeout(ANSWER_LIMIT_S):
            return Lateness(**await _told(self._process))


@asynccontextmanager
async def daemon_apart(settings: Path) -> AsyncIterator[Daemon]:
    """A daemon with these settings while the context lasts."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, str(settings)), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    try:
        async with asyncio.timeout(START_LIMIT_S):
            said = await _told(process)
        yield Daemon(process, said["url"])
    finally:
        process.stdin.close()
        await process.wait()


async def _told(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    told: dict[str, Any] = json.loads(await process.stdout.readline())
    return told


async def _serve(settings: Path) -> None:
    config = load(settings)
    with logging_to_stderr(config, config.log.level):
        await _run(config)


async def _run(config: Config) -> None:
    async with running(config, archive=Office) as daemon:
        _tell(url=daemon.url)
        while True:
            async with LoopLag() as lag:
                if not await asyncio.to_thread(sys.stdin.readline):
                    return
            _tell(p99_ms=lag.p99_ms, max_ms=lag.max_ms)


def _tell(**values: object) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    wait_for(_serve(Path(sys.argv[1])))
