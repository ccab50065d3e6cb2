"""What the papers say of last month's repairs and of the rounds: counts that add up, names, nothing that nobody saw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reports.annex import annex
from reports.circular import circular
from reports.notice import notice
from reports.repairs import in_circular, in_notice
from tests.reports import ink, sample
from tests.reports.conftest import Compile
from tests.reports.sample import HOSTILE

FORMAT_1 = json.loads((Path(__file__).parent / "snapshots/format-1.json").read_text(encoding="utf-8"))
STATES = ("done", "late", "open", "overdue", "exempt", "unknown", "left")


@pytest.fixture
def snapshot() -> dict[str, Any]:
    return sample.small()


def with_repairs(snapshot: dict[str, Any], *rows: tuple[str, str, str], listed: int = 9, **more: Any) -> dict[str, Any]:
    """The snapshot with one repair for each (township's place, camera's name, state), due on 13 October."""
    made: list[dict[str, Any]] = []
    for place, name, state in rows:
        township = snapshot["townships"][int(place)]
        made.append(
            {
                "camera": f"340200000013200{len(made):05}",
                "name": name,
                "township": township["code"],
                "township_name": township["name"],
                "village": "东村",
                "key_point": False,
                "fault": "black",
                "first_found": "2026-09-20T08:00:00+08:00",
                "deadline": "2026-10-13",
                "state": state,
                "restored_at": "2026-10-15T09:30:00+08:00" if state in ("done", "late") else None,
            }
        )
    counts = {state: sum(row["state"] == state for row in made) for state in STATES}
    snapshot["repairs"] = {
        "month": "2026-09",
        "state": "frozen",
        "revision": 1,
        "listed": listed,
        "due": len(made),
        "counts": counts,
        "rows": made,
        **more,
    }
    return snapshot


def texts(paper: dict[str, Any]) -> str:
    return "\n".join(f"{block.get('lead', '')}{block['text']}" for block in paper["blocks"])


def opening(snapshot: dict[str, Any]) -> str:
    return str(circular(snapshot)["blocks"][0]["text"])


def section(snapshot: dict[str, Any], name: str) -> dict[str, Any]:
    paper = annex(snapshot)
    (found,) = (each for each in [*paper["wide"], *paper["tables"]] if each["title"].endswith(f"、{name}"))
    return dict(found)


SENTENCES = {
    "every state is counted, and overdue and exempt ones are named": (
        [
            ("0", "桥头", "done"),
            ("0", "校门", "done"),
            ("1", "路口", "late"),
            ("1", "大坝", "overdue"),
            ("1", "广场", "open"),
            ("2", "村口", "exempt"),
            ("2", "车站", "unknown"),
            ("2", "老井", "left"),
        ],
        (
            "2026年9月份问题清单列出故障9项，月末未恢复、应当整改的摄像机8台。至10月31日24时，"
            "按期恢复2台，逾期后恢复1台，逾期未恢复1台，未恢复但时限未到1台，时限届满时处于报备期1台，"
            "时限届满后未能查看、不作认定1台，已停用或调出1台。"
            "逾期未恢复的是：{1}大坝（时限10月13日）。处于报备期的是：{2}村口（时限10月13日）。逐台情况见附件3。"
        ),
    ),
    "nobody is named where all are done": (
        [("0", "桥头", "done")],
        (
            "2026年9月份问题清单列出故障9项，月末未恢复、应当整改的摄像机1台。"
            "至10月31日24时，按期恢复1台。逐台情况见附件3。"
        ),
    ),
    "all had been restored before the list was made": ([], "2026年9月份问题清单列出故障9项，月末均已恢复。"),
}


@pytest.mark.parametrize(("rows", "sentence"), SENTENCES.values(), ids=SENTENCES)
def test_the_circular_counts_last_months_repairs(
    snapshot: dict[str, Any], rows: list[tuple[str, str, str]], sentence: str
) -> None:
    names = [row["name"] for row in snapshot["townships"]]
    assert f"上月问题整改。{sentence.format(*names)}" in texts(circular(with_repairs(snapshot, *rows)))


def test_the_counts_of_the_sentence_add_up_to_what_was_due() -> None:
    big = sample.big()
    due = big["repairs"]["due"]
    said = in_circular(big)
    counts = said[said.index("24时，") :].split("。")[0].split("，")[1:]
    digits = [int("".join(each for each in part if each.isdigit())) for part in counts]
    assert (len(digits), sum(digits)) == (len(STATES), due)


def test_of_many_overdue_ones_the_first_are_named_and_the_annex_has_all(snapshot: dict[str, Any]) -> None:
    with_repairs(snapshot, *(("0", f"{number}号点", "overdue") for number in range(12)))
    text = in_circular(snapshot)
    assert "7号点（时限10月13日）等12台。" in text
    assert "8号点" not in text
    assert [row[3] for row in section(snapshot, "上月问题整改情况")["rows"]] == [
        f"{number}号点" for number in range(12)
    ]


@pytest.mark.parametrize(
    ("change", "begins"),
    [
        ({"listed": 0}, "2026年9月份问题清单没有需要整改的故障。"),
        ({"state": "draft", "listed": 0}, "2026年9月份问题清单（征求意见稿）没有"),
    ],
)
def test_a_month_without_faults_and_a_draft_are_called_what_they_are(
    snapshot: dict[str, Any], change: dict[str, Any], begins: str
) -> None:
    assert in_circular(with_repairs(snapshot, **change)).startswith(begins)


def test_every_paper_says_when_the_list_before_was_a_draft(snapshot: dict[str, Any]) -> None:
    with_repairs(snapshot, ("0", "桥头", "done"), state="draft")
    assert in_notice(snapshot, snapshot["townships"][0]).startswith("2026年9月份通知单（征求意见稿）所列")
    assert "问题清单（征求意见稿）" in in_circular(snapshot)
    assert "问题清单（征求意见稿）" in section(snapshot, "上月问题整改情况")["note"]


def test_last_months_repairs_are_told_in_a_month_without_faults_too(snapshot: dict[str, Any]) -> None:
    with_repairs(snapshot, ("0", "桥头", "overdue"))
    snapshot["faults"], snapshot["county"]["faults"] = [], {}
    text = texts(circular(snapshot))
    assert "本月没有需要整改的故障记录。\n（一）上月问题整改。" in text


def test_a_first_month_says_nothing_of_a_month_before(snapshot: dict[str, Any]) -> None:
    snapshot["repairs"] = None
    assert "上月问题整改" not in texts(circular(snapshot))
    assert in_notice(snapshot, snapshot["townships"][0]) == ""
    assert section(snapshot, "上月问题整改情况")["note"] == "没有上月的问题清单可供对照。"


def test_a_notice_names_what_of_its_own_is_not_restored(snapshot: dict[str, Any]) -> None:
    with_repairs(
        snapshot,
        ("0", "桥头", "done"),
        ("0", "大坝", "overdue"),
        ("0", "广场", "open"),
        ("0", "村口", "exempt"),
        ("0", "车站", "unknown"),
        ("1", "别家的", "overdue"),
    )
    assert in_notice(snapshot, snapshot["townships"][0]) == (
        "2026年9月份通知单所列月末未恢复的摄像机5台，至10月31日24时，按期恢复1台，逾期未恢复1台，未恢复但时限未到1台，"
        "时限届满时处于报备期1台，时限届满后未能查看、不作认定1台。逾期未恢复的是：大坝（时限10月13日）。"
        "时限未到的是：广场（时限10月13日）。处于报备期的是：村口（时限10月13日）。"
        "未能查看的是：车站（时限10月13日）。逾期未恢复的请优先整改。"
    )
    assert "别家的" not in str(notice(snapshot, snapshot["townships"][0]))


@pytest.mark.parametrize("state", ["done", "open", "exempt", "unknown", "left"])
def test_only_an_overdue_repair_is_asked_for_again(snapshot: dict[str, Any], state: str) -> None:
    text = in_notice(with_repairs(snapshot, ("0", "桥头", state)), snapshot["townships"][0])
    assert "逾期" not in text
    assert "请" not in text


def test_a_township_that_was_asked_for_nothing_is_told_nothing(snapshot: dict[str, Any]) -> None:
    with_repairs(snapshot, ("1", "桥头", "overdue"))
    assert in_notice(snapshot, snapshot["townships"][0]) == ""


def test_a_township_without_faults_hears_of_last_months_all_the_same(snapshot: dict[str, Any]) -> None:
    with_repairs(snapshot, ("0", "桥头", "unknown"))
    snapshot["faults"] = []
    text = texts(notice(snapshot, snapshot["townships"][0]))
    assert "未能查看的是：桥头（时限10月13日）。\n本月没有需要整改的故障记录" in text


def test_the_annex_lists_every_repair_with_its_deadline_and_what_became_of_it(snapshot: dict[str, Any]) -> None:
    with_repairs(snapshot, ("0", "桥头", "late"), ("1", "大坝", "unknown"))
    table = section(snapshot, "上月问题整改情况")
    assert table["head"][-4:] == ["首次发现", "整改时限", "恢复时间", "整改情况"]
    assert [row[-4:] for row in table["rows"]] == [
        ["09-20 08:00", "10-13", "10-15 09:30", "逾期恢复"],
        ["09-20 08:00", "10-13", "—", "未能查看"],
    ]


ROUNDS = {
    "by day and by night": (
        {"valid": 8, "by_day": 4, "by_night": 4, "looks": 192},
        "其间逐台抓图巡查8轮（白天4轮、夜间4轮），共查看192台次，各轮情况见附件3。",
    ),
    "with rounds that do not count": (
        {"valid": 1, "by_night": 1, "looks": 24, "void": 2, "unfinished": 1},
        "其间逐台抓图巡查1轮（夜间1轮），共查看24台次，另有2轮因巡检方原因作废、1轮未完成，各轮情况见附件3。",
    ),
    "with nothing but those": ({"void": 1}, "其间逐台抓图的巡查1轮因巡检方原因作废。"),
}


@pytest.mark.parametrize(("sums", "sentence"), ROUNDS.values(), ids=ROUNDS)
def test_the_opening_tells_the_rounds(snapshot: dict[str, Any], sums: dict[str, int], sentence: str) -> None:
    nothing = dict.fromkeys(("valid", "by_day", "by_night", "void", "unfinished", "looks"), 0)
    snapshot["rounds"] |= nothing | sums
    assert f"进行了持续巡查。{sentence}本通报的比率均按时长计算" in opening(snapshot)


def test_a_month_without_rounds_says_so(snapshot: dict[str, Any]) -> None:
    snapshot["rounds"] |= {"valid": 0, "rows": []}
    assert "其间没有逐台抓图的巡查轮次记录。" in opening(snapshot)
    assert section(snapshot, "巡查轮次")["note"] == "本月没有巡查轮次记录。"


def test_the_annex_lists_every_round_and_why_one_does_not_count(snapshot: dict[str, Any]) -> None:
    rows = section(snapshot, "巡查轮次")["rows"]
    assert rows[0] == ["40", "白天", "10-03 10:00", "10-03 10:24", "24", "24", "0", "0", "0", "有效"]
    assert rows[3][1:3] == ["夜间", "10-12 22:00"]
    assert rows[3][-1] == "作废：自检探针没有应答"
    assert rows[6][3:] == ["—"] * 6 + ["未完成"]


def test_papers_of_a_month_in_format_1_say_what_they_said() -> None:
    assert "上月问题整改" not in texts(circular(FORMAT_1))
    assert "轮" not in opening(FORMAT_1)
    assert [each["title"] for each in [*annex(FORMAT_1)["wide"], *annex(FORMAT_1)["tables"]]][:2] == [
        "二、报备情况",
        "三、未检摄像机",
    ]
    assert annex(FORMAT_1)["rules"]["title"] == "八、统计口径"


@pytest.mark.usefixtures("poppler")
@pytest.mark.real_peer
def test_a_month_in_format_1_can_still_be_printed(compiled: Compile) -> None:
    papers = {
        "circular.typ": circular(FORMAT_1),
        "annex.typ": annex(FORMAT_1),
        "notice.typ": notice(FORMAT_1, FORMAT_1["townships"][0]),
    }
    for template, data in papers.items():
        assert FORMAT_1["townships"][0]["name"] in ink.text_of(compiled(template, data))


@pytest.mark.usefixtures("poppler")
@pytest.mark.real_peer
def test_sentences_and_lists_are_on_paper_whatever_the_cameras_are_called(compiled: Compile) -> None:
    snapshot = {**sample.small(), "demo": False}
    with_repairs(snapshot, *(("0", name, "overdue") for name in HOSTILE), ("0", "桥头", "late"))
    printed = {
        template: ink.packed(ink.text_of(compiled(template, data))).replace("\u200b", "")
        for template, data in (
            ("circular.typ", circular(snapshot)),
            ("notice.typ", notice(snapshot, snapshot["townships"][0])),
            ("annex.typ", annex(snapshot)),
        )
    }
    for text in printed.values():
        assert "逾期未恢复" in text
        for name in (HOSTILE[0], HOSTILE[1], HOSTILE[2]):
            assert ink.packed(name) in text
        assert text.count("长") >= len(HOSTILE[4])
    assert "逐台抓图巡查7轮（白天4轮、夜间3轮），共查看168台次" in printed["circular.typ"]
    assert "应当整改的摄像机7台。至10月31日24时，逾期后恢复1台，逾期未恢复6台。" in printed["circular.typ"]
    assert "作废：自检探针没有应答" in printed["annex.typ"]
    assert "10-1509:30逾期恢复" in printed["annex.typ"]
