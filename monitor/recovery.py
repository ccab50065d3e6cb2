"""The recovery key: letters on a card in the safe that open what the server itself can only close.

    card ──HKDF──► private key (X25519)          only while a server is restored
                      │
                      └─► public key, in a file beside the camera passwords' key: backups are sealed with it

A stolen backup, or a stolen second disk, therefore opens no camera, and the server needs nobody to type anything at
night. The letters are Crockford's base 32: no I, L, O and U; read aloud or copied by hand they are mistaken least.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from monitor.secrets import SecretsError, write_private

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
GROUPS, LETTERS = 8, 4
"""Eight groups of four letters of five bits, each followed by its check letter: 160 bits."""

PUBLIC_BYTES = 32
FORMAT = "xunjian/recovery/1"


class RecoveryKeyError(SecretsError):
    """The recovery key is mistyped, or is not the one that a backup was sealed for."""


@dataclass(frozen=True, slots=True)
class Seal:
    """The public half: it closes, and opens nothing."""

    public: bytes
    made_at: int
    """UTC seconds"""

    @property
    def id(self) -> str:
        """Eight letters by which card and backup are found to belong together; they tell nothing of the key.

        >>> Seal(bytes(32), made_at=0).id
        'CSM7-NBFR'
        """
        number = int.from_bytes(hashlib.sha256(self.public).digest()[:5], "big")
        letters = "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(8)))
        return f"{letters[:4]}-{letters[4:]}"

    def close(self, secret: bytes) -> bytes:
        """Encrypt for whoever has the card (X25519, HKDF-SHA256 of RFC 5869, ChaCha20-Poly1305 of RFC 8439)."""
        once = X25519PrivateKey.generate()
        sent = once.public_key().public_bytes_raw()
        cipher = _cipher(once.exchange(X25519PublicKey.from_public_bytes(self.public)), sent + self.public)
        return sent + cipher.encrypt(_NONCE, secret, sent)

    def as_bytes(self) -> bytes:
        """As it is kept in its file and in a backup."""
        public = base64.b64encode(self.public).decode()
        return (json.dumps({"format": FORMAT, "made_at": self.made_at, "public": public}) + "\n").encode()

    @classmethod
    def of(cls, content: bytes) -> Seal:
        """The seal that ``as_bytes`` wrote. Raises RecoveryKeyError."""
        try:
            document = json.loads(content)
            public = base64.b64decode(document["public"], validate=True)
            if document["format"] == FORMAT and len(public) == PUBLIC_BYTES:
                return cls(public, int(document["made_at"]))
        except (ValueError, KeyError, TypeError, binascii.Error):
            pass
        raise RecoveryKeyError("恢复密钥的公开部分已损坏", "the public half of the recovery key is damaged")


@dataclass(frozen=True, slots=True)
class RecoveryKey:
    """What stands on the card."""

    entropy: bytes = field(repr=False)

    @classmethod
    def new(cls) -> RecoveryKey:
        """A fresh one."""
        return cls(os.urandom(GROUPS * LETTERS * 5 // 8))

    @classmethod
    def parse(cls, text: str) -> RecoveryKey:
        """Read a card's letters, however they are grouped. Raises RecoveryKeyError, naming the groups to look at."""
        letters = [each for each in text.upper().translate(_MISTAKEN) if not each.isspace() and each != "-"]
        strange = sorted({each for each in letters if each not in ALPHABET})
        if strange:
            raise RecoveryKeyError(
                f"恢复密钥中没有这些字符：{' '.join(strange)}", f"no recovery key has the signs {' '.join(strange)}"
            )
        size = LETTERS + 1
        if len(letters) != GROUPS * size:
            raise RecoveryKeyError(
                f"恢复密钥共 {GROUPS} 组、每组 {size} 个字符，现有 {len(letters)} 个字符",
                f"a recovery key has {GROUPS} groups of {size} letters; these are {len(letters)} letters",
            )
        values = [ALPHABET.index(each) for each in letters]
        groups = [values[start : start + size] for start in range(0, len(values), size)]
        wrong = [str(place) for place, group in enumerate(groups, 1) if _check(place, group[:-1]) != group[-1]]
        if wrong:
            raise RecoveryKeyError(
                f"恢复密钥第 {'、'.join(wrong)} 组有误，请对照卡片",
                f"mistyped: group {', '.join(wrong)} of the recovery key",
            )
        number = 0
        for value in (each for group in groups for each in group[:-1]):
            number = number << 5 | value
        return cls(number.to_bytes(GROUPS * LETTERS * 5 // 8, "big"))

    def groups(self) -> tuple[str, ...]:
        """The letters as they are printed, each group with its check letter.

        >>> RecoveryKey(bytes(20)).groups()[:2]
        ('00005', '0000A')
        """
        return tuple(self._groups())

    def seal(self, made_at: int) -> Seal:
        """The public half."""
        return Seal(self._private().public_key().public_bytes_raw(), made_at)

    def open(self, sealed: bytes) -> bytes:
        """What a Seal of this key has closed. Raises RecoveryKeyError."""
        private = self._private()
        public = private.public_key().public_bytes_raw()
        sent = sealed[:PUBLIC_BYTES]
        try:
            shared = private.exchange(X25519PublicKey.from_public_bytes(sent))
            return _cipher(shared, sent + public).decrypt(_NONCE, sealed[PUBLIC_BYTES:], sent)
        except (InvalidTag, ValueError):
            raise RecoveryKeyError(
                "这张恢复密钥卡打不开这份备份", "this recovery key does not open what was sealed in the backup"
            ) from None

    def _groups(self) -> Iterator[str]:
        number = int.from_bytes(self.entropy, "big")
        values = [number >> 5 * place & 31 for place in reversed(range(GROUPS * LETTERS))]
        for place in range(GROUPS):
            group = values[place * LETTERS : (place + 1) * LETTERS]
            yield "".join(ALPHABET[each] for each in (*group, _check(place + 1, group)))

    def _private(self) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(_derived(self.entropy, b"xunjian recovery key 1"))


def seal_file(key_file: Path) -> Path:
    """Where the public half is kept: beside the key that it seals."""
    return key_file.with_name(key_file.name + ".recovery")


def read_seal(key_file: Path) -> Seal | None:
    """The seal in use, None before there is a card. Raises RecoveryKeyError."""
    try:
        return Seal.of(seal_file(key_file).read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RecoveryKeyError(
            f"无法读取 {seal_file(key_file)}（{error.strerror}）",
            f"cannot read {seal_file(key_file)} ({error.strerror})",
        ) from error


def write_seal(key_file: Path, seal: Seal) -> None:
    """Seal backups with it from now on. Raises OSError."""
    write_private(seal_file(key_file), seal.as_bytes())
    # It tells nothing, and the timers' user has to read what an administrator has made.
    seal_file(key_file).chmod(0o644)


def new_card(key_file: Path, at: int) -> RecoveryKey:
    """Make a recovery key and seal backups with it from now on; it is returned once and kept nowhere.

    Raises RecoveryKeyError.
    """
    key = RecoveryKey.new()
    try:
        key_file.parent.mkdir(parents=True, exist_ok=True)
        write_seal(key_file, key.seal(at))
    except OSError as error:
        raise RecoveryKeyError(
            f"无法写入 {seal_file(key_file)}（{error.strerror}）",
            f"cannot write {seal_file(key_file)} ({error.strerror})",
        ) from error
    return key


_MISTAKEN = str.maketrans({"O": "0", "I": "1", "L": "1"})
_NONCE = bytes(12)
"""Each message has a key of its own, so that its nonce may be the same."""


def _check(place: int, group: list[int]) -> int:
    """Sees any one wrong letter, any two that have changed places, and a group in another's place.

    Horner's scheme over GF(32) with the polynomial x⁵ + x² + 1, beginning with the group's place.
    """
    value = place
    for each in group:
        value = (value << 1 ^ (0b100101 if value & 0b10000 else 0)) ^ each
    return value << 1 & 31 ^ (0b00101 if value & 0b10000 else 0)


def _cipher(shared: bytes, parties: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(_derived(shared, b"xunjian sealed backup 1" + parties))


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(secret)
