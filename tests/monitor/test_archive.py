"""A backup file says what it holds, and one that lies does no harm."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitor.archive import MANIFEST, Archive, ArchiveError, Entry, Manifest, Pool, Source, sha256_of, write_archive

NOW = 1_790_000_000
RECORD = b"SQLite format 3 and so on" * 1000
PICTURE = os.urandom(3_000_000)


def sources(*more: Source) -> list[Source]:
    return [
        Source(name="database/xunjian.db", content=RECORD),
        Source(name="evidence/甲 镇/1-fault.jpg", content=PICTURE, pooled=True),
        *more,
    ]


def write(path: Path, *more: Source, pool: Pool | None = None) -> Manifest:
    return write_archive(path, sources(*more), made_at=NOW, label="manual", facts={"rows": {}}, pool=pool)


def test_what_was_written_is_read_again_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    written = write(path)
    with Archive.opened(path) as archive:
        archive.verify()
        assert archive.manifest == written
        archive.extract("evidence/甲 镇/1-fault.jpg", tmp_path / "out" / "1.jpg")
        assert archive.read("database/xunjian.db") == RECORD
    assert (tmp_path / "out" / "1.jpg").read_bytes() == PICTURE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.zip", "out"]


def test_archives_with_a_pool_share_what_never_changes(tmp_path: Path) -> None:
    pool = Pool(tmp_path / "pool")
    for name in ("a.zip", "b.zip"):
        write(tmp_path / name, pool=pool)
        assert (tmp_path / name).stat().st_size < len(PICTURE)
    (shared,) = pool.folder.glob("??/*")
    assert shared.read_bytes() == PICTURE
    with Archive.opened(tmp_path / "b.zip", pool) as archive:
        archive.verify()
        assert b"".join(archive.chunks("evidence/甲 镇/1-fault.jpg")) == PICTURE
    assert pool.sweep(frozenset({shared.name})) == 0
    assert pool.sweep(frozenset()) == len(PICTURE)


def test_an_archive_without_its_pool_says_so(tmp_path: Path) -> None:
    write(tmp_path / "a.zip", pool=Pool(tmp_path / "pool"))
    with Archive.opened(tmp_path / "a.zip") as archive, pytest.raises(ArchiveError, match="keep the two together"):
        archive.verify()


def test_a_pool_member_that_has_rotted_is_seen(tmp_path: Path) -> None:
    pool = Pool(tmp_path / "pool")
    write(tmp_path / "a.zip", pool=pool)
    (shared,) = pool.folder.glob("??/*")
    shared.write_bytes(PICTURE[:-1] + bytes([PICTURE[-1] ^ 1]))
    with Archive.opened(tmp_path / "a.zip", pool) as archive:
        archive.verify(pooled=False)
        with pytest.raises(ArchiveError, match="is not what its manifest says"):
            archive.verify()


def test_what_is_gone_or_changed_is_listed_and_does_not_stop_a_backup(tmp_path: Path) -> None:
    (tmp_path / "torn.jpg").write_bytes(b"half")
    expected = "0" * 64
    gone = Source(name="evidence/c/2-fault.jpg", content=tmp_path / "gone.jpg", sha256=expected, optional=True)
    torn = Source(name="evidence/c/3-fault.jpg", content=tmp_path / "torn.jpg", sha256=expected, optional=True)
    manifest = write(tmp_path / "a.zip", gone, torn)
    assert manifest.missing == {gone.name: "gone", torn.name: "changed"}
    with Archive.opened(tmp_path / "a.zip") as archive:
        archive.verify()
        assert gone.name not in archive.manifest.members


def test_a_backup_without_what_it_must_hold_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"the one before")
    with pytest.raises(ArchiveError, match="cannot be written"):
        write(path, Source(name="settings/config.toml", content=tmp_path / "gone.toml"))
    with pytest.raises(ArchiveError, match="is not what it was"):
        write(path, Source(name="months/2026-10-1.json", content=b"{}", sha256="0" * 64))
    assert path.read_bytes() == b"the one before"
    assert [each.name for each in tmp_path.iterdir()] == ["a.zip"]


def test_a_backup_that_is_refused_when_read_again_is_not_found_under_its_name(tmp_path: Path) -> None:
    def refuse(archive: Archive) -> None:
        raise ArchiveError("不对", "wrong")

    with pytest.raises(ArchiveError, match="wrong"):
        write_archive(tmp_path / "a.zip", sources(), made_at=NOW, label="manual", facts={}, check=refuse)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", [lambda at: at // 2, lambda at: 100, lambda at: at - 30])
def test_one_byte_that_has_changed_anywhere_is_seen(tmp_path: Path, damage: Callable[[int], int]) -> None:
    path = tmp_path / "a.zip"
    write(path)
    content = bytearray(path.read_bytes())
    content[damage(len(content))] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ArchiveError), Archive.opened(path) as archive:
        archive.verify()


def test_half_a_file_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    write(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ArchiveError, match="is not a sound backup"), Archive.opened(path):
        pass


def forged(path: Path, members: dict[str, bytes], change: Callable[[dict[str, Any]], object] = lambda _: None) -> Path:
    """An archive by somebody else's hand: its manifest agrees with ``members`` until ``change`` has been at it."""
    document = {
        "format": "xunjian/backup/1",
        "made_at": NOW,
        "label": "manual",
        "facts": {},
        "missing": {},
        "members": {
            name: {"size": len(content), "sha256": _hash(path, content), "pooled": False}
            for name, content in members.items()
        },
    }
    change(document)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
        file.writestr(MANIFEST, json.dumps(document))
    return path


