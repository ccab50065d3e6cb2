"""What became of last month's repairs, as circular and notice say it; the annex has the whole list.

The words say what the record says: restored, not restored, or not to be said. A snapshot of the first format, and
that of a first month, hold no repairs; then nothing is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from reports.paper import Snapshot, end_words, listed, month_words

Row = Mapping[str, Any]

IN_A_SENTENCE = {
    "done": "按期恢复",
    "late": "逾期后恢复",
    "overdue": "逾期未恢复",
    "open": "未恢复但时限未到",
    "exempt": "时限届满时处于报备期",
    "unknown": "时限届满后未能查看、不作认定",
    "left": "已停用或调出",
}
"""What is said of so many cameras, in the order in which it is said."""
NAMED_IN_THE_CIRCULAR = {"overdue": "逾期未恢复的是", "exempt": "处于报备期的是"}
NAMED_IN_THE_NOTICE = {
    "overdue": "逾期未恢复的是",
    "open": "时限未到的是",
    "exempt": "处于报备期的是",
    "unknown": "未能查看的是",
}


def named_by(repairs: Row, paper: str) -> str:
    """The paper of the month before that named the cameras, and that it was a draft if it was one."""
    draft = "（征求意见稿）" if repairs["state"] == "draft" else ""
    return f"{month_words(repairs['month'])}份{paper}{draft}"


def in_circular(snapshot: Snapshot) -> str:
    """Of the whole county: counts, and the overdue and exempt ones by name."""
    repairs = snapshot.get("repairs")
    if repairs is None:
        return ""
    whose = named_by(repairs, "问题清单")
    if not repairs["listed"]:
        return f"{whose}没有需要整改的故障。"
    if not repairs["due"]:
        return f"{whose}列出故障{repairs['listed']}项，月末均已恢复。"
    return (
        f"{whose}列出故障{repairs['listed']}项，月末未恢复、应当整改的摄像机{repairs['due']}台。"
        f"至{end_words(snapshot)}，{_counts(repairs['counts'])}。"
        f"{_named(repairs['rows'], NAMED_IN_THE_CIRCULAR, _place_in_county)}逐台情况见附件3。"
    )


def in_notice(snapshot: Snapshot, township: Row) -> str:
    """Of one township: counts, and by name whatever is not known to be restored."""
    repairs = snapshot.get("repairs")
    if repairs is None:
        return ""
    rows = [row for row in repairs["rows"] if row["township"] == township["code"]]
    if not rows:
        return ""
    counts = Counter(row["state"] for row in rows)
    urgent = "逾期未恢复的请优先整改。" if counts["overdue"] else ""
    return (
        f"{named_by(repairs, '通知单')}所列月末未恢复的摄像机{len(rows)}台，"
        f"至{end_words(snapshot)}，{_counts(counts)}。{_named(rows, NAMED_IN_THE_NOTICE, _place)}{urgent}"
    )


def _counts(counts: Mapping[str, int]) -> str:
    return "，".join(f"{words}{counts[state]}台" for state, words in IN_A_SENTENCE.items() if counts[state])


def _named(rows: Sequence[Row], leads: Mapping[str, str], place: Callable[[Row], str]) -> str:
    its: Iterable[tuple[str, list[str]]] = (
        (lead, [place(row) for row in rows if row["state"] == state]) for state, lead in leads.items()
    )
    return "".join(f"{lead}：{listed(places)}。" for lead, places in its if places)


def _place_in_county(row: Row) -> str:
    return f"{row['township_name']}{_place(row)}"


def _place(row: Row) -> str:
    deadline = datetime.fromisoformat(row["deadline"])
    return f"{row['name']}（时限{deadline.month}月{deadline.day}日）"
