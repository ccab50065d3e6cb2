"""What is worth telling others of: an outage, a common cause, a gap in our own sight, a round, a month, the store.

A message is told once, whoever hears it; what it says is plain JSON, all times in whole UTC seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from monitor.core.condition import Condition, Fault
from monitor.core.fleet import Camera
from monitor.core.outage import FAILING
from monitor.core.record import Event, Gap, Transition


class MessageKind(StrEnum):
    """What happened."""

    OUTAGE_OPENED = "outage_opened"
    OUTAGE_CHANGED = "outage_changed"
    """it goes on, but is another one: offline where it was impaired, or another fault"""
    OUTAGE_CLOSED = "outage_closed"
    CAUSE_OPENED = "cause_opened"
    """cameras failed together"""
    CAUSE_CHANGED = "cause_changed"
    CAUSE_CLOSED = "cause_closed"
    GAP_BEGAN = "gap_began"
    """nobody's condition is known: all of the county's, or one township's behind its link"""
    GAP_ENDED = "gap_ended"
    ROUND_ENDED = "round_ended"
    MONTH_CLOSED = "month_closed"
    """a month that is over has its draft"""
    MONTH_FROZEN = "month_frozen"
    MONITOR_STARTED = "monitor_started"
    STORE_DEGRADED = "store_degraded"
    """the database could not be written; told once it could be again"""
    STORE_RECOVERED = "store_recovered"


class Closed(StrEnum):
    """Why an outage is over."""

    INTACT = "intact"
    """the camera delivers a picture again"""
    ANNULLED = "annulled"
    """it was decided while we could not look, and never counted"""
    LEFT = "left"
    """the camera is not watched any more"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Told at ``at``, of a camera or a township where it concerns only one. ``body`` is ready for JSON."""

    kind: MessageKind
    at: int
    body: Mapping[str, object] = field(default_factory=dict)
    camera: str | None = None
    township: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ongoing:
    """An outage as it has been told: failing since ``began``, in this condition with this fault since ``since``.

    Unknown time does not end it, and another fault changes it: it is over when the camera is intact.
    """

    began: int
    since: int
    condition: Condition
    fault: Fault | None
    decided_at: int


def ongoing(history: Iterable[Transition]) -> Ongoing | None:
    """The outage that the camera is in after these transitions, None if it is in none."""
    found: Ongoing | None = None
    for transition in history:
        found = after(found, transition)
    return found


def after(outage: Ongoing | None, transition: Transition) -> Ongoing | None:
    """The outage after one more transition."""
    if transition.condition is Condition.INTACT:
        return None
    if transition.condition not in FAILING or (outage is not None and _is_same(outage, transition)):
        return outage
    return Ongoing(
        began=outage.began if outage else transition.at,
        since=transition.at,
        condition=transition.condition,
        fault=transition.fault,
        decided_at=transition.decided_at,
    )


def outage_message(
    camera: Camera, before: Ongoing | None, transition: Transition, witnesses: Mapping[str, str]
) -> Message | None:
    """What a transition tells after the outage ``before``; None when it neither opens, changes nor closes one.

    ``witnesses`` are what canary and witnesses answered at that time, by name.
    """
    now = after(before, transition)
    if now is before or now == before:
        return None
    if now is None:
        assert before is not None, "an outage that is over was there"
        return closing(camera, before, at=transition.decided_at, ended=transition.at, why=Closed.INTACT)
    kind = MessageKind.OUTAGE_OPENED if before is None else MessageKind.OUTAGE_CHANGED
    body = {**_of_camera(camera), **_of_outage(now), "witnesses": dict(witnesses)}
    if before is not None:
        body["before"] = {"condition": before.condition.value, "fault": before.fault}
    return Message(kind=kind, at=transition.decided_at, camera=camera.id, township=camera.township, body=body)


def closing(camera: Camera, outage: Ongoing, *, at: int, ended: int, why: Closed) -> Message:
    """The outage is over since ``ended``; found out at ``at``."""
    duration_s = max(0, ended - outage.began)
    body = {**_of_camera(camera), **_of_outage(outage), "ended": ended, "duration_s": duration_s, "why": why.value}
    return Message(kind=MessageKind.OUTAGE_CLOSED, at=at, camera=camera.id, township=camera.township, body=body)


def cause_messages(
    events: Sequence[Event], before: Mapping[str, Event], *, at: int
) -> tuple[tuple[Message, ...], dict[str, Event]]:
    """What these events tell, and the events that go on after them; ``before`` are those that did, by id.

    One that has ended while another explains all its cameras was taken up by it: it says so, and is no recovery.
    """
    going_on = {**before, **{event.id: event for event in events}}
    going_on = {id_: event for id_, event in going_on.items() if event.ended is None}
    messages = tuple(
        _cause_message(event, before, going_on.values(), at) for event in events if before.get(event.id) != event
    )
    return messages, going_on


def gap_message(gap: Gap, *, at: int) -> Message:
    """We cannot look since ``began``, or can again since ``ended``."""
    body: dict[str, object] = {
        "began": gap.began,
        "cause": gap.cause.value,
        "reason": gap.reason,
        "township": gap.township,
    }
    if gap.ended is None:
        return Message(kind=MessageKind.GAP_BEGAN, at=at, township=gap.township, body=body)
    body |= {"ended": gap.ended, "duration_s": gap.ended - gap.began}
    return Message(kind=MessageKind.GAP_ENDED, at=at, township=gap.township, body=body)


def _cause_message(event: Event, before: Mapping[str, Event], going_on: Iterable[Event], at: int) -> Message:
    body: dict[str, object] = {
        "id": event.id,
        "kind": event.kind,
        "place": event.place,
        "township": event.township,
        "began": event.began,
        "cameras": list(event.cameras),
        "of": event.of,
    }
    kind = MessageKind.CAUSE_CHANGED if event.id in before else MessageKind.CAUSE_OPENED
    if event.ended is not None:
        kind = MessageKind.CAUSE_CLOSED
        taken_up_by = next((other.id for other in going_on if set(event.cameras) <= set(other.cameras)), None)
        body |= {"ended": event.ended, "duration_s": event.ended - event.began, "taken_up_by": taken_up_by}
    return Message(kind=kind, at=at, township=event.township, body=body)


def _is_same(outage: Ongoing, transition: Transition) -> bool:
    return outage.condition is transition.condition and outage.fault is transition.fault


def _of_camera(camera: Camera) -> dict[str, object]:
    return {
        "camera": camera.id,
        "name": camera.name,
        "township": camera.township,
        "village": camera.village,
        "key_point": camera.key_point,
    }


def _of_outage(outage: Ongoing) -> dict[str, object]:
    return {
        "condition": outage.condition.value,
        "fault": outage.fault.value if outage.fault else None,
        "began": outage.began,
        "since": outage.since,
    }
