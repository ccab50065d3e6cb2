"""Check the logins that a fictitious device is offered: Basic, Digest (RFC 7616, RFC 2617) and WS-UsernameToken."""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime

from lxml import etree

WSSE_WINDOW_S = 5.0
"""How far ``Created`` may be from the device's own clock; common firmware allows five seconds."""

FIELD = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^,\s]*))')


def digest_fields(header: str) -> dict[str, str]:
    """The fields of a Digest Authorization header; empty for any other scheme."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "digest":
        return {}
    return {name.lower(): quoted or bare for name, quoted, bare in FIELD.findall(rest)}


def digest_is_right(
    fields: Mapping[str, str], *, method: str, username: str, password: str, realm: str, nonce: str
) -> bool:
    """True when the response proves the password for this method, realm and nonce."""
    algorithm = fields.get("algorithm", "MD5").upper()
    if algorithm not in ("MD5", "SHA-256"):
        return False

    def digest(text: str) -> str:
        return hashlib.new(algorithm.replace("-", ""), text.encode(), usedforsecurity=False).hexdigest()

    first = digest(f"{username}:{realm}:{password}")
    second = digest(f"{method}:{fields.get('uri', '')}")
    middle = nonce
    if "qop" in fields:
        middle = f"{nonce}:{fields.get('nc', '')}:{fields.get('cnonce', '')}:{fields['qop']}"
    return (
        fields.get("username") == username
        and fields.get("realm") == realm
        and fields.get("nonce") == nonce
        and fields.get("response") == digest(f"{first}:{middle}:{second}")
    )


def basic_is_right(header: str, *, username: str, password: str) -> bool:
    """True when a Basic Authorization header carries this login."""
    scheme, _, token = header.partition(" ")
    return scheme.lower() == "basic" and token.strip() == b64encode(f"{username}:{password}".encode()).decode()


def wsse_is_right(envelope: etree._Element, *, username: str, password: str, clock: float) -> bool:
    """True for a WS-UsernameToken digest of this login, created within five seconds of the device's clock.

    As common firmware does, ``Created`` is only taken in its UTC form with ``Z``.
    """
    texts = {etree.QName(node).localname: (node.text or "").strip() for node in envelope.iter(etree.Element)}
    created = texts.get("Created", "")
    try:
        nonce = b64decode(texts.get("Nonce", ""), validate=True)
        at = datetime.fromisoformat(created).timestamp()
    except (ValueError, binascii.Error):
        return False
    if not created.endswith("Z") or abs(at - clock) > WSSE_WINDOW_S:
        return False
    digest = hashlib.sha1(nonce + created.encode() + password.encode(), usedforsecurity=False).digest()
    return texts.get("Username") == username and texts.get("Password") == b64encode(digest).decode()
