"""The dated ledger: every change is kept with who and why, so the fleet of any past moment can be had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Select, Table, bindparam, delete, func, insert, or_, select, update

from monitor.core.fleet import Fleet
from monitor.store import schema
from monitor.store.codec import camera_json, camera_of, township_json, township_of
from monitor.store.errors import LedgerConflictError
from monitor.store.source import Source, overlaps
from monitor.store.statements import add_audit, camera_keys, known_camera_keys
from monitor.store.upsert import upsert
from monitor.store.values import AuditEntry, CameraVersion, FleetChanges, Membership, StoredCredential


class LedgerReader:
    """What the ledger says, now and at any past moment."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def fleet_at(self, at: int) -> Fleet:
        """The ledger as it stood at ``at``; empty before the first import."""
        with self._source.connection() as connection:
            townships = connection.execute(_standing_at(schema.township_version, at)).scalars().all()
            cameras = connection.execute(_standing_at(schema.camera_version, at)).scalars().all()
        return Fleet.of(map(township_of, townships), map(camera_of, cameras))

    def fleet_generation(self) -> int:
        """A number that grows with every change of townships, cameras or credentials; cheap to ask."""
        with self._source.connection() as connection:
            return _generation(connection)

    def memberships(self, start: int, end: int) -> tuple[Membership, ...]:
        """Which township each camera belonged to within [start, end), clipped to it, by camera and time.

        A camera's first entry reaches back before its import: when it entered service is for 启用日期 to say.
        """
        table = schema.camera_version
        first = select(table.c.camera, func.min(table.c.valid_from).label("since")).group_by(table.c.camera).subquery()
        is_first = table.c.valid_from == first.c.since
        query = (
            select(schema.camera.c.id, table.c.township, table.c.valid_from, table.c.valid_to, is_first)
            .join(schema.camera, schema.camera.c.key == table.c.camera)
            .join(first, first.c.camera == table.c.camera)
            .where(or_(is_first, table.c.valid_from < end), or_(table.c.valid_to.is_(None), table.c.valid_to > start))
            .order_by(schema.camera.c.id, table.c.valid_from)
        )
        with self._source.connection() as connection:
            rows = connection.execute(query).all()
        pieces = (
            Membership(
                camera=camera,
                township=township,
                began=start if reaches_back else max(start, valid_from),
                ended=end if valid_to is None else min(end, valid_to),
            )
            for camera, township, valid_from, valid_to, reaches_back in rows
        )
        return _joined(pieces)

    def camera_history(self, camera: str) -> tuple[CameraVersion, ...]:
        """Every entry that the camera ever had in the ledger, oldest first."""
        table = schema.camera_version
        query = (
            select(table.c.fields, table.c.valid_from, table.c.valid_to, table.c.who, table.c.why)
            .join(schema.camera, schema.camera.c.key == table.c.camera)
            .where(schema.camera.c.id == camera)
            .order_by(table.c.valid_from)
        )
        with self._source.connection() as connection:
            rows = connection.execute(query).all()
        return tuple(
            CameraVersion(camera=camera_of(fields), began=began, ended=ended, who=who, why=why)
            for fields, began, ended, who, why in rows
        )

    def credentials(self) -> dict[str, StoredCredential]:
        """Every stored login by its id, still encrypted."""
        table = schema.credential
        query = select(table.c.id, table.c.username, table.c.ciphertext).order_by(table.c.id)
        with self._source.connection() as connection:
            rows = connection.execute(query).all()
        return {
            id_: StoredCredential(id=id_, username=username, ciphertext=bytes(ciphertext))
            for id_, username, ciphertext in rows
        }


def save_fleet(connection: Connection, changes: FleetChanges, *, who: str, why: str, at: int) -> int:
    """Enter the changes as of ``at`` and return the generation of the fleet after them.

    An entry equal to the one that stands makes no new version. Should the clock have been set back, the changes
    count from the newest entry on: the ledger's time never runs backward. Raises LedgerConflictError.
    """
    at = max(at, _newest(connection, schema.township_version), _newest(connection, schema.camera_version))
    townships = _Entries(connection, schema.township_version, "code")
    cameras = _Entries(connection, schema.camera_version, "camera")
    keys = camera_keys(connection, [camera.id for camera in changes.cameras])

    for township in changes.townships:
        standing = townships.fields(township.code)
        if standing is None or township_of(standing) != township:
            townships.enter(township.code, {"fields": township_json(township)})
    for camera in changes.cameras:
        standing = cameras.fields(keys[camera.id])
        if standing is None or camera_of(standing) != camera:
            cameras.enter(keys[camera.id], {"fields": camera_json(camera), "township": camera.township})
    for code in changes.removed_townships:
        townships.end(code)
    for key in known_camera_keys(connection, changes.removed_cameras).values():
        cameras.end(key)

    townships.write(at, who, why)
    cameras.write(at, who, why)
    _refuse_orphans(connection)
    logins = _put_credentials(connection, changes.credentials)
    if not (townships.counts or cameras.counts or logins):
        return _generation(connection)
    detail = {"why": why, "townships": townships.counts, "cameras": cameras.counts, "credentials": logins}
    add_audit(connection, [AuditEntry(at=at, who=who, action="save_fleet", subject="ledger", detail=detail)])
    return _next_generation(connection)


