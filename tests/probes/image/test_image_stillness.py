"""Frozen pictures are told from still scenes: by the burned-in clock, or by hours."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from probes.image.judgement import PictureJudgement
from probes.observation import PictureMemory
from tests.probes.image.pictures import Image, Scenes

HOUR = 3600.0
FROZEN_S = 6 * HOUR
EIGHT = "2026-11-24 08:00:"


def yard(scenes: Scenes, clock: str | None, *, take: int = 0, cars: int = 0) -> Image:
    """A quiet yard whose weak grain the encoder removes; ``clock`` is burned in unless it is None."""
    picture = scenes.day(3, noise=1.0, take=take, cars=cars)
    return picture if clock is None else scenes.caption(picture, clock)


def look_twice(
    scenes: Scenes, memory: PictureMemory, pictures: tuple[Image, Image], *, at: float, codec: str = "h264"
) -> PictureJudgement:
    return scenes.judge(pictures[0], memory, codec=codec, second=pictures[1], at=at, frozen_s=FROZEN_S)


def knowing_the_clock(scenes: Scenes, codec: str = "h264") -> PictureMemory:
    """The memory of a look that saw the clock run."""
    memory = scenes.remembered(yard(scenes, EIGHT + "00"), codec=codec)
    pair = yard(scenes, EIGHT + "01", take=1), yard(scenes, EIGHT + "03", take=2)
    learned = look_twice(scenes, memory, pair, at=1.0, codec=codec).memory
    assert learned is not None
    assert learned.clock_strip is not None
    return learned


def test_a_still_scene_with_a_running_clock_is_not_frozen(scenes: Scenes, codec: str) -> None:
    memory = knowing_the_clock(scenes, codec)
    pair = yard(scenes, EIGHT + "01", take=3), yard(scenes, EIGHT + "03", take=4)
    for at in (2.0, HOUR, 100 * HOUR):
        assert look_twice(scenes, memory, pair, at=at, codec=codec).faults == ()


def test_a_clock_that_stands_still_is_frozen(scenes: Scenes, codec: str) -> None:
    memory = knowing_the_clock(scenes, codec)
    stuck = yard(scenes, EIGHT + "41", take=5)
    first = look_twice(scenes, memory, (stuck, stuck), at=HOUR, codec=codec)
    assert first.faults == ()
    assert first.memory is not None
    second = look_twice(scenes, first.memory, (stuck, stuck), at=1.5 * HOUR, codec=codec)
    assert second.faults == ("frozen",)
    assert second.memory is None
    assert second.jpeg is not None


@pytest.mark.parametrize("seen", ["pale", "blurred"])
def test_a_clock_that_stands_still_is_frozen_in_fog_and_beside_a_blur(scenes: Scenes, codec: str, seen: str) -> None:
    memory, day = knowing_the_clock(scenes, codec), scenes.day(3)
    pale = np.asarray(cv2.addWeighted(day, 0.12, np.full_like(day, 150), 0.88, 0), np.uint8)
    shown = pale if seen == "pale" else np.asarray(cv2.GaussianBlur(day, (0, 0), 5), np.uint8)
    stuck = scenes.caption(shown, EIGHT + "41")
    alone = scenes.remembered(stuck, codec=codec)
    before = replace(memory, at=HOUR, hash=alone.hash, thumb=alone.thumb)
    assert scenes.judge(stuck, before, codec=codec, at=2 * HOUR).wants_second
    assert look_twice(scenes, before, (stuck, stuck), at=2 * HOUR, codec=codec).faults == ("frozen",)
    alive = look_twice(scenes, before, (stuck, scenes.caption(shown, EIGHT + "43")), at=2 * HOUR, codec=codec)
    assert "frozen" not in alive.faults


def test_a_clock_without_seconds_is_not_frozen_within_its_minute(scenes: Scenes) -> None:
    memory = scenes.remembered(yard(scenes, "2026-11-24 08:00"))
    turn = yard(scenes, "2026-11-24 08:00", take=1), yard(scenes, "2026-11-24 08:01", take=2)
    learned = look_twice(scenes, memory, turn, at=59.0).memory
    assert learned is not None
    assert learned.clock_strip is not None
    same_minute = turn[0]
    assert look_twice(scenes, learned, (same_minute, same_minute), at=59.0 + 20).faults == ()
    assert look_twice(scenes, learned, (same_minute, same_minute), at=59.0 + 62).faults == ("frozen",)
    hours_later = yard(scenes, "2026-11-24 11:37", take=1)
    assert look_twice(scenes, learned, (hours_later, hours_later), at=4 * HOUR).faults == ()


@pytest.mark.parametrize(("hours", "faults"), [(0.1, ()), (5.9, ()), (6.0, ("frozen",)), (30.0, ("frozen",))])
def test_without_a_clock_only_hours_prove_it(scenes: Scenes, hours: float, faults: tuple[str, ...]) -> None:
    stuck = yard(scenes, None)
    memory = scenes.remembered(stuck)
    assert look_twice(scenes, memory, (stuck, stuck), at=hours * HOUR).faults == faults


def test_hours_add_up_over_many_looks(scenes: Scenes) -> None:
    stuck = yard(scenes, None)
    memory = scenes.remembered(stuck)
    for hours in (2.0, 4.0):
        judgement = look_twice(scenes, memory, (stuck, stuck), at=hours * HOUR)
        assert judgement.faults == ()
        assert judgement.memory == memory
    assert look_twice(scenes, memory, (stuck, stuck), at=6 * HOUR).faults == ("frozen",)


def test_life_seen_in_between_begins_the_hours_anew(scenes: Scenes) -> None:
    quiet = yard(scenes, None)
    passing = yard(scenes, None, cars=1)
    alive = look_twice(scenes, scenes.remembered(quiet), (quiet, passing), at=5 * HOUR).memory
    assert alive is not None
    assert alive.at == 5 * HOUR
    assert look_twice(scenes, alive, (quiet, quiet), at=8 * HOUR).faults == ()


def test_other_light_hours_later_is_not_frozen(scenes: Scenes) -> None:
    memory = scenes.remembered(scenes.day(3, noise=1.0))
    later = scenes.day(3, noise=1.0, light=0.97)
    assert look_twice(scenes, memory, (later, later), at=100 * HOUR).faults == ()


def test_a_car_between_two_key_frames_is_life(scenes: Scenes) -> None:
    stuck = yard(scenes, None)
    passing = yard(scenes, None, cars=1)
    assert look_twice(scenes, scenes.remembered(stuck), (stuck, passing), at=100 * HOUR).faults == ()


def test_the_clock_is_found_although_cars_pass(scenes: Scenes, codec: str) -> None:
    memory = scenes.remembered(yard(scenes, EIGHT + "00"), codec=codec)
    pair = yard(scenes, EIGHT + "01", take=1, cars=2), yard(scenes, EIGHT + "03", take=2, cars=3)
    learned = look_twice(scenes, memory, pair, at=1.0, codec=codec).memory
    assert learned is not None
    strip = learned.clock_strip
    assert strip is not None
    x, y, width, height = strip
    # the last digit of the seconds, painted about 200 pixels from the left and 24 from the top
    assert 200 < x < 400
    assert y + height < 120
    assert width < 100


def test_a_dark_or_plain_picture_is_never_called_frozen(scenes: Scenes) -> None:
    plain = scenes.flat((150, 150, 150))
    memory = scenes.remembered(plain)
    assert look_twice(scenes, memory, (plain, plain), at=100 * HOUR).faults == ()


def test_pictures_of_different_size_are_not_still(scenes: Scenes) -> None:
    stuck = yard(scenes, None)
    memory = scenes.remembered(stuck)
    cut = stuck[: stuck.shape[0] - 40]
    assert look_twice(scenes, memory, (stuck, cut), at=100 * HOUR).faults == ()


def test_a_second_key_frame_is_wanted_for_the_picture_of_the_last_look(scenes: Scenes) -> None:
    stuck = yard(scenes, EIGHT + "00")
    memory = scenes.remembered(stuck)
    assert scenes.judge(stuck, memory, at=HOUR).wants_second
    assert not scenes.judge(stuck, None, at=HOUR).wants_second
    assert not scenes.judge(scenes.caption(scenes.day(5)), memory, at=HOUR).wants_second
    assert not scenes.judge(scenes.flat((0, 0, 0)), memory, at=HOUR).wants_second


def test_once_the_clock_is_known_a_new_time_is_proof_enough(scenes: Scenes) -> None:
    memory = knowing_the_clock(scenes)
    assert not scenes.judge(yard(scenes, "2026-11-24 14:29:37", take=6), memory, at=6 * HOUR).wants_second


def test_a_memory_that_is_not_ours_is_passed_over(scenes: Scenes) -> None:
    stuck = yard(scenes, None)
    memory = replace(scenes.remembered(stuck), thumb=b"short", hash=b"")
    judgement = look_twice(scenes, memory, (stuck, stuck), at=100 * HOUR)
    assert judgement.faults == ()
    assert judgement.memory is not None
    assert len(judgement.memory.thumb) == 160 * 90
