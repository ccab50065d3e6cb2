"""What the six dashboards show: each is a page that answers one question.

What they ask is exported by ``/metrics`` or recorded by deploy/prometheus/rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
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
    MESSAGES,
    ORANGE,
    RED,
    SECONDS,
    SHARE,
    SINCE,
    TIMES,
    WHEN,
    WIDTH,
    Column,
    Words,
    bars,
    floored,
    lines,
    number,
    rows,
    states,
)

NAMED = "* on (township) group_left (township_name) township:xunjian_name:info"
CAMERA_NAMES = "topk by (camera) (1, max by (camera, name, village) (xunjian_camera_info))"
CAMERA_NAMED = f"* on (camera) group_left (name, village) {CAMERA_NAMES}"
CAMERA_KEYS = {"name": "点位", "village": "村（社区）", "camera": "编号"}
TARGET = "scalar(max(xunjian_target_ratio))"
MONTH_BEGAN, MONTH_ENDS = "max(xunjian_month_start_timestamp_seconds)", "max(xunjian_month_end_timestamp_seconds)"
LOST_NOW = 'xunjian_township_cameras{condition=~"impaired|offline"}'
LOST_HERE = 'xunjian_camera_state_seconds_total{township="$township", state=~"impaired|offline"}'
FAILED_LOOKS = 'xunjian_probe_outcomes_total{outcome!="ok"}'
WRITES = "xunjian_store_write_seconds"
TO_TOWNSHIP = "/d/xunjian-township?var-datasource=${datasource}&var-township=${__data.fields.township}"
TO_CAMERA = (
    "/d/xunjian-camera?var-datasource=${datasource}"
    '&var-township=${__data.fields.township}&var-camera=${__data.fields["编号"]}'
)

STATES: Words = {"2": ("在线完好", GREEN), "1": ("在线异常", ORANGE), "0": ("离线", RED)}
SIGHT: Words = {"0": ("看得见", GREEN), "1": ("看不见", RED)}
OPEN: Words = {"1": ("通", GREEN), "0": ("中断", RED)}
IN_BOOK: Words = {"1": ("是", GREEN)}
NOW = {condition: name for condition, (name, _) in CONDITIONS.items() if condition != "exempt"}
"""the conditions in which a camera can be: exempt is none"""


@dataclass(frozen=True, kw_only=True)
class Band:
    """A row of panels of one height under a heading; their widths add up to that of the page."""

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


# Queries that several panels share


def recent(counter: str) -> str:
    """How fast a counter grows, by second."""
    return f"rate({counter}[$__rate_interval])"


SINCE_BACKUP = (
    "max(time() - ((xunjian_backup_last_timestamp_seconds > 0) or on (place) (xunjian_start_timestamp_seconds"
    " * on () group_right () (xunjian_backup_last_timestamp_seconds == bool 0))))"
)
"""Of the place that waits longest; one without any backup has waited since the start."""


def since(metric: str) -> str:
    """Seconds since the moment that a metric names, or since the start while there was none."""
    return f"time() - (({metric} > xunjian_start_timestamp_seconds) or xunjian_start_timestamp_seconds)"


def camera_spent(conditions: str) -> str:
    """Seconds that the chosen camera spent in these conditions within the chosen time."""
    return f'sum(increase(xunjian_camera_state_seconds_total{{camera="$camera", state=~"{conditions}"}}[$__range]))'


def month_hours(condition: str) -> str:
    """Camera-hours of the running month by township."""
    return f'sum by (township) (xunjian_township_month_seconds{{condition="{condition}"}}) / 3600'


def month_share(condition: str) -> str:
    """The part of the month's service so far that was in this condition."""
    return f'sum(xunjian_township_month_seconds{{condition="{condition}"}}) / sum(xunjian_township_month_seconds)'


# Panels that several pages share


def rate(title: str, expr: str, note: str = "") -> dashboard.Panel:
    """A rate as it is printed."""
    return number(title, floored(expr), unit=SHARE, decimals=2, note=note)


def beyond_target(expr: str) -> dashboard.Panel:
    """How far a rate is above the target, or below it."""
    return number("与目标之差", f"{expr} - {TARGET}", unit=SHARE, decimals=2, steps=BELOW_ZERO_IS_BAD)


