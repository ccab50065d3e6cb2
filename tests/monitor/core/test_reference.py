"""What a person decides on references holds, whatever a look under way brings back."""

from __future__ import annotations

import pytest

from monitor.core.reference import ReferenceOrder, carried_out, order_of, references_of, taken_over
from monitor.core.rule import RuleError, UnknownError
from probes.observation import Light, PictureMemory, Reference

DAY, NIGHT = Reference(at=100.0, thumb=b"day"), Reference(at=200.0, thumb=b"night")
MEMORY = PictureMemory(at=200.0, hash=b"h", thumb=b"t", day=DAY, night=NIGHT)


def seen(*, day: Reference | None = None, night: Reference | None = None) -> PictureMemory:
    return PictureMemory(at=300.0, hash=b"new", thumb=b"new", day=day, night=night)


def test_a_reference_is_approved_in_somebodys_name() -> None:
    after = carried_out(ReferenceOrder(by="王芳", approve=Light.DAY), MEMORY)
    assert after is not None
    assert after.day == Reference(at=100.0, thumb=b"day", approved_by="王芳")
    assert after.night == NIGHT


@pytest.mark.parametrize("memory", [None, PictureMemory(at=1.0, hash=b"", thumb=b"", day=DAY)])
def test_what_was_never_learned_cannot_be_approved(memory: PictureMemory | None) -> None:
    with pytest.raises(UnknownError, match="no such reference has been learned"):
        carried_out(ReferenceOrder(by="王芳", approve=Light.NIGHT), memory)


def test_references_are_let_go_of_one_by_one_or_both() -> None:
    assert references_of(carried_out(order_of(approve="", reset="day", by="王芳"), MEMORY)) == {Light.NIGHT: NIGHT}
    assert references_of(carried_out(order_of(approve="", reset="both", by="王芳"), MEMORY)) == {}
    assert carried_out(order_of(approve="", reset="both", by="王芳"), None) is None
    anew = carried_out(order_of(approve="night", reset="day", by="王芳"), MEMORY)
    assert {light: each.approved_by for light, each in references_of(anew).items()} == {Light.NIGHT: "王芳"}


@pytest.mark.parametrize(
    ("approve", "reset", "by", "complaint"),
    [
        ("noon", "", "王芳", "choose day or night"),
        ("", "all", "王芳", "choose day or night"),
        ("day", "both", "王芳", "approved and reset at once"),
        ("day", "", "  ", "say who"),
        ("", "night", "", "say who"),
    ],
)
def test_an_order_that_says_nothing_clear_is_refused(approve: str, reset: str, by: str, complaint: str) -> None:
    with pytest.raises((RuleError, UnknownError), match=complaint):
        order_of(approve=approve, reset=reset, by=by)


def test_to_look_changes_nothing_and_needs_no_name() -> None:
    order = order_of(approve="", reset="", by="")
    assert not order.changes
    assert carried_out(order, MEMORY) == MEMORY


def test_a_look_brings_what_it_has_learned() -> None:
    learned = seen(day=Reference(at=300.0, thumb=b"newer"), night=NIGHT)
    assert taken_over(MEMORY, learned, 0.0) == learned
    assert taken_over(None, learned, 0.0) == learned


def test_an_approval_given_during_a_look_holds() -> None:
    approved = MEMORY.with_reference(Light.DAY, Reference(at=100.0, thumb=b"day", approved_by="王芳"))
    after = taken_over(approved, seen(day=Reference(at=300.0, thumb=b"newer"), night=NIGHT), 0.0)
    assert after.day == approved.day
    assert after.hash == b"new"


def test_what_was_let_go_of_during_a_look_does_not_come_back_and_is_learned_anew() -> None:
    reset = MEMORY.with_reference(Light.DAY, None)
    held = Reference(at=100.0, thumb=b"day", approved_by="王芳")
    assert taken_over(reset, seen(day=DAY, night=NIGHT), 250.0).day is None
    assert taken_over(reset, seen(day=held, night=NIGHT), 250.0).day is None
    newer = Reference(at=260.0, thumb=b"newer")
    assert taken_over(reset, seen(day=newer), 250.0).day == newer
