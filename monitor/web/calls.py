"""Whom to call today, why, and which number: the Board in the order in which a duty officer works."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import tzinfo

from monitor.core.board import Board, CameraLive
from monitor.core.condition import Condition
from monitor.core.contact import FIRST_ASKED, Number, numbers_for
from monitor.core.fleet import Camera, Fleet
from monitor.core.record import Event
from monitor.wording import Lang, duration, moment, say

FAULTY = frozenset({Condition.IMPAIRED, Condition.OFFLINE})

NAMES_IN_TEXT = 10
"""A pasted message names so many cameras and counts the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A camera of the ledger and what is known of it now."""

    camera: Camera
    live: CameraLive


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCall:
    """One event, one call. ``numbers`` are the members' contacts, the one of most members first."""

    event: Event
    township: str
    place: str
    numbers: tuple[Number, ...]
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TownshipCall:
    """Single outages of one township, the longest first."""

    code: str
    township: str
    numbers: tuple[Number, ...]
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallList:
    """Everything that asks for a person, in order; ``suspects`` are not counted against anyone yet."""

    events: tuple[EventCall, ...]
    singles: tuple[TownshipCall, ...]
    suspects: tuple[Member, ...]

    @property
    def calls(self) -> int:
        """How many calls are to be made: one for each number, however many cards name it first."""
        cards = [call.numbers for call in self.events] + [call.numbers for call in self.singles]
        named = {numbers[0].contact.phone for numbers in cards if numbers}
        return len(named) + sum(not numbers for numbers in cards)

    @property
    def single_cameras(self) -> int:
        """How many cameras are out on their own."""
        return sum(len(call.members) for call in self.singles)


def call_list(board: Board) -> CallList:
    """The calls that the board asks for: open events by size, then what no event explains, then suspects."""
    events = sorted(
        (_event_call(board, event) for event in board.events if event.ended is None),
        key=lambda call: (-len(call.members), call.event.began, call.event.id),
    )
    explained = {id_ for call in events for id_ in call.event.cameras}
    singles: dict[str, list[Member]] = {}
    suspects: list[Member] = []
    for id_, live in board.cameras.items():
        camera = board.fleet.cameras.get(id_)
        if camera is None:
            continue
        if live.condition in FAULTY:
            if id_ not in explained:
                singles.setdefault(camera.township, []).append(Member(camera=camera, live=live))
        elif is_suspect(live):
            suspects.append(Member(camera=camera, live=live))
    return CallList(
        events=tuple(events),
        singles=tuple(_township_call(board.fleet, code, singles[code]) for code in _most_first(singles)),
        suspects=tuple(sorted(suspects, key=_doubt_order)),
    )


def is_suspect(live: CameraLive) -> bool:
    """Whether looks speak for a fault that is not recorded yet."""
    return live.doubt is not None and live.doubt.condition in FAULTY and live.condition not in FAULTY


def event_call(board: Board, event_id: str) -> EventCall | None:
    """The open event with this id."""
    return next((_event_call(board, event) for event in board.events if event.id == event_id), None)


def township_name(fleet: Fleet, code: str) -> str:
    """The township's name, or its code when it has left the ledger."""
    township = fleet.townships.get(code)
    return township.name if township is not None else code


def _event_call(board: Board, event: Event) -> EventCall:
    members = tuple(
        Member(camera=board.fleet.cameras[id_], live=board.cameras[id_])
        for id_ in event.cameras
        if id_ in board.fleet.cameras and id_ in board.cameras
    )
    return EventCall(
        event=event,
        township=township_name(board.fleet, event.township),
        place=_place(event, members),
        numbers=numbers_for(FIRST_ASKED.get(event.kind, "maintainer"), (member.camera for member in members)),
        members=members,
    )


def _place(event: Event, members: tuple[Member, ...]) -> str:
    """The village's or the recorder's name, else the address; nothing more than its township for a link."""
    if event.kind == "link":
        return ""
    if event.kind == "village":
        return members[0].camera.village if members else event.place.rpartition("/")[2]
    if event.kind == "recorder" and members and members[0].camera.recorder:
        return members[0].camera.recorder
    return event.place


def _township_call(fleet: Fleet, code: str, members: list[Member]) -> TownshipCall:
    return TownshipCall(
        code=code,
        township=township_name(fleet, code),
        numbers=numbers_for("maintainer", (member.camera for member in members)),
        members=tuple(sorted(members, key=_outage_order)),
    )


def _most_first(singles: Mapping[str, list[Member]]) -> list[str]:
    return sorted(singles, key=lambda code: (-len(singles[code]), code))


def _outage_order(member: Member) -> tuple[bool, int, str]:
    """Key points first, then the longest outage."""
    return (not member.camera.key_point, member.live.since, member.camera.id)


def _doubt_order(member: Member) -> tuple[bool, int, str]:
    """Those that wait for a person first, then the oldest."""
    doubt = member.live.doubt
    return (not (doubt is not None and doubt.needs_person), doubt.since if doubt else 0, member.camera.id)


def event_text(call: EventCall, *, now: int, zone: tzinfo, lang: Lang, names: int = NAMES_IN_TEXT) -> str:
    """The message to paste for an event, in whole sentences, with the first ``names`` cameras by name."""
    event = call.event
    return say(
        "text.event",
        lang,
        place=" ".join(filter(None, (call.township, call.place))),
        kind=say(f"event.{event.kind}", lang),
        since=moment(event.began, zone, lang, now=now),
        lasted=duration(now - event.began, lang),
        failed=len(event.cameras),
        of=event.of,
        cameras=_names((member.camera.name for member in call.members), len(call.members), names, lang),
        whom=_whom(call.numbers, lang),
    )


def township_text(call: TownshipCall, *, now: int, zone: tzinfo, lang: Lang, names: int = NAMES_IN_TEXT) -> str:
    """The message to paste for a township's single outages, one line a camera."""
    lines = [
        say(
            "text.single",
            lang,
            number=number,
            name=member.camera.name,
            village=member.camera.village,
            condition=say(f"condition.{member.live.condition}", lang),
            fault=say(f"fault.{member.live.fault}", lang) if member.live.fault else "—",
            since=moment(member.live.since, zone, lang, now=now),
            lasted=duration(now - member.live.since, lang),
        )
        for number, member in enumerate(call.members[:names], start=1)
    ]
    if len(call.members) > names:
        lines.append(say("text.more", lang, count=len(call.members) - names))
    head = say("text.township", lang, place=call.township, count=len(call.members), whom=_whom(call.numbers, lang))
    return "\n".join([head, *lines])


def _names(names: Iterable[str], total: int, limit: int, lang: Lang) -> str:
    shown = [name for name, _ in zip(names, range(limit), strict=False)]
    joined = say("text.comma", lang).join(shown)
    return say("text.and_more", lang, names=joined, count=total) if total > limit else joined


def _whom(numbers: tuple[Number, ...], lang: Lang) -> str:
    if not numbers:
        return say("text.nobody", lang)
    number = numbers[0]
    role = say(f"contact.{number.role}", lang)
    return say("text.whom", lang, role=role, name=number.contact.name or role, phone=number.contact.phone)
