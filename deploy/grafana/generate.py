"""Writes the dashboards for Grafana 11: ``make dashboards``.

Six of them, each a page that answers one question: how the county stands, a township, a camera, the monitor itself,
links and events, the month. What they ask is exported by ``/metrics`` or recorded by deploy/prometheus/rules.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from deploy.grafana.panels import (
    ANY_IS_BAD,
    BELOW_ZERO_IS_BAD,
    BLUE,
    BYTES,
    CONDITIONS,
    COUNT,
    DATASOURCE,
    GREEN,
    GREY,
    HOURS,
    ORANGE,
    RED,
    SECONDS,
    SHARE,
    SINCE,
    TIMES,
    WHEN,
    Column,
    bars,
    floored,
    lines,
    number,
    rows,
    states,
)

FOLDER = Path(__file__).parent / "dashboards"
TAG = "xunjian"
WIDTH = 24

NAMED = "* on (township) group_left (township_name) township:xunjian_name:info"
CAMERA_NAMES = "topk by (camera) (1, max by (camera, name, village) (xunjian_camera_info))"
TARGET = "scalar(max(xunjian_target_ratio))"
TO_TOWNSHIP = "/d/xunjian-township?var-datasource=${datasource}&var-township=${__data.fields.township}"
TO_CAMERA = (
    "/d/xunjian-camera?var-datasource=${datasource}"
    "&var-township=${__data.fields.township}&var-camera=${__data.fields.camera}"
)
STATE_WORDS = {"2": ("在线完好", GREEN), "1": ("在线异常", ORANGE), "0": ("离线", RED)}
LOST_NOW = 'xunjian_township_cameras{condition=~"impaired|offline"}'
LOST_HERE = 'xunjian_camera_state_seconds_total{township="$township", state=~"impaired|offline"}'
FAILED_LOOKS = 'xunjian_probe_outcomes_total{outcome!="ok"}'
WRITES = "xunjian_store_write_seconds_bucket"
MONTH_BEGAN, MONTH_ENDS = "max(xunjian_month_start_timestamp_seconds)", "max(xunjian_month_end_timestamp_seconds)"
BY_RATE = f"sort_desc({floored(f'xunjian_township_month_online_intact_ratio {NAMED}')})"
BY_PROJECTION = f"sort_desc({floored(f'township:xunjian_month_projected:ratio {NAMED}')})"


@dataclass(frozen=True, kw_only=True)
class Band:
    """A row of panels of one height under a heading; ``widths`` add up to at most the width of the page."""

    heading: str
    height: int
    panels: Sequence[tuple[dashboard.Panel, int]]


@dataclass(frozen=True, kw_only=True)
class Page:
    """A dashboard before it is laid out."""

    uid: str
    title: str
    note: str
    bands: Sequence[Band]
    variables: Sequence[Builder[dashboard.VariableModel]] = ()
    since: str = "now-24h"


def township_variable() -> builders.QueryVariable:
    """Chooses a township by its name; the value is its code."""
    return (
        builders.QueryVariable("township")
        .label("乡镇")
        .datasource(DATASOURCE)
        .query({"query": "query_result(max by (township, name) (xunjian_township_info))", "refId": "township"})
        .regex('/name="(?<text>[^"]+)".*township="(?<value>[^"]+)"/')
        .refresh(dashboard.VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    )


def camera_variable() -> builders.QueryVariable:
    """Chooses a camera of the township by its name; the value is its code."""
    here = 'xunjian_camera_state_seconds_total{township="$township"}'
    own = f"max by (camera, name) (xunjian_camera_info) and on (camera) {here}"
    return (
        builders.QueryVariable("camera")
        .label("点位")
        .datasource(DATASOURCE)
        .query({"query": f"query_result({own})", "refId": "camera"})
        .regex('/camera="(?<value>[^"]+)".*name="(?<text>[^"]+)"/')
        .refresh(dashboard.VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    )


def ranking() -> dashboard.Panel:
    """The townships in the order of their rates, with what each may still lose."""
    return rows(
        "乡镇排名（本月至今）",
        [
            Column(
                heading="在线完好率",
                expr=floored("max by (township) (xunjian_township_month_online_intact_ratio)"),
                unit=SHARE,
                decimals=2,
            ),
            Column(
                heading="与目标之差",
                expr=f"max by (township) (xunjian_township_month_online_intact_ratio) - {TARGET}",
                unit=SHARE,
                decimals=2,
                steps=BELOW_ZERO_IS_BAD,
            ),
            Column(
                heading="还能失去",
                expr="township:xunjian_month_budget_seconds:left / 3600",
                unit=HOURS,
                decimals=0,
                steps=BELOW_ZERO_IS_BAD,
            ),
            Column(heading="月底推算", expr=floored("township:xunjian_month_projected:ratio"), unit=SHARE, decimals=2),
            *(
                Column(
                    heading=f"此刻{CONDITIONS[condition][0]}",
                    expr=f'sum by (township) (xunjian_township_cameras{{condition="{condition}"}}) {NAMED}',
                    unit=COUNT,
                    steps=ANY_IS_BAD if condition != "unknown" else (),
                )
                for condition in ("offline", "impaired", "unknown")
            ),
        ],
        keys={"township_name": "乡镇"},
        hidden=["township"],
        link=TO_TOWNSHIP,
        sort="在线完好率",
        note="按本月至今的在线完好率从高到低；没有可计时间的乡镇没有率。“还能失去”为负，本月已不可能达标。",
    )


def open_events(township: str = "") -> dashboard.Panel:
    """Events that are still open: where, how many cameras, since when."""
    chosen = f'{{township="{township}"}}' if township else ""
    return rows(
        "未结束的共因事件",
        [
            Column(
                heading="台数",
                expr=f"max by (event, kind, place, township) (xunjian_event_cameras{chosen}) {NAMED}",
                unit=COUNT,
                steps=ANY_IS_BAD,
            ),
            Column(
                heading="开始",
                expr=f"max by (event, township) (xunjian_event_start_timestamp_seconds{chosen}) * 1000",
                unit=WHEN,
            ),
        ],
        keys={"township_name": "乡镇", "kind": "类型", "place": "地点"},
        hidden=["event", "township"],
        link=TO_TOWNSHIP,
        sort="台数",
        note="类型：recorder 录像机、village 村、subnet 网段、link 链路。没有事件时为空。",
    )


def failing_cameras(title: str, chosen: str = "", among: str = "") -> dashboard.Panel:
    """Cameras without a usable picture: which, since when none was seen, and whether an event explains it."""
    failing = f"max by (camera, township) (xunjian_camera_intact{chosen}) == 0"
    online = f"max by (camera, township) (xunjian_camera_online{chosen}) and on (camera) ({failing}){among}"
    return rows(
        title,
        [
            Column(
                heading="状态",
                expr=f"({online}) + on (camera) group_left (name, village) 0 * {CAMERA_NAMES}",
                values={"0": ("离线", RED), "1": ("在线异常", ORANGE)},
            ),
            Column(
                heading="最近一次成功",
                expr=f"1000 * max by (camera, township) (xunjian_camera_last_success_timestamp_seconds{chosen}) "
                f"and on (camera) ({failing}){among}",
                unit=SINCE,
            ),
        ],
        keys={"name": "点位", "village": "村（社区）", "camera": "编号"},
        hidden=["township"],
        link=TO_CAMERA,
        sort="最近一次成功",
        descending=False,
        note="此刻没有可用画面的点位，停得最久的在前；包括报备的和事件里的。",
    )


def county() -> Page:
    """How does the county stand?"""
    conditions = {
        name: f'county:xunjian_cameras:sum{{condition="{condition}"}}'
        for condition, (name, _) in CONDITIONS.items()
        if condition != "exempt"
    }
    return Page(
        uid="xunjian-county",
        title="巡检 · 全县总览",
        note="全县此刻怎样、本月能不能达标、该给谁打电话。",
        bands=[
            Band(
                heading="本月",
                height=4,
                panels=[
                    (
                        number(
                            "在线完好率（本月至今）",
                            floored("county:xunjian_month_online_intact:ratio"),
                            unit=SHARE,
                            decimals=2,
                            note="在线完好时间 / 可计时间，与印出来的一样向下取到百分之一个百分点。",
                        ),
                        4,
                    ),
                    (number("目标", "max(xunjian_target_ratio)", unit=SHARE, decimals=2), 3),
                    (
                        number(
                            "与目标之差",
                            f"county:xunjian_month_online_intact:ratio - {TARGET}",
                            unit=SHARE,
                            decimals=2,
                            steps=BELOW_ZERO_IS_BAD,
                        ),
                        4,
                    ),
                    (
                        number(
                            "还能失去",
                            "county:xunjian_month_budget_seconds:left / 3600",
                            unit=HOURS,
                            decimals=0,
                            steps=BELOW_ZERO_IS_BAD,
                            note="到月底还能有多少台时离线或异常而仍然达标；为负则已不可能。",
                        ),
                        4,
                    ),
                    (
                        number(
                            "月底推算",
                            floored("county:xunjian_month_projected:ratio"),
                            unit=SHARE,
                            decimals=2,
                            note="剩下的日子都像最近 24 小时那样时，月底的率。",
                        ),
                        4,
                    ),
                    (
                        number(
                            "达标乡镇",
                            f"count(xunjian_township_month_online_intact_ratio >= {TARGET}) or vector(0)",
                            unit="suffix: 个",
                        ),
                        3,
                    ),
                    (
                        number(
                            "我方",
                            "max(xunjian_blind)",
                            values={"0": ("看得见", GREEN), "1": ("看不见", RED)},
                            note="看不见时全部未判定，不计入任何乡镇。",
                        ),
                        2,
                    ),
                ],
            ),
            Band(heading="乡镇", height=13, panels=[(ranking(), WIDTH)]),
            Band(
                heading="此刻",
                height=9,
                panels=[
                    (lines("各状态台数", conditions, unit=COUNT, lowest=0, stacked=True), 12),
                    (
                        lines(
                            "同一批摄像机，三个数",
                            {
                                "端口有应答": 'max(xunjian_proven_cameras{depth="port"})',
                                "码流有描述": 'max(xunjian_proven_cameras{depth="described"})',
                                "图像已证实": 'max(xunjian_proven_cameras{depth="pictured"})',
                            },
                            unit=COUNT,
                            lowest=0,
                            note="只有最后一个数能证明看得见。",
                        ),
                        12,
                    ),
                ],
            ),
            Band(
                heading="该处理的",
                height=10,
                panels=[
                    (open_events(), 12),
                    (failing_cameras("重点点位故障", among=" and on (camera) xunjian_camera_key_point"), 12),
                ],
            ),
            Band(
                heading="走势",
                height=10,
                panels=[
                    (
                        lines(
                            "乡镇在线完好率（本月至今）",
                            {
                                "{{township_name}}": f"xunjian_township_month_online_intact_ratio {NAMED}",
                                "目标": "max(xunjian_target_ratio)",
                            },
                            unit=SHARE,
                            decimals=2,
                            highest=1,
                        ),
                        12,
                    ),
                    (
                        lines(
                            "失去的时间占比（最近 24 小时）",
                            {
                                "{{township_name}}": f"township:xunjian_lost:ratio_rate1d {NAMED}",
                                "全县": "county:xunjian_lost:ratio_rate1d",
                            },
                            unit=SHARE,
                            decimals=2,
                            lowest=0,
                        ),
                        12,
                    ),
                ],
            ),
        ],
    )


def township() -> Page:
    """How does one township stand, and what has to be repaired first?"""
    of = '{township="$township"}'
    spent = {
        name: f'sum(xunjian_township_month_seconds{{township="$township", condition="{condition}"}}) / 3600'
        for condition, (name, _) in CONDITIONS.items()
    }
    now = {
        name: f'sum(xunjian_township_cameras{{township="$township", condition="{condition}"}})'
        for condition, (name, _) in CONDITIONS.items()
        if condition != "exempt"
    }
    return Page(
        uid="xunjian-township",
        title="巡检 · 乡镇",
        note="一个乡镇本月的率、还能失去多少台时、先修哪里。",
        variables=[township_variable()],
        bands=[
            Band(
                heading="本月",
                height=4,
                panels=[
                    (
                        number(
                            "在线完好率（本月至今）",
                            floored(f"max(xunjian_township_month_online_intact_ratio{of})"),
                            unit=SHARE,
                            decimals=2,
                        ),
                        5,
                    ),
                    (
                        number(
                            "与目标之差",
                            f"max(xunjian_township_month_online_intact_ratio{of}) - {TARGET}",
                            unit=SHARE,
                            decimals=2,
                            steps=BELOW_ZERO_IS_BAD,
                        ),
                        5,
                    ),
                    (
                        number(
                            "还能失去",
                            f"sum(township:xunjian_month_budget_seconds:left{of}) / 3600",
                            unit=HOURS,
                            decimals=0,
                            steps=BELOW_ZERO_IS_BAD,
                        ),
                        5,
                    ),
                    (
                        number(
                            "月底推算",
                            floored(f"max(township:xunjian_month_projected:ratio{of})"),
                            unit=SHARE,
                            decimals=2,
                        ),
                        5,
                    ),
                    (
                        number(
                            "链路",
                            f"min(xunjian_township_link_up{of})",
                            values={"1": ("通", GREEN), "0": ("中断", RED)},
                            note="链路末端旁证设备的应答；没有配置旁证时为空。",
                        ),
                        4,
                    ),
                ],
            ),
            Band(
                heading="先修哪里",
                height=11,
                panels=[
                    (failing_cameras("故障点位", chosen=of), 16),
                    (open_events("$township"), 8),
                ],
            ),
            Band(
                heading="时间去了哪里",
                height=9,
                panels=[
                    (lines("此刻各状态", now, unit=COUNT, lowest=0, stacked=True), 10),
                    (bars("本月台时", spent, unit=HOURS, decimals=0, note="只计参评点位；报备优先于其余各项。"), 7),
                    (
                        lines(
                            "失去的时间占比",
                            {
                                "30 分钟": f"township:xunjian_lost:ratio_rate30m{of}",
                                "6 小时": f"township:xunjian_lost:ratio_rate6h{of}",
                                "3 天": f"township:xunjian_lost:ratio_rate3d{of}",
                                "允许": "1 - max(xunjian_target_ratio)",
                            },
                            unit=SHARE,
                            decimals=1,
                            lowest=0,
                            note="长期高于“允许”就达不到目标；告警“本月达标有危险”看的就是这几条。",
                        ),
                        7,
                    ),
                ],
            ),
            Band(
                heading="明细",
                height=10,
                panels=[
                    (
                        rows(
                            "失去最多的点位（所选时段）",
                            [
                                Column(
                                    heading="离线和异常",
                                    expr=f"topk(15, sum by (camera, township) (increase({LOST_HERE}[$__range])) > 0)"
                                    f" * on (camera) group_left (name, village) {CAMERA_NAMES}",
                                    unit=SECONDS,
                                    decimals=0,
                                )
                            ],
                            keys={"name": "点位", "village": "村（社区）", "camera": "编号"},
                            hidden=["township"],
                            link=TO_CAMERA,
                            sort="离线和异常",
                        ),
                        12,
                    ),
                    (
                        rows(
                            "报备中的点位",
                            [
                                Column(
                                    heading="报备",
                                    expr=f"max by (camera, township) (xunjian_camera_exempt{of})"
                                    f" * on (camera) group_left (name, village) {CAMERA_NAMES}",
                                    values={"1": ("是", BLUE)},
                                )
                            ],
                            keys={"name": "点位", "village": "村（社区）", "camera": "编号"},
                            hidden=["township"],
                            link=TO_CAMERA,
                            note="此刻在批准的报备期内；没有时为空。",
                        ),
                        6,
                    ),
                    (
                        lines(
                            "每秒查看（按结果）",
                            {"{{outcome}}": f"sum by (outcome) ({recent(f'xunjian_probe_outcomes_total{of}')})"},
                            unit="ops",
                            lowest=0,
                        ),
                        6,
                    ),
                ],
            ),
        ],
    )


def camera() -> Page:
    """What was a camera's life like?"""
    of = '{camera="$camera"}'
    return Page(
        uid="xunjian-camera",
        title="巡检 · 单个点位",
        note="一台摄像机何时在线完好、何时不是。证据图片和每一步的应答在巡检程序自己的页面上。",
        variables=[township_variable(), camera_variable()],
        bands=[
            Band(
                heading="$camera",
                height=4,
                panels=[
                    (
                        number(
                            "此刻",
                            f"max(xunjian_camera_online{of}) + max(xunjian_camera_intact{of})",
                            values=STATE_WORDS,
                            note="未判定时为空。",
                        ),
                        4,
                    ),
                    (
                        number(
                            "在线完好率（所选时段）",
                            floored(f"{camera_spent('intact')} / {camera_spent('(intact|impaired|offline)')}"),
                            unit=SHARE,
                            decimals=2,
                            note="不扣报备；排名用的数在“乡镇”和月报里。",
                        ),
                        5,
                    ),
                    (
                        number(
                            "最近一次成功",
                            f"time() - max(xunjian_camera_last_success_timestamp_seconds{of})",
                            unit=SECONDS,
                            decimals=0,
                        ),
                        5,
                    ),
                    (
                        number(
                            "上一次查看用时",
                            f"max(xunjian_camera_probe_duration_seconds{of})",
                            unit=SECONDS,
                            decimals=2,
                        ),
                        5,
                    ),
                    (
                        number(
                            "重点点位",
                            f"count(xunjian_camera_key_point{of}) or vector(0)",
                            values={"0": ("否", GREY), "1": ("是", ORANGE)},
                        ),
                        5,
                    ),
                ],
            ),
            Band(
                heading="何时怎样",
                height=7,
                panels=[
                    (
                        states(
                            "状态",
                            {"状态": f"max(xunjian_camera_online{of}) + max(xunjian_camera_intact{of})"},
                            STATE_WORDS,
                            note="空白是未判定：我们没能看，不计入任何人。",
                        ),
                        WIDTH,
                    )
                ],
            ),
            Band(
                heading="报备和事件",
                height=6,
                panels=[
                    (
                        states(
                            "报备",
                            {"报备": f"max(xunjian_camera_exempt{of})"},
                            {"1": ("报备中", BLUE)},
                            note="没有报备时为空。",
                        ),
                        12,
                    ),
                    (
                        states(
                            "共因事件",
                            {"{{event}}": f"max by (event) (xunjian_camera_event_info{of})"},
                            {"1": ("属于该事件", ORANGE)},
                            note="故障已归入一起共因事件的时段；没有时为空。",
                        ),
                        12,
                    ),
                ],
            ),
            Band(
                heading="明细",
                height=8,
                panels=[
                    (
                        bars(
                            "所选时段各状态",
                            {
                                name: camera_spent(condition)
                                for condition, (name, _) in CONDITIONS.items()
                                if condition != "exempt"
                            },
                            unit=SECONDS,
                            decimals=0,
                        ),
                        8,
                    ),
                    (
                        lines(
                            "查看用时",
                            {"用时": f"max(xunjian_camera_probe_duration_seconds{of})"},
                            unit=SECONDS,
                            lowest=0,
                        ),
                        8,
                    ),
                    (
                        rows(
                            "台账",
                            [Column(heading="在册", expr=f"xunjian_camera_info{of}", values={"1": ("是", GREEN)})],
                            keys={"name": "点位", "village": "村（社区）", "model": "型号", "camera": "编号"},
                            hidden=["__name__", "instance", "job"],
                        ),
                        8,
                    ),
                ],
            ),
        ],
    )


