"""Which doors must the firewalls leave open, and which of them are? Asked before anybody logs in anywhere.

A door is a TCP port of a device. It is knocked at once: connected and closed again, nothing is sent.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network

from monitor.config import Config
from monitor.core.address import split_address
from monitor.core.fleet import Fleet
from monitor.inventory import targets

V4_BITS, V6_BITS = 24, 64
"""The subnets that firewall rules are written for."""

CONNECT_S = 3.0
IN_FLIGHT = 32
PER_SECOND = 40.0
"""Knocks begun in a second: fewer than any device or firewall takes for a scan of its ports."""

RTSP_PORT = 554


class Answer(StrEnum):
    """What a door said."""

    OPEN = "open"
    REFUSED = "refused"
    SILENT = "silent"
    """nothing came back: what a firewall that drops looks like, or a device without power"""
    UNREACHABLE = "unreachable"
    """no route, or no such name"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A port of a device, what for (rtsp, onvif, witness, mqtt, alerts), and the townships of the cameras behind it."""

    host: str
    port: int
    purpose: str
    townships: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A line for whoever keeps the firewall: from our address to a subnet, which ports of how many devices."""

    source: str
    subnet: str
    ports: Mapping[int, str]
    """what each is for"""
    devices: int
    townships: Sequence[str]
    """their names"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """What the doors of a subnet said."""

    subnet: str
    counts: Mapping[Answer, int]
    closed: Sequence[tuple[Door, Answer]]


def doors_of(fleet: Fleet, config: Config) -> tuple[Door, ...]:
    """Every door that the ledger and the settings name, each once, by subnet and address."""
    behind: dict[tuple[str, int], tuple[str, set[str]]] = {}
    for camera, target in targets(fleet, {}).items():
        for port, purpose in ((target.rtsp_port, "rtsp"), (target.onvif_port, "onvif")):
            if port is not None:
                behind.setdefault((target.host, port), (purpose, set()))[1].add(fleet.cameras[camera].township)
    if config.mqtt.host:
        behind.setdefault((config.mqtt.host, config.mqtt.port), ("mqtt", set()))
    for entry in config.alerts.channels:
        if door := entry.gateway_door:
            behind.setdefault(door, ("alerts", set()))
    posts = [(address, "") for address in config.witness.county]
    posts += [(township.witness, township.code) for township in fleet.townships.values() if township.witness]
    for address, code in posts:
        host, named = split_address(address)
        behind.setdefault((host, named or RTSP_PORT), ("witness", set()))[1].update({code} - {""})
    doors = (
        Door(host=host, port=port, purpose=purpose, townships=frozenset(codes))
        for (host, port), (purpose, codes) in behind.items()
    )
    return tuple(sorted(doors, key=lambda door: (_order(door.host), door.port)))


def passages_of(
    doors: Iterable[Door], fleet: Fleet, source_of: Callable[[str], str] | None = None
) -> tuple[Passage, ...]:
    """The list for the firewall, a line for each subnet. ``source_of`` tells our address on the way to a host."""
    source_of = source_of or our_address
    by_subnet: dict[str, list[Door]] = defaultdict(list)
    for door in doors:
        by_subnet[subnet_of(door.host)].append(door)
    return tuple(
        Passage(
            source=source_of(its[0].host),
            subnet=subnet,
            ports=dict(sorted({door.port: door.purpose for door in its}.items())),
            devices=len({door.host for door in its}),
            townships=sorted({fleet.townships[code].name for door in its for code in door.townships}),
        )
        for subnet, its in by_subnet.items()
    )


async def reach(
    doors: Sequence[Door],
    *,
    connect_s: float = CONNECT_S,
    in_flight: int = IN_FLIGHT,
    per_second: float = PER_SECOND,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> tuple[Reached, ...]:
    """Knock at every door, one at a time at each device, and tell what each subnet said."""
    by_host: dict[str, list[Door]] = defaultdict(list)
    for door in doors:
        by_host[door.host].append(door)
    pace = _Pace(per_second)
    room = asyncio.Semaphore(in_flight)
    said: dict[Door, Answer] = {}

    async def visit(its: Sequence[Door]) -> None:
        for door in its:
            async with room:
                await pace.turn()
                said[door] = await _knock(door, connect_s)
            progress(len(said), len(doors))

    await asyncio.gather(*(visit(its) for its in _interleaved(by_host)))
    return tuple(_reached(doors, said))


def our_address(host: str) -> str:
    """The address that we would come from, by the routing table alone; "" without a route. Nothing is sent."""
    with suppress(OSError):
        family, kind, protocol, _, address = socket.getaddrinfo(host, RTSP_PORT, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as asked:
            asked.connect(address)
            return str(asked.getsockname()[0])
    return ""


def subnet_of(host: str) -> str:
    """The subnet of an address; a name is its own.

    >>> subnet_of("10.1.2.3"), subnet_of("fd00::1:2"), subnet_of("nvr-1.lan")
    ('10.1.2.0/24', 'fd00::/64', 'nvr-1.lan')
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str(ip_network((address, V4_BITS if address.version == 4 else V6_BITS), strict=False))


class _Pace:
    """Lets through so many a second, evenly."""

    def __init__(self, per_second: float) -> None:
        self._apart_s = 1 / per_second
        self._next = 0.0

    async def turn(self) -> None:
        loop = asyncio.get_running_loop()
        at = self._next = max(loop.time(), self._next + self._apart_s)
        await asyncio.sleep(at - loop.time())


async def _knock(door: Door, connect_s: float) -> Answer:
    try:
        async with asyncio.timeout(connect_s):
            _, writer = await asyncio.open_connection(door.host, door.port)
    except TimeoutError:
        return Answer.SILENT
    except ConnectionRefusedError:
        return Answer.REFUSED
    except OSError:
        return Answer.UNREACHABLE
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return Answer.OPEN


def _interleaved(by_host: Mapping[str, list[Door]]) -> list[list[Door]]:
    """The devices of the subnets in turns, so that no link has all of them at once."""
    by_subnet: dict[str, list[list[Door]]] = defaultdict(list)
    for host, its in by_host.items():
        by_subnet[subnet_of(host)].append(its)
    in_turns = ((place, its) for each in by_subnet.values() for place, its in enumerate(each))
    return [its for _, its in sorted(in_turns, key=lambda pair: pair[0])]


def _reached(doors: Sequence[Door], said: Mapping[Door, Answer]) -> Iterator[Reached]:
    by_subnet: dict[str, list[Door]] = defaultdict(list)
    for door in doors:
        by_subnet[subnet_of(door.host)].append(door)
    for subnet, its in by_subnet.items():
        counts = Counter(said[door] for door in its)
        yield Reached(
            subnet=subnet,
            counts={answer: counts[answer] for answer in Answer},
            closed=tuple((door, said[door]) for door in its if said[door] is not Answer.OPEN),
        )


def _order(host: str) -> tuple[int, int, str]:
    try:
        address = ip_address(host)
    except ValueError:
        return (9, 0, host)
    return (address.version, int(address), "")
