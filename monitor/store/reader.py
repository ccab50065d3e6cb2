"""What does the record say? Short read-only transactions, from any thread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, select

from monitor.core.condition import Cause, Condition, Fault
from monitor.core.record import Event, Gap, Transition
from monitor.core.retention import Retention, Rules, Why
from monitor.store import schema
from monitor.store.alerts import AlertReader
from monitor.store.codec import clock_strip_of, looks_of, object_of, steps_of, texts_of
from monitor.store.evidence import PictureFolder
from monitor.store.months import MonthReader
from monitor.store.outbox import OutboxReader
from monitor.store.retention import evidence_size, survey
from monitor.store.source import Source, overlaps
from monitor.store.statements import chunks
from monitor.store.values import (
    AuditEntry,
    CameraMemory,
    Coverage,
    Decision,
    Evidence,
    EvidenceKind,
    Gone,
    Hold,
    Reason,
    Round,
    RoundKind,
    Ruling,
    TransitionRecord,
)
from probes.observation import Depth, Light, PictureMemory, Reference

MEMORIES_AT_ONCE = 100
"""Some 4 MB."""

_camera = schema.camera
_transition = schema.transition


class Reader(MonthReader, OutboxReader, AlertReader):
    """The questions that can be put to the store. Times are UTC seconds, spans are half-open."""

    def __init__(self, source: Source, pictures: PictureFolder) -> None:
        super().__init__(source)
        self._pictures = pictures

    @contextmanager
    def snapshot(self) -> Iterator[Reader]:
        """A reader whose answers all belong to one moment. Keep it short: the write-ahead log grows meanwhile."""
        with self._source.connection() as connection:
            yield Reader(Source(connection), self._pictures)

    def transitions(self, start: int, end: int, camera: str | None = None) -> tuple[Transition, ...]:
        """The transitions in [start, end), and of each camera the last one before: the condition that it began with.

        Ordered by camera, then time.
        """
        within = _of_camera(_in_span(start, end), camera)
        before = _of_camera(_last_before(start), camera)
        with self._source.connection() as connection:
            rows = [*connection.execute(before), *connection.execute(within)]
        rows.sort(key=lambda row: (row.id, row.at, row.key))
        return tuple(map(_transition_of, rows))

    def last_transitions(self) -> dict[str, Transition]:
        """The newest transition of each camera that has one, by camera id."""
        with self._source.connection() as connection:
            rows = connection.execute(_last_before(None)).all()
        return {row.id: _transition_of(row) for row in rows}

    def transition_records(self, camera: str, start: int, end: int) -> tuple[TransitionRecord, ...]:
        """One camera's transitions in [start, end), with the witnesses' answers and where the evidence is."""
        answers = schema.witness_answers
        query = _of_camera(_in_span(start, end), camera)
        query = query.add_columns(_transition.c.evidence_at, answers.c.answers).outerjoin(
            answers, answers.c.key == _transition.c.witness_answers
        )
        with self._source.connection() as connection:
            rows = connection.execute(query.order_by(_transition.c.at, _transition.c.key)).all()
        return tuple(
            TransitionRecord(
                transition=_transition_of(row),
                witnesses={name: str(said) for name, said in object_of(row.answers or "{}").items()},
                evidence_at=row.evidence_at,
            )
            for row in rows
        )

    def gaps(self, start: int, end: int) -> tuple[Gap, ...]:
        """The gaps that meet [start, end), unclipped, by beginning."""
        table = schema.gap
        query = select(table).where(overlaps(table.c.began, table.c.ended, start, end)).order_by(table.c.began)
        return tuple(
            Gap(
                began=row.began,
                ended=row.ended,
                cause=Cause(row.cause),
                reason=row.reason,
                township=row.township or None,
            )
            for row in self._rows(query)
        )

    def coverages(self) -> tuple[Coverage, ...]:
        """How far each run of the daemon looked, oldest first."""
        query = select(schema.coverage).order_by(schema.coverage.c.began)
        return tuple(Coverage(boot=row.boot, began=row.began, until=row.until) for row in self._rows(query))

    def open_events(self) -> tuple[Event, ...]:
        """The events that go on, oldest first."""
        return self._events(select(schema.event).where(schema.event.c.ended.is_(None)))

    def events(self, start: int, end: int) -> tuple[Event, ...]:
        """The events that meet [start, end), by beginning."""
        table = schema.event
        return self._events(select(table).where(overlaps(table.c.began, table.c.ended, start, end)))

    def evidence(self, camera: str, limit: int = 10, *, read: bool = True) -> tuple[Evidence, ...]:
        """The newest evidence of a camera, newest first; without ``read`` its pictures by path alone."""
        table = schema.evidence
        query = _evidence_of_camera(camera).order_by(table.c.at.desc(), table.c.kind).limit(limit)
        return tuple(self._evidence_of(row, read=read) for row in self._rows(query))

    def evidence_at(self, camera: str, at: int) -> Evidence | None:
        """The evidence of the camera's look at ``at``, None when none was kept."""
        table = schema.evidence
        rows = self._rows(_evidence_of_camera(camera).where(table.c.at == at).order_by(table.c.kind))
        return self._evidence_of(rows[0]) if rows else None

    def reasons(self, camera: str, start: int, end: int) -> tuple[Reason, ...]:
        """One camera's transitions in [start, end) after the last before, each with what was kept of its looks."""
        with self._source.connection() as connection:
            before = _of_camera(_last_before(start), camera)
            first = min((row.at for row in connection.execute(before)), default=start)
        records = self.transition_records(camera, first, end)
        seconds = {at for record in records for at in _looks_behind(record)}
        kept: dict[int, list[Evidence]] = defaultdict(list)
        for portion in chunks(sorted(seconds)):
            query = _evidence_of_camera(camera).where(schema.evidence.c.at.in_(portion))
            for row in self._rows(query):
                kept[row.at].append(self._evidence_of(row, read=False))
        return tuple(
            Reason(record=record, looks=tuple(its for at in _looks_behind(record) for its in kept[at]))
            for record in records
        )

    def evidence_size(self) -> int:
        """The bytes of all pictures of evidence."""
        with self._source.connection() as connection:
            return evidence_size(connection)

    def survey_evidence(self, rules: Rules, *, now: int) -> Retention:
        """What evidence would go now, and what stays."""
        with self._source.connection() as connection:
            return survey(connection, rules, now).found

    def holds(self) -> tuple[Hold, ...]:
        """The logins held back, lapsed ones included: their refusals still count."""
        table = schema.hold
        return tuple(
            Hold(host=row.host, credential=row.credential, until=row.until, refusals=row.refusals)
            for row in self._rows(select(table).order_by(table.c.host, table.c.credential))
        )

    def memories(self) -> dict[str, PictureMemory]:
        """What the next picture look needs to know, by camera id."""
        return {kept.camera: kept.memory for kept in self.each_memory()}

    def each_memory(self) -> Iterator[CameraMemory]:
        """The same, one after the other: those of a whole county are a few hundred megabytes."""
        table = schema.memory
        query = select(table, _camera.c.id).join(_camera, _camera.c.key == table.c.camera)
        with self._source.connection() as connection:
            result = connection.execute(query, execution_options={"yield_per": MEMORIES_AT_ONCE})
            for rows in result.partitions():
                references = _references_of(connection, [row.camera for row in rows])
                for row in rows:
                    memory = PictureMemory(
                        at=row.at,
                        hash=bytes(row.hash),
                        thumb=bytes(row.thumb),
                        clock_strip=clock_strip_of(row.clock_strip),
                        day=references[row.camera].get(Light.DAY.value),
                        night=references[row.camera].get(Light.NIGHT.value),
                    )
                    yield CameraMemory(camera=row.id, memory=memory)

    def decisions(self, camera: str) -> tuple[Decision, ...]:
        """What people ruled on this camera, newest first."""
        table = schema.decision
        query = (
            select(table, _camera.c.id)
            .join(_camera, _camera.c.key == table.c.camera)
            .where(_camera.c.id == camera)
            .order_by(table.c.at.desc(), table.c.key.desc())
        )
        return tuple(
            Decision(
                camera=row.id,
                at=row.at,
                by=row.by,
                ruling=Ruling(row.ruling),
                condition=Condition(row.condition),
                fault=None if row.fault is None else Fault(row.fault),
                since=row.since,
                note=row.note,
            )
            for row in self._rows(query)
        )

    def rounds(self, limit: int = 100) -> tuple[Round, ...]:
        """The newest rounds, newest first."""
        query = select(schema.round_).order_by(schema.round_.c.number.desc()).limit(limit)
        return tuple(
            Round(
                number=row.number,
                kind=RoundKind(row.kind),
                depth=Depth[row.depth.upper()],
                started=row.started,
                ended=row.ended,
                counts={name: int(str(count)) for name, count in object_of(row.counts).items()},
                void=row.void,
            )
            for row in self._rows(query)
        )

    def audit(self, limit: int = 100) -> tuple[AuditEntry, ...]:
        """The newest entries of the audit, newest first."""
        return self._entries(select(schema.audit).order_by(schema.audit.c.key.desc()).limit(limit))

    def audit_of(self, action: str, subject: str | None = None, limit: int | None = None) -> tuple[AuditEntry, ...]:
        """The entries of one action, of one subject or of all, newest first."""
        query = select(schema.audit).where(schema.audit.c.action == action).order_by(schema.audit.c.key.desc())
        if subject is not None:
            query = query.where(schema.audit.c.subject == subject)
        return self._entries(query.limit(limit))

    def _entries(self, query: Select[Any]) -> tuple[AuditEntry, ...]:
        return tuple(
            AuditEntry(at=row.at, who=row.who, action=row.action, subject=row.subject, detail=object_of(row.detail))
            for row in self._rows(query)
        )

    def _events(self, query: Select[Any]) -> tuple[Event, ...]:
        return tuple(
            Event(
                kind=row.kind,
                place=row.place,
                township=row.township,
                began=row.began,
                cameras=texts_of(row.cameras),
                of=row.of,
                ended=row.ended,
            )
            for row in self._rows(query.order_by(schema.event.c.began, schema.event.c.id))
        )

    def _evidence_of(self, row: Row[Any], *, read: bool = True) -> Evidence:
        there = row.picture is not None and self._pictures.path(row.picture) is not None
        jpeg = self._pictures.read(row.picture, row.sha256) if there and read else None
        gone = None if row.gone_at is None else Gone(at=row.gone_at, why=Why(row.gone_why))
        if row.picture is not None and (not there or (read and jpeg is None)):
            there, gone = False, Gone(at=row.at, why=Why.LOST)
        return Evidence(
            camera=row.id,
            at=row.at,
            kind=EvidenceKind(row.kind),
            outcome=row.outcome,
            faults=texts_of(row.faults),
            steps=steps_of(row.steps),
            measures=object_of(row.measures),
            jpeg=jpeg,
            picture=row.picture if there else "",
            gone=gone,
        )

    def _rows(self, query: Select[Any]) -> list[Row[Any]]:
        with self._source.connection() as connection:
            return list(connection.execute(query))


