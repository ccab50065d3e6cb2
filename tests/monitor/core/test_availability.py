"""The month, counted to the second."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from itertools import pairwise
from time import process_time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.availability import (
    Assessment,
    Counting,
    Overlay,
    Piece,
    Span,
    Tally,
    Totals,
    Version,
    add_seconds,
    first_days,
    intervals,
    outages,
    percent,
    service,
    state_seconds,
    tally,
    totals,
    union,
    without,
)
from monitor.core.board import StateSeconds
from monitor.core.condition import Cause, Condition, Fault
from monitor.core.fleet import Camera, Registration
from monitor.core.period import Month, midnight
from monitor.core.record import Gap, Interval, Transition

SHANGHAI = ZoneInfo("Asia/Shanghai")
OCTOBER = Month(2026, 10, SHANGHAI)
DAY = 86400


def recorded(text: str) -> list[Transition]:
    """Transitions in words: "0 intact, 50 offline unreachable, 90 unknown busy"."""
    found = []
    for line in filter(None, text.split(", ")):
        at, condition, *why = line.split()
        fault = next((Fault(word) for word in why if word in list(Fault)), None)
        cause = next((Cause(word) for word in why if word in list(Cause)), None)
        found.append(
            Transition(
                camera="c", at=int(at), condition=Condition(condition), fault=fault, cause=cause, decided_at=int(at)
            )
        )
    return found


def gaps(*spans: tuple[int, int | None], cause: Cause = Cause.OURS) -> list[Gap]:
    return [Gap(began=began, ended=ended, cause=cause, reason="canary") for began, ended in spans]


def lines(found: Sequence[Interval]) -> str:
    return ", ".join(
        " ".join(
            filter(
                None, (f"{i.began}-{i.ended}", i.condition.value, i.fault and i.fault.value, i.cause and i.cause.value)
            )
        )
        for i in found
    )


INTERVALS = [
    ("nothing known", "", [], "0-100 unknown ours"),
    ("unknown before the first", "10 intact", [], "0-10 unknown ours, 10-100 intact"),
    ("from before the start", "-50 offline refused, 20 intact", [], "0-20 offline refused, 20-100 intact"),
    ("none after the end", "0 intact, 100 offline refused", [], "0-100 intact"),
    (
        "dated alike, the last one holds",
        "0 intact, 40 intact, 40 impaired black",
        [],
        "0-40 intact, 40-100 impaired black",
    ),
    ("a gap hides", "0 intact", [(20, 30)], "0-20 intact, 20-30 unknown ours, 30-100 intact"),
    (
        "over a change",
        "0 intact, 25 offline refused",
        [(20, 30)],
        "0-20 intact, 20-30 unknown ours, 30-100 offline refused",
    ),
    ("an open one to the end", "0 intact", [(20, None)], "0-20 intact, 20-100 unknown ours"),
    (
        "over unknown of another cause",
        "0 unknown busy",
        [(20, 30)],
        "0-20 unknown busy, 20-30 unknown ours, 30-100 unknown busy",
    ),
    ("overlapping ones", "0 intact", [(20, 40), (30, 50)], "0-20 intact, 20-50 unknown ours, 50-100 intact"),
    ("one inside another", "0 intact", [(20, 60), (30, 40)], "0-20 intact, 20-60 unknown ours, 60-100 intact"),
    ("equal neighbours are one", "0 unknown ours, 50 unknown ours", [], "0-100 unknown ours"),
]


@pytest.mark.parametrize(("record", "hidden", "expected"), [r[1:] for r in INTERVALS], ids=[r[0] for r in INTERVALS])
def test_a_life_is_told_without_holes(record: str, hidden: list[tuple[int, int | None]], expected: str) -> None:
    assert lines(intervals(recorded(record), Overlay(gaps(*hidden)), 0, 100)) == expected


OUTAGES = [
    ("none", "0 intact", [], ""),
    ("one that lasts", "0 intact, 10 offline refused", [], "10- refused"),
    ("one that is over", "0 intact, 10 offline refused, 20 intact", [], "10-20 refused"),
    (
        "another fault is another outage",
        "10 offline refused, 20 impaired black, 30 intact",
        [],
        "10-20 refused, 20-30 black",
    ),
    ("a restart parts none", "10 offline refused, 20 unknown ours, 30 offline refused, 40 intact", [], "10-40 refused"),
    ("a restart from which it comes back", "10 offline refused, 20 unknown ours, 30 intact", [], "10-20 refused"),
    ("back for a moment", "10 offline refused, 20 intact, 20 offline refused", [], "10- refused"),
    ("back for a second", "10 offline refused, 20 intact, 21 offline refused", [], "10-20 refused, 21- refused"),
    ("wholly hidden", "10 offline refused, 20 intact", [(5, 20)], ""),
    ("hidden at its beginning", "10 offline refused, 20 intact", [(5, 12), (12, 15)], "15-20 refused"),
    ("hidden at its end", "10 offline refused, 20 intact", [(15, 18), (18, 30)], "10-15 refused"),
    ("hidden in the middle", "10 offline refused, 20 intact", [(12, 18)], "10-20 refused"),
    ("it lasts behind an open gap", "10 offline refused", [(15, None)], "10- refused"),
]


@pytest.mark.parametrize(("record", "hidden", "expected"), [r[1:] for r in OUTAGES], ids=[r[0] for r in OUTAGES])
def test_outages_are_told(record: str, hidden: list[tuple[int, int | None]], expected: str) -> None:
    found = outages(recorded(record), Overlay(gaps(*hidden)))
    assert ", ".join(f"{o.began}-{o.ended or ''} {o.fault}" for o in found) == expected


def counted(
    record: str, *, hidden: Sequence[Gap] = (), exempt: Sequence[Span] = (), spans: Sequence[Span] = ((0, 100),)
) -> Tally:
    pieces = [Piece(camera="c", township="01", began=began, ended=ended) for began, ended in spans]
    return tally(pieces, recorded(record), Overlay(hidden), exempt)


TALLIES = [
    ("intact throughout", "0 intact", (), (), (100, 0, 0, 0, 0), 0),
    ("an outage over both ends", "-9 offline refused", (), (), (0, 0, 100, 0, 0), 1),
    ("each condition", "10 intact, 40 impaired black, 60 offline refused", (), (), (30, 20, 40, 0, 10), 2),
    ("blind", "0 intact, 50 offline refused", gaps((40, 60)), (), (40, 0, 40, 0, 20), 1),
    ("exempt wins over an outage", "0 intact, 50 offline refused", (), [(60, 200)], (50, 0, 10, 40, 0), 1),
    ("over unknown", "50 intact", (), [(-9, 20), (10, 30)], (50, 0, 0, 30, 20), 0),
    ("over a gap", "0 intact", gaps((40, 60)), [(50, 70)], (70, 0, 0, 20, 10), 0),
    (
        "an outage wholly exempt costs nothing",
        "0 intact, 50 offline refused, 60 intact",
        (),
        [(50, 60)],
        (90, 0, 0, 10, 0),
        0,
    ),
    (
        "an outage wholly hidden neither",
        "0 intact, 50 offline refused, 60 intact",
        gaps((50, 60)),
        (),
        (90, 0, 0, 0, 10),
        0,
    ),
]


@pytest.mark.parametrize(
    ("record", "hidden", "exempt", "parts", "failed"), [r[1:] for r in TALLIES], ids=[r[0] for r in TALLIES]
)
def test_a_camera_is_tallied(
    record: str, hidden: list[Gap], exempt: list[Span], parts: tuple[int, ...], failed: int
) -> None:
    row = counted(record, hidden=hidden, exempt=exempt)
    assert (row.intact, row.impaired, row.offline, row.exempt, row.unknown) == parts
    assert row.service == 100
    assert row.outages == failed


def test_unknown_seconds_are_split_by_cause() -> None:
    hidden = [*gaps((60, 70)), *gaps((80, 90), cause=Cause.LINK_EXCUSED)]
    row = counted("10 intact, 40 unknown busy, 50 unknown held, 55 intact", hidden=hidden)
    assert row.unknown_by == {Cause.OURS: 20, Cause.BUSY: 10, Cause.HELD: 5, Cause.LINK_EXCUSED: 10}
    assert row.unknown == 45


def test_two_stretches_in_one_township_are_one_row() -> None:
    row = counted("0 intact, 50 offline refused", spans=[(0, 20), (80, 100)])
    assert (row.service, row.intact, row.offline) == (40, 20, 20)


def test_the_parts_must_add_up() -> None:
    with pytest.raises(AssertionError):
        Totals(service=10, intact=9)


ASSESSMENTS = [
    ("exactly a tenth accountable", "90 intact", (), Assessment.ASSESSED),
    ("a second less", "91 intact", (), Assessment.UNASSESSED),
    ("a tenth of what is not exempt", "95 intact", [(0, 50)], Assessment.ASSESSED),
    ("never looked at", "", (), Assessment.UNASSESSED),
    ("exempt for its whole service", "0 offline refused", [(0, 100)], Assessment.EXEMPTED),
    ("all but one second", "0 offline refused", [(0, 99)], Assessment.ASSESSED),
]


@pytest.mark.parametrize(
    ("record", "exempt", "expected"), [r[1:] for r in ASSESSMENTS], ids=[r[0] for r in ASSESSMENTS]
)
def test_a_camera_is_assessed_by_its_accountable_share(record: str, exempt: list[Span], expected: Assessment) -> None:
    assert counted(record, exempt=exempt).assessment is expected


def test_the_share_is_the_countys_choice() -> None:
    piece = Piece(camera="c", township="01", began=0, ended=100)
    row = tally([piece], recorded("60 intact"), Overlay(), counting=Counting(assessed_from=Fraction(1, 2)))
    assert row.assessment is Assessment.UNASSESSED


def test_a_camera_never_seen_to_work_is_not_connected() -> None:
    assert not counted("0 offline unreachable").connected
    assert counted("0 offline unreachable, 5 impaired no_stream, 6 offline unreachable").connected
    piece = Piece(camera="c", township="01", began=0, ended=100)
    assert tally([piece], recorded("0 offline unreachable"), Overlay(), connected=True).connected


def test_rates_are_sums_of_seconds_over_assessed_cameras() -> None:
    sums = totals(
        [
            counted("0 intact, 90 offline refused"),
            counted("0 intact, 10 impaired black", spans=[(0, 50)]),
            counted("0 unknown busy, 99 offline refused"),
            counted("0 offline refused", exempt=[(0, 100)]),
        ],
        planned=5,
    )
    assert (sums.registered, sums.assessed, sums.unassessed, sums.exempted) == (4, 2, 1, 1)
    assert (sums.service, sums.intact, sums.impaired, sums.offline) == (150, 100, 40, 10)
    assert sums.online_rate == Fraction(140, 150)
    assert sums.intact_rate == Fraction(100, 140)
    assert sums.online_intact_rate == Fraction(100, 150) == (sums.online_rate or 0) * (sums.intact_rate or 0)
    assert sums.equivalent_intact == Fraction(4, 3)
    assert sums.exempt_share == Fraction(100, 350)
    assert sums.unknown_share == Fraction(99, 350) == sums.unknown_share_by(Cause.BUSY)
    assert sums.unknown_share_by(Cause.OURS) == 0
    assert sums.connected_rate == Fraction(2, 5)


def test_without_planned_cameras_the_registered_are_the_measure() -> None:
    sums = totals([counted("0 intact"), counted("0 offline refused")])
    assert sums.never_connected == 1
    assert sums.connected_rate == Fraction(1, 2)


def test_a_denominator_of_nothing_gives_no_rate() -> None:
    for sums in (totals([]), totals([counted("0 intact", exempt=[(0, 100)])])):
        assert sums.online_rate is sums.intact_rate is sums.online_intact_rate is sums.equivalent_intact is None
    assert totals([]).unknown_share is totals([]).connected_rate is None
    assert totals([counted("0 offline refused")]).intact_rate is None
    assert totals([counted("0 offline refused")]).online_intact_rate == 0


def test_faults_count_cameras_and_not_outages() -> None:
    twice = counted("0 intact, 10 offline refused, 20 intact, 30 offline refused, 40 impaired black, 50 intact")
    assert twice.outages == 3
    assert totals([twice]).faults == {Fault.REFUSED: 1, Fault.BLACK: 1}


@pytest.mark.parametrize(
    ("rate", "printed"),
    [
        (Fraction(94996, 100000), "94.99"),
        (Fraction(95), "9500.00"),
        (Fraction(19, 20), "95.00"),
        (Fraction(1), "100.00"),
        (Fraction(2, 3), "66.66"),
        (Fraction(0), "0.00"),
        (Fraction(1, 30000), "0.00"),
        (Fraction(9999999, 10000000), "99.99"),
    ],
)
def test_paper_rounds_down(rate: Fraction, printed: str) -> None:
    assert percent(rate) == printed


def camera(
    township: str = "01",
    *,
    first: date | None = None,
    last: date | None = None,
    state: Registration = Registration.IN_USE,
) -> Camera:
    return Camera(
        id="c", name="点", township=township, village="", in_service_from=first, in_service_to=last, registration=state
    )


def day(of_october: int) -> int:
    return midnight(date(2026, 10, of_october), SHANGHAI)


SERVICE = [
    ("without dates: from before all records", [Version(day(9), camera())], [("01", 1, 32)]),
    ("from a date on", [Version(day(9), camera(first=date(2026, 10, 5)))], [("01", 5, 32)]),
    ("to a date, exclusive", [Version(day(9), camera(last=date(2026, 10, 20)))], [("01", 1, 20)]),
    ("before the month", [Version(day(1), camera(last=date(2026, 9, 20)))], []),
    ("moved", [Version(day(1), camera()), Version(day(11), camera("02"))], [("01", 1, 11), ("02", 11, 32)]),
    (
        "moved and back",
        [Version(day(1), camera()), Version(day(11), camera("02")), Version(day(21), camera())],
        [("01", 1, 11), ("02", 11, 21), ("01", 21, 32)],
    ),
    ("edited, not moved", [Version(day(1), camera()), Version(day(11), camera())], [("01", 1, 32)]),
    ("retired", [Version(day(1), camera()), Version(day(11), camera(state=Registration.RETIRED))], [("01", 1, 11)]),
    (
        "retired with an earlier date",
        [Version(day(1), camera()), Version(day(11), camera(state=Registration.RETIRED, last=date(2026, 10, 6)))],
        [("01", 1, 6)],
    ),
    (
        "retired and brought back",
        [Version(day(1), camera(state=Registration.RETIRED)), Version(day(11), camera())],
        [("01", 11, 32)],
    ),
    ("under repair it is in service", [Version(day(1), camera(state=Registration.REPAIR))], [("01", 1, 32)]),
    ("taken out of the ledger", [Version(day(1), camera()), Version(day(11), None)], [("01", 1, 11)]),
    (
        "a date corrected later holds throughout",
        [Version(day(1), camera(first=date(2026, 10, 20))), Version(day(25), camera(first=date(2026, 10, 3)))],
        [("01", 3, 32)],
    ),
    ("no version", [], []),
]


@pytest.mark.parametrize(("versions", "expected"), [r[1:] for r in SERVICE], ids=[r[0] for r in SERVICE])
def test_service_is_dated(versions: list[Version], expected: list[tuple[str, int, int]]) -> None:
    pieces = service(versions, SHANGHAI, OCTOBER.start, OCTOBER.end)
    assert [
        (p.township, (p.began - OCTOBER.start) // DAY + 1, (p.ended - OCTOBER.start) // DAY + 1) for p in pieces
    ] == expected


def test_an_open_month_is_clipped_at_now() -> None:
    assert service([Version(0, camera())], SHANGHAI, OCTOBER.start, day(9) + 7)[0].ended == day(9) + 7


def test_only_a_camera_with_an_explicit_date_is_new_for_thirty_days() -> None:
    assert first_days(camera(), SHANGHAI, 30) is None
    assert first_days(camera(first=date(2026, 10, 5)), SHANGHAI, 0) is None
    began, ended = first_days(camera(first=date(2026, 10, 5)), SHANGHAI, 30) or (0, 0)
    assert (began, ended) == (day(5), midnight(date(2026, 11, 4), SHANGHAI))


def test_a_moved_camera_makes_a_row_in_each_township_and_the_county_sums_them() -> None:
    versions = [Version(day(1), camera()), Version(day(11), camera("02"))]
    pieces = service(versions, SHANGHAI, OCTOBER.start, OCTOBER.end)
    record = recorded(f"{OCTOBER.start} intact, {day(6)} offline refused, {day(13)} intact")
    rows = [tally([piece], record, Overlay()) for piece in pieces]
    assert [(row.township, row.offline // DAY) for row in rows] == [("01", 5), ("02", 2)]
    county = totals(rows)
    assert county.service == OCTOBER.end - OCTOBER.start
    assert county.offline == 7 * DAY
    assert county.faults == {Fault.REFUSED: 1}


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=6)


@given(SPANS, st.integers(0, 60), st.integers(0, 60))
def test_spans_are_sets_of_seconds(spans: list[Span], began: int, ended: int) -> None:
    seconds = {at for first, last in spans for at in range(first, last)}
    holes = union(spans)
    assert {at for first, last in holes for at in range(first, last)} == seconds
    assert all(before[1] < after[0] for before, after in pairwise(holes))
    left = without((began, ended), holes)
    assert {at for first, last in left for at in range(first, last)} == set(range(began, ended)) - seconds


RECORDS = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.sampled_from(["intact", "impaired black", "offline refused", "offline unreachable", "unknown busy"]),
    ),
    max_size=12,
)
GAPS = st.lists(
    st.builds(
        lambda began, length, cause: Gap(began=began, ended=length and began + length, cause=cause, reason="x"),
        st.integers(0, 200),
        st.one_of(st.none(), st.integers(1, 60)),
        st.sampled_from([Cause.OURS, Cause.LINK_EXCUSED]),
    ),
    max_size=5,
)


def said_by_second(record: Sequence[Transition], hidden: Sequence[Gap], end: int) -> list[str]:
    """What is known of each second: a condition, or the cause why nothing is."""
    painted = [Cause.OURS.value] * end
    for transition in record:
        word = transition.cause.value if transition.cause else transition.condition.value
        painted[transition.at :] = [word] * max(0, end - transition.at)
    for second in range(end):
        over = [gap for gap in hidden if gap.began <= second and (gap.ended is None or second < gap.ended)]
        if over:
            painted[second] = min(over, key=lambda gap: (gap.began, gap.cause)).cause.value
    return painted


@settings(deadline=None)
@given(RECORDS, GAPS, SPANS, st.integers(0, 240), st.integers(0, 240))
def test_a_tally_is_what_counting_seconds_gives(
    steps: list[tuple[int, str]], hidden: list[Gap], exempt: list[Span], began: int, ended: int
) -> None:
    at, words = 0, []
    for pause, word in steps:
        at += pause
        words.append(f"{at} {word}")
    record = recorded(", ".join(words))
    seconds = said_by_second(record, hidden, 240)
    overlay = Overlay(hidden, until=240)
    found = intervals(record, overlay, began, ended)
    assert [word for i in found for word in [i.cause or i.condition] * (i.ended - i.began)] == seconds[began:ended]
    if began >= ended:
        assert found == []
        return
    free = [
        word
        for second, word in enumerate(seconds[began:ended], began)
        if not any(first <= second < last for first, last in exempt)
    ]
    row = tally([Piece(camera="c", township="01", began=began, ended=ended)], record, overlay, exempt)
    assert (row.intact, row.impaired, row.offline) == tuple(
        free.count(word) for word in ("intact", "impaired", "offline")
    )
    assert row.unknown_by == {cause: free.count(cause) for cause in Cause if cause in free}
    assert row.exempt == ended - began - len(free)
    assert (row.outages > 0) == bool(row.impaired or row.offline)
    middle = (began + ended) // 2
    halves = add_seconds(state_seconds(record, overlay, began, middle), state_seconds(record, overlay, middle, ended))
    assert halves == state_seconds(record, overlay, began, ended)


def test_state_seconds_leave_exemptions_out() -> None:
    record = recorded("10 intact, 40 impaired black, 60 offline refused")
    assert state_seconds(record, Overlay(gaps((90, 95))), 0, 100) == StateSeconds(
        intact=30, impaired=20, offline=35, unknown=15
    )


def test_a_month_of_4000_cameras_is_counted_in_the_time_of_a_page() -> None:
    hidden = Overlay(gaps(*((number * DAY, number * DAY + 300) for number in range(20))))
    lives = [
        recorded(
            ", ".join(
                [
                    "0 intact",
                    *(f"{at} offline refused, {at + 900} intact" for at in range(5000 + n, 3 * (n % 3) * 5000, 9000)),
                ]
            )
        )
        for n in range(4000)
    ]
    pieces = [[Piece(camera=str(number), township="01", began=0, ended=31 * DAY)] for number in range(4000)]
    began = process_time()
    rows = [tally(piece, life, hidden) for piece, life in zip(pieces, lives, strict=True)]
    totals(rows)
    assert process_time() - began < 0.6, "measured 0.06 s"
