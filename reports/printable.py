"""What of a text can be printed? Names come from ledgers and cameras, and no character in them may stop a month.

A character that no face covers would make a PDF/A compile fail, a control or a direction mark would change what is
read. The record keeps the raw text; only paper gets the printable one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

GETA = "〓"
"""What printers in East Asia put where they have no type."""
SPACES = frozenset("\t\n\r\v\f\u0085\u2028\u2029")
INVISIBLE = frozenset({"Cc", "Cf", "Cs"})
"""Controls, format characters (among them all direction marks and zero-width ones), lone surrogates."""
UNSETTABLE = frozenset({"Mn", "Mc", "Me", "Co", "Cn"})
"""Marks that pile up on their neighbour, characters that mean something in one font only, or nothing yet."""
RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
"""They would reorder the figures around them."""
INVISIBLE_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u180b\u180c\u180d\u2800")
"""Letters by category, blank by shape: Hangul fillers, Mongolian selectors, the empty Braille pattern."""
LONGEST_WORD = 10
"""A run of more characters without a place to break would leave a narrow table cell; it is given some."""
LONGEST_ID = 24
"""An id, a telephone number or a date up to this length stays whole: it is searched for and copied."""
BREAK_EVERY = 4
DRAWING = "svg"
ZERO_WIDTH_SPACE = "\u200b"
NARROW_RUN = re.compile(rf"[^\s\u2e80-\uffef\U00020000-\U0003ffff]{{{LONGEST_WORD + 1},}}")
"""Anything but spaces and East Asian characters, which a line breaks between anyway."""
ID = re.compile(r"[0-9A-Za-z_.:-]+")


@dataclass(slots=True)
class Printer:
    """Makes texts printable and remembers what it could not print."""

    covered: Collection[int]
    """code points that some face in use has"""
    replaced: set[str] = field(default_factory=set)
    """characters that became 〓"""

    def text(self, raw: str, *, breakable: bool = True) -> str:
        """The text as paper shows it: spaces for tabs and line ends, nothing for what can't be seen, 〓 for the rest.

        >>> Printer(frozenset(map(ord, "村口a〓"))).text("村\\u202e口\\u200b\\ta\\U0001f600")
        '村口 a〓'
        """
        if raw.isascii() and raw.isprintable() and len(raw) <= LONGEST_WORD:
            return raw
        shown = "".join(self._character(each) for each in unicodedata.normalize("NFC", raw))
        return _breakable(shown) if breakable and len(shown) > LONGEST_WORD else shown

    def tree(self, value: Any) -> Any:
        """The same data with every text in it printable. Keys are ours and stay; drawings (``svg``) get no breaks."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {
                key: self.text(member, breakable=False) if key == DRAWING else self.tree(member)
                for key, member in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.tree(member) for member in value]
        return value

    def _character(self, character: str) -> str:
        if character in SPACES:
            return " "
        category = unicodedata.category(character)
        if category in INVISIBLE or character in INVISIBLE_LETTERS or "\ufe00" <= character <= "\ufe0f":
            return ""
        if category == "Zs":
            return character if character == "\u3000" else " "
        unsettable = category in UNSETTABLE or unicodedata.bidirectional(character) in RIGHT_TO_LEFT
        if unsettable or ord(character) not in self.covered:
            self.replaced.add(character)
            return GETA
        return character


def _breakable(text: str) -> str:
    """Give long runs of characters between which a line never breaks (Latin, digits, punctuation) places to break."""
    return NARROW_RUN.sub(_with_breaks, text)


def _with_breaks(found: re.Match[str]) -> str:
    run = found[0]
    if len(run) <= LONGEST_ID and ID.fullmatch(run):
        return run
    return ZERO_WIDTH_SPACE.join(run[place : place + BREAK_EVERY] for place in range(0, len(run), BREAK_EVERY))
