"""Faults in rising strength, done to what a camera would have shown.

A cover is close to the lens: its texture and its rim are far out of focus, and the exposure control brings it to
some middle grey, or, by the camera's own lamps, near to white.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from tests.bench.scenery import HEIGHT, WIDTH, Field, Tone, between, cloudy
from tests.bench.weather import Condition, Rng, View

GREY: Tone = (128, 128, 128)
Spoil = Callable[[View, Rng], View]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fault at one strength.

    ``spoil`` makes the faulty view; a plain screen of a recorder has no grain. ``lost`` is the share of the key
    frame's bytes that are lost after the encoder, ``stands_s`` for how many seconds the picture has stood still,
    ``anew`` whether the standing picture is encoded with another quantizer each time,
    ``shakes_px`` by how much two frames of one look differ. ``captioned`` is False where a recorder, not the
    camera, makes the picture. ``severe``: nobody would call it anything else, so that it must be found; in
    ``unless`` the fault can't be told from a sound camera (a cover that no light falls on is a dark night).
    """

    fault: str
    strength: str
    severe: bool = False
    spoil: Spoil = lambda view, _: view
    lost: float = 0.0
    stands_s: float = 0.0
    anew: bool = False
    shakes_px: float = 0.0
    captioned: bool = True
    unless: frozenset[Condition] = frozenset()

    @property
    def name(self) -> str:
        """For the table: the fault and how strong it is."""
        return f"{self.fault}: {self.strength}"

    def is_severe_in(self, condition: str) -> bool:
        """Whether it must be found there."""
        return self.severe and condition not in self.unless


