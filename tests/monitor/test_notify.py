"""What the service manager hears from us, on real datagram sockets."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor.notify import Notifier


@contextmanager
def manager(name: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name)
        listener.settimeout(5)
        yield listener


def heard(listener: socket.socket) -> list[str]:
    return listener.recv(4096).decode().split("\n")


def test_every_state_is_told_on_a_path(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    notifier = Notifier.of({"NOTIFY_SOCKET": path})
    with manager(path) as listener:
        notifier.ready("4000 台摄像机")
        assert heard(listener) == ["READY=1", "STATUS=4000 台摄像机"]
        notifier.ready()
        assert heard(listener) == ["READY=1"]
        notifier.status("round 7")
        assert heard(listener) == ["STATUS=round 7"]
        notifier.alive()
        assert heard(listener) == ["WATCHDOG=1"]
        notifier.stopping()
        assert heard(listener) == ["STOPPING=1"]


def test_an_abstract_socket_is_told_too() -> None:
    name = f"xunjian-test-{secrets.token_hex(8)}"
    with manager(f"\0{name}") as listener:
        Notifier.of({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert heard(listener) == ["READY=1"]


def test_a_reload_carries_the_monotonic_time_in_microseconds(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with manager(path) as listener:
        before = time.monotonic_ns() // 1000
        Notifier(address=path).reloading()
        state, when = heard(listener)
    assert state == "RELOADING=1"
    assert before <= int(when.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000


def test_a_status_cannot_smuggle_in_another_state(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with manager(path) as listener:
        Notifier(address=path).status("round\nSTOPPING=1")
        assert heard(listener) == ["STATUS=round STOPPING=1"]


def test_without_a_manager_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier.of({})
    notifier.ready("up")
    notifier.alive()
    assert notifier == Notifier()
    assert caplog.records == []


def test_a_manager_that_is_gone_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Notifier(address=str(tmp_path / "nobody")).ready()
    assert "could not be told" in caplog.text


def test_a_manager_that_does_not_read_never_blocks_us(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = str(tmp_path / "notify")
    with manager(path), caplog.at_level(logging.WARNING):
        notifier = Notifier(address=path)
        for _ in range(10_000):
            notifier.alive()
            if caplog.records:
                break
    assert "could not be told" in caplog.text


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_PID": str(os.getpid())}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_it_bites(environment: dict[str, str], expected: float | None) -> None:
    assert Notifier.of(environment).watchdog_s == expected
