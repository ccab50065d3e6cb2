"""What leaves the inventory: ledgers to edit, targets for the probes, and never a secret."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from monitor.core.fleet import Camera, Contact, Fleet, Registration, Township
from monitor.inventory import InventoryError, apply, export, main_stream, read, targets
from monitor.inventory.makers import stream_path
from probes.observation import Credential, Target

TODAY = date(2026, 11, 24)
TOWNSHIP = Township(code="001", name="泌水镇")
SECRET = "Geheim-7#长"

Write = Callable[..., Path]

FULL = Camera(
    id="34020000001320000001",
    name="=HYPERLINK(1)",
    township="001",
    village="+东村",
    host="2001:db8::9",
    rtsp_port=322,
    rtsp_path="/live?a=1",
    rtsps=True,
    onvif_port=8899,
    onvif_path="/onvif/other",
    channel=3,
    credential="cred-1",
    key_point=True,
    maker="海康威视",
    model="DS-2CD",
    recorder="NVR-1",
    maintainer=Contact(name="光明公司", phone="+86 396 7123456"),
    power=Contact(name="供电所", phone="@1"),
    network=Contact(name="移动", phone="10086"),
    registration=Registration.REPAIR,
    in_service_from=date(2026, 1, 5),
    in_service_to=date(2027, 1, 5),
    longitude=113.5,
    latitude=-32.25,
    extra={"立杆": "-3", "网格": "第三网格"},
)
BARE = Camera(id="0012", name="桥头", township="001", village="西村", rtsp_port=None)
FLEET = Fleet.of([TOWNSHIP], [FULL, BARE])
CREDENTIALS = {"cred-1": Credential(id="cred-1", username="admin", password=SECRET)}


def test_what_is_exported_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "out.xlsx"
    export(FLEET, path)
    ledger = read(path, credentials=CREDENTIALS)
    assert ledger.problems == ()
    result = apply(FLEET, ledger, on=TODAY, credentials=CREDENTIALS)
    assert result.changes.is_empty
    assert result.changes.unchanged == 2
    anew = apply(Fleet.of((), ()), ledger, on=TODAY, credentials=CREDENTIALS)
    assert anew.fleet.cameras == FLEET.cameras


def test_nothing_exported_can_be_computed(tmp_path: Path) -> None:
    path = tmp_path / "out.xlsx"
    export(FLEET, path)
    for row in openpyxl.load_workbook(path).worksheets[0].iter_rows():
        for cell in row:
            if cell.value is not None:
                assert cell.data_type == "s"
                assert cell.number_format in ("@", "General")
                assert cell.quotePrefix == str(cell.value).startswith(("=", "+", "-", "@"))


def test_no_login_is_exported(tmp_path: Path) -> None:
    path = tmp_path / "out.xlsx"
    export(FLEET, path)
    values = [str(cell.value) for row in openpyxl.load_workbook(path).worksheets[0].iter_rows() for cell in row]
    assert "cred-1" in values
    assert not [value for value in values if SECRET in value or "admin" in value or "密码" in value]


def test_an_export_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "out.xlsx").mkdir()
    with pytest.raises(InventoryError, match=r"^无法写入"):
        export(FLEET, tmp_path / "out.xlsx")
    assert [path.name for path in tmp_path.iterdir()] == ["out.xlsx"]


def test_a_target_tells_the_probes_all_they_need() -> None:
    assert dict(targets(FLEET, CREDENTIALS)) == {
        FULL.id: Target(
            camera=FULL.id,
            host="2001:db8::9",
            rtsp_port=322,
            rtsp_path="/live?a=1",
            rtsps=True,
            onvif_port=8899,
            onvif_path="/onvif/other",
            channels_at_address=1,
            credential=CREDENTIALS["cred-1"],
        )
    }


def channel(number: int, **changes: object) -> Camera:
    camera = Camera(
        id=f"id-{number}", name="口", township="001", village="村", host="10.1.1.1", maker="大华", channel=number
    )
    return dataclasses.replace(camera, **changes)  # type: ignore[arg-type]  # passed on


def test_channels_behind_one_address_are_counted_without_the_retired() -> None:
    fleet = Fleet.of(
        [TOWNSHIP],
        [channel(1), channel(2), channel(3, registration=Registration.RETIRED), channel(4, host="10.1.1.2")],
    )
    assert {name: target.channels_at_address for name, target in targets(fleet, {}).items()} == {
        "id-1": 2,
        "id-2": 2,
        "id-4": 1,
    }


def test_a_camera_whose_login_is_not_stored_is_looked_at_without_one() -> None:
    fleet = Fleet.of([TOWNSHIP], [channel(1, credential="cred-9")])
    assert targets(fleet, CREDENTIALS)["id-1"].credential is None


MAKERS = [
    ("杭州海康威视", 1, "/Streaming/Channels/101"),
    ("HIKVISION", 12, "/Streaming/Channels/1201"),
    ("ＤＡＨＵＡ", 2, "/cam/realmonitor?channel=2&subtype=0"),
    ("宇视", 3, "/unicast/c3/s0/live"),
    ("天地伟业", 4, "/4/1"),
    ("华为", 1, "/LiveMedia/ch1/Media1"),
    ("AXIS", 1, "/axis-media/media.amp?camera=1"),
    ("某厂", 1, None),
    ("", 1, None),
]


@pytest.mark.parametrize(("maker", "number", "path"), MAKERS)
def test_the_main_stream_of_a_known_maker(maker: str, number: int, path: str | None) -> None:
    assert stream_path(maker, number) == path


def test_a_path_of_the_ledger_comes_before_the_makers_form() -> None:
    assert main_stream(channel(1, rtsp_path="/own")) == "/own"


def test_a_single_camera_needs_no_channel_number_and_one_of_several_does() -> None:
    alone = channel(1, channel=None)
    assert main_stream(alone, [alone]) == "/cam/realmonitor?channel=1&subtype=0"
    assert main_stream(alone, [alone, channel(2)]) == ""


def test_an_unknown_maker_leaves_the_path_to_onvif() -> None:
    fleet = Fleet.of([TOWNSHIP], [channel(1, maker="某厂", onvif_port=80)])
    target = targets(fleet, {})["id-1"]
    assert (target.rtsp_path, target.onvif_port) == ("", 80)


def test_no_secret_is_in_anything_that_is_shown(ledger_of: Write) -> None:
    path = ledger_of(
        {"国标编码": "a", "用户名": "admin", "密码": SECRET},
        {"国标编码": "b", "RTSP地址": f"rtsp://admin:{SECRET}@10.1.1.3/live", "备注": f"http://admin:{SECRET}@h/"},
        {"国标编码": "c", "RTSP地址": f"rtsp://admin:{SECRET}@10.1.1.300/live"},
        {"国标编码": "d", "RTSP地址": f"ftp://admin:{SECRET}@10.1.1.3/live"},
        {"国标编码": "e", "RTSP路径": f"rtsp://admin:{SECRET}@10.1.1.3/live"},
        {"国标编码": "f", "IP地址": f"rtsp://admin:{SECRET}@10.1.1.3"},
        {"国标编码": "g", "ONVIF地址": f"http://admin:{SECRET}@10.1.1.3:x/"},
        {"国标编码": "h", "密码": SECRET},
        {"国标编码": "i", "凭据": "x", "用户名": "admin", "密码": SECRET},
        {"国标编码": "j", "凭据": "x", "用户名": "admin", "密码": f"{SECRET}2"},
        {"国标编码": "k", "RTSP路径": None, "RTSP端口": f"rtsp://admin:{SECRET}@h/"},
        {"国标编码": "l", "平台口令": SECRET},
    )
    ledger = read(path)
    result = apply(Fleet.of((), ()), ledger, on=TODAY)
    assert {login.password for login in result.credentials.values()} == {SECRET}
    assert {problem.row for problem in ledger.problems} == {4, 5, 6, 7, 8, 9, 11, 12}
    shown = [
        repr(ledger),
        str(ledger),
        repr(result),
        repr(result.changes),
        repr(targets(result.fleet, result.credentials)),
        *(problem.text(lang) for problem in (*ledger.problems, *ledger.warnings) for lang in ("zh", "en")),
        json.dumps(dataclasses.asdict(result.changes), default=str, ensure_ascii=False),
        json.dumps(
            [dataclasses.asdict(camera) for camera in result.fleet.cameras.values()], default=str, ensure_ascii=False
        ),
    ]
    assert [text for text in shown if "Geheim" in text] == []
