"""Where is a camera's stream, and which login does its URL carry?"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from monitor.core.address import split_address
from monitor.core.redaction import redact_text
from monitor.inventory.cells import CellError, plain, text_or_nothing
from monitor.inventory.sheets import Cell

DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80}
URL = re.compile(r"(?P<scheme>[A-Za-z]{2,10})://(?P<rest>\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamUrl:
    """A URL taken apart. ``path`` starts with "/" and holds the query."""

    scheme: str
    host: str
    port: int
    path: str
    username: str = ""
    password: str = field(default="", repr=False)


def rtsp_url(cell: Cell) -> StreamUrl | None:
    """An rtsp:// or rtsps:// URL (RFC 2326 §3.2), None for an empty cell. Raises CellError, without the login."""
    return _url(cell, ("rtsp", "rtsps"))


def onvif_url(cell: Cell) -> StreamUrl | None:
    """The http:// address of an ONVIF device service, None for an empty cell. Raises CellError."""
    return _url(cell, ("http",))


def _url(cell: Cell, schemes: tuple[str, ...]) -> StreamUrl | None:
    text = text_or_nothing(cell)
    if not text:
        return None
    match = URL.fullmatch(text)
    # Compatibility forms of the scheme alone are folded: a password may well hold a full-width character.
    scheme = plain(match["scheme"]).lower() if match else ""
    if not match or scheme not in schemes:
        raise CellError(
            f"应为 {schemes[0]}:// 开头的地址，现为“{redact_text(text)}”",
            f'should be a {schemes[0]}:// URL, is "{redact_text(text)}"',
        )
    login, address, path = _parts(match["rest"])
    try:
        host, port = split_address(plain(address))
    except ValueError:
        shown = redact_text(text)
        raise CellError(f"主机或端口写错了，现为“{shown}”", f'has a wrong host or port, is "{shown}"') from None
    username, _, password = login.partition(":")
    return StreamUrl(
        scheme=scheme,
        host=host,
        port=port or DEFAULT_PORTS[scheme],
        path=path,
        username=unquote(username),
        password=unquote(password),
    )


def _parts(rest: str) -> tuple[str, str, str]:
    """Login, address and path of what follows "://".

    Ledgers hold passwords with "/", "?" and "@" as they are typed: when the text before the first "/" has no "@", but
    a later part has one with an address behind it, all before the last such "@" is the login.
    """
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    cut = authority.rfind("@")
    if cut < 0:
        cut = rest.rfind("@")
        if cut >= 0 and not _has_address(rest[cut + 1 :]):
            cut = -1
    elif _has_address(rest[rest.rfind("@") + 1 :]) and not _has_address(authority[cut + 1 :]):
        cut = rest.rfind("@")
    login, beyond = (rest[:cut], rest[cut + 1 :]) if cut >= 0 else ("", rest)
    address, slash, path = _split_path(beyond)
    return login, address, slash + path if slash == "/" else f"/{slash}{path}"


def _split_path(text: str) -> tuple[str, str, str]:
    match = re.search(r"[/?]", text)
    return (text[: match.start()], match[0], text[match.end() :]) if match else (text, "", "")


def _has_address(text: str) -> bool:
    try:
        split_address(plain(_split_path(text)[0]))
    except ValueError:
        return False
    return True


def rtsp_path(cell: Cell) -> str:
    """The path and query of a stream, with its leading "/"; "" when the cell is empty. Raises CellError."""
    text = text_or_nothing(cell) if cell != "/" else "/"
    if not text:
        return ""
    if re.search(r"\s", text) or "://" in text:
        raise CellError(
            f"应为路径，例如 /Streaming/Channels/101，现为“{redact_text(text)}”",
            f'should be a path such as /Streaming/Channels/101, is "{redact_text(text)}"',
        )
    return text if text.startswith("/") else f"/{text}"
