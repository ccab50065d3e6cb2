"""What people are to be told, and what became of it. The functions run in their caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select

from monitor.core.alert import CameraCase, Case, Cases, CauseCase, MonthCase, OwnCase
from monitor.core.delivery import Delivery, DeliveryState
from monitor.store import schema
from monitor.store.source import Source
from monitor.store.upsert import upsert
from monitor.store.values import CaseChange

_case = schema.alert_case
_digest = schema.alert_digest
_delivery = schema.alert_delivery

_ADAPTERS: Mapping[str, TypeAdapter[Case]] = {
    "camera": TypeAdapter(CameraCase),
    "cause": TypeAdapter(CauseCase),
    "own": TypeAdapter(OwnCase),
    "month": TypeAdapter(MonthCase),
}
"""By the first word of a case's key."""


class AlertReader:
    """What the store knows of alerts."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def alert_cases(self) -> Cases:
        """All cases, and which digest was the last."""
        with self._source.connection() as connection:
            rows = connection.execute(select(_case).order_by(_case.c.key)).all()
            digested = connection.execute(select(func.max(_digest.c.slot))).scalar()
        return Cases.of((_adapter(row.key).validate_json(row.body) for row in rows), digested)

    def deliveries(self, state: DeliveryState | None = None, limit: int = 1000) -> tuple[Delivery, ...]:
        """The newest deliveries, newest first; in one state only, if it is named."""
        query = select(_delivery).order_by(_delivery.c.made_at.desc(), _delivery.c.alert, _delivery.c.page)
        if state is not None:
            query = query.where(_delivery.c.state == state.value)
        with self._source.connection() as connection:
            return tuple(map(_delivery_of, connection.execute(query.limit(limit))))


def put_cases(connection: Connection, cases: Sequence[CaseChange]) -> None:
    """Write the cases as they have become; those that are done with go."""
    last = {change.key: change.case for change in cases}
    rows = [
        {"key": key, "body": _adapter(key).dump_json(case).decode()} for key, case in last.items() if case is not None
    ]
    upsert(connection, _case, rows, ("key",))
    gone = [{"gone": key} for key, case in last.items() if case is None]
    if gone:
        connection.execute(delete(_case).where(_case.c.key == bindparam("gone")), gone)


def forget_cases(connection: Connection) -> None:
    """Begin anew: without a reader of the outbox nobody would hear that a case is over."""
    connection.execute(delete(_case))
    connection.execute(delete(_digest))


def put_digests(connection: Connection, slots: Sequence[int]) -> None:
    """The digest of the last of these times is done with; no other is remembered."""
    if slots:
        connection.execute(delete(_digest))
        connection.execute(insert(_digest), {"slot": slots[-1]})


def put_deliveries(connection: Connection, deliveries: Sequence[Delivery]) -> None:
    """Write the deliveries as they have become."""
    last = {delivery.key: delivery for delivery in deliveries}
    rows = [
        {
            "alert": each.alert,
            "channel": each.channel,
            "page": each.page,
            "kind": each.kind,
            "title": each.title,
            "text": each.text,
            "dated": each.dated,
            "made_at": each.made_at,
            "next_at": each.next_at,
            "state": each.state.value,
            "attempts": each.attempts,
            "ended_at": each.ended_at,
            "error": each.error,
        }
        for each in last.values()
    ]
    upsert(connection, _delivery, rows, ("alert", "channel", "page"))


def forget_deliveries(connection: Connection, before: int) -> None:
    """Delete those made before then, but for those that wait."""
    its = (_delivery.c.made_at < before) & (_delivery.c.state != DeliveryState.WAITING.value)
    connection.execute(delete(_delivery).where(its))


def _adapter(key: str) -> TypeAdapter[Case]:
    return _ADAPTERS[key.partition(":")[0]]


def _delivery_of(row: Row[tuple[object, ...]]) -> Delivery:
    fields = dict(row._mapping)
    return Delivery(**{**fields, "state": DeliveryState(str(fields["state"]))})
