"""A veiled picture leaves the record alone until the neighbours call it a cover, or no weather lasts as long."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.condition import GRAVE_BY_DEFAULT, Cause, Condition, Fault
from monitor.core.due import Plan, next_look
from monitor.core.outage import (
    CameraState,
    Rules,
    advance,
    bridge,
    decide,
    doubts,
    resume,
    settled,
    unseen,
    veiled_since,
    wants_neighbours,
)
from monitor.core.record import Gap, Transition
from monitor.core.veil import Opinion, Says, Scope
from monitor.core.verdict import Look, unveiled
from probes.observation import Depth
from tests.monitor.core.test_outage import LOOKS, written

RULES = Rules()
DAY, GAP = RULES.veil_outlasts_s, RULES.image_gap_s
OPEN = LOOKS["clean"]


def veiled(says: Says) -> Look:
    opinion = Opinion(says=says, scope=Scope.VILLAGE, asked=5, clear=5 if says is Says.COVER else 0)
    return unveiled(OPEN, opinion)


SEEN = LOOKS | {says.value: veiled(says) for says in Says}


def live(life: str, state: CameraState | None = None) -> tuple[CameraState, list[Transition]]:
    """``life``: ``second:look``, where cover, weather and suspect are looks at a veiled picture."""
    state = state or unseen("c", 0)
    record: list[Transition] = []
    for word in life.split():
        at, _, name = word.partition(":")
        state, transitions = advance(state, replace(SEEN[name], at=int(at)), RULES)
        record += transitions
    return state, record


def every(apart_s: int, until: int, look: str = "suspect") -> str:
    return " ".join(f"{at}:{look}" for at in range(1000, until + 1, apart_s))


def test_what_is_no_cover_proves_the_stream_and_says_nothing_of_the_picture() -> None:
    for says in (Says.WEATHER, Says.SUSPECT):
        look = veiled(says)
        assert (look.condition, look.depth, look.grave) == (Condition.INTACT, Depth.MEDIA, ())
    assert (veiled(Says.COVER).fault, veiled(Says.COVER).depth) == (Fault.COVERED, Depth.PICTURE)


def test_where_covers_cost_nothing_one_is_only_listed() -> None:
    for says in Says:
        look = unveiled(OPEN, Opinion(says=says, scope=Scope.VILLAGE, asked=5, clear=5), grave=frozenset())
        assert (look.condition, look.depth, look.veil) == (Condition.INTACT, Depth.PICTURE, None)
        assert look.image_faults == ((Fault.COVERED,) if says is Says.COVER else ())
    assert Fault.COVERED in GRAVE_BY_DEFAULT


LIVES = [
    ("two covers half an hour apart", "1:clean 1000:cover 2800:cover", ["1 intact", "1000 impaired covered"]),
    ("two covers too close", "1:clean 1000:cover 2799:cover", ["1 intact"]),
    ("one cover, then weather", "1:clean 1000:cover 2800:weather 9000:clean", ["1 intact"]),
    (
        "a cover on both sides of weather",
        "1:clean 1000:cover 2800:weather 4600:cover",
        ["1 intact"],
    ),
    ("weather for days", "1:clean " + every(GAP, 3 * DAY, "weather"), ["1 intact"]),
    ("a suspect for less than a day", "1:clean " + every(GAP, DAY), ["1 intact"]),
    ("a suspect for a day", "1:clean " + every(GAP, DAY + 1000), ["1 intact", "1000 impaired covered"]),
    ("looks six hours apart", "1:clean " + every(DAY // 4, DAY + 1000), ["1 intact", "1000 impaired covered"]),
    ("with a night between two looks", "1:clean 1000:suspect 40000:suspect 90000:suspect", ["1 intact"]),
    (
        "a clear look in between",
        "1:clean "
        + every(GAP, 50_000)
        + " 51000:clean "
        + every(GAP, DAY + 1000).replace("1000:suspect ", "52000:suspect ", 1),
        ["1 intact"],
    ),
    (
        "weather in between",
        "1:clean 1000:suspect 20000:suspect 40000:weather 60000:suspect 80000:suspect 88000:suspect",
        ["1 intact"],
    ),
    (
        "stream looks in between",
        "1:clean 1000:suspect 1500:media 2000:light 2800:cover",
        ["1 intact", "1000 impaired covered"],
    ),
    (
        "a suspect whose neighbours have been looked at",
        "1:clean 1000:suspect 2800:cover",
        ["1 intact", "1000 impaired covered"],
    ),
    ("a suspect whose neighbours are looked at too soon", "1:clean 1000:suspect 2799:cover", ["1 intact"]),
    ("a camera that was never judged", "5:suspect", []),
]


@pytest.mark.parametrize(("life", "expected"), [row[1:] for row in LIVES], ids=[row[0] for row in LIVES])
def test_a_veiled_life_leaves_its_record(life: str, expected: list[str]) -> None:
    assert written(live(life)[1]) == expected


def test_a_covered_camera_stays_covered_in_fog_and_recovers_in_the_open() -> None:
    state, _ = live("1:clean 1000:cover 2800:cover")
    state, record = live("4000:weather 5000:suspect 6000:weather", state)
    assert (record, state.fault, state.veil) == ([], Fault.COVERED, None)
    _, record = live("7000:clean 7004:clean", state)
    assert written(record) == ["7000 intact"]


def test_what_rests_on_a_whole_day_names_its_first_and_its_last_look() -> None:
    _, record = live("1:clean " + every(GAP, DAY + 1000))
    assert record[-1].looks == (1000, 1000 + DAY)


def test_a_suspect_waits_for_a_person_and_for_another_picture() -> None:
    state, _ = live("1:clean 1000:suspect 2800:suspect")
    (doubt,) = doubts(state)
    assert (doubt.fault, doubt.since, doubt.looks, doubt.needs_person) == (Fault.COVERED, 1000, 2, True)
    depths = [next_look(state, {Depth.PICTURE: 2800}, Plan(), RULES, now).depth for now in (4599, 4600)]
    assert depths[0] < depths[1] == Depth.PICTURE
    assert settled(state) == 1000


def test_a_person_may_say_that_it_is_a_cover() -> None:
    state, _ = live("1:clean 1000:suspect 2800:suspect")
    after, (transition,) = decide(state, True, 3000, RULES)
    assert (transition.at, transition.fault, transition.looks) == (1000, Fault.COVERED, (1000, 2800))
    assert (after.veil, doubts(after)) == (None, ())


def test_what_a_person_takes_for_no_cover_is_none_until_the_scene_was_seen() -> None:
    state, _ = live("1:clean 1000:suspect")
    state, none = decide(state, False, 1500, RULES)
    assert none == ()
    state, record = live(every(GAP, 2 * DAY) + f" {2 * DAY + 1}:cover {2 * DAY + 4000}:cover", state)
    assert (record, state.veil) == ([], None)
    _, record = live(f"{3 * DAY}:clean {3 * DAY + 9}:cover {3 * DAY + 4000}:cover", state)
    assert written(record) == [f"{3 * DAY + 9} impaired covered"]


def test_a_restart_or_blindness_makes_the_day_begin_anew() -> None:
    state, record = live("1:clean " + every(GAP, 80_000))
    resumed, _ = resume("c", record, 80_000, 80_100, RULES)
    assert resumed.veil is None
    bridged, _ = bridge(state, Gap(began=900, ended=1100, cause=Cause.OURS, reason="canary"))
    assert bridged.veil is None
    elsewhere, _ = bridge(state, Gap(began=1100, ended=1200, cause=Cause.OURS, reason="canary"))
    assert elsewhere.veil == state.veil


def test_neighbours_are_wanted_for_what_is_new_and_in_doubt() -> None:
    state, _ = live("1:clean")
    assert wants_neighbours(state, veiled(Says.SUSPECT))
    assert wants_neighbours(state, veiled(Says.COVER))
    assert not wants_neighbours(state, veiled(Says.WEATHER))
    assert not wants_neighbours(state, OPEN)
    once, _ = live("1000:suspect", state)
    assert wants_neighbours(once, veiled(Says.SUSPECT))
    twice, _ = live("2800:suspect", once)
    assert not wants_neighbours(twice, veiled(Says.SUSPECT))
    covered, _ = live("1000:cover 2800:cover", state)
    assert not wants_neighbours(covered, veiled(Says.COVER))
    refuted, _ = decide(once, False, 1500, RULES)
    assert not wants_neighbours(refuted, veiled(Says.COVER))


def test_a_second_look_hears_neighbours_since_the_first() -> None:
    assert veiled_since(live("1:clean")[0]) is None
    assert veiled_since(live("1:clean 1000:suspect 2800:suspect")[0]) == 1000
    assert veiled_since(live("1:clean 1000:cover")[0]) == 1000


steps = st.lists(
    st.tuples(
        st.integers(1, 30_000), st.sampled_from(["cover", "weather", "suspect", "clean", "light", "dead", "black"])
    ),
    max_size=60,
)


@given(steps=steps)
def test_what_is_settled_never_changes(steps: list[tuple[int, str]]) -> None:
    state, at = unseen("c", 0), 0
    for after, name in [(1, "clean"), *steps]:
        at += after
        before = settled(state)
        state, transitions = advance(state, replace(SEEN[name], at=at), RULES)
        assert all(transition.at >= before for transition in transitions)
        assert settled(state) >= before


@given(steps=st.lists(st.tuples(st.integers(1, 30_000), st.sampled_from(["weather", "clean", "light"])), max_size=60))
def test_weather_alone_accuses_nobody(steps: list[tuple[int, str]]) -> None:
    at, life = 1, "1:clean"
    for after, name in steps:
        at += after
        life += f" {at}:{name}"
    assert written(live(life)[1]) == ["1 intact"]
