"""What a camera sees of a place at another time: light, weather, traffic, and what the year does to it.

Each moment is a :class:`View`: the picture that falls on the sensor after the exposure control, and how much grain
the sensor adds. Nothing here is a fault. What the cameras of one village have in common, such as how far one sees in
the fog of an hour, is drawn from ``sky``, which is the same for all of them; everything else from the camera's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from tests.bench.scenery import FOCAL_PX, HEIGHT, WIDTH, Field, Painter, Place, cloudy


class Condition(StrEnum):
    """Light and weather; the columns of the table."""

    DAY = "day"
    DUSK = "dusk"
    INFRARED = "infrared"
    RAIN = "rain"
    FOG = "fog"
    HEADLIGHTS = "headlights"


@dataclass(frozen=True, slots=True)
class View:
    """``picture``: BGR, 0 … 255; ``grain``: deviation of the sensor's noise in levels; ``grey``: no colour."""

    picture: Field
    grain: float
    grey: bool = False


Rng = np.random.Generator
Moment = Callable[[Place, Rng, Rng], View]

PATCHY = 0.3
"""Fog is thicker here than there: the deviation of the range of sight within a village, as a power of e."""


def exposed(picture: Field, *, towards: float, gain: float, pull: float = 0.7) -> Field:
    """The exposure control moves the mean ``towards`` a level, as far as its ``gain`` reaches."""
    mean = max(float(picture.mean()), 0.5)
    factor = float(np.clip((towards / mean) ** pull, 0.3, gain))
    lit = picture * factor
    # the knee of the sensor's curve: highlights bend before they clip
    return np.where(lit > 200, 200 + 55 * np.tanh((lit - 200) / 55), lit).astype(np.float32)


def _spot(x: float, y: float, reach: float) -> Field:
    across, down = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    return np.asarray(np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * reach**2)), np.float32)


def day(place: Place, rng: Rng, _: Rng) -> View:
    """Plain daylight, a sixth brighter or darker."""
    return View(exposed(place.picture * rng.uniform(0.85, 1.15), towards=118, gain=1.3, pull=0.4), rng.uniform(1, 3))


def dusk(place: Place, rng: Rng, sky: Rng) -> View:
    """Little light of its own colour, much gain."""
    light = sky.uniform(0.08, 0.35)
    tint = np.array((1.15, 1.0, 0.85) if sky.random() < 0.5 else (0.85, 1.0, 1.12))
    seen = place.picture * light * tint
    return View(exposed(seen.astype(np.float32), towards=75, gain=3.5), rng.uniform(3, 6))


def infrared(place: Place, rng: Rng, _: Rng) -> View:
    """The camera's own lamps: grey, gone with the square of the distance, bright in the middle."""
    return _by_own_lamps(place, rng, haze=0.0)


def infrared_fog(place: Place, rng: Rng, sky: Rng) -> View:
    """The lamps light the fog before the lens."""
    return _by_own_lamps(place, rng, haze=float(sky.uniform(0.01, 0.08)) / _patch(rng))


def _patch(rng: Rng) -> float:
    """How many times farther than elsewhere in its village one sees here."""
    return float(np.exp(rng.normal(0, PATCHY)))


def _by_own_lamps(place: Place, rng: Rng, *, haze: float) -> View:
    grey = cv2.cvtColor(place.picture, cv2.COLOR_BGR2GRAY)
    reach = rng.uniform(15, 45)
    beam = _spot(WIDTH / 2, HEIGHT * 0.6, WIDTH * rng.uniform(0.35, 0.7))
    lit = grey * np.minimum((reach / place.distance) ** 2, 1.5) * (0.15 + beam)
    if haze:
        back = 170 * haze / (haze + 0.02) * (0.5 + 0.5 * beam) + cloudy(rng, scale=4.0) * 3
        lit = lit * np.exp(-2 * haze * place.distance) + back
    picture = np.repeat(exposed(lit, towards=85, gain=3.0)[:, :, None] + 4, 3, axis=2)
    return View(picture, rng.uniform(2, 5), grey=True)


