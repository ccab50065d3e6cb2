"""The bytes of an RTSP connection, as far as a client reads them: responses and interleaved frames.

RFC 2326 §4 to §7 and §10.12. Cameras are read liberally (any reason or none, lower-case names, bare line feeds,
folded or colonless lines) within fixed bounds; whatever is neither RTSP nor HTTP is a ``MalformedMessage``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

MAX_LINE = 8 * 1024
"""Bytes of one line of a head, its end included."""
MAX_HEADERS = 64
MAX_HEAD = 64 * 1024
"""Bytes of all lines of one head together."""
MAX_BODY = 64 * 1024
MAX_MESSAGES = 256
"""Responses and requests of one connection. A look needs a dozen; a peer that sends thousands means to keep us busy."""

_INTERLEAVED = 0x24
"""The "$" before each binary frame (RFC 2326 §10.12)."""
_FRAME_HEADER = 4

_BLANK = re.compile(rb"[\r\n]+")
_HEAD_END = re.compile(rb"\n\r?\n")
_START = re.compile(rb"[A-Za-z_]{1,16}(?:\Z|[ /])")
_STATUS_LINE = re.compile(rb"(RTSP|HTTP)/\d\.\d[ \t]+(\d{3})(?!\d)[ \t]*([^\r\n]*)", re.IGNORECASE)
_REQUEST_LINE = re.compile(rb"[A-Z_]{1,16} \S+ RTSP/\d\.\d\s*\Z")
_LENGTH = re.compile(r"\s*(\d{1,10})\s*\Z")


class MalformedMessage(ValueError):  # noqa: N818 - named for the fact, not for being an error
    """The peer sent something that is not RTSP, or more of it than the bounds allow."""


@dataclass(frozen=True, slots=True)
class Response:
    """One answer of the peer.

    ``protocol`` is "RTSP" or "HTTP" (a web server may stand where a camera was expected); header names are
    lower-case, header values are the bytes as sent, read as Latin-1; ``reason`` is decoded for reading.
    """

    protocol: str
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header called ``name`` (lower-case), or None."""
        return next((value for key, value in self.headers if key == name), None)

    def all_headers(self, name: str) -> list[str]:
        """Every header called ``name`` (lower-case), in order."""
        return [value for key, value in self.headers if key == name]


