"""What can be wrong with a store.

StoreError
  ├─ AlreadyRunning         another daemon holds it
  ├─ StoreDamagedError      the file is not, or no longer, a sound database
  ├─ SchemaTooNewError      written by a newer version of this program
  ├─ UpgradeBlockedError    its schema is old and a daemon is using it
  ├─ LedgerConflictError    a change that contradicts the ledger
  ├─ BatchRefusedError      a batch that no disk could store
  └─ StoreClosedError       handed in after the end, or still waiting at the end
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


class StoreError(Exception):
    """Something is wrong with the store; the message is one sentence for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The process that holds a store: ``since`` in UTC seconds, ``who`` as it called itself."""

    pid: int
    since: int
    who: str

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"{self.who}, pid {self.pid}, since {since}"


class AlreadyRunning(StoreError):  # noqa: N818  it is a finding of one sentence, not a malfunction
    """Another daemon holds the store; ``holder`` is None when it left no readable name."""

    def __init__(self, place: str, holder: Holder | None) -> None:
        super().__init__(f"{place} is in use by another daemon ({holder or 'it left no name'})")
        self.place = place
        self.holder = holder


class StoreDamagedError(StoreError):
    """The database is damaged. It is left as it is: a record begun afresh would hide the loss."""


class SchemaTooNewError(StoreError):
    """The database was written by a newer version of this program."""


class UpgradeBlockedError(StoreError):
    """The schema must be upgraded, but a running daemon of the older version uses it."""


class LedgerConflictError(StoreError):
    """A change contradicts the ledger, such as a camera in a township that does not exist."""


class BatchRefusedError(StoreError):
    """The batch contradicts the schema; our own mistake. The batches around it were stored."""


class StoreClosedError(StoreError):
    """The store was closed before the batch was committed."""