def recent(counter: str) -> str:
    """How fast a counter grows, by second."""
    return f"rate({counter}[$__rate_interval])"


def camera_spent(conditions: str) -> str:
    """Seconds that the chosen camera spent in these conditions within the chosen time."""
    return f'sum(increase(xunjian_camera_state_seconds_total{{camera="$camera", state=~"{conditions}"}}[$__range]))'


def month_hours(condition: str) -> str:
    """Camera-hours of the running month by township."""
    return f'sum by (township) (xunjian_township_month_seconds{{condition="{condition}"}}) / 3600'


def month_share(condition: str) -> str:
    """The part of the month's service so far that was in this condition."""
    return f'sum(xunjian_township_month_seconds{{condition="{condition}"}}) / sum(xunjian_township_month_seconds)'


def since(metric: str) -> str:
    """Seconds since the moment that a metric names, or since the start while there was none."""
    return f"time() - (({metric} > xunjian_start_timestamp_seconds) or xunjian_start_timestamp_seconds)"


def health() -> Page:
    """Is the monitor itself well?"""
    return Page(
        uid="xunjian-health",
        title="巡检 · 巡检程序自身",
        note="巡检程序、它的数据库、磁盘和时钟。",
        since="now-6h",
        bands=[
            Band(
                heading="此刻",
                height=4,
                panels=[
                    (
                        number(
                            "程序", 'min(up{job="xunjian"})', values={"1": ("在运行", GREEN), "0": ("没有应答", RED)}
                        ),
                        3,
                    ),
                    (number("我方", "max(xunjian_blind)", values={"0": ("看得见", GREEN), "1": ("看不见", RED)}), 3),
                    (
                        number(
                            "数据库",
                            "max(xunjian_store_degraded)",
                            values={"0": ("正常", GREEN), "1": ("写不进", RED)},
                        ),
                        3,
                    ),
                    (
                        number(
                            "对时",
                            "min(xunjian_clock_synchronised)",
                            values={"1": ("已同步", GREEN), "0": ("未同步", ORANGE)},
                            note="问不到内核时为空。",
                        ),
                        3,
                    ),
                    (
                        number(
                            "距上一轮结束",
                            since("xunjian_round_last_timestamp_seconds"),
                            unit=SECONDS,
                            decimals=0,
                            steps=((None, GREEN), (300, RED)),
                        ),
                        4,
                    ),
                    (
                        number(
                            "距上次查明月报齐全",
                            since("xunjian_report_last_success_timestamp_seconds"),
                            unit=SECONDS,
                            decimals=0,
                            steps=((None, GREEN), (10_800, RED)),
                        ),
                        4,
                    ),
                    (
                        number("已运行", "time() - xunjian_start_timestamp_seconds", unit=SECONDS, decimals=0),
                        4,
                    ),
                ],
            ),
            Band(
                heading="巡查",
                height=8,
                panels=[
                    (lines("一轮用时", {"用时": "xunjian_round_duration_seconds"}, unit=SECONDS, lowest=0), 8),
                    (
                        lines(
                            "等待",
                            {"{{queue}}": "xunjian_queue_depth"},
                            lowest=0,
                            note="looks 等待的查看，store 等待写入的批次。",
                        ),
                        8,
                    ),
                    (
                        lines(
                            "漏看和作废",
                            {
                                "漏看的查看": f"{recent('xunjian_probes_skipped_total')} * 60",
                                "作废的轮次": f"{recent('xunjian_round_void_total')} * 60",
                            },
                            unit="cpm",
                            lowest=0,
                        ),
                        8,
                    ),
                ],
            ),
            Band(
                heading="记录",
                height=8,
                panels=[
                    (
                        lines(
                            "每次提交用时",
                            {
                                "一半": f"histogram_quantile(0.5, sum by (le) ({recent(WRITES)}))",
                                "百分之九十九": f"histogram_quantile(0.99, sum by (le) ({recent(WRITES)}))",
                                "平均": f"sum({recent('xunjian_store_write_seconds_sum')}) "
                                f"/ sum({recent('xunjian_store_write_seconds_count')})",
                            },
                            unit=SECONDS,
                            lowest=0,
                        ),
                        8,
                    ),
                    (
                        lines(
                            "磁盘剩余",
                            {"{{holds}}": "xunjian_disk_free_bytes"},
                            unit=BYTES,
                            lowest=0,
                            note="record 数据库，evidence 证据图片。",
                        ),
                        8,
                    ),
                    (
                        bars(
                            "磁盘已用",
                            {"{{holds}}": "1 - xunjian_disk_free_bytes / xunjian_disk_size_bytes"},
                            unit=SHARE,
                            decimals=0,
                            highest=1,
                            steps=((None, GREEN), (0.9, RED)),
                        ),
                        4,
                    ),
                    (
                        number(
                            "没能写下的证据图片",
                            "max(xunjian_pictures_lost_total)",
                            unit="suffix: 张",
                            steps=ANY_IS_BAD,
                        ),
                        4,
                    ),
                ],
            ),
            Band(
                heading="其他",
                height=8,
                panels=[
                    (
                        lines(
                            "每秒查看（按方式）",
                            {"{{probe}}": f"sum by (probe) ({recent('xunjian_probe_outcomes_total')})"},
                            unit="ops",
                            lowest=0,
                        ),
                        8,
                    ),
                    (
                        bars(
                            "时钟被拨动（所选时段）",
                            {"{{direction}}": "sum by (direction) (increase(xunjian_clock_steps_total[$__range]))"},
                            unit=TIMES,
                            decimals=0,
                            steps=ANY_IS_BAD,
                            note="forward 向前，back 向后。",
                        ),
                        4,
                    ),
                    (
                        rows(
                            "正在告警",
                            [
                                Column(
                                    heading="条数", expr='count by (alertname, severity) (ALERTS{alertstate="firing"})'
                                )
                            ],
                            keys={"alertname": "告警", "severity": "级别"},
                            note="没有告警时为空。",
                        ),
                        8,
                    ),
                    (
                        rows(
                            "版本",
                            [Column(heading="在用", expr="xunjian_build_info", values={"1": ("是", GREEN)})],
                            keys={"version": "巡检", "python": "Python"},
                            hidden=["__name__", "instance", "job"],
                        ),
                        4,
                    ),
                ],
            ),
        ],
    )


