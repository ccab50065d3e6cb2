"""What people are told, what waits, and why: one message per common cause, and nothing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.alert import Cases, Own, changes, hear, own_trouble
from monitor.core.alert_plan import (
    CauseAlert,
    Digest,
    Kind,
    Loud,
    MonthAlert,
    OutageAlert,
    OwnAlert,
    Plan,
    Policy,
    Scene,
    Wait,
    plan,
)
from monitor.core.condition import Cause, Condition, Fault
from monitor.core.fleet import Camera, Fleet, Registration, Township
from monitor.core.message import Closed, Message, MessageKind, Ongoing, closing, gap_message, outage_message
from monitor.core.record import Gap, Transition

ZONE = ZoneInfo("Asia/Shanghai")
POLICY = Policy(zone=ZONE)
NOBODY: frozenset[str] = frozenset()


def at(text: str, day: int = 24) -> int:
    """A time of 2026-11-``day`` at the site."""
    hour, minute = map(int, text.split(":"))
    return int(datetime(2026, 11, day, hour, minute, tzinfo=ZONE).timestamp())


def camera(number: int, *, key_point: bool = False) -> Camera:
    return Camera(
        id=f"C{number:04d}", name=f"点位{number}", township="01", village="东村", host="10.1.1.1", key_point=key_point
    )


def fleet(cameras: Iterable[Camera]) -> Fleet:
    return Fleet.of([Township(code="01", name="城关镇"), Township(code="02", name="泌水镇")], cameras)


ORDINARY, KEY = camera(1), camera(2, key_point=True)
FLEET = fleet([ORDINARY, KEY, *(camera(number) for number in range(10, 300))])


def opened(its: Camera, began: int, *, decided: int | None = None) -> Message:
    transition = Transition(
        camera=its.id,
        at=began,
        condition=Condition.OFFLINE,
        fault=Fault.UNREACHABLE,
        decided_at=began + 80 if decided is None else decided,
    )
    message = outage_message(its, None, transition, {})
    assert message is not None
    return message


def closed(its: Camera, ended: int, why: Closed = Closed.INTACT) -> Message:
    ongoing = Ongoing(began=0, since=0, condition=Condition.OFFLINE, fault=None, decided_at=0)
    return closing(its, ongoing, at=ended + 5, ended=ended, why=why)


def cause(
    kind: MessageKind, cameras: Iterable[Camera], began: int, told_at: int, place: str = "01/东村", **more: object
) -> Message:
    body: dict[str, object] = {
        "id": f"village:{place}@{began}",
        "kind": "village",
        "place": place,
        "township": "01",
        "began": began,
        "cameras": sorted(each.id for each in cameras),
        "of": 10,
    }
    return Message(kind=kind, at=told_at, township="01", body=body | more)


def link(kind: MessageKind, cameras: Iterable[Camera], began: int, told_at: int, **more: object) -> Message:
    message = cause(kind, cameras, began, told_at)
    return replace(message, body={**message.body, "id": "link:01@1", "kind": "link", "place": "01", **more})


def scene(now: int, exempt: frozenset[str] = NOBODY, of: Fleet = FLEET) -> Scene:
    return Scene(fleet=of, exempt=exempt, now=now)


def after(now: int, *messages: Message, cases: Cases | None = None, policy: Policy = POLICY) -> Plan:
    return plan(hear(cases or BEGUN, messages), scene(now), policy)


BEGUN = Cases(digested=at("08:30"))
"""The cases of a monitor that has been running: the morning's digest is done with."""
NOON = at("12:00")


def test_a_key_point_is_told_once_a_common_cause_would_have_shown() -> None:
    message = opened(KEY, NOON)
    early = after(message.at + 59, message)
    assert (early.alerts, early.waits) == ((), {"camera:C0002": Wait.SETTLING})
    due = after(message.at + 60, cases=early.cases)
    (alert,) = due.alerts
    assert isinstance(alert, OutageAlert)
    assert (alert.case.camera, alert.case.began, alert.case.fault) == ("C0002", NOON, Fault.UNREACHABLE)
    assert after(message.at + 61, cases=due.cases).alerts == ()


