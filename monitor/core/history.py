"""What does another system's record say, and where may it be believed?

One line says that from ``at`` on a camera was in ``condition``, until that camera's next line. Its last line only
closes the one before: nothing is known after it. Before its first line nothing is known either, and where our own
record has begun, nobody else's counts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from monitor.core.condition import Cause, Condition, Fault
from monitor.core.record import Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of an imported history."""

    camera: str
    at: int
    condition: Condition
    fault: Fault | None = None


class Reception(Enum):
    """What becomes of a line."""

    NEW = auto()
    KNOWN = auto()
    """the same line is there already"""
    NO_CAMERA = auto()
    """the ledger never had such a camera"""
    NOT_YET = auto()
    """it speaks of the future"""
    OWN_RECORD = auto()
    """our own record of the camera has begun by then"""
    OUT_OF_ORDER = auto()
    """earlier than the camera's line before it in the same file"""
    CONTRADICTS = auto()
    """an earlier import says something else of that time"""


class Past:
    """The imported history of one camera, while a file is being read. ``own_from``: where our own record begins."""

    def __init__(self, lines: Iterable[Line], own_from: int | None) -> None:
        self._lines = list(lines)
        self._own_from = own_from
        self._read_to: int | None = None

    def take(self, line: Line) -> Reception:
        """Enter a line of the file, or say why not."""
        if self._read_to is not None and line.at < self._read_to:
            return Reception.OUT_OF_ORDER
        self._read_to = line.at
        if line in self._lines_at(line.at):
            return Reception.KNOWN
        if self._own_from is not None and line.at >= self._own_from:
            return Reception.OWN_RECORD
        # A last line says nothing of its own, so another one may begin where it stands.
        if self._lines and self._lines[0].at <= line.at < self._lines[-1].at:
            return Reception.CONTRADICTS
        insort(self._lines, line, key=_dated)
        return Reception.NEW

    def _lines_at(self, at: int) -> list[Line]:
        return self._lines[bisect_left(self._lines, at, key=_dated) : bisect_right(self._lines, at, key=_dated)]


def transitions(lines: Sequence[Line]) -> list[Transition]:
    """One camera's imported history in the shape of our own record; ``lines`` are all of it, in order."""
    said = [
        Transition(
            camera=line.camera,
            at=line.at,
            condition=line.condition,
            fault=line.fault,
            cause=Cause.OURS if line.condition is Condition.UNKNOWN else None,
            decided_at=line.at,
        )
        for line in lines
    ]
    if said:
        said[-1] = replace(said[-1], condition=Condition.UNKNOWN, fault=None, cause=Cause.OURS)
    return said


def timeline(own: Sequence[Transition], imported: Sequence[Line], covered_until: int | None) -> list[Transition]:
    """A camera's whole record: what another system said before ours, ours, and nothing once nobody looked any more.

    ``covered_until`` is how far our own record reaches: a daemon that stands still claims no second.
    """
    record = transitions(imported)
    if own:
        record += own
        if own[-1].condition is not Condition.UNKNOWN:
            ended = own[-1].at if covered_until is None else max(own[-1].at, covered_until)
            record.append(
                Transition(
                    camera=own[-1].camera,
                    at=ended,
                    condition=Condition.UNKNOWN,
                    cause=Cause.OURS,
                    decided_at=ended,
                )
            )
    return record


def _dated(line: Line) -> int:
    return line.at
