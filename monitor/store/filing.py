"""What the month takes in: exemptions, another system's history, snapshots. Each runs in its caller's transaction."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select

from monitor.core.exemption import Exemption, check, decide
from monitor.core.history import Line, Past, Reception
from monitor.core.message import Message, MessageKind
from monitor.core.rule import UnknownError
from monitor.store import schema
from monitor.store.months import exemption_of, held_lines
from monitor.store.outbox import add_messages
from monitor.store.statements import add_audit, chunks, known_camera_keys
from monitor.store.values import AuditEntry, HistorySource, NewExemption, SnapshotEntry, SnapshotState


def file_exemption(connection: Connection, new: NewExemption, *, who: str, at: int) -> Exemption:
    """Enter a filing as of ``at``. Raises RuleError for one that is refused, UnknownError for an unknown camera."""
    check(new.kind, new.began, new.ended, filed_at=new.filed_at, now=at)
    camera = known_camera_keys(connection, [new.scope.camera]) if new.scope.camera else {}
    if new.scope.camera not in camera and new.scope.camera:
        raise UnknownError(f"台账中没有点位 {new.scope.camera}", f"no camera {new.scope.camera} in the ledger")
    row = {
        "camera": camera.get(new.scope.camera),
        "village": new.scope.village,
        "township": new.scope.township,
        "kind": new.kind.value,
        "began": new.began,
        "ended": new.ended,
        "reason": new.reason,
        "proof": new.proof,
        "filed_at": new.filed_at,
        "entered_at": at,
        "who": who,
    }
    number = connection.execute(insert(schema.exemption).returning(schema.exemption.c.key), row).scalar_one()
    add_audit(connection, [AuditEntry(at=at, who=who, action="file_exemption", subject=str(number))])
    return exemption_of(connection, number)


def decide_exemption(
    connection: Connection, number: int, *, approve: bool, by: str, reason: str, who: str, at: int
) -> Exemption:
    """Enter what ``by`` decided. Raises UnknownError, and RuleError where the rules leave no such decision."""
    ruling = decide(exemption_of(connection, number), approve=approve)
    row = {"exemption": number, "at": at, "by": by, "ruling": ruling.value, "reason": reason}
    connection.execute(insert(schema.exemption_decision), row)
    detail = {"by": by, "ruling": ruling.value, "reason": reason}
    entry = AuditEntry(at=at, who=who, action="decide_exemption", subject=str(number), detail=detail)
    add_audit(connection, [entry])
    return exemption_of(connection, number)


def take_history(connection: Connection, lines: Sequence[Line], source: HistorySource, at: int) -> list[Reception]:
    """Enter those lines that may be believed; says of each what became of it."""
    ids = sorted({line.camera for line in lines})
    keys = known_camera_keys(connection, ids)
    held = held_lines(connection, list(keys.values()))
    own_from = _own_beginnings(connection, list(keys.values()))
    pasts = {id_: Past(held.get(key, ()), own_from.get(key)) for id_, key in keys.items()}
    receptions = [_receive(line, pasts.get(line.camera), at) for line in lines]
    new = [line for line, reception in zip(lines, receptions, strict=True) if reception is Reception.NEW]
    if new:
        _add_lines(connection, new, keys, source, at)
    return receptions


def keep_snapshot(connection: Connection, entry: SnapshotEntry, content: bytes, remark: str) -> bool:
    """Keep a snapshot for good; False when there is one of that month, state and revision already.

    ``remark`` goes into the audit.
    """
    table = schema.snapshot
    same = (table.c.month == entry.month) & (table.c.state == entry.state.value) & (table.c.revision == entry.revision)
    if connection.execute(select(table.c.revision).where(same)).first() is not None:
        return False
    row = {
        "month": entry.month,
        "state": entry.state.value,
        "revision": entry.revision,
        "content": zlib.compress(content, 9),
        "sha256": entry.sha256,
        "made_at": entry.made_at,
        "who": entry.who,
        "reason": entry.reason,
    }
    connection.execute(insert(table), row)
    detail = {"state": entry.state.value, "revision": entry.revision, "sha256": entry.sha256}
    detail |= {"reason": entry.reason, "remark": remark}
    kept = AuditEntry(at=entry.made_at, who=entry.who, action="keep_snapshot", subject=entry.month, detail=detail)
    add_audit(connection, [kept])
    add_messages(connection, [_month_message(entry)])
    return True


def _month_message(entry: SnapshotEntry) -> Message:
    is_frozen = entry.state is SnapshotState.FROZEN
    body = {
        "month": entry.month,
        "revision": entry.revision,
        "sha256": entry.sha256,
        "made_at": entry.made_at,
        "reason": entry.reason,
    }
    kind = MessageKind.MONTH_FROZEN if is_frozen else MessageKind.MONTH_CLOSED
    return Message(kind=kind, at=entry.made_at, body=body)


def _receive(line: Line, past: Past | None, at: int) -> Reception:
    if past is None:
        return Reception.NO_CAMERA
    return Reception.NOT_YET if line.at > at else past.take(line)


def _own_beginnings(connection: Connection, cameras: Sequence[int]) -> dict[int, int]:
    table = schema.transition
    found: dict[int, int] = {}
    for portion in chunks(cameras):
        query = select(table.c.camera, func.min(table.c.at)).where(table.c.camera.in_(portion))
        found.update((camera, began) for camera, began in connection.execute(query.group_by(table.c.camera)))
    return found


def _add_lines(
    connection: Connection, lines: Sequence[Line], keys: dict[str, int], source: HistorySource, at: int
) -> None:
    told = {
        "name": source.name,
        "sha256": source.sha256,
        "first_at": min(line.at for line in lines),
        "last_at": max(line.at for line in lines),
        "imported_at": at,
        "who": source.who,
    }
    table = schema.history_source
    key = connection.execute(insert(table).returning(table.c.key), told).scalar_one()
    rows = [
        {
            "source": key,
            "camera": keys[line.camera],
            "at": line.at,
            "condition": line.condition.value,
            "fault": line.fault.value if line.fault else None,
        }
        for line in lines
    ]
    connection.execute(insert(schema.history_line), rows)
    detail = {"sha256": source.sha256, "lines": len(lines)}
    add_audit(
        connection, [AuditEntry(at=at, who=source.who, action="take_history", subject=source.name, detail=detail)]
    )