def fog(place: Place, rng: Rng, sky: Rng) -> View:
    """Koschmieder's law: the contrast left is 5 % at the range of sight, 25 to 300 m, more or less here and there."""
    seen = _in_air(place, rng, sight_m=float(np.exp(sky.uniform(np.log(25), np.log(300)))) * _patch(rng))
    return View(exposed(seen, towards=125, gain=1.4, pull=0.4), rng.uniform(1, 2.5))


def _in_air(place: Place, rng: Rng, *, sight_m: float) -> Field:
    clear = np.exp(-3.0 / sight_m * place.distance)[:, :, None]
    air = rng.uniform(140, 225) * np.array((1.02, 1.0, 0.98))
    return np.asarray(place.picture * clear + air * (1 - clear), np.float32)


def rain(place: Place, rng: Rng, sky: Rng) -> View:
    """Dull light, haze, streaks, a wet ground, and drops on the cover of the lens."""
    wet = place.picture.copy()
    mirrored = cv2.GaussianBlur(np.flipud(wet), (0, 0), 6)
    share = 0.35 * (place.ground & (cloudy(rng, scale=2.0) > 0)).astype(np.float32)[:, :, None]
    wet += share * (mirrored * 0.8 - wet)
    seen = _in_air(place.with_picture(wet * rng.uniform(0.5, 0.8)), rng, sight_m=float(sky.uniform(150, 900)))
    seen += 26 * _streaks(rng, slant=float(rng.uniform(-0.3, 0.3)), length=15)[:, :, None]
    return View(exposed(_with_drops(seen, rng), towards=105, gain=1.6, pull=0.5), rng.uniform(1.5, 4))


def _streaks(rng: Rng, *, slant: float, length: int) -> Field:
    drops = (rng.random((HEIGHT, WIDTH)) < 0.004).astype(np.float32)
    kernel = np.zeros((length, length), np.float32)
    middle = length // 2
    cv2.line(kernel, (round(middle - slant * middle), 0), (round(middle + slant * middle), length - 1), 1.0)
    return np.asarray(np.minimum(cv2.filter2D(drops, -1, kernel), 1), np.float32)


def _with_drops(picture: Field, rng: Rng) -> Field:
    """Drops are out of focus: inside them the scene is smeared and brighter."""
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    for _ in range(int(rng.integers(0, 14))):
        centre = (int(rng.integers(WIDTH)), int(rng.integers(HEIGHT)))
        cv2.circle(mask, centre, int(rng.integers(6, 26)), 1.0, -1)
    soft = cv2.GaussianBlur(mask, (0, 0), 3)[:, :, None]
    return np.asarray(picture + soft * (cv2.GaussianBlur(picture, (0, 0), 9) * 1.08 - picture), np.float32)


def _lamplit(place: Place, rng: Rng, *, lamps: int) -> Field:
    light = np.full((HEIGHT, WIDTH), rng.uniform(0.02, 0.08), np.float32)
    for _ in range(lamps):
        light += rng.uniform(0.3, 0.8) * _spot(rng.uniform(0, WIDTH), rng.uniform(80, HEIGHT), rng.uniform(60, 150))
    warm = np.array((0.6, 0.9, 1.1) if rng.random() < 0.6 else (1.0, 1.0, 0.95))
    return np.asarray(place.picture * light[:, :, None] * warm, np.float32)


def street_lamps(place: Place, rng: Rng, _: Rng) -> View:
    """A night in colour under one to four lamps."""
    return View(exposed(_lamplit(place, rng, lamps=int(rng.integers(1, 5))), towards=70, gain=2.5), rng.uniform(3, 6))


def unlit(place: Place, rng: Rng, _: Rng) -> View:
    """A night that hardly anything lights, with a lamp or two far away."""
    seen = place.picture * rng.uniform(0.01, 0.06) + rng.uniform(2, 14)
    for _lamp in range(int(rng.integers(0, 3))):
        seen += 220 * _spot(rng.uniform(0, WIDTH), place.horizon + rng.uniform(-9, 20), rng.uniform(1, 3))[:, :, None]
    return View(seen.astype(np.float32), rng.uniform(1, 5))


