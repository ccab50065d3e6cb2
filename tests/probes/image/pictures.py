"""Pictures to judge: painted scenes by day, dusk, night, infrared and fog, with captions, through real encoders."""

from __future__ import annotations

import functools
from fractions import Fraction

import av
import cv2
import numpy as np
import numpy.typing as npt

from probes.image.judge import judge
from probes.image.judgement import PictureJob, PictureJudgement
from probes.observation import PictureMemory
from probes.testing.scene import paint_scene

Image = npt.NDArray[np.uint8]

ENCODERS = {"h264": "libx264", "hevc": "libx265", "mjpeg": "mjpeg", "mpeg4": "mpeg4"}
FAST = {
    "h264": {"preset": "ultrafast", "tune": "zerolatency", "qp": "28"},
    "hevc": {"preset": "ultrafast", "x265-params": "log-level=none:pools=none:frame-threads=1:qp=28"},
    "mjpeg": {"qmin": "3", "qmax": "3"},
    "mpeg4": {"qmin": "4", "qmax": "4"},
}


def _shaded(picture: npt.NDArray[np.floating], noise: float, rng: np.random.Generator) -> Image:
    """Back to bytes, with the grain of a sensor: the same in all three colours."""
    grain = rng.normal(0, noise, picture.shape[:2])[:, :, None]
    return np.asarray(np.clip(picture + grain, 0, 255), np.uint8)


@functools.cache
def _painted(seed: int, width: int, height: int) -> Image:
    return paint_scene(seed, width, height)


