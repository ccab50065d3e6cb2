"""The place of a database: made, locked for the one daemon, and given back to a restored one."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import URL

from monitor.store.backup import Copy, dump_server, load_server, put_in_place, server_is_empty
from monitor.store.engine import database_url, reading_engine, sqlite_path
from monitor.store.errors import Holder, StoreError
from monitor.store.lock import DaemonLock
from monitor.store.server_lock import ServerLock
from monitor.store.upgrade import beside


class Lost:
    """The place of a lost database, held so that no daemon starts meanwhile, until another one stands there."""

    def __init__(self, url: str, holder: Holder) -> None:
        """Raises AlreadyRunning while a daemon runs, StoreError where no database can be."""
        self._url = database_url(url)
        self._path = sqlite_path(self._url)
        if self._path is not None:
            make_folder(self._path)
        self._lock = take_lock(self._url, self._path, holder)

    @property
    def kind(self) -> str:
        """sqlite or postgresql, as ``Copy.kind``."""
        return self._url.get_backend_name()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing that a restored database would replace. Raises StoreError."""
        return server_is_empty(self._url) if self._path is None else not self._path.exists()

    def replace(self, copy: Path, expected: Copy, aside: str) -> list[Path]:
        """Put the copy in place; what was there is moved to the suffix ``aside``, and returned. Raises StoreError.

        A database server's former content is dumped to a file beside ``copy``'s folder first.
        """
        if self._path is not None:
            try:
                return put_in_place(copy, self._path, aside)
            except OSError as error:
                raise StoreError(f"{self._path} cannot be replaced: {error.strerror}") from error
        kept = [] if self.is_empty else [copy.parent.parent / f"xunjian{aside}.dump"]
        for dump in kept:
            engine = reading_engine(self._url)
            try:
                dump_server(engine, self._url, dump)
            finally:
                engine.dispose()
        load_server(self._url, copy, expected)
        return kept

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


def make_folder(path: Path) -> None:
    """Make the folder of the database file, but not a whole path. Raises StoreError."""
    try:
        path.parent.mkdir(mode=0o750, exist_ok=True)
    except OSError as error:
        raise StoreError(f"the folder of {path} cannot be made: {error.strerror}") from error


def take_lock(url: URL, path: Path | None, holder: Holder) -> DaemonLock | ServerLock:
    """Take the lock of the one daemon. Raises AlreadyRunning and StoreError."""
    if path is None:
        return ServerLock(url, holder)
    try:
        return DaemonLock(beside(path, ".lock"), holder)
    except OSError as error:
        raise StoreError(f"{path} cannot be locked: {error.strerror}") from error
