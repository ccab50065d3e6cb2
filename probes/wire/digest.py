"""Answers to ``WWW-Authenticate``: Basic (RFC 7617) and Digest (RFC 2069, 2617, 7616), for RTSP and HTTP alike.

Header text is Latin-1 as on the wire: a realm in any encoding is hashed and echoed with the bytes it came in, user
names and passwords go out as UTF-8. The client's nonce is handed in, so the same input gives the same answer.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

MAX_CHALLENGES = 16
"""Of one answer; those behind are passed over. No server offers more than three."""

# Possessive, since "\s*,?\s*" before a mismatch would be tried in as many ways as there are blanks.
_SCHEME = re.compile(r"\s*+,?\s*+([A-Za-z][\w-]*+)(?=\s++[\w-]++\s*+=|\s*+(?:,|\Z))")
_PARAMETER = re.compile(r'\s*+,?\s*+([\w-]++)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s,"]*+))')
_STRENGTH = {"SHA-256": 3, "SHA-256-SESS": 3, "MD5": 2, "MD5-SESS": 2}
_BASIC_STRENGTH = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One way to log in that the peer offers. ``scheme`` is "digest" or "basic"; None means the field was absent."""

    scheme: str
    realm: str = ""
    nonce: str = ""
    algorithm: str | None = None
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False

    @property
    def strength(self) -> int:
        """0 for what we cannot answer; SHA-256 over MD5 over Basic."""
        if self.scheme == "basic":
            return _BASIC_STRENGTH
        if self.scheme != "digest" or (self.qop and not {"auth", "auth-int"} & set(self.qop)):
            return 0
        return _STRENGTH.get((self.algorithm or "MD5").upper(), 0)


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """Every challenge of one answer, one or several to a header. Text that is none gives none; never raises."""
    return list(islice((challenge for header in headers for challenge in _split(header)), MAX_CHALLENGES))


def _split(header: str) -> Iterator[Challenge]:
    position = 0
    while scheme := _SCHEME.match(header, position):
        position = scheme.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(header, position):
            name, quoted, plain = parameter.groups()
            parameters.setdefault(name.lower(), plain if quoted is None else quoted)
            position = parameter.end()
        yield _challenge(scheme[1].lower(), parameters)


def _challenge(scheme: str, parameters: dict[str, str]) -> Challenge:
    qop = parameters.get("qop", "").lower()
    return Challenge(
        scheme=scheme,
        realm=parameters.get("realm", ""),
        nonce=parameters.get("nonce", ""),
        algorithm=parameters.get("algorithm") or None,
        qop=tuple(part.strip() for part in qop.split(",") if part.strip()),
        opaque=parameters.get("opaque"),
        stale=parameters.get("stale", "").lower() == "true",
    )


def best_challenge(challenges: Iterable[Challenge]) -> Challenge | None:
    """The strongest challenge that we can answer, the first of equals; None if there is none."""
    best = max(challenges, key=lambda challenge: challenge.strength, default=None)
    return best if best is not None and best.strength else None


class Login:
    """A user at one peer: answers its challenge, request after request, counting the uses of the nonce.

    >>> challenge = Challenge(scheme="basic", realm="camera")
    >>> Login(challenge, "Aladdin", "open sesame").authorization("DESCRIBE", "rtsp://192.0.2.1/", cnonce="")
    'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=='
    """

    def __init__(self, challenge: Challenge, username: str, password: str) -> None:
        self.challenge = challenge
        self._username = username
        self._password = password
        algorithm = (challenge.algorithm or "").upper()
        self._is_sha256 = algorithm.startswith("SHA-256")
        self._is_session = algorithm.endswith("-SESS")
        self._uses = 0
        self._secret = b""

    def __repr__(self) -> str:
        return f"Login({self.challenge!r}, {self._username!r})"

    def authorization(self, method: str, uri: str, *, cnonce: str, body: bytes = b"") -> str:
        """The value of the ``Authorization`` header for one request.

        ``uri`` is the request's URI as sent; ``body`` counts only where the peer wants qop auth-int.
        """
        if self.challenge.scheme == "basic":
            pair = f"{self._username}:{self._password}".encode()
            return "Basic " + base64.b64encode(pair).decode("ascii")
        self._uses += 1
        return self._digest(method, uri, cnonce, f"{self._uses:08x}", body)

    def _digest(self, method: str, uri: str, cnonce: str, count: str, body: bytes) -> str:
        challenge = self.challenge
        qop = "auth" if "auth" in challenge.qop else "auth-int" if challenge.qop else ""
        requested = f"{method}:{uri}".encode("latin-1")
        if qop == "auth-int":
            requested += b":" + self._hash(body).encode("ascii")
        between = f"{challenge.nonce}:{count}:{cnonce}:{qop}" if qop else challenge.nonce
        response = self._hash(f"{self._key(cnonce)}:{between}:{self._hash(requested)}".encode("latin-1"))
        username = self._username.replace("\\", "\\\\").replace('"', '\\"').encode().decode("latin-1")
        fields = [
            f'username="{username}"',
            f'realm="{challenge.realm}"',
            f'nonce="{challenge.nonce}"',
            f'uri="{uri}"',
            f'response="{response}"',
        ]
        if challenge.algorithm is not None:
            fields.append(f"algorithm={challenge.algorithm}")
        if challenge.opaque is not None:
            fields.append(f'opaque="{challenge.opaque}"')
        if qop:
            fields.append(f"qop={qop}, nc={count}")
        if qop or self._is_session:
            fields.append(f'cnonce="{cnonce}"')
        return "Digest " + ", ".join(fields)

    def _key(self, cnonce: str) -> str:
        """H(A1); of a session algorithm it is made once, with the first client nonce (RFC 7616 §3.4.2)."""
        if not self._secret:
            realm = self.challenge.realm.encode("latin-1")
            key = self._hash(b":".join((self._username.encode(), realm, self._password.encode())))
            if self._is_session:
                key = self._hash(f"{key}:{self.challenge.nonce}:{cnonce}".encode("latin-1"))
            self._secret = key.encode("ascii")
        return self._secret.decode("ascii")

    def _hash(self, data: bytes) -> str:
        if self._is_sha256:
            return hashlib.sha256(data).hexdigest()
        # Digest of RFC 2069 and 2617 is defined on MD5; most cameras know nothing else.
        return hashlib.md5(data, usedforsecurity=False).hexdigest()
