"""The whole daemon over a county: from a fresh ledger to a picture of every camera, and then a minute of routine.

Everything is as a user has it: ledger and settings as files, the record on the disk, page, metrics and canary running,
and somebody scraping every 15 seconds.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import aiohttp
import uvloop

from monitor.clock import SystemClock
from monitor.config import Config, load
from monitor.control import ask_round
from monitor.core.condition import Condition
from monitor.daemon import Running, running, socket_path
from monitor.importing import import_ledger
from probes.observation import Depth
from probes.testing.county import County, write_ledger
from probes.testing.media import SMALL, Codec, Format
from tests.bench.apart import daemon_apart
from tests.bench.bench_round import FULL_HD, SpoiltError, served
from tests.bench.measure import Goal, Meter, Result

ROUND_HD = Format(width=1920, height=1080, gop_s=2, fps=1, quantizer=26, refresh_s=10)
"""Painted anew every 10 s alone, so that the county's encoders leave the cores to the round."""
SETTINGS = "config.toml"
ROUNDS = 3
PROVEN_WITHIN_S = 900
POLL_S = 0.5
ROUTINE_S = 60
SCRAPE_S = 15
LEAST_LOOKS_SHARE = 0.9
"""Of the light looks that a minute of routine consists of; with fewer the daemon has not kept up."""


@asynccontextmanager
async def imported(
    cameras: int, fmt: Format, *, codecs: frozenset[Codec] = frozenset(Codec)
) -> AsyncIterator[tuple[County, Config]]:
    """A county, and the settings of a fresh store that holds the ledger of its cameras of these codecs."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        county = await stack.enter_async_context(served(cameras, fmt))
        settings = folder / SETTINGS
        settings.write_text(_settings(county), encoding="utf-8")
        kept = {each.id for device in county.plan.devices for each in device.cameras if each.codec in codecs}
        write_ledger([row for row in county.ledger() if row["编号"] in kept], folder / "ledger.csv")
        config = load(settings)
        enter = partial(
            import_ledger,
            config,
            SystemClock(),
            folder / "ledger.csv",
            socket_path(config),
            who="bench",
            dry_run=False,
            retire_missing=False,
        )
        done = await asyncio.to_thread(enter)
        if done.ledger.problems or done.refused_logins:
            raise SpoiltError(f"the ledger did not go in whole: {done.ledger.problems[:3]} {done.refused_logins}")
        yield county, config


def _settings(county: County) -> str:
    blocks = [
        "\n".join(("[[townships]]", *(f'{key} = "{value}"' for key, value in township.items())))
        for township in county.townships()
    ]
    return "\n".join(('[web]\nport = 0\n[log]\nlevel = "error"', *blocks)) + "\n"


def start(cameras: int) -> Result:
    """From the daemon's start until every camera's picture is proven, in full HD."""
    return uvloop.run(_start(cameras))


async def _start(cameras: int) -> Result:
    async with imported(cameras, FULL_HD) as (county, config):
        with Meter(apart=frozenset(county.pids)) as meter:
            async with running(config) as daemon:
                notes = await _all_proven(daemon)
                meter.stop()
    return Result(what="start to every picture proven", items=cameras, usage=meter.usage, notes=notes)


async def _all_proven(daemon: Running) -> dict[str, object]:
    """Wait until a picture of every camera is proven; says when that was, and when of the first ones."""
    began = monotonic()
    shares = {"half_after_s": 0.5, "99%_after_s": 0.99, "all_after_s": 1.0}
    notes: dict[str, object] = {}
    while len(notes) < len(shares):
        proven, took = daemon.desk.board().proven, monotonic() - began
        for name, share in shares.items():
            if proven.pictured >= share * proven.cameras > 0:
                notes.setdefault(name, round(took, 1))
        if took > PROVEN_WITHIN_S:
            raise SpoiltError(f"after {PROVEN_WITHIN_S} s: {proven}")
        await asyncio.sleep(POLL_S)
    return notes


def routine(cameras: int) -> Result:
    """A minute of the intervals that config.toml has by default, after all cameras have been seen."""
    return uvloop.run(_routine(cameras))


async def _routine(cameras: int) -> Result:
    async with imported(cameras, SMALL) as (county, config), running(config) as daemon:
        await _all_proven(daemon)
        await asyncio.sleep(ROUTINE_S)  # the first pictures have put off the looks that would have followed
        async with aiohttp.ClientSession() as session:
            before = await _looks(session, daemon.url)
            with Meter(apart=frozenset(county.pids)) as meter:
                for _ in range(ROUTINE_S // SCRAPE_S):
                    await asyncio.sleep(SCRAPE_S)
                    after = await _looks(session, daemon.url)
        board = daemon.desk.board()
    looks = after - before
    if looks < LEAST_LOOKS_SHARE * cameras or board.proven.pictured < cameras:
        raise SpoiltError(f"{looks} looks in {ROUTINE_S} s, {board.proven}")
    share = 100 * (meter.usage.cpu_s + meter.usage.workers_cpu_s) / meter.usage.wall_s
    return Result(
        what=f"{ROUTINE_S} s of routine",
        items=looks,
        usage=meter.usage,
        notes={"share_of_one_core": f"{share:.1f} %", "scrapes": ROUTINE_S // SCRAPE_S},
    )


async def _looks(session: aiohttp.ClientSession, url: str) -> int:
    """Looks that have ended so far, as /metrics tells."""
    async with session.get(url + "metrics") as answer:
        page = await answer.text()
    return sum(int(count) for count in re.findall(r"^xunjian_probe_outcomes_total\{[^}]*\} (\d+)", page, re.MULTILINE))


def rounds(cameras: int) -> Result:
    """Three rounds of pictures over full HD in H.264 from the daemon's start, each judged and kept with evidence."""
    return uvloop.run(_rounds(cameras))