def budget(expr: str) -> dashboard.Panel:
    """Camera-hours that may still be lost."""
    note = "到月底还能有多少台时离线或异常而仍然达标；为负则已不可能。"
    return number("还能失去", f"{expr} / 3600", unit=HOURS, decimals=0, steps=BELOW_ZERO_IS_BAD, note=note)


def duration(title: str, expr: str, *, limit: float | None = None, decimals: int = 0) -> dashboard.Panel:
    """Seconds, red from ``limit`` on."""
    if limit is None:
        return number(title, expr, unit=SECONDS, decimals=decimals)
    return number(title, expr, unit=SECONDS, decimals=decimals, steps=((None, GREEN), (limit, RED)))


def open_events(township: str = "") -> dashboard.Panel:
    """Events that are still open: where, how many cameras, since when."""
    chosen = f'{{township="{township}"}}' if township else ""
    cameras = f"max by (event, kind, place, township) (xunjian_event_cameras{chosen}) {NAMED}"
    began = f"max by (event, township) (xunjian_event_start_timestamp_seconds{chosen}) * 1000"
    return rows(
        "未结束的共因事件",
        [
            Column(heading="台数", expr=cameras, unit=COUNT, steps=ANY_IS_BAD),
            Column(heading="开始", expr=began, unit=WHEN),
        ],
        keys={"township_name": "乡镇", "kind": "类型", "place": "地点"},
        dropped=["event"],
        passed=["township"],
        link=TO_TOWNSHIP,
        sort="台数",
        note="类型：recorder 录像机、village 村、subnet 网段、link 链路。没有事件时为空。",
    )


def failing_cameras(title: str, chosen: str = "", among: str = "") -> dashboard.Panel:
    """Cameras without a usable picture, those first of which none was seen for longest."""
    failing = f"max by (camera, township) (xunjian_camera_intact{chosen}) == 0"
    which = f"and on (camera) ({failing}){among}"
    online = f"max by (camera, township) (xunjian_camera_online{chosen}) {which}"
    seen = f"1000 * max by (camera, township) (xunjian_camera_last_success_timestamp_seconds{chosen}) {which}"
    return rows(
        title,
        [
            Column(
                heading="状态",
                expr=f"({online}) + on (camera) group_left (name, village) 0 * {CAMERA_NAMES}",
                values={"0": ("离线", RED), "1": ("在线异常", ORANGE)},
            ),
            Column(heading="最近一次成功", expr=seen, unit=SINCE),
        ],
        keys=CAMERA_KEYS,
        passed=["township"],
        link=TO_CAMERA,
        sort="最近一次成功",
        descending=False,
        note="此刻没有可用画面的点位，停得最久的在前；包括报备的和事件里的。",
    )


def conditions_now(title: str, queries: Mapping[str, str]) -> dashboard.Panel:
    """Cameras in each condition over time, stacked."""
    return lines(title, queries, unit=COUNT, lowest=0, stacked=True)


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


# The county


def county() -> Page:
    """How does the county stand?"""
    return Page(
        uid="xunjian-county",
        title="巡检 · 全县总览",
        note="全县此刻怎样、本月能不能达标、该给谁打电话。",
        bands=[
            Band(heading="本月", height=4, panels=_county_month()),
            Band(heading="乡镇", height=13, panels=[(ranking(), WIDTH)]),
            Band(heading="此刻", height=9, panels=_county_now()),
            Band(heading="该处理的", height=10, panels=[(open_events(), 12), (_key_points(), 12)]),
            Band(heading="走势", height=10, panels=_county_trends()),
        ],
    )


def _county_month() -> list[tuple[dashboard.Panel, int]]:
    month = "county:xunjian_month_online_intact:ratio"
    reached = f"count(xunjian_township_month_online_intact_ratio >= {TARGET}) or vector(0)"
    printed = "在线完好时间 / 可计时间，与印出来的一样向下取到百分之一个百分点。"
    like_today = "剩下的日子都像最近 24 小时那样时，月底的率。"
    return [
        (rate("在线完好率（本月至今）", month, printed), 4),
        (number("目标", "max(xunjian_target_ratio)", unit=SHARE, decimals=2), 3),
        (beyond_target(month), 4),
        (budget("county:xunjian_month_budget_seconds:left"), 4),
        (rate("月底推算", "county:xunjian_month_projected:ratio", like_today), 4),
        (number("达标乡镇", reached, unit="suffix:个"), 3),
        (number("我方", "max(xunjian_blind)", values=SIGHT, note="看不见时全部未判定，不计入任何乡镇。"), 2),
    ]


