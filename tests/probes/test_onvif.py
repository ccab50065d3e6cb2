"""The ONVIF probe against a real HTTP server that plays the devices of the field, and beside another client."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import onvif as zeep_onvif  # type: ignore[import-untyped]  # ships no type hints
import pytest
from aiohttp import web
from lxml import etree

from probes.answer import CameraAnswer
from probes.observation import Credential, Depth, Outcome, Target
from probes.onvif import OnvifProbe, stream_uri
from probes.probe import Probe, Trace
from probes.wire import soap

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

USERNAME, PASSWORD = "值班 <admin>", 'Bi:yang@2026&"/'
CREDENTIAL = Credential(id="township-07", username=USERNAME, password=PASSWORD)
REALM = 'IP Camera "7"'
TOKEN_LIFE_S = 5
WINDOW = {"env": soap.SOAP, "wsse": soap.SECURITY, "wsu": soap.UTILITY}

ENVELOPE = (
    f'<?xml version="1.0" encoding="UTF-8"?><env:Envelope xmlns:env="{soap.SOAP}" xmlns:tt="{soap.SCHEMA}" '
    f'xmlns:tds="{soap.DEVICE}" xmlns:trt="{soap.MEDIA}" xmlns:ter="http://www.onvif.org/ver10/error">'
    "<env:Body>{body}</env:Body></env:Envelope>"
)
NOT_AUTHORIZED = (
    "<env:Fault><env:Code><env:Value>env:Sender</env:Value><env:Subcode><env:Value>ter:NotAuthorized</env:Value>"
    '</env:Subcode></env:Code><env:Reason><env:Text xml:lang="en">Sender not authorized</env:Text></env:Reason>'
    "</env:Fault>"
)
DEVICE_INFORMATION = (
    "<tds:GetDeviceInformationResponse><tds:Manufacturer>HIKVISION</tds:Manufacturer><tds:Model>DS-2CD3T46</tds:Model>"
    "<tds:FirmwareVersion>V5.6.12</tds:FirmwareVersion><tds:SerialNumber>SN-0007</tds:SerialNumber>"
    "<tds:HardwareId>88</tds:HardwareId></tds:GetDeviceInformationResponse>"
)


def profile(token: str, source: str, width: int, height: int) -> str:
    return (
        f'<trt:Profiles token="{token}" fixed="true"><tt:Name>{token}</tt:Name>'
        f'<tt:VideoSourceConfiguration token="c{source}"><tt:Name>n</tt:Name><tt:UseCount>1</tt:UseCount>'
        f'<tt:SourceToken>{source}</tt:SourceToken><tt:Bounds x="0" y="0" width="{width}" height="{height}"/>'
        f'</tt:VideoSourceConfiguration><tt:VideoEncoderConfiguration token="e{token}"><tt:Name>n</tt:Name>'
        "<tt:UseCount>1</tt:UseCount><tt:Encoding>H264</tt:Encoding>"
        f"<tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height></tt:Resolution>"
        "<tt:Quality>3</tt:Quality><tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type></tt:Address><tt:Port>1</tt:Port>"
        "<tt:TTL>1</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>"
        "<tt:SessionTimeout>PT5S</tt:SessionTimeout></tt:VideoEncoderConfiguration></trt:Profiles>"
    )


PROFILES = (
    "<trt:GetProfilesResponse>"
    + profile("main_1", "source_1", 1920, 1080)
    + profile("sub_1", "source_1", 704, 576)
    + profile("main_2", "source_2", 2560, 1440)
    + "</trt:GetProfilesResponse>"
)


@dataclass
class FakeDevice:
    """An ONVIF device whose login and clock are verified as strictly as real firmware does."""

    login: str = "wsse"
    """``none``, ``wsse``, ``digest``, or ``digest_unless_token``: the challenge comes to bare requests only"""
    clock_login: bool = False
    skew_s: float = 0.0
    states_utc: bool = True
    one_use_nonces: bool = False
    refusal_status: int = 400
    refusal_headers: dict[str, str] = field(default_factory=dict)
    port: int = 0
    asked: list[str] = field(default_factory=list)
    logins: int = 0
    refused_logins: int = 0
    paths: list[str] = field(default_factory=list)
    _nonces: list[str] = field(default_factory=list)

    def clock(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.skew_s)

    async def answer(self, request: web.Request) -> web.Response:
        envelope = etree.fromstring(await request.read())
        body = envelope.find("env:Body", WINDOW)
        assert body is not None
        asked = str(etree.QName(body[0]).localname)
        self.asked.append(asked)
        self.paths.append(request.path)
        free = self.login == "none" or (asked == "GetSystemDateAndTime" and not self.clock_login)
        refusal = None if free else self._judge_login(request, envelope)
        reply = refusal or self._reply(200, self._bodies(asked, body[0], request.host))
        reply.headers.setdefault("Date", format_datetime(self.clock(), usegmt=True))
        return reply

    def _judge_login(self, request: web.Request, envelope: etree._Element) -> web.Response | None:
        token = envelope.find("env:Header/wsse:Security/wsse:UsernameToken", WINDOW)
        authorization = request.headers.get("Authorization", "")
        if self.login == "wsse":
            right = token is not None and self._token_is_right(token)
            tried = token is not None
            refusal = self._reply(self.refusal_status, NOT_AUTHORIZED, self.refusal_headers)
        else:
            right = authorization.startswith("Digest ") and self._digest_is_right(request, authorization)
            tried = bool(authorization)
            refusal = self._challenge(bare=token is None)
        self.logins += right
        self.refused_logins += tried and not right
        return None if right else refusal

    def _token_is_right(self, token: etree._Element) -> bool:
        created = token.findtext("wsu:Created", "", WINDOW)
        assert created.endswith("Z")
        assert "." not in created
        nonce = base64.b64decode(token.findtext("wsse:Nonce", "", WINDOW))
        digest = hashlib.sha1(nonce + created.encode() + PASSWORD.encode()).digest()
        age = abs((datetime.fromisoformat(created) - self.clock()).total_seconds())
        return (
            token.findtext("wsse:Username", "", WINDOW) == USERNAME
            and base64.b64decode(token.findtext("wsse:Password", "", WINDOW)) == digest
            and age <= TOKEN_LIFE_S
        )

    def _challenge(self, *, bare: bool) -> web.Response:
        if self.login == "digest_unless_token" and not bare:
            return self._reply(400, NOT_AUTHORIZED)
        self._nonces.append(secrets.token_hex(8))
        realm = REALM.replace('"', '\\"')
        header = f'Digest qop="auth", realm="{realm}", nonce="{self._nonces[-1]}", stale="FALSE"'
        return web.Response(status=401, headers={"WWW-Authenticate": header})

    def _digest_is_right(self, request: web.Request, authorization: str) -> bool:
        fields = dict(part.split("=", 1) for part in authorization.removeprefix("Digest ").split(", "))
        values = {name: value.removeprefix('"').removesuffix('"') for name, value in fields.items()}
        if values["nonce"] not in self._nonces:
            return False
        if self.one_use_nonces:
            self._nonces.remove(values["nonce"])

        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        secret = md5(f"{USERNAME}:{values['realm']}:{PASSWORD}")
        asked = md5(f"{request.method}:{request.raw_path}")
        expected = md5(f"{secret}:{values['nonce']}:{values['nc']}:{values['cnonce']}:{values['qop']}:{asked}")
        return values["response"] == expected and values["uri"] == request.raw_path

    def _bodies(self, asked: str, body: etree._Element, host: str) -> str:
        media = f"<tt:Media><tt:XAddr>http://10.9.9.9:8000/onvif/Media</tt:XAddr>{STREAMING}</tt:Media>"
        token = body.findtext("{*}ProfileToken", "")
        bodies = {
            "GetSystemDateAndTime": clock_body(self.clock() if self.states_utc else None),
            "GetDeviceInformation": DEVICE_INFORMATION,
            "GetServices": f"<tds:GetServicesResponse>{services(host)}</tds:GetServicesResponse>",
            "GetCapabilities": f"<tds:GetCapabilitiesResponse><tds:Capabilities>{media}</tds:Capabilities>"
            "</tds:GetCapabilitiesResponse>",
            "GetProfiles": PROFILES,
            "GetStreamUri": f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>rtsp://10.9.9.9:8554/{token}?a=1&amp;b=2"
            "</tt:Uri><tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false"
            "</tt:InvalidAfterReboot><tt:Timeout>PT60S</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>",
        }
        return bodies[asked]

    @staticmethod
    def _reply(status: int, body: str, headers: dict[str, str] | None = None) -> web.Response:
        return web.Response(
            status=status,
            text=ENVELOPE.replace("{body}", body),
            content_type="application/soap+xml",
            headers=headers,
        )


STREAMING = (
    "<tt:StreamingCapabilities><tt:RTPMulticast>false</tt:RTPMulticast><tt:RTP_TCP>true</tt:RTP_TCP>"
    "<tt:RTP_RTSP_TCP>true</tt:RTP_RTSP_TCP></tt:StreamingCapabilities>"
)


def services(host: str) -> str:
    return "".join(
        f"<tds:Service><tds:Namespace>{namespace}</tds:Namespace><tds:XAddr>http://{host}/onvif/{path}</tds:XAddr>"
        "<tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
        for namespace, path in ((soap.DEVICE, "device_service"), (soap.MEDIA, "Media"))
    )


def clock_body(now: datetime | None) -> str:
    stated = (
        ""
        if now is None
        else (
            f"<tt:UTCDateTime><tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute>"
            f"<tt:Second>{now.second}</tt:Second></tt:Time><tt:Date><tt:Year>{now.year}</tt:Year>"
            f"<tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day></tt:Date></tt:UTCDateTime>"
        )
    )
    return (
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
        f"<tt:DaylightSavings>false</tt:DaylightSavings>{stated}</tds:SystemDateAndTime>"
        "</tds:GetSystemDateAndTimeResponse>"
    )


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[int]:
    """``handler`` on a port of its own."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def spoken(reply: bytes | None) -> AsyncIterator[int]:
    """A port that answers any request with ``reply`` and closes, or with None stays silent."""
    done = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if reply is None:
            await done.wait()
        else:
            writer.write(reply)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        done.set()


