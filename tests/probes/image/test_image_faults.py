"""Severe faults are found, and no normal picture is ever called gravely faulty."""

from __future__ import annotations

from dataclasses import fields, replace

import cv2
import numpy as np
import pytest

from monitor.core.condition import GRAVE_BY_DEFAULT, IMAGE_FAULTS
from probes.image.faults import find_faults
from probes.image.measure import Comparison, Measures, compare
from probes.picture import GRAVE
from tests.probes.image.pictures import Image, Scenes

PLACES = range(6)


def test_the_faults_are_the_countys() -> None:
    assert {fault.value for fault in GRAVE_BY_DEFAULT} == GRAVE
    assert {fault.value for fault in IMAGE_FAULTS} >= GRAVE


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("with_caption", [True, False])
def test_a_black_picture_is_black(scenes: Scenes, codec: str, place: int, with_caption: bool) -> None:
    memory = scenes.remembered(scenes.caption(scenes.day(place)), codec=codec)
    dead = scenes.unlit(place, light=0.0, lift=6, noise=1.0)
    picture = scenes.caption(dead) if with_caption else dead
    assert scenes.judge(picture, memory, codec=codec).faults == ("black",)
    assert scenes.judge(picture, None, codec=codec).faults == ("black",)


@pytest.mark.parametrize(
    ("tone", "text"),
    [
        ((190, 30, 10), "VIDEO LOSS"),
        ((255, 0, 0), ""),
        ((0, 0, 0), "NO VIDEO"),
        ((128, 128, 128), "NO SIGNAL"),
        ((40, 160, 40), "NO SIGNAL"),
    ],
)
def test_the_screen_of_a_dead_input_is_signal_loss(
    scenes: Scenes, codec: str, tone: tuple[int, int, int], text: str
) -> None:
    assert scenes.judge(scenes.flat(tone, text), codec=codec).faults == ("signal_loss",)


@pytest.mark.parametrize("size", [1.0, 1.6])
def test_a_recorder_may_write_in_large_letters_on_a_screen_of_another_shape(
    scenes: Scenes, codec: str, size: float
) -> None:
    screen = cv2.resize(scenes.flat((128, 128, 128), "NO SIGNAL", size=size), (704, 576))
    assert scenes.judge(np.asarray(screen, np.uint8), codec=codec).faults == ("signal_loss",)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("tone", [(60, 70, 80), (40, 40, 40), (30, 60, 110), (70, 90, 60)])
def test_a_covered_lens_is_covered(scenes: Scenes, codec: str, place: int, tone: tuple[int, int, int]) -> None:
    memory = scenes.remembered(scenes.caption(scenes.day(place)), codec=codec)
    picture = scenes.caption(scenes.covered(place, share=0.95, tone=tone))
    assert scenes.judge(picture, memory, codec=codec).faults == ("covered",)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("tone", [(80, 110, 160), (50, 120, 60), (150, 70, 50)])
def test_a_hand_or_leaves_before_the_lens_cover_it_creases_and_all(
    scenes: Scenes, codec: str, place: int, tone: tuple[int, int, int]
) -> None:
    memory = scenes.remembered(scenes.caption(scenes.day(place)), codec=codec)
    assert scenes.judge(scenes.caption(scenes.creased(place, tone)), memory, codec=codec).faults == ("covered",)


def test_nothing_is_covered_that_was_never_seen_open(scenes: Scenes) -> None:
    assert scenes.judge(scenes.caption(scenes.covered(1, share=0.95, tone=(60, 70, 80)))).faults == ()


@pytest.mark.parametrize("place", PLACES)
def test_lesser_faults_are_listed(scenes: Scenes, codec: str, place: int) -> None:
    day = scenes.day(place)
    memory = scenes.remembered(scenes.caption(day), codec=codec)
    striped = day.astype(np.float32)
    striped[::8] += 45
    striped[1::8] += 45
    spoiled: dict[str, Image] = {
        "blurred": np.asarray(cv2.GaussianBlur(day, (0, 0), 5), np.uint8),
        "too_dark": scenes.unlit(place, light=0.06, lift=4, noise=1),
        "too_bright": np.clip(day.astype(np.float32) * 2.2 + 60, 0, 255).astype(np.uint8),
        "colour_cast": np.clip(day * np.array((0.4, 1.3, 0.4)), 0, 255).astype(np.uint8),
        "noise": scenes.day(place, noise=35),
        "stripes": np.clip(striped, 0, 255).astype(np.uint8),
        "moved": np.roll(day, 120, axis=1),
    }
    for fault, picture in spoiled.items():
        assert scenes.judge(scenes.caption(picture), memory, codec=codec).faults == (fault,), fault


