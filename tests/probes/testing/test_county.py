"""Is the fictitious county served, broken and repaired as told, and does it leave nothing behind?"""

from __future__ import annotations

import asyncio
import csv
import json
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from probes.testing.camera import FakeCamera
from probes.testing.county import PORTS, County, CountyError, write_ledger
from probes.testing.county_plan import plan_county
from probes.testing.county_server import Link, ServedCounty, open_on_first_free
from probes.testing.faults import Fault
from probes.testing.media import Format
from tests.probes.testing.conftest import START, Wall

SILENCE_S = 0.3


TINY = Format(width=320, height=180)


@pytest.fixture
async def county(wall: Wall) -> AsyncIterator[County]:
    async with await County.start(wall=wall, cameras=90, townships=3, villages=12, fmt=TINY) as served:
        yield served


def answers(address: str) -> bool:
    """True when something takes a connection at ``host:port``."""
    host, _, port = address.rpartition(":")
    with socket.socket() as client:
        client.settimeout(SILENCE_S)
        return client.connect_ex((host, int(port))) == 0


def address(row: dict[str, str]) -> str:
    return f"{row['IP地址']}:{row['RTSP端口']}"


def last(life: list[dict[str, Any]]) -> tuple[str, str | None]:
    return life[-1]["condition"], life[-1]["fault"]


@pytest.mark.parametrize("cameras", [1, 21, 880, 4000])
def test_a_plan_has_every_camera_once_at_an_address_of_its_own(cameras: int) -> None:
    plan = plan_county(cameras=cameras)
    rows = plan.ledger(18554, 18080)
    assert len(rows) == len({row["编号"] for row in rows}) == cameras
    assert all(len(row["编号"]) == 20 and row["编号"].isdecimal() for row in rows)
    assert len({(row["村(社区)"], row["点位名称"]) for row in rows}) == cameras
    assert len({device.host for device in plan.devices}) == len(plan.devices)
    assert all(socket.inet_aton(device.host)[0] == 127 for device in plan.devices)


def test_a_full_county_is_the_mix_that_a_real_one_is() -> None:
    plan = plan_county(cameras=4000)
    rows = plan.ledger(18554, 18080)
    assert len({row["乡镇"] for row in rows}) == 22
    assert len({row["村(社区)"] for row in rows}) == 354
    sizes = Counter(len(device.cameras) for device in plan.devices)
    assert set(sizes) == {1, 8, 16, 32}
    assert 0.35 < 1 - sizes[1] / 4000 < 0.5
    assert {row["厂家"] for row in rows} == {"海康威视", "大华", "宇视"}
    assert {row["重点点位"] for row in rows} == {"是", "否"}


def test_a_county_of_recorders_alone_has_125_of_32_channels() -> None:
    plan = plan_county(cameras=4000, channels=32)
    assert [len(device.cameras) for device in plan.devices] == [32] * 125
    assert {device.session_limit for device in plan.devices} == {8}
    assert len({device.host for device in plan.devices}) == 125
    assert {device.township for device in plan.devices} == set(range(22))


def test_the_same_seed_is_the_same_county() -> None:
    assert plan_county(cameras=100, seed=7) == plan_county(cameras=100, seed=7)
    assert plan_county(cameras=100, seed=7) != plan_county(cameras=100, seed=8)


@pytest.mark.parametrize(
    "size", [{"cameras": 0}, {"townships": 23}, {"townships": 5, "villages": 4}, {"villages": 1000}, {"channels": 32}]
)
def test_a_county_that_cannot_be_is_refused(size: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"county|villages|cameras"):
        plan_county(**size)


async def test_every_camera_and_every_witness_answers(county: County) -> None:
    rows = county.ledger()
    assert len(rows) == 90
    assert all(answers(address(row)) for row in rows)
    assert sorted(county.witnesses()) == ["01", "02", "03"]
    assert all(map(answers, county.witnesses().values()))
    assert {last(life) for life in (await county.truth()).values()} == {("intact", None)}