@asynccontextmanager
async def probe_of(**settings: object) -> AsyncIterator[OnvifProbe]:
    probe = OnvifProbe(now=time.time, **settings)  # type: ignore[arg-type]  # a table of settings
    try:
        yield probe
    finally:
        await probe.close()


def target_at(port: int, credential: Credential | None = CREDENTIAL) -> Target:
    return Target(camera="c1", host="127.0.0.1", onvif_port=port, credential=credential)


async def look(
    handler: Handler, credential: Credential | None = CREDENTIAL, **settings: object
) -> tuple[Outcome, Trace]:
    trace = Trace()
    async with served(handler) as port, probe_of(**settings) as probe:
        return await probe.check(target_at(port, credential), trace), trace


def test_it_is_a_probe() -> None:
    probe = OnvifProbe(now=lambda: 0.0)
    assert isinstance(probe, Probe)
    assert probe.depth is Depth.ONVIF
    assert "now" not in repr(probe)


async def test_a_device_tells_its_clock_and_its_make() -> None:
    device = FakeDevice()
    outcome, trace = await look(device.answer)
    assert outcome is Outcome.OK
    assert trace.answered
    offset = trace.facts.pop("clock_offset_s")
    assert isinstance(offset, float)
    assert abs(offset) <= 1
    assert trace.facts == {"maker": "HIKVISION", "model": "DS-2CD3T46", "firmware": "V5.6.12", "serial": "SN-0007"}
    assert [step.name for step in trace.close()] == ["clock", "device_information"]
    assert (device.logins, device.refused_logins) == (1, 0)


