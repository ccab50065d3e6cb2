"""Peers that mean harm, on real sockets: each look ends by its own bound, and no other look notices."""

from __future__ import annotations

import asyncio
import gzip
import socket
import tracemalloc
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count

import pytest
import uvloop
from aiohttp.client_proto import ResponseHandler

from probes.answer import CameraAnswer
from probes.image.judgement import Judged, PictureJob, PictureJudgement
from probes.observation import Credential, Observation, Outcome, Target
from probes.observe import observe
from probes.onvif import OnvifProbe
from probes.picture import PictureProbe
from probes.probe import Probe, Trace
from probes.rtsp import RtspProbe
from probes.rtsp_session import KeyFrame, Limits, RtspSession
from probes.wire import soap
from probes.wire.assembler import MAX_PICTURE
from probes.wire.sdp import MAX_CONTROL
from tests.probes import streams
from tests.probes.peers import PASSWORD, USERNAME, Act, Raw, Reply, Request, Script, Session, challenge, serving

LOGIN = Credential(id="site", username=USERNAME, password=PASSWORD)
UNITS = streams.access_units("H264")
SDP = streams.description("H264")
DESCRIPTION = Reply(body=SDP)
SET_UP = Reply(headers=(("Session", "7"), ("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1")))
HEAD = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n"
MIB = 1024 * 1024
CHUNK = 64 * 1024
EARLY = Limits().max_early_bytes + 4 * CHUNK
"""What a look takes in before its stream at most, and the piece it was reading when it had enough."""


class Sound:
    """A decoder that finds every picture sound."""

    async def judge(self, job: PictureJob) -> PictureJudgement:
        return PictureJudgement(judged=Judged.JUDGED, width=640, height=360, jpeg=b"\xff\xd8")


DESCRIBE = RtspProbe(to="describe", connect_timeout_s=0.5, reply_timeout_s=0.5)
PATIENT_DESCRIBE = replace(DESCRIBE, reply_timeout_s=20.0)
PICTURE = PictureProbe(
    decoder=Sound(),
    now=lambda: 5000.0,
    connect_timeout_s=0.5,
    reply_timeout_s=0.5,
    first_rtp_timeout_s=0.5,
    key_frame_timeout_s=0.5,
)
PATIENT = replace(PICTURE, reply_timeout_s=20.0, first_rtp_timeout_s=20.0, key_frame_timeout_s=20.0)
"""Such looks end by their budgets, and not by the clock."""


