"""The RTSP session against a server that we have not written: GStreamer's."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from probes.observation import Credential, Outcome, Target
from probes.observe import observe
from probes.probe import Trace
from probes.rtsp import RtspProbe
from probes.rtsp_session import RtspSession
from tests.probes import streams

SYSTEM_PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("gst_rtsp_server.py")
NEEDS = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
USERNAME, PASSWORD = "admin", "p@ss:w/rd?%40#"

pytestmark = pytest.mark.real_peer


def _is_installed() -> bool:
    try:
        return subprocess.run([SYSTEM_PYTHON, "-c", NEEDS], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@contextmanager
def _running(scheme: str) -> Iterator[int]:
    command = [SYSTEM_PYTHON, str(SERVER), scheme, USERNAME, PASSWORD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.terminate()


@pytest.fixture(scope="module", params=["digest", "basic"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    if not _is_installed():
        pytest.skip("needs GStreamer's RTSP server: apt-get install gir1.2-gst-rtsp-server-1.0 python3-gi "
                    "gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad "
                    "gstreamer1.0-plugins-ugly gstreamer1.0-libav")  # fmt: skip
    with _running(str(request.param)) as number:
        yield number


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
