"""The annex: every list behind the figures, and the rules that they were counted by."""

from __future__ import annotations

from typing import Any

import pytest

from reports.annex import annex
from tests.reports import sample


@pytest.fixture
def snapshot() -> dict[str, Any]:
    return sample.big()


def sections(paper: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {table["title"]: table for table in [paper["faults"], *paper["wide"], *paper["tables"]]}


def test_the_fault_list_has_the_countys_columns(snapshot: dict[str, Any]) -> None:
    assert annex(snapshot)["faults"]["head"] == [
        "序号",
        "乡镇",
        "村（社区）",
        "点位名称",
        "国标编码",
        "重点",
        "问题类型",
        "首次发现",
        "累计时长（小时）",
        "当月在线完好率（%）",
        "证据",
        "初判原因",
        "维护单位",
        "电话",
        "整改时限",
        "状态",
    ]


def test_every_list_of_the_snapshot_is_there_whole(snapshot: dict[str, Any]) -> None:
    tables = sections(annex(snapshot))
    for title, key in (
        ("一、问题清单", "faults"),
        ("三、报备情况", "exempted"),
        ("四、未检摄像机", "unassessed"),
        ("五、从未接入的摄像机", "never_connected"),
        ("六、本月调整所属乡镇的摄像机", "moved"),
    ):
        assert len(tables[title]["rows"]) == len(snapshot[key]) > 0
    assert [row[0] for row in tables["七、报备和未判定时长占比"]["rows"]][-1] == "全县"


def test_an_empty_list_says_that_it_is_empty(snapshot: dict[str, Any]) -> None:
    snapshot |= {"faults": [], "exempted": [], "unassessed": [], "never_connected": [], "moved": []}
    notes = [table["note"] for table in sections(annex(snapshot)).values() if not table["rows"]]
    assert len(notes) == 5
    assert all(note.startswith(("本月没有", "没有")) for note in notes)


def test_counts_of_the_last_moment_say_that_they_enter_no_figure(snapshot: dict[str, Any]) -> None:
    table = sections(annex(snapshot))["九、月末时点数（不参与计算）"]
    assert table["rows"] == [
        [str(snapshot["end_of_month"][each]) for each in ("intact", "impaired", "offline", "unknown")]
    ]


def test_rules_version_and_clock_are_printed(snapshot: dict[str, Any]) -> None:
    lines = dict(annex(snapshot)["rules"]["lines"])
    assert set(dict(snapshot["rules"]["lines"])) < set(lines)
    assert snapshot["rules"]["digest"] in lines["规则版本"].replace(" ", "")
    assert "已与标准时间同步" in lines["时钟"]
    snapshot["clock"]["synchronised"] = None
    assert "未确认" in dict(annex(snapshot)["rules"]["lines"])["时钟"]


def test_days_of_work_that_are_not_published_yet_are_told(snapshot: dict[str, Any]) -> None:
    assert "工作日" not in dict(annex(snapshot)["rules"]["lines"])
    snapshot["workdays"]["published"] = False
    assert "尚未公布" in dict(annex(snapshot)["rules"]["lines"])["工作日"]


def test_a_fault_older_than_the_year_shows_its_year(snapshot: dict[str, Any]) -> None:
    snapshot["faults"] = [{**snapshot["faults"][0], "first_found": "2025-12-31T23:00:00+08:00"}]
    assert annex(snapshot)["faults"]["rows"][0][7] == "2025-12-31 23:00"
