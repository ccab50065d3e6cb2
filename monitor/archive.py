"""One backup as a file: what is in it, how it is written whole or not at all, and how a hostile one stays harmless.

    NAME.zip                a ZIP archive
      MANIFEST.json         format, when, what of: and of every member its size and SHA-256
      database/…            a consistent copy of the record
      settings/config.toml  as it stood
      secrets/…             the key of the camera passwords, sealed with the recovery key; the seal's public half
      months/…              each frozen month as canonical JSON
      papers/… proofs/… evidence/… fonts/… templates/…
    pool/ab/abcdef…         members that never change, by their SHA-256; all archives of a folder share them

An archive for taking away holds everything itself; the hourly and nightly ones leave what never changes in the pool,
so that a year of pictures is written once. Nothing is ever taken out by the archive's own word: names, sizes and
hashes are checked against the manifest, and the manifest against what a backup may hold.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

FORMAT = "xunjian/backup/1"
MANIFEST = "MANIFEST.json"
CONTENTS = ("database", "settings", "secrets", "months", "papers", "proofs", "evidence", "fonts", "templates")

CHUNK = 2**20
MANIFEST_AT_MOST = 2**26
MEMBERS_AT_MOST = 2_000_000
PARTS_AT_MOST = 8
"""Folders deep."""

_PART = re.compile(r"[^\x00-\x1f\x7f/\\:]{1,200}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PACKED = (".db", ".json", ".toml", ".typ", ".dump")
"""Endings of what becomes smaller when it is deflated; pictures, PDF and fonts do not."""

Content = Path | bytes | Callable[[], bytes]

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""


class ArchiveError(Exception):
    """A backup cannot be written, or is not what it says; the message is one sentence for people."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en

    def text(self, lang: str = "zh") -> str:
        """The message in ``lang``."""
        return self.en if lang == "en" else self.zh


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A member to be: bytes, the file that holds them, or what fetches them once they are needed.

    ``sha256`` is what they must have, "" where nobody knows.

    Of an ``optional`` one that is gone or changed the manifest says so, where any other makes the backup fail.
    """

    name: str
    content: Content
    sha256: str = ""
    pooled: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A member: its size in bytes, its hash, and whether it lies in the pool."""

    size: int
    sha256: str
    pooled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup says of itself. ``facts`` are the backup's own: JSON-ready, and checked by whoever uses them."""

    made_at: int
    label: str
    facts: Mapping[str, Any]
    members: Mapping[str, Entry]
    missing: Mapping[str, str] = field(default_factory=dict)
    """what should have been there, by name, and why it is not"""

    @property
    def size(self) -> int:
        """Bytes of all members."""
        return sum(entry.size for entry in self.members.values())

    def within(self, content: str) -> dict[str, Entry]:
        """The members of one folder, by their names within it."""
        start = f"{content}/"
        return {name.removeprefix(start): entry for name, entry in self.members.items() if name.startswith(start)}

    def as_bytes(self) -> bytes:
        """As it is written."""
        document = {
            "format": FORMAT,
            "made_at": self.made_at,
            "label": self.label,
            "facts": dict(self.facts),
            "members": {
                name: {"size": each.size, "sha256": each.sha256, "pooled": each.pooled}
                for name, each in self.members.items()
            },
            "missing": dict(self.missing),
        }
        return (json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()

    @classmethod
    def of(cls, content: bytes) -> Manifest:
        """What ``as_bytes`` wrote. Raises ArchiveError for anything that no backup of ours would say."""
        try:
            document = json.loads(content)
            if document["format"] != FORMAT:
                raise ArchiveError(
                    f"这份备份的格式是 {document['format']!r:.60}，本程序只认得 {FORMAT}",
                    f"the backup has format {document['format']!r:.60}; this program knows {FORMAT}",
                )
            members = {
                _checked(name): Entry(size=_size(its["size"]), sha256=_hash(its["sha256"]), pooled=bool(its["pooled"]))
                for name, its in document["members"].items()
            }
            return cls(
                made_at=int(document["made_at"]),
                label=str(document["label"]),
                facts=dict(document["facts"]),
                members=members,
                missing={str(name): str(why) for name, why in document["missing"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ArchiveError("备份的清单已损坏", f"the backup's manifest is damaged ({error!r:.80})") from None


class Pool:
    """The members that never change, each once, named by its SHA-256."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Where that content is, or would be."""
        return self.folder / sha256[:2] / sha256

    def keep(self, source: Source) -> Entry:
        """Make sure that the content is in the pool. Raises OSError, and _ChangedError when it is not as expected."""
        if source.sha256 and (known := self._known(source.sha256)) is not None:
            return known
        self.folder.mkdir(mode=0o700, exist_ok=True)
        unfinished = self.folder / ".part"
        with unfinished.open("wb") as target:
            entry = _copied(source, target)
            _to_disk(target)
        if (known := self._known(entry.sha256)) is None:
            path = self.path(entry.sha256)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            unfinished.replace(path)
            sync_folder(path.parent)
        else:
            unfinished.unlink()
        return Entry(size=entry.size, sha256=entry.sha256, pooled=True)

    def sweep(self, used: frozenset[str]) -> int:
        """Remove what no archive refers to any more; returns the bytes that became free."""
        freed = 0
        for path in self.folder.glob("??/*"):
            if path.name not in used and _SHA256.fullmatch(path.name):
                freed += path.stat().st_size
                path.unlink()
        return freed

    def _known(self, sha256: str) -> Entry | None:
        with suppress(OSError):
            return Entry(size=self.path(sha256).stat().st_size, sha256=sha256, pooled=True)
        return None


def write_archive(
    path: Path,
    sources: Iterable[Source],
    *,
    made_at: int,
    label: str,
    facts: Mapping[str, Any],
    pool: Pool | None = None,
    check: Callable[[Archive], None] = lambda archive: None,
) -> Manifest:
    """Write a backup to ``path``, read it again and have it ``check``-ed; only then is it found under its name.

    With a ``pool`` what is marked so goes there. Raises ArchiveError when the disk fails or what was read again is not
    what was written; then ``path`` is as it was before.
    """
    unfinished = path.with_name(f".{path.name}.part")
    try:
        manifest = _write(unfinished, sources, made_at, label, facts, pool)
        with Archive.opened(unfinished, pool) as archive:
            archive.verify(pooled=False)
            check(archive)
        unfinished.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise ArchiveError(
            f"备份无法写入 {path}（{error.strerror}）", f"the backup cannot be written to {path} ({error.strerror})"
        ) from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return manifest


class Archive:
    """A backup that is being read. Every complaint is an ArchiveError."""

    def __init__(self, file: zipfile.ZipFile, pool: Pool | None, path: Path) -> None:
        self._file = file
        self._pool = pool
        self._path = path
        self._name = path.name
        self.manifest = self._read_manifest()
        self._compare_names()

    @classmethod
    @contextmanager
    def opened(cls, path: Path, pool: Pool | None = None) -> Iterator[Archive]:
        """Open the archive at ``path``; members that it does not hold itself are looked for in ``pool``."""
        with _reading(path):
            file = zipfile.ZipFile(path)
        with file:
            with _reading(path):
                archive = cls(file, pool, path)
            yield archive

    def verify(self, *, pooled: bool = True, progress: Progress = lambda done, of: None) -> None:
        """Read every member and compare it with its hash; those in the pool by their size alone unless ``pooled``."""
        done = 0
        for name, entry in self.manifest.members.items():
            if entry.pooled and not pooled:
                self._expect_in_pool(name, entry)
            else:
                for chunk in self.chunks(name):
                    done += len(chunk)
                    progress(done, self.manifest.size)

    def chunks(self, name: str) -> Iterator[bytes]:
        """The content of a member, never more than its manifest says; its last chunk only if the hash is right."""
        entry = self.manifest.members[name]
        digest, left, held = hashlib.sha256(), entry.size, b""
        with _reading(self._path), self._opened(name, entry) as file:
            while chunk := file.read(min(CHUNK, left + 1)):
                if len(chunk) > left:
                    raise self._damaged(name)
                digest.update(chunk)
                left -= len(chunk)
                if held:
                    yield held
                held = chunk
        if left or digest.hexdigest() != entry.sha256:
            raise self._damaged(name)
        if held:
            yield held

    def read(self, name: str, at_most: int = 2**24) -> bytes:
        """A small member whole."""
        if self.manifest.members[name].size > at_most:
            raise self._damaged(name)
        return b"".join(self.chunks(name))

    def extract(self, name: str, path: Path) -> None:
        """Write a member to ``path``, which appears whole or not at all. Raises OSError too."""
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name[:60]}.part")
        try:
            with unfinished.open("wb") as target:
                for chunk in self.chunks(name):
                    target.write(chunk)
                _to_disk(target)
            unfinished.replace(path)
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)

    def _read_manifest(self) -> Manifest:
        infos = self._file.infolist()
        names = [info.filename for info in infos]
        if len(names) > MEMBERS_AT_MOST or len(set(names)) < len(names):
            raise self._damaged(MANIFEST)
        try:
            info = self._file.getinfo(MANIFEST)
        except KeyError:
            raise ArchiveError(
                f"{self._name} 中没有清单，不是本程序的备份", f"{self._name} has no manifest: no backup of this program"
            ) from None
        with self._file.open(info) as file:
            content = file.read(MANIFEST_AT_MOST + 1)
        if len(content) > MANIFEST_AT_MOST:
            raise self._damaged(MANIFEST)
        return Manifest.of(content)

    def _compare_names(self) -> None:
        """What is there must be what the manifest lists, of the same sizes: nothing hides, nothing unfolds."""
        listed = {name: each.size for name, each in self.manifest.members.items() if not each.pooled}
        there = {info.filename: info.file_size for info in self._file.infolist() if info.filename != MANIFEST}
        for name in sorted(listed.keys() ^ there.keys()):
            raise self._damaged(name)
        for name, size in there.items():
            if listed[name] != size:
                raise self._damaged(name)

    @contextmanager
    def _opened(self, name: str, entry: Entry) -> Iterator[IO[bytes]]:
        if not entry.pooled:
            with self._file.open(name) as file:
                yield file
            return
        self._expect_in_pool(name, entry)
        assert self._pool is not None, "it has just been looked into"
        with self._pool.path(entry.sha256).open("rb") as file:
            yield file

    def _expect_in_pool(self, name: str, entry: Entry) -> None:
        path = None if self._pool is None else self._pool.path(entry.sha256)
        try:
            there = path is not None and path.stat().st_size == entry.size
        except OSError:
            there = False
        if not there:
            raise ArchiveError(
                f"{self._name} 引用的 {name} 不在旁边的 pool 文件夹中；请连同 pool 一起恢复",
                f"{name} of {self._name} is not in the folder pool beside it; keep the two together",
            )

    def _damaged(self, name: str) -> ArchiveError:
        shown = "".join(each if each.isprintable() else "?" for each in name)[:80]
        return ArchiveError(
            f"{self._name} 已损坏：{shown} 与清单不符",
            f"{self._name} is damaged: {shown} is not what its manifest says",
        )


class _ChangedError(ArchiveError):
    """A source is not what was expected of it."""


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """What reading the archive at ``path`` raises, as an ArchiveError."""
    try:
        yield
    except OSError as error:
        raise ArchiveError(f"无法读取 {path}（{error.strerror}）", f"cannot read {path} ({error.strerror})") from error
    # zipfile answers a way of packing that it does not know with NotImplementedError, a locked member with RuntimeError
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as error:
        raise ArchiveError(
            f"{path} 不是完好的备份文件", f"{path} is not a sound backup ({str(error) or type(error).__name__:.80})"
        ) from error


def _write(
    path: Path, sources: Iterable[Source], made_at: int, label: str, facts: Mapping[str, Any], pool: Pool | None
) -> Manifest:
    members: dict[str, Entry] = {}
    missing: dict[str, str] = {}
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w+b") as target:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, strict_timestamps=False) as file:
            for source in sources:
                try:
                    members[_checked(source.name)] = _entered(file, source, pool)
                except (FileNotFoundError, _ChangedError) as error:
                    if not source.optional:
                        raise
                    missing[source.name] = "changed" if isinstance(error, _ChangedError) else "gone"
            manifest = Manifest(made_at=made_at, label=label, facts=facts, members=members, missing=missing)
            file.writestr(_info(MANIFEST), manifest.as_bytes())
        _to_disk(target)
        with suppress(OSError):
            # Read again below, it shall come from the disk and not from memory.
            os.posix_fadvise(target.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return manifest


def _entered(file: zipfile.ZipFile, source: Source, pool: Pool | None) -> Entry:
    if pool is not None and source.pooled:
        return pool.keep(source)
    if isinstance(source.content, Path) and source.optional:
        # What has begun cannot be taken back out of a ZIP archive, so it is looked through first.
        _expect(source, sha256_of(source.content))
    with file.open(_info(source.name), "w", force_zip64=True) as target:
        return _copied(source, target)


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED if name.endswith(_PACKED) else zipfile.ZIP_STORED
    info.external_attr = 0o600 << 16
    return info


def _copied(source: Source, target: IO[bytes]) -> Entry:
    digest, size = hashlib.sha256(), 0
    for chunk in _chunks(source.content):
        digest.update(chunk)
        size += len(chunk)
        target.write(chunk)
    _expect(source, digest.hexdigest())
    return Entry(size=size, sha256=digest.hexdigest())


def _expect(source: Source, sha256: str) -> None:
    if source.sha256 and source.sha256 != sha256:
        raise _ChangedError(f"{source.name} 的内容已变", f"{source.name} is not what it was")


def _chunks(content: Content) -> Iterator[bytes]:
    if not isinstance(content, Path):
        yield content if isinstance(content, bytes) else content()
        return
    with content.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def sha256_of(path: Path) -> str:
    """The hash of a file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """A name that was given to a file survives a power cut from here on, if the file system can promise that at all."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network shares cannot do this to a folder, fsync(2).
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def free_bytes(folder: Path) -> int:
    """What may still be written where ``folder`` is or will be."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return shutil.disk_usage(there).free


def _to_disk(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _checked(name: object) -> str:
    """A name that leads to where it says and nowhere else."""
    if isinstance(name, str) and name.split("/")[0] in CONTENTS:
        parts = name.split("/")
        if 2 <= len(parts) <= PARTS_AT_MOST and all(_PART.fullmatch(it) and it not in (".", "..") for it in parts):
            return name
    raise ArchiveError("备份的清单中有不允许的文件名", f"the manifest has a name that no backup has: {name!r:.80}")


def _size(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("a size must be a number")
    return value


def _hash(value: object) -> str:
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise ValueError("not a SHA-256")
    return value
