"""Months of the site's own calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from monitor.core.period import Month, local_date, midnight

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_a_month_begins_at_the_sites_midnight() -> None:
    october = Month.parse("2026-10", SHANGHAI)
    assert october.start == utc("2026-09-30T16:00:00")
    assert october.end == utc("2026-10-31T16:00:00")


@pytest.mark.parametrize(
    ("text", "days"), [("2026-02", 28), ("2028-02", 29), ("2100-02", 28), ("2026-04", 30), ("2026-12", 31)]
)
def test_a_month_has_its_days(text: str, days: int) -> None:
    month = Month.parse(text, SHANGHAI)
    assert month.days == days
    assert month.end - month.start == days * 86400


def test_a_month_with_a_clock_change_is_an_hour_longer_or_shorter() -> None:
    march, october = Month(2026, 3, BERLIN), Month(2026, 10, BERLIN)
    assert march.end - march.start == 31 * 86400 - 3600
    assert october.end - october.start == 31 * 86400 + 3600


def test_months_follow_each_other_over_the_year() -> None:
    december = Month(2026, 12, SHANGHAI)
    assert str(december.next()) == "2027-01"
    assert december.next().previous() == december
    assert december.end == december.next().start


def test_the_last_second_is_in_a_month_and_the_next_is_not() -> None:
    october = Month(2026, 10, SHANGHAI)
    assert october.end - 1 in october
    assert october.end not in october
    assert Month.at(october.end - 0.5, SHANGHAI) == october
    assert Month.at(october.end, SHANGHAI) == october.next()


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "2026-1", "26-10", "2026-10-01", "", "２０２６-10"])
def test_anything_else_is_no_month(text: str) -> None:
    with pytest.raises(ValueError, match="month"):
        Month.parse(text, SHANGHAI)


def test_a_day_is_the_sites_day() -> None:
    assert local_date(utc("2026-10-31T15:59:59"), SHANGHAI) == date(2026, 10, 31)
    assert local_date(utc("2026-10-31T16:00:00"), SHANGHAI) == date(2026, 11, 1)
    assert midnight(date(2026, 11, 1), SHANGHAI) == utc("2026-10-31T16:00:00")
