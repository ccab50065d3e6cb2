"""What can be made to go wrong with a fictitious device, and what is then true of its cameras."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from probes.testing.media import Picture


class Fault(StrEnum):
    """What can be made to go wrong. The first part befalls a whole device, the second one channel."""

    POWER_LOST = "power_lost"
    REFUSED = "refused"
    TARPIT = "tarpit"
    RESET = "reset"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105  the name of a fault
    SESSIONS_FULL = "sessions_full"
    UNAVAILABLE = "unavailable"
    SLOW = "slow"
    CLOCK_SKEW = "clock_skew"

    NO_CHANNEL = "no_channel"
    NO_RTP = "no_rtp"
    NO_KEY_FRAME = "no_key_frame"
    LOSSY = "lossy"
    CORRUPTED = "corrupted"
    SIGNAL_LOSS = "signal_loss"
    BLACK = "black"
    COVERED = "covered"
    FROZEN = "frozen"

    @property
    def is_of_device(self) -> bool:
        """True when it befalls every channel of the device."""
        return self in DEVICE_FAULTS


DEVICE_FAULTS = frozenset(
    {
        Fault.POWER_LOST,
        Fault.REFUSED,
        Fault.TARPIT,
        Fault.RESET,
        Fault.WRONG_PASSWORD,
        Fault.SESSIONS_FULL,
        Fault.UNAVAILABLE,
        Fault.SLOW,
        Fault.CLOCK_SKEW,
    }
)

TRUTH: Mapping[Fault, tuple[str, str | None]] = {
    Fault.POWER_LOST: ("offline", "unreachable"),
    Fault.REFUSED: ("offline", "refused"),
    Fault.TARPIT: ("offline", "unreachable"),
    Fault.RESET: ("offline", "unreachable"),
    Fault.WRONG_PASSWORD: ("impaired", "unauthorized"),
    Fault.NO_CHANNEL: ("impaired", "no_stream"),
    Fault.NO_RTP: ("impaired", "no_stream"),
    Fault.LOSSY: ("impaired", "corrupted"),
    Fault.CORRUPTED: ("impaired", "corrupted"),
    Fault.SIGNAL_LOSS: ("impaired", "signal_loss"),
    Fault.BLACK: ("impaired", "black"),
    Fault.COVERED: ("impaired", "covered"),
    Fault.FROZEN: ("impaired", "frozen"),
    Fault.CLOCK_SKEW: ("intact", "clock_off"),
    Fault.NO_KEY_FRAME: ("intact", None),
    Fault.SESSIONS_FULL: ("intact", None),
    Fault.UNAVAILABLE: ("intact", None),
    Fault.SLOW: ("intact", None),
}
"""Condition and fault, in the county's words, of a camera with each fault; the first that applies is the truth."""

SHOWN: Mapping[Fault, Picture] = {
    Fault.CORRUPTED: Picture.CORRUPTED,
    Fault.SIGNAL_LOSS: Picture.SIGNAL_LOSS,
    Fault.BLACK: Picture.BLACK,
    Fault.COVERED: Picture.COVERED,
    Fault.FROZEN: Picture.FROZEN,
}
