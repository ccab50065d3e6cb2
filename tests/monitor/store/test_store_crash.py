"""kill -9 at any moment: everything acknowledged is there, and the file is sound."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from time import sleep

import pytest

from monitor.store import EvidenceKind, Store

NOW = 1_790_000_000
FOREVER = 2**40
KILLS = 24
KILLS_WHILE_CREATED = 6

CHILD = Path(__file__).with_name("child_that_writes.py")


def run_and_kill(url: str, round_number: int, *, after_s: float) -> set[int]:
    """Let a child write and kill it ``after_s`` its first acknowledgement; returns what it had acknowledged."""
    command = [sys.executable, str(CHILD), url, str(round_number)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        sleep(after_s)
        child.kill()
        # A line cut off by the kill was not said.
        lines = [line for line in (first, *child.stdout) if line.endswith("\n")]
    return {int(line) for line in lines}


def written_by(store: Store, round_number: int) -> set[int]:
    records = store.transition_records(f"round{round_number}", 0, FOREVER)
    return {record.transition.decided_at - record.transition.at for record in records}


@pytest.mark.timeout(300)
def test_what_was_acknowledged_survives_kill_9_at_any_moment(url: str) -> None:
    moments = random.Random(2)
    acknowledged: dict[int, set[int]] = {}
    for round_number in range(KILLS):
        acknowledged[round_number] = run_and_kill(url, round_number, after_s=moments.uniform(0, 0.12))
        # Opening exclusively looks through the whole file for damage and fails if the lock outlived its holder.
        with Store.open(url, at=NOW, exclusive=True) as store:
            for earlier, numbers in acknowledged.items():
                assert numbers <= written_by(store, earlier)
            check_evidence(store, f"round{round_number}", acknowledged[round_number])
            (coverage,) = [one for one in store.coverages() if one.boot == f"round{round_number}"]
            assert coverage.until >= NOW + max(acknowledged[round_number])
    assert sum(map(len, acknowledged.values())) > KILLS, "the children hardly wrote anything"


def check_evidence(store: Store, camera: str, numbers: set[int]) -> None:
    seen = {evidence.at - NOW: evidence for evidence in store.evidence(camera, 1_000_000)}
    faults = {number for number, evidence in seen.items() if evidence.kind is EvidenceKind.FAULT}
    assert {number for number in numbers if number % 10 == 0} <= faults
    assert all(evidence.jpeg == str(number).encode() * 2_000 for number, evidence in seen.items())


def test_kill_9_while_the_database_is_made_leaves_none_or_a_whole_one(url: str) -> None:
    moments = random.Random(3)
    for round_number in range(KILLS_WHILE_CREATED):
        command = [sys.executable, str(CHILD), url, str(round_number)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as child:
            sleep(moments.uniform(0.3, 0.9))
            child.kill()
    with Store.open(url, at=NOW, exclusive=True) as store:
        assert store.fleet_generation() == 0


LIMITED_CHILD = """
import resource, signal, sys
from time import monotonic, sleep
from monitor.core.condition import Condition
from monitor.core.record import Transition
from monitor.store import Batch, Store, TransitionRecord

NOW = 1_790_000_000
store = Store.open(sys.argv[1], at=NOW)
records = tuple(
    TransitionRecord(transition=Transition(camera=f"c{n}", at=NOW, condition=Condition.INTACT, decided_at=NOW))
    for n in range(4_000)
)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
future = store.write(Batch(transitions=records))
give_up = monotonic() + 30
while not store.health().degraded and monotonic() < give_up:
    sleep(0.01)
print("degraded", store.health().degraded, future.done(), flush=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
future.result(30)
print("recovered", store.health().degraded, len(store.last_transitions()), flush=True)
store.close()
"""


def test_a_file_that_may_not_grow_is_waited_out(url: str) -> None:
    command = [sys.executable, "-c", LIMITED_CHILD, url]
    result = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert result.stdout.splitlines() == ["degraded True False", "recovered False 4000"], result.stderr
