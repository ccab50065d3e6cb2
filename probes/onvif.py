"""Does the device speak ONVIF, what time does it have, and does it let us in?

    clock    GetSystemDateAndTime without login; devices that want one are asked again with it (not by to="clock")
    device   GetDeviceInformation: WS-UsernameToken by the device's own clock, HTTP Digest where that is wanted

One way to log in at a time, and none twice: vendors lock accounts. A login counts as refused only when the token was
made by the device's clock, because a token that is seconds off is refused with the right password, too. Where the clock
is behind the login itself, the Date of the refusal (RFC 9110 §6.6.1) says whether it agrees with ours.
"""

from __future__ import annotations

import asyncio
import functools
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import ClassVar, Literal, TypeVar
from urllib.parse import urlsplit

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from probes.answer import CameraAnswer, connect_failure, refusal
from probes.observation import Credential, Depth, Outcome, Target
from probes.probe import Trace
from probes.wire import soap
from probes.wire.digest import Challenge, Login, parse_challenges

_REDIRECTS = frozenset({301, 302, 303, 305, 307, 308})
_KNOWN_DIGEST_USERS = 20_000
"""Devices that are remembered to want HTTP Digest; more than any county has."""

_RAW_PER_BYTE = 4
"""Bytes on the wire for each that a body may have: heads and the frames of chunks come on top of it."""

_MAX_SAID = 200
"""Characters of a note."""

_TOKEN_SKEW_S = 3.0
"""A token no further off than this is refused for its password and not for its time: devices allow 5 s or more."""

_Value = TypeVar("_Value")


