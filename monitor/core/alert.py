"""What is known of the troubles that people are told of: one case per camera, common cause and trouble of our own.

    message ──hear──► Case ──alert_plan.plan──► Notice

A case lives from the message that opens it until nothing of it is left to tell. Nothing here says whom, how or in
which words; times are whole UTC seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from monitor.core.condition import Condition, Fault
from monitor.core.message import Closed, Message, MessageKind

OPENINGS_KEPT = 50
"""Of a camera's outages so many beginnings are remembered: enough to call it flapping."""


class Told(StrEnum):
    """How people have heard of a camera's outage."""

    ALONE = "alone"
    """by a message of its own"""
    CAUSE = "cause"
    """with all others of a common cause"""
    DIGEST = "digest"


class Own(StrEnum):
    """What can be wrong with the monitor itself."""

    BLIND = "blind"
    """nobody's condition is known"""
    LINK = "link"
    """a township's link is down, and config.toml says that this does not count against its cameras"""
    STORE = "store"
    """the database cannot be written"""
    REPORT = "report"
    """a month is over and has no draft"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraCase:
    """A camera's outages since people were last told of it; ``began`` to ``ended`` is the newest.

    ``opened_at`` is when that one was confirmed. ``openings`` are the beginnings within the flapping window.
    """

    camera: str
    township: str
    condition: Condition
    fault: Fault | None
    began: int
    opened_at: int
    key_point: bool = False
    ended: int | None = None
    closed_at: int | None = None
    openings: tuple[int, ...] = ()
    told: Told | None = None
    told_flapping_at: int | None = None
    why: Closed | None = None
    """why it is over"""
    over: bool = False
    """nothing of it is left to tell; it is kept for its openings"""

    @property
    def key(self) -> str:
        """Names the case among all."""
        return f"camera:{self.camera}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseCase:
    """A common cause as it was last heard of. ``told_of`` is how many cameras it had when people were told."""

    id: str
    kind: str
    place: str
    township: str
    began: int
    opened_at: int
    cameras: tuple[str, ...]
    of: int
    ended: int | None = None
    closed_at: int | None = None
    told_of: int = 0

    @property
    def key(self) -> str:
        """Names the case among all."""
        return f"cause:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCase:
    """A trouble of the monitor's own; ``about`` is the reason, the township's code or the month."""

    own: Own
    about: str
    began: int
    opened_at: int
    ended: int | None = None
    closed_at: int | None = None
    told: bool = False

    @property
    def key(self) -> str:
        """Names the case among all."""
        return f"own:{self.own}:{self.about if self.own in (Own.LINK, Own.REPORT) else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthCase:
    """A month has its draft (``frozen`` false) or was frozen, which nobody has been told yet."""

    month: str
    frozen: bool
    opened_at: int

    @property
    def key(self) -> str:
        """Names the case among all."""
        return f"month:{self.month}:{'frozen' if self.frozen else 'draft'}"


Case = CameraCase | CauseCase | OwnCase | MonthCase


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """All open cases. ``digested`` is the time of the last digest that is done with, None before the first."""

    cameras: Mapping[str, CameraCase] = field(default_factory=lambda: MappingProxyType({}))
    causes: Mapping[str, CauseCase] = field(default_factory=lambda: MappingProxyType({}))
    own: Mapping[str, OwnCase] = field(default_factory=lambda: MappingProxyType({}))
    months: Mapping[str, MonthCase] = field(default_factory=lambda: MappingProxyType({}))
    digested: int | None = None

    @classmethod
    def of(cls, cases: Iterable[Case], digested: int | None) -> Cases:
        """Those cases, as they were stored."""
        kept = tuple(cases)
        return cls(
            cameras={case.camera: case for case in kept if isinstance(case, CameraCase)},
            causes={case.id: case for case in kept if isinstance(case, CauseCase)},
            own={case.key: case for case in kept if isinstance(case, OwnCase)},
            months={case.key: case for case in kept if isinstance(case, MonthCase)},
            digested=digested,
        )

    @property
    def by_key(self) -> dict[str, Case]:
        """Every case by its key."""
        every: tuple[Mapping[str, Case], ...] = (self.cameras, self.causes, self.own, self.months)
        return {case.key: case for cases in every for case in cases.values()}


def changes(before: Cases, after: Cases) -> dict[str, Case | None]:
    """What is to be written so that ``before`` becomes ``after``; None for a case that is done with."""
    old, new = before.by_key, after.by_key
    changed: dict[str, Case | None] = {key: case for key, case in new.items() if old.get(key) != case}
    return changed | dict.fromkeys(old.keys() - new.keys())


def hear(cases: Cases, messages: Iterable[Message], *, excuse_links: bool = False) -> Cases:
    """The cases after these messages, which are in the order in which they were told.

    A township's broken link is a case only if ``excuse_links``: else its cameras fail, and their common cause is.
    """
    desk = _Desk(cases, excuse_links=excuse_links)
    for message in messages:
        desk.take(message)
    return desk.cases()


def begun(failing: Mapping[str, tuple[str, Condition, Fault | None, int]], now: int) -> Cases:
    """The cases of a monitor that has told nobody anything yet: what is out already is for the first digest.

    ``failing`` maps cameras to their township, condition, fault and since when they are out.
    """
    cases = (
        CameraCase(camera=camera, township=township, condition=condition, fault=fault, began=began, opened_at=now)
        for camera, (township, condition, fault, began) in failing.items()
    )
    return Cases.of(cases, None)


def own_trouble(cases: Cases, own: Own, about: str, *, since: int | None, now: int) -> Cases:
    """The cases when the monitor finds at ``now`` that it has this trouble since ``since``, or has it no more (None).

    For what no message can tell: a database that cannot be written takes no message either.
    """
    case = OwnCase(own=own, about=about, began=since if since is not None else now, opened_at=now)
    known = cases.own.get(case.key)
    if since is not None:
        return cases if known and known.ended is None else replace(cases, own={**cases.own, case.key: case})
    if known is None or known.ended is not None:
        return cases
    return replace(cases, own={**cases.own, case.key: replace(known, ended=now, closed_at=now)})


class _Desk:
    """The cases while messages are taken in: copied once, and not for each of four thousand messages."""

    def __init__(self, cases: Cases, *, excuse_links: bool) -> None:
        self._cameras = dict(cases.cameras)
        self._causes = dict(cases.causes)
        self._own = dict(cases.own)
        self._months = dict(cases.months)
        self._digested = cases.digested
        self._excuse_links = excuse_links

    def cases(self) -> Cases:
        return Cases(
            cameras=self._cameras, causes=self._causes, own=self._own, months=self._months, digested=self._digested
        )

    def take(self, message: Message) -> None:
        match message.kind:
            case MessageKind.OUTAGE_OPENED | MessageKind.OUTAGE_CHANGED:
                self._open_camera(message)
            case MessageKind.OUTAGE_CLOSED:
                self._close_camera(message)
            case MessageKind.CAUSE_OPENED | MessageKind.CAUSE_CHANGED:
                self._open_cause(message)
            case MessageKind.CAUSE_CLOSED:
                self._close_cause(message)
            case MessageKind.GAP_BEGAN | MessageKind.GAP_ENDED:
                self._gap(message)
            case MessageKind.MONTH_CLOSED | MessageKind.MONTH_FROZEN:
                frozen = message.kind is MessageKind.MONTH_FROZEN
                month = MonthCase(month=_text(message, "month"), frozen=frozen, opened_at=message.at)
                self._months[month.key] = month
            case _:
                pass  # rounds and starts are nothing to call people for; the store's health is asked, not heard

    def _open_camera(self, message: Message) -> None:
        camera, body = _text(message, "camera"), message.body
        known = self._cameras.get(camera)
        goes_on = known is not None and known.ended is None
        openings = known.openings if known else ()
        self._cameras[camera] = CameraCase(
            camera=camera,
            township=message.township or "",
            condition=Condition(_text(message, "condition")),
            fault=Fault(str(body["fault"])) if body.get("fault") else None,
            began=_whole(message, "began"),
            opened_at=known.opened_at if known and goes_on else message.at,
            key_point=body.get("key_point") is True,
            openings=openings if goes_on else (*openings, message.at)[-OPENINGS_KEPT:],
            # Of a recovery that nobody has been told of nobody needs to know that it did not last.
            told=known.told if known and not known.over else None,
            told_flapping_at=known.told_flapping_at if known else None,
        )

    def _close_camera(self, message: Message) -> None:
        known = self._cameras.get(_text(message, "camera"))
        if known is None or known.ended is not None:
            return
        why = Closed(_text(message, "why"))
        if why is Closed.LEFT or (why is Closed.ANNULLED and known.told is None):
            del self._cameras[known.camera]
            return
        ended = _whole(message, "ended")
        self._cameras[known.camera] = replace(known, ended=ended, closed_at=message.at, why=why)

    def _open_cause(self, message: Message) -> None:
        id_ = _text(message, "id")
        known = self._causes.get(id_)
        cameras = message.body.get("cameras")
        self._causes[id_] = CauseCase(
            id=id_,
            kind=_text(message, "kind"),
            place=_text(message, "place"),
            township=_text(message, "township"),
            began=_whole(message, "began"),
            opened_at=known.opened_at if known else message.at,
            cameras=tuple(str(camera) for camera in cameras) if isinstance(cameras, list | tuple) else (),
            of=_whole(message, "of"),
            told_of=known.told_of if known else 0,
        )

    def _close_cause(self, message: Message) -> None:
        known = self._causes.get(_text(message, "id"))
        if known is None or known.ended is not None:
            return
        heir = self._causes.get(str(message.body.get("taken_up_by")))
        if heir is not None:
            # People have been told of it already, under another name.
            self._causes[heir.id] = replace(heir, told_of=max(heir.told_of, known.told_of))
        if heir is not None or known.told_of == 0:
            del self._causes[known.id]
            return
        self._causes[known.id] = replace(known, ended=_whole(message, "ended"), closed_at=message.at)

    def _gap(self, message: Message) -> None:
        township = message.township
        if township is not None and not self._excuse_links:
            return
        own = Own.BLIND if township is None else Own.LINK
        about = str(message.body.get("reason", "")) if township is None else township
        case = OwnCase(own=own, about=about, began=_whole(message, "began"), opened_at=message.at)
        known = self._own.get(case.key)
        if message.kind is MessageKind.GAP_BEGAN:
            self._own[case.key] = known if known and known.ended is None else case
        elif known is not None and known.ended is None:
            if known.told:
                self._own[case.key] = replace(known, ended=_whole(message, "ended"), closed_at=message.at)
            else:
                del self._own[case.key]


def _text(message: Message, name: str) -> str:
    return str(message.body.get(name) or "")


def _whole(message: Message, name: str) -> int:
    value = message.body.get(name)
    return value if isinstance(value, int) else message.at
