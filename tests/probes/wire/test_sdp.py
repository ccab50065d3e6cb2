"""Session descriptions as cameras write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire.sdp import VideoMedia, aggregate_url, base_url, control_urls, parse_video
from tests.probes import streams

HIKVISION = b"""v=0
o=- 1109162014219182 1109162014219192 IN IP4 192.0.2.7
s=Media Presentation
e=NONE
b=AS:5050
t=0 0
a=control:rtsp://192.0.2.7/Streaming/Channels/101/
m=video 0 RTP/AVP 96
c=IN IP4 0.0.0.0
b=AS:5000
a=recvonly
a=x-dimensions:1920,1080
a=control:rtsp://192.0.2.7/Streaming/Channels/101/trackID=1
a=rtpmap:96 H264/90000
a=fmtp:96 profile-level-id=420029; packetization-mode=1; sprop-parameter-sets=Z00AKpWoHgCJ+WEAAAMAAQAAAwAyhA==,aO48gA==
a=Media_header:MEDIAINFO=494D4B48010200000400000100000000;
m=audio 0 RTP/AVP 8
a=control:rtsp://192.0.2.7/Streaming/Channels/101/trackID=2
a=rtpmap:8 PCMA/8000
"""


def video(text: str | bytes) -> VideoMedia:
    found = parse_video(text.encode() if isinstance(text, str) else text)
    assert found is not None
    return found


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_a_hikvision_description_is_read_whatever_its_line_ends(line_end: bytes) -> None:
    media = video(HIKVISION.replace(b"\n", line_end))
    assert (media.codec, media.clock_rate, media.payload_types) == ("H264", 90_000, (96,))
    assert media.control == "rtsp://192.0.2.7/Streaming/Channels/101/trackID=1"
    assert media.session_control == "rtsp://192.0.2.7/Streaming/Channels/101/"
    assert [unit[0] & 0x1F for unit in media.parameter_sets] == [7, 8]
    assert media.parameters["profile-level-id"] == "420029"


@pytest.mark.parametrize("codec", ["H264", "H265"])
def test_parameter_sets_are_those_of_the_encoder(codec: str) -> None:
    assert video(streams.description(codec)).parameter_sets == streams.parameter_sets(codec)


def test_start_codes_before_parameter_sets_are_cut_off() -> None:
    media = video("m=video 0 RTP/AVP 96\na=fmtp:96 sprop-parameter-sets=AAAAAWdNAB4=,AAABaO48gA==,!!,Zw==\n")
    assert media.parameter_sets == (b"\x67\x4d\x00\x1e", b"\x68\xee\x3c\x80")


@pytest.mark.parametrize(
    ("lines", "codec"),
    [
        ("m=video 0 RTP/AVP 96\na=rtpmap:96 h264/90000", "H264"),
        ("m=video 0 RTP/AVP 96\na=rtpmap:96 HEVC/90000", "H265"),
        ("m=video 0 RTP/AVP 26", "JPEG"),
        ("m=video 0 RTP/AVP 97 96\na=rtpmap:96 H264/90000\na=rtpmap:97 H265/90000", "H265"),
        ("m=video 0 RTP/AVP 96\na=rtpmap:98 H264/90000", "H264"),
        ("m=video 0 RTP/AVP 96\na=fmtp:96 sprop-parameter-sets=Z00AHg==,aO48gA==", "H264"),
        ("m=video 0 RTP/AVP 96\na=fmtp:96 sprop-vps=QAEM;sprop-sps=QgEB;sprop-pps=RAHB", "H265"),
        ("m=video 0 RTP/AVP 108\na=rtpmap:108 SVAC/90000", "SVAC"),
        ("m=video 0 RTP/AVP 96", ""),
        ("m=video", ""),
    ],
)
def test_the_codec_is_found_by_whatever_tells_it(lines: str, codec: str) -> None:
    assert video(lines).codec == codec


@pytest.mark.parametrize("mapping", ["H264", "H264/", "H264/0", "H264/²", "H264/-5", "H264/99999999999"])
def test_a_senseless_clock_rate_is_taken_for_the_usual_one(mapping: str) -> None:
    assert video(f"m=video 0 RTP/AVP 96\na=rtpmap:96 {mapping}").clock_rate == 90_000


def test_the_first_video_counts_and_sound_does_not() -> None:
    text = "a=control:rtsp://h/all\nm=audio 0 RTP/AVP 0\na=control:sound\nm=video 0 RTP/AVP 96\na=control:first\n"
    media = video(text + "m=video 0 RTP/AVP 97\na=control:second\n")
    assert (media.session_control, media.control, media.payload_types) == ("rtsp://h/all", "first", (96,))


def test_a_control_of_the_sound_is_not_that_of_the_session() -> None:
    assert video("m=audio 0 RTP/AVP 0\na=control:sound\nm=video 0 RTP/AVP 96\n").session_control == ""


@pytest.mark.parametrize("text", ["", "v=0\n", "m=audio 0 RTP/AVP 8\na=control:1\n", "<html>", "\0\xff"])
def test_without_a_video_medium_there_is_none(text: str) -> None:
    assert parse_video(text.encode()) is None


def test_secure_profiles_are_told() -> None:
    assert video("m=video 0 RTP/SAVP 96").encrypted
    assert not video("m=video 0 RTP/AVP 96").encrypted


def test_what_would_break_a_request_line_is_kept_out_of_controls() -> None:
    assert video("m=video 0 RTP/AVP 96\na=control:a b\tc\x0b通道").control == "abc%E9%80%9A%E9%81%93"


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_complaint(body: bytes) -> None:
    parse_video(body)


@given(st.lists(st.sampled_from(["m=video 0 RTP/AVP 96", "a=rtpmap:96", "a=fmtp:96 ;=;", "a=control:", "a=", "m="])))
def test_scraps_of_descriptions_are_read_without_complaint(lines: list[str]) -> None:
    media = parse_video("\n".join(lines).encode())
    assert (media is None) == ("m=video 0 RTP/AVP 96" not in lines)


REQUEST = "rtsp://h/live/ch1"


@pytest.mark.parametrize(
    ("content_base", "content_location", "expected"),
    [
        ("rtsp://h/base/", "rtsp://h/location/", "rtsp://h/base/"),
        (None, "rtsp://h/location/", "rtsp://h/location/"),
        (" RTSP://h/base/ ", None, "RTSP://h/base/"),
        ("/base/", None, REQUEST),
        ("", "", REQUEST),
        (None, None, REQUEST),
    ],
)
def test_controls_stand_against_content_base_then_content_location_then_the_request(
    content_base: str | None, content_location: str | None, expected: str
) -> None:
    assert base_url(REQUEST, content_base, content_location) == expected


@pytest.mark.parametrize(
    ("base", "control", "expected"),
    [
        ("rtsp://h/ch1/", "trackID=1", ("rtsp://h/ch1/trackID=1",)),
        ("rtsp://h/ch1", "trackID=1", ("rtsp://h/ch1/trackID=1", "rtsp://h/trackID=1")),
        ("rtsps://h:322/ch1", "t", ("rtsps://h:322/ch1/t", "rtsps://h:322/t")),
        ("rtsp://h/ch1/", "/video", ("rtsp://h/video", "rtsp://h/ch1/video")),
        ("rtsp://[::1]:8554/ch1/", "t", ("rtsp://[::1]:8554/ch1/t",)),
        ("rtsp://h/live?channel=1", "t", ("rtsp://h/live?channel=1/t", "rtsp://h/t")),
        ("rtsp://h/ch1/", "rtsp://other/t?x=1", ("rtsp://other/t?x=1",)),
        ("rtsp://h/ch1/", "RTSP://other/t", ("RTSP://other/t",)),
        ("rtsp://h/ch1/", "*", ("rtsp://h/ch1/",)),
        ("rtsp://h/ch1", "", ("rtsp://h/ch1",)),
        ("rtsp://[bad/", "t", ("rtsp://[bad/t", "rtsp://[bad/")),
    ],
)
def test_a_control_stands_for_the_urls_it_may_mean(base: str, control: str, expected: tuple[str, ...]) -> None:
    assert control_urls(base, control) == expected


@pytest.mark.parametrize(
    ("session_control", "expected"), [("", REQUEST), ("*", REQUEST), ("rtsp://h/all/", "rtsp://h/all/")]
)
def test_play_goes_to_the_session_control(session_control: str, expected: str) -> None:
    assert aggregate_url(REQUEST, session_control) == expected
