"""The same store in a real PostgreSQL server, by URL alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from time import monotonic

import pytest
from alembic import command
from sqlalchemy import Connection, create_engine, text

from monitor.core.alert import Cases, MonthCase
from monitor.core.condition import Cause, Condition, Fault
from monitor.core.delivery import Delivery
from monitor.core.fleet import Camera, Fleet, Township
from monitor.core.message import Message, MessageKind
from monitor.core.record import Event, Gap, Transition
from monitor.store import (
    AlreadyRunning,
    AuditEntry,
    Batch,
    BatchRefusedError,
    CameraMemory,
    CaseChange,
    Coverage,
    Decision,
    Evidence,
    EvidenceKind,
    FleetChanges,
    Hold,
    Holder,
    Lost,
    Round,
    RoundKind,
    Ruling,
    Store,
    StoreDamagedError,
    StoreError,
    TransitionRecord,
)
from monitor.store.engine import database_url, migrating_engine
from monitor.store.outbox import add_messages
from monitor.store.server_lock import ServerLock
from monitor.store.upgrade import alembic_config
from probes.observation import Depth, PictureMemory, Reference
from tests.monitor.store.test_store_old_schemas import OLD, remembers_and_learns, says_the_same

NOW = 1_790_000_000
LATER = 1_800_000_000
"""After all that stands in the dumps."""
HILL = Township(code="t1", name="山前镇")
GATE = Camera(id="33010200001320000001", name="村口", township="t1", village="李庄")
TRANSITION = Transition(
    camera=GATE.id, at=NOW, condition=Condition.OFFLINE, fault=Fault.REFUSED, decided_at=NOW + 80, looks=(NOW, NOW + 80)
)
MONTH = MonthCase(month="2026-10", frozen=False, opened_at=NOW)
DELIVERY = Delivery(
    alert="month:2026-10:draft@1",
    channel="值班群",
    page=1,
    kind="month",
    title="【月报】",
    text="请核对。",
    dated="2026-11-01T08:00:00+08:00",
    made_at=NOW,
    next_at=NOW,
)
EVERYTHING = Batch(
    transitions=(TransitionRecord(transition=TRANSITION, witnesses={"canary": "ok"}, evidence_at=NOW),),
    gaps=(Gap(began=NOW, ended=None, cause=Cause.OURS, reason="canary"),),
    coverage=Coverage(boot="a", began=NOW, until=NOW + 60),
    events=(Event(kind="village", place="t1/李庄", township="t1", began=NOW, cameras=(GATE.id,), of=3),),
    evidence=(Evidence(camera=GATE.id, at=NOW, kind=EvidenceKind.GOOD, measures={"codec": "h264"}, jpeg=b"picture"),),
    holds=(Hold(host="10.0.0.9", credential="hill", until=NOW, refusals=2),),
    decisions=(
        Decision(
            camera=GATE.id,
            at=NOW,
            by="zhang",
            ruling=Ruling.CONFIRMED,
            condition=Condition.OFFLINE,
            fault=None,
            since=NOW,
        ),
    ),
    memories=(
        CameraMemory(
            camera=GATE.id,
            memory=PictureMemory(
                at=NOW + 0.5, hash=b"\0h", thumb=b"\0t", night=Reference(at=NOW + 0.25, thumb=b"\0n", approved_by="王")
            ),
        ),
    ),
    rounds=(Round(number=1, kind=RoundKind.INSPECTION, depth=Depth.PICTURE, started=NOW, counts={"intact": 1}),),
    audit=(AuditEntry(at=NOW, who="zhang", action="confirm", subject=GATE.id),),
    cases=(CaseChange(key=MONTH.key, case=MONTH), CaseChange(key="month:2026-09:draft", case=None)),
    digests=(NOW - 60, NOW),
    deliveries=(DELIVERY,),
)

ROW = re.compile(r'^INSERT INTO "(?P<table>(?!alembic_version)\w+)" VALUES\(.*\);$', re.MULTILINE)
HEXADECIMAL = re.compile(r"\bX'([0-9A-F]*)'")
"""Bytes, as SQLite writes them."""

HOLDER = Holder(pid=os.getpid(), since=NOW, who="xunjian restore")

pytestmark = pytest.mark.real_peer
database_number = count(1)


class Server:
    """A PostgreSQL server of our own, spoken to through a socket file in its folder."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        # The server refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(folder, user=self._user)
        self._run("initdb", "-D", f"{folder}/data", "-U", "xunjian", "-A", "trust", "-E", "UTF8", "--no-locale")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder}"
        self._run("pg_ctl", "-D", f"{folder}/data", "-w", "-l", f"{folder}/log", "-o", options, "start")

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"xunjian{next(database_number)}"
        self._run("createdb", "-h", str(self._folder), "-U", "xunjian", name)
        return f"postgresql://xunjian@/{name}?host={self._folder}"

    def restart(self) -> None:
        """Break every connection."""
        self._run("pg_ctl", "-D", f"{self._folder}/data", "-w", "-m", "immediate", "restart")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", f"{self._folder}/data", "-w", "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        subprocess.run(command, user=self._user, check=True, timeout=60, cwd="/", stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    # Debian keeps the programs apart from the PATH, one folder for each version.
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs or find_spec("psycopg") is None:
        pytest.skip("needs PostgreSQL and its driver: apt-get install postgresql; pip install 'psycopg[binary]'")
    with tempfile.TemporaryDirectory(prefix="xunjian-") as folder:
        started = Server(programs[-1], Path(folder))
        yield started
        started.stop()


@pytest.fixture
def server_url(server: Server) -> str:
    return server.new_database()


def open_store(url: str, tmp_path: Path, *, exclusive: bool = True) -> Store:
    return Store.open(url, at=NOW, exclusive=exclusive, who="xunjian run", evidence_dir=tmp_path)


def test_a_server_keeps_everything_that_a_file_does(server_url: str, tmp_path: Path) -> None:
    with open_store(server_url, tmp_path) as store:
        changes = FleetChanges(townships=(HILL,), cameras=(GATE,))
        assert store.save_fleet(changes, who="zhang", why="import", at=NOW) == 1
        for _ in range(2):
            store.write(EVERYTHING).result(30)
    with open_store(server_url, tmp_path) as store:
        assert store.fleet_at(NOW) == Fleet.of([HILL], [GATE])
        assert store.transitions(0, NOW + 1) == (TRANSITION, TRANSITION)
        assert store.transition_records(GATE.id, NOW, NOW + 1) == EVERYTHING.transitions * 2
        assert store.last_transitions() == {GATE.id: TRANSITION}
        assert store.gaps(NOW, NOW + 1) == EVERYTHING.gaps
        assert store.coverages() == (EVERYTHING.coverage,)
        assert store.open_events() == EVERYTHING.events
        assert store.evidence(GATE.id) == EVERYTHING.evidence
        assert store.holds() == EVERYTHING.holds
        assert store.decisions(GATE.id) == EVERYTHING.decisions * 2
        assert store.memories() == {GATE.id: EVERYTHING.memories[0].memory}
        assert store.rounds() == EVERYTHING.rounds
        assert store.audit(1) == EVERYTHING.audit
        assert store.alert_cases() == Cases.of([MONTH], NOW)
        assert store.deliveries() == (DELIVERY,)
        assert [piece.township for piece in store.memberships(NOW - 9, NOW)] == ["t1"]


@pytest.mark.parametrize("dump", OLD, ids=lambda dump: dump.stem)
def test_a_server_that_an_older_version_left_behind_says_the_same_after_its_upgrade(
    server_url: str, tmp_path: Path, dump: Path
) -> None:
    """The steps before ``dump`` run on an empty server, which is then filled as the file was."""
    engine = migrating_engine(database_url(server_url))
    with engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, dump.stem)
        fill(connection, dump.read_text(encoding="utf-8"))
    engine.dispose()
    with open_store(server_url, tmp_path) as store:
        says_the_same(store)
        remembers_and_learns(dump.stem, store)
        store.save_fleet(FleetChanges(townships=(HILL,), cameras=(GATE,)), who="zhang", why="import", at=LATER)
        store.write(EVERYTHING).result(30)
        assert store.evidence(GATE.id) == EVERYTHING.evidence


