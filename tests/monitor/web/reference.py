"""Writes the manual's reference pages from the code: ``make reference``.

Settings come from the comments and defaults of config.toml, metrics from a page rendered over the boards of the
tests. ``test_reference.py`` fails while a committed page is not what this writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from prometheus_client.parser import text_string_to_metric_families

from monitor.core.fleet import Fleet
from monitor.metrics import Disk, Machine, Metrics, Telling
from monitor.web.manual import HELP
from tests.monitor.web.boards import ordinary_board

CONFIG = Path(__file__).resolve().parents[3] / "config.toml"

METRICS: Mapping[str, str] = MappingProxyType(
    {
        "xunjian_camera_online": "在线完好或在线异常为 1，离线为 0；未判定时没有这条",
        "xunjian_camera_intact": "在线完好为 1，否则为 0；未判定时没有这条",
        "xunjian_camera_exempt": "在批准的报备期内为 1，否则没有这条",
        "xunjian_camera_state_seconds_total": "每种状态累计的秒数，只计已确定的时间；重启后接着计",
        "xunjian_camera_probe_duration_seconds": "最近一次查看用了多久",
        "xunjian_camera_last_success_timestamp_seconds": "最近一次成功的查看何时开始",
        "xunjian_camera_info": "恒为 1，标签是名称、村、型号",
        "xunjian_township_cameras": "乡镇此刻各状态的台数",
        "xunjian_township_month_online_intact_ratio": "乡镇本月至今：在线完好 / 可计时间",
        "xunjian_township_info": "恒为 1，标签是乡镇名称",
        "xunjian_camera_key_point": "恒为 1；重点点位才有这条",
        "xunjian_camera_event_info": "恒为 1；故障已归入一起未结束的共因事件时才有这条",
        "xunjian_event_cameras": "未结束的共因事件里一起出问题的台数；`place` 是村、乡镇或录像机的名称，不含地址",
        "xunjian_event_start_timestamp_seconds": "未结束的共因事件从何时开始",
        "xunjian_township_month_seconds": "乡镇本月至今的时间去了哪里，只计参评摄像机，报备单列",
        "xunjian_township_link_up": "链路末端的旁证设备应答为 1，不应答为 0；没有旁证或我方看不见时没有这条",
        "xunjian_proven_cameras": "三个数：端口应答（port）、有流（described）、画面得到证明（pictured）",
        "xunjian_blind": "我方看不见、全部未判定时为 1",
        "xunjian_month_start_timestamp_seconds": "本月从何时开始",
        "xunjian_month_end_timestamp_seconds": "本月到何时结束",
        "xunjian_target_ratio": "在线完好率的目标",
        "xunjian_clock_synchronised": "内核认为时钟已同步为 1；问不到时没有这条",
        "xunjian_store_degraded": "记录暂时写不进去、留在内存里时为 1",
        "xunjian_pictures_lost_total": "没能写下的证据图片",
        "xunjian_disk_free_bytes": "记录（record）和证据（evidence）所在磁盘的剩余字节",
        "xunjian_disk_size_bytes": "记录和证据所在磁盘的总字节",
        "xunjian_backup_last_timestamp_seconds": "每一处（first、second）最近一份备份的时间，一份也没有为 0",
        "xunjian_outbox_waiting": "对外消息里每个接收者还没处理完的条数；MQTT 服务器确认两分钟后才算处理完",
        "xunjian_outbox_dropped_total": "某个接收者没来得及处理、因保留期已过而丢弃的消息",
        "xunjian_mqtt_connected": "已连上 MQTT 服务器为 1；没有配置时没有这条",
        "xunjian_mqtt_published_total": "启动以来 MQTT 服务器已确认的事件（event）和状态（state）",
        "xunjian_clock_steps_total": "运行期间时钟被拨动的次数：向前（forward）、向后（back）",
        "xunjian_report_last_success_timestamp_seconds": "最近一次查明所有已结束的月份都有草稿和文件的时间",
        "xunjian_alert_deliveries_total": "告警发送次数，按通道和结果：送达（sent）、待重试（retried）、失败（failed）",
        "xunjian_start_timestamp_seconds": "程序何时启动",
        "xunjian_probe_outcomes_total": "各种结果的查看次数",
        "xunjian_round_duration_seconds": "上一轮用了多久",
        "xunjian_round_last_timestamp_seconds": "上一轮何时结束",
        "xunjian_round_void_total": "我方看不见而作废的轮数",
        "xunjian_queue_depth": "各队列里等待的数量",
        "xunjian_probes_skipped_total": "到点却没能及时开始的查看",
        "xunjian_store_write_seconds": "记录每次提交用了多久",
        "xunjian_build_info": "恒为 1，标签是程序和 Python 的版本",
    }
)
"""What each metric means, in the manual's language."""

