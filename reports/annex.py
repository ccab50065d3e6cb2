"""The annex with the lists behind the circular: faults, repairs, exemptions, what was not assessed, rounds, rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from monitor.wording import CONDITIONS
from reports import columns
from reports.columns import Column
from reports.paper import Snapshot, end_words, heading_of, month_words, whole_county
from reports.repairs import named_by

WORKDAYS_WARNING = "整改时限所在年份的放假调休安排尚未公布，工作日暂按周一至周五计算。"
CLOCK_WARNING = "巡查主机的时钟未确认与标准时间同步，本附件所列时刻可能有偏差；时长按巡查主机的时钟计算。"
NUMERALS = "一二三四五六七八九十"
REPAIRS_NOTE = (
    "“恢复”指巡查记录为在线完好；报备期和未判定的时间不作为逾期的依据；"
    "“报备”“未能查看”指时限届满后一直如此，“停用或调出”指在该乡镇（街道）已不在用。"
)
ROUNDS_NOTE = (
    "每轮对在册摄像机逐台抓图一次，6时至18时开始的为白天。所列台数为当次所见，未经复核，不参与按时长计算的比率；"
    "作废和未完成的轮次不计入。"
)
DIGEST_GROUP = 16
CLOCK_FINE = "巡查主机的时钟已与标准时间同步。"


def annex(snapshot: Snapshot) -> dict[str, Any]:
    """The data of annex.typ."""
    title = f"{month_words(snapshot['month'])}份问题清单及统计口径"
    faults = _section(
        "问题清单", columns.FAULTS, snapshot["faults"], "本月没有需要整改的故障记录。", _faults_note(snapshot)
    )
    wide = [*_repairs(snapshot), _section("报备情况", columns.EXEMPTED, snapshot["exempted"], "本月没有报备。")]
    tables = [*_tables(snapshot), *_rounds(snapshot), _end_of_month(snapshot)]
    rules = {"title": "统计口径", "lines": _rules(snapshot)}
    for number, section in enumerate([faults, *wide, *tables, rules]):
        section["title"] = f"{NUMERALS[number]}、{section['title']}"
    return {
        **heading_of(snapshot, title),
        "word": "附件3",
        "title": title,
        "faults": faults,
        "wide": wide,
        "tables": tables,
        "rules": rules,
    }


def _tables(snapshot: Snapshot) -> Iterable[dict[str, Any]]:
    yield _section(
        "未检摄像机",
        columns.UNASSESSED,
        snapshot["unassessed"],
        "本月没有未检摄像机。",
        "应检时长不足的摄像机不进入任何比率。",
    )
    yield _section(
        "从未接入的摄像机",
        columns.NEVER_CONNECTED,
        snapshot["never_connected"],
        "没有从未接入的摄像机。",
        "计入接入率。",
    )
    yield _section(
        "本月调整所属乡镇的摄像机",
        columns.MOVED,
        snapshot["moved"],
        "本月没有调整。",
        "调整前后的时长分别计入两个乡镇（街道），两处各列一行。",
    )
    yield _section(
        "报备和未判定时长占比",
        columns.SHARES,
        [*snapshot["townships"], {**snapshot["county"], "name": whole_county(snapshot)}],
        "",
        "占全部建档服务时长。未判定指巡检方无法查看的时间，不计入任何乡镇（街道）的应检时长。",
    )


def _repairs(snapshot: Snapshot) -> Iterable[dict[str, Any]]:
    """A snapshot of the first format has no such list, one of a first month an empty one."""
    if "repairs" not in snapshot:
        return
    repairs = snapshot["repairs"]
    if repairs is None:
        yield _section("上月问题整改情况", columns.REPAIRS, [], "没有上月的问题清单可供对照。")
        return
    list_before = named_by(repairs, "问题清单")
    yield _section(
        "上月问题整改情况",
        columns.REPAIRS,
        repairs["rows"],
        f"{list_before}中没有月末未恢复的摄像机。",
        f"所列为{list_before}中月末未恢复的摄像机，时限为该清单所列时限，情况截至{end_words(snapshot)}。{REPAIRS_NOTE}",
    )


def _rounds(snapshot: Snapshot) -> Iterable[dict[str, Any]]:
    if "rounds" in snapshot:
        yield _section("巡查轮次", columns.ROUNDS, snapshot["rounds"]["rows"], "本月没有巡查轮次记录。", ROUNDS_NOTE)


def _section(
    title: str, its_columns: Sequence[Column], rows: Iterable[Mapping[str, Any]], without: str, note: str = ""
) -> dict[str, Any]:
    finished = columns.table(its_columns, rows)
    return {**finished, "title": title, "note": note if finished["rows"] else without}


def _faults_note(snapshot: Snapshot) -> str:
    return (
        "同一台摄像机有多种故障的分行列出。“首次发现”可早于本月；“累计时长”只计本月应检时长内的部分；"
        f"“状态”为{end_words(snapshot)}的状态；“初判原因”只列巡查记录能够支持的共同原因，其余待核查。"
    )


def _end_of_month(snapshot: Snapshot) -> dict[str, Any]:
    counts = snapshot["end_of_month"]
    return {
        "title": "月末时点数（不参与计算）",
        "note": f"{end_words(snapshot)}在册摄像机的状态，单位为台。",
        "head": [words.zh for words in CONDITIONS.values()],
        "widths": [0] * len(CONDITIONS),
        "left": [],
        "rows": [[str(counts[condition]) for condition in CONDITIONS]],
    }


def _rules(snapshot: Snapshot) -> list[list[str]]:
    return [
        *(list(line) for line in snapshot["rules"]["lines"]),
        ["时钟", CLOCK_FINE if snapshot["clock"]["synchronised"] is True else CLOCK_WARNING],
        *([] if snapshot["workdays"]["published"] else [["工作日", WORKDAYS_WARNING]]),
        ["规则版本", f"第{snapshot['rules']['version']}版，摘要（SHA-256）：{_in_groups(snapshot['rules']['digest'])}"],
        ["程序版本", f"{snapshot['program']['name']} {snapshot['program']['version']}"],
    ]


def _in_groups(digest: str) -> str:
    """A digest that a line can break and a person can compare."""
    return " ".join(digest[place : place + DIGEST_GROUP] for place in range(0, len(digest), DIGEST_GROUP))
