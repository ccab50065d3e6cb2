"""Which settings does the demo shorten, so that days fit into two minutes?"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from pathlib import Path
from typing import Any

from monitor.config import Difference

CAMERAS_AT_FULL_PACE = 880
"""So many are looked at every four seconds. Two cores that serve the county as well carry 4,000 every nine."""

FONTS = Path("data", "fonts")
"""Where ``make fonts`` puts them, from the folder that the demo is started in."""


def overlay(cameras: int, port: int, papers: Path) -> dict[str, Any]:
    """The settings that a county of ``cameras`` is watched with. Intervals are seconds.

    The page is on ``port``, the months' papers are put into ``papers``, in the fonts that the county would use.
    """
    slower = max(1.0, cameras / CAMERAS_AT_FULL_PACE)
    light_s = round(4 * sqrt(slower))
    return {
        "looks": {
            "light_s": light_s,
            "describe_s": round(16 * slower),
            "media_s": round(40 * slower),
            "picture_s": 15 * light_s,
            "impaired_s": light_s,
            "backoff": [1],
            "relook_after_s": [1, 2],
        },
        "confirm": {"confirm_over_s": 4, "up_apart_s": 1, "image_gap_s": 4, "hold_s": 2 * light_s},
        "limits": {"media": round(64 * min(3.0, slower))},
        "witness": {"every_s": 2.0},
        "record": {"coverage_s": 1.0, "board_s": 1.0, "count_s": 2.0},
        "inspection": {"rounds_per_month": 0},
        "counting": {"assessed_from": "0"},
        "web": {"port": port},
        "papers": {"dir": str(papers), "fonts": str(FONTS.absolute())},
    }


def shortened(differences: list[Difference], laid_over: Mapping[str, Any]) -> list[Difference]:
    """Those of ``differences`` that come from the overlay, without the page's port and the papers' folders."""
    paths = {f"{table}.{key}" for table, keys in laid_over.items() for key in keys} - {
        "web.port",
        "papers.dir",
        "papers.fonts",
    }
    return [difference for difference in differences if difference.path in paths]
