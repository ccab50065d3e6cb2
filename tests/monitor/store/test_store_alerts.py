"""What people are to be told, and what became of it, survives a restart as it was."""

from __future__ import annotations

from dataclasses import replace

from monitor.core.alert import CameraCase, Cases, CauseCase, MonthCase, Own, OwnCase, Told, changes
from monitor.core.condition import Condition, Fault
from monitor.core.delivery import Delivery, DeliveryState, taken
from monitor.core.message import Closed
from monitor.store import Batch, CaseChange, Store

NOW = 1_790_000_000
CAMERA = CameraCase(
    camera="33010200001320000001",
    township="01",
    condition=Condition.OFFLINE,
    fault=Fault.UNREACHABLE,
    began=NOW - 100,
    opened_at=NOW,
    key_point=True,
    ended=NOW + 50,
    closed_at=NOW + 55,
    openings=(NOW - 500, NOW),
    told=Told.ALONE,
    told_flapping_at=NOW - 400,
    why=Closed.INTACT,
)
CASES = Cases.of(
    [
        CAMERA,
        CauseCase(
            id="village:01/东村@1",
            kind="village",
            place="01/东村",
            township="01",
            began=1,
            opened_at=NOW,
            cameras=("a", "b"),
            of=3,
            told_of=2,
        ),
        OwnCase(own=Own.LINK, about="02", began=NOW, opened_at=NOW, told=True),
        MonthCase(month="2026-10", frozen=False, opened_at=NOW),
    ],
    NOW - 9,
)


def write(store: Store, before: Cases, after: Cases, *deliveries: Delivery) -> None:
    changed = tuple(CaseChange(key=key, case=case) for key, case in changes(before, after).items())
    slots = () if after.digested is None else (after.digested,)
    store.write(Batch(cases=changed, digests=slots, deliveries=deliveries)).result(30)


def delivery(number: int) -> Delivery:
    return Delivery(
        alert=f"digest@{number}",
        channel="值班群",
        page=1,
        kind="digest",
        title="【汇总】",
        text="◆ 城关镇",
        dated="2026-11-24T08:30:00+08:00",
        made_at=NOW + number,
        next_at=NOW + number,
    )


def test_cases_are_read_back_as_they_were(store: Store) -> None:
    assert store.alert_cases() == Cases()
    write(store, Cases(), CASES)
    assert store.alert_cases() == CASES
    fewer = replace(CASES, causes={}, cameras={CAMERA.camera: replace(CAMERA, told=None, over=True)}, digested=NOW)
    write(store, CASES, fewer)
    assert store.alert_cases() == fewer


def test_what_becomes_of_a_case_and_a_delivery_within_one_commit_is_what_stays(store: Store) -> None:
    first = delivery(1)
    batch = Batch(
        cases=(CaseChange(key=CAMERA.key, case=CAMERA), CaseChange(key=CAMERA.key, case=None)),
        deliveries=(first, taken(first, NOW + 5)),
    )
    store.write(batch).result(30)
    assert store.alert_cases().cameras == {}
    assert store.deliveries() == (taken(first, NOW + 5),)


def test_deliveries_are_listed_newest_first_and_by_state(store: Store) -> None:
    waiting, sent = delivery(1), taken(delivery(2), NOW + 60)
    write(store, Cases(), Cases(), waiting, sent)
    assert store.deliveries() == (sent, waiting)
    assert store.deliveries(limit=1) == (sent,)
    assert store.deliveries(DeliveryState.WAITING) == (waiting,)
    assert store.deliveries(DeliveryState.FAILED) == ()


def test_old_deliveries_are_forgotten_but_for_those_that_wait(store: Store) -> None:
    waiting, sent, newer = delivery(1), taken(delivery(2), NOW + 60), taken(delivery(9), NOW + 60)
    write(store, Cases(), Cases(), waiting, sent, newer)
    store.forget_deliveries(NOW + 9)
    assert store.deliveries() == (newer, waiting)
