"""A request that the county's rules forbid."""

from __future__ import annotations


class RuleError(ValueError):
    """One of the county's rules says no; the message names the rule, in Chinese and in English."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en

    def text(self, lang: str = "zh") -> str:
        """The message in ``lang``."""
        return self.en if lang == "en" else self.zh
