"""Keep camera passwords unreadable: encrypted at rest, masked wherever text leaves the program."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
from bisect import insort
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from monitor.core.redaction import MASK, redact_text

SHORTEST = 4
"""Shorter passwords are not searched for in text: masking every "1" would leave nothing to read."""

TELLING_KEY = re.compile(r"(?i)password|passwd|pwd|secret|authorization|密码|口令")


class SecretsError(Exception):
    """Passwords cannot be read or kept; the message says why and what to do, without any secret."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(zh)
        self.zh = zh
        self.en = en

    def text(self, lang: str = "zh") -> str:
        """The message in ``lang``."""
        return self.en if lang == "en" else self.zh


class KeyFileError(SecretsError):
    """The key file is missing, unreadable, malformed, or readable by others."""


class KeyMismatchError(SecretsError):
    """A stored password was encrypted with a key that we do not have."""


class Redactor:
    """Masks secrets in what is logged or shown: those it was told of, and logins in URLs and headers."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._secrets: list[str] = []
        """the longest first: a short one may be a part of a long one, and would leave the rest of it to be read"""

    def __repr__(self) -> str:
        return f"<Redactor of {len(self._secrets)} secrets>"

    def learn(self, secret: str) -> None:
        """Mask ``secret`` from now on, also in its URL-quoted form."""
        for form in (secret, quote(secret, safe="")):
            if len(form) >= SHORTEST and form not in self._known:
                self._known.add(form)
                insort(self._secrets, form, key=lambda known: -len(known))

    def text(self, text: str) -> str:
        """``text`` without secrets."""
        for secret in self._secrets:
            if secret in text:
                text = _without(text, secret)
        return redact_text(text)

    def value(self, value: object) -> object:
        """The same for text anywhere inside mappings, lists and tuples; keys like ``password`` mask all of theirs."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            return self.text(value.decode("utf-8", "replace"))
        if isinstance(value, Mapping):
            return {key: self._member(str(key), member) for key, member in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(member) for member in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self.text(str(value))

    def __call__(self, logger: object, method: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """A structlog processor; stands after the one that formats exceptions, before the renderer."""
        for key, value in event_dict.items():
            event_dict[key] = self._member(key, value)
        return event_dict

    def _member(self, key: str, value: object) -> object:
        return MASK if value and TELLING_KEY.search(key) else self.value(value)


redact = Redactor()
"""The process's own: every password that a KeyRing encrypts or decrypts is made known to it."""


class KeyRing:
    """Encrypts with its first key, decrypts with any (Fernet: AES-128-CBC and HMAC-SHA256)."""

    def __init__(self, keys: list[bytes], *, name: str, redactor: Redactor = redact) -> None:
        """``name`` is the key file's, for messages. Raises KeyFileError for a malformed or missing key."""
        self._name = name
        self._redactor = redactor
        with contextlib.suppress(ValueError):
            self._fernet = MultiFernet([Fernet(key) for key in keys])
            return
        raise KeyFileError(
            f"密钥文件 {name} 的内容不是有效的密钥（每行一个，由本程序生成）",
            f"the key file {name} does not hold valid keys (one a line, as this program makes them)",
        )

    def __repr__(self) -> str:
        return f"<KeyRing of {self._name}>"

    def encrypt(self, secret: str) -> bytes:
        """The token to store."""
        self._redactor.learn(secret)
        return self._fernet.encrypt(secret.encode())

    def decrypt(self, token: bytes) -> str:
        """The secret of a stored token. Raises KeyMismatchError when none of our keys made it."""
        try:
            secret = self._fernet.decrypt(token).decode()
        except InvalidToken:
            raise self._mismatch() from None
        self._redactor.learn(secret)
        return secret

    def rotate(self, token: bytes) -> bytes:
        """The same secret under the first key. Raises KeyMismatchError."""
        try:
            return self._fernet.rotate(token)
        except InvalidToken:
            raise self._mismatch() from None

    def _mismatch(self) -> KeyMismatchError:
        return KeyMismatchError(
            f"摄像机密码是用另一个密钥加密的，{self._name} 解不开；"
            "请放回原来的密钥文件，或重新导入带用户名、密码列的台账",
            f"the camera passwords were encrypted with another key than {self._name}; "
            "put the former key file back, or import the ledger with its user name and password columns again",
        )


def open_key_ring(
    key_file: Path, environment: Mapping[str, str] = os.environ, *, redactor: Redactor = redact
) -> KeyRing:
    """The keys of systemd's credential ``xunjian-key`` if there is one, else of ``key_file``, made if missing.

    Raises KeyFileError, also when others than its owner can read the file.
    """
    if (credential := _credential(environment)) is not None:
        # systemd guards this folder itself, and shows it as mode 0440 to some services.
        return KeyRing(_keys_in(credential), name=str(credential), redactor=redactor)
    if not key_file.exists():
        _create(key_file, [Fernet.generate_key()])
    _refuse_readable_by_others(key_file)
    return KeyRing(_keys_in(key_file), name=str(key_file), redactor=redactor)


def key_content(key_file: Path, environment: Mapping[str, str] = os.environ) -> bytes | None:
    """The keys that ``open_key_ring`` would take, as they stand in their file; None before there are any.

    Raises KeyFileError.
    """
    path = _credential(environment) or key_file
    if not path.exists():
        return None
    return _lines(_keys_in(path))


def write_private(path: Path, content: bytes) -> None:
    """Put ``content`` in the place of ``path``, readable by its owner only; whole or not at all. Raises OSError."""
    _written(path.parent, content).replace(path)
    _sync_folder(path.parent)


def add_key(key_file: Path) -> None:
    """Put a fresh key first; the older ones still decrypt until every token has been rotated.

    Raises KeyFileError.
    """
    _refuse_readable_by_others(key_file)
    _replace(key_file, [Fernet.generate_key(), *_keys_in(key_file)])


def drop_old_keys(key_file: Path) -> None:
    """Keep only the first key, once every token has been rotated. Raises KeyFileError."""
    _refuse_readable_by_others(key_file)
    _replace(key_file, _keys_in(key_file)[:1])


def _credential(environment: Mapping[str, str]) -> Path | None:
    folder = environment.get("CREDENTIALS_DIRECTORY")
    credential = Path(folder) / "xunjian-key" if folder else None
    return credential if credential and credential.is_file() else None


def _without(text: str, secret: str) -> str:
    if not secret.isdigit():
        return text.replace(secret, MASK)
    # A password of digits may be part of a camera's id: only a number of its own is the password.
    return re.sub(rf"(?<!\d){secret}(?!\d)", MASK, text)


def _keys_in(path: Path) -> list[bytes]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise _unusable(path, "读取", "read", error) from None
    return [line.strip() for line in lines if line.strip() and not line.startswith(b"#")]


def _refuse_readable_by_others(path: Path) -> None:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise _unusable(path, "读取", "read", error) from None
    if mode & 0o077:
        raise KeyFileError(
            f"密钥文件 {path} 的权限是 {mode:03o}，其他用户也能读取；请先执行 chmod 600 {path}",
            f"the key file {path} has mode {mode:03o}, so others can read it; run chmod 600 {path} first",
        )


def _create(path: Path, keys: list[bytes]) -> None:
    """Appears whole or not at all; when a twin was faster, its keys stand."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _written(path.parent, _lines(keys))
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
        temporary.unlink()
        _sync_folder(path.parent)
    except OSError as error:
        raise _unusable(path, "建立", "make", error) from None


def _replace(path: Path, keys: list[bytes]) -> None:
    try:
        write_private(path, _lines(keys))
    except OSError as error:
        raise _unusable(path, "写入", "write", error) from None


def _lines(keys: list[bytes]) -> bytes:
    return b"".join(key + b"\n" for key in keys)


def _written(folder: Path, content: bytes) -> Path:
    # mkstemp opens with O_EXCL and mode 600, so nobody else can read or pre-make it.
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".key-")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unusable(path: Path, zh: str, en: str, error: OSError) -> KeyFileError:
    return KeyFileError(
        f"无法{zh}密钥文件 {path}（{error.strerror}）", f"cannot {en} the key file {path} ({error.strerror})"
    )
