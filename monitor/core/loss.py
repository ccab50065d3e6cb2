"""Are packets lost by a camera, or on the way to it?

A camera none of whose key frames comes whole is corrupted (花屏) only if those of others come whole over the same
township's link. Where a share of them lacks packets, too, the link loses them, and that says nothing of any camera.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor

from probes.observation import Depth, Observation

WINDOW_S = 3600
"""Older looks tell nothing of the link now. Of a township's cameras some 30 are looked at for a picture in an hour."""

LINK_SHARE = 3
"""It is the link's loss when one in so many of the others has it, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """How a camera's key frames came at ``at`` (UTC seconds): ``lossy`` if packets of any were missing."""

    at: int
    lossy: bool


def arrival_seen(observation: Observation) -> Arrival | None:
    """What a picture look tells of the way; None if no key frame came, whole or not."""
    if observation.depth is not Depth.PICTURE:
        return None
    lossy = bool(observation.facts.get("gapped_key_frames"))
    if not lossy and "key_frame_bytes" not in observation.facts:
        return None
    return Arrival(at=floor(observation.at), lossy=lossy)


def is_of_link(at: int, others: Iterable[Arrival]) -> bool:
    """Whether the loss seen at ``at`` is that of the link that the ``others`` came by.

    >>> is_of_link(9000, [Arrival(at=8000, lossy=True), Arrival(at=8500, lossy=False)])
    True
    >>> is_of_link(9000, [])
    False
    """
    newest = [arrival for arrival in others if at - arrival.at <= WINDOW_S]
    lossy = sum(arrival.lossy for arrival in newest)
    return lossy > 0 and LINK_SHARE * lossy >= len(newest)
