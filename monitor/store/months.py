"""What was on record of a month, as it was known at a moment: what came later is left out, so counting it again gives
the same.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    ScalarSelect,
    Select,
    Table,
    exists,
    func,
    select,
    true,
)

from monitor.core.availability import Version
from monitor.core.condition import Cause, Condition, Fault
from monitor.core.exemption import Exemption, Filing, Kind, Scope, is_late
from monitor.core.history import Line
from monitor.core.inspection_round import InspectionRound
from monitor.core.record import Transition
from monitor.core.rule import UnknownError
from monitor.store import schema
from monitor.store.codec import camera_of, object_of, township_of
from monitor.store.ledger import LedgerReader
from monitor.store.source import overlaps
from monitor.store.statements import chunks
from monitor.store.values import Recorded, RoundKind, SnapshotEntry, SnapshotState, TownshipVersion

_camera = schema.camera
_transition = schema.transition
_line = schema.history_line
_source = schema.history_source
_exemption = schema.exemption
_decision = schema.exemption_decision
_snapshot = schema.snapshot
_round = schema.round_

SEEN = (Condition.INTACT.value, Condition.IMPAIRED.value)
FAILING = (Condition.OFFLINE.value, Condition.IMPAIRED.value)

TRANSITION = ("camera", "key", "at", "condition", "fault", "cause", "decided_at", "evidence_at")
LINE = ("camera", "key", "at", "condition", "fault")

Said = TypeVar("Said", Transition, Line)

Known = Callable[[FromClause], ColumnElement[bool]]
"""Says of a table's rows whether they were known at the moment asked about."""

CONDITION_OF = {condition.value: condition for condition in Condition}
FAULT_OF: Mapping[str | None, Fault | None] = {None: None, **{fault.value: fault for fault in Fault}}
CAUSE_OF: Mapping[str | None, Cause | None] = {None: None, **{cause.value: cause for cause in Cause}}


