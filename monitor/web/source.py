"""What the pages need from the rest of the monitor, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from monitor.core.board import Board
from monitor.core.certificate import CertificateNote
from monitor.core.record import Interval, Outage, Transition
from monitor.store.values import Decision, Evidence, Reason
from probes.observation import Light, Reference


class NoSuchPictureError(LookupError):
    """There is no such evidence picture, or it has been deleted since."""


class NoSuchPaperError(LookupError):
    """No paper of that month has this name, or it has been deleted since."""


class NothingToDecideError(LookupError):
    """The camera has no doubt that waits for a person: somebody else decided, or the doubt has gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One camera in [began, until): a month, or what there is of it.

    ``intervals`` cover it without overlap, in order of time.
    ``transitions`` are those that began the intervals, oldest first; ``reasons`` are ours of them as they are stored,
    with what was kept of their looks. Of evidence ``is_pictured`` says whether a picture can be shown.
    ``certificates`` are the TLS certificates that the camera has had, newest first, whenever that was.
    """

    camera: str
    began: int
    until: int
    intervals: tuple[Interval, ...]
    transitions: tuple[Transition, ...] = ()
    reasons: tuple[Reason, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    decisions: tuple[Decision, ...] = ()
    certificates: tuple[CertificateNote, ...] = ()


Snapshot = Mapping[str, Any]
"""A month as reports/snapshot.schema.json describes it: every printed figure is a string, already rounded down."""


class MonthState(StrEnum):
    """How far a month has come: it runs, it is over and has its draft, a person has frozen it."""

    OPEN = "open"
    CLOSED = "closed"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperLine:
    """One file to download. ``name`` is its path inside the month's bundle, ``bytes`` its length."""

    name: str
    title: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthLine:
    """One month in the list: "2026-10". ``revision`` above 1 is a correction.

    ``sha256`` is the frozen snapshot's, in hexadecimal; "" while nothing is frozen.
    """

    month: str
    state: MonthState
    revision: int = 1
    sha256: str = ""
    papers: tuple[PaperLine, ...] = ()


class Source(Protocol):
    """Where the pages get their facts.

    Cameras are given by id. Months are given like "2026-10"; what is asked of a month is asked for every page, so a
    Source had better remember a month that it has counted.
    """

    def board(self) -> Board:
        """The newest board."""
        ...

    async def life(self, camera: str, month: str | None = None) -> Life:
        """The camera in that month, the running one without a name; an empty one for a camera that nobody knew.

        Evidence and transitions are those of the month.
        """
        ...

    async def months(self) -> tuple[MonthLine, ...]:
        """Every month that can be shown, oldest first, the running one last."""
        ...

    async def month(self, month: str) -> Snapshot | None:
        """The month: its newest frozen snapshot, else its draft, else the running month as it stands. None: no record.

        The day rates of days that are still to come are None.
        """
        ...

    async def outages(self, month: str, township: str, day: int) -> tuple[Outage, ...]:
        """What counted against the township's cameras on that day of the month (1 to 31), whole: an outage may have
        begun before the day and end after it. Exempt and blind time is cut off.
        """
        ...

    async def paper(self, month: str, name: str) -> bytes:
        """The file of a ``PaperLine`` of that month. Raises NoSuchPaperError."""
        ...

    async def picture(self, camera: str, at: int) -> bytes:
        """The JPEG file of the camera's evidence of ``at``. Raises NoSuchPictureError."""
        ...

    async def references(self, camera: str) -> Mapping[Light, Reference]:
        """What the camera's pictures are held against, by light; nothing for a camera that nobody watches."""
        ...

    async def decide(self, camera: str, accept: bool, by: str) -> None:
        """Confirm (``accept``) or refute the camera's doubt in the name of ``by``. Raises NothingToDecideError."""
        ...
