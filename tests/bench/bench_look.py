"""What one look costs at each depth, beside what others spend on the same question, on one county and in one run.

CPU is what counts: every round is measured by itself, ours and the other's in turn, and the medians are compared. The
county's processes share the cores, and so does whoever else works on the machine: the load is told with the table.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import shutil
import socket
import subprocess
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time

import aiohttp
import av
import psutil
import uvloop
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from monitor.clock import SystemClock
from monitor.config import Config
from monitor.gate import Lane
from monitor.looks import Looker, Questions
from probes.image.judge import judge
from probes.image.judgement import Judged, PictureJob, PictureJudgement
from probes.observation import Depth, Outcome
from probes.onvif import OnvifProbe, stream_uri
from probes.picture import Decoder
from probes.probe import Trace
from probes.testing.county import County
from probes.testing.media import Codec, Format
from tests.bench.bench_round import SAMPLE, Planned, SpoiltError, ffprobe, look_at_all, planned, served, url
from tests.bench.measure import Goal, Meter, Result, Usage

ROUNDS = 5
AT_ONCE = 64
OTHERS = 1000
"""Cameras that a round of another program asks at most."""
PROGRAM_LIMIT_S = 30
EXPORTER = "prometheus-blackbox-exporter"
EXPORTER_LIMIT_S = 10.0

TRANSPORTED = Format(width=1920, height=1080, gop_s=2, quantizer=28, refresh_s=60)
"""1080p key frames of some 58 KB."""
JUDGED = Format(width=1920, height=1080, gop_s=2, quantizer=25, refresh_s=60)
"""1080p key frames of some 80 KB and more."""
FRAMES = 60
PROGRAMS = 5
"""ffprobes in a round, one after the other."""
STAMP = ("99012201001320000001", "2026-10-01 12:00:00")
OPTIONS_MODULE = {
    "prober": "tcp",
    "timeout": "5s",
    "tcp": {"query_response": [{"send": "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"}, {"expect": "^RTSP/1.0 200"}]},
}


class Taking:
    """A decoder that keeps key frames and judges none: what is left is what getting them costs."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    async def judge(self, job: PictureJob) -> PictureJudgement:
        """Take the picture for a sound one."""
        self.frames.append(job.first)
        return PictureJudgement(judged=Judged.JUDGED)


@asynccontextmanager
async def _looking(decoder: Decoder) -> AsyncIterator[Looker]:
    questions = Questions.of(Config(), decoder=decoder, now=SystemClock().now)
    try:
        yield Looker(questions, SystemClock())
    finally:
        await questions.close()


def _settle() -> None:
    """What is there stays, as in the daemon: no collection of ours needs to walk it again."""
    gc.collect()
    gc.freeze()


async def _cpu_of_a_look(looker: Looker, asked: Sequence[Planned], depth: Depth) -> float:
    """CPU seconds of one camera in one round. Raises SpoiltError when a camera of the healthy county fails."""
    before = process_time()
    outcomes = await look_at_all(looker, asked, depth)
    spent = process_time() - before
    if outcomes[Outcome.OK] != len(asked):
        raise SpoiltError(f"{depth.label}: {dict(outcomes)}")
    return spent / len(asked)


def _asked(county: County) -> list[Planned]:
    """The cameras by RTSP alone: the clock that a picture look also asks for is another bench's."""
    return [replace(each, target=replace(each.target, onvif_port=None)) for each in planned(county, Lane.MEDIA)]


def _by_round(costs: Sequence[float]) -> list[float]:
    return [round(cost * 1000, 3) for cost in costs]


def _result(
    what: str, items: int, costs: Sequence[float], meter: Meter, goals: Sequence[Goal], **notes: object
) -> Result:
    """The table's line: one round of ``items``, by the median of the CPU seconds that an item took in each."""
    usage = Usage(wall_s=meter.usage.wall_s, cpu_s=median(costs) * items, peak_mib=meter.usage.peak_mib)
    return Result(what=what, items=items, usage=usage, notes={"ms": _by_round(costs), **notes}, goals=goals)


def describe(cameras: int) -> Result:
    """DESCRIBE with login, beside what blackbox_exporter spends on an OPTIONS, which proves less."""
    return uvloop.run(_describe(cameras))