def ranking() -> dashboard.Panel:
    """The townships in the order of their rates, with what each may still lose."""
    month = "max by (township) (xunjian_township_month_online_intact_ratio)"
    left = "township:xunjian_month_budget_seconds:left / 3600"
    projected = floored("township:xunjian_month_projected:ratio")
    return rows(
        "乡镇排名（本月至今）",
        [
            Column(heading="在线完好率", expr=floored(month), unit=SHARE, decimals=2),
            Column(heading="与目标之差", expr=f"{month} - {TARGET}", unit=SHARE, decimals=2, steps=BELOW_ZERO_IS_BAD),
            Column(heading="还能失去", expr=left, unit=HOURS, decimals=0, steps=BELOW_ZERO_IS_BAD),
            Column(heading="月底推算", expr=projected, unit=SHARE, decimals=2),
            *(
                Column(
                    heading=f"此刻{NOW[condition]}",
                    expr=f'sum by (township) (xunjian_township_cameras{{condition="{condition}"}}) {NAMED}',
                    unit=COUNT,
                    steps=() if condition == "unknown" else ANY_IS_BAD,
                )
                for condition in ("offline", "impaired", "unknown")
            ),
        ],
        keys={"township_name": "乡镇"},
        passed=["township"],
        link=TO_TOWNSHIP,
        sort="在线完好率",
        note="按本月至今的在线完好率从高到低；没有可计时间的乡镇没有率。“还能失去”为负，本月已不可能达标。",
    )


def _county_now() -> list[tuple[dashboard.Panel, int]]:
    now = {name: f'county:xunjian_cameras:sum{{condition="{condition}"}}' for condition, name in NOW.items()}
    depths = {"端口有应答": "port", "码流有描述": "described", "图像已证实": "pictured"}
    proven = {name: f'max(xunjian_proven_cameras{{depth="{depth}"}})' for name, depth in depths.items()}
    only = "只有最后一个数能证明看得见。"
    return [
        (conditions_now("各状态台数", now), 12),
        (lines("同一批摄像机，三个数", proven, unit=COUNT, lowest=0, note=only), 12),
    ]


def _key_points() -> dashboard.Panel:
    return failing_cameras("重点点位故障", among=" and on (camera) xunjian_camera_key_point")


def _county_trends() -> list[tuple[dashboard.Panel, int]]:
    rates = {
        "{{township_name}}": f"xunjian_township_month_online_intact_ratio {NAMED}",
        "目标": "max(xunjian_target_ratio)",
    }
    lost = {
        "{{township_name}}": f"township:xunjian_lost:ratio_rate1d {NAMED}",
        "全县": "county:xunjian_lost:ratio_rate1d",
    }
    return [
        (lines("乡镇在线完好率（本月至今）", rates, unit=SHARE, decimals=2, highest=1), 12),
        (lines("失去的时间占比（最近 24 小时）", lost, unit=SHARE, decimals=2, lowest=0), 12),
    ]


# A township

OF_TOWNSHIP = '{township="$township"}'


def township() -> Page:
    """How does one township stand, and what has to be repaired first?"""
    first = [(failing_cameras("故障点位", chosen=OF_TOWNSHIP), 16), (open_events("$township"), 8)]
    return Page(
        uid="xunjian-township",
        title="巡检 · 乡镇",
        note="一个乡镇本月的率、还能失去多少台时、先修哪里。",
        variables=[township_variable()],
        bands=[
            Band(heading="本月", height=4, panels=_township_month()),
            Band(heading="先修哪里", height=11, panels=first),
            Band(heading="时间去了哪里", height=9, panels=_township_time()),
            Band(heading="明细", height=10, panels=_township_details()),
        ],
    )


def _township_month() -> list[tuple[dashboard.Panel, int]]:
    month = f"max(xunjian_township_month_online_intact_ratio{OF_TOWNSHIP})"
    link = f"min(xunjian_township_link_up{OF_TOWNSHIP})"
    return [
        (rate("在线完好率（本月至今）", month), 5),
        (beyond_target(month), 5),
        (budget(f"sum(township:xunjian_month_budget_seconds:left{OF_TOWNSHIP})"), 5),
        (rate("月底推算", f"max(township:xunjian_month_projected:ratio{OF_TOWNSHIP})"), 5),
        (number("链路", link, values=OPEN, note="链路末端旁证设备的应答；没有配置旁证时为空。"), 4),
    ]


