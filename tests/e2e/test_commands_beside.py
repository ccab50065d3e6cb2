"""Commands beside a running daemon: no camera gets two looks at a time, and a new ledger is noticed at once."""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from probes.testing.county import County, write_ledger
from probes.testing.device import Scheme
from tests.e2e.site import Daemon, Site, until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(120),
]

PROBE_KEYS = {
    "camera",
    "outcome",
    "condition",
    "faults",
    "step",
    "steps",
    "took_ms",
    "codec",
    "width",
    "height",
    "clock_offset_s",
    "picture",
}
ROUND_KEYS = {"round", "depth", "started_at", "took_s", "void", "counts", "cameras"}
ROUND_CAMERA_KEYS = {"camera", "outcome", "condition", "faults", "step", "took_ms"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def county() -> AsyncIterator[County]:
    async with await _small_county() as served:
        yield served


@pytest_asyncio.fixture(loop_scope="module")
async def site(county: County, tmp_path: Path) -> Site:
    return await _site(county, tmp_path / "site")


async def _small_county() -> County:
    return await County.start(wall=time.time, cameras=40, townships=2, villages=10)


async def _site(county: County, home: Path) -> Site:
    made = Site.at(home, county.townships())
    write_ledger(county.ledger(), made.home / "ledger.csv")
    await made.imported(made.home / "ledger.csv")
    return made


async def _known(daemon: Daemon) -> dict[str, Any]:
    return await daemon.until(
        "every camera is intact", lambda board: all(c["condition"] == "intact" for c in board["cameras"].values())
    )


async def test_a_camera_never_gets_two_looks_at_a_time(county: County, site: Site) -> None:
    ids = [row["编号"] for row in county.ledger()]
    async with site.daemon() as daemon:
        await _known(daemon)
        commands = [
            site.command("round", "--json"),
            site.command("round", "--depth", "media", "--json"),
            *(site.command("probe", ids[0], "--json") for _ in range(3)),
        ]
        first, second, *probes = await asyncio.gather(*commands)
    for round_ in (first, second):
        assert round_.code == 0, round_
        told = round_.json()
        assert set(told) == ROUND_KEYS
        assert told["counts"] == {"intact": len(ids), "impaired": 0, "offline": 0, "unknown": 0}
        assert [camera["camera"] for camera in told["cameras"]] == sorted(ids)
        assert {frozenset(camera) for camera in told["cameras"]} == {frozenset(ROUND_CAMERA_KEYS)}
        assert told["void"] is None
    assert {first.json()["round"], second.json()["round"]} == {1, 2}
    assert (first.json()["depth"], second.json()["depth"]) == ("picture", "media")
    for probe in probes:
        assert probe.code == 0, probe
        assert set(probe.json()) == PROBE_KEYS
        assert (probe.json()["camera"], probe.json()["condition"]) == (ids[0], "intact")
        assert probe.json()["width"] > 0
    stats = await county.stats()
    assert stats["channel_sessions_peak"] == 1
    assert stats["violations"] == []


async def test_a_round_tells_of_a_camera_that_is_not_intact(county: County, site: Site) -> None:
    hurt = county.ledger()[0]["编号"]
    async with site.daemon() as daemon:
        await _known(daemon)
        await county.inject("no_channel", hurt)
        try:
            probe = await site.command("probe", hurt, "--json")
            round_ = await site.command("round", "--depth", "describe", "--json")
        finally:
            await county.repair(hurt)
    assert probe.code == round_.code == 1
    assert (probe.json()["outcome"], probe.json()["condition"]) == ("no_stream", "impaired")
    assert probe.json()["faults"] == ["no_stream"]
    assert [c["camera"] for c in round_.json()["cameras"] if c["condition"] != "intact"] == [hurt]


async def test_probe_and_round_work_without_a_daemon_too(county: County, site: Site) -> None:
    hurt = county.ledger()[0]["编号"]
    picture = site.home / "picture.jpg"
    probe = await site.command("probe", hurt, "--json", "--save-picture", picture)
    round_ = await site.command("round", "--depth", "media", "--json")
    assert (probe.code, set(probe.json())) == (0, PROBE_KEYS)
    assert picture.read_bytes().startswith(b"\xff\xd8\xff")
    assert (round_.code, set(round_.json())) == (0, ROUND_KEYS)
    assert round_.json()["counts"]["intact"] == 40
    # what the round has seen is in the record
    life = (await site.command("camera", hurt, "--json")).json()
    assert [interval["condition"] for interval in life["intervals"]][-1] == "intact"


async def test_a_new_ledger_is_noticed_within_seconds(county: County, site: Site) -> None:
    rows = county.ledger()
    gone, kept = rows[0], rows[1:]
    async with site.daemon() as daemon:
        await _known(daemon)
        write_ledger([{**row, "点位名称": f"新{row['点位名称']}"} for row in kept], site.home / "new.csv")
        ended = await site.command("inventory", "import", site.home / "new.csv", "--retire-missing", "--json")
        assert (ended.code, ended.json()["retired"], len(ended.json()["changed"])) == (0, [gone["编号"]], 39)
        board = await daemon.until(
            "the retired camera has left", lambda board: gone["编号"] not in board["cameras"], within_s=12
        )
        assert {camera["name"][0] for camera in board["cameras"].values()} == {"新"}
        assert len(board["cameras"]) == 39


async def test_a_new_login_that_cameras_refuse_is_told_by_the_import_and_held(county: County, site: Site) -> None:
    guarded = {
        camera.id
        for device in county.plan.devices
        if device.township == 0 and device.access.scheme is not Scheme.NONE
        for camera in device.cameras
    }
    rows = [{**row, "密码": "not-the-Passw0rd"} if row["编号"] in guarded else row for row in county.ledger()]
    write_ledger(rows, site.home / "wrong.csv")
    async with site.daemon() as daemon:
        await _known(daemon)
        before = (await county.stats())["refused_logins"]
        ended = await site.command("inventory", "import", site.home / "wrong.csv", "--json", "--lang", "en")
        assert ended.code == 1, ended
        tried = ended.json()["new_logins_tried"]
        assert [each["outcome"] for each in tried] == ["unauthorized"] * 3
        assert {each["camera"] for each in tried} <= guarded
        # Three cameras were refused and no fourth is asked, however deep the looks that fall due.
        asked = tried[0]["camera"]
        others = sorted(guarded - {each["camera"] for each in tried})
        held = await site.command("probe", others[0], "--json")
        assert (held.code, held.json()["outcome"], held.json()["condition"]) == (1, "inconclusive", "unknown")
        assert (await county.stats())["refused_logins"] - before <= 4, asked
    # and a restart does not forget it
    async with site.daemon() as daemon:
        await daemon.until("it has looked", lambda board: all(c["last_look_at"] for c in board["cameras"].values()))
        held = await site.command("probe", others[-1], "--json")
    stats = await county.stats()
    assert stats["violations"] == []


async def test_a_reference_is_approved_and_let_go_of_through_the_daemon_and_its_successor(
    county: County, site: Site
) -> None:
    its = county.ledger()[0]["编号"]

    async def shown() -> dict[str, Any]:
        ended = await site.command("reference", its, "--json")
        assert ended.code == 0, ended
        found: dict[str, Any] = ended.json()
        return found

    async with site.daemon() as daemon:
        await _known(daemon)
        learned = await until("a reference is learned", shown, _lights, within_s=40)
        (light, *_) = _lights(learned)
        approved = await site.command("reference", its, "--approve", light, "--by", "王芳", "--json")
        assert approved.json()[light] == {"at": learned[light]["at"], "approved_by": "王芳"}
        assert "王芳" in await daemon.get(f"camera/{its}")
        nobody = await site.command("reference", "no-such-camera", "--lang", "en")
        assert (nobody.code, nobody.err) == (2, "no camera no-such-camera with an address in the ledger\n")
        assert await daemon.end() == 0
    async with site.daemon() as daemon:
        await daemon.until("it has looked", lambda board: board["cameras"][its]["last_look_at"])
        assert (await shown())[light]["approved_by"] == "王芳"
        reset = await site.command("reference", its, "--reset", light, "--json")
        assert reset.json()[light] is None
    stats = await county.stats()
    assert stats["violations"] == []


def _lights(references: dict[str, Any]) -> list[str]:
    return [light for light in ("day", "night") if references[light]]


async def test_the_end_does_not_wait_for_a_round(tmp_path: Path) -> None:
    # Cameras that stop listening in the middle of a session keep it: this county is nobody else's.
    async with await _small_county() as county:
        site = await _site(county, tmp_path / "site")
        async with site.daemon() as daemon:
            await _known(daemon)
            await county.inject("tarpit", county.plan.townships[1].name)
            asked = asyncio.create_task(site.command("round", "--lang", "en"))
            queued = 'probe_outcomes_total{township="02",probe="picture",outcome="timed_out"}'
            await until(
                "the round meets the tarpit", lambda: daemon.get("metrics"), lambda it: queued in it, within_s=30
            )
            began = time.monotonic()
            assert await daemon.end() == 0
            took_s = time.monotonic() - began
            ended = await asked
    assert took_s < 10
    assert ended.code == 3
    assert "Traceback" not in ended.err


async def test_the_service_manager_hears_when_it_is_ready_alive_and_ending(site: Site, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        told: list[str] = []

        async def heard() -> list[str]:
            while True:
                try:
                    told.append(manager.recv(4096).decode())
                except BlockingIOError:
                    return told

        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        async with site.daemon(environment=environment) as daemon:
            await until("READY and two WATCHDOG", heard, lambda told: told.count("WATCHDOG=1") >= 2, within_s=10)
            assert await daemon.end(signal.SIGINT) == 0
        await heard()
    ready = next(message for message in told if "READY=1" in message)
    assert "STATUS=40 cameras, http://127.0.0.1:" in ready
    assert told[-1] == "STOPPING=1"


async def test_a_full_disk_is_told_and_costs_neither_the_watchdog_nor_the_record(
    county: County, site: Site, tmp_path: Path
) -> None:
    dark = county.plan.townships[0].villages[0]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        async with site.daemon(environment=environment) as daemon:
            await _known(daemon)
            soft, hard = resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (1, hard))  # what a full disk is to a process
            health = await until(
                "healthz tells", lambda: daemon.get("healthz"), lambda it: '"degraded": null' not in it, within_s=20
            )
            assert '"status": "degraded"' in health
            assert "写不进磁盘" in await daemon.get("")
            since = await county.inject("power_lost", dark)
            try:
                hurt = set(county.cameras_at(dark))
                await daemon.until("looks go on", lambda board: _of(board, "offline") == hurt, within_s=40)
                assert _watchdogs(manager) >= 2
                resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (soft, hard))
                await until("it heals", lambda: daemon.get("healthz"), lambda it: '"status": "ok"' in it, within_s=20)
            finally:
                await county.repair(dark)
            assert await daemon.end() == 0
    life = (await site.command("camera", sorted(hurt)[0], "--json")).json()
    (outage,) = [interval for interval in life["intervals"] if interval["condition"] == "offline"]
    assert int(since) - 8 <= outage["began"] <= since + 15


def _of(board: dict[str, Any], condition: str) -> set[str]:
    return {id_ for id_, camera in board["cameras"].items() if camera["condition"] == condition}


def _watchdogs(manager: socket.socket) -> int:
    told = []
    while True:
        try:
            told.append(manager.recv(4096))
        except BlockingIOError:
            return told.count(b"WATCHDOG=1")
