"""The words of the record: conditions, why a camera could not be judged, and faults.

At every moment a camera is in exactly one condition:

    intact    在线完好  reached, let us in, delivers a picture that decodes, no grave image fault
    impaired  在线异常  something answers RTSP or ONVIF, but there is no usable picture
    offline   离线      no configured port gives a protocol answer
    unknown   未判定    we could not look; split by cause
"""

from __future__ import annotations

from enum import StrEnum


class Condition(StrEnum):
    INTACT = "intact"
    IMPAIRED = "impaired"
    OFFLINE = "offline"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    """Why a camera's condition is unknown."""

    OURS = "ours"
    """The daemon, its uplink or its witnesses; no credential; a bug."""
    BUSY = "busy"
    """The recorder has no free session."""
    HELD = "held"
    """The login is held back after a refusal."""
    LINK_EXCUSED = "link_excused"
    """The township's link is down and config.toml says that this does not count."""


class Fault(StrEnum):
    """What is wrong with a camera, by the ids of the command line and of config.toml."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    UNAUTHORIZED = "unauthorized"
    NO_STREAM = "no_stream"
    CORRUPTED = "corrupted"
    SIGNAL_LOSS = "signal_loss"
    BLACK = "black"
    FROZEN = "frozen"
    COVERED = "covered"
    BLURRED = "blurred"
    TOO_BRIGHT = "too_bright"
    TOO_DARK = "too_dark"
    COLOUR_CAST = "colour_cast"
    NOISE = "noise"
    STRIPES = "stripes"
    SHAKING = "shaking"
    MOVED = "moved"
    CLOCK_OFF = "clock_off"
    OSD_WRONG = "osd_wrong"


IMAGE_FAULTS = frozenset(
    {
        Fault.CORRUPTED,
        Fault.SIGNAL_LOSS,
        Fault.BLACK,
        Fault.FROZEN,
        Fault.COVERED,
        Fault.BLURRED,
        Fault.TOO_BRIGHT,
        Fault.TOO_DARK,
        Fault.COLOUR_CAST,
        Fault.NOISE,
        Fault.STRIPES,
        Fault.SHAKING,
        Fault.MOVED,
    }
)

GRAVE_BY_DEFAULT = frozenset({Fault.SIGNAL_LOSS, Fault.BLACK, Fault.FROZEN, Fault.COVERED, Fault.CORRUPTED})
"""Image faults that make a camera impaired; config.toml ``[picture] grave`` can change the set."""
