"""Tell the service manager that we are ready, alive, or ending. Protocol: sd_notify(3) and sd_watchdog_enabled(3)."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """Says nothing when ``address`` is empty, that is, when no service manager listens.

    ``address`` is a path, or the name of an abstract socket after "@". ``watchdog_s`` is how often ``alive`` is to be
    called, in seconds: half of what the manager allows, None when it does not watch us.
    """

    address: str = ""
    watchdog_s: float | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str], *, pid: int | None = None) -> Notifier:
        """Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID; a watchdog set for another process is not ours."""
        for_pid = environment.get("WATCHDOG_PID", "")
        ours = not for_pid or for_pid == str(os.getpid() if pid is None else pid)
        micros = environment.get("WATCHDOG_USEC", "")
        watched = ours and micros.isdecimal() and int(micros) > 0
        return cls(
            address=environment.get("NOTIFY_SOCKET", ""),
            watchdog_s=int(micros) / 2_000_000 if watched else None,
        )

    def ready(self, status: str = "") -> None:
        """Started, or reloaded."""
        self._send("READY=1", *([_status(status)] if status else []))

    def status(self, text: str) -> None:
        """One line for ``systemctl status``."""
        self._send(_status(text))

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """A reload begins; ``ready`` ends it. The time is CLOCK_MONOTONIC, as Type=notify-reload asks."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The end begins."""
        self._send("STOPPING=1")

    def _send(self, *assignments: str) -> None:
        if not self.address:
            return
        # The Linux name of an abstract socket begins with a zero byte, unix(7).
        name = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)  # a manager that does not read must not stop the loop
                sender.sendto("\n".join(assignments).encode(), name)
        except OSError as error:
            log.warning("the service manager could not be told: %s", error)


def _status(text: str) -> str:
    # A line end would begin an assignment of its own.
    return "STATUS=" + " ".join(text.split())