def _township_time() -> list[tuple[dashboard.Panel, int]]:
    here = 'township="$township", condition='
    now = {name: f'sum(xunjian_township_cameras{{{here}"{condition}"}})' for condition, name in NOW.items()}
    spent = {
        name: f'sum(xunjian_township_month_seconds{{{here}"{condition}"}}) / 3600'
        for condition, (name, _) in CONDITIONS.items()
    }
    windows = {"30 分钟": "30m", "6 小时": "6h", "3 天": "3d"}
    lost = {name: f"township:xunjian_lost:ratio_rate{window}{OF_TOWNSHIP}" for name, window in windows.items()}
    allowed = "长期高于“允许”就达不到目标；告警“本月达标有危险”看的就是这几条。"
    return [
        (conditions_now("此刻各状态", now), 10),
        (bars("本月台时", spent, unit=HOURS, decimals=0, note="只计参评点位；报备优先于其余各项。"), 7),
        (
            lines(
                "失去的时间占比",
                {**lost, "允许": "1 - max(xunjian_target_ratio)"},
                unit=SHARE,
                decimals=1,
                lowest=0,
                note=allowed,
            ),
            7,
        ),
    ]


def _township_details() -> list[tuple[dashboard.Panel, int]]:
    lost = f"topk(15, sum by (camera, township) (increase({LOST_HERE}[$__range])) > 0) {CAMERA_NAMED}"
    exempt = f"max by (camera, township) (xunjian_camera_exempt{OF_TOWNSHIP}) {CAMERA_NAMED}"
    looks = {"{{outcome}}": f"sum by (outcome) ({recent(f'xunjian_probe_outcomes_total{OF_TOWNSHIP}')})"}
    most = rows(
        "失去最多的点位（所选时段）",
        [Column(heading="离线和异常", expr=lost, unit=SECONDS, decimals=0)],
        keys=CAMERA_KEYS,
        passed=["township"],
        link=TO_CAMERA,
        sort="离线和异常",
    )
    filed = rows(
        "报备中的点位",
        [Column(heading="报备", expr=exempt, values={"1": ("是", BLUE)})],
        keys=CAMERA_KEYS,
        passed=["township"],
        link=TO_CAMERA,
        note="此刻在批准的报备期内；没有时为空。",
    )
    return [(most, 10), (filed, 8), (lines("每秒查看（按结果）", looks, unit="ops", lowest=0), 6)]


# A camera

OF_CAMERA = '{camera="$camera"}'
CAMERA_STATE = f"max(xunjian_camera_online{OF_CAMERA}) + max(xunjian_camera_intact{OF_CAMERA})"


def camera() -> Page:
    """What was a camera's life like?"""
    unsaid = "空白是未判定：我们没能看，不计入任何人。"
    exempt = {"报备": f"max(xunjian_camera_exempt{OF_CAMERA})"}
    event = {"{{event}}": f"max by (event) (xunjian_camera_event_info{OF_CAMERA})"}
    both = [
        (states("报备", exempt, {"1": ("报备中", BLUE)}, note="没有报备时为空。"), 12),
        (states("共因事件", event, {"1": ("属于该事件", ORANGE)}, note="故障已归入一起共因事件的时段。"), 12),
    ]
    return Page(
        uid="xunjian-camera",
        title="巡检 · 单个点位",
        note="一台摄像机何时在线完好、何时不是。证据图片和每一步的应答在巡检程序自己的页面上。",
        variables=[township_variable(), camera_variable()],
        bands=[
            Band(heading="此刻和所选时段", height=4, panels=_camera_now()),
            Band(
                heading="何时怎样",
                height=7,
                panels=[(states("状态", {"状态": CAMERA_STATE}, STATES, note=unsaid), WIDTH)],
            ),
            Band(heading="报备和事件", height=6, panels=both),
            Band(heading="明细", height=8, panels=_camera_details()),
        ],
    )


