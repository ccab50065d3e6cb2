"""Does the picture stand still although its packets go on?

Key-frame equality proves nothing: an encoder removes weak noise, so a quiet yard and a frozen input look alike.
What tells them apart is the clock that the camera burns in. Its strip is found as the line of text that changes
between two key frames of one session while everything else is still, and is remembered. A later pair in which even
that strip stands still is a frozen picture, if all of it also shows what it showed at an earlier look: a clock
without seconds stands still for up to a minute. Where no strip is known, only hours prove it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from probes.image.measure import Plane

Strip = tuple[int, int, int, int]
"""x, y, width, height in thousandths of the picture."""

CHANGED_LEVELS = 24
"""Text changes by more than this, an encoder's noise by less."""

STRIP_MAX_WIDTH, STRIP_MAX_HEIGHT, STRIP_RIM = 550, 90, 220
"""A caption is one line of text at the upper or lower rim; in thousandths. A blinking lamp is elsewhere."""

STILL_SHARE = 0.000_05
"""Share of changed pixels (of 640 × 360, a dozen) up to which a pair is called still."""

ALIKE_MEAN, ALIKE_LARGEST = 0.6, 6.0
"""Luma levels up to which two thumbs show the same picture; one digit of a caption makes more."""

RELIEF_MIN = 12.0
"""Standard deviation of luma below which a picture shows too little to be called frozen."""

CLOCK_STEP_S = 61.0
"""Any burned-in clock has changed after this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two key frames of one session, at least two seconds apart: ``still``, or moving in one ``strip`` alone."""

    still: bool
    strip: Strip | None


def compare_pair(first: Plane, second: Plane) -> Pair:
    """Compare two pictures that are 640 wide; pictures of different shapes are not still."""
    if first.shape != second.shape:
        return Pair(still=False, strip=None)
    changed = cv2.absdiff(first, second) > CHANGED_LEVELS
    return Pair(still=float(changed.mean()) <= STILL_SHARE, strip=_strip(changed))


def same_picture(now: Plane, then: Plane) -> bool:
    """Whether two thumbs show the same picture, captions included."""
    difference = cv2.absdiff(now, then)
    return float(difference.mean()) <= ALIKE_MEAN and float(difference.max()) <= ALIKE_LARGEST


def is_frozen(pair: Pair, now: Plane, then: Plane, *, strip: Strip | None, apart_s: float, frozen_s: float) -> bool:
    """Whether the picture is frozen.

    ``now`` and ``then`` are the thumbs of this look and of the look ``apart_s`` seconds earlier, ``strip`` the
    clock as remembered, ``frozen_s`` the seconds after which sameness proves it without a clock.
    """
    if not pair.still or not same_picture(now, then) or float(now.std()) < RELIEF_MIN:
        return False
    return apart_s >= (frozen_s if strip is None else min(CLOCK_STEP_S, frozen_s))


def _strip(changed: NDArray[np.bool_]) -> Strip | None:
    """The box around all changes, if it is small enough to be a caption and dense enough to be text."""
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if rows.size == 0:
        return None
    height, width = changed.shape
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = int(columns[0]), int(columns[-1]) + 1
    x, y = left * 1000 // width, top * 1000 // height
    box_width, box_height = -(-(right - left) * 1000 // width), -(-(bottom - top) * 1000 // height)
    at_rim = y + box_height <= STRIP_RIM or y >= 1000 - STRIP_RIM
    dense = float(changed[top:bottom, left:right].mean()) >= 0.05
    if not at_rim or not dense or box_width > STRIP_MAX_WIDTH or box_height > STRIP_MAX_HEIGHT:
        return None
    return x, y, box_width, box_height
