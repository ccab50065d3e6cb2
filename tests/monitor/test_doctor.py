"""What the doctor finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config import Config, load
from monitor.core.fleet import Camera, Township
from monitor.doctor import Finding, Level, examine
from monitor.secrets import open_key_ring
from monitor.store import Batch, FleetChanges, Hold, Store, StoredCredential

NOW = 1_790_000_000


class StillClock:
    def now(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    return load(tmp_path / "config.toml")


def found(config: Config) -> list[Finding]:
    return list(examine(config, StillClock(), environment={}))


def texts(findings: list[Finding], level: Level) -> str:
    return "\n".join(each.text("en") for each in findings if each.level is level)


def save(config: Config, *cameras: Camera) -> None:
    keys = open_key_ring(Path(config.secrets.key_file), {})
    login = StoredCredential(id="c1", username="u", ciphertext=keys.encrypt("pass-word-1"))
    with Store.open(config.store.url, at=NOW, evidence_dir=Path(config.evidence.dir)) as store:
        changes = FleetChanges(townships=(Township(code="01", name="甲镇"),), cameras=cameras, credentials=(login,))
        store.save_fleet(changes, who="test", why="test", at=NOW)
        store.write(Batch(holds=(Hold(host="127.0.0.9", credential="c1", until=NOW + 60, refusals=1),))).result()


def camera(number: int, **fields: object) -> Camera:
    whole: dict[str, object] = {"host": "127.0.0.1", "rtsp_path": "/x", "credential": "c1", **fields}
    return Camera(id=f"cam-{number}", name="点位", township="01", village="村", **whole)  # type: ignore[arg-type]


def test_an_empty_ledger_and_no_witness_are_warned_of(config: Config) -> None:
    warnings = texts(found(config), Level.WARNING)
    assert "the ledger is empty" in warnings
    assert "no witness is configured" in warnings


def test_cameras_that_cannot_be_looked_at_are_named(config: Config) -> None:
    save(
        config,
        camera(1),
        camera(2, host=""),
        camera(3, credential=""),
        camera(4, rtsp_path=""),
        camera(5, credential="c9"),
    )
    warnings = texts(found(config), Level.WARNING)
    assert "1 cameras have no address and cannot be looked at (cam-2)" in warnings
    assert "1 cameras have no login (cam-3)" in warnings
    assert "1 cameras have no stream path and no ONVIF port to ask (cam-4)" in warnings
    assert "1 cameras name a login that is not stored (cam-5)" in warnings
    assert "1 logins are held back after a refusal (127.0.0.9" in warnings


def test_a_ledger_in_order_is_only_told_as_fine(config: Config) -> None:
    save(config, camera(1))
    findings = [each for each in found(config) if each.topic in ("ledger", "secrets")]
    assert {each.level for each in findings} == {Level.FINE}


def test_a_key_that_does_not_open_the_logins_is_broken(config: Config) -> None:
    save(config, camera(1))
    key = Path(config.secrets.key_file)
    key.unlink()
    assert "another key" in texts(found(config), Level.BROKEN)


def test_nothing_that_is_found_holds_a_password(config: Config) -> None:
    save(config, camera(1))
    assert "pass-word-1" not in "\n".join(each.zh + each.en for each in found(config))