def _camera_now() -> list[tuple[dashboard.Panel, int]]:
    intact = f"{camera_spent('intact')} / {camera_spent('intact|impaired|offline')}"
    seen = f"time() - max(xunjian_camera_last_success_timestamp_seconds{OF_CAMERA})"
    took = f"max(xunjian_camera_probe_duration_seconds{OF_CAMERA})"
    key = f"count(xunjian_camera_key_point{OF_CAMERA}) or vector(0)"
    return [
        (number("此刻", CAMERA_STATE, values=STATES, note="未判定时为空。"), 4),
        (rate("在线完好率（所选时段）", intact, "不扣报备；排名用的数在“乡镇”和月报里。"), 5),
        (duration("最近一次成功", seen), 5),
        (duration("上一次查看用时", took, decimals=2), 5),
        (number("重点点位", key, values={"0": ("否", GREY), "1": ("是", ORANGE)}), 5),
    ]


def _camera_details() -> list[tuple[dashboard.Panel, int]]:
    spent = {name: camera_spent(condition) for condition, name in NOW.items()}
    took = {"用时": f"max(xunjian_camera_probe_duration_seconds{OF_CAMERA})"}
    ledger = rows(
        "台账",
        [Column(heading="在册", expr=f"xunjian_camera_info{OF_CAMERA}", values=IN_BOOK)],
        keys={"name": "点位", "village": "村（社区）", "model": "型号", "camera": "编号"},
        dropped=["__name__", "instance", "job"],
    )
    return [
        (bars("所选时段各状态", spent, unit=SECONDS, decimals=0), 8),
        (lines("查看用时", took, unit=SECONDS, lowest=0), 8),
        (ledger, 8),
    ]


# The monitor itself


def health() -> Page:
    """Is the monitor itself well?"""
    return Page(
        uid="xunjian-health",
        title="巡检 · 巡检程序自身",
        note="巡检程序、它的数据库、磁盘和时钟。",
        since="now-6h",
        bands=[
            Band(heading="此刻", height=4, panels=_health_now()),
            Band(heading="巡查", height=8, panels=_health_rounds()),
            Band(heading="记录", height=8, panels=_health_store()),
            Band(heading="消息", height=8, panels=_health_messages()),
            Band(heading="其他", height=8, panels=_health_rest()),
        ],
    )


def _health_now() -> list[tuple[dashboard.Panel, int]]:
    running: Words = {"1": ("在运行", GREEN), "0": ("没有应答", RED)}
    writing: Words = {"0": ("正常", GREEN), "1": ("写不进", RED)}
    timed: Words = {"1": ("已同步", GREEN), "0": ("未同步", ORANGE)}
    return [
        (number("程序", 'min(up{job="xunjian"})', values=running), 3),
        (number("我方", "max(xunjian_blind)", values=SIGHT), 3),
        (number("数据库", "max(xunjian_store_degraded)", values=writing), 3),
        (number("对时", "min(xunjian_clock_synchronised)", values=timed, note="问不到内核时为空。"), 3),
        (duration("距上一轮结束", since("xunjian_round_last_timestamp_seconds"), limit=300), 3),
        (duration("距上次查明月报齐全", since("xunjian_report_last_success_timestamp_seconds"), limit=10_800), 3),
        (duration("距上次备份", SINCE_BACKUP, limit=108_000), 3),
        (duration("已运行", "time() - xunjian_start_timestamp_seconds"), 3),
    ]


def _health_rounds() -> list[tuple[dashboard.Panel, int]]:
    missed = {
        "漏看的查看": f"{recent('xunjian_probes_skipped_total')} * 60",
        "作废的轮次": f"{recent('xunjian_round_void_total')} * 60",
    }
    waiting = "looks 等待的查看，store 等待写入的批次。"
    return [
        (lines("一轮用时", {"用时": "xunjian_round_duration_seconds"}, unit=SECONDS, lowest=0), 8),
        (lines("等待", {"{{queue}}": "xunjian_queue_depth"}, lowest=0, note=waiting), 8),
        (lines("漏看和作废", missed, unit="cpm", lowest=0), 8),
    ]


