"""Old evidence as SQL: what there is, what the record rests on, and its end. All run in their caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, select, update

from monitor.core.condition import Condition
from monitor.core.period import Month
from monitor.core.retention import Bound, Ground, Kept, Retention, Rules, bound, retain
from monitor.store import schema
from monitor.store.codec import looks_of
from monitor.store.evidence import PictureFolder
from monitor.store.statements import chunks, is_shown, without_picture
from monitor.store.values import EvidenceKind, SnapshotState

_evidence = schema.evidence
FAILING = (Condition.OFFLINE.value, Condition.IMPAIRED.value)


def evidence_size(connection: Connection, since: int = 0) -> int:
    """The bytes of all pictures, or of those of looks since then."""
    query = select(func.coalesce(func.sum(_evidence.c.size), 0)).where(_evidence.c.at >= since)
    return int(connection.execute(query).scalar_one())


def weigh(connection: Connection, pictures: PictureFolder) -> None:
    """Note the sizes of pictures that were written before there was a column for them."""
    query = select(_evidence.c.key, _evidence.c.picture)
    rows = connection.execute(query.where(_evidence.c.picture.is_not(None), _evidence.c.size.is_(None))).all()
    if rows:
        weighed = update(_evidence).where(_evidence.c.key == bindparam("row")).values(size=bindparam("bytes"))
        connection.execute(weighed, [{"row": row.key, "bytes": pictures.size(row.picture)} for row in rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """What was found while others could write; ``seconds`` are those of the looks that go, by key.

    ``last_transition`` and ``frozen`` tell what has been added to the record since.
    """

    found: Retention
    seconds: Mapping[int, int]
    last_transition: int
    frozen: int


def survey(connection: Connection, rules: Rules, now: int) -> Surveyed:
    """What would go now, and what stays. Takes seconds in a large county, so no lock should be held meanwhile."""
    evidence = _kept(connection, now - rules.fault_s)
    last_transition, frozen = _newest(connection)
    found = retain(evidence, _bound(connection, rules, now), rules, now)
    seconds = {kept.key: kept.at for kept in evidence if kept.key in found.going}
    return Surveyed(found=found, seconds=seconds, last_transition=last_transition, frozen=frozen)


def forget(connection: Connection, surveyed: Surveyed, at: int) -> tuple[str, ...]:
    """Delete what goes, the one that a transition rests on but for its steps; returns the pictures that went.

    What may have come to be needed since the survey stays until the next one: all of a camera whose record has gone
    on, and everything when a month was frozen.
    """
    rows = _going(connection, surveyed)
    going = [{"row": row.key, "why": surveyed.found.going[row.key].value} for row in rows]
    if going:
        of_row = _evidence.c.key == bindparam("row")
        rests = update(_evidence).where(of_row, is_shown()).values(without_picture(at, bindparam("why")))
        connection.execute(rests, going)
        connection.execute(delete(_evidence).where(of_row, ~is_shown()), [{"row": each["row"]} for each in going])
    return tuple(row.picture for row in rows if row.picture is not None)


def going_pictures(connection: Connection, surveyed: Surveyed) -> tuple[str, ...]:
    """The pictures that ``forget`` would take away if it could write."""
    return tuple(row.picture for row in _going(connection, surveyed) if row.picture is not None)


def _going(connection: Connection, surveyed: Surveyed) -> list[Row[Any, Any, Any]]:
    _, frozen = _newest(connection)
    if not surveyed.seconds or frozen != surveyed.frozen:
        return []
    transition = schema.transition
    changed = select(transition.c.camera).where(transition.c.key > surveyed.last_transition)
    found: list[Row[Any, Any, Any]] = []
    for portion in chunks(list(surveyed.seconds)):
        query = select(_evidence.c.key, _evidence.c.at, _evidence.c.picture)
        rows = connection.execute(query.where(_evidence.c.key.in_(portion), _evidence.c.camera.not_in(changed)))
        found += [row for row in rows if row.at == surveyed.seconds[row.key]]
    return found


def _newest(connection: Connection) -> tuple[int, int]:
    """The key of the newest transition, and how many snapshots are frozen."""
    newest = select(func.coalesce(func.max(schema.transition.c.key), 0))
    frozen = select(func.count()).where(schema.snapshot.c.state == SnapshotState.FROZEN.value)
    return int(connection.execute(newest).scalar_one()), int(connection.execute(frozen).scalar_one())


def known_pictures(connection: Connection) -> frozenset[str]:
    """Every picture that a row refers to."""
    return frozenset(connection.execute(select(_evidence.c.picture).where(_evidence.c.picture.is_not(None))).scalars())


def every_picture(connection: Connection) -> tuple[tuple[str, str], ...]:
    """The path and the SHA-256 of every picture that there is."""
    query = select(_evidence.c.picture, _evidence.c.sha256).where(_evidence.c.picture.is_not(None))
    return tuple((row.picture, row.sha256 or "") for row in connection.execute(query.order_by(_evidence.c.picture)))


def frozen_pictures(connection: Connection, zone: tzinfo) -> tuple[tuple[str, str], ...]:
    """The same of those that frozen months rest on, whether or not their year is closed."""
    frozen = select(schema.snapshot.c.month).where(schema.snapshot.c.state == SnapshotState.FROZEN.value).distinct()
    months = [Month.parse(text, zone) for text in connection.execute(frozen).scalars()]
    places = bound(_grounds(connection), months).frozen
    query = select(schema.camera.c.id, _evidence.c.at, _evidence.c.picture, _evidence.c.sha256).join(
        schema.camera, schema.camera.c.key == _evidence.c.camera
    )
    rows = connection.execute(query.where(_evidence.c.picture.is_not(None)).order_by(_evidence.c.picture))
    return tuple((row.picture, row.sha256 or "") for row in rows if (row.id, row.at) in places)


def _kept(connection: Connection, old: int) -> list[Kept]:
    """All evidence that could go: a picture, or an ``old`` look without one that shows no transition."""
    columns = (_evidence.c[name] for name in ("key", "at", "kind", "size"))
    query = select(*columns, schema.camera.c.id).join(schema.camera, schema.camera.c.key == _evidence.c.camera)
    pictured = _evidence.c.picture.is_not(None)
    return [
        Kept(key=row.key, camera=row.id, at=row.at, good=row.kind == EvidenceKind.GOOD.value, size=row.size or 0)
        for row in connection.execute(query.where(pictured | ((_evidence.c.at < old) & ~is_shown())))
    ]


def _bound(connection: Connection, rules: Rules, now: int) -> Bound:
    frozen = select(schema.snapshot.c.month).where(schema.snapshot.c.state == SnapshotState.FROZEN.value).distinct()
    months = rules.binding(connection.execute(frozen).scalars(), now)
    return bound(_grounds(connection), months)


def _grounds(connection: Connection) -> Iterator[Ground]:
    table = schema.transition
    columns = (table.c[name] for name in ("at", "condition", "evidence_at", "looks"))
    query = (
        select(schema.camera.c.id, *columns)
        .join(schema.camera, schema.camera.c.key == table.c.camera)
        .order_by(table.c.camera, table.c.at, table.c.key)
    )
    for camera, at, condition, evidence_at, looks in connection.execute(query):
        yield Ground(
            camera=camera,
            at=at,
            condition=Condition(condition),
            evidence_at=evidence_at,
            looks=looks_of(at, looks) if condition in FAILING else (),
        )
