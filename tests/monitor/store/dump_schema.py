"""Writes the dump by which the tests know a schema once it is old: ``python -m tests.monitor.store.dump_schema r0006``.

The dump before it, upgraded as far as that revision; run it before a newer step is added, and add rows for what the
revision brought. The tables, their rows and their order are those of SQLite's own dump.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from alembic import command

from monitor.store.engine import database_url, migrating_engine
from monitor.store.upgrade import alembic_config

HERE = Path(__file__).parent


def dump_of(revision: str) -> str:
    """The SQL of the newest older dump, upgraded to ``revision``."""
    older = max(path for path in HERE.glob("r*.sql") if path.stem < revision)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "old.db"
        with closing(sqlite3.connect(path)) as database:
            database.executescript(older.read_text(encoding="utf-8"))
        engine = migrating_engine(database_url(f"sqlite:///{path}"))
        with engine.begin() as connection:
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
        engine.dispose()
        with closing(sqlite3.connect(path)) as database:
            return "\n".join(database.iterdump()) + "\n"


if __name__ == "__main__":
    name = sys.argv[1]
    (HERE / f"{name}.sql").write_text(dump_of(name), encoding="utf-8")
