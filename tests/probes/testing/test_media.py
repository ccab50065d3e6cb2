"""Do the simulated streams decode, run with the clock, and fail in the way they are told to?"""

from __future__ import annotations

from itertools import pairwise

import av
import numpy as np
import numpy.typing as npt
import pytest

from probes.testing.media import (
    FULL_HD,
    PAYLOAD_LIMIT,
    RTP_CLOCK_HZ,
    SMALL,
    AccessUnit,
    Codec,
    Feed,
    Format,
    Picture,
    Studio,
    rtp_payloads,
    split_annex_b,
)
from probes.testing.scene import paint_scene

NOW = 1_795_500_000.0
CLOCK_ROWS, CLOCK_COLUMNS = slice(0, 32), slice(0, 200)


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio(scenes=2)


def reassemble(codec: Codec, payloads: tuple[bytes, ...]) -> bytes:
    """Payloads back to a byte stream with start codes (RFC 6184 5.8, RFC 7798 4.4.3)."""
    stream = b""
    for payload in payloads:
        kind = payload[0] & 0x1F if codec is Codec.H264 else payload[0] >> 1 & 0x3F
        head = 1 if codec is Codec.H264 else 2
        if kind != (28 if codec is Codec.H264 else 49):
            stream += b"\0\0\0\1" + payload
            continue
        if payload[head] & 0x80:
            inner = payload[head] & (0x1F if codec is Codec.H264 else 0x3F)
            start = [payload[0] & 0xE0 | inner] if codec is Codec.H264 else [payload[0] & 0x81 | inner << 1, payload[1]]
            stream += b"\0\0\0\1" + bytes(start)
        stream += payload[head + 1 :]
    return stream


def decode(codec: Codec, units: list[AccessUnit]) -> list[npt.NDArray[np.uint8]]:
    """The luma planes that libavcodec makes of ``units``, those marked corrupt left out."""
    context = av.CodecContext.create("h264" if codec is Codec.H264 else "hevc", "r")
    assert isinstance(context, av.VideoCodecContext)
    frames = []
    for unit in units:
        try:
            frames += context.decode(av.Packet(reassemble(codec, unit.payloads)))
        except av.error.InvalidDataError:
            context.flush_buffers()
    return [np.asarray(f.to_ndarray(format="gray"), np.uint8) for f in frames if not f.is_corrupt]


def key_frame(feed: Feed, wall: float) -> AccessUnit:
    return feed.since(feed.join(wall))[0][0]


@pytest.mark.parametrize("codec", Codec)
def test_every_access_unit_of_a_second_decodes(studio: Studio, codec: Codec) -> None:
    feed = studio.feed(0, codec)
    position = feed.join(NOW)
    for tick in range(1, SMALL.fps):
        feed.advance(NOW + tick / SMALL.fps)
    units, _ = feed.since(position)
    assert [unit.is_key for unit in units] == [True] + [False] * (SMALL.fps - 1)
    assert [frame.shape for frame in decode(codec, units)] == [(SMALL.height, SMALL.width)] * SMALL.fps