def test_its_recovery_is_told_at_once() -> None:
    told = after(NOON + 200, opened(KEY, NOON))
    back = after(NOON + 900, closed(KEY, NOON + 890), cases=told.cases)
    (alert,) = back.alerts
    assert isinstance(alert, OutageAlert)
    assert (alert.case.ended, alert.id) == (NOON + 890, f"camera:C0002@{NOON + 80}:recovered")


def test_one_that_recovers_before_it_was_told_is_not_told() -> None:
    waiting = after(NOON + 90, opened(KEY, NOON))
    back = after(NOON + 100, closed(KEY, NOON + 95), cases=waiting.cases)
    assert back.alerts == ()
    assert after(at("17:30"), cases=back.cases).alerts == ()


def test_all_others_wait_for_the_digest_of_their_township() -> None:
    waiting = after(NOON + 3600, opened(ORDINARY, NOON))
    assert (waiting.alerts, waiting.waits) == ((), {"camera:C0001": Wait.DIGEST})
    (digest,) = after(at("17:30"), cases=waiting.cases).alerts
    assert isinstance(digest, Digest)
    (township,) = digest.townships
    assert (township.township, [case.camera for case in township.news]) == ("01", ["C0001"])


def test_the_next_digest_tells_what_has_recovered_since() -> None:
    told = after(at("17:30"), opened(ORDINARY, NOON))
    (digest,) = after(at("08:30", day=25), closed(ORDINARY, at("20:00")), cases=told.cases).alerts
    assert isinstance(digest, Digest)
    assert [case.camera for case in digest.townships[0].recovered] == ["C0001"]


def test_what_lasts_is_brought_up_once_a_day_and_no_more() -> None:
    told = after(at("17:30"), opened(ORDINARY, NOON))
    morning = after(at("08:30", day=25), cases=told.cases)
    (digest,) = morning.alerts
    assert isinstance(digest, Digest)
    assert [case.camera for case in digest.townships[0].lasting] == ["C0001"]
    assert after(at("17:30", day=25), cases=morning.cases).alerts == ()


def test_what_came_and_went_is_counted_where_there_is_a_digest_anyway() -> None:
    messages = [opened(ORDINARY, NOON), closed(ORDINARY, NOON + 300), opened(camera(10), NOON)]
    (digest,) = after(at("17:30"), *messages).alerts
    assert isinstance(digest, Digest)
    assert digest.townships[0].brief == 1


def test_digests_missed_while_the_monitor_was_off_are_one_digest() -> None:
    waiting = after(NOON, opened(ORDINARY, at("09:00")))
    late = after(at("10:00", day=27), cases=waiting.cases)
    (digest,) = late.alerts
    assert isinstance(digest, Digest)
    assert digest.slot == at("08:30", day=27)
    assert after(at("10:01", day=27), cases=late.cases).alerts == ()


def test_a_first_start_sends_no_digest_for_the_time_before_it() -> None:
    first = plan(hear(Cases(), [opened(ORDINARY, at("08:00"))]), scene(NOON), POLICY)
    assert first.alerts == ()
    assert first.cases.digested == at("08:30")


def test_a_digest_dated_by_a_clock_far_ahead_does_not_silence_the_next_ones() -> None:
    wrong = replace(BEGUN, digested=at("08:30") + 400 * 86_400)
    righted = after(NOON, opened(ORDINARY, NOON), cases=wrong)
    assert righted.cases.digested == at("08:30")
    assert len(after(at("17:30"), cases=righted.cases).alerts) == 1


