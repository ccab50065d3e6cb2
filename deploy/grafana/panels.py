"""How our panels look: one function a kind, with the units, colours and words that all dashboards share.

Every query goes to the datasource that the reader chooses (``${datasource}``). What is a rate is rounded down to
hundredths of a percent, as on paper: 94.996 % is not 95 %.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase

from grafana_foundation_sdk.builders import bargauge, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as dashboard_builders
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")

GREEN, ORANGE, RED, GREY, BLUE = "green", "orange", "red", "#8e8e8e", "blue"
CONDITIONS = {
    "intact": ("在线完好", GREEN),
    "impaired": ("在线异常", ORANGE),
    "offline": ("离线", RED),
    "unknown": ("未判定", GREY),
    "exempt": ("报备", BLUE),
}
SHARE, COUNT, SECONDS, HOURS, BYTES, SINCE = (
    "percentunit",
    "suffix:台",
    "s",
    "suffix:台时",
    "bytes",
    "dateTimeFromNow",
)
PLAIN, TIMES, MESSAGES, WHEN = "short", "suffix:次", "suffix:条", "dateTimeAsLocal"

WIDTH = 24
"""columns of Grafana's grid"""

Words = Mapping[str, tuple[str, str]]
"""text and colour of the values that are words"""

Steps = Sequence[tuple[float | None, str]]
"""colours from a value on; the first from None"""

BELOW_ZERO_IS_BAD: Steps = ((None, RED), (0, GREEN))
ANY_IS_BAD: Steps = ((None, GREEN), (1, RED))
NO_JUDGEMENT: Steps = ((None, BLUE),)


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table: its heading, the query whose value it shows, and how."""

    heading: str
    expr: str
    unit: str = PLAIN
    decimals: int | None = None
    steps: Steps = ()
    values: Words = field(default_factory=dict)


def floored(rate: str) -> str:
    """A rate as it is printed: hundredths of a percent, rounded down."""
    return f"floor(({rate}) * 10000) / 10000"


def number(
    title: str,
    expr: str,
    *,
    unit: str = PLAIN,
    decimals: int | None = None,
    steps: Steps = NO_JUDGEMENT,
    values: Words | None = None,
    note: str = "",
) -> dashboard.Panel:
    """One large number, as it is now."""
    panel = (
        stat.Panel()
        .title(title)
        .description(note)
        .datasource(DATASOURCE)
        .unit(unit)
        .thresholds(_thresholds(steps))
        .color_mode(common.BigValueColorMode.VALUE)
        .graph_mode(common.BigValueGraphMode.NONE)
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(_query("A", expr, instant=True))
        .no_value("—")
    )
    if decimals is not None:
        panel.decimals(decimals)
    if values:
        panel.mappings([_words(values)])
    return panel.build()


def lines(
    title: str,
    queries: Mapping[str, str],
    *,
    unit: str = PLAIN,
    decimals: int | None = None,
    lowest: float | None = None,
    highest: float | None = None,
    stacked: bool = False,
    note: str = "",
) -> dashboard.Panel:
    """Values over time; ``queries`` by legend. A gap is drawn as a gap: nobody knows what was in it."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(note)
        .datasource(DATASOURCE)
        .unit(unit)
        .span_nulls(False)
        .line_width(1)
        .fill_opacity(60 if stacked else 0)
        .show_points(common.VisibilityMode.NEVER)
        .legend(
            common_builders.VizLegendOptions()
            .show_legend(True)
            .display_mode(common.LegendDisplayMode.LIST)
            .placement(common.LegendPlacement.BOTTOM)
        )
        .tooltip(common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
    )
    if stacked:
        panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    if decimals is not None:
        panel.decimals(decimals)
    if lowest is not None:
        panel.min(lowest)
    if highest is not None:
        panel.max(highest)
    for letter, (legend, expr) in zip(ascii_uppercase, queries.items(), strict=False):
        panel.with_target(_query(letter, expr, legend=legend))
    for name, colour in CONDITIONS.values():
        if name in queries:
            panel.override_by_name(
                name, [dashboard.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})]
            )
    return panel.build()


def bars(
    title: str,
    queries: Mapping[str, str],
    *,
    unit: str = PLAIN,
    decimals: int | None = None,
    steps: Steps = NO_JUDGEMENT,
    highest: float | None = None,
    note: str = "",
) -> dashboard.Panel:
    """A bar for each series, as it is now; ``queries`` by legend."""
    panel = (
        bargauge.Panel()
        .title(title)
        .description(note)
        .datasource(DATASOURCE)
        .unit(unit)
        .min(0)
        .thresholds(_thresholds(steps))
        .orientation(common.VizOrientation.HORIZONTAL)
        .display_mode(common.BarGaugeDisplayMode.BASIC)
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
        .no_value("—")
    )
    if decimals is not None:
        panel.decimals(decimals)
    if highest is not None:
        panel.max(highest)
    for letter, (legend, expr) in zip(ascii_uppercase, queries.items(), strict=False):
        panel.with_target(_query(letter, expr, legend=legend, instant=True))
    return panel.build()


