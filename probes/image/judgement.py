"""What is asked of a decode worker, and what comes back. Plain values: nothing here needs a decoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from probes.image.thresholds import DEFAULTS, Thresholds
from probes.observation import PictureMemory


class Judged(StrEnum):
    """How a picture's way through the decoder ended."""

    JUDGED = "judged"
    REFUSED = "refused"
    """The decoder makes no sound picture of it: the camera's fault."""
    DIED = "died"
    """The worker ended, or ran out of memory: ours."""
    STALLED = "stalled"
    """The worker took too long: ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureJudgement:
    """What came of one picture.

    ``faults`` are ids of image faults; the score of each fault that was looked for is among the measures, as
    ``score_covered``: 1 is its threshold. ``wants_second`` says that the picture is the one of the last look: a second
    key frame, at least two seconds later, would tell whether it stands still. ``memory`` is None where the old one
    stays. ``said`` is the reason when nothing was judged.
    """

    judged: Judged
    said: str = ""
    width: int = 0
    height: int = 0
    faults: tuple[str, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
    wants_second: bool = False
    jpeg: bytes | None = field(default=None, repr=False)
    memory: PictureMemory | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureJob:
    """What is to be judged: complete key frames as bytes; ``at`` is the wall time of the look in UTC seconds.

    ``frozen_s`` is how long a picture must have stayed the same to be called frozen where no burned-in clock is known.
    ``stamp`` is what is written below the evidence: the camera's id, the look's local time. ``ptz`` says that the
    camera turns, so that another scene is no fault.
    """

    codec: str
    first: bytes = field(repr=False)
    second: bytes | None = field(default=None, repr=False)
    at: float
    memory: PictureMemory | None = None
    frozen_s: float = 6 * 3600.0
    stamp: tuple[str, ...] = ()
    thresholds: Thresholds = DEFAULTS
    ptz: bool = False
