"""A listening port of a fictitious device that can be switched off as devices are: silently, or with a refusal."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from enum import Enum, auto

BACKLOG = 64


class State(Enum):
    """What becomes of a SYN."""

    CLOSED = auto()
    SERVING = auto()
    SILENT = auto()


class Listener:
    """One TCP port on a loopback address.

    Silence is real: a socket that listens with a full accept queue and accepts nothing makes the kernel drop every
    further SYN, so a client sees exactly what it sees of a device without power. (Linux: ``tcp_conn_request`` drops
    when ``sk_acceptq_is_full``; a queue of backlog 0 holds one connection.)
    """

    def __init__(self, host: str, port: int, protocol: Callable[[], asyncio.Protocol]) -> None:
        self.host, self.port = host, port
        self._protocol = protocol
        self._socket: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._state = State.CLOSED

    def bind(self) -> None:
        """Take the port (0 picks a free one). Raises OSError when somebody else has it."""
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((self.host, self.port))
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
        listening.setblocking(False)
        self.port = int(listening.getsockname()[1])
        self._socket = listening

    async def serve(self) -> None:
        """Answer from now on, whatever was the case before."""
        if self._state is State.SERVING:
            return
        if self._socket is None:
            self.bind()
        assert self._socket is not None
        self._state = State.SERVING
        self._drain(self._socket)
        self._socket.listen(BACKLOG)
        self._server = await asyncio.get_running_loop().create_server(self._protocol, sock=self._socket)

    def fall_silent(self) -> None:
        """Drop every SYN from now on, as a device without power does."""
        if self._state is State.SILENT:
            return
        if self._socket is None:
            self.bind()
        assert self._socket is not None
        kept = self._socket.dup()
        kept.listen(0)
        self._close_server()
        self._socket, self._state = kept, State.SILENT
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_STREAM) as filler:
            filler.settimeout(0.05)  # the queue may already be full of real clients, which serves as well
            filler.connect((self.host, self.port))

    def close(self) -> None:
        """Give the port up: every SYN is answered with a reset, as by a device whose service has stopped."""
        self._close_server()
        self._state = State.CLOSED

    def _close_server(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    @staticmethod
    def _drain(listening: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(2 * BACKLOG):
                listening.accept()[0].close()
