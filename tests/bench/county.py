"""A made-up county's board, of any size, for benchmarks that need no camera to answer."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import cycle, islice

from monitor.core.board import Board, CameraLive, Doubt, Proven, StateSeconds, TownshipMonth
from monitor.core.condition import Cause, Condition, Fault
from monitor.core.fleet import Camera, Contact, Fleet, Township
from monitor.core.record import Event

NOW = 1_793_930_400
TOWNSHIPS = 22
VILLAGES = 354

# Of 40 cameras: one offline, one impaired, one whose recorder is busy, one under suspicion, all others intact.
MIX = (Condition.OFFLINE, Condition.IMPAIRED, Condition.UNKNOWN, *[Condition.INTACT] * 37)


def fleet(cameras: int) -> Fleet:
    """``cameras`` with full ledger rows over the townships and villages."""
    return Fleet.of(
        [Township(code=f"{number:02}", name=f"第{number}镇") for number in range(1, TOWNSHIPS + 1)],
        [_camera(number) for number in range(cameras)],
    )


def board(cameras: int) -> Board:
    """A working morning: some cameras out everywhere, and one village without power."""
    people = fleet(cameras)
    lives = {
        id_: _live(id_, condition, suspect=number % 40 == 39)
        for number, (id_, condition) in enumerate(zip(people.cameras, cycle(MIX), strict=False))
    }
    dark = tuple(islice((id_ for id_, live in lives.items() if live.condition is Condition.OFFLINE), 12))
    return Board(
        now=NOW,
        fleet=people,
        cameras=lives,
        seconds={id_: StateSeconds(intact=2_000_000, impaired=40_000, offline=50_000, unknown=600) for id_ in lives},
        events=(
            Event(kind="village", place="01/第1村", township="01", began=NOW - 5400, cameras=dark, of=len(dark) + 3),
        ),
        townships=tuple(_month(people, lives, code) for code in people.townships),
        county_rate=Fraction(9_512_345, 10_000_000),
        proven=Proven(
            cameras=cameras, port=cameras * 39 // 40, described=cameras * 38 // 40, pictured=cameras * 37 // 40
        ),
        blind=None,
        month="2026-11",
    )


def later(earlier: Board, seconds: int) -> Board:
    """The board some seconds on, so that nothing kept for the earlier one can be served again."""
    return replace(earlier, now=earlier.now + seconds, cameras=dict(earlier.cameras))


def _camera(number: int) -> Camera:
    return Camera(
        id=f"3402000000132{number:07}",
        name=f"第{number % VILLAGES}村路口{number}号枪机",
        township=f"{number % TOWNSHIPS + 1:02}",
        village=f"第{number % VILLAGES}村",
        host=f"127.20.{number // 250}.{number % 250 + 1}",
        rtsp_path="/Streaming/Channels/101",
        maker="海康威视",
        model="DS-2CD3T46WDV3-I3",
        maintainer=Contact(name="示范运维公司", phone="0550-0000001"),
        power=Contact(name="示范供电所", phone="0550-0000002"),
        network=Contact(name="示范电信", phone="0550-0000003"),
    )


def _live(id_: str, condition: Condition, *, suspect: bool) -> CameraLive:
    fault = {Condition.OFFLINE: Fault.UNREACHABLE, Condition.IMPAIRED: Fault.BLACK}.get(condition)
    doubt = Doubt(condition=Condition.IMPAIRED, fault=Fault.COVERED, since=NOW - 900, looks=1, needs_person=True)
    return CameraLive(
        id=id_,
        condition=condition,
        fault=fault,
        cause=Cause.BUSY if condition is Condition.UNKNOWN else None,
        since=NOW - 40_000,
        doubt=doubt if suspect else None,
        last_look_at=NOW - 20,
        last_good_at=NOW - 30,
        last_took_s=0.123456,
        last_outcome="ok",
        answers=condition is not Condition.OFFLINE,
        described=condition is not Condition.OFFLINE,
        pictured=condition is Condition.INTACT,
    )


def _month(people: Fleet, lives: dict[str, CameraLive], code: str) -> TownshipMonth:
    members = [lives[id_] for id_, camera in people.cameras.items() if camera.township == code]
    now = {condition: sum(live.condition is condition for live in members) for condition in Condition}
    return TownshipMonth(
        code=code,
        name=people.townships[code].name,
        cameras=len(members),
        now=now,
        rate=Fraction(now[Condition.INTACT], max(1, len(members) - now[Condition.UNKNOWN])),
        suspects=sum(live.doubt is not None for live in members),
    )
