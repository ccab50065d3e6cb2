"""A new login is tried on a few cameras first."""

from __future__ import annotations

from monitor.core.fleet import Camera
from monitor.core.hold import trial


def camera(number: int, host: str, credential: str = "county") -> Camera:
    return Camera(id=f"c{number}", name="点", township="01", village="", host=host, credential=credential)


def test_a_new_credential_is_tried_on_three_cameras_behind_different_hosts() -> None:
    fleet = [*(camera(number, "nvr") for number in range(5)), camera(5, "b"), camera(6, "c"), camera(7, "d", "other")]
    assert [tried.id for tried in trial(fleet, "county")] == ["c0", "c5", "c6"]


def test_a_credential_of_one_recorder_is_tried_on_three_of_its_channels() -> None:
    fleet = [camera(number, "nvr") for number in range(5)]
    assert [tried.id for tried in trial(fleet, "county")] == ["c0", "c1", "c2"]
    assert trial(fleet, "spare") == ()
