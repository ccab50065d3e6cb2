"""Paint what a fictitious camera sees: a street or field of its own, cars that move, and a clock that runs.

Painting is pure: the same seed, size and time give the same picture. A ``View`` hands out I420 planes (luma, then
both chroma planes at half size), which is what the encoders take.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Field = npt.NDArray[np.float32]

SITE_TIME = timezone(timedelta(hours=8))
NOISE_FIELDS = 4
PASSAGE_S = 10.0
"""How long a car is in sight. A village road is empty most of the time."""
SENSOR_NOISE = 2.0
"""Standard deviation of the sensor's noise in luma steps, about that of a cheap camera by daylight."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a scene are, in pixels: decided once by the seed."""

    width: int
    height: int
    horizon: int
    vanishing: int
    road_left: int
    road_right: int

    @classmethod
    def of(cls, rng: np.random.Generator, width: int, height: int) -> Layout:
        """A layout drawn from ``rng``."""
        return cls(
            width=width,
            height=height,
            horizon=int(height * rng.uniform(0.30, 0.45)),
            vanishing=int(width * rng.uniform(0.35, 0.65)),
            road_left=int(width * rng.uniform(0.05, 0.25)),
            road_right=int(width * rng.uniform(0.70, 0.95)),
        )

    def on_road(self, along: float, across: float) -> tuple[int, int, float]:
        """The pixel and the scale of a point of the road: ``along`` 0 far to 1 near, ``across`` 0 left to 1 right."""
        depth = along * along
        x = self.vanishing + depth * (self.road_left + across * (self.road_right - self.road_left) - self.vanishing)
        y = self.horizon + depth * (self.height - self.horizon)
        return int(x), int(y), depth


def paint_scene(seed: int, width: int, height: int) -> Image:
    """A landscape in BGR without noise, cars or captions."""
    rng = np.random.default_rng(seed)
    layout = Layout.of(rng, width, height)
    canvas = _sky(rng, layout)
    _hills(rng, layout, canvas)
    _ground(rng, layout, canvas)
    _road(rng, layout, canvas)
    for left in sorted(rng.uniform(-0.05, 0.95, int(rng.integers(3, 7)))):
        _house(rng, layout, canvas, int(left * width))
    for left in rng.uniform(0.0, 1.0, int(rng.integers(5, 11))):
        _tree(rng, layout, canvas, int(left * width))
    _pole(rng, layout, canvas)
    # the sun stands on one side
    light = np.linspace(0.85, 1.15, width, dtype=np.float32)[:: int(rng.choice((-1, 1)))]
    canvas = np.clip(canvas * light[None, :, None], 0, 255).astype(np.uint8)
    # a lens of this class never gives pixel-sharp edges
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), 0.45 * height / 360 + 0.2), dtype=np.uint8)