def fill(connection: Connection, dump: str) -> None:
    """The rows of a SQLite dump, table by table, so that what they refer to may come later."""
    connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
    tables = sorted({row["table"] for row in ROW.finditer(dump)})
    for table in tables:
        connection.exec_driver_sql(f'DELETE FROM "{table}"')
    for row in ROW.finditer(dump):
        connection.exec_driver_sql(HEXADECIMAL.sub(r"'\\x\1'", row[0]).replace("%", "%%"))
    keyed = "SELECT table_name FROM information_schema.columns WHERE column_name = 'key'"
    for table in set(tables).intersection(connection.exec_driver_sql(keyed).scalars()):
        sequence = connection.exec_driver_sql(f"SELECT pg_get_serial_sequence('{table}', 'key')").scalar()
        if sequence:
            connection.exec_driver_sql(f"SELECT setval('{sequence}', (SELECT max(key) FROM {table}))")


@pytest.mark.parametrize("act", ["UPDATE transition SET at = 0", "DELETE FROM audit", "TRUNCATE decision"])
def test_a_server_forbids_changing_what_was_said(server_url: str, tmp_path: Path, act: str) -> None:
    with open_store(server_url, tmp_path) as store:
        store.write(EVERYTHING).result(30)
    engine = create_engine(database_url(server_url))
    with pytest.raises(Exception, match="append-only"), engine.begin() as connection:
        connection.execute(text(act))
    engine.dispose()


