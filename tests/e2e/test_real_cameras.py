"""Looks at cameras that are none of ours, as the daemon looks: healthy, with a wrong login, hanging, dead."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from monitor.clock import SystemClock
from monitor.config import Config
from monitor.looks import Looker, Questions
from probes.answer import CameraAnswer
from probes.image.pool import DecodePool
from probes.observation import Credential, Depth, Observation, Outcome, Target
from probes.observe import observe
from probes.probe import Trace
from probes.rtsp import RtspProbe
from probes.rtsp_session import RtspSession
from tests.e2e.peers import PROGRAMS, RealCamera, clip_in
from tests.e2e.site import until

pytestmark = [
    pytest.mark.real_peer,
    pytest.mark.asyncio(loop_scope="module"),
]

HAVE_A_LOGIN = ["gstreamer digest", "gstreamer basic", "vlc", "rtsp-streaming-server"]
TELL_OF_TEARDOWN = [name for name in PROGRAMS if name != "vlc"]
DEPTHS = [Depth.LIGHT, Depth.DESCRIBE, Depth.MEDIA, Depth.PICTURE]
SOON_S = 0.5


@pytest.fixture(scope="module", params=PROGRAMS)
def name(request: pytest.FixtureRequest) -> str:
    lack = PROGRAMS[request.param].wants()
    if lack:
        pytest.skip(lack)
    return str(request.param)


@pytest.fixture(scope="module")
def clip(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    return folder if name.startswith("gstreamer") else clip_in(folder)


@pytest.fixture(scope="module")
def camera(name: str, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCamera]:
    with PROGRAMS[name].run(tmp_path_factory.mktemp("peer"), clip) as camera:
        yield camera


@pytest.fixture
def doomed(name: str, clip: Path, tmp_path: Path) -> Iterator[RealCamera]:
    """A camera to be hurt."""
    with PROGRAMS[name].run(tmp_path, clip) as camera:
        yield camera


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def looker() -> AsyncIterator[Looker]:
    async with DecodePool(1) as pool:
        questions = Questions.of(Config(), decoder=pool, now=time.time)
        yield Looker(questions, SystemClock())
        await questions.close()


def target(camera: RealCamera, *, password: str | None = None) -> Target:
    credential = Credential(id="site", username=camera.username, password=password or camera.password)
    return Target(camera="c1", host="127.0.0.1", rtsp_port=camera.port, rtsp_path=camera.path, credential=credential)


async def look(looker: Looker, at: Target, depth: Depth) -> Observation:
    return (await looker.look(at, depth))[0]


async def key_frames(session: RtspSession) -> None:
    """All that come."""
    while True:
        await session.key_frame()


@pytest.mark.parametrize("depth", DEPTHS, ids=lambda depth: depth.label)
async def test_a_healthy_camera_is_ok(camera: RealCamera, looker: Looker, depth: Depth) -> None:
    seen = await look(looker, target(camera), depth)
    assert (seen.outcome, seen.faults, seen.depth) == (Outcome.OK, (), depth), seen.steps
    if depth >= Depth.MEDIA:
        assert seen.facts["transport"] == camera.transport
    if depth is Depth.PICTURE:
        assert seen.jpeg is not None


@pytest.mark.parametrize("name", HAVE_A_LOGIN, indirect=True)
@pytest.mark.parametrize("depth", [Depth.DESCRIBE, Depth.PICTURE], ids=lambda depth: depth.label)
async def test_a_wrong_password_is_unauthorized(camera: RealCamera, looker: Looker, depth: Depth) -> None:
    seen = await look(looker, target(camera, password="wrong"), depth)
    assert (seen.outcome, seen.step, seen.answered) == (Outcome.UNAUTHORIZED, "describe", True), seen.steps


async def test_an_unknown_path_has_no_stream(camera: RealCamera, looker: Looker) -> None:
    seen = await look(looker, replace(target(camera), rtsp_path="/nowhere"), Depth.DESCRIBE)
    assert (seen.outcome, seen.step) == (Outcome.NO_STREAM, "describe"), seen.steps


@pytest.mark.parametrize("name", TELL_OF_TEARDOWN, indirect=True)
async def test_every_session_is_torn_down(camera: RealCamera, looker: Looker) -> None:
    before = camera.teardowns()
    for depth in (Depth.MEDIA, Depth.PICTURE):
        assert (await look(looker, target(camera), depth)).outcome is Outcome.OK

    async def told() -> int:
        return camera.teardowns() - before

    await until("two TEARDOWNs in the log", told, lambda count: count == 2, within_s=5)


@pytest.mark.parametrize("name", ["vlc"], indirect=True)
async def test_vlc_keeps_no_port_of_a_session_open(camera: RealCamera) -> None:
    """It does not print a TEARDOWN, but only one makes it close the ports that it sends from."""

    async def ports() -> int:
        return len(psutil.Process(camera.process.pid).net_connections("udp"))

    async with RtspSession(target(camera), Trace()) as session:
        await session.describe()
        await session.setup()
        await session.play()
        await session.first_packet()
        assert await ports() > 0
    await until("all ports closed", ports, lambda count: count == 0, within_s=5)


async def test_a_camera_that_dies_in_the_middle_is_unreachable_then_refuses(doomed: RealCamera, looker: Looker) -> None:
    trace = Trace()
    async with RtspSession(target(doomed), trace) as session:
        await session.describe()
        await session.setup()
        await session.play()
        await session.first_packet()
        doomed.kill()
        # what had arrived before may still hold a key frame or two
        with pytest.raises(CameraAnswer) as died:
            await key_frames(session)
    assert died.value.outcome is Outcome.UNREACHABLE
    assert trace.at_step == "key_frame"
    for depth in DEPTHS:
        seen = await look(looker, target(doomed), depth)
        assert (seen.outcome, seen.step, seen.answered) == (Outcome.REFUSED, "connect", False), seen.steps


async def test_a_camera_that_hangs_has_an_open_port_and_no_answer(doomed: RealCamera, looker: Looker) -> None:
    doomed.freeze()
    assert (await look(looker, target(doomed), Depth.LIGHT)).outcome is Outcome.OK
    seen = await observe(RtspProbe(reply_timeout_s=SOON_S), target(doomed), at=0.0)
    assert (seen.outcome, seen.step, seen.answered) == (Outcome.TIMED_OUT, "describe", False), seen.steps