async def _rounds(cameras: int) -> Result:
    # three in four cameras of a county speak H.264
    h264 = frozenset({Codec.H264})
    async with (
        imported(cameras * 4 // 3, ROUND_HD, codecs=h264) as (county, config),
        daemon_apart(config.home / SETTINGS) as daemon,
    ):
        with Meter(apart=frozenset(county.pids), of=daemon.pid) as meter:
            await daemon.lateness()
            reports = [await _round(config)]
            late = await daemon.lateness()
            meter.stop()
        reports += [await _round(config) for _ in range(ROUNDS - 1)]
        with Meter(of=daemon.pid) as afterwards:
            pass
    usage, false = meter.usage, sum(map(_accusations, reports))
    goals = (
        Goal(what="a round, stored with evidence", reached=usage.wall_s, bound=75, unit="s"),
        Goal(what="event loop late, p99", reached=late.p99_ms, bound=20, unit="ms"),
        Goal(what="event loop late, at most", reached=late.max_ms, bound=100, unit="ms"),
        Goal(what="loop process", reached=usage.peak_mib, bound=150, unit="MiB RSS"),
        Goal(what="a worker", reached=usage.largest_worker_mib, bound=130, unit="MiB RSS"),
        Goal(what=f"false verdicts in {ROUNDS} rounds", reached=false, bound=0, unit="cameras"),
    )
    notes: dict[str, object] = {
        "counts": [report["counts"] for report in reports],
        "void": [report["void"] for report in reports],
        "took_s": [report["took_s"] for report in reports],
        "MiB_after_all": round(afterwards.usage.peak_mib),
    }
    items = len(reports[0]["cameras"])
    return Result(what="first round of pictures", items=items, usage=usage, notes=notes, goals=goals)


async def _round(config: Config) -> Mapping[str, Any]:
    """A round of pictures by the daemon of these settings, as ``xunjian round`` has it done."""
    *_, report = [said async for said in ask_round(socket_path(config), Depth.PICTURE)]
    return report


def _accusations(report: Mapping[str, Any]) -> int:
    counts = report["counts"]
    return int(counts[Condition.OFFLINE]) + int(counts[Condition.IMPAIRED])


BENCHMARKS: dict[str, Callable[[int], Result]] = {
    "daemon.start": start,
    "daemon.routine": routine,
    "daemon.rounds": rounds,
}