def _references_of(connection: Connection, keys: list[int]) -> dict[int, dict[str, Reference]]:
    """The references of these cameras, by camera and light."""
    table = schema.picture_reference
    found: dict[int, dict[str, Reference]] = defaultdict(dict)
    for row in connection.execute(select(table).where(table.c.camera.in_(keys))):
        reference = Reference(at=row.at, thumb=bytes(row.thumb), approved_by=row.approved_by)
        found[row.camera][row.light] = reference
    return found


def _transitions_on(condition: ColumnElement[bool]) -> Select[Any]:
    columns = (_transition.c[name] for name in ("key", "at", "condition", "fault", "cause", "decided_at", "looks"))
    return select(_camera.c.id, *columns).select_from(_camera.join(_transition, condition))


def _in_span(start: int, end: int) -> Select[Any]:
    query = _transitions_on(_transition.c.camera == _camera.c.key)
    return query.where(_transition.c.at >= start, _transition.c.at < end)


def _last_before(moment: int | None) -> Select[Any]:
    """The last transition of each camera before ``moment``; the last of all when it is None.

    Asked camera by camera, so that the index answers and the table is never scanned.
    """
    other = _transition.alias("other")
    newest = select(other.c.key).where(other.c.camera == _camera.c.key)
    if moment is not None:
        newest = newest.where(other.c.at < moment)
    newest = newest.order_by(other.c.at.desc(), other.c.key.desc()).limit(1)
    return _transitions_on(_transition.c.key == newest.correlate(_camera).scalar_subquery())


def _evidence_of_camera(camera: str) -> Select[Any]:
    table = schema.evidence
    return select(table, _camera.c.id).join(_camera, _camera.c.key == table.c.camera).where(_camera.c.id == camera)


def _looks_behind(record: TransitionRecord) -> list[int]:
    """The seconds of the looks that a transition rests on, the one that shows it included."""
    shown = () if record.evidence_at is None else (record.evidence_at,)
    return sorted({*record.transition.looks, *shown})


def _of_camera(query: Select[Any], camera: str | None) -> Select[Any]:
    return query if camera is None else query.where(_camera.c.id == camera)


def _transition_of(row: Row[Any]) -> Transition:
    return Transition(
        camera=row.id,
        at=row.at,
        condition=Condition(row.condition),
        fault=None if row.fault is None else Fault(row.fault),
        cause=None if row.cause is None else Cause(row.cause),
        decided_at=row.decided_at,
        looks=looks_of(row.at, row.looks),
    )
