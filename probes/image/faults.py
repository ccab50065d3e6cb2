"""What is wrong with a picture, by the ids of the county's glossary.

    signal_loss  one flat colour of a kind that no scene has, or one with a text in its middle: a recorder's dead input
    black        black, without relief and without the grain of a sensor
    covered      most places that had texture are lit and have lost it, and nothing of the scene shines through; or
                 nowhere is any detail of the scene to be seen again behind something coloured or dark
    frozen       see probes.image.stillness
    shaking      see probes.image.shake
    the others   listed; no camera is called faulty for them unless the county says so

A false accusation is the worst mistake, so each rule asks for several independent signs and lets the doubtful cases
go: an unlit night keeps some relief, an infrared picture is grey by nature, fog is bright and lets edges through.
The score of a fault is that of its weakest sign: how far this is beyond its threshold, 1 at the threshold itself.
The thresholds of the leading signs are the county's (:class:`probes.image.thresholds.Thresholds`), those of the others
are here. The numbers come from scenes by day, dusk, night, infrared and fog through H.264 and H.265; see
tests/probes/image.

A picture is held against the reference of its own light. One that is smooth and grey tells of no light, since a cloth
and an infrared fog look the same: such a one is covered only if it is so against every reference there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probes.image.measure import Comparison, Measures
from probes.image.scale import above, below, share
from probes.image.thresholds import DEFAULTS, SCORE_MAX, Thresholds
from probes.observation import Light

BLANK_RELIEF, BLANK_NOISE, BLANK_UNIFORM = 1.1, 0.5, 0.9
"""Encoders give most blank pictures a relief up to 1.0 levels; a yard that is lit to 2 % of daylight has 1.2."""

STRANGE_RELIEF, STRANGE_PATTERN = 1.3, 0.34
"""Some reach 1.2. That is blank only if no more than chance, 0.33, of what the camera is known to see shows in it."""

BLACK_CAST, BLACK_SPOTS, BLACK_PATTERN = 8.0, 0.0001, 0.42
"""A single lamp far away, and the night is no black screen. An unlit yard keeps its pattern, by day or by night, down
to 1 % of daylight: 0.48 is the least; without any light chance reaches 0.33."""

TEXT = 0.7
"""A recorder writes NO VIDEO in the middle."""
BRIGHTEST_SCREEN = 224.0
"""A sensor drowned in light, or in fog, can be as plain as a screen; a saturated colour cannot."""

COVERED_TEXTURE, COVERED_FLAT, COVERED_NOISE = 0.3, 0.5, 3.0
COVERED_RESIDUE, COVERED_LIKENESS, COVERED_ENERGY = 0.2, 0.6, 0.6
COVERED_LUMA = 100.0
"""An exposure control lifts fog to a middle grey and above; what is darker, smooth and lit is an object."""
COVERED_PEAK = 0.3
"""A camera that was pushed aside at dusk has lost its texture everywhere, but what it sees is the scene, shifted."""
HIDDEN_DETAILED = 0.2
HIDDEN_SEEN, HIDDEN_MEDIAN, HIDDEN_UPPER, HIDDEN_ROW, HIDDEN_DETAIL = 0.12, 0.13, 0.28, 0.3, 0.4
"""Chance reaches 0.10, 0.13, 0.26, 0.25 and 0.38. Fog leaves the near ground to be seen, snow that falls has its own
detail."""
HIDDEN_CAST, HIDDEN_LUMA = 16.0, 80.0
"""From a high mast thick fog hides everything, but it is bright and nearly grey: what may be fog is let go."""
PTZ_FLAT = 0.95
"""A camera that turns may look at another scene, walls and water included: nothing at all may be seen in it."""

DARK_P99 = 110.0
SAME_SCENE, SURE_SHIFT = 0.6, 0.5
NIGHT_LUMA = 40.0
"""A coloured picture with a lower mean is one of a night."""


def light_of(measures: Measures) -> Light | None:
    """By which light the picture was taken; None for one that is smooth and grey, which could be either.

    Grey is what infrared gives, and dark is dark: night. A camera without colours is one of a long night.
    """
    if measures.mean < NIGHT_LUMA:
        return Light.NIGHT
    if not measures.grey:
        return Light.DAY
    return None if measures.flat >= COVERED_FLAT else Light.NIGHT


def asks_every_reference(measures: Measures) -> bool:
    """Whether the picture has to be held against references of another light, too.

    It may be any scene covered, or black, and nothing of a known scene may show in that.
    """
    return light_of(measures) is None or measures.uniform >= BLANK_UNIFORM


def find_faults(
    measures: Measures,
    comparison: Comparison | None,
    thresholds: Thresholds = DEFAULTS,
    *,
    others: Sequence[Comparison] = (),
    ptz: bool = False,
) -> list[str]:
    """The faults that one picture shows: see :func:`score_faults` for the arguments."""
    return listed(score_faults(measures, comparison, thresholds, others=others, ptz=ptz))


def score_faults(
    measures: Measures,
    comparison: Comparison | None,
    thresholds: Thresholds = DEFAULTS,
    *,
    others: Sequence[Comparison] = (),
    ptz: bool = False,
) -> dict[str, float]:
    """The score of every fault that one picture can show, 0 … 10; those without a reference are left out.

    ``comparison`` is against the reference of the picture's own light, if there is one, ``others`` are those against
    references of another light. ``ptz`` says that the camera turns: it is never ``moved``.
    """
    every = ([comparison] if comparison is not None else []) + list(others)
    scores = _blank(measures, every, thresholds) | _spoiled(measures, thresholds)
    held_against = every if light_of(measures) is None else every[: comparison is not None]
    if held_against:
        scores["covered"] = min(_covered(measures, each, thresholds, ptz=ptz) for each in held_against)
    if comparison is not None:
        scores |= _changed(comparison, thresholds, ptz=ptz)
    return {fault: min(max(score, 0.0), SCORE_MAX) for fault, score in scores.items()}


def listed(scores: Mapping[str, float]) -> list[str]:
    """The faults to be named: what is blank or covered shows nothing else, and what is spoiled can't be compared."""
    for fault in ("signal_loss", "black", "covered"):
        if scores.get(fault, 0.0) >= 1:
            return [fault]
    spoiled = [fault for fault in SPOILED if scores[fault] >= 1]
    return spoiled or [fault for fault in ("blurred", "moved") if scores.get(fault, 0.0) >= 1]


