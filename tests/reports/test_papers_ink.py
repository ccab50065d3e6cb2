"""The layout is measured on the rendered page and never on the template: GB/T 9704-2012, clauses in parentheses."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reports.circular import circular
from reports.notice import notice
from reports.paper import Issue, paragraph
from reports.render.typst import Document, TypstRenderer
from tests.reports import ink, sample
from tests.reports.conftest import Compile

pytestmark = [pytest.mark.usefixtures("poppler"), pytest.mark.real_peer]

TOP, LEFT, RIGHT, BOTTOM = 37.0, 28.0, 184.0, 262.0
TOLERANCE = 0.3
FULL_LINES = "国标编码点位名称在线完好情况逐台核实整改回执报送县综治中心" * 40


@pytest.fixture
def snapshot() -> dict[str, Any]:
    return {**sample.small(), "demo": False}


@pytest.fixture(scope="module")
def pages(renderer: TypstRenderer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A circular whose second and third page are filled to the last line."""
    issue = Issue(number="示综治〔2026〕12号", notice_numbers={}, on=date(2026, 11, 5))
    data = {**circular({**sample.small(), "demo": False}, issue), "blocks": [paragraph(FULL_LINES)]}
    output = tmp_path_factory.mktemp("ink") / "circular.pdf"
    renderer.compile(Document(template="circular.typ", data=data, timestamp=0), output)
    return output


def test_the_mark_stands_35_mm_below_the_text_area_and_the_rule_4_mm_below_the_number(pages: Path) -> None:
    page = ink.page_of(pages, 1)
    red = ink.bands(page.red)
    mark_top, rule = red[0][0], red[-1]
    assert mark_top - TOP == pytest.approx(35, abs=TOLERANCE)
    number = [band for band in ink.bands(page.black) if band[1] < rule[0]][-1]
    assert rule[0] - number[1] == pytest.approx(4, abs=TOLERANCE)


def test_the_rule_is_as_wide_as_the_text(pages: Path) -> None:
    red = ink.page_of(pages, 1).red
    rule = ink.bands(red)[-1]
    ((left, right),) = ink.strips(ink.between(red, *rule))
    assert [left, right] == pytest.approx([LEFT, RIGHT], abs=TOLERANCE)


def test_a_page_has_22_lines_of_28_characters(pages: Path) -> None:
    black = ink.between(ink.page_of(pages, 2).black, 0, BOTTOM + 1)
    lines = ink.bands(black)
    assert len(lines) == 22
    assert lines[0][0] == pytest.approx(TOP, abs=0.5)
    assert lines[-1][1] == pytest.approx(BOTTOM, abs=0.7)
    longest = max(ink.text_of(pages, first=2, last=2).splitlines(), key=len)
    assert len(longest) == 28


def test_lines_end_at_the_right_edge(pages: Path) -> None:
    black = ink.between(ink.page_of(pages, 2).black, 0, BOTTOM + 1)
    inked = ink.strips(black)
    assert inked[0][0] == pytest.approx(LEFT, abs=TOLERANCE + 0.3)  # the face's own side bearing
    assert inked[-1][1] == pytest.approx(RIGHT, abs=TOLERANCE)


@pytest.mark.parametrize("number", [2, 3])
def test_the_dash_of_the_page_number_is_7_mm_below_the_text(pages: Path, number: int) -> None:
    foot = ink.between(ink.page_of(pages, number).black, BOTTOM + 1, 297)
    columns = ink.strips(foot)
    outer = columns[-1] if number % 2 else columns[0]
    dash = foot.copy()
    dash[:, : round(outer[0] / ink.MM_PER_DOT)] = False
    dash[:, round(outer[1] / ink.MM_PER_DOT) + 1 :] = False
    ((top, bottom),) = ink.bands(dash)
    assert (top + bottom) / 2 - BOTTOM == pytest.approx(7, abs=TOLERANCE)
    # one character in from the outer edge; a dash has side bearings of its own
    inset = RIGHT - outer[1] if number % 2 else outer[0] - LEFT
    assert inset == pytest.approx(4.94, abs=0.6)


def test_the_closing_notes_end_with_the_text_area_and_a_page_of_their_own_has_no_number(pages: Path) -> None:
    last = ink.page_count(pages)
    assert last % 2 == 0
    black = ink.page_of(pages, last).black
    assert ink.bands(black)[-1][1] == pytest.approx(BOTTOM, abs=TOLERANCE)
    assert "—" not in ink.text_of(pages, first=last)


def test_the_name_of_an_office_that_is_too_long_is_narrowed(compiled: Compile, snapshot: dict[str, Any]) -> None:
    snapshot["site"]["office"] = "示范自治县社会治安综合治理中心信息化建设领导小组办公室"
    red = ink.page_of(compiled("circular.typ", circular(snapshot)), 1).red
    mark = ink.strips(ink.between(red, 60, 100))
    assert mark[-1][1] - mark[0][0] <= 150
    assert ink.bands(red)[0][0] - TOP == pytest.approx(35, abs=TOLERANCE)


def test_the_letter_format_of_a_notice(compiled: Compile, snapshot: dict[str, Any]) -> None:
    """9.1: the mark 30 mm from the paper's top, a double rule of 170 mm 4 mm below, another 20 mm from its bottom."""
    page = ink.page_of(compiled("notice.typ", notice(snapshot, snapshot["townships"][0])), 1)
    red = ink.bands(page.red)
    assert red[0][0] == pytest.approx(30, abs=TOLERANCE)
    *_, thick, thin, low_thin, low_thick = red
    assert thick[0] - max(band[1] for band in red[:-4]) == pytest.approx(4, abs=TOLERANCE)
    assert 297 - low_thick[1] == pytest.approx(20, abs=TOLERANCE)
    assert thick[1] - thick[0] > thin[1] - thin[0]
    assert low_thick[1] - low_thick[0] > low_thin[1] - low_thin[0]
    for rule in (thick, thin, low_thin, low_thick):
        ((left, right),) = ink.strips(ink.between(page.red, *rule))
        assert [left, right] == pytest.approx([20, 190], abs=TOLERANCE)
    assert not ink.bands(ink.between(page.black, BOTTOM + 1, 276))


def test_the_number_of_a_turned_page_stands_where_upright_pages_have_it(
    compiled: Compile, snapshot: dict[str, Any]
) -> None:
    """7.3.9: the table is turned by a quarter, the page number is not."""
    pdf = compiled("circular.typ", circular(snapshot))
    turned = next(
        number for number in range(1, 9) if (page := ink.page_of(pdf, number)).dots.shape[0] < page.dots.shape[1]
    )
    black = ink.page_of(pdf, turned).black
    upright = np.rot90(black)  # counter-clockwise: the left edge becomes the bottom
    foot = ink.between(upright, BOTTOM + 1, 297)
    columns = ink.strips(foot)
    outer = columns[-1] if turned % 2 else columns[0]
    inset = RIGHT - outer[1] if turned % 2 else outer[0] - LEFT
    assert inset == pytest.approx(4.94, abs=0.6)
