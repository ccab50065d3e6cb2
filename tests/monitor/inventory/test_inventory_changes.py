"""What an import does to the fleet: nothing retires by being absent, and nothing is lost unseen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from monitor.core.fleet import Camera, Contact, Fleet, Registration, Township
from monitor.inventory import Applied, InventoryError, apply, diff, read
from probes.observation import Credential

TODAY = date(2026, 11, 24)
EMPTY = Fleet.of((), ())
TOWNSHIP = Township(code="007", name="泌水镇")

Write = Callable[..., Path]


def known(number: int = 1, **changes: object) -> Camera:
    camera = Camera(id=f"id-{number}", name="村口", township="007", village="东村", host="10.1.1.1", rtsp_path="/live")
    for name, value in changes.items():
        object.__setattr__(camera, name, value)
    return camera


def fleet_of(*cameras: Camera) -> Fleet:
    return Fleet.of([TOWNSHIP], cameras)


def imported(fleet: Fleet, path: Path, **arguments: object) -> Applied:
    return apply(fleet, read(path, credentials={"cred-1"}), on=TODAY, **arguments)  # type: ignore[arg-type]  # passed on


def test_a_first_import_adds_everything_and_numbers_townships_by_first_sight(ledger_of: Write) -> None:
    path = ledger_of({"国标编码": "b", "乡镇(街道)": "花园镇"}, {"国标编码": "a", "IP地址": "10.1.1.2"})
    result = imported(EMPTY, path)
    assert [camera.id for camera in result.changes.added] == ["a", "b"]
    assert {code: township.name for code, township in result.fleet.townships.items()} == {
        "001": "花园镇",
        "002": "泌水镇",
    }
    assert result.fleet.cameras["b"].township == "001"
    assert result.changes.townships == ("花园镇", "泌水镇")


def test_codes_of_townships_stay_from_one_import_to_the_next(ledger_of: Write) -> None:
    path = ledger_of({"国标编码": "x", "乡镇(街道)": "花园镇"}, {"国标编码": "id-1", "乡镇(街道)": " 泌水镇 "})
    fleet = imported(fleet_of(known()), path).fleet
    assert {township.name: code for code, township in fleet.townships.items()} == {"泌水镇": "007", "花园镇": "001"}


def test_codes_of_the_configuration_win_and_cameras_move_with_their_township(ledger_of: Write) -> None:
    configured = [Township(code="007", name="花园镇"), Township(code="01", name="泌水镇", planned=180)]
    result = imported(fleet_of(known(1), known(2)), ledger_of({"国标编码": "id-1"}), townships=configured)
    assert {camera.township for camera in result.fleet.cameras.values()} == {"01"}
    assert sorted(result.fleet.townships) == ["007", "01"]


def test_a_township_that_left_the_configuration_stays_while_it_has_cameras(ledger_of: Write) -> None:
    configured = [Township(code="007", name="花园镇")]
    result = imported(fleet_of(known()), ledger_of({"国标编码": "x", "乡镇(街道)": "花园镇"}), townships=configured)
    assert {township.name: code for code, township in result.fleet.townships.items()} == {
        "花园镇": "007",
        "泌水镇": "001",
    }
    assert result.fleet.cameras["id-1"].township == "001"


def test_the_same_file_again_changes_nothing(ledger_of: Write) -> None:
    path = ledger_of({"用户名": "admin", "密码": "Geheim-7", "维护单位": "甲", "立杆": "3"})
    first = imported(EMPTY, path)
    again = imported(first.fleet, path, credentials=first.credentials)
    assert again.changes.is_empty
    assert again.changes.unchanged == 1
    assert again.fleet.digest == first.fleet.digest


def test_changes_are_told_field_by_field(ledger_of: Write) -> None:
    path = ledger_of({"国标编码": "id-1", "点位名称": "学校门口", "IP地址": "10.1.1.9"})
    changes = imported(fleet_of(known()), path).changes
    assert len(changes.changed) == 1
    fields = {change.field: (change.before, change.after) for change in changes.changed[0].fields}
    assert fields == {"name": ("村口", "学校门口"), "host": ("10.1.1.1", "10.1.1.9")}
    assert changes.on == TODAY


def test_columns_that_the_file_lacks_keep_what_is_known(xlsx: Write) -> None:
    camera = known(key_point=True, maintainer=Contact(name="甲", phone="1"), in_service_from=date(2026, 1, 1))
    path = xlsx(["编号", "点位名称", "乡镇", "村"], ["id-1", "村口", "泌水镇", "东村"])
    assert imported(fleet_of(camera), path).changes.is_empty


def test_an_empty_cell_clears_what_was_known(xlsx: Write) -> None:
    camera = known(maker="海康威视", maintainer=Contact(name="甲", phone="1"))
    path = xlsx(["编号", "点位名称", "乡镇", "村", "厂家", "维护单位"], ["id-1", "村口", "泌水镇", "东村", None, None])
    after = imported(fleet_of(camera), path).fleet.cameras["id-1"]
    assert (after.maker, after.maintainer) == ("", Contact())


def test_a_camera_that_is_not_in_the_file_is_named_and_stays(ledger_of: Write) -> None:
    result = imported(fleet_of(known(1), known(2)), ledger_of({"国标编码": "id-1"}))
    assert [camera.id for camera in result.changes.missing] == ["id-2"]
    assert result.fleet.cameras["id-2"].registration is Registration.IN_USE
    assert result.changes.retired == ()


def test_missing_cameras_retire_on_request_from_today_on(ledger_of: Write) -> None:
    result = imported(fleet_of(known(1), known(2)), ledger_of({"国标编码": "id-1"}), retire_missing=True)
    retired = result.fleet.cameras["id-2"]
    assert (retired.registration, retired.in_service_to) == (Registration.RETIRED, TODAY)
    assert [camera.id for camera in result.changes.retired] == ["id-2"]
    assert result.changes.missing == ()


def test_a_camera_whose_row_is_bad_is_not_missing(ledger_of: Write) -> None:
    path = ledger_of({"国标编码": "id-1"}, {"国标编码": "id-2", "IP地址": "10.1"})
    result = imported(fleet_of(known(1), known(2)), path, retire_missing=True)
    assert result.fleet.cameras["id-2"] == known(2)


def test_nothing_retires_for_being_absent_while_an_id_is_unreadable(ledger_of: Write) -> None:
    path = ledger_of({"国标编码": "id-1"}, {"国标编码": 34020000001320000001})
    with pytest.raises(InventoryError, match="有 1 处读不出编号，不能据此停用未出现的摄像机"):
        imported(fleet_of(known(1), known(2)), path, retire_missing=True)


def test_a_camera_taken_down_leaves_service_today_unless_the_ledger_says_when(ledger_of: Write) -> None:
    path = ledger_of(
        {"国标编码": "id-1", "状态": "拆除", "停用日期": None},
        {"国标编码": "id-2", "状态": "拆除", "停用日期": "2026-10-15"},
        {"国标编码": "id-3", "状态": "在用", "停用日期": "2026-11-24"},
        {"国标编码": "id-4", "状态": "在用", "停用日期": "2026-12-31"},
    )
    fleet = fleet_of(*(known(number) for number in range(1, 5)))
    result = imported(fleet, path)
    assert [camera.in_service_to for camera in result.fleet.cameras.values()] == [
        TODAY,
        date(2026, 10, 15),
        date(2026, 11, 24),
        date(2026, 12, 31),
    ]
    assert [camera.id for camera in result.changes.retired] == ["id-1", "id-2", "id-3"]
    assert [change.camera for change in result.changes.changed] == ["id-4"]


def test_the_day_of_retirement_stays_when_the_ledger_comes_again(ledger_of: Write) -> None:
    camera = known(registration=Registration.RETIRED, in_service_to=date(2026, 10, 15))
    path = ledger_of({"国标编码": "id-1", "状态": "拆除", "停用日期": None})
    assert imported(fleet_of(camera), path).fleet.cameras["id-1"].in_service_to == date(2026, 10, 15)


def test_a_retired_camera_that_is_used_again_is_in_service(ledger_of: Write) -> None:
    camera = known(registration=Registration.RETIRED, in_service_to=date(2026, 10, 15))
    path = ledger_of({"国标编码": "id-1", "状态": "在用", "停用日期": None})
    after = imported(fleet_of(camera), path).fleet.cameras["id-1"]
    assert (after.registration, after.in_service_to) == (Registration.IN_USE, None)


def test_one_login_is_one_credential_however_many_cameras_use_it(ledger_of: Write) -> None:
    path = ledger_of(
        {"国标编码": "a", "用户名": "admin", "密码": "Geheim-7"},
        {"国标编码": "b", "用户名": "admin", "密码": "Geheim-7"},
        {"国标编码": "c", "用户名": "admin", "密码": "Geheim-8"},
        {"国标编码": "d", "用户名": "admin", "密码": "Geheim-9", "凭据": "大华"},
        {"国标编码": "e"},
    )
    result = imported(EMPTY, path)
    assert [camera.credential for camera in result.fleet.cameras.values()] == ["cred-1", "cred-1", "cred-2", "大华", ""]
    assert result.changes.credentials == ("cred-1", "cred-2", "大华")
    assert result.credentials["cred-2"] == Credential(id="cred-2", username="admin", password="Geheim-8")


STORED = {"cred-1": Credential(id="cred-1", username="admin", password="Geheim-7")}


def test_a_changed_password_is_a_new_credential_of_that_camera_alone(ledger_of: Write) -> None:
    fleet = fleet_of(known(1, credential="cred-1"), known(2, credential="cred-1"))
    path = ledger_of({"国标编码": "id-1", "用户名": "admin", "密码": "Geheim-8"})
    result = imported(fleet, path, credentials=STORED)
    assert result.fleet.cameras["id-1"].credential == "cred-2"
    assert result.fleet.cameras["id-2"].credential == "cred-1"
    assert result.credentials["cred-1"] == STORED["cred-1"]
    assert result.changes.credentials == ("cred-2",)


def test_a_named_credential_gets_its_new_password_for_all_its_cameras(ledger_of: Write) -> None:
    path = ledger_of({"国标编码": "id-1", "凭据": "cred-1", "用户名": "admin", "密码": "Geheim-8"})
    result = imported(fleet_of(known(1, credential="cred-1")), path, credentials=STORED)
    assert result.credentials["cred-1"].password == "Geheim-8"
    assert result.changes.credentials == ("cred-1",)
    assert not result.changes.is_empty


def test_an_old_login_is_not_matched_once_its_credential_has_another_password(ledger_of: Write) -> None:
    path = ledger_of(
        {"国标编码": "a", "凭据": "cred-1", "用户名": "admin", "密码": "Geheim-8"},
        {"国标编码": "b", "用户名": "admin", "密码": "Geheim-7"},
    )
    result = imported(EMPTY, path, credentials=STORED)
    assert result.credentials[result.fleet.cameras["b"].credential].password == "Geheim-7"
    assert result.credentials["cred-1"].password == "Geheim-8"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"用户名": None, "密码": None}, "cred-1"),
        ({"用户名": "admin", "密码": None}, "cred-1"),
        ({}, "cred-1"),
        ({"用户名": "无", "密码": None}, ""),
    ],
)
def test_a_blanked_password_keeps_the_stored_login(ledger_of: Write, cells: dict[str, object], expected: str) -> None:
    path = ledger_of({"国标编码": "id-1", **cells})
    result = imported(fleet_of(known(credential="cred-1")), path, credentials=STORED)
    assert result.fleet.cameras["id-1"].credential == expected


def test_a_dry_run_says_what_the_import_would_do_and_leaves_all_as_it_was(ledger_of: Write) -> None:
    fleet = fleet_of(known(1), known(2))
    stored = dict(STORED)
    ledger = read(ledger_of({"国标编码": "id-1", "点位名称": "新名", "用户名": "x", "密码": "Geheim-9"}))
    changes = diff(fleet, ledger, on=TODAY, credentials=stored)
    assert changes == apply(fleet, ledger, on=TODAY, credentials=stored).changes
    assert fleet == fleet_of(known(1), known(2))
    assert stored == STORED
