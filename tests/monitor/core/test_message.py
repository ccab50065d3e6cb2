"""When is there something to tell? Outages by their transitions, common causes by their events."""

from __future__ import annotations

import pytest

from monitor.core.condition import Cause, Condition, Fault
from monitor.core.fleet import Camera
from monitor.core.message import (
    Closed,
    MessageKind,
    Ongoing,
    cause_messages,
    closing,
    gap_message,
    ongoing,
    outage_message,
)
from monitor.core.record import Event, Gap, Transition

NOW = 1_790_000_000
GATE = Camera(id="c1", name="村口", township="01", village="李庄", key_point=True)
ENDED = 60


def said(at: int, condition: Condition, fault: Fault | None = None) -> Transition:
    return Transition(camera="c1", at=NOW + at, condition=condition, fault=fault, decided_at=NOW + at + 80)


INTACT = said(0, Condition.INTACT)
OFFLINE = said(100, Condition.OFFLINE, Fault.UNREACHABLE)
UNKNOWN = said(200, Condition.UNKNOWN)
AGAIN = said(300, Condition.OFFLINE, Fault.UNREACHABLE)
OTHER = said(300, Condition.IMPAIRED, Fault.NO_STREAM)
BACK = said(400, Condition.INTACT)


@pytest.mark.parametrize(
    ("history", "transition", "kind"),
    [
        ([], INTACT, None),
        ([INTACT], OFFLINE, MessageKind.OUTAGE_OPENED),
        ([], OFFLINE, MessageKind.OUTAGE_OPENED),
        ([INTACT, OFFLINE], UNKNOWN, None),
        ([INTACT, OFFLINE, UNKNOWN], AGAIN, None),
        ([INTACT, OFFLINE, UNKNOWN], OTHER, MessageKind.OUTAGE_CHANGED),
        ([INTACT, OFFLINE, UNKNOWN], BACK, MessageKind.OUTAGE_CLOSED),
        ([INTACT, OFFLINE, BACK], UNKNOWN, None),
    ],
)
def test_a_transition_opens_changes_or_closes_an_outage_or_tells_nothing(
    history: list[Transition], transition: Transition, kind: MessageKind | None
) -> None:
    message = outage_message(GATE, ongoing(history), transition, {})
    assert (message.kind if message else None) == kind
    if message is not None:
        assert (message.at, message.camera, message.township) == (transition.decided_at, "c1", "01")


def test_a_change_keeps_the_beginning_and_says_what_was_before() -> None:
    message = outage_message(GATE, ongoing([OFFLINE]), OTHER, {"canary": "ok"})
    assert message is not None
    assert message.body == {
        "camera": "c1",
        "name": "村口",
        "township": "01",
        "village": "李庄",
        "key_point": True,
        "condition": "impaired",
        "fault": "no_stream",
        "began": NOW + 100,
        "since": NOW + 300,
        "witnesses": {"canary": "ok"},
        "before": {"condition": "offline", "fault": "unreachable"},
    }


def test_an_outage_is_never_closed_before_it_began() -> None:
    outage = Ongoing(began=NOW, since=NOW, condition=Condition.OFFLINE, fault=None, decided_at=NOW)
    message = closing(GATE, outage, at=NOW, ended=NOW - 5, why=Closed.ANNULLED)
    assert message.body["duration_s"] == 0


def event(place: str, *cameras: str, ended: int | None = None) -> Event:
    return Event(
        kind="recorder", place=place, township="01", began=NOW, cameras=cameras, of=9, ended=ended and NOW + ended
    )


def kinds(*events: Event, before: tuple[Event, ...] = ()) -> tuple[list[MessageKind], set[str]]:
    messages, going_on = cause_messages(events, {each.id: each for each in before}, at=NOW)
    return [message.kind for message in messages], set(going_on)


def test_a_common_cause_is_opened_changed_and_closed() -> None:
    small, large = event("a", "1", "2", "3"), event("a", "1", "2", "3", "4")
    assert kinds(small) == ([MessageKind.CAUSE_OPENED], {small.id})
    assert kinds(large, before=(small,)) == ([MessageKind.CAUSE_CHANGED], {small.id})
    assert kinds(large, before=(large,)) == ([], {small.id})
    assert kinds(event("a", "1", "2", "3", ended=ENDED), before=(small,)) == ([MessageKind.CAUSE_CLOSED], set())


def test_a_cause_whose_cameras_another_one_explains_names_it() -> None:
    small, large = event("a", "1", "2", "3"), event("b", "1", "2", "3", "4")
    over = event("a", "1", "2", "3", ended=ENDED)
    (closed, opened), _ = cause_messages([over, large], {small.id: small}, at=NOW)
    assert (closed.kind, closed.body["taken_up_by"]) == (MessageKind.CAUSE_CLOSED, large.id)
    assert opened.kind is MessageKind.CAUSE_OPENED
    (closed,), _ = cause_messages([over], {small.id: small}, at=NOW)
    assert closed.body["taken_up_by"] is None


def test_a_gap_of_one_township_is_told_of_that_township() -> None:
    gap = Gap(began=NOW, ended=None, cause=Cause.LINK_EXCUSED, reason="township_link", township="01")
    assert (gap_message(gap, at=NOW).kind, gap_message(gap, at=NOW).township) == (MessageKind.GAP_BEGAN, "01")
