"""The publisher ends when it is told to, whatever its libraries make of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from monitor.clock import SystemClock
from monitor.config.messages import Mqtt
from monitor.mqtt.publisher import Publisher
from monitor.store import Store
from tests.monitor.web.boards import ordinary_board


class Deaf(Publisher):
    """Its first session swallows a cancellation, as asyncio.wait_for did before Python 3.12."""

    sessions = 0

    async def _session(self) -> None:
        self.sessions += 1
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


async def test_a_cancellation_that_a_library_swallows_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.mqtt.publisher.FAREWELL_S", 0.05)
    monkeypatch.setattr("monitor.mqtt.publisher.FIRST_PAUSE_S", 30.0)
    with Store.open(f"sqlite:///{tmp_path / 'xunjian.db'}", at=1) as store:
        publisher = Deaf(
            Mqtt(host="127.0.0.1"),
            store=store,
            clock=SystemClock(),
            board=lambda: ordinary_board(1),
            degraded=lambda: "",
            epoch="e",
            environment={},
        )
        running = asyncio.create_task(publisher.run())
        while not publisher.sessions:
            await asyncio.sleep(0)
        running.cancel()
        done, _ = await asyncio.wait({running}, timeout=20)
        assert done == {running}
        assert running.cancelled()
    assert publisher.sessions == 1
