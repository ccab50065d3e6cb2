"""When looks become the record, and from which second on: one table per rule of ``outage``.

A case is a life in words, ``second:look`` with the looks of LOOKS, and the record that it must leave,
``second condition fault``. Every life begins unseen at second 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from monitor.core.condition import Cause, Condition, Fault
from monitor.core.outage import (
    CameraState,
    Rules,
    advance,
    bridge,
    decide,
    doubts,
    expire,
    flapping,
    forget_refusals,
    holds_since,
    resume,
    settled,
    unseen,
)
from monitor.core.record import Gap, Transition
from monitor.core.verdict import Look
from probes.observation import Depth

RULES = Rules()
INTACT, IMPAIRED, OFFLINE, UNKNOWN = Condition.INTACT, Condition.IMPAIRED, Condition.OFFLINE, Condition.UNKNOWN

LOOKS = {
    "light": Look(camera="c", at=0, depth=Depth.LIGHT, condition=INTACT),
    "describe": Look(camera="c", at=0, depth=Depth.DESCRIBE, condition=INTACT),
    "media": Look(camera="c", at=0, depth=Depth.MEDIA, condition=INTACT),
    "clean": Look(camera="c", at=0, depth=Depth.PICTURE, condition=INTACT),
    "dead": Look(camera="c", at=0, depth=Depth.LIGHT, condition=OFFLINE, fault=Fault.UNREACHABLE),
    "refused": Look(camera="c", at=0, depth=Depth.LIGHT, condition=OFFLINE, fault=Fault.REFUSED),
    "silent": Look(camera="c", at=0, depth=Depth.DESCRIBE, condition=OFFLINE, fault=Fault.UNREACHABLE),
    "404": Look(camera="c", at=0, depth=Depth.DESCRIBE, condition=IMPAIRED, fault=Fault.NO_STREAM),
    "nortp": Look(camera="c", at=0, depth=Depth.MEDIA, condition=IMPAIRED, fault=Fault.NO_STREAM),
    "401": Look(
        camera="c", at=0, depth=Depth.DESCRIBE, condition=IMPAIRED, fault=Fault.UNAUTHORIZED, refused_login=True
    ),
    "black": Look(camera="c", at=0, depth=Depth.PICTURE, condition=IMPAIRED, fault=Fault.BLACK, grave=(Fault.BLACK,)),
    "covered": Look(
        camera="c", at=0, depth=Depth.PICTURE, condition=IMPAIRED, fault=Fault.COVERED, grave=(Fault.COVERED,)
    ),
    "busy": Look(camera="c", at=0, depth=Depth.DESCRIBE, condition=UNKNOWN, cause=Cause.BUSY),
    "ours": Look(camera="c", at=0, depth=Depth.DESCRIBE, condition=UNKNOWN, cause=Cause.OURS),
}


def looks(life: str) -> list[Look]:
    found = []
    for word in life.split():
        at, _, name = word.partition(":")
        found.append(replace(LOOKS[name], at=int(at)))
    return found


def written(transitions: Sequence[Transition]) -> list[str]:
    return [
        " ".join(
            str(part)
            for part in (t.at, t.condition.value, t.fault and t.fault.value, t.cause and t.cause.value)
            if part is not None
        )
        for t in transitions
    ]


def live(life: str, state: CameraState | None = None, rules: Rules = RULES) -> tuple[CameraState, list[Transition]]:
    state = state or unseen("c", 0)
    record: list[Transition] = []
    for look in looks(life):
        state, transitions = advance(state, look, rules)
        record += transitions
    return state, record


def record(life: str, rules: Rules = RULES) -> list[str]:
    return written(live(life, rules=rules)[1])


UNSEEN = ""
CLEAN = "1:clean "
DEAD = CLEAN + "100:dead 120:dead 180:dead "
LOST = CLEAN + "100:404 120:404 180:404 "
MUTE = CLEAN + "100:nortp 120:nortp 180:nortp "
BLACK = CLEAN + "1000:black 2800:black "

NEVER_SEEN = [
    ("a clean picture gives intact", UNSEEN, "5:clean", "5 intact"),
    ("a listener proves no picture", UNSEEN, "5:light 65:light", ""),
    ("nor does a description", UNSEEN, "5:describe", ""),
    ("one failure leaves unknown", UNSEEN, "5:dead", ""),
    ("a confirmed one is dated back", UNSEEN, "5:dead 25:dead 85:dead", "5 offline unreachable"),
    ("a black picture is doubted", UNSEEN, "5:black 8:black", ""),
    ("until the second", UNSEEN, "5:black 1805:black", "5 impaired black"),
    ("a clean second", UNSEEN, "5:black 1805:clean", "1805 intact"),
    ("a refused login waits", UNSEEN, "5:401", "5 unknown held"),
    ("a busy recorder says why", UNSEEN, "5:busy 65:busy", "5 unknown busy"),
    ("busy in the middle of a doubt", UNSEEN, "5:dead 15:busy 25:dead 85:dead", "5 offline unreachable"),
]
DOWN = [
    ("two failures are none", CLEAN, "100:dead 120:dead", ""),
    ("three over 79 s are none", CLEAN, "100:dead 120:dead 179:dead", ""),
    ("three over 80 s are dated back to the first", CLEAN, "100:dead 120:dead 180:dead", "100 offline unreachable"),
    ("a fourth may complete the 80 s", CLEAN, "100:dead 110:dead 120:dead 180:dead", "100 offline unreachable"),
    ("a success in between refutes", CLEAN, "100:dead 120:light 180:dead 240:dead", ""),
    (
        "inconclusive looks don't break the row",
        CLEAN,
        "100:dead 110:busy 120:dead 150:ours 180:dead",
        "100 offline unreachable",
    ),
    (
        "a connect doesn't refute a failed describe",
        CLEAN,
        "100:404 110:light 120:404 180:404",
        "100 impaired no_stream",
    ),
    ("a describe does", CLEAN, "100:404 120:describe 180:404 240:404", ""),
    (
        "a describe doesn't refute missing RTP",
        CLEAN,
        "100:nortp 120:describe 125:nortp 180:nortp",
        "100 impaired no_stream",
    ),
    (
        "a connect doesn't refute silence",
        CLEAN,
        "100:silent 110:light 120:silent 180:silent",
        "100 offline unreachable",
    ),
    ("mixed faults: the latest names it", CLEAN, "100:dead 120:dead 180:refused", "100 offline refused"),
    ("mixed conditions: the milder is recorded", CLEAN, "100:404 120:dead 180:dead", "100 impaired no_stream"),
    (
        "and the worse once it has three",
        CLEAN,
        "100:404 120:dead 180:dead 200:dead",
        "100 impaired no_stream|120 offline unreachable",
    ),
    (
        "a connect drops only what it refutes",
        CLEAN,
        "100:404 110:dead 120:light 130:404 180:404",
        "100 impaired no_stream",
    ),
]
CHANGES = [
    ("a light failure agrees with offline", DEAD, "240:dead", ""),
    ("impaired becomes offline likewise", LOST, "300:dead 320:dead 380:dead", "300 offline unreachable"),
    ("a connect refutes that", LOST, "300:dead 320:light 380:dead 400:dead", ""),
    ("so does an answer without a stream", LOST, "300:dead 320:404 380:dead 400:dead", ""),
    ("offline becomes impaired likewise", DEAD, "300:404 320:404 380:404", "300 impaired no_stream"),
    ("a dead look in between refutes that", DEAD, "300:404 320:dead 380:404 400:404", ""),
    ("the fault of an outage may change", DEAD, "300:refused 320:refused 380:refused", "300 offline refused"),
    ("but not by turns", DEAD, "300:refused 320:dead 380:refused 400:dead 480:refused", ""),
]
UP = [
    ("two good deep looks, from the first", DEAD, "300:describe 303:describe", "300 intact"),
    ("seconds apart", DEAD, "300:describe 302:describe", ""),
    ("a third makes the seconds", DEAD, "300:describe 302:describe 303:describe", "300 intact"),
    ("one is not enough", DEAD, "300:clean", ""),
    ("connects never are", DEAD, "300:light 310:light 320:light", ""),
    ("a failure between them starts over", DEAD, "300:describe 301:dead 310:describe 313:describe", "310 intact"),
    ("a busy answer doesn't", DEAD, "300:describe 301:busy 310:describe", "300 intact"),
    ("a connect doesn't", DEAD, "300:describe 301:light 310:describe", "300 intact"),
    ("as deep as the fault was shown", MUTE, "300:describe 310:describe", ""),
    ("or deeper", MUTE, "300:media 310:clean", "300 intact"),
    ("a doubt below stands in the way", DEAD, "300:nortp 310:describe 320:describe", ""),
]
IMAGE = [
    ("one black picture is only doubted", CLEAN, "1000:black 1060:light", ""),
    ("two half an hour apart are believed", CLEAN, "1000:black 2800:black", "1000 impaired black"),
    ("two sooner are not", CLEAN, "1000:black 2799:black", ""),
    ("two of three", CLEAN, "1000:black 2800:clean 4600:black", "1000 impaired black"),
    ("two of four are not", CLEAN, "1000:black 2800:clean 4600:clean 6400:black", ""),
    ("two different faults are not", CLEAN, "1000:black 2800:covered", ""),
    ("two of three with another between", CLEAN, "1000:black 2800:covered 4600:black", "1000 impaired black"),
    ("connects and descriptions don't refute", CLEAN, "1000:black 1300:describe 2800:black", "1000 impaired black"),
    ("a camera back with a black picture", DEAD, "300:black 303:describe 2103:black", "300 intact|300 impaired black"),
    (
        "dated no earlier than the record allows",
        CLEAN,
        "100:black 200:dead 220:dead 280:dead 1000:describe 1003:describe 1900:black",
        "200 offline unreachable|1000 intact|1900 impaired black",
    ),
]
IMAGE_UP = [
    ("two clean pictures", BLACK, "4000:clean 4003:clean", "4000 intact"),
    ("one is not enough", BLACK, "4000:clean", ""),
    ("descriptions prove no picture", BLACK, "4000:describe 4100:media 4200:media", ""),
    ("a black one between starts over", BLACK, "4000:clean 4001:black 4010:clean 4013:clean", "4010 intact"),
    ("another fault needs its own two", BLACK, "4000:covered 5800:covered", "4000 impaired covered"),
    ("power loss meanwhile", BLACK, "4000:dead 4020:dead 4080:dead", "4000 offline unreachable"),
]
LOGIN = [
    ("one refusal is not believed", CLEAN, "100:401 160:light", ""),
    ("three, hold periods apart", CLEAN, "100:401 1900:401 3700:401", "100 impaired unauthorized"),
    ("those within a hold count once", CLEAN, "100:401 101:401 102:401 1900:401", ""),
    ("a login that works clears them", CLEAN, "100:401 1900:describe 2000:401 3800:401", ""),
    ("a connect doesn't", CLEAN, "100:401 1000:light 1900:401 3700:401", "100 impaired unauthorized"),
    (
        "login mended",
        CLEAN,
        "100:401 1900:401 3700:401 5500:describe 5503:describe",
        "100 impaired unauthorized|5500 intact",
    ),
    (
        "back from a power cut with a wrong password",
        DEAD,
        "300:light 301:401 2101:401 3901:401",
        "301 impaired unauthorized",
    ),
]
TABLES = [*NEVER_SEEN, *DOWN, *CHANGES, *UP, *IMAGE, *IMAGE_UP, *LOGIN]


@pytest.mark.parametrize(("beginning", "life", "expected"), [row[1:] for row in TABLES], ids=[row[0] for row in TABLES])
def test_what_a_life_adds_to_the_record_of_its_beginning(beginning: str, life: str, expected: str) -> None:
    begun = record(beginning)
    assert len(begun) == {UNSEEN: 0, CLEAN: 1}.get(beginning, 2)
    assert record(beginning + life) == begun + expected.split("|") * bool(expected)


def test_a_transition_names_the_looks_that_it_rests_on() -> None:
    _, transitions = live(DEAD)
    assert transitions[-1].looks == (100, 120, 180)
    assert transitions[-1].decided_at == 180


def test_a_county_may_choose_not_to_blame_a_camera_for_a_password() -> None:
    rules = Rules(login_refused_is=UNKNOWN)
    life = "1:clean 100:401 1900:401 3700:401 3800:light 5500:describe 5503:describe"
    assert record(life, rules) == ["1 intact", "100 unknown unauthorized held", "5500 intact"]


def test_a_changed_credential_forgets_the_refusals() -> None:
    state, _ = live("1:clean 100:401 1900:401")
    state, transitions = live("3700:401", forget_refusals(state))
    assert transitions == []
    assert state.refusals == (3700,)


SILENCE = [
    ("179 s are not three minutes", "1:clean 100:light", 279, ""),
    ("from the last conclusive look on", "1:clean 100:light", 280, "100 unknown ours"),
    ("the last inconclusive look says why", "1:clean 100:light 160:ours 220:busy", 280, "100 unknown busy"),
    ("a failing look is conclusive", "1:clean 100:light 160:dead", 340, "160 unknown ours"),
    ("an offline camera that answers but is busy", DEAD + "300:light 310:busy 480:light", 360, "180 unknown busy"),
    ("unknown stays unknown", "5:busy", 10_000, ""),
]


@pytest.mark.parametrize(("life", "now", "expected"), [row[1:] for row in SILENCE], ids=[row[0] for row in SILENCE])
def test_silence_makes_unknown(life: str, now: int, expected: str) -> None:
    _, transitions = expire(live(life)[0], now, 60, RULES)
    assert written(transitions) == [line for line in [expected] if line]


def test_an_offline_camera_is_given_three_of_its_own_long_intervals() -> None:
    state, _ = live(DEAD)
    assert expire(state, 180 + 2699, 900, RULES)[1] == ()
    assert written(expire(state, 180 + 2700, 900, RULES)[1]) == ["180 unknown ours"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("1:clean 100:light", "400:light", ["400 intact"]),
        ("1:clean 100:light", "400:dead", []),
        ("1:clean 100:light", "400:dead 420:light", ["420 intact"]),
        ("1:clean 100:light", "400:dead 420:dead 480:dead", ["400 offline unreachable"]),
        (DEAD, "400:dead", ["400 offline unreachable"]),
        (DEAD, "400:light", []),
        (DEAD, "400:describe", []),
        (DEAD, "400:describe 403:describe", ["400 intact"]),
        (LOST, "400:light", ["400 impaired no_stream"]),
        (LOST, "400:dead 420:dead 480:dead", ["400 offline unreachable"]),
        (BLACK, "4000:black", ["4000 impaired black"]),
    ],
)
def test_after_a_restart_one_agreeing_look_resumes_and_a_differing_one_starts_confirmation(
    before: str, after: str, expected: list[str]
) -> None:
    state, history = live(before)
    covered = state.seen_at + 30
    state, transitions = resume("c", history, covered, covered + 100, RULES)
    assert written(transitions) == [f"{covered} unknown ours"]
    assert written(live(after, state)[1]) == expected


def test_a_silence_ends_like_a_restart() -> None:
    state, _ = expire(live("1:clean 100:light")[0], 400, 60, RULES)
    assert written(live("460:light", state)[1]) == ["460 intact"]


def test_a_restart_before_the_first_verdict_knows_nothing() -> None:
    state, transitions = resume("c", [], 500, 600, RULES)
    assert transitions == ()
    assert state == unseen("c", 500)


def test_a_second_restart_adds_no_second_unknown() -> None:
    _, history = live("1:clean")
    state, first = resume("c", history, 100, 200, RULES)
    state, second = resume("c", [*history, *first], 150, 300, RULES)
    assert second == ()
    assert written(live("310:light", state)[1]) == ["310 intact"]


def test_coverage_older_than_the_last_transition_does_not_turn_time_back() -> None:
    _, history = live(DEAD)
    _, transitions = resume("c", history, 50, 300, RULES)
    assert written(transitions) == ["100 unknown ours"]


def test_a_clock_set_back_leaves_the_record_still_until_it_has_caught_up() -> None:
    state, _ = live("1:clean 1000:light")
    state, transitions = live("400:dead 420:dead 480:dead 999:dead", state)
    assert transitions == []
    assert settled(state) == 1000
    _, transitions = live("1000:dead 1020:dead 1080:dead", state)
    assert written(transitions) == ["1000 offline unreachable"]


BLIND = Gap(began=150, ended=400, cause=Cause.OURS, reason="canary")


def test_doubts_do_not_reach_over_a_gap() -> None:
    state, _ = live("1:clean 100:dead 120:dead")
    state, transitions = bridge(state, BLIND)
    assert transitions == ()
    assert written(live("410:dead 430:dead", state)[1]) == []
    assert written(live("410:dead 430:dead 490:dead", state)[1]) == ["410 offline unreachable"]


def test_silence_is_counted_afresh_from_the_end_of_a_gap() -> None:
    state, _ = bridge(live("1:clean 100:light")[0], BLIND)
    assert expire(state, 579, 60, RULES)[1] == ()
    assert written(expire(state, 580, 60, RULES)[1]) == ["400 unknown ours"]


def test_an_outage_decided_while_blind_is_taken_for_our_own() -> None:
    state, _ = live("1:clean 160:dead 180:dead 240:dead")
    state, transitions = bridge(state, BLIND)
    assert written(transitions) == ["400 unknown ours"]
    assert written(live("410:dead 430:clean", state)[1]) == ["430 intact"]


def test_an_outage_decided_before_goes_on_behind_the_gap() -> None:
    state, transitions = bridge(live("1:clean 10:dead 30:dead 90:dead")[0], BLIND)
    assert transitions == ()
    assert state.condition is OFFLINE


def test_an_open_gap_cannot_be_bridged() -> None:
    with pytest.raises(ValueError, match="ended"):
        bridge(unseen("c", 0), replace(BLIND, ended=None))


def test_a_person_confirms_a_doubted_picture_from_its_first_look_on() -> None:
    state, _ = live("1:clean 1000:black 1060:light")
    state, transitions = decide(state, True, 1500, RULES)
    assert written(transitions) == ["1000 impaired black"]
    assert transitions[0].decided_at == 1500
    assert doubts(state) == ()


def test_a_person_refutes_it_until_a_picture_is_without_it() -> None:
    state, _ = live("1:clean 1000:black")
    state, transitions = decide(state, False, 1500, RULES)
    assert (transitions, doubts(state)) == ((), ())
    state, repeated = live("2800:black 4600:black", state)
    assert (repeated, doubts(state)) == ([], ())
    assert written(live("6400:clean 9000:black 10800:black", state)[1]) == ["9000 impaired black"]


def test_without_a_doubted_picture_a_person_decides_nothing() -> None:
    state, _ = live(DEAD)
    assert decide(state, True, 500, RULES) == (state, ())


def test_doubts_are_told_with_since_when_and_who_may_decide() -> None:
    state, _ = live("1:clean 100:black 200:401 300:dead 320:dead")
    assert [(d.condition, d.fault, d.since, d.looks, d.needs_person) for d in doubts(state)] == [
        (OFFLINE, Fault.UNREACHABLE, 300, 2, False),
        (IMPAIRED, Fault.UNAUTHORIZED, 200, 1, False),
        (IMPAIRED, Fault.BLACK, 100, 1, True),
    ]


SETTLED = [
    ("the last agreeing look", "1:clean 100:light", 100),
    ("a suspect's seconds are held out", "1:clean 100:light 160:dead 180:dead", 100),
    ("until they are confirmed", "1:clean 100:light 160:dead 180:dead 240:dead", 240),
    ("or refuted", "1:clean 100:light 160:dead 180:light", 180),
    ("a doubted picture holds out what follows", "1:clean 1000:black 1060:light 1120:light", 1000),
    ("so does a refused login", "1:clean 1000:401 1060:light", 1000),
    ("a first good look holds out what follows", DEAD + "300:describe", 180),
    ("inconclusive looks settle nothing", "1:clean 100:light 160:busy", 100),
    ("time that nobody could look is settled", "5:busy 65:busy", 65),
]


@pytest.mark.parametrize(("life", "expected"), [row[1:] for row in SETTLED], ids=[row[0] for row in SETTLED])
def test_the_record_is_settled_up_to_the_first_look_of_any_doubt(life: str, expected: int) -> None:
    assert settled(live(life)[0]) == expected


def outage_at(start: int) -> str:
    return f"{start}:dead {start + 20}:dead {start + 80}:dead {start + 100}:describe {start + 103}:describe "


def test_more_than_six_changes_within_a_day_are_flapping() -> None:
    state, _ = live("1:clean " + "".join(outage_at(1000 * number) for number in range(1, 4)))
    assert not flapping(state, 4000, RULES), "six changes are not more than six"
    state, _ = live("5000:dead 5020:dead 5080:dead", state)
    assert flapping(state, 5080, RULES)
    assert flapping(state, 1000 + 86399, RULES)
    assert not flapping(state, 1000 + 86400, RULES)


def test_flapping_is_remembered_over_a_restart() -> None:
    state, history = live("1:clean " + "".join(outage_at(1000 * number) for number in range(1, 5)))
    state, _ = resume("c", history, 6000, 6100, RULES)
    assert flapping(state, 6100, RULES)


def test_a_camera_dead_all_month_has_every_second_offline() -> None:
    state, record = live("0:dead 20:dead 80:dead")
    assert written(record) == ["0 offline unreachable"]
    for at in range(900, 31 * 86400, 900):
        state, transitions = expire(state, at, 900, RULES)
        assert transitions == ()
        state, transitions = advance(state, replace(LOOKS["dead"], at=at), RULES)
        assert transitions == ()
    assert settled(state) == 31 * 86400 - 900


def test_an_outage_began_when_it_began_whatever_restarts_and_silences_came_since() -> None:
    state, history = live(DEAD)
    assert holds_since(state) == 100
    for restarted in (1000, 2000):
        state, added = resume("c", history, restarted, restarted, RULES)
        assert holds_since(state) == restarted, "for the moment it is unknown"
        state, resumed = live(f"{restarted + 10}:dead", state)
        history += [*added, *resumed]
        assert (state.since, holds_since(state)) == (restarted + 10, 100)
    state, _ = expire(state, 9000, 900, RULES)
    state, _ = live("9100:dead", state)
    assert holds_since(state) == 100
    state, _ = live("9200:clean 9210:clean", state)
    assert holds_since(state) == 9200
