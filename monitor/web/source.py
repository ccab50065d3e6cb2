"""What the pages need from the rest of the monitor, and nothing more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from monitor.core.board import Board
from monitor.core.condition import Fault
from monitor.core.record import Interval, Transition
from probes.observation import Depth, Outcome, Step


class NoSuchPictureError(LookupError):
    """No evidence picture has this id, or it has been deleted since."""


class NothingToDecideError(LookupError):
    """The camera has no doubt that waits for a person: somebody else decided, or the doubt has gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One look that was kept. ``picture`` is the id of its evidence picture, "" when it has none."""

    at: int
    probe: str
    depth: Depth
    outcome: Outcome
    step: str
    took_s: float
    steps: tuple[Step, ...] = ()
    faults: tuple[Fault, ...] = ()
    picture: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A person's word on a doubt: ``accept`` is true when the fault was confirmed, false when it was refuted."""

    at: int
    accept: bool
    by: str
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One camera in [began, until): the month so far. ``intervals`` cover it without overlap, in order of time.

    ``transitions`` are those that began the intervals, oldest first; ``evidence`` and ``decisions`` are newest first.
    """

    camera: str
    began: int
    until: int
    intervals: tuple[Interval, ...]
    transitions: tuple[Transition, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    decisions: tuple[Decision, ...] = ()


class Source(Protocol):
    """Where the pages get their facts. Cameras are given by id; they are always in the board's fleet."""

    def board(self) -> Board:
        """The newest board."""
        ...

    async def life(self, camera: str) -> Life:
        """The camera's running month."""
        ...

    async def picture(self, evidence: str) -> bytes:
        """The JPEG file of an evidence picture. Raises NoSuchPictureError."""
        ...

    async def decide(self, camera: str, accept: bool, by: str) -> None:
        """Confirm (``accept``) or refute the camera's doubt in the name of ``by``. Raises NothingToDecideError."""
        ...
