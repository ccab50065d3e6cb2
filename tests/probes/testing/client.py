"""A plain RTSP and ONVIF client of its own, so that the simulator is not judged by the probes it is made to judge."""

from __future__ import annotations

import asyncio
import hashlib
import struct
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from probes.testing.camera import FakeCamera

SETUP_TCP = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: str


@dataclass
class RtspClient:
    """One connection. ``password`` None never logs in."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    url: str
    username: str
    password: str | None
    challenge: dict[str, str] = field(default_factory=dict)
    cseq: int = 0

    async def ask(self, method: str, url: str = "", headers: dict[str, str] | None = None) -> Reply:
        """Ask, log in by Digest when challenged for the first time, and return the answer."""
        reply = await self._exchange(method, url or self.url, headers or {})
        if reply.status == 401 and self.password is not None and not self.challenge:
            fields = reply.headers["www-authenticate"].partition(" ")[2].split(", ")
            self.challenge = {name: value.strip('"') for name, _, value in (item.partition("=") for item in fields)}
            reply = await self._exchange(method, url or self.url, headers or {})
        return reply

    async def play(self) -> None:
        """DESCRIBE, SETUP over TCP and PLAY, all of which must succeed."""
        assert (await self.ask("DESCRIBE")).status == 200
        assert (await self.ask("SETUP", f"{self.url}/trackID=1", SETUP_TCP)).status == 200
        assert (await self.ask("PLAY")).status == 200

    async def packet(self) -> bytes:
        """The next interleaved RTP packet."""
        head = await self.reader.readexactly(4)
        assert head[0] == 0x24
        return await self.reader.readexactly(struct.unpack(">H", head[2:])[0])

    async def access_unit(self) -> list[bytes]:
        """The packets up to the next marker bit."""
        packets = [await self.packet()]
        while not packets[-1][1] & 0x80:
            packets.append(await self.packet())
        return packets

    async def _exchange(self, method: str, url: str, headers: dict[str, str]) -> Reply:
        self.cseq += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self.cseq}", *(f"{k}: {v}" for k, v in headers.items())]
        if self.challenge:
            lines.append(f"Authorization: {self._digest(method, url)}")
        self.writer.write("\r\n".join([*lines, "", ""]).encode())
        while (await self.reader.readexactly(1)) == b"$":
            rest = await self.reader.readexactly(3)
            await self.reader.readexactly(struct.unpack(">H", rest[1:])[0])
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        status, *fields = head.split("\r\n")
        told = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in fields if line)}
        body = await self.reader.readexactly(int(told.get("content-length", "0")))
        return Reply(int(status.split(" ")[1]), told, body.decode())

    def _digest(self, method: str, url: str) -> str:
        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        realm, nonce = self.challenge["realm"], self.challenge["nonce"]
        response = md5(f"{md5(f'{self.username}:{realm}:{self.password}')}:{nonce}:{md5(f'{method}:{url}')}")
        fields = {"username": self.username, "realm": realm, "nonce": nonce, "uri": url, "response": response}
        return "Digest " + ", ".join(f'{name}="{value}"' for name, value in fields.items())


@asynccontextmanager
async def rtsp(camera: FakeCamera, *, channel: int = 1, password: str | None = "") -> AsyncIterator[RtspClient]:
    """A connection to a channel of ``camera``; its own password unless another is given."""
    path = camera.channels[channel - 1].path
    reader, writer = await asyncio.open_connection(camera.host, camera.rtsp_port)
    url = f"rtsp://{camera.host}:{camera.rtsp_port}{path}"
    try:
        right = camera.access.password if password == "" else password
        yield RtspClient(reader, writer, url, camera.access.username, right)
    finally:
        writer.close()


def soap(operation: str, *, username: str = "", password: str = "", created: float = 0.0) -> bytes:
    """An ONVIF request; with a WS-UsernameToken made at UTC second ``created`` when a username is given."""
    header = ""
    if username:
        stamp, nonce = datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), b"sixteen bytes ok"
        digest = b64encode(hashlib.sha1(nonce + stamp.encode() + password.encode()).digest()).decode()
        header = (
            f"<s:Header><w:Security xmlns:w='w'><w:UsernameToken><w:Username>{username}</w:Username>"
            f"<w:Password>{digest}</w:Password><w:Nonce>{b64encode(nonce).decode()}</w:Nonce>"
            f"<w:Created>{stamp}</w:Created></w:UsernameToken></w:Security></s:Header>"
        )
    body = f"<s:Body><d:{operation} xmlns:d='http://www.onvif.org/ver10/device/wsdl'/></s:Body>"
    return f"<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'>{header}{body}</s:Envelope>".encode()


async def http_post(camera: FakeCamera, body: bytes) -> tuple[int, str]:
    """Status and body of one POST to the camera's ONVIF service."""
    reader, writer = await asyncio.open_connection(camera.host, camera.onvif_port)
    head = f"POST /onvif/device_service HTTP/1.1\r\nHost: {camera.host}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    answer = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(int(line.split(":")[1]) for line in answer.split("\r\n") if line.lower().startswith("content-length"))
    text = (await reader.readexactly(length)).decode()
    writer.close()
    return int(answer.split(" ")[1]), text
