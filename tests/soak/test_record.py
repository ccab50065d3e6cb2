"""The judge of a soak can find guilty."""

import pytest

from monitor.core.condition import Cause, Condition, Fault
from monitor.core.record import Transition
from tests.soak.record import (
    BrokenPromiseError,
    Record,
    cameras_were_only_read,
    no_counter_falls,
    nobody_was_accused,
    nothing_was_rewritten,
    what_was_shown_is_kept,
)

TRUTH = {
    "a": [
        {"from": 0, "condition": "intact"},
        {"from": 100, "condition": "offline"},
        {"from": 200, "condition": "intact"},
    ]
}


def turned(at: int, condition: Condition, fault: Fault | None = None, cause: Cause | None = None) -> Transition:
    return Transition(camera="a", at=at, condition=condition, fault=fault, cause=cause, decided_at=at, looks=(at,))


def dark_from(at: int) -> Record:
    return Record(
        history={
            "a": [
                turned(0, Condition.INTACT),
                turned(at, Condition.OFFLINE, Fault.UNREACHABLE),
                turned(at + 90, Condition.INTACT),
            ]
        }
    )


@pytest.mark.parametrize("at", [92, 100, 150])
def test_an_outage_that_was_one_is_no_accusation(at: int) -> None:
    assert nobody_was_accused(dark_from(at), TRUTH) == 1


@pytest.mark.parametrize("at", [50, 90, 201])
def test_an_outage_that_was_none_is_an_accusation(at: int) -> None:
    with pytest.raises(BrokenPromiseError, match="P6: a is blamed"):
        nobody_was_accused(dark_from(at), TRUTH)


def test_a_clock_that_was_ahead_is_taken_off() -> None:
    assert nobody_was_accused(dark_from(1100), TRUTH, ahead_s=1000) == 1
    with pytest.raises(BrokenPromiseError):
        nobody_was_accused(dark_from(1100), TRUTH)


def test_what_a_page_has_shown_and_the_store_has_not_is_found() -> None:
    shown = {"cameras": {"a": {"since": 100, "condition": "offline", "fault": "unreachable"}}}
    assert what_was_shown_is_kept([shown], dark_from(100)) == 1
    with pytest.raises(BrokenPromiseError, match="P1"):
        what_was_shown_is_kept([shown], dark_from(101))


def test_a_record_that_was_changed_is_found() -> None:
    nothing_was_rewritten(Record(history={"a": dark_from(100).history["a"][:2]}), dark_from(100))
    with pytest.raises(BrokenPromiseError, match="P1"):
        nothing_was_rewritten(dark_from(100), dark_from(101))


def test_a_counter_that_falls_over_a_restart_is_found() -> None:
    no_counter_falls([{"a": {"intact": 5}}, {"a": {"intact": 5}}, {"a": {"intact": 6}}])
    with pytest.raises(BrokenPromiseError, match="intact of a fell from 6 to 5"):
        no_counter_falls([{"a": {"intact": 6}}, {"a": {"intact": 5}}])


def test_two_looks_at_a_time_and_bad_manners_are_found() -> None:
    quiet = {"violations": [], "channel_sessions_peak": 1, "logins": 7}
    assert cameras_were_only_read(quiet) == 7
    for rude in ({"channel_sessions_peak": 2}, {"violations": [[0.0, "a", "PTZ"]]}):
        with pytest.raises(BrokenPromiseError, match="P7"):
            cameras_were_only_read(quiet | rude)


def test_only_time_that_was_lost_by_us_counts_as_ours() -> None:
    record = Record(
        history={
            "a": [
                turned(0, Condition.UNKNOWN, cause=Cause.OURS),
                turned(10, Condition.UNKNOWN, cause=Cause.BUSY),
                turned(20, Condition.INTACT),
                turned(30, Condition.UNKNOWN, cause=Cause.OURS),
            ]
        }
    )
    assert record.unknown_s("a", 5, 40) == 15
