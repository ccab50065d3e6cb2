"""Repairs and rounds in the snapshot, counted from the store; and months that an older program froze."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from monitor.core.condition import Condition, Fault
from monitor.core.history import Line
from monitor.store import Batch, FleetChanges, HistorySource, Round, RoundKind, SnapshotEntry, SnapshotState, Store
from probes.observation import Depth
from reports import monthly
from reports.monthly import current, freeze, load, reconcile, verify
from reports.snapshot import Snapshot, canonical, sha256
from tests.reports import months
from tests.reports.months import CAMERAS, DAY, HISTORY_TAKEN, NEXT_MORNING, OCTOBER

SCHEMA = json.loads((Path(monthly.__file__).parent / "snapshot.schema.json").read_text(encoding="utf-8"))
FORMAT_1 = (Path(__file__).parent / "snapshots/format-1.json").read_bytes()
"""The October of tests.reports.months, as the program froze it that knew neither repairs nor rounds."""
CONFIG = months.config()
SEPTEMBER = OCTOBER.previous()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/month.db", at=SEPTEMBER.start) as opened:
        yield opened


def tell(store: Store, name: str, at: int, *lives: list[tuple[int, Condition]]) -> None:
    """Take in what another system says of cameras 1, 2 … at ``at``."""
    said = [
        Line(
            camera=CAMERAS[number].id,
            at=since,
            condition=condition,
            fault=Fault.UNREACHABLE if condition is Condition.OFFLINE else None,
        )
        for number, life in enumerate(lives)
        for since, condition in life
    ]
    taken = store.take_history(said, HistorySource(name=name, sha256=name[0] * 64, who="test"), at=at)
    assert {reception.name for reception in taken} == {"NEW"}


def two_months(store: Store) -> None:
    """Cameras 1 to 4 are down when September ends, and September is frozen on the morning of Thursday, 1 October.

    Camera 1 is intact again on the 3rd, camera 2, a key point, on the 5th, camera 3 never, camera 4 is taken down.
    """
    changes = FleetChanges(townships=months.TOWNSHIPS, cameras=CAMERAS)
    store.save_fleet(changes, who="test", why="first", at=SEPTEMBER.start)
    down, up, gone = Condition.OFFLINE, Condition.INTACT, Condition.UNKNOWN
    broken = [(SEPTEMBER.start, up), (SEPTEMBER.end - DAY, down), (SEPTEMBER.end, gone)]
    tell(store, "september", SEPTEMBER.end + 60, broken, broken, broken, broken)
    freeze(store, CONFIG, SEPTEMBER, SEPTEMBER.end + 9000, who="test")
    store.save_fleet(FleetChanges(removed_cameras=(CAMERAS[3].id,)), who="test", why="", at=OCTOBER.start + 4 * DAY)
    lives = [
        [(OCTOBER.start, down), (OCTOBER.start + after * DAY, up), (OCTOBER.end, gone)]
        if after
        else [(OCTOBER.start, down), (OCTOBER.end, gone)]
        for after in (2, 4, 0)
    ]
    tell(store, "october", OCTOBER.end + 60, *lives)


def frozen(store: Store) -> Snapshot:
    return load(store, freeze(store, CONFIG, OCTOBER, NEXT_MORNING, who="test").entry)


def test_last_months_repairs_are_held_against_the_deadlines_of_its_frozen_list(store: Store) -> None:
    two_months(store)
    repairs = frozen(store)["repairs"]
    assert (repairs["month"], repairs["state"], repairs["revision"]) == ("2026-09", "frozen", 1)
    assert (repairs["listed"], repairs["due"]) == (4, 4)
    # Noticed on 1 October, the first of seven days off: the 8th, the 9th and Saturday the 10th are days of work.
    assert {row["name"]: (row["deadline"], row["state"], row["restored_at"]) for row in repairs["rows"]} == {
        "1号点位": ("2026-10-10", "done", "2026-10-03T00:00:00+08:00"),
        "2号点位": ("2026-10-02", "late", "2026-10-05T00:00:00+08:00"),
        "3号点位": ("2026-10-10", "overdue", None),
        "4号点位": ("2026-10-10", "left", None),
    }
    assert {state: count for state, count in repairs["counts"].items() if count} == {
        "done": 1,
        "late": 1,
        "overdue": 1,
        "left": 1,
    }


def test_a_month_with_repairs_is_counted_again_to_the_byte_whatever_comes_later(store: Store) -> None:
    two_months(store)
    snapshot = frozen(store)
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(snapshot)] == []
    freeze(store, CONFIG, SEPTEMBER, NEXT_MORNING + DAY, who="test", reason="更正")
    assert verify(store, OCTOBER).equal
    again = load(store, freeze(store, CONFIG, OCTOBER, NEXT_MORNING + DAY, who="test", reason="更正").entry)
    assert again["repairs"]["revision"] == 2
    assert {row["state"] for row in again["repairs"]["rows"]} == {"done", "open", "left"}, "its deadlines begin anew"


def test_a_draft_stands_in_for_a_month_that_nobody_froze(store: Store) -> None:
    two_months(store)
    november = OCTOBER.next()
    reconcile(store, CONFIG, NEXT_MORNING, who="test")
    repairs = current(store, CONFIG, november, november.end + 9000)["repairs"]
    assert (repairs["month"], repairs["state"]) == ("2026-10", "draft")


def test_the_first_month_has_nothing_to_hold_itself_against(store: Store) -> None:
    two_months(store)
    september = current(store, CONFIG, SEPTEMBER, NEXT_MORNING)
    assert september["repairs"] is None
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(september)] == []


def make_round(store: Store, number: int, started: int, ended: int | None = None, *, void: str | None = None) -> None:
    """A planned round in which one of five cameras was offline and one impaired."""
    one = Round(
        number=number,
        kind=RoundKind.INSPECTION,
        depth=Depth.PICTURE,
        started=started,
        ended=ended,
        counts={} if ended is None else {"intact": 3, "impaired": 1, "offline": 1, "unknown": 0},
        void=void,
    )
    store.write(Batch(rounds=(one,))).result(30)


def test_the_rounds_are_those_that_were_planned_and_began_in_the_month(store: Store) -> None:
    two_months(store)
    morning = OCTOBER.start + 2 * DAY + 10 * 3600
    make_round(store, 1, OCTOBER.start - 1, OCTOBER.start + 500)
    make_round(store, 2, morning, morning + 600)
    asked_for = Round(
        number=3, kind=RoundKind.MANUAL, depth=Depth.PICTURE, started=morning + 3600, ended=morning + 4000
    )
    store.write(Batch(rounds=(asked_for,))).result(30)
    make_round(store, 4, morning + 12 * 3600, morning + 13 * 3600, void="canary")
    make_round(store, 5, morning + DAY)
    make_round(store, 6, OCTOBER.end, OCTOBER.end + 100)
    snapshot = frozen(store)
    rounds = snapshot["rounds"]
    assert [(row["number"], row["state"], row["daylight"], row["cameras"]) for row in rounds["rows"]] == [
        (2, "valid", True, 5),
        (4, "void", False, 5),
        (5, "unfinished", True, 0),
    ]
    assert {key: rounds[key] for key in ("valid", "by_day", "by_night", "void", "unfinished", "looks")} == {
        "valid": 1,
        "by_day": 1,
        "by_night": 0,
        "void": 1,
        "unfinished": 1,
        "looks": 5,
    }
    assert rounds["rows"][0]["began"] == "2026-10-03T10:00:00+08:00"
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(snapshot)] == []


def test_a_round_that_ends_after_the_freeze_changes_nothing_in_it(store: Store) -> None:
    two_months(store)
    late = OCTOBER.end - 60
    make_round(store, 1, late)
    (row,) = frozen(store)["rounds"]["rows"]
    assert row["state"] == "unfinished"
    make_round(store, 1, late, NEXT_MORNING + 1)
    assert verify(store, OCTOBER).equal


def keep(store: Store, content: bytes) -> None:
    """A frozen October as an earlier program left it in the store."""
    entry = SnapshotEntry(
        month=str(OCTOBER),
        state=SnapshotState.FROZEN,
        revision=1,
        sha256=sha256(content),
        made_at=NEXT_MORNING,
        who="test",
        reason="",
    )
    assert store.keep_snapshot(entry, content)


@pytest.fixture
def upgraded(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/old.db", at=HISTORY_TAKEN) as opened:
        months.fill(opened)
        reconcile(opened, CONFIG, NEXT_MORNING, who="test", before=OCTOBER)
        keep(opened, FORMAT_1)
        yield opened


def test_a_month_frozen_in_format_1_is_counted_again_to_the_byte(upgraded: Store) -> None:
    verified = verify(upgraded, OCTOBER)
    assert verified.equal, verified.differences


def test_a_month_frozen_in_format_1_is_what_the_next_one_compares_itself_with(upgraded: Store) -> None:
    november = OCTOBER.next()
    snapshot = current(upgraded, CONFIG, november, november.end + 9000)
    assert (snapshot["repairs"]["month"], snapshot["repairs"]["listed"], snapshot["repairs"]["due"]) == (
        "2026-10",
        3,
        0,
    )
    assert snapshot["townships"][0]["previous_place"] == 1


def test_a_correction_of_a_month_in_format_1_is_made_in_todays(upgraded: Store) -> None:
    again = load(upgraded, freeze(upgraded, CONFIG, OCTOBER, NEXT_MORNING + 60, who="test", reason="更正").entry)
    assert again["rounds"]["rows"] == []
    assert verify(upgraded, OCTOBER).equal


def test_a_format_that_nobody_knows_is_not_taken_for_equal(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/new.db", at=HISTORY_TAKEN) as store:
        months.fill(store)
        keep(store, canonical({**json.loads(FORMAT_1), "schema": "xunjian/month-snapshot/99"}))
        assert verify(store, OCTOBER).differences == ("not a snapshot",)
