"""Evidence is deleted when its time is over or its room is needed, but never what the record still rests on."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.core.condition import Condition, Fault
from monitor.core.period import Month
from monitor.core.record import Transition
from monitor.core.retention import Rules, Why
from monitor.store import Batch, Evidence, EvidenceKind, Gone, SnapshotEntry, SnapshotState, Store, TransitionRecord
from monitor.store.engine import database_url, reading_engine, writing_engine
from monitor.store.retention import forget, survey
from probes.observation import Step

ZONE = ZoneInfo("Asia/Shanghai")
DAY = 86400
NOW = 1_790_000_000
MONTH = Month.at(NOW, ZONE)
GOOD, FAULT = EvidenceKind.GOOD, EvidenceKind.FAULT
STEPS = (Step(name="decode", took_ms=4.0, said="black"),)


def rules(*, budget: int = 10**9, closed: frozenset[int] = frozenset()) -> Rules:
    return Rules(good_s=90 * DAY, fault_s=180 * DAY, budget=budget, zone=ZONE, closed_years=closed)


def seen(camera: str, at: int, kind: EvidenceKind = FAULT, size: int = 20) -> Evidence:
    return Evidence(camera=camera, at=at, kind=kind, outcome="bad_picture", steps=STEPS, jpeg=bytes(size))


def changed(camera: str, at: int, condition: Condition) -> TransitionRecord:
    fault = None if condition is Condition.INTACT else Fault.BLACK
    transition = Transition(camera=camera, at=at, condition=condition, fault=fault, decided_at=at, looks=(at,))
    return TransitionRecord(transition=transition, evidence_at=at)


def keep(store: Store, *evidence: Evidence) -> None:
    store.write(Batch(evidence=evidence)).result()


def fail(store: Store, camera: str, at: int, *, until: int) -> None:
    """A failure that was seen at ``at`` and repaired at ``until``."""
    store.write(Batch(transitions=(changed(camera, at, Condition.IMPAIRED),), evidence=(seen(camera, at),))).result()
    store.write(Batch(transitions=(changed(camera, until, Condition.INTACT),))).result()


def freeze(store: Store, month: Month) -> None:
    entry = SnapshotEntry(
        month=str(month), state=SnapshotState.FROZEN, revision=1, sha256="0" * 64, made_at=month.end, who="director"
    )
    assert store.keep_snapshot(entry, b"{}")


def pictures(folder: Path) -> list[str]:
    return sorted(f"{path.parent.name}/{path.name}" for path in folder.rglob("*.jpg"))


@pytest.fixture
def folder(path: Path) -> Path:
    return path.parent / "evidence"


def test_old_evidence_goes_with_its_picture_and_newer_evidence_stays(store: Store, folder: Path) -> None:
    keep(store, seen("a", NOW - 181 * DAY), seen("a", NOW - 179 * DAY))
    assert list(store.forget_evidence(rules(), now=NOW).going.values()) == [Why.AGE]
    assert [each.at for each in store.evidence("a")] == [NOW - 179 * DAY]
    assert pictures(folder) == [f"a/{NOW - 179 * DAY}-fault.jpg"]


def test_good_pictures_of_cameras_that_nobody_looks_at_any_more_go_sooner_than_faults(
    store: Store, folder: Path
) -> None:
    keep(store, seen("a", NOW - 91 * DAY, GOOD), seen("b", NOW - 91 * DAY), seen("c", NOW - 89 * DAY, GOOD))
    store.forget_evidence(rules(), now=NOW)
    assert pictures(folder) == [f"b/{NOW - 91 * DAY}-fault.jpg", f"c/{NOW - 89 * DAY}-good.jpg"]


def test_what_a_failure_that_still_lasts_rests_on_is_kept_however_old_with_how_it_looked_before(store: Store) -> None:
    old = NOW - 200 * DAY
    keep(store, seen("a", old - DAY, GOOD))
    store.write(Batch(transitions=(changed("a", old, Condition.IMPAIRED),), evidence=(seen("a", old),))).result()
    assert store.forget_evidence(rules(budget=0), now=NOW).going == {}
    store.write(Batch(transitions=(changed("a", NOW, Condition.INTACT),))).result()
    assert len(store.forget_evidence(rules(), now=NOW).going) == 2
    assert [(each.at, each.is_pictured) for each in store.evidence("a")] == [(old, False)]


def test_what_made_the_record_goes_on_telling_its_steps_and_says_when_its_picture_went_and_why(store: Store) -> None:
    old = NOW - 200 * DAY
    fail(store, "a", old, until=old + DAY)
    store.forget_evidence(rules(), now=NOW)
    (kept,) = store.evidence("a")
    assert (kept.steps, kept.jpeg, kept.picture, kept.gone) == (STEPS, None, "", Gone(at=NOW, why=Why.AGE))
    assert store.forget_evidence(rules(), now=NOW + 400 * DAY).going == {}


def test_a_good_picture_that_a_newer_one_replaces_leaves_its_steps_to_the_recovery_that_it_proved(
    store: Store, folder: Path
) -> None:
    proved = Batch(transitions=(changed("a", NOW, Condition.INTACT),), evidence=(seen("a", NOW, GOOD),))
    store.write(proved).result()
    keep(store, seen("a", NOW + DAY, GOOD))
    keep(store, seen("a", NOW + 2 * DAY, GOOD))
    assert [(each.at, each.gone) for each in store.evidence("a")] == [
        (NOW + 2 * DAY, None),
        (NOW, Gone(at=NOW + DAY, why=Why.REPLACED)),
    ]
    assert pictures(folder) == [f"a/{NOW + 2 * DAY}-good.jpg"]
    (reason,) = store.reasons("a", NOW, NOW + DAY)
    assert [(look.at, look.steps) for look in reason.looks] == [(NOW, STEPS)]


def test_over_budget_the_oldest_good_pictures_go_first_and_then_the_oldest_of_faults(
    store: Store, folder: Path
) -> None:
    keep(store, *(seen(f"g{day}", NOW - day * DAY, GOOD, size=100) for day in (1, 2, 3)))
    keep(store, *(seen("f", NOW - day * DAY, size=100) for day in (4, 5)))
    assert store.evidence_size() == 500
    assert store.forget_evidence(rules(budget=350), now=NOW).size == 300
    assert pictures(folder) == [f"f/{NOW - day * DAY}-fault.jpg" for day in (5, 4)] + [f"g1/{NOW - DAY}-good.jpg"]
    store.forget_evidence(rules(budget=100), now=NOW)
    assert pictures(folder) == [f"f/{NOW - 4 * DAY}-fault.jpg"]
    assert store.evidence_size() == 100


def test_evidence_behind_a_frozen_month_stays_beyond_age_and_budget_until_the_year_is_closed(
    store: Store, folder: Path
) -> None:
    at = MONTH.start + DAY
    fail(store, "a", at, until=at + 3600)
    fail(store, "b", MONTH.start - 40 * DAY, until=MONTH.start - 39 * DAY)
    freeze(store, MONTH)
    later = at + 2000 * DAY
    found = store.forget_evidence(rules(budget=5), now=later)
    assert pictures(folder) == [f"a/{at}-fault.jpg"]
    assert (found.size, found.held, found.over) == (20, 20, 15)
    store.forget_evidence(rules(budget=5, closed=frozenset({MONTH.year})), now=later)
    assert pictures(folder) == []
    assert [each.gone for each in store.evidence("a")] == [Gone(at=later, why=Why.AGE)]


def test_a_draft_binds_nothing(store: Store) -> None:
    fail(store, "a", MONTH.start + DAY, until=MONTH.start + 2 * DAY)
    draft = SnapshotEntry(
        month=str(MONTH), state=SnapshotState.DRAFT, revision=1, sha256="0" * 64, made_at=MONTH.end, who="job"
    )
    store.keep_snapshot(draft, b"{}")
    assert len(store.forget_evidence(rules(), now=MONTH.end + 200 * DAY).going) == 1


def test_a_file_that_a_crash_left_without_its_row_goes_but_nothing_that_is_not_ours(store: Store, folder: Path) -> None:
    keep(store, seen("a", NOW - DAY))
    written = {f"{NOW - DAY}-fault.jpg": NOW - 2 * DAY, "1-fault.jpg": NOW - 2 * DAY, "2-good.part": NOW - 2 * DAY}
    written |= {"holiday.jpg": NOW - 2 * DAY, "3-fault.jpg": NOW - 60}  # the last one's row may be on its way
    for name, at in written.items():
        path = folder / "a" / name
        path.write_bytes(path.read_bytes() if path.exists() else b"left behind")
        os.utime(path, (at, at))
    store.forget_evidence(rules(), now=NOW)
    left = {path.name for path in (folder / "a").iterdir()}
    assert left == {f"{NOW - DAY}-fault.jpg", "holiday.jpg", "3-fault.jpg"}


def test_of_a_deleted_row_not_a_byte_is_left_in_the_database(store: Store, path: Path) -> None:
    said = "a-word-that-only-this-look-said"
    keep(store, Evidence(camera="a", at=NOW - 400 * DAY, kind=FAULT, steps=(Step(name="x", took_ms=1.0, said=said),)))
    store.forget_evidence(rules(), now=NOW)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert said.encode() not in path.read_bytes()


def test_what_would_go_can_be_asked_without_its_going(store: Store) -> None:
    keep(store, seen("a", NOW - 400 * DAY))
    assert len(store.survey_evidence(rules(), now=NOW).going) == 1
    assert len(store.evidence("a")) == 1


def test_a_picture_that_the_disk_did_not_take_says_so(store: Store, folder: Path) -> None:
    folder.mkdir()
    (folder / "a").write_text("a file where the folder should be", encoding="utf-8")
    keep(store, seen("a", NOW))
    assert [each.gone for each in store.evidence("a")] == [Gone(at=NOW, why=Why.UNWRITTEN)]


@pytest.mark.parametrize("meanwhile", ["it fails again", "a month is frozen", "nothing"])
def test_what_came_to_be_needed_while_the_evidence_was_gone_through_stays(
    store: Store, url: str, meanwhile: str
) -> None:
    keep(store, seen("a", NOW - 200 * DAY))
    reading, writing = reading_engine(database_url(url)), writing_engine(database_url(url), 1000)
    with reading.connect() as connection:
        surveyed = survey(connection, rules(), NOW)
    if meanwhile == "it fails again":
        store.write(Batch(transitions=(changed("a", NOW, Condition.IMPAIRED),))).result()
    if meanwhile == "a month is frozen":
        freeze(store, MONTH)
    with writing.begin() as connection:
        gone = forget(connection, surveyed, NOW)
    assert len(gone) == len(surveyed.seconds) - (meanwhile != "nothing")
    for engine in (reading, writing):
        engine.dispose()
