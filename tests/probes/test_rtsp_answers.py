"""What an answer means: every row of the table that the product promises, against a real socket."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from probes.answer import CameraAnswer
from probes.observation import Credential, Depth, Outcome, Target
from probes.observe import observe
from probes.probe import Probe, Trace
from probes.rtsp import RtspProbe
from probes.rtsp_session import Limits, RtspSession
from tests.probes import older_streams, streams
from tests.probes.peers import (
    PASSWORD,
    USERNAME,
    Act,
    Raw,
    Reply,
    Request,
    Script,
    Session,
    challenge,
    guarded,
    refusing_port,
    self_signed,
    serving,
    silent_port,
)

LOGIN = Credential(id="site", username=USERNAME, password=PASSWORD)
DESCRIPTION = Reply(headers=(("Content-Type", "application/sdp"),), body=streams.description("H264"))
SET_UP = Reply(
    headers=(("Session", "12345678;timeout=60"), ("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1")),
)
UNITS = streams.access_units("H264")
MPEG4_CONFIGURATION, MPEG4_PICTURES = older_streams.mpeg4_clip()
DELTA_UNITS = tuple(unit for unit in UNITS if not streams.is_key("H264", unit))


def playing(packed: list[streams.Rtp]) -> Reply:
    return Reply(headers=(("Session", "12345678"),), then=streams.interleaved(packed))


def camera(**overrides: Act | list[Act]) -> Script:
    """A camera that does everything right, but for what the case is about."""
    good: dict[str, Act | list[Act]] = {
        "DESCRIBE": DESCRIPTION,
        "SETUP": SET_UP,
        "PLAY": playing(streams.packets("H264", UNITS)),
    }
    return good | overrides


def describing(body: bytes, *headers: tuple[str, str]) -> Reply:
    return Reply(body=body, headers=headers)


def without_each(packed: list[streams.Rtp], every: int) -> list[streams.Rtp]:
    return [packet for number, packet in enumerate(packed) if number % every != every - 2]


def by_udp(refusal: int, *, overtaking: bool = False) -> Mapping[str, Act]:
    """SETUP and PLAY of a server that knows no RTP inside the connection."""
    packed = streams.packets("H264", UNITS[:2])
    if overtaking:
        packed = packed[:1] + [
            packed[number] for number in sorted(range(1, len(packed)), key=lambda number: number ^ 3)
        ]

    async def setup(request: Request, session: Session) -> Reply:
        transport = request.headers["transport"]
        if "TCP" in transport:
            return Reply(refusal, "Unsupported Transport")
        return Reply(headers=(("Session", "7"), ("Transport", f"{transport};server_port=5000-5001")))

    async def play(request: Request, session: Session) -> Reply:
        transport = session.requests[-2].headers["transport"]
        port = int(transport.partition("client_port=")[2].partition("-")[0])
        peer = session.writer.get_extra_info("peername")[0]
        family = socket.AF_INET6 if ":" in peer else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            for packet in packed:
                sender.sendto(packet.packed(), (peer, port))
        return Reply(headers=(("Session", "7"),))

    return {"SETUP": setup, "PLAY": play}


@dataclass(frozen=True, kw_only=True)
class KeyFrameProbe:
    """A look that ends with a complete key frame that decodes."""

    name: ClassVar[str] = "key_frame"
    codec: str = "H264"

    @property
    def depth(self) -> Depth:
        return Depth.PICTURE

    async def check(self, target: Target, trace: Trace) -> Outcome:
        limits = Limits(reply_timeout_s=0.4, first_rtp_timeout_s=0.4, key_frame_timeout_s=0.4)
        try:
            async with RtspSession(target, trace, limits) as session:
                await session.describe()
                await session.setup()
                await session.play()
                await session.first_packet()
                frame = await session.key_frame()
        except CameraAnswer as answer:
            return answer.outcome
        (picture,) = streams.decode(self.codec, frame.data)
        assert picture.width == streams.WIDTH
        return Outcome.OK


DESCRIBE = RtspProbe(to="describe", connect_timeout_s=0.4, reply_timeout_s=0.4)
MEDIA = RtspProbe(to="media", connect_timeout_s=0.4, reply_timeout_s=0.4, first_rtp_timeout_s=0.4)
KEY = KeyFrameProbe()


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row: what the peer does, and what must come of the look."""

    does: str
    outcome: Outcome
    step: str = "describe"
    answered: bool = True
    script: Script = field(default_factory=dict)
    greeting: Raw | None = None
    probe: Probe = DESCRIBE
    credential: Credential | None = LOGIN
    channels: int = 1
    host: str = "127.0.0.1"
    tls: bool = False
    rtsps: bool = False
    facts: Mapping[str, object] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    asked: Mapping[str, int] = field(default_factory=dict)
    """How often each method must have been asked."""


