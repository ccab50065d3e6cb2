"""One answer of the page's server for the whole fleet, over a real socket, each from a board it has not seen."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta, timezone
from fractions import Fraction
from functools import cache, partial

from aiohttp import web

from monitor.clock import SystemClock
from monitor.core.board import Board
from monitor.core.record import Outage
from monitor.web.app import application
from monitor.web.settings import Settings
from monitor.web.source import (
    Life,
    MonthLine,
    MonthState,
    NoSuchPaperError,
    NoSuchPictureError,
    NothingToDecideError,
    Snapshot,
)
from probes.observation import Light, Reference
from tests.bench import county
from tests.bench.measure import Result, median_of
from tests.reports import sample

RUNS = 15
MONTH = "2026-10"
SITE = timezone(timedelta(hours=8))


@dataclass(slots=True)
class NewestBoard:
    """A source whose board is replaced before each request."""

    newest: Board

    def board(self) -> Board:
        return self.newest

    async def life(self, camera: str, month: str | None = None) -> Life:
        now = self.newest.now
        return Life(camera=camera, began=now - 86_400, until=now, intervals=())

    async def months(self) -> tuple[MonthLine, ...]:
        return (MonthLine(month=MONTH, state=MonthState.FROZEN, sha256="0" * 64),)

    async def month(self, month: str) -> Snapshot | None:
        return _month(len(self.newest.cameras))

    async def outages(self, month: str, township: str, day: int) -> tuple[Outage, ...]:
        return ()

    async def paper(self, month: str, name: str) -> bytes:
        raise NoSuchPaperError(name)

    async def picture(self, camera: str, at: int) -> bytes:
        raise NoSuchPictureError(camera, at)

    async def references(self, camera: str) -> Mapping[Light, Reference]:
        return {}

    async def decide(self, camera: str, accept: bool, by: str) -> None:
        raise NothingToDecideError(camera)


@cache
def _month(cameras: int) -> Snapshot:
    """A made-up month with that many cameras in 22 townships."""
    return sample.big(cameras)


def page(path: str, cameras: int) -> Result:
    """One GET of ``path``; the client that asks is part of the CPU, about a quarter of a millisecond."""
    source = NewestBoard(county.board(cameras))
    with asyncio.Runner() as runner:
        site, address = runner.run(_serve(source))

        def get(number: int) -> bytes:
            source.newest = county.later(source.newest, number)
            return runner.run(_get(*address, path))

        usage = median_of(RUNS, get)
        head, _, body = get(0).partition(b"\r\n\r\n")
        runner.run(site.cleanup())
    if b" 200 " not in head.splitlines()[0]:
        raise RuntimeError(f"GET {path}: {head.splitlines()[0].decode()}")
    return Result(
        what=f"GET {path}", items=1, usage=usage, notes={"bytes": len(body), "gzip": len(gzip.compress(body, 6))}
    )


async def _serve(source: NewestBoard) -> tuple[web.AppRunner, tuple[str, int]]:
    settings = Settings(
        county="示范县", zone=SITE, target=Fraction(95, 100), version="bench", clock=SystemClock(), stale_after_s=10**9
    )
    runner = web.AppRunner(application(source, settings), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    return runner, (host, port)


async def _get(host: str, port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


BENCHMARKS: dict[str, Callable[[int], Result]] = {
    "page.front": partial(page, "/"),
    "page.township": partial(page, "/township/01"),
    "page.month": partial(page, f"/month/{MONTH}"),
    "page.month_township": partial(page, f"/township/01?month={MONTH}"),
    "page.camera": partial(page, "/camera/34020000001320000000"),
}