def holed(frame: bytes, share: float, rng: Rng) -> bytes:
    """A key frame of which ``share`` is lost in one piece, behind its headers."""
    size = int(len(frame) * share)
    start = int(rng.integers(len(frame) // 10, len(frame) - size + 1))
    return frame[:start] + frame[start + size :]


def shifted(view: View, pixels: float, rng: Rng) -> View:
    """The view from a pole that sways by up to ``pixels``, mostly sidewards."""
    across, down = pixels * rng.choice((-1.0, 1.0)) * rng.uniform(0.7, 1.0), pixels * rng.uniform(-0.3, 0.3)
    move = np.array([[1, 0, across], [0, 1, down]], np.float32)
    moved = cv2.warpAffine(view.picture, move, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
    return replace(view, picture=np.asarray(moved, np.float32))


def _screen(tone: Tone, text: str = "") -> Spoil:
    """A recorder's picture for a dead input: plain, or with a text in its middle."""

    def spoil(_: View, rng: Rng) -> View:
        picture = np.full((HEIGHT, WIDTH, 3), tone, np.uint8)
        if text:
            size = float(rng.uniform(0.8, 1.6))
            (wide, tall), _baseline = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 2)
            origin = ((WIDTH - wide) // 2, (HEIGHT + tall) // 2)
            cv2.putText(picture, text, origin, cv2.FONT_HERSHEY_SIMPLEX, size, (235, 235, 235), 2, cv2.LINE_AA)
        return View(picture.astype(np.float32), 0.0)

    return spoil


def _dead_sensor(view: View, rng: Rng) -> View:
    """No light at all: the black level and what the encoder leaves of the grain."""
    return View(np.full_like(view.picture, rng.uniform(0, 7)), float(rng.uniform(0, 1)), grey=view.grey)


Material = Callable[[View, Rng], Field]


def _cloth(view: View, rng: Rng) -> Field:
    """Dark and opaque, lifted by the exposure control, with soft folds."""
    tone = between(rng, (45, 45, 45), (110, 115, 120))
    return _close_by(view, rng, tone, folds=6, scale=5.0)


def _hand(view: View, rng: Rng) -> Field:
    """Skin, with some light between the fingers."""
    tone = between(rng, (35, 50, 85), (80, 105, 150))
    fingers = 14 * np.sin(np.arange(WIDTH) * rng.uniform(0.01, 0.04) + rng.uniform(0, 6))[None, :, None]
    return np.asarray(_close_by(view, rng, tone, folds=5, scale=5.0) + fingers, np.float32)


def _paper(view: View, rng: Rng) -> Field:
    """White, lit from behind."""
    return _close_by(view, rng, between(rng, (120, 120, 125), (215, 218, 222)), folds=4, scale=5.0)


def _leaves(view: View, rng: Rng) -> Field:
    """Leaves that lie on the dome, green or brown, far out of focus."""
    leaves = _close_by(view, rng, between(rng, (30, 65, 50), (55, 105, 110)), folds=14, scale=4.0)
    return np.asarray(cv2.GaussianBlur(leaves, (0, 0), 8), np.float32)


def _paint(view: View, rng: Rng) -> Field:
    """Sprayed on: one saturated or dark colour, thicker here and thinner there."""
    tones = ((35, 35, 40), (150, 60, 40), (50, 110, 60), (45, 50, 150), (190, 195, 200))
    return _close_by(view, rng, np.array(tones[int(rng.integers(len(tones)))], np.float64), folds=8, scale=4.0)


def _close_by(view: View, rng: Rng, tone: npt.NDArray[np.float64], *, folds: float, scale: float) -> Field:
    light = 1.0
    if view.grey:
        # the camera's own lamps are centimetres away from it
        tone = np.repeat(tone.mean(), 3)
        light = float(rng.uniform(1.0, 2.0))
    uneven = cloudy(rng, scale=scale) * folds + np.linspace(-1, 1, WIDTH)[None, :] * rng.uniform(-12, 12)
    cover = tone * light + cv2.GaussianBlur(uneven, (0, 0), 6)[:, :, None]
    return np.asarray(np.clip(cover, 12, 245), np.float32)


def _covered(material: Material, share: float) -> Spoil:
    """``material`` over ``share`` of the picture, from one side or with ragged bounds, its rim out of focus."""

    def spoil(view: View, rng: Rng) -> View:
        opaque = _region(rng, share)[:, :, None]
        return replace(view, picture=view.picture * (1 - opaque) + material(view, rng) * opaque)

    return spoil


def _region(rng: Rng, share: float) -> Field:
    if share >= 1:
        return np.ones((HEIGHT, WIDTH), np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    across, down = np.meshgrid(np.linspace(-1, 1, WIDTH), np.linspace(-1, 1, HEIGHT))
    height = across * np.cos(angle) + down * np.sin(angle) + cloudy(rng, scale=5.0) * 0.15
    inside = (height <= np.quantile(height, share)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(inside, (0, 0), rng.uniform(4, 12)), np.float32)


def _web(share: float) -> Spoil:
    """Threads across ``share`` of the picture, out of focus; by the camera's own lamps they glow."""

    def spoil(view: View, rng: Rng) -> View:
        threads = np.zeros((HEIGHT, WIDTH), np.float32)
        hub = rng.uniform((0, 0), (WIDTH, HEIGHT))
        for turn in np.linspace(0, 2 * np.pi, 22):
            end = hub + 900 * np.array((np.cos(turn), np.sin(turn)))
            cv2.line(threads, hub.astype(int).tolist(), end.astype(int).tolist(), 1.0, 3, cv2.LINE_AA)
        for radius in range(20, 700, 30):
            cv2.circle(threads, hub.astype(int).tolist(), radius, 1.0, 2, cv2.LINE_AA)
        veil = np.minimum(cv2.GaussianBlur(threads, (0, 0), 4) * 1.6, 1) * _region(rng, share)
        glow = 235.0 if view.grey else 185.0
        return replace(view, picture=view.picture + (0.9 * veil[:, :, None]) * (glow - view.picture))

    return spoil


def _blurred(sigma: float) -> Spoil:
    return lambda view, _: replace(view, picture=np.asarray(cv2.GaussianBlur(view.picture, (0, 0), sigma), np.float32))


def _scaled(factor: float, lift: float = 0.0) -> Spoil:
    return lambda view, _: replace(view, picture=view.picture * factor + lift)


def _tinted(strength: float) -> Spoil:
    """One of the sensor's colours is weak or dead."""

    def spoil(view: View, rng: Rng) -> View:
        gains = np.ones(3, np.float32) + strength * 0.25
        gains[int(rng.integers(3))] = 1 - strength
        return replace(view, picture=view.picture * gains, grey=False)

    return spoil


def _grainy(deviation: float) -> Spoil:
    return lambda view, _: replace(view, grain=float(np.hypot(view.grain, deviation)))


def _striped(levels: float) -> Spoil:
    """Interference: bright lines at a regular distance."""

    def spoil(view: View, rng: Rng) -> View:
        wave = np.sin(2 * np.pi * np.arange(HEIGHT) / rng.uniform(6, 24) + rng.uniform(0, 6)).astype(np.float32)
        return replace(view, picture=view.picture + levels * wave[:, None, None])

    return spoil


def _moved(share: float) -> Spoil:
    """Turned aside by ``share`` of the picture's width; the scene goes on there in its own mirror image."""

    def spoil(view: View, rng: Rng) -> View:
        pixels = int(WIDTH * share) * int(rng.choice((-1, 1)))
        wide = cv2.copyMakeBorder(view.picture, 40, 40, WIDTH, WIDTH, cv2.BORDER_REFLECT)
        down = 40 + int(rng.integers(-12, 13))
        return replace(view, picture=np.asarray(wide[down : down + HEIGHT, WIDTH + pixels :][:, :WIDTH], np.float32))

    return spoil


NO_LIGHT = frozenset({Condition.HEADLIGHTS, Condition.DUSK})
"""Where nothing lights a cover."""

NO_COLOUR = frozenset({Condition.INFRARED, Condition.HEADLIGHTS})

MATERIALS: Mapping[str, Material] = {
    "hand": _hand,
    "cloth": _cloth,
    "paper": _paper,
    "leaves": _leaves,
    "paint": _paint,
}
SHARES = (0.4, 0.6, 0.8, 0.9, 1.0)
SEVERE_SHARE = 0.9

BLUE: Tone = (200, 40, 20)

CASES: tuple[Case, ...] = (
    *(
        Case(fault="signal_loss", strength=strength, severe=True, spoil=_screen(tone, text), captioned=False)
        for strength, tone, text in (
            ("blue", BLUE, ""),
            ("blue, VIDEO LOSS", BLUE, "VIDEO LOSS"),
            ("black, NO VIDEO", (0, 0, 0), "NO VIDEO"),
            ("grey, NO SIGNAL", GREY, "NO SIGNAL"),
        )
    ),
    Case(fault="black", strength="no light at all", severe=True, spoil=_dead_sensor),
    *(
        Case(fault="frozen", strength=strength, severe=severe, stands_s=stands_s)
        for strength, stands_s, severe in (("30 s", 30.0, False), ("2 min", 120.0, False), ("6 h", 21_600.0, True))
    ),
    Case(fault="frozen", strength="6 h, encoded anew", stands_s=21_600.0, anew=True),
    *(
        Case(
            fault="covered",
            strength=f"{name} {share:.0%}",
            severe=share >= SEVERE_SHARE,
            spoil=_covered(material, share),
            unless=NO_LIGHT,
        )
        for name, material in MATERIALS.items()
        for share in SHARES
    ),
    *(Case(fault="covered", strength=f"web {share:.0%}", spoil=_web(share)) for share in (0.4, 0.7, 1.0)),
    *(
        Case(fault="corrupted", strength=f"{lost:.0%} lost", severe=lost >= 0.3, lost=lost)
        for lost in (0.02, 0.1, 0.3, 0.6)
    ),
    *(Case(fault="blurred", strength=f"σ {sigma} px", spoil=_blurred(sigma)) for sigma in (1.5, 3.0, 6.0, 12.0)),
    *(Case(fault="too_dark", strength=f"× {light}", spoil=_scaled(light)) for light in (0.4, 0.2, 0.1, 0.05)),
    *(Case(fault="too_bright", strength=f"× {light}", spoil=_scaled(light, 20)) for light in (1.5, 2.5, 4.0)),
    *(
        Case(fault="colour_cast", strength=f"{tint:.0%}", spoil=_tinted(tint), unless=NO_COLOUR)
        for tint in (0.25, 0.5, 1.0)
    ),
    *(Case(fault="noise", strength=f"σ {grain}", spoil=_grainy(grain)) for grain in (10.0, 20.0, 40.0)),
    *(Case(fault="stripes", strength=f"± {levels}", spoil=_striped(levels)) for levels in (6.0, 15.0, 40.0)),
    *(Case(fault="moved", strength=f"{share:.0%}", spoil=_moved(share)) for share in (0.03, 0.1, 0.25, 0.5)),
    *(Case(fault="shaking", strength=f"{px:.0f} px", shakes_px=px) for px in (3.0, 8.0, 20.0)),
)
