"""Neighbours tell fog from a covered lens, and nobody is accused without them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.veil import FAR_TIMES, Neighbours, Opinion, Says, Scope, Sight, Sighting, judge_veil, sight_of

AT = 100_000
RULE = Neighbours(window_s=3600, members=3, weather_share=0.4)
MANY = FAR_TIMES * RULE.members

sightings = st.builds(Sighting, at=st.integers(AT - 7200, AT), sight=st.sampled_from(Sight))
villages = st.lists(sightings, max_size=12)


def seen(*sights: Sight, at: int = AT - 60) -> list[Sighting]:
    return [Sighting(at=at, sight=sight) for sight in sights]


def clear(count: int, at: int = AT - 60) -> list[Sighting]:
    return seen(*[Sight.CLEAR] * count, at=at)


def judged(near: Sequence[Sighting], far: Sequence[Sighting] = (), since: int | None = None) -> Opinion:
    return judge_veil(AT, near, far, RULE, since=since)


def test_a_village_that_sees_clearly_knows_a_cover() -> None:
    assert judged(clear(3)) == Opinion(says=Says.COVER, scope=Scope.VILLAGE, asked=3, clear=3)


@pytest.mark.parametrize("sight", [Sight.HAZY, Sight.VEILED])
def test_a_share_of_a_village_that_sees_badly_is_weather(sight: Sight) -> None:
    assert judged([*clear(3), *seen(sight)]).says is Says.COVER
    assert judged([*clear(3), *seen(sight, sight)]) == Opinion(says=Says.WEATHER, scope=Scope.VILLAGE, asked=5, clear=3)


def test_too_few_neighbours_leave_a_suspect() -> None:
    assert judged(()) == Opinion(says=Says.SUSPECT, scope=Scope.TOWNSHIP, asked=0, clear=0)
    assert judged(clear(2)).says is Says.SUSPECT
    assert judged(clear(2), clear(3)).says is Says.SUSPECT


def test_a_township_needs_many_witnesses_and_no_single_doubt() -> None:
    assert judged(clear(2), clear(MANY - 2)) == Opinion(says=Says.COVER, scope=Scope.TOWNSHIP, asked=MANY, clear=MANY)
    assert judged(clear(2), clear(MANY - 3)).says is Says.SUSPECT
    assert judged(clear(2), [*clear(30), *seen(Sight.HAZY)]).says is Says.SUSPECT
    assert judged(clear(1), [*clear(3), *seen(*[Sight.VEILED] * 3)]).says is Says.WEATHER


def test_one_neighbour_in_the_same_fog_is_enough_to_say_so() -> None:
    assert judged(seen(Sight.VEILED)).says is Says.WEATHER


def test_a_village_that_can_tell_is_not_outvoted_by_its_township() -> None:
    assert judged(seen(*[Sight.HAZY] * 3), clear(100)).says is Says.WEATHER
    assert judged(clear(3), seen(*[Sight.VEILED] * 100)).says is Says.COVER


def test_old_looks_tell_nothing() -> None:
    assert judged(clear(3, at=AT - 3600)).says is Says.COVER
    assert judged(clear(3, at=AT - 3601)).asked == 0


def test_a_second_look_hears_only_what_was_seen_since_the_first() -> None:
    before, after = clear(5, at=AT - 2000), seen(*[Sight.HAZY] * 2, at=AT - 100)
    assert judged([*before, *after]).says is Says.COVER
    assert judged([*before, *after], since=AT - 1800) == Opinion(
        says=Says.WEATHER, scope=Scope.TOWNSHIP, asked=2, clear=0
    )


@given(near=villages, far=villages, since=st.none() | st.integers(AT - 7200, AT))
def test_nobody_is_accused_without_enough_clear_witnesses(
    near: list[Sighting], far: list[Sighting], since: int | None
) -> None:
    opinion = judged(near, far, since)
    fresh = [its for its in [*near, *far] if its.at >= max(AT - RULE.window_s, since or 0)]
    assert opinion.asked <= len(fresh)
    assert opinion.clear <= sum(its.sight is Sight.CLEAR for its in fresh)
    if opinion.says is Says.COVER:
        assert opinion.clear >= RULE.members * (1 - RULE.weather_share)
        assert opinion.asked - opinion.clear < RULE.weather_share * opinion.asked


@given(near=villages, far=villages, worse=st.integers(0, 11))
def test_a_neighbour_that_sees_worse_never_turns_weather_into_a_cover(
    near: list[Sighting], far: list[Sighting], worse: int
) -> None:
    changed = [Sighting(at=its.at, sight=Sight.VEILED) if number == worse else its for number, its in enumerate(near)]
    order = [Says.COVER, Says.SUSPECT, Says.WEATHER]
    assert order.index(judged(changed, far).says) >= order.index(judged(near, far).says)


@given(near=villages, far=villages)
def test_the_order_of_the_neighbours_does_not_matter(near: list[Sighting], far: list[Sighting]) -> None:
    assert judged(near[::-1], far[::-1]) == judged(near, far)


@pytest.mark.parametrize(
    ("measures", "sight"),
    [
        ({"veil": 1.0, "haze": 3.0}, Sight.VEILED),
        ({"veil": 0.99, "haze": 1.0}, Sight.HAZY),
        ({"veil": 0.1, "haze": 0.99}, Sight.CLEAR),
        ({"veil": 2.0}, None),
        ({}, None),
        ({"veil": "thick", "haze": 1.0}, None),
    ],
)
def test_a_picture_without_reference_or_light_tells_nothing(measures: dict[str, object], sight: Sight | None) -> None:
    assert sight_of(measures) is sight
