"""Places for the bench of pictures: streets, village roads, yards and fields, painted with a camera's geometry.

The camera hangs ``MOUNTED_M`` above level ground. Each pixel knows its distance, so that fog, infrared lamps and
headlights can act by it; textures fall off as 1/f, as those of natural pictures do (Field, 1987), and lie on the
ground in perspective. Painting is pure: the same seed gives the same place.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Tone = tuple[float, float, float]
"""Blue, green, red; 0 … 255."""

WIDTH, HEIGHT = 640, 360
MOUNTED_M = 5.0
FOCAL_PX = 560.0
FARTHEST_M = 500.0
TEXTURES, TEXTURE_SIDE = 12, 1024


@dataclass(frozen=True, slots=True)
class Place:
    """What a camera sees by plain daylight: ``picture`` (BGR), ``distance`` of each pixel in metres, ``ground``."""

    picture: Field
    distance: Field
    ground: Mask
    horizon: int

    def with_picture(self, picture: Field) -> Place:
        """The same place, looking otherwise."""
        return Place(picture, self.distance, self.ground, self.horizon)


@functools.cache
def _texture(number: int) -> Field:
    """A field of 1/f noise with zero mean and unit deviation, that repeats without a seam."""
    rng = np.random.default_rng((7_021, number))
    across, down = np.fft.rfftfreq(TEXTURE_SIDE), np.fft.fftfreq(TEXTURE_SIDE)
    frequency = np.hypot(across[None, :], down[:, None])
    frequency[0, 0] = np.inf
    slope = 0.9 + 0.5 * number / TEXTURES
    phases = np.exp(2j * np.pi * rng.random(frequency.shape))
    field = np.fft.irfft2(phases / frequency**slope, s=(TEXTURE_SIDE, TEXTURE_SIDE))
    return np.asarray(field / field.std(), np.float32)


def cloudy(rng: np.random.Generator, width: int = WIDTH, height: int = HEIGHT, scale: float = 1.0) -> Field:
    """A cut of 1/f noise; ``scale`` above 1 makes it coarser, and it is 0.63 at least."""
    field = _texture(int(rng.integers(TEXTURES)))
    wide, tall = max(4, round(width / scale)), max(4, round(height / scale))
    left, top = rng.integers(0, (TEXTURE_SIDE - wide, TEXTURE_SIDE - tall))
    cut = field[top : top + tall, left : left + wide]
    return np.asarray(cv2.resize(cut, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def between(rng: np.random.Generator, one: Tone, other: Tone) -> npt.NDArray[np.float64]:
    """A tone on the way from ``one`` to ``other``, not quite pure."""
    low, high = np.array(one), np.array(other)
    return np.asarray(low + (high - low) * rng.random() + rng.normal(0, 5, 3), np.float64)


class Painter:
    """Paints one place, from far to near."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.horizon = int(HEIGHT * rng.uniform(0.06, 0.36))
        rows = np.arange(HEIGHT, dtype=np.float32)[:, None] - self.horizon
        ground = np.where(rows > 0, MOUNTED_M * FOCAL_PX / np.maximum(rows, 1e-3), FARTHEST_M)
        self.distance: Field = np.repeat(np.minimum(ground, FARTHEST_M), WIDTH, axis=1).astype(np.float32)
        self.across: Field = (np.arange(WIDTH, dtype=np.float32)[None, :] - WIDTH / 2) * self.distance / FOCAL_PX
        self.ground: Mask = np.repeat(rows > 0, WIDTH, axis=1)
        self.canvas: Field = np.zeros((HEIGHT, WIDTH, 3), np.float32)

    def place(self) -> Place:
        """A village road, a street, a yard or open land, whichever the seed picks."""
        self._sky()
        self._land()
        kind = ("road", "street", "yard", "open")[int(self.rng.integers(4))]
        if kind != "open":
            self._paving(half_wide=float(self.rng.uniform(2, 5)) if kind != "yard" else 40.0)
        for distance in sorted(self.rng.uniform(9, 90, int(self.rng.integers(10, 26))), reverse=True):
            self._thing(kind, float(distance))
        soft = cv2.GaussianBlur(self.canvas, (0, 0), self.rng.uniform(0.5, 0.9))
        return Place(np.clip(soft, 0, 255).astype(np.float32), self.distance, self.ground, self.horizon)

    def project(self, x: float, z: float) -> tuple[int, int, float]:
        """Column and row of the ground at ``x`` metres aside and ``z`` ahead, and pixels per metre there."""
        per_metre = FOCAL_PX / z
        return round(WIDTH / 2 + x * per_metre), round(self.horizon + MOUNTED_M * per_metre), per_metre

    def _sky(self) -> None:
        top = between(self.rng, (215, 160, 105), (235, 225, 215))
        low = np.minimum(top + self.rng.uniform(15, 60), 250)
        share = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None, None] * HEIGHT / max(self.horizon, 20)
        clouds = cloudy(self.rng, scale=2.0)[:, :, None] * self.rng.uniform(2, 16)
        self.canvas[:] = np.clip(top + (low - top) * np.clip(share, 0, 1) + clouds, 0, 252)
        ridge = self.horizon - 4 - 10 * np.abs(cloudy(self.rng, WIDTH, 8, scale=3.0)[0])
        hills = np.arange(HEIGHT)[:, None] > ridge[None, :]
        tone = between(self.rng, (90, 95, 80), (165, 150, 130)) + cloudy(self.rng)[:, :, None] * 8
        self.canvas[hills] = tone[hills]

    def _laid(self, metre_px: float) -> Field:
        """1/f texture lying on the ground, faded where the camera can't resolve it."""
        field = _texture(int(self.rng.integers(TEXTURES)))
        x = (self.across * metre_px) % TEXTURE_SIDE
        y = (self.distance * metre_px) % TEXTURE_SIDE
        laid = cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        return np.asarray(laid / (1 + self.distance / 60), np.float32)

    def _land(self) -> None:
        base = between(self.rng, (45, 95, 75), (85, 105, 125))
        rough = self._laid(24)[:, :, None] * self.rng.uniform(10, 26) + self._laid(4)[:, :, None] * 9
        land = base + rough * np.array((0.7, 1.0, 0.95))
        self.canvas[self.ground] = land[self.ground]

    def _paving(self, half_wide: float) -> None:
        middle = float(self.rng.uniform(-3, 3))
        bend = float(self.rng.uniform(-0.002, 0.002))
        aside = self.across - middle - bend * self.distance**2
        paved = self.ground & (np.abs(aside) < half_wide)
        tone = self.rng.uniform(75, 165) + self._laid(40)[:, :, None] * self.rng.uniform(3, 9)
        self.canvas[paved] = np.broadcast_to(tone, self.canvas.shape)[paved]
        kerb = self.ground & (np.abs(np.abs(aside) - half_wide) < 0.12)
        self.canvas[kerb] = self.rng.uniform(150, 215)
        if self.rng.random() < 0.6:
            marks = self.ground & (np.abs(aside) < 0.10) & (self.distance % 6 < 3)
            self.canvas[marks] = 222
        if half_wide > 10:
            joints = self.ground & ((self.distance % 4 < 0.07) | (aside % 4 < 0.07))
            self.canvas[joints] *= 0.72

    def _thing(self, kind: str, z: float) -> None:
        side = float(self.rng.choice((-1.0, 1.0)))
        near = {"road": 5.0, "street": 5.5, "yard": 3.0, "open": 4.0}[kind]
        x = side * (near + float(self.rng.exponential(5.0)))
        chance = self.rng.random()
        built = {"road": 0.35, "street": 0.7, "yard": 0.5, "open": 0.12}[kind]
        if chance < built:
            self.house(x + side * 3, z)
        elif chance < built + 0.1:
            self.vehicle(x - side * 2, z, length=float(self.rng.uniform(3.5, 5)))
        elif chance < built + 0.18:
            self.pole(x, z)
        else:
            self.tree(x, z)

    def house(self, x: float, z: float) -> None:
        """A front with rows of windows under a roof."""
        column, foot, per_metre = self.project(x, z)
        wide, tall = int(self.rng.uniform(5, 11) * per_metre), int(self.rng.uniform(3, 9) * per_metre)
        left, top = column - wide // 2, foot - tall
        wall = self.rng.uniform(95, 215) + self.rng.uniform(-22, 22, 3)
        self._box(left, top, wide, tall, wall, z, grain=5)
        self._box(left, top - int(0.5 * per_metre), wide, int(0.5 * per_metre) + 1, wall * 0.55, z, grain=8)
        step = max(6, int(2.2 * per_metre))
        for across in range(left + step // 4, left + wide - step // 2, step):
            for down in range(top + step // 4, foot - step // 2, step):
                tone = np.array((1.1, 1.0, 0.95)) * self.rng.uniform(28, 95)
                self._box(across, down, step // 2, int(step * 0.55), tone, z, grain=4)
                self._box(across, down, step // 2, max(1, step // 20), wall * 1.12, z, grain=0)

    def tree(self, x: float, z: float) -> None:
        """A crown of light and dark leaves on a trunk."""
        column, foot, per_metre = self.project(x, z)
        tall, crown = self.rng.uniform(3, 8) * per_metre, self.rng.uniform(1.2, 3) * per_metre
        self._box(column - int(0.1 * per_metre), int(foot - tall), max(2, int(0.25 * per_metre)), int(tall), 55.0, z)
        reach, middle = int(1.6 * crown) + 1, int(foot - tall * 0.8)
        area = np.s_[max(0, middle - reach) : max(0, middle + reach), max(0, column - reach) : max(0, column + reach)]
        height, width = self.distance[area].shape
        if not height or not width:
            return
        rows = np.arange(area[0].start, area[0].start + height)[:, None]
        columns = np.arange(area[1].start, area[1].start + width)[None, :]
        bumps = cloudy(self.rng, width, height) * 0.28
        inside = ((columns - column) / crown) ** 2 + ((rows - middle) / (1.2 * crown)) ** 2 + bumps < 1
        green = between(self.rng, (25, 50, 35), (55, 105, 85))
        leaves = green + (cloudy(self.rng, width, height) * 26)[:, :, None]
        self.canvas[area][inside] = np.maximum(leaves, 6)[inside]
        self.distance[area][inside] = z
        self.ground[area][inside] = False

    def pole(self, x: float, z: float) -> None:
        """A pole with two wires."""
        column, foot, per_metre = self.project(x, z)
        top = int(foot - 8 * per_metre)
        self._box(column, top, max(2, int(0.22 * per_metre)), foot - top, 95.0, z)
        for lower in (0.5, 1.2):
            height = int(top + lower * per_metre)
            slope = int(self.rng.uniform(-40, 40))
            cv2.line(self.canvas, (0, height - slope), (WIDTH, height + slope), (62, 60, 60), 1, cv2.LINE_AA)

    def vehicle(self, x: float, z: float, *, length: float, tall: float = 1.5) -> None:
        """A car or a lorry seen from its side, with its shadow."""
        column, foot, per_metre = self.project(x, z)
        wide, high = int(length * per_metre), int(tall * per_metre)
        left, top = column - wide // 2, foot - high
        paint = self.rng.uniform(25, 230) + self.rng.uniform(-40, 40, 3)
        self._box(left, foot - int(0.15 * per_metre), wide, int(0.3 * per_metre), 30.0, z)
        self._box(left, top, wide, int(0.85 * high), paint, z, grain=2)
        cabin = wide // 3 if tall > 2 else int(0.7 * wide)
        self._box(left + wide // 8, top + high // 8, cabin, high // 4, 45.0, z, grain=3)
        for wheel in (0.2, 0.8):
            centre = (left + int(wheel * wide), foot - int(0.18 * high))
            cv2.circle(self.canvas, centre, max(1, int(0.32 * per_metre)), (24, 24, 24), -1, cv2.LINE_AA)

    def person(self, x: float, z: float) -> None:
        """Someone standing."""
        column, foot, per_metre = self.project(x, z)
        cloth = self.rng.uniform(20, 210) + self.rng.uniform(-35, 35, 3)
        body = (max(1, int(0.25 * per_metre)), max(1, int(0.7 * per_metre)))
        cv2.ellipse(self.canvas, (column, foot - body[1]), body, 0, 0, 360, cloth.tolist(), -1, cv2.LINE_AA)
        head = (column, foot - 2 * body[1] - body[0] // 2)
        cv2.circle(self.canvas, head, max(1, int(0.13 * per_metre)), (110, 140, 190), -1, cv2.LINE_AA)

    def _box(
        self, left: int, top: int, wide: int, tall: int, tone: npt.ArrayLike, z: float, *, grain: float = 3
    ) -> None:
        area = np.s_[max(0, top) : max(0, top + tall), max(0, left) : max(0, left + wide)]
        rows, columns = self.distance[area].shape
        if rows and columns:
            self.canvas[area] = np.clip(np.asarray(tone) + cloudy(self.rng, columns, rows)[:, :, None] * grain, 0, 255)
            self.distance[area] = z
            self.ground[area] = False


def paint_place(seed: int) -> Place:
    """The place of this ``seed``."""
    return Painter(np.random.default_rng((seed, 1))).place()


def place_of_photograph(picture: npt.NDArray[np.uint8], rng: np.random.Generator) -> Place:
    """A cut of a photograph (BGR) as a place: level ground below its upper quarter is assumed."""
    horizon = HEIGHT // 4
    rows = np.arange(HEIGHT, dtype=np.float32)[:, None] - horizon
    distance = np.where(rows > 0, MOUNTED_M * FOCAL_PX / np.maximum(rows, 1e-3), FARTHEST_M)
    distances = np.repeat(np.minimum(distance, FARTHEST_M), WIDTH, axis=1).astype(np.float32)
    scale = max(WIDTH / picture.shape[1], HEIGHT / picture.shape[0]) * float(rng.uniform(1.0, 1.6))
    size = (max(WIDTH, round(picture.shape[1] * scale)), max(HEIGHT, round(picture.shape[0] * scale)))
    grown = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    top, left = int(rng.integers(size[1] - HEIGHT + 1)), int(rng.integers(size[0] - WIDTH + 1))
    cut = grown[top : top + HEIGHT, left : left + WIDTH].astype(np.float32)
    return Place(cut, distances, np.repeat(rows > 0, WIDTH, axis=1), horizon)
