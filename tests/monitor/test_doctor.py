"""What the doctor finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config import Config, load
from monitor.core.condition import Condition, Fault
from monitor.core.fleet import Camera, Township
from monitor.core.period import Month
from monitor.core.record import Transition
from monitor.doctor import Finding, Level, examine
from monitor.secrets import open_key_ring
from monitor.store import (
    Batch,
    Evidence,
    EvidenceKind,
    FleetChanges,
    Hold,
    SnapshotEntry,
    SnapshotState,
    Store,
    StoredCredential,
    TransitionRecord,
)

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


def failed_in(store: Store, month: Month, size: int) -> None:
    """A failure of that month with a picture of ``size`` bytes; the month is frozen."""
    at = month.start
    said = Transition(camera="cam-1", at=at, condition=Condition.IMPAIRED, fault=Fault.BLACK, decided_at=at)
    seen = Evidence(camera="cam-1", at=at, kind=EvidenceKind.FAULT, jpeg=bytes(size))
    store.write(Batch(transitions=(TransitionRecord(transition=said, evidence_at=at),), evidence=(seen,))).result()
    entry = SnapshotEntry(
        month=str(month), state=SnapshotState.FROZEN, revision=1, sha256="0" * 64, made_at=month.end, who="director"
    )
    store.keep_snapshot(entry, b"{}")


def with_room(config: Config, mib: int) -> Config:
    return config.model_copy(update={"evidence": config.evidence.model_copy(update={"budget_mib": mib})})


def test_evidence_that_fits_its_room_is_told_with_its_figures(config: Config) -> None:
    with Store.open(config.store.url, at=NOW, evidence_dir=Path(config.evidence.dir)) as store:
        failed_in(store, Month.at(NOW - 40 * 86400, config.site.zone), 2**20)
    assert "pictures of evidence: 1 MiB of 4096, 1 of them held by frozen months" in texts(found(config), Level.FINE)


def test_frozen_evidence_that_takes_more_room_than_it_may_is_warned_of_with_what_to_do(config: Config) -> None:
    with Store.open(config.store.url, at=NOW, evidence_dir=Path(config.evidence.dir)) as store:
        failed_in(store, Month.at(NOW - 400 * 86400, config.site.zone), 2 * 2**20 + 1)
    warnings = texts(found(with_room(config, 1)), Level.WARNING)
    assert "3 MiB of 1, 3 of them held by frozen months; 2 MiB too many" in warnings
    assert "closed_years" in warnings


def test_a_disk_with_less_room_than_pictures_may_come_to_take_is_warned_of(config: Config) -> None:
    assert "evidence may grow by 1073741824.0 GB" in texts(found(with_room(config, 2**40)), Level.WARNING)