class MonthReader(LedgerReader):
    """What a month is counted from, and what became of it. ``known_at`` is the moment as of which it is asked."""

    def camera_versions(self, known_at: int) -> dict[str, tuple[Version, ...]]:
        """Every camera's entries in the ledger in order; where it was taken out, an entry of None."""
        table = schema.camera_version
        query = (
            select(_camera.c.id, table.c.fields, table.c.valid_from, table.c.valid_to)
            .join(_camera, _camera.c.key == table.c.camera)
            .where(table.c.valid_from <= known_at)
            .order_by(_camera.c.id, table.c.valid_from)
        )
        found: dict[str, list[Version]] = defaultdict(list)
        ends: dict[str, int] = {}
        with self._source.connection() as connection:
            for id_, fields, began, ended in connection.execute(query):
                its = found[id_]
                if its and ends.get(id_, began) < began:
                    its.append(Version(ends[id_], None))
                its.append(Version(began, camera_of(fields)))
                if ended is not None and ended <= known_at:
                    ends[id_] = ended
                else:
                    ends.pop(id_, None)
        for id_, ended in ends.items():
            found[id_].append(Version(ended, None))
        return {id_: tuple(its) for id_, its in found.items()}

    def township_versions(self, known_at: int) -> tuple[TownshipVersion, ...]:
        """Every township's entries in the ledger, by code and time."""
        table = schema.township_version
        query = (
            select(table.c.fields, table.c.valid_from, table.c.valid_to)
            .where(table.c.valid_from <= known_at)
            .order_by(table.c.code, table.c.valid_from)
        )
        with self._source.connection() as connection:
            rows = connection.execute(query).all()
        return tuple(
            TownshipVersion(
                township=township_of(fields), began=began, ended=None if ended is None or ended > known_at else ended
            )
            for fields, began, ended in rows
        )

    def recorded(self, start: int, end: int, known_at: int) -> Recorded:
        """Our own record and imported history in [start, end), with what held at ``start``."""
        with self._source.connection() as connection:
            own, evidence = _own_record(connection, start, end, known_at)
            imported = _imported(connection, start, end, known_at)
            ids = {row.key: row.id for row in connection.execute(select(_camera.c.key, _camera.c.id))}
            unseen = [key for key in ids if not _is_seen((*own.get(key, ()), *imported.get(key, ())))]
            seen_before = _seen_before(connection, unseen, start, known_at)
        return Recorded(
            own={ids[key]: tuple(its) for key, its in own.items()},
            imported={ids[key]: tuple(its) for key, its in imported.items()},
            seen_before=frozenset(ids[key] for key in seen_before),
            evidence=evidence,
        )

    def covered_until(self, known_at: int) -> int | None:
        """How far the daemon had looked, None when none ever ran."""
        table = schema.coverage
        query = select(func.max(table.c.until)).where(table.c.began <= known_at)
        with self._source.connection() as connection:
            return connection.execute(query).scalar()

    def first_second(self) -> int | None:
        """When the record begins, ours or another system's; None while there is none."""
        firsts = select(func.min(schema.coverage.c.began)), select(func.min(_source.c.first_at))
        with self._source.connection() as connection:
            found = [connection.execute(first).scalar() for first in firsts]
        return min((first for first in found if first is not None), default=None)

    def exemptions(self, start: int, end: int, known_at: int) -> tuple[Exemption, ...]:
        """The filings that meet [start, end), by beginning."""
        query = _exemptions(known_at).where(overlaps(_exemption.c.began, _exemption.c.ended, start, end))
        with self._source.connection() as connection:
            rows = connection.execute(query.order_by(_exemption.c.began, _exemption.c.key)).all()
        return tuple(map(_exemption_of, rows))

    def inspection_rounds(self, start: int, end: int, known_at: int) -> tuple[InspectionRound, ...]:
        """The planned rounds that began in [start, end), by beginning; one that was going on has seen nothing yet."""
        query = select(_round).where(
            _round.c.kind == RoundKind.INSPECTION.value,
            _round.c.started >= start,
            _round.c.started < end,
            _round.c.started <= known_at,
        )
        with self._source.connection() as connection:
            rows = connection.execute(query.order_by(_round.c.started, _round.c.number)).all()
        return tuple(_inspection_round_of(row, known_at) for row in rows)

    def snapshots(self, month: str | None = None) -> tuple[SnapshotEntry, ...]:
        """The snapshots that were kept, of one month or of all: by month, drafts first, by revision."""
        names = ("month", "state", "revision", "sha256", "made_at", "who", "reason")
        query = select(*(_snapshot.c[name] for name in names))
        if month is not None:
            query = query.where(_snapshot.c.month == month)
        with self._source.connection() as connection:
            rows = connection.execute(query.order_by(_snapshot.c.month, _snapshot.c.state, _snapshot.c.revision)).all()
        return tuple(
            SnapshotEntry(
                month=row.month,
                state=SnapshotState(row.state),
                revision=row.revision,
                sha256=row.sha256,
                made_at=row.made_at,
                who=row.who,
                reason=row.reason,
            )
            for row in rows
        )

    def snapshot_content(self, entry: SnapshotEntry) -> bytes:
        """The canonical JSON of a snapshot that ``snapshots`` has named."""
        query = select(_snapshot.c.content).where(
            _snapshot.c.month == entry.month,
            _snapshot.c.state == entry.state.value,
            _snapshot.c.revision == entry.revision,
        )
        with self._source.connection() as connection:
            return zlib.decompress(connection.execute(query).scalar_one())


def exemption_of(connection: Connection, number: int) -> Exemption:
    """The filing with that number as it stands. Raises UnknownError."""
    row = connection.execute(_exemptions(None).where(_exemption.c.key == number)).first()
    if row is None:
        raise UnknownError(f"没有编号为 {number} 的报备", f"there is no exemption {number}")
    return _exemption_of(row)


