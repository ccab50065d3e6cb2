"""Key frames that mean harm: headers that claim giants, pictures that take too long or too much, and what is beside."""

from __future__ import annotations

import asyncio
import resource
import struct

import cv2
import numpy as np
import pytest

from probes.image.decode import MAX_PIXELS, RefusedError, decode
from probes.image.judgement import Judged, PictureJob
from probes.image.pool import DecodePool
from probes.observation import Observation, Outcome, Target
from probes.observe import observe
from probes.picture import PictureProbe
from tests.probes import streams
from tests.probes.image.pictures import Scenes
from tests.probes.peers import Raw, Reply, Request, Script, Session, serving

START = b"\0\0\0\1"
MIB = 1024 * 1024


class Bits:
    """Writes bit by bit, as parameter sets are (ITU-T H.264 §7.2 and §9.1)."""

    def __init__(self) -> None:
        self._text = ""

    def u(self, value: int, size: int) -> Bits:
        self._text += f"{value:0{size}b}"
        return self

    def ue(self, *values: int) -> Bits:
        for value in values:
            digits = f"{value + 1:b}"
            self._text += "0" * (len(digits) - 1) + digits
        return self

    def packed(self) -> bytes:
        """The bytes, with the stop bit, and with emulation prevention."""
        bits = self._text + "1"
        bits += "0" * (-len(bits) % 8)
        data = int(bits, 2).to_bytes(len(bits) // 8)
        while b"\0\0\0" in data:
            data = data.replace(b"\0\0\0", b"\0\0\3\0")
        return data


def h264_claiming(width: int, height: int, *, references: int = 16) -> bytes:
    """A key frame of a few bytes whose sequence parameter set claims a size, in whole macroblocks."""
    sps = Bits().u(66, 8).u(0, 8).u(52, 8).ue(0, 0, 0, 0, references).u(0, 1)
    sps.ue(width // 16 - 1, height // 16 - 1).u(1, 1).u(1, 1).u(0, 1).u(0, 1)
    pps = Bits().ue(0, 0).u(0, 1).u(0, 1).ue(0, 0, 0).u(0, 1).u(0, 2).ue(0, 0, 0).u(1, 1).u(0, 1).u(0, 1)
    # An IDR picture of I slices whose first macroblocks are there and whose others are not.
    idr = Bits().ue(0, 7, 0).u(0, 4).ue(0).u(0, 4).u(0, 2).ue(0).ue(1).ue(*([3, 0, 0] * 40))
    units = (b"\x67" + sps.packed(), b"\x68" + pps.packed(), b"\x65" + idr.packed())
    return b"".join(START + unit for unit in units)


def jpeg_claiming(scenes: Scenes, width: int, height: int) -> bytes:
    data = bytearray(scenes.encode(scenes.day(6), "mjpeg"))
    size = data.index(b"\xff\xc0") + 5
    data[size : size + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def test_the_parameter_sets_made_here_are_understood() -> None:
    with pytest.raises(RefusedError, match=r"conceal|no picture"):
        decode("h264", h264_claiming(640, 368, references=1))


@pytest.mark.parametrize(("width", "height"), [(65_536, 65_536), (65_536, 1024), (8192, 8192)])
def test_a_sequence_parameter_set_that_claims_a_giant_is_refused_before_memory_is_taken(
    width: int, height: int
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert width * height > MAX_PIXELS
    with pytest.raises(RefusedError):
        decode("h264", h264_claiming(width, height))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


async def test_a_giant_just_within_the_bounds_costs_its_own_look_alone(scenes: Scenes) -> None:
    giant = h264_claiming(8000 // 16 * 16, 7984)
    async with DecodePool(1, memory_mib=256, job_limit_s=10, wait_limit_s=60) as pool:
        bomb = await pool.judge(PictureJob(codec="h264", first=giant, at=0.0))
        sound = await pool.judge(PictureJob(codec="h264", first=scenes.encode(scenes.day(1)), at=0.0))
    assert bomb.judged in (Judged.DIED, Judged.STALLED, Judged.REFUSED)
    assert sound.judged is Judged.JUDGED


async def test_a_jpeg_of_many_pixels_costs_its_own_look_alone(scenes: Scenes) -> None:
    async with DecodePool(1, memory_mib=128, job_limit_s=10, wait_limit_s=60) as pool:
        bomb = await pool.judge(PictureJob(codec="mjpeg", first=jpeg_claiming(scenes, 8000, 8000), at=0.0))
        sound = await pool.judge(PictureJob(codec="h264", first=scenes.encode(scenes.day(1)), at=0.0))
    assert bomb.judged in (Judged.DIED, Judged.STALLED, Judged.REFUSED)
    assert sound.judged is Judged.JUDGED


async def test_a_picture_that_takes_too_long_is_stopped_and_blames_nobody(scenes: Scenes) -> None:
    large = np.asarray(cv2.resize(scenes.day(1), (4096, 2304)), np.uint8)
    slow = PictureJob(codec="hevc", first=scenes.encode(large, "hevc"), at=0.0)
    async with DecodePool(1, job_limit_s=0.001, wait_limit_s=60) as pool:
        (stalled,) = pool.pids
        assert (await pool.judge(slow)).judged is Judged.STALLED
        pool._job_limit_s = 60.0
        assert (await pool.judge(slow)).judged is Judged.JUDGED
        assert stalled not in pool.pids


def camera_sending(picture: bytes) -> Script:
    """One that sends this picture a few times."""
    packets = streams.packets("H264", [streams.nal_units(picture)] * 4)
    size = len(packets) // 4

    async def play(request: Request, session: Session) -> Raw:
        session.writer.write(Reply().packed(request.headers["cseq"]))
        for first in range(0, len(packets), size):
            session.writer.write(streams.interleaved(packets[first : first + size]))
            await session.writer.drain()
            await asyncio.sleep(0.05)
        return Raw()

    return {
        "DESCRIBE": Reply(body=streams.description("H264", sprop=False)),
        "SETUP": Reply(headers=(("Session", "1"),)),
        "PLAY": play,
    }


async def look(picture: bytes, pool: DecodePool) -> Observation:
    async with serving(camera_sending(picture)) as peer:
        probe = PictureProbe(decoder=pool, now=lambda: 5000.0)
        target = Target(camera="c1", host="127.0.0.1", rtsp_port=peer.port, rtsp_path="/live")
        return await observe(probe, target, at=0.0, deadline_s=90.0)


async def test_a_camera_that_claims_a_giant_picture_twice_is_called_corrupted(pool: DecodePool) -> None:
    observation = await look(h264_claiming(65_536, 65_536), pool)
    assert (observation.outcome, observation.faults) == (Outcome.BAD_PICTURE, ("corrupted",))


@pytest.mark.parametrize(
    ("job_limit_s", "memory_mib", "ours"),
    [
        pytest.param(60.0, 24, "decoder died", id="more memory than there is"),
        pytest.param(0.001, 768, "decoder stalled", id="more time than there is"),
    ],
)
async def test_a_picture_that_our_decoder_cannot_bear_accuses_nobody(
    scenes: Scenes, job_limit_s: float, memory_mib: int, ours: str
) -> None:
    large = scenes.encode(np.asarray(cv2.resize(scenes.day(1), (4096, 2304)), np.uint8))
    async with DecodePool(1, memory_mib=memory_mib, job_limit_s=job_limit_s, wait_limit_s=60) as pool:
        observation = await look(large, pool)
    assert (observation.outcome, observation.faults) == (Outcome.INCONCLUSIVE, ())
    assert observation.facts["ours"] == ours
