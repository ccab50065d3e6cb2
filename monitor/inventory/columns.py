"""Which column holds what? The headings that counties use, and where a sheet's table begins."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor.inventory.cells import CellError, raw_text, visible
from monitor.inventory.sheets import Area, Cell, Sheet

HEADINGS: Mapping[str, tuple[str, ...]] = {
    "id": (
        "编号",
        "国标编码",
        "设备编码",
        "摄像机编号",
        "摄像机编码",
        "点位编号",
        "点位编码",
        "设备编号",
        "设备国标编码",
        "国标编号",
        "国标ID",
    ),
    "name": ("点位名称", "名称", "摄像机名称", "设备名称", "监控点名称", "点位", "监控名称"),
    "township": (
        "乡镇",
        "乡镇(街道)",
        "所属乡镇",
        "乡镇街道",
        "乡镇/街道",
        "所属乡镇(街道)",
        "街道",
        "镇街",
        "镇(街道)",
        "乡(镇)",
        "镇",
    ),
    "village": ("村", "村(社区)", "行政村", "所属村", "村社区", "村/社区", "所属村(社区)", "社区", "村居", "村(居)"),
    "host": ("IP", "IP地址", "摄像机IP", "设备IP", "IPv4地址", "IP地址/域名", "地址(IP)"),
    "rtsp_url": ("RTSP地址", "RTSP", "RTSP流地址", "取流地址", "视频流地址", "RTSP URL", "流地址"),
    "rtsp_port": ("RTSP端口", "端口", "端口号", "取流端口"),
    "rtsp_path": ("RTSP路径", "取流路径"),
    "onvif_port": ("ONVIF端口",),
    "onvif_url": ("ONVIF地址", "ONVIF", "ONVIF URL"),
    "channel": ("通道号", "通道", "录像机通道", "NVR通道", "通道编号", "录像机通道号"),
    "credential": ("凭据", "凭据编号", "登录凭据"),
    "username": ("用户名", "账号", "帐号", "登录名", "设备用户名", "登录用户名", "用户"),
    "password": ("密码", "登录密码", "设备密码", "口令"),
    "key_point": ("重点点位", "是否重点", "重点", "是否重点点位", "重点部位"),
    "maker": ("厂家", "厂商", "品牌", "设备厂家", "设备厂商", "生产厂家", "设备品牌", "制造商"),
    "model": ("型号", "设备型号", "规格型号", "摄像机型号"),
    "recorder": ("录像机", "所属录像机", "NVR", "录像机名称", "所属NVR", "硬盘录像机"),
    "state": ("状态", "使用状态", "点位状态", "在用状态", "建设状态"),
    "maintainer": (
        "维护单位",
        "运维单位",
        "维保单位",
        "运维公司",
        "维护人",
        "运维人员",
        "维护单位名称",
        "运维单位名称",
    ),
    "phone": (
        "联系电话",
        "维护电话",
        "运维电话",
        "维护单位电话",
        "运维单位电话",
        "维护单位联系电话",
        "运维单位联系电话",
    ),
    "power": ("供电", "供电方式", "供电单位", "取电单位", "供电单位名称", "取电方式"),
    "power_phone": ("供电电话", "供电联系电话", "供电单位电话", "取电电话", "供电单位联系电话"),
    "network": ("网络运营商", "运营商", "网络", "网络单位", "承载网络", "网络运营商名称", "链路运营商"),
    "network_phone": (
        "网络电话",
        "运营商电话",
        "网络运营商电话",
        "运营商联系电话",
        "网络运营商联系电话",
        "网络联系电话",
    ),
    "in_service_from": ("启用日期", "启用时间", "投用日期", "建成日期", "开通日期", "安装日期", "安装时间"),
    "in_service_to": ("停用日期", "停用时间", "拆除日期", "拆除时间", "报废日期"),
    "longitude": ("经度", "东经"),
    "latitude": ("纬度", "北纬"),
}
REQUIRED = ("id", "name", "township", "village")

KEPT = (
    "网格",
    "所属网格",
    "地址",
    "安装地址",
    "安装位置",
    "详细地址",
    "类型",
    "摄像机类型",
    "设备类型",
    "摄像机形态",
    "设备形态",
    "球机",
    "是否球机",
    "云台",
    "是否云台",
    "带云台",
    "PTZ",
    "类别",
    "点位类别",
    "分辨率",
    "编码格式",
    "字幕",
    "备注",
)
"""Known columns without a field of their own: kept with the camera, without a warning. See ``ptz`` for the kinds."""
COUNTERS = ("序号", "序", "编次", "NO", "NO.")
PHONE_AFTER = {"maintainer": "phone", "power": "power_phone", "network": "network_phone"}
BARE_PHONE = ("电话", "联系电话", "联系方式", "手机", "手机号", "手机号码", "电话号码")
SECRET = re.compile(r"密码|口令|password|passwd|pwd|secret", re.IGNORECASE)

HEAD_ROWS = 30
"""A table's heading stands within the first so many rows."""


