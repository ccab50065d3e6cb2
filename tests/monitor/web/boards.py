"""Boards of a fictitious county for tests and for looking at pages: a quiet day, a bad day, a blind one."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import cv2
import numpy as np

from monitor.core.board import Board, CameraLive, Doubt, Proven, StateSeconds, TownshipMonth
from monitor.core.certificate import CertificateNote
from monitor.core.condition import Cause, Condition, Fault
from monitor.core.fleet import Camera, Contact, Fleet, Township
from monitor.core.record import Event, Gap, Interval, Outage, Transition
from monitor.store.values import Decision, Evidence, EvidenceKind, Ruling
from monitor.web.settings import Settings
from monitor.web.source import (
    Life,
    MonthLine,
    MonthState,
    NoSuchPaperError,
    NoSuchPictureError,
    NothingToDecideError,
    PaperLine,
    Snapshot,
)
from probes.observation import Light, Reference, Step
from tests.monitor.web.months import DRAFT, FROZEN, RUNNING, SHA256, at_home, november, october

ZONE = ZoneInfo("Asia/Shanghai")
NOW = int(datetime(2026, 11, 24, 8, 30, 5, tzinfo=ZONE).timestamp())
MONTH_BEGAN = int(datetime(2026, 11, 1, tzinfo=ZONE).timestamp())

# fmt: off
TOWNSHIPS = (
    "城关镇", "石桥镇", "清溪镇", "柳林镇", "望山镇", "白塔镇", "河口镇", "东岭镇", "大槐树镇", "新集镇", "双井镇",
    "枫桥乡", "云台乡", "金沙乡", "黄泥乡", "三岔乡", "永丰乡", "长岗乡", "竹园乡", "龙泉街道", "南湖街道", "北苑街道",
)
VILLAGES = (
    "柳树", "前进", "张家", "李家湾", "小河", "高庙", "新民", "红旗",
    "东风", "杨柳", "石门", "桃园", "马鞍山", "上坝", "下坝", "团结",
)
PLACES = (
    "东路口", "西路口", "村委会", "小学门口", "桥头", "卫生室",
    "文化广场", "水库大坝", "加油站", "卡口", "祠堂", "农贸市场",
)
# fmt: on
MAKERS = (("海康威视", "DS-2CD3T47"), ("大华", "DH-IPC-HFW4443"), ("宇视", "IPC-B3A4"))


def fleet_of(cameras: int) -> Fleet:
    """``cameras`` cameras in 22 townships of 16 villages; each village has its electrician, each township its line."""
    townships = [Township(code=f"3411{n:02d}", name=name) for n, name in enumerate(TOWNSHIPS, start=1)]
    return Fleet.of(townships, (_camera(number, townships) for number in range(cameras)))


def _camera(number: int, townships: list[Township]) -> Camera:
    where = number % len(townships)
    inside = number // len(townships)
    village = inside % len(VILLAGES)
    maker, model = MAKERS[number % len(MAKERS)]
    return Camera(
        id=f"341122{where + 1:02d}001310{number:06d}",
        name=f"{VILLAGES[village]}村{PLACES[(inside // len(VILLAGES)) % len(PLACES)]}{inside // 192 or ''}",
        township=townships[where].code,
        village=f"{VILLAGES[village]}村",
        host=f"127.{10 + where}.{village}.{10 + inside // len(VILLAGES) % 200}",
        rtsp_path="/Streaming/Channels/101",
        credential="county",
        key_point=number % 17 == 0,
        maker=maker,
        model=model,
        maintainer=Contact(name=f"安讯运维{where % 3 + 1}组", phone=f"0555-60{where % 3 + 1}2345"),
        power=Contact(name=f"{townships[where].name}供电所", phone=f"0555-62{where + 10}110"),
        network=Contact(name="电信政企", phone="0555-6010000"),
    )


class _Story:
    """What has gone wrong so far, camera by camera."""

    def __init__(self, fleet: Fleet, seed: int) -> None:
        self.random = random.Random(seed)
        self.fleet = fleet
        self.live = {id_: self._well(id_) for id_ in fleet.cameras}
        self.events: list[Event] = []

    def _well(self, id_: str) -> CameraLive:
        return CameraLive(
            id=id_,
            condition=Condition.INTACT,
            fault=None,
            cause=None,
            since=MONTH_BEGAN + self.random.randrange(20 * 86_400),
            last_look_at=NOW - self.random.randrange(60),
            last_good_at=NOW - self.random.randrange(60),
            last_took_s=round(self.random.uniform(0.02, 0.4), 4),
            last_outcome="ok",
            answers=True,
            described=True,
            pictured=True,
            clock_offset_s=round(self.random.uniform(-2, 2), 1),
        )

    def village_event(self, township: str, village: str, ago: int) -> None:
        members = [c.id for c in self.fleet.cameras.values() if c.township == township and c.village == village]
        self._event("village", f"{township}/{village}", township, members, ago, of=len(members))

    def link_event(self, township: str, ago: int) -> None:
        members = [c.id for c in self.fleet.cameras.values() if c.township == township]
        self._event("link", township, township, members, ago, of=len(members))

    def recorder_event(self, members: list[str], ago: int) -> None:
        first = self.fleet.cameras[members[0]]
        self._event("recorder", first.address, first.township, members, ago, of=len(members) + 1)

    def _event(self, kind: str, place: str, township: str, members: list[str], ago: int, *, of: int) -> None:
        event = Event(kind=kind, place=place, township=township, began=NOW - ago, cameras=tuple(members), of=of)
        self.events.append(event)
        for id_ in members:
            self.fail(id_, Condition.OFFLINE, Fault.UNREACHABLE, ago)

    def fail(self, id_: str, condition: Condition, fault: Fault, ago: int) -> None:
        answers = condition is Condition.IMPAIRED
        self.live[id_] = replace(
            self.live[id_],
            condition=condition,
            fault=fault,
            since=NOW - ago,
            last_good_at=NOW - ago - 30,
            last_outcome="bad_picture" if fault in (Fault.BLACK, Fault.COVERED, Fault.FROZEN) else fault.value,
            answers=answers,
            described=answers and fault is not Fault.NO_STREAM,
            pictured=False,
            flapping=self.random.random() < 0.1,
        )

    def doubt(self, id_: str, fault: Fault, ago: int) -> None:
        seen = Doubt(
            condition=Condition.IMPAIRED,
            fault=fault,
            since=NOW - ago,
            looks=2,
            needs_person=fault is not Fault.NO_STREAM,
        )
        self.live[id_] = replace(self.live[id_], doubt=seen, pictured=False, image_faults=(fault,))

    def recover(self, id_: str) -> None:
        coming = Doubt(condition=Condition.INTACT, fault=None, since=NOW - 20, looks=1, needs_person=False)
        self.live[id_] = replace(self.live[id_], doubt=coming)

    def spare(self, count: int) -> list[str]:
        """Ids of cameras that are still well, drawn at random."""
        well = [id_ for id_, live in self.live.items() if live.condition is Condition.INTACT and live.doubt is None]
        return self.random.sample(well, count)


SINGLE_FAULTS = (
    (Condition.OFFLINE, Fault.UNREACHABLE),
    (Condition.OFFLINE, Fault.REFUSED),
    (Condition.IMPAIRED, Fault.NO_STREAM),
    (Condition.IMPAIRED, Fault.UNAUTHORIZED),
    (Condition.IMPAIRED, Fault.BLACK),
    (Condition.IMPAIRED, Fault.COVERED),
)


def ordinary_board(cameras: int = 880, *, seed: int = 1) -> Board:
    """08:30 on an ordinary day: a village without power, a recorder, a dozen single outages, some suspects."""
    story = _Story(fleet_of(cameras), seed)
    story.village_event("341102", "柳树村", 2 * 3600 + 16 * 60)
    behind = [camera.id for camera in story.fleet.cameras.values() if camera.township == "341107"][:7]
    story.recorder_event(behind, 900)
    _singles(story, cameras // 70)
    _suspects(story, 5)
    return _board(story)


def bad_board(cameras: int = 4000, *, faulty: int = 600, seed: int = 2) -> Board:
    """A storm: a township's link down, dozens of villages without power, ``faulty`` cameras out in all."""
    story = _Story(fleet_of(cameras), seed)
    story.link_event("341105", 3 * 3600)
    villages = [(code, f"{name}村") for name in VILLAGES for code in story.fleet.townships if code != "341105"]
    for ago, (township, village) in enumerate(villages, start=1):
        if _out(story) >= faulty - 120:
            break
        story.village_event(township, village, ago * 420)
    _singles(story, faulty - _out(story))
    _suspects(story, 40)
    return _board(story)


