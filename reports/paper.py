"""What every paper says in the same way: its name, its number, its date, its labels, and how figures become phrases.

Papers are composed from the month's snapshot and, once the month is issued, the issue record; from nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

Snapshot = Mapping[str, Any]
Block = dict[str, str]

DRAFT = {"mark": "征求意见稿", "line": "征求意见稿"}
DEMO = {"mark": "演示", "line": "演示数据，单位、点位和人员均为虚构"}
COUNTY_SUFFIXES = "县市区旗"
TOWNSHIP_SUFFIXES = ("街道", "镇", "乡")
NAMED = 8
"""So many places are named in a sentence; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What is known only when a paper is signed: the numbers and the date. They enter no figure."""

    number: str
    """发文字号 of the circular, such as 示综治〔2026〕12号"""
    notice_numbers: Mapping[str, str]
    """of each township's notice, by township code"""
    on: date


def heading_of(snapshot: Snapshot, title: str) -> dict[str, Any]:
    """The fields that every template needs."""
    made = datetime.fromisoformat(snapshot["made_at"])
    return {
        "title": title,
        "office": snapshot["site"]["office"],
        "made_on": {"year": made.year, "month": made.month, "day": made.day},
        "labels": [*([DRAFT] if snapshot["state"] == "draft" else []), *([DEMO] if snapshot["demo"] else [])],
    }


def timestamp_of(snapshot: Snapshot) -> int:
    """UTC second at which the snapshot was made: the only time that a file of the month carries."""
    return int(datetime.fromisoformat(snapshot["made_at"]).timestamp())


def number_of(snapshot: Snapshot, issued: str | None) -> str:
    """The document number, or a placeholder that nobody takes for one."""
    return issued or f"×××〔{snapshot['made_at'][:4]}〕××号"


def date_of(snapshot: Snapshot, issue: Issue | None) -> str:
    """The date of signing, or a placeholder."""
    return in_words(issue.on) if issue else f"{snapshot['made_at'][:4]}年×月×日"


def in_words(day: date) -> str:
    """A date as official papers write it.

    >>> in_words(date(2026, 11, 5))
    '2026年11月5日'
    """
    return f"{day.year}年{day.month}月{day.day}日"


def month_words(month: str) -> str:
    """
    >>> month_words("2026-10")
    '2026年10月'
    """
    year, number = month.split("-")
    return f"{year}年{int(number)}月"


def last_day(snapshot: Snapshot) -> date:
    """The last day that the month's figures hold."""
    return (datetime.fromisoformat(snapshot["period"]["ended"]) - timedelta(seconds=1)).date()


def end_words(snapshot: Snapshot) -> str:
    """The moment at which counting ended, as a sentence names it: 10月31日24时 for a whole month."""
    ended = datetime.fromisoformat(snapshot["period"]["ended"])
    if (ended.hour, ended.minute, ended.second) == (0, 0, 0):
        day = last_day(snapshot)
        return f"{day.month}月{day.day}日24时"
    return f"{ended.month}月{ended.day}日{ended:%H时%M分}"


def whole_county(snapshot: Snapshot) -> str:
    """全县, 全市, 全区 or 全旗, by the county's own name."""
    name: str = snapshot["site"]["county"]
    return f"全{name[-1] if name[-1:] and name[-1] in COUNTY_SUFFIXES else '县'}"


def you(township: str) -> str:
    """How a notice addresses a township.

    >>> you("柳河镇"), you("新华街道"), you("农场")
    ('你镇', '你街道', '你单位')
    """
    return f"你{next((suffix for suffix in TOWNSHIP_SUFFIXES if township.endswith(suffix)), '单位')}"


def change_words(row: Mapping[str, Any]) -> str:
    """The change of the printed rate on last month's.

    >>> change_words({"change": "-0.30", "previous_online_intact_rate": "95.45"})
    '较上月（95.45%）下降0.30个百分点'
    """
    change = row["change"]
    if change is None:
        return "上月无可比数据"
    before = f"较上月（{row['previous_online_intact_rate']}%）"
    if change.lstrip("+-") == "0.00":
        return f"{before}持平"
    return f"{before}{'下降' if change.startswith('-') else '上升'}{change.lstrip('+-')}个百分点"


def rate_words(rate: str | None) -> str:
    """A rate with its sign, or that there is none."""
    return "无（没有应检时长）" if rate is None else f"{rate}%"


def months_in_a_row(month: str, count: int) -> str:
    """The months of a run that ends with ``month``, named.

    >>> months_in_a_row("2026-10", 3), months_in_a_row("2026-02", 3)
    ('8月至10月', '2025年12月至2026年2月')
    """
    year, last = (int(part) for part in month.split("-"))
    began_year, began = divmod(year * 12 + last - count, 12)
    if began_year == year:
        return f"{began + 1}月至{last}月"
    return f"{began_year}年{began + 1}月至{year}年{last}月"


def listed(names: Sequence[str]) -> str:
    """Names in a sentence; of many the first ones and the count.

    >>> listed(["甲", "乙"])
    '甲、乙'
    """
    if len(names) <= NAMED:
        return "、".join(names)
    return f"{'、'.join(names[:NAMED])}等{len(names)}台"


def counted(counts: Iterable[tuple[str, int]]) -> str:
    """
    >>> counted([("黑屏", 3), ("遮挡", 1)])
    '黑屏3台、遮挡1台'
    """
    return "、".join(f"{name}{count}台" for name, count in counts)


def paragraph(text: str) -> Block:
    """A paragraph of the text."""
    return {"kind": "paragraph", "text": text}


def heading(text: str) -> Block:
    """A heading of the first level, 黑体."""
    return {"kind": "heading", "text": text}


def point(lead: str, text: str) -> Block:
    """A paragraph whose first sentence is set in 楷体."""
    return {"kind": "point", "lead": lead, "text": text}