def _hash(path: Path, content: bytes) -> str:
    scratch = path.with_name("scratch")
    scratch.write_bytes(content)
    return sha256_of(scratch)


@pytest.mark.parametrize(
    "name",
    [
        "../etc/passwd",
        "/etc/passwd",
        "evidence/../../etc/passwd",
        "evidence/./x",
        "evidence//x",
        "evidence/a\\..\\b",
        "evidence/a\x00b",
        "evidence/C:x",
        "evidence",
        "evidence/" + "x" * 201,
        "evidence/" + "/".join("abcdefgh"),
        "elsewhere/x",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    def listed(document: dict[str, Any]) -> None:
        document["members"] = {name: {"size": 1, "sha256": "0" * 64, "pooled": True}}

    path = forged(tmp_path / "a.zip", {}, listed)
    with pytest.raises(ArchiveError, match="a name that no backup has"), Archive.opened(path):
        pass


def test_a_link_in_an_archive_is_only_its_bytes(tmp_path: Path) -> None:
    path = forged(tmp_path / "a.zip", {"evidence/c/1.jpg": b"/etc/passwd"})
    with zipfile.ZipFile(path) as file:
        contents = {info.filename: file.read(info) for info in file.infolist()}
    with zipfile.ZipFile(path, "w") as file:
        for name, content in contents.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            file.writestr(info, content)
    with Archive.opened(path) as archive:
        archive.extract("evidence/c/1.jpg", tmp_path / "out.jpg")
    assert not (tmp_path / "out.jpg").is_symlink()
    assert (tmp_path / "out.jpg").read_bytes() == b"/etc/passwd"


def test_what_unfolds_to_more_than_it_says_is_stopped(tmp_path: Path) -> None:
    def smaller(document: dict[str, Any]) -> None:
        document["members"]["database/xunjian.db"]["size"] = 1000

    path = forged(tmp_path / "a.zip", {"database/xunjian.db": bytes(50_000_000)}, smaller)
    with pytest.raises(ArchiveError, match="is damaged"), Archive.opened(path):
        pass


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(format="xunjian/backup/2"),
        lambda document: document.update(members=[]),
        lambda document: document.update(members={"evidence/x": {"size": -1, "sha256": "0" * 64, "pooled": True}}),
        lambda document: document.update(members={"evidence/x": {"size": 1, "sha256": "../x", "pooled": True}}),
        lambda document: document.update(made_at="yesterday"),
        lambda document: document.pop("facts"),
    ],
)
def test_a_manifest_that_says_nonsense_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = forged(tmp_path / "a.zip", {}, change)
    with pytest.raises(ArchiveError), Archive.opened(path):
        pass


def test_what_is_hidden_or_lacking_is_seen(tmp_path: Path) -> None:
    hidden = forged(tmp_path / "a.zip", {"evidence/x": b"1"}, lambda document: document.update(members={}))
    lacking = tmp_path / "b.zip"
    with zipfile.ZipFile(lacking, "w") as file:
        file.writestr("evidence/x", b"1")
    doubled = tmp_path / "c.zip"
    manifest = Manifest(made_at=NOW, label="", facts={}, members={"evidence/x": Entry(size=1, sha256="0" * 64)})
    with zipfile.ZipFile(doubled, "w") as file:
        file.writestr(MANIFEST, manifest.as_bytes())
        file.writestr("evidence/x", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("evidence/x", b"2")
    for path in (hidden, lacking, doubled):
        with pytest.raises(ArchiveError), Archive.opened(path):
            pass


def test_a_disk_that_fails_while_members_are_put_back_is_not_blamed_on_the_archive(tmp_path: Path) -> None:
    write(tmp_path / "a.zip")
    (tmp_path / "in the way").write_bytes(b"")
    with Archive.opened(tmp_path / "a.zip") as archive, pytest.raises(OSError, match="in the way"):
        archive.extract("database/xunjian.db", tmp_path / "in the way" / "xunjian.db")
