"""A batch as SQL: every function here runs inside its caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, exists, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from monitor.core.record import Event, Gap
from monitor.core.retention import Why
from monitor.store import schema
from monitor.store.alerts import put_cases, put_deliveries, put_digests
from monitor.store.codec import clock_strip_json, json_of, looks_json, measures_json, steps_json
from monitor.store.evidence import PictureFolder
from monitor.store.outbox import add_messages, put_read
from monitor.store.upsert import upsert
from monitor.store.values import (
    AuditEntry,
    Batch,
    CameraMemory,
    Coverage,
    Decision,
    Evidence,
    EvidenceKind,
    Gone,
    Hold,
    Round,
    TransitionRecord,
)
from probes.observation import Light

Value = TypeVar("Value", str, int)

_CHUNK = 1_000
"""Values in one IN list; SQLite takes 32,766 at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What to do once the transaction is committed: discard the ``replaced`` pictures, count the ``lost`` ones."""

    replaced: frozenset[str]
    lost: int


def apply(connection: Connection, batch: Batch, pictures: PictureFolder) -> Applied:
    """Write the batch."""
    keys = camera_keys(connection, _cameras_in(batch))
    _add_transitions(connection, batch.transitions, keys)
    _put_gaps(connection, batch.gaps)
    _put_coverage(connection, batch.coverage)
    _put_events(connection, batch.events)
    _put_holds(connection, batch.holds)
    _add_decisions(connection, batch.decisions, keys)
    _put_memories(connection, batch.memories, keys)
    _put_rounds(connection, batch.rounds)
    add_audit(connection, batch.audit)
    add_messages(connection, batch.messages)
    put_read(connection, batch.read)
    put_cases(connection, batch.cases)
    put_digests(connection, batch.digests)
    put_deliveries(connection, batch.deliveries)
    return _put_evidence(connection, batch.evidence, keys, pictures)


def camera_keys(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    """The keys of the cameras, given to those that have none yet."""
    return _lookup(connection, schema.camera, "id", sorted(set(ids)))


def known_camera_keys(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    """The keys of those cameras that have one."""
    return _known(connection, schema.camera, "id", ids)


def add_audit(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """Append to the audit."""
    rows = [
        {
            "at": entry.at,
            "who": entry.who,
            "action": entry.action,
            "subject": entry.subject,
            "detail": json_of(entry.detail),
        }
        for entry in entries
    ]
    _insert(connection, schema.audit, rows)


def chunks(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """The values in portions that fit an IN list."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _insert(connection: Connection, table: Table, rows: list[dict[str, object]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _lookup(connection: Connection, table: Table, column: str, texts: Sequence[str]) -> dict[str, int]:
    found = _known(connection, table, column, texts)
    missing = [text for text in texts if text not in found]
    if missing:
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        statement = dialect.insert(table).on_conflict_do_nothing()
        connection.execute(statement, [{column: text} for text in missing])
        found |= _known(connection, table, column, missing)
    return found


