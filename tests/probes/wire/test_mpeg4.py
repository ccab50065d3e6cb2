"""MPEG-4 part 2 over RTP, with FFmpeg's encoder on the other side."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire.assembler import Picture
from probes.wire.mpeg4 import Mpeg4Assembler
from probes.wire.rtp import RtpPacket, parse_packet
from tests.probes import streams
from tests.probes.older_streams import mpeg4_clip, mpeg4_payloads
from tests.probes.older_streams import packets as packed


def packets(pictures: Iterable[bytes]) -> list[RtpPacket]:
    made = packed([mpeg4_payloads(picture) for picture in pictures], payload_type=96)
    return [parse_packet(memoryview(packet.packed())) for packet in made]


def assembled(assembler: Mpeg4Assembler, pushed: Iterable[RtpPacket]) -> list[Picture]:
    return [picture for picture in map(assembler.push, pushed) if picture is not None]


def test_the_configuration_of_the_description_makes_key_frames_decode() -> None:
    configuration, pictures = mpeg4_clip()
    found = assembled(Mpeg4Assembler(configuration), packets(pictures))
    assert [picture.timestamp for picture in found] == [0, 18_000, 36_000]
    assert [len(streams.decode("MP4V-ES", picture.data)) for picture in found] == [1, 1, 1]


@pytest.mark.parametrize("apart", [False, True], ids=["in the picture", "in a packet of its own"])
def test_the_configuration_of_the_stream_serves_later_key_frames(apart: bool) -> None:
    configuration, pictures = mpeg4_clip()
    sent = [configuration, *pictures] if apart else [configuration + pictures[0], *pictures[1:]]
    found = assembled(Mpeg4Assembler(), packets(sent))
    assert [len(streams.decode("MP4V-ES", picture.data)) for picture in found] == [1, 1, 1]


def test_a_key_frame_with_a_packet_missing_is_dropped_and_counted() -> None:
    configuration, pictures = mpeg4_clip()
    sent = packets(pictures)
    within = [number for number, packet in enumerate(sent) if packet.timestamp == 18_000]
    for lost in within:
        assembler = Mpeg4Assembler(configuration)
        found = assembled(assembler, sent[:lost] + sent[lost + 1 :])
        assert [picture.timestamp for picture in found] == [0, 36_000]
        # without its first packet nobody knows that it was a key frame
        assert assembler.gapped == (0 if lost == within[0] else 1)


def test_joining_in_the_middle_waits_for_the_next_key_frame() -> None:
    configuration, pictures = mpeg4_clip()
    assembler = Mpeg4Assembler(configuration)
    assert [picture.timestamp for picture in assembled(assembler, packets(pictures)[3:])] == [18_000, 36_000]
    assert assembler.gapped == 0


@given(st.lists(st.tuples(st.binary(max_size=40), st.booleans(), st.integers(0, 2)), max_size=12))
def test_any_payloads_are_taken_without_complaint(pushed: list[tuple[bytes, bool, int]]) -> None:
    assembler = Mpeg4Assembler(max_bytes=60)
    for number, (payload, marker, stamp) in enumerate(pushed):
        assembler.push(RtpPacket(number, stamp, 1, 96, marker, memoryview(payload)))
