"""The strip below the evidence says which camera and when, and covers nothing."""

from __future__ import annotations

import doctest

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.image import stamp
from probes.image.decode import decode
from probes.image.stamp import LINE_HEIGHT, MARGIN, MAX_LINES, PAPER, Image, with_stamp
from tests.probes.image.pictures import Scenes

ID, TIME = "34020000001320000001", "2026-11-24 08:30:05+08:00"


def strip_of(*words: str) -> Image:
    return with_stamp(np.zeros((10, 640, 3), np.uint8), words)[10:]


def ink_per_line(strip: Image) -> list[int]:
    lines = strip.reshape(-1, LINE_HEIGHT, *strip.shape[1:])
    return [int((line > 128).sum()) for line in lines]


def test_the_examples_in_its_docstrings_hold() -> None:
    assert doctest.testmod(stamp).failed == 0


def test_no_pixel_of_the_picture_is_covered(scenes: Scenes) -> None:
    painted = scenes.day(1)
    shown = with_stamp(painted, (ID, TIME))
    assert np.array_equal(shown[: scenes.height], painted)
    assert shown.shape == (scenes.height + LINE_HEIGHT, scenes.width, 3)


def test_a_national_id_and_its_time_stand_in_one_line_with_nothing_cut_off() -> None:
    strip = strip_of(ID, TIME)
    assert len(ink_per_line(strip)) == 1
    assert ink_per_line(strip)[0] > 500
    assert (strip[:, :MARGIN] == PAPER).all()
    assert (strip[:, -MARGIN:] == PAPER).all()


@pytest.mark.parametrize("place", range(len(TIME)))
def test_every_character_of_the_time_is_written(place: int) -> None:
    other = TIME[:place] + ("7" if TIME[place] != "7" else "1") + TIME[place + 1 :]
    assert not np.array_equal(strip_of(ID, TIME), strip_of(ID, other))


def test_two_ids_in_chinese_do_not_look_the_same() -> None:
    assert not np.array_equal(strip_of("村口", TIME), strip_of("村尾", TIME))


@given(st.text(max_size=64))
def test_any_id_is_written_within_the_strip_and_the_time_stays_whole(camera: str) -> None:
    strip = strip_of(camera, TIME)
    lines = ink_per_line(strip)
    assert len(lines) <= MAX_LINES
    assert (strip[:, -MARGIN:] == PAPER).all()
    if len(lines) > 1:
        assert np.array_equal(strip[-LINE_HEIGHT:], strip_of(TIME))


def test_the_evidence_of_a_key_frame_is_the_picture_above_its_strip(scenes: Scenes) -> None:
    frame = scenes.encode(scenes.day(1))
    plain, stamped = (
        cv2.imdecode(np.frombuffer(decode("h264", frame, words).jpeg, np.uint8), cv2.IMREAD_COLOR)
        for words in ((), (ID, TIME))
    )
    assert plain is not None
    assert stamped is not None
    assert stamped.shape == (scenes.height + LINE_HEIGHT, 640, 3)
    # 360 rows are not whole blocks of JPEG: the last one holds the edge of the strip, and lends it its colour
    assert np.array_equal(stamped[: scenes.height - 16], plain[: scenes.height - 16])
    strip = np.asarray(stamped[scenes.height :], np.uint8)
    assert float(np.abs(strip.astype(float) - strip_of(ID, TIME)).mean()) < 6