def _health_store() -> list[tuple[dashboard.Panel, int]]:
    shares = {"一半": 0.5, "百分之九十九": 0.99}
    slow = {
        name: f"histogram_quantile({share}, sum by (le) ({recent(f'{WRITES}_bucket')}))"
        for name, share in shares.items()
    }
    mean = f"sum({recent(f'{WRITES}_sum')}) / sum({recent(f'{WRITES}_count')})"
    used = {"{{holds}}": "1 - xunjian_disk_free_bytes / xunjian_disk_size_bytes"}
    whose = "record 数据库，evidence 证据图片。"
    return [
        (lines("每次提交用时", {**slow, "平均": mean}, unit=SECONDS, lowest=0), 8),
        (lines("磁盘剩余", {"{{holds}}": "xunjian_disk_free_bytes"}, unit=BYTES, lowest=0, note=whose), 8),
        (bars("磁盘已用", used, unit=SHARE, decimals=0, highest=1, steps=((None, GREEN), (0.9, RED))), 4),
        (number("没能写下的证据图片", "max(xunjian_pictures_lost_total)", unit="suffix:张", steps=ANY_IS_BAD), 4),
    ]


def _health_messages() -> list[tuple[dashboard.Panel, int]]:
    connected: Words = {"1": ("已连接", GREEN), "0": ("断开", RED)}
    published = {"{{document}}": f"sum by (document) ({recent('xunjian_mqtt_published_total')})"}
    attempts = "increase(xunjian_alert_deliveries_total[$__range])"
    delivered = {"{{channel}} {{result}}": f"sum by (channel, result) ({attempts})"}
    dropped = "sum(increase(xunjian_outbox_dropped_total[$__range]))"
    return [
        (number("MQTT", "min(xunjian_mqtt_connected)", values=connected, note="没有配置 MQTT 时为空。"), 4),
        (lines("每秒发布（MQTT）", published, unit="ops", lowest=0, note="没有配置 MQTT 时为空。"), 6),
        (lines("发件箱里等待", {"{{reader}}": "xunjian_outbox_waiting"}, unit=MESSAGES, lowest=0), 5),
        (number("发件箱丢弃（所选时段）", dropped, unit=MESSAGES, decimals=0, steps=ANY_IS_BAD), 3),
        (bars("告警送达（所选时段）", delivered, unit=TIMES, decimals=0, note="没有配置告警渠道时为空。"), 6),
    ]


def _health_rest() -> list[tuple[dashboard.Panel, int]]:
    looks = {"{{probe}}": f"sum by (probe) ({recent('xunjian_probe_outcomes_total')})"}
    steps = {"{{direction}}": "sum by (direction) (increase(xunjian_clock_steps_total[$__range]))"}
    firing = rows(
        "正在告警",
        [Column(heading="条数", expr='count by (alertname, severity) (ALERTS{alertstate="firing"})')],
        keys={"alertname": "告警", "severity": "级别"},
        note="没有告警时为空。",
    )
    versions = rows(
        "版本",
        [Column(heading="在用", expr="xunjian_build_info", values=IN_BOOK)],
        keys={"version": "巡检", "python": "Python"},
        dropped=["__name__", "instance", "job"],
    )
    both = "forward 向前，back 向后。"
    return [
        (lines("每秒查看（按方式）", looks, unit="ops", lowest=0), 8),
        (bars("时钟被拨动（所选时段）", steps, unit=TIMES, decimals=0, steps=ANY_IS_BAD, note=both), 4),
        (firing, 8),
        (versions, 4),
    ]


# Links and what failed together


def links() -> Page:
    """Which links are down, and what failed together?"""
    return Page(
        uid="xunjian-links",
        title="巡检 · 链路与共因",
        note="哪条链路断了，哪些故障是同一个原因。",
        bands=[
            Band(heading="链路", height=10, panels=_links()),
            Band(heading="共因", height=9, panels=[(open_events(), 12), (_explained(), 12)]),
            Band(heading="走势", height=9, panels=_failures_over_time()),
        ],
    )


def _links() -> list[tuple[dashboard.Panel, int]]:
    up = {"{{township_name}}": f"max by (township) (xunjian_township_link_up) {NAMED}"}
    witnessed = "链路末端旁证设备的应答；空白是我方看不见。没有配置旁证的乡镇不在其中。"
    return [
        (states("乡镇链路", up, OPEN, note=witnessed), 14),
        (states("我方", {"我方": "max(xunjian_blind)"}, SIGHT), 10),
    ]


