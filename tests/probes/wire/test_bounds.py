"""What the parsers keep and do is bounded, whatever a peer sends."""

from __future__ import annotations

import pytest

from probes.wire import soap
from probes.wire.digest import MAX_CHALLENGES, parse_challenges
from probes.wire.nal import (
    MAX_PARAMETER_SET,
    MAX_PARAMETER_SETS,
    MAX_SEI_MESSAGES,
    MAX_UNITS,
    H264Assembler,
    is_recovery_point,
)
from probes.wire.rtp import RtpPacket
from probes.wire.rtsp_message import MAX_MESSAGES, MalformedMessage, MessageReader, Response
from probes.wire.sdp import MAX_CODEC, MAX_CONTROL, parse_video
from probes.wire.sdp import MAX_PARAMETER_SETS as MAX_SPROP
from tests.probes import streams

KEY = b"\x65\x88" + bytes(20)


def test_a_connection_has_so_many_messages_and_no_more() -> None:
    taken: list[Response] = []
    reader = MessageReader(taken.append)
    reader.feed(b"RTSP/1.0 200 OK\r\n\r\n" * MAX_MESSAGES)
    with pytest.raises(MalformedMessage, match=f"more than {MAX_MESSAGES} messages"):
        reader.feed(b"OPTIONS * RTSP/1.0\r\n\r\n")
    assert len(taken) == MAX_MESSAGES


def test_a_line_too_long_is_refused_wherever_it_stands_in_a_head_that_has_no_end() -> None:
    reader = MessageReader(lambda response: None)
    with pytest.raises(MalformedMessage, match="a line of more than"):
        reader.feed(b"RTSP/1.0 200 OK\r\n" + b"x" * 9000 + b"\r\nX: y")


def test_control_characters_of_a_header_do_not_come_back_in_ours() -> None:
    taken: list[Response] = []
    MessageReader(taken.append).feed(
        b'RTSP/1.0 401 No\r\nWWW-Authenticate: Digest realm="a\rEvil: 1\0", nonce="n"\r\n\r\n'
    )
    (challenge,) = parse_challenges(taken[0].all_headers("www-authenticate"))
    assert challenge.realm == "a Evil: 1 "


def test_so_many_challenges_are_read() -> None:
    assert len(parse_challenges(["a," * 1000, "Basic"])) == MAX_CHALLENGES


def test_a_description_gives_names_and_urls_of_a_bounded_length() -> None:
    lines = [b"v=0", b"m=video 0 RTP/AVP 96", b"a=rtpmap:96 " + b"A\x1b[2J" * 1000 + b"/90000"]
    lines += [b"a=control:" + b"x" * (MAX_CONTROL + 1), b"a=fmtp:96 sprop-parameter-sets=" + b"Z0IA," * 1000]
    media = parse_video(b"\r\n".join(lines))
    assert media is not None
    assert media.codec == ("A[2J" * 1000)[:MAX_CODEC]
    assert media.control == ""
    assert len(media.parameter_sets) == MAX_SPROP


def test_a_payload_type_of_any_number_of_digits_is_read_or_passed_over() -> None:
    media = parse_video(b"m=video 0 RTP/AVP 128 " + b"9" * 5000 + b" 096\r\n")
    assert media is not None
    assert media.payload_types == (96,)


def later_key_frame(sets: list[bytes]) -> bytes:
    """A key frame without parameter sets, after a picture that had these."""
    assembler = H264Assembler()
    packets = [(0, payload) for payload in (*sets, KEY)] + [(1, KEY)]
    for number, (timestamp, payload) in enumerate(packets):
        picture = assembler.push(RtpPacket(number, timestamp, 1, 96, payload is KEY, memoryview(payload)))
    assert picture is not None
    return picture.data


def test_so_many_parameter_sets_are_remembered() -> None:
    # pic_parameter_set_id as ue(v) in 25 bits
    sets = [b"\x68" + (4096 + number << 7).to_bytes(4) for number in range(500)]
    assert 1 < later_key_frame(sets).count(b"\0\0\0\1\x68") <= MAX_PARAMETER_SETS


@pytest.mark.parametrize(("size", "times"), [(MAX_PARAMETER_SET, 1), (MAX_PARAMETER_SET + 1, 0)])
def test_a_parameter_set_is_remembered_up_to_a_size(size: int, times: int) -> None:
    assert later_key_frame([b"\x67" + b"\x42" * (size - 1)]).count(b"\0\0\0\1\x67") == times


@pytest.mark.parametrize(("units", "whole"), [(MAX_UNITS, True), (MAX_UNITS + 1, False)])
def test_an_aggregate_has_so_many_units(units: int, whole: bool) -> None:
    aggregate = streams.aggregate("H264", [KEY] * units)
    assembler = H264Assembler()
    picture = assembler.push(RtpPacket(0, 0, 1, 96, True, memoryview(aggregate)))
    assert (picture is not None) is whole


@pytest.mark.parametrize(("before", "found"), [(MAX_SEI_MESSAGES - 1, True), (MAX_SEI_MESSAGES, False)])
def test_a_recovery_point_is_looked_for_among_the_first_messages(before: int, found: bool) -> None:
    assert is_recovery_point(memoryview(b"\1\0" * before + b"\6\1\x80\x80")) is found


def test_so_many_profiles_are_read_and_addresses_up_to_a_length() -> None:
    def reply(body: str) -> bytes:
        names = f'xmlns:s="{soap.SOAP}" xmlns:m="{soap.MEDIA}" xmlns:t="{soap.SCHEMA}"'
        return f"<s:Envelope {names}><s:Body>{body}</s:Body></s:Envelope>".encode()

    profiles = reply("<m:GetProfilesResponse>" + '<m:Profiles token="a"/>' * 2000 + "</m:GetProfilesResponse>")
    assert len(soap.parse_profiles(profiles)) == soap.MAX_PROFILES
    address = f"rtsp://h/{'x' * soap.MAX_ADDRESS_CHARACTERS}"
    with pytest.raises(soap.NotSoapError, match="no Uri"):
        soap.parse_stream_uri(reply(f"<m:GetStreamUriResponse><t:Uri>{address}</t:Uri></m:GetStreamUriResponse>"))
    codes = "<s:Value>" + "x" * 9000 + "</s:Value>"
    fault = soap.find_fault(reply(f"<s:Fault><s:Code>{codes * 5}</s:Code></s:Fault>"))
    assert fault is not None
    assert fault.codes == ("x" * soap.MAX_TEXT_CHARACTERS,) * soap.MAX_FAULT_CODES
