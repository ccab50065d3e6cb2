"""What the county's rules forbid, and what is not on record: answers of a sentence, in Chinese and in English."""

from __future__ import annotations


class RuleError(ValueError):
    """One of the county's rules says no; the message names the rule."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en

    def text(self, lang: str = "zh") -> str:
        """The message in ``lang``."""
        return self.en if lang == "en" else self.zh


class UnknownError(LookupError):
    """There is no such month, camera, place or filing."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en

    def text(self, lang: str = "zh") -> str:
        """The message in ``lang``."""
        return self.en if lang == "en" else self.zh