def readable(raw: bytes | bytearray) -> str:
    """Text of unknown encoding for people to read: UTF-8, else GB 18030, which many recorders send unannounced."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("gb18030", "replace")


def request(method: str, url: str, cseq: int, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """The bytes of a request without a body. ``url`` and header values are Latin-1 text without line ends."""
    lines = [f"{method} {url} RTSP/1.0", f"CSeq: {cseq}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class MessageReader:
    """Cuts a byte stream, fed in pieces of any size, into responses and interleaved frames.

    ``on_response(response)`` and ``on_frame(channel, payload)`` are called in the order of the stream; a payload is
    valid only during the call. Requests of the peer (ANNOUNCE, SET_PARAMETER …) are read and passed over.
    """

    def __init__(
        self, on_response: Callable[[Response], None], on_frame: Callable[[int, memoryview], None] | None = None
    ) -> None:
        self.answered = False
        """True once a whole, well-formed RTSP or HTTP status line was seen, even if the rest never came."""
        self._on_response = on_response
        self._on_frame = on_frame or _ignore_frame
        self._held = bytearray()
        self._wanted = 0
        self._scanned = 0
        self._start_is_sound = False
        self._messages = 0
        self._finished = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream.

        Raises MalformedMessage; the reader can't be used any further then.
        """
        if self._finished:
            return
        if self._held:
            self._held += data
            if len(self._held) < self._wanted or (not self._wanted and not self._head_ends()):
                return
            data = bytes(self._held)
            self._held.clear()
        used = self._consume(data)
        if used < len(data):
            self._held += memoryview(data)[used:]

    def _consume(self, data: bytes) -> int:
        """Work through ``data``; returns how many bytes of it are done with."""
        view = memoryview(data)
        size = len(data)
        offset = 0
        self._wanted = self._scanned = 0
        self._start_is_sound = False
        while offset < size and not self._finished:
            first = data[offset]
            if first == _INTERLEAVED:
                end = offset + _FRAME_HEADER
                if end <= size:
                    end += data[offset + 2] << 8 | data[offset + 3]
                if end > size:
                    self._wanted = end - offset
                    break
                self._on_frame(data[offset + 1], view[offset + _FRAME_HEADER : end])
                offset = end
            elif blank := _BLANK.match(data, offset):
                offset = blank.end()
            else:
                taken = self._take_message(data, offset)
                if not taken:
                    break
                offset += taken
        return size if self._finished else offset

    def _take_message(self, data: bytes, offset: int) -> int:
        """Read the message at ``offset``; returns its size, or 0 while it is incomplete."""
        head_end = _HEAD_END.search(data, offset, offset + MAX_HEAD)
        if head_end is None:
            self._check_unfinished(data[offset:])
            return 0
        first, *lines = data[offset : head_end.start()].split(b"\n")
        status = _STATUS_LINE.match(first)
        if status is None and not _REQUEST_LINE.match(first):
            raise MalformedMessage(f"neither RTSP nor HTTP: {readable(first[:60]).strip()!r}")
        _check_line(first)
        self.answered = self.answered or status is not None
        _check_lines(lines)
        headers = _headers(lines)
        protocol = status[1].decode("ascii").upper() if status else "RTSP"
        length = _content_length(headers) if protocol == "RTSP" else 0
        body_end = head_end.end() + length
        if body_end > len(data):
            self._wanted = body_end - offset
            return 0
        self._messages += 1
        if self._messages > MAX_MESSAGES:
            raise MalformedMessage(f"more than {MAX_MESSAGES} messages")
        if status is not None:
            # What follows the head of a web server's answer is no concern of ours.
            self._finished = protocol == "HTTP"
            body = data[head_end.end() : body_end]
            self._on_response(Response(protocol, int(status[2]), readable(status[3]).strip(), headers, body))
        return body_end - offset

    def _head_ends(self) -> bool:
        """Whether the head being held has come to its end.

        Looks only at what is new: a head sent byte by byte costs no more than its length.
        """
        if _HEAD_END.search(self._held, max(0, self._scanned - 2), MAX_HEAD):
            return True
        self._check_unfinished(self._held)
        return False

    def _check_unfinished(self, head: bytes | bytearray) -> None:
        """Refuse a head as soon as what came of it is already wrong or out of bounds."""
        line_begin = head.rfind(b"\n", 0, self._scanned) + 1
        self._scanned = len(head)
        if not _START.match(head):
            raise MalformedMessage(f"neither RTSP nor HTTP: {readable(head[:60]).strip()!r}")
        if not self._start_is_sound:
            self._check_start(head)
        *lines, unfinished = head[line_begin:].split(b"\n")
        for line in lines:
            _check_line(line)
        if len(unfinished) > MAX_LINE:
            raise MalformedMessage(f"a line of more than {MAX_LINE} bytes")
        if len(head) > MAX_HEAD:
            raise MalformedMessage(f"a head of more than {MAX_HEAD} bytes")

    def _check_start(self, head: bytes | bytearray) -> None:
        """Judge the first line of an unfinished head, once, when it has come to its end."""
        first_end = head.find(b"\n", 0, MAX_LINE)
        if first_end < 0:
            return
        first = head[:first_end]
        is_status = _STATUS_LINE.match(first) is not None
        if not is_status and not _REQUEST_LINE.match(first):
            raise MalformedMessage(f"neither RTSP nor HTTP: {readable(first[:60]).strip()!r}")
        self.answered = self.answered or is_status
        self._start_is_sound = True


def _ignore_frame(channel: int, payload: memoryview) -> None:
    """For connections that carry no media."""


def _check_lines(lines: list[bytes]) -> None:
    if len(lines) > MAX_HEADERS:
        raise MalformedMessage(f"{len(lines)} headers, more than {MAX_HEADERS}")
    _check_line(max(lines, key=len, default=b""))


def _check_line(line: bytes | bytearray) -> None:
    """A line without its end."""
    if len(line) >= MAX_LINE:
        raise MalformedMessage(f"a line of more than {MAX_LINE} bytes")


def _headers(lines: list[bytes]) -> tuple[tuple[str, str], ...]:
    headers: list[tuple[str, str]] = []
    # A bare carriage return or NUL within would come back to the peer in our own headers.
    text = b"\n".join(lines).decode("latin-1").replace("\r", " ").replace("\0", " ")
    for line in text.split("\n"):
        name, colon, value = line.partition(":")
        if line[:1] in (" ", "\t") and headers:
            headers[-1] = (headers[-1][0], f"{headers[-1][1]} {line.strip()}".rstrip())
        elif colon:
            headers.append((name.strip().lower(), value.strip()))
    return tuple(headers)


def _content_length(headers: tuple[tuple[str, str], ...]) -> int:
    """The length of the body in bytes; RFC 2326 §4.4: none is sent without the header."""
    text = next((value for name, value in headers if name == "content-length"), "")
    if not text:
        return 0
    number = _LENGTH.match(text)
    if number is None:
        raise MalformedMessage(f"Content-Length {text[:40]!r}")
    if int(number[1]) > MAX_BODY:
        raise MalformedMessage(f"a body of {number[1]} bytes, more than {MAX_BODY}")
    return int(number[1])
