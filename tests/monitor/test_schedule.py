"""Which inspection round is due, and who wakes for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import SystemClock
from monitor.config import Config
from monitor.core.inspection import planned
from monitor.core.period import Month
from monitor.desk import Desk
from monitor.schedule import AT_LEAST_EVERY_S, LATE_S, Calendar, due_round, next_wake
from monitor.store import Batch, Round, RoundKind, Store
from probes.observation import Depth

ZONE = ZoneInfo("Asia/Shanghai")
PLAN = [1000, 50_000, 100_000]


def begun(started: int, kind: RoundKind = RoundKind.INSPECTION) -> Round:
    return Round(number=1, kind=kind, depth=Depth.PICTURE, started=started)


@pytest.mark.parametrize(
    ("done", "now", "expected"),
    [
        ((), 999, None),
        ((), 1000, 1000),
        ((), 1000 + LATE_S, 1000),
        ((), 1001 + LATE_S, None),
        ((begun(1000),), 1005, None),
        ((begun(999),), 1005, 1000),
        ((begun(1002, RoundKind.MANUAL),), 1005, 1000),
        ((begun(1000),), 50_000, 50_000),
    ],
)
def test_a_round_is_due_from_its_time_until_it_was_begun_or_is_too_late(
    done: tuple[Round, ...], now: int, expected: int | None
) -> None:
    assert due_round(PLAN, done, now) == expected


@given(st.integers(2020, 2040), st.integers(1, 12), st.integers(0, 62))
def test_rounds_are_planned_in_order_within_the_month_by_day_and_by_night(year: int, number: int, rounds: int) -> None:
    month = Month(year, number, ZONE)
    begins = planned(month, rounds, time(10), time(22))
    assert list(begins) == sorted(set(begins))
    assert all(at in month for at in begins)
    assert len(begins) == rounds if rounds <= 56 else 56 <= len(begins) <= 62
    hours = [datetime.fromtimestamp(at, ZONE).hour for at in begins]
    assert abs(hours.count(10) - hours.count(22)) <= 1


def test_the_calendar_is_looked_at_at_the_next_round_and_every_hour_anyway() -> None:
    assert next_wake(PLAN, 1000) == 1000 + AT_LEAST_EVERY_S
    assert next_wake(PLAN, 49_000) == 50_000
    assert next_wake([], 7) == 7 + AT_LEAST_EVERY_S


class Called:
    """A desk at which only rounds are asked for."""

    def __init__(self) -> None:
        self.rounds: list[RoundKind] = []

    async def round(self, depth: Depth, told: Callable[[int, int], None], kind: RoundKind) -> dict[str, object]:
        assert depth is Depth.PICTURE
        self.rounds.append(kind)
        return {}


async def test_the_calendar_begins_a_round_that_is_due_and_none_that_was_begun(tmp_path: Path) -> None:
    config = Config()
    inspection = config.inspection
    month = Month(2026, 10, config.site.zone)
    first, *_ = planned(month, inspection.rounds_per_month, inspection.day_time, inspection.night_time)
    desk = Called()
    with Store.open(f"sqlite:///{tmp_path / 'xunjian.db'}", at=first) as store:
        calendar = Calendar(config, desk=cast("Desk", desk), store=store, clock=SystemClock())
        assert not await calendar.begin_due_round(first - 1)
        assert await calendar.begin_due_round(first + 60)
        store.write(Batch(rounds=(begun(first + 60),))).result()
        assert not await calendar.begin_due_round(first + 120)
    assert desk.rounds == [RoundKind.INSPECTION]