def normal(heading: str) -> str:
    """A heading without the ways in which people vary it: width, case, spaces, line breaks, asterisks, colons.

    >>> normal("乡镇（街道）\\n*")
    '乡镇(街道)'
    """
    return re.sub(r"[\s*:☆★_]+", "", unicodedata.normalize("NFKC", visible(heading))).casefold()


FIELD_OF = {normal(heading): field for field, headings in HEADINGS.items() for heading in (field, *headings)}
SILENT = frozenset(map(normal, KEPT))
COUNTING = frozenset(map(normal, COUNTERS))
PHONES = frozenset(map(normal, BARE_PHONE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Where a sheet's cameras are: ``columns`` maps a field to its column, ``extra`` a heading without a field.

    ``headings`` are as they stand, for messages; ``first`` is the index of the first row of data.
    """

    sheet: Sheet
    first: int
    columns: Mapping[str, int]
    headings: Mapping[str, str]
    extra: Mapping[str, int]
    unknown: tuple[str, ...]
    """headings that nobody expected; their columns are kept in ``extra``"""
    dropped: tuple[str, ...]
    """headings that look like secrets; their columns are not kept"""


def field_of(heading: str) -> str | None:
    """The field that a heading stands for, also with a remark in brackets: 启用日期(必填)."""
    key = normal(heading)
    return FIELD_OF.get(key) or FIELD_OF.get(re.sub(r"\([^()]*\)", "", key))


def find_table(sheet: Sheet) -> Table | None:
    """The table below the first row that heads an id and a name; None when there is no such row."""
    for index in range(min(HEAD_ROWS, len(sheet.rows))):
        heading = _texts(sheet.rows[index])
        fields = set(map(field_of, heading))
        if {"id", "name"} <= fields:
            depth = _depth(sheet.merged, index, heading)
            return _table(sheet, index + depth, _joined(sheet, index, depth))
    return None


def _texts(row: Iterable[Cell]) -> list[str]:
    texts = []
    for cell in row:
        try:
            texts.append(visible(raw_text(cell)))
        except CellError:
            texts.append("")
    return texts


def _depth(merged: Sequence[Area], index: int, heading: Sequence[str]) -> int:
    """How many rows the heading takes: the id's cell is merged downwards when there are sub-headings."""
    column = next(number for number, text in enumerate(heading) if field_of(text) == "id")
    spans = [area.bottom - area.top + 1 for area in merged if (area.top, area.left) == (index, column)]
    return min(max(spans, default=1), 3)


def _joined(sheet: Sheet, index: int, depth: int) -> list[str]:
    """One heading per column: a sub-heading stands for itself, or together with the heading above it."""
    top = _texts(sheet.rows[index])
    for area in sheet.merged:
        if area.top == index and area.left < len(top):
            last = min(area.right, 199)
            top += [""] * (last + 1 - len(top))
            top[area.left : last + 1] = [top[area.left]] * (last + 1 - area.left)
    below = [_texts(row) for row in sheet.rows[index + 1 : index + depth]]
    joined = []
    for column in range(max(len(row) for row in (top, *below))):
        upper = top[column] if column < len(top) else ""
        lower = next((row[column] for row in reversed(below) if column < len(row) and row[column]), "")
        joined.append(f"{upper}{lower}" if lower and field_of(f"{upper}{lower}") else lower or upper)
    return joined


def _table(sheet: Sheet, first: int, heading: Sequence[str]) -> Table:
    columns: dict[str, int] = {}
    headings: dict[str, str] = {}
    extra: dict[str, int] = {}
    unknown: list[str] = []
    dropped: list[str] = []
    contact = "maintainer"
    for column, text in enumerate(heading):
        key = normal(text)
        field = PHONE_AFTER[contact] if key in PHONES else field_of(text)
        contact = field if field in PHONE_AFTER else contact
        if not key or key in COUNTING:
            continue
        if field and field not in columns:
            columns[field], headings[field] = column, text
        elif SECRET.search(text):
            dropped.append(text)
        else:
            extra[_distinct(text, extra)] = column
            if key not in SILENT:
                unknown.append(text)
    return Table(
        sheet=sheet,
        first=first,
        columns=columns,
        headings=headings,
        extra=extra,
        unknown=tuple(unknown),
        dropped=tuple(dropped),
    )


def _distinct(heading: str, taken: Mapping[str, int]) -> str:
    number = 2
    name = heading
    while name in taken:
        name = f"{heading}.{number}"
        number += 1
    return name
