"""Do the coded data of an H.265 picture end where the picture ends?

libavcodec conceals damage in H.265 without a word: nearly every sequence of bits is a valid one, so that after a gap it
goes on decoding rubbish. What rubbish can't do is come out even. A slice says in its last bit that it ends, and an
arithmetic decoder that reads ones sees that bit set at the next block (ITU-T H.265 §9.3.4.3.5). So each slice gets a
tail of ones:

    a sound slice        has ended before the tail, and gives the same picture with and without it
    too few data         the decoder reads into the tail and ends there, or rubbish has ended the slice sooner: the
                         blocks after it are never decoded and keep the zeros of a new frame, a green beyond all colours
    too many data        the picture is full before the data are used up: it is the same when the tail comes sooner, in
                         place of the last of them, which takes a second decoding to tell
"""

from __future__ import annotations

import cv2
import numpy as np

from probes.image.measure import Plane

MAX_SLICES = 600
"""Slice segments of one picture (ITU-T H.265 table A.8); what comes after so many units gets no tails."""

TAIL = b"\xff" * 1024
"""Longer than what rubbish reads as one block. 64 bytes are too few in every third damaged picture, 4,096 find no more
than these."""

CUT_BYTES = 64
"""So many of the last slice give way to the tail to see whether they matter."""

BLOCK = 8
"""Chroma samples: the smallest coding tree block has 8 × 8 of them, larger ones have several such squares."""

_START_CODE = b"\0\0\1"
_CABAC_ZERO_WORD = b"\0\0\3"
_FIRST_NOT_SLICE = 32
"""nal_unit_type (ITU-T H.265 table 7-1)."""


def with_tails(stream: bytes) -> bytes:
    """The byte stream (annex B) of one picture with a tail of ones behind each of its slices."""
    head, *units = stream.split(_START_CODE, MAX_SLICES)
    return _START_CODE.join([head, *(_bare(unit) + TAIL if _is_slice(unit) else unit for unit in units)])


def with_tail_sooner(stream: bytes) -> bytes:
    """The byte stream with the end of its last slice replaced by a tail; what follows that slice is left out."""
    head, *units = stream.split(_START_CODE, MAX_SLICES)
    while units and not _is_slice(units[-1]):
        units.pop()
    if units:
        units[-1] = _bare(units[-1])[:-CUT_BYTES] + TAIL
    return _START_CODE.join([head, *units])


def has_undecoded(luma: Plane, first: Plane, second: Plane) -> bool:
    """Whether a square of the picture was never decoded. The planes are luma and both of chroma, all whole."""
    height, width = first.shape
    bare = np.asarray(cv2.bitwise_or(first, second) == 0, np.uint8)
    if not bare.any():
        return False
    bare &= np.asarray(cv2.resize(luma, (width, height), interpolation=cv2.INTER_NEAREST) == 0, np.uint8)
    squares = cv2.erode(bare, np.ones((BLOCK, BLOCK), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return bool(np.any(squares))


def _is_slice(unit: bytes) -> bool:
    return bool(unit) and unit[0] >> 1 & 0x3F < _FIRST_NOT_SLICE


def _bare(slice_unit: bytes) -> bytes:
    """A slice without the zeros that may be stuffed behind it (§B.2, §7.3.2.11): those would be read before a tail."""
    end = len(slice_unit.rstrip(b"\0"))
    while slice_unit.endswith(_CABAC_ZERO_WORD, 0, end):
        end -= len(_CABAC_ZERO_WORD)
    return slice_unit[:end]
