"""Charts as SVG text: the strip of a camera's month, and a month's trend, ranking and heat map.

Colours stand as presentation attributes, so that the drawing is whole on paper; a page's style sheet overrides them
by class. They differ in lightness too: papers are printed in black and white. The strip's positions are percentages
of its width, so that it can be laid out at any size without distorting text; the other three are drawn in points for
a sheet and scale as a whole. Rates come as they are printed and are drawn, never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import groupby, pairwise
from typing import Any
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


SHEET_WIDTH = 442
"""The text area of an official document, 156 mm, in points."""
FONT = "sans-serif"
"""On paper the template puts its own families in its place."""
TARGET_COLOUR = "#c00018"
INK = "#333"
GRID = "#ccc"
HALO = ' stroke="#fff" stroke-width="2.4" stroke-linejoin="round" paint-order="stroke"'
"""Keeps a figure readable where it stands on a line."""
LONGEST_LABEL = 9
"""Characters of a place's name beside a chart; the table has the whole name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendWords:
    """What stands on a trend beside its figures. ``month`` and ``year`` take a number as ``{number}``."""

    online: str = "在线率"
    online_intact: str = "在线完好率"
    target: str = "目标"
    month: str = "{number}月"
    year: str = "{number}年"


CHINESE = TrendWords()


def trend(months: Sequence[Mapping[str, Any]], *, target: str, words: TrendWords = CHINESE) -> str:
    """在线率 and 在线完好率 month by month as two lines; a month without a rate leaves a hole.

    ``months``: ``month``, ``online_rate``, ``online_intact_rate``, oldest first.
    """
    left, top, wide, high = 30.0, 24.0, SHEET_WIDTH - 40.0, 118.0
    low = _axis_begins([row[key] for row in months for key in ("online_rate", "online_intact_rate")], target)

    def across(place: int) -> float:
        return left + wide * (place + 0.5) / max(len(months), 1)

    def down(rate: float) -> float:
        return top + high * (100 - rate) / (100 - low)

    parts = [_svg(round(top + high + 30))]
    for tick in _ticks(low):
        parts.append(_line(left, down(tick), left + wide, down(tick), GRID, 0.4))
        parts.append(_text(left - 4, down(tick) + 2.8, str(tick), anchor="end"))
    goal = down(float(target))
    parts.append(_line(left, goal, left + wide, goal, TARGET_COLOUR, 0.9, dash="5 3", name="target"))
    for key, colour, dash, mark in TREND_LINES:
        parts += _curve([row[key] for row in months], across, down, name=key, colour=colour, dash=dash, mark=mark)
    parts += [
        _text(
            across(place), down(float(row["online_intact_rate"])) + 11, row["online_intact_rate"], size=7.5, over=True
        )
        for place, row in enumerate(months)
        if row["online_intact_rate"] is not None
    ]
    parts += [
        _text(across(place), top + high + 12, words.month.format(number=int(row["month"][5:])))
        for place, row in enumerate(months)
    ]
    parts += [
        _text(across(place), top + high + 23, words.year.format(number=row["month"][:4]), size=7.5)
        for place, row in enumerate(months)
        if place == 0 or row["month"].endswith("-01")
    ]
    return "".join([*parts, *_trend_legend(left, target, words), "</svg>"])


