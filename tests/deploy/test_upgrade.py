"""The upgrade as one command: forwards, and back with nothing lost when the new version fails its own check."""

from __future__ import annotations

import json
import os
import shutil
import site
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.deploy.staged import ROOT, run, source

OLD, NEW, BAD = "0.1.0", "0.1.1", "0.1.2"
SPOILED = "r9999_spoiled.py"
MIGRATION = '''"""A migration that takes the ledger away: whatever opens the store afterwards fails."""

from alembic import op

revision = "r9999"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("camera_version")
'''


def tree(folder: Path, version: str) -> Path:
    """The project's files under version control, as another version."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in listed.decode().split("\0"):
        if name.startswith(("monitor/", "probes/", "reports/", "pyproject", "README.md", "LICENSE")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    project = folder / "pyproject.toml"
    project.write_text(project.read_text(encoding="utf-8").replace('version = "0.1.0"', f'version = "{version}"'))
    return folder


def spoil(tree: Path) -> Path:
    """Give a tree a migration that does harm."""
    versions = tree / "monitor/store/migrations/versions"
    head = max(path.name for path in versions.glob("r*.py")).partition("_")[0]
    (versions / SPOILED).write_text(MIGRATION.format(head=head), encoding="utf-8")
    return tree


def built(tree: Path, out: Path) -> Path:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three versions of the program, built; the last one is harmful."""

    def wheel(version: str) -> Path:
        made = tree(tmp_path_factory.mktemp("tree"), version)
        return built(spoil(made) if version == BAD else made, tmp_path_factory.mktemp("wheel"))

    return {version: wheel(version) for version in (OLD, NEW, BAD)}


class Server:
    """An installed monitor below a folder, with environments that borrow their libraries from ours."""

    def __init__(self, home: Path, wheels: dict[str, Path]) -> None:
        self.home = home
        self.root = home / "root"
        self.wheels = wheels
        self.root.mkdir()
        self.environment(OLD)
        self.environment(NEW)
        installed = run(self.bundle(OLD), "install.sh", "--root", str(self.root))
        assert installed.returncode == 0, installed.stderr
        settings = self.root / "etc/xunjian/config.toml"
        text = settings.read_text(encoding="utf-8")
        for folder in ("/var/lib", "/var/backups", "/etc/xunjian"):
            text = text.replace(folder, f"{self.root}{folder}")
        settings.write_text(text, encoding="utf-8")

    def environment(self, version: str) -> None:
        """One that borrows its libraries from ours."""
        folder = self.root / "opt/xunjian/versions" / version
        venv.create(folder, symlinks=True)
        (packages,) = folder.glob("lib/python*/site-packages")
        (packages / "borrowed.pth").write_text("\n".join(site.getsitepackages()), encoding="utf-8")
        with zipfile.ZipFile(self.wheels[version]) as archive:
            archive.extractall(packages)
        program = folder / "bin/xunjian"
        program.write_text(f"#!{folder}/bin/python\nfrom monitor.cli import main\nmain()\n", encoding="utf-8")
        program.chmod(0o755)
        (folder / ".complete").touch()

    def bundle(self, version: str) -> Path:
        folder = self.home / f"bundle-{version}"
        return folder if folder.exists() else source(folder, self.wheels[version].name)

    def upgrade(self, version: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run(self.bundle(version), "upgrade.sh", "--root", str(self.root), "--lang", "en", *arguments)

    @property
    def under_way(self) -> Path:
        return self.root / "opt/xunjian/upgrading"

    @property
    def current(self) -> str:
        return (self.root / "opt/xunjian/current").readlink().name

    def ask(self, *arguments: str) -> str:
        """What the current version answers."""
        environment = {"PATH": os.environ["PATH"], "XUNJIAN_CONFIG": str(self.root / "etc/xunjian/config.toml")}
        program = self.root / "opt/xunjian/current/bin/xunjian"
        done = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def cameras(self) -> list[str]:
        return sorted(camera["id"] for camera in json.loads(self.ask("inventory", "list", "--json")))


LEDGER = """编号,点位名称,乡镇,村,IP
34020000001320000001,村口,泌水镇,竹沟村,127.9.0.1
34020000001320000002,学校,泌水镇,竹沟村,127.9.0.2
"""


@pytest.fixture(scope="module")
def server(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The old version with a ledger of two cameras."""
    server = Server(tmp_path_factory.mktemp("server"), wheels)
    ledger = server.home / "ledger.csv"
    ledger.write_text(LEDGER, encoding="utf-8")
    server.ask("inventory", "import", str(ledger))
    return server


CAMERAS = ["34020000001320000001", "34020000001320000002"]


def backups(server: Server, version: str) -> list[Path]:
    return sorted((server.root / "var/backups/xunjian").glob(f"before-{version}-*.zip"))


def test_an_upgrade_touches_nothing_too_early_goes_forwards_and_comes_back_whole(server: Server) -> None:
    settings = server.root / "etc/xunjian/config.toml"
    fine = settings.read_text(encoding="utf-8")
    settings.write_text(fine + "[coffee]\nstrong = true\n", encoding="utf-8")
    refused = server.upgrade(NEW)
    assert (refused.returncode, "nothing has been changed" in refused.stderr) == (2, True)
    assert (server.current, backups(server, NEW)) == (OLD, [])
    settings.write_text(fine, encoding="utf-8")

    done = server.upgrade(NEW)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (server.current, server.cameras(), len(backups(server, NEW))) == (NEW, CAMERAS, 1)
    assert not server.under_way.exists()
    assert "0.1.1 is installed already" in server.upgrade(NEW).stdout

    server.environment(BAD)
    failed = server.upgrade(BAD)
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert "no such table" in failed.stderr
    assert "0.1.1 runs again and no record is lost" in failed.stderr
    assert (server.current, server.cameras()) == (NEW, CAMERAS)
    assert not server.under_way.exists()

    # What a power cut leaves in the middle of an upgrade.
    (backup,) = backups(server, BAD)
    server.under_way.write_text(f"{NEW}\n{backup}\n", encoding="utf-8")
    (server.root / "etc/systemd/system/xunjian.service").unlink()
    assert "upgrade.sh --roll-back first" in server.upgrade(BAD).stderr
    assert server.upgrade(BAD, "--roll-back").returncode == 0
    assert (server.current, server.cameras()) == (NEW, CAMERAS)
    assert (server.root / "etc/systemd/system/xunjian.service").is_file()
    assert not server.under_way.exists()
