"""Does the picture stand still although its packets go on?

Key-frame equality proves nothing: an encoder removes weak noise, so a quiet yard and a frozen input look alike.
What tells them apart is the clock that the camera burns in. Its strip is found as the one line of text at the rim
that changes between two key frames of one session, and is remembered. A later pair in which everything stands still,
that strip too, is a frozen picture, if it also shows what it showed at an earlier look: a clock without seconds
stands still for up to a minute. Where no strip is known, only hours prove it.
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

STRIP_MIN_PIXELS = 12
INK_DARK, INK_LIGHT = 70, 180
"""Burned-in letters are light with a dark rim, or dark on light, so that they can be read on any ground."""

STILL_SHARE = 0.000_05
"""Share of changed pixels (of 640 × 360, a dozen) up to which a pair is called still."""

ALIKE_MEAN, ALIKE_LARGEST = 0.5, 6.0
"""Luma levels up to which two thumbs show the same picture. One digit of a caption makes 40 at its place, and the
grain of a living sensor, after the encoder, 0.6 on average."""

RELIEF_MIN, RELIEF_MIN_BY_CLOCK = 12.0, 4.0
"""Standard deviation of luma below which a picture shows too little to be called frozen. In fog or at dusk it is low;
a clock that stands still tells all the same."""

CLOCK_STEP_S = 61.0
"""Any burned-in clock has changed after this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two key frames of one session, at least two seconds apart: ``still``, or with a ``strip`` that moved."""

    still: bool
    strip: Strip | None


def compare_pair(first: Plane, second: Plane) -> Pair:
    """Compare two pictures that are 640 wide; pictures of different shapes are not still."""
    if first.shape != second.shape:
        return Pair(still=False, strip=None)
    changed = cv2.absdiff(first, second) > CHANGED_LEVELS
    if float(changed.mean()) <= STILL_SHARE:
        return Pair(still=True, strip=None)
    return Pair(still=False, strip=_find_strip(changed, first, second))


def same_picture(now: Plane, then: Plane) -> bool:
    """Whether two thumbs show the same picture, captions included."""
    difference = cv2.absdiff(now, then)
    return float(difference.mean()) <= ALIKE_MEAN and float(difference.max()) <= ALIKE_LARGEST


def frozen_score(pair: Pair, now: Plane, then: Plane, *, strip: Strip | None, apart_s: float, frozen_s: float) -> float:
    """How long the picture has been frozen, in multiples of the time that proves it: frozen from 1 on, 0 if it lives.

    ``now`` and ``then`` are the thumbs of this look and of the look ``apart_s`` seconds earlier, ``strip`` the
    clock as remembered, ``frozen_s`` the seconds after which sameness proves it without a clock.
    """
    relief_min = RELIEF_MIN if strip is None else RELIEF_MIN_BY_CLOCK
    if not pair.still or not same_picture(now, then) or float(now.std()) < relief_min:
        return 0.0
    needed_s = frozen_s if strip is None else min(CLOCK_STEP_S, frozen_s)
    return max(0.0, apart_s) / max(needed_s, 1e-6)


def _find_strip(changed: NDArray[np.bool_], first: Plane, second: Plane) -> Strip | None:
    """The line of text that changed; None where there is none, or more than one."""
    height, width = changed.shape
    # joins the digits of one line and, because it is flat, no two lines
    joined = cv2.dilate(changed.astype(np.uint8), np.ones((3, 25), np.uint8))
    _, _, boxes, _ = cv2.connectedComponentsWithStats(joined)
    found = [
        _thousandths(box, width, height)
        for box in boxes[1:, :4].tolist()
        if _is_text(changed, first, second, box) and _is_caption(_thousandths(box, width, height))
    ]
    return found[0] if len(found) == 1 else None


def _is_text(changed: NDArray[np.bool_], first: Plane, second: Plane, box: list[int]) -> bool:
    left, top, width, height = box
    area = np.s_[top : top + height, left : left + width]
    enough = int(changed[area].sum()) >= STRIP_MIN_PIXELS
    return enough and all(frame[area].min() < INK_DARK and frame[area].max() > INK_LIGHT for frame in (first, second))


def _is_caption(strip: Strip) -> bool:
    _, y, width, height = strip
    at_rim = y + height <= STRIP_RIM or y >= 1000 - STRIP_RIM
    return at_rim and width <= STRIP_MAX_WIDTH and height <= STRIP_MAX_HEIGHT


def _thousandths(box: list[int], width: int, height: int) -> Strip:
    left, top, box_width, box_height = box
    return (
        left * 1000 // width,
        top * 1000 // height,
        -(-box_width * 1000 // width),
        -(-box_height * 1000 // height),
    )