def states(title: str, queries: Mapping[str, str], values: Words, *, note: str = "") -> dashboard.Panel:
    """What held when: a strip for each series, ``values`` saying which word and colour a value has."""
    panel = (
        statetimeline.Panel()
        .title(title)
        .description(note)
        .datasource(DATASOURCE)
        .mappings([_words(values)])
        .show_value(common.VisibilityMode.AUTO)
        .merge_values(True)
        .row_height(0.8)
        .line_width(0)
        .fill_opacity(80)
        .thresholds(_thresholds(((None, GREY),)))
    )
    for letter, (legend, expr) in zip(ascii_uppercase, queries.items(), strict=False):
        panel.with_target(_query(letter, expr, legend=legend))
    return panel.build()


def rows(
    title: str,
    columns: Sequence[Column],
    *,
    keys: Mapping[str, str],
    dropped: Sequence[str] = (),
    passed: Sequence[str] = (),
    link: str = "",
    sort: str = "",
    descending: bool = True,
    note: str = "",
) -> dashboard.Panel:
    """A table with a row for each label set, as it is now.

    ``keys`` are the headings of the labels that are shown; ``dropped`` are labels that are not, ``passed`` those that
    only ``link`` needs, the address to which the first key leads: Grafana cannot pass on what it has dropped.
    """
    panel = (
        table.Panel()
        .title(title)
        .description(note)
        .datasource(DATASOURCE)
        .show_header(True)
        .cell_height(common.TableCellHeight.SM)
        .align(common.FieldTextAlignment.AUTO)
        .inspect(False)
    )
    value_of = {}
    for letter, column in zip(ascii_uppercase, columns, strict=False):
        panel.with_target(_query(letter, column.expr, instant=True, as_table=True))
        # With one query Grafana calls its value Value, with several it says whose it is.
        value_of[f"Value #{letter}" if len(columns) > 1 else "Value"] = column.heading
        panel.override_by_name(column.heading, _look_of(column))
    headings = {**keys, **value_of}
    if len(columns) > 1:
        panel.with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
    panel.with_transformation(
        dashboard.DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": dict.fromkeys(("Time", *dropped), True),
                "indexByName": {name: place for place, name in enumerate(headings)},
                "renameByName": headings,
            },
        )
    )
    for label in passed:
        panel.override_by_name(label, [dashboard.DynamicConfigValue("custom.hidden", True)])
    if link:
        first = next(iter(keys.values()))
        shown = [{"title": "打开", "url": link, "targetBlank": False}]
        panel.override_by_name(first, [dashboard.DynamicConfigValue("links", shown)])
    if sort:
        panel.sort_by([common_builders.TableSortByFieldState().display_name(sort).desc(descending)])
    return panel.build()


def _look_of(column: Column) -> list[dashboard.DynamicConfigValue]:
    look = [dashboard.DynamicConfigValue("unit", column.unit)]
    if column.decimals is not None:
        look.append(dashboard.DynamicConfigValue("decimals", column.decimals))
    if column.steps:
        look.append(dashboard.DynamicConfigValue("thresholds", _thresholds(column.steps).build()))
        look.append(dashboard.DynamicConfigValue("custom.cellOptions", {"type": "color-text"}))
    if column.values:
        look.append(dashboard.DynamicConfigValue("mappings", [_words(column.values)]))
        look.append(dashboard.DynamicConfigValue("custom.cellOptions", {"type": "color-text"}))
    return look


def _query(
    letter: str, expr: str, *, legend: str = "", instant: bool = False, as_table: bool = False
) -> prometheus.Dataquery:
    query = prometheus.Dataquery().ref_id(letter).expr(expr).datasource(DATASOURCE).legend_format(legend or "__auto")
    query = query.instant() if instant else query.range()
    return query.format(PromQueryFormat.TABLE if as_table else PromQueryFormat.TIME_SERIES)


def _thresholds(steps: Steps) -> dashboard_builders.ThresholdsConfig:
    return (
        dashboard_builders.ThresholdsConfig()
        .mode(dashboard.ThresholdsMode.ABSOLUTE)
        .steps([dashboard.Threshold(value=value, color=colour) for value, colour in steps])
    )


def _words(values: Words) -> dashboard.ValueMap:
    return dashboard.ValueMap(
        options={
            value: dashboard.ValueMappingResult(text=text, color=colour, index=place)
            for place, (value, (text, colour)) in enumerate(values.items())
        }
    )
