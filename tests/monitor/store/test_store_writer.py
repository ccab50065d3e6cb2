"""The writer thread: groups, coalesces, waits for a failing disk and never forgets a transition."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic, sleep
from zoneinfo import ZoneInfo

import pytest

from monitor.core.condition import Condition, Fault
from monitor.core.fleet import Township
from monitor.core.record import Transition
from monitor.core.retention import Rules, Why
from monitor.store import (
    Batch,
    BatchRefusedError,
    CameraMemory,
    Coverage,
    Evidence,
    EvidenceKind,
    FleetChanges,
    Store,
    StoreClosedError,
    StoreError,
    TransitionRecord,
)
from monitor.store.writer import Waiting, Writer, coalesce, together, without_old_pictures
from probes.observation import PictureMemory

NOW = 1_790_000_000
DAY = 86_400
PATIENCE_S = 30.0


def transitions(count: int, at: int = NOW) -> tuple[TransitionRecord, ...]:
    return tuple(
        TransitionRecord(
            transition=Transition(
                camera=f"3301020000132{number:07}",
                at=at,
                condition=Condition.OFFLINE,
                fault=Fault.UNREACHABLE,
                decided_at=at + 80,
                looks=(at, at + 20, at + 80),
            )
        )
        for number in range(count)
    )


def heartbeat(until: int, boot: str = "boot") -> Batch:
    return Batch(coverage=Coverage(boot=boot, began=NOW, until=until))


def memory(camera: str, at: float) -> CameraMemory:
    return CameraMemory(camera=camera, memory=PictureMemory(at=at, hash=b"h", thumb=b"t"))


@contextmanager
def another_program_writing(path: Path) -> Iterator[None]:
    """Holds the database's write lock as a backup tool might."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def until_degraded(store: Store) -> str:
    give_up = monotonic() + PATIENCE_S
    while not store.health().degraded:
        assert monotonic() < give_up, "the store never noticed"
        sleep(0.01)
    return store.health().reason


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer waits 50 ms for another program's lock instead of seconds."""
    monkeypatch.setattr("monitor.store.store.WRITER_BUSY_MS", 50)


async def test_a_batch_can_be_awaited(store: Store) -> None:
    await asyncio.wrap_future(store.write(heartbeat(NOW + 60)))
    assert store.coverages()[0].until == NOW + 60


def test_a_healthy_hour_writes_no_row_but_its_coverage(store: Store, path: Path) -> None:
    store.write(Batch(transitions=transitions(50))).result(PATIENCE_S)
    before = row_counts(path)
    for minute in range(60):
        store.write(heartbeat(NOW + 60 * minute)).result(PATIENCE_S)
    after = row_counts(path)
    assert {table: after[table] - before[table] for table in after if after[table] != before[table]} == {"coverage": 1}
    assert store.coverages() == (Coverage(boot="boot", began=NOW, until=NOW + 60 * 59),)


def row_counts(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}


@pytest.mark.usefixtures("impatient")
def test_while_another_program_writes_everything_waits_and_then_goes_in_at_once(url: str, path: Path) -> None:
    commits: list[float] = []
    with Store.open(url, at=NOW, wrote=commits.append) as store:
        with another_program_writing(path):
            futures = [store.write(Batch(transitions=transitions(1, NOW + n))) for n in range(5)]
            futures += [store.write(heartbeat(NOW + n)) for n in range(100)]
            assert "locked" in until_degraded(store)
            health = store.health()
            assert 0 < health.queued <= 105
            assert health.last_commit_ago_s is None
            assert store.transitions(0, NOW * 2) == (), "readers are not kept waiting"
        wait(futures, PATIENCE_S)
        assert all(future.done() and future.exception() is None for future in futures)
        assert len(store.transitions(0, NOW * 2)) == 5
        assert store.coverages()[0].until == NOW + 99
        health = store.health()
        assert (health.degraded, health.reason, health.queued) == (False, "", 0)
        assert 0 < len(commits) < 10, "what waited together is committed together"