class Scenes:
    """Paints what cameras see. ``seed`` picks the place, ``take`` the moment's grain."""

    width, height = 640, 360

    def day(self, seed: int, *, light: float = 1.0, noise: float = 2.0, take: int = 0, cars: int = 0) -> Image:
        rng = np.random.default_rng((seed, take))
        picture = self.place(seed).astype(np.float32) * light
        for _ in range(cars):
            left, top = int(rng.integers(0, self.width - 90)), int(rng.integers(self.height // 2, self.height - 60))
            picture[top : top + 40, left : left + 80] = rng.uniform(20, 230, 3)
        return _shaded(picture, noise, rng)

    def place(self, seed: int) -> Image:
        return _painted(seed, self.width, self.height)

    def unlit(self, seed: int, *, light: float, lift: float, noise: float) -> Image:
        """A night without lamps: ``light`` of the day's, on a black level raised by ``lift``."""
        picture = self.place(seed).astype(np.float32) * light + lift
        return _shaded(picture, noise, np.random.default_rng(seed))

    def lamps(self, seed: int) -> Image:
        rng = np.random.default_rng(seed)
        across, down = np.meshgrid(np.arange(self.width), np.arange(self.height))
        light = np.full((self.height, self.width), 0.12)
        for _ in range(3):
            x, y = rng.integers(0, self.width), rng.integers(self.height // 4, self.height)
            reach = rng.integers(self.height // 8, self.height // 3)
            light += 0.8 * np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * reach**2))
        return _shaded(self.place(seed) * light[:, :, None] * np.array((0.7, 0.9, 1.1)), 3.0, rng)

    def far_lamps(self, seed: int, count: int) -> Image:
        """A night in which nothing is lit, and a row of lamps far away."""
        picture = np.full((self.height, self.width, 3), 4, np.float32)
        across, down = np.meshgrid(np.arange(self.width), np.arange(self.height))
        rng = np.random.default_rng(seed)
        for number in range(count):
            x, y = self.width * (number + 1) // (count + 1), self.height // 2 + int(rng.integers(-4, 5))
            picture += (230 * np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * rng.uniform(2, 3) ** 2)))[:, :, None]
        return _shaded(picture, 1.0, rng)

    def infrared(self, picture: Image, *, light: float = 0.7, noise: float = 4.0, take: int = 0) -> Image:
        """``picture`` in the grey light of the camera's own lamps, which falls off towards the corners."""
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
        across, down = np.meshgrid(np.linspace(-1, 1, self.width), np.linspace(-1, 1, self.height))
        lit = grey * light * np.exp(-1.2 * (across**2 + (down - 0.2) ** 2)) + 8
        return _shaded(np.repeat(lit[:, :, None], 3, axis=2), noise, np.random.default_rng(take))

    def fog(self, seed: int, *, density: float, air: float) -> Image:
        """Koschmieder's law: what is far takes the colour of the air; upper rows are farther."""
        distance = np.linspace(1.6, 0.15, self.height)[:, None, None]
        seen = np.exp(-density * distance)
        return _shaded(self.place(seed) * seen + air * (1 - seen), 1.5, np.random.default_rng(seed))

    def covered(self, seed: int, *, share: float, tone: tuple[int, int, int]) -> Image:
        """A cloth of one ``tone`` (BGR) over ``share`` of the picture, from the left."""
        picture = self.day(seed)
        edge = int(self.width * share)
        picture[:, :edge] = _shaded(np.full((self.height, edge, 3), tone, np.float32), 1.5, np.random.default_rng(seed))
        return picture

    def creased(self, seed: int, tone: tuple[int, int, int]) -> Image:
        """A hand or leaves of one ``tone`` (BGR) right before the lens: soft creases and nothing else."""
        across, down = np.meshgrid(np.arange(self.width), np.arange(self.height))
        creases = 12 * np.sin(across / 31 + seed) + 6 * np.sin(down / 47)
        return _shaded(creases[:, :, None] + np.array(tone), 1.5, np.random.default_rng(seed))

    def caption(self, picture: Image, clock: str = "2026-11-24 08:30:05") -> Image:
        """``picture`` with a clock above and a name below, as cameras burn them in."""
        picture = picture.copy()
        for text, baseline in ((clock, 24), ("XC-01 CUNKOU", picture.shape[0] - 14)):
            for tone, thick in ((16, 4), (240, 1)):
                cv2.putText(picture, text, (12, baseline), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (tone, tone, tone), thick)
        return picture

    def flat(self, tone: tuple[int, int, int], text: str = "", *, size: float = 1.0) -> Image:
        """One colour (BGR), with a ``text`` in the middle, its letters about ``size`` × 22 pixels tall."""
        picture = np.full((self.height, self.width, 3), tone, np.uint8)
        if text:
            place = (self.width // 2 - round(90 * size), self.height // 2)
            cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, (235, 235, 235), 2)
        return picture

    def encode(self, picture: Image, codec: str = "h264", pix_fmt: str | None = None) -> bytes:
        """``picture`` as one key frame."""
        context = av.CodecContext.create(ENCODERS[codec], "w")
        assert isinstance(context, av.VideoCodecContext)
        context.height, context.width = picture.shape[:2]
        context.pix_fmt = pix_fmt or ("yuvj420p" if codec == "mjpeg" else "yuv420p")
        context.time_base, context.thread_count, context.options = Fraction(1, 25), 1, FAST[codec]
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
        frame.pts = 0
        return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])

    def judge(
        self,
        picture: Image,
        memory: PictureMemory | None = None,
        *,
        codec: str = "h264",
        second: Image | None = None,
        at: float = 0.0,
        frozen_s: float = 21_600.0,
    ) -> PictureJudgement:
        """Encode, decode and judge in this process."""
        return judge(
            PictureJob(
                codec=codec,
                first=self.encode(picture, codec),
                second=None if second is None else self.encode(second, codec),
                at=at,
                memory=memory,
                frozen_s=frozen_s,
            )
        )

    def remembered(self, picture: Image, *, codec: str = "h264", at: float = 0.0) -> PictureMemory:
        """What a good look at ``picture`` leaves behind."""
        memory = self.judge(picture, codec=codec, at=at).memory
        assert memory is not None
        return memory
