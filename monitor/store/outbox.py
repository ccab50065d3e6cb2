"""The outbox: messages numbered in the order of their commits, and how far each of their readers is.

Every reader goes through all messages at its own pace. What all have read goes once it is old enough; what is older
than the cap goes unread, and is counted for whoever has missed it. Functions run in their caller's transaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from monitor.core.message import Message, MessageKind
from monitor.store import schema
from monitor.store.codec import json_of, object_of
from monitor.store.source import Source
from monitor.store.values import Numbered, Reading, ReadUpTo

_outbox = schema.outbox
_reader = schema.outbox_reader
_numbering = schema.outbox_numbering


class OutboxReader:
    """What waits in the outbox."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def outbox_after(self, reader: str, limit: int = 100, *, beyond: int = 0) -> tuple[Numbered, ...]:
        """The next messages for this reader, oldest first; those up to ``beyond`` are left out, too.

        A reader is ahead of what is stored of it while the disk is full. Raises KeyError for one not registered.
        """
        with self._source.connection() as connection:
            done = connection.execute(select(_reader.c.done).where(_reader.c.name == reader)).scalar()
            if done is None:
                raise KeyError(f"{reader} is no reader of the outbox")
            query = select(_outbox).where(_outbox.c.seq > max(done, beyond)).order_by(_outbox.c.seq).limit(limit)
            rows = connection.execute(query).all()
        return tuple(map(_numbered, rows))

    def outbox_readings(self) -> tuple[Reading, ...]:
        """How far every registered reader is, by name."""
        waiting = select(func.count()).where(_outbox.c.seq > _reader.c.done).correlate(_reader).scalar_subquery()
        query = select(_reader, waiting.label("waiting")).order_by(_reader.c.name)
        with self._source.connection() as connection:
            rows = connection.execute(query).all()
        return tuple(Reading(reader=row.name, done=row.done, waiting=row.waiting, dropped=row.dropped) for row in rows)

    def outbox_epoch(self) -> str:
        """The epoch under which messages are numbered now."""
        with self._source.connection() as connection:
            epoch: str = connection.execute(select(_numbering.c.epoch)).scalar_one()
        return epoch


def add_messages(connection: Connection, messages: Sequence[Message]) -> None:
    """Number the messages; where nobody reads none is kept."""
    if not messages or connection.execute(select(_reader.c.name).limit(1)).first() is None:
        return
    numbered = update(_numbering).values(last_seq=_numbering.c.last_seq + len(messages))
    epoch, last_seq = connection.execute(numbered.returning(_numbering.c.epoch, _numbering.c.last_seq)).one()
    rows = [
        {
            "seq": seq,
            "epoch": epoch,
            "at": message.at,
            "kind": message.kind.value,
            "camera": message.camera,
            "township": message.township,
            "body": json_of(message.body),
        }
        for seq, message in enumerate(messages, last_seq - len(messages) + 1)
    ]
    connection.execute(insert(_outbox), rows)


def put_read(connection: Connection, marks: Iterable[ReadUpTo]) -> None:
    """Move the readers on; never back, and none that is not registered."""
    for mark in marks:
        its = (_reader.c.name == mark.reader) & (_reader.c.done < mark.seq)
        connection.execute(update(_reader).where(its).values(done=mark.seq))


def begin_epoch(connection: Connection, readers: Iterable[str]) -> None:
    """Begin an epoch with these readers and no others; a new one begins behind the last message.

    Without a reader nothing waits for anybody: the outbox is emptied.
    """
    wanted = set(readers)
    connection.execute(update(_numbering).values(epoch=str(uuid.uuid4())))
    connection.execute(delete(_reader).where(_reader.c.name.not_in(wanted)))
    known = set(connection.execute(select(_reader.c.name)).scalars())
    last_seq = connection.execute(select(_numbering.c.last_seq)).scalar_one()
    for name in sorted(wanted - known):
        connection.execute(insert(_reader), {"name": name, "done": last_seq, "dropped": 0})
    if not wanted:
        connection.execute(delete(_outbox))


def prune(connection: Connection, *, read_before: int, all_before: int) -> dict[str, int]:
    """Delete messages told before ``read_before`` that all have read, and all told before ``all_before``.

    Returns for each reader that has thereby missed messages how many.
    """
    done = {row.name: row.done for row in connection.execute(select(_reader))}
    missed: dict[str, int] = {}
    for name, seq in done.items():
        unread = select(func.count()).where(_outbox.c.seq > seq, _outbox.c.at < all_before)
        if count := connection.execute(unread).scalar_one():
            missed[name] = count
            its = update(_reader).where(_reader.c.name == name)
            connection.execute(its.values(dropped=_reader.c.dropped + count))
    connection.execute(delete(_outbox).where(_outbox.c.at < all_before))
    if done:
        read_by_all = min(done.values())
        connection.execute(delete(_outbox).where(_outbox.c.seq <= read_by_all, _outbox.c.at < read_before))
    return missed


def _numbered(row: Row[Any]) -> Numbered:
    message = Message(
        kind=MessageKind(row.kind), at=row.at, camera=row.camera, township=row.township, body=object_of(row.body)
    )
    return Numbered(epoch=row.epoch, seq=row.seq, message=message)
