"""Which inspection round is due, and who wakes for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
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
from monitor.core.message import Message, MessageKind
from monitor.core.period import Month
from monitor.desk import Desk
from monitor.schedule import AT_LEAST_EVERY_S, LATE_S, Calendar, due_round, next_wake
from monitor.store import Batch, Evidence, EvidenceKind, ReadUpTo, Round, RoundKind, Store
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

    def __init__(self, *, complete: bool = True) -> None:
        self.complete = complete
        self.rounds: list[RoundKind] = []

    async def reconcile_months(self) -> bool:
        return self.complete

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


class At:
    """A clock that stands still."""

    def __init__(self, now: float) -> None:
        self._now = now

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return 0.0


async def test_pictures_beyond_their_room_go_within_the_hour_and_not_before_there_are_too_many(tmp_path: Path) -> None:
    config = Config()
    config = config.model_copy(update={"evidence": config.evidence.model_copy(update={"budget_mib": 1})})
    now = 1_790_000_000
    with Store.open(f"sqlite:///{tmp_path / 'xunjian.db'}", at=now) as store:
        calendar = Calendar(config, desk=cast("Desk", Called()), store=store, clock=At(now))
        for age in (1, 2, 3):
            fault = Evidence(camera="a", at=now - age, kind=EvidenceKind.FAULT, jpeg=bytes(2**18))
            store.write(Batch(evidence=(fault,))).result()
        await calendar.make_room()
        assert calendar.evidence is None
        good = Evidence(camera="a", at=now, kind=EvidenceKind.GOOD, jpeg=bytes(2**19))
        store.write(Batch(evidence=(good,))).result()
        await calendar.make_room()
        assert [each.at for each in store.evidence("a")] == [now - 1, now - 2, now - 3]
    assert calendar.evidence is not None
    assert calendar.evidence.size == 3 * 2**18


async def test_a_disk_that_is_short_makes_pictures_go_before_they_have_filled_their_own_room(tmp_path: Path) -> None:
    config = Config()
    config = config.model_copy(update={"evidence": config.evidence.model_copy(update={"keep_free_mib": 2**40})})
    now = 1_790_000_000
    with Store.open(f"sqlite:///{tmp_path / 'xunjian.db'}", at=now) as store:
        calendar = Calendar(config, desk=cast("Desk", Called()), store=store, clock=At(now))
        fault = Evidence(camera="a", at=now - 1, kind=EvidenceKind.FAULT, jpeg=b"picture")
        store.write(Batch(evidence=(fault,))).result()
        await calendar.make_room()
    assert calendar.evidence is not None
    assert (len(calendar.evidence.going), calendar.evidence.size) == (1, 0)


async def test_messages_go_when_all_have_read_them_for_a_week_and_unread_after_a_month(tmp_path: Path) -> None:
    now, day = 1_790_000_000, 86_400
    with Store.open(f"sqlite:///{tmp_path / 'xunjian.db'}", at=now) as store:
        store.begin_outbox(["alerts", "mqtt"])
        ages = (31, 29, 8, 6)
        messages = tuple(Message(kind=MessageKind.STORE_RECOVERED, at=now - days * day) for days in ages)
        store.write(Batch(messages=messages, read=(ReadUpTo(reader="mqtt", seq=4),))).result()
        calendar = Calendar(Config(), desk=cast("Desk", Called()), store=store, clock=At(now))
        await calendar.forget_messages()
        assert [each.seq for each in store.outbox_after("alerts")] == [2, 3, 4]
        assert {each.reader: each.dropped for each in store.outbox_readings()} == {"alerts": 1, "mqtt": 0}
        store.outbox_done("alerts", 4).result()
        await calendar.forget_messages()
    with closing(sqlite3.connect(tmp_path / "xunjian.db")) as database:
        assert database.execute("SELECT seq FROM outbox").fetchall() == [(4,)]


@pytest.mark.parametrize("complete", [True, False])
async def test_only_months_with_all_their_papers_are_told_as_reported(tmp_path: Path, complete: bool) -> None:
    told: list[float] = []
    now = 1_790_000_000
    with Store.open(f"sqlite:///{tmp_path / 'xunjian.db'}", at=now) as store:
        desk = cast("Desk", Called(complete=complete))
        await Calendar(Config(), desk=desk, store=store, clock=At(now), reported=told.append).close_months()
    assert told == ([now] if complete else [])


async def test_going_through_the_evidence_leaves_its_figures(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'xunjian.db'}", at=1_790_000_000) as store:
        calendar = Calendar(Config(), desk=cast("Desk", Called()), store=store, clock=At(1_790_000_000))
        await calendar.forget()
        assert calendar.evidence is not None
        assert calendar.evidence.in_mib() == {"mib": 0, "budget_mib": 4096, "over_mib": 0, "frozen_mib": 0}
