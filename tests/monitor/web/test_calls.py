"""Whom to call, and why."""

from dataclasses import replace
from typing import Any

import pytest

from monitor.core.board import Board, CameraLive, Doubt
from monitor.core.condition import Condition, Fault
from monitor.core.contact import numbers_for
from monitor.core.fleet import Camera, Contact, Fleet, Township
from monitor.core.record import Event
from monitor.web.calls import call_list, event_call, event_text, township_text
from monitor.wording import Lang
from tests.monitor.web.boards import NOW, ZONE, bad_board, blind_board, ordinary_board, quiet_board

POWER = Contact(name="石桥供电所", phone="0555-6211110")
LINE = Contact(name="电信政企", phone="0555-6010000")
FIRM = Contact(name="安讯运维", phone="0555-6012345")


def camera(number: int, **changed: Any) -> Camera:
    usual = {"name": f"点位{number}", "township": "01", "village": "柳树村", "host": "127.0.0.9"}
    return Camera(id=f"C{number}", **usual | {"power": POWER, "network": LINE, "maintainer": FIRM} | changed)


def live(number: int, condition: Condition = Condition.OFFLINE, *, ago: int = 600, **changed: Any) -> CameraLive:
    fault = Fault.UNREACHABLE if condition is Condition.OFFLINE else None
    return CameraLive(id=f"C{number}", condition=condition, fault=fault, cause=None, since=NOW - ago, **changed)


def board_of(cameras: list[Camera], states: list[CameraLive], events: tuple[Event, ...] = ()) -> Board:
    fleet = Fleet.of([Township(code="01", name="石桥镇"), Township(code="02", name="清溪镇")], cameras)
    return replace(quiet_board(22), fleet=fleet, cameras={state.id: state for state in states}, events=events)


def event(kind: str, members: int, **changed: Any) -> Event:
    usual: dict[str, Any] = {"place": "01/柳树村", "township": "01", "began": NOW - 8160, "of": members}
    return Event(kind=kind, cameras=tuple(f"C{number}" for number in range(members)), **usual | changed)


@pytest.mark.parametrize(
    ("kind", "role", "contact"),
    [
        ("village", "power", POWER),
        ("link", "network", LINE),
        ("subnet", "network", LINE),
        ("recorder", "maintainer", FIRM),
        ("flood", "maintainer", FIRM),
    ],
)
def test_the_kind_of_an_event_decides_whom_to_call(kind: str, role: str, contact: Contact) -> None:
    board = board_of([camera(n) for n in range(3)], [live(n) for n in range(3)], (event(kind, 3),))
    (number,) = call_list(board).events[0].numbers
    assert (number.role, number.contact) == (role, contact)


def test_without_a_power_number_the_maintainer_is_called() -> None:
    cameras = [camera(n, power=Contact(name="供电所")) for n in range(3)]
    assert [number.role for number in numbers_for("power", cameras)] == ["maintainer"]
    assert numbers_for("power", [camera(0, power=Contact(), maintainer=Contact())]) == ()


def test_the_number_that_most_cameras_name_comes_first() -> None:
    other = Contact(name="别家", phone="0555-1")
    cameras = [camera(0, maintainer=other), camera(1), camera(2)]
    assert [number.contact for number in numbers_for("maintainer", cameras)] == [FIRM, other]


def test_cameras_of_an_event_are_no_single_outages() -> None:
    states = [live(0), live(1), live(2), live(3)]
    calls = call_list(board_of([camera(n) for n in range(4)], states, (event("village", 3),)))
    assert [member.camera.id for member in calls.events[0].members] == ["C0", "C1", "C2"]
    assert [member.camera.id for call in calls.singles for member in call.members] == ["C3"]


def test_an_event_that_has_ended_asks_for_no_call() -> None:
    over = event("village", 3, ended=NOW - 60)
    board = board_of([camera(n) for n in range(3)], [live(n, Condition.INTACT) for n in range(3)], (over,))
    assert call_list(board).calls == 0


def test_events_come_by_size_and_singles_by_township() -> None:
    cameras = [camera(n, township="02" if n in (5, 6) else "01") for n in range(8)]
    small = Event(kind="recorder", place="a", township="01", began=NOW - 9, cameras=("C0",), of=1)
    large = Event(kind="village", place="01/x", township="01", began=NOW - 5, cameras=("C1", "C2", "C3"), of=3)
    calls = call_list(board_of(cameras, [live(n) for n in range(8)], (small, large)))
    assert [call.event.kind for call in calls.events] == ["village", "recorder"]
    assert [(call.township, len(call.members)) for call in calls.singles] == [("石桥镇", 2), ("清溪镇", 2)]


def test_key_points_come_first_then_the_longest_outage() -> None:
    cameras = [camera(0), camera(1), camera(2, key_point=True)]
    states = [live(0, ago=60), live(1, ago=900), live(2, ago=5)]
    (call,) = call_list(board_of(cameras, states)).singles
    assert [member.camera.id for member in call.members] == ["C2", "C1", "C0"]


