"""One thing that the doctor has looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    FINE = "fine"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at, in both languages."""

    level: Level
    topic: str
    zh: str
    en: str

    def text(self, lang: str) -> str:
        """What was found, and what to do about it."""
        return self.en if lang == "en" else self.zh


def finding(topic: str, zh: str, en: str, level: Level = Level.FINE) -> Finding:
    """Shorter to write."""
    return Finding(level=level, topic=topic, zh=zh, en=en)
