"""The faults that befall a monitor in years, one scenario each. Every one plays on a county and a daemon of its own.

A scenario raises when a promise does not hold; what it returns are figures for people.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from monitor.core.condition import Condition
from monitor.core.period import Month
from probes.testing.county import County, write_ledger
from tests.e2e import mosquitto_server
from tests.e2e.prometheus_server import PROGRAM, prometheus
from tests.e2e.site import Daemon, Site, until
from tests.soak.record import (
    BrokenPromiseError,
    Record,
    Seconds,
    all_intact,
    cameras_were_only_read,
    metric,
    no_counter_falls,
    nobody_was_accused,
    nothing_was_rewritten,
    parts_add_up,
    what_was_shown_is_kept,
)

ZONE = ZoneInfo("Asia/Shanghai")
HOUR_S = 3600
FAKETIME = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)

Figures = dict[str, object]


class NotHereError(Exception):
    """This machine cannot play the scenario; says what is missing."""


@dataclass(kw_only=True)
class Stage:
    """Where a scenario plays, and how large it is."""

    home: Path
    cameras: int
    kills: int
    minutes: float
    """how long what takes hours in a county lasts here"""
    boards: list[Mapping[str, Any]] = field(default_factory=list)
    readings: list[Seconds] = field(default_factory=list)

    @asynccontextmanager
    async def county(self, *overlays: Mapping[str, Mapping[str, Any]]) -> AsyncIterator[tuple[County, Site]]:
        """A county whose ledger a site has taken in."""
        townships = max(3, min(22, self.cameras // 20))
        async with await County.start(
            wall=time.time, cameras=self.cameras, townships=townships, villages=max(15, self.cameras // 11)
        ) as county:
            site = Site.at(self.home, county.townships(), *overlays)
            write_ledger(county.ledger(), site.home / "ledger.csv")
            await site.imported(site.home / "ledger.csv")
            yield county, site

    async def note(self, daemon: Daemon) -> None:
        """Remember what the daemon shows now."""
        self.boards.append(await daemon.board())
        self.readings.append(await daemon.seconds())


Scenario = Callable[[Stage], Coroutine[Any, Any, Figures]]


async def kills(stage: Stage) -> Figures:
    """kill -9 at random moments: nothing acknowledged is lost, lost time is unknown, nobody is accused."""
    restarts: list[float] = []
    async with stage.county() as (county, site):
        villages = [village for township in county.plan.townships for village in township.villages]
        record = Record()
        for number in range(stage.kills):
            began = time.monotonic()
            async with site.daemon() as daemon:
                restarts.append(time.monotonic() - began)
                if number == 0:
                    await daemon.until("every camera is intact", all_intact, within_s=120)
                await _toggle_power(county, random.choice(villages))
                await _until_killed(stage, daemon, for_s=random.uniform(0.2, 8))
            after = Record.of(site)
            nothing_was_rewritten(record, after)
            record = after
        await county.repair("county")
        async with site.daemon() as daemon:
            await daemon.until("every camera is intact again", all_intact, within_s=120)
            await stage.note(daemon)
            await daemon.end()
        record = Record.of(site)
        outages = nobody_was_accused(record, await county.truth())
        counted = await parts_add_up(site, _month())
        logins = cameras_were_only_read(await county.stats())
    no_counter_falls(stage.readings)
    return {
        "kills": stage.kills,
        "shown and kept": what_was_shown_is_kept(stage.boards, record),
        "outages, all true": outages,
        "cameras whose parts add up": counted,
        "logins": logins,
        "slowest start s": round(max(restarts), 1),
    }


async def _toggle_power(county: County, village: str) -> None:
    if random.random() < 0.5:
        await county.inject("power_lost", village)
    else:
        await county.repair(village)


async def _until_killed(stage: Stage, daemon: Daemon, *, for_s: float) -> None:
    end = time.monotonic() + for_s
    board, seen_at = await daemon.board(), time.monotonic()
    while time.monotonic() < end:
        await asyncio.sleep(0.1)
        stage.readings.append(await daemon.seconds())
    await daemon.end(signal.SIGKILL)
    if time.monotonic() - seen_at >= 1:
        stage.boards.append(board)


async def locked(stage: Stage) -> Figures:
    """Another program holds the database's lock: looks go on, changes wait, and all of them arrive."""
    async with stage.county() as (county, site), site.daemon() as daemon:
        await daemon.until("every camera is intact", all_intact, within_s=120)
        village = county.plan.townships[0].villages[0]
        dark = set(county.cameras_at(village))
        holder = sqlite3.connect(site.home / "data" / "xunjian.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        locked_at = time.time()
        await county.inject("power_lost", village)
        await asyncio.sleep(stage.minutes * 60)
        waiting = await metric(daemon, 'xunjian_queue_depth{queue="store"}')
        turned = (await daemon.board())["now"]
        holder.execute("ROLLBACK")
        holder.close()
        released = time.time()
        await daemon.until("the village is dark", lambda board: _offline(board) == dark)
        shown_after_s = time.time() - released
        await county.repair(village)
        await daemon.until("every camera is intact", all_intact, within_s=120)
        await stage.note(daemon)
        code = await daemon.end()
        record = Record.of(site)
        _hold(turned >= released - 10, f"P4: the board stood still at {turned}, the lock was let go of at {released}")
        _hold(code == 0, f"the daemon ended with {code}")
        began = {camera: blamed[0][0] for camera, blamed in record.outages().items()}
        _hold(set(began) == dark, f"blamed {set(began)} instead of {dark}")
        late = max(began.values()) - locked_at
        outages = nobody_was_accused(record, await county.truth())
        counted = await parts_add_up(site, _month())
    return {
        "locked s": round(released - locked_at),
        "writes that waited": waiting,
        "shown after the lock s": round(shown_after_s, 1),
        "outage dated after the power went s": round(late, 1),
        "outages, all true": outages,
        "cameras whose parts add up": counted,
    }


async def full(stage: Stage) -> Figures:
    """The disk fills up and is freed: the daemon says so, goes on looking, and writes what it kept."""
    if os.geteuid() != 0:
        raise NotHereError("mounting a small disk needs root")
    disk = stage.home / "data"
    disk.mkdir(parents=True)
    await _run("mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(disk))
    try:
        return await _fill(stage, disk)
    finally:
        await _run("umount", "--lazy", str(disk))


async def _fill(stage: Stage, disk: Path) -> Figures:
    async with stage.county() as (county, site), site.daemon() as daemon:
        await daemon.until("every camera is intact", all_intact, within_s=120)
        village = county.plan.townships[0].villages[0]
        dark = set(county.cameras_at(village))
        ballast = disk / "ballast"
        _write_until_full(ballast)
        full_at = time.time()
        await county.inject("power_lost", village)
        await until("the daemon says that it cannot write", daemon.health, lambda told: told["degraded"], within_s=90)
        said_after_s = time.time() - full_at
        await asyncio.sleep(stage.minutes * 60)
        turned = (await daemon.board())["now"]
        ballast.unlink()
        freed = time.time()
        await until("it can write again", daemon.health, lambda told: not told["degraded"], within_s=60)
        await daemon.until("the village is dark", lambda board: _offline(board) == dark)
        recovered_after_s = time.time() - freed
        await county.repair(village)
        await daemon.until("every camera is intact", all_intact, within_s=120)
        await stage.note(daemon)
        await daemon.end()
        record = Record.of(site)
        _hold(turned >= freed - 10, f"P4: the board stood still at {turned}, the disk was freed at {freed}")
        _hold(set(record.outages()) == dark, f"blamed {set(record.outages())} instead of {dark}")
        unknown = max(record.unknown_s(camera, full_at, freed) for camera in record.history)
        _hold(unknown == 0, f"{unknown} s were lost while the disk was full")
        outages = nobody_was_accused(record, await county.truth())
        counted = await parts_add_up(site, _month())
    return {
        "full s": round(freed - full_at),
        "said after s": round(said_after_s, 1),
        "written again after s": round(recovered_after_s, 1),
        "seconds lost": unknown,
        "outages, all true": outages,
        "cameras whose parts add up": counted,
    }


def _write_until_full(path: Path) -> None:
    block = b"\0" * 65536
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(block):
                pass
        except OSError:
            return


async def clock(stage: Stage) -> Figures:
    """The wall clock is set an hour forward, back, and across a month's end: every month has its wall length."""
    month = Month.at(time.time(), ZONE)
    ahead = _FakeClock(stage.home / "clock", month.end - 3 * HOUR_S - time.time())
    async with stage.county() as (county, site):
        async with site.daemon(environment=ahead.environment) as daemon:
            await daemon.until("every camera is intact", all_intact, within_s=120)
            steps: list[tuple[float, float]] = []
            for step_s in (HOUR_S, -HOUR_S, HOUR_S, 2 * HOUR_S + 60):
                steps.append((ahead.now(), step_s))
                ahead.step(step_s)
                await stage.note(daemon)
                await asyncio.sleep(15)
            await daemon.until("every camera is intact", all_intact, within_s=120)
            await stage.note(daemon)
            await daemon.end()
        record = Record.of(site)
        jumped = [gap for gap in record.gaps if gap.reason == "clock_step"]
        skipped = sum((gap.ended or gap.began) - gap.began for gap in jumped)
        outages = nobody_was_accused(record, await county.truth())
        _hold(outages == 0, f"P6: {outages} outages after the clock was set")
        following = Month.at(month.end + 1, ZONE)
        counted = await parts_add_up(site, str(month), str(following), environment=ahead.environment)
        forward = sum(step for _, step in steps if step > 0)
        _hold(skipped >= forward - HOUR_S, f"P2: {skipped} s are unknown of {forward} s that were skipped")
    no_counter_falls(stage.readings)
    return {
        "steps": len(steps),
        "skipped s": forward,
        "unknown s": skipped,
        "gaps": len(jumped),
        "accused": outages,
        "cameras whose parts add up": counted,
    }


class _FakeClock:
    """The wall clock of a process under libfaketime; its monotonic one stays true."""

    def __init__(self, file: Path, offset_s: float) -> None:
        if FAKETIME is None:
            raise NotHereError("libfaketime is not installed")
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file, self._offset_s = file, 0.0
        self.environment = {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        self.step(offset_s)

    def step(self, by_s: float) -> None:
        """Set the clock forward, or back."""
        self._offset_s += by_s
        beside = self._file.with_suffix(".new")
        beside.write_text(f"{self._offset_s:+.0f}\n", encoding="ascii")
        beside.replace(self._file)

    def now(self) -> float:
        """What it shows."""
        return time.time() + self._offset_s


async def stopped(stage: Stage) -> Figures:
    """The monitor stands still for six hours: exactly that time is unknown, and no rate falls."""
    ahead = _FakeClock(stage.home / "clock", 0)
    async with stage.county() as (county, site):
        async with site.daemon(environment=ahead.environment) as daemon:
            await daemon.until("every camera is intact", all_intact, within_s=120)
            await asyncio.sleep(5)
            await stage.note(daemon)
            await daemon.end(signal.SIGKILL)
        killed_at = ahead.now()
        ahead.step(6 * HOUR_S)
        async with site.daemon(environment=ahead.environment) as daemon:
            await daemon.until("every camera is intact", all_intact, within_s=120)
            await stage.note(daemon)
            again_at = ahead.now()
            await daemon.end()
        record = Record.of(site)
        lost = {camera: record.unknown_s(camera, killed_at - 5, again_at) for camera in record.history}
        _hold(min(lost.values()) >= 6 * HOUR_S, f"P2: only {min(lost.values())} s are unknown")
        _hold(max(lost.values()) <= again_at - killed_at + 5, f"{max(lost.values())} s are unknown")
        outages = nobody_was_accused(record, await county.truth())
        _hold(outages == 0, f"P6: {outages} outages after a stop")
        month = Month.at(again_at, ZONE)
        told = (await site.command("month", "show", str(month), "--json", environment=ahead.environment)).json()
        lowered = [row["code"] for row in told["townships"] if row["online_intact_rate"] not in ("100.00", None)]
        _hold(not lowered, f"P6: the rate of {lowered} fell")
        counted = await parts_add_up(site, str(month), environment=ahead.environment)
    no_counter_falls(stage.readings)
    return {
        "stopped s": 6 * HOUR_S,
        "unknown s": f"{min(lost.values()):.0f} to {max(lost.values()):.0f}",
        "townships whose rate fell": len(lowered),
        "accused": outages,
        "cameras whose parts add up": counted,
    }


async def prometheus_gone(stage: Stage) -> Figures:
    """Prometheus is away while cameras fail and are repaired: the counters tell it afterwards, to the second."""
    if PROGRAM is None:
        raise NotHereError("prometheus is not installed")
    async with stage.county() as (county, site), site.daemon() as daemon:
        await daemon.until("every camera is intact", all_intact, within_s=120)
        target = daemon.url.removeprefix("http://").rstrip("/")
        folder = stage.home / "prometheus"
        folder.mkdir()
        village = county.plan.townships[0].villages[0]
        offline = 'sum by (camera) (xunjian_camera_state_seconds_total{state="offline"})'
        async with prometheus(target, folder) as server:
            await server.wait_until_scraped(2)
            before = {each.labels["camera"]: each.value for each in await server.query(offline)}
        await county.inject("power_lost", village)
        dark = set(county.cameras_at(village))
        await daemon.until("the village is dark", lambda board: _offline(board) == dark)
        await asyncio.sleep(stage.minutes * 60)
        await county.repair(village)
        await daemon.until("every camera is intact", all_intact, within_s=120)
        await _until_settled(daemon)
        async with prometheus(target, folder) as server:
            await server.wait_until_scraped(2)
            after = {each.labels["camera"]: each.value for each in await server.query(offline)}
        await daemon.end()
        record = Record.of(site)
        told = {camera: after[camera] - before[camera] for camera in after}
        recorded = {camera: sum(end - began for began, end in blamed) for camera, blamed in record.outages().items()}
        wrong = {camera: (seconds, recorded.get(camera, 0)) for camera, seconds in told.items()
                 if seconds != recorded.get(camera, 0)}  # fmt: skip
        _hold(not wrong, f"Prometheus and the record differ: {dict(list(wrong.items())[:3])}")
    return {
        "away s": round(max(recorded.values())),
        "cameras that failed meanwhile": len(recorded),
        "seconds of difference": 0,
    }


async def _until_settled(daemon: Daemon) -> None:
    """Wait until every counter has reached the present."""
    held = await daemon.seconds()

    async def behind() -> list[str]:
        now = await daemon.seconds()
        return [id_ for id_ in held if sum(now[id_].values()) <= sum(held[id_].values())]

    await until("the counters go on", behind, lambda it: not it, within_s=90)


async def broker_gone(stage: Stage) -> Figures:
    """The MQTT broker is away while cameras fail and are repaired: a subscriber hears each outage once."""
    if mosquitto_server.PROGRAM is None or mosquitto_server.PASSWORDS is None:
        raise NotHereError("Mosquitto is not installed")
    async with mosquitto_server.mosquitto(stage.home / "broker") as broker:
        name, password = mosquitto_server.WRITER
        secret = stage.home / "mqtt.password"
        secret.write_text(password + "\n", encoding="utf-8")
        secret.chmod(0o600)
        mqtt = {"host": "127.0.0.1", "port": broker.port, "username": name, "password_file": str(secret)}
        async with (
            stage.county({"mqtt": mqtt}) as (county, site),
            mosquitto_server.subscriber(broker) as ears,
            site.daemon() as daemon,
        ):
            await daemon.until("every camera is intact", all_intact, within_s=120)
            villages = [village for township in county.plan.townships for village in township.villages][:4]
            await broker.end()
            away = time.monotonic()
            await asyncio.gather(*(_dark_for_a_while(county, daemon, village) for village in villages))
            await asyncio.sleep(max(0.0, stage.minutes * 60 - (time.monotonic() - away)))
            away = time.monotonic() - away
            await daemon.until("every camera is intact", all_intact, within_s=120)
            await broker.start()
            failed = {camera for village in villages for camera in county.cameras_at(village)}
            await ears.until(
                "every outage's end is heard", lambda it: _heard(it, "closed").keys() >= failed, within_s=90
            )
            await daemon.end()
            recorded = {camera: len(blamed) for camera, blamed in Record.of(site).outages().items()}
            opened, closed = _heard(ears, "opened"), _heard(ears, "closed")
            _hold(opened == closed, f"opened {opened}, closed {closed}")
            _hold(opened.keys() == recorded.keys() == failed, f"heard of {opened.keys()} instead of {recorded.keys()}")
            _hold(max(opened.values()) == 1, f"told more than once: {opened}")
    return {
        "away s": round(away),
        "outages meanwhile": len(opened),
        "lost": 0,
        "doubled": 0,
        "repeated and recognised by number": ears.repeated,
    }


async def _dark_for_a_while(county: County, daemon: Daemon, village: str) -> None:
    dark = set(county.cameras_at(village))
    await county.inject("power_lost", village)
    await daemon.until(f"{village} is dark", lambda board: _offline(board) >= dark)
    await county.repair(village)


def _heard(ears: mosquitto_server.Subscriber, what: str) -> Counter[str]:
    """How often each camera's outage was told as opened or closed, messages with the same number once."""
    return Counter(document["body"]["camera"] for _, document in ears.events if document["kind"] == f"outage_{what}")


async def everybody(stage: Stage) -> Figures:
    """Every camera of the county goes dark at once while the witnesses answer: found in time, one event a township."""
    async with stage.county(COUNTY_PACE) as (county, site), site.daemon() as daemon:
        county_size = len((await daemon.board())["cameras"])
        await daemon.until("every camera is intact", all_intact, within_s=600)
        skipped = await metric(daemon, "xunjian_probes_skipped_total")
        since = await county.inject("power_lost", "county")
        await daemon.until("all are offline", lambda board: len(_offline(board)) == county_size, within_s=600)
        all_found_s = time.time() - since
        board = await daemon.until("they are events", lambda board: board["events"], within_s=60)
        skipped = await metric(daemon, "xunjian_probes_skipped_total") - skipped
        await stage.note(daemon)
        await county.repair("county")
        await daemon.until("every camera is intact", all_intact, within_s=900)
        await daemon.end()
        record = Record.of(site)
        outages = nobody_was_accused(record, await county.truth())
        dated = [blamed[0][0] - since for blamed in record.outages().values()]
        counted = await parts_add_up(site, _month())
        logins = cameras_were_only_read(await county.stats())
    return {
        "cameras": county_size,
        "all found after s": round(all_found_s, 1),
        "dated after the power went s": f"{min(dated):.0f} to {max(dated):.0f}",
        "events": len(board["events"]),
        "looks skipped": skipped,
        "outages, all true": outages,
        "cameras whose parts add up": counted,
        "logins": logins,
    }


async def tarpits(stage: Stage) -> Figures:
    """All cameras of a township accept and never answer: the looks at the others keep their interval."""
    async with stage.county(COUNTY_PACE) as (county, site), site.daemon() as daemon:
        await daemon.until("every camera is intact", all_intact, within_s=600)
        township = county.plan.townships[0].name
        tarred = set(county.cameras_at(township))
        quiet = await _longest_silence(daemon, tarred, for_s=130)
        await county.inject("tarpit", township)
        stuck = await _longest_silence(daemon, tarred, for_s=130)
        _hold(stuck <= quiet + 15, f"P4: others waited up to {stuck:.0f} s instead of {quiet:.0f} s")
        await daemon.until("they are offline", lambda board: _offline(board) == tarred, within_s=600)
        await daemon.end()
        outages = nobody_was_accused(Record.of(site), await county.truth())
        cameras_were_only_read(await county.stats())
    return {
        "tarpits": len(tarred),
        "longest silence before s": round(quiet),
        "longest silence meanwhile s": round(stuck),
        "outages, all true": outages,
    }


async def _longest_silence(daemon: Daemon, without: set[str], *, for_s: float) -> float:
    """How long any camera but those was not looked at, at most."""
    longest, end = 0.0, time.monotonic() + for_s
    while time.monotonic() < end:
        board = await daemon.board()
        looked = [camera["last_look_at"] for id_, camera in board["cameras"].items() if id_ not in without]
        longest = max(longest, board["now"] - min(looked))
        await asyncio.sleep(1)
    return longest


COUNTY_PACE: Mapping[str, Mapping[str, Any]] = {
    "looks": {
        "light_s": 60,
        "describe_s": 300,
        "media_s": 1800,
        "picture_s": 21600,
        "impaired_s": 900,
        "relook_after_s": [20, 60],
        "deadline_s": 25.0,
    },
    "confirm": {"confirm_over_s": 80, "up_apart_s": 3},
    "together": {"window_s": 300},
}
"""The intervals of a real county over those of the tests."""


def _offline(board: Mapping[str, Any]) -> set[str]:
    return {id_ for id_, camera in board["cameras"].items() if camera["condition"] == Condition.OFFLINE}


def _month() -> str:
    return str(Month.at(time.time(), ZONE))


def _hold(so: object, otherwise: str) -> None:
    if not so:
        raise BrokenPromiseError(otherwise)


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait() != 0:
        raise NotHereError(f"this did not work: {' '.join(command)}")


SCENARIOS: Mapping[str, Scenario] = {
    "kills": kills,
    "locked": locked,
    "full": full,
    "clock": clock,
    "stopped": stopped,
    "prometheus": prometheus_gone,
    "broker": broker_gone,
    "everybody": everybody,
    "tarpits": tarpits,
}
