"""What is wrong with a picture, by the ids of the county's glossary.

    signal_loss  one flat colour of a kind that no scene has, or one with a text in its middle: a recorder's dead input
    black        black, without relief and without the grain of a sensor
    covered      most places that had texture are lit and have lost it, and nothing of the scene shines through
    frozen       see probes.image.stillness
    the others   listed; no camera is called faulty for them unless the county says so

A false accusation is the worst mistake, so each rule asks for several independent signs and lets the doubtful cases
go: an unlit night keeps some relief, an infrared picture is grey by nature, fog is bright and lets edges through.
The numbers come from scenes by day, dusk, night, infrared and fog through H.264 and H.265; see tests/probes/image.
"""

from __future__ import annotations

from probes.image.measure import Comparison, Measures

BLACK_LUMA = 24
"""Limited-range black is 16; sensors with a raised black level reach 24."""

BLANK_RELIEF = 1.1
"""Levels. Encoders give a blank picture up to 1.0; a yard that is lit to 3 % of daylight has 2.0."""

SCREEN_CAST = 40.0
"""Chroma off grey of a blue or green screen; sodium light and dusk stay below 30."""

COVERED_LUMA = 100.0
"""An exposure control lifts fog to a middle grey and above; what is darker, smooth and lit is an object."""


def find_faults(measures: Measures, comparison: Comparison | None) -> list[str]:
    """The faults that one picture shows; ``comparison`` is against the camera's last good look, if there was one."""
    blank = _blank(measures)
    # nothing of the scene may show in a black picture: an unlit yard keeps its pattern down to 1 % of daylight
    if blank and (blank != "black" or comparison is None or comparison.pattern < 0.6):
        return [blank]
    if comparison is not None and _covered(measures, comparison):
        return ["covered"]
    faults = _spoiled(measures)
    if comparison is not None and not faults:
        faults = _changed(comparison)
    return faults


def _spoiled(measures: Measures) -> list[str]:
    """What spoils the picture by itself."""
    faults = []
    if measures.mean < 32 and measures.p99 < 110:
        faults.append("too_dark")
    if measures.bright > 0.6 or measures.mean > 200:
        faults.append("too_bright")
    if not measures.grey and measures.cast > 28:
        faults.append("colour_cast")
    if measures.noise > 9:
        faults.append("noise")
    if measures.stripes > 110:
        faults.append("stripes")
    return faults


def _changed(comparison: Comparison) -> list[str]:
    """What is another than at the last good look."""
    faults = []
    # Fog and dusk take fine and coarse contrast alike; a lens out of focus takes the fine one.
    if comparison.likeness > 0.6 and comparison.focus < 0.6 * min(comparison.energy, 1.0) ** 2:
        faults.append("blurred")
    if comparison.peak > 0.5 and comparison.shift > 24:
        faults.append("moved")
    return faults


def _blank(measures: Measures) -> str | None:
    """``black``, ``signal_loss``, or None for a picture with anything in it."""
    if measures.noise > 0.5 or measures.relief > BLANK_RELIEF or measures.uniform < 0.9:
        return None
    # a recorder writes NO VIDEO in the middle
    has_text = measures.text > 0.7
    if measures.mode <= BLACK_LUMA and measures.cast < 8:
        if has_text:
            return "signal_loss"
        # a single lamp far away, and the night is no black screen
        return "black" if measures.spots < 0.0001 else None
    # a sensor drowned in light, or in fog, can be as plain; a saturated colour cannot
    return "signal_loss" if measures.cast > SCREEN_CAST or (has_text and measures.mode < 225) else None


def _covered(measures: Measures, comparison: Comparison) -> bool:
    known = comparison.textured >= 0.3
    gone = comparison.lost >= 0.6 and comparison.residue < 0.2
    unlike = comparison.likeness < 0.6 and comparison.energy < 0.6
    smooth = measures.flat >= 0.5 and measures.noise <= 3
    no_brighter = comparison.lost_luma <= min(COVERED_LUMA, comparison.lost_luma_then)
    return known and gone and unlike and smooth and no_brighter
