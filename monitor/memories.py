"""What is remembered of the cameras' pictures: the values at hand, the thumbs in a file.

The thumbs of a county are 170 MB, of which a look needs 40 KB once in hours. The file has no name and ends with the
process: what is to outlive it is in the store.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import structlog

from probes.image.memory import THUMB_BYTES
from probes.observation import Light, PictureMemory

log = structlog.get_logger(__name__)

SLOT_BYTES = THUMB_BYTES * (1 + len(Light))
"""Room for the thumbs of one camera: the last look's, and one reference for each light."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A memory without its thumbs, and how long each of them is, None for one that there isn't."""

    memory: PictureMemory
    lengths: tuple[int | None, ...]


class PictureMemories:
    """The memory of each camera. ``folder`` is where the file lies; without one the thumbs stay in memory, too."""

    def __init__(self, folder: Path | None = None) -> None:
        self._file = _file_in(folder) if folder is not None else None
        self._slots: dict[str, int] = {}
        self._free: list[int] = []
        self._kept: dict[str, _Kept] = {}
        self._whole: dict[str, PictureMemory] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def get(self, camera: str) -> PictureMemory | None:
        """What is remembered of ``camera``. Raises OSError when its thumbs cannot be read."""
        kept = self._kept.get(camera)
        if kept is None:
            return self._whole.get(camera)
        assert self._file is not None, "what is kept without its thumbs has them in the file"
        size = sum(length or 0 for length in kept.lengths)
        thumbs = os.pread(self._file.fileno(), size, self._slots[camera] * SLOT_BYTES)
        if len(thumbs) != size:
            raise OSError(f"the thumbs of {camera} are cut off")
        return _with_thumbs(kept, thumbs)

    def put(self, camera: str, memory: PictureMemory) -> None:
        """Remember this of ``camera`` from now on. What finds no room on the disk stays in memory."""
        thumbs = _thumbs_of(memory)
        self._kept.pop(camera, None)
        if self._write(camera, b"".join(thumb for thumb in thumbs if thumb is not None)):
            self._kept[camera] = _Kept(_without_thumbs(memory), tuple(_length(thumb) for thumb in thumbs))
            self._whole.pop(camera, None)
        else:
            self._whole[camera] = memory

    def forget(self, camera: str) -> None:
        """Remember nothing of ``camera`` any more."""
        self._kept.pop(camera, None)
        self._whole.pop(camera, None)
        slot = self._slots.pop(camera, None)
        if slot is not None:
            self._free.append(slot)

    def _write(self, camera: str, thumbs: bytes) -> bool:
        if self._file is None or len(thumbs) > SLOT_BYTES:
            return False
        descriptor = self._file.fileno()
        slot = self._slots.get(camera)
        try:
            if slot is None:
                slot = self._free[-1] if self._free else len(self._slots)
                # with its room set aside, no later thumb of this camera can find the disk full
                os.posix_fallocate(descriptor, slot * SLOT_BYTES, SLOT_BYTES)
                self._slots[camera] = slot
                del self._free[-1:]
            return os.pwrite(descriptor, thumbs, slot * SLOT_BYTES) == len(thumbs)
        except OSError as error:
            log.warning("what a picture shows is kept in memory instead of the disk", camera=camera, error=str(error))
            return False


def _file_in(folder: Path) -> IO[bytes] | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=folder)
    except OSError as error:
        log.warning("what pictures show is kept in memory instead of the disk", folder=str(folder), error=str(error))
        return None


def _thumbs_of(memory: PictureMemory) -> list[bytes | None]:
    references = (memory.reference(light) for light in Light)
    return [memory.thumb, *(each.thumb if each is not None else None for each in references)]


def _without_thumbs(memory: PictureMemory) -> PictureMemory:
    bare = replace(memory, thumb=b"")
    for light in Light:
        if (reference := memory.reference(light)) is not None:
            bare = bare.with_reference(light, replace(reference, thumb=b""))
    return bare


def _with_thumbs(kept: _Kept, thumbs: bytes) -> PictureMemory:
    last, *lengths = kept.lengths
    taken = last or 0
    memory = replace(kept.memory, thumb=thumbs[:taken])
    for light, length in zip(Light, lengths, strict=True):
        reference = memory.reference(light)
        if reference is not None and length is not None:
            memory = memory.with_reference(light, replace(reference, thumb=thumbs[taken : taken + length]))
            taken += length
    return memory


def _length(thumb: bytes | None) -> int | None:
    return None if thumb is None else len(thumb)
