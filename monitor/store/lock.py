"""Does another process hold this? Locks that vanish with their holder, however it dies.

A child made by fork inherits the lock and keeps it alive; worker processes must be spawned.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from monitor.store.errors import AlreadyRunning, Holder


class DaemonLock:
    """The lock of the one daemon: an flock on a file that names its holder.

    The file stays when the lock goes, because a file removed while another process waits on it would let two in.
    """

    def __init__(self, path: Path, holder: Holder) -> None:
        """Take the lock at once or raise AlreadyRunning, naming who has it."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise AlreadyRunning(str(path.with_suffix("")), _named_in(path)) from None
        note = {"pid": holder.pid, "since": holder.since, "who": holder.who}
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps(note, ensure_ascii=False).encode(), 0)

    def release(self) -> None:
        """Let go. A second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder_of(path: Path) -> Holder | None:
    """Who holds the DaemonLock at ``path`` now; None when nobody does or it left no readable name."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _named_in(path)
    finally:
        os.close(descriptor)
    return None


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """Wait for our turn at ``path``: two processes must not create or upgrade the same database at once."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _named_in(path: Path) -> Holder | None:
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        return Holder(pid=int(note["pid"]), since=int(note["since"]), who=str(note["who"]))
    except (OSError, ValueError, KeyError, TypeError):
        # It has taken the lock but not yet written its name.
        return None
