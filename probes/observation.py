"""What is asked of a camera, what came of it, and how far the question got.

    Target ──(a Probe, under observe(), noting its steps in a Trace)──► Observation

An Observation is a raw fact and is never edited afterwards; what it means for the camera is decided by
``monitor.core.verdict``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum


class Outcome(StrEnum):
    """How a look ended, in the order of the table in the project's ARCHITECTURE.md."""

    OK = "ok"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    UNAUTHORIZED = "unauthorized"
    BUSY = "busy"
    NO_STREAM = "no_stream"
    UNDECODABLE = "undecodable"
    BAD_PICTURE = "bad_picture"
    TIMED_OUT = "timed_out"
    INCONCLUSIVE = "inconclusive"


class Depth(IntEnum):
    """How much a look proves. A deeper look proves everything that a shallower one does."""

    LIGHT = 1
    ONVIF = 2
    DESCRIBE = 3
    MEDIA = 4
    PICTURE = 5

    @property
    def label(self) -> str:
        """The word of the command line and of config.toml: ``light``, ``describe`` …"""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A login of a camera. ``id`` names it in logs and holds; the secret never appears in a repr."""

    id: str
    username: str
    password: str = field(repr=False)


class Light(StrEnum):
    """By which light a picture was taken, as the picture itself tells: in colour, or grey or dark."""

    DAY = "day"
    NIGHT = "night"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a camera shows when all is well, by one kind of light: ``thumb`` is 160 × 90 bytes of luma.

    ``at`` is when it was taken (UTC seconds). One that a person approved, ``approved_by``, is never learned anew.
    """

    at: float
    thumb: bytes = field(repr=False)
    approved_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureMemory:
    """What the next picture look needs to know of the last good ones.

    ``hash`` is a perceptual hash, ``thumb`` 160 × 90 bytes of luma, ``at`` when it was taken (UTC seconds),
    ``clock_strip`` the burned-in clock as (x, y, width, height) in thousandths of the picture, or None while
    none was found: these tell whether the picture stands still. ``day`` and ``night`` are the references that a
    picture of that light is held against, None while there is none.
    """

    at: float
    hash: bytes = field(repr=False)
    thumb: bytes = field(repr=False)
    clock_strip: tuple[int, int, int, int] | None = None
    day: Reference | None = None
    night: Reference | None = None

    def reference(self, light: Light) -> Reference | None:
        """The reference for pictures of that light."""
        return self.day if light is Light.DAY else self.night

    def with_reference(self, light: Light, reference: Reference | None) -> PictureMemory:
        """The same with another reference for that light, or with none."""
        return replace(self, day=reference) if light is Light.DAY else replace(self, night=reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """All that a probe needs to know of a camera.

    ``host`` is a name or an IP literal without brackets; ports that are None are not configured;
    ``rtsp_path`` starts with "/" and includes the query, or is "" while nobody knows it: such a camera can be
    connected to and no more. ``channels_at_address`` counts the cameras behind the
    same host and port: an answer 500 of a recorder means something else than that of a single camera. ``ptz`` says
    that the camera turns (球机): what it shows may be another scene each time. ``patience_s`` is how much longer than
    from others a key frame is waited for: "smart" encoders send one every 10 to 40 seconds.
    """

    camera: str
    host: str
    rtsp_port: int | None = 554
    rtsp_path: str = "/"
    rtsps: bool = False
    onvif_port: int | None = None
    onvif_path: str = "/onvif/device_service"
    channels_at_address: int = 1
    credential: Credential | None = None
    memory: PictureMemory | None = None
    ptz: bool = False
    patience_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a look: what was tried, how long it took, and what the peer said (no secrets)."""

    name: str
    took_ms: float
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One look at one camera: the raw fact.

    ``at`` is the start of the look in UTC seconds since the epoch, ``took_s`` its monotonic duration. ``step`` is
    the last step reached; ``answered`` says whether anything there spoke RTSP or HTTP.
    """

    camera: str
    probe: str
    depth: Depth
    at: float
    took_s: float
    outcome: Outcome
    step: str
    steps: tuple[Step, ...] = ()
    answered: bool = False
    faults: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    jpeg: bytes | None = field(default=None, repr=False)
    memory: PictureMemory | None = field(default=None, repr=False)