def headlights(place: Place, rng: Rng, sky: Rng) -> View:
    """A car comes towards a camera by night: two glaring lamps, their veil and halo, and the road they light."""
    grey = bool(rng.random() < 0.5)
    night = infrared(place, rng, sky).picture * 0.8 if grey else _lamplit(place, rng, lamps=2)
    z = float(rng.uniform(8, 60))
    x, y = WIDTH / 2 + rng.uniform(-3, 3) * FOCAL_PX / z, place.horizon + 4.3 * FOCAL_PX / z
    apart, size = 1.4 * FOCAL_PX / z, 0.25 * FOCAL_PX / z
    glare = np.zeros((HEIGHT, WIDTH), np.float32)
    for lamp in (x - apart / 2, x + apart / 2):
        glare += 900 * _spot(lamp, y, 1 + size) + 120 * _spot(lamp, y, 8 * (1 + size))
    glare += rng.uniform(5, 60) * _spot(x, y, WIDTH * 0.4) + rng.uniform(0, 18)
    picture = exposed((night + glare[:, :, None]).astype(np.float32), towards=85, gain=1.2)
    return View(picture, rng.uniform(2, 5), grey=grey)


def low_sun(place: Place, rng: Rng, _: Rng) -> View:
    """The sun stands in the picture and veils it."""
    veil = 500 * _spot(rng.uniform(0, WIDTH), rng.uniform(0, 90), 22)
    veil += rng.uniform(60, 160) * _spot(rng.uniform(0, WIDTH), 40, WIDTH * rng.uniform(0.2, 0.5))
    seen = place.picture * rng.uniform(0.5, 0.9) + veil[:, :, None]
    return View(exposed(seen.astype(np.float32), towards=125, gain=1.2, pull=0.5), rng.uniform(1, 3))


def snowfall(place: Place, rng: Rng, sky: Rng) -> View:
    """Snow in the air and on the ground."""
    white = with_snow(place, rng)
    seen = _in_air(white, rng, sight_m=float(sky.uniform(80, 500)))
    flakes = cv2.GaussianBlur((rng.random((HEIGHT, WIDTH)) < 0.006).astype(np.float32), (0, 0), 1.6) * 9
    seen += 150 * np.minimum(flakes, 1)[:, :, None]
    return View(exposed(seen, towards=140, gain=1.3, pull=0.4), rng.uniform(1, 3))


def with_snow(place: Place, rng: Rng) -> Place:
    """Snow lies where it's level: on all of the ground or on part of it, with its own faint relief."""
    depth = np.clip(cloudy(rng, scale=3.0) + rng.uniform(-0.3, 2.5), 0, 1) * place.ground
    snow = 215 + cloudy(rng) * 5
    laid = place.picture + depth[:, :, None] * (snow[:, :, None] * np.array((1.03, 1.0, 0.98)) - place.picture)
    return place.with_picture(laid.astype(np.float32))


def with_shadows(place: Place, rng: Rng) -> Place:
    """Shadows of houses and trees that stand behind the camera."""
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        corners = rng.uniform((-100, place.horizon), (WIDTH + 100, HEIGHT + 60), (4, 2)).astype(np.int32)
        cv2.fillConvexPoly(mask, cv2.convexHull(corners), 1.0)
    dark = cv2.GaussianBlur(mask, (0, 0), 2)[:, :, None] * rng.uniform(0.3, 0.65)
    return place.with_picture((place.picture * (1 - dark * np.array((0.85, 0.95, 1.0)))).astype(np.float32))


def with_leaves(place: Place, rng: Rng) -> Place:
    """The season: leaves on the ground, and a branch that has grown into one side of the picture."""
    litter = place.ground & (cloudy(rng, scale=0.7) > rng.uniform(0.6, 2))
    picture = place.picture.copy()
    picture[litter] = picture[litter] * 0.3 + np.array((30, 80, 120)) * 0.7
    edge = WIDTH * rng.uniform(0.0, 0.28) + 45 * cloudy(rng, scale=1.5)
    branch = np.arange(WIDTH)[None, :] < edge
    leaves = np.clip(np.array((28, 70, 45)) + (cloudy(rng, scale=0.8) * 30)[:, :, None], 5, 200)
    picture[branch] = leaves[branch]
    return place.with_picture(picture)


