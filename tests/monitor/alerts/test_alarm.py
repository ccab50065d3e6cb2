"""The daemon tells people: a real one, with a gateway that first refuses and then takes."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from monitor import daemon
from monitor.alarm import LATE_S, MissingMonths
from monitor.config import Config, load
from monitor.core.alert import Cases, MonthCase
from monitor.core.condition import Condition, Fault
from monitor.core.fleet import Camera
from monitor.core.message import Message, outage_message
from monitor.core.record import Transition
from monitor.store import Batch, CaseChange, Store
from monitor.web.source import MonthLine, MonthState
from tests.monitor.alerts.peers import http_peer

WITHIN_S = 30.0


def settings(folder: Path, gateway: str) -> Config:
    (folder / "config.toml").write_text("", encoding="utf-8")
    channel = {"name": "短信", "gateway": gateway}
    overlay = {"web": {"port": 0}, "inspection": {"rounds_per_month": 0}, "alerts": {"channels": [channel]}}
    return load(folder / "config.toml", overlay)


def key_point_down(at: int) -> Message:
    camera = Camera(id="C1", name="县政府门口", township="01", village="东街村", key_point=True)
    transition = Transition(
        camera="C1", at=at, condition=Condition.OFFLINE, fault=Fault.UNREACHABLE, decided_at=at, looks=(at,)
    )
    message = outage_message(camera, None, transition, {})
    assert message is not None
    return message


async def seen(visitor: aiohttp.ClientSession, url: str, words: str) -> str:
    async with asyncio.timeout(WITHIN_S):
        while True:
            async with visitor.get(url) as answer:
                text = await answer.text()
            if words in text:
                return text
            await asyncio.sleep(0.1)


async def test_the_daemon_tells_people_and_shows_what_they_did_not_get(tmp_path: Path) -> None:
    async with http_peer() as peer:
        peer.status, peer.answer = 503, "later"
        config = settings(tmp_path, peer.url)
        async with daemon.running(config) as running, aiohttp.ClientSession() as visitor:
            # As the rounds would tell it, ten minutes ago.
            with Store.open(config.store.url, at=0) as beside:
                await asyncio.wrap_future(beside.write(Batch(messages=(key_point_down(int(time.time()) - 600),))))
            (body, *_) = await peer.has(1)
            assert body["title"].startswith("【离线】重点点位")
            page = await seen(visitor, running.url, "正在重试")
            assert "通道“短信”" in page
            assert "HTTP 503 later" in page
            line = 'xunjian_alert_deliveries_total{channel="短信",result="retried"} 1.0'
            await seen(visitor, running.url + "metrics", line)


async def test_without_a_channel_nobody_is_told_and_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    config = load(tmp_path / "config.toml", {"web": {"port": 0}, "inspection": {"rounds_per_month": 0}})
    former = MonthCase(month="2026-10", frozen=False, opened_at=1)
    with Store.open(config.store.url, at=0) as store:
        store.write(Batch(cases=(CaseChange(key=former.key, case=former),), digests=(1,))).result(30)
    async with daemon.running(config):
        with Store.open(config.store.url, at=0) as beside:
            await asyncio.wrap_future(beside.write(Batch(messages=(key_point_down(1),))))
            assert beside.outbox_readings() == ()
            assert beside.alert_cases() == Cases()
        assert "alerts" not in [task.get_name() for task in asyncio.all_tasks()]


@dataclass
class Fixed:
    """A clock that stands, and a desk with two months."""

    at: float

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def months(self) -> tuple[MonthLine, ...]:
        return (
            MonthLine(month="2026-09", state=MonthState.CLOSED),
            MonthLine(month="2026-10", state=MonthState.OPEN),
            MonthLine(month="2026-11", state=MonthState.OPEN),
        )


@pytest.mark.parametrize(("late_s", "missing"), [(LATE_S - 1, ()), (LATE_S, ("2026-10",))])
async def test_a_month_is_missing_when_it_is_over_for_hours_and_has_no_draft(
    late_s: int, missing: tuple[str, ...]
) -> None:
    its = Fixed(datetime(2026, 11, 1, tzinfo=UTC).timestamp() + late_s)
    assert await MissingMonths(its.months, its, UTC).found() == missing
