"""Holds and trials of logins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitor.logins import NEVER, TRIAL, Login, Logins
from monitor.store import Hold
from probes.observation import Credential, Target

KEY = Credential(id="key", username="admin", password="secret")
HOLD_S = 1800
NOW = 1_790_000_000


def target(camera: str, host: str = "", credential: Credential | None = KEY) -> Target:
    return Target(camera=camera, host=host or f"10.0.0.{camera}", credential=credential)


def proven(*holds: Hold) -> Logins:
    return Logins(holds, ["key"], HOLD_S)


def refuse(logins: Logins, its: Target, now: int) -> tuple[Hold, ...]:
    assert logins.begin(its, now)
    return logins.end(its, Login.REFUSED, now)


def test_without_a_credential_nothing_is_held() -> None:
    logins = proven()
    nobody = target("1", credential=None)
    assert logins.allowed_from(nobody, NOW) == 0
    assert logins.begin(nobody, NOW)
    assert logins.end(nobody, Login.REFUSED, NOW) == ()


def test_a_refusal_holds_the_pair_and_only_the_pair() -> None:
    logins = proven()
    (hold,) = refuse(logins, target("1", "10.0.0.9"), NOW)
    assert hold == Hold(host="10.0.0.9", credential="key", until=NOW + HOLD_S, refusals=1)
    assert logins.allowed_from(target("2", "10.0.0.9"), NOW) == NOW + HOLD_S
    assert logins.allowed_from(target("3", "10.0.0.8"), NOW) == 0
    assert not logins.begin(target("1", "10.0.0.9"), NOW + HOLD_S - 1)
    assert logins.begin(target("1", "10.0.0.9"), NOW + HOLD_S)


def test_when_the_hold_is_over_one_channel_tries_and_the_others_wait_for_it() -> None:
    logins = proven()
    first, second = target("1", "10.0.0.9"), target("2", "10.0.0.9")
    refuse(logins, first, NOW)
    later = NOW + HOLD_S
    assert logins.begin(first, later)
    assert not logins.begin(second, later)
    logins.end(first, Login.UNASKED, later)
    assert logins.begin(second, later)


def test_an_acceptance_forgets_the_hold_for_good() -> None:
    logins = proven(Hold(host="10.0.0.9", credential="key", until=NOW, refusals=2))
    its = target("1", "10.0.0.9")
    assert logins.begin(its, NOW)
    assert logins.end(its, Login.ACCEPTED, NOW) == (Hold(host="10.0.0.9", credential="key", until=0, refusals=0),)
    assert logins.allowed_from(its, NOW) == 0


def test_refusals_add_up_over_a_restart() -> None:
    logins = proven(Hold(host="10.0.0.9", credential="key", until=NOW, refusals=2))
    (hold,) = refuse(logins, target("1", "10.0.0.9"), NOW)
    assert hold.refusals == 3


def test_a_new_credential_is_tried_by_three_cameras_at_a_time() -> None:
    logins = Logins((), (), HOLD_S)
    assert [logins.begin(target(str(number)), NOW) for number in range(5)] == [True] * TRIAL + [False] * 2
    assert logins.allowed_from(target("4"), NOW) == NEVER
    logins.end(target("0"), Login.UNASKED, NOW)
    assert logins.begin(target("4"), NOW), "one that told nothing gives its place to another"


def test_three_refusals_end_the_trial_until_one_of_them_gets_in() -> None:
    logins = Logins((), (), HOLD_S)
    for number in range(TRIAL):
        refuse(logins, target(str(number)), NOW)
    assert logins.on_trial("key")
    assert logins.allowed_from(target("9"), NOW + 10 * HOLD_S) == NEVER
    assert logins.begin(target("0"), NOW + HOLD_S)
    logins.end(target("0"), Login.ACCEPTED, NOW + HOLD_S)
    assert not logins.on_trial("key")
    assert logins.allowed_from(target("9"), NOW) == 0


def test_a_changed_credential_is_on_trial_again_and_its_holds_are_void() -> None:
    logins = proven()
    refuse(logins, target("1", "10.0.0.9"), NOW)
    assert logins.changed("key") == (Hold(host="10.0.0.9", credential="key", until=0, refusals=0),)
    assert logins.on_trial("key")
    assert logins.allowed_from(target("1", "10.0.0.9"), NOW) == 0


def test_a_camera_that_left_gives_its_place_back_wherever_it_had_one() -> None:
    logins = Logins((), (), HOLD_S)
    for number in range(TRIAL):
        refuse(logins, target(str(number)), NOW)
    logins.forget("0")
    assert logins.allowed_from(target("9"), NOW) == 0
    others = proven()
    refuse(others, target("1", "10.0.0.9"), NOW)
    assert others.begin(target("1", "10.0.0.9"), NOW + HOLD_S)
    others.forget("1")
    assert others.begin(target("2", "10.0.0.9"), NOW + HOLD_S)


def test_three_refused_channels_speak_for_their_device() -> None:
    logins = proven()
    for number in range(TRIAL):
        its = target(str(number), "10.0.0.9")
        assert not logins.speaks_for_device(its, 32)
        refuse(logins, its, NOW + number * HOLD_S)
    assert logins.speaks_for_device(target("7", "10.0.0.9"), 32)
    assert not logins.speaks_for_device(target("7", "10.0.0.9"), 1)
    assert not logins.speaks_for_device(target("7", "10.0.0.8"), 32)


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from(Login), st.integers(0, 600)), max_size=60))
def test_a_device_never_gets_two_refusals_within_a_hold(story: list[tuple[int, Login, int]]) -> None:
    logins, now = proven(), NOW
    refused_at: list[int] = []
    for number, answer, pause in story:
        now += pause
        its = target(str(number), "10.0.0.9")
        if logins.begin(its, now):
            logins.end(its, answer, now)
            if answer is Login.REFUSED:
                assert not refused_at or now - refused_at[-1] >= HOLD_S
                refused_at.append(now)
            if answer is Login.ACCEPTED:
                refused_at.clear()
    assert logins.allowed_from(target("9", "10.0.0.9"), now) <= now + HOLD_S
