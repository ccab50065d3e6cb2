"""A database that an older version left behind is upgraded, and says the same as before."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from monitor.core.condition import Condition, Fault
from monitor.store import Batch, CameraMemory, Coverage, Evidence, EvidenceKind, Hold, Membership, Store, upgrade
from probes.observation import PictureMemory, Reference

NOW = 1_793_462_400
OLD = sorted(Path(__file__).parent.glob("r*.sql"))
CAMERA = "3402000000132000000{}"
OLD_MEMORY = PictureMemory(at=1_793_548_800.5, hash=b"\1\2", thumb=b"\3\4\5", clock_strip=(1, 2, 3, 4))
"""What stands in the dumps from r0003 on: one thumb, of which nobody knows by which light it was taken."""


@pytest.fixture(params=OLD, ids=lambda dump: dump.stem)
def old(request: pytest.FixtureRequest, path: Path) -> str:
    """The revision of the database that was laid at ``path``."""
    dump: Path = request.param
    with closing(sqlite3.connect(path)) as database:
        database.executescript(dump.read_text(encoding="utf-8"))
    return dump.stem


def test_there_is_a_dump_of_every_schema_but_the_newest() -> None:
    steps = {path.name.split("_")[0] for path in Path(upgrade.__file__).parent.glob("migrations/versions/r*.py")}
    assert {dump.stem for dump in OLD} == steps - {upgrade.head()}


def says_the_same(store: Store) -> None:
    """What stands in every dump."""
    moved = store.memberships(NOW, NOW + 2 * 86400)[:2]
    assert moved == (
        Membership(camera=CAMERA.format(1), township="01", began=NOW, ended=NOW + 86400),
        Membership(camera=CAMERA.format(1), township="02", began=NOW + 86400, ended=NOW + 2 * 86400),
    )
    assert store.fleet_at(NOW).cameras[CAMERA.format(2)].in_service_from == date(2026, 10, 20)
    (out, back) = store.transitions(NOW, NOW + 86400, CAMERA.format(3))
    assert (out.condition, out.fault, out.looks) == (
        Condition.OFFLINE,
        Fault.UNREACHABLE,
        (NOW + 100, NOW + 120, NOW + 180),
    )
    assert back.condition is Condition.INTACT
    assert store.coverages() == (Coverage(boot="a", began=NOW - 10, until=NOW + 2 * 86400),)
    assert store.holds() == (Hold(host="10.0.0.9", credential="hill", until=NOW + 1800, refusals=1),)
    assert [event.id for event in store.events(NOW, NOW + 86400)] == [f"recorder:10.0.0.3:554@{NOW + 100}"]
    assert len(store.decisions(CAMERA.format(3))) == len(store.rounds()) == len(store.gaps(NOW, NOW + 86400)) == 1


def test_an_old_database_says_the_same_after_its_upgrade(old: str, url: str, path: Path) -> None:
    with Store.open(url, at=NOW, exclusive=True) as store:
        says_the_same(store)
    assert [copy.name.split("-")[1] for copy in path.parent.glob("*.before-*")] == [upgrade.head()]


def remembers_and_learns(old: str, store: Store) -> None:
    """The memory of the dumps from r0003 on, and a new one."""
    by_day = None if old < "r0004" else Reference(at=NOW + 86400.5, thumb=b"\3\4")
    remembered = {} if old < "r0003" else {CAMERA.format(1): replace(OLD_MEMORY, day=by_day)}
    learned = replace(OLD_MEMORY, day=Reference(at=NOW, thumb=b"day", approved_by="王芳"))
    assert store.memories() == remembered
    store.write(Batch(memories=(CameraMemory(camera=CAMERA.format(1), memory=learned),))).result(30)
    assert store.memories() == {CAMERA.format(1): learned}


def test_a_memory_is_read_and_takes_new_references(old: str, url: str) -> None:
    with Store.open(url, at=NOW, exclusive=True) as store:
        remembers_and_learns(old, store)


def test_an_upgraded_database_has_the_schema_of_a_new_one(old: str, url: str, path: Path, tmp_path: Path) -> None:
    Store.open(url, at=NOW).close()
    Store.open(f"sqlite:///{tmp_path / 'new.db'}", at=NOW).close()
    assert definitions(path) == definitions(tmp_path / "new.db")


def definitions(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: " ".join(sql.split()) for name, sql in rows}


def test_evidence_kept_before_anybody_asked_for_its_size_is_kept_and_may_be_replaced(url: str, path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript((Path(__file__).parent / "r0002.sql").read_text(encoding="utf-8"))
    with Store.open(url, at=NOW, exclusive=True) as store:
        (fault,) = store.evidence(CAMERA.format(3))
        assert (fault.at, fault.kind, fault.outcome) == (NOW + 180, EvidenceKind.FAULT, "unreachable")
        newer = Evidence(camera=CAMERA.format(4), at=NOW + 90, kind=EvidenceKind.GOOD, jpeg=b"brighter")
        store.write(Batch(evidence=(newer,))).result()
        assert [each.jpeg for each in store.evidence(CAMERA.format(4))] == [b"brighter"]