def links() -> Page:
    """Which links are down, and what failed together?"""
    return Page(
        uid="xunjian-links",
        title="巡检 · 链路与共因",
        note="哪条链路断了，哪些故障是同一个原因。",
        bands=[
            Band(
                heading="链路",
                height=10,
                panels=[
                    (
                        states(
                            "乡镇链路",
                            {"{{township_name}}": f"max by (township) (xunjian_township_link_up) {NAMED}"},
                            {"1": ("通", GREEN), "0": ("中断", RED)},
                            note="链路末端旁证设备的应答；空白是我方看不见。没有配置旁证的乡镇不在其中。",
                        ),
                        14,
                    ),
                    (
                        states("我方", {"我方": "max(xunjian_blind)"}, {"0": ("看得见", GREEN), "1": ("看不见", RED)}),
                        10,
                    ),
                ],
            ),
            Band(
                heading="共因",
                height=9,
                panels=[
                    (open_events(), 12),
                    (
                        lines(
                            "故障：已归因与单独",
                            {
                                "属于共因事件": "count(xunjian_camera_event_info) or vector(0)",
                                "单独故障": "count(camera:xunjian_failing_alone:last15m) or vector(0)",
                            },
                            unit=COUNT,
                            lowest=0,
                            stacked=True,
                        ),
                        12,
                    ),
                ],
            ),
            Band(
                heading="走势",
                height=9,
                panels=[
                    (
                        lines(
                            "离线和异常台数（按乡镇）",
                            {"{{township_name}}": f"sum by (township) ({LOST_NOW}) {NAMED}"},
                            unit=COUNT,
                            lowest=0,
                        ),
                        12,
                    ),
                    (
                        lines(
                            "每秒失败的查看（按乡镇和结果）",
                            {"{{township}} {{outcome}}": f"sum by (township, outcome) ({recent(FAILED_LOOKS)}) > 0"},
                            unit="ops",
                            lowest=0,
                        ),
                        12,
                    ),
                ],
            ),
        ],
    )