def ranking_bars(townships: Sequence[Mapping[str, Any]], *, target: str) -> str:
    """The 在线完好率 of each township as a bar, in the order given; those below the target are hatched.

    ``townships``: ``name``, ``online_intact_rate``, ``reaches_target``.
    """
    left, step, thick = 86.0, 12.6, 9.0
    wide = SHEET_WIDTH - left - 44
    low = _axis_begins([row["online_intact_rate"] for row in townships], target)
    bottom = step * len(townships)

    def across(rate: float) -> float:
        return left + wide * (rate - low) / (100 - low)

    parts = [_svg(round(bottom + 26)), HATCH]
    for tick in _ticks(low):
        parts.append(_line(across(tick), 0, across(tick), bottom, GRID, 0.4))
        parts.append(_text(across(tick), bottom + 11, str(tick), size=8))
    goal = across(float(target))
    parts.append(_line(goal, -2, goal, bottom + 2, TARGET_COLOUR, 0.9, dash="5 3"))
    parts.append(_text(left, bottom + 22, f"横轴自 {low}% 起；虚线为目标 {target}%", anchor="start", size=8))
    for place, row in enumerate(townships):
        middle = step * (place + 0.5)
        parts.append(_text(left - 5, middle + 3, _short(row["name"]), anchor="end"))
        if row["online_intact_rate"] is None:
            parts.append(_text(left + 4, middle + 3, "—", anchor="start"))
            continue
        end = across(max(float(row["online_intact_rate"]), low))
        word, fill = ("reaches", "#3f7fb5") if row["reaches_target"] else ("below", "url(#below)")
        parts.append(
            f'<rect class="bar-{word}" x="{left:.1f}" y="{middle - thick / 2:.1f}" width="{end - left:.1f}" '
            f'height="{thick}" fill="{fill}"/>'
        )
        parts.append(_text(end + 4, middle + 3, row["online_intact_rate"], anchor="start", size=8, over=True))
    return "".join([*parts, "</svg>"])


def heat_map(townships: Sequence[Mapping[str, Any]], *, target: str) -> str:
    """The 在线完好率 of each township and day in five classes, the worse the darker; a day without a rate is crossed.

    ``townships``: ``name``, ``days`` (a rate or None for each day).
    """
    left, top, step = 72.0, 34.0, 14.0
    days = max((len(row["days"]) for row in townships), default=0)
    wide = (SHEET_WIDTH - left) / max(days, 1)
    classes = heat_classes(target)
    parts = [_svg(round(top + step * len(townships) + 4)), *_heat_legend(classes)]
    parts += [_text(left + wide * (day + 0.5), top - 4, str(day + 1), size=7) for day in range(days)]
    for place, row in enumerate(townships):
        y = top + step * place
        parts.append(_text(left - 4, y + step / 2 + 3, _short(row["name"]), anchor="end"))
        for day, rate in enumerate(row["days"]):
            parts.append(_heat_cell(left + wide * day, y, wide - 0.6, step - 0.6, rate, classes))
    return "".join([*parts, "</svg>"])


TREND_LINES = (
    ("online_rate", "#6f9fc8", "4 2", "circle"),
    ("online_intact_rate", "#1d4f80", "", "square"),
)
HEAT_COLOURS = ("#e4f2ea", "#b9dfc9", "#f0ae55", "#dd6b35", "#8f1620")
HATCH = (
    '<defs><pattern id="below" width="4" height="4" patternUnits="userSpaceOnUse">'
    '<rect width="4" height="4" fill="#f6d3b0"/><path d="M0 4L4 0" stroke="#c8641e" stroke-width="1.2"/>'
    "</pattern></defs>"
)


def heat_classes(target: str) -> list[tuple[float, str, str]]:
    """Lower edge, words and colour of each class, best first.

    >>> [words for _, words, _ in heat_classes("95")]
    ['≥98', '95—98', '90—95', '85—90', '＜85']
    """
    goal = float(target)
    good = goal + 3 if goal + 3 < 100 else (goal + 100) / 2
    edges = [good, goal, max(goal - 5, 0.0), max(goal - 10, 0.0)]
    words = [f"≥{good:g}"]
    words += [f"{lower:g}—{upper:g}" for upper, lower in pairwise(edges)]
    words.append(f"＜{edges[-1]:g}")
    return list(zip([*edges, 0.0], words, HEAT_COLOURS, strict=True))


def heat_grade(rate: str, classes: Sequence[tuple[float, str, str]]) -> int:
    """The place of a printed rate among ``heat_classes``: 0 is the best.

    >>> [heat_grade(rate, heat_classes("95")) for rate in ("100.00", "95.00", "94.99", "0.00")]
    [0, 1, 2, 4]
    """
    return next(grade for grade, (edge, _, _) in enumerate(classes) if float(rate) >= edge)


def _heat_cell(
    x: float, y: float, wide: float, high: float, rate: str | None, classes: Sequence[tuple[float, str, str]]
) -> str:
    place = f'x="{x:.2f}" y="{y:.2f}" width="{wide:.2f}" height="{high:.2f}"'
    if rate is None:
        return _crossed(place, f"M{x:.2f} {y:.2f}l{wide:.2f} {high:.2f}")
    grade = heat_grade(rate, classes)
    return f'<rect class="heat-{grade}" {place} fill="{classes[grade][2]}"/>'


