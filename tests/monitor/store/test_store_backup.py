"""A copy of the database is one moment of it, whole, of a schema that we know, and comes back in its place."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest

from monitor.core.condition import Condition
from monitor.core.record import Transition
from monitor.store import (
    AlreadyRunning,
    Batch,
    Coverage,
    Evidence,
    EvidenceKind,
    Holder,
    Lost,
    SchemaTooNewError,
    Store,
    StoreDamagedError,
    TransitionRecord,
    look_through,
)
from monitor.store.backup import put_in_place

NOW = 1_790_000_000
HOLDER = Holder(pid=1, since=NOW, who="xunjian restore")


def batch(number: int) -> Batch:
    """Three transitions and one piece of evidence, which belong together."""
    at = NOW + number
    said = Transition(camera="c", at=at, condition=Condition.INTACT, decided_at=at)
    seen = Evidence(camera="c", at=at, kind=EvidenceKind.FAULT)
    return Batch(transitions=(TransitionRecord(transition=said),) * 3, evidence=(seen,))


def test_copies_taken_while_the_writer_writes_each_hold_one_moment(store: Store, tmp_path: Path) -> None:
    enough = Event()

    def write() -> None:
        number = 0
        while not enough.is_set():
            store.write(batch(number)).result(30)
            number += 1

    writer = Thread(target=write)
    writer.start()
    try:
        copies = [store.backup(tmp_path / f"{number}.db").rows for number in range(5)]
    finally:
        enough.set()
        writer.join(30)
    assert all(rows["transition"] == 3 * rows["evidence"] for rows in copies)
    assert copies[0]["transition"] < copies[-1]["transition"] <= len(store.transitions(0, NOW * 2))


def test_a_copy_leaves_nothing_beside_it(store: Store, tmp_path: Path) -> None:
    store.write(batch(1)).result(30)
    folder = tmp_path / "copies"
    folder.mkdir()
    store.backup(folder / "a.db")
    look_through(folder / "a.db")
    assert [path.name for path in folder.iterdir()] == ["a.db"]


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 8192] = b"\xa5" * 8192
    path.write_bytes(content)


def orphaned(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "INSERT INTO evidence SELECT 99, 99, 1, kind, '', '', '', '', NULL, NULL, NULL, NULL, NULL FROM evidence"
        )
        database.commit()


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE bookmarks (title TEXT)")


@pytest.mark.parametrize("harm", [damaged, orphaned, foreign, lambda path: path.write_bytes(b"letter")])
def test_a_copy_that_is_not_whole_is_seen(store: Store, tmp_path: Path, harm: Callable[[Path], object]) -> None:
    for number in range(60):
        store.write(batch(number))
    store.write(batch(60)).result(30)
    copy = tmp_path / "copy.db"
    store.backup(copy)
    with closing(sqlite3.connect(copy)) as database:
        database.execute("DELETE FROM evidence WHERE key > 1")
        database.commit()
    look_through(copy)
    harm(copy)
    with pytest.raises(StoreDamagedError):
        look_through(copy)


def test_a_copy_of_a_newer_program_is_refused(store: Store, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    store.backup(copy)
    with closing(sqlite3.connect(copy)) as database:
        database.execute("UPDATE alembic_version SET version_num = 'r9999'")
        database.commit()
    with pytest.raises(SchemaTooNewError, match="r9999"):
        look_through(copy)


def test_what_stood_there_is_moved_aside_with_its_log(url: str, path: Path, tmp_path: Path) -> None:
    with Store.open(url, at=NOW) as before:
        before.backup(tmp_path / "copy.db")
        before.write(Batch(coverage=Coverage(boot="a", began=NOW, until=NOW + 60))).result(30)
        # While it is open, what was written last is in its write-ahead log only.
        moved = put_in_place(tmp_path / "copy.db", path, ".before")
    assert [each.name for each in moved] == ["xunjian.db.before", "xunjian.db.before-wal"]
    with Store.open(url, at=NOW) as restored:
        assert restored.coverages() == ()
    with Store.open(f"{url}.before", at=NOW) as former:
        assert len(former.coverages()) == 1


def test_the_place_of_a_database_cannot_be_had_while_a_daemon_runs(url: str, store: Store) -> None:
    assert store.coverages() == ()
    with pytest.raises(AlreadyRunning, match="test, pid"):
        Lost(url, HOLDER)


def test_no_daemon_starts_while_a_database_is_put_back(url: str) -> None:
    with Lost(url, HOLDER) as lost:
        assert lost.is_empty
        with pytest.raises(AlreadyRunning, match="xunjian restore"):
            Store.open(url, at=NOW, exclusive=True)
    Store.open(url, at=NOW, exclusive=True).close()