def test_a_second_daemon_on_a_server_is_told_who_the_first_is(server_url: str, tmp_path: Path) -> None:
    with open_store(server_url, tmp_path):
        with pytest.raises(AlreadyRunning) as caught:
            open_store(server_url, tmp_path)
        assert caught.value.holder == Holder(pid=os.getpid(), since=NOW, who="xunjian run")
        open_store(server_url, tmp_path, exclusive=False).close()
    open_store(server_url, tmp_path).close()


def test_a_server_numbers_messages_in_the_order_of_their_commits(server_url: str, tmp_path: Path) -> None:
    """Else a reader that has seen number 2 would never see a number 1 that is committed later."""
    first, second = (Message(kind=MessageKind.STORE_RECOVERED, at=at) for at in (NOW, NOW + 1))
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    engine = create_engine(database_url(server_url))
    with open_store(server_url, tmp_path) as store:
        store.begin_outbox(["mqtt"])
        with engine.connect() as slow, engine.connect() as watching, slow.begin():
            add_messages(slow, [first])
            written = store.write(Batch(messages=(second,)))
            give_up = monotonic() + 30
            while not watching.execute(text(waits)).scalar() and monotonic() < give_up:
                watching.rollback()
            assert not written.done()
            assert store.outbox_after("mqtt") == ()
        written.result(30)
        assert [(each.seq, each.message) for each in store.outbox_after("mqtt")] == [(1, first), (2, second)]
        store.outbox_done("mqtt", 1).result(30)
        assert [(each.done, each.waiting) for each in store.outbox_readings()] == [(1, 1)]
        assert store.prune_outbox(read_before=NOW + 9, all_before=NOW + 2) == {"mqtt": 1}
        assert store.outbox_after("mqtt") == ()
    engine.dispose()


def test_a_server_that_restarts_is_waited_for(server: Server, server_url: str, tmp_path: Path) -> None:
    with open_store(server_url, tmp_path, exclusive=False) as store:
        store.write(EVERYTHING).result(30)
        server.restart()
        store.write(EVERYTHING).result(30)
        assert len(store.transitions(0, NOW + 1)) == 2


def test_a_server_stores_the_batches_around_one_that_it_refuses(server_url: str, tmp_path: Path) -> None:
    backwards = Gap(began=NOW, ended=NOW - 1, cause=Cause.OURS, reason="canary")
    with open_store(server_url, tmp_path) as store:
        wrong = store.write(Batch(gaps=(backwards,)))
        after = store.write(EVERYTHING)
        with pytest.raises(BatchRefusedError):
            wrong.result(30)
        after.result(30)


def test_a_server_is_backed_up_and_restored_by_its_own_programs(
    server: Server, server_url: str, tmp_path: Path
) -> None:
    (tmp_path / "a").mkdir()
    with open_store(server_url, tmp_path) as store:
        store.write(EVERYTHING).result(30)
        copy = store.backup(tmp_path / "a" / "copy.dump")
    assert (copy.kind, copy.rows["transition"]) == ("postgresql", 1)
    other = server.new_database()
    with Lost(other, HOLDER) as lost:
        assert lost.is_empty
        assert lost.replace(tmp_path / "a" / "copy.dump", copy, ".before") == []
    with open_store(other, tmp_path) as store:
        assert store.transitions(0, NOW + 1) == (TRANSITION,)
        store.write(EVERYTHING).result(30)
    with Lost(other, HOLDER) as lost:
        assert not lost.is_empty
        (kept,) = lost.replace(tmp_path / "a" / "copy.dump", copy, ".before")
    with open_store(other, tmp_path) as store:
        assert store.transitions(0, NOW + 1) == (TRANSITION,)
    assert kept == tmp_path / "xunjian.before.dump"
    assert kept.stat().st_size > 0


def test_a_dump_that_lacks_rows_is_told_from_the_backup(server: Server, server_url: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with open_store(server_url, tmp_path) as store:
        copy = store.backup(tmp_path / "a" / "copy.dump")
    more = replace(copy, rows={**copy.rows, "transition": 7})
    with Lost(server.new_database(), HOLDER) as lost, pytest.raises(StoreDamagedError, match="the backup says"):
        lost.replace(tmp_path / "a" / "copy.dump", more, ".before")


def test_no_restore_begins_while_a_daemon_uses_the_server(server_url: str, tmp_path: Path) -> None:
    with open_store(server_url, tmp_path), pytest.raises(AlreadyRunning):
        Lost(server_url, HOLDER)


def test_a_server_that_is_not_there_is_named_in_one_sentence(tmp_path: Path, server: Server) -> None:
    with pytest.raises(StoreError, match="the database server cannot be used"):
        open_store(f"postgresql://xunjian@/none?host={tmp_path}", tmp_path)


def test_a_lock_is_free_before_the_server_has_noticed_that_its_connection_is_closed(
    server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = database_url(server_url)
    lock = ServerLock(url, HOLDER)
    with monkeypatch.context() as unnoticed:
        unnoticed.setattr(lock._connection, "close", lambda: None)
        lock.release()
        ServerLock(url, HOLDER).release()
    lock.release()