def test_one_number_is_one_call_however_many_cards_name_it() -> None:
    cameras = [camera(0), camera(1, township="02"), camera(2, township="02", maintainer=Contact())]
    calls = call_list(board_of(cameras, [live(0), live(1), live(2)]))
    assert len(calls.singles) == 2
    assert calls.calls == 1
    mute = [camera(0, maintainer=Contact()), camera(1, township="02", maintainer=Contact())]
    assert call_list(board_of(mute, [live(0), live(1)])).calls == 2


def test_a_suspect_is_listed_but_counted_nowhere() -> None:
    doubt = Doubt(condition=Condition.IMPAIRED, fault=Fault.COVERED, since=NOW - 300, looks=2, needs_person=True)
    calls = call_list(board_of([camera(0)], [live(0, Condition.INTACT, doubt=doubt)]))
    assert [member.camera.id for member in calls.suspects] == ["C0"]
    assert (calls.calls, calls.single_cameras) == (0, 0)


def test_a_camera_on_its_way_back_stays_an_outage_and_is_no_suspect() -> None:
    coming = Doubt(condition=Condition.INTACT, fault=None, since=NOW - 20, looks=1, needs_person=False)
    calls = call_list(board_of([camera(0)], [live(0, doubt=coming)]))
    assert calls.suspects == ()
    assert calls.single_cameras == 1


def test_suspects_that_need_a_person_come_first() -> None:
    def doubted(number: int, *, person: bool, ago: int) -> CameraLive:
        doubt = Doubt(condition=Condition.IMPAIRED, fault=None, since=NOW - ago, looks=1, needs_person=person)
        return live(number, Condition.INTACT, doubt=doubt)

    states = [doubted(0, person=False, ago=900), doubted(1, person=True, ago=60), doubted(2, person=True, ago=90)]
    calls = call_list(board_of([camera(n) for n in range(3)], states))
    assert [member.camera.id for member in calls.suspects] == ["C2", "C1", "C0"]


def test_unknown_cameras_are_nobodys_call() -> None:
    assert call_list(blind_board(220)).calls == 0


def test_a_camera_that_left_the_ledger_is_nobodys_call() -> None:
    calls = call_list(board_of([camera(0)], [live(0), live(1)], (event("village", 2, of=2),)))
    assert [member.camera.id for member in calls.events[0].members] == ["C0"]
    assert calls.singles == ()


def test_every_camera_that_is_out_is_on_exactly_one_card() -> None:
    board = bad_board(4000)
    calls = call_list(board)
    cards = [call.members for call in calls.events] + [call.members for call in calls.singles]
    listed = [member.camera.id for members in cards for member in members]
    out = [id_ for id_, state in board.cameras.items() if state.condition in (Condition.OFFLINE, Condition.IMPAIRED)]
    assert sorted(listed) == sorted(out)
    assert len(out) == 600


def test_an_event_is_found_by_its_id() -> None:
    board = ordinary_board()
    wanted = board.events[0]
    found = event_call(board, wanted.id)
    assert found is not None
    assert found.event is wanted
    assert event_call(board, "village:nowhere@0") is None


def test_the_recorders_name_stands_for_its_address() -> None:
    board = board_of(
        [camera(0, recorder="石桥所一号录像机")], [live(0)], (event("recorder", 1, place="127.0.0.9:554"),)
    )
    assert call_list(board).events[0].place == "石桥所一号录像机"


def test_the_text_of_an_event_can_be_pasted_as_it_stands() -> None:
    board = board_of([camera(n) for n in range(12)], [live(n) for n in range(12)], (event("village", 12, of=12),))
    (call,) = call_list(board).events
    assert event_text(call, now=NOW, zone=ZONE, lang=Lang.ZH, names=3) == (
        "【视频巡查】石桥镇 柳树村 疑似断电：自 06:14 起，12 台摄像机中 12 台不可用，已持续 2 小时 16 分。"
        "涉及点位：点位0、点位1、点位2 等 12 台。联系供电：石桥供电所 0555-6211110。"
    )
    assert event_text(call, now=NOW, zone=ZONE, lang=Lang.EN, names=12).startswith(
        "[Camera watch] 石桥镇 柳树村: power cut suspected. Since 06:14, 12 of 12 cameras are out, for 2 h 16 min now."
    )


def test_the_text_of_a_township_has_a_line_for_each_camera() -> None:
    states = [live(n, ago=3600 + n) for n in range(4)]
    (call,) = call_list(board_of([camera(n) for n in range(4)], states)).singles
    lines = township_text(call, now=NOW, zone=ZONE, lang=Lang.ZH, names=3).splitlines()
    assert lines[0] == "【视频巡查】石桥镇有 4 台摄像机单独故障，请尽快核实修复。联系维护：安讯运维 0555-6012345。"
    assert lines[1] == "1. 点位3（柳树村）：离线，网络不通，自 07:30 起，已 1 小时"
    assert lines[4] == "另有 1 台，见乡镇清单。"


def test_a_text_without_any_number_says_so() -> None:
    (call,) = call_list(board_of([camera(0, maintainer=Contact())], [live(0)])).singles
    assert "台账中没有联系电话。" in township_text(call, now=NOW, zone=ZONE, lang=Lang.ZH)