_TABLE = re.compile(r"^(?P<commented># )?(?P<name>\[+[\w.]+\]+)\s+# (?P<words>.*)$")
_KEY = re.compile(r"^(?P<commented># )?(?P<key>\w+) = (?P<value>.*?)(?:\s+# (?P<words>.*))?$")


def settings_page(config: str) -> str:
    """Every table and key of a commented config.toml with its default."""
    head = "# 全部配置项\n\n本页由 `config.toml` 生成。缺省值就是不写这一行时的值；改完执行 `xunjian check-config`。\n"
    return head + "".join(f"{line}\n" for line in _settings(config))


def _settings(config: str) -> Iterator[str]:
    above = ""
    for line in config.splitlines():
        if table := _TABLE.match(line):
            yield from ("", f"## {table['name']} {_chinese(table['words'])}", "")
            yield from ("| 键 | 缺省值 | 含义 |", "|---|---|---|")
        elif key := _KEY.match(line):
            default = f"例 {_code(key['value'])}" if key["commented"] else _code(key["value"])
            yield f"| `{key['key']}` | {default} | {_cell(_chinese(key['words'] or above))} |"
        above = line.removeprefix("# ")


def _chinese(words: str) -> str:
    """What stands before the English."""
    return words.split(" / ")[0].strip()


def _code(value: str) -> str:
    return f"`{_cell(value)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def metrics_page() -> str:
    """Every metric with its type, labels and meaning."""
    head = (
        "# 全部指标\n\n本页由程序的 `/metrics` 生成。时间单位是秒，时间戳是 Unix 时间。"
        "程序停滞时，所有摄像机和乡镇的指标会撤下，不会留在最后的值上。\n\n"
        "| 指标 | 类型 | 标签 | 含义 |\n|---|---|---|---|\n"
    )
    rows = []
    for family in text_string_to_metric_families(rendered()):
        name = family.name + ("_total" if family.type == "counter" else "")
        labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
        shown = "、".join(f"`{label}`" for label in labels)
        rows.append(f"| `{name}` | {family.type} | {shown} | {_cell(METRICS[name])} |\n")
    return head + "".join(rows)


def rendered() -> str:
    """``/metrics`` with a sample in every family."""
    board = ordinary_board()
    metrics = Metrics(version="0", stalled_after_s=60)
    metrics.look_ended(township="341101", probe="rtsp", outcome="ok")
    metrics.queue_holds("looks", 0)
    metrics.clock_was_set(3600.0)
    metrics.alert_delivered(channel="duty", result="sent")
    first, *others = board.fleet.townships.values()
    fleet = Fleet.of([replace(first, witness="127.0.0.1"), *others], board.fleet.cameras.values())
    disk = Disk(free=1, size=2)
    disks, backups = {"evidence": disk, "record": disk}, {"first": 1}
    telling = Telling(waiting={"mqtt": 0}, dropped={"mqtt": 0}, connected=True, published={"event": 0, "state": 0})
    return metrics.render(
        replace(board, fleet=fleet, exempt=frozenset(list(board.cameras)[:1])),
        now_monotonic=0.0,
        progress_monotonic=0.0,
        machine=Machine(synchronised=True, disks=disks, backups=backups, telling=telling),
    ).decode()


def pages() -> dict[str, str]:
    """The generated pages by their names."""
    return {"settings": settings_page(CONFIG.read_text(encoding="utf-8")), "metrics": metrics_page()}


if __name__ == "__main__":
    for name, text in pages().items():
        (HELP / f"{name}.md").write_text(text, encoding="utf-8")
