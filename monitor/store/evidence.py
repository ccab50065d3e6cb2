"""Pictures are files: written whole or not at all, named by camera and time, proven by their SHA-256."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
from collections.abc import Container, Iterable
from contextlib import suppress
from pathlib import Path

from monitor.store.values import Evidence, EvidenceKind

log = logging.getLogger(__name__)

_SAFE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OURS = re.compile(r"\d+-(good|fault)\.(jpg|part)")


class PictureFolder:
    """The folder of evidence pictures, one subfolder for each camera."""

    def __init__(self, root: Path, spare: int = 0) -> None:
        """``spare`` bytes of the disk are the record's: no picture is written into them."""
        self._root = root
        self._spare = spare

    def keep(self, evidence: Evidence) -> tuple[str, str] | None:
        """Write the picture; returns its path within the folder and its SHA-256.

        None when there is no picture, or no room for it: the record must not wait for its illustrations.

        A picture of a fault is proof in an appeal, so it is on the disk before its row is; a good one is not worth
        the wait: one torn by a power cut no longer matches its SHA-256 and is not shown.
        """
        if evidence.jpeg is None:
            return None
        if self._spare and self.free() < self._spare:
            log.warning("evidence pictures are not kept: the disk has no more room than the record may need")
            return None
        name = f"{_folder_of(evidence.camera)}/{evidence.at}-{evidence.kind}.jpg"
        try:
            _write_whole(self._root / name, evidence.jpeg, to_disk=evidence.kind is EvidenceKind.FAULT)
        except OSError as error:
            log.warning("evidence picture %s cannot be written: %s", name, error)
            return None
        return name, hashlib.sha256(evidence.jpeg).hexdigest()

    def read(self, name: str, sha256: str) -> bytes | None:
        """The picture, or None when it is gone or is not what was written."""
        try:
            content = (self._root / name).read_bytes()
        except OSError as error:
            log.warning("evidence picture %s cannot be read: %s", name, error)
            return None
        if hashlib.sha256(content).hexdigest() != sha256:
            log.warning("evidence picture %s is not what was written", name)
            return None
        return content

    def path(self, name: str) -> Path | None:
        """Where the picture lies; None when it is gone. What is in it is not looked at."""
        path = self._root / name
        return path if path.is_file() else None

    def free(self) -> int:
        """Bytes that can still be written where the pictures are or will be."""
        there = next(each for each in (self._root, *self._root.parents) if each.exists())
        return shutil.disk_usage(there).free

    def size(self, name: str) -> int:
        """The picture's bytes, 0 when it is gone."""
        try:
            return (self._root / name).stat().st_size
        except OSError:
            return 0

    def strays(self, known: Container[str], before: float) -> list[str]:
        """Files of ours that were written before then (UTC seconds) and are not ``known``.

        A crash between a row's deletion and its picture's leaves one behind, and one within a write an unfinished one.
        """
        found = []
        for path in self._root.glob("*/*-*.*"):
            name = f"{path.parent.name}/{path.name}"
            if _OURS.fullmatch(path.name) and name not in known:
                with suppress(OSError):
                    found += [name] if path.stat().st_mtime < before else []
        return found

    def discard(self, names: Iterable[str]) -> None:
        """Remove pictures that no row refers to any more. One that cannot be removed only takes room."""
        for name in names:
            try:
                (self._root / name).unlink(missing_ok=True)
            except OSError as error:
                log.warning("evidence picture %s cannot be removed: %s", name, error)


def _write_whole(path: Path, content: bytes, *, to_disk: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        if to_disk:
            os.fsync(file.fileno())
    unfinished.replace(path)


def _folder_of(camera: str) -> str:
    """A folder name for any camera id: ids come from a ledger and may hold "/" or "..".

    >>> _folder_of("33010200001320000001")
    '33010200001320000001'
    >>> _folder_of("../etc")
    'id-f7f9121fdb53d8de1eccbfa65c4bd976'
    """
    if _SAFE_ID.fullmatch(camera):
        return camera
    return "id-" + hashlib.sha256(camera.encode()).hexdigest()[:32]
