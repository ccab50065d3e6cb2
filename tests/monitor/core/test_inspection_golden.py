"""Months counted by hand. Every figure below can be checked with pencil and paper against the rules of the county."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.core.availability import Assessment, Counting, Version, percent
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
from monitor.core.period import Month, midnight
from monitor.core.ranking import Standing, standings
from monitor.core.record import Event, Gap, Transition
from monitor.core.scoring import Linear, figure

SHANGHAI = ZoneInfo("Asia/Shanghai")
OCTOBER = Month(2026, 10, SHANGHAI)
TARGET = Fraction(95, 100)
DAY = 86_400
WHOLE = 31 * DAY
"""2,678,400 seconds; a twentieth of it, 5 %, is 133,920"""


def camera(id_: str, township: str = "01", **fields: Any) -> Camera:
    return replace(Camera(id=id_, name=id_, township=township, village="东村"), **fields)


def said(id_: str, text: str, month: Month = OCTOBER) -> list[Transition]:
    """Transitions in words, seconds counted from the month's beginning: "0 intact, 100 offline unreachable"."""
    found = []
    for line in filter(None, text.split(", ")):
        after, condition, *fault = line.split()
        unknown = condition == "unknown"
        at = month.start + int(after)
        found.append(
            Transition(
                camera=id_,
                at=at,
                condition=Condition(condition),
                fault=Fault(fault[0]) if fault and not unknown else None,
                cause=Cause(fault[0]) if fault and unknown else Cause.OURS if unknown else None,
                decided_at=at,
            )
        )
    return found


def county(
    lives: dict[str, str],
    *,
    cameras: dict[str, Camera] | None = None,
    townships: tuple[str, ...] = ("01",),
    month: Month = OCTOBER,
    **more: Any,
) -> MonthRecord:
    """Cameras with their lives in words; those not in ``cameras`` are of township 01."""
    entries = {id_: (cameras or {}).get(id_, camera(id_)) for id_ in lives}
    record = MonthRecord(
        month=month,
        until=month.end,
        townships={code: Township(code=code, name=f"{code}镇") for code in townships},
        versions={id_: (Version(0, entry),) for id_, entry in entries.items()},
        transitions={id_: said(id_, text, month) for id_, text in lives.items()},
    )
    return replace(record, **more)


def only(inspection: Inspection) -> Standing:
    (standing,) = standings(inspection, TARGET, Linear())
    return standing


def test_exactly_95_percent_reaches_the_target_and_has_full_points() -> None:
    standing = only(inspect(county({"c": "0 intact, 2544480 offline unreachable"})))
    assert standing.rate == Fraction(95, 100)
    assert (percent(standing.rate), standing.reaches, standing.place) == ("95.00", True, 1)
    assert standing.points == 100


def test_a_second_less_than_95_percent_prints_94_99_and_misses_it() -> None:
    standing = only(inspect(county({"c": "0 intact, 2544479 offline unreachable"})))
    assert standing.rate == Fraction(2_544_479, 2_678_400)
    assert float(standing.rate) * 100 == pytest.approx(94.99996266)
    assert (percent(standing.rate), standing.reaches) == ("94.99", False)
    assert standing.points is not None
    assert 99 < standing.points < 100
    assert figure(standing.points) == "99.99"


def test_94_9999_percent_over_a_hundred_cameras_is_not_95() -> None:
    # 100 cameras owe 5 % of their seconds and 268 more: 0.0001 % of 267,840,000 is 267.84.
    down = WHOLE // 20
    lives = {f"c{number:03}": f"0 intact, {WHOLE - down} offline refused" for number in range(99)}
    lives["c099"] = f"0 intact, {WHOLE - down - 268} offline refused"
    standing = only(inspect(county(lives)))
    assert standing.totals.offline == 100 * down + 268
    assert standing.rate == Fraction(95 * WHOLE - 268, 100 * WHOLE)
    assert (percent(standing.rate), standing.reaches) == ("94.99", False)


