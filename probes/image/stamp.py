"""Which camera, and when? Written below a picture, where no pixel of it is covered."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

# OpenCV carries the strokes of this one with it, so that nothing depends on the fonts of a machine.
FONT, SCALE, THICKNESS = cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1
LINE_HEIGHT, BASELINE, MARGIN = 22, 15, 8
PAPER, INK = 16, 240

MAX_LINES = 8
"""An id of 64 characters that all have to be written as escapes takes seven lines, its time the last."""


def with_stamp(picture: Image, words: Sequence[str]) -> Image:
    """``picture`` (BGR) on a strip with ``words``, in one line where they fit.

    The font is ASCII only: other characters are written as their escapes, so that no two ids look the same.
    """
    width = picture.shape[1]
    lines = _lines([_ascii(word) for word in words], width - 2 * MARGIN)
    strip = np.full((LINE_HEIGHT * len(lines), width, 3), PAPER, np.uint8)
    for number, line in enumerate(lines):
        place = MARGIN, LINE_HEIGHT * number + BASELINE
        cv2.putText(strip, line, place, FONT, SCALE, (INK, INK, INK), THICKNESS, cv2.LINE_AA)
    return np.vstack((picture, strip))


def _ascii(word: str) -> str:
    """The word in printable ASCII.

    >>> _ascii("34020000001320000001")
    '34020000001320000001'
    >>> _ascii("村口-1")
    '\\\\u6751\\\\u53e3-1'
    """
    escaped = word.encode("ascii", "backslashreplace").decode()
    return "".join(letter if letter.isprintable() else " " for letter in escaped)


def _lines(words: Sequence[str], width: int) -> list[str]:
    """All words in one line, or each from a line of its own on. The last words are never the ones left out."""
    together = "  ".join(words)
    if _width(together) <= width:
        return [together]
    lines = [line for word in words for line in _wrapped(word, width)]
    return [*lines[: MAX_LINES - 1], lines[-1]] if len(lines) > MAX_LINES else lines


def _wrapped(word: str, width: int) -> list[str]:
    lines = [""]
    for letter in word[: MAX_LINES * width]:
        if lines[-1] and _width(lines[-1] + letter) > width:
            lines.append("")
        lines[-1] += letter
    return lines


def _width(text: str) -> int:
    (width, _), _ = cv2.getTextSize(text, FONT, SCALE, THICKNESS)
    return width
