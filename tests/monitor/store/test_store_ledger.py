"""The dated ledger: the fleet of any past moment, who changed it and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import MappingProxyType

import pytest

from monitor.core.fleet import Camera, Contact, Fleet, Township
from monitor.store import FleetChanges, LedgerConflictError, Membership, Store, StoredCredential

NOW = 1_790_000_000
DAY = 86_400
HILL, RIVER = Township(code="t1", name="山前镇"), Township(code="t2", name="泌水镇", planned=200, witness="10.0.0.1:80")
GATE = Camera(
    id="33010200001320000001",
    name="村口",
    township="t1",
    village="李庄",
    host="10.1.0.9",
    rtsp_path="/ch1?main",
    credential="hill",
    maintainer=Contact(name="王工", phone="13800000000"),
    in_service_from=date(2025, 3, 1),
    longitude=113.25,
    extra=MappingProxyType({"杆号": "7"}),
)
YARD = Camera(id="33010200001320000002", name="大院", township="t2", village="河西")
FIRST = FleetChanges(townships=(HILL, RIVER), cameras=(GATE, YARD))


def import_first(store: Store) -> int:
    return store.save_fleet(FIRST, who="zhang", why="ledger.xlsx", at=NOW)


def test_a_fleet_is_read_back_as_it_was_entered(store: Store) -> None:
    import_first(store)
    fleet = store.fleet_at(NOW)
    assert fleet == Fleet.of(FIRST.townships, FIRST.cameras)
    assert fleet.digest == Fleet.of(FIRST.townships, [replace(GATE, extra={"杆号": "7"}), YARD]).digest


def test_before_the_first_import_the_fleet_is_empty(store: Store) -> None:
    import_first(store)
    assert store.fleet_at(NOW - 1) == Fleet.of([], [])


def test_the_fleet_of_a_past_moment_does_not_know_later_changes(store: Store) -> None:
    import_first(store)
    moved = replace(GATE, township="t2")
    store.save_fleet(FleetChanges(cameras=(moved,), removed_cameras=(YARD.id,)), who="li", why="moved", at=NOW + DAY)
    assert dict(store.fleet_at(NOW + DAY - 1).cameras) == {GATE.id: GATE, YARD.id: YARD}
    assert dict(store.fleet_at(NOW + DAY).cameras) == {GATE.id: moved}


def test_every_entry_of_a_camera_tells_who_and_why(store: Store) -> None:
    import_first(store)
    store.save_fleet(FleetChanges(cameras=(replace(GATE, host="10.9.9.9"),)), who="li", why="new address", at=NOW + 60)
    told = [(v.camera.host, v.began, v.ended, v.who, v.why) for v in store.camera_history(GATE.id)]
    assert told == [
        ("10.1.0.9", NOW, NOW + 60, "zhang", "ledger.xlsx"),
        ("10.9.9.9", NOW + 60, None, "li", "new address"),
    ]


def test_the_same_file_again_changes_nothing(store: Store) -> None:
    generation = import_first(store)
    audited = len(store.audit())
    assert store.save_fleet(FIRST, who="zhang", why="again", at=NOW + DAY) == generation
    assert len(store.audit()) == audited
    assert len(store.camera_history(GATE.id)) == 1


def test_another_process_notices_a_new_fleet_by_its_generation(store: Store, url: str) -> None:
    assert store.fleet_generation() == 0
    with Store.open(url, at=NOW) as command:
        generation = import_first(command)
    assert generation == 1
    assert store.fleet_generation() == 1
    assert GATE.id in store.fleet_at(NOW).cameras


def test_a_changed_login_alone_makes_a_new_generation(store: Store) -> None:
    import_first(store)
    login = StoredCredential(id="hill", username="admin", ciphertext=b"\x00\xffsealed")
    changes = FleetChanges(credentials=(login,))
    assert store.save_fleet(changes, who="zhang", why="login", at=NOW + 1) == 2
    assert store.save_fleet(changes, who="zhang", why="login", at=NOW + 2) == 2
    assert store.credentials() == {"hill": login}
    assert "sealed" not in repr(login)


def test_an_entry_corrected_within_its_first_second_leaves_one_version(store: Store) -> None:
    import_first(store)
    corrected = replace(GATE, name="村口东")
    store.save_fleet(FleetChanges(cameras=(corrected,)), who="zhang", why="typo", at=NOW)
    assert [version.camera for version in store.camera_history(GATE.id)] == [corrected]


def test_a_clock_set_back_does_not_rewrite_the_past(store: Store) -> None:
    import_first(store)
    store.save_fleet(FleetChanges(cameras=(replace(GATE, host="10.1.0.8"),)), who="a", why="b", at=NOW + DAY)
    store.save_fleet(
        FleetChanges(cameras=(replace(YARD, host="10.2.0.8"),)), who="a", why="clock is back", at=NOW - DAY
    )
    assert store.fleet_at(NOW + DAY - 1).cameras[YARD.id].host == ""
    assert store.fleet_at(NOW + DAY).cameras[YARD.id].host == "10.2.0.8"


@pytest.mark.parametrize(
    "changes",
    [
        FleetChanges(cameras=(replace(GATE, township="nowhere"),)),
        FleetChanges(removed_townships=("t2",)),
    ],
)
def test_a_camera_without_a_township_is_refused_and_nothing_changes(store: Store, changes: FleetChanges) -> None:
    import_first(store)
    before = store.fleet_at(NOW + DAY)
    with pytest.raises(LedgerConflictError, match="not in the ledger"):
        store.save_fleet(changes, who="zhang", why="wrong", at=NOW + 60)
    assert store.fleet_at(NOW + DAY) == before
    assert store.fleet_generation() == 1


def test_removing_what_is_not_there_changes_nothing(store: Store) -> None:
    import_first(store)
    changes = FleetChanges(removed_townships=("t9",), removed_cameras=("nobody",))
    assert store.save_fleet(changes, who="zhang", why="typo", at=NOW + 60) == 1


def test_a_township_goes_with_its_last_camera(store: Store) -> None:
    import_first(store)
    changes = FleetChanges(removed_townships=("t2",), removed_cameras=(YARD.id,))
    store.save_fleet(changes, who="zhang", why="merged", at=NOW + 60)
    assert set(store.fleet_at(NOW + 60).townships) == {"t1"}


def test_a_camera_moved_in_the_month_belongs_to_each_township_in_turn(store: Store) -> None:
    import_first(store)
    store.save_fleet(FleetChanges(cameras=(replace(GATE, township="t2"),)), who="a", why="moved", at=NOW + DAY)
    store.save_fleet(
        FleetChanges(cameras=(replace(GATE, township="t2", host="x"),)), who="a", why="ip", at=NOW + 2 * DAY
    )
    assert store.memberships(NOW, NOW + 3 * DAY) == (
        Membership(camera=GATE.id, township="t1", began=NOW, ended=NOW + DAY),
        Membership(camera=GATE.id, township="t2", began=NOW + DAY, ended=NOW + 3 * DAY),
        Membership(camera=YARD.id, township="t2", began=NOW, ended=NOW + 3 * DAY),
    )


def test_a_first_entry_reaches_back_before_its_import(store: Store) -> None:
    import_first(store)
    gate = Membership(camera=GATE.id, township="t1", began=NOW - 9 * DAY, ended=NOW - 2 * DAY)
    yard = Membership(camera=YARD.id, township="t2", began=NOW - 9 * DAY, ended=NOW - 2 * DAY)
    assert store.memberships(NOW - 9 * DAY, NOW - 2 * DAY) == (gate, yard)


def test_a_removed_camera_belongs_nowhere_until_it_returns(store: Store) -> None:
    import_first(store)
    store.save_fleet(FleetChanges(removed_cameras=(YARD.id,)), who="a", why="gone", at=NOW + DAY)
    store.save_fleet(FleetChanges(cameras=(YARD,)), who="a", why="back", at=NOW + 3 * DAY)
    pieces = [piece for piece in store.memberships(NOW, NOW + 4 * DAY) if piece.camera == YARD.id]
    assert [(piece.began, piece.ended) for piece in pieces] == [(NOW, NOW + DAY), (NOW + 3 * DAY, NOW + 4 * DAY)]
    assert all(piece.camera != YARD.id for piece in store.memberships(NOW + DAY, NOW + 2 * DAY))


def test_the_audit_counts_what_an_import_did(store: Store) -> None:
    import_first(store)
    (entry,) = store.audit()
    assert (entry.who, entry.action, entry.at) == ("zhang", "save_fleet", NOW)
    assert entry.detail == {
        "why": "ledger.xlsx",
        "townships": {"added": 2},
        "cameras": {"added": 2},
        "credentials": 0,
    }