def month() -> Page:
    """How will the month end?"""
    return Page(
        uid="xunjian-month",
        title="巡检 · 本月",
        note="本月走到哪里、时间去了哪里、月底会怎样。定稿的数以月报为准。",
        since="now-7d",
        bands=[
            Band(
                heading="本月",
                height=4,
                panels=[
                    (
                        number(
                            "已过去",
                            f"(time() - {MONTH_BEGAN}) / ({MONTH_ENDS} - {MONTH_BEGAN})",
                            unit=SHARE,
                            decimals=1,
                        ),
                        4,
                    ),
                    (
                        number(
                            "还剩",
                            f"{MONTH_ENDS} - time()",
                            unit=SECONDS,
                            decimals=0,
                        ),
                        4,
                    ),
                    (
                        number(
                            "在线完好率",
                            floored("county:xunjian_month_online_intact:ratio"),
                            unit=SHARE,
                            decimals=2,
                        ),
                        4,
                    ),
                    (number("月底推算", floored("county:xunjian_month_projected:ratio"), unit=SHARE, decimals=2), 4),
                    (
                        number(
                            "未判定占比",
                            month_share("unknown"),
                            unit=SHARE,
                            decimals=2,
                            note="我们没能看的时间；只计参评点位。",
                        ),
                        4,
                    ),
                    (
                        number(
                            "报备占比",
                            month_share("exempt"),
                            unit=SHARE,
                            decimals=2,
                        ),
                        4,
                    ),
                ],
            ),
            Band(
                heading="排名和推算",
                height=14,
                panels=[
                    (
                        bars(
                            "在线完好率（本月至今）",
                            {"{{township_name}}": BY_RATE},
                            unit=SHARE,
                            decimals=2,
                            highest=1,
                        ),
                        8,
                    ),
                    (
                        bars(
                            "月底推算（按乡镇）",
                            {"{{township_name}}": BY_PROJECTION},
                            unit=SHARE,
                            decimals=2,
                            highest=1,
                        ),
                        8,
                    ),
                    (
                        rows(
                            "还能失去的台时",
                            [
                                Column(
                                    heading="还能失去",
                                    expr=f"township:xunjian_month_budget_seconds:left / 3600 {NAMED}",
                                    unit=HOURS,
                                    decimals=0,
                                    steps=BELOW_ZERO_IS_BAD,
                                ),
                                Column(
                                    heading="已失去",
                                    expr="township:xunjian_month_lost_seconds:sum / 3600",
                                    unit=HOURS,
                                    decimals=0,
                                ),
                            ],
                            keys={"township_name": "乡镇"},
                            hidden=["township"],
                            link=TO_TOWNSHIP,
                            sort="还能失去",
                            descending=False,
                        ),
                        8,
                    ),
                ],
            ),
            Band(
                heading="时间去了哪里",
                height=14,
                panels=[
                    (
                        rows(
                            "本月台时（按乡镇）",
                            [
                                Column(
                                    heading=name,
                                    expr=month_hours(condition) + (f" {NAMED}" if condition == "intact" else ""),
                                    unit=HOURS,
                                    decimals=0,
                                )
                                for condition, (name, _) in CONDITIONS.items()
                            ],
                            keys={"township_name": "乡镇"},
                            hidden=["township"],
                            link=TO_TOWNSHIP,
                            sort="离线",
                        ),
                        12,
                    ),
                    (
                        lines(
                            "走势：率、推算、目标",
                            {
                                "在线完好率": "county:xunjian_month_online_intact:ratio",
                                "月底推算": "county:xunjian_month_projected:ratio",
                                "目标": "max(xunjian_target_ratio)",
                            },
                            unit=SHARE,
                            decimals=2,
                            highest=1,
                        ),
                        12,
                    ),
                ],
            ),
        ],
    )


