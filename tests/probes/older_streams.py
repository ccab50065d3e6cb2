"""Streams of older cameras: JPEG (RFC 2435) and MPEG-4 part 2 (RFC 6416)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache

import av
import cv2
import numpy as np

from tests.probes import streams
from tests.probes.streams import Rtp

JPEG_WIDTH, JPEG_HEIGHT = 320, 176
JPEG_PAYLOAD_TYPE = 26
DYNAMIC = 255
_RESTARTS = 64
_LIMIT = 700


def _scene() -> np.ndarray:
    blocks = np.random.default_rng(3).integers(0, 255, (JPEG_HEIGHT // 8, JPEG_WIDTH // 8, 3), dtype=np.uint8)
    return blocks.repeat(8, 0).repeat(8, 1)


def jpeg(quality: int, restart_interval: int = 0) -> bytes:
    """A baseline 4:2:0 JPEG with the standard Huffman tables."""
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_RST_INTERVAL, restart_interval]
    done, data = cv2.imencode(".jpg", _scene(), settings)
    assert done
    return data.tobytes()


def jpeg_segments(picture: bytes) -> tuple[dict[int, list[bytes]], bytes]:
    """The segments of a JPEG by marker, and its entropy-coded data with the end marker."""
    found: dict[int, list[bytes]] = {}
    at = 2
    while True:
        marker, size = picture[at + 1], int.from_bytes(picture[at + 2 : at + 4], "big")
        found.setdefault(marker, []).append(picture[at + 4 : at + 2 + size])
        at += 2 + size
        if marker == 0xDA:
            return found, picture[at:]


def jpeg_payloads(picture: bytes, quality: int, *, restart_interval: int = 0, limit: int = 900) -> list[bytes]:
    parts, data = jpeg_segments(picture)
    kind = 1 + (_RESTARTS if restart_interval else 0)
    made = []
    for offset in range(0, len(data), limit):
        head = b"\0" + offset.to_bytes(3, "big")
        head += bytes((kind, quality, JPEG_WIDTH // 8, JPEG_HEIGHT // 8))
        if restart_interval:
            head += struct.pack(">HH", restart_interval, 0xFFFF)
        if quality >= 128 and offset == 0:
            tables = b"".join(table[1:] for table in parts[0xDB])
            head += struct.pack(">BBH", 0, 0, len(tables)) + tables
        made.append(head + data[offset : offset + limit])
    return made


@lru_cache(maxsize=1)
def mpeg4_clip() -> tuple[bytes, tuple[bytes, ...]]:
    """The configuration of a clip and its 12 pictures, every fifth an I-VOP."""
    context = av.CodecContext.create("mpeg4", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = streams.WIDTH, streams.HEIGHT, "yuv420p"
    context.time_base, context.gop_size, context.thread_count = Fraction(1, 25), 5, 1
    context.max_b_frames = 0
    noise = np.random.default_rng(5).integers(0, 255, (streams.HEIGHT, streams.WIDTH, 3), dtype=np.uint8)
    pictures = []
    for number in range(12):
        frame = av.VideoFrame.from_ndarray(noise, format="rgb24")
        frame.pts = number
        pictures += [bytes(packet) for packet in context.encode(frame)]
    pictures += [bytes(packet) for packet in context.encode(None)]
    configuration = pictures[0][: pictures[0].index(b"\0\0\1\xb3")]
    bare = tuple(picture.removeprefix(configuration) for picture in pictures)
    return configuration, bare


def mpeg4_payloads(picture: bytes) -> list[bytes]:
    return [picture[at : at + _LIMIT] for at in range(0, len(picture), _LIMIT)]


def packets(pictures: Iterable[list[bytes]], *, payload_type: int) -> list[Rtp]:
    """The packets of some pictures, each given as its payloads."""
    made: list[Rtp] = []
    for number, payloads in enumerate(pictures):
        for payload in payloads:
            made.append(
                Rtp(
                    sequence=len(made),
                    timestamp=number * 3600,
                    payload=payload,
                    marker=payload is payloads[-1],
                    payload_type=payload_type,
                )
            )
    return made