def status(code: int, reason: str | bytes = "Whatever", body: bytes = b"") -> dict[str, Act | list[Act]]:
    return {"DESCRIBE": Reply(code, reason, body=body)}


def moved(code: int, location: str) -> Act:
    """A redirect; ``{port}`` in the location becomes the peer's own."""

    async def act(request: Request, session: Session) -> Reply:
        port = session.writer.get_extra_info("sockname")[1]
        return Reply(code, "Moved", (("Location", location.format(port=port)),))

    return act


def raw(data: bytes, *, hang_up: bool = False) -> dict[str, Act | list[Act]]:
    return {"DESCRIBE": Raw(data, hang_up)}


SDP = streams.description("H264")
HEAD = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n"
SIZED = b"Content-Length: %d\r\n\r\n" % len(SDP) + SDP

CASES = [
    # nothing there, or nothing that speaks
    Case(does="accepts, then says nothing", script=raw(b""), outcome=Outcome.TIMED_OUT, answered=False),
    Case(
        does="greets like an SSH server",
        greeting=Raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
        outcome=Outcome.REFUSED,
        answered=False,
    ),
    Case(does="answers with binary garbage", script=raw(bytes(range(1, 33))), outcome=Outcome.REFUSED, answered=False),
    Case(does="closes without a word", script=raw(b"", hang_up=True), outcome=Outcome.UNREACHABLE, answered=False),
    Case(
        does="closes in the middle of a status line",
        script=raw(b"RTSP/1", hang_up=True),
        outcome=Outcome.UNREACHABLE,
        answered=False,
    ),
    Case(does="closes in the middle of a reply", script=raw(HEAD + b"Con", hang_up=True), outcome=Outcome.UNREACHABLE),
    Case(
        does="closes in the middle of a body", script=raw(HEAD + SIZED[:-9], hang_up=True), outcome=Outcome.UNREACHABLE
    ),
    Case(
        does="closes after PLAY",
        script=camera(PLAY=Raw(HEAD + b"\r\n", hang_up=True)),
        probe=MEDIA,
        outcome=Outcome.UNREACHABLE,
        step="first_rtp",
    ),
    Case(
        does="is a web server",
        script=raw(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 9\r\n\r\n<html>..."),
        outcome=Outcome.NO_STREAM,
    ),
    # OPTIONS
    Case(
        does="answers OPTIONS 405",
        script=camera(OPTIONS=Reply(405, "No")),
        probe=MEDIA,
        outcome=Outcome.OK,
        step="teardown",
    ),
    Case(
        does="answers OPTIONS not at all",
        script=camera(OPTIONS=Raw()),
        probe=MEDIA,
        outcome=Outcome.OK,
        step="teardown",
    ),
    # login
    Case(
        does="401, we have no credential",
        script={"DESCRIBE": challenge()},
        credential=None,
        outcome=Outcome.INCONCLUSIVE,
        facts={"ours": "no credential"},
        asked={"DESCRIBE": 1},
    ),
    Case(
        does="401 with a scheme nobody knows",
        outcome=Outcome.INCONCLUSIVE,
        facts={"ours": "unknown login scheme"},
        script={"DESCRIBE": Reply(401, "No", (("WWW-Authenticate", 'Digest realm="r", nonce="n", algorithm=X-1'),))},
    ),
    Case(does="401 without a challenge", script=status(401), outcome=Outcome.UNAUTHORIZED, asked={"DESCRIBE": 1}),
    Case(
        does="401, then the right answer",
        script={"DESCRIBE": guarded(DESCRIPTION, [challenge()])},
        outcome=Outcome.OK,
        asked={"DESCRIBE": 2},
    ),
    Case(
        does="401 with stale=true: once more",
        outcome=Outcome.OK,
        asked={"DESCRIBE": 3},
        script={"DESCRIBE": guarded(DESCRIPTION, [challenge("n1"), challenge("n1", stale="true")])},
    ),
    Case(
        does="401 with a new nonce: once more",
        outcome=Outcome.OK,
        asked={"DESCRIBE": 3},
        script={"DESCRIBE": guarded(DESCRIPTION, [challenge("n1"), challenge("n2")])},
    ),
    Case(
        does="401 with a new nonce every time: never a third answer",
        outcome=Outcome.UNAUTHORIZED,
        script={"DESCRIBE": [challenge(f"n{number}") for number in range(9)]},
        asked={"DESCRIBE": 3},
    ),
    Case(
        does="401 after a right answer",
        script={"DESCRIBE": challenge()},
        outcome=Outcome.UNAUTHORIZED,
        asked={"DESCRIBE": 2},
    ),
    Case(
        does="401 after a Basic login",
        outcome=Outcome.UNAUTHORIZED,
        asked={"DESCRIBE": 2},
        script={"DESCRIBE": Reply(401, "No", (("WWW-Authenticate", 'Basic realm="r"'),))},
    ),
    Case(
        does="401 because the account is locked",
        outcome=Outcome.BUSY,
        asked={"DESCRIBE": 2},
        script={"DESCRIBE": [challenge(), Reply(401, "User is locked", challenge().headers)]},
    ),
    Case(
        does="401 again at SETUP, with the nonce of that request",
        probe=MEDIA,
        outcome=Outcome.OK,
        step="teardown",
        script=camera(DESCRIBE=guarded(DESCRIPTION, [challenge("n1")]), SETUP=guarded(SET_UP, [challenge("n2")])),
    ),
    # refusals
    Case(
        does="403 online user amount has reached the threshold",
        outcome=Outcome.BUSY,
        script=status(403, "Forbidden", body=b"online user amount has reached the threshold"),
    ),
    Case(does="403 Too many users", script=status(403, "Too many users"), outcome=Outcome.BUSY),
    Case(does="403 in GBK: 用户数已达上限", script=status(403, "用户数已达上限".encode("gbk")), outcome=Outcome.BUSY),
    Case(does="403 otherwise", script=status(403, "Forbidden"), outcome=Outcome.UNAUTHORIZED),
    Case(does="453", script=status(453, "Not Enough Bandwidth"), outcome=Outcome.BUSY),
    Case(
        does="453 at SETUP",
        script=camera(SETUP=Reply(453, "Not Enough Bandwidth")),
        probe=MEDIA,
        outcome=Outcome.BUSY,
        step="setup",
    ),
    Case(does="503", script=status(503), outcome=Outcome.BUSY),
    Case(does="500 from an address with several channels", script=status(500), channels=32, outcome=Outcome.BUSY),
    Case(does="500 from a single camera", script=status(500), outcome=Outcome.NO_STREAM),
    Case(does="404", script=status(404), outcome=Outcome.NO_STREAM),
    Case(does="454", script=status(454), outcome=Outcome.NO_STREAM),
    Case(does="455", script=status(455), outcome=Outcome.NO_STREAM),
    Case(does="459", script=status(459), outcome=Outcome.NO_STREAM),
    Case(does="400 at DESCRIBE", script=status(400), outcome=Outcome.NO_STREAM),
    Case(
        does="404 at PLAY",
        script=camera(PLAY=Reply(404, "Gone")),
        probe=MEDIA,
        outcome=Outcome.NO_STREAM,
        step="play",
        asked={"TEARDOWN": 1},
    ),
    # redirects
    *(
        Case(
            does=f"{code} to another path of the same host: followed",
            script=camera(DESCRIBE=[moved(code, "rtsp://127.0.0.1:{port}/other"), DESCRIPTION]),
            outcome=Outcome.OK,
            asked={"DESCRIBE": 2},
        )
        for code in (301, 302, 305)
    ),
    Case(
        does="302 to a path alone: followed",
        script=camera(DESCRIBE=[moved(302, "/other"), DESCRIPTION]),
        outcome=Outcome.OK,
        asked={"DESCRIBE": 2},
    ),
    Case(
        does="302 twice: followed once",
        script=camera(DESCRIBE=moved(302, "rtsp://127.0.0.1:{port}/other")),
        outcome=Outcome.NO_STREAM,
        facts={"noted": ["redirected again"]},
        asked={"DESCRIBE": 2},
    ),
    Case(
        does="302 to another host",
        script=camera(DESCRIBE=moved(302, "rtsp://127.0.0.2:{port}/live")),
        outcome=Outcome.NO_STREAM,
        facts={"noted": ["redirected elsewhere"]},
        asked={"DESCRIBE": 1},
    ),
    Case(
        does="302 to a web page",
        script=camera(DESCRIBE=moved(302, "http://127.0.0.1:{port}/")),
        outcome=Outcome.NO_STREAM,
        facts={"noted": ["redirected elsewhere"]},
    ),
    Case(
        does="302 from RTSPS down to RTSP",
        tls=True,
        script=camera(DESCRIBE=moved(302, "rtsp://127.0.0.1:{port}/live")),
        outcome=Outcome.NO_STREAM,
        facts={"noted": ["redirected elsewhere"]},
        asked={"DESCRIBE": 1},
    ),
    Case(
        does="302 to port 0",
        script=camera(DESCRIBE=moved(302, "rtsp://127.0.0.1:0/live")),
        outcome=Outcome.NO_STREAM,
        asked={"DESCRIBE": 1},
    ),
    Case(does="302 to nonsense", script=camera(DESCRIBE=moved(302, "rtsp://[::1/")), outcome=Outcome.NO_STREAM),
    # odd, but right
    Case(
        does="200 with an odd reason", script=raw(b"RTSP/1.0 200 \xff\xfe!?\r\nCSeq: 1\r\n" + SIZED), outcome=Outcome.OK
    ),
    Case(does="200 without a reason", script=raw(b"RTSP/1.0 200\r\nCSeq: 1\r\n" + SIZED), outcome=Outcome.OK),
    Case(
        does="200 with lower-case headers",
        script=raw(HEAD.replace(b"CSeq", b"cseq") + SIZED.lower()[:20] + SIZED[20:]),
        outcome=Outcome.OK,
    ),
    Case(
        does="200 with LF line ends",
        script=raw(
            (HEAD + SIZED).replace(b"\r\n", b"\n").replace(b"%d" % len(SDP), b"%d" % len(SDP.replace(b"\r\n", b"\n")))
        ),
        outcome=Outcome.OK,
    ),
    Case(does="200 without CSeq", script=raw(b"RTSP/1.0 200 OK\r\n" + SIZED), outcome=Outcome.OK),
    Case(
        does="100 before 200",
        script=raw(b"RTSP/1.0 100 Continue\r\nCSeq: 1\r\n\r\n" + HEAD + SIZED),
        outcome=Outcome.OK,
    ),
    Case(
        does="a request of its own before the reply",
        outcome=Outcome.OK,
        script=raw(b"OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n" + HEAD + SIZED),
    ),
    # descriptions
    Case(
        does="SDP without a video medium",
        outcome=Outcome.NO_STREAM,
        script={"DESCRIBE": describing(streams.plain_description("PCMA", payload_type=8, media="audio"))},
    ),
    Case(
        does="several media: the first video",
        script=camera(DESCRIBE=describing(SDP + streams.plain_description("H265").partition(b"\r\n")[2])),
        probe=KEY,
        outcome=Outcome.OK,
        step="teardown",
        facts={"codec": "H264"},
    ),
    Case(
        does="a body longer than Content-Length says",
        outcome=Outcome.NO_STREAM,
        probe=MEDIA,
        step="setup",
        script=camera(DESCRIBE=Raw(HEAD + b"Content-Length: %d\r\n\r\n" % (len(SDP) - 4) + SDP[:-4] + b"junk\r\n")),
    ),
    Case(does="a body without Content-Length", script=raw(HEAD + b"\r\n" + SDP), outcome=Outcome.NO_STREAM),
    Case(does="no body at all", script=raw(HEAD + b"\r\n"), outcome=Outcome.NO_STREAM),
    Case(does="a negative Content-Length", script=raw(HEAD + b"Content-Length: -5\r\n\r\n"), outcome=Outcome.NO_STREAM),
    Case(
        does="a giant Content-Length",
        script=raw(HEAD + b"Content-Length: 99999999999\r\n\r\n"),
        outcome=Outcome.NO_STREAM,
    ),
    Case(does="a line of 9 KiB", script=raw(HEAD + b"X: " + b"y" * 9000), outcome=Outcome.NO_STREAM),
    Case(does="100 headers", script=raw(HEAD + b"X: y\r\n" * 100 + b"\r\n"), outcome=Outcome.NO_STREAM),
    # transports
    Case(
        does="SETUP interleaved 461: by UDP",
        script=camera(**by_udp(461)),
        probe=KEY,
        outcome=Outcome.OK,
        step="teardown",
        facts={"transport": "udp"},
    ),
    Case(
        does="datagrams that overtake each other",
        script=camera(**by_udp(461, overtaking=True)),
        probe=KEY,
        outcome=Outcome.OK,
        step="teardown",
    ),
    Case(
        does="SETUP interleaved 400: by UDP",
        script=camera(**by_udp(400)),
        probe=KEY,
        outcome=Outcome.OK,
        step="teardown",
        facts={"transport": "udp"},
    ),
    Case(
        does="SETUP interleaved 501: by UDP",
        script=camera(**by_udp(501)),
        probe=KEY,
        outcome=Outcome.OK,
        step="teardown",
        facts={"transport": "udp"},
    ),
    Case(
        does="SETUP 461 for both transports",
        script=camera(SETUP=Reply(461, "No")),
        probe=MEDIA,
        outcome=Outcome.NO_STREAM,
        step="setup",
        asked={"SETUP": 2},
    ),
    Case(
        does="another interleaved channel than asked for",
        probe=KEY,
        outcome=Outcome.OK,
        step="teardown",
        script=camera(
            SETUP=Reply(headers=(("Session", "1"), ("Transport", "RTP/AVP/TCP;interleaved=4-5"))),
            PLAY=Reply(then=streams.interleaved(streams.packets("H264", UNITS), channel=4)),
        ),
    ),
    Case(
        does="a session without an id",
        script=camera(SETUP=Reply()),
        probe=KEY,
        outcome=Outcome.OK,
        step="teardown",
    ),
    Case(does="an IPv6 literal", host="::1", script=camera(), probe=KEY, outcome=Outcome.OK, step="teardown"),
    Case(
        does="an IPv6 literal with a zone id",
        host="::1%1",
        script=camera(),
        probe=KEY,
        outcome=Outcome.OK,
        step="teardown",
    ),
    Case(does="IPv6 by UDP", host="::1", script=camera(**by_udp(461)), probe=KEY, outcome=Outcome.OK, step="teardown"),
    Case(
        does="RTSPS with a self-signed certificate",
        tls=True,
        script=camera(),
        probe=KEY,
        outcome=Outcome.OK,
        step="teardown",
        facts={"certificate_sha256": self_signed()[1]},
    ),
    Case(
        does="RTSPS configured, and the peer speaks no TLS",
        rtsps=True,
        greeting=Raw(b"hello\r\n"),
        outcome=Outcome.REFUSED,
        step="tls",
        answered=False,
    ),
    Case(
        does="RTSPS configured, and the peer closes",
        rtsps=True,
        greeting=Raw(hang_up=True),
        outcome=Outcome.REFUSED,
        step="tls",
        answered=False,
    ),
    Case(
        does="RTSPS configured, and the peer says nothing",
        rtsps=True,
        outcome=Outcome.TIMED_OUT,
        step="tls",
        answered=False,
    ),
    # streams
    Case(
        does="PLAY 200, no RTP",
        script=camera(PLAY=Reply()),
        probe=MEDIA,
        outcome=Outcome.NO_STREAM,
        step="first_rtp",
        asked={"TEARDOWN": 1},
    ),
    Case(
        does="PLAY 200, only RTCP and rubbish",
        probe=MEDIA,
        outcome=Outcome.NO_STREAM,
        step="first_rtp",
        script=camera(PLAY=Reply(then=b"$\1\0\4\x80\xc8\0\1" + b"$\0\0\4junk")),
    ),
    Case(
        does="the first packet before the reply to PLAY",
        probe=KEY,
        outcome=Outcome.OK,
        step="teardown",
        script=camera(PLAY=Raw(streams.interleaved(streams.packets("H264", UNITS)) + HEAD + b"\r\n")),
    ),
    Case(
        does="gaps inside every key frame",
        probe=KEY,
        outcome=Outcome.BAD_PICTURE,
        step="key_frame",
        script=camera(PLAY=playing(without_each(streams.packets("H264", UNITS), 4))),
        faults=("corrupted",),
        facts={"gapped_key_frames": 3},
    ),
    Case(
        does="RTP, no key frame",
        probe=KEY,
        outcome=Outcome.INCONCLUSIVE,
        step="key_frame",
        script=camera(PLAY=playing(streams.packets("H264", DELTA_UNITS))),
    ),
    Case(
        does="a codec without a decoder here (SVAC)",
        probe=MEDIA,
        outcome=Outcome.OK,
        step="teardown",
        script=camera(DESCRIBE=describing(streams.plain_description("SVAC"))),
        facts={"codec": "SVAC", "noted": ["undecodable"]},
    ),
    Case(
        does="an encrypted stream",
        probe=MEDIA,
        outcome=Outcome.OK,
        step="teardown",
        script=camera(DESCRIBE=describing(streams.plain_description("H264", profile="RTP/SAVP"))),
        facts={"noted": ["undecodable"]},
    ),
    Case(
        does="SPS and PPS only in the SDP",
        probe=KEY,
        outcome=Outcome.OK,
        step="teardown",
        script=camera(PLAY=playing(streams.packets("H264", streams.without_parameter_sets("H264", UNITS)))),
    ),
    Case(
        does="VPS, SPS and PPS only in the SDP",
        probe=KeyFrameProbe(codec="H265"),
        outcome=Outcome.OK,
        step="teardown",
        facts={"codec": "H265"},
        script=camera(
            DESCRIBE=describing(streams.description("H265")),
            PLAY=playing(streams.packets("H265", streams.without_parameter_sets("H265", streams.access_units("H265")))),
        ),
    ),
    Case(
        does="VPS, SPS and PPS only in the stream",
        probe=KeyFrameProbe(codec="H265"),
        outcome=Outcome.OK,
        step="teardown",
        script=camera(
            DESCRIBE=describing(streams.description("H265", sprop=False)),
            PLAY=playing(streams.packets("H265", streams.access_units("H265"))),
        ),
    ),
    Case(
        does="MJPEG (payload 26)",
        probe=KeyFrameProbe(codec="JPEG"),
        outcome=Outcome.OK,
        step="teardown",
        facts={"codec": "JPEG"},
        script=camera(
            DESCRIBE=describing(b"v=0\r\nm=video 0 RTP/AVP 26\r\na=control:trackID=1\r\n"),
            PLAY=playing(
                older_streams.packets(
                    [older_streams.jpeg_payloads(older_streams.jpeg(50), 50)],
                    payload_type=older_streams.JPEG_PAYLOAD_TYPE,
                )
            ),
        ),
    ),
    Case(
        does="MPEG-4 part 2",
        probe=KeyFrameProbe(codec="MP4V-ES"),
        outcome=Outcome.OK,
        step="teardown",
        facts={"codec": "MP4V-ES"},
        script=camera(
            DESCRIBE=describing(
                streams.plain_description("MP4V-ES") + f"a=fmtp:96 config={MPEG4_CONFIGURATION.hex()}\r\n".encode()
            ),
            PLAY=playing(
                older_streams.packets(
                    [older_streams.mpeg4_payloads(picture) for picture in MPEG4_PICTURES], payload_type=96
                )
            ),
        ),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.does for case in CASES])
async def test_every_answer_has_its_outcome(case: Case) -> None:
    tls = self_signed()[0] if case.tls else None
    async with serving(case.script, greeting=case.greeting, host=case.host.partition("%")[0], tls=tls) as peer:
        target = Target(
            camera="c1",
            host=case.host,
            rtsp_port=peer.port,
            rtsp_path="/live/ch1",
            rtsps=case.tls or case.rtsps,
            credential=case.credential,
            channels_at_address=case.channels,
        )
        observation = await observe(case.probe, target, at=0.0)
    assert (observation.outcome, observation.step) == (case.outcome, case.step), observation.steps
    assert observation.answered is case.answered
    assert observation.faults == case.faults
    assert {name: observation.facts.get(name) for name in case.facts} == dict(case.facts)
    assert {method: len(peer.asked(method)) for method in case.asked} == dict(case.asked)
    assert PASSWORD not in repr(observation)


async def test_a_host_that_answers_no_syn_is_unreachable() -> None:
    with silent_port() as port:
        observation = await observe(DESCRIBE, Target(camera="c1", host="127.0.0.1", rtsp_port=port), at=0.0)
    assert (observation.outcome, observation.step, observation.answered) == (Outcome.UNREACHABLE, "connect", False)


async def test_a_reset_on_connect_is_refused() -> None:
    with refusing_port() as port:
        observation = await observe(DESCRIBE, Target(camera="c1", host="127.0.0.1", rtsp_port=port), at=0.0)
    assert (observation.outcome, observation.step, observation.answered) == (Outcome.REFUSED, "connect", False)
