"""When are the month's numbered inspection rounds (巡查轮次)?"""

from __future__ import annotations

from datetime import datetime, time, timedelta

from monitor.core.period import Month


def planned(month: Month, rounds: int, day_time: time, night_time: time) -> tuple[int, ...]:
    """The UTC seconds at which the rounds of a month begin, by daylight and by night in turn, evenly spread.

    >>> from zoneinfo import ZoneInfo
    >>> month = Month(2026, 2, ZoneInfo("Asia/Shanghai"))
    >>> [datetime.fromtimestamp(at, month.zone).strftime("%d %H:%M") for at in planned(month, 4, time(10), time(22))]
    ['04 10:00', '11 22:00', '18 10:00', '25 22:00']
    """
    begins: list[int] = []
    for number in range(rounds):
        day = month.first + timedelta(days=(2 * number + 1) * month.days // (2 * rounds))
        clock = day_time if number % 2 == 0 else night_time
        begins.append(int(datetime.combine(day, clock, tzinfo=month.zone).timestamp()))
    return tuple(begins)
