"""When a camera is looked at next, and how deep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.condition import Cause, Condition, Fault
from monitor.core.due import Due, Plan, interval, next_look, phase, slot_after
from monitor.core.outage import CameraState, Rules, advance, expire, resume, unseen
from monitor.core.record import Transition
from monitor.core.verdict import Look
from probes.observation import Depth

PLAN, RULES = Plan(), Rules()
LIGHT, DESCRIBE, MEDIA, PICTURE = Depth.LIGHT, Depth.DESCRIBE, Depth.MEDIA, Depth.PICTURE

Answer = tuple[Condition, Fault | None, Depth]
World = Callable[[int, Depth], Answer]
"""what a look at a second and of a depth would say"""


def healthy(at: int, depth: Depth) -> Answer:
    return Condition.INTACT, None, depth


def dead(at: int, depth: Depth) -> Answer:
    return Condition.OFFLINE, Fault.UNREACHABLE, LIGHT


def lost(at: int, depth: Depth) -> Answer:
    return (Condition.IMPAIRED, Fault.NO_STREAM, DESCRIBE) if depth >= DESCRIBE else healthy(at, depth)


def black(at: int, depth: Depth) -> Answer:
    return (Condition.IMPAIRED, Fault.BLACK, PICTURE) if depth is PICTURE else healthy(at, depth)


def denied(at: int, depth: Depth) -> Answer:
    return (Condition.IMPAIRED, Fault.UNAUTHORIZED, DESCRIBE) if depth >= DESCRIBE else healthy(at, depth)


class Watched:
    """A camera looked at just when it is due, in a world that says what each look finds."""

    def __init__(self, camera: str = "c", at: int = 0) -> None:
        self.state = unseen(camera, at)
        self.now = at
        self.last: dict[Depth, int] = {}
        self.looks: list[Due] = []
        self.record: list[Transition] = []
        self.login_from = 0

    def due(self) -> Due:
        return next_look(self.state, self.last, PLAN, RULES, self.now, login_from=self.login_from)

    def live(self, world: World, until: int) -> list[Due]:
        """Look whenever a look is due before ``until``; the looks made."""
        before = len(self.looks)
        while (due := self.due()).at < until:
            self.now = max(due.at, self.now)
            self.look(due.depth, world)
            self.now += 1
        self.now = until
        return self.looks[before:]

    def look(self, depth: Depth, world: World) -> None:
        condition, fault, shown = world(self.now, depth)
        self.last[depth] = self.now
        self.looks.append(Due(self.now, depth))
        if fault is Fault.UNAUTHORIZED:
            self.login_from = self.now + RULES.hold_s
        look = Look(
            camera=self.state.camera,
            at=self.now,
            depth=shown,
            condition=condition,
            fault=fault,
            cause=Cause.BUSY if condition is Condition.UNKNOWN else None,
            grave=(fault,) if fault is Fault.BLACK else (),
        )
        self.state, made = advance(self.state, look, RULES)
        self.state, expired = expire(self.state, self.now, interval(self.state, PLAN), RULES)
        self.record += made + expired


def healthy_camera(until: int = 100_000) -> Watched:
    camera = Watched()
    camera.live(healthy, until)
    return camera


def test_a_camera_never_seen_gets_a_picture_look_at_once() -> None:
    assert Watched(at=1000).due() == Due(1000, PICTURE)


def test_a_healthy_camera_gets_each_look_at_its_interval() -> None:
    looks = Counter(due.depth for due in healthy_camera(86400).looks)
    assert looks[PICTURE] in (4, 5)
    assert looks[MEDIA] == pytest.approx(48 - 4, abs=2)
    assert looks[DESCRIBE] == pytest.approx(288 - 48, abs=2)
    assert looks[LIGHT] == pytest.approx(1440 - 288, abs=2)


def test_no_healthy_camera_waits_longer_than_its_light_interval() -> None:
    looks = healthy_camera(86400).looks
    assert max(after.at - before.at for before, after in pairwise(looks)) <= 90


def test_picture_looks_fall_six_hours_apart_at_the_same_hours_every_day() -> None:
    pictures = [due.at for due in healthy_camera(5 * 86400).looks if due.depth is PICTURE][2:]
    assert {at % 21600 for at in pictures} == {phase("c", 21600)}


def test_a_restart_keeps_the_phase() -> None:
    before = healthy_camera()
    after = Watched()
    after.state, _ = resume("c", before.record, 100_000, 100_010, RULES)
    after.now = 100_010
    looks = after.live(healthy, 200_000)
    assert looks[0] == Due(100_010, LIGHT), "what tells soonest whether the old condition still holds"
    assert {due.at % 21600 for due in looks if due.depth is PICTURE} == {phase("c", 21600)}
    assert min(due.at for due in looks if due.depth is PICTURE) < 100_010 + 21600


def test_phases_spread_a_fleet_evenly() -> None:
    minutes = Counter(phase(f"3301060013{number:010d}", 60) for number in range(6000))
    assert len(minutes) == 60
    assert max(minutes.values()) < 160


@given(st.integers(0, 10**9), st.sampled_from([1, 2, 5, 60, 300, 1800, 21600]))
def test_a_slot_is_half_to_one_and_a_half_intervals_after_a_look(last: int, interval_s: int) -> None:
    slot = slot_after("c", last, interval_s)
    assert slot % interval_s == phase("c", interval_s)
    assert interval_s / 2 <= slot - last <= interval_s * 3 / 2 + 1


def test_a_suspect_is_looked_at_again_after_20_and_60_seconds() -> None:
    camera = healthy_camera()
    failed = camera.live(dead, camera.now + 200)
    first = failed[0].at
    assert {first + 20, first + 80} <= {due.at for due in failed}
    assert camera.record[-1].at == first
    assert camera.record[-1].decided_at == first + 80


@pytest.mark.parametrize(("world", "depth"), [(dead, LIGHT), (lost, DESCRIBE)])
def test_a_suspect_is_looked_at_as_deep_as_its_doubt(world: World, depth: Depth) -> None:
    camera = healthy_camera()
    camera.live(world, camera.now + 400)
    assert camera.record[-1].condition is not Condition.INTACT
    assert all(due.depth >= depth for due in camera.looks if due.at in camera.record[-1].looks)


def test_an_offline_camera_is_looked_at_with_backoff_to_15_minutes() -> None:
    camera = Watched()
    camera.live(dead, 20_000)
    gaps = [after.at - before.at for before, after in pairwise(camera.looks)]
    assert gaps[:9] == [20, 60, 60, 120, 240, 480, 900, 900, 900]
    assert interval(camera.state, PLAN) == 900
    assert all(due.depth is LIGHT for due in camera.looks[3:])


def test_a_repair_is_credited_within_15_minutes_from_the_second_it_is_seen() -> None:
    camera = Watched()
    camera.live(dead, 20_000)
    looks = camera.live(healthy, 21_000)
    assert [due.depth for due in looks[:3]] == [LIGHT, PICTURE, DESCRIBE]
    assert looks[1].at - looks[0].at <= 1
    assert looks[2].at - looks[1].at == RULES.up_apart_s
    assert (camera.record[-1].condition, camera.record[-1].at) == (Condition.INTACT, looks[1].at)
    assert looks[0].at - 20_000 <= 900


def test_a_camera_that_answers_but_is_busy_is_asked_again_every_minute() -> None:
    camera = Watched()
    camera.live(dead, 20_000)

    def busy(at: int, depth: Depth) -> Answer:
        return (Condition.UNKNOWN, None, depth) if depth > LIGHT else healthy(at, depth)

    deep = [due.at for due in camera.live(busy, 22_000) if due.depth is PICTURE]
    assert len(deep) > 10
    assert all(after - before == 60 for before, after in pairwise(deep))


def test_a_silent_port_is_looked_at_as_deep_as_its_silence() -> None:
    def silent(at: int, depth: Depth) -> Answer:
        return (Condition.OFFLINE, Fault.UNREACHABLE, DESCRIBE) if depth >= DESCRIBE else healthy(at, depth)

    camera = Watched()
    camera.live(silent, 20_000)
    assert camera.record[-1].condition is Condition.OFFLINE
    assert {due.depth for due in camera.looks[-5:]} == {DESCRIBE}


def test_an_impaired_camera_gets_its_deep_look_every_15_minutes() -> None:
    camera = healthy_camera()
    camera.live(black, camera.now + 50_000)
    assert camera.record[-1].fault is Fault.BLACK
    pictures = [due.at for due in camera.live(black, camera.now + 10_000) if due.depth is PICTURE]
    assert all(after - before <= 900 for before, after in pairwise(pictures))
    clean = [due for due in camera.live(healthy, camera.now + 1000) if due.depth is PICTURE]
    assert clean[1].at - clean[0].at == RULES.up_apart_s
    assert camera.record[-1].condition is Condition.INTACT


def test_a_doubted_picture_is_looked_at_again_after_half_an_hour() -> None:
    camera = healthy_camera()
    pictures = [due.at for due in camera.live(black, camera.now + 30_000) if due.depth is PICTURE]
    assert pictures[1] - pictures[0] == RULES.image_gap_s
    assert camera.record[-1].at == pictures[0]


def test_a_held_login_lets_only_light_looks_through() -> None:
    camera = healthy_camera()
    looks = camera.live(denied, camera.now + 7200)
    logins = [due.at for due in looks if due.depth > LIGHT]
    assert all(after - before >= RULES.hold_s for before, after in pairwise(logins))
    assert len(logins) == 4
    assert camera.record[-1].fault is Fault.UNAUTHORIZED
    assert camera.record[-1].at == logins[0]
    assert sum(due.depth is LIGHT for due in looks) > 100


def test_the_deepest_look_that_is_due_wins() -> None:
    camera = healthy_camera()
    late: Mapping[Depth, int] = dict.fromkeys(camera.last, camera.now - 50_000)
    assert next_look(camera.state, late, PLAN, RULES, camera.now).depth is PICTURE


def test_a_look_left_out_of_the_plan_never_comes() -> None:
    camera = healthy_camera()
    plan = replace(PLAN, media_s=0, picture_s=0)
    dues = [
        next_look(camera.state, camera.last, plan, RULES, at).depth
        for at in range(camera.now, camera.now + 90_000, 977)
    ]
    assert set(dues) <= {LIGHT, DESCRIBE}


def state_of(condition: Condition, fails: int) -> CameraState:
    return replace(unseen("c", 0), condition=condition, fails=fails)


@pytest.mark.parametrize(
    ("condition", "fails", "expected"),
    [
        (Condition.INTACT, 0, 60),
        (Condition.IMPAIRED, 9, 60),
        (Condition.UNKNOWN, 9, 60),
        (Condition.OFFLINE, 0, 60),
        (Condition.OFFLINE, 3, 480),
        (Condition.OFFLINE, 4, 900),
        (Condition.OFFLINE, 99, 900),
    ],
)
def test_a_cameras_own_interval_includes_its_backoff(condition: Condition, fails: int, expected: int) -> None:
    assert interval(state_of(condition, fails), PLAN) == expected


def test_a_camera_dead_all_month_is_never_unknown() -> None:
    camera = Watched()
    camera.live(dead, 31 * 86400)
    assert [(t.at, t.condition) for t in camera.record] == [(0, Condition.OFFLINE)]
