"""What the record of one run tells others: it remembers what it has told, so that each thing is told once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from monitor.core.fleet import Camera, Fleet
from monitor.core.message import (
    Closed,
    Message,
    MessageKind,
    Ongoing,
    after,
    cause_messages,
    closing,
    gap_message,
    ongoing,
    outage_message,
)
from monitor.core.record import Event, Gap, Transition
from monitor.store import Round


class Teller:
    """Turns what enters the record into messages. ``excuse_links`` says whether a broken link hides its cameras."""

    def __init__(self, *, excuse_links: bool) -> None:
        self._excuse_links = excuse_links
        self._cameras: dict[str, Camera] = {}
        self._outages: dict[str, Ongoing] = {}
        self._events: dict[str, Event] = {}

    def resume(self, events: Iterable[Event]) -> None:
        """The last run told that these events go on."""
        self._events = {event.id: event for event in events}

    def enter(self, camera: Camera, history: Iterable[Transition]) -> None:
        """The camera is watched from now on; ``history`` has been told of."""
        self._cameras[camera.id] = camera
        outage = ongoing(history)
        if outage is not None:
            self._outages[camera.id] = outage

    def rename(self, fleet: Fleet) -> None:
        """Call cameras from now on as this fleet does."""
        for id_ in self._cameras.keys() & fleet.cameras.keys():
            self._cameras[id_] = fleet.cameras[id_]

    def leave(self, camera: str, at: int) -> tuple[Message, ...]:
        """The camera is not watched any more since ``at``."""
        known, outage = self._cameras.pop(camera, None), self._outages.pop(camera, None)
        if known is None or outage is None:
            return ()
        return (closing(known, outage, at=at, ended=max(at, outage.began), why=Closed.LEFT),)

    def transitions(self, transitions: Iterable[Transition], witnesses: Mapping[str, str]) -> list[Message]:
        """What these tell; ``witnesses`` are what canary and witnesses answered meanwhile."""
        told: list[Message] = []
        for transition in transitions:
            before = self._outages.get(transition.camera)
            camera = self._cameras[transition.camera]
            message = outage_message(camera, before, transition, witnesses)
            if message is None:
                continue
            told.append(message)
            self._follow(transition, before)
        return told

    def gaps(self, gaps: Iterable[Gap], at: int) -> list[Message]:
        """Gaps that begin or end, and with those that end the outages that were decided in them and never counted."""
        told: list[Message] = []
        for gap in gaps:
            told.append(gap_message(gap, at=at))
            if gap.ended is not None and (gap.township is None or self._excuse_links):
                told += self._annul(gap, gap.ended, at)
        return told

    def events(self, events: Sequence[Event], at: int) -> tuple[Message, ...]:
        """Common causes that begin, change or end."""
        messages, self._events = cause_messages(events, self._events, at=at)
        return messages

    def _annul(self, gap: Gap, ended: int, at: int) -> list[Message]:
        told: list[Message] = []
        for id_, outage in list(self._outages.items()):
            camera = self._cameras[id_]
            if gap.township in (None, camera.township) and gap.began <= outage.decided_at <= ended:
                del self._outages[id_]
                told.append(closing(camera, outage, at=at, ended=max(ended, outage.began), why=Closed.ANNULLED))
        return told

    def _follow(self, transition: Transition, before: Ongoing | None) -> None:
        outage = after(before, transition)
        if outage is None:
            del self._outages[transition.camera]
        else:
            self._outages[transition.camera] = outage


def round_message(round_: Round) -> Message:
    """A round over the fleet is over: what it found, or why it is void."""
    assert round_.ended is not None, "a round that goes on has found nothing yet"
    body = {
        "number": round_.number,
        "kind": round_.kind.value,
        "depth": round_.depth.label,
        "started": round_.started,
        "ended": round_.ended,
        "counts": dict(round_.counts),
        "void": round_.void,
    }
    return Message(kind=MessageKind.ROUND_ENDED, at=round_.ended, body=body)


def started(*, at: int, covered_until: int) -> Message:
    """The daemon looks again; nobody knows what was between ``covered_until`` and now."""
    return Message(kind=MessageKind.MONITOR_STARTED, at=at, body={"covered_until": covered_until or None})
