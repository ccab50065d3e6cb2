"""Did the whole picture move between two key frames of one look?

A pole that sways moves everything by the same few pixels; a car, or a branch, moves a part. So a shift is believed
only if it explains the difference: moved back by it, the later picture has to be much closer to the earlier one.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from probes.image.measure import SMALL_WIDTH, Plane, shrink

LARGEST_SHIFT = 64.0
"""Pixels of a 640-wide picture. What moved farther within seconds does not shake, it turns."""

EXPLAINED = 0.6
"""Share of the difference that may be left once the shift is taken back."""

_WIDTH, _HEIGHT = 320, 180


def shake_between(first: Plane, second: Plane) -> float:
    """How far the scene moved, in pixels of a 640-wide picture; 0 where no common shift explains what changed."""
    if first.shape != second.shape:
        return 0.0
    now, then = (shrink(each, _WIDTH, _HEIGHT).astype(np.float32) for each in (second, first))
    # cv2 would lay a window that is handed in over the pictures themselves
    window = _window()
    (across, down), _ = cv2.phaseCorrelate(then * window, now * window)
    scale_x, scale_y = SMALL_WIDTH / _WIDTH, first.shape[0] / _HEIGHT
    shift = float(np.hypot(across * scale_x, down * scale_y))
    if not 0.5 <= shift <= LARGEST_SHIFT:
        return 0.0
    back = np.array([[1, 0, -across], [0, 1, -down]], np.float32)
    aligned = np.asarray(cv2.warpAffine(now, back, (_WIDTH, _HEIGHT)), np.float32)
    left, after = _inner(now - then), _inner(aligned - then)
    return shift if float(after.mean()) <= EXPLAINED * float(left.mean()) else 0.0


def _inner(difference: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without the rims: captions stand there, and what a shift brings in from outside."""
    return np.abs(difference[_HEIGHT // 6 : -_HEIGHT // 6, _WIDTH // 8 : -_WIDTH // 8])


def _window() -> NDArray[np.float32]:
    return np.asarray(cv2.createHanningWindow((_WIDTH, _HEIGHT), cv2.CV_32F), np.float32)