def with_traffic(place: Place, rng: Rng) -> Place:
    """Cars and people."""
    painter = _over(place, rng)
    for z in sorted(rng.uniform(11, 60, int(rng.integers(1, 7))), reverse=True):
        painter.vehicle(float(rng.uniform(-8, 8)), float(z), length=float(rng.uniform(3.5, 5)))
    for z in sorted(rng.uniform(9, 40, int(rng.integers(1, 9))), reverse=True):
        painter.person(float(rng.uniform(-6, 6)), float(z))
    return place.with_picture(painter.canvas)


def with_lorry(place: Place, rng: Rng) -> Place:
    """A lorry or a bus stands close by and hides up to half of the picture."""
    painter = _over(place, rng)
    painter.vehicle(float(rng.uniform(-3, 3)), float(rng.uniform(6.5, 14)), length=float(rng.uniform(6, 10)), tall=3.2)
    return place.with_picture(painter.canvas)


def _over(place: Place, rng: Rng) -> Painter:
    painter = Painter(rng)
    painter.horizon = place.horizon
    painter.canvas, painter.distance, painter.ground = (
        place.picture.copy(),
        place.distance.copy(),
        place.ground.copy(),
    )
    return painter


CONDITIONS: dict[Condition, Moment] = {
    Condition.DAY: day,
    Condition.DUSK: dusk,
    Condition.INFRARED: infrared,
    Condition.RAIN: rain,
    Condition.FOG: fog,
    Condition.HEADLIGHTS: headlights,
}


def _after(change: Callable[[Place, Rng], Place], moment: Moment) -> Moment:
    return lambda place, rng, sky: moment(change(place, rng), rng, sky)


REVISITS: dict[str, Moment] = {
    **{condition.value: moment for condition, moment in CONDITIONS.items()},
    "infrared in fog": infrared_fog,
    "street lamps": street_lamps,
    "unlit night": unlit,
    "low sun": low_sun,
    "snow falls": snowfall,
    "snow lies": _after(with_snow, day),
    "snow by infrared": _after(with_snow, infrared),
    "shadows": _after(with_shadows, day),
    "leaves": _after(with_leaves, day),
    "leaves in rain": _after(with_leaves, rain),
    "traffic": _after(with_traffic, day),
    "traffic at dusk": _after(with_traffic, dusk),
    "traffic by infrared": _after(with_traffic, infrared),
    "a lorry close by": _after(with_lorry, day),
    "a lorry by infrared": _after(with_lorry, infrared),
}
"""Normal revisits: what a sound camera may show at its next look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """One hour in a village: ``shown``, by their names in REVISITS, is what its cameras may show in it.

    ``conditions``: the faults of that light and weather happen in this hour.
    """

    shown: tuple[str, ...]
    conditions: frozenset[Condition] = frozenset()


HOURS = (
    Hour(
        shown=("day", "low sun", "shadows", "leaves", "traffic", "a lorry close by"),
        conditions=frozenset({Condition.DAY}),
    ),
    Hour(shown=("fog",), conditions=frozenset({Condition.FOG})),
    Hour(shown=("dusk", "traffic at dusk"), conditions=frozenset({Condition.DUSK})),
    Hour(
        shown=("infrared", "street lamps", "headlights", "traffic by infrared", "unlit night", "a lorry by infrared"),
        conditions=frozenset({Condition.INFRARED, Condition.HEADLIGHTS}),
    ),
    Hour(shown=("rain", "leaves in rain"), conditions=frozenset({Condition.RAIN})),
    Hour(shown=("infrared in fog",)),
    Hour(shown=("snow falls",)),
    Hour(shown=("snow lies",)),
    Hour(shown=("snow by infrared",)),
    Hour(shown=("low sun", "leaves", "a lorry close by", "day", "traffic", "shadows")),
    Hour(shown=("unlit night", "infrared", "a lorry by infrared", "headlights", "street lamps")),
)
"""What a village goes through."""