def test_two_hundred_cameras_behind_one_link_are_one_message() -> None:
    cameras = [KEY, *(camera(number) for number in range(10, 209))]
    messages = [opened(each, NOON + index % 60) for index, each in enumerate(cameras)]
    found = link(MessageKind.CAUSE_OPENED, cameras, NOON, NOON + 100)
    waiting = after(NOON + 120, *messages, found)
    assert waiting.alerts == ()
    assert waiting.waits["camera:C0002"] is Wait.CAUSE
    told = after(NOON + 160, cases=waiting.cases)
    (alert,) = told.alerts
    assert isinstance(alert, CauseAlert)
    assert len(alert.causes[0].out) == 200
    over = link(MessageKind.CAUSE_CLOSED, cameras, NOON, NOON + 905, ended=NOON + 900)
    back = after(NOON + 965, *(closed(each, NOON + 890) for each in cameras), over, cases=told.cases)
    (alert,) = back.alerts
    assert isinstance(alert, CauseAlert)
    assert (alert.is_over, alert.causes[0].out) == (True, ())
    assert after(at("17:30"), cases=back.cases).alerts == ()


def test_a_key_point_that_stays_out_when_its_cause_is_over_is_told_when_it_is_back() -> None:
    cameras = [KEY, camera(10), camera(11)]
    told = after(
        NOON + 200, *(opened(each, NOON) for each in cameras), cause(MessageKind.CAUSE_OPENED, cameras, NOON, NOON + 90)
    )
    over = cause(MessageKind.CAUSE_CLOSED, cameras, NOON, NOON + 400, ended=NOON + 390)
    most = after(NOON + 500, *(closed(each, NOON + 380) for each in cameras[1:]), over, cases=told.cases)
    (alert,) = most.alerts
    assert isinstance(alert, CauseAlert)
    assert alert.causes[0].out == ("C0002",)
    (last,) = after(NOON + 900, closed(KEY, NOON + 890), cases=most.cases).alerts
    assert isinstance(last, OutageAlert)


def test_a_cause_that_grows_is_told_again_only_when_it_has_doubled() -> None:
    few = [camera(number) for number in range(10, 14)]
    told = after(NOON + 200, cause(MessageKind.CAUSE_OPENED, few, NOON, NOON + 90))
    more = [camera(number) for number in range(10, 17)]
    grown = after(NOON + 300, cause(MessageKind.CAUSE_CHANGED, more, NOON, NOON + 290), cases=told.cases)
    assert grown.alerts == ()
    double = [camera(number) for number in range(10, 18)]
    (alert,) = after(NOON + 400, cause(MessageKind.CAUSE_CHANGED, double, NOON, NOON + 390), cases=grown.cases).alerts
    assert isinstance(alert, CauseAlert)
    assert alert.causes[0].case.told_of == 8


def test_a_cause_that_a_larger_one_takes_up_is_no_recovery_and_no_second_message() -> None:
    few = [camera(number) for number in range(10, 14)]
    told = after(NOON + 200, cause(MessageKind.CAUSE_OPENED, few, NOON, NOON + 90))
    more = [camera(number) for number in range(10, 17)]
    heir = link(MessageKind.CAUSE_OPENED, more, NOON, NOON + 290)
    gone = cause(MessageKind.CAUSE_CLOSED, few, NOON, NOON + 290, ended=NOON + 290, taken_up_by="link:01@1")
    taken = after(NOON + 400, heir, gone, cases=told.cases)
    assert taken.alerts == ()
    assert set(taken.cases.causes) == {"link:01@1"}


def test_many_causes_at_once_are_one_message() -> None:
    messages = [
        cause(
            MessageKind.CAUSE_OPENED, [camera(n) for n in range(10 * k, 10 * k + 4)], NOON, NOON + 90 + k, f"01/{k}村"
        )
        for k in range(1, 23)
    ]
    told = after(NOON + 160, *messages)
    (alert,) = told.alerts
    assert isinstance(alert, CauseAlert)
    assert len(alert.causes) == 22
    assert after(NOON + 400, cases=told.cases).alerts == ()


