"""Whole ledgers: where their tables are, what merged cells mean, which rows contradict each other."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl.worksheet.worksheet import Worksheet

from monitor.core.fleet import Township
from monitor.inventory import InventoryError, read

HEADINGS = ("国标编码", "点位名称", "乡镇(街道)", "村(社区)", "IP地址", "RTSP路径")

Write = Callable[..., Path]


def camera(number: int, township: str | None = "泌水镇", village: str | None = "东村") -> tuple[object, ...]:
    return (f"id-{number}", f"村口{number}", township, village, f"10.1.1.{number}", "/live")


def test_titles_above_and_totals_below_the_table_are_no_cameras(xlsx: Write) -> None:
    path = xlsx(
        ["示范县公共安全视频监控一机一档"],
        ["填表单位：示范县综治中心", None, None, "2026-10-01"],
        [],
        HEADINGS,
        camera(1),
        [],
        HEADINGS,
        camera(2),
        ["合计", None, None, None, "2 台"],
        ["备注：以上点位均已验收"],
    )
    ledger = read(path)
    assert [(row.row, row.camera.id) for row in ledger.rows] == [(5, "id-1"), (8, "id-2")]
    assert ledger.problems == ()
    assert [warning.text() for warning in ledger.warnings] == ["工作表“台账”第 9 行：像是合计或说明，已跳过（共 2 行）"]


def test_merged_townships_and_villages_hold_for_all_their_rows(xlsx: Write) -> None:
    def merge(sheet: Worksheet) -> None:
        sheet.merge_cells("C2:C5")
        sheet.merge_cells("D2:D3")
        sheet.merge_cells("D4:D5")

    path = xlsx(HEADINGS, camera(1), camera(2, None, None), camera(3, None, "西村"), camera(4, None, None), edit=merge)
    ledger = read(path)
    assert ledger.problems == ()
    assert [(row.camera.township, row.camera.village) for row in ledger.rows] == [
        ("泌水镇", "东村"),
        ("泌水镇", "东村"),
        ("泌水镇", "西村"),
        ("泌水镇", "西村"),
    ]


def test_an_empty_township_that_is_not_merged_is_never_guessed(xlsx: Write) -> None:
    ledger = read(xlsx(HEADINGS, camera(1), camera(2, None)))
    assert [problem.text() for problem in ledger.problems] == ["工作表“台账”第 3 行：“乡镇(街道)”为空"]


def test_a_township_merged_over_blank_rows_makes_no_cameras(xlsx: Write) -> None:
    ledger = read(xlsx(HEADINGS, camera(1), edit=lambda sheet: sheet.merge_cells("C2:C9")))
    assert (len(ledger.rows), ledger.problems) == (1, ())


def test_merged_ids_are_not_lent_to_other_rows(xlsx: Write) -> None:
    path = xlsx(HEADINGS, camera(1), (None, *camera(2)[1:]), edit=lambda sheet: sheet.merge_cells("A2:A3"))
    assert [problem.text() for problem in read(path).problems] == ["工作表“台账”第 3 行：“国标编码”为空"]


def test_headings_in_two_rows_are_joined(xlsx: Write) -> None:
    def merge(sheet: Worksheet) -> None:
        for column in "ABCDEF":
            sheet.merge_cells(f"{column}1:{column}2")
        sheet.merge_cells("G1:H1")
        sheet.merge_cells("I1:J1")

    path = xlsx(
        [*HEADINGS, "维护单位", None, "供电", None],
        [None] * 6 + ["名称", "电话", "单位", "电话"],
        (*camera(1), "光明公司", "7123456", "供电所", "7000001"),
        edit=merge,
    )
    ledger = read(path)
    assert ledger.problems == ()
    found = ledger.rows[0].camera
    assert (found.maintainer.name, found.maintainer.phone) == ("光明公司", "7123456")
    assert (found.power.name, found.power.phone) == ("供电所", "7000001")


def test_a_bare_telephone_column_belongs_to_the_contact_on_its_left(xlsx: Write) -> None:
    headings = (*HEADINGS, "维护单位", "联系电话", "供电单位", "联系电话", "网络运营商", "电话")
    found = read(xlsx(headings, (*camera(1), "甲", "1", "乙", "2", "丙", "3"))).rows[0].camera
    contacts = (found.maintainer, found.power, found.network)
    assert [(contact.name, contact.phone) for contact in contacts] == [("甲", "1"), ("乙", "2"), ("丙", "3")]


def test_every_sheet_with_a_table_is_read_and_the_others_are_named(xlsx: Write) -> None:
    path = xlsx(
        HEADINGS,
        camera(1),
        more={
            "二期": [HEADINGS, camera(2)],
            "填写说明": [["一、编号为 20 位国标编码"]],
            "空": [],
            "旧": [HEADINGS, camera(3)],
        },
        edit=lambda sheet: setattr(sheet.parent["旧"], "sheet_state", "hidden"),
    )
    ledger = read(path)
    assert [(row.sheet, row.camera.id) for row in ledger.rows] == [("台账", "id-1"), ("二期", "id-2")]
    assert [warning.text() for warning in ledger.warnings] == [
        "工作表“填写说明”：没有可识别的表头，未读取",
        "工作表“旧”：是隐藏的工作表，未读取",
    ]


def test_one_sheet_per_township_needs_no_township_column(xlsx: Write) -> None:
    headings = ("国标编码", "点位名称", "村(社区)")
    path = xlsx(HEADINGS, camera(1), more={"泌水镇": [headings, ("id-2", "村口", "东村")]})
    assert [row.camera.township for row in read(path).rows] == ["泌水镇", "泌水镇"]


def test_a_sheet_without_a_required_column_is_reported(xlsx: Write) -> None:
    ledger = read(xlsx(HEADINGS[:2], ("id-1", "村口")))
    assert [problem.text() for problem in ledger.problems] == ["工作表“台账”：缺少必需的列：乡镇、村(社区)"]
    assert ledger.rows == ()


def test_a_file_without_any_table_says_what_it_looks_for(xlsx: Write) -> None:
    with pytest.raises(InventoryError, match="任何工作表都没有同时含“编号（国标编码）”和“点位名称”的表头"):
        read(xlsx(["姓名", "电话"], ["张三", "1"]))


def test_the_same_id_twice_keeps_both_rows_out_and_names_both(xlsx: Write) -> None:
    path = xlsx(HEADINGS, camera(1), camera(2), more={"二期": [HEADINGS, camera(1)]})
    ledger = read(path)
    assert [row.camera.id for row in ledger.rows] == ["id-2"]
    assert [problem.text() for problem in ledger.problems] == [
        "工作表“台账”第 2 行：编号 id-1 与工作表“二期”第 2 行重复",
        "工作表“二期”第 2 行：编号 id-1 与工作表“台账”第 2 行重复",
    ]
    assert ledger.refused == {"id-1"}


def test_two_cameras_on_one_stream_are_doubted(xlsx: Write) -> None:
    twin = (*camera(2)[:4], *camera(1)[4:])
    ledger = read(xlsx(HEADINGS, camera(1), twin))
    assert [warning.text() for warning in ledger.warnings] == [
        "工作表“台账”第 3 行：地址和通道与工作表“台账”第 2 行相同"
    ]


def test_unknown_columns_are_named_and_kept(ledger_of: Write) -> None:
    ledger = read(ledger_of({"立杆编号": "G-12", "网格": "第三网格", "序号": 7, "备注": "rtsp://a:Geheim-7@h/"}))
    assert ledger.rows[0].camera.extra == {"立杆编号": "G-12", "网格": "第三网格", "备注": "rtsp://***@h/"}
    assert [warning.text() for warning in ledger.warnings] == ["工作表“台账”：不认识“立杆编号”列，原样保留"]


def test_a_second_column_of_passwords_is_not_kept(ledger_of: Write) -> None:
    ledger = read(ledger_of({"平台密码": "Geheim-7"}))
    assert [warning.text() for warning in ledger.warnings] == ["工作表“台账”：“平台密码”列像是密码，没有保留"]
    assert "Geheim" not in repr(ledger)


def test_a_warning_that_holds_for_many_rows_is_one_line_with_a_count(ledger_of: Write) -> None:
    ledger = read(ledger_of(*({"国标编码": f"id-{number}", "IP地址": None} for number in range(3))))
    assert [warning.text("en") for warning in ledger.warnings] == [
        'sheet "台账", row 2: has neither an address nor an RTSP URL and cannot be looked at (3 rows)'
    ]


LOGINS = [
    ({"用户名": "admin", "密码": "Geheim-7"}, ("", "admin", "Geheim-7")),
    ({"用户名": "admin", "密码": 123456}, ("", "admin", "123456")),
    ({"用户名": "admin", "密码": "７＠ab"}, ("", "admin", "７＠ab")),
    ({"凭据": "大华", "账号": "admin", "口令": "Geheim-7"}, ("大华", "admin", "Geheim-7")),
    ({"RTSP地址": "rtsp://root:Geheim-7@10.1.1.1/a"}, ("", "root", "Geheim-7")),
    ({"RTSP地址": "rtsp://root:p%40ss@10.1.1.1/a"}, ("", "root", "p@ss")),
    ({"RTSP地址": "rtsp://root:p@ss/w?d:x@10.1.1.1/a"}, ("", "root", "p@ss/w?d:x")),
    ({"RTSP地址": "rtsp://root:old@10.1.1.1/a", "用户名": "admin", "密码": "new"}, ("", "admin", "new")),
    ({"RTSP地址": "rtsp://10.1.1.1/a@b"}, None),
    ({"用户名": "admin", "密码": None}, None),
]


@pytest.mark.parametrize(("cells", "expected"), LOGINS)
def test_a_login_is_taken_out_of_the_row(
    ledger_of: Write, cells: dict[str, object], expected: tuple[str, str, str] | None
) -> None:
    ledger = read(ledger_of(cells))
    assert ledger.problems == ()
    login = ledger.rows[0].login
    assert (login and (login.id, login.username, login.password)) == expected


URLS = [
    (
        "rtsp://root:Geheim-7@10.1.1.9:8554/Streaming/Channels/101?x=1",
        ("10.1.1.9", 8554, "/Streaming/Channels/101?x=1", False),
    ),
    ("rtsps://[2001:db8::9]/live", ("2001:db8::9", 322, "/live", True)),
    ("RTSP://cam.lan", ("cam.lan", 554, "/", False)),
    ("rtsp://10.1.1.9?channel=1", ("10.1.1.9", 554, "/?channel=1", False)),
    ("rtsp://10.1.1.9/a@b", ("10.1.1.9", 554, "/a@b", False)),
]


@pytest.mark.parametrize(("url", "expected"), URLS)
def test_an_rtsp_url_says_where_the_stream_is(ledger_of: Write, url: str, expected: tuple[object, ...]) -> None:
    found = read(ledger_of({"RTSP地址": url})).rows[0].camera
    assert (found.host, found.rtsp_port, found.rtsp_path, found.rtsps) == expected


def test_a_url_to_another_host_than_the_ip_column_is_taken_and_doubted(ledger_of: Write) -> None:
    ledger = read(ledger_of({"RTSP地址": "rtsp://10.9.9.9/live"}))
    assert [warning.zh for warning in ledger.warnings] == [
        "RTSP 地址中的主机 10.9.9.9 与 IP 列的 10.1.1.1 不同，以 RTSP 地址为准"
    ]


CONTRADICTIONS = [
    ([{"密码": "Geheim-7"}], ["第 2 行：有密码，但没有用户名"]),
    (
        [
            {"国标编码": "a", "凭据": "大华", "用户名": "admin", "密码": "Geheim-7"},
            {"国标编码": "b", "凭据": "大华", "用户名": "admin", "密码": "Geheim-8"},
        ],
        ["第 3 行：凭据 大华 的用户名或密码与工作表“台账”第 2 行不同"],
    ),
    ([{"凭据": "cred-9"}], ["第 2 行：没有名为“cred-9”的凭据"]),
    (
        [{"用户名": "admin", "密码": 1234567890123456789}],
        ["第 2 行：“密码”在 Excel 中丢失末位数字，请设为“文本”后重填"],
    ),
]


@pytest.mark.parametrize(("rows", "expected"), CONTRADICTIONS)
def test_logins_that_cannot_be_right_keep_the_row_out(
    ledger_of: Write, rows: list[dict[str, object]], expected: list[str]
) -> None:
    ledger = read(ledger_of(*rows))
    assert [problem.text() for problem in ledger.problems] == [f"工作表“台账”{text}" for text in expected]


def test_a_stored_credential_may_be_named(ledger_of: Write) -> None:
    ledger = read(ledger_of({"凭据": "cred-1"}), credentials={"cred-1"})
    assert (ledger.problems, ledger.rows[0].camera.credential) == ((), "cred-1")


def test_a_user_name_without_a_password_is_said_to_keep_the_stored_login(ledger_of: Write) -> None:
    warnings = read(ledger_of({"用户名": "admin", "密码": ""})).warnings
    assert [warning.zh for warning in warnings] == ["有用户名，但没有密码：沿用已保存的凭据"]


PATHLESS = [
    ({"厂家": "某厂", "ONVIF端口": 80}, ["没有取流路径，将由 ONVIF GetStreamUri 取得"]),
    ({"厂家": "某厂"}, ["没有取流路径，厂家也认不出；请补 RTSP 路径或 ONVIF 端口"]),
    ({"厂家": "海康威视", "通道号": 3}, []),
    ({"RTSP端口": "无", "ONVIF端口": 80}, []),
]


@pytest.mark.parametrize(("cells", "expected"), PATHLESS)
def test_a_camera_without_a_stream_path_is_pointed_out(
    ledger_of: Write, cells: dict[str, object], expected: list[str]
) -> None:
    warnings = read(ledger_of({"RTSP路径": None, **cells})).warnings
    assert [warning.zh for warning in warnings] == expected


def test_townships_are_known_however_the_ledger_spaces_them(ledger_of: Write) -> None:
    ledger = read(ledger_of({"乡镇(街道)": "花园　街道\n"}), townships=[Township(code="02", name="花园街道")])
    assert (ledger.problems, ledger.rows[0].camera.township) == ((), "花园街道")


def test_four_thousand_rows_are_read_in_seconds(xlsx: Write) -> None:
    headings = (*HEADINGS, "用户名", "密码", "维护单位", "联系电话", "启用日期", "经度", "纬度", "状态")
    rows = [
        (
            f"3402000000132{number:07d}",
            f"村口{number}",
            f"第{number // 182}镇",
            f"第{number // 12}村",
            f"10.{number // 65536}.{number // 256 % 256}.{number % 256}",
            "/live",
            "admin",
            "Geheim-7",
            "光明公司",
            "0396-7123456",
            "2026-01-05",
            "113.5",
            32.7,
            "在用",
        )
        for number in range(1, 4001)
    ]
    path = xlsx(headings, *rows)
    began = time.process_time()
    ledger = read(path)
    took_s = time.process_time() - began
    assert (len(ledger.rows), ledger.problems, ledger.warnings) == (4000, (), ())
    assert took_s < 10
