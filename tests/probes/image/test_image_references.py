"""A picture is held against the reference of its own light; references are learned, approved, and let go of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from probes.image.faults import find_faults
from probes.image.judge import judge
from probes.image.judgement import PictureJob, PictureJudgement
from probes.observation import Light, PictureMemory, Reference
from tests.probes.image.pictures import Image, Scenes
from tests.probes.image.test_image_faults import BLANK, COVERED

PLACES = range(4)
LATER = "2026-11-25 09:14:27"


def day(scenes: Scenes, place: int) -> Image:
    return scenes.caption(scenes.day(place))


def night(scenes: Scenes, place: int) -> Image:
    return scenes.caption(scenes.infrared(scenes.day(place), light=0.9))


def judged(scenes: Scenes, picture: Image, memory: PictureMemory, *, ptz: bool = False) -> PictureJudgement:
    return judge(PictureJob(codec="h264", first=scenes.encode(picture), at=50.0, memory=memory, ptz=ptz))


def test_a_picture_becomes_the_reference_of_its_light_and_leaves_the_other(scenes: Scenes) -> None:
    by_day = scenes.remembered(day(scenes, 1), at=1.0)
    assert by_day.day is not None
    assert by_day.day.at == 1.0
    assert by_day.night is None
    both = judged(scenes, night(scenes, 1), by_day).memory
    assert both is not None
    assert both.day == by_day.day
    assert both.night is not None
    assert both.night.at == 50.0
    assert both.night.thumb == both.thumb


@pytest.mark.parametrize("place", PLACES)
def test_without_a_reference_of_its_light_a_picture_is_not_compared(scenes: Scenes, place: int) -> None:
    memory = scenes.remembered(day(scenes, place))
    moved = scenes.caption(np.roll(scenes.infrared(scenes.day(place), light=0.9), 120, axis=1), LATER)
    assert judged(scenes, moved, memory).faults == ()
    assert "score_moved" not in judged(scenes, moved, memory).measures
    known = replace(memory, night=scenes.remembered(night(scenes, place)).night)
    assert judged(scenes, moved, known).faults == ("moved",)
    assert judged(scenes, moved, replace(known, day=None)).faults == ("moved",)


@pytest.mark.parametrize("place", PLACES)
def test_by_day_the_night_is_not_asked(scenes: Scenes, place: int) -> None:
    memory = scenes.remembered(night(scenes, place))
    for picture in (np.roll(scenes.day(place), 120, axis=1), scenes.day(place)):
        judgement = judged(scenes, scenes.caption(picture, LATER), memory)
        assert judgement.faults == ()
        assert "likeness" not in judgement.measures


@pytest.mark.parametrize("place", PLACES)
def test_a_smooth_grey_picture_is_covered_only_against_every_reference(scenes: Scenes, place: int) -> None:
    cloth = scenes.caption(scenes.covered(place, share=1.0, tone=(55, 55, 55)), LATER)
    memory = scenes.remembered(day(scenes, place))
    assert judged(scenes, cloth, memory).faults == ("covered",)
    plain = Reference(at=0.0, thumb=bytes([60]) * (160 * 90))
    assert judged(scenes, cloth, replace(memory, night=plain)).faults == ()
    assert judged(scenes, cloth, replace(memory, day=None)).faults == ()


def test_a_smooth_grey_picture_teaches_nothing(scenes: Scenes) -> None:
    cloth = scenes.caption(scenes.covered(1, share=1.0, tone=(90, 90, 90)))
    memory = scenes.judge(cloth).memory
    assert memory is not None
    assert (memory.day, memory.night) == (None, None)


def test_nothing_of_a_known_scene_may_show_in_a_black_picture_by_whatever_light_it_is_known(scenes: Scenes) -> None:
    unlit = scenes.unlit(2, light=0.015, lift=5, noise=0.2)
    memory = scenes.remembered(scenes.day(2))
    assert "pattern" in judged(scenes, unlit, memory).measures
    assert judged(scenes, scenes.unlit(2, light=0.0, lift=6, noise=0.2), memory).faults == ("black",)
    assert "black" not in judged(scenes, unlit, memory).faults
    by_day = replace(COVERED, pattern=0.7)
    assert find_faults(BLANK, None, others=(COVERED,)) == ["black"]
    assert "black" not in find_faults(BLANK, None, others=(by_day,))
    assert "black" not in find_faults(BLANK, COVERED, others=(by_day,))


def test_only_what_could_be_black_or_covered_is_held_against_another_light(scenes: Scenes) -> None:
    memory = scenes.remembered(day(scenes, 1))
    assert "likeness" not in judged(scenes, night(scenes, 1), memory).measures
    assert "likeness" in judged(scenes, scenes.flat((0, 0, 0)), memory).measures


def test_an_approved_reference_is_not_learned_anew(scenes: Scenes) -> None:
    memory = scenes.remembered(day(scenes, 1))
    assert memory.day is not None
    approved = memory.with_reference(Light.DAY, replace(memory.day, approved_by="王芳"))
    brighter = scenes.caption(scenes.day(1, light=1.1, take=5), LATER)
    kept = judged(scenes, brighter, approved).memory
    assert kept is not None
    assert kept.day == approved.day
    assert kept.thumb != approved.thumb, "the last look is remembered all the same: hours of sameness start from it"
    learned = judged(scenes, brighter, memory).memory
    assert learned is not None
    assert learned.day is not None
    assert (learned.day.at, learned.day.thumb) == (50.0, learned.thumb)


def test_against_an_approved_reference_a_moved_camera_stays_moved(scenes: Scenes) -> None:
    memory = scenes.remembered(day(scenes, 1))
    assert memory.day is not None
    approved = memory.with_reference(Light.DAY, replace(memory.day, approved_by="王芳"))
    moved = scenes.caption(np.roll(scenes.day(1), 120, axis=1), LATER)
    for _ in range(2):
        judgement = judged(scenes, moved, approved)
        assert judgement.faults == ("moved",)
        assert judgement.memory is not None
        approved = judgement.memory


def test_a_reference_that_was_let_go_of_is_learned_from_the_same_picture(scenes: Scenes) -> None:
    memory = scenes.remembered(day(scenes, 1))
    again = judged(scenes, day(scenes, 1), replace(memory, day=None)).memory
    assert again is not None
    assert again.at == memory.at, "the picture has not changed since"
    assert again.day is not None


@pytest.mark.parametrize("place", PLACES)
def test_a_camera_that_turns_is_never_moved(scenes: Scenes, place: int) -> None:
    memory = scenes.remembered(day(scenes, place))
    moved = scenes.caption(np.roll(scenes.day(place), 120, axis=1), LATER)
    assert judged(scenes, moved, memory).faults == ("moved",)
    turned = judged(scenes, moved, memory, ptz=True)
    assert turned.faults == ()
    assert "score_moved" not in turned.measures


@pytest.mark.parametrize("place", PLACES)
def test_a_camera_that_turns_is_covered_only_where_nothing_at_all_is_seen(scenes: Scenes, place: int) -> None:
    memory = scenes.remembered(day(scenes, place))
    wall = scenes.covered(place, share=0.8, tone=(60, 70, 80))
    assert judged(scenes, scenes.caption(wall, LATER), memory).faults == ("covered",)
    assert judged(scenes, scenes.caption(wall, LATER), memory, ptz=True).faults == ()
    lens = scenes.covered(place, share=1.0, tone=(60, 70, 80))
    assert judged(scenes, lens, memory, ptz=True).faults == ("covered",)