def _known(connection: Connection, table: Table, column: str, texts: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for portion in chunks(texts):
        query = select(table.c[column], table.c.key).where(table.c[column].in_(portion))
        found.update((text, key) for text, key in connection.execute(query))
    return found


def _cameras_in(batch: Batch) -> set[str]:
    return (
        {record.transition.camera for record in batch.transitions}
        | {evidence.camera for evidence in batch.evidence}
        | {decision.camera for decision in batch.decisions}
        | {memory.camera for memory in batch.memories}
    )


def _add_transitions(connection: Connection, records: Sequence[TransitionRecord], keys: Mapping[str, int]) -> None:
    texts = [json_of(record.witnesses) if record.witnesses else None for record in records]
    answers = _lookup(connection, schema.witness_answers, "answers", sorted({text for text in texts if text}))
    rows: list[dict[str, object]] = []
    for record, text in zip(records, texts, strict=True):
        transition = record.transition
        rows.append(
            {
                "camera": keys[transition.camera],
                "at": transition.at,
                "condition": transition.condition.value,
                "fault": transition.fault,
                "cause": transition.cause,
                "decided_at": transition.decided_at,
                "looks": looks_json(transition.at, transition.looks),
                "witness_answers": None if text is None else answers[text],
                "evidence_at": record.evidence_at,
            }
        )
    _insert(connection, schema.transition, rows)


def _put_gaps(connection: Connection, gaps: Sequence[Gap]) -> None:
    rows = [
        {
            "began": gap.began,
            "ended": gap.ended,
            "cause": gap.cause.value,
            "reason": gap.reason,
            "township": gap.township or "",
        }
        for gap in gaps
    ]
    upsert(connection, schema.gap, rows, ("began", "cause", "reason", "township"))


def _put_coverage(connection: Connection, coverage: Coverage | None) -> None:
    if coverage is not None:
        row = {"boot": coverage.boot, "began": coverage.began, "until": coverage.until}
        upsert(connection, schema.coverage, [row], ("boot",))


def _put_events(connection: Connection, events: Sequence[Event]) -> None:
    rows = [
        {
            "id": event.id,
            "kind": event.kind,
            "place": event.place,
            "township": event.township,
            "began": event.began,
            "ended": event.ended,
            "cameras": json_of(event.cameras),
            "of": event.of,
        }
        for event in events
    ]
    upsert(connection, schema.event, rows, ("id",))


def _put_holds(connection: Connection, holds: Sequence[Hold]) -> None:
    rows = [
        {"host": hold.host, "credential": hold.credential, "until": hold.until, "refusals": hold.refusals}
        for hold in holds
    ]
    upsert(connection, schema.hold, rows, ("host", "credential"))
    if any(hold.refusals == 0 for hold in holds):
        connection.execute(delete(schema.hold).where(schema.hold.c.refusals == 0))


def _add_decisions(connection: Connection, decisions: Sequence[Decision], keys: Mapping[str, int]) -> None:
    rows: list[dict[str, object]] = [
        {
            "camera": keys[decision.camera],
            "at": decision.at,
            "by": decision.by,
            "ruling": decision.ruling.value,
            "condition": decision.condition.value,
            "fault": decision.fault,
            "since": decision.since,
            "note": decision.note,
        }
        for decision in decisions
    ]
    _insert(connection, schema.decision, rows)


def _put_memories(connection: Connection, memories: Sequence[CameraMemory], keys: Mapping[str, int]) -> None:
    rows = [
        {
            "camera": keys[kept.camera],
            "at": kept.memory.at,
            "hash": kept.memory.hash,
            "thumb": kept.memory.thumb,
            "clock_strip": clock_strip_json(kept.memory.clock_strip),
        }
        for kept in memories
    ]
    upsert(connection, schema.memory, rows, ("camera",))
    _put_references(connection, memories, keys)


def _put_references(connection: Connection, memories: Sequence[CameraMemory], keys: Mapping[str, int]) -> None:
    """A memory brings all the references that its camera has: one that is not in it has been reset."""
    table = schema.picture_reference
    last = {keys[kept.camera]: kept.memory for kept in memories}
    for portion in chunks(list(last)):
        connection.execute(delete(table).where(table.c.camera.in_(portion)))
    rows: list[dict[str, object]] = [
        {
            "camera": key,
            "light": light.value,
            "at": reference.at,
            "thumb": reference.thumb,
            "approved_by": reference.approved_by,
        }
        for key, memory in last.items()
        for light in Light
        if (reference := memory.reference(light)) is not None
    ]
    _insert(connection, table, rows)


def _put_rounds(connection: Connection, rounds: Sequence[Round]) -> None:
    rows = [
        {
            "number": one.number,
            "kind": one.kind.value,
            "depth": one.depth.label,
            "started": one.started,
            "ended": one.ended,
            "counts": json_of(one.counts),
            "void": one.void,
        }
        for one in rounds
    ]
    upsert(connection, schema.round_, rows, ("number",))


def _put_evidence(
    connection: Connection, seen: Sequence[Evidence], keys: Mapping[str, int], pictures: PictureFolder
) -> Applied:
    good = {evidence.camera: evidence for evidence in seen if evidence.kind is EvidenceKind.GOOD}
    faults = [evidence for evidence in seen if evidence.kind is EvidenceKind.FAULT]
    replaced = _replace_good(connection, {keys[camera]: evidence.at for camera, evidence in good.items()})
    rows = [_evidence_row(evidence, keys, pictures) for evidence in (*good.values(), *faults)]
    upsert(connection, schema.evidence, rows, ("camera", "at", "kind"))
    kept = {str(row["picture"]) for row in rows if row["picture"] is not None}
    shown = [evidence for evidence in (*good.values(), *faults) if evidence.jpeg is not None]
    return Applied(replaced=frozenset(replaced - kept), lost=len(shown) - len(kept))


def _replace_good(connection: Connection, newer: Mapping[int, int]) -> set[str]:
    """Make room for the last good look of each camera, from ``newer`` on; returns the pictures that went.

    One that a transition rests on goes on telling its steps.
    """
    table = schema.evidence
    current = (table.c.kind == EvidenceKind.GOOD.value) & table.c.gone_at.is_(None)
    pictures: set[str] = set()
    for portion in chunks(list(newer)):
        query = select(table.c.picture).where(table.c.camera.in_(portion), current, table.c.picture.is_not(None))
        pictures.update(connection.execute(query).scalars())
    if newer:
        its = current & (table.c.camera == bindparam("of_camera"))
        earlier = its & (table.c.at != bindparam("newer_at"))
        values = [{"of_camera": camera, "newer_at": at} for camera, at in newer.items()]
        rests = update(table).where(earlier, is_shown()).values(without_picture(bindparam("newer_at"), Why.REPLACED))
        connection.execute(rests, values)
        connection.execute(delete(table).where(its), values)
    return pictures


def is_shown() -> ColumnElement[bool]:
    """Whether a transition rests on the row of evidence."""
    transition = schema.transition
    return exists().where(
        transition.c.camera == schema.evidence.c.camera, transition.c.evidence_at == schema.evidence.c.at
    )


def without_picture(at: ColumnElement[int] | int, why: ColumnElement[str] | str) -> dict[str, object]:
    """The columns of a row of evidence whose picture is gone since ``at``."""
    return {"picture": None, "sha256": None, "size": None, "gone_at": at, "gone_why": why}


def _evidence_row(evidence: Evidence, keys: Mapping[str, int], pictures: PictureFolder) -> dict[str, object]:
    name, sha256 = pictures.keep(evidence) or (None, None)
    gone = Gone(at=evidence.at, why=Why.UNWRITTEN) if name is None and evidence.jpeg is not None else evidence.gone
    return {
        "camera": keys[evidence.camera],
        "at": evidence.at,
        "kind": evidence.kind.value,
        "outcome": evidence.outcome,
        "faults": json_of(evidence.faults),
        "steps": steps_json(evidence.steps),
        "measures": measures_json(evidence.measures),
        "picture": name,
        "sha256": sha256,
        "size": len(evidence.jpeg) if name is not None and evidence.jpeg is not None else None,
        "gone_at": gone.at if gone else None,
        "gone_why": gone.why.value if gone else None,
    }
