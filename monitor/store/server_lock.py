"""The lock of the one daemon when the database is a PostgreSQL server: an advisory lock of its session."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import URL, NullPool, create_engine, text
from sqlalchemy.exc import DatabaseError

from monitor.store.errors import AlreadyRunning, Holder, StoreError

_KEY = int.from_bytes(b"Xunj", "big")
"""Names our lock among the server's advisory locks."""

_HOLDER = text(
    "SELECT activity.application_name FROM pg_locks JOIN pg_stat_activity AS activity USING (pid) "
    "WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = :key "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class ServerLock:
    """Held as long as its connection lives: the server lets go when the holder's machine or program dies.

    The name of the holder travels as the connection's application_name.
    """

    def __init__(self, url: URL, holder: Holder) -> None:
        """Take the lock at once or raise AlreadyRunning, naming who has it."""
        note = f"{holder.pid} {holder.since} {holder.who}"
        self._engine = create_engine(
            url,
            hide_parameters=True,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"application_name": note},
        )
        try:
            self._connection = self._engine.connect()
        except DatabaseError as error:
            raise StoreError(f"the database server cannot be used: {error.orig}") from error
        if self._connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _KEY}).scalar():
            return
        other = self._connection.execute(_HOLDER, {"key": _KEY}).scalar()
        self._connection.close()
        raise AlreadyRunning(url.render_as_string(hide_password=True), _named_by(other or ""))

    def release(self) -> None:
        """Let go. A second call does nothing.

        It is unlocked first: a server notices the end of a connection only some time after it was closed, and whoever
        starts meanwhile would be refused.
        """
        if not self._connection.closed:
            with suppress(DatabaseError):
                self._connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _KEY})
        self._connection.close()


def _named_by(note: str) -> Holder | None:
    pid, _, rest = note.partition(" ")
    since, _, who = rest.partition(" ")
    if not (pid.isdigit() and since.isdigit()):
        return None
    return Holder(pid=int(pid), since=int(since), who=who)
