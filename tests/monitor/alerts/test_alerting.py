"""``xunjian alert``: a test message and its verdict for each channel, the log of deliveries, what waits and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from monitor.clock import SystemClock
from monitor.core.alert import CameraCase
from monitor.core.condition import Condition, Fault
from monitor.core.delivery import Delivery, given_up, taken
from monitor.store import Batch, CaseChange, Store
from tests.monitor.test_cli import ROW, Program, program

__all__ = ["program"]

NOW = 1_795_500_000


@dataclass
class Peer:
    """A gateway in a thread: it takes what comes to /good."""

    url: str
    bodies: list[Any] = field(default_factory=list)


@pytest.fixture
def peer() -> Iterator[Peer]:
    its = Peer("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            its.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200 if self.path == "/good" else 503)
            self.end_headers()

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Nothing: the test says what is wrong."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        its.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield its
        server.shutdown()
        thread.join()


def configure(program: Program, **gateways: str) -> None:
    blocks = "".join(f'[[alerts.channels]]\nname = "{name}"\ngateway = "{url}"\n' for name, url in gateways.items())
    program.config.write_text(blocks, encoding="utf-8")


def store_of(program: Program) -> Store:
    return Store.open(f"sqlite:///{program.home / 'data' / 'xunjian.db'}", at=NOW)


def delivery(number: int) -> Delivery:
    return Delivery(
        alert=f"camera:C{number}@1:opened",
        channel="duty",
        page=1,
        kind="key_point",
        title=f"【离线】点位{number}",
        text="自 08:12 起",
        dated="2026-11-24T08:12:00+08:00",
        made_at=NOW + number,
        next_at=NOW + number,
    )


def test_a_test_message_is_marked_and_every_channel_says_whether_it_took_it(program: Program, peer: Peer) -> None:
    configure(program, duty=peer.url + "/good", sms=peer.url + "/bad")
    ended = program("alert", "test")
    duty, sms = ended.out.splitlines()
    assert duty.startswith("duty: taken (")
    assert sms == "sms: not taken: HTTP 503"
    assert ended.code == 1
    assert all(body["title"] == "【测试】视频巡检告警通道" for body in peer.bodies)
    good = program("alert", "test", "--channel", "duty", "--json")
    assert good.code == 0
    (told,) = json.loads(good.out)
    assert (told["channel"], told["taken"], told["why"]) == ("duty", True, "")
    listed = json.loads(program("alert", "list", "--json").out)
    assert sorted((each["channel"], each["state"]) for each in listed) in (
        [("duty", "sent"), ("duty", "sent"), ("sms", "failed")],
        [("duty", "sent"), ("sms", "failed")],  # both within one second are one test
    )


def test_a_test_without_a_channel_or_of_an_unknown_one_is_refused(program: Program) -> None:
    assert (program("alert", "test").code, program("alert", "test").err) == (
        2,
        "no channel is configured; add [[alerts.channels]]\n",
    )
    configure(program, duty="http://127.0.0.1:1/")
    refused = program("alert", "test", "--channel", "nobody")
    assert (refused.code, refused.err) == (2, 'no channel is called "nobody"; there are duty\n')


def test_a_channel_that_cannot_be_opened_is_one_sentence(program: Program) -> None:
    program.config.write_text('[[alerts.channels]]\nname = "duty"\nurl_file = "nowhere"\n', encoding="utf-8")
    ended = program("alert", "test")
    assert ended.code == 1
    assert ended.out.startswith("duty: not taken: 无法读取 ")


def test_deliveries_are_listed_with_what_became_of_them(program: Program) -> None:
    sent, failed = taken(delivery(1), NOW + 60), given_up(delivery(2), "HTTP 500", NOW + 60)
    with store_of(program) as store:
        store.write(Batch(deliveries=(sent, failed))).result(30)
    text = program("alert", "list").out
    assert "【离线】点位1" in text
    assert "HTTP 500" in text
    (told,) = json.loads(program("alert", "list", "--failed", "--json").out)
    assert (told["alert"], told["state"], told["error"]) == ("camera:C2@1:opened", "failed", "HTTP 500")
    assert told["made_at"].endswith("+08:00")


def test_what_waits_is_listed_with_its_reason(program: Program) -> None:
    assert program("inventory", "import", program.ledger(ROW)).code == 0
    now = int(SystemClock().now())
    case = CameraCase(
        camera="cam-1",
        township="01",
        condition=Condition.OFFLINE,
        fault=Fault.REFUSED,
        began=now - 9,
        opened_at=now - 9,
    )
    key_point = replace(case, camera="gone", key_point=True)
    with store_of(program) as store:
        store.write(Batch(cases=tuple(CaseChange(key=each.key, case=each) for each in (case, key_point)))).result(30)
    held = json.loads(program("alert", "list", "--held", "--json").out)
    assert sorted((each["name"], each["why"]) for each in held) == [("gone", "settling"), ("村口", "digest")]
    assert "waits for the next digest" in program("alert", "list", "--held").out


def test_doctor_speaks_of_channels_and_of_what_nobody_got(program: Program) -> None:
    def told() -> list[tuple[str, str]]:
        findings = json.loads(program("doctor", "--json").out)
        return [(each["level"], each["text"]) for each in findings if each["topic"] == "alerts"]

    assert told() == [("fine", "no channel is configured: nobody is told")]
    now = int(SystemClock().now())
    failed = given_up(delivery(1), "HTTP 500", now)
    test = replace(given_up(delivery(2), "no", now), kind="test")
    with store_of(program) as store:
        store.write(Batch(deliveries=(failed, test))).result(30)
    program.config.write_text(
        '[[alerts.channels]]\nname = "duty"\ngateway = "http://127.0.0.1/"\ntownships = ["无名镇"]\n'
        '[[alerts.channels]]\nname = "chat"\nurl_file = "nowhere"\n'
        '[[alerts.channels]]\nname = "sms"\ngateway = "http://127.0.0.1/"\n',
        encoding="utf-8",
    )
    levels = [level for level, _ in told()]
    texts = " ".join(text for _, text in told())
    assert levels == ["warning", "warning", "broken", "fine"]
    assert "1 alerts failed within a day, 0 are being retried" in texts
    assert 'channel "duty" names townships that the ledger lacks: 无名镇' in texts
    assert "cannot read" in texts
