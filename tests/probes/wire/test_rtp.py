"""RTP headers and sequence numbers."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire.rtp import MalformedPacket, RtpPacket, SequenceCheck, Sorter, parse_packet


def packed(flags: int = 0x80, kind: int = 96, rest: bytes = b"payload") -> memoryview:
    return memoryview(struct.pack(">BBHII", flags, kind, 7, 90_000, 5) + rest)


def test_the_fields_of_a_packet() -> None:
    packet = parse_packet(packed(kind=0x80 | 97))
    assert packet[:5] == (7, 90_000, 5, 97, True)
    assert bytes(packet.payload) == b"payload"


@pytest.mark.parametrize(
    ("flags", "rest", "payload"),
    [
        (0x80, b"", b""),
        (0x82, b"ccccCCCCpay", b"pay"),
        (0x90, b"\xbe\xde\x00\x01extrpay", b"pay"),
        (0x90, b"\xbe\xde\x00\x00pay", b"pay"),
        (0xA0, b"pay\0\0\3", b"pay"),
        (0xB1, b"cccc\xbe\xde\x00\x01extrpay\1", b"pay"),
        (0xA0, b"\0\0\3", b""),
    ],
    ids=["bare", "sources", "extension", "empty extension", "padding", "all of it", "padding alone"],
)
def test_sources_extension_and_padding_are_no_payload(flags: int, rest: bytes, payload: bytes) -> None:
    assert bytes(parse_packet(packed(flags, rest=rest)).payload) == payload


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x60\0\7\0\0\0\0\0\0\0",
        bytes(packed(flags=0x40)),
        bytes(packed(kind=200)),
        bytes(packed(flags=0x8F)),
        bytes(packed(flags=0x90, rest=b"\xbe\xde")),
        bytes(packed(flags=0x90, rest=b"\xbe\xde\xff\xff")),
        bytes(packed(flags=0xA0, rest=b"pay\0")),
        bytes(packed(flags=0xA0, rest=b"pay\xff")),
    ],
    ids=["nothing", "short", "version 1", "RTCP", "sources missing", "extension cut", "extension too long",
         "padding of none", "padding too long"],
)  # fmt: skip
def test_other_bytes_are_no_packet(data: bytes) -> None:
    with pytest.raises(MalformedPacket):
        parse_packet(memoryview(data))


@given(st.binary(max_size=64))
def test_any_bytes_are_a_packet_or_refused(data: bytes) -> None:
    try:
        packet = parse_packet(memoryview(data))
    except MalformedPacket:
        return
    assert len(packet.payload) <= len(data) - 12


def follow(*sequences: int, ssrc: int = 1) -> list[int]:
    check = SequenceCheck()
    return [check.follow(RtpPacket(sequence, 0, ssrc, 96, False, memoryview(b""))) for sequence in sequences]


@pytest.mark.parametrize(
    ("sequences", "missing"),
    [
        ((5, 6, 7), [0, 0, 0]),
        ((65_534, 65_535, 0, 1), [0, 0, 0, 0]),
        ((5, 7), [0, 1]),
        ((65_535, 3), [0, 3]),
        ((5, 5), [0, -1]),
        ((5, 6, 4, 7), [0, 0, -1, 0]),
        ((5, 7, 6, 8), [0, 1, -1, 0]),
        ((1, 65_500), [0, -1]),
        ((50_000, 10, 11), [0, 15_545, 0]),
    ],
)
def test_missing_and_late_packets_are_told_by_their_numbers(sequences: tuple[int, ...], missing: list[int]) -> None:
    assert follow(*sequences) == missing


def test_numbers_that_jump_back_far_are_a_restart_and_not_late() -> None:
    assert [missing > 0 for missing in follow(5_000, 100, 101)] == [False, True, False]


def test_another_source_starts_anew() -> None:
    check = SequenceCheck()
    numbered = [(9, 1), (500, 2), (501, 2)]
    packets = [RtpPacket(sequence, 0, ssrc, 96, False, memoryview(b"")) for sequence, ssrc in numbered]
    assert [check.follow(packet) for packet in packets] == [0, 0, 0]


def datagram(sequence: int) -> bytes:
    return struct.pack(">BBHII", 0x80, 96, sequence, 0, 1)


def sorted_by(sorter: Sorter, sequences: Iterable[int]) -> list[int]:
    ready = [one for sequence in sequences for one in sorter.push(datagram(sequence))]
    return [int.from_bytes(one[2:4], "big") for one in ready]


@pytest.mark.parametrize(
    ("sent", "given"),
    [
        ((7, 8, 9), [7, 8, 9]),
        ((7, 9, 8, 10), [7, 8, 9, 10]),
        ((65_534, 0, 65_535, 1), [65_534, 65_535, 0, 1]),
        ((7, 9), [7]),
        ((7, 9, 10, 11, 12), [7, 9, 10, 11, 12]),
        ((7, 9, 10, 11, 13), [7, 9, 10, 11]),
        ((7, 8, 6), [7, 8, 6]),
        ((7, 7, 8), [7, 7, 8]),
    ],
    ids=["in order", "overtaken", "over the wrap", "awaited", "given up", "given up once", "late", "twice"],
)
def test_datagrams_that_overtook_each_other_are_put_in_order(sent: tuple[int, ...], given: list[int]) -> None:
    assert sorted_by(Sorter(depth=3), sent) == given


def test_a_datagram_too_short_for_a_number_is_given_on() -> None:
    assert Sorter().push(b"short") == [b"short"]


@given(st.integers(0, 0xFFFF), st.lists(st.integers(0, 3), min_size=1, max_size=60))
def test_a_stream_shuffled_within_reach_comes_out_in_order(first: int, delays: list[int]) -> None:
    numbers = range(len(delays))
    shuffled = sorted(numbers, key=lambda number: (number + delays[number], number))
    anchored = [0, *(number for number in shuffled if number)]
    given_on = sorted_by(Sorter(depth=8), ((first + number) & 0xFFFF for number in anchored))
    assert given_on == [(first + number) & 0xFFFF for number in numbers]