def _explained() -> dashboard.Panel:
    counted = {
        "属于共因事件": "count(xunjian_camera_event_info) or vector(0)",
        "单独故障": "count(camera:xunjian_failing_alone:last15m) or vector(0)",
    }
    return lines("故障：已归因与单独", counted, unit=COUNT, lowest=0, stacked=True)


def _failures_over_time() -> list[tuple[dashboard.Panel, int]]:
    lost = {"{{township_name}}": f"sum by (township) ({LOST_NOW}) {NAMED}"}
    failed = {"{{township}} {{outcome}}": f"sum by (township, outcome) ({recent(FAILED_LOOKS)}) > 0"}
    return [
        (lines("离线和异常台数（按乡镇）", lost, unit=COUNT, lowest=0), 12),
        (lines("每秒失败的查看（按乡镇和结果）", failed, unit="ops", lowest=0), 12),
    ]


# The month


def month() -> Page:
    """How will the month end?"""
    return Page(
        uid="xunjian-month",
        title="巡检 · 本月",
        note="本月走到哪里、时间去了哪里、月底会怎样。定稿的数以月报为准。",
        since="now-7d",
        bands=[
            Band(heading="本月", height=4, panels=_month_so_far()),
            Band(heading="排名和推算", height=14, panels=_month_ranking()),
            Band(heading="时间去了哪里", height=14, panels=[(_month_table(), 12), (_month_trend(), 12)]),
        ],
    )


def _month_so_far() -> list[tuple[dashboard.Panel, int]]:
    passed = f"(time() - {MONTH_BEGAN}) / ({MONTH_ENDS} - {MONTH_BEGAN})"
    ours = "我们没能看的时间；只计参评点位。"
    return [
        (number("已过去", passed, unit=SHARE, decimals=1), 4),
        (duration("还剩", f"{MONTH_ENDS} - time()"), 4),
        (rate("在线完好率", "county:xunjian_month_online_intact:ratio"), 4),
        (rate("月底推算", "county:xunjian_month_projected:ratio"), 4),
        (number("未判定占比", month_share("unknown"), unit=SHARE, decimals=2, note=ours), 4),
        (number("报备占比", month_share("exempt"), unit=SHARE, decimals=2), 4),
    ]


def _month_ranking() -> list[tuple[dashboard.Panel, int]]:
    by_rate = floored(f"xunjian_township_month_online_intact_ratio {NAMED}")
    by_projection = floored(f"township:xunjian_month_projected:ratio {NAMED}")
    left = f"township:xunjian_month_budget_seconds:left / 3600 {NAMED}"
    lost = "township:xunjian_month_lost_seconds:sum / 3600"
    hours = rows(
        "还能失去的台时",
        [
            Column(heading="还能失去", expr=left, unit=HOURS, decimals=0, steps=BELOW_ZERO_IS_BAD),
            Column(heading="已失去", expr=lost, unit=HOURS, decimals=0),
        ],
        keys={"township_name": "乡镇"},
        passed=["township"],
        link=TO_TOWNSHIP,
        sort="还能失去",
        descending=False,
    )
    return [
        (_sorted_rates("在线完好率（本月至今）", by_rate), 8),
        (_sorted_rates("月底推算（按乡镇）", by_projection), 8),
        (hours, 8),
    ]


def _sorted_rates(title: str, expr: str) -> dashboard.Panel:
    return bars(title, {"{{township_name}}": f"sort_desc({expr})"}, unit=SHARE, decimals=2, highest=1)


def _month_table() -> dashboard.Panel:
    return rows(
        "本月台时（按乡镇）",
        [
            Column(heading=name, expr=f"{month_hours(condition)} {NAMED}", unit=HOURS, decimals=0)
            for condition, (name, _) in CONDITIONS.items()
        ],
        keys={"township_name": "乡镇"},
        passed=["township"],
        link=TO_TOWNSHIP,
        sort="离线",
    )


def _month_trend() -> dashboard.Panel:
    over_time = {
        "在线完好率": "county:xunjian_month_online_intact:ratio",
        "月底推算": "county:xunjian_month_projected:ratio",
        "目标": "max(xunjian_target_ratio)",
    }
    return lines("走势：率、推算、目标", over_time, unit=SHARE, decimals=2, highest=1)


PAGES = (county, township, camera, health, links, month)
