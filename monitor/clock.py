"""The one place that reads the wall clock."""

from __future__ import annotations

import ctypes
import sys
import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for labels, monotonic time for durations. Both in seconds."""

    def now(self) -> float:
        """UTC seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


TIMEX_BYTES = 512
"""More than the kernel's struct timex takes on any architecture."""
TIME_ERROR = 5


def is_synchronised() -> bool | None:
    """Whether the kernel holds its clock to be synchronised (adjtimex(2)); None where it cannot be asked.

    Whoever disciplines the clock, chrony, ntpd or systemd-timesyncd, tells the kernel, and a kernel left alone for
    about half a day says no again.
    """
    if not sys.platform.startswith("linux"):
        return None
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None
    # Zeros ask for nothing to be set: the call only reads.
    state: int = adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    return None if state < 0 else state != TIME_ERROR
