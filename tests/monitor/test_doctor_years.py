"""What the doctor finds that goes wrong slowly: the disk, backups, clocks, certificates, and who scrapes us."""

from __future__ import annotations

import datetime
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from monitor.backup import name_of
from monitor.config import Config, load
from monitor.core.condition import Cause
from monitor.core.record import Gap
from monitor.core.rotation import Label
from monitor.doctor import Finding, Level, clocks, disk, peers
from monitor.doctor import backups as backups_module
from monitor.doctor.backups import backups
from monitor.recovery import new_card
from monitor.store import Batch, Coverage, Evidence, EvidenceKind, Store

NOW = 1_790_000_000
DAY, HOUR = 86_400, 3_600


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "config.toml").write_text(f'[backup]\nsecond = "{tmp_path}/second"\n', encoding="utf-8")
    return load(tmp_path / "config.toml")


@pytest.fixture
def store(config: Config) -> Iterator[Store]:
    with Store.open(config.store.url, at=NOW, evidence_dir=Path(config.evidence.dir)) as opened:
        yield opened


def told(findings: Iterator[Finding]) -> list[tuple[str, str]]:
    return [(each.level.value, each.en) for each in findings]


def test_two_places_on_one_disk_are_no_two_places(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    (first, *_) = told(backups(config, NOW))
    assert (first[0], "on the same disk" in first[1]) == ("broken", True)
    monkeypatch.setattr(backups_module, "disk_of", str)
    assert told(backups(config, NOW))[0] == ("fine", "the two places for backups are on different disks")


def test_no_second_place_is_broken(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    level, text = told(backups(load(tmp_path / "config.toml"), NOW))[0]
    assert (level, "no second place" in text) == ("broken", True)


def test_the_disk_of_a_folder_that_is_not_there_yet_is_that_of_the_next_one_above(tmp_path: Path) -> None:
    assert disk.disk_of(tmp_path / "a" / "b") == disk.disk_of(tmp_path)
    assert disk.disk_of(Path("/proc")) != disk.disk_of(tmp_path)


def test_backups_that_are_missing_or_too_old_are_broken(config: Config, tmp_path: Path) -> None:
    first, second = Path(config.backup.dir), tmp_path / "second"
    for folder, hours in ((first, 1), (second, 4)):
        folder.mkdir(parents=True)
        (folder / name_of(NOW - hours * HOUR, Label.HOURLY)).touch()
        (folder / name_of(NOW - 9 * HOUR, Label.HOURLY)).touch()
    (first / name_of(NOW - 20 * HOUR, Label.NIGHTLY)).touch()
    assert told(backups(config, NOW))[1:5] == [
        ("fine", f"{first}: the last hourly backup is 1.0 h old"),
        ("fine", f"{first}: the last nightly backup is 20.0 h old"),
        ("broken", f"{second}: the last hourly backup is 4.0 h old, which is too old"),
        (
            "broken",
            f"{second} has no nightly backup: enable the timer of xunjian backup --scheduled nightly",
        ),
    ]


def test_a_server_without_a_recovery_key_is_broken_until_there_is_a_card(config: Config) -> None:
    assert told(backups(config, NOW))[-1][0] == "broken"
    card = new_card(Path(config.secrets.key_file), NOW)
    assert told(backups(config, NOW))[-1] == (
        "fine",
        f"recovery key {card.seal(NOW).id}, made on 2026-09-21; see that the card is in the safe",
    )


def record(store: Store, *, days: int, picture: int) -> None:
    """A record of so many days, with a picture of so many bytes in each of the last ten."""
    seen = tuple(
        Evidence(camera=f"c{day}", at=NOW - day * DAY, kind=EvidenceKind.FAULT, jpeg=bytes(picture))
        for day in range(1, min(days, 10) + 1)
    )
    store.write(Batch(coverage=Coverage(boot="a", began=NOW - days * DAY, until=NOW), evidence=seen)).result(30)


def free(bytes_free: int, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": bytes_free})
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)


@pytest.mark.parametrize(
    ("mib_free", "level", "text"),
    [(5, Level.BROKEN, "full in about 5 days"), (50, Level.WARNING, "full in about 49 days")],
)
def test_the_disk_lasts_as_long_as_what_was_written_says(
    store: Store, config: Config, monkeypatch: pytest.MonkeyPatch, mib_free: int, level: Level, text: str
) -> None:
    record(store, days=10, picture=2**20)
    free(mib_free * 2**20, monkeypatch)
    (found,) = disk.days(store, config, NOW)
    assert (found.level, text in found.en) == (level, True), found


def test_evidence_that_has_filled_its_room_uses_up_no_disk(
    store: Store, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(store, days=10, picture=2**20)
    full = config.model_copy(update={"evidence": config.evidence.model_copy(update={"budget_mib": 10})})
    free(5 * 2**20, monkeypatch)
    (found,) = disk.days(store, full, NOW)
    assert found.level is not Level.BROKEN, found


def test_a_record_of_an_hour_tells_nothing_of_the_disk(store: Store, config: Config) -> None:
    store.write(Batch(coverage=Coverage(boot="a", began=NOW - HOUR, until=NOW))).result(30)
    (found,) = disk.days(store, config, NOW)
    assert "too early" in found.en


def test_a_clock_that_jumped_is_told_with_what_it_cost(store: Store) -> None:
    assert told(clocks.steps(store, NOW)) == []
    jumps = tuple(
        Gap(began=NOW - days * DAY, ended=NOW - days * DAY + 3600, cause=Cause.OURS, reason="clock_step")
        for days in (1, 2, 40)
    )
    store.write(Batch(gaps=jumps)).result(30)
    ((level, text),) = told(clocks.steps(store, NOW))
    assert (level, "2 times in 30 days, 7200 s" in text) == ("warning", True)


@pytest.mark.parametrize(("answer", "level"), [(True, "fine"), (False, "warning"), (None, "warning")])
def test_the_kernels_word_on_the_clock_is_passed_on(
    monkeypatch: pytest.MonkeyPatch, answer: bool | None, level: str
) -> None:
    monkeypatch.setattr(clocks, "is_synchronised", lambda: answer)
    assert told(clocks.kernel())[0][0] == level


def test_our_clock_is_doubted_when_most_cameras_agree_against_it() -> None:
    ours_is_late = [120.0 + number for number in range(12)]
    assert told(clocks.cameras(ours_is_late))[0][0] == "warning"
    assert told(clocks.cameras([*([0.5] * 11), 86_400.0, -3e8]))[0][0] == "fine"
    assert told(clocks.cameras(ours_is_late[:9])) == []


def certificate(path: Path, ends: float) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
    at = datetime.datetime.fromtimestamp(ends, datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(at - datetime.timedelta(days=90)).not_valid_after(at)
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))


@pytest.mark.parametrize(
    ("days", "level"), [(-1, "broken"), (10, "warning"), (80, "fine")], ids=["expired", "soon", "long"]
)
def test_a_certificate_that_the_settings_name_is_told_before_it_expires(tmp_path: Path, days: int, level: str) -> None:
    certificate(tmp_path / "broker.pem", NOW + days * DAY)
    (tmp_path / "config.toml").write_text(f'[mqtt]\ntls = true\nca_file = "{tmp_path}/broker.pem"\n', encoding="utf-8")
    assert told(peers.certificates(load(tmp_path / "config.toml"), NOW))[0][0] == level


def test_a_certificate_that_is_none_is_broken(tmp_path: Path) -> None:
    (tmp_path / "broker.pem").write_text("-----BEGIN nothing", encoding="utf-8")
    (tmp_path / "config.toml").write_text('[mqtt]\ntls = true\nca_file = "broker.pem"\n', encoding="utf-8")
    assert told(peers.certificates(load(tmp_path / "config.toml"), NOW))[0][0] == "broken"


@pytest.fixture
def answers() -> Iterator[tuple[str, dict[str, bytes]]]:
    """A server on loopback, and what it answers by path."""
    said: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = said.get(self.path.partition("?")[0])
            self.send_response(200 if content is not None else 404)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Nobody reads it."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", said
        server.shutdown()
        thread.join(30)


def scraped_at(at: float) -> bytes:
    return json.dumps({"data": {"resultType": "vector", "result": [{"value": [NOW, str(at)]}]}}).encode()


def test_a_prometheus_that_does_not_scrape_us_is_broken(config: Config, answers: tuple[str, dict[str, bytes]]) -> None:
    url, said = answers
    assert told(peers.prometheus(config, NOW)) == []
    named = config.model_copy(update={"metrics": config.metrics.model_copy(update={"prometheus": url})})

    def level() -> tuple[str, str]:
        ((how, text),) = told(peers.prometheus(named, NOW))
        return how, text

    assert level() == ("broken", f"Prometheus at {url} gives no answer (HTTP 404)")
    for content in (b"{}", b"[]", scraped_at(NOW - 600), b'{"data": {"result": []}}'):
        said["/api/v1/query"] = content
        assert level()[0] == "broken"
        assert "does not scrape us" in level()[1]
    said["/api/v1/query"] = b"\xff not JSON"
    assert "no answer" in level()[1]
    said["/api/v1/query"] = scraped_at(NOW - 12)
    assert level() == ("fine", "Prometheus has scraped us 12 s ago")


def test_the_running_daemon_is_asked_for_the_cameras_clocks(
    config: Config, answers: tuple[str, dict[str, bytes]]
) -> None:
    url, said = answers
    port = int(url.rpartition(":")[2])
    here = config.model_copy(update={"web": config.web.model_copy(update={"port": port})})
    assert peers.offsets_of_cameras(here) == []
    cameras = [{"clock_offset_s": 1.5}, {"clock_offset_s": None}, {}, {"clock_offset_s": -2}]
    said["/api/board.json"] = json.dumps({"cameras": cameras}).encode()
    assert peers.offsets_of_cameras(here) == [1.5, -2.0]


def test_a_broker_that_cannot_be_reached_is_broken(config: Config, answers: tuple[str, dict[str, bytes]]) -> None:
    port = int(answers[0].rpartition(":")[2])
    assert told(peers.broker(config)) == []

    def level(port: int) -> str:
        mqtt = config.mqtt.model_copy(update={"host": "127.0.0.1", "port": port})
        ((how, _),) = told(peers.broker(config.model_copy(update={"mqtt": mqtt})))
        return how

    assert level(port) == "fine"
    assert level(1) == "broken"
