"""``xunjian backup`` and ``restore`` as they are typed: what is shown, and the exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitor import cli
from monitor.config import load
from monitor.core.fleet import Township
from monitor.recovery import RecoveryKey, read_seal
from monitor.secrets import open_key_ring
from monitor.store import FleetChanges, Store, StoredCredential

NOW = 1_790_000_000
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs ``xunjian`` in a folder with settings and a ledger with a login."""
    monkeypatch.chdir(tmp_path)
    Path("config.toml").write_text(f'[backup]\nsecond = "{tmp_path}/second"\n', encoding="utf-8")
    config = load(tmp_path / "config.toml")
    with Store.open(config.store.url, at=NOW) as store:
        token = open_key_ring(Path(config.secrets.key_file), {}).encrypt("pass-word-1")
        login = StoredCredential(id="c1", username="u", ciphertext=token)
        changes = FleetChanges(townships=(Township(code="01", name="甲镇"),), credentials=(login,))
        store.save_fleet(changes, who="test", why="test", at=NOW)

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["xunjian", "--lang", "en", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def card_in(text: str) -> RecoveryKey:
    """The card as a person would copy it: the two lines of letters."""
    letters = [line for line in text.splitlines() if line.startswith("      ") and line.strip()]
    assert len(letters) == 2, text
    return RecoveryKey.parse(" ".join(letters))


def test_a_card_is_shown_once_and_opens_what_its_seal_closes(run: Run, tmp_path: Path) -> None:
    code, first, _ = run("backup", "--new-recovery-key")
    assert code == 0
    seal = read_seal(tmp_path / "data" / "xunjian.key")
    assert seal is not None
    assert card_in(first).seal(seal.made_at) == seal
    assert f"card {seal.id}" in first
    code, again, _ = run("backup", "--new-recovery-key")
    assert f"still open with the former card {seal.id}" in again
    assert card_in(again) != card_in(first)


def test_no_card_is_made_where_nobody_looks(run: Run, tmp_path: Path) -> None:
    for code, arguments in [(0, ("one.zip",)), (0, ("two.zip", "--json")), (1, ("--scheduled", "hourly"))]:
        ended, out, err = run("backup", *arguments)
        assert (ended, "--new-recovery-key first" in err) == (code, True)
        assert "recovery key of" not in out
    assert read_seal(tmp_path / "data" / "xunjian.key") is None


def test_a_person_is_shown_the_card_with_the_first_backup(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    code, out, err = run("backup", "one.zip")
    assert (code, err) == (0, "")
    assert card_in(out)
    assert "all verified" in out


def test_a_backup_goes_to_a_file_a_folder_or_the_places_of_the_settings(run: Run, tmp_path: Path) -> None:
    run("backup", "--new-recovery-key", "--json")
    (tmp_path / "usb").mkdir()
    for arguments, files in [
        (("mine.zip",), 1),
        (("usb",), 1),
        ((), 2),
        (("--scheduled", "nightly"), 2),
        (("more.zip", "--all-evidence"), 1),
    ]:
        code, out, err = run("backup", *arguments, "--json")
        assert (code, err) == (0, "")
        document: dict[str, Any] = json.loads(out)
        assert [Path(each["file"]).is_file() for each in document["backups"]] == [True] * files
        assert all(each["passwords"] for each in document["backups"])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("config.toml",), "exists"),
        (("--scheduled", "weekly"), "takes hourly or nightly"),
        (("x.zip", "--scheduled", "hourly"), "takes hourly or nightly"),
        (("x.zip", "--new-recovery-key"), "stands alone"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, arguments: tuple[str, ...], complaint: str) -> None:
    code, _, err = run("backup", *arguments)
    assert (code, complaint in err) == (2, True), err


def test_a_place_that_fails_is_told_and_no_place_at_all_is_our_failure(run: Run, tmp_path: Path) -> None:
    run("backup", "--new-recovery-key")
    (tmp_path / "second").write_text("in the way", encoding="utf-8")
    code, _, err = run("backup", "--scheduled", "hourly")
    assert (code, str(tmp_path / "second") in err) == (1, True)
    (tmp_path / "data" / "backup").rename(tmp_path / "gone")
    (tmp_path / "data" / "backup").write_text("in the way", encoding="utf-8")
    assert run("backup", "--scheduled", "hourly")[0] == 3


def test_restoring_says_what_came_back_and_what_was_moved(run: Run, tmp_path: Path) -> None:
    _, out, _ = run("backup", "--new-recovery-key")
    (tmp_path / "card.txt").write_text(" ".join(card_in(out).groups()), encoding="utf-8")
    assert run("backup", "one.zip")[0] == 0
    refused, _, err = run("restore", "one.zip")
    assert (refused, "--replace" in err) == (2, True)
    code, out, err = run("restore", "one.zip", "--replace", "--recovery-key-file", "card.txt")
    assert (code, err) == (0, "")
    assert "1 logins" in out
    assert ".before-restore-" in out
    code, out, _ = run("restore", "one.zip", "--into", "new", "--recovery-key-file", "card.txt", "--json")
    assert (code, json.loads(out)["config"]) == (0, str(tmp_path / "new" / "config.toml"))
    assert run("restore", "one.zip", "--into", "new", "--recovery-key-file", "card.txt")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("gone.zip",), "cannot read"),
        (("config.toml",), "not a sound backup"),
        (("one.zip", "--replace", "--recovery-key-file", "gone.txt"), "cannot read gone.txt"),
        (("one.zip", "--replace", "--recovery-key-file", "config.toml"), "no recovery key has the signs"),
    ],
)
def test_what_cannot_be_restored_is_one_sentence(run: Run, arguments: tuple[str, ...], complaint: str) -> None:
    run("backup", "one.zip")
    code, _, err = run("restore", *arguments)
    assert (code, complaint in err, len(err.splitlines())) == (2, True, 1), err
