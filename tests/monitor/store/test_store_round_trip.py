"""What is written is read back equal, whatever it is and however the writer groups it."""

from __future__ import annotations

import string
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.core.condition import Cause, Condition, Fault
from monitor.core.record import Event, Gap, Transition
from monitor.store import (
    AuditEntry,
    Batch,
    CameraMemory,
    Coverage,
    Decision,
    Evidence,
    EvidenceKind,
    Hold,
    Round,
    RoundKind,
    Ruling,
    Store,
    TransitionRecord,
)
from probes.observation import Depth, PictureMemory, Reference, Step

T = TypeVar("T")
K = TypeVar("K")

NOW = 1_790_000_000
FOREVER = 2**40

cameras = st.sampled_from(["33010200001320000001", "33010200001320000002", "村口/01", ".."])
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
names = st.text(string.ascii_lowercase + "水镇", min_size=1, max_size=4)
seconds = st.integers(NOW, NOW + 100_000)
faults = st.none() | st.sampled_from(Fault)
numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
json_values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | numbers | words
json_objects = st.dictionaries(words, json_values | st.lists(json_values, max_size=3), max_size=3)


@st.composite
def spans(draw: st.DrawFn) -> tuple[int, int | None]:
    began = draw(seconds)
    return began, draw(st.none() | st.integers(began, began + 9_000))


@st.composite
def transition_records(draw: st.DrawFn) -> TransitionRecord:
    at = draw(seconds)
    transition = Transition(
        camera=draw(cameras),
        at=at,
        condition=draw(st.sampled_from(Condition)),
        fault=draw(faults),
        cause=draw(st.none() | st.sampled_from(Cause)),
        decided_at=at + draw(st.integers(0, 300)),
        looks=tuple(draw(st.lists(st.integers(at - 100, at + 100), max_size=3))),
    )
    witnesses = draw(st.dictionaries(names, st.sampled_from(["ok", "timed_out"]), max_size=2))
    return TransitionRecord(transition=transition, witnesses=witnesses, evidence_at=draw(st.none() | st.just(at)))


@st.composite
def gaps(draw: st.DrawFn) -> Gap:
    began, ended = draw(spans())
    township = draw(st.none() | names)
    return Gap(began=began, ended=ended, cause=draw(st.sampled_from(Cause)), reason=draw(names), township=township)


@st.composite
def events(draw: st.DrawFn) -> Event:
    began, ended = draw(spans())
    members = tuple(draw(st.lists(cameras, unique=True)))
    kind = draw(st.sampled_from(["recorder", "village"]))
    return Event(kind=kind, place=draw(names), township="t1", began=began, ended=ended, cameras=members, of=9)


@st.composite
def rounds(draw: st.DrawFn) -> Round:
    started, ended = draw(spans())
    return Round(
        number=draw(st.integers(1, 3)),
        kind=draw(st.sampled_from(RoundKind)),
        depth=draw(st.sampled_from(Depth)),
        started=started,
        ended=ended,
        counts=draw(st.dictionaries(names, st.integers(0, 4000), max_size=3)),
        void=draw(st.none() | words),
    )


coverages = st.builds(
    lambda boot, until: Coverage(boot=boot, began=NOW, until=until), st.sampled_from(["first", "second"]), seconds
)
steps = st.builds(Step, name=names, took_ms=st.floats(0, 9_999), said=st.text(max_size=12))
evidence_seen = st.builds(
    Evidence,
    camera=cameras,
    at=seconds,
    kind=st.sampled_from(EvidenceKind),
    outcome=names,
    faults=st.lists(names, max_size=2).map(tuple),
    steps=st.lists(steps, max_size=2).map(tuple),
    measures=json_objects,
    jpeg=st.none() | st.binary(max_size=20),
)
holds = st.builds(Hold, host=names, credential=st.sampled_from(["a", "b"]), until=seconds, refusals=st.integers(0, 3))
decisions = st.builds(
    Decision,
    camera=cameras,
    at=seconds,
    by=words,
    ruling=st.sampled_from(Ruling),
    condition=st.sampled_from(Condition),
    fault=faults,
    since=seconds,
    note=words,
)
references = st.none() | st.builds(Reference, at=st.floats(0, 2e9), thumb=st.binary(max_size=20), approved_by=words)
picture_memories = st.builds(
    PictureMemory,
    at=st.floats(0, 2e9),
    hash=st.binary(max_size=8),
    thumb=st.binary(max_size=20),
    clock_strip=st.none() | st.tuples(*[st.integers(0, 1000)] * 4),
    day=references,
    night=references,
)
memories = st.builds(CameraMemory, camera=cameras, memory=picture_memories)
audit_entries = st.builds(AuditEntry, at=seconds, who=words, action=names, subject=words, detail=json_objects)


