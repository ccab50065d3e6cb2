"""How far is a measure beyond its threshold? 1 at the threshold itself, more beyond it."""

from __future__ import annotations

from probes.image.thresholds import SCORE_MAX


def above(value: float, limit: float) -> float:
    """For a value that must reach ``limit``."""
    return value / max(limit, 1e-6)


def below(value: float, limit: float) -> float:
    """For a value that must not exceed ``limit``; a correlation below zero is as far as can be."""
    return limit / value if value > limit / SCORE_MAX else SCORE_MAX


def share(value: float, limit: float) -> float:
    """For a share that must reach ``limit``: by what is missing to the whole, so that the whole is far."""
    return below(1.0 - value, 1.0 - limit) if value >= limit else above(value, limit)
