"""The circular's sentences: each figure as the snapshot has it, neutral words, no cause that nobody recorded."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from reports.circular import circular
from reports.paper import Issue
from tests.reports import sample


@pytest.fixture
def snapshot() -> dict[str, Any]:
    return sample.small()


def text_of(snapshot: dict[str, Any]) -> str:
    return "\n".join(f"{block.get('lead', '')}{block['text']}" for block in circular(snapshot)["blocks"])


def with_townships(snapshot: dict[str, Any], *rates: str | None, **fields: list[Any]) -> dict[str, Any]:
    """The snapshot with one township for each rate, 甲镇, 乙镇 …, in printed order."""
    row = snapshot["townships"][0]
    names = [f"{stem}镇" for stem in "甲乙丙丁戊己庚辛壬癸"]
    snapshot["townships"] = [
        {
            **row,
            "name": names[place],
            "online_intact_rate": rate,
            "place": None if rate is None else place + 1,
            "reaches_target": None if rate is None else float(rate) >= 95,
            "months_below": 0,
            **{key: values[place] for key, values in fields.items()},
        }
        for place, rate in enumerate(rates)
    ]
    return snapshot


def test_the_parts_come_in_the_order_of_the_county_and_counts_before_rates(snapshot: dict[str, Any]) -> None:
    paper = circular(snapshot)
    headings = [block["text"] for block in paper["blocks"] if block["kind"] == "heading"]
    assert headings == ["一、总体情况", "二、排名情况", "三、存在问题", "四、工作要求"]
    text = text_of(snapshot)
    assert text.index("建档摄像机24台") < text.index("在线完好率")
    assert paper["ranking"]["head"] == [
        "排名",
        "乡镇（街道）",
        "建档数",
        "报备剔除",
        "应检数",
        "在线率（%）",
        "完好率（%）",
        "在线完好率（%）",
        "折合完好台数",
        "较上月（±百分点）",
        "上月名次",
        "是否达标",
        "本月得分",
        "累计得分",
        "备注",
    ]
    assert paper["ranking"]["rows"][-1][1] == "全县"


def test_until_it_is_issued_number_and_date_are_placeholders(snapshot: dict[str, Any]) -> None:
    paper = circular(snapshot)
    assert (paper["number"], paper["date"]) == ("×××〔2026〕××号", "2026年×月×日")
    issued = circular(snapshot, Issue(number="示综治〔2026〕12号", notice_numbers={}, on=date(2026, 11, 5)))
    assert (issued["number"], issued["date"]) == ("示综治〔2026〕12号", "2026年11月5日")
    assert issued["printed"] == "2026年11月5日印发"


@pytest.mark.parametrize(
    ("county", "whole"),
    [("示范县", "全县"), ("某某市", "全市"), ("某某区", "全区"), ("某某旗", "全旗"), ("某地", "全县")],
)
def test_the_county_is_called_what_it_is(snapshot: dict[str, Any], county: str, whole: str) -> None:
    snapshot["site"]["county"] = county
    assert circular(snapshot)["title"] == f"关于2026年10月份{whole}公共视频监控在线完好情况的通报"


@pytest.mark.parametrize(
    ("rates", "sentence"),
    [
        (["99.00"], "按在线完好率由高到低依次为：甲镇（99.00%）。"),
        (["99.00", "98.00", "97.00"], "依次为：甲镇（99.00%）、乙镇（98.00%）、丙镇（97.00%）。"),
        (
            ["99.00", "98.00", "97.00", "96.00"],
            "排名前二位的是：甲镇（99.00%）、乙镇（98.00%）；排名后二位的是：丙镇（97.00%）、丁镇（96.00%）。",
        ),
        (
            ["99.00", "98.00", "97.00", "96.00", "95.50", "95.20", "95.10"],
            (
                "排名前三位的是：甲镇（99.00%）、乙镇（98.00%）、丙镇（97.00%）；"
                "排名后三位的是：戊镇（95.50%）、己镇（95.20%）、庚镇（95.10%）。"
            ),
        ),
    ],
)
def test_nobody_stands_among_the_first_and_the_last_at_once(
    snapshot: dict[str, Any], rates: list[str], sentence: str
) -> None:
    assert sentence in text_of(with_townships(snapshot, *rates))


def test_months_below_the_target_are_named(snapshot: dict[str, Any]) -> None:
    snapshot["month"] = "2026-02"
    text = text_of(with_townships(snapshot, "96.00", "94.99", "93.00", months_below=[0, 1, 3]))
    assert "未达到95%目标的是：乙镇（94.99%）、丙镇（93.00%）。" in text
    assert "连续未达标的是：丙镇连续3个月（2025年12月至2026年2月）。" in text


def test_a_county_without_any_rate_is_neither_ranked_nor_scored(snapshot: dict[str, Any]) -> None:
    with_townships(snapshot, None, None, points=[None, None])
    rates = ("online_rate", "intact_rate", "online_intact_rate", "equivalent_intact", "change", "reaches_target")
    snapshot["county"] |= dict.fromkeys(rates)
    text = text_of(snapshot)
    assert "本月没有应检时长，不计算比率，不排名，不计分。" in text
    assert "排名前" not in text
    assert "None" not in str(circular(snapshot))
    assert "本月不计分。" in text


def test_groups_rank_apart(snapshot: dict[str, Any]) -> None:
    with_townships(snapshot, "99.00", "98.00", "97.50", group=["甲组", "甲组", "乙组"])
    text = text_of(snapshot)
    assert "甲组中，按在线完好率由高到低依次为：甲镇（99.00%）、乙镇（98.00%）。" in text
    assert "乙组中，按在线完好率由高到低依次为：丙镇（97.50%）。" in text
    rows = circular(snapshot)["ranking"]["rows"]
    assert [row["group"] for row in rows if isinstance(row, dict)] == ["甲组", "乙组"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("+0.12", "较上月（95.10%）上升0.12个百分点"),
        ("-1.00", "较上月（95.10%）下降1.00个百分点"),
        ("0.00", "较上月（95.10%）持平"),
        (None, "上月无可比数据"),
    ],
)
def test_the_change_is_said_as_it_is_printed(snapshot: dict[str, Any], change: str | None, words: str) -> None:
    snapshot["county"] |= {"change": change, "previous_online_intact_rate": "95.10"}
    assert words in text_of(snapshot)


def test_only_recorded_causes_are_named(snapshot: dict[str, Any]) -> None:
    fault = {**snapshot["faults"][0], "condition": "offline", "fault": "unreachable"}
    snapshot["faults"] = [{**fault, "cause": ""}]
    snapshot["county"]["faults"] = {"unreachable": 1}
    assert "共同原因" not in text_of(snapshot)
    snapshot["faults"] = [{**fault, "cause": "疑似断电"}]
    assert "可初步判断共同原因的：疑似断电1台；其余原因有待现场核查。" in text_of(snapshot)


def test_cameras_offline_for_30_days_are_named_and_others_are_not(snapshot: dict[str, Any]) -> None:
    fault = {**snapshot["faults"][0], "condition": "offline", "lasting": True, "township_name": "甲镇"}
    snapshot["faults"] = [
        {**fault, "name": "老井", "first_found": "2026-10-02T00:00:00+08:00"},
        {**fault, "name": "新桥", "first_found": "2026-10-02T00:00:01+08:00"},
        {**fault, "name": "西门", "first_found": "2026-07-01T00:00:00+08:00", "lasting": False},
    ]
    assert "离线30天及以上。甲镇老井。" in text_of(snapshot)


def test_a_month_without_faults_asks_for_nothing_to_be_repaired(snapshot: dict[str, Any]) -> None:
    snapshot["faults"], snapshot["county"]["faults"] = [], {}
    text = text_of(snapshot)
    assert "本月没有需要整改的故障记录。" in text
    assert "整改回执" not in text


def test_a_correction_says_what_it_corrects(snapshot: dict[str, Any]) -> None:
    snapshot |= {"revision": 2, "reason": "补录报备3件"}
    assert circular(snapshot)["subtitle"] == "（更正，第2版）"
    assert "更正原因：补录报备3件" in text_of(snapshot)


@pytest.mark.parametrize(("synchronised", "said"), [(True, False), (False, True), (None, True)])
def test_a_clock_that_is_not_known_to_be_right_is_told(
    snapshot: dict[str, Any], synchronised: bool | None, said: bool
) -> None:
    snapshot["clock"]["synchronised"] = synchronised
    assert ("时钟未确认与标准时间同步" in text_of(snapshot)) is said


@pytest.mark.parametrize(
    ("state", "published", "said"), [("draft", False, True), ("draft", True, False), ("frozen", False, False)]
)
def test_a_draft_warns_of_days_of_work_that_are_not_published_yet(
    snapshot: dict[str, Any], state: str, published: bool, said: bool
) -> None:
    snapshot |= {"state": state, "workdays": {"published": published}}
    assert ("放假调休安排尚未公布" in text_of(snapshot)) is said


def test_every_drawing_has_words_for_who_cannot_see_it(snapshot: dict[str, Any]) -> None:
    figures = circular(snapshot)["figures"]
    assert len(figures) == 3
    assert all(figure["alt"] and figure["svg"].startswith("<svg") for figure in figures)
    assert snapshot["townships"][0]["online_intact_rate"] in figures[1]["alt"]


def test_every_figure_of_the_text_stands_in_the_snapshot() -> None:
    """Nothing is computed or rounded on the way to paper."""
    snapshot = sample.big()
    known = set(re.findall(r"\d+\.\d+", str(snapshot)))
    printed = set(re.findall(r"\d+\.\d+", text_of(snapshot).replace("-", "")))
    assert printed
    assert printed - known == set()
