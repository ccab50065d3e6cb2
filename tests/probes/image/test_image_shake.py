"""A picture that sways as a whole is told from one in which something moves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from probes.image.judge import judge
from probes.image.judgement import PictureJob, PictureJudgement
from probes.image.thresholds import Thresholds
from tests.probes.image.pictures import Image, Scenes

PLACES = range(4)
CLOCK = "2026-11-24 08:00:{:02}"


def swayed(scenes: Scenes, place: int, across: int, down: int, *, cars: int = 0, second: int = 0) -> Image:
    """The scene ``across`` and ``down`` pixels beside its place; the captions stay where they are."""
    picture = np.roll(scenes.day(place, take=second, cars=cars), (down, across), axis=(0, 1))
    return scenes.caption(picture, CLOCK.format(second))


def look_twice(scenes: Scenes, first: Image, second: Image, *, codec: str = "h264") -> PictureJudgement:
    memory = scenes.remembered(scenes.caption(scenes.day(0)), codec=codec)
    return scenes.judge(first, replace(memory, day=None), codec=codec, second=second)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("across", "down"), [(12, 0), (0, -10), (-9, 7), (30, 20)])
def test_a_swaying_pole_shakes_the_picture(scenes: Scenes, codec: str, place: int, across: int, down: int) -> None:
    first, second = swayed(scenes, place, 0, 0), swayed(scenes, place, across, down, second=2)
    judgement = look_twice(scenes, first, second, codec=codec)
    assert judgement.faults == ("shaking",)
    assert judgement.measures["score_shaking"] * 6 == pytest.approx(np.hypot(across, down), rel=0.25)
    assert judgement.memory is None, "no reference is learned from a picture that sways"


@pytest.mark.parametrize("place", PLACES)
def test_what_moves_in_a_steady_picture_does_not_shake_it(scenes: Scenes, codec: str, place: int) -> None:
    steady = swayed(scenes, place, 0, 0)
    for second in (
        swayed(scenes, place, 0, 0, cars=6, second=2),
        swayed(scenes, place, 2, 1, second=2),
        scenes.caption(scenes.day(place, light=0.9, take=3), CLOCK.format(2)),
        scenes.caption(scenes.day(place + 50, take=3), CLOCK.format(2)),
        swayed(scenes, place, 160, 0, second=2),
    ):
        assert look_twice(scenes, steady, second, codec=codec).faults == ()


def test_a_camera_that_turns_does_not_shake(scenes: Scenes) -> None:
    pair = swayed(scenes, 1, 0, 0), swayed(scenes, 1, 12, 0, second=2)
    job = PictureJob(codec="h264", first=scenes.encode(pair[0]), second=scenes.encode(pair[1]), at=0.0)
    assert judge(job).faults == ("shaking",)
    assert judge(replace(job, ptz=True)).faults == ()
    assert judge(replace(job, thresholds=Thresholds(shaking_shift=20.0))).faults == ()


def test_a_second_key_frame_is_wanted_where_the_scene_is_a_little_beside_its_reference(scenes: Scenes) -> None:
    memory = scenes.remembered(swayed(scenes, 1, 0, 0))
    assert scenes.judge(swayed(scenes, 1, 12, 0, second=9), memory, at=60.0).wants_second
    assert not scenes.judge(swayed(scenes, 1, 0, 0, cars=6, second=9), replace(memory, hash=b""), at=60.0).wants_second
