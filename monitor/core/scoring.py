"""How many points is a rate worth (考评得分)?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

RULES_VERSION = "1"
"""Changes whenever a figure could come out differently from the same record and settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """``full`` points at the target and above; ``per_point`` fewer for each percentage point below, never under
    ``floor``.
    """

    full: Fraction = Fraction(100)
    floor: Fraction = Fraction(0)
    per_point: Fraction = Fraction(1)

    def points(self, rate: Fraction, target: Fraction) -> Fraction:
        """The exact points of a rate; both are shares of 1.

        >>> Linear().points(Fraction(93, 100), Fraction(95, 100)), Linear().points(Fraction(1), Fraction(95, 100))
        (Fraction(98, 1), Fraction(100, 1))
        """
        return min(self.full, max(self.floor, self.full - self.per_point * (target - rate) * 100))


def figure(value: Fraction) -> str:
    """A number as it is printed: two decimals, rounded down.

    >>> figure(Fraction(98999, 1000)), figure(Fraction(100))
    ('98.99', '100.00')
    """
    hundredths = value.numerator * 100 // value.denominator
    sign = "-" if hundredths < 0 else ""
    return f"{sign}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}"


def mean(printed: Sequence[str]) -> Fraction | None:
    """The year so far: the mean of the months' printed points, so that anybody can check it against the papers.

    >>> mean(["98.00", "99.01"]), mean([])
    (Fraction(19701, 200), None)
    """
    return sum(map(Fraction, printed), Fraction()) / len(printed) if printed else None


def digest(rules: Mapping[str, object]) -> str:
    """SHA-256 over the canonical JSON of the rules, to be printed beside their version."""
    text = json.dumps(rules, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
