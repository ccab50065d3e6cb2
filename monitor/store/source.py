"""Where readers get their connections: from the pool, or all from one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import ColumnElement, Connection, Engine, or_
from sqlalchemy.exc import DBAPIError

from monitor.store.errors import StoreError


class Source:
    """Hands out a connection for one question. With a Connection instead of an Engine all share its transaction."""

    def __init__(self, source: Engine | Connection) -> None:
        self._source = source

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection inside a read-only transaction. Raises StoreError when the database cannot be read."""
        if isinstance(self._source, Connection):
            yield self._source
            return
        try:
            with self._source.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise StoreError(f"the store cannot be read: {error.orig}") from error


def overlaps(began: ColumnElement[int], ended: ColumnElement[int], start: int, end: int) -> ColumnElement[bool]:
    """Whether a span that may be open meets [start, end)."""
    return (began < end) & or_(ended.is_(None), ended > start)
