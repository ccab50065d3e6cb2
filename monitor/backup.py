"""Make a backup beside the running daemon: everything that a lost server is rebuilt from, to one place or to two."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

from monitor.archive import Archive, ArchiveError, Content, Manifest, Pool, Source, free_bytes, sha256_of, write_archive
from monitor.config import Config, files_named
from monitor.core.rotation import Kept, Label, superfluous
from monitor.recovery import read_seal
from monitor.secrets import key_content
from monitor.store import SnapshotState, Store, look_through

NAME = re.compile(r"xunjian-(\d{8}T\d{6}Z)-(hourly|nightly|manual)\.zip")
STAMP = "%Y%m%dT%H%M%SZ"

DATABASE = {"sqlite": "database/xunjian.db", "postgresql": "database/xunjian.dump"}
CONFIG = "settings/config.toml"
SEALED, OTHERS, SEAL = "secrets/keys.sealed", "secrets/files.sealed", "secrets/recovery.json"

SECRET_AT_MOST = 2**20
"""Bytes of a file with a password, an address or a certificate that the settings name."""

SPARE = 512 * 2**20
"""Bytes that a backup leaves free: it must not be what fills the disk that the record is written to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What is backed up: the settings with their file, the store, and ``templates`` from which papers are made."""

    config: Config
    file: Path
    store: Store
    templates: Mapping[str, Path]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A backup that was written, read again and found to be what it says."""

    path: Path
    sha256: str
    manifest: Manifest

    @property
    def sealed(self) -> bool:
        """Whether the camera passwords, if there are any, can be had again from it."""
        return SEALED in self.manifest.members or not self.manifest.facts["rows"]["credential"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What became of a backup to all places: those made, the places that failed, and what was rotated out."""

    made: Sequence[Made]
    failed: Mapping[str, ArchiveError]
    gone: Sequence[str]


def make_backup(origin: Origin, path: Path, *, at: int, label: Label, everything: bool, pool: Pool | None) -> Made:
    """Write one backup to ``path``. ``at`` are UTC seconds; ``everything`` takes all pictures of evidence.

    Raises ArchiveError, StoreError, SecretsError.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=path.parent) as scratch:
            return _make(origin, path, Path(scratch), at=at, label=label, everything=everything, pool=pool)
    except OSError as error:
        raise ArchiveError(
            f"备份无法写入 {path.parent}（{error.strerror}）",
            f"the backup cannot be written to {path.parent} ({error.strerror})",
        ) from error


def back_up_everywhere(origin: Origin, *, at: int, label: Label) -> Round:
    """Make a backup in each configured place, and let old ones go where that has succeeded.

    One place that fails does not keep the other from its own. Raises StoreError and SecretsError.
    """
    made: list[Made] = []
    failed: dict[str, ArchiveError] = {}
    gone: list[str] = []
    for folder in places(origin.config):
        try:
            with _alone_in(folder):
                path, pool = folder / name_of(at, label), Pool(folder / "pool")
                everything = origin.config.backup.all_evidence
                made.append(make_backup(origin, path, at=at, label=label, everything=everything, pool=pool))
                if label is Label.NIGHTLY:
                    with Archive.opened(path, pool) as archive:
                        archive.verify()
                gone += [str(folder / name) for name in rotate(folder, origin.config)]
        except ArchiveError as error:
            failed[str(folder)] = error
    return Round(made=made, failed=failed, gone=gone)


def places(config: Config) -> list[Path]:
    """The folders that backups go to: one, or two."""
    return [Path(each) for each in (config.backup.dir, config.backup.second) if each]


def kept_in(folder: Path) -> dict[Kept, Path]:
    """The backups in a folder, by their names alone. Raises OSError."""
    found = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        if match := NAME.fullmatch(path.name):
            at = datetime.strptime(match[1], STAMP).replace(tzinfo=UTC)
            found[Kept(int(at.timestamp()), Label(match[2]))] = path
    return found


def name_of(at: int, label: Label) -> str:
    """The name that a backup gets.

    >>> name_of(0, Label.NIGHTLY)
    'xunjian-19700101T000000Z-nightly.zip'
    """
    return f"xunjian-{datetime.fromtimestamp(at, UTC):{STAMP}}-{label}.zip"


def rotate(folder: Path, config: Config) -> list[str]:
    """Remove the backups whose time is over, and what only they had in the pool. Raises ArchiveError, OSError."""
    there = kept_in(folder)
    going = superfluous(there, config.backup.rules, config.site.zone)
    used: set[str] = set()
    pool = Pool(folder / "pool")
    for kept, path in there.items():
        if kept not in going:
            with Archive.opened(path, pool) as archive:
                used |= {entry.sha256 for entry in archive.manifest.members.values() if entry.pooled}
    # What is left could be read to its last name, so that the pool loses nothing by an archive that is damaged.
    for kept in going:
        there[kept].unlink()
    pool.sweep(frozenset(used))
    return sorted(there[kept].name for kept in going)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Two backups at once would sweep each other's pool. What one that was killed has left behind goes."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ArchiveError(
            f"备份文件夹 {folder} 不可用（{error.strerror}）", f"backups cannot go to {folder} ({error.strerror})"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArchiveError(
                f"{folder} 中另一次备份还在进行", f"another backup to {folder} is still going on"
            ) from None
        with _as_archive_error(folder):
            _clear(folder)
            yield
    finally:
        os.close(descriptor)


