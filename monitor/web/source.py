"""What the pages need from the rest of the monitor, and nothing more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from monitor.core.board import Board
from monitor.core.record import Interval, Transition
from monitor.store.values import Decision, Evidence


class NoSuchPictureError(LookupError):
    """There is no such evidence picture, or it has been deleted since."""


class NothingToDecideError(LookupError):
    """The camera has no doubt that waits for a person: somebody else decided, or the doubt has gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One camera in [began, until): the month so far. ``intervals`` cover it without overlap, in order of time.

    ``transitions`` are those that began the intervals, oldest first. Evidence has its ``jpeg`` set where a picture
    can be shown.
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

    async def picture(self, camera: str, at: int) -> bytes:
        """The JPEG file of the camera's evidence of ``at``. Raises NoSuchPictureError."""
        ...

    async def decide(self, camera: str, accept: bool, by: str) -> None:
        """Confirm (``accept``) or refute the camera's doubt in the name of ``by``. Raises NothingToDecideError."""
        ...
