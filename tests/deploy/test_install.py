"""The installation script, staged into a folder: what it puts where, and that a second run changes nothing."""

from __future__ import annotations

import base64
import hashlib
import shutil
import stat
from pathlib import Path

import pytest

from monitor.config import differences, load
from monitor.secrets import open_key_ring
from tests.deploy.staged import digests, run, source

needs_mosquitto = pytest.mark.skipif(
    shutil.which("mosquitto_passwd") is None, reason="needs the Debian package mosquitto"
)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return source(tmp_path / "bundle")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def seal(bundle: Path) -> None:
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(bundle)}\n"
        for path in sorted(bundle.rglob("*"))
        if path.is_file() and path.name != "SHA256SUMS"
    ]
    (bundle / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")


def test_a_dry_run_says_everything_and_changes_nothing(bundle: Path, root: Path) -> None:
    said = run(bundle, "install.sh", "--root", str(root), "--dry-run", "--lang", "en")
    assert said.returncode == 0, said.stderr
    assert "write /etc/systemd/system/xunjian.service" in said.stdout
    assert "has been made (--dry-run)" in said.stdout
    assert list(root.iterdir()) == []
    done = run(bundle, "install.sh", "--root", str(root), "--lang", "en")
    assert done.stdout.splitlines()[:-2] == said.stdout.splitlines()[:-1]


def test_a_second_run_changes_nothing(bundle: Path, root: Path) -> None:
    assert run(bundle, "install.sh", "--root", str(root)).returncode == 0
    first = digests(root)
    again = run(bundle, "install.sh", "--root", str(root))
    assert again.returncode == 0, again.stderr
    assert "没有改动" in again.stdout
    assert digests(root) == first


def test_what_the_county_edits_is_left_alone_and_what_is_ours_is_renewed(bundle: Path, root: Path) -> None:
    run(bundle, "install.sh", "--root", str(root))
    settings, unit = root / "etc/xunjian/config.toml", root / "etc/systemd/system/xunjian.service"
    edited = settings.read_text(encoding="utf-8").replace("示范县综治中心", "明月县综治中心")
    settings.write_text(edited, encoding="utf-8")
    key = (root / "etc/xunjian/keys/xunjian.key").read_bytes()
    unit.write_text("[Service]\nUser=root\n", encoding="utf-8")
    run(bundle, "install.sh", "--root", str(root))
    assert settings.read_text(encoding="utf-8") == edited
    assert (root / "etc/xunjian/keys/xunjian.key").read_bytes() == key
    assert unit.read_bytes() == (bundle / "deploy/systemd/xunjian.service").read_bytes()


def test_the_installed_settings_differ_from_the_defaults_in_folders_and_neighbours_alone(
    bundle: Path, root: Path
) -> None:
    run(bundle, "install.sh", "--root", str(root))
    text = (root / "etc/xunjian/config.toml").read_text(encoding="utf-8")
    assert '"data/' not in text
    changed = {each.path: str(each.value) for each in differences(load(root / "etc/xunjian/config.toml"))}
    neighbours = {
        "metrics.prometheus": "http://127.0.0.1:9090",
        "mqtt.host": "127.0.0.1",
        "mqtt.username": "xunjian",
        "mqtt.password_file": "/etc/xunjian/keys/mqtt.password",
    }
    assert neighbours.items() <= changed.items()
    homes = ("/var/lib/xunjian/", "/var/backups/xunjian", "/etc/xunjian/keys/")
    folders = {path: value for path, value in changed.items() if path not in neighbours}
    assert len(folders) >= 6
    assert [path for path, value in folders.items() if not value.removeprefix("sqlite:///").startswith(homes)] == []


@pytest.mark.real_peer
@needs_mosquitto
def test_the_broker_gets_the_password_that_the_program_has(bundle: Path, root: Path) -> None:
    run(bundle, "install.sh", "--root", str(root))
    password = (root / "etc/xunjian/keys/mqtt.password").read_text(encoding="utf-8").strip()
    hashed = (root / "etc/mosquitto/xunjian.passwd").read_text(encoding="utf-8").strip()
    user, _, secret = hashed.partition(":")
    _, kind, iterations, salt, digest = secret.split("$")
    assert (user, kind, len(password)) == ("xunjian", "7", 32)
    assert password not in hashed
    # Mosquitto's kind 7 is PBKDF2 over SHA-512.
    expected = hashlib.pbkdf2_hmac("sha512", password.encode(), base64.b64decode(salt), int(iterations))
    assert base64.b64decode(digest) == expected


def test_the_key_it_makes_is_one_that_the_program_takes_and_that_nobody_else_reads(bundle: Path, root: Path) -> None:
    run(bundle, "install.sh", "--root", str(root))
    key = root / "etc/xunjian/keys/xunjian.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o400
    ring = open_key_ring(key, {})
    assert ring.decrypt(ring.encrypt("opensesame")) == "opensesame"
    assert stat.S_IMODE((root / "etc/xunjian/config.toml").stat().st_mode) == 0o640


def test_a_damaged_bundle_is_refused_before_anything_is_done(bundle: Path, root: Path) -> None:
    seal(bundle)
    assert run(bundle, "install.sh", "--root", str(root), "--dry-run").returncode == 0
    with (bundle / "deploy/systemd/xunjian.service").open("a", encoding="utf-8") as unit:
        unit.write("# changed on the way\n")
    refused = run(bundle, "install.sh", "--root", str(root))
    assert refused.returncode == 2
    assert "安装包不完整" in refused.stderr
    assert list(root.iterdir()) == []


def test_another_version_is_left_to_the_upgrade(bundle: Path, root: Path, tmp_path: Path) -> None:
    run(bundle, "install.sh", "--root", str(root))
    newer = source(tmp_path / "newer", "xunjian-10.0.0-py3-none-any.whl")
    refused = run(newer, "install.sh", "--root", str(root), "--lang", "en")
    assert refused.returncode == 2
    assert "9.9.9 is installed; use deploy/upgrade.sh" in refused.stderr


def test_a_neighbour_that_is_not_wanted_is_left_alone(bundle: Path, root: Path) -> None:
    run(bundle, "install.sh", "--root", str(root), "--without", "prometheus", "--without", "mosquitto")
    assert not (root / "etc/prometheus/xunjian/prometheus.yml").exists()
    assert not (root / "etc/mosquitto").exists()
    run(bundle, "install.sh", "--root", str(root))
    assert (root / "etc/prometheus/xunjian/prometheus.yml").is_file()
    assert (root / "etc/mosquitto/conf.d/xunjian.conf").is_file()


def test_grafana_is_provisioned_only_where_it_is(bundle: Path, root: Path) -> None:
    said = run(bundle, "install.sh", "--root", str(root), "--lang", "en")
    assert "no Grafana" in said.stdout
    assert not (root / "etc/grafana").exists()
    (root / "etc/grafana").mkdir(parents=True)
    run(bundle, "install.sh", "--root", str(root))
    assert (root / "etc/grafana/provisioning").is_dir()
    assert list((root / "var/lib/grafana/dashboards/xunjian").glob("*.json"))


@pytest.mark.parametrize("arguments", [["--rot", "x"], ["--root"]])
def test_a_wrong_option_ends_it_before_it_begins(bundle: Path, arguments: list[str]) -> None:
    assert run(bundle, "install.sh", *arguments).returncode == 2


def test_two_wheels_of_ours_are_a_question_and_not_a_guess(bundle: Path, root: Path) -> None:
    (bundle / "wheels/xunjian-9.9.8-py3-none-any.whl").touch()
    refused = run(bundle, "install.sh", "--root", str(root), "--lang", "en")
    assert refused.returncode == 2
    assert "keep one" in refused.stderr
