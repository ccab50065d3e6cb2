"""From which measure on a picture has a fault? The table ``[picture.thresholds]`` of config.toml."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The measure of each image fault at which its score is 1.

    ``black_luma``: the commonest luma of a black picture, at most. ``signal_loss_cast``: how far the one colour of a
    dead input is off grey. ``covered_share``: share of the textured places that have lost their texture.
    ``veiled_seen``: how well the scene's detail is seen again in a veiled picture, at most; ``hazy_contrast``: the
    contrast of a hazy one against the reference's, at most. ``blurred_focus``: the fine contrast left of the
    reference's, below. ``too_dark_luma``, ``too_bright_luma``: mean luma; ``too_bright_share``: share of burnt-out
    pixels. ``colour_cast``: mean chroma off grey. ``noise``: standard deviation of the grain, in levels. ``stripes``:
    strength of a pattern of lines. ``moved_shift``: against the reference, ``shaking_shift``: between two key frames
    of one look, both in pixels of a 640-wide picture.

    ``frozen`` and ``corrupted`` are told by several frames: theirs are the hours and the frames in a row of
    ``probes.picture.PictureProbe``.
    """

    black_luma: float = 24.0
    signal_loss_cast: float = 40.0
    covered_share: float = 0.6
    veiled_seen: float = 0.22
    hazy_contrast: float = 0.5
    blurred_focus: float = 0.6
    too_dark_luma: float = 32.0
    too_bright_luma: float = 200.0
    too_bright_share: float = 0.6
    colour_cast: float = 28.0
    noise: float = 9.0
    stripes: float = 110.0
    moved_shift: float = 24.0
    shaking_shift: float = 6.0


DEFAULTS = Thresholds()

SCORE_MAX = 10.0
"""Beyond it nobody needs to know how far."""
