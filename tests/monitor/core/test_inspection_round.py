"""Rounds of a month: which count, which of them were by day, and how often they looked."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from monitor.core.condition import Condition
from monitor.core.inspection_round import InspectionRound, RoundState, RoundSums, round_sums

SHANGHAI = ZoneInfo("Asia/Shanghai")


def begun(clock: str, *, took: int | None = 600, void: str | None = None, **counts: int) -> InspectionRound:
    """A round of 3 October that began at that time of the site's clock."""
    started = int(datetime.fromisoformat(f"2026-10-03T{clock}+08:00").timestamp())
    return InspectionRound(
        number=1,
        started=started,
        ended=None if took is None else started + took,
        counts={Condition(word): count for word, count in counts.items()},
        void=void,
    )


@pytest.mark.parametrize(
    ("clock", "daylight"),
    [("05:59:59", False), ("06:00:00", True), ("17:59:59", True), ("18:00:00", False), ("00:00:00", False)],
)
def test_daylight_is_from_six_to_six_at_the_site(clock: str, daylight: bool) -> None:
    assert begun(clock).by_daylight(SHANGHAI) is daylight


CASES = {
    "none": ([], RoundSums(by_day=0, by_night=0, void=0, unfinished=0, looks=0)),
    "by day and by night": (
        [begun("10:00:00", intact=8, offline=1), begun("22:00:00", intact=7, unknown=2), begun("10:00:00")],
        RoundSums(by_day=2, by_night=1, void=0, unfinished=0, looks=18),
    ),
    "a void one counts for nobody": (
        [begun("10:00:00", intact=8), begun("22:00:00", void="canary", unknown=8)],
        RoundSums(by_day=1, by_night=0, void=1, unfinished=0, looks=8),
    ),
    "one that was stopped has no result": (
        [begun("10:00:00", took=None), begun("22:00:00", took=None, void="canary")],
        RoundSums(by_day=0, by_night=0, void=0, unfinished=2, looks=0),
    ),
    "one without cameras is still one": (
        [begun("10:00:00", took=0)],
        RoundSums(by_day=1, by_night=0, void=0, unfinished=0, looks=0),
    ),
}


@pytest.mark.parametrize(("rounds", "sums"), CASES.values(), ids=CASES)
def test_what_a_months_rounds_come_to(rounds: list[InspectionRound], sums: RoundSums) -> None:
    assert round_sums(rounds, SHANGHAI) == sums
    assert sums.valid == sum(each.state is RoundState.VALID for each in rounds)
