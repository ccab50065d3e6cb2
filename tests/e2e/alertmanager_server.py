"""A real Alertmanager with our settings, at the pace of a test, and the gateways that it posts to."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
from aiohttp import web

from tests.deploy.rules import ALERTMANAGER
from tests.e2e.prometheus_server import POLL_S, NoAnswerError, end, free_address

PROGRAM = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")


@dataclass(kw_only=True)
class Gateways:
    """What was posted to each receiver's webhook, and what WeCom was given to show, in order."""

    url: str = ""
    posted: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)

    def alerts(self, name: str, status: str = "firing") -> list[dict[str, Any]]:
        """Every alert of this name that was posted in this state, with its labels and annotations, in order."""
        return [
            alert
            for messages in self.posted.values()
            for message in messages
            for alert in message["alerts"]
            if alert["labels"]["alertname"] == name and alert["status"] == status
        ]

    async def until_posted(
        self, receiver: str, name: str, *, status: str = "firing", times: int = 1, within_s: float = 30.0
    ) -> None:
        """Wait until ``receiver`` has got so many messages with such an alert in this state. Raises NoAnswerError."""
        give_up = monotonic() + within_s
        while monotonic() < give_up:
            if self._count(receiver, name, status) >= times:
                return
            await asyncio.sleep(POLL_S)
        raise NoAnswerError(f"no {name} {status} was posted to {receiver} in {within_s:g} s: {self.posted}")

    def _count(self, receiver: str, name: str, status: str) -> int:
        return sum(
            any((each["labels"]["alertname"], each["status"]) == (name, status) for each in message["alerts"])
            for message in self.posted.get(receiver, [])
        )

    async def take(self, request: web.Request) -> web.Response:
        """A message of Alertmanager's webhook."""
        self.posted.setdefault(request.match_info["receiver"], []).append(await request.json())
        return web.Response()

    async def let_in(self, _: web.Request) -> web.Response:
        """WeCom's token."""
        return web.json_response({"errcode": 0, "errmsg": "ok", "access_token": "token"})

    async def show(self, request: web.Request) -> web.Response:
        """A message to people in WeCom."""
        message = await request.json()
        self.shown.append(message["text"]["content"])
        return web.json_response({"errcode": 0, "errmsg": "ok"})


@asynccontextmanager
async def gateways() -> AsyncIterator[Gateways]:
    """All of them on one loopback port."""
    taken = Gateways()
    application = web.Application()
    application.router.add_get("/wecom/gettoken", taken.let_in)
    application.router.add_post("/wecom/message/send", taken.show)
    application.router.add_post("/{receiver}", taken.take)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        taken.url = f"http://{host}:{port}"
        yield taken
    finally:
        await runner.cleanup()


def quick_settings(gateway: str) -> str:
    """Our settings, with seconds for minutes, digests at any time of day, and WeCom and webhooks at ``gateway``."""
    text = ALERTMANAGER.read_text(encoding="utf-8")
    text = re.sub(r"(group_wait|group_interval): \w+", r"\1: 1s", text)
    text = re.sub(r"^\s*active_time_intervals:.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^    # wechat_configs:\n(?:    # .*\n)+", _without_marks, text, flags=re.MULTILINE)
    return text.replace("https://qyapi.weixin.qq.com/cgi-bin", f"{gateway}/wecom").replace(
        "http://127.0.0.1:9095", gateway
    )


def _without_marks(example: re.Match[str]) -> str:
    return re.sub(r"^    # ", "    ", example[0], flags=re.MULTILINE)


@asynccontextmanager
async def alertmanager(gateway: str, folder: Path, *, ready_within_s: float = 30.0) -> AsyncIterator[str]:
    """Start it on ``folder`` (empty) and end it, by its own handle, at the exit; yields its host:port."""
    if PROGRAM is None:
        raise NoAnswerError("alertmanager is not installed")
    shutil.copytree(ALERTMANAGER.parent / "templates", folder / "templates")
    settings = folder / "alertmanager.yml"
    settings.write_text(quick_settings(gateway), encoding="utf-8")
    address = free_address()
    command = [
        PROGRAM,
        f"--config.file={settings}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]
    with (folder / "alertmanager.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
    try:
        await _until_ready(address, process, folder / "alertmanager.log", ready_within_s)
        yield address
    finally:
        await end(process)


async def _until_ready(address: str, process: asyncio.subprocess.Process, log: Path, within_s: float) -> None:
    give_up = monotonic() + within_s
    async with aiohttp.ClientSession() as session:
        while monotonic() < give_up:
            if process.returncode is not None:
                raise NoAnswerError(f"alertmanager ended with {process.returncode}: {log.read_text(encoding='utf-8')}")
            with suppress(aiohttp.ClientConnectionError):
                async with session.get(f"http://{address}/-/ready") as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(POLL_S)
    raise NoAnswerError(f"alertmanager was not ready in {within_s:g} s")
