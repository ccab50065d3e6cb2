"""How the command line talks to a running daemon, so that a camera never gets two looks at a time.

HTTP over a unix socket beside the database that only its owner can open. ``POST /probe``, ``/login`` and ``/reference``
answer with one JSON object, ``POST /round`` with JSON lines: ``{"done": 3, "of": 880}`` while it goes on, the result
last.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from monitor.core.condition import Cause, Condition
from monitor.core.reference import ReferenceOrder, order_of
from monitor.core.rule import RuleError, UnknownError
from monitor.core.verdict import Look
from probes.observation import Depth, Light, Observation, Outcome, Reference

Seen = tuple[tuple[Observation, ...], Look]

END_S = 2.0
"""How long the end waits for whoever is being answered; a round may take minutes."""

PROGRESS_S = 0.2
"""How often a round says how far it is."""


class NotToBeHadError(Exception):
    """What was asked for does not exist, or not in that form; the message says what, in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en

    def text(self, lang: str = "zh") -> str:
        """The message in ``lang``."""
        return self.en if lang == "en" else self.zh


def no_camera(camera: str) -> NotToBeHadError:
    """The error for a camera that the ledger doesn't have, or has without an address."""
    return NotToBeHadError(f"台账中没有可巡查的摄像机 {camera}", f"no camera {camera} with an address in the ledger")


class BadOrderError(ValueError):
    """What came over the control socket is no order."""


def read_order(body: bytes, *names: str) -> dict[str, str]:
    """The fields called ``names`` of a JSON object, all of them text. Raises BadOrderError."""
    try:
        order = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadOrderError(f"not JSON: {error}"[:200]) from None
    if not isinstance(order, dict) or not all(isinstance(order.get(name), str) for name in names):
        raise BadOrderError(f"an order has {' and '.join(names)}")
    return {name: order[name] for name in names}


def depth_of(word: str) -> Depth:
    """The depth called ``word`` on the command line. Raises NotToBeHadError."""
    try:
        return Depth[word.upper()]
    except KeyError:
        words = ", ".join(depth.label for depth in Depth)
        raise NotToBeHadError(
            f"没有 {word} 这种深度，可选：{words}", f"there is no depth {word}; choose {words}"
        ) from None


def report(observations: tuple[Observation, ...], look: Look) -> dict[str, object]:
    """One look as ``probe --json`` prints it."""
    first = observations[0]
    facts = {key: value for observation in reversed(observations) for key, value in observation.facts.items()}
    faults = [fault.value for fault in ((look.fault,) if look.fault else ())]
    faults += [fault.value for fault in look.image_faults if fault.value not in faults]
    return {
        "camera": look.camera,
        # An open port is not what was asked for when the login was held back.
        "outcome": (Outcome.INCONCLUSIVE if look.cause is Cause.HELD else first.outcome).value,
        "condition": look.condition.value,
        "faults": faults,
        "step": first.step,
        "steps": [
            {"name": step.name, "took_ms": step.took_ms, "said": step.said}
            for observation in observations
            for step in observation.steps
        ],
        "took_ms": round(sum(observation.took_s for observation in observations) * 1000, 1),
        "codec": facts.get("codec"),
        "width": facts.get("width"),
        "height": facts.get("height"),
        "clock_offset_s": facts.get("clock_offset_s"),
        "picture": facts.get("measures"),
    }


def line(seen: Seen) -> dict[str, object]:
    """One camera of a round as ``round --json`` prints it."""
    whole = report(*seen)
    return {key: whole[key] for key in ("camera", "outcome", "condition", "faults", "step", "took_ms")}


