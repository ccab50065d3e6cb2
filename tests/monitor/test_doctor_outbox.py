"""The doctor says what waits for other programs, what they have missed, and who can read the broker's password."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.config import Config
from monitor.config.messages import Mqtt
from monitor.core.message import Message, MessageKind
from monitor.doctor.finding import Finding, Level
from monitor.doctor.outbox import broker_password, outbox
from monitor.store import Batch, Store

NOW = 1_790_000_000


def levels(findings: Iterator[Finding]) -> list[Level]:
    return [each.level for each in findings]


def test_what_waits_is_fine_and_what_was_dropped_is_not(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'xunjian.db'}", at=NOW) as store:
        assert list(outbox(store)) == []
        store.begin_outbox(["mqtt"])
        store.write(Batch(messages=(Message(kind=MessageKind.STORE_RECOVERED, at=NOW),))).result(30)
        (found,) = outbox(store)
        assert (found.level, found.en) == (Level.FINE, "mqtt: 1 waiting in the outbox")
        store.prune_outbox(read_before=NOW, all_before=NOW + 1)
        (found,) = outbox(store)
        assert found.level is Level.WARNING
        assert "1 were dropped" in found.en


@pytest.mark.parametrize(("mode", "levels_found"), [(0o600, []), (0o640, []), (0o644, [Level.WARNING])])
def test_a_password_that_others_can_read_is_named(tmp_path: Path, mode: int, levels_found: list[Level]) -> None:
    path = tmp_path / "password"
    path.write_text("secret", "utf-8")
    path.chmod(mode)
    config = Config(mqtt=Mqtt(host="broker", username="xunjian", password_file=str(path)))
    assert levels(broker_password(config)) == levels_found
    path.unlink()
    assert levels(broker_password(config)) == [Level.BROKEN]
    assert levels(broker_password(Config())) == []


def test_systemds_credential_comes_before_the_file_and_only_the_first_line_counts(tmp_path: Path) -> None:
    path, folder = tmp_path / "password", tmp_path / "credentials"
    path.write_text("of the file\r\nrest\n", "utf-8")
    folder.mkdir()
    settings = Mqtt(host="broker", username="xunjian", password_file=str(path))
    environment = {"CREDENTIALS_DIRECTORY": str(folder)}
    assert settings.password(environment) == "of the file"
    (folder / "xunjian-mqtt-password").write_text("of systemd\n", "utf-8")
    assert settings.password(environment) == "of systemd"
    assert Mqtt().password({}) is None
