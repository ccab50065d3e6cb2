"""What evidence goes and what stays, for any county, any settings and any moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.availability import Overlay, failures_in
from monitor.core.condition import Cause, Condition, Fault
from monitor.core.period import Month
from monitor.core.record import Gap, Transition
from monitor.core.retention import Bound, Ground, Kept, Retention, Rules, Why, bound, retain

ZONE = ZoneInfo("Asia/Shanghai")
DAY = 86_400
NOW = 1000 * DAY
CAMERAS = ("a", "b", "c")

PLACES = st.tuples(st.sampled_from(CAMERAS), st.integers(0, 30).map(lambda days: NOW - days * DAY))
BOUND = st.builds(
    Bound,
    present=st.frozensets(PLACES, max_size=4),
    frozen=st.frozensets(PLACES, max_size=6),
    fails=st.frozensets(st.sampled_from(CAMERAS)),
)
RULES = st.builds(
    Rules,
    good_s=st.integers(1, 20).map(lambda days: days * DAY),
    fault_s=st.integers(1, 30).map(lambda days: days * DAY),
    budget=st.integers(0, 600),
    zone=st.just(ZONE),
)


@st.composite
def counties(draw: st.DrawFn) -> tuple[Kept, ...]:
    looks = draw(st.lists(st.tuples(PLACES, st.booleans(), st.integers(0, 100)), max_size=24))
    return tuple(
        Kept(key=key, camera=camera, at=at, good=good, size=size)
        for key, ((camera, at), good, size) in enumerate(looks)
    )


def is_bound(kept: Kept, by: Bound) -> bool:
    place = (kept.camera, kept.at)
    return place in by.frozen or (kept.camera in by.fails if kept.good else place in by.present)


def is_old(kept: Kept, rules: Rules) -> bool:
    return NOW - kept.at > (rules.good_s if kept.good else rules.fault_s)


def staying(county: Sequence[Kept], found: Retention) -> list[Kept]:
    return [kept for kept in county if kept.key not in found.going]


@given(counties(), BOUND, RULES)
def test_what_something_rests_on_never_goes(county: tuple[Kept, ...], by: Bound, rules: Rules) -> None:
    found = retain(county, by, rules, NOW)
    assert not [kept for kept in county if kept.key in found.going and is_bound(kept, by)]


@given(counties(), BOUND, RULES)
def test_by_age_goes_exactly_what_is_too_old_and_rests_under_nothing(
    county: tuple[Kept, ...], by: Bound, rules: Rules
) -> None:
    found = retain(county, by, rules, NOW)
    by_age = {key for key, why in found.going.items() if why is Why.AGE}
    assert by_age == {kept.key for kept in county if is_old(kept, rules) and not is_bound(kept, by)}


@given(counties(), BOUND, RULES)
def test_what_stays_fits_the_budget_or_is_all_bound_and_the_figures_say_by_how_much(
    county: tuple[Kept, ...], by: Bound, rules: Rules
) -> None:
    found = retain(county, by, rules, NOW)
    left = staying(county, found)
    assert found.size == sum(kept.size for kept in left)
    assert found.held == sum(kept.size for kept in left if (kept.camera, kept.at) in by.frozen)
    assert found.over == max(0, found.size - rules.budget)
    if found.over:
        assert all(is_bound(kept, by) for kept in left if kept.size)


@given(counties(), BOUND, RULES)
def test_for_want_of_room_good_pictures_go_first_then_faults_each_the_oldest_first(
    county: tuple[Kept, ...], by: Bound, rules: Rules
) -> None:
    found = retain(county, by, rules, NOW)
    gone = [kept for kept in county if found.going.get(kept.key) is Why.BUDGET]
    left = [kept for kept in staying(county, found) if kept.size and not is_bound(kept, by)]
    assert all(kept.size for kept in gone), "a look without a picture takes no room"
    for kept in gone:
        assert not [other for other in left if (not other.good, other.at) < (not kept.good, kept.at)]


@given(counties(), BOUND, RULES)
def test_no_picture_more_than_needed_goes_for_want_of_room(county: tuple[Kept, ...], by: Bound, rules: Rules) -> None:
    found = retain(county, by, rules, NOW)
    gone = [kept for kept in county if found.going.get(kept.key) is Why.BUDGET]
    if gone:
        youngest = max(gone, key=lambda kept: (not kept.good, kept.at, kept.key))
        assert found.size + youngest.size > rules.budget


@given(counties(), BOUND, RULES)
def test_asked_again_nothing_more_goes(county: tuple[Kept, ...], by: Bound, rules: Rules) -> None:
    left = staying(county, retain(county, by, rules, NOW))
    assert retain(left, by, rules, NOW).going == {}


OCTOBER = Month(2026, 10, ZONE)
CONDITIONS = (
    (Condition.INTACT, None),
    (Condition.IMPAIRED, Fault.BLACK),
    (Condition.OFFLINE, Fault.REFUSED),
    (Condition.UNKNOWN, None),
)


@st.composite
def records(draw: st.DrawFn) -> tuple[Transition, ...]:
    """A camera's record around October, in which a look shows each change."""
    hours = draw(st.lists(st.integers(-20 * 24, 50 * 24), min_size=1, max_size=12).map(sorted))
    said = draw(st.lists(st.sampled_from(CONDITIONS), min_size=len(hours), max_size=len(hours)))
    return tuple(
        Transition(
            camera="a",
            at=(at := OCTOBER.start + hour * 3600),
            condition=condition,
            fault=fault,
            decided_at=at + 80,
            looks=(at, at + 20, at + 80),
        )
        for hour, (condition, fault) in zip(hours, said, strict=True)
    )


