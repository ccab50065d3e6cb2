"""Writes batches without end and says the number of each one once it is acknowledged; meant to be killed."""

from __future__ import annotations

import sys
from collections import deque
from concurrent.futures import Future

from monitor.core.condition import Condition
from monitor.core.record import Transition
from monitor.store import Batch, Coverage, Evidence, EvidenceKind, Store, TransitionRecord

NOW = 1_790_000_000
AHEAD = 30
"""Batches under way at a time, so that commits hold several."""


def batch(camera: str, number: int) -> Batch:
    """The number is told by the seconds between ``at`` and ``decided_at``, and by the evidence."""
    condition = Condition.OFFLINE if number % 2 else Condition.INTACT
    transition = Transition(camera=camera, at=NOW, condition=condition, decided_at=NOW + number)
    kind = EvidenceKind.GOOD if number % 10 else EvidenceKind.FAULT
    evidence = Evidence(camera=camera, at=NOW + number, kind=kind, jpeg=str(number).encode() * 2_000)
    return Batch(
        transitions=(TransitionRecord(transition=transition),),
        evidence=(evidence,) if number % 5 == 0 else (),
        coverage=Coverage(boot=camera, began=NOW, until=NOW + number),
    )


def main(url: str, camera: str) -> None:
    store = Store.open(url, at=NOW, exclusive=True)
    waiting: deque[tuple[int, Future[None]]] = deque()
    for number in range(1_000_000):
        waiting.append((number, store.write(batch(camera, number))))
        if len(waiting) > AHEAD:
            oldest, future = waiting.popleft()
            future.result()
            sys.stdout.write(f"{oldest}\n")
            sys.stdout.flush()


main(sys.argv[1], f"round{sys.argv[2]}")
