"""Fog and bright covers veil the scene, and a picture says by how much without saying by what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace

import cv2
import numpy as np
import pytest

from probes.image.judge import HAZE_S, judge
from probes.image.judgement import PictureJob, PictureJudgement
from probes.image.measure import Measures
from probes.image.thresholds import DEFAULTS, Thresholds
from probes.image.veil import veil_of
from probes.observation import Light, PictureMemory
from tests.probes.image.pictures import Image, Scenes
from tests.probes.image.test_image_faults import HIDDEN, SMOOTH

PLACES = range(6)
PAPER = replace(SMOOTH, mean=160, p99=175, mode=160, chroma=5)
VEILED = replace(HIDDEN, contrast=0.1)
SEEN = replace(HIDDEN, seen=0.9, seen_median=0.95, seen_upper=0.97, seen_row=0.98, detail=0.9, energy=0.9, contrast=0.9)


def measured(changed: Mapping[str, float], thresholds: Thresholds = DEFAULTS, *, ptz: bool = False) -> dict[str, float]:
    """Of a sheet of paper before the lens, with some of its measures changed."""
    absolute = {field.name for field in fields(Measures)} & changed.keys()
    measures = replace(PAPER, **{name: changed[name] for name in absolute})
    comparison = replace(VEILED, **{name: changed[name] for name in changed.keys() - absolute})
    return veil_of(measures, [comparison], thresholds, ptz=ptz)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("tone", [(180, 185, 190), (150, 150, 150), (205, 205, 205)])
def test_a_sheet_of_paper_veils_the_scene_and_is_no_fault_by_itself(
    scenes: Scenes, codec: str, place: int, tone: tuple[int, int, int]
) -> None:
    memory = scenes.remembered(scenes.caption(scenes.day(place)), codec=codec)
    judgement = scenes.judge(scenes.caption(scenes.covered(place, share=1.0, tone=tone)), memory, codec=codec)
    assert judgement.faults == ()
    assert judgement.measures["veil"] >= 1
    assert judgement.memory is None, "what may be a cover must not become what the next picture is held against"


@pytest.mark.parametrize("place", PLACES)
def test_thick_fog_is_at_least_hazy_and_the_open_is_neither(scenes: Scenes, codec: str, place: int) -> None:
    memory = scenes.remembered(scenes.caption(scenes.day(place)), codec=codec)
    foggy = scenes.judge(scenes.caption(scenes.fog(place, density=4, air=190)), memory, codec=codec).measures
    assert foggy["haze"] >= 1
    for light in (0.6, 1.0, 1.15):
        shown = scenes.caption(scenes.day(place, light=light, take=1))
        clear = scenes.judge(shown, memory, codec=codec).measures
        assert clear["haze"] < 1, light
        assert clear["veil"] < 0.5, light


def test_without_a_reference_or_without_light_nothing_is_said(scenes: Scenes) -> None:
    day = scenes.caption(scenes.day(1))
    assert "veil" not in scenes.judge(day).measures
    assert measured({"mean": 39.0}) == {}
    assert measured({"detailed": 0.1}) == {}
    assert set(measured({})) == {"veil", "haze"}


@pytest.mark.parametrize(
    "sight",
    [
        {"seen": 0.23},
        {"seen_median": 0.17},
        {"seen_upper": 0.39},
        {"seen_row": 0.46},
        {"detail": 0.33},
        {"energy": 0.51},
        {"peak": 0.31},
        {"noise": 5.1},
        {"flat": 0.75},
    ],
    ids=str,
)
def test_each_sight_of_the_scene_lifts_the_veil(sight: dict[str, float]) -> None:
    assert measured({})["veil"] >= 1
    assert measured(sight)["veil"] < 1


def test_bright_ground_under_snow_is_smooth_and_by_night_a_cover_need_not_be() -> None:
    grey = {"cast_u": 0.0, "cast_v": 0.0, "chroma": 1.0}
    assert measured({"flat": 0.7})["veil"] < 1
    assert measured({"flat": 0.7, **grey})["veil"] >= 1
    assert measured({"flat": 0.3, "seen": 0.1, **grey})["veil"] >= 1
    assert measured({"flat": 0.3, "seen": 0.15, **grey})["veil"] < 1


def test_haze_begins_where_contrast_or_likeness_ends() -> None:
    assert veil_of(PAPER, [SEEN], DEFAULTS, ptz=False)["haze"] < 1
    for lost in ({"contrast": 0.5}, {"seen": 0.4}):
        assert veil_of(PAPER, [replace(SEEN, **lost)], DEFAULTS, ptz=False)["haze"] == pytest.approx(1.0)


def test_the_thresholds_are_the_countys() -> None:
    assert measured({"seen": 0.1}, Thresholds(veiled_seen=0.05))["veil"] < 1
    hazy = replace(SEEN, contrast=0.5)
    assert veil_of(PAPER, [hazy], Thresholds(hazy_contrast=0.3), ptz=False)["haze"] < 1


def test_a_smooth_grey_picture_is_veiled_only_against_every_reference() -> None:
    both = veil_of(SMOOTH, [VEILED, SEEN], DEFAULTS, ptz=False)
    assert both == veil_of(SMOOTH, [SEEN], DEFAULTS, ptz=False)


def test_a_turning_camera_tells_of_the_weather_only_where_it_knows_the_scene() -> None:
    assert measured({"seen": 0.3}, ptz=True) == {}
    assert measured({"flat": 0.97}, ptz=True)["veil"] >= 1
    assert veil_of(PAPER, [SEEN], DEFAULTS, ptz=True)["haze"] < 1


def judged(scenes: Scenes, picture: Image, memory: PictureMemory, at: float) -> PictureJudgement:
    return judge(PictureJob(codec="h264", first=scenes.encode(picture), at=at, memory=memory))


def test_haze_teaches_nothing_for_a_week(scenes: Scenes) -> None:
    memory = scenes.remembered(scenes.caption(scenes.day(1)), at=0.0)
    hazy = np.asarray(cv2.addWeighted(scenes.day(1), 0.4, np.full_like(scenes.day(1), 190), 0.6, 0), np.uint8)
    soon = judged(scenes, scenes.caption(hazy), memory, 3600.0)
    assert soon.faults == ()
    assert soon.memory is not None
    assert soon.memory.reference(Light.DAY) == memory.day
    late = judged(scenes, scenes.caption(hazy), memory, HAZE_S + 1)
    assert late.memory is not None
    assert late.memory.reference(Light.DAY) != memory.day
