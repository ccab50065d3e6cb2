"""The store of one daemon, or of a command beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import tzinfo
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError

from monitor.core.exemption import Exemption
from monitor.core.history import Line, Reception
from monitor.core.retention import Retention, Rules
from monitor.store.alerts import forget_cases, forget_deliveries
from monitor.store.backup import Copy, check, copy_file, dump_server
from monitor.store.engine import (
    COMMAND_BUSY_MS,
    WRITER_BUSY_MS,
    database_url,
    reading_engine,
    sqlite_path,
    writing_engine,
)
from monitor.store.errors import Holder, StoreError
from monitor.store.evidence import PictureFolder
from monitor.store.filing import decide_exemption, file_exemption, keep_snapshot, take_history
from monitor.store.ledger import save_fleet
from monitor.store.lock import DaemonLock
from monitor.store.outbox import begin_epoch, prune
from monitor.store.place import make_folder, take_lock
from monitor.store.reader import Reader
from monitor.store.retention import (
    every_picture,
    evidence_size,
    forget,
    frozen_pictures,
    going_pictures,
    known_pictures,
    survey,
    weigh,
)
from monitor.store.server_lock import ServerLock
from monitor.store.source import Source
from monitor.store.statements import apply
from monitor.store.upgrade import prepare
from monitor.store.values import Batch, FleetChanges, HistorySource, NewExemption, ReadUpTo, SnapshotEntry
from monitor.store.writer import Health, Writer

WRITABLE = 16 * 2**20
"""Bytes free without which the database may not be able to write that evidence is deleted."""

STRAY_S = 3600
"""A picture is written before its row; after so long it will have none."""


class Store(Reader):
    """Reads from any thread, writes through one thread. ``open`` makes it, ``close`` ends it."""

    def __init__(
        self,
        url: URL,
        evidence_dir: Path,
        lock: DaemonLock | ServerLock | None,
        wrote: Callable[[float], None],
        gather_s: float,
        evidence_spare: int,
    ) -> None:
        self._lock = lock
        self._url = url
        self._reading = reading_engine(url)
        self._writing = writing_engine(url, WRITER_BUSY_MS)
        self._commanding = writing_engine(url, COMMAND_BUSY_MS)
        super().__init__(Source(self._reading), PictureFolder(evidence_dir, evidence_spare))
        self._writer = Writer(self._commit, wrote=wrote, gather_s=gather_s)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        at: int,
        exclusive: bool = False,
        who: str = "xunjian",
        evidence_dir: Path | None = None,
        wrote: Callable[[float], None] = lambda took_s: None,
        gather_s: float = 0.0,
        evidence_spare: int = 0,
    ) -> Self:
        """Open the store at ``url``, creating or upgrading it as needed.

        ``exclusive`` is for the daemon: it takes the lock under the name ``who`` as of ``at`` (UTC seconds) and looks
        through the file for damage. Pictures go to ``evidence_dir``, by default the folder "evidence" beside the
        file. ``wrote`` is told in the writer's thread how many seconds each commit took; a commit begins ``gather_s``
        after the one before at the earliest. No picture is written into the last ``evidence_spare`` bytes of the
        disk: they are the record's. Raises StoreError and its kinds.
        """
        parsed = database_url(url)
        path = sqlite_path(parsed)
        evidence_dir = evidence_dir or _evidence_dir(path)
        if path is not None:
            make_folder(path)
        lock = take_lock(parsed, path, Holder(pid=os.getpid(), since=at, who=who)) if exclusive else None
        try:
            prepare(parsed, at=at, check=exclusive, upgrade_beside_daemon=exclusive)
            return cls(parsed, evidence_dir, lock, wrote, gather_s, evidence_spare)
        except BaseException:
            if lock is not None:
                lock.release()
            raise

    def write(self, batch: Batch) -> Future[None]:
        """Queue the batch and return at once. When the future is done the batch survives any crash.

        While the disk fails the future waits; it fails only for a batch that cannot be stored at all, or at the end.
        """
        return self._writer.write(batch)

    def health(self) -> Health:
        """Whether the writer gets its batches to the disk."""
        return self._writer.health()

    def save_fleet(self, changes: FleetChanges, *, who: str, why: str, at: int) -> int:
        """Change the ledger, beside a running daemon too; returns the new generation of the fleet.

        Raises LedgerConflictError; StoreError when the database stays locked or cannot be written.
        """
        with self._commands("the ledger cannot be written") as connection:
            return save_fleet(connection, changes, who=who, why=why, at=at)

    def file_exemption(self, new: NewExemption, *, who: str, at: int) -> Exemption:
        """Enter a filing as of ``at``. Raises RuleError, UnknownError and StoreError."""
        with self._commands("the exemption cannot be stored") as connection:
            return file_exemption(connection, new, who=who, at=at)

    def decide_exemption(
        self, number: int, *, approve: bool, by: str, reason: str = "", who: str, at: int
    ) -> Exemption:
        """Enter what ``by`` decided on a filing. Raises UnknownError, RuleError and StoreError."""
        with self._commands("the decision cannot be stored") as connection:
            return decide_exemption(connection, number, approve=approve, by=by, reason=reason, who=who, at=at)

    def take_history(self, lines: Sequence[Line], source: HistorySource, *, at: int) -> list[Reception]:
        """Enter another system's record, in the order of its file; says of each line what became of it.

        Raises StoreError.
        """
        with self._commands("the history cannot be stored") as connection:
            return take_history(connection, lines, source, at)

    def keep_snapshot(self, entry: SnapshotEntry, content: bytes, *, remark: str = "") -> bool:
        """Keep a snapshot for good; False when there is one of that month, state and revision already.

        ``remark`` goes into the audit. Raises StoreError.
        """
        with self._commands("the snapshot cannot be stored") as connection:
            return keep_snapshot(connection, entry, content, remark)

    def forget_evidence(self, rules: Rules, *, now: int) -> Retention:
        """Delete the evidence whose time is over or for which there is no room, pictures too; says what went and stays.

        Raises StoreError when the database cannot be written. A file that no row refers to any more, as a crash leaves
        it behind, goes as well.
        """
        with self._commands("old evidence cannot be weighed") as connection:
            weigh(connection, self._pictures)
        free = self._pictures.free()
        with self._source.connection() as reading:
            surveyed = survey(reading, rules.fitted(size=evidence_size(reading), free=free), now)
            if free < WRITABLE:
                # A full disk has no room to write down what goes: the pictures make it.
                self._pictures.discard(going_pictures(reading, surveyed))
        with self._commands("old evidence cannot be deleted") as connection:
            pictures = forget(connection, surveyed, now)
            known = known_pictures(connection)
        self._pictures.discard(pictures)
        self._pictures.discard(self._pictures.strays(known, now - STRAY_S))
        return surveyed.found

    def begin_outbox(self, readers: Iterable[str]) -> None:
        """From now on messages are kept for these readers and no others, under a new epoch. For the daemon.

        A reader that was there before goes on where it was, a new one begins behind the last message; without any
        reader no message is kept. Raises StoreError.
        """
        with self._commands("the readers of the outbox cannot be entered") as connection:
            begin_epoch(connection, readers)

    def outbox_done(self, reader: str, seq: int) -> Future[None]:
        """The reader has dealt with everything up to ``seq``; queued as ``write`` is."""
        return self.write(Batch(read=(ReadUpTo(reader=reader, seq=seq),)))

    def prune_outbox(self, *, read_before: int, all_before: int) -> dict[str, int]:
        """Delete messages told before ``read_before`` that all have read, and all told before ``all_before``.

        Returns for each reader that has thereby missed messages how many; the sum stays in its Reading. What the
        messages told of is in the record and stays there. Raises StoreError.
        """
        with self._commands("old messages cannot be deleted") as connection:
            return prune(connection, read_before=read_before, all_before=all_before)

    def forget_cases(self) -> None:
        """Forget what was to be told, since nobody is told any more. Raises StoreError."""
        with self._commands("the cases of alerts cannot be deleted") as connection:
            forget_cases(connection)

    def forget_deliveries(self, before: int) -> None:
        """Delete the deliveries made before then, but for those that wait. Raises StoreError."""
        with self._commands("old deliveries cannot be deleted") as connection:
            forget_deliveries(connection, before)

    def backup(self, target: Path) -> Copy:
        """Write a consistent copy of the database to ``target``, which must not exist yet, and look through it.

        It is a SQLite file, or what pg_dump writes in its custom format. Raises StoreError.
        """
        if sqlite_path(self._url) is None:
            return dump_server(self._reading, self._url, target)
        return copy_file(self._commanding, target)

    def wants_room(self, rules: Rules) -> bool:
        """Whether pictures take more room than they may, or than the disk can spare. Raises StoreError."""
        size = self.evidence_size()
        return size > rules.fitted(size=size, free=self._pictures.free()).budget

    def check(self) -> str:
        """Look through the whole database for damage; returns the revision of its schema. Raises StoreDamagedError."""
        with self._source.connection() as connection:
            return check(connection)

    def evidence_written(self, since: int) -> int:
        """The bytes of the pictures of looks since then (UTC seconds) that are still there."""
        with self._source.connection() as connection:
            return evidence_size(connection, since)

    def frozen_pictures(self, zone: tzinfo) -> tuple[tuple[str, str], ...]:
        """The pictures behind frozen months, closed years too: their paths in the folder, and their SHA-256."""
        with self._source.connection() as connection:
            return frozen_pictures(connection, zone)

    def all_pictures(self) -> tuple[tuple[str, str], ...]:
        """The same of every picture of evidence."""
        with self._source.connection() as connection:
            return every_picture(connection)

    def close(self, timeout_s: float = 10.0) -> None:
        """Write what waits, then let go of everything. Batches that the disk still refuses fail their futures."""
        self._writer.close(timeout_s)
        for engine in (self._reading, self._writing, self._commanding):
            engine.dispose()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _commands(self, complaint: str) -> Iterator[Connection]:
        """A transaction of a command beside the daemon. Raises StoreError when the database stays locked or full."""
        try:
            with self._commanding.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise StoreError(f"{complaint}: {error.orig}") from error

    def _commit(self, batches: Sequence[Batch]) -> int:
        with self._writing.begin() as connection:
            applied = [apply(connection, batch, self._pictures) for batch in batches]
        for one in applied:
            self._pictures.discard(one.replaced)
        return sum(one.lost for one in applied)


def _evidence_dir(path: Path | None) -> Path:
    if path is None:
        raise StoreError("a store on a database server needs a folder of its own for evidence pictures")
    return path.parent / "evidence"
