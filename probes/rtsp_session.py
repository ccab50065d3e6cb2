"""One RTSP connection to one camera: log in, describe, set up, play, take a key frame, tear down.

Shared by the ``rtsp`` and the ``picture`` probe. The camera's failures come as ``CameraAnswer``, which carries the
Outcome; everything else that is raised is a bug of ours. The session writes the steps and what the peer said into
the Trace; passwords never get there::

    try:
        async with RtspSession(target, trace, Limits()) as session:  # connect, tls
            media = await session.describe()                         # a wire.sdp.VideoMedia
            await session.setup()                                    # interleaved, else UDP
            await session.play()
            await session.first_packet()
            if session.gives_key_frames:                             # False: proven, but not decodable here (SVAC)
                frame = await session.key_frame()                    # a KeyFrame
                later = await session.key_frame(after_s=2.0)         # another, at least 2 s after the first
    except CameraAnswer as answer:
        return answer.outcome                                        # trace says the rest

Leaving the block sends TEARDOWN if SETUP had succeeded, in whatever way the block is left. A failed look keeps the
step it failed at as the last one of its trace.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import functools
import hashlib
import ipaddress
import re
import secrets
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import quote, urlsplit

from probes.answer import CameraAnswer, connect_failure, refusal
from probes.observation import Outcome, Target
from probes.probe import Trace
from probes.wire.assembler import Picture, PictureAssembler
from probes.wire.digest import Challenge, Login, best_challenge, parse_challenges
from probes.wire.jpeg import JpegAssembler
from probes.wire.mpeg4 import Mpeg4Assembler
from probes.wire.nal import H264Assembler, H265Assembler
from probes.wire.rtp import FIRST_DYNAMIC_TYPE, MalformedPacket, Sorter, parse_packet
from probes.wire.rtsp_message import MalformedMessage, MessageReader, Response, readable, request
from probes.wire.sdp import VideoMedia, aggregate_url, base_url, control_urls, parse_video

_ASSEMBLERS: dict[str, Callable[[VideoMedia], PictureAssembler]] = {
    "H264": lambda media: H264Assembler(media.parameter_sets),
    "H265": lambda media: H265Assembler(media.parameter_sets),
    "JPEG": lambda media: JpegAssembler(),
    "MP4V-ES": lambda media: Mpeg4Assembler(media.configuration),
}
_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322}
_REDIRECTS = frozenset({301, 302, 305})
_NOT_INTERLEAVED = frozenset({400, 461, 501})
"""How servers without RTP over TCP answer such a SETUP; half of those tried do."""
_WRONG_URL = frozenset({400, 404})
_URL_PUNCTUATION = "!#$%&'()*+,/:;=?@[]~"
_INTERLEAVED = re.compile(r"interleaved\s*=\s*(\d{1,3})", re.IGNORECASE)
_SOURCE = re.compile(r"source\s*=\s*([^;\s]+)", re.IGNORECASE)
_RECEIVE_BUFFER = 1024 * 1024
"""A key frame comes as one burst of datagrams; the kernel's default holds about a hundred of them."""
_PORT_TRIES = 32

