"""One round over a whole county at each depth, and what ffprobe or ffmpeg would need for the same answer.

The county is served by processes of its own, which share the cores with ours: CPU is the figure to compare, wall time
is pessimistic. Looks go through the gate with the limits that config.toml has by default.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from urllib.parse import quote

import uvloop

from monitor.clock import SystemClock
from monitor.config import Config
from monitor.core.verdict import judge
from monitor.gate import Gate, Job, Lane, Limits
from monitor.looks import Looker, Questions
from probes.image.pool import DecodePool
from probes.observation import Credential, Depth, Observation, Outcome, Target
from probes.testing.county import County
from probes.testing.county_plan import PlannedCamera, PlannedDevice
from probes.testing.device import Scheme
from probes.testing.media import Format
from tests.bench.measure import Meter, Result

FULL_HD = Format(width=1920, height=1080, gop_s=10, quantizer=26)
"""Key frames of some 60 to 80 KiB, ten seconds apart as those of smart codecs: who joins live waits for the next."""

SAMPLE = 20
AT_ONCE = 4
GOOD_SHARE = 0.98
"""A round in which more looks than this fail has measured something else than a round."""


class SpoiltError(Exception):
    """The round did not go as a round over healthy cameras does; names the outcomes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A camera of the county as a probe sees it.

    ``for_ffmpeg`` says that ffmpeg's libraries can see it, too. They know no SHA-256 digest, give up where the camera
    replaces its nonce (RFC 7616 §3.3, ``stale``), and are told to use TCP.
    """

    target: Target
    job: Job
    for_ffmpeg: bool


@asynccontextmanager
async def served(cameras: int, fmt: Format = FULL_HD) -> AsyncIterator[County]:
    """A healthy county."""
    async with await County.start(wall=SystemClock().now, cameras=cameras, fmt=fmt) as county:
        yield county


def planned(county: County, lane: Lane) -> list[Planned]:
    """All cameras in the order of the ledger."""
    hung = ((device, camera) for device in county.plan.devices for camera in device.cameras)
    return [_planned(county, device, camera, lane, ticket) for ticket, (device, camera) in enumerate(hung)]


def _planned(county: County, device: PlannedDevice, camera: PlannedCamera, lane: Lane, ticket: int) -> Planned:
    target = Target(
        camera=camera.id,
        host=device.host,
        rtsp_port=county.rtsp_port,
        rtsp_path=camera.path,
        onvif_port=county.onvif_port if device.has_onvif else None,
        channels_at_address=len(device.cameras),
        credential=Credential(id=device.host, username=device.access.username, password=device.access.password),
    )
    job = Job(
        ticket=ticket,
        camera=camera.id,
        address=device.host,
        link=str(device.township),
        lane=lane,
        channels=len(device.cameras),
    )
    access = device.access
    for_ffmpeg = access.scheme is not Scheme.SHA256 and not access.stale_first and not device.refuses_tcp
    return Planned(target=target, job=job, for_ffmpeg=for_ffmpeg)


async def look_at_all(
    looker: Looker,
    cameras: Sequence[Planned],
    depth: Depth,
    *,
    conditions: Counter[str] | None = None,
) -> Counter[str]:
    """One round; returns how often each outcome came first, and adds to ``conditions`` what each look says."""
    limits = Config().limits
    gate = Gate(
        Limits(
            light=limits.light,
            media=limits.media,
            per_camera=limits.per_camera,
            per_recorder=limits.per_recorder,
            link_bits_per_s=limits.link_mbit_s * 1e6,
        )
    )
    targets = {each.job.ticket: each.target for each in cameras}
    outcomes: Counter[str] = Counter()
    ended = asyncio.Event()

    async def look(job: Job) -> None:
        seen = await looker.look(targets[job.ticket], depth)
        first: Observation = seen[0]
        outcomes[first.outcome] += 1
        if conditions is not None:
            conditions[judge(seen).condition] += 1
        received = first.facts.get("key_frame_bytes", 0)
        assert isinstance(received, int)
        gate.release(job, now=monotonic(), received=received, busy=first.outcome is Outcome.BUSY)
        ended.set()

    for each in cameras:
        gate.offer(each.job)
    async with asyncio.TaskGroup() as running:
        while gate.waiting:
            ended.clear()
            for job in gate.ready(monotonic()):
                running.create_task(look(job))
            if gate.waiting:
                await ended.wait()
    return outcomes


@asynccontextmanager
async def asking(depth: Depth) -> AsyncIterator[Looker]:
    """A looker with the settings of config.toml; only pictures get workers that decode."""
    config, clock = Config(), SystemClock()
    async with AsyncExitStack() as stack:
        pool = DecodePool(config.picture.workers)
        if depth is Depth.PICTURE:
            await stack.enter_async_context(pool)
        questions = Questions.of(config, decoder=pool, now=clock.now)
        stack.push_async_callback(questions.close)
        yield Looker(questions, clock)


def round_at(depth: Depth, cameras: int) -> Result:
    """A round at ``depth``, from the first look to the last; at ONVIF's only over cameras that speak it."""
    return uvloop.run(_round_at(depth, cameras))


