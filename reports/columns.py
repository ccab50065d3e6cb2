"""The columns of the papers' tables, in print order: heading, width, and how a cell is taken from the snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.wording import Lang, say

Row = Mapping[str, Any]
NONE = "—"
"""What stands where there is no figure."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, its width in millimetres (0: what is left over), its cell, its alignment."""

    head: str
    width: float
    cell: Callable[[Row], str]
    left: bool = False


def table(columns: Sequence[Column], rows: Iterable[Row]) -> dict[str, Any]:
    """A finished table for a template; the first cell of a column headed 序号 is the row's number."""
    numbered = columns[0].head == "序号"
    cells = [
        [str(number) if numbered and place == 0 else column.cell(row) for place, column in enumerate(columns)]
        for number, row in enumerate(rows, 1)
    ]
    return {
        "head": [column.head for column in columns],
        "widths": [column.width for column in columns],
        "left": [place for place, column in enumerate(columns) if column.left],
        "rows": cells,
    }


def figure(key: str) -> Callable[[Row], str]:
    """A value as it stands, — where there is none."""
    return lambda row: NONE if row[key] is None else str(row[key])


def moment(key: str, *, year: bool = False) -> Callable[[Row], str]:
    """An ISO time as month, day and minute, with the year where a list reaches over years."""
    return lambda row: NONE if row[key] is None else short_time(row[key], year=year)


def short_time(iso: str, *, year: bool = False) -> str:
    """An ISO time as a table shows it.

    >>> short_time("2026-10-05T02:03:59+08:00"), short_time("2025-12-31T23:59:00+08:00", year=True)
    ('10-05 02:03', '2025-12-31 23:59')
    """
    return datetime.fromisoformat(iso).strftime("%Y-%m-%d %H:%M" if year else "%m-%d %H:%M")


def fault_name(row: Row) -> str:
    """The fault in Chinese."""
    return say(f"fault.{row['fault']}", Lang.ZH)


def remark(row: Row) -> str:
    """The snapshot's remark, and the cameras that were not assessed, so that the counts add up."""
    unassessed = f"未检{row['unassessed']}台" if row["unassessed"] else ""
    return "；".join(filter(None, (row["remark"], "" if unassessed in row["remark"] else unassessed)))


def _reaches(row: Row) -> str:
    return {True: "达标", False: "未达标", None: NONE}[row["reaches_target"]]


def _first_found(row: Row) -> str:
    """With the year when the fault began in an earlier one than the deadline's."""
    return short_time(row["first_found"], year=row["first_found"][:4] != row["deadline"][:4])


def _cause(row: Row) -> str:
    return row["cause"] or "待核查"


def _nothing(_: Row) -> str:
    return ""


RANKING: tuple[Column, ...] = (
    Column("排名", 10, figure("place")),
    Column("乡镇（街道）", 29, figure("name"), left=True),
    Column("建档数", 12.5, figure("registered")),
    Column("报备剔除", 11, figure("exempted")),
    Column("应检数", 12.5, figure("assessed")),
    Column("在线率（%）", 14, figure("online_rate")),
    Column("完好率（%）", 14, figure("intact_rate")),
    Column("在线完好率（%）", 16, figure("online_intact_rate")),
    Column("折合完好台数", 17, figure("equivalent_intact")),
    Column("较上月（±百分点）", 16, figure("change")),
    Column("上月名次", 11, figure("previous_place")),
    Column("是否达标", 13, _reaches),
    Column("本月得分", 14, figure("points")),
    Column("累计得分", 14, figure("cumulative_points")),
    Column("备注", 0, remark, left=True),
)

NUMBER = Column("序号", 8, _nothing)

FAULTS: tuple[Column, ...] = (
    NUMBER,
    Column("乡镇", 15.2, figure("township_name")),
    Column("村（社区）", 15, figure("village")),
    Column("点位名称", 0, figure("name"), left=True),
    Column("国标编码", 27.5, figure("camera")),
    Column("重点", 6.5, lambda row: "是" if row["key_point"] else ""),
    Column("问题类型", 15, fault_name),
    Column("首次发现", 16, _first_found),
    Column("累计时长（小时）", 12.5, figure("hours")),
    Column("当月在线完好率（%）", 12.5, figure("online_intact_rate")),
    Column("证据", 6.5, lambda row: "有" if row["evidence_at"] is not None else NONE),
    Column("初判原因", 14.3, _cause),
    Column("维护单位", 17, lambda row: row["maintainer"]["name"] or NONE),
    Column("电话", 18, lambda row: row["maintainer"]["phone"] or NONE),
    Column("整改时限", 12.5, lambda row: row["deadline"][5:]),
    Column("状态", 9.5, lambda row: "未恢复" if row["lasting"] else "已恢复"),
)

