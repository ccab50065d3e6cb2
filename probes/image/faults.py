"""What is wrong with a picture, by the ids of DOMAIN's glossary.

    signal_loss  one flat colour with at most a text on it: what a recorder shows for a dead input
    black        black, without relief and without the grain of a sensor
    covered      a place that had texture is lit and has none, while the scene's edges are gone
    frozen       see probes.image.stillness
    the others   listed, but no camera is called faulty for them unless the county says so

A false accusation is the worst mistake, so each rule asks for several independent signs and lets the doubtful
cases go: an unlit night has grain or relief, an infrared picture is grey by nature, fog is bright.
"""

from __future__ import annotations

from probes.image.measure import Comparison, Measures

BLACK_LUMA = 24
"""Limited-range black is 16; sensors with a raised black level reach 24."""

COVERED_LUMA_LIMIT = 100
"""An exposure control lifts fog to a middle grey and above; what is darker, smooth and lit is an object."""


def absolute_faults(measures: Measures) -> list[str]:
    """The faults that the picture shows by itself."""
    blank = _blank(measures)
    if blank:
        return [blank]
    found = []
    if measures.mean < 32 and measures.p99 < 110:
        found.append("too_dark")
    if measures.bright > 0.6 or measures.p1 > 215:
        found.append("too_bright")
    if not measures.grey and measures.cast > 28 and measures.chroma < 1.2 * measures.cast:
        found.append("colour_cast")
    if measures.noise > 9:
        found.append("noise")
    if measures.stripes > 170:
        found.append("stripes")
    return found


def relative_faults(measures: Measures, comparison: Comparison) -> list[str]:
    """The faults that show against the camera's last good look."""
    if _covered(measures, comparison):
        return ["covered"]
    found = []
    if comparison.textured >= 0.3 and comparison.likeness > 0.2 and comparison.energy < 0.45 and measures.mean > 50:
        found.append("blurred")
    if comparison.peak > 0.3 and comparison.shift > 24 and comparison.energy > 0.5:
        found.append("moved")
    return found


def _blank(measures: Measures) -> str | None:
    """``black``, ``signal_loss``, or None for a picture with anything in it."""
    if measures.noise > 0.5 or measures.relief > 1.5 or measures.uniform < 0.9:
        return None
    if measures.mode <= BLACK_LUMA and measures.cast < 8:
        # a recorder writes NO VIDEO in the middle; a camera's own caption stands at the rim
        return "signal_loss" if measures.centre > 0.002 else "black"
    # a sensor drowned in light is as uniform as a signal that is lost
    return "signal_loss" if measures.mode < 225 else None


def _covered(measures: Measures, comparison: Comparison) -> bool:
    edges_gone = comparison.likeness < 0.45 and comparison.energy < 0.4 and comparison.lost >= 0.6
    smooth = measures.flat >= 0.5 and measures.noise <= 3
    if comparison.textured < 0.3 or not edges_gone or not smooth:
        return False
    darker = comparison.lost_luma <= min(COVERED_LUMA_LIMIT, 0.9 * comparison.lost_luma_then)
    return darker or measures.cast > 14
