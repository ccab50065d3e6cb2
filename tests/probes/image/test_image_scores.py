"""Each fault has a score that is 1 at its threshold, and the thresholds are those of the job."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import numpy as np
import pytest

from monitor.core.condition import IMAGE_FAULTS
from probes.image.faults import find_faults, light_of, listed, score_faults
from probes.image.judgement import PictureJob
from probes.image.pool import DecodePool
from probes.image.thresholds import Thresholds
from probes.observation import Light
from tests.probes.image.pictures import Scenes
from tests.probes.image.test_image_faults import BLANK, COVERED, SMOOTH

SOUND = replace(SMOOTH, flat=0.2, mean=110, p99=220, chroma=12, noise=1, uniform=0.1)
KNOWN = replace(COVERED, likeness=0.95, energy=1.0, lost=0.0, residue=0.9, focus=0.9, pattern=0.9, lost_luma=0)

AT_THE_THRESHOLD = {
    "signal_loss": (replace(BLANK, cast_u=40.0, mode=150), None),
    "black": (replace(BLANK, mode=24.0), None),
    "covered": (SMOOTH, replace(COVERED, lost=0.6)),
    "blurred": (SOUND, replace(KNOWN, focus=0.6)),
    "too_dark": (replace(SOUND, mean=32.0, p99=100), None),
    "too_bright": (replace(SOUND, mean=200.0), None),
    "colour_cast": (replace(SOUND, cast_u=28.0), None),
    "noise": (replace(SOUND, noise=9.0), None),
    "stripes": (replace(SOUND, stripes=110.0), None),
    "moved": (SOUND, replace(KNOWN, peak=0.9, shift=24.0)),
}


@pytest.mark.parametrize("fault", AT_THE_THRESHOLD)
def test_the_score_is_one_at_the_threshold(fault: str) -> None:
    measures, comparison = AT_THE_THRESHOLD[fault]
    assert score_faults(measures, comparison)[fault] == pytest.approx(1.0)
    assert find_faults(measures, comparison) == [fault]


@pytest.mark.parametrize("fault", AT_THE_THRESHOLD)
def test_a_stricter_threshold_lets_the_same_picture_go(fault: str) -> None:
    measures, comparison = AT_THE_THRESHOLD[fault]
    stricter = Thresholds(
        black_luma=20,
        signal_loss_cast=50,
        covered_share=0.7,
        blurred_focus=0.5,
        too_dark_luma=28,
        too_bright_luma=220,
        colour_cast=35,
        noise=12,
        stripes=140,
        moved_shift=40,
    )
    assert score_faults(measures, comparison, stricter)[fault] < 1
    assert fault not in find_faults(measures, comparison, stricter)


def test_every_threshold_moves_some_score() -> None:
    for threshold in (field.name for field in fields(Thresholds)):
        # told by two frames, or no fault: see test_image_shake and test_image_veil
        if threshold in {"shaking_shift", "veiled_seen", "hazy_contrast"}:
            continue
        halved = replace(Thresholds(), **{threshold: getattr(Thresholds(), threshold) / 2})
        cases = [*AT_THE_THRESHOLD.values(), (replace(SOUND, bright=0.6), None)]
        assert any(score_faults(*case) != score_faults(*case, halved) for case in cases), threshold


def test_scores_are_bounded_and_finite() -> None:
    extreme = replace(SMOOTH, noise=1e9, stripes=1e9, mean=1e9, uniform=1.0, relief=0, cast_u=1e9)
    for measures in (extreme, replace(SMOOTH, mean=0, mode=0, p99=0, flat=1.0, uniform=1.0)):
        for comparison in (None, COVERED, replace(COVERED, likeness=-1, focus=0, lost=1, residue=-1, lost_luma=0)):
            scores = score_faults(measures, comparison)
            assert all(math.isfinite(score) and 0 <= score <= 10 for score in scores.values())


def test_a_sound_picture_is_far_from_every_threshold(scenes: Scenes, codec: str) -> None:
    judgement = scenes.judge(
        scenes.caption(scenes.day(1)), scenes.remembered(scenes.caption(scenes.day(1))), codec=codec
    )
    scores = {name: value for name, value in judgement.measures.items() if name.startswith("score_")}
    assert set(scores) == {f"score_{fault}" for fault in AT_THE_THRESHOLD}
    assert max(scores.values()) < 0.9


def test_what_is_listed_has_a_score_of_one_or_more(scenes: Scenes) -> None:
    memory = scenes.remembered(scenes.caption(scenes.day(1)))
    judgement = scenes.judge(scenes.caption(scenes.covered(1, share=0.95, tone=(60, 70, 80))), memory)
    assert judgement.faults == ("covered",)
    assert judgement.measures["score_covered"] > 1
    assert listed({"covered": 0.99, **dict.fromkeys(score_faults(SOUND, None), 0.0)}) == []


def test_every_image_fault_has_a_score() -> None:
    of_several_frames = {"frozen", "shaking", "corrupted"}
    assert set(AT_THE_THRESHOLD) | of_several_frames == {fault.value for fault in IMAGE_FAULTS}


async def test_a_worker_judges_by_the_thresholds_of_its_job(pool: DecodePool, scenes: Scenes) -> None:
    job = PictureJob(codec="h264", first=scenes.encode(scenes.day(2)), at=0.0)
    assert (await pool.judge(job)).faults == ()
    assert (await pool.judge(replace(job, thresholds=Thresholds(stripes=1.0)))).faults == ("stripes",)
    assert (await pool.judge(job)).faults == (), "the next job has its own"


def test_grey_or_dark_is_night_and_smooth_grey_is_neither(scenes: Scenes) -> None:
    day = scenes.day(3)
    shown = {
        "day": day,
        "dusk": scenes.day(3, light=0.6),
        "infrared": scenes.infrared(day),
        "unlit": scenes.unlit(3, light=0.1, lift=4, noise=2),
        "cloth": scenes.covered(3, share=1.0, tone=(90, 90, 90)),
    }
    lights = {name: _light(scenes, picture) for name, picture in shown.items()}
    assert lights == {
        "day": Light.DAY,
        "dusk": Light.DAY,
        "infrared": Light.NIGHT,
        "unlit": Light.NIGHT,
        "cloth": None,
    }


def _light(scenes: Scenes, picture: np.typing.NDArray[np.uint8]) -> Light | None:
    memory = scenes.judge(scenes.caption(picture)).memory
    if memory is not None:
        return Light.DAY if memory.day else Light.NIGHT if memory.night else None
    found = scenes.judge(picture).measures
    return light_of(replace(SMOOTH, **{part.name: found[part.name] for part in fields(SMOOTH)}))