def quiet_board(cameras: int = 880) -> Board:
    """Nothing to do."""
    return _board(_Story(fleet_of(cameras), 3))


def blind_board(cameras: int = 880) -> Board:
    """Our own uplink has been cut for eleven minutes: everybody is unknown."""
    board = ordinary_board(cameras)
    began = NOW - 660
    unknown = {
        id_: replace(live, condition=Condition.UNKNOWN, fault=None, cause=Cause.OURS, since=began, doubt=None)
        for id_, live in board.cameras.items()
    }
    now = {month.code: {Condition.UNKNOWN: month.cameras} for month in board.townships}
    return replace(
        board,
        cameras=unknown,
        events=(),
        townships=tuple(replace(month, now=now[month.code]) for month in board.townships),
        blind=Gap(began=began, ended=None, cause=Cause.OURS, reason="canary"),
    )


def hostile_board() -> Board:
    """Names that want to be markup, label syntax or half a character."""
    names = ["<script>alert(1)</script>", 'say "hi"\\ \n{{ 7*7 }}', "半个\ud83d字符", "‮反向", "' onmouseover='x"]
    fleet = Fleet.of(
        [Township(code="34<b>", name="<b>镇</b>")],
        [
            Camera(id=f'{n}/"<\\', name=name, township="34<b>", village="<i>村</i>", model='"\n\\', host="127.0.0.1")
            for n, name in enumerate(names)
        ],
    )
    story = _Story(fleet, 4)
    for id_ in fleet.cameras:
        story.fail(id_, Condition.IMPAIRED, Fault.BLACK, 60)
    return _board(story)


