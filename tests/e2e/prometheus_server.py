"""A real Prometheus on a free loopback address, scraping one target every second."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, time
from typing import Any

import aiohttp

PROGRAM = shutil.which("prometheus")
CHECKER = shutil.which("promtool")
POLL_S = 0.1


class NoAnswerError(Exception):
    """Prometheus did not become ready, did not scrape in time, or refused a query; says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One element of an instant vector."""

    labels: dict[str, str]
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusServer:
    """A running server. ``target`` is the host:port that it scrapes."""

    url: str
    target: str
    _session: aiohttp.ClientSession

    async def query(self, promql: str) -> list[Sample]:
        """The instant vector of ``promql``, now."""
        answer = await self._get("/api/v1/query", query=promql)
        if answer["resultType"] != "vector":
            raise NoAnswerError(f"{promql!r} gives a {answer['resultType']}, not a vector")
        return [Sample(labels=each["metric"], value=float(each["value"][1])) for each in answer["result"]]

    async def query_range(self, promql: str, *, seconds: int) -> list[list[Sample]]:
        """The series of ``promql`` over the last ``seconds``, a sample every second where there is one."""
        now = time()
        answer = await self._get(
            "/api/v1/query_range", query=promql, start=f"{now - seconds:.3f}", end=f"{now:.3f}", step="1"
        )
        return [
            [Sample(labels=each["metric"], value=float(value)) for _, value in each["values"]]
            for each in answer["result"]
        ]

    async def wait_until_scraped(self, times: int = 1, *, within_s: float = 30.0) -> None:
        """Come back after ``times`` further good scrapes, or raise NoAnswerError with the last scrape's error."""
        seen: set[str] = set()
        first, _, error = await self._scrape()
        give_up = monotonic() + within_s
        while monotonic() < give_up:
            when, health, error = await self._scrape()
            if health == "up" and when != first:
                seen.add(when)
                if len(seen) >= times:
                    return
            await asyncio.sleep(POLL_S)
        raise NoAnswerError(f"{len(seen)} of {times} good scrapes of {self.target} in {within_s:g} s: {error}")

    async def _scrape(self) -> tuple[str, str, str]:
        """Time, health and error of the last scrape."""
        targets = (await self._get("/api/v1/targets", state="active"))["activeTargets"]
        if not targets:
            return "", "unknown", "not scraped yet"  # discovery takes Prometheus some seconds
        (target,) = targets
        return target["lastScrape"], target["health"], target["lastError"]

    async def _get(self, path: str, **parameters: str) -> Any:
        async with self._session.get(self.url + path, params=parameters) as response:
            answer = await response.json()
        if answer["status"] != "success":
            raise NoAnswerError(f"{path} {parameters}: {answer['error']}")
        return answer["data"]


@asynccontextmanager
async def prometheus(
    target: str, folder: Path, *, rules: Sequence[Path] = (), alertmanager: str = "", ready_within_s: float = 30.0
) -> AsyncIterator[PrometheusServer]:
    """Start Prometheus on ``folder`` (empty, for its settings and data) and end it, by its own handle, at the exit.

    ``rules`` are evaluated at the pace of a test, see ``quick_rules``; alerts go to ``alertmanager`` (host:port).
    """
    if PROGRAM is None:
        raise NoAnswerError("prometheus is not installed")
    settings = folder / "prometheus.json"  # JSON is YAML
    quick = [folder / path.name for path in rules]
    for path, shipped in zip(quick, rules, strict=True):
        path.write_text(quick_rules(shipped.read_text(encoding="utf-8")), encoding="utf-8")
    settings.write_text(json.dumps(_settings(target, quick, alertmanager)), encoding="utf-8")
    address = free_address()
    command = [
        PROGRAM,
        f"--config.file={settings}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            server = PrometheusServer(url=f"http://{address}", target=target, _session=session)
            await _wait_until_ready(server.url, session, process, folder / "prometheus.log", ready_within_s)
            yield server
    finally:
        await end(process)


def free_address() -> str:
    """A host:port that stays free until a program takes it: the loopback address is this process's own."""
    pid = os.getpid()
    host = f"127.90.{pid >> 8 & 255}.{pid & 255}"
    with socket.socket() as taken:
        taken.bind((host, 0))
        return f"{host}:{taken.getsockname()[1]}"


def quick_rules(text: str) -> str:
    """Rules as they are but for time: evaluated every other second, and a start is over in five.

    What is pending is so for two seconds; single cameras for eight, as long as a village may take to be confirmed dark.
    """
    head, mark, cameras = text.partition("  - name: xunjian-camera")
    text = re.sub(r"\bfor: [1-9]\w*", "for: 2s", head) + mark + re.sub(r"\bfor: [1-9]\w*", "for: 8s", cameras)
    text = re.sub(r"\binterval: \w+", "interval: 2s", text)
    text = re.sub(r"\bkeep_firing_for: \w+", "keep_firing_for: 2s", text)
    return text.replace("xunjian_start_timestamp_seconds < 300", "xunjian_start_timestamp_seconds < 5")


def _settings(target: str, rules: Sequence[Path], alertmanager: str) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "2s"},
        "rule_files": [str(path) for path in rules],
        "scrape_configs": [
            {
                "job_name": "xunjian",
                "honor_labels": True,
                "honor_timestamps": False,
                "static_configs": [{"targets": [target]}],
            }
        ],
    }
    if alertmanager:
        settings["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    return settings


async def _wait_until_ready(
    url: str, session: aiohttp.ClientSession, process: asyncio.subprocess.Process, log: Path, within_s: float
) -> None:
    give_up = monotonic() + within_s
    while monotonic() < give_up:
        if process.returncode is not None:
            raise NoAnswerError(f"prometheus ended with {process.returncode}: {log.read_text(encoding='utf-8')}")
        with suppress(aiohttp.ClientConnectionError):
            async with session.get(url + "/-/ready") as response:
                if response.status == 200:
                    return
        await asyncio.sleep(POLL_S)
    raise NoAnswerError(f"prometheus was not ready in {within_s:g} s")


async def end(process: asyncio.subprocess.Process) -> None:
    """Ask a program to end, and end it if it does not."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), 15)
    except TimeoutError:
        process.kill()
        await process.wait()
