"""The process that serves a fictitious county, or its share of it, until its standard input closes.

It speaks JSON lines: the first line in is its ``Settings``, the first line out tells the ports; then every command
``{"id": n, "do": …}`` is answered by ``{"id": n, …}``, with ``error`` when it was refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from probes.testing.camera import FakeCamera
from probes.testing.county_plan import Plan, PlannedCamera, PlannedDevice, PlannedTownship, plan_county
from probes.testing.device import Channel
from probes.testing.faults import Fault
from probes.testing.listener import Listener
from probes.testing.media import Format, Studio

LINK_CUT = "link_cut"
SPARE_FILES = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a serving process is told. ``wall_offset`` added to the monotonic clock gives UTC seconds.

    ``ports`` are (RTSP, ONVIF) pairs to try in turn; every address of the county uses the first that is free.
    Worker number ``worker`` of ``workers`` serves every ``workers``-th township.
    """

    cameras: int
    seed: int
    townships: int
    villages: int
    channels: int | None = None
    wall_offset: float
    ports: Sequence[Sequence[int]]
    worker: int = 0
    workers: int = 1
    format: Format = field(default_factory=Format)

    @classmethod
    def of(cls, line: str | bytes) -> Settings:
        """The settings in a JSON line."""
        told = json.loads(line)
        return cls(**{**told, "format": Format(**told["format"])})

    def plan(self) -> Plan:
        """The county that these settings describe."""
        return plan_county(
            cameras=self.cameras,
            seed=self.seed,
            townships=self.townships,
            villages=self.villages,
            channels=self.channels,
        )


class Gateway(asyncio.Protocol):
    """The far end of a township's link: it takes a connection and lets it go."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class Link:
    """A township's line, with the gateway that answers while it holds."""

    def __init__(self, township: PlannedTownship, port: int) -> None:
        self.cut = False
        self.gateway = Listener(township.gateway, port, Gateway)

    async def settle(self, *, uplink_cut: bool) -> None:
        """Let the gateway answer or fall silent."""
        if self.cut or uplink_cut:
            self.gateway.fall_silent()
        else:
            await self.gateway.serve()