def revisits(scenes: Scenes, place: int) -> dict[str, Image]:
    """What a sound camera may show at its next look."""
    day = scenes.day(place)
    shown = {
        f"day {light} noise {noise} {cars} cars": scenes.day(place, light=light, noise=noise, take=cars + 1, cars=cars)
        for light, noise, cars in ((0.85, 3, 0), (0.95, 2, 2), (1.0, 4, 5), (1.15, 2, 1), (0.5, 3, 3))
    }
    shown |= {f"infrared {light}": scenes.infrared(day, light=light, take=1) for light in (0.3, 0.6, 0.9)}
    shown |= {
        f"unlit {light} lift {lift} noise {noise}": scenes.unlit(place, light=light, lift=lift, noise=noise)
        for light, lift, noise in (
            (0.02, 4, 1),
            (0.03, 4, 3),
            (0.05, 20, 8),
            (0.05, 55, 1),
            (0.07, 14, 1),
            (0.1, 4, 2),
            (0.2, 8, 2),
        )
    }
    shown |= {
        f"fog {density} of {air}": scenes.fog(place, density=density, air=air)
        for density, air in ((1, 190), (2, 190), (4, 190), (8, 190), (1, 118), (2, 118), (4, 118), (8, 118))
    }
    shown |= {
        f"infrared fog {density}": scenes.infrared(scenes.fog(place, density=density, air=150), take=2)
        for density in (2, 8)
    }
    shown |= {f"{count} far lamps": scenes.far_lamps(place, count) for count in (1, 3, 8)}
    shown["lamps"] = scenes.lamps(place)
    shown["another preset of a dome"] = scenes.day(place + 100)
    return {name: scenes.caption(picture, f"2026-11-25 1{place}:14:27") for name, picture in shown.items()}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("remembered", ["day", "infrared", "nothing"])
def test_no_normal_picture_is_gravely_faulty(scenes: Scenes, place: int, remembered: str) -> None:
    codec = ("h264", "hevc")[place % 2]
    day = scenes.day(place)
    before = {"day": day, "infrared": scenes.infrared(day), "nothing": None}[remembered]
    memory = None if before is None else scenes.remembered(scenes.caption(before), codec=codec)
    accused = {
        name: judgement.faults
        for name, picture in revisits(scenes, place).items()
        if not GRAVE.isdisjoint((judgement := scenes.judge(picture, memory, codec=codec)).faults)
    }
    assert accused == {}


@pytest.mark.parametrize("place", PLACES)
def test_infrared_grey_is_no_colour_cast_and_changes_no_fault(scenes: Scenes, place: int) -> None:
    day = scenes.day(place)
    by_day, by_night = scenes.caption(day), scenes.caption(scenes.infrared(day))
    assert scenes.judge(by_night, scenes.remembered(by_day)).faults == ()
    assert scenes.judge(by_day, scenes.remembered(by_night)).faults == ()


def test_a_faulty_picture_does_not_become_the_reference(scenes: Scenes) -> None:
    memory = scenes.remembered(scenes.caption(scenes.day(1)))
    assert scenes.judge(scenes.caption(scenes.covered(1, share=0.95, tone=(60, 70, 80))), memory).memory is None
    assert scenes.judge(scenes.caption(scenes.unlit(1, light=0.05, lift=4, noise=1)), memory).memory is None
    assert scenes.judge(scenes.caption(scenes.day(2)), memory).memory is not None


def test_a_blurred_picture_is_remembered_for_standing_still_and_learned_by_nobody(scenes: Scenes) -> None:
    memory = scenes.remembered(scenes.caption(scenes.day(1)))
    blurred = scenes.judge(scenes.caption(np.asarray(cv2.GaussianBlur(scenes.day(1), (0, 0), 5), np.uint8)), memory)
    assert blurred.faults == ("blurred",)
    assert blurred.memory is not None
    assert blurred.memory.thumb != memory.thumb
    assert blurred.memory.day == memory.day


COVERED = Comparison(
    likeness=0.1,
    shift=0,
    peak=0,
    energy=0.1,
    textured=0.5,
    lost=0.9,
    lost_luma=70,
    lost_luma_then=110,
    residue=0.0,
    focus=0.3,
    pattern=0.0,
    difference=30,
    largest_difference=100,
    detailed=0.5,
    seen=0.4,
    seen_median=0.4,
    seen_upper=0.7,
    seen_row=0.8,
    detail=0.5,
    contrast=0.5,
)
HIDDEN = replace(
    COVERED, lost=0.1, lost_luma=180, seen=0.02, seen_median=0.0, seen_upper=0.15, seen_row=0.1, detail=0.1
)
SMOOTH = Measures(
    mean=75,
    std=11,
    p1=60,
    p99=90,
    dark=0,
    bright=0,
    mode=72,
    uniform=0.6,
    relief=6,
    spots=0,
    text=0,
    sharpness=150,
    noise=0,
    cast_u=0,
    cast_v=0,
    chroma=1,
    flat=0.95,
    stripes=20,
)
BRIGHT_SKIN = replace(SMOOTH, mean=130, cast_u=-15, cast_v=15, chroma=3)
BLANK = replace(SMOOTH, mean=20, p99=22, mode=18, uniform=0.99, relief=0.5)