async def _describe(cameras: int) -> Result:
    ours: list[float] = []
    theirs: list[float] = []
    async with served(cameras, TRANSPORTED) as county, _looking(Taking()) as looker, _exporter() as ask_by_exporter:
        asked = _asked(county)
        await look_at_all(looker, asked[:SAMPLE], Depth.DESCRIBE)
        _settle()
        with Meter(apart=frozenset(county.pids)) as meter:
            for _ in range(ROUNDS):
                ours.append(await _cpu_of_a_look(looker, asked, Depth.DESCRIBE))
                if ask_by_exporter is not None:
                    theirs.append(await ask_by_exporter(asked[:OTHERS]))
    goals = [Goal(what="DESCRIBE with login", reached=median(ours) * 1000, bound=0.25, unit="ms CPU")]
    if theirs:
        ratio = median(theirs) / median(ours)
        goals.append(Goal(what="blackbox_exporter's OPTIONS / that", reached=ratio, bound=2, unit="×", sense="≥"))
    others = _by_round(theirs) if theirs else f"no {EXPORTER} here"
    return _result("describe", len(asked), ours, meter, goals, blackbox_ms=others)


@asynccontextmanager
async def _exporter() -> AsyncIterator[Callable[[Sequence[Planned]], Awaitable[float]] | None]:
    """A blackbox_exporter on loopback: have it ask cameras, and learn its CPU seconds for one. None without one."""
    program = shutil.which(EXPORTER)
    if program is None:
        yield None
        return
    with TemporaryDirectory() as folder, socket.socket() as free:
        settings = Path(folder) / "blackbox.yml"
        settings.write_text(json.dumps({"modules": {"options": OPTIONS_MODULE}}), encoding="utf-8")  # JSON is YAML
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
        free.close()
        options = f"--config.file={settings}", f"--web.listen-address={listen}", "--log.level=error"
        process = await asyncio.create_subprocess_exec(program, *options, stdin=subprocess.DEVNULL)
        try:
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:
                await _healthy(session, f"http://{listen}/-/healthy")

                async def ask_all(asked: Sequence[Planned]) -> float:
                    return await _cpu_of_a_probe(session, f"http://{listen}/probe", asked, process.pid)

                yield ask_all
        finally:
            process.terminate()
            await process.wait()


async def _healthy(session: aiohttp.ClientSession, address: str) -> None:
    """Wait until the exporter answers."""
    async with asyncio.timeout(EXPORTER_LIMIT_S):
        while True:
            try:
                async with session.get(address):
                    return
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.05)


async def _cpu_of_a_probe(session: aiohttp.ClientSession, address: str, asked: Sequence[Planned], pid: int) -> float:
    """CPU seconds of the exporter's process for one camera; whoever asks the exporter isn't counted."""

    async def ask(each: Planned) -> bool:
        target = f"{each.target.host}:{each.target.rtsp_port}"
        async with session.get(address, params={"module": "options", "target": target}) as answer:
            return "\nprobe_success 1\n" in await answer.text()

    before = psutil.Process(pid).cpu_times()
    answered = await asyncio.gather(*map(ask, asked))
    after = psutil.Process(pid).cpu_times()
    if not all(answered):
        raise SpoiltError(f"{EXPORTER}: {answered.count(False)} of {len(answered)} failed")
    return (after.user + after.system - before.user - before.system) / len(asked)


def key_frame(cameras: int) -> Result:
    """The first key frame, from the connection to its end, beside one ffprobe for each of a few cameras."""
    return uvloop.run(_key_frame(cameras))