def _crossed(place: str, diagonal: str) -> str:
    return (
        f'<rect class="heat-none" {place} fill="#fff" stroke="#bbb" stroke-width=".4"/>'
        f'<path d="{diagonal}" stroke="#999" stroke-width=".5"/>'
    )


def _heat_legend(classes: Sequence[tuple[float, str, str]]) -> Iterable[str]:
    wide = 58.0
    for place, (_, words, colour) in enumerate(classes):
        x = SHEET_WIDTH - wide * (len(classes) + 1) + wide * place
        yield f'<rect class="heat-{place}" x="{x:.1f}" y="3" width="14" height="8" fill="{colour}"/>'
        yield _text(x + 18, 10, words, anchor="start", size=8)
    x = SHEET_WIDTH - wide
    yield _crossed(f'x="{x:.1f}" y="3" width="14" height="8"', f"M{x:.1f} 3l14 8")
    yield _text(x + 18, 10, "无数据", anchor="start", size=8)


def _trend_legend(left: float, target: str, words: TrendWords) -> Iterable[str]:
    names = ((words.online, TREND_LINES[0]), (words.online_intact, TREND_LINES[1]))
    for place, (name, (key, colour, dash, mark)) in enumerate(names):
        x = left + 84 * place
        yield _line(x, 9, x + 24, 9, colour, 1.4, dash=dash, name=key)
        yield _mark(x + 12, 9, colour, mark, name=key)
        yield _text(x + 29, 12, name, anchor="start")
    x = left + 210
    yield _line(x, 9, x + 24, 9, TARGET_COLOUR, 0.9, dash="5 3", name="target")
    yield _text(x + 29, 12, f"{words.target} {target}%", anchor="start")


def _curve(
    rates: Sequence[str | None],
    across: Callable[[int], float],
    down: Callable[[float], float],
    *,
    name: str,
    colour: str,
    dash: str,
    mark: str,
) -> Iterable[str]:
    for known, run in groupby(enumerate(rates), key=lambda each: each[1] is not None):
        if not known:
            continue
        points = [(across(place), down(float(rate))) for place, rate in run if rate is not None]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        pattern = f' stroke-dasharray="{dash}"' if dash else ""
        yield (f'<polyline class="{name}" fill="none" stroke="{colour}" stroke-width="1.4"{pattern} points="{path}"/>')
        yield from (_mark(x, y, colour, mark, name=name) for x, y in points)


def _mark(x: float, y: float, colour: str, shape: str, *, name: str) -> str:
    if shape == "circle":
        return f'<circle class="{name}" cx="{x:.1f}" cy="{y:.1f}" r="2" fill="#fff" stroke="{colour}"/>'
    return f'<rect class="{name}" x="{x - 2:.1f}" y="{y - 2:.1f}" width="4" height="4" fill="{colour}"/>'


def _axis_begins(rates: Iterable[str | None], target: str) -> int:
    """The rate at which an axis begins: a multiple of 5 that leaves the lowest rate and the target some room."""
    lowest = min([float(rate) for rate in rates if rate is not None] + [float(target)])
    return max(0, int((lowest - 2) // 5 * 5))


def _ticks(low: int) -> range:
    step = next(step for step in (1, 2, 5, 10, 20) if (100 - low) / step <= 10)
    return range(-(-low // step) * step, 101, step)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_LABEL else name[: LONGEST_LABEL - 1] + "…"


def _svg(height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {SHEET_WIDTH} {height}" '
        f'font-family="{FONT}" font-size="9" fill="{INK}">'
    )


def _line(
    x1: float, y1: float, x2: float, y2: float, colour: str, width: float, *, dash: str = "", name: str = "grid"
) -> str:
    pattern = f' stroke-dasharray="{dash}"' if dash else ""
    path = f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"
    return f'<path class="{name}" d="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}"{pattern}/>'


def _text(x: float, y: float, words: str, *, anchor: str = "middle", size: float = 9, over: bool = False) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" text-anchor="{anchor}"'
        f"{HALO if over else ''}>{escape(words)}</text>"
    )
