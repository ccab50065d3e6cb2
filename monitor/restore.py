"""Put a backup back: everything is checked before anything is touched, and what was there before is kept aside.

archive ─► every hash ─► the database whole and of a known schema ─► the passwords' key opens the logins ─► in place
"""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from monitor.archive import Archive, ArchiveError, Pool, Progress, free_bytes, sha256_of, sync_folder
from monitor.backup import CONFIG, DATABASE, OTHERS, SEAL, SEALED, STAMP
from monitor.config import Config, files_named, parse
from monitor.recovery import RecoveryKey, Seal, read_seal, write_seal
from monitor.secrets import KeyRing, key_content, write_private
from monitor.store import Copy, Holder, Lost, Store, look_through

POOL = "pool"
SPARE = 64 * 2**20
"""Bytes that stay free beyond what is put back."""


class RestoreError(ArchiveError):
    """Nothing was put back; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where everything goes: ``config`` has absolute paths, ``file`` is where its text belongs."""

    config: Config
    file: Path
    moved: tuple[str, ...] = ()
    """settings whose paths led out of the folder, and have to be changed in ``file`` before a daemon runs there"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a backup is to be put back. Without a ``card`` the key that is there must open the logins.

    ``replaces`` says that data in use may be moved aside; ``without_passwords`` that the logins may stay closed.
    """

    card: RecoveryKey | None = None
    replaces: bool = False
    without_passwords: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was put back. ``missing`` had been missing when the backup was made."""

    made_at: int
    rows: Mapping[str, int]
    files: int
    logins: int
    aside: Sequence[Path]
    missing: Mapping[str, str]
    config_differs: Path | None
    """where the settings of the backup were put, when others are in use"""


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """The archive at ``path`` with the pool that lies beside it. Raises ArchiveError."""
    with Archive.opened(path, Pool(path.resolve().parent / POOL)) as archive:
        yield archive


def settings_in(archive: Archive) -> str:
    """The text of its config.toml. Raises ArchiveError."""
    if CONFIG not in archive.manifest.members:
        raise RestoreError("备份中没有 config.toml", "the backup holds no config.toml")
    return archive.read(CONFIG).decode(errors="replace")


def places_into(archive: Archive, folder: Path, *, lang: str) -> Places:
    """Everything inside ``folder``: paths that led elsewhere become the default ones. Raises ConfigError."""
    folder = folder.resolve()
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    config = parse(settings_in(archive), lang=lang).at(folder)
    usual = Config().at(folder)
    inside = {
        "evidence": {"dir": _within(config.evidence.dir, usual.evidence.dir, folder)},
        "papers": {
            "dir": _within(config.papers.dir, usual.papers.dir, folder),
            "fonts": _within(config.papers.fonts, usual.papers.fonts, folder),
        },
        "exemptions": {"proofs": _within(config.exemptions.proofs, usual.exemptions.proofs, folder)},
        "secrets": {"key_file": _within(config.secrets.key_file, usual.secrets.key_file, folder)},
    }
    if config.store.url.startswith("sqlite"):
        url = config.store.url if str(folder) in config.store.url else usual.store.url
        inside["store"] = {"url": url}
    tables = {name: getattr(config, name) for name in inside}
    changed = {name: table.model_copy(update=inside[name]) for name, table in tables.items()}
    moved = [f"{name}.{key}" for name, its in inside.items() for key in its if its[key] != getattr(tables[name], key)]
    return Places(config=config.model_copy(update=changed), file=folder / "config.toml", moved=tuple(moved))


def restore(
    archive: Archive,
    places: Places,
    wish: Wish,
    *,
    at: int,
    environment: Mapping[str, str] = os.environ,
    progress: Progress = lambda done, of: None,
) -> Restored:
    """Put a backup back as of ``at`` (UTC seconds).

    Raises RestoreError and ArchiveError, AlreadyRunning while a daemon runs, StoreError and SecretsError; then nothing
    in use has been touched.
    """
    config = places.config
    with Lost(config.store.url, Holder(pid=os.getpid(), since=at, who="xunjian restore")) as lost:
        _refuse(archive, places, lost, wish)
        archive.verify(progress=progress)
        Path(config.secrets.key_file).parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".restoring-", dir=_beside(config)) as scratch:
            copy, expected = _database(archive, Path(scratch), lost.kind)
            keys = _keys(archive, config, wish, environment)
            logins, expected = _logins(copy, expected, keys, at=at, wish=wish)
            suffix = f"before-restore-{datetime.fromtimestamp(at, UTC):{STAMP}}"
            aside = _Aside(_beside(config) / suffix)
            files = _put_files(archive, config, aside)
            _put_keys(archive, config, keys, wish)
            files += _put_other_secrets(archive, config, wish)
            differs = _put_settings(archive, places)
            moved = lost.replace(copy, expected, f".{suffix}")
            sync_folder(_beside(config))
    return Restored(
        made_at=archive.manifest.made_at,
        rows=expected.rows,
        files=files,
        logins=logins,
        aside=[*moved, *aside.used],
        missing=archive.manifest.missing,
        config_differs=differs,
    )


class _Aside:
    """The folder for files that others replace; made when the first one comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.used: list[Path] = []

    def take(self, path: Path, name: str) -> None:
        kept = self._folder / name
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(kept, path.read_bytes())
        if not self.used:
            self.used.append(self._folder)


