"""How much of the scene is to be seen? Fog hides it, and so does whatever is held before the lens.

Where such a veil is grey or bright one picture can't say which of the two it is: see ``monitor.core.veil``. So these
are no scores of faults. Each is 1 where the veil, or the haze, begins, and the more the thicker it is.

    veil  nothing of the scene is to be seen, or hardly anything; what is there instead is smooth and pale
    haze  the scene is paler than in the reference, or not to be recognised

Both need a reference with some detail, and light: an unlit night says nothing of the air.
"""

from __future__ import annotations

from collections.abc import Sequence

from probes.image.measure import Comparison, Measures
from probes.image.scale import below, share
from probes.image.thresholds import SCORE_MAX, Thresholds

DETAILED = 0.15
LIT_LUMA = 40.0
VEIL_MEDIAN, VEIL_UPPER, VEIL_ROW = 0.16, 0.38, 0.8
"""Beside a cover of nine tenths one row of the scene may be left to be seen."""
VEIL_DETAIL, VEIL_ENERGY, VEIL_NOISE = 0.32, 0.5, 5.0
VEIL_FLAT, UNEVEN = 0.5, 0.5
"""A veil is smooth. Where it isn't, as in a glare or under street lamps, half as much may be seen again."""
VEIL_PEAK = 0.3
"""Surer than this of a shift, and it is the scene that is seen, moved aside: covers reach 0.29."""
SNOW_LUMA, SNOW_FLAT, SNOW_ROW = 120.0, 0.76, 0.45
"""Snow that lies hides the ground and is bright and smooth; but what stands in it is seen, and is not smooth."""
PTZ_FLAT = 0.95
"""A camera that turns may see another scene: only where nothing has any texture it is veiled."""
HAZE_SEEN = 0.4


def veil_of(
    measures: Measures, comparisons: Sequence[Comparison], thresholds: Thresholds, *, ptz: bool
) -> dict[str, float]:
    """``veil`` and ``haze`` against the references that the picture is held to: the least of each. None, none."""
    known = [each for each in comparisons if each.detailed >= DETAILED]
    if not known or measures.mean < LIT_LUMA:
        return {}
    veil = min(_veil(measures, each, thresholds, ptz=ptz) for each in known)
    haze = min(_haze(each, thresholds) for each in known)
    if ptz and haze >= 1 > veil:
        return {}
    return {name: min(max(score, 0.0), SCORE_MAX) for name, score in (("veil", veil), ("haze", haze))}


def is_pale(comparison: Comparison, thresholds: Thresholds) -> bool:
    """Whether haze has taken so much of the contrast that the picture is no reference for a clear one."""
    return comparison.contrast <= thresholds.hazy_contrast


def _veil(measures: Measures, comparison: Comparison, thresholds: Thresholds, *, ptz: bool) -> float:
    seen = thresholds.veiled_seen * (1.0 if measures.flat >= VEIL_FLAT else UNEVEN)
    may_be_snow = measures.mean >= SNOW_LUMA and not measures.grey
    return min(
        below(comparison.seen, seen),
        below(comparison.seen_median, VEIL_MEDIAN),
        below(comparison.seen_upper, VEIL_UPPER),
        below(comparison.seen_row, SNOW_ROW if may_be_snow else VEIL_ROW),
        below(comparison.detail, VEIL_DETAIL),
        below(comparison.energy, VEIL_ENERGY),
        below(comparison.peak, VEIL_PEAK),
        below(measures.noise, VEIL_NOISE),
        share(measures.flat, SNOW_FLAT) if may_be_snow else SCORE_MAX,
        share(measures.flat, PTZ_FLAT) if ptz else SCORE_MAX,
    )


def _haze(comparison: Comparison, thresholds: Thresholds) -> float:
    return max(below(comparison.seen, HAZE_SEEN), below(comparison.contrast, thresholds.hazy_contrast))