class ServedCounty:
    """The devices of one process and the truth about them."""

    def __init__(self, plan: Plan, *, worker: int, workers: int, fmt: Format, wall: Callable[[], float]) -> None:
        self._plan, self._wall = plan, wall
        self._studio = Studio(fmt=fmt)
        self._planned = {device.host: device for device in plan.devices if device.township % workers == worker}
        self._townships = [index for index in range(len(plan.townships)) if index % workers == worker]
        self._devices: dict[str, FakeCamera] = {}
        self._links: dict[int, Link] = {}
        self._uplink_cut = False
        self._truth: dict[str, list[dict[str, object]]] = {}

    @property
    def sockets(self) -> int:
        """How many listening sockets it takes."""
        return sum(1 + device.has_onvif for device in self._planned.values()) + len(self._townships)

    async def open(self, rtsp_port: int, onvif_port: int) -> None:
        """Serve every device on its own address. Raises OSError, and serves none, when a port is taken."""
        try:
            for index in self._townships:
                self._links[index] = Link(self._plan.townships[index], onvif_port)
                await self._links[index].settle(uplink_cut=False)
            for host, planned in self._planned.items():
                device = self._devices[host] = self._build(planned)
                await device.open(rtsp_port=rtsp_port, onvif_port=onvif_port if planned.has_onvif else None)
        except OSError:
            self.close()
            raise
        for host in self._planned:
            self._note(host)

    def close(self) -> None:
        """Give every port up."""
        for device in self._devices.values():
            device.close()
        for link in self._links.values():
            link.gateway.close()
        self._devices.clear()
        self._links.clear()

    def warm_up(self) -> None:
        """Paint and encode the first picture of every healthy stream, so that no client waits for it."""
        for device in self._devices.values():
            for channel in device.channels:
                channel.feed(self._studio, 0.0).join(self._wall())

    async def inject(self, fault: str, where: str, *, skew_s: float = 300.0) -> float:
        """Let ``fault`` befall ``where``; returns the UTC second at which it was so everywhere."""
        if fault == LINK_CUT:
            return await self._set_links(where, cut=True)
        for device, channel in self._hit(where):
            await device.inject(Fault(fault), channel, skew_s=skew_s)
            self._note(device.host)
        return self._wall()

    async def repair(self, where: str, *, fault: str | None = None) -> float:
        """End ``fault`` (None: whatever there is) at ``where``; returns the UTC second at which all was well."""
        if fault in (None, LINK_CUT):
            await self._set_links(where, cut=False)
        if fault != LINK_CUT:
            for device, channel in self._hit(where):
                await device.repair(None if fault is None else Fault(fault), channel)
                self._note(device.host)
        return self._wall()

    async def set_uplink(self, *, cut: bool) -> float:
        """Cut, or restore, the line between the county and whoever watches it: nothing answers, nobody is at fault.

        A real line falls silent for all at once, and it takes seconds to silence thousands of ports. Whoever watches
        would blame the first of them while the gateways of the others still bear witness, so gateways go first and
        come back last.
        """
        self._uplink_cut = cut
        if cut:
            await self._settle_gateways(self._townships)
        for index in self._townships:
            await self._settle_devices(index)
        if not cut:
            await self._settle_gateways(self._townships)
        return self._wall()

    def truth(self) -> dict[str, list[dict[str, object]]]:
        """What was true of each camera since when, by its id."""
        return self._truth

    def stats(self) -> dict[str, Any]:
        """What the devices were asked, summed or at its highest, and what it cost to serve them."""
        counts = [device.counts for device in self._devices.values()]
        usage = resource.getrusage(resource.RUSAGE_SELF)
        summed = ("connections", "requests", "logins", "refused_logins", "refused_sessions", "missing_teardowns")
        told: dict[str, Any] = {name: sum(getattr(count, name) for count in counts) for name in summed}
        told["key_frames"] = sum(count.key_frames for count in counts)
        for name in ("logins_per_minute_peak", "sessions_peak", "channel_sessions_peak"):
            told[name] = max((getattr(count, name) for count in counts), default=0)
        told["open_sessions"] = sum(device.sessions for device in self._devices.values())
        told["devices"] = len(self._devices)
        told["violations"] = [list(violation) for count in counts for violation in count.violations]
        told["cpu_s"] = round(usage.ru_utime + usage.ru_stime, 3)
        told["rss_mib_peak"] = usage.ru_maxrss // 1024
        return told

    def _build(self, planned: PlannedDevice) -> FakeCamera:
        return FakeCamera(
            [_channel(camera) for camera in planned.cameras],
            studio=self._studio,
            wall=self._wall,
            host=planned.host,
            access=planned.access,
            maker=planned.maker,
            session_limit=planned.session_limit,
            orphan_hold_s=planned.orphan_hold_s,
            refuses_tcp=planned.refuses_tcp,
            serial=f"XJ{planned.cameras[0].id[-8:]}",
        )

    def _hit(self, where: str) -> list[tuple[FakeCamera, Channel | None]]:
        place = self._plan.find(where)
        hit: list[tuple[FakeCamera, Channel | None]] = []
        for planned in place.devices:
            if (device := self._devices.get(planned.host)) is not None:
                single = place.camera
                hit.append((device, next((c for c in device.channels if single and c.camera_id == single.id), None)))
        return hit

    async def _set_links(self, where: str, *, cut: bool) -> float:
        place = self._plan.find(where)
        for index in self._townships:
            if where == "county" or place.township == index:
                self._links[index].cut = cut
                # the gateway first when it falls silent, last when it comes back: see ``set_uplink``
                if cut:
                    await self._settle_gateways([index])
                await self._settle_devices(index)
                if not cut:
                    await self._settle_gateways([index])
        return self._wall()

    async def _settle_gateways(self, townships: Iterable[int]) -> None:
        for index in townships:
            await self._links[index].settle(uplink_cut=self._uplink_cut)

    async def _settle_devices(self, index: int) -> None:
        link = self._links[index]
        for host, planned in self._planned.items():
            if planned.township == index:
                device = self._devices[host]
                device.cut_off = link.cut or self._uplink_cut
                await device.settle()
                self._note(host)

    def _note(self, host: str) -> None:
        """Add to the truth what has changed on the device at ``host``. A cut uplink changes nothing."""
        device, link = self._devices[host], self._links[self._planned[host].township]
        for channel in device.channels:
            condition, fault = ("offline", "unreachable") if link.cut else device.truth(channel)
            life = self._truth.setdefault(channel.camera_id, [])
            if not life or (life[-1]["condition"], life[-1]["fault"]) != (condition, fault):
                life.append({"from": self._wall(), "condition": condition, "fault": fault})


