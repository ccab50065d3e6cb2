"""One cell at a time: what is taken, and the exact words for what is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from monitor.core.fleet import Registration, Township
from monitor.inventory import read
from monitor.inventory.cells import plain, visible
from monitor.inventory.columns import HEADINGS, field_of

MISTAKES: list[tuple[str, Any, str, str]] = [
    ("国标编码", None, "“国标编码”为空", "国标编码: is empty"),
    (
        "国标编码",
        34020000001320000001,
        "“国标编码”在 Excel 中丢失末位数字（存成了数字 3.402e+19），请把该列设为“文本”后重新填写",
        "国标编码: digits lost in Excel (stored as the number 3.402e+19); format the column as text and enter it again",
    ),
    (
        "国标编码",
        3.402e19,
        "“国标编码”在 Excel 中丢失末位数字（存成了数字 3.402e+19），请把该列设为“文本”后重新填写",
        "国标编码: digits lost in Excel (stored as the number 3.402e+19); format the column as text and enter it again",
    ),
    (
        "国标编码",
        "3.402E+19",
        "“国标编码”在 Excel 中丢失末位数字（存成了数字 3.402E+19），请把该列设为“文本”后重新填写",
        "国标编码: digits lost in Excel (stored as the number 3.402E+19); format the column as text and enter it again",
    ),
    (
        "国标编码",
        "3402000000132000001",
        "“国标编码”国标编码应为 20 位，现为 19 位",
        "国标编码: a GB/T 28181 code has 20 digits, this has 19",
    ),
    ("国标编码", 12.5, "“国标编码”应为编号，现为小数 12.5", "国标编码: should be an id, is the fraction 12.5"),
    ("国标编码", "x" * 65, "“国标编码”超过 64 个字符", "国标编码: is longer than 64 characters"),
    ("国标编码", "#N/A", "“国标编码”是错误值 #N/A", "国标编码: is the error value #N/A"),
    ("点位名称", " \u200b", "“点位名称”为空", "点位名称: is empty"),
    ("点位名称", "口" * 201, "“点位名称”超过 200 个字", "点位名称: is longer than 200 characters"),
    (
        "乡镇(街道)",
        "沁水镇",
        "没有名为“沁水镇”的乡镇，是否为“泌水镇”？",
        "no township named 沁水镇; did you mean 泌水镇?",
    ),
    ("乡镇(街道)", "花园", "没有名为“花园”的乡镇", "no township named 花园"),
    ("村(社区)", None, "“村(社区)”为空", "村(社区): is empty"),
    (
        "IP地址",
        "10.1.300.4",
        "“IP地址”应为 IP 地址或主机名，现为“10.1.300.4”",
        'IP地址: should be an IP address or host name, is "10.1.300.4"',
    ),
    (
        "IP地址",
        "10.1.1.1:99999",
        "“IP地址”应为 IP 地址或主机名，现为“10.1.1.1:99999”",
        'IP地址: should be an IP address or host name, is "10.1.1.1:99999"',
    ),
    ("RTSP端口", 70000, "“RTSP端口”应为 1 到 65535，现为 70000", "RTSP端口: should be 1 to 65535, is 70000"),
    ("RTSP端口", "五五四", "“RTSP端口”应为整数，现为“五五四”", 'RTSP端口: should be a whole number, is "五五四"'),
    ("ONVIF端口", "-80", "“ONVIF端口”应为整数，现为“-80”", 'ONVIF端口: should be a whole number, is "-80"'),
    (
        "RTSP路径",
        "/live 1",
        "“RTSP路径”应为路径，例如 /Streaming/Channels/101，现为“/live 1”",
        'RTSP路径: should be a path such as /Streaming/Channels/101, is "/live 1"',
    ),
    (
        "RTSP地址",
        "http://10.1.1.1/live",
        "“RTSP地址”应为 rtsp:// 开头的地址，现为“http://10.1.1.1/live”",
        'RTSP地址: should be a rtsp:// URL, is "http://10.1.1.1/live"',
    ),
    (
        "RTSP地址",
        "rtsp://root:Geheim@10.1.1.1:port/live",
        "“RTSP地址”主机或端口写错了，现为“rtsp://***@10.1.1.1:port/live”",
        'RTSP地址: has a wrong host or port, is "rtsp://***@10.1.1.1:port/live"',
    ),
    (
        "ONVIF地址",
        "10.1.1.1",
        "“ONVIF地址”应为 http:// 开头的地址，现为“10.1.1.1”",
        'ONVIF地址: should be a http:// URL, is "10.1.1.1"',
    ),
    ("通道号", "0", "“通道号”应为从 1 开始的通道号，现为“0”", '通道号: should be a channel number from 1, is "0"'),
    ("重点点位", "也许", "“重点点位”应为“是”或“否”，现为“也许”", '重点点位: should be 是 or 否, is "也许"'),
    ("状态", "借出", "“状态”应为“在用”“维修”或“拆除”，现为“借出”", '状态: should be 在用, 维修 or 拆除, is "借出"'),
    (
        "启用日期",
        "2026年10月",
        "“启用日期”应为日期，例如 2026-10-01，现为“2026年10月”",
        '启用日期: should be a date such as 2026-10-01, is "2026年10月"',
    ),
    ("启用日期", "2026-2-30", "“启用日期”没有“2026-2-30”这一天", '启用日期: there is no day "2026-2-30"'),
    (
        "启用日期",
        "1926-10-01",
        "“启用日期”年份不在 1980 到 2100 之间，现为“1926-10-01”",
        '启用日期: the year is not between 1980 and 2100, is "1926-10-01"',
    ),
    ("经度", 190, "“经度”应在 -180 到 180 之间，现为 190", "经度: should be between -180 and 180, is 190"),
    ("纬度", 113.5, "“纬度”应在 -90 到 90 之间，现为 113.5", "纬度: should be between -90 and 90, is 113.5"),
    (
        "经度",
        "东经113度",
        "“经度”应为以度为单位的数字，现为“东经113度”",
        '经度: should be a number of degrees, is "东经113度"',
    ),
]


@pytest.mark.parametrize(("heading", "cell", "zh", "en"), MISTAKES)
def test_a_bad_cell_keeps_its_row_out_and_says_why(
    ledger_of: Callable[..., Path], heading: str, cell: Any, zh: str, en: str
) -> None:
    good = {"国标编码": "other-1"}
    ledger = read(ledger_of(good, {heading: cell}), townships=[Township(code="01", name="泌水镇")])
    assert [problem.text("zh") for problem in ledger.problems] == [f"工作表“台账”第 3 行：{zh}"]
    assert [problem.text("en") for problem in ledger.problems] == [f'sheet "台账", row 3: {en}']
    assert [row.camera.id for row in ledger.rows] == ["other-1"]


TAKEN: list[tuple[str, Any, str, object]] = [
    ("国标编码", 1001, "id", "1001"),
    ("国标编码", 1001.0, "id", "1001"),
    ("国标编码", "３４０２００００００１３２０００００１１", "id", "34020000001320000011"),
    ("国标编码", "'34020000001320000001", "id", "34020000001320000001"),
    ("国标编码", ' ="0012" ', "id", "0012"),
    ("国标编码", "XS-东-7", "id", "XS-东-7"),
    ("点位名称", " 村口\n（东）\u202e ", "name", "村口 （东）"),
    ("点位名称", 12, "name", "12"),
    ("乡镇(街道)", " 泌 水镇", "township", "泌水镇"),
    ("IP地址", "１０．１．１．９", "host", "10.1.1.9"),
    ("IP地址", "2001:db8::1", "host", "2001:db8::1"),
    ("IP地址", "cam-1.lan", "host", "cam-1.lan"),
    ("IP地址", "10.1.1.1:8554", "rtsp_port", 8554),
    ("IP地址", "[2001:db8::1]:8554", "rtsp_port", 8554),
    ("RTSP端口", None, "rtsp_port", 554),
    ("RTSP端口", 8554.0, "rtsp_port", 8554),
    ("RTSP端口", "无", "rtsp_port", None),
    ("RTSP路径", "live/1", "rtsp_path", "/live/1"),
    ("ONVIF端口", "80", "onvif_port", 80),
    ("ONVIF端口", "—", "onvif_port", None),
    ("ONVIF地址", "http://10.1.1.1:8899/onvif/other", "onvif_port", 8899),
    ("ONVIF地址", "http://10.1.1.1/onvif/other", "onvif_path", "/onvif/other"),
    ("通道号", "通道03", "channel", 3),
    ("通道号", "D12", "channel", 12),
    ("通道号", 7.0, "channel", 7),
    ("重点点位", "√", "key_point", True),
    ("重点点位", "是", "key_point", True),
    ("重点点位", True, "key_point", True),
    ("重点点位", "×", "key_point", False),
    ("重点点位", None, "key_point", False),
    ("状态", "已拆除", "registration", Registration.RETIRED),
    ("状态", "维修中", "registration", Registration.REPAIR),
    ("状态", None, "registration", Registration.IN_USE),
    ("启用日期", date(2026, 10, 1), "in_service_from", date(2026, 10, 1)),
    ("启用日期", 46296, "in_service_from", date(2026, 10, 1)),
    ("启用日期", 20261001, "in_service_from", date(2026, 10, 1)),
    ("启用日期", "2026-10-1", "in_service_from", date(2026, 10, 1)),
    ("启用日期", "2026/10/1", "in_service_from", date(2026, 10, 1)),
    ("启用日期", "2026.10.1", "in_service_from", date(2026, 10, 1)),
    ("启用日期", "２０２６年１０月１日", "in_service_from", date(2026, 10, 1)),
    ("启用日期", "2026-10-01 08:30:00", "in_service_from", date(2026, 10, 1)),
    ("启用日期", "", "in_service_from", None),
    ("停用日期", "2026-11-01", "in_service_to", date(2026, 11, 1)),
    ("经度", "113.5°", "longitude", 113.5),
    ("纬度", 32.7, "latitude", 32.7),
    ("厂家", "无", "maker", ""),
]


@pytest.mark.parametrize(("heading", "cell", "name", "expected"), TAKEN)
def test_a_cell_is_taken_however_people_write_it(
    ledger_of: Callable[..., Path], heading: str, cell: Any, name: str, expected: object
) -> None:
    ledger = read(ledger_of({heading: cell}), townships=[Township(code="01", name="泌水镇")])
    assert ledger.problems == ()
    assert getattr(ledger.rows[0].camera, name) == expected


@pytest.mark.parametrize("phone", ["0396-7123456", "+86 13800000000", "０３９６-7123456转8"])
def test_a_telephone_number_stays_text(ledger_of: Callable[..., Path], phone: str) -> None:
    camera = read(ledger_of({"维护单位": "光明公司", "联系电话": phone})).rows[0].camera
    assert (camera.maintainer.name, camera.maintainer.phone) == ("光明公司", plain(phone))


def test_a_telephone_number_stored_as_a_number_keeps_its_digits(ledger_of: Callable[..., Path]) -> None:
    assert read(ledger_of({"联系电话": 13800000000})).rows[0].camera.maintainer.phone == "13800000000"


def test_service_cannot_end_before_it_began(ledger_of: Callable[..., Path]) -> None:
    ledger = read(ledger_of({"启用日期": "2026-10-02", "停用日期": "2026-10-01"}))
    assert [problem.zh for problem in ledger.problems] == ["停用日期 2026-10-01 早于启用日期 2026-10-02"]


def test_all_mistakes_of_a_row_come_at_once(ledger_of: Callable[..., Path]) -> None:
    ledger = read(ledger_of({"IP地址": "10.1", "RTSP端口": 0.5, "状态": "?", "点位名称": None}))
    assert len(ledger.problems) == 4
    assert {problem.row for problem in ledger.problems} == {2}


def test_invisible_characters_are_removed_and_reported(ledger_of: Callable[..., Path]) -> None:
    ledger = read(ledger_of({"点位名称": "\u202e村\u200b口"}))
    assert ledger.rows[0].camera.name == "村口"
    assert [warning.text() for warning in ledger.warnings] == ["工作表“台账”第 2 行：“点位名称”含不可见字符，已去除"]


def test_a_code_of_a_recorder_is_doubted_and_goes_in(ledger_of: Callable[..., Path]) -> None:
    ledger = read(ledger_of({"国标编码": "34020000001180000001"}))
    assert [warning.zh for warning in ledger.warnings] == [
        "国标编码 34020000001180000001 的第 11–13 位是 118，不是摄像机（131、132）"
    ]
    assert len(ledger.rows) == 1


def test_control_characters_never_pass() -> None:
    assert visible("a\x00b\x1b[31mc\u2066d\ufeff") == "ab[31mcd"


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("乡镇（街道）", "township"),
        ("乡 镇\n（街道）*", "township"),
        ("IP 地址", "host"),
        ("ｉｐ地址", "host"),
        ("启用日期（必填）", "in_service_from"),
        ("国标编码：", "id"),
        ("rtsp_url", "rtsp_url"),
        ("RTSP URL", "rtsp_url"),
        ("在线状态", None),
    ],
)
def test_a_heading_is_known_however_it_is_written(heading: str, field: str | None) -> None:
    assert field_of(heading) == field


def test_no_heading_means_two_things() -> None:
    owners: dict[str, set[str]] = {}
    for field, headings in HEADINGS.items():
        for heading in headings:
            owners.setdefault(heading.casefold(), set()).add(field)
    assert {heading: fields for heading, fields in owners.items() if len(fields) > 1} == {}