async def test_a_village_without_power_is_silent_and_the_truth_knows_since_when(county: County, wall: Wall) -> None:
    village = county.ledger()[-1]["村(社区)"]
    inside = set(county.cameras_at(village))
    before = wall()
    lost = await county.inject(Fault.POWER_LOST, village)
    assert before <= lost <= wall()
    assert {row["编号"] for row in county.ledger() if not answers(address(row))} == inside
    assert all(map(answers, county.witnesses().values()))
    back = await county.repair(village, Fault.POWER_LOST)
    assert all(answers(address(row)) for row in county.ledger())
    for camera, life in (await county.truth()).items():
        told = [(entry["condition"], entry["fault"]) for entry in life]
        if camera in inside:
            assert told == [("intact", None), ("offline", "unreachable"), ("intact", None)]
            assert before <= life[1]["from"] <= lost <= life[2]["from"] <= back
        else:
            assert told == [("intact", None)]


async def test_a_cut_uplink_silences_all_at_once_and_blames_nobody(county: County) -> None:
    await county.cut_uplink()
    assert not any(answers(address(row)) for row in county.ledger()[::12])
    assert not any(map(answers, county.witnesses().values()))
    await county.restore_uplink()
    assert all(answers(address(row)) for row in county.ledger())
    assert all(map(answers, county.witnesses().values()))
    assert all(len(life) == 1 for life in (await county.truth()).values())


