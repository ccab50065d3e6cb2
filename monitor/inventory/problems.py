"""What is wrong with a ledger, in words that the person who keeps it understands.

InventoryError      the file as a whole cannot be used
Problem             one row, or one sheet, is left out; the rest can go in
"""

from __future__ import annotations

from dataclasses import dataclass


class InventoryError(Exception):
    """A ledger that cannot be used at all; the message says why and what to do."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(zh)
        self.zh = zh
        self.en = en

    def text(self, lang: str = "zh") -> str:
        """The message in ``lang``."""
        return self.en if lang == "en" else self.zh


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A remark on ``row`` (as the spreadsheet numbers it) of ``sheet``, or on the whole sheet."""

    sheet: str
    row: int | None = None
    zh: str
    en: str

    def text(self, lang: str = "zh") -> str:
        """One sentence with the place in front.

        >>> Problem(sheet="", row=214, zh="没有名为“泌水镇”的乡镇", en="no township named 泌水镇").text("en")
        'row 214: no township named 泌水镇'
        """
        if lang == "en":
            place = [f'sheet "{self.sheet}"'] if self.sheet else []
            place += [f"row {self.row}"] if self.row is not None else []
            return f"{', '.join(place)}: {self.en}" if place else self.en
        sheet = f"工作表“{self.sheet}”" if self.sheet else ""
        row = f"第 {self.row} 行" if self.row is not None else ""
        return f"{sheet}{row}：{self.zh}" if sheet or row else self.zh
