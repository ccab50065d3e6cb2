"""Writes transitions with their messages and reads the messages, without end; meant to be killed.

Says "wrote NUMBER" once a batch is acknowledged, and "read EPOCH SEQ NUMBER" for what it has read before it says so to
the store.
"""

from __future__ import annotations

import sys
from collections import deque
from concurrent.futures import Future

from monitor.core.condition import Condition
from monitor.core.message import Message, MessageKind
from monitor.core.record import Transition
from monitor.store import Batch, Store, TransitionRecord

NOW = 1_790_000_000
READER = "mqtt"
AHEAD = 20
"""Batches under way at a time, so that commits hold several."""


def batch(camera: str, number: int) -> Batch:
    condition = Condition.OFFLINE if number % 2 else Condition.INTACT
    transition = Transition(camera=camera, at=NOW, condition=condition, decided_at=NOW + number)
    message = Message(kind=MessageKind.OUTAGE_CHANGED, at=NOW + number, camera=camera, body={"number": number})
    return Batch(transitions=(TransitionRecord(transition=transition),), messages=(message,))


def main(url: str, camera: str) -> None:
    store = Store.open(url, at=NOW, exclusive=True)
    store.begin_outbox((READER,))
    waiting: deque[tuple[int, Future[None]]] = deque()
    beyond = 0
    for number in range(1_000_000):
        waiting.append((number, store.write(batch(camera, number))))
        if len(waiting) > AHEAD:
            oldest, future = waiting.popleft()
            future.result()
            sys.stdout.write(f"wrote {oldest}\n")
        if number % 7 == 0:
            for numbered in store.outbox_after(READER, 10, beyond=beyond):
                message = numbered.message
                sys.stdout.write(f"read {numbered.epoch} {numbered.seq} {message.camera} {message.body['number']}\n")
                beyond = numbered.seq
            sys.stdout.flush()
            store.outbox_done(READER, beyond)


main(sys.argv[1], f"round{sys.argv[2]}")