def laid_out(page: Page) -> dashboard.Dashboard:
    """The dashboard with its panels in their places, numbered from 1 in reading order."""
    built = (
        builders.Dashboard(page.title)
        .uid(page.uid)
        .description(page.note)
        .tags([TAG])
        .timezone("browser")
        .time(page.since, "now")
        .refresh("1m")
        .readonly()
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .link(
            builders.DashboardLink("巡检")
            .type(dashboard.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(False)
            .include_vars(True)
            .keep_time(True)
        )
        .with_variable(builders.DatasourceVariable("datasource").label("数据源").type("prometheus"))
    )
    for variable in page.variables:
        built = built.with_variable(variable)
    board = built.build()
    board.panels = [*_placed(page.bands)]
    return board


def _placed(bands: Sequence[Band]) -> list[dashboard.Panel | dashboard.RowPanel]:
    placed: list[dashboard.Panel | dashboard.RowPanel] = []
    top = 0
    for band in bands:
        heading = builders.Row(band.heading).build()
        heading.grid_pos = dashboard.GridPos(h=1, w=WIDTH, x=0, y=top)
        placed.append(heading)
        top, left = top + 1, 0
        for panel, width in band.panels:
            panel.grid_pos = dashboard.GridPos(h=band.height, w=width, x=left, y=top)
            placed.append(panel)
            left += width
        top += band.height
    for number_, each in enumerate(placed, start=1):
        each.id_val = number_
    return placed


PAGES = (county, township, camera, health, links, month)


def dashboards() -> dict[str, str]:
    """The JSON of every dashboard by the name of its file."""
    boards = [laid_out(page()) for page in PAGES]
    return {
        f"{board.uid}.json": json.dumps(board, cls=JSONEncoder, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        for board in boards
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in dashboards().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
