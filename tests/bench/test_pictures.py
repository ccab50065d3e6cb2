"""The bench of pictures paints the same places each time, and its faults are as strong as they say."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench.bench_pictures import FAULTS_EACH, REVISITS_EACH, Camera
from tests.bench.scenery import paint_place
from tests.bench.tampering import CASES, Case, holed
from tests.bench.weather import REVISITS, day


def test_a_seed_paints_one_place() -> None:
    assert np.array_equal(paint_place(3).picture, paint_place(3).picture)
    assert not np.array_equal(paint_place(3).picture, paint_place(4).picture)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.strength.startswith(("cloth", "paper"))], ids=lambda case: case.name
)
def test_a_cover_hides_the_share_it_names(case: Case) -> None:
    view = day(paint_place(3), np.random.default_rng(1))
    spoilt = case.spoil(view, np.random.default_rng(2))
    changed = np.abs(spoilt.picture - view.picture).max(axis=2) > 2
    assert changed.mean() == pytest.approx(float(case.strength.split()[1].rstrip("%")) / 100, abs=0.12)


def test_a_hole_is_behind_the_headers() -> None:
    frame = bytes(range(250)) * 40
    with_hole = holed(frame, 0.3, np.random.default_rng(0))
    assert len(with_hole) == 7_000
    assert with_hole[:1_000] == frame[:1_000]


def test_a_camera_lives_through_its_revisits_and_faults() -> None:
    findings = list(Camera(1, paint_place(1)).live())
    assert [finding.name in REVISITS for finding in findings[:REVISITS_EACH]].count(True) >= REVISITS_EACH - 1
    assert [finding.name for finding in findings[REVISITS_EACH:]] == [
        case.name for case in CASES[FAULTS_EACH : 2 * FAULTS_EACH]
    ]
