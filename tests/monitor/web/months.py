"""Months of the fictitious county of ``boards``: what reports make of October, and November as far as it has come."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from monitor.core.fleet import Fleet
from tests.reports import sample

RUNNING, FROZEN, DRAFT = "2026-11", "2026-10", "2026-09"
SHA256 = "9f2c4e1d" * 8
DAYS_SO_FAR = 24


@cache
def october() -> dict[str, Any]:
    """22 townships with 4,000 cameras, frozen after a correction."""
    return sample.big() | {"revision": 2, "reason": "城关镇一处报备补录"}


def at_home(snapshot: Mapping[str, Any], fleet: Fleet) -> dict[str, Any]:
    """The snapshot with the townships and cameras of ``fleet``, number by number; those it lacks stay strangers."""
    townships = list(fleet.townships.values())
    cameras = list(fleet.cameras.values())

    def moved_in(value: Any) -> Any:
        if isinstance(value, list):
            return [moved_in(each) for each in value]
        if not isinstance(value, dict):
            return value
        row = {key: moved_in(each) for key, each in value.items()}
        if row.get("code"):
            township = townships[int(row["code"]) - 1]
            row |= {"code": township.code, "name": township.name}
        if "township" in row:
            row["township"] = townships[int(row["township"]) - 1].code
        key = "camera" if "camera" in row else "id"
        if key in row and (number := int(row[key][-7:])) < len(cameras):
            camera = cameras[number]
            row |= {key: camera.id, "name": camera.name} | ({"village": camera.village} if "village" in row else {})
        return row

    home: dict[str, Any] = moved_in(snapshot)
    return home


def november(frozen: Mapping[str, Any]) -> dict[str, Any]:
    """The running month: a draft in which the days to come have no rate."""
    heat = [row | {"days": row["days"][:DAYS_SO_FAR] + [None] * (30 - DAYS_SO_FAR)} for row in frozen["heat"]]
    period = {"began": "2026-11-01T00:00:00+08:00", "ended": "2026-12-01T00:00:00+08:00", "days": 30}
    said = {"month": RUNNING, "state": "draft", "revision": 1, "reason": "", "made_at": "2026-11-24T08:30:00+08:00"}
    return {**frozen, **said, "period": period, "heat": heat}
