"""The list for the firewall, and who answers before anybody logs in."""

from __future__ import annotations

import asyncio
import doctest
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from monitor import backup
from monitor.config import Config, parse
from monitor.core import disk as core_disk
from monitor.core.fleet import Camera, Fleet, Registration, Township
from monitor.doctor import Answer, Door, doors_of, network, passages_of, reach
from monitor.doctor.network import our_address

HILL, RIVER = Township(code="01", name="山前镇"), Township(code="02", name="河口乡", witness="10.2.0.1")


def camera(number: int, host: str, township: str = "01", **fields: Any) -> Camera:
    return Camera(id=f"c{number}", name="点位", township=township, village="村", host=host, rtsp_path="/x", **fields)


CAMERAS = (
    camera(1, "10.1.0.10", onvif_port=80),
    camera(2, "10.1.0.10", channel=2, onvif_port=80),
    camera(3, "10.1.0.9", township="02", rtsp_port=8554),
    camera(4, "10.2.0.5", township="02"),
    camera(5, "10.9.0.5", registration=Registration.RETIRED),
    camera(6, ""),
    camera(7, "fd00::5"),
)
FLEET = Fleet.of([HILL, RIVER], CAMERAS)


def test_every_door_of_ledger_and_settings_is_listed_once_by_address() -> None:
    config = parse(
        '[witness]\ncounty = ["10.0.0.1:80"]\n[mqtt]\nhost = "10.0.0.2"\n'
        '[[alerts.channels]]\nname = "sms"\ngateway = "https://10.0.0.3/send"\n'
    )
    assert [(door.host, door.port, door.purpose, sorted(door.townships)) for door in doors_of(FLEET, config)] == [
        ("10.0.0.1", 80, "witness", []),
        ("10.0.0.2", 1883, "mqtt", []),
        ("10.0.0.3", 443, "alerts", []),
        ("10.1.0.9", 8554, "rtsp", ["02"]),
        ("10.1.0.10", 80, "onvif", ["01"]),
        ("10.1.0.10", 554, "rtsp", ["01"]),
        ("10.2.0.1", 554, "witness", ["02"]),
        ("10.2.0.5", 554, "rtsp", ["02"]),
        ("fd00::5", 554, "rtsp", ["01"]),
    ]


def test_the_firewall_list_has_a_line_for_each_subnet() -> None:
    doors = doors_of(FLEET, Config())
    lines = passages_of(doors, FLEET, source_of=lambda host: f"us towards {host}")
    assert [(each.subnet, dict(each.ports), each.devices, each.townships) for each in lines] == [
        ("10.1.0.0/24", {80: "onvif", 554: "rtsp", 8554: "rtsp"}, 2, ["山前镇", "河口乡"]),
        ("10.2.0.0/24", {554: "rtsp"}, 2, ["河口乡"]),
        ("fd00::/64", {554: "rtsp"}, 1, ["山前镇"]),
    ]
    assert lines[0].source == "us towards 10.1.0.9"


def test_our_own_address_is_that_of_the_route() -> None:
    assert our_address("127.0.0.5") == "127.0.0.1"
    assert our_address("no-such-host.invalid") == ""


@dataclass
class Guests:
    """What a listener saw of those who knocked."""

    at_once: int = 0
    most: int = 0
    came: int = 0
    said: bytes = b""
    hosts: set[str] = field(default_factory=set)


@asynccontextmanager
async def listening(guests: Guests, host: str) -> AsyncIterator[int]:
    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        guests.came += 1
        guests.at_once += 1
        guests.most = max(guests.most, guests.at_once)
        guests.said += await reader.read(100)
        guests.at_once -= 1
        writer.close()

    async with await asyncio.start_server(receive, host, 0) as server:
        yield server.sockets[0].getsockname()[1]


def closed_port(host: str) -> int:
    with socket.socket() as taken:
        taken.bind((host, 0))
        return int(taken.getsockname()[1])


async def test_who_answers_is_told_by_subnet_and_nothing_is_said_to_them() -> None:
    guests = Guests()
    async with listening(guests, "127.0.3.1") as port, listening(guests, "127.0.3.1") as other:
        closed = closed_port("127.0.4.1")
        doors = (
            Door(host="127.0.3.1", port=port, purpose="rtsp"),
            Door(host="127.0.3.1", port=other, purpose="onvif"),
            Door(host="127.0.4.1", port=closed, purpose="rtsp"),
            Door(host="no-such-host.invalid", port=554, purpose="rtsp"),
        )
        seen: list[tuple[int, int]] = []
        reached = await reach(doors, per_second=10_000, progress=lambda done, of: seen.append((done, of)))
        await asyncio.sleep(0)
    by_subnet = {each.subnet: {answer: count for answer, count in each.counts.items() if count} for each in reached}
    assert by_subnet == {
        "127.0.3.0/24": {Answer.OPEN: 2},
        "127.0.4.0/24": {Answer.REFUSED: 1},
        "no-such-host.invalid": {Answer.UNREACHABLE: 1},
    }
    assert [door.port for each in reached for door, _ in each.closed] == [closed, 554]
    assert seen[-1] == (4, 4)
    assert (guests.came, guests.said) == (2, b"")


async def test_a_device_gets_one_knock_at_a_time() -> None:
    guests = Guests()
    async with listening(guests, "127.0.3.2") as port:
        doors = [Door(host="127.0.3.2", port=port, purpose=str(number)) for number in range(5)]
        await reach(doors, per_second=10_000)
    assert (guests.came, guests.most) == (5, 1)


async def test_knocks_are_spread_over_time() -> None:
    guests = Guests()
    loop = asyncio.get_running_loop()
    async with listening(guests, "127.0.3.3") as port:
        began = loop.time()
        await reach([Door(host="127.0.3.3", port=port, purpose=str(n)) for n in range(6)], per_second=50)
    # The first goes at once, each of the other five a fiftieth of a second later at the earliest.
    assert loop.time() - began >= 5 / 50


async def test_a_device_that_drops_what_comes_is_silent() -> None:
    with socket.socket() as full:
        full.bind(("127.0.3.4", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(address)
            waiting.append(one)
        (found,) = await reach([Door(host=address[0], port=address[1], purpose="rtsp")], connect_s=0.3)
        for one in waiting:
            one.close()
    assert found.counts[Answer.SILENT] == 1


def test_an_empty_ledger_has_no_doors() -> None:
    assert doors_of(Fleet.of([], []), Config()) == ()


def test_the_examples_run() -> None:
    for module in (network, core_disk, backup):
        failed, attempted = doctest.testmod(module)
        assert (failed, attempted > 0) == (0, True)