class _BoundedReply(ResponseHandler):
    """Takes so many bytes of a connection and leaves the rest to the kernel: the look ends by its timeout then.

    The bound on bodies knows nothing of interim answers, chunk extensions and trailers, of which a peer may send any
    number, each dearer to parse than to send.
    """

    def __init__(self, most: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._bytes_left = most

    def data_received(self, data: bytes) -> None:
        self._bytes_left -= len(data)
        if self._bytes_left >= 0:
            super().data_received(data)
        elif self.transport is not None:
            self.transport.pause_reading()


class _Connector(aiohttp.TCPConnector):
    def __init__(self, most: int) -> None:
        # Connections aren't kept: firmware closes them without a word, and a request would be lost with them.
        super().__init__(limit=0, force_close=True)
        self._most = most
        self._factory = functools.partial(self._bounded)

    def _bounded(self) -> ResponseHandler:
        return _BoundedReply(self._most, self._loop)


class _Http:
    """The HTTP side that all looks of one probe share: client sessions, and who wants HTTP Digest."""

    def __init__(self) -> None:
        self.wants_digest: set[tuple[str, int]] = set()
        self._sessions: dict[int, aiohttp.ClientSession] = {}

    def session(self, limit: int) -> aiohttp.ClientSession:
        """The session for replies of ``limit`` bytes, made when it is first wanted: it belongs to the running loop."""
        if limit not in self._sessions:
            self._sessions[limit] = aiohttp.ClientSession(
                connector=_Connector(_RAW_PER_BYTE * limit),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                headers={"User-Agent": "xunjian", "Accept-Encoding": "identity"},
            )
        return self._sessions[limit]

    def remember_digest(self, address: tuple[str, int]) -> None:
        if len(self.wants_digest) < _KNOWN_DIGEST_USERS:
            self.wants_digest.add(address)

    async def close(self) -> None:
        while self._sessions:
            await self._sessions.popitem()[1].close()


@dataclass(frozen=True, slots=True, kw_only=True)
class OnvifProbe:
    """Ask the device's ONVIF port for its clock (``to="clock"``: no login), or also for its make (``"device"``).

    ``now`` gives the UTC time in seconds since the epoch. Facts: ``clock_offset_s`` (the device's clock less ours),
    ``maker``, ``model``, ``firmware``, ``serial``. What answers HTTP but not ONVIF is inconclusive: the port in the
    inventory may be another one's. Close the probe when no more looks are to come.
    """

    name: ClassVar[str] = "onvif"

    to: Literal["clock", "device"] = "device"
    connect_timeout_s: float = 3.0
    reply_timeout_s: float = 5.0
    now: Callable[[], float] = field(repr=False, compare=False, metadata={"handed_in": True})
    _http: _Http = field(default_factory=_Http, init=False, repr=False, compare=False)

    @property
    def depth(self) -> Depth:
        """An answer by ONVIF, whatever was asked."""
        return Depth.ONVIF

    async def check(self, target: Target, trace: Trace) -> Outcome:
        """Look once at the configured ONVIF port."""
        visit = _Visit(self, self._http, target, trace)
        try:
            await visit.read_clock()
            if self.to == "device":
                await visit.read_device_information()
        except CameraAnswer as answer:
            return answer.outcome
        return Outcome.OK

    async def close(self) -> None:
        """Close what is open. The probe can be used again afterwards."""
        await self._http.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamAddress:
    """Where a channel's stream is: ``uri`` with the configured host and port, ``told`` as the device said it."""

    uri: str
    told: str
    profile: soap.MediaProfile


async def stream_uri(probe: OnvifProbe, target: Target, trace: Trace, *, channel: int = 1) -> StreamAddress:
    """Ask the device for the RTSP address of its ``channel``-th video source, for inventories that give no path.

    Raises CameraAnswer when the device cannot be reached, refuses, or has no such channel.
    """
    visit = _Visit(probe, probe._http, target, trace)
    await visit.read_clock()
    return await visit.find_stream(channel)


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    reason: str
    challenges: tuple[str, ...]
    date: str
    body: bytes

    @property
    def line(self) -> str:
        return f"{self.status} {self.reason}".strip()

    @property
    def fault(self) -> soap.SoapFaultError | None:
        return soap.find_fault(self.body)

    @property
    def wants_login(self) -> bool:
        """A fault NotAuthorized comes with 400, 401, 403 or 500, and from some devices with 200."""
        fault = self.fault
        return self.status == 401 or (fault is not None and fault.not_authorized)

    @property
    def digest(self) -> Challenge | None:
        """The strongest HTTP Digest challenge; the password is not sent in the clear for ONVIF's sake."""
        offered = [challenge for challenge in parse_challenges(self.challenges) if challenge.scheme == "digest"]
        best = max(offered, key=lambda challenge: challenge.strength, default=None)
        return best if best is not None and best.strength else None


class _Visit:
    """One look at one device: its clock, as far as it is known, and the login that works."""

    def __init__(self, probe: OnvifProbe, http: _Http, target: Target, trace: Trace) -> None:
        self._probe = probe
        self._http = http
        self._target = target
        self._trace = trace
        self._address = target.host, target.onvif_port or 0
        self._path = target.onvif_path
        self._offset_s: float | None = None
        self._login: Login | None = None

    async def read_clock(self) -> None:
        """Note how far the device's clock is off. Not to know it is no failure: some have none, or an empty one."""
        if self._target.onvif_port is None:
            raise self._answer(Outcome.INCONCLUSIVE, "no ONVIF port is configured")
        self._trace.step("clock")
        loop = asyncio.get_running_loop()
        sent = loop.time()
        reply = await self._post(soap.GET_SYSTEM_DATE_AND_TIME)
        if reply.wants_login:
            if self._probe.to == "clock":
                return
            sent = loop.time()
            reply = await self._post_logged_in(soap.GET_SYSTEM_DATE_AND_TIME)
        halfway = self._probe.now() - (loop.time() - sent) / 2
        stated = self._parse(reply, soap.parse_system_date_and_time)
        if stated is not None:
            # a clock that shows whole seconds is half of one behind on average
            self._offset_s = stated.timestamp() + 0.5 - halfway
            self._trace.facts["clock_offset_s"] = round(self._offset_s, 1)
        elif (dated := _http_date(reply.date)) is not None:
            self._trace.facts["clock_offset_s"] = round(dated + 0.5 - halfway, 1)

    async def read_device_information(self) -> None:
        """Note what the device is; proves the login."""
        self._trace.step("device_information")
        reply = await self._post_logged_in(soap.GET_DEVICE_INFORMATION)
        told = self._parse(reply, soap.parse_device_information)
        self._trace.facts.update(maker=told.maker, model=told.model, firmware=told.firmware, serial=told.serial)

    async def find_stream(self, channel: int) -> StreamAddress:
        self._trace.step("capabilities")
        reply = await self._post_logged_in(soap.GET_MEDIA_CAPABILITIES)
        # the host stated is often an inner one; a path alone is right through any translation of addresses
        self._path = _path_of(self._parse(reply, soap.parse_media_address)) or self._path
        self._trace.step("profiles")
        reply = await self._post_logged_in(soap.GET_PROFILES, limit=soap.MAX_PROFILES_BYTES)
        profile = self._choose(self._parse(reply, soap.parse_profiles), channel)
        self._trace.step("stream_uri")
        reply = await self._post_logged_in(soap.get_stream_uri(profile.token))
        told = self._parse(reply, soap.parse_stream_uri)
        return StreamAddress(uri=self._rewritten(told), told=told, profile=profile)

    async def _post_logged_in(self, operation: soap.Operation, *, limit: int = soap.MAX_MESSAGE_BYTES) -> _Reply:
        """Ask with a login; returns an answer that isn't a refusal of it."""
        credential = self._target.credential
        if credential is None:
            self._trace.facts["ours"] = "no credential"
            raise self._answer(Outcome.INCONCLUSIVE, "a login is asked for, and no credential is configured")
        if self._login is None:
            reply = await self._answer_or_challenge(operation, credential, limit)
            if not reply.wants_login:
                return reply
            assert reply.digest is not None
            self._login = Login(reply.digest, credential.username, credential.password)
        return await self._post_with_digest(operation, credential, self._login, limit)

    async def _answer_or_challenge(self, operation: soap.Operation, credential: Credential, limit: int) -> _Reply:
        """What was asked for, got by a WS-UsernameToken or freely; or else a reply with an HTTP Digest challenge."""
        if self._address in self._http.wants_digest:
            bare = await self._post(operation, limit=limit)
            if not bare.wants_login or bare.digest is not None:
                return bare
            self._http.wants_digest.discard(self._address)
        reply = await self._post(operation, security=self._token(credential), limit=limit)
        if not reply.wants_login or reply.digest is not None:
            return reply
        # Some only say to a request without token that they want HTTP Digest. To ask so is no login.
        bare = await self._post(operation, limit=limit)
        if not bare.wants_login or bare.digest is not None:
            return bare
        raise self._token_refused(reply)

    async def _post_with_digest(
        self, operation: soap.Operation, credential: Credential, login: Login, limit: int
    ) -> _Reply:
        """A nonce that the device replaces, or calls stale, is answered once more, but nothing a third time."""
        reply = await self._post(operation, login=login, limit=limit)
        renewed = reply.digest if reply.wants_login else None
        if renewed is not None and (renewed.stale or renewed.nonce != login.challenge.nonce):
            self._login = Login(renewed, credential.username, credential.password)
            reply = await self._post(operation, login=self._login, limit=limit)
        if reply.wants_login:
            raise self._refused(reply)
        self._http.remember_digest(self._address)
        return reply

    def _token(self, credential: Credential) -> str:
        created = datetime.fromtimestamp(self._probe.now() + (self._offset_s or 0.0), UTC)
        return soap.username_token(
            credential.username, credential.password, nonce=secrets.token_bytes(16), created=created
        )

    def _token_refused(self, reply: _Reply) -> CameraAnswer:
        # A device that tells its clock to nobody without a login still dates its replies by it.
        dated = _http_date(reply.date)
        timely = dated is not None and abs(dated + 0.5 - self._probe.now()) <= _TOKEN_SKEW_S
        if self._offset_s is None and not timely:
            self._trace.facts["ours"] = "device clock unknown"
            return self._answer(Outcome.INCONCLUSIVE, "login refused, which may be for the clock that is not known")
        return self._refused(reply)

    def _refused(self, reply: _Reply) -> CameraAnswer:
        text = f"{reply.reason} {reply.fault.reason if reply.fault else ''}"
        return self._answer(refusal(401, text, self._target.channels_at_address), f"login refused: {reply.line}")

    def _parse(self, reply: _Reply, parse: Callable[[bytes], _Value]) -> _Value:
        """The value of an answer; a refusing answer, or one that isn't ONVIF, ends the look."""
        try:
            return parse(reply.body)
        except soap.SoapFaultError as fault:
            raise self._not_onvif(reply, str(fault)) from None
        except soap.SoapError as error:
            said = f"{reply.line}: {error}" if 200 <= reply.status < 300 else reply.line
            raise self._not_onvif(reply, said) from None

    def _not_onvif(self, reply: _Reply, said: str) -> CameraAnswer:
        if reply.status in _REDIRECTS:
            said = f"{reply.line}: redirected"
        text = f"{reply.reason} {reply.body[:1024].decode('utf-8', 'replace')}"
        outcome = refusal(reply.status, text, self._target.channels_at_address)
        if outcome is Outcome.NO_STREAM:
            self._note(f"not ONVIF: {said}")
            outcome = Outcome.INCONCLUSIVE
        return self._answer(outcome, said)

    def _choose(self, profiles: tuple[soap.MediaProfile, ...], channel: int) -> soap.MediaProfile:
        """The first profile (the main stream, by all makers' habit) of the ``channel``-th video source."""
        sources: dict[str, soap.MediaProfile] = {}
        for profile in profiles:
            sources.setdefault(profile.source, profile)
        if not 1 <= channel <= len(sources):
            raise self._answer(Outcome.NO_STREAM, f"channel {channel} of {len(sources)}")
        return list(sources.values())[channel - 1]

    def _rewritten(self, told: str) -> str:
        try:
            parts = urlsplit(told)
            port = self._target.rtsp_port or parts.port or 554
        except ValueError:
            raise self._answer(Outcome.NO_STREAM, "a malformed stream address") from None
        if parts.scheme not in ("rtsp", "rtsps"):
            raise self._answer(Outcome.NO_STREAM, "a stream address that is not RTSP")
        host = f"[{self._target.host}]" if ":" in self._target.host else self._target.host
        return parts._replace(netloc=f"{host}:{port}", fragment="").geturl()

    async def _post(
        self,
        operation: soap.Operation,
        *,
        security: str = "",
        login: Login | None = None,
        limit: int = soap.MAX_MESSAGE_BYTES,
    ) -> _Reply:
        """One request, one reply of at most ``limit`` bytes."""
        url, message = self._url(), soap.envelope(operation, security)
        headers = {"Content-Type": soap.content_type(operation)}
        if login is not None:
            headers["Authorization"] = login.authorization(
                "POST", url.raw_path_qs, cnonce=secrets.token_hex(8), body=message
            )
        seconds = self._probe.connect_timeout_s + self._probe.reply_timeout_s
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(url, message, headers, limit)
        except (TimeoutError, aiohttp.ClientError) as error:
            raise self._transport_failure(error, seconds) from None

    async def _exchange(self, url: URL, message: bytes, headers: dict[str, str], limit: int) -> _Reply:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._probe.connect_timeout_s)
        session = self._http.session(limit)
        async with session.post(url, data=message, headers=headers, allow_redirects=False, timeout=timeout) as response:
            self._trace.answered = True
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > limit:
                    self._note(f"not ONVIF: more than {limit} bytes")
                    raise self._answer(Outcome.INCONCLUSIVE, f"more than {limit} bytes")
            reply = _Reply(
                status=response.status,
                reason=response.reason or "",
                challenges=tuple(response.headers.getall("WWW-Authenticate", ())),
                date=response.headers.get("Date", ""),
                body=bytes(body),
            )
            self._say(reply.line)
            return reply

    def _transport_failure(self, error: TimeoutError | aiohttp.ClientError, seconds: float) -> CameraAnswer:
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return self._answer(Outcome.UNREACHABLE, f"no connection within {self._probe.connect_timeout_s:g} s")
        if isinstance(error, TimeoutError):
            return self._answer(Outcome.TIMED_OUT, f"no reply within {seconds:g} s")
        if isinstance(error, aiohttp.ClientConnectorError):
            failure = connect_failure(error.os_error)
            return self._answer(failure.outcome, failure.said)
        if isinstance(error, aiohttp.ClientResponseError):
            return self._answer(Outcome.REFUSED, "an answer that is not HTTP")
        return self._answer(Outcome.UNREACHABLE, "the peer closed the connection")

    def _url(self) -> URL:
        path, _, query = self._path.partition("?")
        path = path if path.startswith("/") else f"/{path}"
        encoded = self._path.isascii()
        host, port = self._address
        return URL.build(scheme="http", host=host, port=port, path=path, query_string=query, encoded=encoded)

    def _answer(self, outcome: Outcome, said: str) -> CameraAnswer:
        self._say(said)
        return CameraAnswer(outcome, self._without_secrets(said))

    def _say(self, text: str) -> None:
        self._trace.said(self._without_secrets(text))

    def _note(self, text: str) -> None:
        noted = self._trace.facts.setdefault("noted", [])
        assert isinstance(noted, list)
        noted.append(self._without_secrets(text)[:_MAX_SAID])

    def _without_secrets(self, text: str) -> str:
        credential = self._target.credential
        if credential is None or not credential.password:
            return text
        return text.replace(credential.password, "***")


def _http_date(text: str) -> float | None:
    """RFC 9110 §5.6.7, as UTC seconds since the epoch."""
    try:
        return parsedate_to_datetime(text).replace(tzinfo=UTC).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _path_of(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
