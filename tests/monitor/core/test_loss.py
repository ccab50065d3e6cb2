"""Whose are the packets that are missing?"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from monitor.core.loss import WINDOW_S, Arrival, arrival_seen, is_of_link
from probes.observation import Depth, Observation, Outcome

AT = 10_000


def arrivals(lossy: int, whole: int, *, at: int = AT - 60) -> list[Arrival]:
    return [Arrival(at=at, lossy=number < lossy) for number in range(lossy + whole)]


@pytest.mark.parametrize(
    ("lossy", "whole", "of_link"),
    [(0, 0, False), (0, 9, False), (1, 0, True), (1, 2, True), (1, 3, False), (10, 20, True), (10, 21, False)],
)
def test_a_link_loses_packets_when_a_third_of_the_others_lack_some(lossy: int, whole: int, of_link: bool) -> None:
    assert is_of_link(AT, arrivals(lossy, whole)) is of_link


def test_what_came_long_ago_tells_nothing_of_the_link_now() -> None:
    assert not is_of_link(AT, arrivals(5, 0, at=AT - WINDOW_S - 1))
    assert is_of_link(AT, [*arrivals(1, 1), *arrivals(0, 50, at=AT - WINDOW_S - 1)])


@pytest.mark.parametrize(
    ("depth", "facts", "arrival"),
    [
        (Depth.MEDIA, {"gapped_key_frames": 2}, None),
        (Depth.PICTURE, {}, None),
        (Depth.PICTURE, {"key_frame_bytes": 60_000}, Arrival(at=AT, lossy=False)),
        (Depth.PICTURE, {"key_frame_bytes": 60_000, "gapped_key_frames": 1}, Arrival(at=AT, lossy=True)),
        (Depth.PICTURE, {"gapped_key_frames": 3}, Arrival(at=AT, lossy=True)),
    ],
)
def test_only_key_frames_tell_of_the_way(depth: Depth, facts: Mapping[str, object], arrival: Arrival | None) -> None:
    seen = Observation(
        camera="c001", probe="picture", depth=depth, at=AT + 0.7, took_s=1.0, outcome=Outcome.OK, step="", facts=facts
    )
    assert arrival_seen(seen) == arrival
