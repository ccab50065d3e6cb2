"""What is told to a real Mosquitto arrives, whatever becomes of the broker, and the broker holds nobody up."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from jsonschema import Draft202012Validator

from monitor.clock import SystemClock
from monitor.config.messages import Mqtt
from monitor.core.board import Board
from monitor.core.condition import Condition
from monitor.core.fleet import Fleet
from monitor.core.message import Message, MessageKind
from monitor.mqtt.documents import camera_state, schema, township_state
from monitor.mqtt.publisher import READER, Publisher
from monitor.mqtt.topics import Topics
from monitor.store import Batch, Reading, Store
from tests.e2e.mosquitto_server import PASSWORDS, PROGRAM, WRITER, Mosquitto, Subscriber, mosquitto, subscriber
from tests.e2e.mosquitto_server import READER as READER_LOGIN
from tests.e2e.site import until
from tests.monitor.web.boards import bad_board, ordinary_board

pytestmark = [
    pytest.mark.real_peer,
    pytest.mark.skipif(
        PROGRAM is None or PASSWORDS is None, reason="Mosquitto is not installed: apt install mosquitto"
    ),
    pytest.mark.timeout(120),
]

NOW = 1_790_000_000
KILLS, PORTION = 3, 200
TOPICS = Topics("331100")


@pytest.fixture(autouse=True)
def shorter_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.mqtt.publisher.FIRST_PAUSE_S", 0.1)
    monkeypatch.setattr("monitor.mqtt.publisher.LONGEST_PAUSE_S", 0.3)
    monkeypatch.setattr("monitor.mqtt.publisher.POLL_S", 0.05)
    monkeypatch.setattr("monitor.mqtt.publisher.PATIENCE_S", 2.0)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.open(f"sqlite:///{tmp_path / 'xunjian.db'}", at=NOW, exclusive=True) as opened:
        opened.begin_outbox([READER])
        yield opened


def tell(store: Store, *numbers: int) -> None:
    """Rounds that have ended: messages that differ in nothing but their number."""
    counts = {condition.value: 1 for condition in Condition}
    body = {"kind": "manual", "depth": "picture", "started": NOW, "ended": NOW + 9, "counts": counts, "void": None}
    messages = tuple(
        Message(kind=MessageKind.ROUND_ENDED, at=NOW, body={**body, "number": number}) for number in numbers
    )
    store.write(Batch(messages=messages)).result(30)


def heard(events: list[tuple[str, dict[str, Any]]]) -> list[int]:
    return [document["body"]["number"] for topic, document in events if topic == "xunjian/v1/331100/round"]


@asynccontextmanager
async def publishing(
    broker: Mosquitto, store: Store, home: Path, board: Callable[[], Board], **changed: Any
) -> AsyncIterator[Publisher]:
    password = home / "password"
    password.write_text(WRITER[1] + "\n", "utf-8")
    settings: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": broker.port,
        "county": "331100",
        "username": WRITER[0],
        "password_file": str(password),
        "tls": broker.tls,
        "ca_file": str(broker.home / "ca.crt") if broker.tls else "",
    }
    publisher = Publisher(
        Mqtt(**(settings | changed)),
        store=store,
        clock=SystemClock(),
        board=board,
        degraded=lambda: "",
        epoch=store.outbox_epoch(),
        environment={},
    )
    task = asyncio.create_task(publisher.run())
    try:
        yield publisher
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def expected(board: Board) -> dict[str, Any]:
    """What the broker should have retained of this board, by topic."""
    states = {
        TOPICS.camera(id_): camera_state(board.fleet.cameras[id_], live, exempt=id_ in board.exempt)
        for id_, live in board.cameras.items()
    }
    return states | {TOPICS.township(each.code): township_state(each, board.month) for each in board.townships}


def without(board: Board, gone: str) -> Board:
    """The board after a camera has left the fleet."""
    cameras = {id_: camera for id_, camera in board.fleet.cameras.items() if id_ != gone}
    fleet = Fleet.of(board.fleet.townships.values(), cameras.values())
    lines = {id_: line for id_, line in board.cameras.items() if id_ != gone}
    return dataclasses.replace(board, fleet=fleet, cameras=lines)


async def test_what_the_broker_retains_is_what_the_board_says_also_after_we_were_away(
    store: Store, tmp_path: Path
) -> None:
    first, second = ordinary_board(880), bad_board(880)
    gone = next(iter(second.cameras))
    later = without(second, gone)
    async with mosquitto(tmp_path / "broker") as broker, subscriber(broker) as ears:
        async with publishing(broker, store, tmp_path, lambda: first) as publisher:
            await ears.until("all is retained", lambda ears: states(ears.retained) == expected(first))
            sent = publisher.broker.states
            assert ears.retained[TOPICS.status]["state"] == "online"
        assert ears.retained[TOPICS.status] == {
            "version": 1,
            "state": "offline",
            "epoch": store.outbox_epoch(),
            "lost": False,
        }
        async with publishing(broker, store, tmp_path, lambda: first) as publisher:
            await ears.until("we are back", lambda ears: ears.retained[TOPICS.status]["state"] == "online")
            tell(store, 1)
            await ears.until("something is told", lambda ears: heard(ears.events) == [1])
            assert publisher.broker.states == 0, "what was retained was published again"
        assert sent == len(expected(first))
        async with publishing(broker, store, tmp_path, lambda: later):
            await ears.until("it is corrected", lambda ears: states(ears.retained) == expected(later))
        assert TOPICS.camera(gone) not in ears.retained
    for document in (*expected(first).values(), *expected(later).values()):
        Draft202012Validator(schema("camera" if "camera" in document else "township")).validate(document)


def states(retained: dict[str, Any]) -> dict[str, Any]:
    return {topic: document for topic, document in retained.items() if topic.endswith("/state")}


async def test_events_arrive_once_through_kills_of_the_broker(store: Store, tmp_path: Path) -> None:
    board = ordinary_board(30)
    async with (
        mosquitto(tmp_path / "broker") as broker,
        subscriber(broker) as ears,
        publishing(broker, store, tmp_path, lambda: board) as publisher,
    ):
        await broker.save()  # so that it knows the subscriber after a crash, as it does from a minute on
        for first in range(0, KILLS * PORTION, PORTION):
            await asyncio.to_thread(tell, store, *range(first, first + PORTION))
            await ears.until("it is in the midst of it", has_heard(first + 20))
            await broker.kill()
            await connection(publisher, made=False)
            await broker.start()
        await ears.until("all has come", lambda ears: len(heard(ears.events)) == KILLS * PORTION)
        assert sorted(heard(ears.events)) == list(range(KILLS * PORTION))
        assert ears.repeated > 0, "what the broker had acknowledged before it was killed was not told again"


def has_heard(count: int) -> Callable[[Subscriber], bool]:
    return lambda ears: len(heard(ears.events)) >= count


async def acknowledged(publisher: Publisher, events: int) -> None:
    """Wait until the broker has said that it has so many: somebody may have heard them before."""

    async def counted() -> int:
        return publisher.broker.events

    await until(f"acknowledged: {events}", counted, lambda counted: counted >= events, within_s=20)


async def connection(publisher: Publisher, *, made: bool) -> None:
    """Wait until the broker is connected, or its loss is noticed."""

    async def connected() -> bool:
        return publisher.broker.connected

    await until(f"connected: {made}", connected, lambda connected: connected is made, within_s=20)


async def test_what_happens_while_the_broker_is_away_is_told_once_when_it_is_back(store: Store, tmp_path: Path) -> None:
    board = ordinary_board(30)
    async with mosquitto(tmp_path / "broker") as broker, subscriber(broker) as ears:
        async with publishing(broker, store, tmp_path, lambda: board) as publisher:
            await connection(publisher, made=True)
            await broker.end()
            await connection(publisher, made=False)
            tell(store, *range(250))
        # The monitor is started again while the broker is still away.
        async with publishing(broker, store, tmp_path, lambda: board) as publisher:
            tell(store, *range(250, 300))
            await broker.start()
            await ears.until("all has come", lambda ears: len(heard(ears.events)) == 300)
            await acknowledged(publisher, 300)
        assert heard(ears.events) == list(range(300))
        await until("an orderly end leaves nothing to tell again", readings(store), nothing_waits, within_s=20)
        assert ears.repeated == 0


def readings(store: Store) -> Callable[[], Awaitable[tuple[Reading, ...]]]:
    return lambda: asyncio.to_thread(store.outbox_readings)


def nothing_waits(found: tuple[Reading, ...]) -> bool:
    return [(each.waiting, each.dropped) for each in found] == [(0, 0)]


# paho leaves the socket of a handshake that failed to the garbage collector, which closes it.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket")
async def test_over_tls_the_broker_must_prove_who_it_is(store: Store, tmp_path: Path) -> None:
    board = ordinary_board(10)
    async with mosquitto(tmp_path / "broker", tls=True) as broker, subscriber(broker) as ears:
        tell(store, 1)
        stranger = {"ca_file": "", "password_file": str(tmp_path / "password")}
        async with publishing(broker, store, tmp_path, lambda: board, **stranger) as publisher:
            await refusal("CERTIFICATE_VERIFY_FAILED", publisher)
        assert not ears.events
        async with publishing(broker, store, tmp_path, lambda: board):
            await ears.until("it is told", lambda ears: heard(ears.events) == [1])


async def refusal(why: str, publisher: Publisher) -> None:
    """Wait until there is a reason for not being connected, or not for long."""

    async def trouble() -> str:
        return publisher.broker.trouble

    await until(why, trouble, lambda trouble: why in trouble, within_s=20)


async def test_a_wrong_password_is_named_and_loses_nothing(store: Store, tmp_path: Path) -> None:
    board = ordinary_board(10)
    wrong = tmp_path / "wrong"
    wrong.write_text("not the password", "utf-8")
    async with mosquitto(tmp_path / "broker") as broker, subscriber(broker) as ears:
        tell(store, 1)
        async with publishing(broker, store, tmp_path, lambda: board, password_file=str(wrong)) as publisher:
            await refusal("Not authorized", publisher)
        async with publishing(broker, store, tmp_path, lambda: board):
            await ears.until("it is told", lambda ears: heard(ears.events) == [1])


async def test_a_message_that_the_broker_acknowledges_and_refuses_is_not_taken_for_told(
    store: Store, tmp_path: Path
) -> None:
    board = ordinary_board(10)
    async with mosquitto(tmp_path / "broker") as broker:
        acl = broker.home / "xunjian.acl"
        acl.write_text(acl.read_text("utf-8").replace("readwrite xunjian/#", "readwrite xunjian/v1/331100/monitor/#"))
        await broker.kill()
        await broker.start()
        tell(store, 1)
        async with publishing(broker, store, tmp_path, lambda: board, retained=False) as publisher:
            await refusal("the broker has refused a message: Not authorized", publisher)
    (reading,) = store.outbox_readings()
    assert reading.waiting == 1


async def test_a_broker_that_hangs_holds_nobody_up(store: Store, tmp_path: Path) -> None:
    board = ordinary_board(30)
    async with mosquitto(tmp_path / "broker") as broker:
        async with publishing(broker, store, tmp_path, lambda: board) as publisher:
            await connection(publisher, made=True)
            broker.freeze()
            tell(store, *range(300))
            used, turns = time.process_time(), 0
            while publisher.broker.connected:
                await asyncio.sleep(0.01)
                turns += 1
            assert time.process_time() - used < 2.0, "waiting costs the loop its time"
            assert turns > 50, "the loop was held up"
            (reading,) = store.outbox_readings()
            assert reading.waiting >= 280
        broker.thaw()
        async with publishing(broker, store, tmp_path, lambda: board), subscriber(broker) as ears:
            await ears.until("it is told in the end", lambda ears: 299 in heard(ears.events))


async def test_the_shipped_access_list_lets_a_subscriber_write_nothing(tmp_path: Path) -> None:
    async with mosquitto(tmp_path / "broker") as broker, subscriber(broker) as ears:
        for user, number in ((READER_LOGIN, 1), (WRITER, 2)):
            async with aiomqtt.Client("127.0.0.1", broker.port, username=user[0], password=user[1]) as client:
                document = {"epoch": "forged", "seq": number, "body": {"number": number}}
                await client.publish("xunjian/v1/331100/round", json.dumps(document), qos=1)
        await ears.until("one is let through", lambda ears: heard(ears.events))
        assert heard(ears.events) == [2]