async def _key_frame(cameras: int) -> Result:
    ours: list[float] = []
    theirs: list[float] = []
    taking = Taking()
    async with served(cameras, TRANSPORTED) as county, _looking(taking) as looker:
        asked = _asked(county)
        able = [each for each in asked if each.for_ffmpeg]
        await look_at_all(looker, asked[:SAMPLE], Depth.PICTURE)
        taking.frames.clear()
        _settle()
        with Meter(apart=frozenset(county.pids)) as meter:
            for number in range(ROUNDS):
                ours.append(await _cpu_of_a_look(looker, asked, Depth.PICTURE))
                theirs.extend([await _cpu_of_ffprobe(each) for each in able[number :: len(able) // PROGRAMS + 1]])
                sizes = [len(frame) for frame in taking.frames]
                taking.frames.clear()
    goals = [
        Goal(what="first key frame", reached=median(ours) * 1000, bound=0.5, unit="ms CPU"),
        Goal(what="ffprobe / that", reached=median(theirs) / median(ours), bound=150, unit="×", sense="≥"),
    ]
    ffprobe_ms = round(median(theirs) * 1000, 1)
    return _result("key frame", len(asked), ours, meter, goals, median_bytes=median(sizes), ffprobe_ms=ffprobe_ms)


async def _cpu_of_ffprobe(each: Planned) -> float:
    before = _ended_cpu_s()
    process = await asyncio.create_subprocess_exec(
        *ffprobe(url(each.target), Path()), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    code = await asyncio.wait_for(process.wait(), PROGRAM_LIMIT_S)
    if code:
        raise SpoiltError(f"ffprobe: exit code {code}")
    return _ended_cpu_s() - before


def _ended_cpu_s() -> float:
    """CPU of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def onvif(cameras: int) -> Result:
    """An inspection by ONVIF, four calls: clock, capabilities, profiles, stream address; and what is kept of it."""
    return uvloop.run(_onvif(cameras))


async def _onvif(cameras: int) -> Result:
    probe = OnvifProbe(now=SystemClock().now)
    async with served(cameras) as county:
        asked = [each for each in planned(county, Lane.LIGHT) if each.target.onvif_port]
        turns = asyncio.Semaphore(AT_ONCE)

        async def inspect(each: Planned) -> None:
            async with turns:
                await stream_uri(probe, each.target, Trace())

        async def inspect_all() -> float:
            before = process_time()
            await asyncio.gather(*map(inspect, asked))
            return (process_time() - before) / len(asked)

        await asyncio.gather(*map(inspect, asked[:SAMPLE]))
        held = await _held_bytes(inspect_all) / len(asked)
        _settle()
        with Meter(apart=frozenset(county.pids)) as meter:
            ours = [await inspect_all() for _ in range(ROUNDS)]
        await probe.close()
    goals = [
        Goal(what="ONVIF inspection, four calls", reached=median(ours) * 1000, bound=2.5, unit="ms CPU"),
        Goal(what="held of it", reached=held / 1024, bound=2, unit="KiB a camera"),
    ]
    return _result("ONVIF, four calls", len(asked), ours, meter, goals)


async def _held_bytes(work: Callable[[], Awaitable[float]]) -> int:
    """How much more memory Python's objects take after ``work`` than before."""
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    await work()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return after - before


def judged(cameras: int) -> Result:
    """Key frames of full HD, H.264, decoded and judged, beside decoding alone, in turn."""
    frames = uvloop.run(_frames(min(cameras, FRAMES)))
    for data in frames[:3]:
        _judge(data, 0)
    ours: list[float] = []
    bare: list[float] = []
    _settle()
    with Meter() as meter:
        for number in range(ROUNDS):
            for data in frames:
                ours.append(_cpu_of(partial(_judge, data, number)))
                bare.append(_cpu_of(partial(_decode, data)))
    ratio = median(one / other for one, other in zip(ours, bare, strict=True))
    goals = [Goal(what="a key frame judged / decoded", reached=ratio, bound=2.5, unit="×")]
    usage = Usage(wall_s=meter.usage.wall_s, cpu_s=sum(ours), peak_mib=meter.usage.peak_mib)
    notes: dict[str, object] = {
        "decode_ms": round(median(bare) * 1000, 2),
        "judge_ms": round(median(ours) * 1000, 2),
        "median_bytes": median(map(len, frames)),
    }
    return Result(what="picture judged", items=len(ours), usage=usage, notes=notes, goals=goals)


async def _frames(count: int) -> list[bytes]:
    """Key frames of so many H.264 cameras, as cameras send them."""
    taking = Taking()
    async with served(4 * count, JUDGED) as county, _looking(taking) as looker:
        h264 = {each.id for device in county.plan.devices for each in device.cameras if each.codec is Codec.H264}
        asked = [each for each in _asked(county) if each.target.camera in h264][:count]
        await look_at_all(looker, asked, Depth.PICTURE)
    return [_encoded_again(data) for data in taking.frames]


def _encoded_again(data: bytes) -> bytes:
    """The picture as a camera's chip encodes it: the county saves itself CABAC and the loop filter."""
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = JUDGED.width, JUDGED.height, "yuv420p"
    encoder.time_base, encoder.thread_count = Fraction(1, JUDGED.fps), 1
    encoder.options = {"preset": "veryfast", "profile": "high", "qp": str(JUDGED.quantizer), "tune": "zerolatency"}
    frame = _decode(data)
    frame.pict_type = PictureType.I
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def _judge(data: bytes, number: int) -> None:
    seen = judge(PictureJob(codec="h264", first=data, at=1000.0 * number, stamp=STAMP))
    if seen.judged is not Judged.JUDGED or seen.jpeg is None:
        raise SpoiltError(f"a picture was not judged: {seen.said}")


def _decode(data: bytes) -> VideoFrame:
    context = av.CodecContext.create("h264", "r")
    assert isinstance(context, VideoCodecContext)
    context.thread_count = 1
    for frame in context.decode(av.Packet(data)) or context.decode(None):
        return frame
    raise SpoiltError("a picture was not decoded")


def _cpu_of(work: Callable[[], object]) -> float:
    before = process_time()
    work()
    return process_time() - before


BENCHMARKS: dict[str, Callable[[int], Result]] = {
    "look.describe": describe,
    "look.key_frame": key_frame,
    "look.onvif": onvif,
    "look.judged": judged,
}
