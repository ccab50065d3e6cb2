"""What became of last month's repairs: only a second that was seen and counts makes one late or overdue."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.availability import Version
from monitor.core.condition import Cause, Condition, Fault
from monitor.core.exemption import Exemption, Filing, Kind, Scope
from monitor.core.fleet import Camera, Registration, Township
from monitor.core.inspection import MonthRecord, inspect
from monitor.core.period import Month
from monitor.core.record import Gap, Transition
from monitor.core.repair import DueRepair, Repair, RepairState, review
from tests.monitor.core import second_by_second

OCTOBER = Month(2026, 10, ZoneInfo("Asia/Shanghai"))
DAY = 86_400
HOUR = 3_600
C = Camera(id="c", name="桥头", township="01", village="东村")
DUE = date(2026, 10, 9)
"""It is over when the 10th begins, nine days into the month."""
OVER = 9 * DAY
DOWN = "0 offline"


def said(text: str) -> tuple[Transition, ...]:
    """The camera's month in words, seconds counted from its beginning: "0 offline, 100 intact"."""
    found = []
    for line in text.split(", "):
        after, word = line.split()
        at = OCTOBER.start + int(after)
        condition = Condition(word)
        found.append(
            Transition(
                camera="c",
                at=at,
                condition=condition,
                fault={Condition.OFFLINE: Fault.UNREACHABLE, Condition.IMPAIRED: Fault.BLACK}.get(condition),
                cause=Cause.OURS if condition is Condition.UNKNOWN else None,
                decided_at=at,
            )
        )
    return tuple(found)


def hidden(began: int, ended: int | None) -> Gap:
    end = None if ended is None else OCTOBER.start + ended
    return Gap(began=OCTOBER.start + began, ended=end, cause=Cause.OURS, reason="canary")


def filed(began: int, ended: int, state: Filing = Filing.APPROVED) -> Exemption:
    return Exemption(
        id=1,
        scope=Scope(camera="c"),
        kind=Kind.CONSTRUCTION,
        began=OCTOBER.start + began,
        ended=OCTOBER.start + ended,
        reason="修路",
        filed_at=OCTOBER.start + began - 1,
        state=state,
    )


