"""The daemon's own decisions: who may ask it, what ends it, and when it stops feeding the watchdog."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from monitor import daemon
from monitor.config import Config, load
from monitor.store import AlreadyRunning, Store

ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    return load(tmp_path / "config.toml", {"web": {"port": 0}, "inspection": {"rounds_per_month": 0}})


def test_the_control_socket_lies_beside_the_database(config: Config, tmp_path: Path) -> None:
    assert daemon.socket_path(config) == tmp_path / "data" / "xunjian.sock"


def test_a_path_too_long_for_a_socket_falls_back_to_one_that_both_ends_find(tmp_path: Path) -> None:
    home = tmp_path / ("深" * 40)
    home.mkdir()
    (home / "config.toml").write_text("", encoding="utf-8")
    path = daemon.socket_path(load(home / "config.toml"))
    assert len(str(path).encode()) <= daemon.SOCKET_PATH_LENGTH
    assert path == daemon.socket_path(load(home / "config.toml"))
    assert path != daemon.socket_path(load(home / "config.toml", {"store": {"url": "sqlite:///other.db"}}))


async def test_an_empty_county_is_watched_and_told(config: Config) -> None:
    async with daemon.running(config) as running, aiohttp.ClientSession() as visitor:
        async with visitor.get(running.url + "healthz") as answer:
            facts = await answer.json()
        assert (answer.status, facts["status"], facts["cameras"], facts["degraded"]) == (200, "ok", 0, None)
        async with visitor.get(running.url, headers={"Host": "evil.example"}) as answer:
            assert answer.status == 421


async def test_a_second_daemon_in_the_same_process_is_refused_as_well(config: Config) -> None:
    async with daemon.running(config):
        with pytest.raises(AlreadyRunning, match="xunjian run, pid"):
            async with daemon.running(config):
                pass
    async with daemon.running(config):  # the first one has let go
        pass


async def test_a_page_that_cannot_listen_ends_all_that_was_started(config: Config, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = load(tmp_path / "config.toml", {"web": {"port": taken.getsockname()[1]}})
        with pytest.raises(daemon.PortTakenError) as refused:
            async with daemon.running(busy):
                pass
    assert "网页不能监听" in refused.value.text()
    assert "change host or port in [web]" in refused.value.text("en")
    async with daemon.running(config):  # store and decoders were given back
        pass
    assert [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_without_a_page_nothing_can_be_asked(config: Config) -> None:
    async with daemon.running(config, page=False) as running:
        assert running.url == ""
        assert not daemon.socket_path(config).exists()


async def test_a_part_that_breaks_down_ends_the_daemon_with_its_error(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the watchdog has died")

    monkeypatch.setattr(daemon, "_feed", broken)
    with pytest.raises(RuntimeError, match="the watchdog has died"):
        async with asyncio.timeout(30), daemon.running(config):
            await asyncio.Event().wait()
    with Store.open(config.store.url, at=0, exclusive=True):
        pass  # its lock is free again


def test_a_daemon_holds_none_of_the_libraries_that_only_others_need() -> None:
    """What decodes and paints pictures, reads spreadsheets and sets papers is more than the daemon itself."""
    program = "import sys, monitor.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"av", "cv2", "numpy", "openpyxl", "typst", "probes.testing"} & set(loaded.stdout.split())