def test_an_exempt_camera_is_not_told_until_its_filing_is_over() -> None:
    cases = hear(BEGUN, [opened(KEY, NOON)])
    exempt = plan(cases, scene(NOON + 3600, frozenset({KEY.id})), POLICY)
    assert (exempt.alerts, exempt.waits) == ((), {"camera:C0002": Wait.EXEMPT})
    evening = plan(exempt.cases, scene(at("17:30"), frozenset({KEY.id})), POLICY)
    assert evening.alerts == ()
    assert len(plan(evening.cases, scene(at("17:31")), POLICY).alerts) == 1


def test_a_camera_in_repair_is_not_told_either() -> None:
    repaired = fleet([replace(KEY, registration=Registration.REPAIR)])
    found = plan(hear(BEGUN, [opened(KEY, NOON)]), scene(NOON + 3600, of=repaired), POLICY)
    assert (found.alerts, found.waits) == ((), {"camera:C0002": Wait.REPAIR})


def test_a_cause_is_silent_only_if_all_its_cameras_are_exempt() -> None:
    cameras = [camera(10), camera(11), camera(12)]
    cases = hear(BEGUN, [cause(MessageKind.CAUSE_OPENED, cameras, NOON, NOON)])
    every = frozenset(each.id for each in cameras)
    silent = plan(cases, scene(NOON + 100, every), POLICY)
    assert (silent.alerts, list(silent.waits.values())) == ((), [Wait.EXEMPT])
    (alert,) = plan(cases, scene(NOON + 100, every - {"C0010"}), POLICY).alerts
    assert isinstance(alert, CauseAlert)
    assert alert.causes[0].exempt == 2


def test_quiet_hours_hold_small_causes_but_neither_key_points_nor_mass_outages() -> None:
    night = at("23:00")
    small = cause(MessageKind.CAUSE_OPENED, [camera(10), camera(11), camera(12)], night, night)
    big = cause(MessageKind.CAUSE_OPENED, [camera(n) for n in range(20, 40)], night, night, "01/西村")
    told = after(night + 200, opened(KEY, night), small, big)
    assert [alert.kind for alert in told.alerts] == [Kind.CAUSE, Kind.KEY_POINT]
    assert told.waits["cause:village:01/东村@" + str(night)] is Wait.QUIET
    (alert,) = after(at("07:00", day=25), cases=told.cases).alerts
    assert isinstance(alert, CauseAlert)
    assert alert.causes[0].case.place == "01/东村"


def test_quiet_hours_can_be_told_to_hold_key_points_too() -> None:
    policy = replace(POLICY, loud=frozenset({Loud.MASS}))
    night = at("23:00")
    held = after(night + 200, opened(KEY, night), policy=policy)
    assert (held.alerts, held.waits) == ((), {"camera:C0002": Wait.QUIET})
    back = after(night + 900, closed(KEY, night + 800), cases=held.cases, policy=policy)
    assert after(at("07:00", day=25), cases=back.cases, policy=policy).alerts == ()


def test_a_flapping_key_point_is_called_so_once_and_then_left_to_the_digest() -> None:
    cases, kinds = BEGUN, []
    for round_ in range(8):
        start = NOON + 600 * round_
        down = after(start + 200, opened(KEY, start), cases=cases)
        up = after(start + 400, closed(KEY, start + 390), cases=down.cases)
        kinds += [alert.flapping if isinstance(alert, OutageAlert) else None for alert in (*down.alerts, *up.alerts)]
        cases = up.cases
    assert kinds == [False] * 6 + [True]
    evening = after(at("17:30"), cases=cases)
    (digest,) = evening.alerts
    assert isinstance(digest, Digest)
    again = after(at("18:10"), opened(KEY, at("18:00")), cases=evening.cases)
    assert (again.alerts, again.waits) == ((), {"camera:C0002": Wait.FLAPPING})
    (morning,) = after(at("08:30", day=25), cases=again.cases).alerts
    assert isinstance(morning, Digest)
    assert [case.camera for case in morning.townships[0].news] == ["C0002"]