def grounds(record: Sequence[Transition]) -> list[Ground]:
    return [
        Ground(camera=each.camera, at=each.at, condition=each.condition, evidence_at=each.decided_at, looks=each.looks)
        for each in record
    ]


@given(records(), st.lists(st.tuples(st.integers(-240, 900), st.integers(1, 200)), max_size=3))
def test_whatever_a_frozen_month_lists_as_a_fault_is_bound_with_all_its_looks(
    record: tuple[Transition, ...], blind: list[tuple[int, int]]
) -> None:
    began = [(OCTOBER.start + at * 3600, hours * 3600) for at, hours in blind]
    gaps = [Gap(began=at, ended=at + took, cause=Cause.OURS, reason="canary") for at, took in began]
    by = bound(grounds(record), [OCTOBER])
    for _, _, first in failures_in(record, Overlay(gaps), [(OCTOBER.start, OCTOBER.end)]):
        assert {("a", at) for at in (*first.looks, first.decided_at)} <= by.frozen


def ground(day: int, condition: Condition, camera: str = "a") -> Ground:
    return Ground(camera=camera, at=OCTOBER.start + day * DAY, condition=condition, evidence_at=day)


def test_a_failure_is_behind_the_months_from_its_beginning_to_its_end_and_behind_no_other() -> None:
    record = [
        ground(-40, Condition.OFFLINE),
        ground(-30, Condition.INTACT),
        ground(-2, Condition.IMPAIRED),
        ground(-1, Condition.UNKNOWN),
        ground(5, Condition.INTACT),
        ground(40, Condition.OFFLINE),
    ]
    assert bound(record, [OCTOBER]).frozen == {("a", -2)}
    assert bound(record, [OCTOBER.next()]).frozen == {("a", 40)}
    assert bound(record, []).frozen == frozenset()


def test_the_present_record_is_what_was_last_known_even_while_nobody_can_look() -> None:
    record = [ground(1, Condition.OFFLINE), ground(2, Condition.UNKNOWN), ground(1, Condition.INTACT, "b")]
    by = bound(record, [])
    assert by.present == {("a", 1), ("b", 1)}
    assert by.fails == {"a"}


RULES_2026 = Rules(good_s=1, fault_s=1, budget=0, zone=ZONE, closed_years=frozenset({2026}))


@pytest.mark.parametrize(
    ("now", "binding"),
    [
        (Month(2026, 12, ZONE).end - 1, ["2026-10", "2027-01"]),
        (Month(2026, 12, ZONE).end, ["2027-01"]),
    ],
)
def test_a_closed_year_lets_go_of_its_months_once_it_is_over(now: int, binding: list[str]) -> None:
    assert [str(month) for month in RULES_2026.binding(["2026-10", "2027-01"], now)] == binding


def test_pictures_make_room_for_the_record_when_the_disk_is_short() -> None:
    rules = replace(RULES_2026, budget=1000, spare=300)
    assert rules.fitted(size=900, free=300).budget == 1000
    assert rules.fitted(size=900, free=299).budget == 899
    assert rules.fitted(size=900, free=0).budget == 600
    assert rules.fitted(size=200, free=0).budget == 0
    assert replace(rules, spare=0).fitted(size=900, free=0).budget == 1000
