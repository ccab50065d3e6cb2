"""Evidence is deleted when its time is over, but never what the present record rests on."""

from __future__ import annotations

from pathlib import Path

from monitor.core.condition import Condition, Fault
from monitor.core.record import Transition
from monitor.store import Batch, Evidence, EvidenceKind, Store, TransitionRecord

DAY = 86400
NOW = 1_790_000_000


def seen(camera: str, at: int, kind: EvidenceKind = EvidenceKind.FAULT) -> Evidence:
    return Evidence(camera=camera, at=at, kind=kind, outcome="bad_picture", jpeg=b"picture at %d" % at)


def changed(camera: str, at: int, condition: Condition) -> TransitionRecord:
    fault = None if condition is Condition.INTACT else Fault.BLACK
    transition = Transition(camera=camera, at=at, condition=condition, fault=fault, decided_at=at)
    return TransitionRecord(transition=transition, evidence_at=at)


def pictures(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.jpg"))


def test_old_evidence_goes_with_its_picture_and_newer_evidence_stays(store: Store, path: Path) -> None:
    store.write(Batch(evidence=(seen("a", NOW - 91 * DAY), seen("a", NOW - 89 * DAY)))).result()
    assert store.forget_evidence(NOW - 90 * DAY) == 1
    assert [each.at for each in store.evidence("a")] == [NOW - 89 * DAY]
    assert pictures(path.parent / "evidence") == [f"{NOW - 89 * DAY}-fault.jpg"]


def test_what_an_outage_that_still_lasts_rests_on_is_kept_however_old(store: Store) -> None:
    old = NOW - 200 * DAY
    store.write(Batch(transitions=(changed("a", old, Condition.IMPAIRED),), evidence=(seen("a", old),))).result()
    assert store.forget_evidence(NOW) == 0
    store.write(Batch(transitions=(changed("a", NOW, Condition.INTACT),))).result()
    assert store.forget_evidence(NOW) == 1
    assert store.evidence("a") == ()


def test_the_last_good_picture_is_kept_however_old(store: Store) -> None:
    store.write(Batch(evidence=(seen("a", NOW - 400 * DAY, EvidenceKind.GOOD),))).result()
    assert store.forget_evidence(NOW) == 0
    assert [each.kind for each in store.evidence("a")] == [EvidenceKind.GOOD]