def test_a_camera_that_leaves_the_ledger_is_no_recovery() -> None:
    told = after(NOON + 200, opened(KEY, NOON))
    left = after(NOON + 900, closed(KEY, NOON + 890, Closed.LEFT), cases=told.cases)
    assert (left.alerts, left.cases.cameras) == ((), {})


def test_blindness_is_told_to_the_operator_and_a_short_one_is_not() -> None:
    began = gap_message(Gap(began=NOON, ended=None, cause=Cause.OURS, reason="witnesses"), at=NOON + 20)
    ended = gap_message(Gap(began=NOON, ended=NOON + 50, cause=Cause.OURS, reason="witnesses"), at=NOON + 50)
    assert after(NOON + 200, began, ended).alerts == ()
    told = after(NOON + 80, began)
    (alert,) = told.alerts
    assert isinstance(alert, OwnAlert)
    assert (alert.kind, alert.case.about) == (Kind.MONITOR, "witnesses")
    (over,) = after(NOON + 90, ended, cases=told.cases).alerts
    assert isinstance(over, OwnAlert)
    assert over.case.ended == NOON + 50


def test_a_broken_link_is_told_of_itself_only_where_its_cameras_do_not_count() -> None:
    gap = Gap(began=NOON, ended=None, cause=Cause.LINK_EXCUSED, reason="township_link", township="02")
    counted = hear(BEGUN, [gap_message(gap, at=NOON)])
    excused = hear(BEGUN, [gap_message(gap, at=NOON)], excuse_links=True)
    assert plan(counted, scene(NOON + 100), POLICY).alerts == ()
    (alert,) = plan(excused, scene(NOON + 100), POLICY).alerts
    assert isinstance(alert, OwnAlert)
    assert (alert.kind, alert.case.own, alert.case.about) == (Kind.CAUSE, Own.LINK, "02")


def test_a_store_that_cannot_be_written_is_told_though_no_message_can_say_so() -> None:
    cases = own_trouble(BEGUN, Own.STORE, "disk full", since=NOON - 30, now=NOON)
    assert own_trouble(cases, Own.STORE, "disk full", since=NOON - 30, now=NOON + 5) is cases
    told = after(NOON + 60, cases=cases)
    assert [alert.id for alert in told.alerts] == [f"own:store:@{NOON - 30}:begun"]
    over = after(NOON + 600, cases=own_trouble(told.cases, Own.STORE, "", since=None, now=NOON + 600))
    assert [alert.id for alert in over.alerts] == [f"own:store:@{NOON - 30}:over"]


def test_a_month_with_its_draft_is_told_by_day() -> None:
    night = at("02:00")
    message = Message(kind=MessageKind.MONTH_CLOSED, at=night, body={"month": "2026-10"})
    held = after(night, message)
    assert held.alerts == ()
    (alert,) = after(at("07:00"), cases=held.cases).alerts
    assert isinstance(alert, MonthAlert)
    assert (alert.case.month, alert.case.frozen) == ("2026-10", False)


def test_changes_are_what_makes_one_set_of_cases_the_other() -> None:
    one = hear(Cases(), [opened(KEY, NOON), opened(ORDINARY, NOON)])
    other = hear(one, [closed(KEY, NOON + 90), closed(ORDINARY, NOON + 90, Closed.LEFT)])
    changed = changes(one, other)
    assert changed == {"camera:C0002": other.cameras["C0002"], "camera:C0001": None}
    merged = {**one.by_key, **changed}
    assert {key: case for key, case in merged.items() if case is not None} == other.by_key


CAMERAS = [camera(number, key_point=number % 2 == 0) for number in range(6)]
LITTLE = fleet(CAMERAS)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["open", "close", "leave", "cause", "cause over", "exempt", "wait", "wait"]),
        st.integers(0, 5),
        st.integers(1, 5 * 3600),
    ),
    max_size=40,
)