@pytest.mark.parametrize("place", ["uplink", "岚汀街道"])
async def test_gateways_fall_silent_before_any_camera_and_come_back_after_the_last(
    wall: Wall, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    settled: list[str] = []
    settle_gateway, settle_camera = Link.settle, FakeCamera.settle

    async def gateway(link: Link, *, uplink_cut: bool) -> None:
        settled.append("gateway")
        await settle_gateway(link, uplink_cut=uplink_cut)

    async def camera(device: FakeCamera) -> None:
        settled.append("camera")
        await settle_camera(device)

    county = ServedCounty(plan_county(cameras=12, townships=2, villages=4), worker=0, workers=1, fmt=TINY, wall=wall)
    await open_on_first_free(county, PORTS)
    try:
        monkeypatch.setattr(Link, "settle", gateway)
        monkeypatch.setattr(FakeCamera, "settle", camera)
        await (county.set_uplink(cut=True) if place == "uplink" else county.inject("link_cut", place))
        silenced = settled.copy()
        settled.clear()
        await (county.set_uplink(cut=False) if place == "uplink" else county.repair(place, fault="link_cut"))
    finally:
        county.close()
    assert set(silenced) == {"gateway", "camera"}
    assert silenced == sorted(silenced, reverse=True)
    assert settled[: len(silenced)] == silenced[::-1]


async def test_a_fault_during_a_cut_uplink_is_the_truth_and_outlasts_it(county: County) -> None:
    row = next(row for row in county.ledger() if not row["录像机"])
    await county.cut_uplink()
    await county.inject(Fault.POWER_LOST, row["编号"])
    await county.restore_uplink()
    assert not answers(address(row))
    assert last((await county.truth())[row["编号"]]) == ("offline", "unreachable")


async def test_a_cut_link_takes_its_township_and_its_witness_with_it(county: County) -> None:
    await county.inject("link_cut", "岚汀街道")
    assert [code for code, witness in county.witnesses().items() if not answers(witness)] == ["02"]
    gone = {camera for camera, life in (await county.truth()).items() if last(life) == ("offline", "unreachable")}
    assert gone == set(county.cameras_at("岚汀街道"))
    await county.repair("岚汀街道", "link_cut")
    assert all(map(answers, county.witnesses().values()))
    assert all(answers(address(row)) for row in county.ledger())


async def test_one_channel_of_a_recorder_can_be_covered_but_not_lose_power(county: County) -> None:
    row = next(row for row in county.ledger() if row["录像机"])
    await county.inject("covered", row["编号"])
    impaired = {camera for camera, life in (await county.truth()).items() if last(life) == ("impaired", "covered")}
    assert impaired == {row["编号"]}
    with pytest.raises(ValueError, match=row["录像机"]):
        await county.inject("power_lost", row["编号"])
    await county.inject("power_lost", row["录像机"])
    await county.repair(row["录像机"], "power_lost")
    assert last((await county.truth())[row["编号"]]) == ("impaired", "covered")


async def test_a_fault_can_be_ordered_for_a_moment(county: County, wall: Wall) -> None:
    camera = county.ledger()[0]["编号"]
    moment = wall() + 0.3
    at = await county.inject("black", camera, at=moment)
    assert moment <= at <= moment + 0.3


async def test_unknown_places_and_faults_are_refused(county: County) -> None:
    with pytest.raises(LookupError, match="柳下村"):
        await county.inject("black", "柳下村")
    with pytest.raises(ValueError, match="tired"):
        await county.inject("tired", "county")
    with pytest.raises(ValueError, match="link"):
        await county.inject("link_cut", county.ledger()[0]["编号"])


async def test_two_processes_share_the_townships_and_add_up_what_they_were_asked(wall: Wall) -> None:
    size = {"cameras": 40, "townships": 3, "villages": 6, "processes": 2}
    async with await County.start(wall=wall, **size, fmt=TINY) as county:
        hosts = {row["IP地址"] for row in county.ledger()}
        assert all(answers(f"{host}:{county.rtsp_port}") for host in hosts)
        stats = await county.stats()
        while stats["connections"] < len(hosts):
            stats = await county.stats()
        assert (stats["devices"], stats["connections"], stats["violations"]) == (len(hosts), len(hosts), [])
        await county.cut_uplink()
        assert not any(map(answers, county.witnesses().values()))
        assert len(await county.truth()) == 40
    assert len(county.pids) == 0


async def test_stopping_leaves_no_process_and_no_socket(wall: Wall) -> None:
    county = await County.start(wall=wall, cameras=40, townships=2, villages=4, fmt=TINY)
    pids = county.pids
    await county.stop()
    await county.stop()
    assert not any(map(psutil.pid_exists, pids))
    assert not any(answers(address(row)) for row in county.ledger())
    with pytest.raises(CountyError, match="stopped"):
        await county.stats()


async def test_a_county_outlives_neither_its_parent_nor_a_killed_process(wall: Wall) -> None:
    async with await County.start(wall=wall, cameras=10, townships=1, villages=2, fmt=TINY) as county:
        psutil.Process(county.pids[0]).kill()
        for _ in range(2):
            with pytest.raises(CountyError, match="ended"):
                await county.stats()
    code = (
        "import asyncio, sys\n"
        "from probes.testing.county import County\n"
        "async def main():\n"
        "    county = await County.start(wall=lambda: 0.0, cameras=10, townships=1, villages=2)\n"
        "    print(county.pids[0], flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    orphan = psutil.Process(int(await parent.stdout.readline()))
    parent.kill()
    await parent.wait()
    assert await asyncio.to_thread(psutil.wait_procs, [orphan], 10) == ([orphan], [])


async def test_it_can_be_served_and_commanded_from_a_shell(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.csv"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "probes.testing.county", "--cameras", "30", "--ledger", str(ledger), stdin=-1, stdout=-1
    )
    assert process.stdin is not None
    assert process.stdout is not None
    told = json.loads(await process.stdout.readline())
    rows = list(csv.DictReader(ledger.read_text(encoding="utf-8-sig").splitlines()))
    assert len(rows) == 30
    assert {row["RTSP端口"] for row in rows} == {str(told["rtsp_port"])}
    assert len(told["townships"]) == 22
    command = {"do": "inject", "fault": "black", "where": rows[0]["编号"]}
    process.stdin.write(f"{json.dumps(command)}\nnonsense\n".encode())
    assert json.loads(await process.stdout.readline())["at"] > START / 2
    assert "error" in json.loads(await process.stdout.readline())
    process.stdin.close()
    assert await process.wait() == 0


async def test_880_cameras_are_served_by_one_process(
    wall: Wall, record_property: Callable[[str, object], None]
) -> None:
    began = asyncio.get_running_loop().time()
    async with await County.start(wall=wall, cameras=880) as county:
        record_property("start_s", round(asyncio.get_running_loop().time() - began, 2))
        stats = await county.stats()
        record_property("peak_rss_mib", stats["rss_mib_peak"])
        assert stats["devices"] == len({row["IP地址"] for row in county.ledger()})
        assert all(answers(witness) for witness in county.witnesses().values())


def test_the_ledger_opens_in_excel(tmp_path: Path) -> None:
    rows = plan_county(cameras=5).ledger(18554, 18080)
    write_ledger(rows, tmp_path / "ledger.csv")
    raw = (tmp_path / "ledger.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert list(csv.DictReader(raw.decode("utf-8-sig").splitlines())) == rows
