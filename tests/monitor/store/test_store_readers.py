"""What the readers answer at the edges of a span."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from monitor.core.condition import Cause, Condition, Fault
from monitor.core.record import Event, Gap, Transition
from monitor.store import (
    AuditEntry,
    Batch,
    Coverage,
    Decision,
    Evidence,
    EvidenceKind,
    Ruling,
    Store,
    StoreError,
    TransitionRecord,
)
from monitor.store.engine import database_url, reading_engine
from monitor.store.source import Source
from probes.observation import Depth, Observation, Outcome, Step

NOW = 1_790_000_000
GATE, YARD = "33010200001320000001", "33010200001320000002"


def record(camera: str, at: int, condition: Condition) -> TransitionRecord:
    return TransitionRecord(transition=Transition(camera=camera, at=at, condition=condition, decided_at=at))


def write(store: Store, batch: Batch) -> None:
    store.write(batch).result(timeout=30)


def test_a_span_begins_with_the_condition_that_each_camera_was_in(store: Store) -> None:
    written = (
        record(GATE, NOW - 200, Condition.INTACT),
        record(GATE, NOW - 100, Condition.OFFLINE),
        record(GATE, NOW + 50, Condition.INTACT),
        record(GATE, NOW + 100, Condition.OFFLINE),
        record(YARD, NOW - 300, Condition.IMPAIRED),
    )
    write(store, Batch(transitions=written))
    told = [(t.camera, t.at) for t in store.transitions(NOW, NOW + 100)]
    assert told == [(GATE, NOW - 100), (GATE, NOW + 50), (YARD, NOW - 300)]
    assert [t.at for t in store.transitions(NOW, NOW + 100, GATE)] == [NOW - 100, NOW + 50]


def test_a_transition_at_the_very_start_of_a_span_is_told_once(store: Store) -> None:
    write(store, Batch(transitions=(record(GATE, NOW - 9, Condition.INTACT), record(GATE, NOW, Condition.OFFLINE))))
    assert [t.at for t in store.transitions(NOW, NOW + 1)] == [NOW - 9, NOW]


def test_of_two_transitions_at_one_second_the_later_said_stands(store: Store) -> None:
    write(store, Batch(transitions=(record(GATE, NOW, Condition.OFFLINE),)))
    write(store, Batch(transitions=(record(GATE, NOW, Condition.INTACT),)))
    assert store.last_transitions()[GATE].condition is Condition.INTACT
    assert [t.condition for t in store.transitions(NOW + 1, NOW + 2)] == [Condition.INTACT]


def test_an_open_gap_meets_every_later_span(store: Store) -> None:
    gap = Gap(began=NOW, ended=None, cause=Cause.OURS, reason="canary")
    write(store, Batch(gaps=(gap,)))
    assert store.gaps(NOW + 9_000, NOW + 9_001) == (gap,)
    assert store.gaps(NOW - 10, NOW) == ()


def test_a_gap_ends_by_being_handed_in_again(store: Store) -> None:
    county = Gap(began=NOW, ended=None, cause=Cause.OURS, reason="witnesses")
    link = Gap(began=NOW, ended=None, cause=Cause.OURS, reason="witnesses", township="t1")
    write(store, Batch(gaps=(county, link)))
    ended = Gap(began=NOW, ended=NOW + 60, cause=Cause.OURS, reason="witnesses")
    write(store, Batch(gaps=(ended,)))
    assert set(store.gaps(NOW, NOW + 1)) == {ended, link}
    assert store.gaps(NOW + 60, NOW + 61) == (link,)


def test_an_ended_event_is_no_longer_open_but_in_its_span(store: Store) -> None:
    event = Event(kind="village", place="t1/李庄", township="t1", began=NOW, cameras=(GATE, YARD), of=3)
    write(store, Batch(events=(event,)))
    assert store.open_events() == (event,)
    ended = Event(kind="village", place="t1/李庄", township="t1", began=NOW, cameras=(GATE,), of=3, ended=NOW + 9)
    write(store, Batch(events=(ended,)))
    assert store.open_events() == ()
    assert store.events(NOW + 8, NOW + 20) == (ended,)
    assert store.events(NOW + 9, NOW + 20) == ()


def test_a_snapshot_does_not_see_what_is_written_meanwhile(store: Store) -> None:
    write(store, Batch(coverage=Coverage(boot="a", began=NOW, until=NOW + 1)))
    with store.snapshot() as reader:
        before = reader.coverages()
        write(store, Batch(coverage=Coverage(boot="a", began=NOW, until=NOW + 60)))
        assert reader.coverages() == before
    assert store.coverages()[0].until == NOW + 60


def test_the_last_good_picture_of_a_camera_replaces_the_one_before(store: Store, path: Path) -> None:
    for at in (NOW, NOW + 60):
        write(store, Batch(evidence=(Evidence(camera=GATE, at=at, kind=EvidenceKind.GOOD, jpeg=b"picture"),)))
    assert [evidence.at for evidence in store.evidence(GATE)] == [NOW + 60]
    files = [file.name for file in (path.parent / "evidence").rglob("*") if file.is_file()]
    assert files == [f"{NOW + 60}-good.jpg"]


def test_every_fault_picture_is_kept(store: Store) -> None:
    for at in (NOW, NOW + 60):
        fault = Evidence(camera=GATE, at=at, kind=EvidenceKind.FAULT, jpeg=str(at).encode())
        write(store, Batch(evidence=(fault,)))
    assert [evidence.jpeg for evidence in store.evidence(GATE)] == [str(NOW + 60).encode(), str(NOW).encode()]
    assert [evidence.at for evidence in store.evidence(GATE, limit=1)] == [NOW + 60]
    assert store.evidence_at(GATE, NOW + 1) is None


def test_a_picture_changed_on_the_disk_is_not_shown(store: Store, path: Path) -> None:
    write(store, Batch(evidence=(Evidence(camera=GATE, at=NOW, kind=EvidenceKind.FAULT, jpeg=b"picture"),)))
    (picture,) = (path.parent / "evidence").rglob("*.jpg")
    picture.write_bytes(b"another")
    seen = store.evidence_at(GATE, NOW)
    assert seen is not None
    assert seen.jpeg is None


def test_a_camera_id_cannot_lead_out_of_the_evidence_folder(store: Store, path: Path) -> None:
    write(store, Batch(evidence=(Evidence(camera="../../x", at=NOW, kind=EvidenceKind.FAULT, jpeg=b"picture"),)))
    (picture,) = path.parent.rglob("*.jpg")
    assert picture.is_relative_to(path.parent / "evidence")
    seen = store.evidence_at("../../x", NOW)
    assert seen is not None
    assert seen.jpeg == b"picture"


def test_what_an_observation_saw_becomes_evidence(store: Store) -> None:
    observation = Observation(
        camera=GATE,
        probe="picture",
        depth=Depth.PICTURE,
        at=NOW + 0.7,
        took_s=1.5,
        outcome=Outcome.BAD_PICTURE,
        step="judge",
        steps=(Step(name="judge", took_ms=3.5, said="half a pair \udc80"),),
        faults=(Fault.BLACK.value,),
        facts={"sharpness": float("nan"), "codec": "h264"},
        jpeg=b"picture",
    )
    write(store, Batch(evidence=(Evidence.of(observation, EvidenceKind.FAULT),)))
    seen = store.evidence_at(GATE, NOW)
    assert seen is not None
    assert (seen.outcome, seen.faults, seen.steps) == ("bad_picture", ("black",), observation.steps)
    assert seen.measures == {"sharpness": None, "codec": "h264"}


async def test_readers_may_be_asked_from_many_threads_at_once(store: Store) -> None:
    write(store, Batch(transitions=tuple(record(f"c{n}", NOW, Condition.INTACT) for n in range(300))))
    answers = await asyncio.gather(*(asyncio.to_thread(store.last_transitions) for _ in range(40)))
    assert {len(answer) for answer in answers} == {300}


def test_a_reader_cannot_write(store: Store, url: str) -> None:
    write(store, Batch(coverage=Coverage(boot="a", began=NOW, until=NOW)))
    engine = reading_engine(database_url(url))
    with pytest.raises(StoreError, match="readonly"), Source(engine).connection() as connection:
        connection.execute(text("DELETE FROM coverage"))
    engine.dispose()
    assert len(store.coverages()) == 1


@pytest.mark.parametrize("table", ["transition", "decision", "audit"])
@pytest.mark.parametrize("act", ["UPDATE {} SET at = at + 1", "DELETE FROM {}"])
def test_what_was_said_can_be_neither_changed_nor_removed(store: Store, url: str, table: str, act: str) -> None:
    fill_append_only(store)
    engine = create_engine(url)
    with pytest.raises(Exception, match=f"{table} is append-only"), engine.begin() as connection:
        connection.execute(text(act.format(table)))
    with engine.connect() as connection:
        assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 1
    engine.dispose()


def fill_append_only(store: Store) -> None:
    decision = Decision(
        camera=GATE,
        at=NOW,
        by="zhang",
        ruling=Ruling.REFUTED,
        condition=Condition.IMPAIRED,
        fault=Fault.BLACK,
        since=NOW - 60,
    )
    entry = AuditEntry(at=NOW, who="zhang", action="refute", subject=GATE)
    batch = Batch(transitions=(record(GATE, NOW, Condition.INTACT),), decisions=(decision,), audit=(entry,))
    write(store, batch)
