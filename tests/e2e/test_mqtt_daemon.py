"""A whole daemon tells a real Mosquitto: its will when it is killed, every outage once, and the board, retained."""

from __future__ import annotations

import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from monitor.mqtt.documents import schema
from monitor.mqtt.topics import Topics
from probes.testing.county import County, write_ledger
from tests.e2e.mosquitto_server import PASSWORDS, PROGRAM, WRITER, Subscriber, mosquitto, subscriber
from tests.e2e.site import Daemon, Site

pytestmark = [
    pytest.mark.real_peer,
    pytest.mark.skipif(PROGRAM is None or PASSWORDS is None, reason="no Mosquitto here: apt install mosquitto"),
    pytest.mark.timeout(240),
]

TOPICS = Topics("331100")


def is_state(topic: str) -> bool:
    return topic.endswith("/state")


async def test_a_daemon_tells_a_broker_through_kills_of_itself_and_an_end_of_the_broker(tmp_path: Path) -> None:
    async with (
        mosquitto(tmp_path / "broker") as broker,
        subscriber(broker) as ears,
        await County.start(wall=time.time, cameras=12, townships=2, villages=4) as county,
    ):
        password = tmp_path / "password"
        password.write_text(WRITER[1], "utf-8")
        told = {"host": "127.0.0.1", "port": broker.port, "county": "331100", "username": WRITER[0]}
        site = Site.at(tmp_path / "site", county.townships(), {"mqtt": {**told, "password_file": str(password)}})
        write_ledger(county.ledger(), site.home / "ledger.csv")
        await site.imported(site.home / "ledger.csv")
        village = county.plan.townships[0].villages[0]
        dark = set(county.cameras_at(village))
        async with site.daemon() as daemon:
            await daemon.until("every camera is intact", lambda board: conditions(board) == {"intact"})
            await same_as_the_page(ears, daemon)
            assert ears.retained[TOPICS.status]["state"] == "online"
            await county.inject("power_lost", village)
            await ears.until("the outages are told", lambda ears: outages(ears, "outage_opened") >= dark, within_s=60)
            await same_as_the_page(ears, daemon)
            assert await daemon.end(signal.SIGKILL) == -signal.SIGKILL
        await ears.until("the broker tells our will", lambda ears: ears.retained[TOPICS.status]["state"] == "offline")
        assert ears.retained[TOPICS.status]["lost"] is True
        async with site.daemon() as daemon:
            await ears.until("it is back", lambda ears: ears.retained[TOPICS.status]["state"] == "online")
            await daemon.until("the village is dark on the page", lambda board: offline(board) == dark)
            await broker.end()
            await county.repair(village)
            await daemon.until("all are intact again", lambda board: conditions(board) == {"intact"})
            await broker.start()
            await ears.until("their ends are told", lambda ears: outages(ears, "outage_closed") >= dark, within_s=60)
            await same_as_the_page(ears, daemon)
            page = await daemon.get("metrics")
            assert "\nxunjian_mqtt_connected 1\n" in page
            assert 'xunjian_outbox_dropped_total{reader="mqtt"} 0\n' in page
            assert await daemon.end() == 0
        await ears.until("it says goodbye", lambda ears: ears.retained[TOPICS.status]["state"] == "offline")
        assert ears.retained[TOPICS.status]["lost"] is False
    check_events(ears, dark)
    assert WRITER[1] not in daemon.log.read_text("utf-8")


def conditions(board: dict[str, Any]) -> set[str]:
    return {camera["condition"] for camera in board["cameras"].values()}


def offline(board: dict[str, Any]) -> set[str]:
    return {id_ for id_, camera in board["cameras"].items() if camera["condition"] == "offline"}


def outages(ears: Subscriber, kind: str) -> set[str]:
    return {document["body"]["camera"] for _, document in ears.events if document["kind"] == kind}


async def same_as_the_page(ears: Subscriber, daemon: Daemon) -> None:
    """What the broker has retained of every camera comes to be what the page shows."""
    board = await daemon.board()
    shown = {TOPICS.camera(id_): (each["condition"], each["fault"]) for id_, each in board["cameras"].items()}

    def is_same(ears: Subscriber) -> bool:
        told = {topic: each for topic, each in ears.retained.items() if topic in shown}
        return {topic: (each["condition"], each["fault"]) for topic, each in told.items()} == shown

    await ears.until("the broker has retained what the page shows", is_same)


def check_events(ears: Subscriber, dark: set[str]) -> None:
    """Every document is as its schema says; no outage was told twice, and none was told of another camera."""
    event, status, camera, township = (
        Draft202012Validator(schema(name)) for name in ("event", "status", "camera", "township")
    )
    for _, document in ears.events:
        event.validate(document)
    for topic, document in ears.retained.items():
        if is_state(topic):
            (camera if "camera" in document else township).validate(document)
        else:
            status.validate(document)
    kinds = Counter((document["kind"], document["body"].get("camera")) for _, document in ears.events)
    assert {id_: count for (kind, id_), count in kinds.items() if kind == "outage_opened"} == dict.fromkeys(dark, 1)
    assert {id_: count for (kind, id_), count in kinds.items() if kind == "outage_closed"} == dict.fromkeys(dark, 1)
    assert len({document["epoch"] for _, document in ears.events}) == 2
    seqs = [document["seq"] for _, document in ears.events]
    assert sorted(seqs) == list(range(min(seqs), max(seqs) + 1))
    assert {"cause_opened", "cause_closed"} <= {kind for kind, _ in kinds}
