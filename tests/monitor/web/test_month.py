"""What the pages of a month make of a snapshot: order, joins, and no figure of their own."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from monitor.core.condition import Cause, Condition, Fault
from monitor.core.record import Interval, Outage, Transition
from monitor.store.values import Evidence, EvidenceKind
from monitor.web.month import (
    OUTAGES_SHOWN,
    STRETCHES_SHOWN,
    Quotient,
    camera_view,
    day_view,
    month_view,
    township_view,
)
from monitor.web.source import Life, MonthLine, MonthState
from tests.monitor.web.months import october
from tests.reports import sample

LINE = MonthLine(month="2026-10", state=MonthState.FROZEN)
DAY = 86_400


def outage(camera: str, began: int, ended: int | None) -> Outage:
    return Outage(camera=camera, condition=Condition.OFFLINE, fault=Fault.UNREACHABLE, began=began, ended=ended)


def life(*intervals: Interval, **said: Any) -> Life:
    return Life(camera="C", began=0, until=30 * DAY, intervals=intervals, **said)


def some_camera() -> str:
    return str(october()["cameras"][0]["id"])


def test_a_quotient_adds_up_and_keeps_the_printed_rate() -> None:
    row = {"intact_s": 94_996, "impaired_s": 5_000, "offline_s": 4, "online_intact_rate": "94.99"}
    quotient = Quotient.of(row)
    assert (quotient.accountable, quotient.lost, quotient.rate) == (100_000, 5_004, "94.99")


@pytest.mark.parametrize("make", [sample.small, sample.big, sample.hostile])
def test_every_printed_rate_is_the_floor_of_its_quotient(make: Callable[[], dict[str, Any]]) -> None:
    snapshot = make()
    for row in (snapshot["county"], *snapshot["townships"], *snapshot["cameras"]):
        quotient = Quotient.of(row)
        if quotient.rate is None:
            assert quotient.accountable == 0
        else:
            hundredths = quotient.intact * 10_000 // quotient.accountable
            assert quotient.rate == f"{hundredths // 100}.{hundredths % 100:02d}"


def test_townships_stay_in_printed_order_and_rank_by_group() -> None:
    snapshot = copy.deepcopy(sample.small())
    for row, group in zip(snapshot["townships"], ("城区", "山区", "山区"), strict=True):
        row["group"] = group
    groups = month_view(LINE, snapshot).groups
    assert [(group.name, len(group.ranked)) for group in groups] == [("城区", 1), ("山区", 2)]
    assert [one.row for group in groups for one in group.ranked] == snapshot["townships"]


def test_bars_share_one_axis_and_a_township_without_a_rate_has_none() -> None:
    view = month_view(LINE, sample.small())
    reaches = {one.row["online_intact_rate"]: one.reach for group in view.groups for one in group.ranked}
    assert reaches[None] == 0.0
    rated = {float(rate): reach for rate, reach in reaches.items() if rate is not None}
    assert [rated[rate] for rate in sorted(rated)] == sorted(rated.values())
    assert all((reach >= view.target_at) == (rate >= 95) for rate, reach in rated.items())


def test_townships_without_a_rate_are_neither_reaching_nor_rated() -> None:
    view = month_view(LINE, sample.small())
    assert view.rated == 2
    assert view.reaching == sum(row["reaches_target"] is True for row in view.townships)


def test_a_day_without_a_rate_has_no_grade() -> None:
    snapshot = copy.deepcopy(sample.small())
    snapshot["heat"][0]["days"][:3] = ["100.00", "84.99", None]
    cells = month_view(LINE, snapshot).heat[0].cells
    assert [(cell.day, cell.grade) for cell in cells[:3]] == [(1, 0), (2, 4), (3, None)]


def test_the_commonest_faults_come_first() -> None:
    counts = [count for _, count in month_view(LINE, october()).faults]
    assert counts == sorted(counts, reverse=True) != []


def test_a_townships_cameras_sum_up_to_its_row() -> None:
    for row in october()["townships"]:
        view = township_view(october(), row["code"])
        assert view is not None
        assessed = [line for line in view.cameras if line.row["state"] == "assessed"]
        assert len(assessed) == row["assessed"]
        for key in ("service_s", "intact_s", "impaired_s", "offline_s", "exempt_s", "unknown_s"):
            assert sum(line.row[key] for line in assessed) == row[key]


def test_cameras_that_lost_most_come_first_and_those_not_assessed_last() -> None:
    view = township_view(october(), october()["never_connected"][0]["township"])
    assert view is not None
    assert view.cameras[-1].row["state"] == "unassessed"
    lost = [line.quotient.lost for line in view.cameras if line.row["state"] == "assessed"]
    assert lost == sorted(lost, reverse=True)
    assert lost[0] > 0


def test_a_camera_stands_with_its_own_faults_of_that_township() -> None:
    view = township_view(october(), "03")
    assert view is not None
    shown = [fault for line in view.cameras for fault in line.faults]
    assert sorted(map(id, shown)) == sorted(id(row) for row in october()["faults"] if row["township"] == "03")
    assert all(fault["camera"] == line.row["id"] for line in view.cameras for fault in line.faults)


def test_an_unknown_township_or_camera_has_no_month() -> None:
    assert township_view(october(), "99") is None
    assert camera_view(october(), "nobody", life()) is None


def test_a_day_shows_what_lasts_first_then_the_longest() -> None:
    view = township_view(october(), "01")
    assert view is not None
    one, other, stranger = view.cameras[0].row, view.cameras[1].row, "gone"
    outages = (outage(one["id"], 0, 10), outage(stranger, 0, 500), outage(other["id"], 400, None))
    day = day_view(view, 7, outages)
    assert [missed.name for missed in day.missed] == [other["name"], stranger, one["name"]]
    assert day.rate == view.days[6].rate
    assert day.hidden == 0


def test_a_day_that_broke_everything_is_cut_and_says_so() -> None:
    view = township_view(october(), "01")
    assert view is not None
    day = day_view(view, 1, [outage("C", number, number + 9) for number in range(OUTAGES_SHOWN + 5)])
    assert (len(day.missed), day.hidden) == (OUTAGES_SHOWN, 5)


def test_an_interval_stands_with_its_reason_and_its_looks() -> None:
    reason = Transition(camera="C", at=DAY, condition=Condition.OFFLINE, decided_at=DAY + 80, looks=(DAY, DAY + 80))
    kept = [Evidence(camera="C", at=at, kind=EvidenceKind.FAULT) for at in (DAY - 1, DAY, DAY + 80, 2 * DAY)]
    intervals = (
        Interval(began=0, ended=DAY, condition=Condition.INTACT),
        Interval(began=DAY, ended=2 * DAY, condition=Condition.OFFLINE),
        Interval(began=2 * DAY, ended=3 * DAY, condition=Condition.INTACT),
    )
    view = camera_view(october(), some_camera(), life(*intervals, transitions=(reason,), evidence=tuple(kept)))
    assert view is not None
    newest, out, first = view.stretches
    assert (newest.reason, out.reason, first.reason) == (None, reason, None)
    assert [look.evidence.at for look in out.looks] == [DAY + 80, DAY]
    assert [look.evidence.at for look in first.looks] == [DAY - 1]
    assert view.looks == {DAY - 1, DAY, DAY + 80, 2 * DAY}


def test_a_change_that_a_gap_hides_is_no_reason_for_the_gap() -> None:
    hidden = Transition(camera="C", at=DAY, condition=Condition.OFFLINE, decided_at=DAY + 80)
    lost = Transition(camera="C", at=DAY, condition=Condition.UNKNOWN, cause=Cause.BUSY, decided_at=DAY + 80)
    gap = Interval(began=DAY, ended=2 * DAY, condition=Condition.UNKNOWN, cause=Cause.OURS)
    for transition in (hidden, lost):
        view = camera_view(october(), some_camera(), life(gap, transitions=(transition,)))
        assert view is not None
        assert view.stretches[0].reason is None


def test_the_newest_intervals_are_shown_and_the_rest_is_counted() -> None:
    many = [Interval(began=at, ended=at + 1, condition=Condition.INTACT) for at in range(STRETCHES_SHOWN + 7)]
    view = camera_view(october(), some_camera(), life(*many))
    assert view is not None
    assert view.stretches[0].interval is many[-1]
    assert (len(view.stretches), view.hidden_stretches) == (STRETCHES_SHOWN, 7)


def test_a_camera_that_moved_has_a_piece_in_each_township() -> None:
    snapshot = copy.deepcopy(sample.small())
    first = snapshot["cameras"][0]
    snapshot["cameras"].append({**first, "township": "02", "service_s": 5})
    view = camera_view(snapshot, first["id"], life())
    assert view is not None
    names = {row["code"]: row["name"] for row in snapshot["townships"]}
    assert [piece.township for piece in view.pieces] == [names[first["township"]], names["02"]]
