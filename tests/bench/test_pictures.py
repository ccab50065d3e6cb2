"""The bench of pictures paints the same places each time, and its faults are as strong as they say."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.bench.bench_pictures import FAULTS_EACH, UNCHANGED, Camera, Village
from tests.bench.lens import Lens
from tests.bench.scenery import paint_place
from tests.bench.tampering import CASES, Case, holed
from tests.bench.weather import CONDITIONS, HOURS, REVISITS, Condition, day, fog


def test_a_seed_paints_one_place() -> None:
    assert np.array_equal(paint_place(3).picture, paint_place(3).picture)
    assert not np.array_equal(paint_place(3).picture, paint_place(4).picture)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.strength.startswith(("cloth", "paper"))], ids=lambda case: case.name
)
def test_a_cover_hides_the_share_it_names(case: Case) -> None:
    rng = np.random.default_rng(1)
    view = day(paint_place(3), rng, rng)
    spoilt = case.spoil(view, np.random.default_rng(2))
    changed = np.abs(spoilt.picture - view.picture).max(axis=2) > 2
    assert changed.mean() == pytest.approx(float(case.strength.split()[1].rstrip("%")) / 100, abs=0.12)


def test_a_hole_is_behind_the_headers() -> None:
    frame = bytes(range(250)) * 40
    with_hole = holed(frame, 0.3, np.random.default_rng(0))
    assert len(with_hole) == 7_000
    assert with_hole[:1_000] == frame[:1_000]


def test_every_sight_and_every_light_has_its_hour() -> None:
    shown = [name for hour in HOURS for name in hour.shown]
    assert set(shown) == set(REVISITS)
    assert Counter(condition for hour in HOURS for condition in hour.conditions) == Counter(Condition)
    assert set(CONDITIONS) == set(Condition)


def test_a_village_shares_its_fog() -> None:
    def far_contrast(sky: int) -> float:
        seen = fog(paint_place(3), np.random.default_rng(1), np.random.default_rng(sky))
        return float(seen.picture.std())

    assert far_contrast(1) == far_contrast(1)
    assert far_contrast(1) != far_contrast(2)


def test_codecs_have_nothing_to_do_with_the_order_of_the_cameras() -> None:
    codecs = [Lens.of(number).codec for number in range(64)]
    for step in (2, 3, 4):
        assert all(len(set(codecs[first::step])) == 2 for first in range(step))


def test_a_village_lives_through_its_hours_and_faults() -> None:
    findings = list(Village(0, [Camera(number, paint_place(0)) for number in (1, 2)]).live())
    names = [finding.name for finding in findings]
    assert all(name in REVISITS for name in names[: 2 * len(HOURS)])
    assert names[2 * len(HOURS) : -2 * FAULTS_EACH] == [UNCHANGED] * 2
    assert names[-2 * FAULTS_EACH :] == [case.name for case in CASES[FAULTS_EACH : 3 * FAULTS_EACH]]