def in_ledger(*entries: tuple[int, Camera | None]) -> dict[str, tuple[Version, ...]]:
    return {"c": tuple(Version(OCTOBER.start + at, camera) for at, camera in entries)}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A camera that was to be repaired by DUE, its October, and what is to be said of it."""

    life: str
    state: str
    restored: int | None = None
    due: date = DUE
    more: dict[str, Any] | None = None


CASES = {
    "restored at once": Case(life="0 intact", state="done", restored=0),
    "restored in the last second of the deadline's day": Case(
        life=f"0 offline, {OVER - 1} intact", state="done", restored=OVER - 1
    ),
    "restored as soon as that day is over": Case(life=f"0 offline, {OVER} intact", state="late", restored=OVER),
    "restored in the month's last second": Case(
        life=f"0 offline, {31 * DAY - 1} intact", state="late", restored=31 * DAY - 1
    ),
    "restored and down again": Case(life="0 offline, 50 intact, 60 offline", state="done", restored=50),
    "never restored": Case(life=DOWN, state="overdue"),
    "another fault in its place is no repair": Case(life="0 offline, 100 impaired", state="overdue"),
    "the deadline ends with the month": Case(life=DOWN, state="overdue", due=date(2026, 10, 31)),
    "the deadline lies in the next month": Case(life=DOWN, state="open", due=date(2026, 11, 1)),
    "restored before a deadline in the next month": Case(
        life="0 offline, 100 intact", state="done", restored=100, due=date(2026, 11, 1)
    ),
    "the deadline was over before the month began": Case(life=DOWN, state="overdue", due=date(2026, 9, 30)),
    "restored at midnight after a deadline on the month before's last day": Case(
        life="0 intact", state="done", restored=0, due=date(2026, 9, 30)
    ),
    "nobody could look over the deadline, then it was intact": Case(
        life=f"0 offline, {OVER - 60} unknown, {OVER + DAY} intact", state="done", restored=OVER + DAY
    ),
    "a gap lies over the deadline and its repair": Case(
        life=f"0 offline, {OVER + 10} intact",
        state="done",
        restored=OVER + 600,
        more={"gaps": (hidden(OVER - 60, OVER + 600),)},
    ),
    "it was still failing when the gap was over": Case(
        life=f"0 offline, {OVER + DAY} intact",
        state="late",
        restored=OVER + DAY,
        more={"gaps": (hidden(OVER - 60, OVER + 600),)},
    ),
    "nobody could look from the deadline on": Case(
        life=DOWN, state="unknown", more={"gaps": (hidden(OVER - 1, None),)}
    ),
    "nobody could look from a second later on": Case(life=DOWN, state="overdue", more={"gaps": (hidden(OVER, None),)}),
    "nothing is on record": Case(life="0 unknown", state="unknown"),
    "exempt from before the deadline on": Case(
        life=DOWN, state="exempt", more={"exemptions": (filed(5 * DAY, 31 * DAY),)}
    ),
    "exempt since the deadline, and nobody could look after that": Case(
        life=DOWN,
        state="exempt",
        more={"exemptions": (filed(5 * DAY, 20 * DAY),), "gaps": (hidden(20 * DAY, None),)},
    ),
    "exempt over the deadline, and still failing after that": Case(
        life=DOWN, state="overdue", more={"exemptions": (filed(5 * DAY, 20 * DAY),)}
    ),
    "restored while it was exempt": Case(
        life=f"0 offline, {15 * DAY} intact",
        state="done",
        restored=15 * DAY,
        more={"exemptions": (filed(5 * DAY, 20 * DAY),)},
    ),
    "exempt, but the deadline is not over": Case(
        life=DOWN, state="open", due=date(2026, 11, 4), more={"exemptions": (filed(5 * DAY, 31 * DAY),)}
    ),
    "a filing that was rejected excuses nothing": Case(
        life=DOWN, state="overdue", more={"exemptions": (filed(5 * DAY, 31 * DAY, Filing.REJECTED),)}
    ),
    "a filing that was over before the deadline excuses nothing": Case(
        life=DOWN, state="overdue", more={"exemptions": (filed(0, OVER - HOUR),)}
    ),
    "taken out of the ledger before the deadline": Case(
        life=DOWN, state="left", more={"versions": in_ledger((0, C), (5 * DAY, None))}
    ),
    "taken out after it": Case(life=DOWN, state="left", more={"versions": in_ledger((0, C), (20 * DAY, None))}),
    "retired before the month": Case(
        life=DOWN, state="left", more={"versions": in_ledger((-1, replace(C, registration=Registration.RETIRED)))}
    ),
    "handed to another township": Case(
        life=DOWN, state="left", more={"versions": in_ledger((0, C), (12 * DAY, replace(C, township="02")))}
    ),
    "restored only after it was handed to another township": Case(
        life=f"0 offline, {20 * DAY} intact",
        state="left",
        more={"versions": in_ledger((0, C), (12 * DAY, replace(C, township="02")))},
    ),
    "restored before it was taken down": Case(
        life="0 offline, 100 intact",
        state="done",
        restored=100,
        more={"versions": in_ledger((0, C), (5 * DAY, None))},
    ),
}


def record(**more: Any) -> MonthRecord:
    made = MonthRecord(
        month=OCTOBER,
        until=OCTOBER.end,
        townships={code: Township(code=code, name=code) for code in ("01", "02")},
        versions=in_ledger((0, C)),
        transitions={"c": said(DOWN)},
    )
    return replace(made, **more)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_became_of_a_repair(case: Case) -> None:
    due = DueRepair(camera="c", township="01", deadline=case.due)
    found = review([due], inspect(record(transitions={"c": said(case.life)}, **case.more or {})))
    restored = None if case.restored is None else OCTOBER.start + case.restored
    assert found == [Repair(due=due, state=RepairState(case.state), restored_at=restored)]


def test_in_a_running_month_a_deadline_is_over_when_its_day_is() -> None:
    due = [DueRepair(camera="c", township="01", deadline=DUE)]
    for until, state in ((OVER - 1, RepairState.OPEN), (OVER, RepairState.OVERDUE)):
        (found,) = review(due, inspect(record(until=OCTOBER.start + until)))
        assert found.state is state


def test_each_is_judged_where_it_was_asked_for_and_in_the_order_of_the_list() -> None:
    both = [DueRepair(camera="c", township=code, deadline=DUE) for code in ("02", "01")]
    assert [(each.due, each.state) for each in review(both, inspect(record()))] == [
        (both[0], RepairState.LEFT),
        (both[1], RepairState.OVERDUE),
    ]


LIVES = st.lists(st.tuples(st.integers(0, 31 * 4 - 1), st.sampled_from(["intact", "impaired", "offline", "unknown"])))
SPANS = st.lists(st.tuples(st.integers(0, 30 * 4), st.integers(1, 60)), max_size=2)
QUARTER = DAY // 4


@settings(deadline=None, max_examples=120)
@given(life=LIVES, gaps=SPANS, filings=SPANS, day=st.integers(1, 31), leaves=st.none() | st.integers(1, 31 * 4))
def test_it_is_what_asking_every_quarter_of_a_day_gives(
    life: list[tuple[int, str]],
    gaps: list[tuple[int, int]],
    filings: list[tuple[int, int]],
    day: int,
    leaves: int | None,
) -> None:
    """The deadline's last quarter of a day stands here for its last second: nothing changes within a quarter."""
    lines = [f"{at * QUARTER} {word}" for at, word in sorted({0: "offline", **dict(life)}.items())]
    made = record(
        transitions={"c": said(", ".join(lines))},
        versions=in_ledger((0, C), *([] if leaves is None else [(leaves * QUARTER, None)])),
        gaps=tuple(hidden(at * QUARTER, (at + length) * QUARTER) for at, length in gaps),
        exemptions=tuple(filed(at * QUARTER, (at + length) * QUARTER) for at, length in filings),
    )
    (found,) = review([DueRepair(camera="c", township="01", deadline=date(2026, 10, day))], inspect(made))
    assert found.state == plainly(made, day * 4, leaves or 31 * 4)


def plainly(made: MonthRecord, over: int, leaves: int) -> str:
    """The state by the words of the rule. ``over`` and ``leaves`` count quarters of a day."""
    told = dict(second_by_second.what_was_told(list(made.transitions["c"]), made.until, QUARTER))
    quarters = [OCTOBER.start + number * QUARTER for number in range(leaves)]

    def covered(spans: Any, at: int) -> bool:
        return any(span.began <= at < span.ended for span in spans)

    seen = [
        Condition.UNKNOWN if covered(made.gaps, at) or (transition := told[at]) is None else transition.condition
        for at in quarters
    ]
    intact = [number for number, condition in enumerate(seen) if condition is Condition.INTACT]
    since = range(over - 1, min(intact[0] if intact else leaves, leaves))
    exempt = {number for number in since if covered(made.exemptions, quarters[number])}
    failed = any(seen[number] in (Condition.OFFLINE, Condition.IMPAIRED) for number in since if number not in exempt)
    if intact:
        return "late" if failed else "done"
    if leaves < 31 * 4:
        return "left"
    return "overdue" if failed else "exempt" if exempt else "unknown"
