"""Make a font file with a few square characters and any names, as an office's own font would carry them."""

from __future__ import annotations

from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

CHINESE = 0x804
"""Windows language id of Chinese (PRC)"""
EM = 1000


def write_font(path: Path, english: str, chinese: str, characters: str, *, weight: int = 400) -> Path:
    """A TrueType file whose characters are filled squares."""
    names = {ord(character): f"u{ord(character):04X}" for character in characters}
    order = [".notdef", *names.values()]
    builder = FontBuilder(EM, isTTF=True)
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap(names)
    builder.setupGlyf(dict.fromkeys(order, _square()))
    builder.setupHorizontalMetrics(dict.fromkeys(order, (EM, 0)))
    builder.setupHorizontalHeader(ascent=880, descent=-120)
    postscript = "".join(filter(str.isalnum, english)) + f"-{weight}"
    builder.setupNameTable(
        {"familyName": english, "styleName": "Regular", "psName": postscript, "version": "Version 5.30"}
    )
    for name_id in (1, 4):
        builder.font["name"].setName(chinese, name_id, 3, 1, CHINESE)
    builder.setupOS2(usWeightClass=weight, sTypoAscender=880, sTypoDescender=-120)
    builder.setupPost()
    path.parent.mkdir(parents=True, exist_ok=True)
    builder.save(str(path))
    return path


def _square() -> object:
    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    pen.lineTo((100, 800))
    pen.lineTo((900, 800))
    pen.lineTo((900, 0))
    pen.closePath()
    return pen.glyph()