@pytest.mark.parametrize("skew_s", [40.0, -86_400.0 * 365])
async def test_a_token_is_made_by_the_clock_of_the_device(skew_s: float) -> None:
    device = FakeDevice(skew_s=skew_s)
    outcome, trace = await look(device.answer)
    assert outcome is Outcome.OK
    assert trace.facts["clock_offset_s"] == pytest.approx(skew_s, abs=1)
    assert (device.logins, device.refused_logins) == (1, 0)


async def test_half_the_round_trip_is_taken_off_the_clock() -> None:
    ours = 1_700_000_000.0

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        before = loop.time()
        while loop.time() - before < 0.4:
            await asyncio.sleep(0.01)
        return FakeDevice._reply(200, clock_body(datetime.fromtimestamp(ours, UTC)))

    loop = asyncio.get_running_loop()
    trace = Trace()
    async with served(answer) as port:
        probe = OnvifProbe(to="clock", now=lambda: ours)
        try:
            assert await probe.check(target_at(port), trace) is Outcome.OK
        finally:
            await probe.close()
    offset = trace.facts["clock_offset_s"]
    assert isinstance(offset, float)
    assert 0.7 <= offset <= 0.9


async def test_the_clock_alone_needs_no_login_and_makes_none() -> None:
    device = FakeDevice()
    outcome, trace = await look(device.answer, None, to="clock")
    assert outcome is Outcome.OK
    assert "clock_offset_s" in trace.facts
    assert device.asked == ["GetSystemDateAndTime"]