class _Entries:
    """The entries of one table that stand now, and what is to become of them."""

    def __init__(self, connection: Connection, table: Table, identity: str) -> None:
        self._connection = connection
        self._table = table
        self._identity = identity
        query = select(table.c[identity], table.c.key, table.c.valid_from, table.c.fields)
        rows = connection.execute(query.where(table.c.valid_to.is_(None)))
        self._standing = {named: _Standing(key, valid_from, fields) for named, key, valid_from, fields in rows}
        self._ended: list[_Standing] = []
        self._entered: list[dict[str, object]] = []
        self.counts: dict[str, int] = {}
        """How many entries were added, changed or removed."""

    def fields(self, named: object) -> str | None:
        """The entry that stands, None if there is none."""
        standing = self._standing.get(named)
        return standing.fields if standing else None

    def enter(self, named: object, columns: Mapping[str, object]) -> None:
        """A new entry takes the place of the one that stands, if any."""
        standing = self._standing.get(named)
        self._count("added" if standing is None else "changed")
        if standing is not None:
            self._ended.append(standing)
        self._entered.append({self._identity: named, **columns})

    def end(self, named: object) -> None:
        """The entry that stands is removed. Removing what is not there changes nothing."""
        standing = self._standing.get(named)
        if standing is not None:
            self._count("removed")
            self._ended.append(standing)

    def write(self, at: int, who: str, why: str) -> None:
        """Close what ended and insert what was entered. An entry that never stood for a whole second vanishes."""
        table = self._table
        this_row = table.c.key == bindparam("row")
        fleeting = [{"row": standing.key} for standing in self._ended if standing.valid_from == at]
        lasting = [{"row": standing.key} for standing in self._ended if standing.valid_from < at]
        if fleeting:
            self._connection.execute(delete(table).where(this_row), fleeting)
        if lasting:
            self._connection.execute(update(table).where(this_row).values(valid_to=at), lasting)
        if self._entered:
            edition = {"valid_from": at, "valid_to": None, "who": who, "why": why}
            self._connection.execute(insert(table), [{**entry, **edition} for entry in self._entered])

    def _count(self, act: str) -> None:
        self.counts[act] = self.counts.get(act, 0) + 1


@dataclass(frozen=True, slots=True)
class _Standing:
    key: int
    valid_from: int
    fields: str


def _newest(connection: Connection, table: Table) -> int:
    ends = connection.execute(select(func.max(table.c.valid_from), func.max(table.c.valid_to))).one()
    return max((int(end) for end in ends if end is not None), default=0)


def _refuse_orphans(connection: Connection) -> None:
    camera, township = schema.camera_version, schema.township_version
    codes = select(township.c.code).where(township.c.valid_to.is_(None))
    query = select(camera.c.township).where(camera.c.valid_to.is_(None), camera.c.township.not_in(codes)).limit(1)
    code = connection.execute(query).scalar()
    if code is not None:
        raise LedgerConflictError(f"a camera belongs to township {code!r}, which is not in the ledger")


def _put_credentials(connection: Connection, credentials: Sequence[StoredCredential]) -> int:
    """Store the logins; returns how many are new or changed."""
    table = schema.credential
    rows = connection.execute(select(table.c.id, table.c.username, table.c.ciphertext)).all()
    known = {id_: (username, bytes(ciphertext)) for id_, username, ciphertext in rows}
    changed = [login for login in credentials if known.get(login.id) != (login.username, login.ciphertext)]
    upsert(
        connection,
        table,
        [{"id": login.id, "username": login.username, "ciphertext": login.ciphertext} for login in changed],
        ("id",),
    )
    return len(changed)


def _generation(connection: Connection) -> int:
    return connection.execute(select(schema.fleet_generation.c.generation)).scalar() or 0


def _next_generation(connection: Connection) -> int:
    generation = _generation(connection) + 1
    upsert(connection, schema.fleet_generation, [{"key": 1, "generation": generation}], ("key",))
    return generation


def _standing_at(table: Table, at: int) -> Select[str]:
    return select(table.c.fields).where(overlaps(table.c.valid_from, table.c.valid_to, at, at + 1))


def _joined(pieces: Iterable[Membership]) -> tuple[Membership, ...]:
    """Make one of pieces that follow each other without a change of township."""
    joined: list[Membership] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        same = last is not None and (last.camera, last.township, last.ended) == (
            piece.camera,
            piece.township,
            piece.began,
        )
        if last is not None and same:
            joined[-1] = replace(last, ended=piece.ended)
        else:
            joined.append(piece)
    return tuple(joined)
