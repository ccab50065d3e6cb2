"""What the store knew of a month at a moment: later knowledge is left out, and nothing that was kept can change."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from monitor.core.condition import Cause, Condition, Fault
from monitor.core.exemption import Exemption, Filing, Kind, Scope
from monitor.core.fleet import Camera, Township
from monitor.core.history import Line, Reception
from monitor.core.record import Transition
from monitor.core.rule import RuleError, UnknownError
from monitor.store import (
    Batch,
    Coverage,
    FleetChanges,
    HistorySource,
    NewExemption,
    SnapshotEntry,
    SnapshotState,
    Store,
    TransitionRecord,
)

NOW = 1_790_000_000
EVER = 1 << 40
DAY = 86_400
FILE = HistorySource(name="old.jsonl", sha256="0" * 64, who="test")


def camera(id_: str, township: str = "01") -> Camera:
    return Camera(id=id_, name=id_, township=township, village="东村")


@pytest.fixture
def county(store: Store) -> Store:
    """A store with a ledger of two cameras."""
    townships = (Township(code="01", name="泌水镇"), Township(code="02", name="双桥乡"))
    changes = FleetChanges(townships=townships, cameras=(camera("a"), camera("b")))
    store.save_fleet(changes, who="test", why="first", at=NOW)
    return store


def write(store: Store, *said: tuple[str, int, Condition, Fault | None]) -> None:
    """Transitions decided 80 seconds later, each shown by a look at its own time."""
    records = tuple(
        TransitionRecord(
            transition=Transition(
                camera=id_,
                at=at,
                condition=condition,
                fault=fault,
                cause=Cause.OURS if condition is Condition.UNKNOWN else None,
                decided_at=at + 80,
            ),
            evidence_at=at,
        )
        for id_, at, condition, fault in said
    )
    store.write(Batch(transitions=records)).result(30)


def test_the_ledger_is_read_as_it_was_known(county: Store) -> None:
    county.save_fleet(FleetChanges(cameras=(camera("a", "02"),)), who="test", why="moved", at=NOW + DAY)
    county.save_fleet(FleetChanges(removed_cameras=("b",)), who="test", why="gone", at=NOW + 2 * DAY)
    county.save_fleet(FleetChanges(cameras=(camera("b"),)), who="test", why="back", at=NOW + 4 * DAY)

    def known(at: int) -> dict[str, list[tuple[int, str | None]]]:
        versions = county.camera_versions(NOW + at)
        return {
            id_: [((each.at - NOW) // DAY, each.camera.township if each.camera else None) for each in its]
            for id_, its in versions.items()
        }

    assert known(0) == {"a": [(0, "01")], "b": [(0, "01")]}
    assert known(DAY) == {"a": [(0, "01"), (1, "02")], "b": [(0, "01")]}
    assert known(3 * DAY) == {"a": [(0, "01"), (1, "02")], "b": [(0, "01"), (2, None)]}
    assert known(4 * DAY) == {"a": [(0, "01"), (1, "02")], "b": [(0, "01"), (2, None), (4, "01")]}
    assert county.camera_versions(NOW - 1) == {}


def test_townships_are_read_as_they_were_known(county: Store) -> None:
    renamed = FleetChanges(townships=(Township(code="02", name="双桥镇"),))
    county.save_fleet(renamed, who="test", why="renamed", at=NOW + DAY)
    assert [(each.township.name, each.ended) for each in county.township_versions(NOW)] == [
        ("泌水镇", None),
        ("双桥乡", None),
    ]
    assert [(each.township.name, each.ended) for each in county.township_versions(NOW + DAY)] == [
        ("泌水镇", None),
        ("双桥乡", NOW + DAY),
        ("双桥镇", None),
    ]


def test_a_stretch_holds_what_was_on_record_when_it_began(county: Store) -> None:
    write(
        county,
        ("a", NOW, Condition.INTACT, None),
        ("a", NOW + 100, Condition.INTACT, None),
        ("a", NOW + 500, Condition.OFFLINE, Fault.REFUSED),
        ("a", NOW + 900, Condition.INTACT, None),
    )
    recorded = county.recorded(NOW + 300, NOW + 900, EVER)
    assert [each.at - NOW for each in recorded.own["a"]] == [100, 500]
    assert recorded.evidence == {("a", NOW + 500): NOW + 500}
    assert recorded.seen_before == frozenset()
    assert "b" not in recorded.own


def test_of_a_camera_failing_at_the_beginning_everything_before_is_read(county: Store) -> None:
    write(
        county,
        ("a", NOW, Condition.INTACT, None),
        ("a", NOW + 100, Condition.OFFLINE, Fault.REFUSED),
        ("a", NOW + 200, Condition.UNKNOWN, None),
        ("b", NOW, Condition.INTACT, None),
        ("b", NOW + 200, Condition.UNKNOWN, None),
        ("a", NOW + 400, Condition.OFFLINE, Fault.REFUSED),
        ("b", NOW + 400, Condition.INTACT, None),
    )
    recorded = county.recorded(NOW + 300, NOW + 900, EVER)
    assert [each.at - NOW for each in recorded.own["a"]] == [0, 100, 200, 400]
    assert [each.at - NOW for each in recorded.own["b"]] == [200, 400]


def test_what_was_decided_later_was_not_known(county: Store) -> None:
    write(county, ("a", NOW, Condition.INTACT, None), ("a", NOW + 500, Condition.OFFLINE, Fault.REFUSED))
    assert len(county.recorded(NOW, NOW + 900, NOW + 579).own["a"]) == 1
    assert len(county.recorded(NOW, NOW + 900, NOW + 580).own["a"]) == 2


def test_a_camera_once_seen_is_remembered(county: Store) -> None:
    write(
        county,
        ("a", NOW, Condition.INTACT, None),
        ("a", NOW + 100, Condition.UNKNOWN, None),
        ("b", NOW, Condition.OFFLINE, Fault.REFUSED),
        ("b", NOW + 100, Condition.UNKNOWN, None),
    )
    assert county.recorded(NOW + 300, NOW + 900, EVER).seen_before == {"a"}
    assert county.recorded(NOW + 300, NOW + 900, NOW).seen_before == frozenset()


def test_the_record_reaches_as_far_as_the_runs_that_had_begun(county: Store) -> None:
    assert county.covered_until(EVER) is None
    for boot, began, until in (("a", NOW, NOW + 60), ("b", NOW + 100, NOW + 900)):
        county.write(Batch(coverage=Coverage(boot=boot, began=began, until=until))).result(30)
    assert county.covered_until(NOW - 1) is None
    assert county.covered_until(NOW + 99) == NOW + 60
    assert county.covered_until(NOW + 100) == NOW + 900
    assert county.first_second() == NOW


def line(id_: str, at: int, condition: Condition = Condition.INTACT, fault: Fault | None = None) -> Line:
    return Line(camera=id_, at=NOW + at, condition=condition, fault=fault)


def test_history_is_taken_once_and_stops_where_our_record_begins(county: Store) -> None:
    write(county, ("b", NOW + 50, Condition.INTACT, None))
    lines = [
        line("a", 0),
        line("a", 40, Condition.OFFLINE, Fault.UNREACHABLE),
        line("b", 40),
        line("b", 50),
        line("nobody", 0),
        line("a", 2 * DAY),
    ]
    assert county.take_history(lines, FILE, at=NOW + DAY) == [
        Reception.NEW,
        Reception.NEW,
        Reception.NEW,
        Reception.OWN_RECORD,
        Reception.NO_CAMERA,
        Reception.NOT_YET,
    ]
    again = county.take_history(lines, FILE, at=NOW + DAY)
    assert again[:3] == [Reception.KNOWN] * 3
    assert [entry.detail["lines"] for entry in county.audit() if entry.action == "take_history"] == [3]
    assert county.first_second() == NOW


def test_imported_history_is_read_with_the_line_that_follows(county: Store) -> None:
    lines = [line("a", at) for at in (-DAY, 0, 100, 2 * DAY - 1)] + [line("b", 0)]
    county.take_history(lines, FILE, at=NOW + 2 * DAY)
    imported = county.recorded(NOW + 50, NOW + 200, EVER).imported
    # The line of the next day tells that the one at 100 was not the last.
    assert [each.at - NOW for each in imported["a"]] == [0, 100, 2 * DAY - 1]
    assert [each.at - NOW for each in imported["b"]] == [0]
    assert county.recorded(NOW + 50, NOW + 200, NOW + 2 * DAY - 1).imported == {}


def filed(store: Store, scope: Scope, filed_at: int = NOW, began: int = NOW + DAY) -> Exemption:
    new = NewExemption(
        scope=scope,
        kind=Kind.CONSTRUCTION,
        began=began,
        ended=began + DAY,
        reason="修路",
        filed_at=filed_at,
        proof="photo.jpg 00",
    )
    return store.file_exemption(new, who="test", at=max(NOW, filed_at))


def test_a_filing_comes_back_as_it_was_handed_in(county: Store) -> None:
    first = filed(county, Scope(camera="a"))
    assert first == Exemption(
        id=first.id,
        scope=Scope(camera="a"),
        kind=Kind.CONSTRUCTION,
        began=NOW + DAY,
        ended=NOW + 2 * DAY,
        reason="修路",
        filed_at=NOW,
        state=Filing.FILED,
        proof="photo.jpg 00",
    )
    second = filed(county, Scope(village="东村", township="01"))
    assert county.exemptions(0, EVER, EVER) == (first, second)
    assert county.exemptions(NOW + 2 * DAY, EVER, EVER) == ()
    assert county.exemptions(0, EVER, NOW - 1) == ()


def test_a_decision_counts_from_when_it_was_taken(county: Store) -> None:
    number = filed(county, Scope(camera="a")).id
    decided = county.decide_exemption(number, approve=True, by="王主任", reason="属实", who="test", at=NOW + 500)
    assert (decided.state, decided.decided_by, decided.decided_at, decided.decided_why) == (
        Filing.APPROVED,
        "王主任",
        NOW + 500,
        "属实",
    )
    assert [each.state for each in county.exemptions(0, EVER, NOW + 499)] == [Filing.FILED]
    assert [each.state for each in county.exemptions(0, EVER, NOW + 500)] == [Filing.APPROVED]


def test_rules_hold_in_the_store_too_and_leave_nothing_behind(county: Store) -> None:
    late = filed(county, Scope(camera="a"), filed_at=NOW + 3 * DAY)
    assert late.state is Filing.LATE
    with pytest.raises(RuleError, match="after its deadline"):
        county.decide_exemption(late.id, approve=True, by="王", who="test", at=NOW + 4 * DAY)
    with pytest.raises(UnknownError, match="no exemption 99"):
        county.decide_exemption(99, approve=True, by="王", who="test", at=NOW)
    with pytest.raises(UnknownError, match="no camera x"):
        filed(county, Scope(camera="x"))
    assert county.decide_exemption(late.id, approve=False, by="王", who="test", at=NOW).state is Filing.REJECTED
    assert len(county.exemptions(0, EVER, EVER)) == 1


def entry(revision: int = 1, state: SnapshotState = SnapshotState.DRAFT, month: str = "2026-10") -> SnapshotEntry:
    return SnapshotEntry(
        month=month, state=state, revision=revision, sha256="0" * 64, made_at=NOW, who="test", reason="更正"
    )


def test_a_snapshot_is_kept_once(county: Store) -> None:
    assert county.keep_snapshot(entry(), b'{"first":1}\n', remark="early")
    assert not county.keep_snapshot(entry(), b'{"second":1}\n')
    assert county.keep_snapshot(entry(state=SnapshotState.FROZEN), b"{}\n")
    assert county.keep_snapshot(entry(2), b"{}\n")
    assert county.snapshots() == (entry(), entry(2), entry(state=SnapshotState.FROZEN))
    assert county.snapshots("2026-09") == ()
    assert county.snapshot_content(entry()) == b'{"first":1}\n'
    kept = [each.detail for each in county.audit() if each.action == "keep_snapshot"]
    assert [detail["remark"] for detail in kept] == ["", "", "early"]


def _a_history(store: Store) -> None:
    store.take_history([line("a", 0)], FILE, at=NOW + DAY)


def _a_decision(store: Store) -> None:
    store.decide_exemption(filed(store, Scope(camera="a")).id, approve=True, by="王", who="test", at=NOW)


def _a_snapshot(store: Store) -> None:
    store.keep_snapshot(entry(), b"{}\n")


@pytest.mark.parametrize(
    ("table", "fill"),
    [
        ("history_source", _a_history),
        ("history_line", _a_history),
        ("exemption", _a_decision),
        ("exemption_decision", _a_decision),
        ("snapshot", _a_snapshot),
    ],
)
@pytest.mark.parametrize("statement", ["UPDATE {} SET rowid = rowid", "DELETE FROM {}"])
def test_what_was_kept_can_be_neither_changed_nor_removed(
    county: Store, path: Path, table: str, fill: Callable[[Store], None], statement: str
) -> None:
    fill(county)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,)
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            database.execute(statement.format(table))