def test_one_camera_is_a_township() -> None:
    standing = only(inspect(county({"c": "0 intact, 1000000 impaired black, 1500000 offline refused, 2000000 intact"})))
    row = standing.totals
    assert (row.registered, row.assessed, row.service) == (1, 1, WHOLE)
    assert (row.intact, row.impaired, row.offline, row.exempt, row.unknown) == (1_678_400, 500_000, 500_000, 0, 0)
    assert row.online_rate == Fraction(2_178_400, 2_678_400)
    assert row.intact_rate == Fraction(1_678_400, 2_178_400)
    assert row.online_intact_rate == row.online_rate * row.intact_rate == Fraction(1_678_400, 2_678_400)
    assert row.equivalent_intact == row.online_intact_rate
    assert row.faults == {Fault.BLACK: 1, Fault.REFUSED: 1}
    assert standing.faulty == 1


def test_a_township_without_an_assessed_camera_has_no_rate_no_place_and_stands_last() -> None:
    cameras = {"a": camera("a", "01"), "b": camera("b", "02")}
    # A tenth of the month is 267,840 seconds: a second less is not enough.
    lives = {"a": f"0 intact, {WHOLE // 10 - 1} unknown", "b": "0 intact, 1 offline refused"}
    inspection = inspect(county(lives, cameras=cameras, townships=("01", "02")))
    first, last = standings(inspection, TARGET, Linear())
    assert (first.township.code, first.place) == ("02", 1)
    assert (last.township.code, last.rate, last.place, last.points, last.reaches) == ("01", None, None, None, None)
    assert (last.totals.registered, last.totals.assessed, last.totals.unassessed) == (1, 0, 1)
    assert last.totals.never_connected == 0
    assert inspection.county.registered == 2
    assert inspection.county.online_intact_rate == Fraction(1, WHOLE)


def test_exactly_a_tenth_of_the_month_is_assessed() -> None:
    standing = only(inspect(county({"c": f"0 intact, {WHOLE // 10} unknown"})))
    assert standing.totals.assessed == 1
    assert standing.rate == 1


def test_a_month_in_which_nothing_was_known_has_no_rate() -> None:
    inspection = inspect(county({"a": "", "b": "0 unknown busy"}))
    standing = only(inspection)
    assert standing.rate is None
    assert standing.totals.unknown_share == 1
    assert standing.totals.all_unknown == {Cause.OURS: WHOLE, Cause.BUSY: WHOLE}
    assert standing.totals.never_connected == 2
    assert standing.totals.connected_rate == 0
    assert closing_conditions(inspection)[Condition.UNKNOWN] == 2
    assert set(daily_rates(inspection)["01"]) == {None}


@pytest.mark.parametrize(("year", "days"), [(2028, 29), (2026, 28)])
def test_february_has_its_own_length(year: int, days: int) -> None:
    february = Month(year, 2, SHANGHAI)
    standing = only(inspect(county({"c": f"0 intact, {DAY} offline refused"}, month=february)))
    assert standing.totals.service == days * DAY
    assert standing.rate == Fraction(1, days)
    assert len(daily_rates(inspect(county({"c": "0 intact"}, month=february)))["01"]) == days


def filed(began: int, ended: int, scope: Scope, state: Filing = Filing.APPROVED) -> Exemption:
    return Exemption(
        id=1,
        scope=scope,
        kind=Kind.CONSTRUCTION,
        began=OCTOBER.start + began,
        ended=OCTOBER.start + ended,
        reason="修路",
        filed_at=OCTOBER.start - DAY,
        state=state,
    )


def test_a_camera_exempt_all_month_is_in_no_rate_but_in_the_share() -> None:
    inspection = inspect(
        county(
            {"a": "0 offline refused", "b": "0 intact"},
            exemptions=[filed(-DAY, WHOLE + DAY, Scope(camera="a"))],
        )
    )
    standing = only(inspection)
    assert {each.tally.camera: each.tally.assessment for each in inspection.counted} == {
        "a": Assessment.EXEMPTED,
        "b": Assessment.ASSESSED,
    }
    assert standing.rate == 1
    assert (standing.totals.registered, standing.totals.assessed, standing.totals.exempted) == (2, 1, 1)
    assert (standing.totals.service, standing.totals.exempt) == (WHOLE, 0)
    assert standing.totals.exempt_share == Fraction(1, 2)
    assert fault_rows(inspection) == []


