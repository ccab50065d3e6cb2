"""Every interval can be asked why: which looks made it, what they said, and why one has no picture."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.core.condition import Cause, Condition, Fault
from monitor.core.record import Interval, Transition
from monitor.core.retention import Why
from monitor.store import Decision, Evidence, EvidenceKind, Gone, Reason, Ruling, TransitionRecord
from monitor.web.source import Life
from monitor.web.why import look_of, stretches
from monitor.wording import MISSING
from probes.observation import Step

DAY = 86_400
OFFLINE, INTACT, IMPAIRED, UNKNOWN = Condition.OFFLINE, Condition.INTACT, Condition.IMPAIRED, Condition.UNKNOWN


def change(at: int, condition: Condition, looks: tuple[int, ...] = (), **said: Any) -> Transition:
    return Transition(camera="C", at=at, condition=condition, decided_at=at + 80, looks=looks, **said)


def kept(at: int, kind: EvidenceKind = EvidenceKind.FAULT, **said: Any) -> Evidence:
    return Evidence(camera="C", at=at, kind=kind, **said)


def reason(transition: Transition, *looks: Evidence) -> Reason:
    return Reason(record=TransitionRecord(transition=transition), looks=looks)


def life(*intervals: Interval, **said: Any) -> Life:
    return Life(camera="C", began=0, until=30 * DAY, intervals=intervals, **said)


def test_the_looks_that_made_an_interval_are_told_from_those_that_only_fell_into_it() -> None:
    out = change(DAY, OFFLINE, (DAY, DAY + 20, DAY + 80))
    made = [kept(at) for at in out.looks]
    (stretch,) = stretches(
        life(
            Interval(began=DAY, ended=2 * DAY, condition=OFFLINE),
            reasons=(reason(out, *made),),
            evidence=(*made, kept(DAY + 9000)),
        ),
        at_most=9,
    )
    assert stretch.reason == out
    assert [(look.evidence.at - DAY, look.made_it) for look in stretch.looks] == [
        (9000, False),
        (80, True),
        (20, True),
        (0, True),
    ]
    assert (stretch.untold, stretch.imported) == ((), False)


def test_looks_of_which_nothing_is_kept_any_more_are_named_by_their_times() -> None:
    out = change(DAY, OFFLINE, (DAY, DAY + 80))
    interval = Interval(began=DAY, ended=2 * DAY, condition=OFFLINE)
    (stretch,) = stretches(life(interval, reasons=(reason(out, kept(DAY + 80)),)), at_most=9)
    assert stretch.untold == (DAY,)


def test_an_interval_that_began_before_the_month_still_shows_the_looks_that_made_it() -> None:
    out = change(-5 * DAY, IMPAIRED, (-5 * DAY,), fault=Fault.BLACK)
    interval = Interval(began=0, ended=DAY, condition=IMPAIRED, fault=Fault.BLACK)
    (stretch,) = stretches(life(interval, reasons=(reason(out, kept(-5 * DAY)),)), at_most=9)
    assert [(look.evidence.at, look.made_it) for look in stretch.looks] == [(-5 * DAY, True)]


def test_what_goes_on_after_a_gap_goes_on_for_the_same_reason() -> None:
    out = change(0, OFFLINE, (0,))
    before, gap, after = (
        Interval(began=0, ended=DAY, condition=OFFLINE),
        Interval(began=DAY, ended=2 * DAY, condition=UNKNOWN, cause=Cause.OURS),
        Interval(began=2 * DAY, ended=3 * DAY, condition=OFFLINE),
    )
    newest, blind, oldest = stretches(life(before, gap, after, reasons=(reason(out, kept(0)),)), at_most=9)
    assert newest.reason == oldest.reason == out
    assert blind.reason is None
    assert blind.looks == ()


def test_a_recovery_is_no_reason_for_a_failure_that_came_before_it() -> None:
    back = change(DAY, INTACT, (DAY,))
    interval = Interval(began=2 * DAY, ended=3 * DAY, condition=OFFLINE)
    (stretch,) = stretches(life(interval, reasons=(reason(back),)), at_most=9)
    assert stretch.reason is None


def test_what_another_system_found_is_said_to_be_its_word() -> None:
    theirs, ours = change(0, INTACT), change(DAY, OFFLINE, (DAY,))
    told = life(
        Interval(began=0, ended=DAY, condition=INTACT),
        Interval(began=DAY, ended=2 * DAY, condition=OFFLINE),
        transitions=(theirs, change(DAY, OFFLINE)),
        reasons=(reason(ours, kept(DAY)),),
    )
    assert [stretch.imported for stretch in stretches(told, at_most=9)] == [False, True]


def test_a_persons_word_stands_with_the_interval_that_rests_on_it() -> None:
    confirmed = change(DAY, IMPAIRED, (DAY,), fault=Fault.COVERED)
    word = Decision(
        camera="C",
        at=confirmed.decided_at,
        by="zhang",
        ruling=Ruling.CONFIRMED,
        condition=IMPAIRED,
        fault=Fault.COVERED,
        since=DAY,
    )
    interval = Interval(began=DAY, ended=2 * DAY, condition=IMPAIRED, fault=Fault.COVERED)
    (stretch,) = stretches(life(interval, reasons=(reason(confirmed),), decisions=(word,)), at_most=9)
    assert stretch.decision is word


DECODED = (Step(name="decode", took_ms=4.0),)


@pytest.mark.parametrize(
    ("evidence", "missing"),
    [
        (kept(1, picture="C/1-fault.jpg"), ""),
        (kept(1, jpeg=b"picture"), ""),
        (kept(1, steps=DECODED), "undecoded"),
        (kept(1, steps=(Step(name="connect", took_ms=4.0),)), "none"),
        *((kept(1, steps=DECODED, gone=Gone(at=2, why=why)), why.value) for why in Why),
    ],
)
def test_a_look_without_a_picture_says_why(evidence: Evidence, missing: str) -> None:
    assert look_of(evidence).missing == missing
    assert missing == "" or missing in MISSING


def test_there_is_a_sentence_for_every_way_of_having_no_picture_and_no_other() -> None:
    assert set(MISSING) == {*(why.value for why in Why), "undecoded", "none"}
