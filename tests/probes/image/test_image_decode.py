"""Key frames through libavcodec: sound ones give pictures, all others are refused by name."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes.image.decode import RefusedError, decode
from tests.probes.image.pictures import Image, Scenes

ALL_CODECS = ["h264", "hevc", "mjpeg", "mpeg4"]


def seen_in(jpeg: bytes) -> Image:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture, np.uint8)


@pytest.mark.parametrize("each", ALL_CODECS)
def test_a_key_frame_of_each_codec_becomes_its_picture(scenes: Scenes, each: str) -> None:
    painted = scenes.day(1)
    picture = decode(each, scenes.encode(painted, each))
    assert (picture.width, picture.height) == (640, 360)
    assert picture.planes.luma.shape == picture.planes.small.shape == (360, 640)
    assert picture.planes.u.shape == picture.planes.v.shape == (90, 160)
    assert float(np.abs(seen_in(picture.jpeg).astype(float) - painted).mean()) < 12


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (704, 576), (354, 290), (90, 160), (2560, 720)])
def test_pictures_of_any_shape_are_brought_to_one_width(scenes: Scenes, width: int, height: int) -> None:
    painted = np.asarray(cv2.resize(scenes.day(2), (width, height)), np.uint8)
    picture = decode("h264", scenes.encode(painted))
    assert (picture.width, picture.height) == (width, height)
    assert picture.planes.luma.shape == (height, width)
    assert picture.planes.small.shape[1] == 640
    assert seen_in(picture.jpeg).shape[:2] == picture.planes.small.shape


@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv422p", "yuv444p"])
def test_other_samplings_and_depths_are_read(scenes: Scenes, pix_fmt: str) -> None:
    painted = scenes.day(3)
    picture = decode("hevc", scenes.encode(painted, "hevc", pix_fmt))
    assert float(np.abs(seen_in(picture.jpeg).astype(float) - painted).mean()) < 12


@pytest.mark.parametrize("each", ALL_CODECS)
@pytest.mark.parametrize("data", [b"", bytes(200), b"\xff" * 200, b"\x00\x00\x00\x01\x65" + bytes(range(256))])
def test_what_is_no_key_frame_is_refused(each: str, data: bytes) -> None:
    with pytest.raises(RefusedError):
        decode(each, data)


def test_a_key_frame_with_its_end_missing_is_refused(scenes: Scenes) -> None:
    data = scenes.encode(scenes.day(4))
    with pytest.raises(RefusedError, match="conceal"):
        decode("h264", data[: len(data) // 2])


def test_slices_without_their_parameter_sets_are_refused(scenes: Scenes, codec: str) -> None:
    units = scenes.encode(scenes.day(4), codec).split(b"\x00\x00\x00\x01")
    largest = max(units, key=len)
    with pytest.raises(RefusedError):
        decode(codec, b"\x00\x00\x00\x01" + largest)


@pytest.mark.parametrize("size", [(32, 640), (640, 32), (640, 60)])
def test_a_sliver_is_no_picture(scenes: Scenes, size: tuple[int, int]) -> None:
    painted = np.asarray(cv2.resize(scenes.day(5), size), np.uint8)
    with pytest.raises(RefusedError, match="a picture of"):
        decode("mjpeg", scenes.encode(painted, "mjpeg"))


def test_a_header_that_claims_a_giant_picture_is_refused(scenes: Scenes) -> None:
    data = bytearray(scenes.encode(scenes.day(6), "mjpeg"))
    size = data.index(b"\xff\xc0") + 5
    data[size : size + 4] = (65_500).to_bytes(2) * 2
    with pytest.raises(RefusedError):
        decode("mjpeg", bytes(data))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=40)), max_size=6))
def test_damage_gives_a_picture_or_a_refusal(scenes: Scenes, codec: str, damage: list[tuple[float, bytes]]) -> None:
    data = bytearray(_sound(scenes, codec))
    for place, noise in damage:
        start = int(place * len(data))
        data[start : start + len(noise)] = noise
    try:
        picture = decode(codec, bytes(data))
    except RefusedError:
        return
    assert picture.jpeg.startswith(b"\xff\xd8")


_SOUND: dict[str, bytes] = {}


def _sound(scenes: Scenes, codec: str) -> bytes:
    if codec not in _SOUND:
        _SOUND[codec] = scenes.encode(scenes.day(7), codec)
    return _SOUND[codec]
