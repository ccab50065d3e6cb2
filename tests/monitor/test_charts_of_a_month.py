"""Trend, ranking and heat map: every figure stands where it should, holes stay holes, names are text."""

from __future__ import annotations

import doctest
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

from monitor import charts

SVG = "{http://www.w3.org/2000/svg}"


def drawn(drawing: str) -> ElementTree.Element:
    return ElementTree.fromstring(drawing)


def words(element: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in element.iter(f"{SVG}text")]


def month(name: str, online: str | None, intact: str | None) -> dict[str, Any]:
    return {"month": name, "online_rate": online, "online_intact_rate": intact}


def township(name: str, rate: str | None, reaches: bool | None) -> dict[str, Any]:
    return {"name": name, "online_intact_rate": rate, "reaches_target": reaches}


def test_a_trend_has_a_point_for_each_rate_and_a_hole_where_there_is_none() -> None:
    rows = [month("2026-07", "96.00", "95.00"), month("2026-08", None, None), month("2026-09", "97.00", "96.00")]
    drawing = drawn(charts.trend(rows, target="95"))
    lines = [each.get("points", "").split() for each in drawing.iter(f"{SVG}polyline")]
    assert [len(points) for points in lines] == [1, 1, 1, 1], "two lines, each in two pieces"
    assert {"95.00", "96.00", "7月", "8月", "9月", "2026年", "目标 95%"} <= set(words(drawing))


def test_a_better_rate_stands_higher() -> None:
    rows = [month("2026-07", "96.00", "90.00"), month("2026-08", "98.00", "95.00")]
    drawing = drawn(charts.trend(rows, target="95"))
    for line in drawing.iter(f"{SVG}polyline"):
        first, second = (float(point.split(",")[1]) for point in line.get("points", "").split())
        assert second < first


def test_a_new_year_is_named_at_its_january() -> None:
    rows = [month(name, "99.00", "98.00") for name in ("2025-11", "2025-12", "2026-01", "2026-02")]
    assert [word for word in words(drawn(charts.trend(rows, target="95"))) if "年" in word] == ["2025年", "2026年"]


def test_bars_are_as_long_as_their_rates_from_where_the_axis_begins() -> None:
    rows = [township("甲镇", "100.00", True), township("乙镇", "95.00", True), township("丙镇", "91.00", False)]
    drawing = drawn(charts.ranking_bars(rows, target="95"))
    bars = [each for each in drawing.iter(f"{SVG}rect") if (each.get("class") or "").startswith("bar-")]
    assert [bar.get("class") for bar in bars] == ["bar-reaches", "bar-reaches", "bar-below"]
    full, half, low = (float(bar.get("width", "0")) for bar in bars)
    assert half / full == pytest.approx(10 / 15, abs=0.01)
    assert low / full == pytest.approx(6 / 15, abs=0.01)
    assert any("横轴自 85% 起" in word for word in words(drawing))


def test_a_township_without_a_rate_has_a_name_and_no_bar() -> None:
    drawing = drawn(charts.ranking_bars([township("甲镇", None, None)], target="95"))
    assert not [each for each in drawing.iter(f"{SVG}rect") if (each.get("class") or "").startswith("bar-")]
    assert {"甲镇", "—"} <= set(words(drawing))


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        ("100.00", "heat-0"),
        ("98.00", "heat-0"),
        ("97.99", "heat-1"),
        ("95.00", "heat-1"),
        ("94.99", "heat-2"),
        ("90.00", "heat-2"),
        ("85.00", "heat-3"),
        ("84.99", "heat-4"),
        ("0.00", "heat-4"),
        (None, "heat-none"),
    ],
)
def test_a_day_falls_into_its_class(rate: str | None, expected: str) -> None:
    drawing = drawn(charts.heat_map([{"name": "甲镇", "days": [rate]}], target="95"))
    legend = 6
    assert [each.get("class") for each in drawing.iter(f"{SVG}rect")][legend:] == [expected]


def test_a_worse_class_is_darker_so_that_black_and_white_prints_read() -> None:
    def lightness(colour: str) -> float:
        red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
        return 0.299 * red + 0.587 * green + 0.114 * blue

    shades = [lightness(colour) for _, _, colour in charts.heat_classes("95")]
    assert shades == sorted(shades, reverse=True)
    assert min(first - second for first, second in pairwise(shades)) > 15


@pytest.mark.parametrize("target", ["0", "50", "95", "98", "99.5", "100"])
def test_any_target_draws(target: str) -> None:
    rates = ["0.00", "49.99", "95.00", "99.49", "100.00", None]
    drawings = (
        charts.trend([month("2026-07", rate, rate) for rate in rates], target=target),
        charts.ranking_bars([township("甲镇", rate, None) for rate in rates], target=target),
        charts.heat_map([{"name": "甲镇", "days": rates}], target=target),
    )
    for drawing in drawings:
        assert len(list(drawn(drawing).iter())) > 10


@pytest.mark.parametrize("draw", [charts.trend, charts.ranking_bars, charts.heat_map])
def test_nothing_to_draw_is_an_empty_drawing(draw: Any) -> None:
    assert drawn(draw([], target="95")).tag == f"{SVG}svg"


def test_a_name_is_text_and_never_markup() -> None:
    name = "</text><script>"
    for drawing in (
        charts.ranking_bars([township(name, "95.00", True)], target="95"),
        charts.heat_map([{"name": name, "days": ["95.00"]}], target="95"),
    ):
        assert not list(drawn(drawing).iter(f"{SVG}script"))
        assert any(word.startswith("</text>") for word in words(drawn(drawing)))


def test_a_name_too_long_for_its_place_is_cut() -> None:
    drawing = drawn(charts.ranking_bars([township("长" * 300, "95.00", True)], target="95"))
    assert max(word.count("长") for word in words(drawing)) == charts.LONGEST_LABEL - 1


def test_examples_hold() -> None:
    result = doctest.testmod(charts)
    assert result.attempted
    assert not result.failed
