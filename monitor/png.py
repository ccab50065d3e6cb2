"""A small grey picture as a PNG file (ISO/IEC 15948), so that the daemon needs no image library for it."""

from __future__ import annotations

import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def grey_png(luma: bytes, width: int, height: int) -> bytes:
    """``luma`` as a PNG: one byte a pixel, row by row. Raises ValueError when its length isn't ``width × height``."""
    if len(luma) != width * height:
        raise ValueError(f"{len(luma)} bytes are no picture of {width} × {height}")
    # 8 bits, greyscale, the only methods there are, no interlacing; each row begins with its filter, 0 for none
    header = width.to_bytes(4) + height.to_bytes(4) + bytes((8, 0, 0, 0, 0))
    rows = b"".join(b"\0" + luma[start : start + width] for start in range(0, len(luma), width))
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)
