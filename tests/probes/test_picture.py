"""The picture probe against fictitious cameras over real sockets, with the real decoder and with scripted ones."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from probes.image.judgement import Judged, PictureJob, PictureJudgement
from probes.image.pool import DecodePool
from probes.image.thresholds import Thresholds
from probes.observation import Credential, Depth, Outcome, PictureMemory, Target
from probes.picture import Decoder, PictureProbe
from probes.probe import Probe, Trace
from probes.testing.camera import FakeCamera
from probes.testing.device import Access, Channel
from probes.testing.faults import Fault
from probes.testing.media import Codec, Feed, Studio

PATH = "/Streaming/Channels/101"
CREDENTIAL = Credential(id="c", username=Access().username, password=Access().password)
MEMORY = PictureMemory(at=1.0, hash=bytes(32), thumb=bytes(160 * 90))
SOUND = PictureJudgement(
    judged=Judged.JUDGED, width=640, height=360, measures={"mean": 100.0}, jpeg=b"\xff\xd8", memory=MEMORY
)
REFUSED = PictureJudgement(judged=Judged.REFUSED, said="the decoder gives no picture")

STUDIO = Studio(scenes=2)


class Script:
    """A decoder that says one thing after the other and keeps what it was asked."""

    def __init__(self, *judgements: PictureJudgement) -> None:
        self._judgements = list(judgements)
        self.jobs: list[PictureJob] = []

    async def judge(self, job: PictureJob) -> PictureJudgement:
        self.jobs.append(job)
        return self._judgements.pop(0)


@asynccontextmanager
async def camera_with(*faults: Fault, codec: Codec = Codec.H264) -> AsyncIterator[tuple[FakeCamera, Target]]:
    camera = FakeCamera([Channel(camera_id="c1", path=PATH, codec=codec)], studio=STUDIO, wall=time.time)
    await camera.open()
    try:
        for fault in faults:
            await camera.inject(fault)
        yield (
            camera,
            Target(
                camera="c1",
                host="127.0.0.1",
                rtsp_port=camera.rtsp_port,
                rtsp_path=PATH,
                credential=CREDENTIAL,
                memory=MEMORY,
            ),
        )
    finally:
        camera.close()


def probe_with(decoder: Decoder, *, frozen_hours: float = 6.0, key_frame_timeout_s: float = 6.0) -> PictureProbe:
    return PictureProbe(
        decoder=decoder, now=lambda: 5000.0, frozen_hours=frozen_hours, key_frame_timeout_s=key_frame_timeout_s
    )


@pytest.fixture
async def pool() -> AsyncIterator[DecodePool]:
    async with DecodePool(1) as started:
        yield started


def test_it_is_a_probe() -> None:
    probe = probe_with(Script())
    assert isinstance(probe, Probe)
    assert probe.depth is Depth.PICTURE
    assert "decoder" not in repr(probe)


async def test_the_evidence_bears_the_camera_and_the_time_of_the_look_by_the_countys_clock() -> None:
    decoder = Script(SOUND)
    probe = replace(probe_with(decoder), zone=ZoneInfo("Asia/Shanghai"))
    async with camera_with() as (_, target):
        await probe.check(target, Trace(at=1_793_464_205.9))
    assert decoder.jobs[0].stamp == ("c1", "2026-11-01 00:30:05+08:00")


@pytest.mark.parametrize("codec", Codec)
async def test_a_sound_picture_is_ok_and_leaves_its_evidence(pool: DecodePool, codec: Codec) -> None:
    async with camera_with(codec=codec) as (camera, target):
        trace = Trace()
        assert await probe_with(pool).check(replace(target, memory=None), trace) is Outcome.OK
    assert trace.faults == []
    assert (trace.facts["codec"], trace.facts["width"], trace.facts["height"]) == (codec, 640, 360)
    assert isinstance(trace.facts["measures"], dict)
    assert trace.jpeg is not None
    assert trace.memory is not None
    assert trace.memory.at == 5000.0
    assert camera.counts.missing_teardowns == 0
    assert [step.name for step in trace.close()][-3:] == ["key_frame", "decode", "teardown"]


@pytest.mark.parametrize("codec", Codec)
@pytest.mark.parametrize("fault", [Fault.BLACK, Fault.SIGNAL_LOSS, Fault.COVERED, Fault.CORRUPTED])
async def test_what_the_camera_shows_is_found(pool: DecodePool, codec: Codec, fault: Fault) -> None:
    probe = probe_with(pool)
    async with camera_with(codec=codec) as (camera, target):
        before = Trace()
        assert await probe.check(replace(target, memory=None), before) is Outcome.OK
        await camera.inject(fault)
        trace = Trace()
        assert await probe.check(replace(target, memory=before.memory), trace) is Outcome.BAD_PICTURE
    assert trace.faults == [fault.value]
    assert trace.memory is None
    assert (trace.jpeg is None) == (fault is Fault.CORRUPTED)


async def test_a_frozen_picture_is_found_and_a_running_clock_is_not_accused(pool: DecodePool) -> None:
    now = 5000.0
    probe = PictureProbe(decoder=pool, now=lambda: now, frozen_hours=6.0)
    async with camera_with() as (camera, target):
        target = replace(target, memory=None)
        for hours in (0, 8):
            now = 5000.0 + hours * 3600
            trace = Trace()
            assert await probe.check(target, trace) is Outcome.OK
            target = replace(target, memory=trace.memory or target.memory)
        await camera.inject(Fault.FROZEN)
        outcomes = []
        for hours in (16, 24):
            now = 5000.0 + hours * 3600
            trace = Trace()
            outcomes.append(await probe.check(target, trace))
            target = replace(target, memory=trace.memory or target.memory)
    assert outcomes == [Outcome.OK, Outcome.BAD_PICTURE]
    assert trace.faults == ["frozen"]


async def test_one_refused_key_frame_is_asked_for_again() -> None:
    script = Script(REFUSED, SOUND)
    async with camera_with() as (_, target):
        trace = Trace()
        assert await probe_with(script).check(target, trace) is Outcome.OK
    assert trace.faults == []
    assert len({job.first for job in script.jobs}) == 2
    assert trace.facts["measures"] == {"mean": 100.0, "score_corrupted": 0.5}


async def test_two_refused_key_frames_are_corrupted() -> None:
    async with camera_with() as (_, target):
        trace = Trace()
        assert await probe_with(Script(REFUSED, REFUSED)).check(target, trace) is Outcome.BAD_PICTURE
    assert trace.faults == ["corrupted"]
    assert trace.memory is None
    assert "packet_loss" not in trace.facts
    assert trace.facts["measures"] == {"score_corrupted": 1.0}


async def test_the_county_says_how_many_refused_key_frames_are_corrupted() -> None:
    async with camera_with() as (_, target):
        trace = Trace()
        probe = replace(probe_with(Script(REFUSED, REFUSED, SOUND)), corrupted_frames=3)
        assert await probe.check(target, trace) is Outcome.OK
        assert trace.facts["measures"] == {"mean": 100.0, "score_corrupted": 0.667}
        strict = replace(probe_with(Script(REFUSED)), corrupted_frames=1)
        assert await strict.check(target, Trace()) is Outcome.BAD_PICTURE


async def test_the_job_carries_the_countys_thresholds_and_whether_the_camera_turns() -> None:
    decoder = Script(SOUND, SOUND)
    probe = replace(probe_with(decoder), thresholds=Thresholds(noise=3.0))
    async with camera_with() as (_, target):
        await probe.check(target, Trace())
        await probe.check(replace(target, ptz=True), Trace())
    assert [(job.thresholds.noise, job.ptz) for job in decoder.jobs] == [(3.0, False), (3.0, True)]


@pytest.mark.parametrize("judged", [Judged.DIED, Judged.STALLED])
async def test_a_decoder_that_fails_is_ours(judged: Judged) -> None:
    async with camera_with() as (_, target):
        trace = Trace()
        decoder = Script(PictureJudgement(judged=judged, said="it died"))
        assert await probe_with(decoder).check(target, trace) is Outcome.INCONCLUSIVE
    assert trace.faults == []
    assert trace.facts["ours"] == f"decoder {judged}"
    assert trace.answered


async def test_the_picture_of_the_last_look_is_compared_with_a_later_one() -> None:
    frozen = replace(SOUND, faults=("frozen",), memory=None)
    script = Script(replace(SOUND, wants_second=True), frozen)
    async with camera_with() as (_, target):
        trace = Trace()
        assert await probe_with(script).check(target, trace) is Outcome.BAD_PICTURE
    assert trace.faults == ["frozen"]
    alone, together = script.jobs
    assert alone.second is None
    assert together.first == alone.first
    assert together.second is not None
    assert (together.at, together.memory, together.frozen_s) == (5000.0, MEMORY, 6 * 3600)


@pytest.mark.parametrize("judged", [Judged.DIED, Judged.REFUSED])
async def test_a_second_key_frame_that_is_no_use_changes_nothing(judged: Judged) -> None:
    script = Script(replace(SOUND, wants_second=True), PictureJudgement(judged=judged))
    async with camera_with() as (_, target):
        trace = Trace()
        assert await probe_with(script).check(target, trace) is Outcome.OK
    assert trace.faults == []
    assert trace.memory == MEMORY


@pytest.mark.parametrize("end", [Fault.POWER_LOST, Fault.REFUSED, Fault.LOSSY])
async def test_a_stream_that_ends_after_a_sound_picture_is_judged_by_it(end: Fault) -> None:
    async with camera_with() as (camera, target):

        class Ending(Script):
            async def judge(self, job: PictureJob) -> PictureJudgement:
                await camera.inject(end)
                return await super().judge(job)

        trace = Trace()
        script = Ending(replace(SOUND, wants_second=True))
        assert await probe_with(script, key_frame_timeout_s=1.0).check(target, trace) is Outcome.OK
    assert trace.faults == []
    assert "gapped_key_frames" not in trace.facts


async def test_lesser_faults_are_listed_and_the_picture_stays_ok() -> None:
    async with camera_with() as (_, target):
        trace = Trace()
        decoder = Script(replace(SOUND, faults=("blurred", "moved")))
        assert await probe_with(decoder).check(target, trace) is Outcome.OK
    assert trace.faults == ["blurred", "moved"]


async def test_packets_that_never_come_whole_are_corrupted() -> None:
    async with camera_with(Fault.LOSSY) as (_, target):
        trace = Trace()
        probe = probe_with(Script(), key_frame_timeout_s=2.5)
        assert await probe.check(target, trace) is Outcome.BAD_PICTURE
    assert trace.faults == ["corrupted"]
    assert trace.facts["packet_loss"] is True
    assert isinstance(trace.facts["measures"], dict)
    assert trace.facts["measures"]["score_corrupted"] >= 1


async def test_too_few_key_frames_with_missing_packets_prove_nothing() -> None:
    async with camera_with(Fault.LOSSY) as (_, target):
        trace = Trace()
        probe = replace(probe_with(Script(), key_frame_timeout_s=2.5), corrupted_frames=40)
        assert await probe.check(target, trace) is Outcome.INCONCLUSIVE
    assert trace.faults == []
    assert trace.facts["ours"] == "no key frame"


async def test_no_key_frame_in_time_is_ours() -> None:
    async with camera_with(Fault.NO_KEY_FRAME) as (_, target):
        trace = Trace()
        assert await probe_with(Script(), key_frame_timeout_s=1.5).check(target, trace) is Outcome.INCONCLUSIVE
    assert trace.facts["ours"] == "no key frame"
    assert trace.at_step == "key_frame"


async def test_a_patient_look_waits_so_much_longer_for_a_key_frame() -> None:
    async with camera_with(Fault.NO_KEY_FRAME) as (_, target):
        trace = Trace()
        patient = replace(target, patience_s=0.7)
        assert await probe_with(Script(), key_frame_timeout_s=0.3).check(patient, trace) is Outcome.INCONCLUSIVE
    assert trace.close()[-1].said == "no key frame within 1 s"


async def test_a_codec_that_nobody_here_knows_is_undecodable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Feed, "sdp_attributes", lambda feed, wall: ["a=rtpmap:96 SVAC/90000"])
    async with camera_with() as (_, target):
        trace = Trace()
        assert await probe_with(Script()).check(target, trace) is Outcome.UNDECODABLE
    assert trace.facts["codec"] == "SVAC"
    assert trace.faults == []


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault.REFUSED, Outcome.REFUSED),
        (Fault.NO_CHANNEL, Outcome.NO_STREAM),
        (Fault.SESSIONS_FULL, Outcome.BUSY),
        (Fault.WRONG_PASSWORD, Outcome.UNAUTHORIZED),
    ],
)
async def test_what_stops_the_session_is_the_outcome(fault: Fault, outcome: Outcome) -> None:
    async with camera_with(fault) as (_, target):
        trace = Trace()
        assert await probe_with(Script()).check(target, trace) is outcome
    assert trace.faults == []