NOTICE_FAULTS: tuple[Column, ...] = tuple(column for column in FAULTS if column.head != "乡镇")

RECEIPT: tuple[Column, ...] = (
    NUMBER,
    Column("点位", 46, lambda row: f"{row['name']}（{row['village']}）" if row["village"] else row["name"], left=True),
    Column("问题", 19, fault_name),
    Column("原因", 28, _nothing),
    Column("整改措施", 34, _nothing),
    Column("完成时间", 17, _nothing),
    Column("整改后照片", 18, _nothing),
    Column("责任人", 16, _nothing),
    Column("未完成原因及计划", 0, _nothing),
)

REPAIR_STATES = {
    "done": "按期恢复",
    "late": "逾期恢复",
    "overdue": "逾期未恢复",
    "open": "时限未到",
    "exempt": "报备",
    "unknown": "未能查看",
    "left": "停用或调出",
}

REPAIRS: tuple[Column, ...] = (
    NUMBER,
    Column("乡镇", 20, figure("township_name")),
    Column("村（社区）", 18, figure("village")),
    Column("点位名称", 0, figure("name"), left=True),
    Column("国标编码", 32, figure("camera")),
    Column("重点", 8, lambda row: "是" if row["key_point"] else ""),
    Column("问题类型", 19, fault_name),
    Column("首次发现", 20, _first_found),
    Column("整改时限", 15, lambda row: row["deadline"][5:]),
    Column("恢复时间", 20, moment("restored_at")),
    Column("整改情况", 19, lambda row: REPAIR_STATES[row["state"]]),
)

EXEMPTED: tuple[Column, ...] = (
    NUMBER,
    Column("乡镇", 20, figure("township_name")),
    Column("点位名称", 0, figure("name"), left=True),
    Column("国标编码", 32, figure("camera")),
    Column("类别", 18, lambda row: say(f"exemption.{row['kind']}", Lang.ZH)),
    Column("事由", 48, figure("reason"), left=True),
    Column("起", 19, moment("from")),
    Column("止", 19, moment("until")),
    Column("报备时间", 19, moment("filed_at")),
    Column("状态", 13, lambda row: say(f"filing.{row['state']}", Lang.ZH)),
)

UNASSESSED: tuple[Column, ...] = (
    NUMBER,
    Column("乡镇", 30, figure("township_name")),
    Column("点位名称", 0, figure("name"), left=True),
    Column("国标编码", 40, figure("camera")),
    Column("应检时长占比（%）", 28, figure("accountable_share")),
)

NEVER_CONNECTED: tuple[Column, ...] = UNASSESSED[:4]

MOVED: tuple[Column, ...] = (
    NUMBER,
    Column("点位名称", 0, figure("name"), left=True),
    Column("国标编码", 36, figure("camera")),
    Column("原属乡镇", 24, figure("from")),
    Column("现属乡镇", 24, figure("to")),
    Column("调整时间", 22, moment("at")),
)


def _round_state(row: Row) -> str:
    if row["state"] == "void":
        return "作废：" + say(f"reason.{row['void']}", Lang.ZH)
    return "未完成" if row["state"] == "unfinished" else "有效"


def _of_ended(key: str) -> Callable[[Row], str]:
    return lambda row: NONE if row["ended"] is None else str(row[key])


ROUNDS: tuple[Column, ...] = (
    Column("轮次", 10, figure("number")),
    Column("时段", 10, lambda row: "白天" if row["daylight"] else "夜间"),
    Column("开始", 20, moment("began")),
    Column("结束", 20, moment("ended")),
    Column("查看台数", 15, _of_ended("cameras")),
    Column("在线完好", 15, _of_ended("intact")),
    Column("在线异常", 15, _of_ended("impaired")),
    Column("离线", 11, _of_ended("offline")),
    Column("未判定", 12.5, _of_ended("unknown")),
    Column("结果", 0, _round_state, left=True),
)


def _share(cause: str) -> Callable[[Row], str]:
    return lambda row: NONE if row["unknown_share_by"][cause] is None else row["unknown_share_by"][cause]


SHARES: tuple[Column, ...] = (
    Column("乡镇（街道）", 0, figure("name"), left=True),
    Column("报备（%）", 19, figure("exempt_share")),
    Column("未判定合计（%）", 21, figure("unknown_share")),
    Column("巡检方原因（%）", 21, _share("ours")),
    Column("录像机会话已满（%）", 23, _share("busy")),
    Column("登录暂缓（%）", 20, _share("held")),
    Column("链路中断不计（%）", 21, _share("link_excused")),
)
