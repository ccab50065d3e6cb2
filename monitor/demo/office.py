"""What the demo needs of the office that closes months and prints papers: handed in, since reports lie above it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from monitor.clock import Clock
from monitor.config import Config
from monitor.core.period import Month
from monitor.desk import Archive, Papers
from monitor.store import Store

Progress = Callable[[int, int, str], None]


class Office(Archive, Protocol):
    """The archive with what a person does to a month. All block. Handed in from above."""

    def freeze(self, month: Month, *, who: str) -> str:
        """Freeze the month; the SHA-256 of its snapshot."""
        ...

    def publish(self, month: Month, progress: Progress) -> Papers:
        """Make the month's papers where the page looks for them. Raises PapersError."""
        ...

    def verify(self, month: Month) -> bool:
        """Count the month again and compare every byte."""
        ...


OpenOffice = Callable[[Config, Store, Clock], Office]
