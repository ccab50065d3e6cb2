"""What a decoded picture measures, in numbers that a rule can be written about.

All luma is in the 8-bit levels that the camera sent (limited range: 16 black, 235 white); shares are 0 … 1.
The absolute measures look at the picture alone, the relative ones (:func:`compare`) at the camera's last good look.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from probes.image.memory import THUMB_HEIGHT, THUMB_WIDTH

Plane = NDArray[np.uint8]
Field = NDArray[np.float32]

SMALL_WIDTH = 640
GRID_COLUMNS, GRID_ROWS = 16, 9
"""Blocks of a thumb: 10 × 10 thumb pixels each."""

_HIGH_PASS = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
"""J. Immerkær, Fast Noise Variance Estimation, 1996: blind to planes and to straight edges; gain 6."""

_RIM = 0.15
"""Share of the height at the top and at the bottom where cameras write captions."""

_SPOT_LUMA, _STROKE = 25, 60
_FLAT_BLOCK_STD = 4.0
_UNIFORM_LUMA, _UNIFORM_CHROMA = 2, 3
_CLIP_LUMA = 4
_TEXTURED_ENERGY = 6.0
_LOST_RATIO = 0.15
_LIT_LUMA = 40.0
"""Darker blocks say nothing of a cover: at night everything unlit is as smooth, and a raised black level reaches 35."""

_FINE_SIGMA, _COARSE_SIGMA = 0.8, 2.5
_DETAILED_STD = 2.0
"""Levels of detail, thumb pixels between those sigmas apart, from which a block can be known again."""
_BLANK_STD = 0.15
_ROW_BLOCKS = 4


@dataclass(frozen=True, slots=True)
class Planes:
    """A picture as its planes: ``luma`` in full size, ``small`` 640 wide, ``u`` and ``v`` 160 wide."""

    luma: Plane
    small: Plane
    u: Plane
    v: Plane


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The absolute measures.

    ``mean``, ``std``, ``p1``, ``p99``: luma levels. ``dark``, ``bright``: shares of pixels up to 24 and from 230.
    ``uniform``: share of pixels within 2 levels of the commonest luma ``mode`` whose colour is the commonest, too.
    ``relief``: how far the means of 4 × 3 fields spread, in levels; pixels more than 4 levels off ``mode``, such as
    captions, count as 4 off, so that it never exceeds 8.
    ``spots``: share of pixels well above ``mode``, rims left out. ``text``: 0 … 1, how closely a line of sharp strokes
    in the middle is set; 0 without one. ``sharpness``: variance of the Laplacian, 640 wide.
    ``noise``: standard deviation of the finest grain, in levels. ``cast_u``, ``cast_v``: mean chroma off grey.
    ``chroma``: spread of the chroma. ``flat``: share of blocks without texture. ``stripes``: strength of the
    strongest regular pattern of lines against its neighbours (20 to 50 in natural pictures).
    """

    mean: float
    std: float
    p1: float
    p99: float
    dark: float
    bright: float
    mode: float
    uniform: float
    relief: float
    spots: float
    text: float
    sharpness: float
    noise: float
    cast_u: float
    cast_v: float
    chroma: float
    flat: float
    stripes: float

    @property
    def cast(self) -> float:
        """How far the mean colour is off grey."""
        return float(np.hypot(self.cast_u, self.cast_v))

    @property
    def grey(self) -> bool:
        """Whether there is no colour at all: the picture of an infrared night."""
        return self.cast < 3 and self.chroma < 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The measures against an earlier thumb of the same camera.

    ``likeness``: correlation of the edges, −1 … 1. ``shift``: how far the scene moved, in pixels of a 640-wide
    picture, and ``peak`` how sure that is, 0 … 1. ``energy``: edge energy against then. ``textured``: share of
    blocks that had texture then; ``lost``: share of those that are lit now and have lost it. ``lost_luma``,
    ``lost_luma_then``: median luma of the lost blocks, now and then; ``residue``: correlation of the edges inside
    them, because what is seen through fog or by night still is the scene, however faint. ``focus``: variance of the
    thumb's Laplacian against then. ``pattern``: correlation of the blocks' brightness with then, of pixels near
    the commonest luma alone. ``difference``, ``largest_difference``: of the thumbs' luma.

    Of the blocks that had detail then (``detailed``: their share): ``seen``, how well the detail in each correlates
    with what is there now, on average, whatever its contrast; ``seen_median``, ``seen_upper`` the median and the 70th
    percentile of it, ``seen_row`` the average in the row of blocks that is seen best; ``detail``: the median of how
    much detail there is now against then, and ``contrast`` the same for the detail against the brightness of its
    block: dusk takes light and detail alike, fog adds light. Where the scene is hidden these are but chance, about
    ± 0.2 in one block and ± 0.03 on average; fog leaves what is near to be seen, and that is a row.
    """

    likeness: float
    shift: float
    peak: float
    energy: float
    textured: float
    lost: float
    lost_luma: float
    lost_luma_then: float
    residue: float
    focus: float
    pattern: float
    difference: float
    largest_difference: float
    detailed: float
    seen: float
    seen_median: float
    seen_upper: float
    seen_row: float
    detail: float
    contrast: float


def shrink(plane: Plane, width: int, height: int) -> Plane:
    """``plane`` resampled by area."""
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def small_height(width: int, height: int) -> int:
    """The even height that a ``width`` × ``height`` picture has when it is 640 wide."""
    return max(2, round(height * SMALL_WIDTH / width / 2) * 2)


def thumb_of(planes: Planes) -> Plane:
    """The picture as 160 × 90 luma, whatever its shape."""
    return shrink(planes.small, THUMB_WIDTH, THUMB_HEIGHT)


def hash_of(planes: Planes) -> bytes:
    """A 256-bit difference hash: each bit says whether brightness rises from one cell to the next in its row."""
    cells = shrink(planes.small, 17, 16)
    return np.packbits(cells[:, 1:] > cells[:, :-1]).tobytes()


def hash_distance(one: bytes, other: bytes) -> int:
    """How many bits differ; hashes of different lengths differ in every bit."""
    if len(one) != len(other):
        return 8 * max(len(one), len(other))
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def measure(planes: Planes) -> Measures:
    """All absolute measures of one picture."""
    small = planes.small
    shares = _histogram(small)
    cumulated = shares.cumsum()
    levels = np.arange(256)
    mean = float((shares * levels).sum())
    mode = int(shares.argmax())
    return Measures(
        mean=mean,
        std=float(np.sqrt((shares * (levels - mean) ** 2).sum())),
        p1=float(np.searchsorted(cumulated, 0.01)),
        p99=float(np.searchsorted(cumulated, 0.99)),
        dark=float(cumulated[24]),
        bright=float(shares[230:].sum()),
        mode=float(mode),
        uniform=_uniform(planes, mode),
        relief=_relief(small, mode),
        spots=_spots(small, mode),
        text=_text_in_the_middle(small),
        sharpness=_laplacian_variance(small),
        noise=_noise(planes.luma),
        cast_u=float(planes.u.mean() - 128),
        cast_v=float(planes.v.mean() - 128),
        chroma=float(np.hypot(planes.u.std(), planes.v.std())),
        flat=_flat(small),
        stripes=max(_line_pattern(small, axis=0), _line_pattern(small, axis=1)),
    )


def compare(now: Plane, then: Plane) -> Comparison:
    """The relative measures of two thumbs of one camera."""
    # Towards the rims all edges count less: captions stand there, and what a small shift brings in from outside.
    window = _window()
    edges_now, edges_then = _edges(now) * window, _edges(then) * window
    (shift_x, shift_y), peak = cv2.phaseCorrelate(edges_now, edges_then)
    energy_now, energy_then = _blocks(edges_now), _blocks(edges_then)
    luma_now, luma_then = _blocks(now.astype(np.float32)), _blocks(then.astype(np.float32))
    textured = energy_then > _TEXTURED_ENERGY
    lost = textured & (energy_now < _LOST_RATIO * energy_then) & (luma_now >= _LIT_LUMA)
    difference = cv2.absdiff(now, then)
    return Comparison(
        likeness=_correlation(edges_now, edges_then),
        shift=float(np.hypot(shift_x, shift_y)) * SMALL_WIDTH / THUMB_WIDTH,
        peak=float(np.clip(peak, 0, 1)),
        energy=float(edges_now.mean() / max(float(edges_then.mean()), 1e-3)),
        textured=float(textured.mean()),
        lost=float(lost.sum() / max(int(textured.sum()), 1)),
        lost_luma=float(np.median(luma_now[lost])) if lost.any() else 0.0,
        lost_luma_then=float(np.median(luma_then[lost])) if lost.any() else 0.0,
        residue=_residue(edges_now, edges_then, lost),
        focus=_laplacian_variance(now) / max(_laplacian_variance(then), 1e-3),
        pattern=_correlation(_blocks(_near(now, int(_histogram(now).argmax()))), luma_then),
        difference=float(difference.mean()),
        largest_difference=float(difference.max()),
        **_seen(now, then),
    )


def _histogram(plane: Plane) -> NDArray[np.float64]:
    counts = np.bincount(plane.ravel(), minlength=256)
    return np.asarray(counts / counts.sum(), np.float64)


def _uniform(planes: Planes, mode: int) -> float:
    height, width = planes.u.shape
    luma = cv2.resize(planes.small, (width, height), interpolation=cv2.INTER_NEAREST).astype(np.int16)
    same = np.abs(luma - mode) <= _UNIFORM_LUMA
    for plane in (planes.u, planes.v):
        commonest = int(_histogram(plane).argmax())
        same &= np.abs(plane.astype(np.int16) - commonest) <= _UNIFORM_CHROMA
    return float(same.mean())


def _relief(small: Plane, mode: int) -> float:
    # an encoder sets whole blocks a level up or down; in large fields that is levelled out
    fields = cv2.resize(_near(small, mode), (4, 3), interpolation=cv2.INTER_AREA)
    return float(fields.max() - fields.min())


def _near(plane: Plane, mode: int) -> Field:
    return np.clip(plane, max(0, mode - _CLIP_LUMA), mode + _CLIP_LUMA).astype(np.float32)


def _spots(small: Plane, mode: int) -> float:
    """Lamps of a dark night, say. The rims belong to the captions."""
    rim = round(small.shape[0] * _RIM)
    return float((small[rim:-rim] > mode + _SPOT_LUMA).mean())


def _text_in_the_middle(small: Plane) -> float:
    """Letters stand close together in one line; lamps in a row have wide gaps, and a scene fills the height."""
    height, width = small.shape
    middle = small[height // 3 : height - height // 3]
    strokes = np.abs(cv2.Laplacian(middle, cv2.CV_16S)) > _STROKE
    rows, columns = np.flatnonzero(strokes.any(axis=1)), np.flatnonzero(strokes.any(axis=0))
    if rows.size == 0 or rows[-1] - rows[0] > 0.2 * height or columns[-1] - columns[0] < 0.1 * width:
        return 0.0
    # the larger the letters, the wider the gaps between them
    gap = max(7, (int(rows[-1]) - int(rows[0])) // 2)
    touched = cv2.dilate(strokes.any(axis=0).astype(np.uint8).reshape(1, -1), np.ones((1, gap), np.uint8)).ravel()
    return float(touched[columns[0] : columns[-1] + 1].mean())


def _noise(luma: Plane) -> float:
    height, width = luma.shape
    centre = luma[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4]
    grain = cv2.filter2D(centre, cv2.CV_16S, _HIGH_PASS)
    return float(np.median(np.abs(grain[::2, ::2])) / 0.6745 / 6)


def _flat(small: Plane, cells: int = 12) -> float:
    height, width = (size // cells * cells for size in small.shape)
    blocks = small[:height, :width].reshape(cells, height // cells, cells, width // cells).astype(np.float32)
    return float((blocks.std(axis=(1, 3)) < _FLAT_BLOCK_STD).mean())


def _line_pattern(small: Plane, axis: int) -> float:
    """How far one frequency stands out of the row (or column) means; a burnt-in caption does not."""
    profile = np.asarray(np.median(small, axis=axis), np.float32)
    smooth = cv2.GaussianBlur(profile.reshape(1, -1), (0, 0), 9).ravel()
    spectrum = np.abs(np.fft.rfft((profile - smooth) * np.hanning(profile.size)))[3:]
    strongest = float(spectrum.max())
    return strongest / (float(spectrum.mean()) + 1e-6) * float(np.log1p(strongest)) if strongest > 1 else 0.0


def _edges(thumb: Plane) -> Field:
    smooth = cv2.GaussianBlur(thumb, (0, 0), 1.2).astype(np.float32)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _blocks(field: Field) -> Field:
    return np.asarray(_split(field).mean(axis=2), np.float32)


def _correlation(one: Field, other: Field) -> float:
    first, second = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((first * first).sum() * (second * second).sum()))
    return float((first * second).sum()) / scale if scale > 1e-6 else 0.0


def _residue(now: Field, then: Field, lost: NDArray[np.bool_]) -> float:
    """The correlation within each lost block by itself, so that differences between blocks count for nothing."""
    if not lost.any():
        return 0.0
    blocks_now, blocks_then = (_split(field)[lost] for field in (now, then))
    return _correlation(
        blocks_now - blocks_now.mean(axis=1, keepdims=True), blocks_then - blocks_then.mean(axis=1, keepdims=True)
    )


def _seen(now: Plane, then: Plane) -> dict[str, float]:
    """What of the old detail is still there. In the uppermost and the lowest blocks captions are as sharp as ever."""
    detail_now, detail_then = _detail(now), _detail(then)
    mean_now, mean_then = _inner_means(detail_now), _inner_means(detail_then)
    spread_now = _root(_inner_means(detail_now * detail_now) - mean_now * mean_now)
    spread_then = _root(_inner_means(detail_then * detail_then) - mean_then * mean_then)
    known = spread_then >= _DETAILED_STD
    if not known.any():
        names = ("seen", "seen_median", "seen_upper", "seen_row", "detail", "contrast")
        return dict.fromkeys(names, 1.0) | {"detailed": 0.0}
    common = _inner_means(detail_now * detail_then) - mean_now * mean_then
    alike = np.where(spread_now < _BLANK_STD, 0.0, common / np.maximum(spread_now * spread_then, 1e-3))
    ranked = np.sort(alike[known])
    detail = spread_now[known] / spread_then[known]
    light = _inner_means(now.astype(np.float32))[known] / _inner_means(then.astype(np.float32))[known]
    rows = [float(row[of].mean()) for row, of in zip(alike, known, strict=True) if of.sum() >= _ROW_BLOCKS]
    return {
        "detailed": float(known.mean()),
        "seen": float(ranked.mean()),
        "seen_median": float(ranked[ranked.size // 2]),
        "seen_upper": float(ranked[ranked.size * 7 // 10]),
        "seen_row": max(rows, default=1.0),
        "detail": float(np.median(detail)),
        "contrast": float(np.median(detail / np.maximum(light, 1e-3))),
    }


def _inner_means(field: Field) -> Field:
    """The means of all blocks but those in the uppermost and the lowest row."""
    return np.asarray(cv2.resize(field, (GRID_COLUMNS, GRID_ROWS), interpolation=cv2.INTER_AREA)[1:-1], np.float32)


def _root(variance: Field) -> Field:
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)), np.float32)


def _detail(thumb: Plane) -> Field:
    fine = cv2.GaussianBlur(thumb, (0, 0), _FINE_SIGMA).astype(np.float32)
    return np.asarray(fine - cv2.GaussianBlur(fine, (0, 0), _COARSE_SIGMA), np.float32)


def _split(field: Field) -> Field:
    """The pixels of each block in a row of their own."""
    blocks = field.reshape(GRID_ROWS, THUMB_HEIGHT // GRID_ROWS, GRID_COLUMNS, THUMB_WIDTH // GRID_COLUMNS)
    return np.asarray(blocks.swapaxes(1, 2).reshape(GRID_ROWS, GRID_COLUMNS, -1), np.float32)


def _laplacian_variance(plane: Plane) -> float:
    _, deviation = cv2.meanStdDev(cv2.Laplacian(plane, cv2.CV_16S))
    return float(deviation[0, 0] ** 2)


def _window() -> Field:
    return np.asarray(cv2.createHanningWindow((THUMB_WIDTH, THUMB_HEIGHT), cv2.CV_32F), np.float32)
