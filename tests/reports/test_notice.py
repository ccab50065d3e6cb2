"""A township's notice: its own standing, its own cameras, a receipt to fill in."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from reports.notice import notice
from reports.paper import Issue
from tests.reports import sample


@pytest.fixture
def snapshot() -> dict[str, Any]:
    return sample.big()


def text_of(paper: dict[str, Any]) -> str:
    return "\n".join(block["text"] for block in paper["blocks"])


def test_it_says_the_townships_own_figures(snapshot: dict[str, Any]) -> None:
    row = snapshot["townships"][-1]
    text = text_of(notice(snapshot, row))
    assert f"你乡建档摄像机{row['registered']}台" in text
    for key in ("online_rate", "intact_rate", "online_intact_rate", "points", "exempt_share", "unknown_share"):
        assert row[key] in text
    assert f"在全县22个参加排名的乡镇（街道）中列第22位（上月第{row['previous_place']}位）" in text
    assert "未达到95%的目标" in text


def test_lists_and_receipt_hold_the_same_faults_in_the_same_order(snapshot: dict[str, Any]) -> None:
    row = snapshot["townships"][3]
    paper = notice(snapshot, row)
    own = [fault for fault in snapshot["faults"] if fault["township"] == row["code"]]
    assert [cells[3] for cells in paper["faults"]["rows"]] == [fault["camera"] for fault in own]
    lasting = [fault for fault in own if fault["lasting"]]
    assert [cells[1] for cells in paper["receipt"]["rows"]] == [
        f"{fault['name']}（{fault['village']}）" for fault in lasting
    ]
    assert paper["receipt"]["head"] == [
        "序号",
        "点位",
        "问题",
        "原因",
        "整改措施",
        "完成时间",
        "整改后照片",
        "责任人",
        "未完成原因及计划",
    ]


def test_where_all_is_restored_the_receipt_still_asks_for_the_causes(snapshot: dict[str, Any]) -> None:
    row = snapshot["townships"][0]
    own = [{**fault, "lasting": False} for fault in snapshot["faults"] if fault["township"] == row["code"]]
    snapshot["faults"] = own
    paper = notice(snapshot, row)
    assert len(paper["receipt"]["rows"]) == len(own)
    assert "均已恢复" in text_of(paper)


def test_a_township_without_faults_gets_neither_list_nor_receipt(snapshot: dict[str, Any]) -> None:
    snapshot["faults"] = []
    paper = notice(snapshot, snapshot["townships"][0])
    assert (paper["faults"], paper["receipt"], paper["attachments"]) == (None, None, [])
    assert "本月没有需要整改的故障记录" in text_of(paper)


def test_a_township_without_a_rate_is_not_ranked() -> None:
    snapshot = sample.small()
    row = next(row for row in snapshot["townships"] if row["online_intact_rate"] is None)
    text = text_of(notice(snapshot, row))
    assert "不计算比率，不参加排名" in text
    assert "None" not in text


def test_the_receipt_is_due_when_the_last_repair_is(snapshot: dict[str, Any]) -> None:
    row = snapshot["townships"][0]
    own = [fault for fault in snapshot["faults"] if fault["township"] == row["code"]]
    last = date.fromisoformat(max(fault["deadline"] for fault in own))
    assert f"请于2026年{last.month}月{last.day}日前报送示范县综治中心" in text_of(notice(snapshot, row))


def test_each_notice_has_a_number_of_its_own(snapshot: dict[str, Any]) -> None:
    first, second = snapshot["townships"][:2]
    numbers = {first["code"]: "示综治改〔2026〕101号", second["code"]: "示综治改〔2026〕102号"}
    issue = Issue(number="示综治〔2026〕12号", notice_numbers=numbers, on=date(2026, 11, 5))
    assert [notice(snapshot, row, issue)["number"] for row in (first, second)] == list(numbers.values())
    assert notice(snapshot, first)["number"] == "×××〔2026〕××号"
