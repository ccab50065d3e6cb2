"""Camera passwords: unreadable at rest, never in what is logged or shown."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

import pytest
import structlog
from cryptography.fernet import Fernet

from monitor.core.redaction import redact_text
from monitor.secrets import (
    KeyFileError,
    KeyMismatchError,
    KeyRing,
    Redactor,
    SecretsError,
    add_key,
    drop_old_keys,
    open_key_ring,
)

PASSWORD = "Xj#9 密钥/+@:%"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "xunjian.key"


def test_the_key_file_is_made_on_first_use_for_its_owner_only(key_file: Path) -> None:
    ring = open_key_ring(key_file, {})
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert open_key_ring(key_file, {}).decrypt(ring.encrypt(PASSWORD)) == PASSWORD
    assert [path.name for path in key_file.parent.iterdir()] == ["xunjian.key"]


def test_a_twin_that_was_faster_keeps_its_key(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key_file.parent.mkdir()
    fast = Fernet.generate_key()
    link = os.link

    def lose_the_race(source: Path, target: Path) -> None:
        descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        os.write(descriptor, fast)
        os.close(descriptor)
        link(source, target)

    monkeypatch.setattr(os, "link", lose_the_race)
    ring = open_key_ring(key_file, {})
    assert ring.decrypt(Fernet(fast).encrypt(b"twin")) == "twin"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604])
def test_a_key_that_others_can_read_is_refused_with_the_command_to_mend_it(key_file: Path, mode: int) -> None:
    open_key_ring(key_file, {})
    key_file.chmod(mode)
    with pytest.raises(KeyFileError, match=rf"的权限是 {mode:o}，其他用户也能读取；请先执行 chmod 600 ") as caught:
        open_key_ring(key_file, {})
    assert caught.value.text("en").endswith(f"run chmod 600 {key_file} first")


@pytest.mark.parametrize("content", ["", "# only a comment\n", "not a key\n", "AAAA\n"])
def test_a_file_without_a_key_is_refused_without_showing_it(key_file: Path, content: str) -> None:
    key_file.parent.mkdir()
    key_file.write_text(content)
    key_file.chmod(0o600)
    with pytest.raises(KeyFileError, match="不是有效的密钥") as caught:
        open_key_ring(key_file, {})
    assert "not a key" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_key_file_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SecretsError, match=r"^无法建立密钥文件"):
        open_key_ring(tmp_path / "file" / "key", {})


def test_a_systemd_credential_comes_before_the_key_file(key_file: Path, tmp_path: Path) -> None:
    key = Fernet.generate_key()
    (tmp_path / "xunjian-key").write_bytes(key + b"\n")
    (tmp_path / "xunjian-key").chmod(0o440)
    ring = open_key_ring(key_file, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert ring.decrypt(Fernet(key).encrypt(PASSWORD.encode())) == PASSWORD
    assert not key_file.exists()


def test_a_credentials_folder_without_ours_leaves_the_key_file(key_file: Path, tmp_path: Path) -> None:
    open_key_ring(key_file, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert key_file.exists()


def test_another_key_says_so_and_what_to_do(key_file: Path, tmp_path: Path) -> None:
    token = open_key_ring(tmp_path / "other.key", {}).encrypt(PASSWORD)
    ring = open_key_ring(key_file, {})
    for attempt in (ring.decrypt, ring.rotate):
        with pytest.raises(
            KeyMismatchError, match=r"是用另一个密钥加密的，.*解不开；请放回原来的密钥文件，或重新导入"
        ) as caught:
            attempt(token)
        assert PASSWORD not in str(caught.value)


def test_a_new_key_encrypts_and_the_old_ones_decrypt_until_all_is_rotated(key_file: Path) -> None:
    old_token = open_key_ring(key_file, {}).encrypt(PASSWORD)
    add_key(key_file)
    ring = open_key_ring(key_file, {})
    assert ring.decrypt(old_token) == PASSWORD
    new_token = ring.rotate(old_token)
    drop_old_keys(key_file)
    after = open_key_ring(key_file, {})
    assert after.decrypt(new_token) == PASSWORD
    with pytest.raises(KeyMismatchError):
        after.decrypt(old_token)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_no_secret_is_in_a_repr(key_file: Path) -> None:
    redactor = Redactor()
    ring = open_key_ring(key_file, {}, redactor=redactor)
    ring.encrypt(PASSWORD)
    key = key_file.read_text().strip()
    shown = f"{ring!r} {ring} {redactor!r}"
    assert PASSWORD not in shown
    assert key not in shown


def test_every_password_that_is_decrypted_is_masked_from_then_on(key_file: Path) -> None:
    token = open_key_ring(key_file, {}, redactor=Redactor()).encrypt(PASSWORD)
    redactor = Redactor()
    assert PASSWORD in redactor.text(f"login {PASSWORD}")
    open_key_ring(key_file, {}, redactor=redactor).decrypt(token)
    assert redactor.text(f"login {PASSWORD} and Xj%239%20%E5%AF%86%E9%92%A5%2F%2B%40%3A%25") == "login *** and ***"


def test_a_password_of_digits_is_not_cut_out_of_a_camera_id() -> None:
    redactor = Redactor()
    redactor.learn("123456")
    assert redactor.text("camera 34020000001321234567 password 123456.") == "camera 34020000001321234567 password ***."


def test_a_very_short_password_leaves_text_readable() -> None:
    redactor = Redactor()
    redactor.learn("1")
    assert redactor.text("10.1.1.1") == "10.1.1.1"


REDACTED = [
    ("rtsp://admin:pass@10.1.1.1:554/a?b=1", "rtsp://***@10.1.1.1:554/a?b=1"),
    ("rtsp://admin:p@ss/w:rd@10.1.1.1/live", "rtsp://***@10.1.1.1/live"),
    ("two rtsp://a:b@h/x, http://c:d@i/y", "two rtsp://***@h/x, http://***@i/y"),
    ("rtsp://10.1.1.1/live", "rtsp://10.1.1.1/live"),
    ("mail me at a@b.cn", "mail me at a@b.cn"),
    ('Authorization: Digest username="admin", response="0f3a"\r\nCSeq: 2', "Authorization: ***\r\nCSeq: 2"),
    ("/login?user=a&password=geheim&x=1", "/login?user=a&password=***&x=1"),
    ('{"pwd": "geheim"}', '{"pwd": ***}'),
]


@pytest.mark.parametrize(("text", "expected"), REDACTED)
def test_logins_in_text_are_masked(text: str, expected: str) -> None:
    assert redact_text(text) == expected


def test_the_log_processor_masks_all_the_way_down() -> None:
    redactor = Redactor()
    redactor.learn("Geheim-7")
    stream = io.StringIO()
    log = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=[structlog.processors.format_exc_info, redactor, structlog.processors.JSONRenderer()],
    )
    try:
        raise ValueError("login Geheim-7 failed at rtsp://root:other@10.0.0.1/")
    except ValueError:
        log.exception("a Geheim-7 b", steps=[{"said": b"Geheim-7"}, ("x", {"y": "Geheim-7"})], password="z", port=554)
    text = stream.getvalue()
    assert "Geheim" not in text
    assert "other" not in text
    assert '"password": "***"' in text
    assert '"port": 554' in text


def test_a_key_ring_needs_a_key() -> None:
    with pytest.raises(KeyFileError):
        KeyRing([], name="nowhere")


def test_of_a_long_secret_that_holds_a_short_one_nothing_is_left_to_be_read() -> None:
    redactor = Redactor()
    redactor.learn("geheim")
    redactor.learn("Bearer geheimes-wort")
    assert redactor.text("it said Bearer geheimes-wort and geheim") == "it said *** and ***"
