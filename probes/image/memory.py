"""What is remembered of a camera's picture between two looks, and its form in the store."""

from __future__ import annotations

import base64
import binascii
import json
import zlib

from probes.observation import Light, PictureMemory, Reference

THUMB_WIDTH, THUMB_HEIGHT = 160, 90
THUMB_BYTES = THUMB_WIDTH * THUMB_HEIGHT


def to_json(memory: PictureMemory) -> str:
    """About 12 KB of text for each thumb; :func:`from_json` gives the same memory back."""
    references = {
        light.value: {"at": reference.at, "thumb": _deflated(reference.thumb), "approved_by": reference.approved_by}
        for light in Light
        if (reference := memory.reference(light)) is not None
    }
    return json.dumps(
        {
            "at": memory.at,
            "hash": memory.hash.hex(),
            "thumb": _deflated(memory.thumb),
            "clock_strip": memory.clock_strip,
            "references": references,
        }
    )


def from_json(text: str) -> PictureMemory:
    """Raises ValueError for anything that :func:`to_json` did not write.

    A text from before there were references has one thumb and no word of its light: its references are learned anew.
    """
    try:
        kept = json.loads(text)
        strip, references = kept["clock_strip"], kept.get("references", {})
        memory = PictureMemory(
            at=float(kept["at"]),
            hash=bytes.fromhex(kept["hash"]),
            thumb=_inflated(kept["thumb"]),
            clock_strip=None if strip is None else _strip(strip),
        )
        for light, its in references.items():
            reference = Reference(
                at=float(its["at"]), thumb=_inflated(its["thumb"]), approved_by=str(its["approved_by"])
            )
            memory = memory.with_reference(Light(light), reference)
        return memory
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError, binascii.Error, zlib.error) as error:
        raise ValueError(f"not a picture memory: {error!r}") from None


def _deflated(thumb: bytes) -> str:
    return base64.b64encode(zlib.compress(thumb, 6)).decode()


def _inflated(text: str) -> bytes:
    inflater = zlib.decompressobj()
    thumb = inflater.decompress(base64.b64decode(text, validate=True), THUMB_BYTES + 1)
    if len(thumb) != THUMB_BYTES or inflater.unconsumed_tail:
        raise ValueError(f"a thumb has {THUMB_BYTES} bytes")
    return thumb


def _strip(values: list[object]) -> tuple[int, int, int, int]:
    x, y, width, height = (value for value in values if isinstance(value, int))
    return x, y, width, height
