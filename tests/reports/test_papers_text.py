"""What a reader, a search and a screen reader find in the papers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from monitor.wording import FAULTS
from reports.annex import annex
from reports.circular import circular
from reports.notice import notice
from reports.paper import paragraph
from tests.reports import ink, sample
from tests.reports.conftest import Compile

pytestmark = [pytest.mark.usefixtures("poppler"), pytest.mark.real_peer]

NEVER_FIRST = "，。、；：？！）》」』〕〉”’%"
NEVER_LAST = "（《「『〔〈“‘"


def test_the_circular_has_every_figure_of_the_ranking(big_papers: Mapping[str, Path], big: dict[str, Any]) -> None:
    text = ink.packed(ink.text_of(big_papers["circular"], layout=True))
    for row in [*big["townships"], big["county"]]:
        figures = ("online_rate", "intact_rate", "online_intact_rate", "equivalent_intact")
        name = "全县" if row is big["county"] else row["name"]
        counts = f"{row['registered']}{row['exempted']}{row['assessed']}"
        assert f"{name}{counts}{''.join(row[key] for key in figures)}{row['change']}" in text


def test_the_annex_has_every_faulty_camera_once_for_each_fault(
    big_papers: Mapping[str, Path], big: dict[str, Any]
) -> None:
    text = ink.packed(ink.text_of(big_papers["annex"]))
    for row in big["faults"]:
        assert text.count(row["camera"]) >= sum(each["camera"] == row["camera"] for each in big["faults"])
    for row in [*big["exempted"], *big["unassessed"], *big["never_connected"], *big["moved"]]:
        assert row["camera"] in text
    assert big["rules"]["digest"] in text
    assert "月末时点数（不参与计算）" in text


def test_a_notice_lists_its_own_cameras_and_nobody_elses(big_papers: Mapping[str, Path], big: dict[str, Any]) -> None:
    township = big["townships"][-1]
    found = set(re.findall(r"34020000\d{12}", ink.packed(ink.text_of(big_papers["notice"]))))
    assert found == {row["camera"] for row in big["faults"] if row["township"] == township["code"]}


def test_every_page_of_a_long_list_repeats_the_heading(big_papers: Mapping[str, Path]) -> None:
    pages = ink.text_of(big_papers["annex"]).split("\f")
    listing = [page for page in pages if re.search(r"34020000\d{12}", page) and "示范安防" in page]
    assert len(listing) > 20
    assert all("初判原因" in ink.packed(page) for page in listing)


@pytest.mark.parametrize("paper", ["circular", "notice"])
def test_no_line_begins_or_ends_with_forbidden_punctuation(big_papers: Mapping[str, Path], paper: str) -> None:
    lines = [line for page in (1, 2) for line in ink.lines_of(big_papers[paper], page) if len(line) > 12]
    assert len(lines) > 10
    assert [line for line in lines if line[0] in NEVER_FIRST or line[-1] in NEVER_LAST] == []


@pytest.mark.parametrize("paper", ["circular", "notice", "annex"])
def test_all_fonts_are_embedded_as_subsets(big_papers: Mapping[str, Path], paper: str) -> None:
    fonts = ink.fonts_of(big_papers[paper])
    assert fonts
    assert all(font.embedded and font.subset and font.kind != "Type 3" for font in fonts), fonts


@pytest.mark.parametrize("paper", ["circular", "notice", "annex"])
def test_hanzi_have_their_mainland_shapes(big_papers: Mapping[str, Path], paper: str) -> None:
    """A collection holds Japanese, Korean and Taiwan faces too, and a fallback would take the first."""
    names = [font.name for font in ink.fonts_of(big_papers[paper])]
    assert not [name for name in names if re.search(r"CJK(jp|kr|tc|hk)", name)]


@pytest.mark.parametrize(("paper", "mark"), [("circular", b"pdfuaid"), ("notice", b"pdfuaid"), ("annex", b"pdfaid")])
def test_the_file_says_which_standard_it_keeps_to(big_papers: Mapping[str, Path], paper: str, mark: bytes) -> None:
    raw = big_papers[paper].read_bytes()
    assert mark in raw
    assert b"<pdfaid:part>2</pdfaid:part>" in raw
    assert (b"<pdfaid:conformance>A</pdfaid:conformance>" in raw) is (paper != "annex")


@pytest.mark.parametrize("paper", ["circular", "notice", "annex"])
def test_each_page_of_the_demo_says_that_it_is_one(big_papers: Mapping[str, Path], paper: str) -> None:
    pages = ink.text_of(big_papers[paper]).split("\f")[:-1]
    assert len(pages) == ink.page_count(big_papers[paper])
    assert all("演示数据，单位、点位和人员均为虚构" in page for page in pages)


def test_each_page_of_a_draft_says_that_it_is_one_and_no_page_of_a_frozen_month_does(compiled: Compile) -> None:
    snapshot = {**sample.small(), "demo": False, "state": "draft"}
    frozen = compiled("circular.typ", circular({**snapshot, "state": "frozen"}))
    assert "征求意见稿" not in ink.text_of(frozen)
    for pdf in (
        compiled("circular.typ", circular(snapshot)),
        compiled("notice.typ", notice(snapshot, snapshot["townships"][0])),
        compiled("annex.typ", annex(snapshot)),
    ):
        assert all("征求意见稿" in page for page in ink.text_of(pdf).split("\f")[:-1])


def test_no_paper_names_an_address_or_a_login(big_papers: Mapping[str, Path]) -> None:
    text = "".join(ink.text_of(pdf) for pdf in big_papers.values())
    assert not re.search(r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}|rtsp://|密码|admin", text)


def test_page_1_of_the_circular_shows_text(big_papers: Mapping[str, Path]) -> None:
    assert "进行了持续巡查" in ink.packed(ink.text_of(big_papers["circular"], last=1))


@pytest.mark.parametrize("filler", range(0, 420, 28))
def test_a_signature_never_stands_on_a_page_without_text(compiled: Compile, filler: int) -> None:
    data = circular({**sample.small(), "demo": False})
    data["blocks"] = [paragraph("村" * (140 + filler)), paragraph("请核实" * 20)]
    pages = [ink.packed(page) for page in ink.text_of(compiled("circular.typ", data)).split("\f")]
    signed = next(page for page in pages if f"{data['office']}{data['date']}" in page)
    assert "请核实请核实" in signed


def test_the_receipt_keeps_its_signatures_together(big_papers: Mapping[str, Path]) -> None:
    last = ink.packed(ink.text_of(big_papers["notice"]).split("\f")[-2])
    assert all(word in last for word in ("负责人签字", "单位（盖章）", "复查意见"))
    assert any(words.zh.split("/")[0] in last for words in FAULTS.values()), "at least one row stands above them"


@pytest.mark.parametrize("rows", range(1, 20))
def test_no_receipt_of_any_length_leaves_its_signatures_alone(compiled: Compile, rows: int) -> None:
    snapshot = {**sample.small(), "demo": False}
    township = snapshot["townships"][0]
    fault = {**snapshot["faults"][0], "township": township["code"], "fault": "black", "lasting": True}
    snapshot["faults"] = [{**fault, "name": f"{number}号点位"} for number in range(rows)]
    text = ink.packed(ink.text_of(compiled("notice.typ", notice(snapshot, township))).split("\f")[-2])
    assert all(word in text for word in ("整改措施", f"{rows - 1}号点位", "负责人签字", "复查意见"))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13, 21, 30, 45])
def test_a_county_of_any_size_fits(compiled: Compile, count: int) -> None:
    """The layout settles whatever the number of pages; rows are neither lost nor cut."""
    snapshot = sample.small()
    row = snapshot["townships"][0]
    names = {f"{number:02}": f"{number:02}号乡镇" for number in range(1, count + 1)}
    snapshot["townships"] = [{**row, "code": code, "name": name, "place": int(code)} for code, name in names.items()]
    snapshot["heat"] = [{"code": code, "name": name, "days": ["99.00"] * 31} for code, name in names.items()]
    pdf = compiled("circular.typ", circular(snapshot))
    text = ink.text_of(pdf)
    assert all(text.count(name) >= 3 for name in names.values()), "table, bars and heat map"
    assert ink.page_count(pdf) % 2 == 0
