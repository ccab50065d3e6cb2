"""The reader of RTSP byte streams: what it accepts, what it bounds, and that no cut changes its mind."""

from __future__ import annotations

import re
from itertools import pairwise
from time import process_time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probes.wire.rtsp_message import (
    MAX_BODY,
    MAX_HEADERS,
    MAX_LINE,
    MalformedMessage,
    MessageReader,
    Response,
    readable,
    request,
)

Event = Response | tuple[int, bytes] | type[MalformedMessage]


def read(*pieces: bytes) -> tuple[list[Event], bool]:
    """All that a reader makes of some pieces of a stream, and whether it counts as an answer."""
    events: list[Event] = []
    reader = MessageReader(events.append, lambda channel, payload: events.append((channel, bytes(payload))))
    try:
        for piece in pieces:
            reader.feed(piece)
    except MalformedMessage:
        events.append(MalformedMessage)
    return events, reader.answered


def only(data: bytes) -> Response:
    (response,), _ = read(data)
    assert isinstance(response, Response)
    return response


def refuses(data: bytes) -> str:
    with pytest.raises(MalformedMessage) as caught:
        MessageReader(lambda response: None).feed(data)
    return str(caught.value)


STREAM = (
    b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 5\r\n\r\nv=0\r\n"
    b"$\x00\x00\x04abcd"
    b"\r\n"
    b"$\x01\x00\x00"
    b"RTSP/1.0 454 Session\n Not Found\nX: a\n b\n\n"
    b"ANNOUNCE rtsp://h/ RTSP/1.0\r\nCSeq: 3\r\nContent-Length: 2\r\n\r\nhi"
    b"$\x00\x00\x01$"
    b"rtsp/1.0 200\r\n\r\n"
)


def test_a_whole_stream_is_cut_into_responses_and_frames() -> None:
    events, answered = read(STREAM)
    assert answered
    assert events == [
        Response("RTSP", 200, "OK", (("cseq", "1"), ("content-length", "5")), b"v=0\r\n"),
        (0, b"abcd"),
        (1, b""),
        Response("RTSP", 454, "Session", (("x", "a b"),), b""),
        (0, b"$"),
        Response("RTSP", 200, "", (), b""),
    ]


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_a_stream_cut_in_two_anywhere_reads_the_same(cut: int) -> None:
    assert read(STREAM[:cut], STREAM[cut:]) == read(STREAM)


def test_a_stream_byte_by_byte_reads_the_same() -> None:
    assert read(*(bytes((byte,)) for byte in STREAM)) == read(STREAM)


_PIECE = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"RTSP/1.0 200 OK\r\n", b"HTTP/1.1 404\r\n", b"\r\n", b"\n", b"$\0\0\3abc", b"Content-Length: 7\r\n"]
    ),
    st.sampled_from(
        [b"x" * 9000, b"X: y\r\n" * 70, b"$\1\xff\xff", b"Content-Length: -1\r\n\r\n", b"OPTIONS * RTSP/1.0\n"]
    ),
)


@given(st.lists(_PIECE, max_size=12).map(b"".join), st.lists(st.integers(0, 12_000), max_size=6))
@example(b"RTSP/1.0 200 OK\r\n" + b"y" * MAX_LINE + b"\r\n\r\n", [20, 8000])
def test_any_bytes_in_any_pieces_give_the_same_or_the_named_refusal(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    assert read(*(data[begin:end] for begin, end in pairwise(edges))) == read(data)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_one_by_one_raise_nothing_else(data: bytes) -> None:
    read(*(data[at : at + 1] for at in range(len(data))))


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (b"RTSP/1.0 200 OK", 200, "OK"),
        (b"RTSP/2.0 401   No  way ", 401, "No  way"),
        (b"RTSP/1.0 200", 200, ""),
        (b"RTSP/1.0 200OK", 200, "OK"),
        (b"rtsp/1.0 404 not found", 404, "not found"),
        ("RTSP/1.0 403 用户数已达上限".encode("gbk"), 403, "用户数已达上限"),
    ],
)
def test_status_lines_are_read_liberally(line: bytes, status: int, reason: str) -> None:
    response = only(line + b"\r\n\r\n")
    assert (response.protocol, response.status, response.reason) == ("RTSP", status, reason)


