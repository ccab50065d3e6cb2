"""Every async test of this folder runs in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tests.monitor.rounds.county import VirtualLoop


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, Callable[[], VirtualLoop]]:
    return {"virtual": VirtualLoop}


@pytest.fixture(autouse=True)
def slow_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turn the wheel four times a second: hours pass the sooner."""
    monkeypatch.setattr("monitor.rounds.TICK_S", 0.25)