def _refuse(archive: Archive, places: Places, lost: Lost, wish: Wish) -> None:
    kind = archive.manifest.facts.get("database")
    if kind != lost.kind:
        raise RestoreError(
            f"备份的数据库类型是 {kind}，配置中的是 {lost.kind}",
            f"the backup is of a {kind} database, [store] url is {lost.kind}",
        )
    if not wish.replaces and not lost.is_empty:
        raise RestoreError(
            "已有数据库；确实要用备份替换，请加 --replace（原有数据会移到一旁，不会删除）",
            "there is a database already; to replace it add --replace (what is there is moved aside, not deleted)",
        )
    free, needed = free_bytes(_beside(places.config)), 2 * archive.manifest.size
    if free < needed + SPARE:
        raise RestoreError(
            f"磁盘剩余 {free >> 20} MiB，恢复约需 {(needed + SPARE) >> 20} MiB",
            f"the disk has {free >> 20} MiB free; restoring takes about {(needed + SPARE) >> 20} MiB",
        )


def _database(archive: Archive, scratch: Path, kind: str) -> tuple[Path, Copy]:
    """The database in the scratch folder, and what the manifest says that it holds."""
    facts, name = archive.manifest.facts, DATABASE[kind]
    if name not in archive.manifest.members:
        raise RestoreError("备份中没有数据库", "the backup holds no database")
    try:
        rows = {str(table): int(count) for table, count in facts["rows"].items()}
        expected = Copy(kind=kind, revision=str(facts["schema"]), rows=rows)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise RestoreError("备份的清单已损坏", "the backup's manifest is damaged") from None
    copy = scratch / Path(name).name
    archive.extract(name, copy)
    if kind == "sqlite" and look_through(copy) != expected:
        raise RestoreError("备份中的数据库与清单不符", "the database in the backup is not what its manifest says")
    return copy, expected


def _keys(archive: Archive, config: Config, wish: Wish, environment: Mapping[str, str]) -> bytes | None:
    """The key file's content to go on with: from the card if there is one, else what is there already."""
    there = key_content(Path(config.secrets.key_file), environment)
    if wish.card is None or SEALED not in archive.manifest.members:
        return there
    if SEAL in archive.manifest.members:
        sealed_for = Seal.of(archive.read(SEAL)).id
        given = wish.card.seal(0).id
        if sealed_for != given:
            raise RestoreError(
                f"这份备份须用编号 {sealed_for} 的恢复密钥卡，输入的是 {given}",
                f"this backup opens with the recovery key {sealed_for}; the one given is {given}",
            )
    return wish.card.open(archive.read(SEALED))