class Life:
    """A county of six cameras, told step by step; keeps what was told."""

    def __init__(self) -> None:
        self.now = at("07:30")
        self.cases = Cases(digested=at("17:30", day=23))
        self.exempt: frozenset[str] = NOBODY
        self.cause_began: int | None = None
        self.plans: list[Plan] = []
        self.out: set[str] = set()
        self.openings: Counter[str] = Counter()
        self.heard: Counter[str] = Counter()

    def step(self, what: str, number: int, wait_s: int) -> None:
        its = CAMERAS[number]
        match what:
            case "open" if its.id not in self.out:
                self.out.add(its.id)
                self.openings[its.id] += 1
                self._hear(opened(its, self.now, decided=self.now))
            case "close" if its.id in self.out:
                self.out.remove(its.id)
                self._hear(closed(its, self.now))
            case "leave" if its.id in self.out:
                self.out.remove(its.id)
                self._hear(closed(its, self.now, Closed.LEFT))
            case "cause" if self.cause_began is None and self.out:
                self.cause_began = self.now
                members = [each for each in CAMERAS if each.id in self.out]
                self._hear(cause(MessageKind.CAUSE_OPENED, members, self.now, self.now))
            case "cause over" if self.cause_began is not None:
                self._hear(cause(MessageKind.CAUSE_CLOSED, [], self.cause_began, self.now, ended=self.now))
                self.cause_began = None
            case "exempt":
                self.exempt ^= {its.id}
        self.now += wait_s
        self.tell()

    def tell(self) -> Plan:
        found = plan(self.cases, self.scene, POLICY)
        self.plans.append(found)
        self.cases = found.cases
        for alert in found.alerts:
            if isinstance(alert, OutageAlert) and alert.case.ended is None:
                self.heard[alert.case.camera] += 1
            if isinstance(alert, Digest):
                self.heard.update(case.camera for township in alert.townships for case in township.news)
        return found

    @property
    def scene(self) -> Scene:
        return Scene(fleet=LITTLE, exempt=self.exempt, now=self.now)

    def _hear(self, message: Message) -> None:
        self.cases = hear(self.cases, [message])


@given(steps=STEPS)
def test_nothing_is_told_twice_and_all_that_is_untold_has_a_reason(steps: list[tuple[str, int, int]]) -> None:
    life = Life()
    for what, number, wait_s in steps:
        life.step(what, number, wait_s)
        found = life.plans[-1]
        for alert in found.alerts:
            if isinstance(alert, OutageAlert) and alert.case.ended is None:
                assert alert.case.camera not in life.exempt
            if isinstance(alert, Digest):
                assert not {case.camera for each in alert.townships for case in each.news} & life.exempt
        untold = {case.key for case in found.cases.cameras.values() if case.told is None and not case.over}
        assert untold <= found.waits.keys()
        assert plan(found.cases, life.scene, POLICY).alerts == ()
    ids = [alert.id for found in life.plans for alert in found.alerts]
    assert len(ids) == len(set(ids))
    assert all(life.heard[each] <= life.openings[each] for each in life.openings)


@given(steps=STEPS)
def test_in_the_end_every_camera_that_is_out_was_told_and_nothing_is_left_of_those_that_are_not(
    steps: list[tuple[str, int, int]],
) -> None:
    life = Life()
    for what, number, wait_s in steps:
        life.step(what, number, wait_s)
    life.exempt = NOBODY
    for _ in range(4):
        life.now += 86_400 - (life.now - at("08:30")) % 86_400
        life.tell()
    told = {case.camera for case in life.cases.cameras.values() if case.told is not None}
    assert life.out <= told
    quiet = [each for each in life.cases.cameras.values() if each.camera not in life.out and not each.over]
    assert quiet == [] or life.cause_began is not None