def test_a_command_waits_for_the_writer_and_says_so_when_it_cannot(
    url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.store.store.COMMAND_BUSY_MS", 50)
    changes = FleetChanges(townships=(Township(code="t1", name="山前镇"),))
    with Store.open(url, at=NOW) as store:
        with another_program_writing(path), pytest.raises(StoreError, match="locked"):
            store.save_fleet(changes, who="zhang", why="import", at=NOW)
        assert store.save_fleet(changes, who="zhang", why="import", at=NOW) == 1


@pytest.mark.usefixtures("impatient")
def test_a_batch_that_no_disk_could_store_fails_alone(url: str, path: Path) -> None:
    half_a_second = TransitionRecord(
        transition=Transition(camera="c", at=NOW, condition=Condition.OFFLINE, decided_at=NOW + 0.5)  # type: ignore[arg-type]  # the mistake
    )
    with Store.open(url, at=NOW) as store:
        with another_program_writing(path):
            before = store.write(Batch(transitions=transitions(2)))
            wrong = store.write(Batch(transitions=(half_a_second,)))
            after = store.write(heartbeat(NOW + 60))
            until_degraded(store)
        with pytest.raises(BatchRefusedError):
            wrong.result(PATIENCE_S)
        before.result(PATIENCE_S)
        after.result(PATIENCE_S)
        assert len(store.last_transitions()) == 2
        assert not store.health().degraded


def test_closing_writes_what_waits(url: str) -> None:
    store = Store.open(url, at=NOW)
    futures = [store.write(Batch(transitions=transitions(20, NOW + n))) for n in range(20)]
    store.close()
    assert all(future.result(0) is None for future in futures)
    with Store.open(url, at=NOW) as reopened:
        assert len(reopened.transitions(0, NOW * 2)) == 400


def test_nothing_can_be_handed_in_after_closing(url: str) -> None:
    store = Store.open(url, at=NOW)
    store.close()
    with pytest.raises(StoreClosedError):
        store.write(heartbeat(NOW))


@pytest.mark.usefixtures("impatient")
def test_closing_with_a_failing_disk_tells_who_waits(url: str, path: Path) -> None:
    store = Store.open(url, at=NOW)
    with another_program_writing(path):
        future = store.write(Batch(transitions=transitions(1)))
        until_degraded(store)
        store.close()
    with pytest.raises(StoreClosedError, match="locked"):
        future.result(0)


@pytest.mark.usefixtures("impatient")
def test_closing_tries_a_failing_disk_once_more(url: str, path: Path) -> None:
    store = Store.open(url, at=NOW)
    with another_program_writing(path):
        future = store.write(Batch(transitions=transitions(1)))
        until_degraded(store)
    store.close()
    future.result(0)


def test_a_picture_that_cannot_be_written_does_not_hold_up_the_record(url: str, path: Path, tmp_path: Path) -> None:
    in_the_way = tmp_path / "evidence"
    in_the_way.write_text("a file where the folder should be")
    fault = Evidence(camera="c", at=NOW, kind=EvidenceKind.FAULT, outcome="bad_picture", jpeg=b"picture")
    with Store.open(url, at=NOW) as store:
        store.write(Batch(transitions=transitions(1), evidence=(fault,))).result(PATIENCE_S)
        assert len(store.last_transitions()) == 1
        (seen,) = store.evidence("c")
        assert (seen.outcome, seen.jpeg) == ("bad_picture", None)
        assert store.health().pictures_lost == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "xunjian-test", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root; the same is tested with a limit on file size")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as ballast:
        try:
            while ballast.write(bytes(64 * 1024)):
                pass
        except OSError:
            return


def test_a_full_disk_is_waited_out(small_disk: Path) -> None:
    with Store.open(f"sqlite:///{small_disk / 'xunjian.db'}", at=NOW, exclusive=True) as store:
        store.write(Batch(transitions=transitions(10))).result(PATIENCE_S)
        fill(small_disk / "ballast")
        picture = Evidence(camera="c", at=NOW, kind=EvidenceKind.FAULT, jpeg=os.urandom(40_000))
        future = store.write(Batch(transitions=transitions(4_000, NOW + 60), evidence=(picture,)))
        assert "full" in until_degraded(store)
        assert not future.done()
        assert store.health().seen_ago_s < 5, "the watchdog is fed while the disk is full"
        assert len(store.transitions(0, NOW * 2)) == 10
        (small_disk / "ballast").unlink()
        future.result(PATIENCE_S)
        assert len(store.transitions(0, NOW * 2)) == 4_010
        seen = store.evidence_at("c", NOW)
        assert seen is not None
        assert seen.jpeg == picture.jpeg
        assert not store.health().degraded


def test_on_a_short_disk_evidence_goes_first_and_transitions_never(small_disk: Path) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    rules = Rules(good_s=90 * DAY, fault_s=180 * DAY, budget=2**40, zone=zone, spare=2**20)
    with Store.open(f"sqlite:///{small_disk / 'xunjian.db'}", at=NOW, exclusive=True) as store:
        pictures = tuple(
            Evidence(camera="c", at=NOW + number, kind=EvidenceKind.FAULT, jpeg=os.urandom(200_000))
            for number in range(10)
        )
        for picture in pictures:
            store.write(Batch(transitions=transitions(10, picture.at), evidence=(picture,))).result(PATIENCE_S)
        fill(small_disk / "ballast")
        waiting = store.write(Batch(transitions=transitions(1_000, NOW + 60)))
        assert "full" in until_degraded(store)
        assert store.wants_room(rules)
        # The bytes that pictures take in the file system are more than their own: it counts in pages.
        found = store.forget_evidence(rules, now=NOW + DAY)
        waiting.result(PATIENCE_S)
        assert len(store.transitions(0, NOW * 2)) == 1_100
        assert set(found.going.values()) == {Why.BUDGET}
        assert 0 < len(found.going) < len(pictures)
        kept = store.evidence("c", 100)
        assert [each.at for each in kept if each.jpeg is not None] == [
            each.at for each in reversed(pictures[len(found.going) :])
        ]
        assert {each.gone.why for each in kept if each.gone} <= {Why.BUDGET}
        assert not store.health().degraded


def test_no_picture_is_written_into_what_is_left_for_the_record(small_disk: Path) -> None:
    url = f"sqlite:///{small_disk / 'xunjian.db'}"
    with Store.open(url, at=NOW, evidence_spare=2**40) as store:
        picture = Evidence(camera="c", at=NOW, kind=EvidenceKind.FAULT, jpeg=b"picture")
        store.write(Batch(transitions=transitions(1), evidence=(picture,))).result(PATIENCE_S)
        (seen,) = store.evidence("c")
        assert (seen.jpeg, seen.gone and seen.gone.why) == (None, Why.UNWRITTEN)
        assert store.health().pictures_lost == 1
        assert len(store.last_transitions()) == 1


def pending(*batches: Batch) -> list[Waiting]:
    return [Waiting(batch, (Future(),)) for batch in batches]


def test_what_comes_while_a_commit_is_young_shares_the_next_one() -> None:
    commits: list[list[Batch]] = []

    def commit(batches: Sequence[Batch]) -> int:
        commits.append(list(batches))
        return 0

    writer = Writer(commit, gather_s=3600)
    first, *later = (Batch(transitions=transitions(1, NOW + n)) for n in range(3))
    writer.write(first).result(PATIENCE_S)
    waiting = [writer.write(batch) for batch in later]
    writer.close(PATIENCE_S)
    assert all(future.result(0) is None for future in waiting)
    assert commits == [[first], together(later)]


def test_batches_that_are_written_together_are_one_for_each_coverage() -> None:
    batches = [
        Batch(transitions=transitions(2)),
        heartbeat(NOW),
        Batch(transitions=transitions(1, NOW + 1), memories=(memory("c", 1),)),
        heartbeat(NOW, "older"),
        Batch(memories=(memory("d", 1),)),
    ]
    assert together(batches) == [
        Batch(
            transitions=transitions(2) + transitions(1, NOW + 1),
            memories=(memory("c", 1),),
            coverage=heartbeat(NOW).coverage,
        ),
        Batch(memories=(memory("d", 1),), coverage=heartbeat(NOW, "older").coverage),
    ]
    assert together([]) == []


def test_of_many_heartbeats_only_the_newest_of_each_run_is_written() -> None:
    waiting = pending(heartbeat(NOW), heartbeat(NOW, "older"), heartbeat(NOW + 60), heartbeat(NOW + 120))
    kept = coalesce(waiting)
    assert [one.batch.coverage for one in kept] == [
        Coverage(boot="older", began=NOW, until=NOW),
        Coverage(boot="boot", began=NOW, until=NOW + 120),
    ]
    assert {id(future) for one in kept for future in one.futures} == {id(one.futures[0]) for one in waiting}


def test_coalescing_keeps_every_transition_in_order() -> None:
    batches = [Batch(transitions=transitions(2, NOW + n), coverage=heartbeat(NOW + n).coverage) for n in range(3)]
    kept = coalesce(pending(*batches))
    assert [one.batch.transitions for one in kept] == [batch.transitions for batch in batches]
    assert [one.batch.coverage is None for one in kept] == [True, True, False]


def test_of_memories_and_good_looks_only_the_newest_of_each_camera_is_written() -> None:
    good = [Evidence(camera="c", at=NOW + n, kind=EvidenceKind.GOOD) for n in range(3)]
    fault = Evidence(camera="c", at=NOW, kind=EvidenceKind.FAULT)
    first = Batch(memories=(memory("c", 1), memory("c", 2), memory("d", 1)), evidence=(good[0], fault))
    second = Batch(memories=(memory("c", 3),), evidence=(good[1], good[2]))
    kept = coalesce(pending(first, second))
    assert [one.batch.memories for one in kept] == [(memory("d", 1),), (memory("c", 3),)]
    assert [one.batch.evidence for one in kept] == [(fault,), (good[2],)]


def test_of_waiting_pictures_the_oldest_are_dropped_and_counted_but_their_looks_are_kept() -> None:
    looks = [Evidence(camera="c", at=NOW + n, kind=EvidenceKind.FAULT, jpeg=b"x") for n in range(5)]
    batches = pending(Batch(evidence=tuple(looks[:3])), Batch(evidence=tuple(looks[3:]), transitions=transitions(1)))
    kept, dropped = without_old_pictures(batches, 3)
    assert dropped == 2
    assert [(seen.at, seen.jpeg) for one in kept for seen in one.batch.evidence] == [
        (NOW, None),
        (NOW + 1, None),
        (NOW + 2, b"x"),
        (NOW + 3, b"x"),
        (NOW + 4, b"x"),
    ]
    assert kept[1].batch.transitions == transitions(1)