def _logins(copy: Path, expected: Copy, keys: bytes | None, *, at: int, wish: Wish) -> tuple[int, Copy]:
    """Bring the copy to our schema and try every login with the keys; how many there are, and what it holds now."""
    if keys is None and expected.rows.get("credential") and not wish.without_passwords:
        raise RestoreError(
            "备份中的摄像机密码须用恢复密钥卡打开：请加 --recovery-key-file；卡片遗失时可加 --without-passwords，"
            "恢复后重新导入带密码的台账",
            "the camera passwords are sealed: add --recovery-key-file; if the card is lost, --without-passwords "
            "restores the rest, and the ledger with its passwords is to be imported again",
        )
    if expected.kind != "sqlite":
        return expected.rows.get("credential", 0), expected
    with Store.open(f"sqlite:///{copy}", at=at) as store:
        stored = store.credentials()
    for leftover in copy.parent.glob(f"{copy.name}.*"):
        leftover.unlink()
    if keys is not None and not wish.without_passwords:
        ring = KeyRing(keys.splitlines(), name="recovery")
        for each in stored.values():
            ring.decrypt(each.ciphertext)
    return len(stored), look_through(copy)


def _put_files(archive: Archive, config: Config, aside: _Aside) -> int:
    """Write what is not there or is different; what was different is kept aside."""
    count = 0
    for content, folder in (
        ("evidence", config.evidence.dir),
        ("papers", config.papers.dir),
        ("proofs", config.exemptions.proofs),
        ("fonts", config.papers.fonts),
    ):
        for name, entry in archive.manifest.within(content).items():
            path = Path(folder) / name
            if path.is_file() and sha256_of(path) == entry.sha256:
                continue
            if path.is_file():
                aside.take(path, f"{content}/{name}")
            archive.extract(f"{content}/{name}", path)
            count += 1
    return count


def _put_keys(archive: Archive, config: Config, keys: bytes | None, wish: Wish) -> None:
    """The key that was sealed comes first again, and so does the seal, so that the card stays good.

    A key that is there stays behind it: should the database not be replaced after all, it still opens.
    """
    key_file = Path(config.secrets.key_file)
    there = key_content(key_file, {})
    if wish.card is not None and keys is not None and there != keys:
        former = [
            line for line in (there or b"").splitlines(keepends=True) if line not in keys.splitlines(keepends=True)
        ]
        write_private(key_file, keys + b"".join(former))
    if SEAL in archive.manifest.members and read_seal(key_file) is None:
        write_seal(key_file, Seal.of(archive.read(SEAL)))


def _put_other_secrets(archive: Archive, config: Config, wish: Wish) -> int:
    """Write the files that settings name where they are not there; those that are in use stay."""
    if wish.card is None or OTHERS not in archive.manifest.members:
        return 0
    sealed: dict[str, str] = json.loads(wish.card.open(archive.read(OTHERS)))
    count = 0
    for setting, path in files_named(config).items():
        if setting in sealed and not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(path, base64.b64decode(sealed[setting]))
            count += 1
    return count


def _put_settings(archive: Archive, places: Places) -> Path | None:
    """The settings in use stay; those of the backup go beside them if they differ, or into an empty place."""
    text = settings_in(archive).encode()
    path = places.file
    if path.exists() and path.read_bytes() == text:
        return None
    beside = path.with_name(f"{path.name}.from-backup") if path.exists() else path
    beside.parent.mkdir(parents=True, exist_ok=True)
    write_private(beside, text)
    return beside if beside != path else None


def _within(path: str, usual: str, folder: Path) -> str:
    return path if Path(path).is_relative_to(folder) else usual


def _beside(config: Config) -> Path:
    """The folder of the database; that of the key where the database is on a server."""
    scheme, _, name = config.store.url.partition(":///")
    return Path(name).parent if scheme.startswith("sqlite") else Path(config.secrets.key_file).parent
