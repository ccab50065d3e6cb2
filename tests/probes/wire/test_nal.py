"""Key frames put together from the packets of real encoders."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire.assembler import MAX_PICTURE, Picture
from probes.wire.nal import H264Assembler, H265Assembler, NalAssembler, exp_golomb, is_recovery_point
from probes.wire.rtp import RtpPacket, parse_packet
from tests.probes import streams
from tests.probes.streams import Rtp, Unit

CODECS = ["H264", "H265"]
ASSEMBLERS: dict[str, type[NalAssembler]] = {"H264": H264Assembler, "H265": H265Assembler}


def parsed(packet: Rtp) -> RtpPacket:
    return parse_packet(memoryview(packet.packed()))


def assembled(assembler: NalAssembler, packets: Iterable[Rtp]) -> list[Picture]:
    """As a session does it: what goes on with the fragment under way is taken in one go."""
    pushed = (
        assembler.push(parsed(packet)) for packet in packets if not assembler.continues(memoryview(packet.packed()))
    )
    return [picture for picture in pushed if picture is not None]


def pushed_one_by_one(assembler: NalAssembler, packets: Iterable[Rtp]) -> list[Picture]:
    pushed = (assembler.push(parsed(packet)) for packet in packets)
    return [picture for picture in pushed if picture is not None]


def keys_of(codec: str, units: Iterable[Unit]) -> list[Unit]:
    return [unit for unit in units if streams.is_key(codec, unit)]


def slices_of(codec: str, unit: Unit) -> Unit:
    return tuple(nal for nal in unit if streams.nal_type(codec, nal) <= (5 if codec == "H264" else 31))


def is_whole(codec: str, picture: Picture, unit: Unit) -> bool:
    """Whether the picture holds every NAL unit of an access unit, bit for bit, and decodes alone."""
    frames = streams.decode(codec, picture.data)
    return streams.nal_units(picture.data)[-len(unit) :] == unit and len(frames) == 1 and not frames[0].is_corrupt


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("limit", [100, 1000, 60_000], ids=["many fragments", "fragments", "single units"])
def test_every_key_frame_comes_out_bit_for_bit_and_decodes(codec: str, limit: int) -> None:
    units = streams.access_units(codec)
    pictures = assembled(ASSEMBLERS[codec](), streams.packets(codec, units, limit=limit))
    keys = keys_of(codec, units)
    assert len(pictures) == len(keys) == 3
    assert all(is_whole(codec, picture, key) for picture, key in zip(pictures, keys, strict=True))
    assert [picture.timestamp for picture in pictures] == [0, 18_000, 36_000]


@pytest.mark.parametrize("codec", CODECS)
def test_parameter_sets_in_aggregation_packets_count(codec: str) -> None:
    key = streams.access_units(codec)[0]
    small = [nal for nal in key if len(nal) < 1500]
    payloads = [streams.aggregate(codec, small)]
    payloads += [piece for nal in key if len(nal) >= 1500 for piece in streams.fragments(codec, nal)]
    packets = [Rtp(sequence=number, timestamp=0, payload=payload) for number, payload in enumerate(payloads)]
    (picture,) = assembled(ASSEMBLERS[codec](), [*packets[:-1], replace(packets[-1], marker=True)])
    assert is_whole(codec, picture, key)


@pytest.mark.parametrize("codec", CODECS)
def test_a_whole_picture_in_one_aggregation_packet_comes_out(codec: str) -> None:
    key = streams.access_units(codec)[0]
    packet = Rtp(sequence=1, timestamp=0, payload=streams.aggregate(codec, key), marker=True)
    (picture,) = assembled(ASSEMBLERS[codec](), [packet])
    assert is_whole(codec, picture, key)


@pytest.mark.parametrize("codec", CODECS)
def test_parameter_sets_of_the_description_are_put_before_a_stream_that_has_none(codec: str) -> None:
    bare = streams.without_parameter_sets(codec, streams.access_units(codec)[:1])
    (picture,) = assembled(ASSEMBLERS[codec](streams.parameter_sets(codec)), streams.packets(codec, bare))
    assert streams.nal_units(picture.data) == (*streams.parameter_sets(codec), *bare[0])
    assert len(streams.decode(codec, picture.data)) == 1


@pytest.mark.parametrize("codec", CODECS)
def test_parameter_sets_of_the_stream_go_before_those_of_the_description(codec: str) -> None:
    units = streams.access_units(codec)
    stale = tuple(unit[:-1] + bytes((unit[-1] ^ 1,)) for unit in streams.parameter_sets(codec))
    pictures = assembled(ASSEMBLERS[codec](stale), streams.packets(codec, units))
    assert is_whole(codec, pictures[0], units[0])
    assert not any(unit in streams.nal_units(pictures[0].data) for unit in stale)


@pytest.mark.parametrize("codec", CODECS)
def test_parameter_sets_sent_once_serve_later_key_frames(codec: str) -> None:
    units = streams.access_units(codec)
    mixed = (units[0], *streams.without_parameter_sets(codec, units[1:]))
    pictures = assembled(ASSEMBLERS[codec](), streams.packets(codec, mixed))
    assert [len(streams.decode(codec, picture.data)) for picture in pictures] == [1, 1, 1]


@pytest.mark.parametrize("codec", CODECS)
def test_a_key_frame_with_any_packet_missing_is_never_given_out(codec: str) -> None:
    key = streams.access_units(codec)[0]
    after = streams.access_units(codec)[1]
    packets = streams.packets(codec, [after, key, after])
    ours = [number for number, packet in enumerate(packets) if packet.timestamp == packets[-1].timestamp // 2]
    pictures = [
        picture
        for lost in ours
        for picture in assembled(ASSEMBLERS[codec](streams.parameter_sets(codec)), packets[:lost] + packets[lost + 1 :])
    ]
    # Losing a packet before the first slice loses no picture: parameter sets are at hand already.
    assert pictures
    slices = slices_of(codec, key)
    assert all(streams.nal_units(picture.data)[-len(slices) :] == slices for picture in pictures)
    assert len(pictures) == len(ours) - sum(len(streams.fragments(codec, nal)) for nal in slices)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("limit", [MAX_PICTURE, 2000], ids=["any size", "too big"])
def test_what_is_taken_in_one_go_makes_the_same_pictures_as_packet_by_packet(codec: str, limit: int) -> None:
    chance = random.Random(f"{codec} {limit}")
    clean = streams.packets(codec, streams.access_units(codec), limit=250)
    gapped = oversized = 0
    for _ in range(40):
        packets = [_mangled(packet, chance) for packet in clean if chance.random() > 0.01]
        for _ in range(3):
            packets.insert(chance.randrange(len(packets)), chance.choice(packets))
        one, other = (ASSEMBLERS[codec](max_bytes=limit) for _ in range(2))
        assert assembled(one, packets) == pushed_one_by_one(other, packets)
        assert (one.gapped, one.oversized) == (other.gapped, other.oversized)
        gapped, oversized = gapped + one.gapped, oversized + one.oversized
    assert (gapped if limit == MAX_PICTURE else oversized) > 0


@pytest.mark.parametrize("codec", CODECS)
def test_nearly_every_packet_of_a_key_frame_is_taken_in_one_go(codec: str) -> None:
    assembler = ASSEMBLERS[codec]()
    packets = streams.packets(codec, streams.access_units(codec)[:1], limit=250)
    taken = 0
    for packet in packets:
        if assembler.continues(memoryview(packet.packed())):
            taken += 1
        else:
            assembler.push(parsed(packet))
    assert taken > 0.8 * len(packets)


def _mangled(packet: Rtp, chance: random.Random) -> Rtp:
    """The packet, or one in fifty with another marker, source, time, number or first bytes."""
    if chance.random() > 0.02:
        return packet
    change: dict[str, Any] = chance.choice(
        [
            {"marker": not packet.marker},
            {"ssrc": packet.ssrc ^ 1},
            {"timestamp": packet.timestamp + 1},
            {"sequence": (packet.sequence + chance.choice((1, 200, 60_000))) & 0xFFFF},
            {"payload": bytes((packet.payload[0] ^ 1 << chance.randrange(8),)) + packet.payload[1:]},
            {"payload": packet.payload[: chance.randrange(1, 4)]},
            {"payload_type": chance.choice((26, 97))},
        ]
    )
    return replace(packet, **change)


@pytest.mark.parametrize("codec", CODECS)
def test_gapped_key_frames_are_counted_and_whole_ones_still_come(codec: str) -> None:
    packets = streams.packets(codec, streams.access_units(codec))
    stamps = [0, 18_000]
    lost = [max(number for number, packet in enumerate(packets) if packet.timestamp == stamp) - 1 for stamp in stamps]
    assembler = ASSEMBLERS[codec]()
    pictures = assembled(assembler, (packet for number, packet in enumerate(packets) if number not in lost))
    assert [picture.timestamp for picture in pictures] == [36_000]
    assert assembler.gapped == 2


@pytest.mark.parametrize("codec", CODECS)
def test_joining_in_the_middle_of_a_key_frame_is_no_loss(codec: str) -> None:
    packets = streams.packets(codec, streams.access_units(codec))
    assembler = ASSEMBLERS[codec]()
    middle = len([packet for packet in packets if packet.timestamp == 0]) // 2
    pictures = assembled(assembler, packets[middle:])
    assert [picture.timestamp for picture in pictures] == [18_000, 36_000]
    assert assembler.gapped == 0


@pytest.mark.parametrize("codec", CODECS)
def test_a_missing_marker_ends_a_key_frame_with_the_next_timestamp(codec: str) -> None:
    units = streams.access_units(codec)[:2]
    packets = [replace(packet, marker=False) for packet in streams.packets(codec, units)]
    (picture,) = assembled(ASSEMBLERS[codec](), packets)
    assert is_whole(codec, picture, units[0])
    assert picture.timestamp == 0


@pytest.mark.parametrize("codec", CODECS)
def test_markers_on_parameter_sets_do_not_end_the_picture(codec: str) -> None:
    units = streams.access_units(codec)[:1]
    packets = streams.packets(codec, units)
    sets = len(streams.parameter_sets(codec))
    marked = [replace(packet, marker=True) for packet in packets[:sets]] + packets[sets:]
    (picture,) = assembled(ASSEMBLERS[codec](), marked)
    assert len(streams.decode(codec, picture.data)) == 1


def test_a_picture_of_several_slices_is_one_picture() -> None:
    units = streams.access_units("H264", extra="slices=4")
    assert len([nal for nal in units[0] if nal[0] & 0x1F == 5]) == 4
    pictures = assembled(H264Assembler(), streams.packets("H264", units))
    keys = keys_of("H264", units)
    assert all(is_whole("H264", picture, key) for picture, key in zip(pictures, keys, strict=True))


def test_the_rest_of_a_picture_closed_too_soon_is_no_picture_of_its_own() -> None:
    units = streams.access_units("H264", extra="slices=2")[:1]
    packets = streams.packets("H264", units, limit=60_000)
    assembler = H264Assembler()
    pictures = assembled(assembler, [replace(packet, marker=True) for packet in packets])
    assert len(pictures) == 1
    assert assembler.gapped == 0


def test_an_open_group_of_pictures_is_entered_at_its_recovery_point() -> None:
    units = streams.access_units("H264", extra="open-gop=1:bframes=2:b-adapt=0", frames=16)
    later = [unit for unit in units[1:] if any(nal[0] & 0x1F == 7 for nal in unit)]
    assert later
    assert not keys_of("H264", later)
    pictures = assembled(H264Assembler(), streams.packets("H264", later))
    assert len(pictures) == len(later)
    assert all(is_whole("H264", picture, unit) for picture, unit in zip(pictures, later, strict=True))


def test_a_gradual_refresh_has_no_key_frame() -> None:
    units = streams.access_units("H264", extra="intra-refresh=1")
    assert assembled(H264Assembler(), streams.packets("H264", units[1:])) == []


@pytest.mark.parametrize("codec", CODECS)
def test_a_picture_beyond_the_bound_is_dropped(codec: str) -> None:
    assembler = ASSEMBLERS[codec](max_bytes=2000)
    assert assembled(assembler, streams.packets(codec, streams.access_units(codec))) == []
    assert assembler.oversized == 3


@pytest.mark.parametrize("codec", CODECS)
def test_late_and_repeated_packets_change_nothing(codec: str) -> None:
    packets = streams.packets(codec, streams.access_units(codec)[:1])
    repeated = [packet for pair in zip(packets, packets, strict=True) for packet in pair]
    (picture,) = assembled(ASSEMBLERS[codec](), repeated)
    assert is_whole(codec, picture, streams.access_units(codec)[0])


@pytest.mark.parametrize("codec", CODECS)
@given(seed=st.integers(0, 2**32), losses=st.integers(1, 40))
def test_whatever_is_lost_what_comes_out_is_whole(codec: str, seed: int, losses: int) -> None:
    units = streams.access_units(codec)
    packets = streams.packets(codec, units)
    rest = list(packets)
    dice = random.Random(seed)
    for _ in range(losses):
        del rest[dice.randrange(len(rest))]
    whole = {slices_of(codec, key) for key in keys_of(codec, units)}
    for picture in assembled(ASSEMBLERS[codec](streams.parameter_sets(codec)), rest):
        assert slices_of(codec, streams.nal_units(picture.data)) in whole


@pytest.mark.parametrize("codec", CODECS)
@given(payloads=st.lists(st.tuples(st.binary(max_size=30), st.booleans(), st.integers(0, 3)), max_size=20))
def test_any_payloads_are_taken_without_complaint(codec: str, payloads: list[tuple[bytes, bool, int]]) -> None:
    assembler = ASSEMBLERS[codec](max_bytes=100)
    for number, (payload, marker, stamp) in enumerate(payloads):
        assembler.push(RtpPacket(number * 2 - stamp, stamp, 1, 96, marker, memoryview(payload)))


@pytest.mark.parametrize(
    ("bits", "value", "after"),
    [("1", 0, 1), ("010", 1, 3), ("011", 2, 3), ("00110", 5, 5), ("0001000", 7, 7), ("", 0, 65)],
)
def test_exp_golomb_numbers(bits: str, value: int, after: int) -> None:
    data = bytes(int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8))
    assert exp_golomb(data, 0) == (value, after)


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        (b"\x06\x01\xc4\x80", True),
        (b"\x06\x01\x44\x80", False),
        (b"\x01\x02ab\x06\x01\xc4\x80", True),
        (b"\x05\xff\x01" + b"x" * 256 + b"\x06\x01\xc4\x80", True),
        (b"\x05\x10short", False),
        (b"", False),
    ],
)
def test_recovery_points_are_found_among_other_messages(messages: bytes, found: bool) -> None:
    assert is_recovery_point(memoryview(messages)) is found
