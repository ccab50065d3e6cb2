"""The outbox: every message once for every reader, in the transaction of what it tells of."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from time import sleep

import pytest

from monitor.core.condition import Condition
from monitor.core.message import Message, MessageKind
from monitor.core.record import Transition
from monitor.store import Batch, BatchRefusedError, Reading, SnapshotEntry, SnapshotState, Store, TransitionRecord

NOW = 1_790_000_000
DAY = 86_400
FOREVER = 2**40
KILLS = 12

CHILD = Path(__file__).with_name("child_that_tells.py")


def told(number: int, at: int = NOW) -> Message:
    return Message(kind=MessageKind.ROUND_ENDED, at=at, body={"number": number})


def write(store: Store, *messages: Message) -> None:
    store.write(Batch(messages=messages)).result(30)


def numbers(store: Store, reader: str, limit: int = 100, *, beyond: int = 0) -> list[object]:
    return [each.message.body["number"] for each in store.outbox_after(reader, limit, beyond=beyond)]


def test_each_reader_goes_through_all_messages_at_its_own_pace(store: Store) -> None:
    store.begin_outbox(["mqtt", "alerts"])
    write(store, told(1), told(2))
    write(store, told(3))
    first = store.outbox_after("mqtt", 2)
    assert [each.message for each in first] == [told(1), told(2)]
    assert [each.seq for each in first] == [1, 2]
    store.outbox_done("mqtt", 2).result(30)
    assert (numbers(store, "mqtt"), numbers(store, "alerts")) == ([3], [1, 2, 3])
    assert store.outbox_readings() == (
        Reading(reader="alerts", done=0, waiting=3, dropped=0),
        Reading(reader="mqtt", done=2, waiting=1, dropped=0),
    )


def test_a_reader_is_never_moved_back(store: Store) -> None:
    store.begin_outbox(["mqtt"])
    write(store, told(1), told(2), told(3))
    store.outbox_done("mqtt", 2).result(30)
    store.outbox_done("mqtt", 1).result(30)
    assert numbers(store, "mqtt") == [3]


def test_a_reader_ahead_of_what_is_stored_of_it_is_not_given_the_same_again(store: Store) -> None:
    store.begin_outbox(["mqtt"])
    write(store, told(1), told(2), told(3))
    assert numbers(store, "mqtt", beyond=2) == [3]


def test_where_nobody_reads_no_message_is_kept(store: Store) -> None:
    write(store, told(1))
    store.begin_outbox(["mqtt"])
    write(store, told(2))
    assert numbers(store, "mqtt") == [2]
    store.begin_outbox([])
    write(store, told(3))
    store.begin_outbox(["mqtt"])
    assert numbers(store, "mqtt") == []


def test_a_new_reader_begins_behind_the_last_message_and_an_old_one_goes_on(store: Store) -> None:
    store.begin_outbox(["mqtt"])
    write(store, told(1))
    store.begin_outbox(["mqtt", "alerts"])
    write(store, told(2))
    assert (numbers(store, "mqtt"), numbers(store, "alerts")) == ([1, 2], [2])


def test_somebody_who_is_no_reader_is_refused(store: Store) -> None:
    store.begin_outbox(["mqtt"])
    with pytest.raises(KeyError, match="pager is no reader"):
        store.outbox_after("pager")


def test_a_message_keeps_the_epoch_in_which_it_was_written(store: Store) -> None:
    store.begin_outbox(["mqtt"])
    write(store, told(1))
    first = store.outbox_epoch()
    store.begin_outbox(["mqtt"])
    write(store, told(2))
    assert [(each.epoch, each.seq) for each in store.outbox_after("mqtt")] == [(first, 1), (store.outbox_epoch(), 2)]
    assert first != store.outbox_epoch()


def test_a_database_restored_from_a_backup_gives_no_name_twice(store: Store, tmp_path: Path) -> None:
    store.begin_outbox(["mqtt"])
    write(store, told(1))
    store.backup(tmp_path / "backup.db")
    write(store, told(2))
    lost = store.outbox_after("mqtt")[-1]
    with Store.open(f"sqlite:///{tmp_path / 'backup.db'}", at=NOW, exclusive=True) as restored:
        restored.begin_outbox(["mqtt"])
        write(restored, told(3))
        (again, new) = restored.outbox_after("mqtt")
    assert (again.epoch, again.seq, new.seq) == (lost.epoch, 1, lost.seq)
    assert new.epoch != lost.epoch


def test_a_batch_that_cannot_be_stored_tells_nothing(store: Store) -> None:
    store.begin_outbox(["mqtt"])
    bad = Transition(camera="c", at=NOW, condition=Condition.OFFLINE, decided_at=NOW, looks=(2**80,))
    broken = Batch(transitions=(TransitionRecord(transition=bad, evidence_at=2**80),), messages=(told(1),))
    with pytest.raises(BatchRefusedError):
        store.write(broken).result(30)
    write(store, told(2))
    assert [(each.seq, each.message) for each in store.outbox_after("mqtt")] == [(1, told(2))]


def test_a_transition_whose_message_cannot_be_written_is_not_written_either(store: Store, path: Path) -> None:
    store.begin_outbox(["mqtt"])
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END")
    seen = Transition(camera="c", at=NOW, condition=Condition.OFFLINE, decided_at=NOW)
    batch = Batch(transitions=(TransitionRecord(transition=seen),), messages=(told(1),))
    with pytest.raises(BatchRefusedError):
        store.write(batch).result(30)
    assert store.last_transitions() == {}
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TRIGGER full")
    store.write(batch).result(30)
    assert store.last_transitions() == {"c": seen}
    assert numbers(store, "mqtt") == [1]


def test_what_all_have_read_goes_when_it_is_old_and_what_is_too_old_goes_unread(store: Store) -> None:
    store.begin_outbox(["mqtt", "alerts"])
    write(store, told(1, NOW - 3 * DAY), told(2, NOW - DAY), told(3, NOW))
    store.outbox_done("mqtt", 3).result(30)
    assert store.prune_outbox(read_before=NOW, all_before=NOW - 9 * DAY) == {}
    assert numbers(store, "alerts") == [1, 2, 3]
    assert store.prune_outbox(read_before=NOW, all_before=NOW - 2 * DAY) == {"alerts": 1}
    store.outbox_done("alerts", 2).result(30)
    assert store.prune_outbox(read_before=NOW, all_before=NOW - 2 * DAY) == {}
    assert numbers(store, "alerts") == [3]
    assert store.outbox_readings() == (
        Reading(reader="alerts", done=2, waiting=1, dropped=1),
        Reading(reader="mqtt", done=3, waiting=0, dropped=0),
    )


@pytest.mark.parametrize(
    ("state", "kind"),
    [(SnapshotState.DRAFT, MessageKind.MONTH_CLOSED), (SnapshotState.FROZEN, MessageKind.MONTH_FROZEN)],
)
def test_a_months_snapshot_is_told_of_once(store: Store, state: SnapshotState, kind: MessageKind) -> None:
    store.begin_outbox(["mqtt"])
    entry = SnapshotEntry(month="2026-10", state=state, revision=1, sha256="ab", made_at=NOW, who="wang", reason="")
    assert store.keep_snapshot(entry, b"{}")
    assert not store.keep_snapshot(entry, b"{}")
    (only,) = store.outbox_after("mqtt")
    assert (only.message.kind, only.message.at, only.message.body["month"]) == (kind, NOW, "2026-10")


@pytest.mark.timeout(300)
def test_kill_9_loses_and_doubles_no_message_for_a_reader_that_knows_epoch_and_seq(url: str) -> None:
    moments = random.Random(5)
    received: dict[tuple[str, int], tuple[str, int]] = {}
    for round_number in range(KILLS):
        acknowledged, read = run_and_kill(url, round_number, after_s=moments.uniform(0, 0.15))
        for name, content in read.items():
            assert received.setdefault(name, content) == content
        with Store.open(url, at=NOW, exclusive=True) as store:
            written = [record.transition for record in store.transition_records(f"round{round_number}", 0, FOREVER)]
        assert acknowledged <= {transition.decided_at - NOW for transition in written}
    with Store.open(url, at=NOW, exclusive=True) as store:
        for each in store.outbox_after("mqtt", FOREVER):
            content = str(each.message.camera), int(str(each.message.body["number"]))
            assert received.setdefault((each.epoch, each.seq), content) == content
        by_camera: dict[str, list[int]] = defaultdict(list)
        for camera, number in received.values():
            by_camera[camera].append(number)
        for round_number in range(KILLS):
            records = store.transition_records(f"round{round_number}", 0, FOREVER)
            assert sorted(by_camera[f"round{round_number}"]) == [
                record.transition.decided_at - NOW for record in records
            ]
    assert len(received) > KILLS, "the children hardly wrote anything"
    assert sorted(seq for _, seq in received) == list(range(1, len(received) + 1))


def run_and_kill(
    url: str, round_number: int, *, after_s: float
) -> tuple[set[int], dict[tuple[str, int], tuple[str, int]]]:
    """Let a child write and read, and kill it; returns what it had acknowledged and what it had read."""
    with subprocess.Popen(
        [sys.executable, str(CHILD), url, str(round_number)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        sleep(after_s)
        child.kill()
        # A line cut off by the kill was not said.
        lines = [line.split() for line in (first, *child.stdout) if line.endswith("\n")]
    read = {(line[1], int(line[2])): (line[3], int(line[4])) for line in lines if line[0] == "read"}
    return {int(line[1]) for line in lines if line[0] == "wrote"}, read