def flooding(begin: bytes, piece: bytes) -> Act:
    """Sends ``piece`` without end, as fast as it is taken."""
    pieces = piece * max(1, CHUNK // len(piece))

    async def act(request: Request, session: Session) -> Raw:
        session.writer.write(begin)
        while not session.writer.is_closing():
            session.writer.write(pieces)
            await session.writer.drain()
            await asyncio.sleep(0)
        raise ConnectionAbortedError

    return act


def dripping(begin: bytes, drop: bytes) -> Act:
    """Sends ``drop`` every few milliseconds, for ever."""

    async def act(request: Request, session: Session) -> Raw:
        session.writer.write(begin)
        while not session.writer.is_closing():
            session.writer.write(drop)
            await asyncio.sleep(0.01)
        raise ConnectionAbortedError

    return act


def playing(**overrides: Act | list[Act]) -> Script:
    """A camera that does everything right, but for what the case is about."""
    frames = streams.interleaved(streams.packets("H264", UNITS))
    good: dict[str, Act | list[Act]] = {"DESCRIBE": DESCRIPTION, "SETUP": SET_UP, "PLAY": Reply(then=frames)}
    return good | overrides


def streaming(payload: Callable[[int], bytes]) -> Script:
    """A camera whose stream is one picture without end; ``payload`` makes that of the packet with a number."""

    async def play(request: Request, session: Session) -> Raw:
        session.writer.write(HEAD + b"\r\n")
        for first in count(0, 64):
            numbers = range(first, first + 64)
            packets = [streams.Rtp(sequence=number, timestamp=0, payload=payload(number)) for number in numbers]
            session.writer.write(streams.interleaved(packets))
            await session.writer.drain()
            await asyncio.sleep(0)
            if session.writer.is_closing():
                break
        raise ConnectionAbortedError

    return playing(PLAY=play)


def sdp_with(*lines: bytes) -> Reply:
    return Reply(body=b"".join(line + b"\r\n" for line in (b"v=0", b"m=video 0 RTP/AVP 96", *lines)))


@dataclass(frozen=True, kw_only=True)
class Case:
    """What the peer does, what comes of the look, and how much of it is taken in."""

    does: str
    script: Script = field(default_factory=dict)
    greeting: Raw | None = None
    outcome: Outcome
    step: str = "describe"
    said: str = ""
    answered: bool = True
    probe: Probe = PATIENT_DESCRIBE
    most_bytes: int = EARLY
    most_memory: int | None = None
    """Beyond what was there before; None where nothing is kept that could grow, since to watch it is slow."""
    asked: Mapping[str, int] = field(default_factory=dict)


def describing(act: Act) -> Script:
    return {"DESCRIBE": act}


CASES = [
    # heads
    Case(
        does="headers without end",
        most_memory=3 * MIB,
        script=describing(flooding(HEAD, b"X-Fill: y\r\n")),
        outcome=Outcome.NO_STREAM,
        said="a head of more than 65536 bytes",
    ),
    Case(
        does="a line without end",
        most_memory=3 * MIB,
        script=describing(flooding(HEAD + b"X: ", b"y")),
        outcome=Outcome.NO_STREAM,
        said="a line of more than 8192 bytes",
    ),
    Case(
        does="headers without end and without a status line",
        script=describing(flooding(b"", b"X-Fill: y\r\n")),
        outcome=Outcome.REFUSED,
        answered=False,
    ),
    Case(
        does="blank lines without end",
        script=describing(flooding(b"", b"\r\n")),
        outcome=Outcome.REFUSED,
        answered=False,
        said="more than 524288 bytes",
    ),
    Case(
        does="interim answers without end",
        script=describing(flooding(b"", b"RTSP/1.0 100 Continue\r\n\r\n")),
        outcome=Outcome.NO_STREAM,
        said="more than 256 messages",
    ),
    Case(
        does="requests of its own without end",
        script=describing(flooding(b"", b"OPTIONS * RTSP/1.0\r\n\r\n")),
        outcome=Outcome.REFUSED,
        answered=False,
        said="more than 256 messages",
    ),
    # drips
    Case(
        does="a status line in drips",
        script=describing(dripping(b"RTSP/1.0 200 ", b"x")),
        probe=DESCRIBE,
        outcome=Outcome.TIMED_OUT,
        answered=False,
    ),
    Case(
        does="headers in drips",
        script=describing(dripping(HEAD, b"X: y\r\n")),
        probe=DESCRIBE,
        outcome=Outcome.TIMED_OUT,
    ),
    Case(
        does="a body in drips",
        script=describing(dripping(HEAD + b"Content-Length: 60000\r\n\r\n", b"v")),
        probe=DESCRIBE,
        outcome=Outcome.TIMED_OUT,
    ),
    Case(
        does="interim answers in drips",
        script=describing(dripping(b"", b"RTSP/1.0 100 Continue\r\n\r\n")),
        probe=DESCRIBE,
        outcome=Outcome.TIMED_OUT,
    ),
    # bodies
    Case(
        does="a body of 99 GB",
        most_memory=3 * MIB,
        script=describing(flooding(HEAD + b"Content-Length: 99999999999\r\n\r\n", b"v")),
        outcome=Outcome.NO_STREAM,
    ),
    Case(
        does="a body just above the bound",
        most_memory=3 * MIB,
        script=describing(flooding(HEAD + b"Content-Length: 65537\r\n\r\n", b"v")),
        outcome=Outcome.NO_STREAM,
        said="a body of 65537 bytes, more than 65536",
    ),
    Case(
        does="a gzip bomb, which nobody inflates",
        most_memory=3 * MIB,
        script=describing(Reply(headers=(("Content-Encoding", "gzip"),), body=gzip.compress(bytes(40 * MIB))[:60_000])),
        outcome=Outcome.NO_STREAM,
        said="the description has no video",
    ),
    # interleaved garbage where a reply is due
    Case(
        does="empty frames in place of an answer",
        script=describing(flooding(b"", b"$\0\0\0")),
        outcome=Outcome.REFUSED,
        answered=False,
        said="more than 65536 packets",
    ),
    Case(
        does="the largest frames in place of an answer",
        most_memory=3 * MIB,
        script=describing(flooding(b"", b"$\1\xff\xff" + bytes(0xFFFF))),
        outcome=Outcome.REFUSED,
        answered=False,
        said="more than 524288 bytes",
    ),
    Case(
        does="empty frames in place of the answer to SETUP",
        script=playing(SETUP=flooding(b"", b"$\0\0\0")),
        probe=PATIENT,
        outcome=Outcome.NO_STREAM,
        step="setup",
    ),
    # numbers
    Case(
        does="a negative CSeq",
        script=describing(Raw(_sized := b"RTSP/1.0 200 OK\r\nCSeq: -1\r\nContent-Length: %d\r\n\r\n" % len(SDP) + SDP)),
        outcome=Outcome.OK,
    ),
    Case(does="a CSeq of 8000 digits", script=describing(Raw(_sized.replace(b"-1", b"9" * 8000))), outcome=Outcome.OK),
    Case(
        does="a status of many digits",
        script=describing(Raw(b"RTSP/1.0 " + b"2" * 5000 + b"\r\n\r\n")),
        outcome=Outcome.REFUSED,
        answered=False,
    ),
    # descriptions
    Case(
        does="ten thousand media, none of them video",
        most_memory=3 * MIB,
        script=describing(Reply(body=b"v=0\r\n" + b"m=a\r\n" * 10_000)),
        outcome=Outcome.NO_STREAM,
        said="the description has no video",
    ),
    Case(
        does="a video before ten thousand media",
        script=describing(Reply(body=SDP + b"m=a\r\n" * 10_000)),
        outcome=Outcome.OK,
    ),
    Case(
        does="64 KB of base64 for parameter sets",
        most_memory=3 * MIB,
        script=playing(
            DESCRIBE=sdp_with(b"a=rtpmap:96 H264/90000", b"a=fmtp:96 sprop-parameter-sets=" + b"Z0IA," * 12_000)
        ),
        probe=PATIENT,
        outcome=Outcome.OK,
        step="teardown",
        most_bytes=MIB,
    ),
    Case(
        does="one parameter set of 60 KB",
        script=playing(
            DESCRIBE=sdp_with(b"a=rtpmap:96 H264/90000", b"a=fmtp:96 sprop-parameter-sets=Z0IA" + b"A" * 60_000)
        ),
        probe=PATIENT,
        outcome=Outcome.OK,
        step="teardown",
        most_bytes=MIB,
    ),
    # logins and redirects
    Case(
        does="a new nonce for every request",
        script={"DESCRIBE": [challenge(f"n{number}") for number in range(50)]},
        outcome=Outcome.UNAUTHORIZED,
        asked={"DESCRIBE": 3},
    ),
    Case(
        does="a stale nonce for ever",
        script={"DESCRIBE": challenge(stale="true")},
        outcome=Outcome.UNAUTHORIZED,
        asked={"DESCRIBE": 3},
    ),
    Case(
        does="thousands of challenges",
        most_memory=3 * MIB,
        script=describing(Reply(401, "No", tuple(("WWW-Authenticate", "a," * 4000) for _ in range(8)))),
        outcome=Outcome.INCONCLUSIVE,
        asked={"DESCRIBE": 1},
    ),
    Case(
        does="a challenge of blanks",
        script=describing(
            Reply(401, "No", tuple(("WWW-Authenticate", 'Digest realm="r"' + " " * 8000 + "!") for _ in range(8)))
        ),
        outcome=Outcome.UNAUTHORIZED,
        asked={"DESCRIBE": 2},
    ),
    Case(
        does="a redirect to itself for ever",
        script=describing(Reply(302, "Moved", (("Location", "/again"),))),
        outcome=Outcome.NO_STREAM,
        asked={"DESCRIBE": 2},
    ),
    Case(
        does="a redirect elsewhere",
        script=describing(Reply(302, "Moved", (("Location", "rtsp://127.0.0.2:1/x"),))),
        outcome=Outcome.NO_STREAM,
        asked={"DESCRIBE": 1},
    ),
    Case(
        does="a redirect to a path of 8000 characters and back",
        script=describing(Reply(302, "Moved", (("Location", "/" + "x" * 8000),))),
        outcome=Outcome.NO_STREAM,
        asked={"DESCRIBE": 2},
    ),
    # streams
    Case(
        does="empty frames without end",
        script=playing(PLAY=flooding(HEAD + b"\r\n", b"$\0\0\0")),
        probe=PATIENT,
        outcome=Outcome.INCONCLUSIVE,
        step="first_rtp",
        said="more than 65536 packets",
    ),
    Case(
        does="frames of a channel that nobody asked for",
        script=playing(PLAY=flooding(HEAD + b"\r\n", b"$\7\0\1x")),
        probe=PATIENT,
        outcome=Outcome.INCONCLUSIVE,
        step="first_rtp",
        said="more than 65536 packets",
    ),
    Case(
        does="tiny packets without end",
        script=streaming(lambda number: b"\x01\x80"),
        probe=PATIENT,
        outcome=Outcome.INCONCLUSIVE,
        step="key_frame",
        said="more than 65536 packets",
        most_bytes=2 * MIB,
    ),
    Case(
        does="pictures without a key frame without end",
        script=playing(PLAY=flooding(HEAD + b"\r\n", streams.interleaved(streams.packets("H264", UNITS[1:4])))),
        probe=PATIENT,
        outcome=Outcome.INCONCLUSIVE,
        step="key_frame",
        most_bytes=Limits().max_bytes + 4 * CHUNK,
    ),
    Case(
        does="a key frame without end",
        script=streaming(lambda number: b"\x65\x88" + bytes(8000)),
        probe=PATIENT,
        outcome=Outcome.INCONCLUSIVE,
        step="key_frame",
        said=f"more than {Limits().max_bytes} bytes",
        most_bytes=Limits().max_bytes + 4 * CHUNK,
        most_memory=2 * MAX_PICTURE,
    ),
    Case(
        does="a new parameter set with every packet",
        script=streaming(lambda number: b"\x68" + (4096 + number % 4096 << 7).to_bytes(4)),
        probe=PATIENT,
        outcome=Outcome.INCONCLUSIVE,
        step="key_frame",
        most_bytes=2 * MIB,
    ),
    Case(
        does="aggregates of nothing",
        script=streaming(lambda number: b"\x18" + bytes(60_000)),
        probe=PATIENT,
        outcome=Outcome.INCONCLUSIVE,
        step="key_frame",
        most_bytes=Limits().max_bytes + 4 * CHUNK,
    ),
    Case(
        does="answers without end beside the stream",
        script=playing(PLAY=flooding(HEAD + b"\r\n", b"RTSP/1.0 200 OK\r\n\r\n")),
        probe=PATIENT,
        outcome=Outcome.NO_STREAM,
        step="first_rtp",
        said="more than 256 messages",
    ),
    Case(
        does="a stream in drips that are no packets",
        script=playing(PLAY=dripping(HEAD + b"\r\n", b"$\0\0\1x")),
        probe=PICTURE,
        outcome=Outcome.NO_STREAM,
        step="first_rtp",
    ),
]


async def look(case: Case) -> tuple[Observation, dict[str, int]]:
    async with serving(case.script, greeting=case.greeting) as peer:
        target = Target(camera="c1", host="127.0.0.1", rtsp_port=peer.port, rtsp_path="/live/ch1", credential=LOGIN)
        observation = await observe(case.probe, target, at=0.0, deadline_s=60.0)
    return observation, {method: len(peer.asked(method)) for method in case.asked}


@pytest.mark.parametrize("case", CASES, ids=[case.does for case in CASES])
async def test_a_hostile_camera_ends_its_look_and_accuses_nobody_but_itself(case: Case) -> None:
    if case.most_memory is not None:
        tracemalloc.start()
    try:
        observation, asked = await look(case)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (observation.outcome, observation.step) == (case.outcome, case.step), observation.steps
    assert observation.answered is case.answered
    assert case.said in observation.steps[-1].said
    assert observation.facts.get("ours") != "probe error"
    assert isinstance(taken := observation.facts["bytes"], int)
    assert taken <= case.most_bytes
    assert peak <= (case.most_memory or 0)
    assert asked == dict(case.asked)


async def all_at_once() -> tuple[set[Outcome], list[Outcome]]:
    async with serving(playing()) as sound:
        target = Target(camera="good", host="127.0.0.1", rtsp_port=sound.port, rtsp_path="/live", credential=LOGIN)
        hostile = asyncio.gather(*(look(case) for case in ENDING_BY_BUDGET))
        good = await asyncio.gather(*(observe(PATIENT, target, at=0.0, deadline_s=60.0) for _ in range(20)))
        seen = await hostile
    return {observation.outcome for observation in good}, [observation.outcome for observation, _ in seen]


ENDING_BY_BUDGET = [case for case in CASES if case.probe not in (DESCRIBE, PICTURE)]


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_all_of_them_at_once_cost_the_others_nothing(run: Callable[..., tuple[set[Outcome], list[Outcome]]]) -> None:
    good, hostile = run(all_at_once())
    assert good == {Outcome.OK}
    assert hostile == [case.outcome for case in ENDING_BY_BUDGET]


async def test_a_control_url_of_60_kb_does_not_become_a_request() -> None:
    script = playing(DESCRIBE=sdp_with(b"a=rtpmap:96 H264/90000", b"a=control:" + b"x" * 60_000))
    async with serving(script) as peer:
        target = Target(camera="c1", host="127.0.0.1", rtsp_port=peer.port, rtsp_path="/live", credential=LOGIN)
        observation = await observe(PATIENT, target, at=0.0)
    assert observation.outcome is Outcome.OK
    assert all(len(request.url) < MAX_CONTROL + 100 for request in peer.requests)


async def test_what_a_peer_says_cannot_steer_a_terminal() -> None:
    async with serving({"DESCRIBE": Reply(404, "\x1b]0;owned\x07\x1b[2J\u202egone", body=b"x")}) as peer:
        target = Target(camera="c1", host="127.0.0.1", rtsp_port=peer.port, rtsp_path="/live", credential=LOGIN)
        observation = await observe(DESCRIBE, target, at=0.0)
    assert "owned" in observation.steps[-1].said
    assert all(step.said.isprintable() for step in observation.steps)


async def key_frame(target: Target, limits: Limits) -> KeyFrame:
    async with RtspSession(target, Trace(), limits) as session:
        await session.describe()
        await session.setup()
        await session.play()
        await session.first_packet()
        return await session.key_frame()


@pytest.mark.parametrize("stranger", ["127.0.0.9", "127.0.0.1"])
async def test_a_flood_of_datagrams_ends_the_look_whoever_sends_it(stranger: str) -> None:
    async def setup(request: Request, session: Session) -> Reply:
        transport = request.headers["transport"]
        return Reply(461, "No") if "TCP" in transport else Reply(headers=(("Session", "7"), ("Transport", transport)))

    async def play(request: Request, session: Session) -> Reply:
        port = int(session.requests[-2].headers["transport"].partition("client_port=")[2].partition("-")[0])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((stranger, 0))
            for number in range(300):
                sender.sendto(
                    streams.Rtp(sequence=number, timestamp=0, payload=b"\x01\x80").packed(), ("127.0.0.1", port)
                )
        return Reply(headers=(("Session", "7"),))

    async with serving(playing(SETUP=setup, PLAY=play)) as peer:
        target = Target(camera="c1", host="127.0.0.1", rtsp_port=peer.port, rtsp_path="/live", credential=LOGIN)
        with pytest.raises(CameraAnswer, match="more than 200 packets") as caught:
            await key_frame(target, Limits(max_packets=200))
    assert caught.value.outcome is Outcome.INCONCLUSIVE


@asynccontextmanager
async def speaking(begin: bytes, piece: bytes) -> AsyncIterator[int]:
    """An HTTP peer that sends ``piece`` without end behind ``begin``."""
    ended: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        ended.add(task)
        with suppress(ConnectionError):
            await reader.read(1)
            writer.write(begin)
            while not writer.is_closing():
                writer.write(piece * (CHUNK // len(piece)))
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*ended)
        await server.wait_closed()


@pytest.mark.parametrize(
    ("begin", "piece", "answered"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;x=" + b"y" * 4000 + b"\r\n.\r\n", True),
    ],
    ids=["interim answers", "chunk extensions"],
)
async def test_an_onvif_reply_is_read_no_further_than_its_bytes_on_the_wire(
    begin: bytes, piece: bytes, answered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = 0
    feed = ResponseHandler.data_received

    def counted(handler: ResponseHandler, data: bytes) -> None:
        nonlocal parsed
        parsed += len(data)
        feed(handler, data)

    monkeypatch.setattr(ResponseHandler, "data_received", counted)
    probe = OnvifProbe(to="clock", connect_timeout_s=0.2, reply_timeout_s=0.5, now=lambda: 5000.0)
    async with speaking(begin, piece) as port:
        observation = await observe(probe, Target(camera="c1", host="127.0.0.1", onvif_port=port), at=0.0)
        await probe.close()
    assert (observation.outcome, observation.answered) == (Outcome.TIMED_OUT, answered)
    assert 0 < parsed <= 4 * soap.MAX_MESSAGE_BYTES