@pytest.mark.parametrize("codec", Codec)
def test_sequence_numbers_and_timestamps_go_on_without_a_gap(studio: Studio, codec: Codec) -> None:
    feed = studio.feed(1, codec)
    position = feed.join(NOW)
    for tick in range(3 * SMALL.fps):
        feed.advance(NOW + (tick + 0.5) / SMALL.fps)
    units, _ = feed.since(position)
    packets = [packet for unit in units for packet in unit.packets(unit.first_seq, unit.ssrc)]
    sequence = [int.from_bytes(packet[2:4], "big") for packet in packets]
    assert sequence == [(sequence[0] + index) & 0xFFFF for index in range(len(packets))]
    assert sum(packet[1] >> 7 for packet in packets) == len(units) == 3 * SMALL.fps
    steps = {(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in pairwise(units)}
    assert steps == {RTP_CLOCK_HZ // SMALL.fps}
    assert max(map(len, packets)) <= PAYLOAD_LIMIT + 12


def test_nobody_looking_means_nothing_encoded(studio: Studio) -> None:
    feed = studio.feed(0, Codec.H264)
    first = key_frame(feed, NOW + 100)
    later = key_frame(feed, NOW + 3700)
    assert (later.first_seq - first.first_seq) & 0xFFFF == len(first.payloads)


def test_a_viewer_left_behind_goes_on_at_a_key_frame(studio: Studio) -> None:
    feed = studio.feed(1, Codec.H264)
    position = feed.join(NOW + 1000)
    for tick in range(40 * SMALL.fps):
        feed.advance(NOW + 1000 + tick / SMALL.fps)
    assert feed.since(position)[0][0].is_key


@pytest.mark.parametrize("codec", Codec)
def test_the_burned_in_clock_is_what_changes_in_a_still_scene(studio: Studio, codec: Codec) -> None:
    feed = studio.feed(0, codec, Picture.COVERED)
    before, after = decode(codec, [key_frame(feed, NOW), key_frame(feed, NOW + 2)])
    changed = np.abs(before.astype(int) - after.astype(int)) > 60
    assert changed[CLOCK_ROWS, CLOCK_COLUMNS].sum() >= 10
    changed[CLOCK_ROWS, CLOCK_COLUMNS] = False
    assert changed.sum() == 0


@pytest.mark.parametrize("codec", Codec)
def test_a_frozen_picture_is_the_same_bytes_while_time_goes_on(studio: Studio, codec: Codec) -> None:
    feed = studio.feed(0, codec, Picture.FROZEN, since=NOW)
    before, after = key_frame(feed, NOW + 10), key_frame(feed, NOW + 12)
    assert before.payloads == after.payloads
    assert after.timestamp - before.timestamp == 2 * RTP_CLOCK_HZ
    assert after.first_seq != before.first_seq


@pytest.mark.parametrize("codec", Codec)
def test_pictures_show_what_they_are_called(studio: Studio, codec: Codec) -> None:
    def luma(picture: Picture) -> npt.NDArray[np.uint8]:
        return decode(codec, [key_frame(studio.feed(0, codec, picture), NOW)])[0][40:320]

    assert luma(Picture.BLACK).mean() < 12
    assert luma(Picture.COVERED).std() < 12
    assert luma(Picture.SIGNAL_LOSS)[:100].std() < 1.5
    scene = luma(Picture.SCENE)
    assert scene.std() > 25
    assert 60 < scene.mean() < 190


@pytest.mark.parametrize("codec", Codec)
def test_a_corrupted_stream_gives_no_whole_picture(studio: Studio, codec: Codec) -> None:
    feed = studio.feed(0, codec, Picture.CORRUPTED)
    assert decode(codec, [key_frame(feed, NOW), key_frame(feed, NOW + 1)]) == []


@pytest.mark.parametrize("codec", Codec)
def test_parameter_sets_can_be_in_the_sdp_alone(studio: Studio, codec: Codec) -> None:
    feed = studio.feed(0, codec, in_band=False)
    assert decode(codec, [key_frame(feed, NOW)]) == []
    assert len(decode(codec, [key_frame(studio.feed(0, codec), NOW)])) == 1
    sprop = "sprop-parameter-sets=" if codec is Codec.H264 else "sprop-vps="
    assert any(sprop in line for line in feed.sdp_attributes(NOW))


def test_large_pictures_have_the_key_frames_of_a_real_camera_and_are_painted_once_a_minute() -> None:
    feed = Studio(scenes=1, fmt=FULL_HD).feed(0, Codec.H264)
    minute = NOW - NOW % FULL_HD.refresh_s
    first, second = key_frame(feed, minute), key_frame(feed, minute + 58)
    assert 50_000 < sum(map(len, first.payloads)) < 90_000
    assert first.payloads == second.payloads
    assert key_frame(feed, minute + 60).payloads != first.payloads


def test_scenes_differ_by_seed_and_repeat_by_seed() -> None:
    first, again, other = (paint_scene(seed, 320, 180) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert np.abs(first.astype(int) - other.astype(int)).mean() > 10


def test_cameras_with_the_same_wish_share_a_feed(studio: Studio) -> None:
    assert studio.feed(0, Codec.H264) is studio.feed(2, Codec.H264)
    assert studio.feed(0, Codec.H264) is not studio.feed(0, Codec.H264, skew_s=300.0)


def test_a_clock_that_is_wrong_is_wrong_on_the_picture_too() -> None:
    studio = Studio(scenes=1, fmt=Format(quantizer=20))
    right, wrong = (studio.feed(0, Codec.H264, Picture.COVERED, skew_s=skew) for skew in (0.0, 300.0))
    late, early = (decode(Codec.H264, [key_frame(feed, at)])[0] for feed, at in ((right, NOW + 300), (wrong, NOW)))
    assert np.abs(late[CLOCK_ROWS].astype(int) - early[CLOCK_ROWS].astype(int)).max() < 40


def test_annex_b_is_split_at_short_and_long_start_codes() -> None:
    assert split_annex_b(b"\0\0\0\1\x67ab\0\0\1\x68c\0\0\0\1\x65d") == [b"\x67ab", b"\x68c", b"\x65d"]


@pytest.mark.parametrize(
    ("codec", "nal"), [(Codec.H264, b"\x65" + bytes(5000)), (Codec.H265, b"\x26\x01" + bytes(5000))]
)
def test_a_fragmented_unit_is_whole_again(codec: Codec, nal: bytes) -> None:
    payloads = rtp_payloads(codec, nal)
    assert len(payloads) == 4
    assert reassemble(codec, tuple(payloads)) == b"\0\0\0\1" + nal
