"""A camera of the bench: its sensor, its captions with a running clock, its encoder, and the looks at it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import av
import cv2
import numpy as np
import numpy.typing as npt

from probes.image.judge import judge
from probes.image.judgement import PictureJob, PictureJudgement
from probes.observation import PictureMemory
from probes.picture import APART_S
from tests.bench.scenery import Field
from tests.bench.weather import Rng, View

Image = npt.NDArray[np.uint8]
SITE_TIME = timezone(timedelta(hours=8))
FROZEN_S = 5 * 3600.0

ENCODERS = {"h264": "libx264", "hevc": "libx265"}
SIZES = ((640, 360), (640, 360), (640, 360), (704, 576), (960, 540))
"""Most are small for the sake of time: what is judged is 640 wide at most, but for the grain."""
QUALITIES = (24, 36)
"""Quantizers; at 1920 × 1080 they make key frames of about 40 to 250 KiB, which is what cameras send."""
GRAIN_SIDE = 1400


@functools.cache
def _grain_field() -> Field:
    """White noise of unit deviation, mostly the same in all colours; each picture takes a cut of its own."""
    rng = np.random.default_rng(7_022)
    grey = 0.8 * rng.standard_normal((GRAIN_SIDE, GRAIN_SIDE, 1), np.float32)
    return np.asarray(grey + 0.6 * rng.standard_normal((GRAIN_SIDE, GRAIN_SIDE, 3), np.float32), np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """What stays the same at one camera from look to look."""

    codec: str
    size: tuple[int, int]
    quantizer: int
    name: str
    clock: bool
    lower: bool
    """Whether the clock stands at the lower rim."""

    @classmethod
    def of(cls, seed: int) -> Lens:
        """One camera out of many; one in ten burns in no clock."""
        rng = np.random.default_rng((seed, 2))
        return cls(
            codec=("h264", "hevc")[int(np.random.default_rng((seed, 5)).integers(2))],
            size=SIZES[int(rng.integers(len(SIZES)))],
            quantizer=int(rng.integers(QUALITIES[0], QUALITIES[1] + 1)),
            name=f"XC-{seed:04} {rng.choice(['CUNKOU', 'WEST GATE', 'SCHOOL', 'BRIDGE 2'])}",
            clock=bool(rng.random() < 0.9),
            lower=bool(rng.random() < 0.3),
        )

    def develop(self, view: View, rng: Rng, at: float, *, captioned: bool = True, name: str | None = None) -> Image:
        """``view`` through the sensor, with captions. ``at``: UTC seconds, for the clock."""
        picture: Field = np.asarray(cv2.resize(view.picture, self.size), np.float32)
        if view.grain:
            picture = picture + self._grain(view, picture, rng)
        shown = np.asarray(np.clip(picture, 0, 255), np.uint8)
        if captioned:
            self._burn_in(shown, at, self.name if name is None else name)
        return shown

    def _grain(self, view: View, picture: Field, rng: Rng) -> Field:
        """More where less light falls, and of some colour, unless the picture has none."""
        height, width = picture.shape[:2]
        top, left = rng.integers(0, (GRAIN_SIDE - height, GRAIN_SIDE - width))
        grain = _grain_field()[top : top + height, left : left + width]
        if view.grey:
            grain = np.repeat(grain[:, :, :1], 3, axis=2)
        luma = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        amount = cv2.addWeighted(luma, -view.grain / 512, luma, 0, 1.25 * view.grain)
        return np.asarray(cv2.multiply(grain, cv2.merge([amount] * 3)), np.float32)

    def _burn_in(self, picture: Image, at: float, name: str) -> None:
        clock = datetime.fromtimestamp(int(at), UTC).astimezone(SITE_TIME).strftime("%Y-%m-%d %H:%M:%S")
        height = picture.shape[0]
        upper, lower = round(height * 0.07), round(height * 0.96)
        rows = (lower, upper) if self.lower else (upper, lower)
        for text, row in zip((clock if self.clock else "", name), rows, strict=True):
            for tone, thick in ((16, 3), (240, 1)):
                place = (round(picture.shape[1] * 0.02), row)
                size = height / 640
                cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, (tone, tone, tone), thick)

    def encode(self, picture: Image, *, coarser: int = 0) -> bytes:
        """``picture`` as a key frame, its quantizer so much above the usual one."""
        quantizer = self.quantizer + coarser
        context = av.CodecContext.create(ENCODERS[self.codec], "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height = self.size
        context.pix_fmt, context.time_base, context.thread_count = "yuv420p", Fraction(1, 25), 1
        context.options = {"preset": "superfast", "tune": "zerolatency", "qp": str(quantizer)}
        if self.codec == "hevc":
            parameters = f"log-level=none:pools=none:frame-threads=1:qp={quantizer}"
            context.options = {"preset": "ultrafast", "x265-params": parameters}
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
        frame.pts = 0
        return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])


Shot = Callable[[float], bytes]
"""The key frame that the camera gives at a UTC second."""


@dataclass(slots=True)
class Watch:
    """The looks at one camera, as the picture probe makes them, and what was remembered."""

    codec: str
    memory: PictureMemory | None = None
    looks: int = field(default=0)

    def look(self, shot: Shot, at: float) -> PictureJudgement:
        """One look. A second key frame is taken where the first one asks for it."""
        first = shot(at)
        judged = self._judge(first, None, at)
        if judged.wants_second:
            judged = self._judge(first, shot(at + APART_S), at)
        self.looks += 1
        return judged

    def learn(self, shot: Shot, at: float) -> PictureJudgement:
        """One look, and what it leaves behind is remembered."""
        judged = self.look(shot, at)
        self.memory = judged.memory or self.memory
        return judged

    def _judge(self, first: bytes, second: bytes | None, at: float) -> PictureJudgement:
        job = PictureJob(codec=self.codec, first=first, second=second, at=at, memory=self.memory, frozen_s=FROZEN_S)
        return judge(job)
