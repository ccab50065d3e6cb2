"""The month's papers in one folder: circular, one notice a township, annex, the snapshot, and a manifest of hashes.

The folder appears whole or not at all. The same snapshot, program, templates and fonts give the same bytes.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from reports.annex import annex
from reports.circular import circular
from reports.fonts import Typefaces, sha256_of
from reports.notice import notice
from reports.paper import Issue, Snapshot, timestamp_of
from reports.render.typst import (
    ARCHIVAL,
    COMPACT,
    LIMIT_S,
    Document,
    TypstRenderer,
    templates_digest,
    typst_version,
)
from reports.snapshot import canonical

MANIFEST = "MANIFEST.json"
SNAPSHOT = "snapshot.json"
SCHEMA = "xunjian/papers/1"
WORKERS = 2
"""Typesetters at a time. More would only make the memory higher on the machines that counties have."""
LONGEST_NAME = 40

Progress = Callable[[int, int, str], None]
"""Called with documents done, documents in all, and the file that was just made."""


class BundleError(Exception):
    """The folder can't be written; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is in the folder, and what it was made of."""

    month: str
    state: str
    revision: int
    program: Mapping[str, str]
    typst: str
    templates_sha256: str
    fonts: Sequence[Mapping[str, str]]
    files: Mapping[str, str]
    """SHA-256 by path inside the folder"""
    unprintable: Sequence[str] = field(default_factory=tuple)
    """characters that no font in use has; 〓 stands for them on paper"""
    schema: str = SCHEMA

    def as_bytes(self) -> bytes:
        """The manifest as it is written."""
        return (json.dumps(asdict(self), ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def bundle(
    snapshot: Snapshot,
    folder: Path,
    *,
    typefaces: Typefaces,
    issue: Issue | None = None,
    progress: Progress | None = None,
    limit_s: float = LIMIT_S,
) -> Manifest:
    """Make all papers of a month in ``folder``, which is replaced if an earlier bundle is all that it holds.

    Raises BundleError when it holds anything else, RenderError when a paper can't be made; then nothing has changed.
    ``progress`` is called in the caller's thread.
    """
    _refuse_strangers(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        unprintable = _render(_documents(snapshot, issue), made, typefaces, progress, limit_s)
        (made / SNAPSHOT).write_bytes(canonical(snapshot))
        manifest = Manifest(
            month=snapshot["month"],
            state=snapshot["state"],
            revision=snapshot["revision"],
            program=snapshot["program"],
            typst=typst_version(),
            templates_sha256=templates_digest(),
            fonts=typefaces.records(),
            files=_hashes(made),
            unprintable=[f"U+{ord(each):04X}" for each in sorted(unprintable)],
        )
        (made / MANIFEST).write_bytes(manifest.as_bytes())
        _replace(folder, made, Path(scratch) / "before")
    return manifest


def _documents(snapshot: Snapshot, issue: Issue | None) -> dict[str, Document]:
    """By path inside the folder, the longest first: it decides when all are done."""
    at = timestamp_of(snapshot)
    documents = {
        "annex.pdf": Document(template="annex.typ", data=annex(snapshot), standards=COMPACT, timestamp=at),
        "circular.pdf": Document(
            template="circular.typ", data=circular(snapshot, issue), standards=ARCHIVAL, timestamp=at
        ),
    }
    for township in snapshot["townships"]:
        data = notice(snapshot, township, issue)
        path = _free_path(documents, f"{township['code']}-{township['name']}")
        documents[path] = Document(template="notice.typ", data=data, standards=ARCHIVAL, timestamp=at)
    return documents


def _free_path(taken: Mapping[str, Any], name: str) -> str:
    """A file name of letters and digits only; names that become the same are told apart by a number."""
    plain = "".join(each if each.isalnum() else "-" for each in name)[:LONGEST_NAME].strip("-") or "notice"
    lower = {path.casefold() for path in taken}
    candidates = (f"notices/{plain}{f'-{number}' if number else ''}.pdf" for number in range(len(taken) + 1))
    return next(path for path in candidates if path.casefold() not in lower)


def _render(
    documents: Mapping[str, Document], made: Path, typefaces: Typefaces, progress: Progress | None, limit_s: float
) -> set[str]:
    """Make all documents; the characters that could not be printed."""
    (made / "notices").mkdir()
    free: SimpleQueue[TypstRenderer] = SimpleQueue()
    with ExitStack() as stack:
        renderers = [
            stack.enter_context(TypstRenderer(typefaces, limit_s=limit_s)) for _ in range(min(WORKERS, len(documents)))
        ]
        pool = stack.enter_context(ThreadPoolExecutor(len(renderers), "typst"))
        stack.callback(pool.shutdown, cancel_futures=True)
        for renderer in renderers:
            free.put(renderer)

        def make(path: str, document: Document) -> None:
            renderer = free.get()
            try:
                renderer.compile(document, made / path)
            finally:
                free.put(renderer)

        waiting = {pool.submit(make, path, document): path for path, document in documents.items()}
        for done, future in enumerate(as_completed(waiting), 1):
            future.result()
            if progress:
                progress(done, len(waiting), waiting[future])
        return set().union(*(renderer.printer.replaced for renderer in renderers))


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}


def _refuse_strangers(folder: Path) -> None:
    """A folder is only ever replaced when every file in it is one that an earlier bundle lists."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise BundleError(f"{folder} 是一个文件，不能写入通报材料")
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    strangers = present - {MANIFEST} - _listed(folder / MANIFEST)
    if strangers:
        raise BundleError(f"{folder} 中有不是本程序生成的文件（例如 {min(strangers)}），请另选一个文件夹")


def _listed(manifest: Path) -> set[str]:
    try:
        earlier = json.loads(manifest.read_text(encoding="utf-8"))
        return set(earlier["files"]) if earlier["schema"] == SCHEMA else set()
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _replace(folder: Path, made: Path, before: Path) -> None:
    if folder.exists():
        folder.rename(before)
    try:
        made.rename(folder)
    except OSError:
        if before.exists():
            before.rename(folder)
        raise
    # A power cut right after this must not leave a folder with half of its entries.
    for path in (folder, folder.parent):
        _to_disk(path)
    if before.exists():
        shutil.rmtree(before)


def _to_disk(folder: Path) -> None:
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