@contextmanager
def _as_archive_error(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ArchiveError(
            f"备份文件夹 {folder} 出错（{error.strerror}）", f"backups cannot go to {folder} ({error.strerror})"
        ) from error


def _clear(folder: Path) -> None:
    for path in folder.glob(".making-*"):
        for left in path.glob("*"):
            left.unlink()
        path.rmdir()
    for path in folder.glob(".xunjian-*.part"):
        path.unlink()


def _make(
    origin: Origin, path: Path, scratch: Path, *, at: int, label: Label, everything: bool, pool: Pool | None
) -> Made:
    copied = scratch / "copy"
    copy = origin.store.backup(copied)
    sources = [
        Source(name=DATABASE[copy.kind], content=copied),
        Source(name=CONFIG, content=origin.file),
        *_secrets(origin),
        *_unchanging(origin, everything=everything),
    ]
    _expect_room(path, sources, pool)
    facts = {
        "county": origin.config.site.county,
        "version": version("xunjian"),
        "database": copy.kind,
        "schema": copy.revision,
        "rows": dict(copy.rows),
        "all_evidence": everything,
    }

    def check(archive: Archive) -> None:
        if copy.kind == "sqlite":
            again = scratch / "again"
            archive.extract(DATABASE[copy.kind], again)
            if look_through(again) != copy:
                raise ArchiveError("写出的数据库与原件不符", "the database that was written is not what was copied")

    manifest = write_archive(path, sources, made_at=at, label=label, facts=facts, pool=pool, check=check)
    return Made(path=path, sha256=sha256_of(path), manifest=manifest)


def _secrets(origin: Origin) -> Iterator[Source]:
    """The passwords' key and the files that settings name, for the card in the safe to open; nothing without one."""
    key_file = Path(origin.config.secrets.key_file)
    seal, keys = read_seal(key_file), key_content(key_file, origin.environment)
    if seal is not None and keys is not None:
        yield Source(name=SEALED, content=seal.close(keys))
        yield Source(name=OTHERS, content=seal.close(json.dumps(dict(_other_secrets(origin.config))).encode()))
        yield Source(name=SEAL, content=seal.as_bytes())


def _other_secrets(config: Config) -> Iterator[tuple[str, str]]:
    """The content of every file that a setting names, in base64, by the setting; the broker's password, say."""
    for setting, path in files_named(config).items():
        if path != Path(config.secrets.key_file):
            with suppress(OSError):
                if path.stat().st_size <= SECRET_AT_MOST:
                    yield setting, base64.b64encode(path.read_bytes()).decode()


def _unchanging(origin: Origin, *, everything: bool) -> Iterator[Source]:
    config, store = origin.config, origin.store
    for entry in store.snapshots():
        if entry.state is SnapshotState.FROZEN:
            name = f"months/{entry.month}-{entry.revision}.json"
            content = partial(store.snapshot_content, entry)
            yield Source(name=name, content=content, sha256=entry.sha256, pooled=True)
    pictures = store.all_pictures() if everything else store.frozen_pictures(config.site.zone)
    for picture, sha256 in pictures:
        path = Path(config.evidence.dir) / picture
        yield Source(name=f"evidence/{picture}", content=path, sha256=sha256, pooled=True, optional=True)
    for folder_name, folder in (
        ("papers", config.papers.dir),
        ("proofs", config.exemptions.proofs),
        ("fonts", config.papers.fonts),
    ):
        for name, path in _files(Path(folder)):
            # Hashed here, so that what the pool has already is not written a second time.
            with suppress(FileNotFoundError):
                its = sha256_of(path)
                yield Source(name=f"{folder_name}/{name}", content=path, sha256=its, pooled=True, optional=True)
    for name, path in origin.templates.items():
        yield Source(name=f"templates/{name}", content=path, pooled=True)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files in a folder with their names within it; neither links nor what is hidden or half written."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if not hidden and path.is_file() and not path.is_symlink():
            yield name.as_posix(), path


def _expect_room(path: Path, sources: Sequence[Source], pool: Pool | None) -> None:
    """Refuse to begin what would leave the disk full: the database twice, and what the pool does not have yet."""
    needed = _size(sources[0].content)
    for source in sources:
        if not (pool is not None and source.pooled and source.sha256 and pool.path(source.sha256).exists()):
            needed += _size(source.content)
    free = free_bytes(path.parent)
    if free < needed + SPARE:
        raise ArchiveError(
            f"{path.parent} 剩余 {free >> 20} MiB，本次备份约需 {needed >> 20} MiB，另须留出 {SPARE >> 20} MiB",
            f"{path.parent} has {free >> 20} MiB free; this backup takes about {needed >> 20} MiB and leaves "
            f"{SPARE >> 20} MiB",
        )


def _size(content: Content) -> int:
    if isinstance(content, Path):
        with suppress(OSError):
            return content.stat().st_size
    return len(content) if isinstance(content, bytes) else 0