def held_lines(connection: Connection, cameras: Sequence[int]) -> dict[int, list[Line]]:
    """All imported history of these cameras, in order."""
    found: dict[int, list[Line]] = defaultdict(list)
    for portion in chunks(cameras):
        query = _rows_of(_line, LINE).where(_line.c.camera.in_(portion))
        for row in connection.execute(query.order_by(_line.c.camera, _line.c.at, _line.c.key)):
            found[row.camera].append(_line_of(row))
    return found


def _own_record(
    connection: Connection, start: int, end: int, known_at: int
) -> tuple[dict[int, list[Transition]], dict[tuple[str, int], int]]:
    evidence: dict[tuple[str, int], int] = {}

    def transition(row: Row[Any]) -> Transition:
        _, _, at, condition, fault, cause, decided_at, shown_at, id_ = tuple(row)
        if shown_at is not None and condition in FAILING:
            evidence[id_, at] = shown_at
        return Transition(
            camera=id_,
            at=at,
            condition=CONDITION_OF[condition],
            fault=FAULT_OF[fault],
            cause=CAUSE_OF[cause],
            decided_at=decided_at,
        )

    def known(table: FromClause) -> ColumnElement[bool]:
        return table.c.decided_at <= known_at

    return _stretch(connection, _transition, TRANSITION, transition, known, start, end), evidence


def _imported(connection: Connection, start: int, end: int, known_at: int) -> dict[int, list[Line]]:
    if connection.execute(select(_source.c.key).limit(1)).first() is None:
        return {}
    sources = select(_source.c.key).where(_source.c.imported_at <= known_at)

    def known(table: FromClause) -> ColumnElement[bool]:
        return table.c.source.in_(sources)

    lines = _stretch(connection, _line, LINE, _line_of, known, start, end)
    # The last line says nothing of its own, and only the one after it tells that it was not the last.
    for row in connection.execute(_rows_at(_line, LINE, _first_after(_line, end, known))):
        lines[row.camera].append(_line_of(row))
    return lines


def _stretch(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    made_of: Callable[[Row[Any]], Said],
    known: Known,
    start: int,
    end: int,
) -> dict[int, list[Said]]:
    """What each camera's rows in [start, end) say, after the last before; all of those before where that one fails."""
    query = _rows_of(table, columns).where(known(table))
    found: dict[int, list[Said]] = defaultdict(list)
    for row in connection.execute(_rows_at(table, columns, _last_before(table, start, known))):
        found[row[0]].append(made_of(row))
    began_before = set(found)
    within = query.where(table.c.at >= start, table.c.at < end)
    for row in connection.execute(within.order_by(_camera.c.key, table.c.at, table.c.key)):
        found[row[0]].append(made_of(row))
    earlier: dict[int, list[Said]] = defaultdict(list)
    for portion in chunks([camera for camera in began_before if _begins_failing(found[camera])]):
        before = query.where(table.c.camera.in_(portion), table.c.at < start)
        for row in connection.execute(before.order_by(_camera.c.key, table.c.at, table.c.key)):
            earlier[row[0]].append(made_of(row))
    for camera, its in earlier.items():
        found[camera][:1] = its
    return found


def _rows_of(table: Table, columns: Sequence[str]) -> Select[Any]:
    """All rows. Ordered by the camera's own key, SQLite goes from camera to camera by the index of ``table``."""
    joined = _camera.join(table, table.c.camera == _camera.c.key)
    return select(*(table.c[name] for name in columns), _camera.c.id).select_from(joined)


def _rows_at(table: Table, columns: Sequence[str], key: ScalarSelect[int]) -> Select[Any]:
    """The row that ``key`` finds for each camera. Joined by that alone: by the camera too, the table is scanned."""
    joined = _camera.join(table, table.c.key == key)
    return select(*(table.c[name] for name in columns), _camera.c.id).select_from(joined)