async def test_a_device_that_guards_its_clock_still_answers_the_clock_look() -> None:
    device = FakeDevice(clock_login=True)
    outcome, trace = await look(device.answer, to="clock")
    assert outcome is Outcome.OK
    assert trace.answered
    assert (device.asked, device.refused_logins) == (["GetSystemDateAndTime"], 0)


async def test_without_a_credential_only_the_clock_is_read() -> None:
    device = FakeDevice()
    outcome, trace = await look(device.answer, None)
    assert outcome is Outcome.INCONCLUSIVE
    assert trace.answered
    assert trace.facts["ours"] == "no credential"
    assert "clock_offset_s" in trace.facts
    assert device.asked == ["GetSystemDateAndTime"]


async def test_http_digest_is_used_where_it_is_asked_for() -> None:
    device = FakeDevice(login="digest")
    outcome, trace = await look(device.answer)
    assert outcome is Outcome.OK
    assert trace.facts["serial"] == "SN-0007"
    assert (device.logins, device.refused_logins) == (1, 0)


async def test_http_digest_is_found_where_only_a_bare_request_is_challenged() -> None:
    device = FakeDevice(login="digest_unless_token")
    outcome, _ = await look(device.answer)
    assert outcome is Outcome.OK
    assert (device.logins, device.refused_logins) == (1, 0)


async def test_a_device_with_http_digest_is_remembered() -> None:
    device = FakeDevice(login="digest_unless_token")
    async with served(device.answer) as port, probe_of() as probe:
        assert await probe.check(target_at(port), Trace()) is Outcome.OK
        device.asked.clear()
        assert await probe.check(target_at(port), Trace()) is Outcome.OK
        assert device.asked == ["GetSystemDateAndTime", "GetDeviceInformation", "GetDeviceInformation"]
        device.login = "wsse"
        assert await probe.check(target_at(port), Trace()) is Outcome.OK
        assert device.refused_logins == 0


@pytest.mark.parametrize("login", ["wsse", "digest"])
async def test_a_clock_behind_a_login_is_read_with_it(login: str) -> None:
    device = FakeDevice(login=login, clock_login=True)
    outcome, trace = await look(device.answer)
    assert outcome is Outcome.OK
    assert trace.facts["clock_offset_s"] == pytest.approx(0, abs=1)
    assert (device.logins, device.refused_logins) == (2, 0)


async def test_a_clock_behind_a_token_that_is_far_off_blames_nobody() -> None:
    device = FakeDevice(clock_login=True, skew_s=40)
    outcome, trace = await look(device.answer)
    assert outcome is Outcome.INCONCLUSIVE
    assert trace.answered
    assert trace.facts["ours"] == "device clock unknown"
    assert device.refused_logins == 1


