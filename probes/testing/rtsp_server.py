"""The RTSP side of a fictitious device (RFC 2326): one connection, from OPTIONS to the stream and its end."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import cast
from urllib.parse import urlsplit

from probes.testing.device import Channel, Device, Scheme
from probes.testing.faults import Fault
from probes.testing.login import basic_is_right, digest_fields, digest_is_right
from probes.testing.media import PAYLOAD_TYPE, AccessUnit, Feed, frame_interleaved

REQUEST_LIMIT = 16_384
SESSION_TIMEOUT_S = 60
PUBLIC = "OPTIONS, DESCRIBE, PLAY, SETUP, TEARDOWN, GET_PARAMETER"
WRITES = frozenset({"ANNOUNCE", "RECORD", "SET_PARAMETER"})
"""Methods that change a device or feed it: nobody may use them on a camera that is only to be read."""


@dataclass(frozen=True, slots=True)
class Request:
    """One RTSP request."""

    method: str
    uri: str
    headers: dict[str, str]

    @classmethod
    def parse(cls, head: bytes) -> Request | None:
        """The request in ``head`` (up to the empty line), or None when it isn't RTSP."""
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split(" ")
        if len(words) != 3 or not words[2].startswith("RTSP/"):
            return None
        pairs = (line.partition(":") for line in lines)
        return cls(words[0], words[1], {name.strip().lower(): value.strip() for name, _, value in pairs})

    def header(self, name: str) -> str:
        """A header by its lower-case name, empty when absent."""
        return self.headers.get(name, "")

    @property
    def body_length(self) -> int:
        """Bytes of body that follow the head, 0 for anything odd."""
        text = self.header("content-length")
        return min(int(text), REQUEST_LIMIT) if text.isdecimal() else 0

    @property
    def path(self) -> str:
        """Path and query of the URI."""
        parts = urlsplit(self.uri)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path


