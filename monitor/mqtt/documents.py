"""What is published: JSON documents with a version, as the schemas beside this file describe them.

All times are whole UTC seconds since the epoch. A new key makes a new VERSION; under the topic's ``v1`` no key loses
its meaning.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from importlib.resources import files
from typing import Any

from monitor.core.availability import percent
from monitor.core.board import Board, CameraLive, TownshipMonth
from monitor.core.condition import Condition
from monitor.core.fleet import Camera
from monitor.mqtt.topics import MONTHS, Topics
from monitor.store import Numbered

VERSION = 1

SCHEMAS = ("event", "camera", "township", "status")
"""The documents; ``event`` is that of everything that happened."""

Document = Mapping[str, object]


def schema(name: str) -> dict[str, Any]:
    """One of SCHEMAS, as JSON Schema (draft 2020-12)."""
    read: dict[str, Any] = json.loads((files("monitor.mqtt") / f"{name}.schema.json").read_text("utf-8"))
    return read


def encoded(document: Document) -> bytes:
    """The document as it goes over the wire: equal documents make equal bytes."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    # A name in a ledger may hold half of a surrogate pair; one bad row must not stop the messages behind it.
    return text.encode("utf-8", "replace")


def event(numbered: Numbered) -> Document:
    """Something that happened. ``epoch`` and ``seq`` name it: who has seen them before sees a repetition."""
    message = numbered.message
    return {
        "version": VERSION,
        "epoch": numbered.epoch,
        "seq": numbered.seq,
        "kind": message.kind.value,
        "at": message.at,
        "body": message.body,
    }


def topic_of(numbered: Numbered, topics: Topics) -> str:
    """Where something that happened is published."""
    return topics.event(numbered.message.kind, str(numbered.message.body.get("month", "")))


def is_month(numbered: Numbered) -> bool:
    """Whether it tells how far a month has got: that holds until something newer is said of that month."""
    return numbered.message.kind in MONTHS


def camera_state(camera: Camera, live: CameraLive, *, exempt: bool) -> Document:
    """A camera as it is now; ``since`` is when it came to be in this condition."""
    return {
        "version": VERSION,
        "camera": camera.id,
        "name": camera.name,
        "township": camera.township,
        "village": camera.village,
        "key_point": camera.key_point,
        "condition": live.condition.value,
        "fault": live.fault.value if live.fault else None,
        "cause": live.cause.value if live.cause else None,
        "since": live.since,
        "doubted": live.doubt is not None,
        "flapping": live.flapping,
        "exempt": exempt,
    }


def township_state(township: TownshipMonth, month: str) -> Document:
    """A township as it is now, with its rate of the running month so far."""
    return {
        "version": VERSION,
        "township": township.code,
        "name": township.name,
        "cameras": township.cameras,
        **{condition.value: township.now.get(condition, 0) for condition in Condition},
        "suspects": township.suspects,
        "month": month,
        "online_intact_rate": _percent(township.rate),
    }


def online(board: Board, *, epoch: str, since: int, degraded: str) -> Document:
    """The monitor is there, connected ``since`` then; ``blind`` says why nobody's condition is known."""
    blind = board.blind
    return {
        "version": VERSION,
        "state": "online",
        "epoch": epoch,
        "since": since,
        "cameras": len(board.cameras),
        "blind": {"began": blind.began, "reason": blind.reason} if blind else None,
        "degraded": degraded,
    }


def offline(*, epoch: str, lost: bool) -> Document:
    """The monitor is not there: it has ended, or was ``lost``, which is what the broker says for it."""
    return {"version": VERSION, "state": "offline", "epoch": epoch, "lost": lost}


def _percent(rate: Fraction | None) -> str | None:
    """As it is printed: rounded down to two decimals."""
    return None if rate is None else percent(rate)
