"""Old evidence as SQL: what there is, what the record rests on, and its end. All run in their caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, bindparam, delete, func, select, update

from monitor.core.condition import Condition
from monitor.core.retention import Bound, Ground, Kept, Retention, Rules, bound, retain
from monitor.store import schema
from monitor.store.codec import looks_of
from monitor.store.evidence import PictureFolder
from monitor.store.statements import chunks, is_shown, without_picture
from monitor.store.values import EvidenceKind, SnapshotState

_evidence = schema.evidence
FAILING = (Condition.OFFLINE.value, Condition.IMPAIRED.value)


def evidence_size(connection: Connection) -> int:
    """The bytes of all pictures."""
    return int(connection.execute(select(func.coalesce(func.sum(_evidence.c.size), 0))).scalar_one())


def weigh(connection: Connection, pictures: PictureFolder) -> None:
    """Note the sizes of pictures that were written before there was a column for them."""
    query = select(_evidence.c.key, _evidence.c.picture)
    rows = connection.execute(query.where(_evidence.c.picture.is_not(None), _evidence.c.size.is_(None))).all()
    if rows:
        weighed = update(_evidence).where(_evidence.c.key == bindparam("row")).values(size=bindparam("bytes"))
        connection.execute(weighed, [{"row": row.key, "bytes": pictures.size(row.picture)} for row in rows])


def survey(connection: Connection, rules: Rules, now: int) -> Retention:
    """What would go now, and what stays."""
    return retain(_kept(connection), _bound(connection, rules, now), rules, now)


def forget(connection: Connection, found: Retention, at: int) -> tuple[str, ...]:
    """Delete what goes, the one that a transition rests on but for its steps; returns the pictures that went."""
    pictures: list[str] = []
    for portion in chunks(list(found.going)):
        its = _evidence.c.key.in_(portion)
        query = select(_evidence.c.picture).where(its, _evidence.c.picture.is_not(None))
        pictures += connection.execute(query).scalars()
    if found.going:
        of_row = _evidence.c.key == bindparam("row")
        going = [{"row": key, "why": reason.value} for key, reason in found.going.items()]
        rests = update(_evidence).where(of_row, is_shown()).values(without_picture(at, bindparam("why")))
        connection.execute(rests, going)
        connection.execute(delete(_evidence).where(of_row, ~is_shown()), [{"row": each["row"]} for each in going])
    return tuple(pictures)


def known_pictures(connection: Connection) -> frozenset[str]:
    """Every picture that a row refers to."""
    return frozenset(connection.execute(select(_evidence.c.picture).where(_evidence.c.picture.is_not(None))).scalars())


def _kept(connection: Connection) -> Iterator[Kept]:
    """All evidence that could go: a look that has no picture and shows a transition is part of the record."""
    columns = (_evidence.c[name] for name in ("key", "at", "kind", "size"))
    query = select(*columns, schema.camera.c.id).join(schema.camera, schema.camera.c.key == _evidence.c.camera)
    for row in connection.execute(query.where(_evidence.c.picture.is_not(None) | ~is_shown())):
        good = row.kind == EvidenceKind.GOOD.value
        yield Kept(key=row.key, camera=row.id, at=row.at, good=good, size=row.size or 0)


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
