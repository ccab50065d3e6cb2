"""How long will the disk last?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Bytes a day: what grows for ever, and what stops once it has taken ``room`` bytes more."""

    endless: float
    bounded: float
    room: int


def days_left(free: int, growth: Growth) -> float | None:
    """Days until ``free`` bytes are gone; None if they never will be.

    >>> days_left(1000, Growth(endless=10, bounded=90, room=10_000))
    10.0
    >>> days_left(1000, Growth(endless=10, bounded=90, room=450))
    55.0
    >>> days_left(1000, Growth(endless=0, bounded=90, room=450)) is None
    True
    """
    both = growth.endless + growth.bounded
    if growth.bounded > 0 and both > 0 and free / both <= growth.room / growth.bounded:
        return free / both
    if growth.endless <= 0:
        return None
    return max(0.0, free - growth.room) / growth.endless if growth.bounded > 0 else free / growth.endless
