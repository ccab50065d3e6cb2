"""No character in a name can stop a month, and none is dropped that can be printed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.printable import GETA, LONGEST_WORD, ZERO_WIDTH_SPACE, Printer

COVERED = frozenset(map(ord, "村口东侧〓、（）： ")) | frozenset(range(0x20, 0x7F))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("村口\t东侧\r\n", "村口 东侧  "),
        ("村\u202e口\u2066东\u200b\u200d\ufeff侧", "村口东侧"),
        ("村口\x00\x07\x1b[31m", "村口[31m"),
        ("村\U0001f4f7口", "村〓口"),
        ("村\U0001f468\u200d\U0001f469\ufe0f口", "村〓〓口"),
        ("村\ud800口", "村口"),
        ("村\ue000口", "村〓口"),
        ("村ا口", "村〓口"),
        ("a\u0301\u0301", "〓〓"),
        ("村\u00a0口", "村 口"),
        ("村\u3164口", "村口"),
        ("#let $x$ *b* \\ <a>&amp;{{7*7}}", "#let $x$ *b* \\ <a>&amp;{{7*7}}"),
        ("=HYPERLINK(1)", "=HYPERLINK(1)"),
    ],
)
def test_what_paper_shows(raw: str, shown: str) -> None:
    assert Printer(COVERED).text(raw).replace(ZERO_WIDTH_SPACE, "") == shown


def test_what_could_not_be_printed_is_told() -> None:
    printer = Printer(COVERED)
    printer.tree({"name": ["村\U0001f4f7", "溵"], "count": 3})
    assert printer.replaced == {"\U0001f4f7", "溵"}


def test_long_words_get_places_to_break_and_ids_none() -> None:
    printer = Printer(COVERED)
    for whole in ("34020000001320000001", "0550-0000001", "CAM_0123-4567.89", "村口" * 150, "村口(alert(1))东侧"):
        assert printer.text(whole) == whole
    for long in ("a" * 200, "=HYPERLINK(1,2)"):
        broken = printer.text(f"村{long}口")
        assert broken.replace(ZERO_WIDTH_SPACE, "") == f"村{long}口"
        assert max(map(len, broken.split(ZERO_WIDTH_SPACE))) <= LONGEST_WORD


def test_a_drawing_gets_no_breaks() -> None:
    drawing = f"<svg>{'a' * 100}\U0001f4f7</svg>"
    assert Printer(COVERED).tree({"svg": drawing}) == {"svg": f"<svg>{'a' * 100}{GETA}</svg>"}


@given(st.text(st.characters(), max_size=60))
def test_whatever_comes_in_only_printable_text_goes_out(raw: str) -> None:
    shown = Printer(COVERED).text(raw).replace(ZERO_WIDTH_SPACE, "")
    assert all(ord(each) in COVERED for each in shown)
    kept = [each for each in unicodedata.normalize("NFC", raw) if ord(each) in COVERED and each != GETA]
    assert [each for each in shown if each not in (GETA, " ")] == [each for each in kept if each != " "]
