"""What is remembered of a camera's picture between two looks, and its form in the store."""

from __future__ import annotations

import base64
import binascii
import json
import zlib

from probes.observation import PictureMemory

THUMB_WIDTH, THUMB_HEIGHT = 160, 90
THUMB_BYTES = THUMB_WIDTH * THUMB_HEIGHT


def to_json(memory: PictureMemory) -> str:
    """About 12 KB of text; :func:`from_json` gives the same memory back."""
    return json.dumps(
        {
            "at": memory.at,
            "hash": memory.hash.hex(),
            "thumb": base64.b64encode(zlib.compress(memory.thumb, 6)).decode(),
            "clock_strip": memory.clock_strip,
        }
    )


def from_json(text: str) -> PictureMemory:
    """Raises ValueError for anything that :func:`to_json` did not write."""
    try:
        kept = json.loads(text)
        strip = kept["clock_strip"]
        return PictureMemory(
            at=float(kept["at"]),
            hash=bytes.fromhex(kept["hash"]),
            thumb=_inflated(base64.b64decode(kept["thumb"], validate=True)),
            clock_strip=None if strip is None else _strip(strip),
        )
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError, binascii.Error, zlib.error) as error:
        raise ValueError(f"not a picture memory: {error!r}") from None


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    thumb = inflater.decompress(data, THUMB_BYTES + 1)
    if len(thumb) != THUMB_BYTES or inflater.unconsumed_tail:
        raise ValueError(f"a thumb has {THUMB_BYTES} bytes")
    return thumb


def _strip(values: list[object]) -> tuple[int, int, int, int]:
    x, y, width, height = (value for value in values if isinstance(value, int))
    return x, y, width, height
