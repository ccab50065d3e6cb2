"""Bring a database to the schema of this program, or say why that must not be done.

no file              make it beside its place, then move it there: a half-made one is never found
damaged              StoreDamagedError; never begin afresh, that would hide the loss
older schema         keep a copy, then run the missing steps in one transaction
newer schema         SchemaTooNewError
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, text
from sqlalchemy.exc import DatabaseError, OperationalError

from monitor.store.engine import migrating_engine, sqlite_path
from monitor.store.errors import SchemaTooNewError, StoreDamagedError, StoreError, UpgradeBlockedError
from monitor.store.lock import holder_of, turn


def prepare(url: URL, *, at: int, check: bool, upgrade_beside_daemon: bool) -> None:
    """Make sure that the database at ``url`` exists and has our schema.

    ``check`` looks through the whole file for damage, as is done before every upgrade. ``upgrade_beside_daemon``
    says that the daemon holding the lock is ourselves. ``at`` (UTC seconds) goes into the name of the copy kept.
    """
    path = sqlite_path(url)
    if path is None:
        _upgrade_server(url)
        return
    try:
        with turn(beside(path, ".setup")):
            if path.exists():
                _prepare_file(url, path, at=at, check=check, upgrade_beside_daemon=upgrade_beside_daemon)
            else:
                _create(url, path)
    except (OSError, OperationalError) as error:
        raise StoreError(f"{path} cannot be opened: {getattr(error, 'orig', error)}") from error
    except DatabaseError as error:
        raise StoreDamagedError(f"{path} is damaged or no database ({error.orig}); restore a backup") from error


def head() -> str:
    """The newest step known to this program."""
    newest = ScriptDirectory.from_config(alembic_config()).get_current_head()
    if newest is None:
        raise StoreError("the program was packed without its database migrations")
    return newest


def known_revisions() -> frozenset[str]:
    """Every step that this program can begin from."""
    return frozenset(step.revision for step in ScriptDirectory.from_config(alembic_config()).walk_revisions())


def copy_database(engine: Engine, target: Path) -> None:
    """Write a compact, consistent copy of a SQLite database to ``target``, which must not exist yet."""
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("VACUUM INTO ?", (str(target),))
    finally:
        connection.close()
    _sync(target)


def _upgrade_server(url: URL) -> None:
    engine = migrating_engine(url)
    try:
        _upgrade(engine, url)
    except DatabaseError as error:
        raise StoreError(f"the database server cannot be used: {error.orig}") from error
    finally:
        engine.dispose()


def _create(url: URL, path: Path) -> None:
    unfinished = beside(path, ".new")
    for leftover in ("", "-wal", "-shm"):
        beside(unfinished, leftover).unlink(missing_ok=True)
    engine = migrating_engine(url.set(database=str(unfinished)))
    try:
        _upgrade(engine, url)
    finally:
        # The last connection that closes moves everything from the write-ahead log into the file.
        engine.dispose()
    unfinished.rename(path)
    _sync(path.parent)


def _prepare_file(url: URL, path: Path, *, at: int, check: bool, upgrade_beside_daemon: bool) -> None:
    if path.stat().st_size == 0:
        raise StoreDamagedError(f"{path} is empty; restore a backup, or remove the file to begin a new record")
    engine = migrating_engine(url)
    try:
        current = _current(engine)
        if current is None:
            # Ours are moved into place whole, so one without a version is not ours.
            raise StoreError(f"{path} is a database, but not one of this program")
        _refuse_newer(current, path)
        if check or current != head():
            _quick_check(engine, path)
        if current == head():
            return
        holder = holder_of(beside(path, ".lock"))
        if holder is not None and not upgrade_beside_daemon:
            raise UpgradeBlockedError(f"{path} must be upgraded; first stop the daemon that uses it ({holder})")
        stamp = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
        copy_database(engine, beside(path, f".before-{head()}-{stamp}"))
        _upgrade(engine, url)
    finally:
        engine.dispose()


def _upgrade(engine: Engine, url: URL) -> None:
    with engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if url.get_backend_name() == "sqlite":
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if broken:
                raise StoreDamagedError(f"{url.database}: {len(broken)} rows refer to rows that do not exist")


def _current(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(current: str, path: Path) -> None:
    if current not in known_revisions():
        raise SchemaTooNewError(f"{path} has schema {current}, made by a newer xunjian; this one knows {head()}")


def _quick_check(engine: Engine, path: Path) -> None:
    with engine.connect() as connection:
        findings = connection.execute(text("PRAGMA quick_check(10)")).scalars().all()
    if findings != ["ok"]:
        raise StoreDamagedError(f"{path} is damaged ({findings[0]}); restore a backup")


def alembic_config() -> Config:
    """Where Alembic finds the steps."""
    config = Config()
    config.set_main_option("script_location", str(files("monitor.store") / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def beside(path: Path, suffix: str) -> Path:
    """A file that belongs to the database file ``path``."""
    return path.with_name(path.name + suffix)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