@pytest.mark.parametrize("state", [Filing.FILED, Filing.LATE, Filing.REJECTED])
def test_a_filing_that_nobody_approved_exempts_nothing_but_is_listed(state: Filing) -> None:
    record = county({"c": "0 offline refused"}, exemptions=[filed(0, DAY, Scope(camera="c"), state)])
    (counted,) = inspect(record).counted
    assert counted.tally.exempt == 0
    assert [exemption.state for exemption, _ in counted.exempt] == [state]


def test_a_moved_camera_makes_a_row_in_each_township_and_an_exempt_village_lets_it_go() -> None:
    at = OCTOBER.start + 10 * DAY
    before, after = camera("c", "01"), camera("c", "02", village="西村")
    record = county(
        {"c": f"0 intact, {5 * DAY} offline refused, {12 * DAY} intact"},
        townships=("01", "02"),
        versions={"c": (Version(0, before), Version(at, after))},
        exemptions=[filed(9 * DAY, 11 * DAY, Scope(village="东村"))],
    )
    inspection = inspect(record)
    old, new = (each.tally for each in inspection.counted)
    assert (old.township, old.service, old.intact, old.offline, old.exempt) == ("01", 10 * DAY, 5 * DAY, 4 * DAY, DAY)
    assert (new.township, new.service, new.intact, new.offline, new.exempt) == ("02", 21 * DAY, 19 * DAY, 2 * DAY, 0)
    assert inspection.county.service == WHOLE
    assert inspection.county.registered == 2
    assert inspection.county.faults == {Fault.REFUSED: 1}
    (move,) = moves(inspection)
    assert (move.camera.id, move.origin, move.target, move.at) == ("c", "01", "02", at)
    assert [(row.outages, row.seconds // DAY) for row in fault_rows(inspection)] == [(1, 4), (1, 2)]


def test_equal_rates_on_the_target_share_the_place_and_the_next_is_third() -> None:
    lives = {
        "a1": f"0 intact, {19 * WHOLE // 20} offline refused",
        # The same rate of 95 % out of two faulty cameras: it stands behind the township with one.
        "b1": f"0 intact, {WHOLE - WHOLE // 40} offline refused",
        "b2": f"0 intact, {WHOLE - 3 * WHOLE // 40} offline refused",
        "c1": f"0 intact, {19 * WHOLE // 20 - 1} offline refused",
    }
    cameras = {"a1": camera("a1", "03"), "b1": camera("b1", "01"), "b2": camera("b2", "01"), "c1": camera("c1", "02")}
    placed = standings(inspect(county(lives, cameras=cameras, townships=("01", "02", "03"))), TARGET, Linear())
    assert [(each.township.code, each.place, each.reaches) for each in placed] == [
        ("03", 1, True),
        ("01", 1, True),
        ("02", 3, False),
    ]
    assert placed[0].rate == placed[1].rate == TARGET


def test_groups_rank_apart() -> None:
    record = county(
        {"a": "0 intact", "b": "0 offline refused", "c": "0 intact"},
        cameras={"a": camera("a", "01"), "b": camera("b", "02"), "c": camera("c", "03")},
    )
    named = {
        code: Township(code=code, name=code, group=group) for code, group in (("01", "甲"), ("02", "乙"), ("03", "甲"))
    }
    placed = standings(inspect(replace(record, townships=named)), TARGET, Linear())
    assert [(each.township.code, each.place) for each in placed] == [("01", 1), ("03", 1), ("02", 1)]


def test_a_new_camera_is_exempt_for_its_first_thirty_days_and_an_undated_one_is_not_new() -> None:
    cameras = {"old": camera("old"), "new": camera("new", in_service_from=date(2026, 9, 11))}
    inspection = inspect(county({"old": "0 offline refused", "new": "0 offline refused"}, cameras=cameras))
    new, old = (each.tally for each in inspection.counted)
    # 11 September and thirty days: 1 to 10 October are exempt.
    assert (new.camera, new.exempt, new.offline) == ("new", 10 * DAY, 21 * DAY)
    assert (old.exempt, old.offline) == (0, WHOLE)
    assert inspect(county({"new": ""}, cameras=cameras), Counting(new_days=0)).county.all_exempt == 0


def test_service_ends_before_the_last_day_and_a_retired_camera_without_one_leaves_at_its_version() -> None:
    at = OCTOBER.start + 7 * DAY
    dated = camera("dated", in_service_to=date(2026, 10, 15))
    gone = (Version(0, camera("gone")), Version(at, camera("gone", registration=Registration.RETIRED)))
    record = county({"dated": "0 intact", "gone": "0 intact"}, cameras={"dated": dated})
    inspection = inspect(replace(record, versions={**record.versions, "gone": gone}))
    assert {each.tally.camera: each.tally.service for each in inspection.counted} == {
        "dated": midnight(date(2026, 10, 15), SHANGHAI) - OCTOBER.start,
        "gone": 7 * DAY,
    }


def test_blind_time_counts_for_nobody_and_a_broken_link_only_where_it_is_excused() -> None:
    hidden = [
        Gap(began=OCTOBER.start, ended=OCTOBER.start + DAY, cause=Cause.OURS, reason="canary"),
        Gap(
            began=OCTOBER.start + 2 * DAY,
            ended=OCTOBER.start + 3 * DAY,
            cause=Cause.LINK_EXCUSED,
            reason="township_link",
            township="01",
        ),
    ]
    record = county({"c": "0 offline unreachable"}, gaps=hidden)
    assert inspect(record).county.offline == 30 * DAY
    excused = inspect(record, excuse_links=True)
    assert excused.county.offline == 29 * DAY
    assert excused.county.all_unknown == {Cause.OURS: DAY, Cause.LINK_EXCUSED: DAY}


def test_an_open_month_is_clipped() -> None:
    inspection = inspect(county({"c": "0 intact"}, until=OCTOBER.start + 5 * DAY + 1))
    assert inspection.county.service == 5 * DAY + 1
    assert daily_rates(inspection)["01"] == [1] * 6 + [None] * 25


def test_an_outage_from_before_the_month_keeps_its_beginning_and_its_common_cause() -> None:
    event = Event(
        kind="recorder", place="10.0.0.1:554", township="01", began=OCTOBER.start - 9 * DAY, cameras=("c",), of=4
    )
    text = f"{-9 * DAY} offline unreachable, {DAY} intact, {3 * DAY} offline unreachable"
    record = county({"c": text}, events=[event], evidence={("c", OCTOBER.start - 9 * DAY): 77})
    (row,) = fault_rows(inspect(record))
    assert row.first_found == OCTOBER.start - 9 * DAY
    assert (row.outages, row.seconds, row.lasting) == (2, 29 * DAY, True)
    assert row.event == event
    assert row.evidence_at == 77


def test_a_township_without_cameras_is_listed_and_one_out_of_the_ledger_keeps_its_name() -> None:
    record = county({"c": "0 intact"}, cameras={"c": camera("c", "09")}, townships=("01",))
    record = replace(record, former={"09": Township(code="09", name="撤并乡")})
    placed = standings(inspect(record), TARGET, Linear())
    assert [(each.township.name, each.totals.registered, each.place) for each in placed] == [
        ("撤并乡", 1, 1),
        ("01镇", 0, None),
    ]


def test_the_planned_number_measures_how_many_are_connected() -> None:
    record = county({"a": "0 intact", "b": ""}, townships=("01",))
    planned = {"01": Township(code="01", name="01镇", planned=4)}
    assert inspect(record).county.connected_rate == Fraction(1, 2)
    assert inspect(replace(record, townships=planned)).rows["01"].connected_rate == Fraction(1, 4)
    assert inspect(replace(record, townships=planned)).county.connected_rate == Fraction(1, 4)
