"""The record against an oracle that paints every second by hand, over random looks, restarts, gaps and silences.

The oracle keeps no state between looks: at each look it reads all looks since the last break again and asks the
rules of DOMAIN in the order in which they are written there.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.availability import (
    Overlay,
    Piece,
    add_seconds,
    intervals,
    outages,
    state_seconds,
    tally,
)
from monitor.core.board import StateSeconds
from monitor.core.condition import Cause, Condition, Fault
from monitor.core.outage import CameraState, Rules, advance, bridge, decide, expire, resume, settled, unseen
from monitor.core.record import Gap, Transition
from monitor.core.verdict import Look
from probes.observation import Depth

patient = settings(deadline=None)  # the machine may be busy with other things
RULES = Rules()
INTACT, IMPAIRED, OFFLINE, UNKNOWN = Condition.INTACT, Condition.IMPAIRED, Condition.OFFLINE, Condition.UNKNOWN
INTERVAL = 60

KINDS: dict[str, tuple[Depth, Condition, Fault | None]] = {
    "light": (Depth.LIGHT, INTACT, None),
    "describe": (Depth.DESCRIBE, INTACT, None),
    "media": (Depth.MEDIA, INTACT, None),
    "clean": (Depth.PICTURE, INTACT, None),
    "dead": (Depth.LIGHT, OFFLINE, Fault.UNREACHABLE),
    "refused": (Depth.LIGHT, OFFLINE, Fault.REFUSED),
    "silent": (Depth.DESCRIBE, OFFLINE, Fault.UNREACHABLE),
    "404": (Depth.DESCRIBE, IMPAIRED, Fault.NO_STREAM),
    "nortp": (Depth.MEDIA, IMPAIRED, Fault.NO_STREAM),
    "busy": (Depth.DESCRIBE, UNKNOWN, None),
}
PICTURES_AND_LOGINS: dict[str, tuple[Depth, Condition, Fault | None]] = {
    "black": (Depth.PICTURE, IMPAIRED, Fault.BLACK),
    "covered": (Depth.PICTURE, IMPAIRED, Fault.COVERED),
    "401": (Depth.DESCRIBE, IMPAIRED, Fault.UNAUTHORIZED),
}


def look(at: int, kind: str) -> Look:
    depth, condition, fault = (KINDS | PICTURES_AND_LOGINS)[kind]
    return Look(
        camera="c",
        at=at,
        depth=depth,
        condition=condition,
        fault=fault,
        cause=Cause.BUSY if condition is UNKNOWN else None,
        grave=(fault,) if fault in (Fault.BLACK, Fault.COVERED) else (),
    )


@dataclass(frozen=True)
class Act:
    """``after`` seconds later: a look, a restart, the end of a gap, or a look by a clock set back.

    ``back`` says how many seconds earlier coverage ended, the gap began, or the clock stands.
    """

    after: int
    what: str
    back: int = 0


def acts(kinds: list[str]) -> st.SearchStrategy[list[Act]]:
    pause = st.one_of(st.integers(0, 5), st.integers(10, 45), st.integers(50, 400))
    looks = st.builds(Act, after=pause, what=st.sampled_from(kinds))
    bursts = st.builds(
        lambda kind, first, second, third: [Act(first, kind), Act(second, kind), Act(third, kind)],
        st.sampled_from([kind for kind in kinds if kind != "busy"]),
        pause,
        st.integers(15, 45),
        st.integers(35, 70),
    )
    breaks = st.builds(Act, after=pause, what=st.sampled_from(["restart", "gap", "step_back"]), back=st.integers(0, 90))
    part = st.one_of(looks.map(lambda act: [act]), bursts, breaks.map(lambda act: [act]))
    return st.lists(part, max_size=25).map(lambda parts: [act for part in parts for act in part])


@dataclass
class Life:
    """The rules at work, with everything a caller keeps: the record, the gaps, and what was settled when."""

    state: CameraState = field(default_factory=lambda: unseen("c", 0))
    record: list[Transition] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    now: int = 0
    settled_at: list[int] = field(default_factory=list)

    def take(self, step: tuple[CameraState, tuple[Transition, ...]]) -> None:
        self.state, transitions = step
        self.record += transitions

    def act(self, act: Act) -> None:
        self.now += act.after
        self.take(expire(self.state, self.now, INTERVAL, RULES))
        began = max(self.now - act.back, self.state.seen_at)
        match act.what:
            case "restart":
                self.take(resume("c", self.record, began, self.now, RULES, self.gaps))
            case "gap" if began < self.now:
                gap = Gap(began=began, ended=self.now, cause=Cause.OURS, reason="canary")
                self.gaps.append(gap)
                self.take(bridge(self.state, gap))
            case "gap":
                pass
            case "step_back":
                self.take(advance(self.state, look(self.state.seen_at - act.back - 1, "dead"), RULES))
            case "accept" | "refute":
                self.take(decide(self.state, act.what == "accept", self.now, RULES))
            case kind:
                self.take(advance(self.state, look(self.now, kind), RULES))
        self.settled_at.append(settled(self.state))


Verdict = tuple[Condition, Fault | None]


class Oracle:
    """Second by second, from the list of all looks since the last break."""

    def __init__(self) -> None:
        self.now = 0
        self.seen = 0
        self.painted: list[Condition] = []
        self.hidden: set[int] = set()
        self.verdict: Verdict | None = None
        self.shown = Depth.DESCRIBE
        self.written = UNKNOWN
        self.decided = 0
        self.conclusive = 0
        self.looks: list[Look] = []
        self.deep_ones: list[int] = []
        """those of ``looks``, by index, that were good and deep enough when they were made"""

    def act(self, act: Act) -> None:
        self.now += act.after
        self.painted += [self.written] * (self.now - len(self.painted))
        if self.written is not UNKNOWN and self.now - self.conclusive >= 3 * INTERVAL:
            self.paint(self.conclusive, UNKNOWN)
            self.forget()
        began = max(self.now - act.back, self.seen)
        if act.what == "restart":
            self.restart(began)
        elif act.what == "gap" and began < self.now:
            self.gap(began)
        elif act.what in KINDS:
            self.look(look(self.now, act.what))

    def paint(self, at: int, condition: Condition) -> None:
        self.painted[at:] = [condition] * (len(self.painted) - at)
        self.written, self.decided = condition, self.now

    def judge(self, at: int, verdict: Verdict, shown: Depth) -> None:
        self.verdict, self.shown = verdict, shown
        self.conclusive = self.now
        self.paint(at, verdict[0])

    def forget(self) -> None:
        self.looks, self.deep_ones = [], []

    def restart(self, covered: int) -> None:
        self.paint(covered, UNKNOWN)
        self.seen = self.conclusive = covered
        if self.verdict:
            self.shown = Depth.MEDIA if self.verdict[1] is Fault.NO_STREAM else Depth.LIGHT
        self.forget()

    def gap(self, began: int) -> None:
        self.hidden.update(range(began, self.now))
        self.seen = self.conclusive = self.now
        self.forget()
        if self.written in (IMPAIRED, OFFLINE) and began <= self.decided <= self.now:
            self.paint(self.now, UNKNOWN)
            self.verdict = None

    def against(self) -> list[Look]:
        """Failing looks that speak against the verdict and that nothing has refuted since."""
        return [
            earlier
            for index, earlier in enumerate(self.looks)
            if earlier.condition in (IMPAIRED, OFFLINE)
            and (earlier.condition, earlier.fault) != self.verdict
            and not any(self.refutes(later, earlier) for later in self.looks[index + 1 :])
        ]

    def refutes(self, later: Look, earlier: Look) -> bool:
        if later.condition is INTACT:
            return later.depth >= earlier.depth
        if later.condition is UNKNOWN:
            return False
        if (later.condition, later.fault) == self.verdict:
            return True
        return self.verdict is not None and self.verdict[0] is OFFLINE and later.condition is not earlier.condition

    def look(self, new: Look) -> None:
        self.seen = self.now
        self.looks.append(new)
        if new.condition is UNKNOWN:
            return
        if new.condition is INTACT:
            self.good(new)
        else:
            self.bad(new)

    def good(self, new: Look) -> None:
        clear = not self.against()
        if self.verdict is None:
            self.conclusive = self.now
            if clear and new.depth is Depth.PICTURE:
                self.judge(self.now, (INTACT, None), new.depth)
            return
        if self.verdict[0] is INTACT:
            self.agrees(clear)
        elif clear and new.depth >= max(Depth.DESCRIBE, self.shown):
            self.conclusive = self.now
            self.deep_ones.append(self.now)
            if len(self.deep_ones) >= 2 and self.now - self.deep_ones[0] >= 3:
                self.judge(self.deep_ones[0], (INTACT, None), new.depth)
                self.forget()
        elif self.verdict[0] is IMPAIRED or new.depth < self.shown:
            self.agrees(clear)

    def bad(self, new: Look) -> None:
        self.conclusive = self.now
        self.deep_ones = []
        if self.verdict and self.verdict[0] is new.condition:
            self.shown = new.depth
            self.agrees(clear=True)
        while (against := self.against()) and len(against) >= 3 and against[-1].at - against[0].at >= 80:
            impaired = [failing for failing in against if failing.condition is IMPAIRED]
            worst = (impaired or against)[-1]
            self.judge(against[0].at, (worst.condition, worst.fault), worst.depth)

    def agrees(self, clear: bool) -> None:
        self.conclusive = self.now
        if clear and not self.deep_ones and self.verdict and self.written is not self.verdict[0]:
            self.paint(self.now, self.verdict[0])


def by_second(life: Life) -> list[Condition]:
    found: list[Condition] = []
    for interval in intervals(life.record, Overlay(life.gaps, until=life.now), 0, life.now):
        assert interval.began == len(found), "intervals leave no hole"
        found += [interval.condition] * (interval.ended - interval.began)
    return found


@patient
@given(acts(list(KINDS)))
def test_the_record_is_what_the_oracle_paints(history: list[Act]) -> None:
    life, oracle = Life(), Oracle()
    for act in history:
        life.act(act)
        oracle.act(act)
    expected = [UNKNOWN if second in oracle.hidden else said for second, said in enumerate(oracle.painted)]
    assert by_second(life) == expected


ANYTHING = [*KINDS, *PICTURES_AND_LOGINS, "accept", "refute"]


@patient
@given(acts(ANYTHING), st.booleans())
def test_what_is_settled_is_never_taken_back(history: list[Act], hours: bool) -> None:
    life = Life()
    read: list[Condition] = []
    for act in history:
        # Hours instead of minutes, so that pictures and refusals are far enough apart to be believed.
        life.act(replace(act, after=act.after * 30) if hours else act)
        upto = life.settled_at[-1]
        assert upto >= len(read)
        now = by_second(life)[:upto]
        assert now[: len(read)] == read or life.gaps, "only a gap may hide what was read before"
        read = now


@patient
@given(acts(ANYTHING))
def test_transitions_are_dated_in_order_and_never_before_what_was_settled(history: list[Act]) -> None:
    life = Life()
    reached = 0
    for act in history:
        known = len(life.record)
        life.act(act)
        assert all(transition.at >= reached for transition in life.record[known:])
        assert all(transition.at <= transition.decided_at for transition in life.record)
        reached = life.settled_at[-1]
        assert reached <= life.now
    assert all(first.at <= second.at for first, second in pairwise(life.record))
    if life.record:
        assert life.record[-1].condition is life.state.condition


@patient
@given(acts(ANYTHING))
def test_counters_of_settled_seconds_never_fall_and_add_up(history: list[Act]) -> None:
    life = Life()
    total, counted = StateSeconds(), 0
    for act in history:
        if act.what == "gap":
            continue  # a gap is dated back; ``blindness.watched_until`` keeps counters short of it
        life.act(act)
        upto = life.settled_at[-1]
        more = state_seconds(life.record, Overlay(), counted, upto)
        assert min(more.intact, more.impaired, more.offline, more.unknown) >= 0
        total, counted = add_seconds(total, more), upto
    assert total == state_seconds(life.record, Overlay(), 0, counted)
    assert total.intact + total.impaired + total.offline + total.unknown == counted


@patient
@given(acts(ANYTHING), st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 500)), max_size=4))
def test_a_tally_counts_what_the_seconds_say(history: list[Act], exemptions: list[tuple[int, int]]) -> None:
    life = Life()
    for act in history:
        life.act(act)
    if not life.now:
        return
    exempt = [(began, began + length) for began, length in exemptions]
    seconds = ["exempt" if any(a <= at < b for a, b in exempt) else said for at, said in enumerate(by_second(life))]
    row = tally([Piece(camera="c", township="01", began=0, ended=life.now)], life.record, Overlay(life.gaps), exempt)
    assert (row.intact, row.impaired, row.offline, row.unknown, row.exempt) == tuple(
        seconds.count(word) for word in ("intact", "impaired", "offline", "unknown", "exempt")
    )
    assert row.service == life.now
    assert row.outages == 0 or row.impaired + row.offline > 0


@patient
@given(acts(ANYTHING))
def test_outages_cover_just_the_failing_seconds_that_no_gap_hides(history: list[Act]) -> None:
    life = Life()
    for act in history:
        life.act(act)
    covered: set[int] = set()
    overlay = Overlay(life.gaps)
    for outage in outages(life.record, overlay):
        span = range(outage.began, life.now if outage.ended is None else outage.ended)
        assert not covered.intersection(span)
        covered.update(span)
    seconds = by_second(life)
    assert {at for at, said in enumerate(seconds) if said in (IMPAIRED, OFFLINE)} <= covered
    assert all(seconds[at] is not INTACT for at in covered)
