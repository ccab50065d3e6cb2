"""Months close by themselves, once; a person freezes them, and from then on they can be counted again to the byte."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Barrier, Thread

import pytest
from jsonschema import Draft202012Validator

from monitor.core.condition import Condition
from monitor.core.exemption import Kind, Scope
from monitor.core.history import Line
from monitor.core.rule import RuleError, UnknownError
from monitor.months import inspect_month, show
from monitor.store import FleetChanges, HistorySource, NewExemption, SnapshotState, Store
from reports import monthly
from reports.monthly import (
    MonthState,
    current,
    entries,
    freeze,
    load,
    newest,
    reconcile,
    reconcile_months,
    state_of,
    verify,
)
from reports.snapshot import Snapshot, canonical, sha256
from tests.reports import months
from tests.reports.months import DAY, HISTORY_TAKEN, NEXT_MORNING, OCTOBER

SCHEMA = json.loads((Path(monthly.__file__).parent / "snapshot.schema.json").read_text(encoding="utf-8"))
CONFIG = months.config()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "month.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{path}", at=HISTORY_TAKEN) as opened:
        months.fill(opened)
        yield opened


def frozen(store: Store) -> Snapshot:
    return load(store, freeze(store, CONFIG, OCTOBER, NEXT_MORNING, who="test").entry)


def test_every_month_that_is_over_is_drafted_once(store: Store) -> None:
    made = reconcile(store, CONFIG, NEXT_MORNING, who="test")
    assert [(entry.month, entry.state.value, entry.revision) for entry in made] == [
        ("2026-08", "draft", 1),
        ("2026-09", "draft", 1),
        ("2026-10", "draft", 1),
    ]
    assert reconcile(store, CONFIG, NEXT_MORNING + DAY, who="test") == []
    assert len(store.snapshots()) == 3


def test_a_machine_that_was_off_on_the_first_still_makes_the_month(store: Store) -> None:
    made = reconcile(store, CONFIG, OCTOBER.next().end + 20 * DAY, who="test")
    assert [entry.month for entry in made] == ["2026-08", "2026-09", "2026-10", "2026-11"]


def test_a_month_is_left_to_settle_before_its_draft(store: Store) -> None:
    assert [entry.month for entry in reconcile(store, CONFIG, OCTOBER.end + monthly.SETTLE_S - 1, who="test")] == [
        "2026-08",
        "2026-09",
    ]
    assert [entry.month for entry in reconcile(store, CONFIG, OCTOBER.end + monthly.SETTLE_S, who="test")] == [
        "2026-10"
    ]


def test_months_before_the_first_reported_one_are_not_drafted(store: Store) -> None:
    later = months.config(month={"first": "2026-10"})
    assert [entry.month for entry in reconcile(store, later, NEXT_MORNING, who="test")] == ["2026-10"]


def test_two_starts_at_once_make_a_month_once(store: Store, path: Path) -> None:
    ready = Barrier(2)
    made: list[str] = []

    def start() -> None:
        with Store.open(f"sqlite:///{path}", at=NEXT_MORNING) as own:
            ready.wait(30)
            made.extend(entry.month for entry in reconcile(own, CONFIG, NEXT_MORNING, who="test"))

    threads = [Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(made) == ["2026-08", "2026-09", "2026-10"]
    assert len(store.snapshots()) == 3


async def test_the_calendar_hears_of_each_draft(store: Store) -> None:
    told: list[str] = []
    made = await reconcile_months(store, CONFIG, _Clock(), told=lambda entry: told.append(entry.month))
    assert told == [entry.month for entry in made] == ["2026-08", "2026-09", "2026-10"]
    assert await reconcile_months(store, CONFIG, _Clock()) == []


class _Clock:
    def now(self) -> float:
        return NEXT_MORNING + 0.5

    def monotonic(self) -> float:
        return 0.0


def test_a_month_that_is_not_over_cannot_be_frozen(store: Store) -> None:
    with pytest.raises(RuleError, match="not over"):
        freeze(store, CONFIG, OCTOBER.next(), NEXT_MORNING, who="test")
    with pytest.raises(RuleError, match="not over"):
        freeze(store, CONFIG, OCTOBER, OCTOBER.end - 1, who="test")
    with pytest.raises(UnknownError, match="no record"):
        freeze(store, CONFIG, OCTOBER.previous().previous().previous(), NEXT_MORNING, who="test")
    assert store.snapshots() == ()


def test_freezing_before_the_townships_time_is_over_is_allowed_and_on_record(store: Store) -> None:
    # The month ends on a Saturday; three days of work later it is Wednesday the 4th.
    (october,) = (each for each in entries(store, CONFIG, NEXT_MORNING) if each.month == OCTOBER)
    assert october.appeal_until == OCTOBER.end + 4 * DAY
    assert october.state is MonthState.CLOSED
    assert freeze(store, CONFIG, OCTOBER, NEXT_MORNING, who="王主任").skipped_window
    (kept,) = (each for each in store.audit() if each.subject == "2026-10" and each.detail["state"] == "frozen")
    assert (kept.who, kept.detail["remark"]) == ("王主任", "the townships' time to object was not over")
    late = freeze(store, CONFIG, OCTOBER, october.appeal_until, who="test", reason="更正")
    assert not late.skipped_window


def test_a_frozen_month_is_only_frozen_again_with_a_reason(store: Store) -> None:
    first = freeze(store, CONFIG, OCTOBER, NEXT_MORNING, who="test").entry
    with pytest.raises(RuleError, match="needs a --reason"):
        freeze(store, CONFIG, OCTOBER, NEXT_MORNING + 60, who="test")
    second = freeze(store, CONFIG, OCTOBER, NEXT_MORNING + 60, who="test", reason="双桥乡申诉属实").entry
    assert (first.revision, second.revision, second.reason) == (1, 2, "双桥乡申诉属实")
    assert newest(store, OCTOBER, SnapshotState.FROZEN) == second
    assert load(store, second)["reason"] == "双桥乡申诉属实"
    assert state_of(store, OCTOBER, NEXT_MORNING) is MonthState.FROZEN


def test_freezing_drafts_the_months_before_so_that_changes_can_be_told(store: Store) -> None:
    freeze(store, CONFIG, OCTOBER, NEXT_MORNING, who="test")
    assert [(entry.month, entry.state.value) for entry in store.snapshots()] == [
        ("2026-08", "draft"),
        ("2026-09", "draft"),
        ("2026-10", "frozen"),
    ]


def test_a_snapshot_keeps_to_its_schema(store: Store) -> None:
    reconcile(store, CONFIG, NEXT_MORNING, who="test")
    for entry in store.snapshots():
        assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(load(store, entry))] == []


def test_a_snapshot_is_canonical_json_under_its_hash(store: Store) -> None:
    entry = freeze(store, CONFIG, OCTOBER, NEXT_MORNING, who="test").entry
    content = store.snapshot_content(entry)
    assert sha256(content) == entry.sha256
    assert content.endswith(b"}\n")
    assert b"\n" not in content[:-1]
    snapshot = json.loads(content, parse_float=pytest.fail)
    assert canonical(dict(reversed(snapshot.items()))) == content


def test_the_figures_of_october_are_those_of_the_hand(store: Store) -> None:
    snapshot = frozen(store)
    rows = {row["name"]: row for row in snapshot["townships"]}
    assert [row["name"] for row in snapshot["townships"]] == ["双桥乡", "泌水镇", "石门镇"]
    # 28 of 31 days: 90.3225…; 93 camera days less 9: 90.3225… as well, and its exact fraction is equal.
    assert rows["双桥乡"]["online_intact_rate"] == rows["泌水镇"]["online_intact_rate"] == "90.32"
    assert (rows["双桥乡"]["place"], rows["泌水镇"]["place"], rows["石门镇"]["place"]) == (1, 1, None)
    assert rows["泌水镇"]["equivalent_intact"] == "2.70"
    assert rows["泌水镇"]["points"] == "95.32"
    assert rows["泌水镇"]["connected_rate"] == "75.00"
    assert (rows["双桥乡"]["online_rate"], rows["双桥乡"]["intact_rate"]) == ("100.00", "90.32")
    assert [row["small"] for row in snapshot["townships"]] == [True, False, True]
    assert rows["石门镇"]["remark"] == "无应检时长；基数较小"
    assert rows["石门镇"]["unknown_by"] == {"ours": 31 * DAY, "busy": 0, "held": 0, "link_excused": 0}
    assert [row["name"] for row in snapshot["never_connected"]] == ["5号点位"]
    assert [row["accountable_share"] for row in snapshot["unassessed"]] == ["0.00"]
    assert snapshot["end_of_month"] == {"intact": 4, "impaired": 0, "offline": 0, "unknown": 1}
    (heat,) = (row["days"] for row in snapshot["heat"] if row["name"] == "双桥乡")
    assert heat == ["100.00"] * 10 + ["0.00"] * 3 + ["100.00"] * 18


def test_what_changed_is_told_from_the_snapshots_before(store: Store) -> None:
    snapshot = frozen(store)
    rows = {row["name"]: row for row in snapshot["townships"]}
    # August: 89 of 93 camera days; September: 86 of 90.
    assert rows["泌水镇"]["previous_online_intact_rate"] == "95.55"
    assert (rows["泌水镇"]["previous_place"], rows["泌水镇"]["change_places"]) == (2, 1)
    assert rows["泌水镇"]["change"] == "-5.23"
    assert (rows["泌水镇"]["months_below"], rows["双桥乡"]["months_below"], rows["石门镇"]["months_below"]) == (1, 1, 0)
    # The year's printed points are 100.00, 100.00 and 95.32.
    assert rows["泌水镇"]["cumulative_points"] == "98.44"
    assert rows["石门镇"]["change"] is None
    assert [row["month"] for row in snapshot["trend"]] == ["2026-08", "2026-09", "2026-10"]
    assert [row["online_intact_rate"] for row in snapshot["trend"]] == ["96.77", "96.66", "90.32"]


def test_faults_are_listed_with_what_the_notice_needs(store: Store) -> None:
    black, first, second = frozen(store)["faults"]
    assert (black["name"], black["fault"], black["condition"], black["hours"]) == (
        "4号点位",
        "black",
        "impaired",
        "72.0",
    )
    assert (first["village"], second["village"]) == ("东村", "西村")
    assert first["first_found"] == "2026-10-06T00:00:00+08:00"
    # Noticed on Sunday, 1 November: three days of work for the line, a day for a key point, seven for a device.
    assert (first["deadline"], second["deadline"], black["deadline"]) == ("2026-11-04", "2026-11-02", "2026-11-10")
    assert (second["key_point"], second["outages"], second["seconds"], second["lasting"]) == (True, 1, 5 * DAY, False)
    assert second["maintainer"] == {"name": "示范运维", "phone": "0550-1"}


def test_seconds_of_townships_are_those_of_their_cameras_and_the_county_is_their_sum(store: Store) -> None:
    snapshot = frozen(store)
    for key in ("service_s", "intact_s", "impaired_s", "offline_s", "exempt_s", "unknown_s"):
        for row in snapshot["townships"]:
            its = [each for each in snapshot["cameras"] if each["township"] == row["code"]]
            assert row[key] == sum(each[key] for each in its if each["state"] == "assessed")
        assert snapshot["county"][key] == sum(row[key] for row in snapshot["townships"])


def test_a_clock_that_nobody_synchronises_is_on_paper(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for answer in (True, False, None):
        monkeypatch.setattr(monthly, "is_synchronised", lambda answer=answer: answer)
        assert current(store, CONFIG, OCTOBER, NEXT_MORNING)["clock"] == {"synchronised": answer}


def test_deadlines_by_a_calendar_that_is_not_published_yet_are_marked(store: Store) -> None:
    assert current(store, CONFIG, OCTOBER, NEXT_MORNING)["workdays"] == {"published": True}
    in_2027 = OCTOBER.end + 100 * DAY
    assert current(store, CONFIG, OCTOBER, in_2027)["workdays"] == {"published": False}
    entered = months.config(workdays={"off": (date(2027, 2, 8),)})
    assert current(store, entered, OCTOBER, in_2027)["workdays"] == {"published": True}


def test_papers_before_the_freeze_are_made_from_the_month_as_it_is_known_now(store: Store) -> None:
    assert current(store, CONFIG, OCTOBER, NEXT_MORNING)["state"] == "draft"
    before = current(store, CONFIG, OCTOBER, NEXT_MORNING)["townships"]
    exempt_camera_four(store)
    after = current(store, CONFIG, OCTOBER, NEXT_MORNING)["townships"]
    assert before != after
    assert {row["name"]: row["online_intact_rate"] for row in after}["双桥乡"] == "100.00"
    freeze(store, CONFIG, OCTOBER, NEXT_MORNING, who="test")
    assert current(store, CONFIG, OCTOBER, NEXT_MORNING + DAY)["state"] == "frozen"
    with pytest.raises(RuleError):
        current(store, CONFIG, OCTOBER.next(), NEXT_MORNING)


def exempt_camera_four(store: Store, at: int = NEXT_MORNING) -> None:
    """The three black days, filed in time and approved at ``at``."""
    new = NewExemption(
        scope=Scope(camera=months.CAMERAS[3].id),
        kind=Kind.CONSTRUCTION,
        began=OCTOBER.start + 10 * DAY,
        ended=OCTOBER.start + 13 * DAY,
        reason="修路",
        filed_at=OCTOBER.start,
    )
    number = store.file_exemption(new, who="test", at=at).id
    store.decide_exemption(number, approve=True, by="王", who="test", at=at)


def test_what_happens_after_the_freeze_changes_nothing_in_it(store: Store) -> None:
    freeze(store, CONFIG, OCTOBER, NEXT_MORNING, who="test")
    later = NEXT_MORNING + DAY
    exempt_camera_four(store, at=later)
    moved = replace(months.CAMERAS[0], township="02", name="改名")
    store.save_fleet(FleetChanges(cameras=(moved,)), who="test", why="moved", at=later)
    said = Line(camera=months.CAMERAS[4].id, at=OCTOBER.start, condition=Condition.OFFLINE)
    closing = replace(said, at=OCTOBER.end)
    store.take_history([said, closing], HistorySource(name="more", sha256="1" * 64, who="test"), at=later)
    verified = verify(store, OCTOBER)
    assert verified.equal, verified.differences
    again = freeze(store, CONFIG, OCTOBER, later, who="test", reason="更正").entry
    assert {row["name"]: row["online_intact_rate"] for row in load(store, again)["townships"]} == {
        "泌水镇": "90.32",
        "双桥乡": "100.00",
        "石门镇": "0.00",
    }
    assert verify(store, OCTOBER).equal


def test_a_month_is_counted_again_by_the_rules_of_then(store: Store) -> None:
    strict = months.config(site={"target": "99"}, points={"per_point": "2"}, month={"small_township": 0})
    freeze(store, strict, OCTOBER, NEXT_MORNING, who="test")
    assert verify(store, OCTOBER).equal
    rules = {config: current(store, config, OCTOBER.previous(), NEXT_MORNING)["rules"] for config in (CONFIG, strict)}
    assert rules[CONFIG]["digest"] != rules[strict]["digest"]


def test_a_snapshot_that_was_tampered_with_is_seen(store: Store, path: Path) -> None:
    entry = freeze(store, CONFIG, OCTOBER, NEXT_MORNING, who="test").entry
    forged = store.snapshot_content(entry).replace(b'"90.32"', b'"99.32"')
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TRIGGER snapshot_no_update")
        database.execute("UPDATE snapshot SET content = ? WHERE state = 'frozen'", (zlib.compress(forged),))
        database.commit()
    verified = verify(store, OCTOBER)
    assert not verified.hash_equal
    assert not verified.equal
    assert any(difference.startswith("county.online_intact_rate") for difference in verified.differences)


def test_a_record_that_was_tampered_with_is_seen(store: Store, path: Path) -> None:
    freeze(store, CONFIG, OCTOBER, NEXT_MORNING, who="test")
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TRIGGER history_line_no_update")
        database.execute("UPDATE history_line SET condition = 'intact', fault = NULL WHERE fault = 'black'")
        database.commit()
    verified = verify(store, OCTOBER)
    assert verified.hash_equal
    assert not verified.equal
    assert "faults: 3 entries ≠ 2 entries" in verified.differences


def test_a_month_without_a_snapshot_cannot_be_verified(store: Store) -> None:
    with pytest.raises(UnknownError, match="no snapshot"):
        verify(store, OCTOBER)
    reconcile(store, CONFIG, NEXT_MORNING, who="test")
    assert verify(store, OCTOBER).entry.state is SnapshotState.DRAFT
    assert verify(store, OCTOBER).equal


def test_a_shown_month_says_the_same_as_its_snapshot(store: Store) -> None:
    shown = show(inspect_month(store, CONFIG, OCTOBER, NEXT_MORNING), CONFIG, "closed")
    snapshot = frozen(store)
    assert shown["county"] == {key: snapshot["county"][key] for key in shown["county"]}
    for one, other in zip(shown["townships"], snapshot["townships"], strict=True):
        assert one == {key: other[key] for key in one}
    for one, other in zip(shown["cameras"], snapshot["cameras"], strict=True):
        assert one == {key: other[key] for key in one}


def test_an_open_month_is_counted_up_to_now_and_a_future_one_is_unknown(store: Store) -> None:
    november = OCTOBER.next()
    shown = show(inspect_month(store, CONFIG, november, november.start + 700), CONFIG, "open")
    assert {row["service_s"] for row in shown["cameras"]} == {700}
    with pytest.raises(UnknownError, match="has not begun"):
        inspect_month(store, CONFIG, november.next(), NEXT_MORNING)