def _last_before(table: Table, moment: int, known: Known) -> ScalarSelect[int]:
    other = table.alias("other")
    rows = select(other.c.key).where(other.c.camera == _camera.c.key, other.c.at < moment, known(other))
    return rows.order_by(other.c.at.desc(), other.c.key.desc()).limit(1).correlate(_camera).scalar_subquery()


def _first_after(table: Table, moment: int, known: Known) -> ScalarSelect[int]:
    other = table.alias("other")
    rows = select(other.c.key).where(other.c.camera == _camera.c.key, other.c.at >= moment, known(other))
    return rows.order_by(other.c.at, other.c.key).limit(1).correlate(_camera).scalar_subquery()


def _begins_failing(said: Iterable[Transition | Line]) -> bool:
    conditions = (each.condition for each in said if each.condition is not Condition.UNKNOWN)
    return next(conditions, Condition.INTACT) is not Condition.INTACT


def _is_seen(said: Iterable[Transition | Line]) -> bool:
    return any(each.condition in (Condition.INTACT, Condition.IMPAIRED) for each in said)


def _seen_before(connection: Connection, cameras: Sequence[int], start: int, known_at: int) -> set[int]:
    """Those of the cameras that were once intact or impaired before ``start``."""
    found: set[int] = set()
    sources = select(_source.c.key).where(_source.c.imported_at <= known_at)
    for table, known in (
        (_transition, _transition.c.decided_at <= known_at),
        (_line, _line.c.source.in_(sources)),
    ):
        seen = exists().where(table.c.camera == _camera.c.key, table.c.at < start, table.c.condition.in_(SEEN), known)
        for portion in chunks(cameras):
            found.update(connection.execute(select(_camera.c.key).where(_camera.c.key.in_(portion), seen)).scalars())
    return found


def _exemptions(known_at: int | None) -> Select[Any]:
    """The filings with the last decision on each; ``known_at`` None takes all that there are."""
    entered = true() if known_at is None else _exemption.c.entered_at <= known_at
    decided = true() if known_at is None else _decision.c.at <= known_at
    newest = select(func.max(_decision.c.key)).where(decided).group_by(_decision.c.exemption)
    last = select(_decision).where(_decision.c.key.in_(newest)).subquery()
    names = ("key", "village", "township", "kind", "began", "ended", "reason", "proof", "filed_at")
    return (
        select(
            *(_exemption.c[name] for name in names),
            _camera.c.id.label("camera"),
            last.c.ruling,
            last.c.by,
            last.c.at,
            last.c.reason.label("decided_why"),
        )
        .outerjoin(_camera, _camera.c.key == _exemption.c.camera)
        .outerjoin(last, last.c.exemption == _exemption.c.key)
        .where(entered)
    )


def _exemption_of(row: Row[Any]) -> Exemption:
    kind = Kind(row.kind)
    filed = Filing.LATE if is_late(kind, row.began, row.filed_at) else Filing.FILED
    return Exemption(
        id=row.key,
        scope=Scope(camera=row.camera or "", village=row.village, township=row.township),
        kind=kind,
        began=row.began,
        ended=row.ended,
        reason=row.reason,
        filed_at=row.filed_at,
        state=Filing(row.ruling) if row.ruling else filed,
        decided_by=row.by or "",
        decided_at=row.at,
        decided_why=row.decided_why or "",
        proof=row.proof,
    )


def _inspection_round_of(row: Row[Any], known_at: int) -> InspectionRound:
    if row.ended is None or row.ended > known_at:
        return InspectionRound(number=row.number, started=row.started)
    return InspectionRound(
        number=row.number,
        started=row.started,
        ended=row.ended,
        counts={CONDITION_OF[name]: int(str(count)) for name, count in object_of(row.counts).items()},
        void=row.void,
    )


def _line_of(row: Row[Any]) -> Line:
    return Line(camera=row.id, at=row.at, condition=CONDITION_OF[row.condition], fault=FAULT_OF[row.fault])
