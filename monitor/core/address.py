"""Is this text the address of a device?"""

from __future__ import annotations

import ipaddress
import re

LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
BRACKETED = re.compile(r"\[(?P<host>[^\]]+)\](?::(?P<port>[0-9]{1,5}))?")
PLAIN = re.compile(r"(?P<host>[^:\[\]]+):(?P<port>[0-9]{1,5})")


def is_host(text: str) -> bool:
    """True for an IPv4 or IPv6 literal (no brackets, no zone) or a host name of RFC 1123 (underscores allowed).

    >>> is_host("10.1.2.3"), is_host("10.1.300.3"), is_host("cam-1.lan")
    (True, False, True)
    """
    try:
        ipaddress.ip_address(text)
    except ValueError:
        labels = text.split(".")
        # A name that ends in digits alone is a mistyped IPv4 address: 10.1.300.4, 10.1.4
        return len(text) <= 253 and all(map(LABEL.fullmatch, labels)) and not labels[-1].isdigit()
    return "%" not in text


def split_address(text: str) -> tuple[str, int | None]:
    """Host and port of ``host``, ``host:port``, ``[v6]:port`` or a bare IPv6 literal.

    Raises ValueError for anything else.

    >>> split_address("[fe80::1]:554")
    ('fe80::1', 554)
    """
    if is_host(text):
        return text, None
    match = BRACKETED.fullmatch(text) or PLAIN.fullmatch(text)
    if not match or not is_host(match["host"]):
        raise ValueError(f"{text!r} is neither a host nor host:port")
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 0 < port < 65536:
        raise ValueError(f"the port of {text!r} is not between 1 and 65535")
    return match["host"], port