def test_headers_are_found_whatever_their_case_and_all_of_them() -> None:
    response = only(b"RTSP/1.0 401 No\r\nwww-authenticate: Basic\r\nno colon\r\nWWW-AUTHENTICATE:Digest\r\n\r\n")
    assert response.header("www-authenticate") == "Basic"
    assert response.all_headers("www-authenticate") == ["Basic", "Digest"]
    assert response.header("session") is None


def test_what_a_web_server_sends_after_its_head_is_passed_over() -> None:
    page = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 999999999\r\n\r\n<html>\r\n\r\n</html>"
    assert read(page) == ([Response("HTTP", 400, "Bad Request", (("content-length", "999999999"),), b"")], True)


@pytest.mark.parametrize(
    "garbage",
    [b"SSH-2.0-OpenSSH\r\n", b"\x16\x03\x01", b"220 ftp ready\r\n", b"<html>", b"hello\r\n", b"RTSP/1.0 OK\r\n\r\n",
     b"RTSP/1.0 2000 OK\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_rtsp_is_refused_at_once(garbage: bytes) -> None:
    assert refuses(garbage).startswith("neither RTSP nor HTTP")


@pytest.mark.parametrize(
    ("head", "complaint"),
    [
        (b"X: " + b"y" * MAX_LINE, f"a line of more than {MAX_LINE} bytes"),
        (b"X: " + b"y" * MAX_LINE + b"\r\n\r\n", f"a line of more than {MAX_LINE} bytes"),
        (b"X: y\r\n" * (MAX_HEADERS + 1) + b"\r\n", f"{MAX_HEADERS + 1} headers, more than {MAX_HEADERS}"),
        (b"X: " + b"y" * 8000 + b"\r\n", "a head of more than 65536 bytes"),
        (b"Content-Length: -1\r\n\r\n", "Content-Length '-1'"),
        (b"Content-Length: many\r\n\r\n", "Content-Length 'many'"),
        (b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1), f"a body of {MAX_BODY + 1} bytes, more than {MAX_BODY}"),
    ],
)
def test_what_is_beyond_the_bounds_is_refused_but_counts_as_an_answer(head: bytes, complaint: str) -> None:
    repeated = head * 9 if complaint.startswith("a head") else head
    reader = MessageReader(lambda response: None)
    with pytest.raises(MalformedMessage, match=re.escape(complaint)):
        reader.feed(b"RTSP/1.0 200 OK\r\n" + repeated)
    assert reader.answered


def test_the_bounds_themselves_are_allowed() -> None:
    line = b"X: " + b"y" * (MAX_LINE - 5) + b"\r\n"
    assert len(line) == MAX_LINE
    response = only(b"RTSP/1.0 200 OK\r\n" + line + b"\r\n")
    assert len(response.header("x") or "") == MAX_LINE - 5
    others = b"X: y\r\n" * (MAX_HEADERS - 1)
    assert (
        len(only(b"RTSP/1.0 200 OK\r\n%sContent-Length: %d\r\n\r\n" % (others, MAX_BODY) + bytes(MAX_BODY)).body)
        == MAX_BODY
    )


@pytest.mark.parametrize(
    ("data", "answered"),
    [
        (b"RTSP/1.0 200 OK", False),
        (b"RTSP/1.0 200 OK\r\n", True),
        (b"RTSP/1.0 200 OK\r\nCS", True),
        (b"OPTIONS * RT", False),
    ],
)
def test_a_status_line_counts_as_an_answer_once_it_is_whole(data: bytes, answered: bool) -> None:
    assert read(data) == ([], answered)


def test_a_head_sent_byte_by_byte_costs_what_its_length_does() -> None:
    def cost(lines: int) -> float:
        data = b"RTSP/1.0 200 OK\r\n" + (b"X: " + b"y" * 1000 + b"\r\n") * lines
        began = process_time()
        read(*(data[at : at + 1] for at in range(len(data))))
        return process_time() - began

    small, large = (min(cost(lines) for _ in range(3)) for lines in (5, 50))
    assert large < small * 40


def test_a_request_is_written_in_wire_form() -> None:
    written = request("SETUP", "rtsp://h/1", 7, [("Session", "9"), ("X", "\xe9")])
    assert written == b"SETUP rtsp://h/1 RTSP/1.0\r\nCSeq: 7\r\nSession: 9\r\nX: \xe9\r\n\r\n"


def test_text_of_unknown_encoding_is_readable() -> None:
    assert [readable("上限".encode(name)) for name in ("utf-8", "gb18030")] == ["上限", "上限"]
    assert readable(b"\xff") == "\ufffd"
