"""One key frame → one picture, by libavcodec (PyAV) without a demuxer."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import av
import av.error
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane

from probes.image.completeness import has_undecoded, with_tail_sooner, with_tails
from probes.image.measure import SMALL_WIDTH, Plane, Planes, shrink, small_height
from probes.image.stamp import with_stamp

if TYPE_CHECKING:
    from typing_extensions import Buffer

CODECS = frozenset({"h264", "hevc", "mjpeg", "mpeg4"})
"""What can be decoded here, by FFmpeg's names."""

MAX_PIXELS = 64_000_000
"""A header that claims more is refused before anything is allocated for it (twelve 4K pictures)."""

MIN_SIDE, MAX_SIDES_RATIO = 48, 10
JPEG_QUALITY = 80

_NO_MEMORY = frozenset({errno.ENOMEM, errno.EAGAIN})
_PLANAR = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p"})


WholePlanes = tuple[Plane, Plane, Plane]


class RefusedError(ValueError):
    """The decoder makes no sound picture of these bytes."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded key frame; ``jpeg`` is its evidence: 640 wide, its stamp below it.

    ``whole`` are luma and both of chroma in full size.
    """

    width: int
    height: int
    planes: Planes
    whole: WholePlanes = field(repr=False)
    jpeg: bytes = field(repr=False)


def decode(codec: str, data: bytes, stamp: Sequence[str] = ()) -> Picture:
    """Decode one complete key frame (Annex B with its parameter sets, a JPEG, or an MPEG-4 VOP with its header).

    The words of ``stamp`` are written below the evidence; without any there is no strip.

    Raises RefusedError, and MemoryError when the picture needs more than this process may take.
    """
    with _refusals_named():
        return _picture(codec, _frames(codec, with_tails(data) if codec == "hevc" else data), stamp)


def has_surplus(codec: str, data: bytes, picture: Picture) -> bool:
    """Whether ``data`` are more than it takes to decode ``picture``: then a part of them is missing or damaged.

    That can only be told of H.265, at the cost of decoding once more. Raises MemoryError as :func:`decode` does.
    """
    if codec != "hevc":
        return False
    try:
        with _refusals_named():
            frames = _frames(codec, with_tail_sooner(data))
            whole = _whole(frames[0]) if frames else None
    except RefusedError:
        return False
    return whole is not None and not has_undecoded(*whole) and all(map(np.array_equal, whole, picture.whole))


def _frames(codec: str, data: bytes) -> list[VideoFrame]:
    context = av.CodecContext.create(codec, "r")
    assert isinstance(context, VideoCodecContext)
    # more threads only add overhead to a single frame
    context.thread_count = 1
    context.options = {"max_pixels": str(MAX_PIXELS)}
    return context.decode(av.Packet(data)) or context.decode(None)


@contextmanager
def _refusals_named() -> Iterator[None]:
    """What libavcodec raises, as RefusedError, or as MemoryError."""
    try:
        yield
    except av.error.FFmpegError as error:
        if error.errno in _NO_MEMORY:
            raise MemoryError(error.strerror) from None
        raise RefusedError(f"the decoder says: {error.strerror}"[:160]) from None


def _picture(codec: str, frames: list[VideoFrame], stamp: Sequence[str]) -> Picture:
    if not frames:
        raise RefusedError("the decoder gives no picture")
    frame = frames[0]
    if frame.is_corrupt:
        raise RefusedError("the decoder had to conceal lost parts")
    shorter, longer = sorted((frame.width, frame.height))
    if shorter < MIN_SIDE or longer > MAX_SIDES_RATIO * shorter:
        raise RefusedError(f"a picture of {frame.width} × {frame.height}")
    whole = _whole(frame)
    if codec == "hevc" and has_undecoded(*whole):
        raise RefusedError("parts of the picture were never coded")
    return Picture(frame.width, frame.height, _planes(whole), whole, _jpeg(frame, stamp))


def _whole(frame: VideoFrame) -> WholePlanes:
    """In eight bits each."""
    if frame.format.name not in _PLANAR:
        frame = frame.reformat(format="yuv420p", threads=1)
    luma, first, second = (_view(plane) for plane in frame.planes)
    return luma, first, second


def _planes(whole: WholePlanes) -> Planes:
    luma, first, second = whole
    height = small_height(luma.shape[1], luma.shape[0])
    size = SMALL_WIDTH // 4, max(2, height // 4)
    return Planes(luma, shrink(luma, SMALL_WIDTH, height), shrink(first, *size), shrink(second, *size))


def _view(plane: VideoPlane) -> Plane:
    # PyAV's planes speak the buffer protocol; its type hints do not say so
    buffer = memoryview(cast("Buffer", plane))
    rows: Plane = np.frombuffer(buffer, np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]


def _jpeg(frame: VideoFrame, stamp: Sequence[str]) -> bytes:
    height = small_height(frame.width, frame.height)
    colours = frame.reformat(width=SMALL_WIDTH, height=height, format="bgr24", interpolation="AREA", threads=1)
    picture = np.asarray(colours.to_ndarray(), np.uint8)
    shown = with_stamp(picture, stamp) if stamp else picture
    done, encoded = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done, "a BGR picture can always be written as JPEG"
    return encoded.tobytes()