class RtspConnection(asyncio.Protocol):
    """One client of a device."""

    def __init__(self, device: Device) -> None:
        self.dark = False
        self._device = device
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._nonce = secrets.token_hex(16)
        self._stale = device.access.stale_first and device.access.scheme in (Scheme.MD5, Scheme.SHA256)
        self._logged_in = self._leaving = False
        self._session = ""
        self._channel: Channel | None = None
        self._sender: Sender | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.dark = self._device.has(Fault.TARPIT)
        self._device.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._device.disconnected(self)
        # a slow device has yet to answer the TEARDOWN of a client that didn't wait for it
        self._end_session(torn_down=self._leaving)

    def pause_writing(self) -> None:
        if self._sender is not None:
            self._sender.congested = True

    def resume_writing(self) -> None:
        if self._sender is not None:
            self._sender.congested = False

    def go_dark(self) -> None:
        self.dark = True
        self._end_session(torn_down=True)

    def drop(self) -> None:
        self._end_session(torn_down=True)
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.dark:
            return
        self._received += data
        while (request := self._next_request()) is not None:
            self._leaving = self._leaving or request.method == "TEARDOWN"
            if self._device.has(Fault.SLOW):
                self._loop.call_later(self._device.delay_s, self._answer, request)
            else:
                self._answer(request)

    def _next_request(self) -> Request | None:
        """Take one request off the buffer; the client's own interleaved RTCP is skipped."""
        while self._received[:1] == b"$":
            if len(self._received) < 4:
                return None
            length = 4 + int.from_bytes(self._received[2:4], "big")
            if len(self._received) < length:
                return None
            del self._received[:length]
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            if len(self._received) > REQUEST_LIMIT:
                self.drop()
            return None
        request = Request.parse(bytes(self._received[:end]))
        if request is None:
            del self._received[: end + 4]
            self._send("RTSP/1.0 400 Bad Request\r\n\r\n")
            return None
        if len(self._received) < end + 4 + request.body_length:
            return None
        del self._received[: end + 4 + request.body_length]
        return request

    def _answer(self, request: Request) -> None:
        if self.dark or self._transport.is_closing():
            return
        device = self._device
        device.counts.requests += 1
        if request.method == "OPTIONS":
            self._reply(request, "200 OK", [f"Public: {PUBLIC}"])
        elif (handler := HANDLERS.get(request.method)) is None:
            if request.method in WRITES:
                device.violation(request.method)
            self._reply(request, "405 Method Not Allowed", [f"Allow: {PUBLIC}"])
        elif self._authorized(request):
            handler(self, request)

    def _authorized(self, request: Request) -> bool:
        access = self._device.access
        header = request.header("authorization")
        if access.scheme is Scheme.NONE:
            return True
        if header and self._is_right(request, header):
            if self._stale:
                self._stale, self._nonce = False, secrets.token_hex(16)
                self._challenge(request, stale=True)
                return False
            if self._device.judge_login(True, counts=not self._logged_in):
                self._logged_in = True
                return True
        elif header:
            self._device.judge_login(False, counts=True)
        self._challenge(request, stale=False)
        return False

    def _is_right(self, request: Request, header: str) -> bool:
        access, password = self._device.access, self._device.password()
        if access.scheme is Scheme.BASIC:
            return basic_is_right(header, username=access.username, password=password)
        fields = digest_fields(header)
        return fields.get("algorithm", "MD5").upper() == access.scheme.upper() and digest_is_right(
            fields,
            method=request.method,
            username=access.username,
            password=password,
            realm=self._device.maker.realm,
            nonce=self._nonce,
        )

    def _challenge(self, request: Request, *, stale: bool) -> None:
        access, realm = self._device.access, self._device.maker.realm
        if access.scheme is Scheme.BASIC:
            challenge = f'Basic realm="{realm}"'
        else:
            algorithm = ', algorithm="SHA-256"' if access.scheme is Scheme.SHA256 else ""
            qop = ', qop="auth"' if access.qop else ""
            state = "TRUE" if stale else "FALSE"
            challenge = f'Digest realm="{realm}", nonce="{self._nonce}"{algorithm}{qop}, stale="{state}"'
        self._reply(request, "401 Unauthorized", [f"WWW-Authenticate: {challenge}"])

    def _describe(self, request: Request) -> None:
        device = self._device
        channel = device.channel_at(request.path)
        if channel is None:
            self._reply(request, "404 Not Found")
        elif device.has(Fault.UNAVAILABLE):
            self._reply(request, "503 Service Unavailable")
        elif device.has(Fault.SESSIONS_FULL):
            self._reply(request, "453 Not Enough Bandwidth")
        else:
            base = request.uri.rstrip("/") + "/"
            feed = channel.feed(device.studio, device.skew_s)
            headers = ["Content-Type: application/sdp", f"Content-Base: {base}"]
            self._reply(request, "200 OK", headers, self._sdp(base, feed))

    def _sdp(self, base: str, feed: Feed) -> str:
        prefix = base if self._device.maker.absolute_control else ""
        lines = [
            "v=0",
            f"o=- 1109162014219182 1109162014219192 IN IP4 {self._device.host}",
            "s=Media Presentation",
            "e=NONE",
            "b=AS:5050",
            "t=0 0",
            f"a=control:{base if prefix else '*'}",
            f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
            "c=IN IP4 0.0.0.0",
            "b=AS:5000",
            "a=recvonly",
            f"a=control:{prefix}trackID=1",
            *feed.sdp_attributes(self._device.wall()),
            "a=appversion:1.0",
        ]
        return "\r\n".join(lines) + "\r\n"

    def _setup(self, request: Request) -> None:
        device = self._device
        channel = device.channel_at(request.path)
        transport = request.header("transport")
        interleaved = "TCP" in transport.upper()
        ports = re.search(r"client_port=(\d+)", transport)
        if channel is None:
            self._reply(request, "404 Not Found")
        elif self._channel is not None:
            self._reply(request, "455 Method Not Valid in This State")
        elif (interleaved and device.refuses_tcp) or not (interleaved or ports):
            self._reply(request, "461 Unsupported Transport")
        elif not device.open_session(channel):
            self._reply(request, "453 Not Enough Bandwidth")
        else:
            self._channel, self._session = channel, str(secrets.randbelow(10**9) + 10**9)
            self._sender = sender = self._new_sender(channel, transport, ports)
            headers = [f"Session: {self._session};timeout={SESSION_TIMEOUT_S}", f"Transport: {sender.description}"]
            self._reply(request, "200 OK", headers)

    def _new_sender(self, channel: Channel, transport: str, ports: re.Match[str] | None) -> Sender:
        feed = channel.feed(self._device.studio, self._device.skew_s)
        if ports is not None and "TCP" not in transport.upper():
            peer = str(self._transport.get_extra_info("peername")[0])
            return UdpSender(self._device, channel, feed, (peer, int(ports[1])))
        wanted = re.search(r"interleaved=(\d+)", transport)
        return TcpSender(self._device, channel, feed, self._transport, int(wanted[1]) if wanted else 0)

    def _play(self, request: Request) -> None:
        if self._sender is None:
            self._reply(request, "454 Session Not Found")
            return
        uri = request.uri.rstrip("/")
        first_seq, timestamp = self._sender.begin()
        info = f"RTP-Info: url={uri}/trackID=1;seq={first_seq};rtptime={timestamp}"
        self._reply(request, "200 OK", [f"Session: {self._session}", "Range: npt=now-", info])
        self._sender.tick()

    def _keep_alive(self, request: Request) -> None:
        self._reply(request, "200 OK", [f"Session: {self._session}"] if self._session else [])

    def _teardown(self, request: Request) -> None:
        self._reply(request, "200 OK", [f"Session: {self._session}"])
        self._end_session(torn_down=True)

    def _end_session(self, *, torn_down: bool) -> None:
        if self._sender is not None:
            self._sender.stop()
            self._sender = None
        if self._channel is not None:
            self._device.end_session(self._channel, torn_down=torn_down)
            self._channel = None

    def _reply(self, request: Request, status: str, headers: list[str] | None = None, body: str = "") -> None:
        lines = [f"RTSP/1.0 {status}", f"CSeq: {request.header('cseq')}", *(headers or [])]
        if self._device.maker.server:
            lines.append(f"Server: {self._device.maker.server}")
        lines.append(f"Date: {formatdate(self._device.clock(), usegmt=True)}")
        if body:
            lines.append(f"Content-Length: {len(body.encode())}")
        self._send("\r\n".join([*lines, "", body]))

    def _send(self, text: str) -> None:
        raw = text.encode()
        if self._device.has(Fault.RESET):
            self._transport.write(raw[: len(raw) // 2])
            self._loop.call_later(0.02, self._reset)
        else:
            self._transport.write(raw)

    def _reset(self) -> None:
        if not self._transport.is_closing():
            linger = struct.pack("ii", 1, 0)
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.drop()


HANDLERS: dict[str, Callable[[RtspConnection, Request], None]] = {
    "DESCRIBE": RtspConnection._describe,
    "SETUP": RtspConnection._setup,
    "PLAY": RtspConnection._play,
    "GET_PARAMETER": RtspConnection._keep_alive,
    "TEARDOWN": RtspConnection._teardown,
}


class Sender:
    """One playing session: follows a feed and sends what it shows, less what the channel's faults hold back."""

    description = ""

    def __init__(self, device: Device, channel: Channel, feed: Feed) -> None:
        self.congested = False
        self._device, self._channel, self._feed = device, channel, feed
        self._ssrc = feed.ssrc
        self._position = self._seq = 0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> tuple[int, int]:
        """Choose where to begin; returns sequence number and timestamp of the first packet (RFC 2326 12.33)."""
        wall = self._device.wall()
        self._position = self._feed.join(wall)
        first = self._feed.since(self._position)[0][0]
        self._seq = first.first_seq
        if self._channel.joins_live:
            self._position += 1
            self._seq = first.first_seq + len(first.payloads)
        return self._seq & 0xFFFF, first.timestamp

    def tick(self) -> None:
        """Send what has been added to the feed, and come back for the next picture."""
        if Fault.NO_RTP not in self._channel.faults:
            self._feed.join(self._device.wall())
            units, self._position = self._feed.since(self._position)
            for unit in units:
                if not self.congested:
                    self._send_unit(unit)
        self._timer = asyncio.get_running_loop().call_later(1 / self._feed.format.fps, self._follow)

    def stop(self) -> None:
        """Send no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _follow(self) -> None:
        current = self._channel.feed(self._device.studio, self._device.skew_s)
        if current is not self._feed:
            self._feed = current
            self._position = current.join(self._device.wall())
        self._feed.advance(self._device.wall())
        self.tick()

    def _send_unit(self, unit: AccessUnit) -> None:
        faults = self._channel.faults
        if unit.is_key:
            if Fault.NO_KEY_FRAME in faults:
                return
            self._device.counts.key_frames += 1
        lossy = unit.is_key and Fault.LOSSY in faults
        if lossy or not self._send_as_numbered(unit):
            packets = unit.packets(self._seq, self._ssrc)
            if lossy:
                del packets[len(packets) // 2]
            self._send_packets(packets)
        self._seq = (self._seq + len(unit.payloads)) & 0xFFFF

    def _send_as_numbered(self, unit: AccessUnit) -> bool:
        """Send the bytes that all viewers share; False when this viewer's differ."""
        return False

    def _send_packets(self, packets: list[bytes]) -> None:
        raise NotImplementedError


class TcpSender(Sender):
    """RTP within the RTSP connection (RFC 2326 10.12)."""

    def __init__(
        self, device: Device, channel: Channel, feed: Feed, transport: asyncio.Transport, interleaved: int
    ) -> None:
        super().__init__(device, channel, feed)
        self._transport, self._interleaved = transport, interleaved
        pair = f"{interleaved}-{interleaved + 1}"
        self.description = f'RTP/AVP/TCP;unicast;interleaved={pair};ssrc={feed.ssrc:08x};mode="play"'

    def _send_as_numbered(self, unit: AccessUnit) -> bool:
        if self._interleaved or (self._seq & 0xFFFF, self._ssrc) != (unit.first_seq, unit.ssrc):
            return False
        self._transport.write(unit.interleaved())
        return True

    def _send_packets(self, packets: list[bytes]) -> None:
        self._transport.write(frame_interleaved(packets, self._interleaved))


class UdpSender(Sender):
    """RTP over UDP from the device's own address, from an even port with its RTCP port above it (RFC 3550 11)."""

    def __init__(self, device: Device, channel: Channel, feed: Feed, peer: tuple[str, int]) -> None:
        super().__init__(device, channel, feed)
        self._peer = peer
        self._rtp, self._rtcp = _port_pair(device.host)
        port = int(self._rtp.getsockname()[1])
        self.description = (
            f"RTP/AVP;unicast;client_port={peer[1]}-{peer[1] + 1};server_port={port}-{port + 1};"
            f'ssrc={feed.ssrc:08x};mode="play"'
        )

    def stop(self) -> None:
        super().stop()
        self._rtp.close()
        self._rtcp.close()

    def _send_packets(self, packets: list[bytes]) -> None:
        with contextlib.suppress(OSError):  # the client's port may be gone: a camera doesn't mind
            for packet in packets:
                self._rtp.sendto(packet, self._peer)


def _port_pair(host: str) -> tuple[socket.socket, socket.socket]:
    for _ in range(50):
        rtp = _udp_socket(host, 0)
        port = int(rtp.getsockname()[1])
        if port % 2 == 0:
            try:
                return rtp, _udp_socket(host, port + 1)
            except OSError:
                pass
        rtp.close()
    raise OSError(f"no pair of free UDP ports on {host}")


def _udp_socket(host: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made