def _singles(story: _Story, count: int) -> None:
    for number, id_ in enumerate(story.spare(count)):
        condition, fault = SINGLE_FAULTS[number % len(SINGLE_FAULTS)]
        story.fail(id_, condition, fault, story.random.randrange(200, 3 * 86_400))
        if number % 5 == 4:
            story.recover(id_)


def _suspects(story: _Story, count: int) -> None:
    for number, id_ in enumerate(story.spare(count)):
        story.doubt(id_, (Fault.COVERED, Fault.BLACK, Fault.FROZEN, Fault.NO_STREAM)[number % 4], 300 + 60 * number)


def _out(story: _Story) -> int:
    return sum(live.condition is not Condition.INTACT for live in story.live.values())


def _board(story: _Story) -> Board:
    live = story.live
    townships = tuple(_month(story, code) for code in story.fleet.townships)
    rated = [month.rate for month in townships if month.rate is not None]
    return Board(
        now=NOW,
        fleet=story.fleet,
        cameras=live,
        seconds={id_: _spent(story, state) for id_, state in live.items()},
        events=tuple(story.events),
        townships=townships,
        county_rate=sum(rated, Fraction(0)) / len(rated) if rated else None,
        proven=Proven(
            cameras=len(live),
            port=sum(state.answers is True for state in live.values()),
            described=sum(state.described is True for state in live.values()),
            pictured=sum(state.pictured is True for state in live.values()),
        ),
        blind=None,
        month="2026-11",
    )


def _spent(story: _Story, live: CameraLive) -> StateSeconds:
    out = NOW - live.since if live.condition in (Condition.OFFLINE, Condition.IMPAIRED) else 0
    offline = out if live.condition is Condition.OFFLINE else 0
    return StateSeconds(
        intact=NOW - MONTH_BEGAN - out - 600,
        impaired=out - offline,
        offline=offline,
        unknown=story.random.randrange(600),
    )


def _month(story: _Story, code: str) -> TownshipMonth:
    ids = [camera.id for camera in story.fleet.cameras.values() if camera.township == code]
    now = Counter(story.live[id_].condition for id_ in ids)
    lost = story.random.randrange(40, 900) + 60 * (len(ids) - now[Condition.INTACT])
    return TownshipMonth(
        code=code,
        name=story.fleet.townships[code].name,
        cameras=len(ids),
        now=now,
        rate=Fraction(10_000 - min(lost, 4000), 10_000) if ids else None,
        suspects=sum(story.live[id_].doubt is not None for id_ in ids),
    )


PDF = b"%PDF-1.7\nmade up"
PAPERS = (
    PaperLine(name="circular.pdf", title="关于2026年10月份全县公共视频监控在线完好情况的通报", bytes=412_331),
    PaperLine(name="annex.pdf", title="附件：故障点位清单", bytes=1_204_118),
    PaperLine(name="notices/341101-城关镇.pdf", title="城关镇整改通知单", bytes=96_004),
)


