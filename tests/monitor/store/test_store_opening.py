"""A store is created whole, upgraded with a copy kept, refused when damaged, and held by one daemon."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from monitor.core.condition import Condition
from monitor.core.record import Transition
from monitor.store import (
    AlreadyRunning,
    Batch,
    Coverage,
    Hold,
    Holder,
    SchemaTooNewError,
    Store,
    StoreDamagedError,
    StoreError,
    TransitionRecord,
    UpgradeBlockedError,
    upgrade,
)
from monitor.store.engine import database_url, writing_engine
from monitor.store.schema import metadata

NOW = 1_790_000_000

NEXT_STEP = """
import sqlalchemy as sa
from alembic import op

revision = "r9999"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("hold", recreate="always") as table:
        table.add_column(sa.Column("note", sa.Text(), nullable=False, server_default=""))
"""


def make(url: str) -> None:
    with Store.open(url, at=NOW) as store:
        hold = Hold(host="10.0.0.9", credential="hill", until=NOW + 1800, refusals=1)
        store.write(Batch(coverage=Coverage(boot="a", began=NOW, until=NOW + 60), holds=(hold,))).result(30)


def definitions(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: " ".join(sql.split()) for name, sql in rows if name != "alembic_version"}


def columns(path: Path, table: str) -> set[str]:
    with closing(sqlite3.connect(path)) as database:
        return {row[1] for row in database.execute(f"PRAGMA table_info({table})")}


def test_the_migrations_make_exactly_the_schema_of_the_program(url: str, path: Path, tmp_path: Path) -> None:
    make(url)
    declared = create_engine(f"sqlite:///{tmp_path / 'declared.db'}")
    metadata.create_all(declared)
    declared.dispose()
    migrated = definitions(path)
    expected = definitions(tmp_path / "declared.db")
    assert migrated == expected

    engine = create_engine(url)
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_every_table_is_strict(url: str, path: Path) -> None:
    make(url)
    tables = {name: sql for name, sql in definitions(path).items() if sql.startswith("CREATE TABLE")}
    assert set(tables) == set(metadata.tables)
    assert all(sql.endswith("STRICT") for sql in tables.values())


def test_the_database_is_set_up_to_survive_a_power_cut(url: str) -> None:
    make(url)
    engine = writing_engine(database_url(url), busy_ms=100)
    with engine.begin() as connection:
        for pragma, expected in [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)]:
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == expected
    engine.dispose()


def test_the_folder_of_the_database_is_made_but_not_a_whole_path(tmp_path: Path) -> None:
    make(f"sqlite:///{tmp_path / 'data' / 'xunjian.db'}")
    with pytest.raises(StoreError, match="cannot be made"):
        make(f"sqlite:///{tmp_path / 'mistyped' / 'data' / 'xunjian.db'}")


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("xunjian.db", "not a database URL"),
        ("mysql://localhost/xunjian", "must begin with"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("postgresql://localhost/xunjian", "needs a folder"),
    ],
)
def test_a_url_that_cannot_be_a_store_is_refused(url: str, complaint: str) -> None:
    with pytest.raises(StoreError, match=complaint):
        Store.open(url, at=NOW)


def test_a_file_that_is_no_database_is_refused_and_left_alone(url: str, path: Path) -> None:
    path.write_bytes(b"not a database, but somebody's letter " * 100)
    with pytest.raises(StoreDamagedError, match="no database"):
        Store.open(url, at=NOW)
    assert path.read_bytes().startswith(b"not a database")


def test_an_empty_file_is_damage_and_not_a_new_beginning(url: str, path: Path) -> None:
    path.touch()
    with pytest.raises(StoreDamagedError, match="is empty"):
        Store.open(url, at=NOW)
    assert path.stat().st_size == 0


def test_damage_inside_the_file_stops_the_daemon(url: str, path: Path) -> None:
    with Store.open(url, at=NOW) as store:
        for second in range(40):
            transition = Transition(camera="c", at=NOW + second, condition=Condition.INTACT, decided_at=NOW)
            records = (TransitionRecord(transition=transition),) * 100
            store.write(Batch(transitions=records)).result(30)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(os.urandom(4096 * 4))
    with pytest.raises(StoreDamagedError, match="restore a backup"):
        Store.open(url, at=NOW, exclusive=True)
    assert path.stat().st_size == size


def test_the_database_of_another_program_is_left_alone(url: str, path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE bookmarks (title TEXT)")
    with pytest.raises(StoreError, match="not one of this program"):
        Store.open(url, at=NOW)
    assert set(definitions(path)) == {"bookmarks"}


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program of tomorrow: it knows one more step."""
    steps = tmp_path / "steps"
    steps.mkdir()
    (steps / "r9999_next.py").write_text(NEXT_STEP.format(head=upgrade.head()))
    today = upgrade.alembic_config

    def tomorrow() -> Config:
        config = today()
        own = Path(config.get_main_option("script_location") or "") / "versions"
        config.set_main_option("version_locations", f"{own}{os.pathsep}{steps}")
        return config

    monkeypatch.setattr(upgrade, "alembic_config", tomorrow)


