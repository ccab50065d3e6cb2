"""What the newest looks prove, and the board made of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.core.board import Board
from monitor.core.condition import Cause, Condition, Fault
from monitor.core.fleet import Camera, Fleet, Township
from monitor.core.outage import Rules, advance, unseen
from monitor.core.verdict import Look, judge, void
from monitor.live import Live
from probes.observation import Depth, Observation, Outcome

NOW = 1_790_000_000
FLEET = Fleet.of(
    [Township(code="t1", name="山前镇"), Township(code="t2", name="泌水镇")],
    [Camera(id="c", name="村口", township="t1", village="v", host="10.0.0.1")],
)


def seen(depth: Depth, outcome: Outcome, step: str = "", **more: object) -> Observation:
    its = Observation(camera="c", probe="p", depth=depth, at=NOW, took_s=0.5, outcome=outcome, step=step or depth.label)
    return replace(its, **more)  # type: ignore[arg-type]  # the fields of an Observation


def proofs(*observations: Observation, look: Look | None = None) -> tuple[bool | None, bool | None, bool | None]:
    """answers, described, pictured after looks of one observation each."""
    live = Live(Rules())
    for each in observations:
        live.saw(look or judge((each,)), (each,))
    live.show(unseen("c", NOW), NOW)
    shown = board(live).cameras["c"]
    return shown.answers, shown.described, shown.pictured


def board(live: Live) -> Board:
    return live.board(
        now=NOW,
        fleet=FLEET,
        seconds={},
        events=(),
        counts={},
        county=None,
        blind=None,
        link_gaps=(),
        month="2026-10",
        exempt=frozenset(),
    )


PICTURE = seen(Depth.PICTURE, Outcome.OK)


@pytest.mark.parametrize(
    ("observations", "expected"),
    [
        ((seen(Depth.LIGHT, Outcome.OK),), (True, None, None)),
        ((seen(Depth.DESCRIBE, Outcome.OK),), (True, True, None)),
        ((PICTURE,), (True, True, True)),
        ((PICTURE, seen(Depth.LIGHT, Outcome.OK)), (True, True, True)),
        ((PICTURE, seen(Depth.LIGHT, Outcome.UNREACHABLE, "connect")), (False, False, False)),
        ((PICTURE, seen(Depth.DESCRIBE, Outcome.NO_STREAM, "describe", answered=True)), (True, False, False)),
        ((PICTURE, seen(Depth.MEDIA, Outcome.NO_STREAM, "first_rtp", answered=True)), (True, True, False)),
        ((PICTURE, seen(Depth.DESCRIBE, Outcome.BUSY, "describe")), (True, True, True)),
        ((PICTURE, seen(Depth.DESCRIBE, Outcome.INCONCLUSIVE, "describe")), (True, True, True)),
        ((PICTURE, seen(Depth.PICTURE, Outcome.TIMED_OUT, "key_frame", answered=True)), (True, True, True)),
        ((seen(Depth.PICTURE, Outcome.UNDECODABLE),), (True, True, None)),
        ((seen(Depth.ONVIF, Outcome.OK, "device"),), (None, None, None)),
    ],
)
def test_a_look_proves_as_deep_as_it_came_and_disproves_what_lies_deeper(
    observations: tuple[Observation, ...], expected: tuple[bool | None, bool | None, bool | None]
) -> None:
    assert proofs(*observations) == expected


def test_a_void_look_disproves_nothing() -> None:
    failed = seen(Depth.LIGHT, Outcome.UNREACHABLE, "connect")
    live = Live(Rules())
    live.saw(judge((PICTURE,)), (PICTURE,))
    live.saw(void(judge((failed,)), Cause.OURS), (failed,))
    live.show(unseen("c", NOW), NOW)
    assert board(live).proven.pictured == 1


def test_the_board_counts_cameras_by_condition_doubt_and_proof() -> None:
    live = Live(Rules())
    look = judge((PICTURE,))
    live.saw(look, (PICTURE,))
    state, _ = advance(unseen("c", NOW), look, Rules())
    failed = judge((seen(Depth.LIGHT, Outcome.REFUSED, "connect"),))
    state, _ = advance(state, failed, Rules())
    live.show(state, NOW)
    shown = board(live)
    hill, river = shown.townships
    assert (hill.now[Condition.INTACT], hill.cameras, hill.suspects) == (1, 1, 1)
    assert (river.cameras, river.rate) == (0, None)
    assert (shown.proven.cameras, shown.proven.pictured) == (1, 1)
    doubt = shown.cameras["c"].doubt
    assert doubt is not None
    assert (doubt.condition, doubt.fault) == (Condition.OFFLINE, Fault.REFUSED)


def test_image_faults_and_the_clock_stay_until_the_next_picture_or_answer() -> None:
    live = Live(Rules())
    dark = seen(Depth.PICTURE, Outcome.OK, faults=("too_dark",), facts={"clock_offset_s": 12.0})
    light = seen(Depth.LIGHT, Outcome.OK)
    for each in (dark, light):
        live.saw(judge((each,)), (each,))
    live.show(unseen("c", NOW), NOW)
    shown = board(live).cameras["c"]
    assert (shown.image_faults, shown.clock_offset_s, shown.last_outcome) == ((Fault.TOO_DARK,), 12.0, "ok")
    live.saw(judge((PICTURE,)), (PICTURE,))
    live.show(unseen("c", NOW), NOW)
    assert board(live).cameras["c"].image_faults == ()


def test_a_camera_that_left_is_on_no_board() -> None:
    live = Live(Rules())
    live.show(unseen("c", NOW), NOW)
    before = board(live)
    live.forget("c")
    assert board(live).cameras == {}
    assert list(before.cameras) == ["c"], "a board once made does not change"
