"""A session on a real socket: how it logs in, where it sends its requests, and how it takes its leave."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvloop

from probes.answer import CameraAnswer
from probes.observation import Credential, Outcome, Target
from probes.observe import observe
from probes.probe import Trace
from probes.rtsp import RtspProbe
from probes.rtsp_session import KeyFrame, Limits, RtspSession
from tests.probes import streams
from tests.probes.peers import (
    PASSWORD,
    USERNAME,
    Act,
    Peer,
    Raw,
    Reply,
    Request,
    Script,
    Session,
    challenge,
    guarded,
    is_right_login,
    serving,
)

LOGIN = Credential(id="site", username=USERNAME, password=PASSWORD)
SESSION = ("Session", "12345678;timeout=60")
DESCRIPTION = Reply(body=streams.description("H264"))
UNITS = streams.access_units("H264")
FAST = Limits(
    reply_timeout_s=0.4,
    first_rtp_timeout_s=0.4,
    key_frame_timeout_s=0.4,
    teardown_timeout_s=0.2,
    linger_timeout_s=0.6,
)


def camera(**overrides: Act | list[Act]) -> Script:
    frames = streams.interleaved(streams.packets("H264", UNITS))
    good: dict[str, Act | list[Act]] = {
        "DESCRIBE": DESCRIPTION,
        "SETUP": Reply(headers=(SESSION,)),
        "PLAY": Reply(then=frames),
    }
    return good | overrides


def target(peer: Peer, *, path: str = "/live/ch1", credential: Credential | None = LOGIN) -> Target:
    return Target(camera="c1", host="127.0.0.1", rtsp_port=peer.port, rtsp_path=path, credential=credential)


@asynccontextmanager
async def streaming(peer: Peer, trace: Trace | None = None, limits: Limits = FAST) -> AsyncIterator[RtspSession]:
    """A session that has played and seen its first packet."""
    async with RtspSession(target(peer), trace or Trace(), limits) as session:
        await session.describe()
        await session.setup()
        await session.play()
        await session.first_packet()
        yield session


@pytest.mark.parametrize(
    ("path", "base", "control", "expected"),
    [
        ("/live/ch1", None, "trackID=1", "{root}/live/ch1/trackID=1"),
        ("/live/ch1/", None, "trackID=1", "{root}/live/ch1/trackID=1"),
        ("/live/ch1", "{root}/other/", "trackID=1", "{root}/other/trackID=1"),
        ("/live/ch1", "/no/url", "trackID=1", "{root}/live/ch1/trackID=1"),
        ("/live/ch1", None, "rtsp://10.9.8.7/inner/trackID=1", "rtsp://10.9.8.7/inner/trackID=1"),
        ("/live/ch1", None, "*", "{root}/live/ch1"),
        ("/live/ch1", None, "", "{root}/live/ch1"),
        ("/live/ch1", None, "/video", "{root}/video"),
        (
            "/cam/realmonitor?channel=1&subtype=0",
            None,
            "trackID=0",
            "{root}/cam/realmonitor?channel=1&subtype=0/trackID=0",
        ),
        ("/live/ch1?a=b", "{root}/live/ch1/", "track1?x=1", "{root}/live/ch1/track1?x=1"),
    ],
)
async def test_setup_goes_where_the_control_attribute_points(
    path: str, base: str | None, control: str, expected: str
) -> None:
    async def describe(request: Request, session: Session) -> Reply:
        root = f"rtsp://127.0.0.1:{session.writer.get_extra_info('sockname')[1]}"
        headers = (("Content-Base", base.format(root=root)),) if base is not None else ()
        return Reply(headers=headers, body=streams.description("H264", control=control))

    async with serving(camera(DESCRIBE=describe)) as peer:
        observation = await observe(RtspProbe(to="media"), target(peer, path=path), at=0.0)
    assert observation.outcome is Outcome.OK
    assert peer.asked("SETUP")[0].url == expected.format(root=f"rtsp://127.0.0.1:{peer.port}")


async def test_a_camera_whose_path_nobody_knows_is_not_asked_for_another_and_not_blamed() -> None:
    async with serving(camera()) as peer:
        observation = await observe(RtspProbe(), target(peer, path=""), at=0.0)
        assert (observation.outcome, observation.step) == (Outcome.INCONCLUSIVE, "describe")
        assert peer.asked("DESCRIBE") == []
    refused = await observe(RtspProbe(), target(peer, path=""), at=0.0)
    assert refused.outcome is Outcome.REFUSED, "that nothing listens is known without a path"


async def test_setup_tries_the_other_reading_of_a_relative_control_when_the_first_is_not_found() -> None:
    async def setup(request: Request, session: Session) -> Reply:
        right = request.url.endswith("/live/trackID=1")
        return Reply(headers=(SESSION,)) if right else Reply(404, "Not Found")

    async with serving(camera(SETUP=setup)) as peer:
        observation = await observe(RtspProbe(to="media"), target(peer), at=0.0)
    assert observation.outcome is Outcome.OK
    assert len(peer.asked("SETUP")) == 2


async def test_a_try_by_udp_that_failed_does_not_make_the_next_one_udp() -> None:
    async def setup(request: Request, session: Session) -> Reply:
        right = request.url.endswith("/live/trackID=1")
        return Reply(headers=(SESSION,)) if right else Reply(400, "Bad Request")

    async with serving(camera(SETUP=setup)) as peer:
        observation = await observe(RtspProbe(to="media"), target(peer), at=0.0)
    assert (observation.outcome, observation.facts["transport"]) == (Outcome.OK, "tcp")
    assert ["TCP" in request.headers["transport"] for request in peer.asked("SETUP")] == [True, False, True]


async def test_play_and_teardown_go_to_the_session_with_its_id_alone() -> None:
    async with serving(camera()) as peer, streaming(peer):
        pass
    root = f"rtsp://127.0.0.1:{peer.port}/live/ch1"
    assert [(request.url, request.headers["session"]) for request in peer.requests[2:]] == [(root, "12345678")] * 2
    assert [request.headers["cseq"] for request in peer.requests] == ["1", "2", "3", "4"]


async def test_a_path_in_chinese_is_asked_for_in_ascii() -> None:
    async with serving(camera()) as peer:
        await observe(RtspProbe(), target(peer, path="/通道 1?a=b%20c"), at=0.0)
    assert peer.requests[0].url == f"rtsp://127.0.0.1:{peer.port}/%E9%80%9A%E9%81%93%201?a=b%20c"


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("qop", ["", "auth", "auth,auth-int"])
async def test_every_request_of_a_session_is_logged_in(algorithm: str, qop: str) -> None:
    refusal = challenge(algorithm=algorithm, qop=qop)
    script = camera(DESCRIBE=guarded(DESCRIPTION, [refusal]))
    async with serving(script) as peer, streaming(peer):
        pass
    assert [request.method for request in peer.requests] == ["DESCRIBE", "DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]
    assert "authorization" not in peer.requests[0].headers
    assert all(is_right_login(request, refusal) for request in peer.requests[1:])
    counts = [request.headers["authorization"].partition("nc=")[2][:8] for request in peer.requests[1:]]
    assert counts == (["00000001", "00000002", "00000003", "00000004"] if qop else [""] * 4)


async def test_the_strongest_of_several_challenges_is_answered() -> None:
    digest = dict(challenge(algorithm="SHA-256").headers)["WWW-Authenticate"]
    weaker = dict(challenge("n0").headers)["WWW-Authenticate"]
    offers = ('Basic realm="r"', weaker, digest)
    refusal = Reply(401, "No", tuple(("WWW-Authenticate", offer) for offer in offers))
    async with serving(camera(DESCRIBE=[refusal, DESCRIPTION])) as peer:
        await observe(RtspProbe(), target(peer), at=0.0)
    assert is_right_login(peer.requests[1], challenge(algorithm="SHA-256"))


async def test_no_login_is_sent_before_it_is_asked_for() -> None:
    async with serving(camera()) as peer, streaming(peer):
        pass
    assert not [request for request in peer.requests if "authorization" in request.headers]


async def test_a_redirect_does_not_carry_the_login_of_the_first_connection() -> None:
    async def move(request: Request, session: Session) -> Reply:
        if not is_right_login(request, challenge()):
            return challenge()
        return Reply(302, "Moved", (("Location", "/elsewhere"),))

    async with serving({"DESCRIBE": [move, move, DESCRIPTION]}) as peer:
        observation = await observe(RtspProbe(), target(peer), at=0.0)
    assert observation.outcome is Outcome.OK
    assert ["authorization" in request.headers for request in peer.requests] == [False, True, False]


async def test_a_password_echoed_by_the_peer_is_kept_out_of_trace_and_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def echo(request: Request, session: Session) -> Reply:
        login = request.headers.get("authorization", "")
        if not login:
            return Reply(401, "No", (("WWW-Authenticate", 'Basic realm="r"'),))
        return Reply(403, f"{PASSWORD} {login} is wrong", body=PASSWORD.encode())

    async with serving({"DESCRIBE": echo}) as peer:
        trace = Trace()
        with pytest.raises(CameraAnswer) as caught:
            async with RtspSession(target(peer), trace) as session:
                await session.describe()
    sent = peer.requests[1].headers["authorization"].removeprefix("Basic ")
    told = f"{trace.close()} {caught.value!r} {caught.value} {session!r} {caplog.text} {trace.facts}"
    assert "*** Basic *** is wrong" in told
    assert PASSWORD not in told
    assert sent not in told


@pytest.mark.parametrize("silent_at", ["SETUP", "PLAY", "first RTP", "key frame"])
async def test_teardown_is_sent_after_setup_even_when_the_deadline_cuts_the_look_off(silent_at: str) -> None:
    script = {
        "SETUP": camera(SETUP=Raw()),
        "PLAY": camera(PLAY=Raw()),
        "first RTP": camera(PLAY=Reply()),
        "key frame": camera(PLAY=Reply(then=streams.interleaved(streams.packets("H264", UNITS[1:2])))),
    }[silent_at]
    patient = Limits()
    async with serving(script) as peer:
        began = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3), streaming(peer, limits=patient) as session:
                await session.key_frame()
        assert asyncio.get_running_loop().time() - began < 1.0
    assert len(peer.asked("TEARDOWN")) == (0 if silent_at == "SETUP" else 1)


async def test_teardown_is_sent_when_the_task_is_cancelled() -> None:
    async with serving(camera(PLAY=Reply())) as peer:
        look = asyncio.create_task(observe(RtspProbe(to="media"), target(peer), at=0.0))
        while not peer.asked("PLAY"):
            await asyncio.sleep(0)
        look.cancel()
        with pytest.raises(asyncio.CancelledError):
            await look
    assert len(peer.asked("TEARDOWN")) == 1


async def test_a_teardown_that_is_never_answered_does_not_hold_up_the_look() -> None:
    async with serving(camera(TEARDOWN=Raw())) as peer:
        began = asyncio.get_running_loop().time()
        async with streaming(peer):
            pass
        assert 0.2 <= asyncio.get_running_loop().time() - began < 1.0


async def test_a_camera_that_neither_answers_teardown_nor_closes_is_left_in_the_end() -> None:
    left = asyncio.Event()

    async def hang(request: Request, session: Session) -> Raw:
        await left.wait()
        return Raw(hang_up=True)

    async with serving(camera(TEARDOWN=hang)) as peer:
        began = asyncio.get_running_loop().time()
        async with streaming(peer):
            pass
        took = asyncio.get_running_loop().time() - began
        left.set()
    assert 0.8 <= took < 2.0


async def test_a_slow_camera_that_still_sends_is_heard_out_until_it_gets_to_teardown() -> None:
    """A reset would reach it first, and it would keep the session."""
    undisturbed: list[int] = []

    async def slow(request: Request, session: Session) -> Reply:
        for number in range(8):
            session.writer.write(streams.interleaved(streams.packets("H264", UNITS[1:2])))
            await session.writer.drain()
            await asyncio.sleep(0.05)
            undisturbed.append(number)
        return Reply()

    async with serving(camera(TEARDOWN=slow)) as peer, streaming(peer):
        pass
    assert undisturbed == list(range(8))


async def test_a_look_cancelled_while_it_takes_its_leave_leaves_nothing_behind() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with serving(camera(TEARDOWN=Raw())) as peer:
        look = asyncio.create_task(observe(RtspProbe(to="media"), target(peer), at=0.0))
        while not peer.asked("TEARDOWN"):
            await asyncio.sleep(0)
        look.cancel()
        with pytest.raises(asyncio.CancelledError):
            await look
    del look
    await asyncio.sleep(0)
    gc.collect()
    assert complaints == []


async def test_teardown_is_sent_when_the_stream_turns_to_rubbish() -> None:
    async with serving(camera(PLAY=Reply(then=b"\x01\x02 rubbish\r\n"))) as peer:
        observation = await observe(RtspProbe(to="media"), target(peer), at=0.0)
    assert (observation.outcome, observation.step) == (Outcome.NO_STREAM, "first_rtp")
    assert len(peer.asked("TEARDOWN")) == 1


async def test_a_failed_look_ends_at_the_step_that_failed_and_a_good_one_at_teardown() -> None:
    async with serving(camera()) as peer:
        good = await observe(RtspProbe(to="media"), target(peer), at=0.0)
    async with serving(camera(PLAY=Reply(455, "Not Valid"))) as peer:
        failed = await observe(RtspProbe(to="media"), target(peer), at=0.0)
    names = ["connect", "describe", "setup", "play", "first_rtp", "teardown"]
    assert [step.name for step in good.steps] == names
    assert [step.name for step in failed.steps] == names[:4]
    assert failed.steps[-1].said == "455 Not Valid"


def paced(codec: str, units: tuple[streams.Unit, ...], pause_s: float) -> Act:
    """PLAY that sends one access unit after the other, as a camera does."""

    async def play(request: Request, session: Session) -> Raw:
        session.writer.write(Reply().packed(request.headers["cseq"]))
        for packed in _by_picture(streams.packets(codec, units)):
            session.writer.write(streams.interleaved(packed))
            await asyncio.sleep(pause_s)
        return Raw()

    return play


def _by_picture(packed: list[streams.Rtp]) -> list[list[streams.Rtp]]:
    stamps = sorted({packet.timestamp for packet in packed})
    return [[packet for packet in packed if packet.timestamp == stamp] for stamp in stamps]


async def test_a_second_key_frame_comes_so_many_seconds_after_the_first() -> None:
    script = camera(PLAY=paced("H264", streams.access_units("H264", frames=40), 0.01))
    async with serving(script) as peer, streaming(peer) as session:
        first = await session.key_frame()
        second = await session.key_frame(after_s=0.2)
    assert second.received_at - first.received_at >= 0.2
    assert second.rtp_timestamp > first.rtp_timestamp
    assert [len(streams.decode("H264", frame.data)) for frame in (first, second)] == [1, 1]


async def test_a_key_frame_is_waited_for_when_the_stream_is_joined_in_the_middle() -> None:
    script = camera(PLAY=paced("H264", UNITS[2:8], 0.01))
    async with serving(script) as peer, streaming(peer) as session:
        frame = await session.key_frame()
    assert frame.gapped == 0
    assert frame.rtp_timestamp == 3 * 90_000 // streams.FPS


async def test_a_session_reads_no_more_than_its_budget() -> None:
    limits = Limits(max_bytes=20_000, key_frame_timeout_s=5.0)
    flood = streams.interleaved(streams.packets("H264", UNITS[1:3])) * 50
    async with serving(camera(PLAY=Reply(then=flood))) as peer:
        with pytest.raises(CameraAnswer) as caught:
            async with streaming(peer, limits=limits) as session:
                await session.key_frame()
    assert (caught.value.outcome, caught.value.said) == (Outcome.INCONCLUSIVE, "more than 20000 bytes")


async def test_the_bytes_of_a_look_are_told() -> None:
    async with serving(camera()) as peer:
        observation = await observe(RtspProbe(to="media"), target(peer), at=0.0)
    frames = len(streams.interleaved(streams.packets("H264", UNITS)))
    assert isinstance(told := observation.facts["bytes"], int)
    assert frames < told < frames + 2000


async def test_datagrams_of_strangers_are_passed_over() -> None:
    async def setup(request: Request, session: Session) -> Reply:
        transport = request.headers["transport"]
        if "TCP" in transport:
            return Reply(461, "No")
        port = int(transport.partition("client_port=")[2].partition("-")[0])
        loop = asyncio.get_running_loop()
        stranger, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.9", 0))
        stranger.sendto(streams.packets("H264", UNITS)[0].packed(), ("127.0.0.1", port))
        stranger.close()
        return Reply(headers=(SESSION, ("Transport", transport)))

    async with serving(camera(SETUP=setup, PLAY=Reply())) as peer:
        observation = await observe(RtspProbe(to="media", first_rtp_timeout_s=0.3), target(peer), at=0.0)
    assert (observation.outcome, observation.step) == (Outcome.NO_STREAM, "first_rtp")


async def test_a_bug_of_ours_in_the_middle_of_a_stream_is_not_the_cameras_fault(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(data: memoryview) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("probes.rtsp_session.parse_packet", broken)
    async with serving(camera()) as peer:
        observation = await observe(RtspProbe(to="media"), target(peer), at=0.0)
    assert observation.outcome is Outcome.INCONCLUSIVE
    assert "ZeroDivisionError" in caplog.text


async def test_no_port_is_our_own_omission() -> None:
    observation = await observe(RtspProbe(), Target(camera="c1", host="127.0.0.1", rtsp_port=None), at=0.0)
    assert observation.outcome is Outcome.INCONCLUSIVE


def test_a_session_runs_the_same_on_uvloop() -> None:
    async def look() -> tuple[KeyFrame, Peer]:
        async with serving(camera()) as peer, streaming(peer) as session:
            return await session.key_frame(), peer

    frame, peer = uvloop.run(look())
    assert len(streams.decode("H264", frame.data)) == 1
    assert [request.method for request in peer.requests] == ["DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]
