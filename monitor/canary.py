"""A camera of our own on loopback: if we can't see this one, nobody else is to blame.

It answers OPTIONS and DESCRIBE like a plain RTSP server (RFC 2326) and nothing more. Looking at it exercises the
event loop, the sockets and the RTSP client that every look goes through.
"""

from __future__ import annotations

import asyncio

from probes.observation import Target

MAX_REQUEST = 8192

_SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=canary\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n"
)


class Canary:
    """The server. ``target()`` is what the probes look at; the port is whatever was free."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(_serve, "127.0.0.1", 0, limit=MAX_REQUEST)
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def target(self) -> Target:
        return Target(camera="canary", host="127.0.0.1", rtsp_port=self._port, rtsp_path="/canary")


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            request = await reader.readuntil(b"\r\n\r\n")
            writer.write(_answer(request))
            await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
        pass
    finally:
        writer.close()


def _answer(request: bytes) -> bytes:
    lines = request.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    cseq = f"CSeq: {headers.get('cseq', '0')}\r\n"
    match lines[0].split(" ")[0]:
        case "OPTIONS":
            return f"RTSP/1.0 200 OK\r\n{cseq}Public: OPTIONS, DESCRIBE\r\n\r\n".encode()
        case "DESCRIBE":
            head = f"Content-Type: application/sdp\r\nContent-Length: {len(_SDP)}\r\n"
            return f"RTSP/1.0 200 OK\r\n{cseq}{head}\r\n{_SDP}".encode()
        case _:
            return f"RTSP/1.0 405 Method Not Allowed\r\n{cseq}Allow: OPTIONS, DESCRIBE\r\n\r\n".encode()
