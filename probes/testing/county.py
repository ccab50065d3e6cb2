"""A fictitious county of cameras on loopback, served by processes of its own, with the truth about every camera.

    county = await County.start(cameras=880, wall=clock.now)
    rows, witnesses = county.ledger(), county.witnesses()
    cut_at = await county.inject("power_lost", "青溪村")
    …
    await county.stop()

``python -m probes.testing.county --cameras 880`` serves one in the foreground and obeys JSON lines on its standard
input, such as ``{"do": "inject", "fault": "covered", "where": "99012201001320000001"}``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import csv
import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from probes.testing.county_plan import Plan
from probes.testing.county_server import LINK_CUT, Settings
from probes.testing.faults import Fault
from probes.testing.media import SMALL, Format

SERVER = "probes.testing.county_server"
LINE_LIMIT = 64 << 20
ENDED = "the county's process has ended"
START_LIMIT_S = 120.0
STOP_LIMIT_S = 10.0
# below the range from which Linux takes the ports of outgoing connections
PORTS = tuple((base + 554, base + 80) for base in range(18_000, 32_000, 1000))


class CountyError(Exception):
    """The county could not be served, or refused a command; the message says why."""


class Worker:
    """One serving process, and the pipe to it. It ends when its standard input is closed, by us or by our death."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._commands, self._replies = process, process.stdin, process.stdout
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    async def spawn(cls, settings: Settings) -> tuple[Worker, tuple[int, int]]:
        """Start a process that serves ``settings``; returns it and its ports. Raises CountyError."""
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            SERVER,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT,
            env={**os.environ, "PYTHONPATH": path},
        )
        worker = cls(process)
        try:
            worker._commands.write(json.dumps(asdict(settings)).encode() + b"\n")
            async with asyncio.timeout(START_LIMIT_S):
                line = await worker._replies.readline()
            told = json.loads(line) if line else {"error": "the serving process ended at once"}
            if "error" in told:
                raise CountyError(told["error"])
        except BaseException:
            await worker.stop()
            raise
        worker._reading = asyncio.create_task(worker._read())
        return worker, (int(told["rtsp_port"]), int(told["onvif_port"]))

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def ask(self, command: dict[str, object]) -> dict[str, Any]:
        """Have a command carried out; returns its reply. Raises CountyError when it is refused."""
        if self._reading is None or self._reading.done():
            raise CountyError(ENDED)
        number = next(self._numbers)
        reply: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        self._commands.write(json.dumps({"id": number, **command}).encode() + b"\n")
        told = await reply
        if "error" in told:
            raise CountyError(told["error"])
        return told

    async def stop(self) -> None:
        """End the process and wait for it."""
        self._commands.close()
        try:
            async with asyncio.timeout(STOP_LIMIT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        if self._reading is not None:
            await self._reading

    async def _read(self) -> None:
        while line := await self._replies.readline():
            told = json.loads(line)
            waiting = self._waiting.pop(told["id"], None)
            if waiting is not None and not waiting.done():
                waiting.set_result(told)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result({"error": ENDED})
        self._waiting.clear()


class County:
    """A county being served. Use ``County.start``, and ``stop`` or ``async with`` to end it."""

    def __init__(self, plan: Plan, workers: list[Worker], rtsp_port: int, onvif_port: int) -> None:
        self.plan = plan
        self.rtsp_port, self.onvif_port = rtsp_port, onvif_port
        self._workers = workers

    @classmethod
    async def start(
        cls,
        *,
        wall: Callable[[], float],
        cameras: int = 880,
        seed: int = 1,
        townships: int = 22,
        villages: int = 354,
        channels: int | None = None,
        processes: int = 1,
        fmt: Format = SMALL,
    ) -> Self:
        """Serve a county of ``cameras`` by so many processes; ``wall`` gives UTC seconds and is read once.

        With ``channels`` every camera hangs behind a recorder that has so many.

        Raises CountyError when the machine does not allow it, ValueError when there can be no such county.
        """
        settings = Settings(
            cameras=cameras,
            seed=seed,
            townships=townships,
            villages=villages,
            channels=channels,
            wall_offset=wall() - time.monotonic(),
            ports=PORTS,
            workers=processes,
            format=fmt,
        )
        plan = settings.plan()
        workers: list[Worker] = []
        try:
            for number in range(processes):
                worker, ports = await Worker.spawn(replace(settings, worker=number))
                workers.append(worker)
                settings = replace(settings, ports=(ports,))
        except BaseException:
            for worker in workers:
                await worker.stop()
            raise
        return cls(plan, workers, *ports)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def pids(self) -> list[int]:
        """The ids of the serving processes."""
        return [worker.pid for worker in self._workers]

    def ledger(self) -> list[dict[str, str]]:
        """The county's ledger: one row a camera, keyed by its Chinese headings, passwords included."""
        return self.plan.ledger(self.rtsp_port, self.onvif_port)

    def townships(self) -> list[dict[str, str]]:
        """Code, name and witness of each township, as ``[[townships]]`` of config.toml has them."""
        return [
            {"code": township.code, "name": township.name, "witness": f"{township.gateway}:{self.onvif_port}"}
            for township in self.plan.townships
        ]

    def witnesses(self) -> dict[str, str]:
        """``host:port`` of the gateway at the end of each township's link, by the township's code."""
        return {township["code"]: township["witness"] for township in self.townships()}

    def cameras_at(self, where: str) -> list[str]:
        """The ids of the cameras that a fault at ``where`` befalls. Raises LookupError."""
        place = self.plan.find(where)
        if place.camera is not None:
            return [place.camera.id]
        return [camera.id for device in place.devices for camera in device.cameras]

    async def inject(self, fault: Fault | str, where: str, *, at: float | None = None, skew_s: float = 300.0) -> float:
        """Let ``fault`` befall a camera, recorder, village, township or the "county", at UTC second ``at`` or now.

        ``fault`` is a Fault or "link_cut" (of a township, gateway included). Returns the UTC second at which it had
        taken effect everywhere. Raises LookupError for a place that doesn't exist, and ValueError for a fault that
        it can't have.
        """
        self._check(str(fault), where)
        return await self._do({"do": "inject", "fault": str(fault), "where": where, "at": at, "skew_s": skew_s})

    async def repair(self, where: str, fault: Fault | str | None = None, *, at: float | None = None) -> float:
        """End ``fault``, or every fault, at ``where``; returns the UTC second at which all was well again."""
        self._check(None if fault is None else str(fault), where)
        return await self._do(
            {"do": "repair", "fault": None if fault is None else str(fault), "where": where, "at": at}
        )

    async def cut_uplink(self, *, at: float | None = None) -> float:
        """Cut the watcher off from the whole county, witnesses included; returns the UTC second since when."""
        return await self._do({"do": "cut_uplink", "at": at})

    async def restore_uplink(self, *, at: float | None = None) -> float:
        """End ``cut_uplink``; returns the UTC second at which everything answered again."""
        return await self._do({"do": "restore_uplink", "at": at})

    async def truth(self) -> dict[str, list[dict[str, Any]]]:
        """Each camera's life by its id: ``{"from": UTC seconds, "condition": …, "fault": … or None}`` in order.

        A cut uplink is not in it: nothing was wrong with any camera.
        """
        told = await self._ask_all({"do": "truth"})
        return {camera: life for reply in told for camera, life in reply["truth"].items()}

    async def stats(self) -> dict[str, Any]:
        """What the cameras were asked: sums, peaks (``…_peak``), and every violation of manners."""
        total: dict[str, Any] = {}
        for reply in await self._ask_all({"do": "stats"}):
            for name, value in reply["stats"].items():
                if name not in total:
                    total[name] = value
                else:
                    total[name] = max(total[name], value) if name.endswith("_peak") else total[name] + value
        return total

    async def stop(self) -> None:
        """End the serving processes. Safe to call again."""
        workers, self._workers = self._workers, []
        for worker in workers:
            await worker.stop()

    def _check(self, fault: str | None, where: str) -> None:
        place = self.plan.find(where)
        if fault is None:
            return
        if fault == LINK_CUT:
            if place.township is None and where != "county":
                raise ValueError(f"only a township has a link, {where} has none")
        elif Fault(fault).is_of_device and place.camera is not None and len(place.devices[0].cameras) > 1:
            recorder = place.devices[0].recorder
            raise ValueError(f"{where} is a channel of {recorder}: {fault} can only befall the recorder")

    async def _do(self, command: dict[str, object]) -> float:
        return max(float(reply["at"]) for reply in await self._ask_all(command))

    async def _ask_all(self, command: dict[str, object]) -> list[dict[str, Any]]:
        if not self._workers:
            raise CountyError("the county has been stopped")
        return await asyncio.gather(*(worker.ask(command) for worker in self._workers))


def write_ledger(rows: list[dict[str, str]], path: Path) -> None:
    """The ledger as CSV that Excel opens: UTF-8 with a byte order mark."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


async def run(arguments: argparse.Namespace) -> None:
    """Serve a county in the foreground until standard input ends."""
    wall = time.time  # noqa: TID251  the program stands alone, and probes may not import monitor/clock.py
    county = await County.start(
        wall=wall, cameras=arguments.cameras, seed=arguments.seed, processes=arguments.processes
    )
    async with county:
        if arguments.ledger is not None:
            write_ledger(county.ledger(), arguments.ledger)
        _tell({"rtsp_port": county.rtsp_port, "onvif_port": county.onvif_port, "townships": county.townships()})
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            try:
                command = json.loads(line)
                replies = await county._ask_all(command)
                _tell(replies[0] if len(replies) == 1 else {"processes": replies})
            except (CountyError, json.JSONDecodeError) as error:
                _tell({"error": str(error)})


def _tell(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m probes.testing.county", description="Serve a fictitious county.")
    parser.add_argument("--cameras", type=int, default=880)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--ledger", type=Path, help="write the county's ledger to this CSV file")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
