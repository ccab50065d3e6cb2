"""What passes between the pool and its workers: JSON for the values, raw bytes for the pictures.

    4 bytes  length of the header          big-endian
    header   JSON; "blobs" holds the lengths of what follows, null for an absent one
    blobs    one after the other

A worker handles hostile video. Its answers are therefore never unpickled, and every length is bounded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Protocol

from probes.image.judgement import Judged, PictureJob, PictureJudgement
from probes.image.thresholds import Thresholds
from probes.observation import Light, PictureMemory, Reference

LENGTH_BYTES = 4
MAX_HEADER_BYTES = 64 * 1024
MAX_BLOB_BYTES = 32 * 1024 * 1024
"""Of all blobs of a message together: two key frames of 8 MiB with what is remembered of older ones."""
MAX_BLOBS = 16

Blobs = Sequence[bytes | None]

_MEMORY_BLOBS = 2 + len(Light)


class Readable(Protocol):
    """Something to read whole pieces from, such as a binary file."""

    def read(self, size: int, /) -> bytes: ...


class MessageError(ValueError):
    """The other side does not speak this protocol."""


def pack(header: dict[str, object], blobs: Blobs) -> bytes:
    """One message."""
    lengths = [None if blob is None else len(blob) for blob in blobs]
    text = json.dumps({**header, "blobs": lengths}).encode()
    return b"".join([len(text).to_bytes(LENGTH_BYTES), text, *(blob for blob in blobs if blob is not None)])


def header_length(prefix: bytes) -> int:
    """The length of the header that follows; raises MessageError."""
    length = int.from_bytes(prefix)
    if len(prefix) != LENGTH_BYTES or not 2 <= length <= MAX_HEADER_BYTES:
        raise MessageError(f"a header of {length} bytes")
    return length


def parse_header(text: bytes) -> tuple[dict[str, object], list[int | None]]:
    """The values, and the lengths of the blobs; raises MessageError."""
    try:
        header = json.loads(text)
        lengths = header.pop("blobs")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise MessageError(f"not a header: {error!r}") from None
    if not isinstance(lengths, list) or len(lengths) > MAX_BLOBS or not all(_fits(length) for length in lengths):
        raise MessageError("blobs of a wrong length")
    if sum(length or 0 for length in lengths) > MAX_BLOB_BYTES:
        raise MessageError(f"more than {MAX_BLOB_BYTES} bytes of blobs")
    return header, lengths


def _fits(length: object) -> bool:
    return length is None or (isinstance(length, int) and 0 <= length <= MAX_BLOB_BYTES)


def read_message(source: Readable) -> tuple[dict[str, object], list[bytes | None]] | None:
    """The next message of a blocking ``source``, or None at its end."""
    prefix = source.read(LENGTH_BYTES)
    if not prefix:
        return None
    header, lengths = parse_header(source.read(header_length(prefix)))
    return header, [None if length is None else source.read(length) for length in lengths]


def pack_job(job: PictureJob) -> bytes:
    """``job`` as one message."""
    header: dict[str, object] = {
        "codec": job.codec,
        "at": job.at,
        "frozen_s": job.frozen_s,
        "stamp": job.stamp,
        "thresholds": asdict(job.thresholds),
        "ptz": job.ptz,
    }
    return pack({**header, **_memory_header(job.memory)}, [job.first, job.second, *_memory_blobs(job.memory)])


def parse_job(header: Mapping[str, object], blobs: Blobs) -> PictureJob:
    """The reverse of :func:`pack_job`; raises MessageError."""
    try:
        first, second, *remembered = blobs
        return PictureJob(
            codec=str(header["codec"]),
            first=first or b"",
            second=second,
            at=_number(header["at"]),
            memory=_memory(header, remembered),
            frozen_s=_number(header["frozen_s"]),
            stamp=tuple(str(word) for word in _list(header["stamp"])),
            thresholds=_thresholds(header["thresholds"]),
            ptz=header["ptz"] is True,
        )
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise MessageError(f"not a job: {error!r}") from None


def pack_judgement(judgement: PictureJudgement) -> bytes:
    """``judgement`` as one message."""
    header: dict[str, object] = {
        "judged": judgement.judged,
        "said": judgement.said,
        "width": judgement.width,
        "height": judgement.height,
        "faults": judgement.faults,
        "measures": dict(judgement.measures),
        "wants_second": judgement.wants_second,
    }
    blobs = [judgement.jpeg, *_memory_blobs(judgement.memory)]
    return pack({**header, **_memory_header(judgement.memory)}, blobs)


def parse_judgement(header: Mapping[str, object], blobs: Blobs) -> PictureJudgement:
    """The reverse of :func:`pack_judgement`; raises MessageError."""
    try:
        jpeg, *remembered = blobs
        return PictureJudgement(
            judged=Judged(str(header["judged"])),
            said=str(header["said"]),
            width=int(_number(header["width"])),
            height=int(_number(header["height"])),
            faults=tuple(str(fault) for fault in _list(header["faults"])),
            measures=_measures(header["measures"]),
            wants_second=header["wants_second"] is True,
            jpeg=jpeg,
            memory=_memory(header, remembered),
        )
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise MessageError(f"not a judgement: {error!r}") from None


def _memory_header(memory: PictureMemory | None) -> dict[str, object]:
    if memory is None:
        return {"memory": None}
    references = {
        light.value: {"at": reference.at, "approved_by": reference.approved_by}
        for light in Light
        if (reference := memory.reference(light)) is not None
    }
    return {"memory": {"at": memory.at, "clock_strip": memory.clock_strip, "references": references}}


def _memory_blobs(memory: PictureMemory | None) -> list[bytes | None]:
    if memory is None:
        return [None] * _MEMORY_BLOBS
    references = (memory.reference(light) for light in Light)
    return [memory.hash, memory.thumb, *(each.thumb if each is not None else None for each in references)]


def _memory(header: Mapping[str, object], blobs: Blobs) -> PictureMemory | None:
    kept = header["memory"]
    if kept is None:
        return None
    if not isinstance(kept, dict):
        raise MessageError("a memory without values")
    picture_hash, thumb, *thumbs = blobs
    memory = PictureMemory(
        at=_number(kept["at"]), hash=picture_hash or b"", thumb=thumb or b"", clock_strip=_strip(kept["clock_strip"])
    )
    for light, luma in zip(Light, thumbs, strict=True):
        if luma is not None:
            memory = memory.with_reference(light, _reference(kept["references"][light.value], luma))
    return memory


def _reference(value: Mapping[str, object], thumb: bytes) -> Reference:
    return Reference(at=_number(value["at"]), thumb=thumb, approved_by=str(value["approved_by"]))


def _thresholds(value: object) -> Thresholds:
    if not isinstance(value, dict):
        raise MessageError("thresholds without names")
    return Thresholds(**{str(name): _number(number) for name, number in value.items()})


def _strip(value: object) -> tuple[int, int, int, int] | None:
    if value is None:
        return None
    x, y, width, height = (int(_number(part)) for part in _list(value))
    return x, y, width, height


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise MessageError(f"{value!r} is no list")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MessageError(f"{value!r} is no number")
    return value


def _measures(value: object) -> dict[str, float]:
    if not isinstance(value, dict):
        raise MessageError("measures without names")
    return {str(name): _number(number) for name, number in value.items()}
