"""Cameras that failed together are one event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from time import process_time

import pytest

from monitor.core.condition import Fault
from monitor.core.event import CommonCause, common_causes, subnet
from monitor.core.fleet import Camera, Fleet, Registration, Township
from monitor.core.record import Event

RULES = CommonCause()
TOWNSHIPS = [Township(code="01", name="甲"), Township(code="02", name="乙")]


def camera(number: int, host: str, *, village: str = "V", township: str = "01", path: str = "") -> Camera:
    return Camera(id=f"c{number:02d}", name="点", township=township, village=village, host=host, rtsp_path=path)


def fleet_of(cameras: Iterable[Camera]) -> Fleet:
    return Fleet.of(TOWNSHIPS, cameras)


def failing(numbers: Iterable[int], since: int = 100) -> dict[str, tuple[int, Fault | None]]:
    return {f"c{number:02d}": (since, Fault.UNREACHABLE) for number in numbers}


def told(events: Iterable[Event]) -> list[str]:
    return [f"{e.kind} {e.place} {len(e.cameras)}/{e.of} {e.began}-{e.ended or ''}" for e in events]


def found(
    fleet: Fleet, failures: Mapping[str, tuple[int, Fault | None]], previous: Iterable[Event] = (), now: int = 1000
) -> list[str]:
    return told(common_causes(fleet, failures, RULES, previous, now=now))


# Township 01: village A with a recorder of 4 (c00 to c03) and 4 single cameras in another subnet (c04 to c07),
# village B with 8 cameras in subnets of their own (c08 to c15). Township 02: 30 cameras somewhere else.
FLEET = fleet_of(
    [
        *(camera(number, "10.1.0.9", village="A", path=f"/{number}") for number in range(4)),
        *(camera(number, f"10.1.1.{number}", village="A") for number in range(4, 8)),
        *(camera(number, f"10.1.{number}.1", village="B") for number in range(8, 16)),
        *(camera(number, f"10.{number}.0.1", village=f"W{number}", township="02") for number in range(20, 50)),
    ]
)

CASES = [
    ("nobody", failing([]), []),
    ("two are no event", failing([0, 1]), []),
    ("three of four behind a recorder", failing([0, 1, 2]), ["recorder 10.1.0.9:554 3/4 100-"]),
    ("half is not more than half", failing([8, 9, 10, 11]), []),
    ("five of eight of a village", failing(range(8, 13)), ["village 01/B 5/8 100-"]),
    ("a recorder and one more: the recorder", failing([0, 1, 2, 3]), ["recorder 10.1.0.9:554 4/4 100-"]),
    ("a whole village, recorder included", failing(range(8)), ["village 01/A 8/8 100-"]),
    ("a village that is also a subnet's share", failing([4, 5, 6]), ["subnet 10.1.1.0/24 3/4 100-"]),
    ("both villages: the link", failing(range(16)), ["link 01 16/16 100-"]),
    ("one village and half of the other: the link", failing(range(12)), ["link 01 12/16 100-"]),
    (
        "two recorders' worth apart in time",
        failing(range(4)) | failing(range(8, 13), 5000),
        ["recorder 10.1.0.9:554 4/4 100-", "village 01/B 5/8 5000-"],
    ),
    ("within five minutes", failing([0, 1], 100) | failing([2], 400), ["recorder 10.1.0.9:554 3/4 100-"]),
    ("not within five minutes", failing([0, 1], 100) | failing([2], 401), []),
    (
        "long dead ones are not of the event",
        failing([0, 1, 2], 9000) | failing([3], 10),
        ["recorder 10.1.0.9:554 3/4 9000-"],
    ),
    ("image faults have no common cause", {f"c{n:02d}": (100, Fault.BLACK) for n in range(8)}, []),
    (
        "a recorder without streams",
        {f"c{n:02d}": (100, Fault.NO_STREAM) for n in range(4)},
        ["recorder 10.1.0.9:554 4/4 100-"],
    ),
    ("cameras no longer in the fleet", failing([90, 91, 92]), []),
]


@pytest.mark.parametrize(("failures", "expected"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_failures_together_are_told_by_the_group_that_explains_them(
    failures: dict[str, tuple[int, Fault | None]], expected: list[str]
) -> None:
    assert found(FLEET, failures) == expected


def test_no_camera_is_in_two_events() -> None:
    events = common_causes(FLEET, failing([*range(8), *range(20, 40)]), RULES, now=1000)
    members = [member for event in events for member in event.cameras]
    assert len(members) == len(set(members))
    assert told(events) == ["link 02 20/30 100-", "village 01/A 8/8 100-"]


def test_a_village_that_is_one_subnet_is_told_as_the_village() -> None:
    fleet = fleet_of(camera(number, f"10.9.0.{number}", village="A") for number in range(5))
    more = fleet_of(
        [*fleet.cameras.values(), *(camera(number, f"10.8.{number}.1", village="B") for number in range(9, 20))]
    )
    assert found(more, failing(range(5))) == ["village 01/A 5/5 100-"]


def test_retired_cameras_are_no_members() -> None:
    channels = [camera(number, "10.1.0.9") for number in range(6)]
    retired = [
        Camera(
            id=f"c{number:02d}", name="", township="01", village="", host="10.1.0.9", registration=Registration.RETIRED
        )
        for number in range(6, 20)
    ]
    assert found(fleet_of([*channels, *retired]), failing(range(4))) == ["recorder 10.1.0.9:554 4/6 100-"]


def test_an_event_keeps_its_beginning_and_its_members_while_it_goes_on() -> None:
    first = common_causes(FLEET, failing(range(8, 14)), RULES, now=1000)
    again = common_causes(FLEET, failing(range(9, 15), 101) | failing([8], 90), RULES, first, now=1300)
    assert [event.id for event in again] == [event.id for event in first]
    assert again[0].cameras == tuple(f"c{number:02d}" for number in range(8, 15))


def test_an_event_ends_when_enough_of_it_is_back() -> None:
    first = common_causes(FLEET, failing(range(8, 14)), RULES, now=1000)
    assert found(FLEET, failing(range(8, 12)), first, now=1500) == ["village 01/B 6/8 100-1500"]
    assert found(FLEET, failing([]), first, now=1500) == ["village 01/B 6/8 100-1500"]


def test_an_ended_event_is_not_told_again() -> None:
    first = common_causes(FLEET, failing(range(8, 14)), RULES, now=1000)
    ended = common_causes(FLEET, failing([]), RULES, first, now=1500)
    assert found(FLEET, failing([]), ended, now=1600) == []


def test_the_same_group_failing_anew_is_a_new_event() -> None:
    first = common_causes(FLEET, failing(range(8, 13)), RULES, now=1000)
    ended = common_causes(FLEET, failing([]), RULES, first, now=1500)
    assert found(FLEET, failing(range(8, 13), 1550), ended, now=1600) == ["village 01/B 5/8 1550-"]


def test_a_recorder_taken_up_by_its_village_is_told_no_more() -> None:
    first = common_causes(FLEET, failing(range(4)), RULES, now=1000)
    assert found(FLEET, failing(range(8), 120) | failing(range(4)), first) == ["village 01/A 8/8 100-"]


def test_what_is_left_of_a_village_is_a_recorder_and_a_new_call() -> None:
    first = common_causes(FLEET, failing(range(8)), RULES, now=1000)
    left = found(FLEET, failing(range(4)), first, now=2000)
    assert left == ["recorder 10.1.0.9:554 4/4 100-", "village 01/A 8/8 100-2000"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.168.7.200", "192.168.7.0/24"),
        ("2001:db8:0:a::9", "2001:db8:0:a::/64"),
        ("fe80::1", "fe80:0:0:0::/64"),
        ("nvr.village.lan", ""),
        ("1.2.3", ""),
        ("not:an:address", ""),
        ("", ""),
    ],
)
def test_a_subnet_is_a_24_or_a_64(host: str, expected: str) -> None:
    assert subnet(host) == expected


def test_a_county_that_all_fails_is_sorted_out_at_once() -> None:
    fleet = Fleet.of(
        [Township(code=f"{number:02d}", name="") for number in range(22)],
        [
            Camera(
                id=f"{number:04d}",
                name="",
                township=f"{number % 22:02d}",
                village=str(number // 22 % 16),
                host=f"10.{number % 22}.{number // 22 // 16}.{number // 220}",
            )
            for number in range(4000)
        ],
    )
    failures: dict[str, tuple[int, Fault | None]] = {
        camera_id: (int(camera_id) % 200, Fault.UNREACHABLE) for camera_id in fleet.cameras
    }
    began = process_time()
    events = common_causes(fleet, failures, RULES, now=1000)
    assert process_time() - began < 0.25, "measured 0.023 s"
    assert {event.kind for event in events} == {"link"}
    assert len(events) == 22
