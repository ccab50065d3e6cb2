"""The demo's scorecard: what counts as found, what as a false accusation, and how far the record may be off."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from monitor.core.condition import Cause, Condition, Fault
from monitor.core.record import Gap, Transition
from monitor.demo.scorecard import Grade, Scorecard, Spell, Story, grade, spells_of

TOLERANCE_S = 10.0
DARK = Spell(camera="c1", began=100.4, ended=200.6, condition=Condition.OFFLINE, fault=Fault.UNREACHABLE)
LASTING = Spell(camera="c1", began=100.4, ended=None, condition=Condition.OFFLINE, fault=Fault.UNREACHABLE)


def said(at: int, condition: Condition, fault: Fault | None = None, *, decided_at: int | None = None) -> Transition:
    return Transition(
        camera="c1", at=at, condition=condition, fault=fault, decided_at=at if decided_at is None else decided_at
    )


def dark(at: int, decided_at: int | None = None) -> Transition:
    return said(at, Condition.OFFLINE, Fault.UNREACHABLE, decided_at=decided_at)


def intact(at: int) -> Transition:
    return said(at, Condition.INTACT)


def graded(
    spells: Sequence[Spell], record: Sequence[Transition], *, gaps: Sequence[Gap] = (), until: int = 1000
) -> Grade:
    return grade(spells, {"c1": record}, {"c1": gaps}, until=until, tolerance_s=TOLERANCE_S)


def test_what_was_found_and_ended_in_time_is_clean() -> None:
    result = graded([DARK], [intact(0), dark(103, 115), intact(204)])
    assert result.clean
    assert (result.injected, len(result.found), result.falsely_accused) == (1, 1, 0)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ([intact(0)], "nobody noticed"),
        ([intact(0), said(103, Condition.IMPAIRED, Fault.NO_STREAM), intact(204)], "called something else"),
        ([intact(0), said(103, Condition.OFFLINE, Fault.REFUSED), intact(204)], "another fault"),
        ([dark(20, 40), intact(50)], "what was said before is no finding"),
        ([intact(0), dark(103, 211), intact(212)], "decided when it had been over for too long"),
    ],
)
def test_what_the_record_did_not_say_while_it_was_so_is_missed(record: list[Transition], why: str) -> None:
    result = graded([DARK], record)
    assert result.missed == (DARK,), why
    assert not result.clean


def test_a_verdict_on_the_last_second_of_the_tolerance_is_found() -> None:
    assert graded([DARK], [intact(0), dark(103, 210), intact(210)]).missed == ()


def test_a_spell_that_goes_on_is_found_whenever_it_is_decided() -> None:
    assert graded([LASTING], [intact(0), dark(103, 900)]).clean


def test_the_same_fault_twice_must_be_found_twice() -> None:
    again = Spell(camera="c1", began=400.0, ended=500.0, condition=Condition.OFFLINE, fault=Fault.UNREACHABLE)
    once = graded([DARK, again], [intact(0), dark(103, 115), intact(204)])
    assert (once.found, once.missed) == ((DARK,), (again,))
    assert graded([DARK, again], [intact(0), dark(103, 115), intact(204), dark(402, 411), intact(503)]).clean


def test_a_camera_blamed_while_nothing_was_wrong_is_falsely_accused() -> None:
    result = graded([], [intact(0), dark(300), intact(301)])
    (wrong,) = result.accusations
    assert (wrong.camera, wrong.began, wrong.ended, wrong.fault) == ("c1", 300, 301, Fault.UNREACHABLE)
    assert result.falsely_accused == 1


def test_a_false_accusation_that_goes_on_reaches_to_the_end_of_the_record() -> None:
    (wrong,) = graded([], [intact(0), dark(300)], until=320).accusations
    assert (wrong.began, wrong.ended) == (300, 320)


@pytest.mark.parametrize(
    ("blamed_from", "blamed_until", "wrong"),
    [
        (91, 210, []),
        (90, 210, [(90, 90.4)]),
        (91, 211, [(210.6, 211)]),
        (80, 300, [(80, 90.4), (210.6, 300)]),
    ],
)
def test_the_record_may_be_off_by_the_tolerance_at_either_end_and_no_more(
    blamed_from: int, blamed_until: int, wrong: list[tuple[float, float]]
) -> None:
    result = graded([DARK], [intact(0), dark(blamed_from, 115), intact(blamed_until)])
    assert [(round(each.began, 3), round(each.ended, 3)) for each in result.accusations] == wrong


def test_the_time_between_two_spells_is_no_fault_of_the_camera() -> None:
    again = Spell(camera="c1", began=400.0, ended=500.0, condition=Condition.OFFLINE, fault=Fault.UNREACHABLE)
    (wrong,) = graded([DARK, again], [intact(0), dark(103, 115), intact(503)]).accusations
    assert (round(wrong.began, 3), round(wrong.ended, 3)) == (210.6, 390.0)


def test_time_that_a_gap_hides_blames_nobody() -> None:
    gap = Gap(began=150, ended=260, cause=Cause.OURS, reason="witnesses")
    late = [intact(0), dark(103, 115), intact(260)]
    assert not graded([DARK], late).clean
    assert graded([DARK], late, gaps=[gap]).clean


def test_a_camera_accused_twice_is_one_falsely_accused_camera() -> None:
    result = graded([], [intact(0), dark(300), intact(301), dark(400), intact(401)])
    assert (len(result.accusations), result.falsely_accused) == (2, 1)


def test_a_camera_without_a_record_is_missed() -> None:
    result = grade([DARK], {}, {}, until=1000, tolerance_s=TOLERANCE_S)
    assert result.missed == (DARK,)


def test_the_truth_of_the_simulator_becomes_spells() -> None:
    life: list[Mapping[str, object]] = [
        {"from": 0.0, "condition": "intact", "fault": None},
        {"from": 100.4, "condition": "offline", "fault": "unreachable"},
        {"from": 200.6, "condition": "intact", "fault": "clock_off"},
        {"from": 300.0, "condition": "impaired", "fault": "covered"},
    ]
    covered = Spell(camera="c1", began=300.0, ended=None, condition=Condition.IMPAIRED, fault=Fault.COVERED)
    assert spells_of({"c1": life, "c2": life[:1]}) == [DARK, covered]


CLEAN = Grade(found=(DARK,), missed=(), accusations=())
TOLD = Story(name="power_cut", injected_at=100.4, found_at=115, recorded_at=103, facts={"cameras": 1})


def card(result: Grade, *stories: Story) -> Scorecard:
    return Scorecard(cameras=1, took_s=12.34, tolerance_s=TOLERANCE_S, grade=result, stories=stories)


@pytest.mark.parametrize(
    ("scorecard", "passed"),
    [
        (card(CLEAN, TOLD), True),
        (card(graded([DARK], [intact(0)]), TOLD), False),
        (card(graded([], [intact(0), dark(300)]), TOLD), False),
        (card(CLEAN, TOLD, Story(name="blind", why_not="we did not notice")), False),
    ],
)
def test_a_miss_a_false_accusation_or_an_untold_story_fails_the_demo(scorecard: Scorecard, passed: bool) -> None:
    assert scorecard.passed is passed
    assert scorecard.as_json()["passed"] is passed


def test_the_scorecard_in_json_holds_what_the_table_holds() -> None:
    result = graded([DARK], [intact(0), dark(300), intact(301)])
    told = json.loads(json.dumps(card(result, TOLD).as_json()))
    assert told["stories"] == [
        {
            "story": "power_cut",
            "passed": True,
            "why_not": None,
            "injected_at": 100.4,
            "found_at": 115,
            "began_in_truth": 100.4,
            "began_in_record": 103,
            "cameras": 1,
        }
    ]
    assert (told["injected"], told["found"], told["falsely_accused"], told["took_s"]) == (1, 0, 1, 12.3)
    assert told["missed"] == [
        {"camera": "c1", "began": 100.4, "ended": 200.6, "condition": "offline", "fault": "unreachable"}
    ]
    assert told["accusations"] == [
        {"camera": "c1", "began": 300, "ended": 301, "condition": "offline", "fault": "unreachable"}
    ]
