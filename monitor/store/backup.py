"""A copy of the whole database taken while it is in use, looked through, and put in the place of a lost one.

SQLite       VACUUM INTO: one transaction's view, compact, no write-ahead log beside it
PostgreSQL   pg_dump of the same exported snapshot in which the rows are counted; pg_restore in one transaction
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from monitor.store import schema
from monitor.store.engine import migrating_engine
from monitor.store.errors import SchemaTooNewError, StoreDamagedError, StoreError
from monitor.store.lock import turn
from monitor.store.upgrade import beside, copy_database, known_revisions

PATIENCE_S = 3600
"""For PostgreSQL's own programs; a county's database takes them seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What a copy holds: rows by table, under which revision of the schema."""

    kind: str
    """sqlite or postgresql"""
    revision: str
    rows: Mapping[str, int]


def copy_file(engine: Engine, target: Path) -> Copy:
    """Copy a SQLite database to ``target``, which must not exist, and look through the copy.

    Raises StoreError and StoreDamagedError.
    """
    try:
        with engine.connect() as connection:
            before = {table: _count(connection, table) for table in schema.APPEND_ONLY}
        copy_database(engine, target)
    except (DBAPIError, sqlite3.Error) as error:
        raise StoreError(f"the database cannot be copied: {getattr(error, 'orig', error)}") from error
    found = look_through(target)
    for table, count in before.items():
        if found.rows[table] < count:
            raise StoreDamagedError(f"the copy has {found.rows[table]} rows of {table}, the database had {count}")
    return found


def check(connection: Connection) -> str:
    """Read the whole database that is in use; returns the revision of its schema. Raises StoreDamagedError.

    A server checks its own pages.
    """
    if connection.dialect.name == "sqlite":
        said = connection.execute(text("PRAGMA quick_check(1)")).scalars().all()
        if said != ["ok"]:
            raise StoreDamagedError(f"the database is damaged ({said[0]}); restore a backup")
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def look_through(path: Path) -> Copy:
    """Read a copied SQLite file from end to end. Raises StoreDamagedError, and SchemaTooNewError."""
    try:
        # Immutable: nothing is written beside it, and no journal that lies there is believed.
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)) as database:
            database.execute("PRAGMA trusted_schema=OFF")
            for pragma, fine in (("quick_check(1)", [("ok",)]), ("foreign_key_check", [])):
                if (said := database.execute(f"PRAGMA {pragma}").fetchmany(1)) != fine:
                    raise StoreDamagedError(f"the copied database is damaged ({said[0]!r:.80})")
            (revision,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
            there = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            rows = {
                table: int(database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])  # noqa: S608 - our names
                for table in sorted(schema.metadata.tables.keys() & there)
            }
    except (sqlite3.Error, TypeError) as error:
        raise StoreDamagedError(f"the copied database is damaged or none of this program ({error})") from error
    _refuse_newer(str(revision))
    return Copy(kind="sqlite", revision=str(revision), rows=rows)


def put_in_place(copy: Path, path: Path, aside: str) -> list[Path]:
    """Move a SQLite file to ``path``; the one there gets the suffix ``aside``. Returns what was moved aside.

    A crash in between leaves either the old database under its name or the new one. The caller holds the lock.
    """
    moved: list[Path] = []
    with turn(beside(path, ".setup")):
        if path.exists():
            old = beside(path, aside)
            os.link(path, old)
            moved.append(old)
            with suppress(FileNotFoundError):
                beside(path, "-wal").rename(beside(old, "-wal"))
                moved.append(beside(old, "-wal"))
            beside(path, "-shm").unlink(missing_ok=True)
        copy.replace(path)
    return moved


def dump_server(engine: Engine, url: URL, target: Path) -> Copy:
    """Have pg_dump write the database to ``target``. Raises StoreError."""
    try:
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            name = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
            found = _count_server(connection)
            _run("pg_dump", url, "--format=custom", f"--snapshot={name}", f"--file={target}")
    except DBAPIError as error:
        raise StoreError(f"the database server cannot be read: {error.orig}") from error
    listed = _run("pg_restore", None, "--list", str(target))
    for table in found.rows:
        if f" TABLE DATA public {table} " not in listed:
            raise StoreDamagedError(f"the dump lacks the table {table}")
    return found


def load_server(url: URL, dump: Path, expected: Copy) -> None:
    """Replace the database by a dump, in one transaction, and count what has come. Raises StoreError."""
    _refuse_newer(expected.revision)
    _run("pg_restore", url, "--clean", "--if-exists", "--single-transaction", "--no-owner", str(dump))
    engine = migrating_engine(url)
    try:
        with engine.connect() as connection:
            if (found := _count_server(connection)) != expected:
                raise StoreDamagedError(f"the restored database has {found.rows}, the backup says {expected.rows}")
    finally:
        engine.dispose()


def server_is_empty(url: URL) -> bool:
    """Whether the database server holds none of our tables yet. Raises StoreError."""
    engine = migrating_engine(url)
    try:
        return not inspect(engine).has_table("alembic_version")
    except DBAPIError as error:
        raise StoreError(f"the database server cannot be used: {error.orig}") from error
    finally:
        engine.dispose()


def _count_server(connection: Connection) -> Copy:
    there = set(inspect(connection).get_table_names())
    rows = {table: _count(connection, table) for table in sorted(schema.metadata.tables.keys() & there)}
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    return Copy(kind="postgresql", revision=revision, rows=rows)


def _count(connection: Connection, table: str) -> int:
    return int(connection.execute(select(func.count()).select_from(schema.metadata.tables[table])).scalar_one())


def _refuse_newer(revision: str) -> None:
    if revision not in known_revisions():
        raise SchemaTooNewError(f"the copy has schema {revision}, made by a newer xunjian than this one")


def _run(program: str, url: URL | None, *arguments: str) -> str:
    """Run one of PostgreSQL's own programs. Its password goes by the environment, where nobody can read it."""
    found = shutil.which(program) or _debians(program)
    if found is None:
        raise StoreError(f"{program} is not installed: the package postgresql-client brings it")
    environment = dict(os.environ)
    database: Sequence[str] = ()
    if url is not None:
        if url.password is not None:
            environment["PGPASSWORD"] = str(url.password)
        plain = url.set(drivername="postgresql", password=None)
        database = (f"--dbname={plain.render_as_string()}",)
    try:
        done = subprocess.run(  # noqa: S603 - no shell; the words are ours and those of config.toml
            [found, *database, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StoreError(f"{program} failed: {error}") from error
    if done.returncode:
        raise StoreError(f"{program} failed: {(done.stderr.strip().splitlines() or ['it said nothing'])[0]:.200}")
    return done.stdout


def _debians(program: str) -> str | None:
    """Debian keeps the server's programs apart from the PATH, one folder for each version."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    return str(found[-1]) if found else None
