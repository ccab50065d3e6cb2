"""The schema of a snapshot is sound, and the made-up snapshots keep to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.reports import sample

SCHEMA = json.loads((Path(__file__).parents[2] / "reports/snapshot.schema.json").read_text(encoding="utf-8"))


def test_the_schema_itself_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("make", [sample.small, sample.big, sample.hostile])
def test_a_made_up_snapshot_keeps_to_the_schema(make: Callable[[], dict[str, Any]]) -> None:
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(make())] == []


def test_a_made_up_snapshot_is_the_same_every_time() -> None:
    assert sample.canonical(sample.big()) == sample.canonical(sample.big())


def test_a_snapshot_of_format_1_keeps_to_the_schema_and_has_no_newer_part() -> None:
    old = json.loads((Path(__file__).parent / "snapshots/format-1.json").read_text(encoding="utf-8"))
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(old)] == []
    newer = sample.small()
    for changed in (
        {**old, "repairs": None},
        {**old, "rounds": newer["rounds"]},
        {key: value for key, value in newer.items() if key != "repairs"},
        {key: value for key, value in newer.items() if key != "rounds"},
    ):
        assert list(Draft202012Validator(SCHEMA).iter_errors(changed))


@pytest.mark.parametrize(
    ("path", "bad"),
    [
        (("county", "online_rate"), 95.01),
        (("county", "change"), "0.12"),
        (("month",), "2026-13"),
        (("made_at",), "2026-11-01 02:30:00"),
        (("stranger",), ""),
    ],
)
def test_what_breaks_the_contract_is_seen(path: tuple[str, ...], bad: object) -> None:
    snapshot = sample.small()
    *above, last = path
    table = snapshot
    for key in above:
        table = table[key]
    table[last] = bad
    assert list(Draft202012Validator(SCHEMA).iter_errors(snapshot))
