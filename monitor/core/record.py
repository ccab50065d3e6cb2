"""The record: from when on a camera was in which condition, and what it could not be said of.

Only changes are kept (a Transition), plus the spans in which nobody could look (a Gap) and how far the record
reaches (coverage). Everything else, intervals, outages, tallies, is derived from these by the functions of
``outage`` and ``availability``. Times are whole UTC seconds since the epoch; spans are half-open.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.core.condition import Cause, Condition, Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """From ``at`` on the camera is in ``condition``; said at ``decided_at``, resting on looks begun at ``looks``.

    Per camera, ``at`` never decreases from one transition to the next: the record is settled before it is said.
    """

    camera: str
    at: int
    condition: Condition
    fault: Fault | None = None
    cause: Cause | None = None
    decided_at: int
    looks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Nobody's condition is known in [began, ended): it lies over the transitions and hides them.

    ``township`` None means the whole county. ``ended`` None means that it goes on.
    """

    began: int
    ended: int | None
    cause: Cause
    reason: str
    """canary, witnesses, clock_step, township_link … : a word of monitor.wording"""
    township: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A stretch [began, ended) of one camera's life in one condition."""

    began: int
    ended: int
    condition: Condition
    fault: Fault | None = None
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A stretch impaired or offline; ``ended`` is None while it lasts."""

    camera: str
    condition: Condition
    fault: Fault | None
    began: int
    ended: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Cameras that failed together: one cause, one message, one telephone call.

    ``kind`` is recorder, subnet, village or link; ``place`` names it (an address, a subnet, "township/village", a
    township code). ``cameras`` are the members that failed, ``of`` counts all members.
    """

    kind: str
    place: str
    township: str
    began: int
    cameras: tuple[str, ...]
    of: int
    ended: int | None = None

    @property
    def id(self) -> str:
        """Stable over the life of the event."""
        return f"{self.kind}:{self.place}@{self.began}"
