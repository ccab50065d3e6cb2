"""Real peers on loopback: an HTTP server that takes, refuses, hangs or breaks off, and a mail server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiohttp import web


@dataclass(kw_only=True)
class HttpPeer:
    """Keeps what it is sent, and answers as it is told. ``hangs``: never answers."""

    url: str = ""
    status: int = 200
    answer: str = '{"errcode": 0, "errmsg": "ok"}'
    hangs: bool = False
    requests: list[tuple[str, Mapping[str, str], Any]] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def bodies(self) -> list[Any]:
        """The JSON that came, in order."""
        return [body for _, _, body in self.requests]

    async def has(self, count: int, within_s: float = 20.0) -> list[Any]:
        """The bodies, once so many have come."""
        async with asyncio.timeout(within_s):
            while len(self.requests) < count:
                self.came.clear()
                await self.came.wait()
        return self.bodies

    async def take(self, request: web.Request) -> web.Response:
        self.requests.append((request.path_qs, dict(request.headers), json.loads(await request.text())))
        self.came.set()
        if self.hangs:
            await asyncio.Event().wait()
        headers = {"Location": "http://127.0.0.1:1/"} if 300 <= self.status < 400 else {}
        return web.Response(status=self.status, text=self.answer, headers=headers)


@asynccontextmanager
async def http_peer() -> AsyncIterator[HttpPeer]:
    """A server on a free port of loopback."""
    peer = HttpPeer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", peer.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        peer.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield peer
    finally:
        await runner.cleanup()


@dataclass(kw_only=True)
class MailPeer:
    """Speaks as much of RFC 5321 as a client needs; ``refuses`` every recipient when told to."""

    port: int = 0
    refuses: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 loopback ESMTP\r\n")
        while line := (await reader.readline()).decode().strip():
            writer.write((await self._reply(line, reader)) + b"\r\n")
            if line.upper() == "QUIT":
                break
        writer.close()

    async def _reply(self, line: str, reader: asyncio.StreamReader) -> bytes:
        match line.split(":")[0].upper().split(" ")[0]:
            case "RCPT" if self.refuses:
                return b"550 no such mailbox"
            case "RCPT":
                self.recipients.append(line.partition(":")[2])
                return b"250 ok"
            case "DATA":
                return b"354 go on"
            case "QUIT":
                return b"221 bye"
            case "EHLO" | "HELO" | "MAIL" | "RSET":
                return b"250 ok"
            case _:
                return await self._mail(line, reader)

    async def _mail(self, first: str, reader: asyncio.StreamReader) -> bytes:
        rest = await reader.readuntil(b"\r\n.\r\n")
        message = message_from_bytes(first.encode() + b"\r\n" + rest.removesuffix(b".\r\n"), policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        return b"250 queued"


@asynccontextmanager
async def mail_peer() -> AsyncIterator[MailPeer]:
    """A mail server on a free port of loopback."""
    peer = MailPeer()
    server = await asyncio.start_server(peer.talk, "127.0.0.1", 0)
    async with server:
        peer.port = server.sockets[0].getsockname()[1]
        yield peer