@pytest.mark.parametrize(
    "doubt",
    [
        {"detailed": 0.19},
        {"seen": 0.13},
        {"seen_median": 0.14},
        {"seen_upper": 0.3},
        {"seen_row": 0.31},
        {"detail": 0.45},
        {"energy": 0.7},
        {"peak": 0.31},
    ],
    ids=str,
)
def test_each_sight_of_the_scene_keeps_a_camera_from_being_hidden(doubt: dict[str, float]) -> None:
    assert find_faults(BRIGHT_SKIN, HIDDEN) == ["covered"]
    assert "covered" not in find_faults(BRIGHT_SKIN, replace(HIDDEN, **doubt))


@pytest.mark.parametrize("doubt", [{"mean": 39.0}, {"noise": 3.1}, {"cast_u": -3.0, "cast_v": 3.0}], ids=str)
def test_what_may_be_night_or_noise_or_fog_is_not_called_a_cover(doubt: dict[str, float]) -> None:
    assert "covered" not in find_faults(replace(BRIGHT_SKIN, **doubt), HIDDEN)


@pytest.mark.parametrize(
    "doubt",
    [
        {"textured": 0.2},
        {"lost": 0.5},
        {"residue": 0.3},
        {"likeness": 0.7},
        {"energy": 0.7},
        {"lost_luma": 101},
        {"peak": 0.31},
        {"lost_luma": 90, "lost_luma_then": 80},
    ],
    ids=str,
)
def test_each_doubt_alone_keeps_a_camera_from_being_covered(doubt: dict[str, float]) -> None:
    assert find_faults(SMOOTH, COVERED) == ["covered"]
    assert "covered" not in find_faults(SMOOTH, replace(COVERED, **doubt))


@pytest.mark.parametrize("doubt", [{"noise": 0.6}, {"relief": 1.4}, {"uniform": 0.89}, {"mode": 25}, {"spots": 0.001}])
def test_each_doubt_alone_keeps_a_picture_from_being_black(doubt: dict[str, float]) -> None:
    assert find_faults(BLANK, None) == ["black"]
    assert "black" not in find_faults(replace(BLANK, **doubt), None)


def test_a_dark_picture_with_the_pattern_of_the_scene_is_not_black() -> None:
    assert find_faults(BLANK, COVERED) == ["black"]
    assert "black" not in find_faults(BLANK, replace(COVERED, pattern=0.45))


def test_lamps_in_a_row_are_no_text() -> None:
    assert find_faults(replace(BLANK, text=0.9, spots=0.01), None) == ["signal_loss"]
    assert find_faults(replace(BLANK, text=0.5, spots=0.01), None) == ["too_dark"]


@pytest.mark.parametrize("kind", [{"cast_u": 60}, {"text": 0.9}])
def test_a_plain_picture_is_no_signal_loss_unless_its_colour_or_text_says_so(kind: dict[str, float]) -> None:
    plain = replace(BLANK, mode=150, mean=150)
    assert find_faults(plain, None) == []
    assert find_faults(replace(plain, **kind), None) == ["signal_loss"]


@pytest.mark.parametrize(("luma", "is_lost"), [(35, False), (45, True)])
def test_what_no_light_falls_on_has_lost_nothing(scenes: Scenes, luma: int, is_lost: bool) -> None:
    """A black level that is raised by night reaches 35."""
    then = np.asarray(cv2.resize(cv2.cvtColor(scenes.day(1), cv2.COLOR_BGR2GRAY), (160, 90)), np.uint8)
    assert (compare(np.full_like(then, luma), then).lost > 0.9) == is_lost


def test_no_measure_hides_another_of_its_name() -> None:
    assert {part.name for part in fields(Measures)}.isdisjoint(part.name for part in fields(Comparison))


def test_the_measures_are_named_and_finite(scenes: Scenes) -> None:
    memory = scenes.remembered(scenes.day(1))
    for picture in (scenes.day(1), scenes.flat((0, 0, 0)), scenes.flat((255, 255, 255))):
        measures = scenes.judge(picture, memory).measures
        assert {"mean", "sharpness", "noise", "likeness", "lost", "residue"} <= set(measures)
        assert all(np.isfinite(value) for value in measures.values())
