"""Real H.264 and H.265 pictures, made by x264 and x265, and the RTP packets that carry them."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import count

import av
import numpy as np

WIDTH, HEIGHT, FPS = 320, 180, 25
SSRC = 0x58554E4A
ENCODERS = {"H264": "libx264", "H265": "libx265"}
DECODERS = {"H264": "h264", "H265": "hevc", "JPEG": "mjpeg", "MP4V-ES": "mpeg4"}

Unit = tuple[bytes, ...]
"""The NAL units of one access unit."""


@lru_cache(maxsize=8)
def access_units(codec: str, frames: int = 12, gop: int = 5, extra: str = "") -> tuple[Unit, ...]:
    """A clip with a key frame every ``gop`` frames; ``extra`` goes to the encoder (x264-params, x265-params)."""
    context = av.CodecContext.create(ENCODERS[codec], "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base = Fraction(1, FPS)
    context.thread_count = 1
    settings = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes=0:repeat-headers=1" + (f":{extra}" if extra else "")
    name = "x264-params" if codec == "H264" else "x265-params"
    quiet = "" if codec == "H264" else ":log-level=none:pools=none:frame-threads=1"
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "24", name: settings + quiet}
    packets = [packet for frame in _scene(frames) for packet in context.encode(frame)]
    packets += context.encode(None)
    return tuple(nal_units(bytes(packet)) for packet in packets)


def _scene(frames: int) -> Iterable[av.VideoFrame]:
    blocks = np.random.default_rng(7).integers(0, 255, (HEIGHT // 6, WIDTH // 8, 3), dtype=np.uint8)
    picture = blocks.repeat(6, 0).repeat(8, 1)
    for number in range(frames):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.roll(picture, number, 1)), format="rgb24")
        frame.pts = number
        yield frame


def nal_units(stream: bytes) -> Unit:
    """The units of an annex B byte stream."""
    return tuple(unit for unit in re.split(rb"\x00*\x00\x00\x01", stream) if unit)


def nal_type(codec: str, unit: bytes) -> int:
    return unit[0] & 0x1F if codec == "H264" else unit[0] >> 1 & 0x3F


def is_parameter_set(codec: str, unit: bytes) -> bool:
    return nal_type(codec, unit) in ((7, 8) if codec == "H264" else (32, 33, 34))


def is_key(codec: str, units: Unit) -> bool:
    kinds = {nal_type(codec, unit) for unit in units}
    return 5 in kinds if codec == "H264" else any(16 <= kind <= 21 for kind in kinds)


def parameter_sets(codec: str) -> Unit:
    return tuple(unit for unit in access_units(codec)[0] if is_parameter_set(codec, unit))


def without_parameter_sets(codec: str, units: Iterable[Unit]) -> tuple[Unit, ...]:
    return tuple(tuple(nal for nal in unit if not is_parameter_set(codec, nal)) for unit in units)


def fragments(codec: str, unit: bytes, limit: int = 1000) -> list[bytes]:
    """The RTP payloads of one NAL unit: itself, or FU-A (RFC 6184 §5.8) or FU (RFC 7798 §4.4.3) above ``limit``."""
    if len(unit) <= limit:
        return [unit]
    if codec == "H264":
        header, rest = bytes((unit[0] & 0xE0 | 28,)), unit[1:]
    else:
        header, rest = bytes((unit[0] & 0x81 | 49 << 1, unit[1])), unit[2:]
    pieces = [rest[at : at + limit] for at in range(0, len(rest), limit)]
    flags = [0x80, *([0] * (len(pieces) - 2)), 0x40]
    kind = nal_type(codec, unit)
    return [header + bytes((flag | kind,)) + piece for flag, piece in zip(flags, pieces, strict=True)]


def aggregate(codec: str, units: Iterable[bytes]) -> bytes:
    """One STAP-A (RFC 6184 §5.7.1) or AP (RFC 7798 §4.4.2) payload."""
    header = bytes((24,)) if codec == "H264" else bytes((48 << 1, 1))
    return header + b"".join(struct.pack(">H", len(unit)) + unit for unit in units)


@dataclass(frozen=True, kw_only=True)
class Rtp:
    """The fields of a packet that tests vary."""

    sequence: int
    timestamp: int
    payload: bytes
    marker: bool = False
    payload_type: int = 96
    ssrc: int = SSRC

    def packed(self) -> bytes:
        kind = self.payload_type | (0x80 if self.marker else 0)
        head = struct.pack(">BBHII", 0x80, kind, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc)
        return head + self.payload


def packets(codec: str, units: Iterable[Unit], *, first_sequence: int = 65_530, limit: int = 1000) -> list[Rtp]:
    """The packets of some access units; sequence numbers wrap early, on purpose."""
    sequence = count(first_sequence)
    packed: list[Rtp] = []
    for number, unit in enumerate(units):
        payloads = [payload for nal in unit for payload in fragments(codec, nal, limit)]
        timestamp = number * 90_000 // FPS
        packed += [Rtp(sequence=next(sequence), timestamp=timestamp, payload=payload) for payload in payloads]
        packed[-1] = replace(packed[-1], marker=True)
    return packed


def interleaved(packed: Iterable[Rtp], channel: int = 0) -> bytes:
    """The frames of RFC 2326 §10.12."""
    frames = (packet.packed() for packet in packed)
    return b"".join(struct.pack(">BBH", 0x24, channel, len(frame)) + frame for frame in frames)


def description(codec: str, *, sprop: bool = True, control: str = "trackID=1", extra: str = "") -> bytes:
    """The SDP of a camera with one video, after a sound medium as many have it."""
    if codec == "H264":
        sets = ",".join(base64.b64encode(unit).decode() for unit in parameter_sets(codec))
        fmtp = "packetization-mode=1" + (f"; sprop-parameter-sets={sets}" if sprop else "")
    else:
        names = ("sprop-vps", "sprop-sps", "sprop-pps")
        pairs = zip(names, parameter_sets(codec), strict=True)
        fmtp = (
            "; ".join(f"{name}={base64.b64encode(unit).decode()}" for name, unit in pairs) if sprop else "tx-mode=SRST"
        )
    lines = [
        *("v=0", "o=- 1109162014219182 1 IN IP4 0.0.0.0", "s=Media Presentation", "t=0 0", "a=control:*"),
        *("m=audio 0 RTP/AVP 8", "a=control:trackID=2", "a=rtpmap:8 PCMA/8000"),
        *("m=video 0 RTP/AVP 96", "c=IN IP4 0.0.0.0", f"a=control:{control}", f"a=rtpmap:96 {codec}/90000"),
        *(f"a=fmtp:96 {fmtp}", "a=recvonly"),
        *([extra] if extra else []),
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()


def plain_description(codec: str, *, payload_type: int = 96, media: str = "video", profile: str = "RTP/AVP") -> bytes:
    """The SDP of one medium that says nothing but its codec."""
    mapping = f"a=rtpmap:{payload_type} {codec}/90000\r\n"
    return f"v=0\r\nm={media} 0 {profile} {payload_type}\r\na=control:trackID=1\r\n{mapping}".encode()


def decode(codec: str, data: bytes) -> list[av.VideoFrame]:
    """The pictures in ``data``, by a fresh decoder that is given nothing else."""
    context = av.CodecContext.create(DECODERS[codec], "r")
    assert isinstance(context, av.VideoCodecContext)
    context.thread_count = 1
    return context.decode(av.Packet(data)) + context.decode(None)
