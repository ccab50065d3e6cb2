"""The record in memory: counters and the month so far."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.book import Book
from monitor.core.board import StateSeconds
from monitor.core.condition import Cause, Condition
from monitor.core.fleet import Camera, Fleet, Township
from monitor.core.period import Month
from monitor.core.record import Gap, Transition
from monitor.store import Membership

ZONE = ZoneInfo("Asia/Shanghai")
OCTOBER = Month(2026, 10, ZONE)
START = OCTOBER.start
CAMERA = Camera(id="c1", name="村口", township="t1", village="v", host="10.0.0.1")
FLEET = Fleet.of([Township(code="t1", name="山前镇")], [CAMERA])
MEMBERS = [Membership(camera="c1", township="t1", began=START, ended=OCTOBER.end)]


def became(at: int, condition: Condition) -> Transition:
    return Transition(camera="c1", at=START + at, condition=condition, decided_at=START + at)


def gap(began: int, ended: int | None, township: str | None = None) -> Gap:
    cause = Cause.OURS if township is None else Cause.LINK_EXCUSED
    return Gap(
        began=START + began, ended=None if ended is None else START + ended, cause=cause, reason="r", township=township
    )


def book(*history: Transition, gaps: tuple[Gap, ...] = (), excuse_links: bool = False, shown: int = 0) -> Book:
    opened = Book(OCTOBER, gaps, excuse_links=excuse_links)
    opened.open("c1", "t1", history, START + shown)
    return opened


def test_counters_begin_with_what_they_held_and_reach_no_further_than_shown() -> None:
    its = book(became(0, Condition.INTACT), became(50, Condition.OFFLINE), shown=80)
    assert its.seconds()["c1"] == StateSeconds(intact=50, offline=30)
    its.show(CAMERA, START + 100)
    its.show(CAMERA, START + 90)
    assert its.seconds()["c1"] == StateSeconds(intact=50, offline=50)


def test_counters_do_not_run_backwards_to_a_second_before_the_record_began() -> None:
    its = book(became(70, Condition.UNKNOWN))
    its.show(CAMERA, START + 69)
    assert its.seconds()["c1"] == StateSeconds()
    its.show(CAMERA, START + 72)
    assert its.seconds()["c1"] == StateSeconds(unknown=2)


def test_a_transition_dated_back_is_counted_from_there() -> None:
    its = book(became(0, Condition.INTACT))
    its.show(CAMERA, START + 60)
    its.add([became(70, Condition.OFFLINE)])
    its.show(CAMERA, START + 200)
    assert its.seconds()["c1"] == StateSeconds(intact=70, offline=130)


def test_what_a_gap_hides_is_unknown() -> None:
    its = book(became(0, Condition.INTACT))
    its.hide([gap(100, None)])
    its.hide([gap(100, 150)])
    its.show(CAMERA, START + 200)
    assert its.seconds()["c1"] == StateSeconds(intact=150, unknown=50)


@pytest.mark.parametrize(("excuse", "unknown"), [(True, 50), (False, 0)])
def test_a_broken_link_hides_its_township_only_if_it_is_excused(excuse: bool, unknown: int) -> None:
    its = book(became(0, Condition.INTACT), gaps=(gap(100, 150, "t1"), gap(0, 40, "t2")), excuse_links=excuse)
    its.show(CAMERA, START + 200)
    assert its.seconds()["c1"] == StateSeconds(intact=200 - unknown, unknown=unknown)


def test_a_camera_that_was_connected_in_an_earlier_month_is_not_called_unconnected() -> None:
    its = book(became(-9_000_000, Condition.INTACT), became(-8_000_000, Condition.OFFLINE))
    rows, county = its.count(FLEET, MEMBERS, START + 100, {})
    assert rows["t1"].never_connected == county.never_connected == 0
    rows, _ = book(became(-10, Condition.OFFLINE)).count(FLEET, MEMBERS, START + 100, {})
    assert rows["t1"].never_connected == 1


def test_the_month_counts_service_since_its_first_second_only() -> None:
    its = book(became(-5000, Condition.INTACT), became(100, Condition.OFFLINE))
    rows, _ = its.count(FLEET, MEMBERS, START + 400, {})
    assert (rows["t1"].service, rows["t1"].intact, rows["t1"].offline) == (400, 100, 300)


def test_time_that_an_approved_filing_covers_does_not_count() -> None:
    its = book(became(0, Condition.INTACT), became(100, Condition.OFFLINE))
    rows, county = its.count(FLEET, MEMBERS, START + 400, {"c1": [(START + 150, START + 350)]})
    assert (rows["t1"].intact, rows["t1"].offline, rows["t1"].exempt) == (100, 100, 200)
    assert county.online_intact_rate == Fraction(1, 2)


def test_a_new_month_restarts_the_count_and_keeps_the_counters_whole_over_a_doubt() -> None:
    november, end = OCTOBER.next(), OCTOBER.end - START
    its = book(became(0, Condition.INTACT))
    its.show(CAMERA, START + end - 30)
    its.turn(november)
    its.add([became(end - 30, Condition.OFFLINE)])
    its.show(CAMERA, november.start + 100)
    assert its.seconds()["c1"] == StateSeconds(intact=end - 30, offline=130)
    members = [Membership(camera="c1", township="t1", began=november.start, ended=november.end)]
    rows, _ = its.count(FLEET, members, november.start + 100, {})
    assert (rows["t1"].service, rows["t1"].offline) == (100, 100)
    intervals, _ = its.life(CAMERA, november.start + 100)
    assert [(each.began, each.condition) for each in intervals] == [(november.start, Condition.OFFLINE)]


def test_a_record_that_was_not_looked_at_over_the_turn_of_a_month_is_whole_in_its_counters() -> None:
    history = [became(-500, Condition.INTACT), became(-300, Condition.OFFLINE), became(-100, Condition.INTACT)]
    its = book(*history, shown=-400)
    its.show(CAMERA, START + 10)
    assert its.seconds()["c1"] == StateSeconds(intact=100 + 100 + 110, offline=200)


def test_a_count_in_a_thread_does_not_mind_gaps_that_come_meanwhile() -> None:
    its = book(became(0, Condition.INTACT))
    with ThreadPoolExecutor() as pool:
        counting = [pool.submit(its.count, FLEET, MEMBERS * 50, START + 100_000, {}) for _ in range(20)]
        for number in range(1000):
            its.hide([gap(number * 10, number * 10 + 5)])
        for each in counting:
            each.result()
    its.show(CAMERA, START + 20_000)
    assert its.seconds()["c1"].unknown == 5000, "nothing that a thread computed before is used"


CONDITIONS = st.sampled_from(Condition)


@given(
    changes=st.lists(st.tuples(st.integers(1, 500), CONDITIONS), min_size=1, max_size=8),
    restart=st.integers(0, 4000),
    gaps=st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 300)), max_size=4),
    steps=st.lists(st.integers(1, 700), max_size=12),
)
def test_counters_are_the_same_however_they_were_brought_up(
    changes: list[tuple[int, Condition]], restart: int, gaps: list[tuple[int, int]], steps: list[int]
) -> None:
    history, at = [], 0
    for after, condition in changes:
        history.append(became(at, condition))
        at += after
    spans = tuple(gap(began, began + lasts) for began, lasts in gaps)
    its, until = book(*history, gaps=spans, shown=restart), restart
    for step in steps:
        until += step
        its.show(CAMERA, START + until)
    at_once = book(*history, gaps=spans, shown=until)
    assert its.seconds()["c1"] == at_once.seconds()["c1"]
    assert sum(astuple(its.seconds()["c1"])) == until