def _channel(camera: PlannedCamera) -> Channel:
    return Channel(
        camera_id=camera.id,
        number=camera.channel,
        path=camera.path,
        codec=camera.codec,
        scene=camera.scene,
        in_band=camera.in_band,
        joins_live=camera.joins_live,
    )


async def obey(county: ServedCounty, command: dict[str, Any], wall: Callable[[], float]) -> dict[str, object]:
    """Carry out one command, at the UTC second ``at`` if it names one."""
    if (at := command.get("at")) is not None:
        await asyncio.sleep(max(0.0, at - wall()))
    match command["do"]:
        case "inject":
            skew_s = command.get("skew_s", 300.0)
            return {"at": await county.inject(command["fault"], command["where"], skew_s=skew_s)}
        case "repair":
            return {"at": await county.repair(command["where"], fault=command.get("fault"))}
        case "cut_uplink":
            return {"at": await county.set_uplink(cut=True)}
        case "restore_uplink":
            return {"at": await county.set_uplink(cut=False)}
        case "truth":
            return {"truth": county.truth()}
        case "stats":
            return {"stats": county.stats()}
        case other:
            raise ValueError(f"unknown command {other}")


async def open_on_first_free(county: ServedCounty, ports: Sequence[Sequence[int]]) -> tuple[int, int]:
    """Serve on the first pair of ports that is free on every address. Raises OSError when none is."""
    last: OSError | None = None
    for rtsp_port, onvif_port in ports:
        try:
            await county.open(rtsp_port, onvif_port)
        except OSError as error:
            last = error
        else:
            return rtsp_port, onvif_port
    raise OSError(f"no free pair of ports for the county: {last}")


async def serve(reader: asyncio.StreamReader, write: Callable[[bytes], object]) -> None:
    """Serve a county until ``reader`` ends."""
    settings = Settings.of(await reader.readline())

    def wall() -> float:
        return settings.wall_offset + time.monotonic()

    county = ServedCounty(
        settings.plan(), worker=settings.worker, workers=settings.workers, fmt=settings.format, wall=wall
    )
    tasks: set[asyncio.Task[None]] = set()

    async def answer(line: bytes) -> None:
        command = json.loads(line)
        try:
            reply = await obey(county, command, wall)
        except (LookupError, ValueError, OSError) as error:
            reply = {"error": str(error)}
        write(json.dumps({"id": command["id"], **reply}).encode() + b"\n")

    try:
        allow_files(county.sockets + SPARE_FILES)
        rtsp_port, onvif_port = await open_on_first_free(county, settings.ports)
        county.warm_up()
        gc.freeze()
        write(json.dumps({"rtsp_port": rtsp_port, "onvif_port": onvif_port}).encode() + b"\n")
        while line := await reader.readline():
            task = asyncio.create_task(answer(line))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
    except OSError as error:
        write(json.dumps({"error": str(error)}).encode() + b"\n")
    finally:
        for task in tasks:
            task.cancel()
        county.close()


def allow_files(count: int) -> None:
    """Raise the limit of open files to ``count`` at least. Raises OSError when the system forbids it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise OSError(f"the county needs {count} open files and the system allows {hard} (ulimit -Hn)")
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count if hard == resource.RLIM_INFINITY else hard, hard))


async def main() -> None:
    """Serve on standard input and output."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    transport, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(os.dup(1), "wb"))
    await serve(reader, transport.write)
    # what was written last is still on its way to the pipe
    for _ in range(100):
        if not transport.get_write_buffer_size():
            break
        await asyncio.sleep(0.01)
    transport.close()


if __name__ == "__main__":
    # Ctrl-C in a terminal reaches the whole group; whoever started this process ends it by closing the pipe
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(main())
