"""The systemd units: understood by systemd, hardened to a level, and alike where they should be."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from monitor.daemon import STUCK_S
from monitor.doctor import FILES_NEEDED

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
SERVICES = ("xunjian.service", "xunjian-backup@.service")
ALL = (*SERVICES, "xunjian-backup-hourly.timer", "xunjian-backup-nightly.timer")
ANALYZER = shutil.which("systemd-analyze")
EXPOSURE = 15
"""Tenths of systemd's exposure level, of 100: the network that cameras are on, and little else, is left."""
LOCK = re.compile(r"(NoNew|Capability|Ambient|Protect|Private|Restrict|RemoveIPC|Lock|MemoryDeny|SystemCall)\w*=")
PROGRAM = "/opt/xunjian/current/bin/xunjian"

needs_systemd = pytest.mark.skipif(ANALYZER is None, reason="needs systemd-analyze of the Debian package systemd")


def analyze(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    assert ANALYZER is not None
    return subprocess.run([ANALYZER, *arguments], cwd=folder, capture_output=True, text=True, check=False)


def unit(name: str) -> str:
    return (UNITS / name).read_text(encoding="utf-8")


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with a program in them that is there: only what is not installed would be complained of."""
    for name in ALL:
        (tmp_path / name).write_text(unit(name).replace(PROGRAM, "/bin/true"), encoding="utf-8")
    return tmp_path


@pytest.mark.real_peer
@needs_systemd
@pytest.mark.parametrize("name", ALL)
def test_systemd_understands_every_line(units: Path, name: str) -> None:
    verified = analyze("verify", "--man=no", f"./{name}", folder=units)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    with (units / name).open("a", encoding="utf-8") as file:
        file.write("[Unit]\nDescribtion=a word that systemd does not know\n")
    assert "Describtion" in analyze("verify", "--man=no", f"./{name}", folder=units).stderr


@pytest.mark.real_peer
@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_the_exposure_stays_low(units: Path, name: str) -> None:
    judged = analyze("security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE}", f"./{name}", folder=units)
    assert judged.returncode == 0, judged.stdout[-200:]
    bare = re.sub(r"^(Protect|Private|Restrict)\w+=.*\n", "", unit(name), flags=re.MULTILINE)
    (units / name).write_text(bare, encoding="utf-8")
    judged = analyze("security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE}", f"./{name}", folder=units)
    assert judged.returncode != 0


def test_the_backup_is_locked_in_as_the_daemon_is() -> None:
    daemon, backup = ({line for line in unit(name).splitlines() if LOCK.match(line)} for name in SERVICES)
    assert len(daemon) > 20
    assert daemon == backup


@pytest.mark.parametrize("name", SERVICES)
def test_each_runs_as_its_own_user_with_the_key_as_a_credential(name: str) -> None:
    lines = unit(name).splitlines()
    assert {"User=xunjian", "Group=xunjian", "CapabilityBoundingSet=", "ProtectSystem=strict", "UMask=0077"} <= {*lines}
    assert "LoadCredential=xunjian-key:/etc/xunjian/keys/xunjian.key" in lines


def test_the_watchdog_bites_later_than_the_program_gives_up_feeding_it() -> None:
    (seconds,) = re.findall(r"^WatchdogSec=(\d+)$", unit("xunjian.service"), re.M)
    assert int(seconds) > STUCK_S
    assert "Type=notify" in unit("xunjian.service")


def test_there_are_files_enough_for_doctor() -> None:
    (files,) = re.findall(r"^LimitNOFILE=(\d+)$", unit("xunjian.service"), re.M)
    assert int(files) >= FILES_NEEDED


@pytest.mark.parametrize("when", ["hourly", "nightly"])
def test_each_timer_starts_the_backup_of_its_name(when: str) -> None:
    timer = unit(f"xunjian-backup-{when}.timer")
    assert f"Unit=xunjian-backup@{when}.service" in timer
    assert "Persistent=yes" in timer
    assert f"ExecStart={PROGRAM} backup --scheduled %i" in unit("xunjian-backup@.service")
