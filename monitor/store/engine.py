"""How connections to the database are made: SQLite embedded by default, PostgreSQL by URL alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.event import listen
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from monitor.store.errors import StoreError

COMMAND_BUSY_MS = 15_000
"""How long a command waits while another process writes."""

WRITER_BUSY_MS = 2_000
"""How long the writer thread waits before it shows a sign of life and tries again."""

READERS = 32
"""Connections at most: asyncio's default pool has as many threads at most."""

_WAL_LIMIT_BYTES = 64 * 1024 * 1024


def database_url(url: str) -> URL:
    """The parsed URL. Raises StoreError for one that cannot be a store."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError(f"[store] url is not a database URL: {url!r}") from None
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite":
        raise StoreError(f"[store] url must begin with sqlite:/// or postgresql://, not {parsed.drivername}://")
    if not parsed.database or parsed.database == ":memory:":
        raise StoreError("[store] url names no file: a record kept in memory would not outlive the daemon")
    return parsed.set(drivername="sqlite+pysqlite")


def sqlite_path(url: URL) -> Path | None:
    """The database file, None for PostgreSQL."""
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def writing_engine(url: URL, busy_ms: int) -> Engine:
    """Connections whose transactions take the write lock when they begin, waiting for it ``busy_ms``.

    A transaction that began by reading and then wanted to write would fail at once with SQLITE_BUSY_SNAPSHOT.
    """
    engine = create_engine(url, hide_parameters=True, pool_size=2, pool_pre_ping=url.get_backend_name() != "sqlite")
    if url.get_backend_name() == "sqlite":
        # Evidence that is deleted is deleted for good: its page is overwritten, not only set free.
        listen(engine, "connect", _pragmas(busy_ms, "foreign_keys=ON", "secure_delete=ON"))
        listen(engine, "begin", _begin_immediate)
    return engine


def migrating_engine(url: URL) -> Engine:
    """As ``writing_engine``, but a table may be replaced while others refer to it."""
    engine = create_engine(url, hide_parameters=True)
    if url.get_backend_name() == "sqlite":
        listen(engine, "connect", _pragmas(COMMAND_BUSY_MS, "foreign_keys=OFF"))
        listen(engine, "begin", _begin_immediate)
    return engine


def reading_engine(url: URL) -> Engine:
    """Connections that cannot write; each transaction sees the database as it stood when it first read."""
    sqlite = url.get_backend_name() == "sqlite"
    isolation = {} if sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=4,
        max_overflow=READERS - 4,
        pool_pre_ping=not sqlite,
        execution_options=isolation,
    )
    if sqlite:
        listen(engine, "connect", _pragmas(COMMAND_BUSY_MS, "query_only=ON"))
        listen(engine, "begin", _begin_deferred)
    return engine


def _pragmas(busy_ms: int, *settings: str) -> Callable[[DBAPIConnection, ConnectionPoolEntry], None]:
    common = (
        f"busy_timeout={busy_ms}",
        "journal_mode=WAL",
        "synchronous=FULL",
        f"journal_size_limit={_WAL_LIMIT_BYTES}",
    )

    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # Our own BEGIN stands instead of the one that the driver would issue by itself.
        connection.isolation_level = None
        cursor = connection.cursor()
        for setting in (*common, *settings):
            cursor.execute(f"PRAGMA {setting}")
        cursor.close()

    return prepare


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_deferred(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
