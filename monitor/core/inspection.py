"""When are the month's numbered inspection rounds (巡查轮次)?"""

from __future__ import annotations

from datetime import datetime, time, timedelta

from monitor.core.period import Month


def planned(month: Month, rounds: int, day_time: time, night_time: time) -> tuple[int, ...]:
    """The UTC seconds at which the rounds of a month begin, in order, by daylight and by night in turn, evenly spread.

    A month that has fewer days than half the rounds gets as many as have a day or a night of their own.

    >>> from zoneinfo import ZoneInfo
    >>> month = Month(2026, 2, ZoneInfo("Asia/Shanghai"))
    >>> [datetime.fromtimestamp(at, month.zone).strftime("%d %H:%M") for at in planned(month, 4, time(10), time(22))]
    ['04 10:00', '11 22:00', '18 10:00', '25 22:00']
    """
    begins: set[int] = set()
    for number in range(rounds):
        day = month.first + timedelta(days=(2 * number + 1) * month.days // (2 * rounds))
        clock = day_time if number % 2 == 0 else night_time
        begins.add(int(datetime.combine(day, clock, tzinfo=month.zone).timestamp()))
    return tuple(sorted(begins))
