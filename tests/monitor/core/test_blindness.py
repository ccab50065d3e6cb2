"""Nobody is blamed while we could not see."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.core.blindness import (
    Witnesses,
    advance,
    begin,
    clock_step,
    everybody_failed,
    hiding,
    link_gaps,
    watched_until,
)
from monitor.core.condition import Cause, Condition, Fault
from monitor.core.outage import CameraState, unseen
from monitor.core.record import Gap
from monitor.core.verdict import Look
from probes.observation import Depth

WORDS = {"+": True, "-": False}


def witnessed(life: str) -> tuple[Witnesses, list[Gap]]:
    """A life like "10:+ ++ +": second, canary, gateways, township links 01, 02 …; the gaps it closed.

    "10-12:+ ++ +" is a look that had its answers at 12.
    """
    state = begin(0)
    gaps: list[Gap] = []
    for part in life.split(" | "):
        when, gateways, links = part.split(" ")
        times, canary = when.split(":")
        at, _, until = times.partition("-")
        state, closed = advance(
            state,
            at=int(at),
            until=int(until) if until else None,
            canary=WORDS[canary],
            gateways={f"10.0.0.{n}": WORDS[word] for n, word in enumerate(gateways) if word in WORDS},
            links={f"{n:02d}": WORDS[word] for n, word in enumerate(links, 1) if word in WORDS},
        )
        gaps += closed
    return state, gaps


def spans(gaps: list[Gap]) -> list[str]:
    return [f"{gap.began}-{gap.ended} {gap.reason}" + (f" {gap.township}" if gap.township else "") for gap in gaps]


CLOSED = [
    ("all well", "10:+ ++ + | 20:+ ++ +", []),
    ("canary failed", "10:+ ++ + | 20:- ++ + | 30:- ++ + | 40:+ ++ +", ["10-40 canary"]),
    ("canary failed from the start", "10:- ++ + | 20:+ ++ +", ["0-20 canary"]),
    ("all witnesses failed", "10:+ ++ ++ | 20:+ -- -- | 30:+ +- --", ["10-30 witnesses"]),
    ("one of two gateways is enough", "10:+ ++ . | 20:+ -+ . | 30:+ ++ .", []),
    ("the canary first, then the witnesses: one gap", "10:+ + . | 20:- - . | 30:+ - . | 40:+ + .", ["10-40 canary"]),
    ("no witness configured", "10:+ . . | 20:+ . .", []),
    ("one link down", "10:+ + ++ | 20:+ + -+ | 30:+ + -+ | 40:+ + ++", ["10-40 township_link 01"]),
    ("a link down from the start", "10:+ + -+ | 20:+ + ++", ["0-20 township_link 01"]),
    ("no link is judged while blind", "10:+ + ++ | 20:+ - -- | 30:+ + ++", ["10-30 witnesses"]),
    (
        "down when we see again",
        "10:+ + + | 20:+ - - | 30:+ + - | 40:+ + +",
        ["10-30 witnesses", "30-40 township_link 01"],
    ),
    (
        "down before, during and after",
        "10:+ + + | 20:+ + - | 30:- + - | 40:+ + - | 50:+ + +",
        ["20-40 canary", "10-50 township_link 01"],
    ),
    ("a gap ends with the look", "10-11:+ ++ + | 20-21:- ++ + | 30-32:+ ++ +", ["10-32 canary"]),
    ("a gap of a link ends with the look", "10-11:+ + + | 20-22:+ + - | 30-32:+ + +", ["10-32 township_link 01"]),
    (
        "no gap begins within another",
        "10-11:+ + + | 20-21:- + + | 30-33:+ + + | 33-34:- + - | 40:+ + +",
        ["10-33 canary", "33-40 canary"],
    ),
    ("a look dated back is ignored", "10:+ + . | 20:+ + . | 5:- - . | 30:+ + .", []),
]


@pytest.mark.parametrize(("life", "expected"), [row[1:] for row in CLOSED], ids=[row[0] for row in CLOSED])
def test_gaps_reach_from_the_last_good_look_to_the_next(life: str, expected: list[str]) -> None:
    assert spans(witnessed(life)[1]) == expected


def test_while_blind_the_gap_is_open_and_nothing_more_is_settled() -> None:
    state, _ = witnessed("10:+ + + | 20:- + + | 30:- + +")
    assert state.blind == Gap(began=10, ended=None, cause=Cause.OURS, reason="canary")
    assert watched_until(state, "01") == 10


def test_answers_are_kept_to_be_stored_with_an_outage() -> None:
    state, _ = witnessed("10:+ +- -+")
    assert state.answers == {"canary": True, "10.0.0.0": True, "10.0.0.1": False, "01": False, "02": True}


def test_a_link_that_is_down_is_an_open_gap_of_its_township() -> None:
    state, _ = witnessed("10:+ + ++ | 20:+ + +-")
    assert link_gaps(state) == (
        Gap(began=10, ended=None, cause=Cause.LINK_EXCUSED, reason="township_link", township="02"),
    )


def test_a_broken_link_holds_time_unsettled_only_where_it_is_excused() -> None:
    state, _ = witnessed("10:+ + ++ | 20:+ + +- | 30:+ + +-")
    assert watched_until(state, "02") == 30
    assert watched_until(state, "02", excuse_links=True) == 10
    assert watched_until(state, "01", excuse_links=True) == 30


def test_a_broken_link_hides_its_cameras_only_if_config_excuses_it() -> None:
    blind = Gap(began=0, ended=5, cause=Cause.OURS, reason="canary")
    link = Gap(began=7, ended=9, cause=Cause.LINK_EXCUSED, reason="township_link", township="02")
    assert hiding([blind, link], "02") == (blind,)
    assert hiding([blind, link], "02", excuse_links=True) == (blind, link)
    assert hiding([blind, link], "01", excuse_links=True) == (blind,)


def failed(number: int) -> Look:
    return Look(camera=f"c{number}", at=10, depth=Depth.LIGHT, condition=Condition.OFFLINE, fault=Fault.UNREACHABLE)


def judged(condition: Condition) -> CameraState:
    return replace(unseen("c", 0), condition=condition)


TWO_TOWNSHIPS = {f"c{number}": f"0{number % 2}" for number in range(30)}
INTACT = {f"c{number}": judged(Condition.INTACT) for number in range(30)}


def test_twenty_cameras_in_two_townships_that_all_fail_void_a_round() -> None:
    assert everybody_failed([failed(number) for number in range(20)], INTACT, TWO_TOWNSHIPS)


def test_nineteen_do_not() -> None:
    assert not everybody_failed([failed(number) for number in range(19)], INTACT, TWO_TOWNSHIPS)


def test_nor_do_those_of_one_township() -> None:
    assert not everybody_failed([failed(number) for number in range(20)], INTACT, dict.fromkeys(TWO_TOWNSHIPS, "01"))


def test_a_single_success_says_that_we_can_see() -> None:
    success = Look(camera="c25", at=10, depth=Depth.LIGHT, condition=Condition.INTACT)
    assert not everybody_failed([*(failed(number) for number in range(24)), success], INTACT, TWO_TOWNSHIPS)


def test_a_camera_that_answers_with_a_refused_login_is_a_success_too() -> None:
    refusing = replace(failed(25), condition=Condition.IMPAIRED, fault=Fault.UNAUTHORIZED)
    assert not everybody_failed([*(failed(number) for number in range(24)), refusing], INTACT, TWO_TOWNSHIPS)


def test_cameras_long_offline_and_inconclusive_looks_do_not_count() -> None:
    states = INTACT | {"c0": judged(Condition.OFFLINE)}
    looks = [failed(number) for number in range(20)]
    assert not everybody_failed(looks, states, TWO_TOWNSHIPS)
    looks[1] = replace(looks[1], condition=Condition.UNKNOWN)
    assert not everybody_failed([*looks, failed(20)], states, TWO_TOWNSHIPS)
    assert everybody_failed([*looks, failed(20), failed(21)], states, TWO_TOWNSHIPS)


@pytest.mark.parametrize(
    ("wall", "monotonic", "expected"),
    [
        (1.0, 1.0, None),
        (3.0, 1.0, None),
        (3.1, 1.0, (1000, 1004)),
        (601.0, 1.0, (1000, 1601)),
        (-3599.0, 1.0, None),
        (100.0, 100.0, None),
    ],
)
def test_a_clock_set_forward_leaves_a_gap(wall: float, monotonic: float, expected: tuple[int, int] | None) -> None:
    gap = clock_step(1000.9, 50.0, 1000.9 + wall, 50.0 + monotonic)
    assert (gap and (gap.began, gap.ended)) == expected
    assert gap is None or (gap.cause, gap.reason) == (Cause.OURS, "clock_step")
