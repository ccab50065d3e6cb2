"""One camera's life as a page."""

from fractions import Fraction
from typing import Any

from monitor.core.condition import Cause, Condition, Fault
from monitor.core.record import Interval, Transition
from monitor.store.values import Evidence, EvidenceKind
from monitor.web.life import life_view
from monitor.web.source import Life
from probes.observation import Step

DAY = 86_400


def interval(began: int, ended: int, condition: Condition, **said: Any) -> Interval:
    return Interval(began=began, ended=ended, condition=condition, **said)


def kept(at: int, kind: EvidenceKind, jpeg: bytes | None, **said: Any) -> Evidence:
    return Evidence(camera="C", at=at, kind=kind, jpeg=jpeg, **said)


def life(intervals: list[Interval], **said: Any) -> Life:
    return Life(camera="C", began=0, until=10 * DAY, intervals=tuple(intervals), **said)


def test_unknown_time_is_in_no_rate() -> None:
    view = life_view(
        life(
            [
                interval(0, 6 * DAY, Condition.INTACT),
                interval(6 * DAY, 7 * DAY, Condition.OFFLINE, fault=Fault.REFUSED),
                interval(7 * DAY, 8 * DAY, Condition.IMPAIRED, fault=Fault.BLACK),
                interval(8 * DAY, 10 * DAY, Condition.UNKNOWN, cause=Cause.OURS),
            ]
        )
    )
    assert view.rate == Fraction(6, 8)
    assert sum(view.spent.values()) == 10 * DAY
    assert view.spent[Condition.UNKNOWN] == 2 * DAY


def test_a_camera_that_could_never_be_judged_has_no_rate() -> None:
    assert life_view(life([interval(0, DAY, Condition.UNKNOWN)])).rate is None
    assert life_view(life([])).rate is None


def test_then_is_the_last_good_picture_and_latest_a_newer_one() -> None:
    good, bad, bare = EvidenceKind.GOOD, EvidenceKind.FAULT, None
    view = life_view(life([], evidence=(kept(1, good, b"1"), kept(3, bad, b"3"), kept(4, bad, bare))))
    assert (view.then, view.latest) == (view.looks[2].evidence, view.looks[1].evidence)
    assert [look.evidence.at for look in view.looks] == [4, 3, 1]


def test_a_good_picture_that_is_the_newest_is_shown_once() -> None:
    view = life_view(life([], evidence=(kept(3, EvidenceKind.FAULT, b"3"), kept(5, EvidenceKind.GOOD, b"5"))))
    assert view.then is not None
    assert view.then.at == 5
    assert view.latest is None


def test_a_look_takes_as_long_as_its_steps_and_says_what_came() -> None:
    steps = (Step(name="connect", took_ms=1.5), Step(name="describe", took_ms=998.5))
    measures = {"codec": "h265", "width": 3840, "height": 2160}
    (look,) = life_view(life([], evidence=(kept(1, EvidenceKind.GOOD, None, steps=steps, measures=measures),))).looks
    assert (look.took_s, look.of, look.good) == (1.0, "h265 3840 × 2160", True)


def test_intervals_are_newest_first_and_the_rest_is_counted() -> None:
    many = [interval(n, n + 1, Condition.INTACT) for n in range(100)]
    view = life_view(life(many))
    assert view.stretches[0].interval.began == 99
    assert len(view.stretches) + view.hidden_stretches == 100


def test_the_reason_is_the_newest_change() -> None:
    changes = tuple(Transition(camera="C", at=at, condition=Condition.INTACT, decided_at=at) for at in (1, 2))
    assert life_view(life([], transitions=changes)).reason is changes[1]
    assert life_view(life([])).reason is None