_SHORTEST_SECRET = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a session waits for each thing, in seconds, and how much it reads.

    A smart codec may send a key frame every 10 s only. ``linger_timeout_s`` is how much longer than
    ``teardown_timeout_s`` a session is heard out that did not answer TEARDOWN. ``max_bytes`` bounds all that one
    connection receives, ``max_early_bytes`` what comes before a stream is set up (descriptions and refusals take a few
    KB), and ``max_packets`` the frames and datagrams: a flood of tiny ones costs far more time than its bytes tell.
    """

    connect_timeout_s: float = 3.0
    reply_timeout_s: float = 5.0
    first_rtp_timeout_s: float = 5.0
    key_frame_timeout_s: float = 12.0
    teardown_timeout_s: float = 1.0
    linger_timeout_s: float = 2.0
    max_bytes: int = 24 * 1024 * 1024
    max_early_bytes: int = 512 * 1024
    max_packets: int = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFrame:
    """One complete picture that decodes alone.

    ``data`` is what a decoder takes: an annex B byte stream with its parameter sets ("H264", "H265"), a JPEG file
    ("JPEG"), an elementary stream with its configuration ("MP4V-ES"). ``rtp_timestamp`` counts in
    ``clock_rate`` per second and wraps at 32 bits; ``received_at`` is the loop's monotonic time in seconds;
    ``gapped`` is how many key frames were dropped before it, since it was asked for, because packets were missing.
    """

    codec: str
    data: bytes = field(repr=False)
    rtp_timestamp: int
    clock_rate: int
    received_at: float
    gapped: int


class RtspSession:
    """See the module's description. One look, one session, one task; not reusable.

    A session that is only to prove the stream says ``key_frames=False`` and is spared putting them together.
    """

    def __init__(self, target: Target, trace: Trace, limits: Limits | None = None, *, key_frames: bool = True) -> None:
        self._target = target
        self._trace = trace
        self._limits = limits or Limits()
        self._wants_key_frames = key_frames
        self._host = target.host
        self._port = target.rtsp_port or 0
        self._scheme = "rtsps" if target.rtsps else "rtsp"
        self._url = _url(self._scheme, self._host, self._port, target.rtsp_path)
        self._base = self._url
        self._connection = _Connection(self._limits)
        self._login: Login | None = None
        self._media: VideoMedia | None = None
        self._stream: _Stream | None = None
        self._ports: list[asyncio.DatagramTransport] = []
        self._session_id: str | None = None
        self._is_set_up = False

    async def __aenter__(self) -> Self:
        if not self._port:
            raise self._answer(Outcome.INCONCLUSIVE, "no RTSP port is configured")
        try:
            await self._connect()
        except BaseException:
            self._connection.abort()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self._is_set_up and not self._connection.is_lost:
                # The trace of a failed look ends with the step that failed.
                if error is None:
                    self._trace.step("teardown")
                await self._teardown()
            await self._connection.close(self._limits.teardown_timeout_s)
        finally:
            self._trace.facts["bytes"] = self._connection.received
            self._connection.abort()
            self._close_ports()

    @property
    def gives_key_frames(self) -> bool:
        """Whether ``key_frame`` knows how to put together what DESCRIBE announced."""
        return self._media is not None and not self._media.encrypted and self._media.codec in _ASSEMBLERS

    async def describe(self) -> VideoMedia:
        """Ask what the camera offers, logging in where it asks for it and following one redirect to the same host."""
        self._trace.step("describe")
        if not self._target.rtsp_path:
            # Asking for "/" would blame the camera for what the ledger doesn't say.
            self._trace.facts["ours"] = "no stream path"
            raise self._answer(Outcome.INCONCLUSIVE, "nobody has said which path the stream has")
        accept = ("Accept", "application/sdp")
        response = await self._ask("DESCRIBE", self._url, accept)
        if response.status in _REDIRECTS:
            await self._follow(response)
            self._trace.step("describe")
            response = await self._ask("DESCRIBE", self._url, accept)
        if not _is_success(response):
            raise self._refusal(response)
        media = parse_video(response.body)
        if media is None:
            raise self._answer(Outcome.NO_STREAM, "the description has no video")
        self._base = base_url(self._url, response.header("content-base"), response.header("content-location"))
        self._media = media
        if media.codec:
            self._trace.facts["codec"] = media.codec
        return media

    async def setup(self) -> None:
        """Reserve the video: RTP inside the connection, or by UDP where the server has no other."""
        assert self._media is not None, "describe() comes first"
        self._trace.step("setup")
        response = None
        for url in control_urls(self._base, self._media.control):
            response = await self._ask("SETUP", url, ("Transport", self._transport("TCP;unicast;interleaved=0-1")))
            if response.status in _NOT_INTERLEAVED:
                response = await self._setup_udp(url)
            if _is_success(response):
                self._accept_setup(response)
                return
            self._close_ports()
            if response.status not in _WRONG_URL:
                break
        assert response is not None
        raise self._refusal(response)

    async def play(self) -> None:
        """Start the stream. What arrives from now on is read, even before the reply."""
        assert self._media is not None, "setup() comes first"
        self._trace.step("play")
        url = aggregate_url(self._base, self._media.session_control)
        response = await self._ask("PLAY", url, *self._session_header(), ("Range", "npt=0.000-"))
        if not _is_success(response):
            raise self._refusal(response)

    async def first_packet(self) -> None:
        """Wait for the first RTP packet of the video."""
        assert self._stream is not None, "setup() comes first"
        self._trace.step("first_rtp")
        seconds = self._limits.first_rtp_timeout_s
        silent = CameraAnswer(Outcome.NO_STREAM, f"no RTP within {seconds:g} s")
        waiter = self._connection.waiter()
        self._stream.wait_begun(waiter)
        await self._until(waiter, seconds, silent)
        if not self.gives_key_frames:
            self._note("undecodable")

    async def key_frame(self, *, after_s: float = 0.0) -> KeyFrame:
        """The next complete key frame; with ``after_s``, one at least so many seconds after the last one given.

        ``bad_picture`` with the fault "corrupted" when every key frame had packets missing; ``inconclusive`` when
        none came, or one was too big.
        """
        assert self._stream is not None, "setup() comes first"
        assert self.gives_key_frames, "there is no key frame to be had from this codec"
        self._trace.step("key_frame")
        seconds = self._limits.key_frame_timeout_s + after_s
        waiter = self._connection.waiter()
        self._stream.wait_key_frame(waiter, after_s)
        none = CameraAnswer(Outcome.INCONCLUSIVE, f"no key frame within {seconds:g} s")
        try:
            frame: KeyFrame = await self._until(waiter, seconds, none)
        except CameraAnswer as answer:
            gapped = self._stream.gapped
            if answer.outcome is not Outcome.INCONCLUSIVE or not gapped:
                raise
            self._trace.faults.append("corrupted")
            self._trace.facts["gapped_key_frames"] = gapped
            raise self._answer(Outcome.BAD_PICTURE, f"packets are missing in all {gapped} key frames") from None
        if frame.gapped:
            self._trace.facts["gapped_key_frames"] = frame.gapped
        return frame

    async def _connect(self) -> None:
        self._trace.step("connect")
        seconds = self._limits.connect_timeout_s
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                await loop.create_connection(lambda: self._connection, self._host, self._port)
        except TimeoutError:
            raise self._answer(Outcome.UNREACHABLE, f"no connection within {seconds:g} s") from None
        except OSError as error:
            raise self._raised(connect_failure(error)) from None
        if self._scheme == "rtsps":
            await self._start_tls()

    async def _start_tls(self) -> None:
        self._trace.step("tls")
        seconds = self._limits.connect_timeout_s
        try:
            async with asyncio.timeout(seconds):
                certificate = await self._connection.start_tls(self._limits.teardown_timeout_s)
        except TimeoutError:
            raise self._answer(Outcome.TIMED_OUT, f"no TLS within {seconds:g} s") from None
        except OSError as error:
            reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
            raise self._answer(Outcome.REFUSED, f"TLS failed: {reason or type(error).__name__}") from None
        self._trace.facts["certificate_sha256"] = hashlib.sha256(certificate).hexdigest()

    async def _follow(self, response: Response) -> None:
        """Connect to where a redirect points, if that is the same host and no step down from TLS."""
        location = response.header("location") or ""
        try:
            parts = urlsplit(location)
            host, port = parts.hostname or self._host, parts.port
            if port == 0:
                raise ValueError("nothing listens on port 0")
        except ValueError:
            raise self._answer(Outcome.NO_STREAM, "redirected to a malformed address") from None
        scheme = parts.scheme.lower() or self._scheme
        is_ours = scheme in _DEFAULT_PORTS and _same_host(host, self._host)
        if not is_ours or (scheme, self._scheme) == ("rtsp", "rtsps"):
            self._note("redirected elsewhere")
            raise self._answer(Outcome.NO_STREAM, f"redirected to {scheme}://{host}")
        if port is None:
            port = self._port if scheme == self._scheme else _DEFAULT_PORTS[scheme]
        path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
        await self._connection.close(self._limits.teardown_timeout_s)
        self._connection = _Connection(self._limits)
        self._scheme, self._port, self._login = scheme, port, None
        self._url = _url(scheme, self._host, port, path)
        await self._connect()

    def _transport(self, lower: str) -> str:
        assert self._media is not None
        return f"RTP/{'SAVP' if self._media.encrypted else 'AVP'}{'/' if lower.startswith('TCP') else ';'}{lower}"

    async def _setup_udp(self, url: str) -> Response:
        try:
            rtp, rtcp = _port_pair(self._connection.local_address)
        except OSError as error:
            raise self._answer(Outcome.INCONCLUSIVE, f"this machine has no UDP ports: {error.strerror}") from None
        loop = asyncio.get_running_loop()
        datagrams = _Datagrams(self._connection)
        protocols: list[tuple[socket.socket, asyncio.DatagramProtocol]] = [(rtp, datagrams), (rtcp, _Unheard())]
        for sock, protocol in protocols:
            port, _ = await loop.create_datagram_endpoint(functools.partial(_same, protocol), sock=sock)
            self._ports.append(port)
        number = rtp.getsockname()[1]
        transport = self._transport(f"unicast;client_port={number}-{number + 1}")
        response = await self._ask("SETUP", url, ("Transport", transport))
        source = _SOURCE.search(response.header("transport") or "")
        datagrams.sources = {_without_zone(self._connection.peer_host), source[1] if source else ""}
        return response

    def _close_ports(self) -> None:
        while self._ports:
            self._ports.pop().close()

    def _accept_setup(self, response: Response) -> None:
        assert self._media is not None
        self._is_set_up = True
        session = (response.header("session") or "").partition(";")[0].strip()
        self._session_id = session or None
        channel = _INTERLEAVED.search(response.header("transport") or "")
        self._stream = _Stream(self._media, assemble=self._wants_key_frames and self.gives_key_frames)
        self._connection.listen(int(channel[1]) if channel else 0, self._stream.take)
        self._trace.facts["transport"] = "udp" if self._ports else "tcp"

    def _session_header(self) -> list[tuple[str, str]]:
        return [] if self._session_id is None else [("Session", self._session_id)]

    async def _teardown(self) -> None:
        assert self._media is not None
        url = aggregate_url(self._base, self._media.session_control)
        fields = self._fields("TEARDOWN", url, self._session_header())
        limits = self._limits
        await self._connection.farewell("TEARDOWN", url, fields, limits.teardown_timeout_s, limits.linger_timeout_s)

    def _fields(self, method: str, url: str, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        fields = [("User-Agent", "xunjian"), *headers]
        if self._login is not None:
            fields.append(("Authorization", self._login.authorization(method, url, cnonce=secrets.token_hex(8))))
        return fields

    async def _ask(self, method: str, url: str, *headers: tuple[str, str]) -> Response:
        """Send a request, logging in where the camera asks for it; returns the answer to a login at the latest."""
        logins = 0
        while True:
            logins += self._login is not None
            seconds = self._limits.reply_timeout_s
            silent = CameraAnswer(Outcome.TIMED_OUT, f"no reply to {method} within {seconds:g} s")
            waiter = self._connection.send(method, url, self._fields(method, url, list(headers)))
            response: Response = await self._until(waiter, seconds, silent)
            self._say(f"{response.status} {response.reason}".strip())
            if response.protocol == "HTTP":
                raise self._answer(Outcome.NO_STREAM, f"a web server: {response.status} {response.reason}")
            if response.status != 401 or not self._log_in(response, logins):
                return response

    def _log_in(self, response: Response, logins: int) -> bool:
        """Prepare the answer to a 401; False when the camera has had its right answer and stays with it.

        A nonce that the camera has replaced, or calls stale, is answered once more, but nothing a third time:
        vendors lock accounts.
        """
        credential = self._target.credential
        if credential is None:
            self._trace.facts["ours"] = "no credential"
            raise self._answer(Outcome.INCONCLUSIVE, "a login is asked for, and no credential is configured")
        challenges = parse_challenges(response.all_headers("www-authenticate"))
        challenge = best_challenge(challenges)
        if challenge is None:
            if not challenges:
                return False
            self._trace.facts["ours"] = "unknown login scheme"
            raise self._answer(Outcome.INCONCLUSIVE, "no login scheme that is known here")
        if self._login is not None and (logins > 1 or not _is_renewed(self._login.challenge, challenge)):
            return False
        self._login = Login(challenge, credential.username, credential.password)
        return True

    async def _until(self, waiter: asyncio.Future[Any], seconds: float, late: CameraAnswer) -> Any:
        """The result of ``waiter``; ``late`` is raised when it takes longer. Notes whether the peer has answered."""
        expiry = asyncio.get_running_loop().call_later(seconds, _expire, waiter, late)
        try:
            return await waiter
        except CameraAnswer as answer:
            raise self._raised(answer) from None
        finally:
            expiry.cancel()
            self._trace.answered = self._trace.answered or self._connection.answered

    def _refusal(self, response: Response) -> CameraAnswer:
        text = f"{response.reason} {readable(response.body[:1024])}"
        outcome = refusal(response.status, text, self._target.channels_at_address)
        if response.status in _REDIRECTS:
            self._note("redirected again")
        return self._answer(outcome, f"{response.status} {response.reason}".strip())

    def _answer(self, outcome: Outcome, said: str) -> CameraAnswer:
        return self._raised(CameraAnswer(outcome, said))

    def _raised(self, answer: CameraAnswer) -> CameraAnswer:
        """The answer, noted in the trace and cleaned of secrets that a peer may have echoed."""
        self._say(answer.said)
        return CameraAnswer(answer.outcome, self._without_secrets(answer.said))

    def _say(self, text: str) -> None:
        self._trace.said(self._without_secrets(text))

    @functools.cached_property
    def _secrets(self) -> tuple[str, ...]:
        """What a peer may echo and nobody may read: the password, and both as Basic sends them."""
        credential = self._target.credential
        # To blank out every "b" of an answer would tell a password "b" rather than hide it.
        if credential is None or len(credential.password) < _SHORTEST_SECRET:
            return ()
        pair = base64.b64encode(f"{credential.username}:{credential.password}".encode()).decode("ascii")
        return credential.password, pair

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _note(self, text: str) -> None:
        noted = self._trace.facts.setdefault("noted", [])
        assert isinstance(noted, list)
        noted.append(text)


class _Connection(asyncio.Protocol):
    """The connection under a session: requests out; replies, packets and the end of it all in.

    A session is one task, so at most one future is awaited at a time. Whatever goes wrong is kept as the failure,
    and given to whoever waits now or later.
    """

    def __init__(self, limits: Limits) -> None:
        self.is_lost = False
        self.received = 0
        """Bytes taken in so far, by TCP and UDP."""
        self._transport: asyncio.Transport | None = None
        self._reader = MessageReader(self._on_response, self._on_frame)
        self._limits = limits
        self._packets = 0
        self._cseq = 0
        self._failure: Exception | None = None
        self._waiter: asyncio.Future[Any] | None = None
        self._expects_reply = False
        self._channel = -1
        self._on_packet: Callable[[memoryview], None] | None = None
        self._closed: asyncio.Future[None] | None = None

    @property
    def answered(self) -> bool:
        return self._reader.answered

    @property
    def local_address(self) -> tuple[Any, ...]:
        """The address of our end, as sockets give it."""
        assert self._transport is not None
        return tuple(self._transport.get_extra_info("sockname"))

    @property
    def peer_host(self) -> str:
        assert self._transport is not None
        return str(self._transport.get_extra_info("peername")[0])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_lost = True
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "the peer closed the connection"
        self._fail(CameraAnswer(Outcome.UNREACHABLE, reason))
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        if not self.spend(len(data)):
            return
        try:
            self._reader.feed(data)
        except MalformedMessage as error:
            self._fail(CameraAnswer(self._useless, str(error)))
        except Exception as error:  # noqa: BLE001 - a bug of ours must not look like a lost connection
            self._fail(error)

    @property
    def _useless(self) -> Outcome:
        """What a peer is that sends rubbish: after an answer in form a camera, only one that cannot deliver."""
        return Outcome.NO_STREAM if self._reader.answered else Outcome.REFUSED

    def spend(self, size: int) -> bool:
        """Count bytes received; False when there has been a failure or the budget is used up."""
        self.received += size
        most = self._limits.max_early_bytes if self._on_packet is None else self._limits.max_bytes
        if self.received > most and self._failure is None:
            early = self._on_packet is None
            self._fail_of_plenty(f"more than {most} bytes", self._useless if early else Outcome.INCONCLUSIVE)
        return self._failure is None

    def spend_packet(self, outcome: Outcome = Outcome.INCONCLUSIVE) -> bool:
        """Count one frame or datagram, of whatever channel or sender; False as for ``spend``."""
        self._packets += 1
        if self._packets > self._limits.max_packets and self._failure is None:
            self._fail_of_plenty(f"more than {self._limits.max_packets} packets", outcome)
        return self._failure is None

    def _fail_of_plenty(self, said: str, outcome: Outcome) -> None:
        """A stream without end says nothing against the picture in it; before there is a stream it is rubbish."""
        self._fail(CameraAnswer(outcome, said))
        if self._transport is not None and not self.is_lost:
            # The look is over, and the rest of the flood would still cost the others time.
            self._transport.pause_reading()

    def take_packet(self, packet: memoryview) -> None:
        """Hand one RTP packet, come by either transport, to the stream."""
        if self._on_packet is not None:
            try:
                self._on_packet(packet)
            except Exception as error:  # noqa: BLE001 - a bug of ours must not look like a lost connection
                self._fail(error)

    def listen(self, channel: int, on_packet: Callable[[memoryview], None]) -> None:
        """From now on give the packets of this interleaved channel to ``on_packet``."""
        self._channel, self._on_packet = channel, on_packet

    def waiter(self) -> asyncio.Future[Any]:
        """The future to await next."""
        self._expects_reply = False
        self._waiter = asyncio.get_running_loop().create_future()
        if self._failure is not None:
            self._waiter.set_exception(self._failure)
        return self._waiter

    def send(self, method: str, url: str, fields: list[tuple[str, str]]) -> asyncio.Future[Response]:
        """Send a request; the future is its reply."""
        waiter = self.waiter()
        self._expects_reply = True
        if self._transport is not None and not self.is_lost:
            self._cseq += 1
            self._transport.write(request(method, url, self._cseq, fields))
        return waiter

    async def start_tls(self, shutdown_timeout_s: float) -> bytes:
        """Turn to TLS, whatever the certificate; returns it (DER)."""
        assert self._transport is not None
        transport = await asyncio.get_running_loop().start_tls(
            self._transport, self, _tls_context(), ssl_shutdown_timeout=shutdown_timeout_s
        )
        assert transport is not None
        self._transport = transport
        certificate = transport.get_extra_info("ssl_object").getpeercert(True)
        return bytes(certificate or b"")

    async def farewell(
        self, method: str, url: str, fields: list[tuple[str, str]], seconds: float, linger_s: float
    ) -> None:
        """Send a last request and wait for its reply, whatever it is; then say that nothing more comes, and listen on.

        To close while the peer still sends makes the kernel reset the connection, and a slow peer meets that before it
        has read the request: a recorder then keeps the session, and its slot, for half a minute. A peer that answers
        no farewell closes when it has read to our end.
        """
        waiter = self.send(method, url, fields)
        try:
            answered, _ = await asyncio.wait({waiter}, timeout=seconds)
            if not answered and self._transport is not None:
                if self._transport.can_write_eof():
                    self._transport.write_eof()
                await asyncio.wait({waiter}, timeout=linger_s)
        finally:
            # nobody will ask for what it holds, even when we are cancelled here
            if not waiter.cancel() and not waiter.cancelled():
                waiter.exception()

    async def close(self, seconds: float) -> None:
        """Close politely; after so many seconds at the latest, without manners."""
        if self._transport is None or self.is_lost:
            return
        loop = asyncio.get_running_loop()
        self._closed = loop.create_future()
        self._transport.close()
        expiry = loop.call_later(seconds, self._transport.abort)
        try:
            await self._closed
        finally:
            expiry.cancel()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _on_response(self, response: Response) -> None:
        # 1xx only says that the reply is coming.
        if self._expects_reply and response.status >= 200 and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(response)

    def _on_frame(self, channel: int, payload: memoryview) -> None:
        # every packet of every stream comes this way: what is all right is let through without a further call
        if self._on_packet is None or self._packets >= self._limits.max_packets:
            self.spend_packet(self._useless if self._on_packet is None else Outcome.INCONCLUSIVE)
            return
        self._packets += 1
        if channel == self._channel and self._failure is None:
            self._on_packet(payload)

    def _fail(self, failure: Exception) -> None:
        if self._failure is None:
            self._failure = failure
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_exception(failure)


class _Stream:
    """The video that arrives: whether it has begun, and its key frames, as far as they are wanted."""

    def __init__(self, media: VideoMedia, *, assemble: bool) -> None:
        self._media = media
        self._assembler = self._new_assembler() if assemble else None
        self._has_begun = False
        self._begun: asyncio.Future[None] | None = None
        self._kept: KeyFrame | None = None
        self._given_at: float | None = None
        self._not_before = 0.0
        self._waiter: asyncio.Future[KeyFrame] | None = None

    @property
    def gapped(self) -> int:
        """Key frames dropped for missing packets since the last one that was complete."""
        return self._assembler.gapped if self._assembler is not None else 0

    def take(self, data: memoryview) -> None:
        """Take one packet; what is no RTP packet of the video is passed over."""
        if self._assembler is None:
            if self._has_begun:
                return
        elif self._assembler.continues(data):
            return
        try:
            packet = parse_packet(data)
        except MalformedPacket:
            return
        # Some cameras send another dynamic payload type than they announce.
        kind = packet.payload_type
        if not packet.payload or (kind < FIRST_DYNAMIC_TYPE and kind not in self._media.payload_types):
            return
        if not self._has_begun:
            self._has_begun = True
            if self._begun is not None and not self._begun.done():
                self._begun.set_result(None)
        picture = self._assembler.push(packet) if self._assembler is not None else None
        if picture is not None:
            self._offer(picture)

    def wait_begun(self, waiter: asyncio.Future[None]) -> None:
        """Resolve ``waiter`` with the first packet."""
        if self._has_begun and not waiter.done():
            waiter.set_result(None)
        self._begun = waiter

    def wait_key_frame(self, waiter: asyncio.Future[KeyFrame], after_s: float) -> None:
        """Resolve ``waiter`` with the first key frame that comes ``after_s`` or more after the last one given."""
        self._not_before = self._given_at + after_s if self._given_at is not None else 0.0
        self._waiter = waiter
        kept, self._kept = self._kept, None
        if kept is not None and kept.received_at >= self._not_before and not waiter.done():
            self._give(kept)
        elif self._assembler is None:
            self._assembler = self._new_assembler()

    def _new_assembler(self) -> PictureAssembler:
        return _ASSEMBLERS[self._media.codec](self._media)

    def _offer(self, picture: Picture) -> None:
        assert self._assembler is not None
        frame = KeyFrame(
            codec=self._media.codec,
            data=picture.data,
            rtp_timestamp=picture.timestamp,
            clock_rate=self._media.clock_rate,
            received_at=asyncio.get_running_loop().time(),
            gapped=self._assembler.gapped,
        )
        if self._waiter is None:
            # Usually the first packets are a key frame already: it waits here until it is asked for.
            self._kept, self._assembler = frame, None
        elif frame.received_at >= self._not_before and not self._waiter.done():
            self._give(frame)

    def _give(self, frame: KeyFrame) -> None:
        assert self._waiter is not None
        self._waiter.set_result(frame)
        self._given_at, self._waiter, self._assembler = frame.received_at, None, None


class _Datagrams(asyncio.DatagramProtocol):
    """Our RTP port: takes what comes from the camera, and from nobody else."""

    def __init__(self, connection: _Connection) -> None:
        self.sources: set[str] = set()
        self._connection = connection
        self._sorter = Sorter()

    def datagram_received(self, data: bytes, address: tuple[Any, ...]) -> None:
        if not self._connection.spend_packet() or _without_zone(address[0]) not in self.sources:
            return
        if self._connection.spend(len(data)):
            for datagram in self._sorter.push(data):
                self._connection.take_packet(memoryview(datagram))


class _Unheard(asyncio.DatagramProtocol):
    """Our RTCP port: it must exist, but a look is over before a report would matter."""


def _same(protocol: asyncio.DatagramProtocol) -> asyncio.DatagramProtocol:
    return protocol


def _port_pair(local_address: tuple[Any, ...]) -> tuple[socket.socket, socket.socket]:
    """Two UDP sockets on an even port and the odd one above it (RFC 3550 §11), at our end of the connection.

    Raises OSError when there is no such pair.
    """
    family = socket.AF_INET6 if len(local_address) == 4 else socket.AF_INET
    failure = OSError(errno.EADDRNOTAVAIL, "no pair of free ports")
    for _ in range(_PORT_TRIES):
        first = socket.socket(family, socket.SOCK_DGRAM)
        second = socket.socket(family, socket.SOCK_DGRAM)
        try:
            first.bind((local_address[0], 0, *local_address[2:]))
            even = first.getsockname()[1] & ~1
            if even != first.getsockname()[1]:
                first.close()
                first = socket.socket(family, socket.SOCK_DGRAM)
                first.bind((local_address[0], even, *local_address[2:]))
            second.bind((local_address[0], even + 1, *local_address[2:]))
        except OSError as error:
            failure = error
            first.close()
            second.close()
            continue
        first.setblocking(False)
        second.setblocking(False)
        first.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        return first, second
    raise failure


@functools.lru_cache(maxsize=1)
def _tls_context() -> ssl.SSLContext:
    """TLS as old cameras speak it: certificates are theirs own, versions and keys are of their time.

    There is nobody who could vouch for a camera; its fingerprint is kept instead, and a change is noted.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def _url(scheme: str, host: str, port: int, path: str) -> str:
    """The request URL, in ASCII and without login; a zone id means nothing to the camera and stays here."""
    bare = _without_zone(host)
    authority = f"[{bare}]" if ":" in bare else bare
    if port != _DEFAULT_PORTS[scheme]:
        authority += f":{port}"
    return f"{scheme}://{authority}/" + quote(path.removeprefix("/"), safe=_URL_PUNCTUATION)


def _without_zone(host: str) -> str:
    return host.partition("%")[0]


def _same_host(one: str, other: str) -> bool:
    try:
        return ipaddress.ip_address(_without_zone(one)) == ipaddress.ip_address(_without_zone(other))
    except ValueError:
        return one.lower() == other.lower()


def _is_success(response: Response) -> bool:
    return 200 <= response.status < 300


def _is_renewed(old: Challenge, new: Challenge) -> bool:
    return new.scheme == "digest" and (new.stale or new.nonce != old.nonce)


def _expire(waiter: asyncio.Future[Any], late: CameraAnswer) -> None:
    if not waiter.done():
        waiter.set_exception(late)
