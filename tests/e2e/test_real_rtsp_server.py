"""The RTSP session against a server that we have not written: GStreamer's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from probes.observation import Credential, Outcome, Target
from probes.observe import observe
from probes.probe import Trace
from probes.rtsp import RtspProbe
from probes.rtsp_session import RtspSession
from tests.e2e.peers import PASSWORD, USERNAME, gstreamer, wants_gstreamer
from tests.probes import streams

pytestmark = pytest.mark.real_peer


@pytest.fixture(scope="module", params=["digest", "basic"])
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    if lack := wants_gstreamer():
        pytest.skip(lack)
    with gstreamer(tmp_path_factory.mktemp("gstreamer"), scheme=str(request.param)) as camera:
        yield camera.port


def target(port: int, path: str, password: str = PASSWORD) -> Target:
    credential = Credential(id="site", username=USERNAME, password=password)
    return Target(camera="c1", host="127.0.0.1", rtsp_port=port, rtsp_path=path, credential=credential)


@pytest.mark.parametrize("codec", ["H264", "H265", "JPEG"])
async def test_a_key_frame_arrives_and_decodes(port: int, codec: str) -> None:
    trace = Trace()
    async with RtspSession(target(port, f"/{codec}"), trace) as session:
        media = await session.describe()
        await session.setup()
        await session.play()
        await session.first_packet()
        first = await session.key_frame()
        second = await session.key_frame(after_s=0.5)
    assert media.codec == codec
    assert second.received_at - first.received_at >= 0.5
    for frame in (first, second):
        (picture,) = streams.decode(codec, frame.data)
        assert (picture.width, picture.height, frame.gapped) == (320, 176, 0)
    assert trace.facts["transport"] == "tcp"
    assert trace.at_step == "teardown"


async def test_a_server_without_rtp_in_the_connection_sends_by_udp(port: int) -> None:
    trace = Trace()
    async with RtspSession(target(port, "/UDP"), trace) as session:
        await session.describe()
        await session.setup()
        await session.play()
        await session.first_packet()
        frame = await session.key_frame()
    assert len(streams.decode("H264", frame.data)) == 1
    assert trace.facts["transport"] == "udp"


@pytest.mark.parametrize("depth", ["describe", "media"])
@pytest.mark.parametrize("path", ["/H264", "/H265", "/UDP"])
async def test_a_healthy_mount_is_ok(port: int, path: str, depth: str) -> None:
    probe = RtspProbe(to="describe" if depth == "describe" else "media")
    observation = await observe(probe, target(port, path), at=0.0)
    assert observation.outcome is Outcome.OK, observation.steps


async def test_a_wrong_password_is_unauthorized(port: int) -> None:
    observation = await observe(RtspProbe(), target(port, "/H264", password="wrong"), at=0.0)
    assert (observation.outcome, observation.step, observation.answered) == (Outcome.UNAUTHORIZED, "describe", True)


async def test_an_unknown_path_has_no_stream(port: int) -> None:
    observation = await observe(RtspProbe(), target(port, "/nowhere"), at=0.0)
    assert (observation.outcome, observation.step) == (Outcome.NO_STREAM, "describe")


async def test_many_sessions_leave_no_slot_taken(port: int) -> None:
    for _ in range(20):
        observation = await observe(RtspProbe(to="media"), target(port, "/H264"), at=0.0)
        assert observation.outcome is Outcome.OK, observation.steps