def cloud_field(
    rng: np.random.Generator, width: int, height: int, coarse: int, octaves: int
) -> npt.NDArray[np.float32]:
    """Smooth random texture with unit amplitude: the sum of ``octaves`` noise layers, each twice as fine."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        cells = min(width, coarse << octave)
        rows = max(2, cells * height // width)
        layer = rng.standard_normal((rows, cells)).astype(np.float32)
        total += cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC) * 0.6**octave
    return total / float(np.abs(total).max())


def _sky(rng: np.random.Generator, layout: Layout) -> Image:
    top = rng.uniform((190, 150, 110), (240, 205, 170))
    low = np.minimum(top + rng.uniform(35, 70), 252)
    share = np.linspace(0, 1, layout.height, dtype=np.float32)[:, None, None]
    canvas = np.broadcast_to(top * (1 - share) + low * share, (layout.height, layout.width, 3))
    clouds = cloud_field(rng, layout.width, layout.height, 6, 4)[:, :, None] * 18
    return np.asarray(np.clip(canvas + clouds, 0, 255), dtype=np.uint8)


def _hills(rng: np.random.Generator, layout: Layout, canvas: Image) -> None:
    steps = np.arange(layout.width)
    for ridge in range(2):
        waves = rng.uniform(0, 6.28, 5)
        profile = sum(np.sin(steps * (n + 1) * 6.28 / layout.width + waves[n]) / (n + 1) for n in range(5))
        tops = layout.horizon - layout.height * (0.10 - 0.05 * ridge) - profile * layout.height * 0.02
        outline = np.stack([steps, tops], axis=1).astype(np.int32)
        corners = np.array([[layout.width, layout.horizon + 2], [0, layout.horizon + 2]], np.int32)
        colour = rng.uniform((120, 110, 80), (160, 140, 110)) * (1 - 0.25 * ridge)
        cv2.fillPoly(canvas, [np.concatenate([outline, corners])], colour.tolist())


def _ground(rng: np.random.Generator, layout: Layout, canvas: Image) -> None:
    rows = layout.height - layout.horizon
    base = rng.uniform((25, 60, 45), (60, 110, 90))
    texture = cloud_field(rng, layout.width, rows, 12, 5)
    furrows = np.sin(np.geomspace(1, 40, rows, dtype=np.float32) * rng.uniform(3, 9))[:, None]
    shade = texture * 42 + furrows * rng.uniform(2, 7)
    canvas[layout.horizon :] = np.clip(base + shade[:, :, None] * np.array((0.7, 1.0, 0.9)), 0, 255)


def _road(rng: np.random.Generator, layout: Layout, canvas: Image) -> None:
    corners = [layout.on_road(1.0, 0.0)[:2], layout.on_road(0.05, 0.0)[:2], layout.on_road(0.05, 1.0)[:2]]
    corners.append(layout.on_road(1.0, 1.0)[:2])
    mask = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.array(corners, np.int32)], 255)
    gravel = cloud_field(rng, layout.width, layout.height, 40, 4)[:, :, None] * 14
    asphalt = np.clip(rng.uniform(85, 145) + gravel, 0, 255)
    canvas[mask > 0] = np.broadcast_to(asphalt, canvas.shape)[mask > 0]
    for near in np.linspace(0.15, 0.95, 8):
        start, stop = layout.on_road(near, 0.5), layout.on_road(near + 0.05, 0.5)
        cv2.line(canvas, start[:2], stop[:2], (215, 220, 220), max(1, int(6 * start[2] * layout.height / 360)))


def _house(rng: np.random.Generator, layout: Layout, canvas: Image, left: int) -> None:
    scale = layout.height / 360
    wide, tall = int(rng.uniform(45, 95) * scale), int(rng.uniform(25, 60) * scale)
    foot = layout.horizon + int(rng.uniform(6, 26) * scale)
    wall = rng.uniform(120, 225) + rng.uniform(-18, 18, 3)
    cv2.rectangle(canvas, (left, foot - tall), (left + wide, foot), wall.tolist(), -1)
    eaves = foot - tall
    roof = np.array([[left - 5, eaves], [left + wide // 2, eaves - tall // 2], [left + wide + 5, eaves]])
    cv2.fillPoly(canvas, [roof.astype(np.int32)], rng.uniform((35, 40, 80), (75, 70, 150)).tolist())
    step = max(10, int(17 * scale))
    for x in range(left + step // 2, left + wide - step // 2, step):
        for y in range(foot - tall + step // 2, foot - step // 2, step):
            pane = float(rng.uniform(35, 100))
            cv2.rectangle(canvas, (x, y), (x + step // 2, y + step // 2), (pane + 15, pane, pane), -1)


def _tree(rng: np.random.Generator, layout: Layout, canvas: Image, x: int) -> None:
    scale = layout.height / 360
    foot = layout.horizon + int(rng.uniform(8, 60) * scale)
    crown = int(rng.uniform(10, 26) * scale * (0.6 + (foot - layout.horizon) / (90 * scale)))
    cv2.line(canvas, (x, foot), (x, foot - 2 * crown), (40, 55, 75), max(2, crown // 5))
    for _ in range(60):
        offset = rng.normal(0, crown * 0.45, 2)
        green = rng.uniform((25, 60, 35), (70, 130, 85)).tolist()
        centre = (int(x + offset[0]), int(foot - 2.4 * crown + offset[1]))
        cv2.circle(canvas, centre, max(1, int(crown * rng.uniform(0.10, 0.32))), green, -1)


def _pole(rng: np.random.Generator, layout: Layout, canvas: Image) -> None:
    x = int(layout.width * rng.uniform(0.1, 0.9))
    foot = layout.horizon + int(layout.height * 0.25)
    top = int(layout.horizon * 0.35)
    thick = max(2, layout.height // 120)
    cv2.line(canvas, (x, foot), (x, top), (85, 88, 90), thick)
    for height in (top + 4 * thick, top + 9 * thick):
        cv2.line(canvas, (0, height - x // 30), (layout.width, height + (layout.width - x) // 30), (60, 60, 60), 1)


def cover(scene: Image, seed: int) -> Image:
    """The same camera with a cloth over its lens: nearly one tone, soft folds, a rim of light at one edge."""
    rng = np.random.default_rng(seed)
    height, width = scene.shape[:2]
    folds = cloud_field(rng, width, height, 3, 2)[:, :, None] * 5
    rim = np.linspace(0, 1, width, dtype=np.float32)[None, :, None] ** 6 * 14
    cloth = rng.uniform((55, 58, 60), (80, 84, 90))
    return np.asarray(np.clip(cloth + folds + rim, 0, 255), dtype=np.uint8)


def blank(scene: Image) -> Image:
    """The same camera with a dead sensor: black but for its noise."""
    return np.full_like(scene, 6)


def lost_signal(scene: Image) -> Image:
    """What a recorder shows for a channel whose cable is cut: plain blue with a line of text."""
    picture = np.zeros_like(scene)
    picture[:] = (190, 30, 10)
    height, width = scene.shape[:2]
    size = height / 360
    origin = (int(width / 2 - 92 * size), int(height / 2))
    cv2.putText(picture, "VIDEO LOSS", origin, cv2.FONT_HERSHEY_SIMPLEX, size, (230, 230, 230), max(1, int(2 * size)))
    return picture


class View:
    """One camera's picture over time, as I420 planes.

    ``traffic`` lets cars pass; ``caption`` is burned in below, the clock above, both left out when ``caption`` is
    None (a recorder's blue screen has neither).
    """

    def __init__(self, picture: Image, *, seed: int, noise: float, traffic: bool, caption: str | None) -> None:
        rng = np.random.default_rng(seed)
        self.height, self.width = picture.shape[:2]
        self._layout = Layout.of(np.random.default_rng(seed), self.width, self.height)
        self._traffic = traffic
        self._caption = caption
        planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), dtype=np.uint8)
        luma = planes[: self.height].astype(np.float32)
        self._chroma = planes[self.height :]
        self._noisy = [
            np.clip(luma + rng.normal(0, noise, luma.shape), 0, 255).astype(np.uint8) for _ in range(NOISE_FIELDS)
        ]
        self._cars = rng.uniform((0, 50, 40, 116, 116), (1, 110, 220, 142, 142), (int(rng.integers(1, 4)), 5))

    def planes(self, wall: float, tick: int) -> Image:
        """The picture at UTC second ``wall``; ``tick`` counts frames and picks the noise."""
        frame = np.concatenate([self._noisy[tick % NOISE_FIELDS], self._chroma])
        if self._traffic:
            for phase, period, luma, blue, red in self._cars.tolist():
                along = (wall / period + phase) % 1.0 * period / PASSAGE_S
                if along < 1:
                    self._car(frame, along, (luma, blue, red))
        if self._caption is not None:
            text = datetime.fromtimestamp(int(wall), UTC).astimezone(SITE_TIME).strftime("%Y-%m-%d %H:%M:%S")
            self._write(frame, text, self.height // 14)
            self._write(frame, self._caption, self.height - self.height // 24)
        return frame

    def _car(self, frame: Image, along: float, colour: tuple[float, float, float]) -> None:
        x, y, depth = self._layout.on_road(along, 0.28)
        wide, tall = int(self.width * 0.16 * depth) & ~1, int(self.height * 0.15 * depth) & ~1
        top, left = max(0, y - tall) & ~1, max(0, x - wide // 2) & ~1
        bottom, right = min(self.height, y) & ~1, min(self.width, x + wide // 2) & ~1
        if bottom - top < 4 or right - left < 4:
            return
        frame[top:bottom, left:right] = int(colour[0])
        glass = top + (bottom - top) // 3
        frame[top + 1 : glass, left + 2 : right - 2] = 45
        for plane, tone in zip(self._chroma_planes(frame), colour[1:], strict=True):
            plane[top // 2 : bottom // 2, left // 2 : right // 2] = int(tone)

    def _chroma_planes(self, frame: Image) -> tuple[Image, Image]:
        flat = frame[self.height :].reshape(2, self.height // 2, self.width // 2)
        return flat[0], flat[1]

    def _write(self, frame: Image, text: str, baseline: int) -> None:
        size = self.height / 640
        thick = max(1, round(self.height / 360))
        strip = frame[: self.height][baseline - self.height // 20 : baseline + self.height // 50]
        ink = np.zeros_like(strip)
        origin = (self.width // 40, self.height // 20)
        cv2.putText(ink, text, origin, cv2.FONT_HERSHEY_SIMPLEX, size, 255.0, thick, cv2.LINE_AA)
        # a dark rim keeps the letters readable before a bright sky, as cameras do it
        rim = cv2.dilate(ink, np.ones((2 * thick + 1, 2 * thick + 1), np.uint8))
        strip[rim > 96] = 16
        strip[ink > 96] = 235
