"""Charts as SVG text: the strip of a camera's month.

Colours stand as presentation attributes, so that the drawing is whole on paper; a page's style sheet overrides them
by class. Positions are percentages of the drawing's width: it can be laid out at any size without distorting text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from xml.sax.saxutils import escape, quoteattr

from monitor.core.condition import Condition
from monitor.core.record import Interval

COLOURS = {
    Condition.INTACT: "#2f9e6b",
    Condition.IMPAIRED: "#d9902f",
    Condition.OFFLINE: "#c93a3a",
    Condition.UNKNOWN: "#a9b3be",
}

STRIP_HEIGHT = 22
TICK_HEIGHT = 16
THINNEST_PERCENT = 0.15
"""A minute of a month would be invisible: every stretch out of order is drawn at least this wide."""


def month_strip(intervals: Sequence[Interval], *, began: int, ended: int, zone: tzinfo, title: str) -> str:
    """A month from ``began`` to ``ended`` (UTC seconds) as one coloured strip with the days below it.

    Time that no interval covers, the rest of a running month, stays empty.
    """
    size = f'width="100%" height="{STRIP_HEIGHT + TICK_HEIGHT}"'
    parts = [
        f'<svg class="strip" {size} role="img" aria-label={quoteattr(title)}><title>{escape(title)}</title>',
        f'<rect class="strip-empty" width="100%" height="{STRIP_HEIGHT}" fill="#eef1f4"/>',
    ]
    # the good time first: short outages must not disappear below it
    ordered = sorted(intervals, key=lambda interval: interval.condition is not Condition.INTACT)
    parts += [_stretch(interval, began, ended) for interval in ordered]
    parts += _days(began, ended, zone)
    return "".join(parts) + "</svg>"


def _stretch(interval: Interval, began: int, ended: int) -> str:
    left = _percent(interval.began, began, ended)
    width = max(_percent(interval.ended, began, ended) - left, THINNEST_PERCENT)
    return (
        f'<rect class="is-{interval.condition}" x="{left:.3f}%" width="{width:.3f}%" height="{STRIP_HEIGHT}" '
        f'fill="{COLOURS[interval.condition]}"/>'
    )


def _days(began: int, ended: int, zone: tzinfo) -> Iterable[str]:
    """A hairline at every midnight, a number at the 1st, 6th, 11th …"""
    day = datetime.fromtimestamp(began, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    while (at := int(day.timestamp())) < ended:
        if at >= began:
            left = f"{_percent(at, began, ended):.3f}%"
            yield f'<line class="strip-day" x1="{left}" x2="{left}" y2="{STRIP_HEIGHT}" stroke="#fff"/>'
            if day.day % 5 == 1 and day.day < 31:
                yield (
                    f'<text class="strip-tick" x="{left}" y="{STRIP_HEIGHT + TICK_HEIGHT - 4}" font-size="11" '
                    f'fill="#5b6675">{day.day}</text>'
                )
        day += timedelta(days=1)


def _percent(at: int, began: int, ended: int) -> float:
    return min(max((at - began) / max(ended - began, 1) * 100, 0.0), 100.0)
