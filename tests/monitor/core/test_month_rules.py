"""Places, points, days of work, and another system's history."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from monitor.core.condition import Cause, Condition, Fault
from monitor.core.history import Line, Past, timeline, transitions
from monitor.core.ranking import Entrant, change, months_below, rank
from monitor.core.record import Transition
from monitor.core.scoring import Linear, digest, figure, mean
from monitor.core.workday import WORK_AND_REST, Workdays

TARGET = Fraction(95, 100)


def entrant(code: str, rate: str | None, faulty: int = 0, group: str = "") -> Entrant:
    return Entrant(code=code, rate=None if rate is None else Fraction(rate) / 100, faulty=faulty, group=group)


RANKINGS = [
    ("by rate", [entrant("a", "94"), entrant("b", "96"), entrant("c", "95")], "b1 c2 a3"),
    ("ties share and are skipped", [entrant("a", "95"), entrant("b", "96"), entrant("c", "96")], "b1 c1 a3"),
    ("three on top", [entrant(code, "95") for code in "cab"] + [entrant("d", "94")], "a1 b1 c1 d4"),
    ("exact fractions part what prints alike", [entrant("a", "95.001"), entrant("b", "95.002")], "b1 a2"),
    ("fewer faulty cameras first, the place is the same", [entrant("a", "95", 3), entrant("b", "95", 2)], "b1 a1"),
    ("no rate, no place, last", [entrant("a", None), entrant("b", "0")], "b1 a-"),
    (
        "groups apart",
        [entrant("a", "90", group="2"), *(entrant(c, r, group="1") for c, r in (("b", "95"), ("c", "99")))],
        "a1 c1 b2",
    ),
    ("nobody", [], ""),
]


@pytest.mark.parametrize(("entrants", "expected"), [r[1:] for r in RANKINGS], ids=[r[0] for r in RANKINGS])
def test_townships_are_ranked(entrants: list[Entrant], expected: str) -> None:
    assert " ".join(f"{each.code}{each.place or '-'}" for each in rank(entrants)) == expected


def test_a_change_is_the_difference_of_what_was_printed() -> None:
    # Exactly 94.999 and 95.001 differ by 0.002, but the papers say 94.99 and 95.00.
    assert change("95.00", "94.99") == "+0.01"
    assert change("0.00", "100.00") == "-100.00"
    assert change(None, "95.00") is None


def test_months_below_are_in_a_row() -> None:
    assert months_below(False, 0) == 1
    assert months_below(False, 3) == 4
    assert months_below(True, 3) == 0
    assert months_below(None, 3) == 0


POINTS = [
    ("on the target", Linear(), "95", "100.00"),
    ("above", Linear(), "100", "100.00"),
    ("a point below", Linear(), "94", "99.00"),
    ("a hundredth below", Linear(), "94.99", "99.99"),
    ("rounded down", Linear(), "94.9999", "99.99"),
    ("nothing works", Linear(), "0", "5.00"),
    ("steep, capped at the floor", Linear(per_point=Fraction(2)), "0", "0.00"),
    ("a floor of its own", Linear(full=Fraction(20), floor=Fraction(5), per_point=Fraction(1, 2)), "10", "5.00"),
    ("half a point each", Linear(full=Fraction(20), per_point=Fraction(1, 2)), "94", "19.50"),
]


@pytest.mark.parametrize(("rule", "rate", "expected"), [r[1:] for r in POINTS], ids=[r[0] for r in POINTS])
def test_points_follow_the_distance_from_the_target(rule: Linear, rate: str, expected: str) -> None:
    assert figure(rule.points(Fraction(rate) / 100, TARGET)) == expected


def test_the_year_is_the_mean_of_what_was_printed() -> None:
    average = mean(["100.00", "99.99", "98.02"])
    assert average is not None
    assert figure(average) == "99.33"


def test_the_digest_names_the_content_and_not_its_order() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 10, 1), False),
        (date(2026, 10, 8), True),
        (date(2026, 10, 10), True),
        (date(2026, 10, 11), False),
        (date(2026, 2, 16), False),
        (date(2026, 2, 14), True),
        (date(2026, 11, 7), False),
        (date(2027, 2, 8), True),
    ],
)
def test_days_of_work_follow_the_published_calendar(day: date, works: bool) -> None:
    assert Workdays().works(day) == works


def test_the_county_may_add_what_is_not_published_yet() -> None:
    county = Workdays(off=frozenset({date(2027, 2, 8)}), work=frozenset({date(2027, 2, 6)}))
    assert not county.works(date(2027, 2, 8))
    assert county.works(date(2027, 2, 6))
    assert county.knows(2027)
    assert not Workdays().knows(2027)


def test_published_days_move_weekends_about_and_give_no_more_than_the_law() -> None:
    for year, moved in WORK_AND_REST.items():
        assert all(day.year == year for day in moved.off | moved.work)
        assert all(day.weekday() >= 5 for day in moved.work), "only weekend days are made days of work"
        assert not moved.off & moved.work
        # 13 days off by law since 2025: so many weekdays are free beyond what weekends were given for.
        assert sum(day.weekday() < 5 for day in moved.off) - len(moved.work) == 13, year


def line(at: int, condition: str, fault: str | None = None) -> Line:
    return Line(camera="c", at=at, condition=Condition(condition), fault=Fault(fault) if fault else None)


def test_a_line_holds_until_the_next_and_the_last_only_closes() -> None:
    told = transitions([line(10, "intact"), line(20, "offline", "unreachable"), line(30, "intact")])
    assert [(each.at, each.condition, each.fault, each.cause) for each in told] == [
        (10, Condition.INTACT, None, None),
        (20, Condition.OFFLINE, Fault.UNREACHABLE, None),
        (30, Condition.UNKNOWN, None, Cause.OURS),
    ]
    assert transitions([]) == []


def own(at: int, condition: Condition) -> Transition:
    return Transition(camera="c", at=at, condition=condition, decided_at=at)


def test_our_own_record_follows_and_ends_where_nobody_looked_any_more() -> None:
    told = timeline([own(40, Condition.INTACT)], [line(10, "intact"), line(30, "intact")], covered_until=70)
    assert [(each.at, each.condition) for each in told] == [
        (10, Condition.INTACT),
        (30, Condition.UNKNOWN),
        (40, Condition.INTACT),
        (70, Condition.UNKNOWN),
    ]
    assert [each.at for each in timeline([own(40, Condition.INTACT)], [], covered_until=None)] == [40, 40]
    assert [each.at for each in timeline([own(40, Condition.UNKNOWN)], [], covered_until=70)] == [40]


HELD = [line(10, "intact"), line(20, "offline"), line(30, "intact")]
RECEPTIONS = [
    ("new at the end", HELD, None, [line(40, "offline")], "NEW"),
    ("known in the middle", HELD, None, [line(20, "offline")], "KNOWN"),
    ("another word for the middle", HELD, None, [line(20, "impaired")], "CONTRADICTS"),
    ("another fault", HELD, None, [line(20, "offline", "refused")], "CONTRADICTS"),
    ("in between", HELD, None, [line(25, "intact")], "CONTRADICTS"),
    ("in place of the one that only closes", HELD, None, [line(30, "offline")], "NEW"),
    ("before the first", HELD, None, [line(5, "offline")], "NEW"),
    ("going back", [], None, [line(10, "intact"), line(9, "offline")], "NEW OUT_OF_ORDER"),
    ("two at the same time", [], None, [line(10, "intact"), line(10, "offline")], "NEW NEW"),
    ("where our own record begins", [], 40, [line(39, "intact"), line(40, "intact")], "NEW OWN_RECORD"),
    ("known, though our own has begun since", HELD, 30, [line(30, "intact")], "KNOWN"),
    ("the same file with more at its end", HELD, None, [*HELD, line(40, "intact")], "KNOWN KNOWN KNOWN NEW"),
]


@pytest.mark.parametrize(
    ("held", "own_from", "file", "expected"), [r[1:] for r in RECEPTIONS], ids=[r[0] for r in RECEPTIONS]
)
def test_a_line_is_taken_or_refused(held: list[Line], own_from: int | None, file: list[Line], expected: str) -> None:
    past = Past(held, own_from)
    assert " ".join(past.take(each).name for each in file) == expected
