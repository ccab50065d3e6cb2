"""The one thread that writes: a queue of batches, committed together, kept while the disk will not take them.

write() ─► queue ─► coalesce ─► one transaction ─► futures done
                      ▲             │ storage fails: degraded, keep everything, try again
                      └─────────────┤
                                    │ a batch is not storable: commit the others, its future fails
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, fields, replace
from threading import Condition, Thread
from time import monotonic
from typing import TypeVar

from sqlalchemy.exc import DatabaseError, InterfaceError, InternalError, OperationalError

from monitor.core.retention import Why
from monitor.store.errors import BatchRefusedError, StoreClosedError
from monitor.store.values import Batch, Evidence, EvidenceKind, Gone

T = TypeVar("T")

log = logging.getLogger(__name__)

RETRY_S = 1.0
"""How long the thread waits before it tries a failing disk again."""

PICTURES_KEPT = 500
"""Pictures that wait for a failing disk, about 20 MB; the oldest beyond are dropped. Nothing else ever is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the writer is. Ages are monotonic seconds, so that a clock step cannot fake them.

    ``degraded_for_s`` is None while all is well, ``last_commit_ago_s`` before the first commit. ``pictures_lost``
    counts those that could not be written or had to wait too long. ``seen_ago_s`` is the age of the thread's last
    sign of life: it stays young while a full disk is tried again and again.
    """

    degraded_for_s: float | None
    reason: str
    queued: int
    pictures_lost: int
    last_commit_ago_s: float | None
    seen_ago_s: float

    @property
    def degraded(self) -> bool:
        return self.degraded_for_s is not None


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """A batch, and everybody who waits for it or for one that it replaces."""

    batch: Batch
    futures: tuple[Future[None], ...]


class Writer:
    """Runs ``commit`` in a thread of its own with everything that has been handed in since the last time.

    ``commit`` writes the batches in order in one transaction or raises; it returns how many pictures were lost.
    ``wrote`` is called in the thread with the seconds that each commit took. A commit begins ``gather_s`` after the
    one before at the earliest: what comes meanwhile shares it, and its cost.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Batch]], int],
        *,
        wrote: Callable[[float], None] = lambda took_s: None,
        retry_s: float = RETRY_S,
        gather_s: float = 0.0,
    ) -> None:
        self._commit = commit
        self._wrote = wrote
        self._retry_s = retry_s
        self._gather_s = gather_s
        self._began = 0.0
        self._changed = Condition()
        self._queue: deque[Waiting] = deque()
        self._unwritten: tuple[Waiting, ...] = ()
        self._stopping = False
        self._failing_since: float | None = None
        self._reason = ""
        self._pictures_lost = 0
        self._committed: float | None = None
        self._seen = monotonic()
        self._thread = Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def write(self, batch: Batch) -> Future[None]:
        """Queue the batch. The future is done once it is on the disk, and fails only if it cannot be stored at all."""
        future: Future[None] = Future()
        # The batch will be written whatever becomes of who waits, so the future cannot be cancelled.
        future.set_running_or_notify_cancel()
        with self._changed:
            if self._stopping:
                raise StoreClosedError("the store is closed")
            self._queue.append(Waiting(batch, (future,)))
            self._changed.notify()
        return future

    def health(self) -> Health:
        """How the writer is now."""
        with self._changed:
            now = monotonic()
            return Health(
                degraded_for_s=None if self._failing_since is None else now - self._failing_since,
                reason=self._reason,
                queued=len(self._queue) + len(self._unwritten),
                pictures_lost=self._pictures_lost,
                last_commit_ago_s=None if self._committed is None else now - self._committed,
                seen_ago_s=now - self._seen,
            )

    def close(self, timeout_s: float) -> None:
        """Write what waits, trying a failing disk once more, and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            log.error("the store's writer is still busy after %.0f s; it is left behind", timeout_s)

    def _run(self) -> None:
        while self._take():
            last_try = self._stopping
            self._write_all()
            if self._unwritten:
                if last_try:
                    break
                with self._changed:
                    self._changed.wait_for(lambda: self._stopping, self._retry_s)
        self._give_up()

    def _take(self) -> bool:
        """Wait for work and move it to ``_unwritten``; false when there is none and there will be none."""
        with self._changed:
            while not (self._queue or self._unwritten or self._stopping):
                self._seen = monotonic()
                self._changed.wait(self._retry_s)
            self._changed.wait_for(lambda: self._stopping, self._began + self._gather_s - monotonic())
            self._seen = monotonic()
            pending = (*self._unwritten, *self._queue)
            self._queue.clear()
            self._unwritten = coalesce(pending)
            return bool(self._unwritten)

    def _write_all(self) -> None:
        try:
            self._write(self._unwritten)
        except Exception as error:  # noqa: BLE001  whatever it is, the queue behind it must go on
            if is_storage_failure(error):
                self._degrade(error)
            else:
                self._write_one_by_one()

    def _write_one_by_one(self) -> None:
        """One of the batches cannot be stored: find out which, so that the others are."""
        for waiting in self._unwritten:
            try:
                self._write((waiting,))
            except Exception as error:
                if is_storage_failure(error):
                    self._degrade(error)
                    return
                log.exception("a batch cannot be stored and is given back")
                refused = BatchRefusedError(f"the batch cannot be stored: {error}")
                refused.__cause__ = error
                self._settle((waiting,), refused)

    def _write(self, portion: tuple[Waiting, ...]) -> None:
        began = self._began = monotonic()
        pictures_lost = self._commit(together([waiting.batch for waiting in portion]))
        ended = monotonic()
        with self._changed:
            if self._failing_since is not None:
                log.warning("the store writes again after %.0f s", ended - self._failing_since)
            self._failing_since, self._reason = None, ""
            self._committed = ended
            self._pictures_lost += pictures_lost
        self._wrote(ended - began)
        self._settle(portion, None)

    def _settle(self, portion: tuple[Waiting, ...], error: Exception | None) -> None:
        with self._changed:
            settled = {id(waiting) for waiting in portion}
            self._unwritten = tuple(waiting for waiting in self._unwritten if id(waiting) not in settled)
        for waiting in portion:
            for future in waiting.futures:
                if error is None:
                    future.set_result(None)
                else:
                    future.set_exception(error)

    def _degrade(self, error: Exception) -> None:
        reason = str(getattr(error, "orig", None) or error)
        if self._failing_since is None:
            log.error("the store cannot write (%s); everything is kept in memory and tried again", reason)
        slim, dropped = without_old_pictures(self._unwritten, PICTURES_KEPT)
        with self._changed:
            self._failing_since = self._failing_since or monotonic()
            self._reason = reason
            self._unwritten = slim
            self._pictures_lost += dropped

    def _give_up(self) -> None:
        with self._changed:
            left = (*self._unwritten, *self._queue)
            self._queue.clear()
        if left:
            log.error("the store is closed with %d batches unwritten: %s", len(left), self._reason)
            self._settle(left, StoreClosedError(f"the store was closed before the batch was written: {self._reason}"))


def is_storage_failure(error: Exception) -> bool:
    """Whether the disk or the server is to blame, so that the same batch may succeed later."""
    if isinstance(error, (OSError, OperationalError, InterfaceError, InternalError)):
        return True
    # SQLite reports a damaged file as a plain DatabaseError; the subclasses that are left blame the statement.
    return type(error) is DatabaseError


def coalesce(pending: Sequence[Waiting]) -> tuple[Waiting, ...]:
    """Leave out what a later batch replaces; a batch of which nothing is left hands its futures to the next one."""
    later = _Later()
    kept: list[Waiting] = []
    for waiting in reversed(pending):
        batch = later.reduced(waiting.batch)
        if kept and batch == _NOTHING:
            kept[-1] = Waiting(kept[-1].batch, (*waiting.futures, *kept[-1].futures))
        else:
            kept.append(Waiting(batch, waiting.futures))
    return tuple(reversed(kept))


def together(batches: Sequence[Batch]) -> list[Batch]:
    """The same in fewer batches, one if it can be: a statement costs about as much for one row as for a hundred.

    A batch has room for one coverage: each further one begins another batch.
    """
    groups: list[list[Batch]] = []
    covered = True
    for batch in batches:
        if not groups or (covered and batch.coverage is not None):
            groups.append([])
            covered = False
        groups[-1].append(batch)
        covered = covered or batch.coverage is not None
    return [_joined(group) for group in groups]


def _joined(group: Sequence[Batch]) -> Batch:
    parts = {name: tuple(part for batch in group for part in getattr(batch, name)) for name in _LISTS}
    return Batch(coverage=next((batch.coverage for batch in group if batch.coverage), None), **parts)


def without_old_pictures(pending: Sequence[Waiting], limit: int) -> tuple[tuple[Waiting, ...], int]:
    """Keep the newest ``limit`` pictures; returns the batches and how many pictures were dropped from them."""
    dropped = 0
    kept: list[Waiting] = []
    for waiting in reversed(pending):
        evidence: list[Evidence] = []
        for seen in reversed(waiting.batch.evidence):
            over = seen.jpeg is not None and limit <= 0
            limit -= seen.jpeg is not None
            dropped += over
            lost = Gone(at=seen.at, why=Why.UNWRITTEN)
            evidence.append(replace(seen, jpeg=None, gone=lost) if over else seen)
        kept.append(Waiting(replace(waiting.batch, evidence=tuple(reversed(evidence))), waiting.futures))
    return tuple(reversed(kept)), dropped


_NOTHING = Batch()
_LISTS = tuple(field.name for field in fields(Batch) if field.name != "coverage")


class _Later:
    """What the batches seen so far, newest first, write."""

    def __init__(self) -> None:
        self._written: set[object] = set()

    def reduced(self, batch: Batch) -> Batch:
        """The batch without what a later one overwrites."""
        return replace(
            batch,
            coverage=batch.coverage if batch.coverage and self._is_last(("coverage", batch.coverage.boot)) else None,
            memories=self._last_of(batch.memories, lambda memory: ("memory", memory.camera)),
            read=self._last_of(batch.read, lambda mark: ("read", mark.reader)),
            holds=self._last_of(batch.holds, lambda hold: ("hold", hold.host, hold.credential)),
            evidence=self._last_of(batch.evidence, _evidence_identity),
        )

    def _last_of(self, values: tuple[T, ...], identity: Callable[[T], object]) -> tuple[T, ...]:
        kept = [value for value in reversed(values) if self._is_last(identity(value))]
        return tuple(reversed(kept))

    def _is_last(self, identity: object) -> bool:
        if identity in self._written:
            return False
        self._written.add(identity)
        return True


def _evidence_identity(evidence: Evidence) -> object:
    if evidence.kind is EvidenceKind.GOOD:
        return ("good", evidence.camera)
    return ("fault", evidence.camera, evidence.at)
