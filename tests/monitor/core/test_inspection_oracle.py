"""Whole months of random counties come to the same as asking of every second what was the case."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.availability import Counting, Version
from monitor.core.condition import Cause, Condition, Fault
from monitor.core.exemption import Exemption, Filing, Kind, Scope
from monitor.core.fleet import Camera, Registration, Township
from monitor.core.inspection import (
    Inspection,
    MonthRecord,
    closing_conditions,
    daily_rates,
    fault_rows,
    inspect,
    moves,
)
from monitor.core.period import Month
from monitor.core.ranking import standings
from monitor.core.record import Gap, Transition
from monitor.core.scoring import Linear
from tests.monitor.core import second_by_second
from tests.monitor.core.second_by_second import Row

OCTOBER = Month(2026, 10, ZoneInfo("Asia/Shanghai"))
TARGET = Fraction(1, 2)
HOURS_6 = 6 * 3600
TICKS = 124
"""quarters of a day in October"""
CODES = ("01", "02", "03")

SAID = st.sampled_from(
    [
        (Condition.INTACT, None, None),
        (Condition.INTACT, None, None),
        (Condition.IMPAIRED, Fault.BLACK, None),
        (Condition.OFFLINE, Fault.UNREACHABLE, None),
        (Condition.OFFLINE, Fault.REFUSED, None),
        (Condition.OFFLINE, None, None),
        (Condition.UNKNOWN, None, Cause.OURS),
        (Condition.UNKNOWN, None, Cause.BUSY),
    ]
)
DAYS = st.one_of(st.none(), st.dates(date(2026, 9, 1), date(2026, 11, 5)))


@st.composite
def lives(draw: st.DrawFn, camera: str, tick: int) -> tuple[Transition, ...]:
    times = sorted(draw(st.lists(st.integers(-30, TICKS + 5), max_size=10)))
    found = []
    for time in times:
        condition, fault, cause = draw(SAID)
        at = OCTOBER.start + time * tick
        found.append(Transition(camera=camera, at=at, condition=condition, fault=fault, cause=cause, decided_at=at))
    return tuple(found)


@st.composite
def ledgers(draw: st.DrawFn, camera: str, tick: int) -> tuple[Version, ...]:
    times = sorted(draw(st.sets(st.integers(-40, TICKS), min_size=1, max_size=4)))
    versions = []
    for number, time in enumerate(times):
        gone = number and draw(st.integers(0, 5)) == 0
        entry = Camera(
            id=camera,
            name=camera,
            township=draw(st.sampled_from(CODES)),
            village=draw(st.sampled_from("东西")),
            registration=draw(st.sampled_from([Registration.IN_USE, Registration.IN_USE, Registration.RETIRED])),
            in_service_from=draw(DAYS),
            in_service_to=draw(DAYS),
        )
        versions.append(Version(OCTOBER.start + time * tick, None if gone else entry))
    return tuple(versions)


@st.composite
def filings(draw: st.DrawFn, cameras: list[str], tick: int) -> Exemption:
    began = OCTOBER.start + draw(st.integers(-20, TICKS)) * tick
    scope = draw(
        st.one_of(
            st.builds(Scope, camera=st.sampled_from(cameras)),
            st.builds(Scope, village=st.sampled_from("东西"), township=st.sampled_from(["", *CODES])),
            st.builds(Scope, township=st.sampled_from(CODES)),
        )
    )
    return Exemption(
        id=1,
        scope=scope,
        kind=Kind.CONSTRUCTION,
        began=began,
        ended=began + draw(st.integers(1, 60)) * tick,
        reason="",
        filed_at=began - 1,
        state=draw(st.sampled_from([Filing.APPROVED, Filing.APPROVED, Filing.REJECTED, Filing.FILED, Filing.LATE])),
    )


@st.composite
def gaps(draw: st.DrawFn, tick: int) -> Gap:
    began = OCTOBER.start + draw(st.integers(-20, TICKS)) * tick
    length = draw(st.one_of(st.none(), st.integers(1, 30)))
    cause = draw(st.sampled_from([Cause.OURS, Cause.OURS, Cause.LINK_EXCUSED]))
    township = draw(st.sampled_from([None, *CODES])) if cause is Cause.OURS else draw(st.sampled_from(CODES))
    ended = None if length is None else began + length * tick
    return Gap(began=began, ended=ended, cause=cause, reason="canary", township=township)


@st.composite
def records(draw: st.DrawFn, tick: int) -> MonthRecord:
    cameras = [f"c{number}" for number in range(draw(st.integers(1, 5)))]
    planned = st.one_of(st.none(), st.integers(1, 6))
    return MonthRecord(
        month=OCTOBER,
        until=min(OCTOBER.end, OCTOBER.start + TICKS * tick),
        townships={code: Township(code=code, name=code, planned=draw(planned)) for code in CODES},
        versions={camera: draw(ledgers(camera, tick)) for camera in cameras},
        transitions={camera: draw(lives(camera, tick)) for camera in cameras},
        seen_before=frozenset(draw(st.sets(st.sampled_from(cameras)))),
        gaps=tuple(draw(st.lists(gaps(tick), max_size=4))),
        exemptions=tuple(draw(st.lists(filings(cameras, tick), max_size=4))),
    )


COUNTINGS = st.builds(
    Counting,
    assessed_from=st.sampled_from([Fraction(0), Fraction(1, 10), Fraction(1, 2)]),
    new_days=st.sampled_from([0, 3, 30]),
)


@pytest.mark.parametrize("tick", [1, HOURS_6], ids=["an open month by the second", "a whole month by quarters of days"])
@settings(deadline=None, max_examples=150)
@given(data=st.data(), counting=COUNTINGS, excuse_links=st.booleans())
def test_a_month_is_what_asking_every_second_gives(
    tick: int, data: st.DataObject, counting: Counting, excuse_links: bool
) -> None:
    record = data.draw(records(tick))
    rows = second_by_second.count(record, counting, excuse_links=excuse_links, tick=tick)
    found = inspect(record, counting, excuse_links=excuse_links)
    cameras_agree(found, rows, counting)
    townships_agree(found, rows, counting)
    the_county_is_the_sum(found)
    places_agree(found)
    days_agree(found, rows, counting)
    faults_agree(found, rows)
    assert closing_conditions(found) == Counter(row.last for row in rows.values() if row.last) | dict.fromkeys(
        set(Condition) - {row.last for row in rows.values()}, 0
    )
    assert {move.camera.id for move in moves(found)} == {
        camera for camera, times in Counter(camera for _, camera in rows).items() if times > 1
    }


def cameras_agree(found: Inspection, rows: dict[tuple[str, str], Row], counting: Counting) -> None:
    """Every figure of every camera, and its parts sum up to its service."""
    assert [(each.tally.township, each.tally.camera) for each in found.counted] == sorted(rows)
    for each in found.counted:
        tally, row = each.tally, rows[each.tally.township, each.tally.camera]
        parts = {word: getattr(tally, word) for word in ("intact", "impaired", "offline", "exempt", "unknown")}
        assert parts == {word: row.seconds[word] for word in parts}
        assert tally.service == sum(parts.values()) == row.service
        assert tally.unknown_by == {cause: row.seconds[cause] for cause in Cause if row.seconds[cause]}
        assert tally.assessment == row.state(counting)
        assert tally.outages == len(row.outages)
        assert tally.faults == row.faults
        assert tally.connected == row.connected


def townships_agree(found: Inspection, rows: dict[tuple[str, str], Row], counting: Counting) -> None:
    by_township: dict[str, list[Row]] = defaultdict(list)
    for (township, _), row in rows.items():
        by_township[township].append(row)
    for code, sums in found.rows.items():
        its = by_township[code]
        assessed = [row for row in its if row.state(counting) == "assessed"]
        intact, online, accountable = (
            sum(row.seconds[word] for row in assessed for word in words)
            for words in (["intact"], ["intact", "impaired"], ["intact", "impaired", "offline"])
        )
        assert sums.registered == len(its)
        assert sums.assessed == len(assessed)
        assert sums.exempted == sum(row.state(counting) == "exempted" for row in its)
        assert sums.never_connected == sum(not row.connected for row in its)
        assert sums.online_rate == (Fraction(online, accountable) if accountable else None)
        assert sums.intact_rate == (Fraction(intact, online) if online else None)
        assert sums.online_intact_rate == (Fraction(intact, accountable) if accountable else None)
        service = sum(row.service for row in its)
        assert sums.exempt_share == (Fraction(sum(row.seconds["exempt"] for row in its), service) if its else None)
        assert sums.unknown_share == (Fraction(sum(row.seconds["unknown"] for row in its), service) if its else None)
        assert sums.faults == Counter(fault for row in its for fault in row.faults)
        assert found.faulty[code] == sum(bool(row.outages) for row in assessed)


SUMMED = (
    *("registered", "assessed", "unassessed", "exempted", "never_connected"),
    *("service", "intact", "impaired", "offline", "exempt", "unknown", "all_service", "all_exempt"),
)


def the_county_is_the_sum(found: Inspection) -> None:
    for name in [
        "registered",
        "assessed",
        "unassessed",
        "exempted",
        "never_connected",
        "service",
        "intact",
        "impaired",
        "offline",
        "exempt",
        "unknown",
        "all_service",
        "all_exempt",
    ]:
        assert getattr(found.county, name) == sum(getattr(row, name) for row in found.rows.values())
    for cause in Cause:
        assert found.county.all_unknown.get(cause, 0) == sum(
            row.all_unknown.get(cause, 0) for row in found.rows.values()
        )


def places_agree(found: Inspection) -> None:
    """A place is one more than the townships that are better; points fall with the distance from the target."""
    placed = standings(found, TARGET, Linear())
    rates = {code: row.online_intact_rate for code, row in found.rows.items()}
    for standing in placed:
        rate = rates[standing.township.code]
        better = [other for other in rates.values() if rate is not None and other is not None and other > rate]
        assert standing.place == (None if rate is None else len(better) + 1)
        assert standing.reaches == (None if rate is None else rate >= TARGET)
        lost = None if rate is None else max(Fraction(0), TARGET - rate) * 100
        assert standing.points == (None if lost is None else max(Fraction(0), 100 - lost))
    order = [
        (rates[code] is None, -(rates[code] or 0), found.faulty[code], code)
        for code in (standing.township.code for standing in placed)
    ]
    assert order == sorted(order)


def days_agree(found: Inspection, rows: dict[tuple[str, str], Row], counting: Counting) -> None:
    for code, days in daily_rates(found).items():
        assert len(days) == OCTOBER.days
        its = [row for (township, _), row in rows.items() if township == code and row.state(counting) == "assessed"]
        for day, rate in enumerate(days):
            intact = sum(row.days[day]["intact"] for row in its)
            accountable = sum(row.days[day][word] for row in its for word in ("intact", "impaired", "offline"))
            assert rate == (Fraction(intact, accountable) if accountable else None)


def faults_agree(found: Inspection, rows: dict[tuple[str, str], Row]) -> None:
    lost: dict[tuple[str, str], Counter[tuple[str, str | None]]] = defaultdict(Counter)
    outages: Counter[tuple[str, str]] = Counter()
    for row in fault_rows(found):
        key = row.counted.tally.township, row.counted.tally.camera
        assert row.seconds > 0
        lost[key][row.condition, row.fault] += row.seconds
        outages[key] += row.outages
    assert lost == {key: row.fault_seconds for key, row in rows.items() if row.fault_seconds}
    assert outages == Counter({key: len(row.outages) for key, row in rows.items() if row.outages})


def test_the_oracle_is_not_blind() -> None:
    """Were its answer taken from the code, a wrong record would go unnoticed."""
    entry = Camera(id="c", name="c", township="01", village="东")
    intact = Transition(camera="c", at=OCTOBER.start, condition=Condition.INTACT, decided_at=OCTOBER.start)
    record = MonthRecord(
        month=OCTOBER,
        until=OCTOBER.start + 100,
        townships={"01": Township(code="01", name="01")},
        versions={"c": (Version(0, entry),)},
        transitions={"c": (intact,)},
    )
    (row,) = second_by_second.count(record, Counting(), excuse_links=False).values()
    assert row.seconds == {"intact": 100}
    late = replace(record, transitions={"c": (replace(intact, at=OCTOBER.start + 10),)})
    (row,) = second_by_second.count(late, Counting(), excuse_links=False).values()
    assert row.seconds == {"intact": 90, "unknown": 10, "ours": 10}
