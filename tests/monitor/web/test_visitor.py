"""Language and place of whoever looks."""

import doctest

import pytest

from monitor import charts, metrics, wording
from monitor.web import visitor
from monitor.web.visitor import Visitor, anchor, dialled, numbers_of
from monitor.wording import Lang
from tests.monitor.web.boards import NOW, ZONE

VISITOR = Visitor(lang=Lang.EN, zone=ZONE, now=NOW)


@pytest.mark.parametrize("module", [visitor, wording, metrics, charts])
def test_examples_in_docstrings_run(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]  # a module, as parametrize types it


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [
        ("0555-6012345", ["0555-6012345"]),
        ("13800000000 / 13900000000", ["13800000000", "13900000000"]),
        ("13800000000、13900000000", ["13800000000", "13900000000"]),
        ("138 0000 0000", ["138", "0000", "0000"]),
        ("", []),
        ("无", []),
    ],
)
def test_a_cell_of_the_ledger_may_hold_several_numbers(cell: str, numbers: list[str]) -> None:
    assert numbers_of(cell) == numbers


@pytest.mark.parametrize(
    ("number", "wanted"),
    [("(0555) 601-2345", "05556012345"), ("+86 138", "+86138"), ('1"><script>', "1"), ("800#2", "800#2")],
)
def test_only_what_a_telephone_can_dial_is_in_a_link(number: str, wanted: str) -> None:
    assert dialled(number) == wanted


def test_links_quote_their_segments_and_values() -> None:
    assert VISITOR.link() == "/"
    assert VISITOR.link("camera", "a/b?c", said="ä&b") == "/camera/a%2Fb%3Fc?said=%C3%A4%26b"
    assert Visitor(lang=Lang.EN, zone=ZONE, now=NOW, asked=True).link("events") == "/events?lang=en"


def test_half_a_character_in_an_id_still_makes_a_link() -> None:
    assert VISITOR.link("camera", "\ud83d") == "/camera/%3F"


def test_an_anchor_is_stable_and_safe_in_html() -> None:
    assert anchor("village:01/柳树村@1") == anchor("village:01/柳树村@1")
    assert anchor("a") != anchor("b")
    assert anchor('">').isalnum()
