"""The benchmarks run, at a size that takes seconds, so that they are there when their figures are wanted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)


@pytest.mark.parametrize(
    ("name", "items"),
    [
        ("metrics.render", 1),
        ("page.front", 1),
        ("month.show", 44),
        ("papers.month", 24),
        ("round.light", 44),
        ("round.picture", 44),
        ("look.onvif", 25),
        ("recorders.media", 96),
    ],
)
def test_each_kind_of_benchmark_measures_something(name: str, items: int) -> None:
    ran = bench(name, "--cameras", "44", "--json")
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout)
    assert told["cameras"] == 44
    (result,) = told["results"].values()
    assert result["items"] == items
    assert result["usage"]["wall_s"] > 0
    assert result["cpu_ms_per_item"] > 0
    assert result["usage"]["peak_mib"] > 10
    assert (result["usage"]["workers_cpu_s"] > 0.1) == (name in {"papers.month", "round.picture"})


def test_the_bench_of_pictures_counts_what_it_found() -> None:
    ran = bench("pictures.faults", "--cameras", "1", "--json")
    assert ran.returncode == 0, ran.stderr
    result = json.loads(ran.stdout)["results"]["pictures.faults"]
    assert result["items"] == 18
    assert [goal["bound"] for goal in result["goals"]] == [99.0, 99.0, 1.0]
    faults, revisits = result["tables"]
    assert len(faults[2]) == 68
    assert len(revisits[2]) == 22


def test_the_table_names_what_was_measured() -> None:
    ran = bench("metrics.g", "--cameras", "44")
    assert ran.returncode == 0, ran.stderr
    assert "metrics.gzip" in ran.stdout
    assert "metrics.gauges" in ran.stdout
    assert "metrics.render" not in ran.stdout


def test_a_name_that_is_none_is_refused() -> None:
    ran = bench("coffee")
    assert ran.returncode == 2
    assert "metrics.render" in ran.stderr


def test_a_benchmark_that_fails_is_told_and_counted() -> None:
    ran = bench("round.light", "--cameras", "0", "--json")
    assert ran.returncode == 1
    assert "failed" in ran.stderr
    assert json.loads(ran.stdout)["results"] == {}
