"""How a month is counted is the county's to say."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest

from monitor.book import Book
from monitor.config import parse
from monitor.core.availability import BY_DEFAULT, Counting
from monitor.core.condition import Cause, Condition
from monitor.core.fleet import Camera, Fleet, Township
from monitor.core.period import Month
from monitor.core.record import Transition
from monitor.store import Membership

MONTH = Month.at(datetime(2026, 11, 24, tzinfo=UTC).timestamp(), UTC)
BEGAN = int(datetime(2026, 11, 24, tzinfo=UTC).timestamp())


def rate_after_a_minute(counting: Counting, *, since: date | None = None) -> Fraction | None:
    camera = Camera(id="c1", name="村口", township="01", village="青溪村", host="10.0.0.1", in_service_from=since)
    fleet = Fleet.of([Township(code="01", name="泌水镇")], [camera])
    book = Book(MONTH, (), excuse_links=False, counting=counting)
    history = [
        Transition(camera="c1", at=BEGAN, condition=Condition.UNKNOWN, cause=Cause.OURS, decided_at=BEGAN),
        Transition(camera="c1", at=BEGAN, condition=Condition.INTACT, decided_at=BEGAN),
    ]
    book.open("c1", "01", history, BEGAN)
    membership = Membership(camera="c1", township="01", began=MONTH.start, ended=MONTH.end)
    _, county = book.count(fleet, [membership], BEGAN + 60, {})
    return county.online_intact_rate


def test_the_settings_are_the_rules_of_the_month() -> None:
    assert parse("").counting.rules == BY_DEFAULT
    document = '[counting]\nassessed_from = "12.5"\nnew_days = 0\n'
    assert parse(document).counting.rules == Counting(assessed_from=Fraction(1, 8), new_days=0)


@pytest.mark.parametrize(("assessed_from", "rate"), [(Fraction(1, 10), None), (Fraction(0), Fraction(1))])
def test_a_camera_known_for_a_minute_of_the_month_is_assessed_where_the_county_says_so(
    assessed_from: Fraction, rate: Fraction | None
) -> None:
    assert rate_after_a_minute(Counting(assessed_from=assessed_from)) == rate


@pytest.mark.parametrize(("new_days", "rate"), [(30, None), (0, Fraction(1))])
def test_the_first_days_of_a_new_camera_are_exempt_for_as_long_as_the_county_says(
    new_days: int, rate: Fraction | None
) -> None:
    counting = Counting(assessed_from=Fraction(0), new_days=new_days)
    assert rate_after_a_minute(counting, since=date(2026, 11, 20)) == rate