@dataclass
class MemorySource:
    """A Source whose board a test replaces; decisions are kept and lift the doubt.

    ``snapshots`` are made for the board's fleet when first asked for, unless a test has put some there.
    """

    current: Board

    def __post_init__(self) -> None:
        self.decisions: list[Decision] = []
        self.certificates: tuple[CertificateNote, ...] = ()
        self.known: Mapping[Light, Reference] = {
            Light.DAY: Reference(at=NOW - 86_400, thumb=bytes(range(160)) * 90, approved_by="李强")
        }
        self.evidence = (_covered_look(), _good_look())
        self.lines: tuple[MonthLine, ...] = (
            MonthLine(month=DRAFT, state=MonthState.CLOSED),
            MonthLine(month=FROZEN, state=MonthState.FROZEN, revision=2, sha256=SHA256, papers=PAPERS),
            MonthLine(month=RUNNING, state=MonthState.OPEN),
        )
        self.papers = {(FROZEN, paper.name): PDF for paper in PAPERS}
        self.snapshots: dict[str, Snapshot] = {}

    def board(self) -> Board:
        return self.current

    async def months(self) -> tuple[MonthLine, ...]:
        return self.lines

    async def month(self, month: str) -> Snapshot | None:
        if not self.snapshots:
            frozen = at_home(october(), self.current.fleet)
            draft = {**frozen, "month": DRAFT, "state": "draft", "revision": 1, "reason": ""}
            self.snapshots = {FROZEN: frozen, DRAFT: draft, RUNNING: november(frozen)}
        return self.snapshots.get(month)

    async def outages(self, month: str, township: str, day: int) -> tuple[Outage, ...]:
        began = int(datetime(int(month[:4]), int(month[5:]), day, 9, 12, tzinfo=ZONE).timestamp())
        snapshot = await self.month(month)
        assert snapshot is not None
        ids = [row["id"] for row in snapshot["cameras"] if row["township"] == township][: 2 + day % 3]
        kinds = ((Condition.OFFLINE, Fault.UNREACHABLE), (Condition.IMPAIRED, Fault.COVERED))
        return tuple(
            Outage(
                camera=id_,
                condition=kinds[number % 2][0],
                fault=kinds[number % 2][1],
                began=began - number * 40_000,
                ended=began + 3700 * (number + 1) if number else None,
            )
            for number, id_ in enumerate(ids)
        )

    async def paper(self, month: str, name: str) -> bytes:
        if (month, name) not in self.papers:
            raise NoSuchPaperError(f"{name} of {month}")
        return self.papers[month, name]

    async def life(self, camera: str, month: str | None = None) -> Life:
        if month is not None and month != RUNNING:
            return _october_of(camera)
        live = self.current.cameras.get(camera)
        if live is None:
            return Life(camera=camera, began=MONTH_BEGAN, until=NOW, intervals=())
        began = max(live.since, MONTH_BEGAN + 6 * 86_400)
        intervals = [
            Interval(began=MONTH_BEGAN, ended=MONTH_BEGAN + 5 * 86_400, condition=Condition.INTACT),
            Interval(
                began=MONTH_BEGAN + 5 * 86_400,
                ended=MONTH_BEGAN + 5 * 86_400 + 7000,
                condition=Condition.OFFLINE,
                fault=Fault.UNREACHABLE,
            ),
            Interval(began=MONTH_BEGAN + 5 * 86_400 + 7000, ended=began, condition=Condition.INTACT),
            Interval(began=began, ended=NOW, condition=live.condition, fault=live.fault, cause=live.cause),
        ]
        reason = Transition(
            camera=camera,
            at=began,
            condition=live.condition,
            fault=live.fault,
            cause=live.cause,
            decided_at=began + 85,
            looks=(began, began + 21, began + 82),
        )
        return Life(
            camera=camera,
            began=MONTH_BEGAN,
            until=NOW,
            intervals=tuple(interval for interval in intervals if interval.ended > interval.began),
            transitions=(reason,),
            evidence=self.evidence,
            decisions=tuple(decision for decision in self.decisions if decision.camera == camera),
            certificates=self.certificates,
        )

    async def picture(self, camera: str, at: int) -> bytes:
        kept_ones = (*self.evidence, *_october_of(camera).evidence)
        jpeg = next((kept.jpeg for kept in kept_ones if kept.at == at), None)
        if jpeg is None:
            raise NoSuchPictureError(f"{camera} at {at}")
        return jpeg

    async def references(self, camera: str) -> Mapping[Light, Reference]:
        return self.known if camera in self.current.cameras else {}

    async def decide(self, camera: str, accept: bool, by: str) -> None:
        live = self.current.cameras[camera]
        if live.doubt is None:
            raise NothingToDecideError(camera)
        self.decisions.append(
            Decision(
                camera=camera,
                at=NOW,
                by=by,
                ruling=Ruling.CONFIRMED if accept else Ruling.REFUTED,
                condition=live.doubt.condition,
                fault=live.doubt.fault,
                since=live.doubt.since,
            )
        )
        cameras = dict(self.current.cameras) | {camera: replace(live, doubt=None)}
        self.current = replace(self.current, cameras=cameras)