def test_an_older_database_is_upgraded_and_a_copy_of_it_kept(
    url: str, path: Path, request: pytest.FixtureRequest
) -> None:
    make(url)
    request.getfixturevalue("next_version")
    with Store.open(url, at=NOW, exclusive=True) as store:
        assert store.coverages() == (Coverage(boot="a", began=NOW, until=NOW + 60),)
        assert store.holds() == (Hold(host="10.0.0.9", credential="hill", until=NOW + 1800, refusals=1),)
    assert "note" in columns(path, "hold")
    assert definitions(path)["hold"].endswith("STRICT")
    (copy,) = path.parent.glob("*.before-*")
    assert copy.name == "xunjian.db.before-r9999-20260921T141320Z"
    assert columns(copy, "hold") == {"host", "credential", "until", "refusals"}
    with closing(sqlite3.connect(copy)) as kept:
        assert kept.execute("SELECT count(*) FROM coverage").fetchone() == (1,)


def test_an_upgrade_waits_until_the_daemon_of_the_older_version_is_stopped(
    url: str, path: Path, request: pytest.FixtureRequest
) -> None:
    with Store.open(url, at=NOW, exclusive=True, who="xunjian run"):
        request.getfixturevalue("next_version")
        with pytest.raises(UpgradeBlockedError, match=f"xunjian run, pid {os.getpid()}"):
            Store.open(url, at=NOW)
    assert "note" not in columns(path, "hold")
    Store.open(url, at=NOW).close()
    assert "note" in columns(path, "hold")


def test_a_failed_upgrade_leaves_the_database_as_it_was(
    url: str, path: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    make(url)
    request.getfixturevalue("next_version")
    step = tmp_path / "steps" / "r9999_next.py"
    step.write_text(step.read_text() + '    op.execute("INSERT INTO nowhere VALUES (1)")\n')
    before = definitions(path)
    with pytest.raises(StoreError):
        Store.open(url, at=NOW)
    assert definitions(path) == before


def test_a_newer_database_is_refused(url: str, path: Path) -> None:
    make(url)
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = 'r9998'")
        database.commit()
    with pytest.raises(SchemaTooNewError, match="r9998"):
        Store.open(url, at=NOW)


def test_a_backup_is_a_whole_database(url: str, tmp_path: Path) -> None:
    make(url)
    with Store.open(url, at=NOW) as store:
        store.backup(tmp_path / "copy.db")
    with Store.open(f"sqlite:///{tmp_path / 'copy.db'}", at=NOW, exclusive=True) as copy:
        assert copy.coverages() == (Coverage(boot="a", began=NOW, until=NOW + 60),)


HOLDING_CHILD = """
import sys
from monitor.store import Store
store = Store.open(sys.argv[1], at=1_790_000_000, exclusive=True, who="xunjian run")
print("holding", flush=True)
sys.stdin.read()
"""


@contextmanager
def another_daemon(url: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDING_CHILD, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "holding\n"
        try:
            yield child
        finally:
            child.kill()


def test_a_second_daemon_is_told_who_the_first_is(url: str) -> None:
    with another_daemon(url) as child:
        with pytest.raises(AlreadyRunning) as caught:
            Store.open(url, at=NOW + 60, exclusive=True)
        assert caught.value.holder == Holder(pid=child.pid, since=NOW, who="xunjian run")
        assert f"pid {child.pid}, since 2026-09-21 14:13:20 UTC" in str(caught.value)


def test_a_command_opens_the_store_beside_the_daemon(url: str) -> None:
    with another_daemon(url), Store.open(url, at=NOW) as store:
        assert store.coverages() == ()


def test_a_killed_daemon_leaves_no_lock_behind(url: str) -> None:
    with another_daemon(url) as child:
        child.kill()
        child.wait(30)
        Store.open(url, at=NOW, exclusive=True).close()


def test_a_closed_store_can_be_held_by_the_next(url: str) -> None:
    for _ in range(2):
        Store.open(url, at=NOW, exclusive=True).close()