async def test_a_wrong_password_is_seen_by_the_date_where_the_clock_is_behind_the_login() -> None:
    device = FakeDevice(clock_login=True)
    outcome, trace = await look(device.answer, WRONG)
    assert outcome is Outcome.UNAUTHORIZED
    assert trace.at_step == "clock"
    assert device.refused_logins == 1


async def test_a_refusal_without_a_date_of_a_clock_nobody_knows_blames_nobody() -> None:
    device = FakeDevice(clock_login=True, refusal_headers={"Date": "today"})
    outcome, trace = await look(device.answer, WRONG)
    assert (outcome, trace.facts["ours"]) == (Outcome.INCONCLUSIVE, "device clock unknown")


async def test_a_clock_behind_digest_is_read_although_it_is_far_off() -> None:
    device = FakeDevice(login="digest", clock_login=True, skew_s=4000)
    outcome, trace = await look(device.answer)
    assert outcome is Outcome.OK
    assert trace.facts["clock_offset_s"] == pytest.approx(4000, abs=1)


async def test_without_a_stated_time_the_date_header_is_the_clock() -> None:
    device = FakeDevice(states_utc=False)
    outcome, trace = await look(device.answer)
    assert outcome is Outcome.OK
    assert trace.facts["clock_offset_s"] == pytest.approx(0, abs=1)


WRONG = Credential(id="wrong", username=USERNAME, password="wrong")


async def test_a_token_refused_by_the_devices_own_clock_is_unauthorized() -> None:
    device = FakeDevice(skew_s=40)
    outcome, trace = await look(device.answer, WRONG)
    assert outcome is Outcome.UNAUTHORIZED
    assert trace.at_step == "device_information"
    assert device.refused_logins == 1


@pytest.mark.parametrize(("one_use", "refused"), [(False, 1), (True, 2)])
async def test_a_digest_refused_is_unauthorized_after_two_tries_at_most(one_use: bool, refused: int) -> None:
    device = FakeDevice(login="digest", one_use_nonces=one_use)

    async def answer(request: web.Request) -> web.Response:
        response = await device.answer(request)
        if not one_use and "WWW-Authenticate" in response.headers:
            # the nonce stays the same from challenge to challenge
            first = device._nonces[0]
            response.headers["WWW-Authenticate"] = response.headers["WWW-Authenticate"].replace(
                device._nonces[-1], first
            )
        return response

    outcome, _ = await look(answer, WRONG)
    assert outcome is Outcome.UNAUTHORIZED
    assert device.refused_logins == refused


async def test_a_locked_account_is_busy_and_not_refused() -> None:
    async def answer(request: web.Request) -> web.Response:
        if b"GetSystemDateAndTime" in await request.read():
            return FakeDevice._reply(200, clock_body(datetime.now(UTC)))
        return web.Response(status=401, reason="Account Locked")

    outcome, _ = await look(answer)
    assert outcome is Outcome.BUSY


@pytest.mark.parametrize("status", [200, 400, 401, 403, 500])
async def test_a_refusal_is_known_by_its_fault_whatever_its_status(status: int) -> None:
    device = FakeDevice(refusal_status=status)
    outcome, _ = await look(device.answer, WRONG)
    assert outcome is Outcome.UNAUTHORIZED


async def test_the_password_is_never_sent_in_the_clear() -> None:
    device = FakeDevice(refusal_status=401, refusal_headers={"WWW-Authenticate": 'Basic realm="x"'})
    sent: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        sent.append(request.headers.get("Authorization", "") + (await request.text()))
        return await device.answer(request)

    outcome, _ = await look(answer, WRONG)
    assert outcome is Outcome.UNAUTHORIZED
    assert not any("wrong" in text or "Basic" in text for text in sent)


def clock_then(reply: Handler) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        if b"GetSystemDateAndTime" in await request.read():
            return FakeDevice._reply(200, clock_body(datetime.now(UTC)))
        return await reply(request)

    return answer


