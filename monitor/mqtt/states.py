"""What the broker has retained, and what it must be told so that it is what the board says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from monitor.core.board import Board, CameraLive
from monitor.mqtt.documents import Document, camera_state, encoded, township_state
from monitor.mqtt.topics import Topics

GONE = b""
"""An empty payload makes the broker forget what it has retained under a topic (MQTT 5, §3.3.1.3)."""

CAMERAS_AT_A_TIME = 100
"""Cameras gone through before others have their turn: their documents take about 2 ms."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What goes to the broker."""

    topic: str
    payload: bytes
    retain: bool


class States:
    """Compares board after board with what is retained."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._retained: dict[str, bytes] = {}
        self._heard: dict[str, asyncio.Event] = {}
        self._board: Board | None = None
        self._lines: dict[str, tuple[object, ...]] = {}
        """of each camera what its document is made of, so that it is only made when that has changed"""

    def forget(self) -> None:
        """Nothing is known of what the broker has retained."""
        self._retained.clear()
        self._lines.clear()
        self._heard.clear()
        self._board = None

    def heard(self, topic: str, payload: bytes) -> None:
        """The broker says what it has retained."""
        self._retained[topic] = payload
        self._heard.setdefault(topic, asyncio.Event()).set()

    async def until_heard(self, topic: str) -> None:
        """Wait until something was heard of this topic, which is none of a state."""
        await self._heard.setdefault(topic, asyncio.Event()).wait()
        self._retained.pop(topic, None)

    def told(self, letters: Iterable[Letter]) -> None:
        """The broker has acknowledged these."""
        for letter in letters:
            if letter.payload == GONE:
                self._retained.pop(letter.topic, None)
            else:
                self._retained[letter.topic] = letter.payload

    def changes(self, board: Board) -> Iterator[list[Letter]]:
        """What the broker must be told, in portions, empty ones too: between them others may have their turn."""
        if board is self._board:
            return
        ids = iter(board.cameras)
        while portion := list(islice(ids, CAMERAS_AT_A_TIME)):
            yield [letter for id_ in portion for letter in self._of_camera(board, id_)]
        yield [
            letter
            for township in board.townships
            for letter in self._unless_retained(
                self._topics.township(township.code), township_state(township, board.month)
            )
        ]
        before = self._board
        if before is None or before.cameras.keys() != board.cameras.keys() or _codes(before) != _codes(board):
            yield self._gone(board)
        self._board = board

    def _of_camera(self, board: Board, id_: str) -> Iterator[Letter]:
        camera, live, exempt = board.fleet.cameras[id_], board.cameras[id_], id_ in board.exempt
        line = (camera, exempt, *_shown(live))
        if self._lines.get(id_) != line:
            self._lines[id_] = line
            yield from self._unless_retained(self._topics.camera(id_), camera_state(camera, live, exempt=exempt))

    def _unless_retained(self, topic: str, document: Document) -> Iterator[Letter]:
        payload = encoded(document)
        if self._retained.get(topic) != payload:
            yield Letter(topic, payload, retain=True)

    def _gone(self, board: Board) -> list[Letter]:
        """What is retained of cameras and townships that there are no more."""
        for id_ in self._lines.keys() - board.cameras.keys():
            del self._lines[id_]
        wanted = {*map(self._topics.camera, board.cameras), *map(self._topics.township, _codes(board))}
        return [Letter(topic, GONE, retain=True) for topic in sorted(self._retained.keys() - wanted)]


def _codes(board: Board) -> list[str]:
    return [township.code for township in board.townships]


def _shown(live: CameraLive) -> tuple[object, ...]:
    """What a camera's document tells of how it is now."""
    return live.condition, live.fault, live.cause, live.since, live.doubt is None, live.flapping