SPOILED = ("too_dark", "too_bright", "colour_cast", "noise", "stripes")
"""What spoils a picture by itself."""


def _blank(measures: Measures, comparisons: Sequence[Comparison], thresholds: Thresholds) -> dict[str, float]:
    """``black`` and ``signal_loss``: a picture without anything in it."""
    strange = min((below(comparison.pattern, STRANGE_PATTERN) for comparison in comparisons), default=0.0)
    plain = min(
        below(measures.noise, BLANK_NOISE),
        max(below(measures.relief, BLANK_RELIEF), min(strange, below(measures.relief, STRANGE_RELIEF))),
        share(measures.uniform, BLANK_UNIFORM),
    )
    written = share(measures.text, TEXT)
    screen = max(
        above(measures.cast, thresholds.signal_loss_cast), min(written, below(measures.mode, BRIGHTEST_SCREEN))
    )
    black = min(
        plain,
        below(measures.mode, thresholds.black_luma),
        below(measures.cast, BLACK_CAST),
        below(measures.text, TEXT),
        below(measures.spots, BLACK_SPOTS),
        # nothing of the scene may show in a black picture, by whatever light it is known
        *(below(comparison.pattern, BLACK_PATTERN) for comparison in comparisons),
    )
    return {"signal_loss": min(plain, screen), "black": black}


def _spoiled(measures: Measures, thresholds: Thresholds) -> dict[str, float]:
    return {
        "too_dark": min(below(measures.mean, thresholds.too_dark_luma), below(measures.p99, DARK_P99)),
        "too_bright": max(
            above(measures.bright, thresholds.too_bright_share), above(measures.mean, thresholds.too_bright_luma)
        ),
        "colour_cast": 0.0 if measures.grey else above(measures.cast, thresholds.colour_cast),
        "noise": above(measures.noise, thresholds.noise),
        "stripes": above(measures.stripes, thresholds.stripes),
    }


def _covered(measures: Measures, comparison: Comparison, thresholds: Thresholds, *, ptz: bool) -> float:
    covered = max(_hidden(measures, comparison, ptz=ptz), _mostly_covered(measures, comparison, thresholds, ptz=ptz))
    return min(covered, below(comparison.peak, COVERED_PEAK))


def _hidden(measures: Measures, comparison: Comparison, *, ptz: bool) -> float:
    """Nothing of the scene is to be seen, and fog doesn't look like what is seen instead, which may have folds."""
    if comparison.detailed < HIDDEN_DETAILED or measures.mean < NIGHT_LUMA:
        return 0.0
    return min(
        below(comparison.seen, HIDDEN_SEEN),
        below(comparison.seen_median, HIDDEN_MEDIAN),
        below(comparison.seen_upper, HIDDEN_UPPER),
        below(comparison.seen_row, HIDDEN_ROW),
        below(comparison.detail, HIDDEN_DETAIL),
        below(comparison.energy, COVERED_ENERGY),
        below(measures.noise, COVERED_NOISE),
        0.0 if measures.grey else max(above(measures.cast, HIDDEN_CAST), below(measures.mean, HIDDEN_LUMA)),
        share(measures.flat, PTZ_FLAT) if ptz else SCORE_MAX,
    )


def _mostly_covered(measures: Measures, comparison: Comparison, thresholds: Thresholds, *, ptz: bool) -> float:
    """Most of what had texture is gone behind something dark and smooth; a rest of the scene may be seen."""
    if comparison.textured < COVERED_TEXTURE:
        return 0.0
    return min(
        share(comparison.lost, thresholds.covered_share),
        below(comparison.residue, COVERED_RESIDUE),
        below(comparison.likeness, COVERED_LIKENESS),
        below(comparison.energy, COVERED_ENERGY),
        share(measures.flat, PTZ_FLAT if ptz else COVERED_FLAT),
        below(measures.noise, COVERED_NOISE),
        below(comparison.lost_luma, min(COVERED_LUMA, comparison.lost_luma_then)),
    )


def _changed(comparison: Comparison, thresholds: Thresholds, *, ptz: bool) -> dict[str, float]:
    """What is another than in the reference."""
    # Fog and dusk take fine and coarse contrast alike; a lens out of focus takes the fine one.
    focus = below(comparison.focus, thresholds.blurred_focus * min(comparison.energy, 1.0) ** 2)
    scores = {"blurred": min(above(comparison.likeness, SAME_SCENE), focus)}
    if not ptz:
        scores["moved"] = min(above(comparison.peak, SURE_SHIFT), above(comparison.shift, thresholds.moved_shift))
    return scores