STEPS = (
    Step(name="connect", took_ms=1.2, said="127.12.0.10:554"),
    Step(name="describe", took_ms=14.8, said="RTSP/1.0 200 OK"),
    Step(name="play", took_ms=9.1, said="RTSP/1.0 200 OK"),
    Step(name="key_frame", took_ms=812.4, said="48 packets, 61 kB"),
    Step(name="judge", took_ms=6.3, said="contrast 3.1"),
)
MEASURES = {"codec": "h264", "width": 2560, "height": 1440}


def _october_of(camera: str) -> Life:
    """A month with a covered lens in the middle, shown by a look."""
    began = MONTH_BEGAN - 31 * 86_400
    out, back = began + 11 * 86_400 + 30_000, began + 13 * 86_400
    reason = Transition(
        camera=camera,
        at=out,
        condition=Condition.IMPAIRED,
        fault=Fault.COVERED,
        decided_at=out + 3600,
        looks=(out, out + 1800, out + 3600),
    )
    return Life(
        camera=camera,
        began=began,
        until=MONTH_BEGAN,
        intervals=(
            Interval(began=began, ended=out, condition=Condition.INTACT),
            Interval(began=out, ended=back, condition=Condition.IMPAIRED, fault=Fault.COVERED),
            Interval(began=back, ended=back + 900, condition=Condition.UNKNOWN, cause=Cause.OURS),
            Interval(began=back + 900, ended=MONTH_BEGAN, condition=Condition.INTACT),
        ),
        transitions=(reason,),
        evidence=(replace(_covered_look(), at=out + 1800), replace(_good_look(), at=began + 8 * 86_400)),
    )


def _covered_look() -> Evidence:
    return Evidence(
        camera="any",
        at=NOW - 300,
        kind=EvidenceKind.FAULT,
        outcome="bad_picture",
        faults=("covered",),
        steps=STEPS,
        measures={
            **MEASURES,
            "measures": {"score_covered": 1.66},
            "neighbours": {"says": "cover", "scope": "village", "asked": 7, "clear": 6},
        },
        jpeg=picture(covered=True),
    )


def _good_look() -> Evidence:
    return Evidence(
        camera="any",
        at=NOW - 6 * 3600,
        kind=EvidenceKind.GOOD,
        outcome="ok",
        steps=STEPS,
        measures=MEASURES,
        jpeg=picture(covered=False),
    )


def picture(*, covered: bool) -> bytes:
    """A JPEG of 640 × 360: a road below a sky, or a lens behind a cloth."""
    frame = np.zeros((360, 640, 3), np.uint8)
    if covered:
        frame[:] = (38, 42, 48)
        frame[::7] += 5
    else:
        frame[:150] = np.linspace((220, 190, 150), (240, 225, 205), 150)[:, None, :].astype(np.uint8)
        frame[150:] = (95, 140, 105)
        cv2.fillPoly(frame, [np.array([[270, 150], [370, 150], [600, 360], [40, 360]], np.int32)], (110, 110, 112))
        cv2.line(frame, (320, 160), (320, 355), (235, 235, 235), 5)
        cv2.rectangle(frame, (60, 90), (190, 190), (70, 80, 150), -1)
    cv2.putText(frame, "2026-11-24 08:25:05", (16, 34), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2)
    return bytes(cv2.imencode(".jpg", frame)[1])


@dataclass
class StillClock:
    """A clock that a test sets."""

    at: float = NOW + 2.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


def settings_at(**changed: Any) -> Settings:
    """The pages' settings of the fictitious county, two seconds after its boards."""
    usual: dict[str, Any] = {
        "county": "清河县公共视频监控",
        "zone": ZONE,
        "target": Fraction(95, 100),
        "version": "0.1.0",
        "clock": StillClock(),
        "demo": True,
    }
    return Settings(**usual | changed)
