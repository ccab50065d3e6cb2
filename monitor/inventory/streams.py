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

    Ledgers hold passwords as they are typed, with "/", "?" and "@" in them, so the first "@" need not end the login:
    it ends where an IP address or a dotted name begins, else where any name does.
    """
    ends = [-1, *(match.start() for match in re.finditer("@", rest))]
    addressed = [end for end in ends if _is_address(_split_path(rest[end + 1 :])[0])]
    dotted = [end for end in addressed if re.search(r"[.:]", _split_path(rest[end + 1 :])[0])]
    end = next(iter(dotted or addressed), ends[-1])
    address, path = _split_path(rest[end + 1 :])
    return rest[: max(end, 0)], address, path


def _split_path(text: str) -> tuple[str, str]:
    """Address and path; the path starts with "/" even where the URL left it out."""
    match = re.search(r"[/?]", text)
    if not match:
        return text, "/"
    path = text[match.start() :]
    return text[: match.start()], path if path.startswith("/") else f"/{path}"


def _is_address(text: str) -> bool:
    try:
        split_address(plain(text))
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
