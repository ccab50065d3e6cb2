"""From the outbox to a real gateway: one message per cause, nothing lost or doubled over restarts, failures shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.alerts.channel import Channel, ChannelError, Letter
from monitor.alerts.dispatch import READER, WAITING_AT_MOST, Dispatcher, Post, Troubles, Ways
from monitor.alerts.gateway import Gateway
from monitor.alerts.letters import Audience
from monitor.alerts.opening import Unusable, open_posts
from monitor.config import Config
from monitor.config.alerting import ChannelEntry
from monitor.core.alert_plan import Policy, Wait
from monitor.core.board import Board, Proven
from monitor.core.condition import Cause, Condition, Fault
from monitor.core.delivery import Delivery, DeliveryState
from monitor.core.fleet import Camera, Contact, Fleet, Township
from monitor.core.message import Closed, Message, MessageKind, closing, ongoing, outage_message
from monitor.core.record import Transition
from monitor.store import Batch, Store, TransitionRecord
from monitor.wording import Lang
from tests.monitor.alerts.peers import HttpPeer, http_peer

ZONE = ZoneInfo("Asia/Shanghai")
NOON = int(datetime(2026, 11, 24, 12, tzinfo=ZONE).timestamp())
HOUR_S = 3600
WITHIN_S = 20.0

CAMERAS = [
    Camera(
        id=f"C{number:03d}",
        name=f"点位{number}",
        township="01",
        village="东村",
        host="10.1.1.1",
        key_point=number == 0,
        maintainer=Contact(name="甲公司", phone="13800000001"),
        network=Contact(name="运营商", phone="10000"),
    )
    for number in range(200)
]
FLEET = Fleet.of([Township(code="01", name="城关镇")], CAMERAS)
EMPTY = Board(
    now=NOON,
    fleet=FLEET,
    cameras={},
    seconds={},
    events=(),
    townships=(),
    county_rate=None,
    proven=Proven(cameras=0, port=0, described=0, pictured=0),
    blind=None,
    month="2026-11",
)


@dataclass
class HandClock:
    """A clock that is set by hand."""

    at: float = NOON

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


@dataclass
class Counts:
    """What the metrics are told."""

    results: list[tuple[str, str]] = field(default_factory=list)

    def alert_delivered(self, *, channel: str, result: str) -> None:
        self.results.append((channel, result))


@dataclass
class Scene:
    """A store, a clock and a gateway; dispatchers come and go."""

    store: Store
    clock: HandClock
    peer: HttpPeer
    board: Board = EMPTY
    store_trouble: str = ""
    missing: tuple[str, ...] = ()
    counts: Counts = field(default_factory=Counts)

    def tell(self, *messages: Message, records: Sequence[TransitionRecord] = ()) -> None:
        self.store.write(Batch(messages=messages, transitions=tuple(records))).result(30)

    @asynccontextmanager
    async def running(self, *posts: Post) -> AsyncIterator[Dispatcher]:
        dispatcher = self.dispatcher(*posts)
        await dispatcher.open()
        running = asyncio.create_task(dispatcher.run())
        try:
            yield dispatcher
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    def dispatcher(self, *posts: Post) -> Dispatcher:
        return Dispatcher(
            store=self.store,
            clock=self.clock,
            board=lambda: self.board,
            posts=posts or (self.post(),),
            ways=Ways(
                policy=Policy(zone=ZONE),
                excuse_links=False,
                deadline_s=2.0,
                give_up_s=24 * HOUR_S,
                keep_s=400 * 86_400,
            ),
            troubles=Troubles(store=lambda: self.store_trouble, missing_months=lambda: self.missing),
            ears=self.counts,
            step_s=0.02,
        )

    def post(self, channel: Channel | None = None) -> Post:
        if channel is None:
            channel = Gateway(ChannelEntry(name="短信", gateway=self.peer.url), county="示范县")
        return Post(
            name="短信", channel=channel, audience=lambda board: Audience(fleet=board.fleet, zone=ZONE, lang=Lang.ZH)
        )

    async def until(self, is_so: Callable[[], object]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not is_so():
                await asyncio.sleep(0.01)

    def states(self) -> list[DeliveryState]:
        return [each.state for each in self.store.deliveries()]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    with Store.open(f"sqlite:///{tmp_path / 'x.db'}", at=NOON, exclusive=True) as store:
        store.begin_outbox([READER])
        async with http_peer() as peer:
            yield Scene(store, HandClock(), peer)


def down(its: Camera, began: int) -> tuple[Message, TransitionRecord]:
    transition = Transition(
        camera=its.id, at=began, condition=Condition.OFFLINE, fault=Fault.UNREACHABLE, decided_at=began + 80
    )
    message = outage_message(its, None, transition, {})
    assert message is not None
    return message, TransitionRecord(transition=transition)


def link_down(began: int) -> Message:
    body = {
        "id": f"link:01@{began}",
        "kind": "link",
        "place": "01",
        "township": "01",
        "began": began,
        "cameras": [camera.id for camera in CAMERAS],
        "of": len(CAMERAS),
    }
    return Message(kind=MessageKind.CAUSE_OPENED, at=began + 90, township="01", body=body)


async def test_two_hundred_cameras_behind_one_link_are_one_message(scene: Scene) -> None:
    outages = [down(camera, NOON) for camera in CAMERAS]
    scene.tell(*(message for message, _ in outages), link_down(NOON), records=[record for _, record in outages])
    scene.clock.at = NOON + 200
    async with scene.running() as dispatcher:
        (body,) = await scene.peer.has(1)
        assert body["title"] == "【乡镇链路中断】城关镇：200 台中 200 台不可用"
        assert "联系网络：运营商 10000。" in body["text"]
        await scene.until(lambda: scene.states() == [DeliveryState.SENT])
        scene.clock.at = NOON + 2 * HOUR_S
        for _ in range(5):
            await dispatcher.step()
    assert len(scene.peer.requests) == 1
    assert scene.counts.results == [("短信", "sent")]


async def test_an_exempt_camera_is_not_told_though_its_record_says_that_it_is_out(scene: Scene) -> None:
    message, record = down(CAMERAS[0], NOON)
    scene.tell(message, records=[record])
    scene.board = replace(EMPTY, exempt=frozenset({CAMERAS[0].id}))
    scene.clock.at = NOON + HOUR_S
    async with scene.running() as dispatcher:
        await scene.until(lambda: dispatcher.waits == {"camera:C000": Wait.EXEMPT})
    assert scene.peer.requests == []
    assert scene.store.deliveries() == ()
    assert [each.condition for each in scene.store.transitions(0, NOON + HOUR_S, "C000")] == [Condition.OFFLINE]


async def test_a_gateway_that_fails_gets_the_message_once_it_has_recovered(scene: Scene) -> None:
    scene.tell(down(CAMERAS[0], NOON)[0])
    scene.clock.at = NOON + 200
    scene.peer.status, scene.peer.answer = 500, "overloaded"
    async with scene.running() as dispatcher:
        await scene.until(lambda: dispatcher.undelivered() is not None)
        undelivered = dispatcher.undelivered()
        assert undelivered is not None
        assert (undelivered.failed, undelivered.retried, undelivered.why) == (0, 1, "HTTP 500 overloaded")
        await scene.until(lambda: [each.error for each in scene.store.deliveries()] == ["HTTP 500 overloaded"])
        scene.peer.status = 200
        scene.clock.at += 15
        await scene.until(lambda: scene.states() == [DeliveryState.SENT])
        assert dispatcher.undelivered() is None
    (delivery,) = scene.store.deliveries()
    assert (delivery.attempts, delivery.error, delivery.ended_at) == (2, "", NOON + 215)
    assert scene.counts.results == [("短信", "retried"), ("短信", "sent")]


async def test_what_a_gateway_never_takes_is_given_up_and_shown(scene: Scene) -> None:
    scene.tell(down(CAMERAS[0], NOON)[0])
    scene.clock.at = NOON + 200
    scene.peer.status = 500
    async with scene.running() as dispatcher:
        await scene.until(lambda: scene.store.deliveries() and scene.store.deliveries()[0].attempts == 1)
        scene.clock.at += 25 * HOUR_S
        await scene.until(lambda: DeliveryState.FAILED in scene.states())
        undelivered = dispatcher.undelivered()
        assert undelivered is not None
        assert (undelivered.failed, undelivered.channel) == (1, "短信")
    async with scene.running() as again:
        undelivered = again.undelivered()
        assert undelivered is not None
        assert undelivered.failed == 1


async def test_a_restart_neither_loses_nor_doubles_a_message(scene: Scene) -> None:
    scene.tell(down(CAMERAS[0], NOON)[0])
    scene.clock.at = NOON + 200
    crashed = scene.dispatcher()
    await crashed.open()
    await crashed.step()  # planned and stored; it dies before it could send
    assert scene.states() == [DeliveryState.WAITING]
    async with scene.running():
        await scene.peer.has(1)
        await scene.until(lambda: scene.states() == [DeliveryState.SENT])
    async with scene.running() as again:
        for _ in range(3):
            await again.step()
    assert len(scene.peer.requests) == 1


async def test_what_is_over_by_the_first_step_after_a_restart_is_forgotten(scene: Scene) -> None:
    message, record = down(CAMERAS[5], NOON)
    scene.tell(message)
    former = scene.dispatcher()
    await former.open()
    await former.step()
    assert set(scene.store.alert_cases().cameras) == {"C005"}
    outage = ongoing([record.transition])
    assert outage is not None
    scene.tell(closing(CAMERAS[5], outage, at=NOON + 300, ended=NOON + 300, why=Closed.LEFT))
    again = scene.dispatcher()
    await again.open()
    await again.step()
    assert scene.store.alert_cases().cameras == {}


async def test_a_digest_comes_exactly_once_whenever_the_monitor_is_restarted(scene: Scene) -> None:
    scene.tell(down(CAMERAS[5], NOON)[0])
    async with scene.running() as first:
        await first.step()
    scene.clock.at = NOON + 6 * HOUR_S  # it was off at 17:30
    for _ in range(3):
        async with scene.running() as dispatcher:
            await dispatcher.step()
            await scene.until(lambda: scene.states() == [DeliveryState.SENT])
    (body,) = scene.peer.bodies
    assert body["title"] == "【汇总】11-24 17:30 城关镇视频点位故障"
    assert "点位5（东村）离线" in body["text"]


async def test_what_was_out_before_anybody_was_told_is_in_the_first_digest(scene: Scene) -> None:
    _, record = down(CAMERAS[7], NOON - 9 * HOUR_S)
    since = Transition(
        camera="C007", at=NOON - 60, condition=Condition.UNKNOWN, cause=Cause.OURS, decided_at=NOON
    )  # as a restart leaves it
    scene.tell(records=[record, TransitionRecord(transition=since)])
    async with scene.running():
        await scene.until(lambda: scene.store.alert_cases().cameras)
        scene.clock.at = NOON + 6 * HOUR_S
        (body,) = await scene.peer.has(1)
    assert "点位7（东村）离线（网络不通），自 11-24 03:00 起" in body["text"]


async def test_a_store_that_cannot_be_written_is_told_without_it(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.store_trouble = "No space left on device"
    stuck: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    monkeypatch.setattr("monitor.alerts.dispatch.WRITTEN_WITHIN_S", 0.01)
    monkeypatch.setattr("monitor.alerts.dispatch.asyncio.wrap_future", lambda _: stuck)
    async with scene.running() as dispatcher:
        await dispatcher.step()
        scene.clock.at += 60
        (body,) = await scene.peer.has(1)
        assert body["title"] == "【本系统】数据库无法写入"
        scene.store_trouble = ""
        (_, body) = await scene.peer.has(2)
        assert body["title"] == "【本系统】数据库已恢复写入"
    stuck.cancel()


async def test_a_month_without_its_draft_is_told_until_it_has_one(scene: Scene) -> None:
    scene.missing = ("2026-10",)
    async with scene.running() as dispatcher:
        await dispatcher.step()
        scene.clock.at += 60
        (body,) = await scene.peer.has(1)
        assert body["title"] == "【本系统】2026年10月的材料尚未生成"
        scene.missing = ()
        (_, body) = await scene.peer.has(2)
        assert body["title"] == "【本系统】2026年10月的材料已生成"


async def test_a_channel_that_is_no_longer_configured_fails_what_waits_for_it(scene: Scene) -> None:
    scene.tell(down(CAMERAS[0], NOON)[0])
    scene.clock.at = NOON + 200
    former = scene.dispatcher()
    await former.open()
    await former.step()
    other = replace(scene.post(), name="值班群")
    async with scene.running(other) as dispatcher:
        await scene.until(lambda: scene.states() == [DeliveryState.FAILED])
        undelivered = dispatcher.undelivered()
        assert undelivered is not None
        assert undelivered.why == "config.toml has no such channel any more"


async def test_a_channel_that_cannot_be_opened_stops_nobody_and_says_why(scene: Scene) -> None:
    scene.tell(down(CAMERAS[0], NOON)[0])
    scene.clock.at = NOON + 200
    broken = replace(scene.post(Unusable(ChannelError("无法读取密钥文件", "cannot read it"))), name="值班群")
    async with scene.running(broken, scene.post()) as dispatcher:
        await scene.peer.has(1)
        await scene.until(lambda: dispatcher.undelivered())
        undelivered = dispatcher.undelivered()
        assert undelivered is not None
        assert (undelivered.channel, undelivered.why) == ("值班群", "无法读取密钥文件")


async def test_a_channel_that_raises_what_nobody_expects_is_tried_again(scene: Scene) -> None:
    class Odd(Unusable):
        async def send(self, letter: Letter, *, deadline_s: float) -> None:
            raise ValueError("odd")

    scene.tell(down(CAMERAS[0], NOON)[0])
    scene.clock.at = NOON + 200
    async with scene.running(scene.post(Odd(ChannelError("", "")))):
        await scene.until(lambda: [each.error for each in scene.store.deliveries()] == ["ValueError: odd"])
    assert scene.states() == [DeliveryState.WAITING]


async def test_what_waits_for_one_channel_is_bounded_and_digests_go_first(scene: Scene) -> None:
    def waiting(number: int) -> Delivery:
        return Delivery(
            alert=f"a{number}",
            channel="短信",
            page=1,
            kind="digest" if number == 3 else "key_point",
            title="",
            text="",
            dated="",
            made_at=NOON + number,
            next_at=NOON + 10 * HOUR_S,
        )

    scene.store.write(Batch(deliveries=tuple(waiting(number) for number in range(WAITING_AT_MOST + 2)))).result(30)
    dispatcher = scene.dispatcher()
    await dispatcher.open()
    await scene.until(lambda: len(scene.store.deliveries(DeliveryState.FAILED)) == 2)
    assert {each.alert for each in scene.store.deliveries(DeliveryState.FAILED)} == {"a3", "a0"}


def test_channels_are_opened_from_the_settings(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("json://127.0.0.1/x", encoding="utf-8")
    secret.chmod(0o600)
    entries = [
        {"name": "一", "url_file": str(secret), "townships": ("城关镇", "09"), "kinds": ("digest",), "addresses": True},
        {"name": "二", "gateway": "http://127.0.0.1/"},
        {"name": "三", "url_file": str(tmp_path / "nowhere")},
    ]
    config = Config.model_validate({"alerts": {"channels": tuple(entries)}})
    first, second, third = open_posts(config, {})
    audience = first.audience(EMPTY)
    assert audience.townships == {"01", "09"}
    assert audience.addresses
    assert isinstance(second.channel, Gateway)
    assert isinstance(third.channel, Unusable)