async def _round_at(depth: Depth, cameras: int) -> Result:
    async with served(cameras) as county, asking(depth) as looker:
        asked = planned(county, Lane.LIGHT if depth <= Depth.ONVIF else Lane.MEDIA)
        if depth is Depth.ONVIF:
            asked = [by_onvif_alone(each) for each in asked if each.target.onvif_port]
        await look_at_all(looker, asked[:SAMPLE], depth)
        with Meter(apart=frozenset(county.pids)) as meter:
            outcomes = await look_at_all(looker, asked, depth)
    if outcomes[Outcome.OK] < GOOD_SHARE * len(asked):
        raise SpoiltError(f"{depth.label}: {dict(outcomes)}")
    rate = round(len(asked) / meter.usage.wall_s)
    return Result(what=depth.label, items=len(asked), usage=meter.usage, notes={"per_s": rate, **outcomes})


def by_onvif_alone(each: Planned) -> Planned:
    """The camera by ONVIF alone."""
    return replace(each, target=replace(each.target, rtsp_port=None))


def by_tool(what: str, command: Callable[[str, Path], list[str]], cameras: int) -> Result:
    """The same question put by a program that is started for each of a sample of cameras, some at a time."""
    return asyncio.run(_by_tool(what, command, cameras))


async def _by_tool(what: str, command: Callable[[str, Path], list[str]], cameras: int) -> Result:
    async with served(cameras) as county:
        able = [each for each in planned(county, Lane.MEDIA) if each.for_ffmpeg]
        sample = able[:: max(1, len(able) // SAMPLE)][:SAMPLE]
        turns = asyncio.Semaphore(AT_ONCE)
        with TemporaryDirectory() as folder:

            async def ask(each: Planned) -> int:
                async with turns:
                    file = Path(folder) / f"{each.target.camera}.jpg"
                    process = await asyncio.create_subprocess_exec(
                        *command(url(each.target), file), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
                    )
                    return await asyncio.wait_for(process.wait(), 60)

            with Meter(apart=frozenset(county.pids)) as meter:
                codes = await asyncio.gather(*(ask(each) for each in sample))
    if any(codes):
        raise SpoiltError(f"{what}: exit codes {codes}")
    return Result(what=what, items=len(sample), usage=meter.usage, notes={"at_once": AT_ONCE})


def url(target: Target) -> str:
    """The camera's RTSP URL with its login, as such a program wants it."""
    assert target.credential is not None
    login = f"{quote(target.credential.username, safe='')}:{quote(target.credential.password, safe='')}"
    return f"rtsp://{login}@{target.host}:{target.rtsp_port}{target.rtsp_path}"


def ffprobe(address: str, _: Path) -> list[str]:
    """Describe the streams of ``address``, which ffprobe does by receiving them."""
    return ["ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-show_streams", address]


def ffmpeg(address: str, file: Path) -> list[str]:
    """Decode one picture of ``address`` into a JPEG file."""
    return ["ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", address, "-frames:v", "1", "-y", str(file)]


BENCHMARKS: dict[str, Callable[[int], Result]] = {
    **{f"round.{depth.label}": partial(round_at, depth) for depth in Depth},
    "round.ffprobe": partial(by_tool, "ffprobe", ffprobe),
    "round.ffmpeg": partial(by_tool, "ffmpeg, one JPEG", ffmpeg),
}