async def test_a_password_that_a_peer_echoes_stays_out_of_the_trace() -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        body = NOT_AUTHORIZED.replace("NotAuthorized", "Busy").replace("Sender not", "password secret7 not")
        return FakeDevice._reply(400, body)

    credential = Credential(id="c", username=USERNAME, password="secret7")
    outcome, trace = await look(clock_then(echo), credential)
    assert outcome is Outcome.INCONCLUSIVE
    assert "secret7" not in repr((trace.close(), trace.facts))
    assert "***" in repr(trace.facts)


async def _redirect(request: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "http://127.0.0.2:9/elsewhere"})


async def _gzip_bomb(request: web.Request) -> web.StreamResponse:
    bomb = gzip.compress(bytes(40_000_000))
    return web.Response(body=bomb[: soap.MAX_MESSAGE_BYTES - 1], headers={"Content-Encoding": "gzip"})


async def _gzip(request: web.Request) -> web.StreamResponse:
    body = ENVELOPE.replace("{body}", DEVICE_INFORMATION).encode()
    return web.Response(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/soap+xml"})
    await response.prepare(request)
    while request.transport is not None and not request.transport.is_closing():
        await response.write(b"<a>" * 10_000)
    return response


async def _laughs(request: web.Request) -> web.StreamResponse:
    return web.Response(body=b'<!DOCTYPE s [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><s>&b;</s>')


async def _html(request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html><body>login</body></html>", content_type="text/html")


async def _missing(request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


@pytest.mark.parametrize("reply", [_redirect, _gzip, _gzip_bomb, _endless, _laughs, _html, _missing])
@pytest.mark.parametrize("to", ["clock", "device"])
async def test_what_is_not_onvif_is_noted_and_blames_nobody(reply: Handler, to: str) -> None:
    began = time.process_time()
    outcome, trace = await look(reply if to == "clock" else clock_then(reply), to=to)
    assert outcome is Outcome.INCONCLUSIVE
    assert trace.answered
    assert "not ONVIF" in str(trace.facts["noted"])
    assert time.process_time() - began < 3


async def test_a_redirect_is_not_followed() -> None:
    followed: list[str] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        followed.append(request.path)
        return web.Response()

    async with served(elsewhere) as port:

        async def redirect(request: web.Request) -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": f"http://127.0.0.1:{port}/steal"})

        outcome, _ = await look(redirect)
    assert outcome is Outcome.INCONCLUSIVE
    assert followed == []


@pytest.mark.parametrize(
    ("status", "text", "outcome"),
    [
        (503, "", Outcome.BUSY),
        (403, "online user amount has reached the threshold", Outcome.BUSY),
        (403, "forbidden", Outcome.UNAUTHORIZED),
        (500, "", Outcome.INCONCLUSIVE),
    ],
)
async def test_a_refusing_status_means_what_it_means_for_rtsp(status: int, text: str, outcome: Outcome) -> None:
    async def refuse(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text)

    assert (await look(clock_then(refuse)))[0] is outcome


@pytest.mark.parametrize(
    ("reply", "outcome", "answered"),
    [
        (None, Outcome.TIMED_OUT, False),
        (b"", Outcome.UNREACHABLE, False),
        (b"220 welcome to ftp\r\n\r\n", Outcome.REFUSED, False),
        (b"\x16\x03\x01\x00\xff" * 20, Outcome.REFUSED, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<s:Env", Outcome.UNREACHABLE, True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Outcome.REFUSED, False),
        (b"HTTP/1.1 200 OK\r\n" + b"X-Fill: y\r\n" * 5000 + b"\r\n", Outcome.REFUSED, False),
    ],
    ids=["silent", "closes", "ftp", "tls", "cut short", "negative length", "too many headers"],
)
async def test_what_the_peer_does_to_the_connection(reply: bytes | None, outcome: Outcome, answered: bool) -> None:
    trace = Trace()
    async with spoken(reply) as port, probe_of(connect_timeout_s=0.2, reply_timeout_s=0.2) as probe:
        assert await probe.check(target_at(port), trace) is outcome
    assert trace.answered is answered
    assert trace.at_step == "clock"


async def test_a_body_of_small_drops_ends_with_the_reply_timeout() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while request.transport is not None and not request.transport.is_closing():
            await response.write(b" ")
            await asyncio.sleep(0.02)
        return response

    outcome, trace = await look(drip, connect_timeout_s=0.1, reply_timeout_s=0.2)
    assert outcome is Outcome.TIMED_OUT
    assert trace.answered


async def test_a_closed_port_is_refused() -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    async with probe_of() as probe:
        trace = Trace()
        assert await probe.check(target_at(port), trace) is Outcome.REFUSED
        assert not trace.answered


async def test_a_name_that_does_not_resolve_is_ours() -> None:
    async with probe_of() as probe:
        target = Target(camera="c1", host="no-such-host.invalid", onvif_port=80)
        assert await probe.check(target, Trace()) is Outcome.INCONCLUSIVE


async def test_without_an_onvif_port_nothing_is_asked() -> None:
    async with probe_of() as probe:
        assert await probe.check(Target(camera="c1", host="127.0.0.1"), Trace()) is Outcome.INCONCLUSIVE


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    outcome, _ = await look(FakeDevice().answer)
    assert outcome is Outcome.OK


async def test_a_look_stops_when_it_is_cancelled() -> None:
    async with spoken(None) as port, probe_of() as probe:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await probe.check(target_at(port), Trace())


async def test_a_probe_can_be_used_again_after_it_was_closed() -> None:
    device = FakeDevice()
    async with served(device.answer) as port, probe_of() as probe:
        assert await probe.check(target_at(port), Trace()) is Outcome.OK
        await probe.close()
        assert await probe.check(target_at(port), Trace()) is Outcome.OK


@pytest.mark.parametrize(("channel", "path"), [(1, "main_1"), (2, "main_2")])
async def test_a_stream_address_is_turned_to_the_configured_host(channel: int, path: str) -> None:
    device = FakeDevice(skew_s=40)
    async with served(device.answer) as port, probe_of() as probe:
        found = await stream_uri(probe, target_at(port), Trace(), channel=channel)
    assert found.uri == f"rtsp://127.0.0.1:554/{path}?a=1&b=2"
    assert found.told == f"rtsp://10.9.9.9:8554/{path}?a=1&b=2"
    assert found.profile.token == path
    assert device.paths[-2:] == ["/onvif/Media", "/onvif/Media"]
    assert device.refused_logins == 0


async def test_a_channel_that_is_not_there_is_said() -> None:
    async with served(FakeDevice().answer) as port, probe_of() as probe:
        with pytest.raises(CameraAnswer, match="channel 3 of 2"):
            await stream_uri(probe, target_at(port), Trace(), channel=3)


async def test_another_client_reads_the_same_values_from_the_same_device() -> None:
    """onvif-zeep-async checks every reply against ONVIF's own WSDL files."""
    device = FakeDevice(skew_s=40)
    async with served(device.answer) as port, probe_of() as probe:
        trace = Trace()
        assert await probe.check(target_at(port), trace) is Outcome.OK
        ours = await stream_uri(probe, target_at(port), trace)
        theirs = zeep_onvif.ONVIFCamera("127.0.0.1", port, USERNAME, PASSWORD, adjust_time=True)
        try:
            await theirs.update_xaddrs()
            management = await theirs.create_devicemgmt_service()
            told = await management.GetDeviceInformation()
            media = await theirs.create_media_service()
            profiles = await media.GetProfiles()
            setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
            address = await media.GetStreamUri({"StreamSetup": setup, "ProfileToken": profiles[0].token})
        finally:
            await theirs.close()
    assert (told.Manufacturer, told.Model) == (trace.facts["maker"], trace.facts["model"])
    assert (told.FirmwareVersion, told.SerialNumber) == (trace.facts["firmware"], trace.facts["serial"])
    resolution = profiles[0].VideoEncoderConfiguration.Resolution
    assert (profiles[0].token, resolution.Width, resolution.Height) == (
        "main_1",
        ours.profile.width,
        ours.profile.height,
    )
    assert address.Uri == ours.told
