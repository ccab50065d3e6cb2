"""Backups to two places beside a store in use, what stays of them, and what restoring refuses."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from monitor import backup
from monitor.archive import Archive, ArchiveError, Pool, Source, write_archive
from monitor.backup import Made, Origin, back_up_everywhere, kept_in, make_backup, name_of
from monitor.config import Config, load
from monitor.core.condition import Condition, Fault
from monitor.core.fleet import Township
from monitor.core.period import Month
from monitor.core.record import Transition
from monitor.core.rotation import Label
from monitor.recovery import RecoveryKey, RecoveryKeyError, new_card
from monitor.restore import Places, Restored, RestoreError, Wish, opened, places_into, restore
from monitor.secrets import KeyMismatchError, open_key_ring
from monitor.store import (
    AlreadyRunning,
    Batch,
    Coverage,
    Evidence,
    EvidenceKind,
    FleetChanges,
    SnapshotEntry,
    SnapshotState,
    Store,
    StoredCredential,
    TransitionRecord,
    look_through,
)

NOW = 1_790_000_000
HOUR, DAY = 3_600, 86_400
FROZEN, LATER = b"picture behind a frozen month", b"picture of this month"
SECRET = "pass-word-1"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    home = tmp_path / "site"
    home.mkdir()
    text = f'[backup]\nsecond = "{tmp_path}/second"\nhourly = 2\nnightly = 1\nmonthly = 0\n'
    (home / "config.toml").write_text(text, encoding="utf-8")
    return load(home / "config.toml")


@pytest.fixture
def store(config: Config) -> Iterator[Store]:
    """A ledger with a login, and two failures with their pictures, the first of them in a month that is frozen."""
    keys = open_key_ring(Path(config.secrets.key_file), {})
    login = StoredCredential(id="c1", username="u", ciphertext=keys.encrypt(SECRET))
    with Store.open(config.store.url, at=NOW, evidence_dir=Path(config.evidence.dir)) as opened_store:
        changes = FleetChanges(townships=(Township(code="01", name="甲镇"),), credentials=(login,))
        opened_store.save_fleet(changes, who="test", why="test", at=NOW)
        month = Month.at(NOW, config.site.zone).previous()
        fail(opened_store, "cam-1", month.start + DAY, FROZEN)
        fail(opened_store, "cam-2", month.end + DAY, LATER)
        frozen = SnapshotEntry(
            month=str(month), state=SnapshotState.FROZEN, revision=1, sha256=EMPTY, made_at=month.end, who="director"
        )
        opened_store.keep_snapshot(frozen, b"{}\n")
        yield opened_store


EMPTY = "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356"
"""SHA-256 of an empty object and a line end."""


def fail(store: Store, camera: str, at: int, jpeg: bytes) -> None:
    said = Transition(camera=camera, at=at, condition=Condition.IMPAIRED, fault=Fault.BLACK, decided_at=at)
    seen = Evidence(camera=camera, at=at, kind=EvidenceKind.FAULT, jpeg=jpeg)
    store.write(Batch(transitions=(TransitionRecord(transition=said, evidence_at=at),), evidence=(seen,))).result(30)


@pytest.fixture
def origin(config: Config, store: Store, tmp_path: Path) -> Origin:
    template = tmp_path / "circular.typ"
    template.write_text("#text[]", encoding="utf-8")
    (Path(config.papers.dir) / "2026-08").mkdir(parents=True)
    (Path(config.papers.dir) / "2026-08" / "circular.pdf").write_bytes(b"%PDF")
    file = config.home / "config.toml"
    return Origin(config=config, file=file, store=store, templates={"circular.typ": template}, environment={})


def made(origin: Origin, tmp_path: Path, *, at: int = NOW, everything: bool = False) -> Made:
    path = tmp_path / f"{at}.zip"
    return make_backup(origin, path, at=at, label=Label.MANUAL, everything=everything, pool=None)


def test_a_backup_holds_all_that_a_lost_server_is_rebuilt_from(origin: Origin, tmp_path: Path) -> None:
    card = new_card(Path(origin.config.secrets.key_file), NOW)
    done = made(origin, tmp_path)
    assert {name.split("/")[0]: name for name in done.manifest.members} == {
        "database": "database/xunjian.db",
        "settings": "settings/config.toml",
        "secrets": "secrets/recovery.json",
        "months": "months/2026-08-1.json",
        "evidence": f"evidence/cam-1/{Month.at(NOW, origin.config.site.zone).previous().start + DAY}-fault.jpg",
        "papers": "papers/2026-08/circular.pdf",
        "templates": "templates/circular.typ",
    }
    assert done.manifest.facts["rows"]["transition"] == 2
    content = done.path.read_bytes()
    assert not any(line in content for line in Path(origin.config.secrets.key_file).read_bytes().splitlines())
    assert card.entropy not in content
    with Archive.opened(done.path) as archive:
        assert card.open(archive.read("secrets/keys.sealed")) == Path(origin.config.secrets.key_file).read_bytes()


def test_by_option_it_holds_every_picture(origin: Origin, tmp_path: Path) -> None:
    with Archive.opened(made(origin, tmp_path, everything=True).path) as archive:
        pictures = [archive.read(f"evidence/{name}") for name in archive.manifest.within("evidence")]
    assert sorted(pictures) == sorted([FROZEN, LATER])


def test_both_places_get_one_and_old_ones_go_with_what_only_they_needed(origin: Origin, tmp_path: Path) -> None:
    for hour in range(4):
        (Path(origin.config.papers.dir) / "2026-08" / "circular.pdf").write_bytes(f"%PDF {hour}".encode())
        done = back_up_everywhere(origin, at=NOW + hour * HOUR, label=Label.HOURLY)
        assert (len(done.made), done.failed) == (2, {})
    for folder in (Path(origin.config.backup.dir), tmp_path / "second"):
        assert [kept.at for kept in sorted(kept_in(folder))] == [NOW + 2 * HOUR, NOW + 3 * HOUR]
        papers = sorted(path.read_bytes() for path in (folder / "pool").glob("??/*"))
        assert b"%PDF 1" not in papers
        assert {b"%PDF 2", b"%PDF 3", FROZEN, b"{}\n"} < set(papers)
        for path in kept_in(folder).values():
            with Archive.opened(path, Pool(folder / "pool")) as archive:
                archive.verify()
    assert len(done.gone) == 2


def test_a_place_that_fails_does_not_keep_the_other_from_its_backup(origin: Origin, tmp_path: Path) -> None:
    (tmp_path / "second").write_text("not a folder", encoding="utf-8")
    done = back_up_everywhere(origin, at=NOW, label=Label.NIGHTLY)
    assert [each.path.parent for each in done.made] == [Path(origin.config.backup.dir)]
    assert list(done.failed) == [str(tmp_path / "second")]


def test_a_damaged_backup_keeps_the_pool_from_being_swept(origin: Origin) -> None:
    folder = Path(origin.config.backup.dir)
    back_up_everywhere(origin, at=NOW, label=Label.NIGHTLY)
    (folder / name_of(NOW - DAY, Label.MANUAL)).write_bytes(b"torn")
    (Path(origin.config.papers.dir) / "2026-08" / "circular.pdf").write_bytes(b"%PDF new")
    done = back_up_everywhere(origin, at=NOW + DAY, label=Label.NIGHTLY)
    assert "is not a sound backup" in str(done.failed[str(folder)])
    assert b"%PDF" in [path.read_bytes() for path in (folder / "pool").glob("??/*")]
    assert len(kept_in(folder)) == 3


def test_a_picture_of_the_pool_that_has_rotted_is_found_at_night(origin: Origin) -> None:
    folder = Path(origin.config.backup.dir)
    back_up_everywhere(origin, at=NOW, label=Label.HOURLY)
    (rotten,) = (path for path in (folder / "pool").glob("??/*") if path.read_bytes() == FROZEN)
    rotten.write_bytes(FROZEN.swapcase())
    assert back_up_everywhere(origin, at=NOW + HOUR, label=Label.HOURLY).failed == {}
    done = back_up_everywhere(origin, at=NOW + DAY, label=Label.NIGHTLY)
    assert "is not what its manifest says" in str(done.failed[str(folder)])


def test_two_backups_to_one_place_do_not_meet(origin: Origin) -> None:
    folder = Path(origin.config.backup.dir)
    folder.mkdir(parents=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    done = back_up_everywhere(origin, at=NOW, label=Label.HOURLY)
    os.close(descriptor)
    assert "still going on" in str(done.failed[str(folder)])
    assert len(done.made) == 1


def test_what_a_killed_backup_has_left_behind_goes_with_the_next(origin: Origin) -> None:
    folder = Path(origin.config.backup.dir)
    (folder / ".making-x").mkdir(parents=True)
    (folder / ".making-x" / "copy").write_bytes(b"half")
    (folder / ".xunjian-20260101T000000Z-hourly.zip.part").write_bytes(b"half")
    back_up_everywhere(origin, at=NOW, label=Label.HOURLY)
    assert {path.name for path in folder.iterdir()} == {".lock", "pool", name_of(NOW, Label.HOURLY)}


def test_a_backup_is_not_what_fills_the_disk(origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "SPARE", 2**60)
    with pytest.raises(ArchiveError, match="MiB free"):
        made(origin, tmp_path)
    assert not list(tmp_path.glob("*.zip"))


def put_back(path: Path, config: Config, wish: Wish) -> Restored:
    with opened(path) as archive:
        places = Places(config=config, file=config.home / "config.toml")
        return restore(archive, places, wish, at=NOW + DAY, environment={})


def test_what_a_backup_replaces_is_moved_aside_whole(origin: Origin, config: Config, tmp_path: Path) -> None:
    path = made(origin, tmp_path).path
    later = Coverage(boot="later", began=NOW, until=NOW + 60)
    origin.store.write(Batch(coverage=later)).result(30)
    (Path(config.papers.dir) / "2026-08" / "circular.pdf").write_bytes(b"%PDF scribbled over")
    with pytest.raises(RestoreError, match="add --replace"):
        put_back(path, config, Wish())
    assert origin.store.coverages() == (later,)
    # Not even closed: what it had in its write-ahead log goes aside with it.
    done = put_back(path, config, Wish(replaces=True))
    with Store.open(config.store.url, at=NOW) as restored:
        assert restored.coverages() == ()
        assert len(restored.transitions(0, NOW * 2)) == 2
    (old,) = (each for each in done.aside if each.name.endswith("Z") and each.is_file())
    with Store.open(f"sqlite:///{old}", at=NOW) as before:
        assert before.coverages() == (later,)
    (folder,) = (each for each in done.aside if each.is_dir())
    assert (folder / "papers/2026-08/circular.pdf").read_bytes() == b"%PDF scribbled over"
    assert (Path(config.papers.dir) / "2026-08" / "circular.pdf").read_bytes() == b"%PDF"


def test_nothing_is_touched_while_a_daemon_runs(origin: Origin, config: Config, tmp_path: Path) -> None:
    path = made(origin, tmp_path).path
    with Store.open(config.store.url, at=NOW, exclusive=True, who="xunjian run"), pytest.raises(AlreadyRunning):
        put_back(path, config, Wish(replaces=True))


def test_a_backup_opens_with_its_own_card_only(origin: Origin, config: Config, tmp_path: Path) -> None:
    card = new_card(Path(config.secrets.key_file), NOW)
    path = made(origin, tmp_path).path
    with opened(path) as archive:
        places = places_into(archive, tmp_path / "new", lang="en")
        for wish, complaint in [
            (Wish(), "the camera passwords are sealed"),
            (Wish(card=RecoveryKey.new()), f"opens with the recovery key {card.seal(0).id}"),
        ]:
            with pytest.raises(RestoreError, match=complaint):
                restore(archive, places, wish, at=NOW, environment={})
        assert not list((tmp_path / "new").rglob("*.db"))
        assert not list((tmp_path / "new").rglob("*.jpg"))
        assert restore(archive, places, Wish(card=card), at=NOW, environment={}).logins == 1
    key_file = Path(places.config.secrets.key_file)
    assert key_file.is_relative_to(tmp_path / "new")
    with Store.open(places.config.store.url, at=NOW) as restored:
        token = restored.credentials()["c1"].ciphertext
    assert open_key_ring(key_file, {}).decrypt(token) == SECRET


def test_the_files_that_settings_name_come_back_with_the_card_where_they_are_lost(
    origin: Origin, config: Config, tmp_path: Path
) -> None:
    password, url = config.home / "mqtt.password", config.home / "robot.url"
    password.write_text("broker-pass-word\n", encoding="utf-8")
    url.write_text("https://robot.invalid/?key=robot-token\n", encoding="utf-8")
    text = '[mqtt]\nhost = "127.0.0.1"\nusername = "u"\npassword_file = "mqtt.password"\n'
    text += '[[alerts.channels]]\nname = "值班群"\nurl_file = "robot.url"\n'
    origin.file.write_text(text, encoding="utf-8")
    card = new_card(Path(config.secrets.key_file), NOW)
    with opened(made(replace(origin, config=load(origin.file)), tmp_path).path) as archive:
        assert not any(
            word in b"".join(map(archive.read, archive.manifest.members)) for word in (b"token", b"broker-p")
        )
        places = places_into(archive, tmp_path / "new", lang="en")
        (tmp_path / "new" / "robot.url").write_text("newer", encoding="utf-8")
        restore(archive, places, Wish(card=card), at=NOW, environment={})
    assert (tmp_path / "new" / "mqtt.password").read_text(encoding="utf-8") == "broker-pass-word\n"
    assert (tmp_path / "new" / "robot.url").read_text(encoding="utf-8") == "newer"


def test_without_the_card_all_but_the_logins_comes_back_when_asked_for(origin: Origin, tmp_path: Path) -> None:
    new_card(Path(origin.config.secrets.key_file), NOW)
    with opened(made(origin, tmp_path).path) as archive:
        places = places_into(archive, tmp_path / "new", lang="en")
        restore(archive, places, Wish(without_passwords=True), at=NOW, environment={})
    assert not Path(places.config.secrets.key_file).exists()
    with Store.open(places.config.store.url, at=NOW) as restored:
        assert len(restored.transitions(0, NOW * 2)) == 2


def test_a_key_that_was_in_use_stays_behind_the_restored_one(origin: Origin, config: Config, tmp_path: Path) -> None:
    card, key_file = new_card(Path(config.secrets.key_file), NOW), Path(config.secrets.key_file)
    sealed = key_file.read_bytes()
    path = made(origin, tmp_path).path
    key_file.unlink()
    open_key_ring(key_file, {})
    other = key_file.read_bytes()
    put_back(path, config, Wish(card=card, replaces=True))
    assert key_file.read_bytes() == sealed + other
    assert key_file.stat().st_mode & 0o077 == 0


def test_a_key_that_does_not_open_the_logins_stops_a_restore(origin: Origin, config: Config, tmp_path: Path) -> None:
    path = made(origin, tmp_path).path
    Path(config.secrets.key_file).unlink()
    open_key_ring(Path(config.secrets.key_file), {})
    with pytest.raises(KeyMismatchError):
        put_back(path, config, Wish(replaces=True))
    assert len(origin.store.transitions(0, NOW * 2)) == 2


def test_a_seal_that_was_tampered_with_is_no_seal(origin: Origin, config: Config) -> None:
    new_card(Path(config.secrets.key_file), NOW)
    Path(config.secrets.key_file).with_name("xunjian.key.recovery").write_text("{}", encoding="utf-8")
    with pytest.raises(RecoveryKeyError):
        back_up_everywhere(origin, at=NOW, label=Label.HOURLY)


def test_paths_that_lead_out_of_the_folder_are_named(origin: Origin, tmp_path: Path) -> None:
    (origin.config.home / "config.toml").write_text(f'[evidence]\ndir = "{tmp_path}/far"\n', encoding="utf-8")
    with opened(made(replace(origin, config=load(origin.file)), tmp_path).path) as archive:
        places = places_into(archive, tmp_path / "new", lang="en")
    assert places.moved == ("evidence.dir",)
    assert places.config.evidence.dir == str(tmp_path / "new" / "data" / "evidence")


@pytest.mark.parametrize("revision", ["r0001", "r0002", "r0003"])
def test_a_backup_of_an_older_version_comes_back_upgraded(tmp_path: Path, revision: str) -> None:
    home = tmp_path / "old"
    (home / "data").mkdir(parents=True)
    (home / "config.toml").write_text("", encoding="utf-8")
    config = load(home / "config.toml")
    dump = (Path(__file__).parent / "store" / f"{revision}.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(home / "data" / "xunjian.db")) as database:
        database.executescript(dump)
    path = tmp_path / "old.zip"
    write_old(path, config, revision)
    with opened(path) as archive:
        places = places_into(archive, tmp_path / "new", lang="en")
        done = restore(archive, places, Wish(without_passwords=True), at=NOW, environment={})
    assert done.rows["camera"] == 4
    with Store.open(places.config.store.url, at=NOW, exclusive=True) as store:
        assert len(store.coverages()) == 1
    assert [each.name for each in (tmp_path / "new" / "data").iterdir() if "before" in each.name] == []


def write_old(path: Path, config: Config, revision: str) -> None:
    """What that version's ``backup`` would have written."""
    database = Path(config.store.url.removeprefix("sqlite:///"))
    copy = look_through(database)
    assert copy.revision == revision
    write_archive(
        path,
        [
            Source(name="database/xunjian.db", content=database),
            Source(name="settings/config.toml", content=config.home / "config.toml"),
        ],
        made_at=NOW,
        label="manual",
        facts={"database": "sqlite", "schema": revision, "rows": dict(copy.rows)},
    )
