"""The SVG strips of the pages."""

from datetime import datetime
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

from monitor.charts import THINNEST_PERCENT, TrendWords, month_strip, trend
from monitor.core.condition import Condition
from monitor.core.record import Interval

ZONE = ZoneInfo("Asia/Shanghai")
BEGAN = int(datetime(2026, 11, 1, tzinfo=ZONE).timestamp())
DAY = 86_400
ENDED = BEGAN + 30 * DAY


def drawn(intervals: list[Interval], title: str = "十一月") -> ElementTree.Element:
    return ElementTree.fromstring(month_strip(intervals, began=BEGAN, ended=ENDED, zone=ZONE, title=title))


def stretch(first_day: float, last_day: float, condition: Condition) -> Interval:
    return Interval(began=BEGAN + int(first_day * DAY), ended=BEGAN + int(last_day * DAY), condition=condition)


def test_a_stretch_stands_where_its_days_are() -> None:
    drawing = drawn([stretch(15, 18, Condition.OFFLINE)])
    (rect,) = [one for one in drawing.iter("rect") if one.get("class") == "is-offline"]
    assert (rect.get("x"), rect.get("width")) == ("50.000%", "10.000%")


def test_a_minute_of_outage_can_still_be_seen_above_the_good_time() -> None:
    drawing = drawn([stretch(3, 3 + 1 / 1440, Condition.OFFLINE), stretch(0, 3, Condition.INTACT)])
    rects = [one for one in drawing.iter("rect") if one.get("class") != "strip-empty"]
    assert [one.get("class") for one in rects] == ["is-intact", "is-offline"]
    assert rects[1].get("width") == f"{THINNEST_PERCENT:.3f}%"


def test_days_are_numbered_and_parted_at_midnight_of_the_site() -> None:
    drawing = drawn([])
    assert [one.text for one in drawing.iter("text")] == ["1", "6", "11", "16", "21", "26"]
    assert len(list(drawing.iter("line"))) == 30
    assert next(iter(drawing.iter("line"))).get("x1") == "0.000%"


def test_time_outside_the_month_is_cut_off() -> None:
    drawing = drawn([stretch(-5, 40, Condition.UNKNOWN)])
    (rect,) = [one for one in drawing.iter("rect") if one.get("class") == "is-unknown"]
    assert (rect.get("x"), rect.get("width")) == ("0.000%", "100.000%")


def test_a_title_is_text_and_never_markup() -> None:
    drawing = drawn([], title='"><script>alert(1)</script>')
    assert drawing.get("aria-label") == '"><script>alert(1)</script>'
    assert not list(drawing.iter("script"))


def test_a_trend_is_told_in_the_words_of_its_reader() -> None:
    months = [{"month": f"2026-0{number}", "online_rate": "99.00", "online_intact_rate": "96.50"} for number in (8, 9)]
    words = TrendWords(online="on & <up>", online_intact="whole", target="goal", month="{number}", year="{number}")
    drawing = ElementTree.fromstring(trend(months, target="95", words=words))
    said = [one.text for one in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert {"on & <up>", "whole", "goal 95%", "8", "9", "2026"} <= set(said)
    assert not {"在线率", "8月", "2026年"} & set(said)


def test_both_lines_of_a_trend_can_be_told_apart_by_a_style_sheet() -> None:
    months = [{"month": "2026-08", "online_rate": "99.00", "online_intact_rate": "96.50"}]
    drawing = ElementTree.fromstring(trend(months, target="95"))
    lines = [one.get("class") for one in drawing.iter("{http://www.w3.org/2000/svg}polyline")]
    assert lines == ["online_rate", "online_intact_rate"]
