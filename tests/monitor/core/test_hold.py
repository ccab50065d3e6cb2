"""Refused logins are held back."""

from __future__ import annotations

from monitor.core.fleet import Camera
from monitor.core.hold import Holds, changed, held, over, refused, trial

NONE: Holds = {}


def test_one_refusal_holds_the_pair_of_host_and_credential() -> None:
    holds = refused(NONE, "10.0.0.1", "county", 1000, 1800)
    assert held(holds, "10.0.0.1", "county", 2799)
    assert not held(holds, "10.0.0.1", "county", 2800)
    assert not held(holds, "10.0.0.2", "county", 1001)
    assert not held(holds, "10.0.0.1", "spare", 1001)


def test_a_changed_credential_is_free_again() -> None:
    holds = refused(refused(NONE, "10.0.0.1", "county", 1000, 1800), "10.0.0.1", "spare", 1000, 1800)
    assert set(changed(holds, {"county"})) == {("10.0.0.1", "spare")}


def test_holds_that_are_over_are_forgotten() -> None:
    holds = refused(refused(NONE, "a", "county", 1000, 1800), "b", "county", 1500, 1800)
    assert set(over(holds, 2800)) == {("b", "county")}


def camera(number: int, host: str, credential: str = "county") -> Camera:
    return Camera(id=f"c{number}", name="点", township="01", village="", host=host, credential=credential)


def test_a_new_credential_is_tried_on_three_cameras_behind_different_hosts() -> None:
    fleet = [*(camera(number, "nvr") for number in range(5)), camera(5, "b"), camera(6, "c"), camera(7, "d", "other")]
    assert [tried.id for tried in trial(fleet, "county")] == ["c0", "c5", "c6"]


def test_a_credential_of_one_recorder_is_tried_on_three_of_its_channels() -> None:
    fleet = [camera(number, "nvr") for number in range(5)]
    assert [tried.id for tried in trial(fleet, "county")] == ["c0", "c1", "c2"]
    assert trial(fleet, "spare") == ()
