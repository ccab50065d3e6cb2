"""Due times of cameras."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitor.wheel import Wheel


def test_cameras_are_woken_in_order_of_their_due_times() -> None:
    wheel = Wheel()
    for camera, due in (("b", 2.0), ("a", 1.0), ("c", 9.0)):
        wheel.set(camera, due)
    assert wheel.next_due() == 1.0
    assert wheel.pop_due(5.0) == ["a", "b"]
    assert wheel.pop_due(5.0) == []
    assert len(wheel) == 1


def test_a_due_time_set_anew_replaces_the_old_one() -> None:
    wheel = Wheel()
    wheel.set("a", 1.0)
    wheel.set("a", 7.0)
    assert wheel.pop_due(5.0) == []
    assert wheel.pop_due(7.0) == ["a"]


def test_a_forgotten_camera_is_not_woken() -> None:
    wheel = Wheel()
    wheel.set("a", 1.0)
    wheel.forget("a")
    assert wheel.next_due() is None


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 50)), max_size=60), st.integers(0, 60))
def test_the_wheel_agrees_with_a_plain_dictionary(settings: list[tuple[str, int]], now: int) -> None:
    wheel, latest = Wheel(), dict(settings)
    for camera, due in settings:
        wheel.set(camera, due)
    assert sorted(wheel.pop_due(now)) == sorted(camera for camera, due in latest.items() if due <= now)
    assert len(wheel) == sum(due > now for due in latest.values())