def some(values: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(values, max_size=3).map(tuple)


batches = st.builds(
    Batch,
    transitions=some(transition_records()),
    gaps=some(gaps()),
    coverage=st.none() | coverages,
    events=some(events()),
    evidence=some(evidence_seen),
    holds=some(holds),
    decisions=some(decisions),
    memories=some(memories),
    rounds=some(rounds()),
    audit=some(audit_entries),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(batches, min_size=1, max_size=4))
def test_what_is_written_is_read_back_equal(written: list[Batch]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'xunjian.db'}"
        with Store.open(url, at=NOW) as store:
            for future in [store.write(batch) for batch in written]:
                future.result(timeout=30)
            check(store, written)
        with Store.open(url, at=NOW, exclusive=True) as reopened:
            check(reopened, written)


def check(store: Store, written: Sequence[Batch]) -> None:
    check_record(store, written)
    check_looks(store, written)


def check_record(store: Store, written: Sequence[Batch]) -> None:
    records = [record for batch in written for record in batch.transitions]
    # The sort is stable: of two at the same second, the one said later comes later.
    records.sort(key=lambda record: (record.transition.camera, record.transition.at))
    transitions = tuple(record.transition for record in records)
    assert store.transitions(0, FOREVER) == transitions
    assert store.last_transitions() == {transition.camera: transition for transition in transitions}
    for camera in {transition.camera for transition in transitions}:
        expected = tuple(record for record in records if record.transition.camera == camera)
        assert store.transition_records(camera, 0, FOREVER) == expected

    last_gaps = last_by_key((gap for batch in written for gap in batch.gaps), gap_key)
    assert sorted(store.gaps(0, FOREVER), key=gap_key) == sorted(last_gaps.values(), key=gap_key)
    last_events = last_by_key((event for batch in written for event in batch.events), lambda event: event.id)
    ordered = sorted(last_events.values(), key=lambda event: (event.began, event.id))
    assert store.events(0, FOREVER) == tuple(ordered)
    assert store.open_events() == tuple(event for event in ordered if event.ended is None)
    last_coverages = {batch.coverage.boot: batch.coverage for batch in written if batch.coverage}
    assert {coverage.boot: coverage for coverage in store.coverages()} == last_coverages


def check_looks(store: Store, written: Sequence[Batch]) -> None:
    all_evidence = [evidence for batch in written for evidence in batch.evidence]
    last_evidence = last_by_key(all_evidence, evidence_key)
    for camera in {evidence.camera for evidence in all_evidence}:
        expected = [evidence for evidence in last_evidence.values() if evidence.camera == camera]
        assert sorted(store.evidence(camera, 99), key=evidence_order) == sorted(expected, key=evidence_order)

    all_decisions = [decision for batch in written for decision in batch.decisions]
    for camera in {decision.camera for decision in all_decisions}:
        ruled = [decision for decision in reversed(all_decisions) if decision.camera == camera]
        assert store.decisions(camera) == tuple(sorted(ruled, key=lambda decision: -decision.at))

    last_holds = last_by_key((hold for batch in written for hold in batch.holds), hold_key)
    kept_holds = [hold for hold in last_holds.values() if hold.refusals]
    assert store.holds() == tuple(sorted(kept_holds, key=hold_key))
    assert store.memories() == {kept.camera: kept.memory for batch in written for kept in batch.memories}
    last_rounds = last_by_key((one for batch in written for one in batch.rounds), lambda one: one.number)
    assert store.rounds() == tuple(sorted(last_rounds.values(), key=lambda one: -one.number))
    assert store.audit() == tuple(reversed([entry for batch in written for entry in batch.audit]))


def last_by_key(values: Iterable[T], key: Callable[[T], K]) -> dict[K, T]:
    return {key(value): value for value in values}


def gap_key(gap: Gap) -> tuple[int, str, str, str]:
    return gap.began, gap.cause, gap.reason, gap.township or ""


def hold_key(hold: Hold) -> tuple[str, str]:
    return hold.host, hold.credential


def evidence_key(evidence: Evidence) -> tuple[str, int | None]:
    """Of good looks only the last of each camera is kept."""
    return evidence.camera, evidence.at if evidence.kind is EvidenceKind.FAULT else None


def evidence_order(evidence: Evidence) -> tuple[int, str]:
    return evidence.at, evidence.kind
