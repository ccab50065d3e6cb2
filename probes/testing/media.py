"""Live video of fictitious cameras, encoded while somebody looks: H.264 (RFC 6184) and H.265 (RFC 7798) over RTP.

A ``Feed`` is an append-only log of access units that any number of viewers follow, so a thousand cameras that share
a scene cost one encoder. Nothing is encoded while nobody looks. The depacketisers of ``probes.wire`` are not used
here on purpose: a mistake shared by both ends would stay hidden.
"""

from __future__ import annotations

import math
import random
import re
import struct
import zlib
from base64 import b64encode
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

import av
from av.video.frame import PictureType

from probes.testing.scene import SENSOR_NOISE, Image, View, blank, cover, lost_signal, paint_scene

RTP_CLOCK_HZ = 90_000
PAYLOAD_TYPE = 96
PAYLOAD_LIMIT = 1400
"""Bytes of one RTP payload: an Ethernet frame less headers, tunnels allowed for."""
LOG_LENGTH = 64
"""Access units that a feed remembers; a viewer further behind goes on at the newest key frame."""


class Codec(StrEnum):
    """The encodings by their RTP names."""

    H264 = "H264"
    H265 = "H265"


class Picture(StrEnum):
    """What the camera shows."""

    SCENE = "scene"
    BLACK = "black"
    SIGNAL_LOSS = "signal_loss"
    COVERED = "covered"
    FROZEN = "frozen"
    CORRUPTED = "corrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """Size and pace of a stream. ``gop_s`` whole seconds from key frame to key frame, ``quantizer`` constant QP.

    ``refresh_s`` above 0 sends the same GOP again for so many seconds before a new one is painted: large pictures
    stay cheap, but their clock jumps, so they are not for judging whether a picture is frozen.
    """

    width: int = 640
    height: int = 360
    fps: int = 5
    gop_s: int = 1
    quantizer: int = 30
    refresh_s: int = 0


SMALL = Format()
"""Key frames of some 12 KiB: thousands of cameras are cheap."""
FULL_HD = Format(width=1920, height=1080, gop_s=2, quantizer=27, refresh_s=60)
"""1080p key frames of some 60 to 75 KiB, a new one every minute so that encoding does not weigh on a benchmark."""


@dataclass(slots=True)
class AccessUnit:
    """One coded picture, already cut into RTP payloads."""

    payloads: tuple[bytes, ...]
    is_key: bool
    timestamp: int
    first_seq: int
    ssrc: int
    _interleaved: bytes = field(default=b"", repr=False)

    def packets(self, first_seq: int, ssrc: int) -> list[bytes]:
        """RTP packets of source ``ssrc`` from ``first_seq`` on; the marker bit closes the picture (RFC 3550 5.1)."""
        last = len(self.payloads) - 1
        return [
            struct.pack(
                ">BBHII",
                0x80,
                PAYLOAD_TYPE | (0x80 if index == last else 0),
                (first_seq + index) & 0xFFFF,
                self.timestamp,
                ssrc,
            )
            + payload
            for index, payload in enumerate(self.payloads)
        ]

    def interleaved(self) -> bytes:
        """The packets as they are numbered in the feed, framed for channel 0 of a TCP session (RFC 2326 10.12)."""
        if not self._interleaved:
            self._interleaved = frame_interleaved(self.packets(self.first_seq, self.ssrc), 0)
        return self._interleaved


def frame_interleaved(packets: list[bytes], channel: int) -> bytes:
    """RTP or RTCP packets framed for one channel of an RTSP connection (RFC 2326 10.12)."""
    return b"".join(struct.pack(">BBH", 0x24, channel, len(packet)) + packet for packet in packets)


def split_annex_b(stream: bytes) -> list[bytes]:
    """The NAL units of a byte stream with start codes (H.264 and H.265 Annex B)."""
    starts = [match.end() for match in re.finditer(b"\x00\x00\x01", stream)]
    ends = [start - 3 for start in starts[1:]] + [len(stream)]
    return [stream[start:end].rstrip(b"\x00") for start, end in zip(starts, ends, strict=True)]


def nal_type(codec: Codec, nal: bytes) -> int:
    """The type field of a NAL unit."""
    return nal[0] & 0x1F if codec is Codec.H264 else (nal[0] >> 1) & 0x3F


def is_parameter_set(codec: Codec, nal: bytes) -> bool:
    """True for SPS and PPS, and for the VPS of H.265."""
    return nal_type(codec, nal) in ((7, 8) if codec is Codec.H264 else (32, 33, 34))


def is_slice(codec: Codec, nal: bytes) -> bool:
    """True for a NAL unit that carries picture data."""
    kind = nal_type(codec, nal)
    return 1 <= kind <= 5 if codec is Codec.H264 else kind < 32


def rtp_payloads(codec: Codec, nal: bytes) -> list[bytes]:
    """One NAL unit as single-NAL or fragmentation-unit payloads (RFC 6184 5.6 and 5.8, RFC 7798 4.4.1 and 4.4.3)."""
    if len(nal) <= PAYLOAD_LIMIT:
        return [nal]
    kind = nal_type(codec, nal)
    if codec is Codec.H264:
        head, body = bytes([nal[0] & 0xE0 | 28]), nal[1:]
    else:
        head, body = bytes([nal[0] & 0x81 | 49 << 1, nal[1]]), nal[2:]
    room = PAYLOAD_LIMIT - len(head) - 1
    payloads = []
    for offset in range(0, len(body), room):
        start = 0x80 if offset == 0 else 0
        end = 0x40 if offset + room >= len(body) else 0
        payloads.append(head + bytes([start | end | kind]) + body[offset : offset + room])
    return payloads


class Encoder:
    """libx264 or libx265 at constant quantizer, one thread, no B-frames, key frames only when asked for."""

    def __init__(self, codec: Codec, fmt: Format) -> None:
        name = "libx264" if codec is Codec.H264 else "libx265"
        context = av.CodecContext.create(name, "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height, context.pix_fmt = fmt.width, fmt.height, "yuv420p"
        context.time_base, context.framerate = Fraction(1, fmt.fps), Fraction(fmt.fps)
        context.thread_count = 1
        context.options = {"preset": "ultrafast", "tune": "zerolatency", "forced-idr": "1"}
        if codec is Codec.H264:
            context.options |= {"qp": str(fmt.quantizer), "x264-params": "keyint=infinite:scenecut=0:threads=1"}
        else:
            quiet = "log-level=none:pools=none:frame-threads=1:keyint=-1:scenecut=0:repeat-headers=1"
            context.options |= {"x265-params": f"{quiet}:qp={fmt.quantizer}"}
        self._context = context
        self._count = 0

    def encode(self, planes: Image, *, key: bool) -> list[bytes]:
        """The NAL units of one picture."""
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = self._count
        frame.pict_type = PictureType.I if key else PictureType.P
        self._count += 1
        return split_annex_b(b"".join(bytes(packet) for packet in self._context.encode(frame)))


class Feed:
    """One live stream. ``wall`` arguments are UTC seconds; they must not go backward by more than a GOP.

    ``stuck_at`` shows that second for ever, in the same bytes, while timestamps and sequence numbers go on.
    ``damaged`` garbles the slices of every picture. ``in_band`` off leaves the parameter sets to the SDP alone.
    """

    def __init__(
        self,
        view: View,
        codec: Codec,
        fmt: Format,
        *,
        ssrc: int,
        skew_s: float = 0.0,
        stuck_at: float | None = None,
        damaged: bool = False,
        in_band: bool = True,
    ) -> None:
        self.codec, self.format, self.ssrc = codec, fmt, ssrc
        self._view, self._encoder = view, Encoder(codec, fmt)
        self._skew_s, self._stuck_at, self._damaged, self._in_band = skew_s, stuck_at, damaged, in_band
        self._units: deque[AccessUnit] = deque(maxlen=LOG_LENGTH)
        self._appended = 0
        self._next_seq = ssrc & 0xFFFF
        self._gop = self._tick = self._key_position = self._since_key = 0
        self._painted = -1
        self._repeated: list[tuple[bytes, ...]] = []
        """the GOP that is sent again and again, as far as it has been wanted"""
        self._parameter_sets: list[bytes] = []
        self._garbler = random.Random(ssrc)

    def join(self, wall: float) -> int:
        """The position of the key frame that a viewer who joins now begins with."""
        gop = math.floor(wall / self.format.gop_s)
        if gop != self._gop:
            self._gop = gop
            self._append(gop * self.format.gop_s * self.format.fps, key=True)
            self._key_position = self._appended - 1
        return self._key_position

    def advance(self, wall: float) -> None:
        """Encode the picture of now if it isn't in the log. Pictures that nobody waited for are left out."""
        self.join(wall)
        tick = math.floor(wall * self.format.fps)
        if tick > self._tick:
            self._append(tick, key=False)

    def since(self, position: int) -> tuple[list[AccessUnit], int]:
        """The access units from ``position`` on, and the position to ask with next time."""
        oldest = self._appended - len(self._units)
        first = position if position >= oldest else max(self._key_position, oldest)
        return [self._units[index - oldest] for index in range(first, self._appended)], self._appended

    def sdp_attributes(self, wall: float) -> list[str]:
        """``a=`` lines of the medium: the encoding, its parameter sets, the size of the picture."""
        self.join(wall)
        sets = [b64encode(nal).decode() for nal in self._parameter_sets]
        lines = [f"a=x-dimensions:{self.format.width},{self.format.height}"]
        lines.append(f"a=rtpmap:{PAYLOAD_TYPE} {self.codec}/{RTP_CLOCK_HZ}")
        if self.codec is Codec.H264:
            profile = self._parameter_sets[0][1:4].hex()
            detail = f"profile-level-id={profile}; packetization-mode=1; sprop-parameter-sets={','.join(sets)}"
        else:
            detail = "; ".join(f"sprop-{name}={text}" for name, text in zip(("vps", "sps", "pps"), sets, strict=True))
        return [*lines, f"a=fmtp:{PAYLOAD_TYPE} {detail}"]

    def _append(self, tick: int, *, key: bool) -> None:
        wall = tick / self.format.fps if self._stuck_at is None else self._stuck_at
        painted = self._painting(tick)
        self._since_key = 0 if key else self._since_key + 1
        if key and painted != self._painted:
            self._painted = painted
            self._repeated.clear()
        if self._since_key == len(self._repeated):
            self._repeated.append(self._encode(wall + self._skew_s, tick, key=key))
        payloads = self._repeated[self._since_key]
        timestamp = tick * RTP_CLOCK_HZ // self.format.fps & 0xFFFFFFFF
        self._units.append(AccessUnit(payloads, key, timestamp, self._next_seq, self.ssrc))
        self._appended += 1
        self._next_seq = (self._next_seq + len(payloads)) & 0xFFFF
        self._tick = tick

    def _painting(self, tick: int) -> int:
        """A number that changes when a new GOP is to be painted."""
        if self._stuck_at is not None:
            return 0
        return tick // (self.format.refresh_s * self.format.fps) if self.format.refresh_s else tick

    def _encode(self, wall: float, tick: int, *, key: bool) -> tuple[bytes, ...]:
        noise = tick if self._stuck_at is None else 0
        nals = self._encoder.encode(self._view.planes(wall, noise), key=key)
        if key:
            self._parameter_sets = [nal for nal in nals if is_parameter_set(self.codec, nal)]
        if not self._in_band:
            nals = [nal for nal in nals if is_slice(self.codec, nal)]
        if self._damaged:
            nals = [self._garble(nal) if is_slice(self.codec, nal) else nal for nal in nals]
        return tuple(payload for nal in nals for payload in rtp_payloads(self.codec, nal))

    def _garble(self, nal: bytes) -> bytes:
        """The NAL unit with its header kept, and slice header and data replaced by noise."""
        noise = bytes(self._garbler.randrange(1, 256) for _ in range(64))
        return nal[:2] + (noise * (len(nal) // 64 + 1))[: max(0, len(nal) - 2)]


class Studio:
    """All feeds of one simulator, made when first looked at and shared by every camera with the same wish."""

    def __init__(self, *, scenes: int = 8, fmt: Format = SMALL, seed: int = 1) -> None:
        self.scenes, self.format = scenes, fmt
        self._seed = seed
        self._paintings: dict[int, Image] = {}
        self._feeds: dict[tuple[object, ...], Feed] = {}

    def feed(
        self,
        scene: int,
        codec: Codec,
        picture: Picture = Picture.SCENE,
        *,
        since: float = 0.0,
        skew_s: float = 0.0,
        in_band: bool = True,
    ) -> Feed:
        """The feed of scene number ``scene`` (modulo the number of scenes).

        ``since`` is the UTC second at which a frozen picture stopped; ``skew_s`` is how far the burned-in clock is
        ahead.
        """
        scene %= self.scenes
        stuck_at = since if picture is Picture.FROZEN else None
        key = (scene, codec, picture, stuck_at, skew_s, in_band)
        if key not in self._feeds:
            self._feeds[key] = Feed(
                self._view(scene, picture),
                codec,
                self.format,
                ssrc=zlib.crc32(repr(key).encode()),
                skew_s=skew_s,
                stuck_at=stuck_at,
                damaged=picture is Picture.CORRUPTED,
                in_band=in_band,
            )
        return self._feeds[key]

    def _view(self, scene: int, picture: Picture) -> View:
        seed = self._seed * 1000 + scene
        if scene not in self._paintings:
            self._paintings[scene] = paint_scene(seed, self.format.width, self.format.height)
        painting = self._paintings[scene]
        caption = f"XC-{scene + 1:02d} CUNKOU"
        if picture is Picture.BLACK:
            return View(blank(painting), seed=seed, noise=SENSOR_NOISE / 2, traffic=False, caption=caption)
        if picture is Picture.COVERED:
            return View(cover(painting, seed), seed=seed, noise=SENSOR_NOISE / 2, traffic=False, caption=caption)
        if picture is Picture.SIGNAL_LOSS:
            return View(lost_signal(painting), seed=seed, noise=0.0, traffic=False, caption=None)
        return View(painting, seed=seed, noise=SENSOR_NOISE, traffic=True, caption=caption)
