"""Where is what published? The topics under ``xunjian/v1/<county>/``.

A level of a topic that comes from a ledger or from config.toml is encoded: what MQTT gives a meaning to (``+``, ``#``,
``/``), the percent sign, control characters and halves of surrogate pairs become ``%`` and two hexadecimal digits for
each byte of their UTF-8 form (RFC 3986 §2.1). Other characters, Chinese ones included, stand as they are. A level of
more than LONGEST bytes is replaced by ``sha256-`` and the hash of its UTF-8 form: the document names its object anyway.
"""

from __future__ import annotations

import hashlib
import re

from monitor.core.message import MessageKind

ROOT = "xunjian/v1"
LONGEST = 256
"""MQTT allows a topic 65,535 bytes; brokers and file names of subscribers far less."""

_UNSAFE = re.compile("[+#/%\u0000-\u001f\u007f-\u009f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")

EVENTS = {
    MessageKind.OUTAGE_OPENED: "event/outage",
    MessageKind.OUTAGE_CHANGED: "event/outage",
    MessageKind.OUTAGE_CLOSED: "event/outage",
    MessageKind.CAUSE_OPENED: "event/cause",
    MessageKind.CAUSE_CHANGED: "event/cause",
    MessageKind.CAUSE_CLOSED: "event/cause",
    MessageKind.GAP_BEGAN: "event/gap",
    MessageKind.GAP_ENDED: "event/gap",
    MessageKind.MONITOR_STARTED: "event/monitor",
    MessageKind.STORE_DEGRADED: "event/monitor",
    MessageKind.STORE_RECOVERED: "event/monitor",
    MessageKind.ROUND_ENDED: "round",
}
"""Where each kind goes that is told under one topic."""

MONTHS = frozenset({MessageKind.MONTH_CLOSED, MessageKind.MONTH_FROZEN})
"""These go to a topic of the month."""


def level(text: str) -> str:
    """``text`` as one level of a topic.

    >>> level("3402/+#"), level("枫桥镇"), level("50%")
    ('3402%2F%2B%23', '枫桥镇', '50%25')
    """
    encoded = _UNSAFE.sub(_escape, text)
    raw = encoded.encode("utf-8")
    if len(raw) <= LONGEST:
        return encoded
    return f"sha256-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _escape(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass"))


class Topics:
    """The topics of one county."""

    def __init__(self, county: str) -> None:
        self._under = f"{ROOT}/{level(county)}"

    @property
    def status(self) -> str:
        """Whether the monitor is there."""
        return f"{self._under}/monitor/status"

    @property
    def states(self) -> tuple[str, ...]:
        """Filters for everything that is retained of cameras and townships."""
        return f"{self._under}/camera/+/state", f"{self._under}/township/+/state"

    def camera(self, id_: str) -> str:
        """The state of a camera."""
        return f"{self._under}/camera/{level(id_)}/state"

    def township(self, code: str) -> str:
        """The state of a township."""
        return f"{self._under}/township/{level(code)}/state"

    def event(self, kind: MessageKind, month: str = "") -> str:
        """Where a message of this kind goes; ``month`` is the one that it tells of, if any."""
        return f"{self._under}/{f'month/{level(month)}' if kind in MONTHS else EVENTS[kind]}"