def round_report(
    number: int, depth: Depth, *, started_at: str, took_s: float, void: str | None, seen: list[Seen]
) -> dict[str, object]:
    """A whole round as ``round --json`` prints it."""
    counts = Counter(look.condition for _, look in seen)
    return {
        "round": number,
        "depth": depth.label,
        "started_at": started_at,
        "took_s": round(took_s, 1),
        "void": void,
        "counts": {condition.value: counts[condition] for condition in Condition},
        "cameras": [line(each) for each in seen],
    }


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What the daemon can be asked for. ``probe`` and ``references`` raise KeyError for a camera not watched."""

    probe: Callable[[str, Depth], Awaitable[Seen]]
    round: Callable[[Depth, Callable[[int, int], None]], Awaitable[dict[str, object]]]
    login: Callable[[str], Awaitable[Mapping[str, str]]]
    references: Callable[[str, ReferenceOrder], Awaitable[Mapping[Light, Reference]]]


class Control:
    """The daemon's end."""

    def __init__(self, path: Path, orders: Orders) -> None:
        self._path = path
        self._orders = orders
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. The daemon holds the lock of the store, so a socket that lies there is nobody's any more."""
        self._path.unlink(missing_ok=True)
        app = web.Application()
        routes = {"/probe": self._probe, "/round": self._round, "/login": self._login, "/reference": self._reference}
        app.add_routes([web.post(path, handler) for path, handler in routes.items()])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=END_S)
        await self._runner.setup()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._path))
        self._path.chmod(0o600)  # before anybody can connect; a umask would be that of all threads
        await web.SockSite(self._runner, listener).start()

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self._path.unlink(missing_ok=True)

    async def _probe(self, request: web.Request) -> web.Response:
        order = await _order(request, "camera", "depth")
        try:
            seen = await self._orders.probe(order["camera"], _depth(order))
        except KeyError:
            return web.json_response({}, status=404)
        jpeg = seen[0][0].jpeg
        return web.json_response({"report": report(*seen), "jpeg": jpeg.hex() if jpeg else None})

    async def _login(self, request: web.Request) -> web.Response:
        order = await _order(request, "credential")
        return web.json_response(dict(await self._orders.login(order["credential"])))

    async def _reference(self, request: web.Request) -> web.Response:
        order = await _order(request, "camera", "approve", "reset", "by")
        try:
            wanted = order_of(approve=order["approve"], reset=order["reset"], by=order["by"])
            references = await self._orders.references(order["camera"], wanted)
        except KeyError:
            return web.json_response({}, status=404)
        except (RuleError, UnknownError) as error:
            return web.json_response({"zh": error.zh, "en": error.en}, status=409)
        return web.json_response(
            {
                light.value: {"at": each.at, "approved_by": each.approved_by, "thumb": each.thumb.hex()}
                for light, each in references.items()
            }
        )

    async def _round(self, request: web.Request) -> web.StreamResponse:
        depth = _depth(await _order(request, "depth"))
        done, of = 0, 0

        def told(now_done: int, now_of: int) -> None:
            nonlocal done, of
            done, of = now_done, now_of

        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        running = asyncio.ensure_future(self._orders.round(depth, told))
        try:
            while not running.done():
                await asyncio.wait([running], timeout=PROGRESS_S)
                await response.write(json.dumps({"done": done, "of": of}).encode() + b"\n")
            await response.write(json.dumps(await running).encode() + b"\n")
        finally:
            running.cancel()
        await response.write_eof()
        return response


async def _order(request: web.Request, *names: str) -> dict[str, str]:
    try:
        return read_order(await request.read(), *names)
    except BadOrderError as error:
        raise web.HTTPBadRequest(text=str(error)) from None


def _depth(order: Mapping[str, str]) -> Depth:
    try:
        return depth_of(order["depth"])
    except NotToBeHadError as error:
        raise web.HTTPBadRequest(text=str(error)) from None


class NoDaemonError(Exception):
    """Nobody listens on the control socket."""


async def ask_probe(path: Path, camera: str, depth: Depth) -> Mapping[str, Any]:
    """Let the running daemon look at ``camera``: its report and the picture as hex.

    Raises NoDaemonError, and NotToBeHadError for a camera that it does not watch.
    """
    async with _session(path) as session:
        try:
            async with session.post("http://daemon/probe", json={"camera": camera, "depth": depth.label}) as answer:
                if answer.status == HTTPStatus.NOT_FOUND:
                    raise no_camera(camera)
                answer.raise_for_status()
                body: dict[str, Any] = await answer.json()
        except aiohttp.ClientConnectorError as error:
            raise NoDaemonError from error
    return body


async def ask_login(path: Path, credential: str) -> Mapping[str, str]:
    """What the cameras on which the running daemon tries a new login said of it so far: accepted or refused.

    Raises NoDaemonError.
    """
    async with _session(path) as session:
        try:
            async with session.post("http://daemon/login", json={"credential": credential}) as answer:
                body: dict[str, str] = await answer.json()
        except aiohttp.ClientConnectorError as error:
            raise NoDaemonError from error
    return body


async def ask_references(path: Path, camera: str, *, approve: str, reset: str, by: str) -> Mapping[Light, Reference]:
    """Let the running daemon show, approve or let go of references, as ``core.reference.order_of`` says.

    Raises NoDaemonError, NotToBeHadError for a camera that it does not watch, UnknownError for what the daemon refuses.
    """
    order = {"camera": camera, "approve": approve, "reset": reset, "by": by}
    async with _session(path) as session:
        try:
            async with session.post("http://daemon/reference", json=order) as answer:
                if answer.status == HTTPStatus.NOT_FOUND:
                    raise no_camera(camera)
                body: dict[str, Any] = await answer.json()
                if answer.status == HTTPStatus.CONFLICT:
                    raise UnknownError(body["zh"], body["en"])
        except aiohttp.ClientConnectorError as error:
            raise NoDaemonError from error
    return {
        Light(light): Reference(at=each["at"], thumb=bytes.fromhex(each["thumb"]), approved_by=each["approved_by"])
        for light, each in body.items()
    }


async def ask_round(path: Path, depth: Depth) -> AsyncIterator[Mapping[str, Any]]:
    """Let the running daemon do a round: its progress, and the result last. Raises NoDaemonError."""
    async with _session(path) as session:
        try:
            async with session.post("http://daemon/round", json={"depth": depth.label}) as answer:
                async for text in answer.content:
                    yield json.loads(text)
        except aiohttp.ClientConnectorError as error:
            raise NoDaemonError from error


def _session(path: Path) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(path=str(path)),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=3),
        read_bufsize=2**24,  # the result of a round over thousands of cameras is one line
    )
