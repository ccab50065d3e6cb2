"""JPEG over RTP: a picture cut up as RFC 2435 says comes out as the JPEG it was."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire.assembler import Picture
from probes.wire.jpeg import JpegAssembler, scaled_tables
from probes.wire.rtp import RtpPacket, parse_packet
from tests.probes import streams
from tests.probes.older_streams import DYNAMIC, JPEG_PAYLOAD_TYPE, jpeg, jpeg_payloads, jpeg_segments
from tests.probes.older_streams import packets as packed


def packets(pictures: Iterable[list[bytes]]) -> list[RtpPacket]:
    made = packed(pictures, payload_type=JPEG_PAYLOAD_TYPE)
    return [parse_packet(memoryview(packet.packed())) for packet in made]


def assembled(assembler: JpegAssembler, pushed: Iterable[RtpPacket]) -> list[Picture]:
    return [picture for picture in map(assembler.push, pushed) if picture is not None]


def same_pixels(data: bytes, sent: bytes) -> bool:
    (frame,) = streams.decode("JPEG", data)
    (wanted,) = streams.decode("JPEG", sent)
    return bool(np.array_equal(frame.to_ndarray(), wanted.to_ndarray()))


@pytest.mark.parametrize("restart_interval", [0, 4])
@pytest.mark.parametrize("quality", [10, 50, 75, 95])
def test_a_picture_with_tables_worked_out_from_its_quality(quality: int, restart_interval: int) -> None:
    original = jpeg(quality, restart_interval)
    pushed = packets([jpeg_payloads(original, quality, restart_interval=restart_interval)])
    (picture,) = assembled(JpegAssembler(), pushed)
    assert same_pixels(picture.data, original)


def test_a_picture_with_tables_of_its_own() -> None:
    original = jpeg(83)
    (picture,) = assembled(JpegAssembler(), packets([jpeg_payloads(original, DYNAMIC)]))
    assert same_pixels(picture.data, original)


def test_every_picture_decodes_alone() -> None:
    original = jpeg(50)
    pictures = assembled(JpegAssembler(), packets([jpeg_payloads(original, 50)] * 3))
    assert [picture.timestamp for picture in pictures] == [0, 3600, 7200]


def test_a_picture_with_a_packet_missing_is_dropped_and_counted() -> None:
    pushed = packets([jpeg_payloads(jpeg(50), 50)] * 2)
    half = len(pushed) // 2
    for lost in range(half):
        assembler = JpegAssembler()
        pictures = assembled(assembler, pushed[:lost] + pushed[lost + 1 :])
        assert [picture.timestamp for picture in pictures] == [3600]
        # the very first packet was not lost as far as a late comer can tell
        assert assembler.gapped == (0 if lost == 0 else 1)


@pytest.mark.parametrize("quality", range(1, 100))
def test_tables_are_scaled_as_the_reference_encoder_does(quality: int) -> None:
    parts, _ = jpeg_segments(jpeg(quality))
    assert tuple(table[1:] for table in parts[0xDB]) == scaled_tables(quality)


@pytest.mark.parametrize(
    "head",
    [
        bytes((0, 0, 0, 0, 2, 50, 40, 22)),
        bytes((0, 0, 0, 0, 1, 0, 40, 22)),
        bytes((0, 0, 0, 0, 1, 50, 0, 0)),
        bytes((0, 0, 0, 0, 1, 255, 40, 22, 0, 0, 0, 0)),
        bytes((0, 0, 0, 0, 1, 255, 40, 22, 0, 1, 0, 128)) + bytes(128),
        bytes((0, 0, 0, 0, 1)),
        b"",
    ],
    ids=["type", "quality", "size", "no tables", "16-bit tables", "cut off", "empty"],
)
def test_what_cannot_be_rebuilt_is_passed_over(head: bytes) -> None:
    assert assembled(JpegAssembler(), packets([[head + b"data" if len(head) > 7 else head]])) == []


def test_a_picture_beyond_the_bound_is_dropped() -> None:
    assembler = JpegAssembler(max_bytes=1000)
    assert assembled(assembler, packets([jpeg_payloads(jpeg(50), 50)])) == []
    assert assembler.oversized == 1


@given(st.lists(st.tuples(st.binary(max_size=40), st.booleans(), st.integers(0, 2)), max_size=12))
def test_any_payloads_are_taken_without_complaint(pushed: list[tuple[bytes, bool, int]]) -> None:
    assembler = JpegAssembler(max_bytes=60)
    for number, (payload, marker, stamp) in enumerate(pushed):
        assembler.push(RtpPacket(number, stamp, 1, 26, marker, memoryview(payload)))
