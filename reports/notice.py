"""The rectification notice (整改通知单) of one township with its receipt (整改回执), from the month's snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from monitor.wording import Lang, say
from reports import columns, repairs
from reports.paper import (
    Block,
    Issue,
    Snapshot,
    change_words,
    counted,
    date_of,
    end_words,
    heading_of,
    in_words,
    month_words,
    number_of,
    paragraph,
    whole_county,
    you,
)

TITLE = "公共视频监控问题整改通知单"
Row = Mapping[str, Any]


def notice(snapshot: Snapshot, township: Row, issue: Issue | None = None) -> dict[str, Any]:
    """The data of notice.typ for one of the snapshot's townships."""
    faults = [row for row in snapshot["faults"] if row["township"] == township["code"]]
    number = number_of(snapshot, issue.notice_numbers.get(township["code"]) if issue else None)
    return {
        **heading_of(snapshot, f"{township['name']}{month_words(snapshot['month'])}份{TITLE}"),
        "mark": snapshot["site"]["office"],
        "number": number,
        "title_lines": [TITLE],
        "subtitle": "（征求意见稿）" if snapshot["state"] == "draft" else "",
        "addressees": f"{township['name']}：",
        "blocks": list(_blocks(snapshot, township, faults)),
        "attachments": ["问题清单", "整改回执"] if faults else [],
        "date": date_of(snapshot, issue),
        "faults": _list(faults) if faults else None,
        "receipt": _receipt(snapshot, township, faults, number) if faults else None,
    }


def _blocks(snapshot: Snapshot, township: Row, faults: Sequence[Row]) -> Iterable[Block]:
    yield paragraph(_standing(snapshot, township))
    yield paragraph(_not_counted(township))
    if last_months := repairs.in_notice(snapshot, township):
        yield paragraph(last_months)
    if not faults:
        yield paragraph("本月没有需要整改的故障记录，请继续做好日常维护。")
        return
    yield paragraph(_found(snapshot, faults))
    yield paragraph(_asked(snapshot, faults))


def _standing(snapshot: Snapshot, township: Row) -> str:
    counts = (
        f"{month_words(snapshot['month'])}，{you(township['name'])}建档摄像机{township['registered']}台，"
        f"其中应检{township['assessed']}台，全月报备{township['exempted']}台，未检{township['unassessed']}台。"
    )
    if township["online_intact_rate"] is None:
        return f"{counts}本月没有应检时长，不计算比率，不参加排名。"
    reaches = "达到" if township["reaches_target"] else "未达到"
    return (
        f"{counts}在线率{township['online_rate']}%，完好率{township['intact_rate'] or columns.NONE}%，"
        f"在线完好率{township['online_intact_rate']}%，{change_words(township)}，"
        f"{reaches}{snapshot['site']['target']}%的目标，{_place(snapshot, township)}{_points(township)}。"
    )


def _place(snapshot: Snapshot, township: Row) -> str:
    among = [row for row in snapshot["townships"] if row["group"] == township["group"] and row["place"] is not None]
    scope = township["group"] or whole_county(snapshot)
    before = f"（上月第{township['previous_place']}位）" if township["previous_place"] else ""
    return f"在{scope}{len(among)}个参加排名的乡镇（街道）中列第{township['place']}位{before}"


def _points(township: Row) -> str:
    return "" if township["points"] is None else f"，本月得分{township['points']}分"


def _not_counted(township: Row) -> str:
    never = f"自建档起从未接入的摄像机{township['never_connected']}台，" if township["never_connected"] else ""
    exempt, unknown = (
        columns.NONE if township[key] is None else f"{township[key]}%" for key in ("exempt_share", "unknown_share")
    )
    return f"{never}核准报备占服务时长的{exempt}，未判定占{unknown}；未判定的时长不计入应检时长。"


def _found(snapshot: Snapshot, faults: Sequence[Row]) -> str:
    kinds = Counter(say(f"fault.{row['fault']}", Lang.ZH) for row in faults).most_common()
    cameras = {row["camera"] for row in faults}
    lasting = {row["camera"] for row in faults if row["lasting"]}
    rest = f"仍有故障的{len(lasting)}台" if lasting else "均已恢复"
    return (
        f"巡查发现有故障记录的摄像机{len(cameras)}台：{counted(kinds)}；"
        f"至{end_words(snapshot)}，{rest}，逐台列于附件1。"
    )


def _asked(snapshot: Snapshot, faults: Sequence[Row]) -> str:
    last = in_words(datetime.fromisoformat(max(row["deadline"] for row in faults)).date())
    return (
        "请逐台核实原因，按附件1所列时限完成整改；“初判原因”仅供核查参考，以现场查明的为准。"
        f"整改回执（附件2）请于{last}前报送{snapshot['site']['office']}。对所列情况有异议的，请一并说明。"
    )


def _list(faults: Sequence[Row]) -> dict[str, Any]:
    return {**columns.table(columns.NOTICE_FAULTS, faults), "word": "附件1", "title": "问题清单"}


def _receipt(snapshot: Snapshot, township: Row, faults: Sequence[Row], number: str) -> dict[str, Any]:
    """What is not restored is to be repaired; where all is restored, causes and measures are still asked for."""
    asked = [row for row in faults if row["lasting"]] or list(faults)
    date_line = "年　　月　　日"
    return {
        **columns.table(columns.RECEIPT, asked),
        "word": "附件2",
        "title": "公共视频监控问题整改回执",
        "particulars": [
            f"{township['name']}（{month_words(snapshot['month'])}）",
            f"通知单编号：{number}",
            f"应填报：{len(asked)}项",
        ],
        "sign_off": [
            {"head": "填报人及电话", "text": "", "wide": False},
            {"head": "负责人签字", "text": "", "wide": False},
            {"head": "单位（盖章）", "text": date_line, "wide": True},
            {"head": f"{snapshot['site']['office']}复查意见", "text": f"复查人：　　　　　　{date_line}", "wide": True},
        ],
    }
