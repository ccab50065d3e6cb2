"""What does a month come to: which camera counted how, in which township, with which faults?

    MonthRecord ──inspect──► Inspection ──► fault_rows, daily_rates, moves, closing_conditions

A MonthRecord holds all that was known of a month when it was counted, and an Inspection is a pure function of it and
of the county's settings: the same record comes to the same month, whenever and wherever it is counted again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo
from fractions import Fraction
from itertools import pairwise

from monitor.core.availability import (
    BY_DEFAULT,
    FAILING,
    Assessment,
    Counting,
    Overlay,
    Piece,
    Span,
    Tally,
    Totals,
    Version,
    failures_in,
    first_days,
    service,
    standing,
    stretches,
    tally,
    totals,
    union,
    without,
)
from monitor.core.blindness import hiding
from monitor.core.condition import Condition, Fault
from monitor.core.exemption import Exemption, Exemptions, Filing
from monitor.core.fleet import Camera, Township
from monitor.core.inspection_round import InspectionRound
from monitor.core.period import Month, midnight
from monitor.core.record import Event, Gap, Transition

COUNTED = (Condition.INTACT, *FAILING)


def planned(month: Month, rounds: int, day_time: time, night_time: time) -> tuple[int, ...]:
    """The UTC seconds at which the rounds of a month begin, in order, by daylight and by night in turn, evenly spread.

    A month that has fewer days than half the rounds gets as many as have a day or a night of their own.

    >>> from zoneinfo import ZoneInfo
    >>> month = Month(2026, 2, ZoneInfo("Asia/Shanghai"))
    >>> [datetime.fromtimestamp(at, month.zone).strftime("%d %H:%M") for at in planned(month, 4, time(10), time(22))]
    ['04 10:00', '11 22:00', '18 10:00', '25 22:00']
    """
    begins: set[int] = set()
    for number in range(rounds):
        day = month.first + timedelta(days=(2 * number + 1) * month.days // (2 * rounds))
        clock = day_time if number % 2 == 0 else night_time
        begins.add(int(datetime.combine(day, clock, tzinfo=month.zone).timestamp()))
    return tuple(sorted(begins))


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthRecord:
    """Everything that was known of a month when it was counted, by camera id where a camera's.

    ``until`` is the month's end, or the moment at which an open month is clipped. ``transitions`` hold what was on
    record when the month began and all until then; of what was before, ``seen_before`` names the cameras that were
    once seen intact or impaired. ``evidence`` maps a camera and the time of its transition to the look that shows it.
    """

    month: Month
    until: int
    townships: Mapping[str, Township]
    """those that the ledger named in the last second, by code"""
    versions: Mapping[str, Sequence[Version]]
    transitions: Mapping[str, Sequence[Transition]]
    former: Mapping[str, Township] = field(default_factory=dict)
    """townships that the ledger named at another time: a camera may have been in one"""
    seen_before: frozenset[str] = frozenset()
    gaps: Sequence[Gap] = ()
    exemptions: Sequence[Exemption] = ()
    events: Sequence[Event] = ()
    rounds: Sequence[InspectionRound] = ()
    evidence: Mapping[tuple[str, int], int] = field(default_factory=dict)

    def township(self, code: str) -> Township:
        """The township with that code, as it was last known."""
        return self.townships.get(code) or self.former.get(code) or Township(code=code, name=code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """One camera's month in one township, with what it was counted from.

    ``camera`` is its entry in the ledger as it stood at the end of its service there. ``exempt`` are the filings that
    meet that service, approved or not, with the spans in which the camera belonged to their scope.
    """

    camera: Camera
    pieces: tuple[Piece, ...]
    transitions: Sequence[Transition]
    overlay: Overlay
    exempt: tuple[tuple[Exemption, Sequence[Span]], ...]
    new: Span | None
    """its first days, exempt by rule"""
    tally: Tally

    def open_spans(self) -> list[Span]:
        """Its service without what is exempt."""
        holes = union(_holes(self.exempt, self.new))
        return [left for piece in self.pieces for left in without((piece.began, piece.ended), holes)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A month counted to the second: ``counted`` by township code and camera id, ``rows`` by township code."""

    record: MonthRecord
    counted: tuple[Counted, ...]
    rows: Mapping[str, Totals]
    county: Totals
    faulty: Mapping[str, int]
    """distinct assessed cameras with an outage that counts, by township code"""


def inspect(record: MonthRecord, counting: Counting = BY_DEFAULT, *, excuse_links: bool = False) -> Inspection:
    """Count the month. ``excuse_links`` says that a township's broken link does not count against it."""
    exemptions = Exemptions(record.exemptions)
    overlays = _Overlays(record, excuse_links=excuse_links)
    counted = [
        each
        for camera, versions in record.versions.items()
        for each in _count(camera, versions, record, exemptions, overlays, counting)
    ]
    counted.sort(key=lambda each: (each.tally.township, each.tally.camera))
    rows: dict[str, list[Tally]] = {code: [] for code in sorted(record.townships)}
    for each in counted:
        rows.setdefault(each.tally.township, []).append(each.tally)
    sums = {code: totals(its, _planned(record, code)) for code, its in sorted(rows.items())}
    return Inspection(
        record=record,
        counted=tuple(counted),
        rows=sums,
        county=totals((each.tally for each in counted), _planned_in_all(sums)),
        faulty={code: sum(_is_faulty(row) for row in its) for code, its in rows.items()},
    )


class _Overlays:
    """What hides the cameras of each township."""

    def __init__(self, record: MonthRecord, *, excuse_links: bool) -> None:
        self._record = record
        self._excuse_links = excuse_links
        self._made: dict[str, Overlay] = {}

    def of(self, township: str) -> Overlay:
        overlay = self._made.get(township)
        if overlay is None:
            gaps = hiding(self._record.gaps, township, excuse_links=self._excuse_links)
            overlay = self._made[township] = Overlay(gaps, self._record.until)
        return overlay


def _count(
    camera: str,
    versions: Sequence[Version],
    record: MonthRecord,
    exemptions: Exemptions,
    overlays: _Overlays,
    counting: Counting,
) -> Iterator[Counted]:
    zone = record.month.zone
    pieces = service(versions, zone, record.month.start, record.until)
    if not pieces:
        return
    transitions = record.transitions.get(camera, ())
    connected = camera in record.seen_before or any(
        transition.condition in (Condition.INTACT, Condition.IMPAIRED) for transition in transitions
    )
    filings = exemptions.covering(camera, versions)
    new = _first_days(versions, zone, counting.new_days)
    by_township: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        by_township[piece.township].append(piece)
    for township, its in by_township.items():
        overlay = overlays.of(township)
        exempt = tuple((filing, spans) for filing, spans in filings if _meets(spans, its))
        yield Counted(
            camera=_entry_at(versions, its[-1].ended - 1),
            pieces=tuple(its),
            transitions=transitions,
            overlay=overlay,
            exempt=exempt,
            new=new if new and _meets([new], its) else None,
            tally=tally(its, transitions, overlay, _holes(exempt, new), counting, connected=connected),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRow:
    """What one fault cost one camera in one township. ``fault`` is None where an imported history names none.

    ``first_found`` is when its first outage of the month began, be it before the month; ``seconds`` are those that
    count. ``event`` is a common cause of one of its outages.
    """

    counted: Counted
    fault: Fault | None
    condition: Condition
    first_found: int
    lasting: bool
    seconds: int
    outages: int
    event: Event | None
    evidence_at: int | None


def fault_rows(inspection: Inspection) -> list[FaultRow]:
    """Every fault that cost a camera time that counts; their seconds sum up to what is impaired and offline."""
    events: dict[str, list[Event]] = defaultdict(list)
    for event in inspection.record.events:
        for camera in event.cameras:
            events[camera].append(event)
    return [
        row
        for counted in inspection.counted
        if counted.tally.outages
        for row in _faults_of(counted, inspection.record, events.get(counted.tally.camera, ()))
    ]


def _faults_of(counted: Counted, record: MonthRecord, events: Sequence[Event]) -> Iterator[FaultRow]:
    spans = counted.open_spans()
    spent: Counter[tuple[Condition, Fault | None]] = Counter()
    for start, end in spans:
        for began, ended, transition in stretches(counted.transitions, start, end):
            if transition and transition.condition in FAILING:
                spent[transition.condition, transition.fault] += counted.overlay.seconds_seen(began, ended)
    outages: dict[tuple[Condition, Fault | None], list[tuple[int, int, Transition]]] = defaultdict(list)
    for outage in failures_in(counted.transitions, counted.overlay, spans, record.until):
        outages[outage[2].condition, outage[2].fault].append(outage)
    for (condition, fault), its in outages.items():
        shown = [at for _, _, first in its if (at := record.evidence.get((counted.tally.camera, first.at))) is not None]
        yield FaultRow(
            counted=counted,
            fault=fault,
            condition=condition,
            first_found=its[0][0],
            lasting=its[-1][1] >= record.until,
            seconds=spent[condition, fault],
            outages=len(its),
            event=next((event for event in events if any(_coincide(event, outage) for outage in its)), None),
            evidence_at=shown[-1] if shown else None,
        )


def daily_rates(inspection: Inspection) -> dict[str, list[Fraction | None]]:
    """The online-and-intact rate of each township on each day of the month, over its assessed cameras."""
    month = inspection.record.month
    days = [midnight(month.first + timedelta(days=number), month.zone) for number in range(month.days + 1)]
    grids = {code: (_DayGrid(days), _DayGrid(days)) for code in inspection.rows}
    for counted in inspection.counted:
        if counted.tally.assessment is Assessment.ASSESSED:
            intact, accountable = grids[counted.tally.township]
            for start, end in counted.open_spans():
                for began, ended, transition in stretches(counted.transitions, start, end):
                    if transition and transition.condition in COUNTED:
                        its = (accountable, intact) if transition.condition is Condition.INTACT else (accountable,)
                        for grid in its:
                            grid.add(began, ended, counted.overlay)
    return {
        code: [
            Fraction(part, whole) if whole else None
            for part, whole in zip(*(grid.sums() for grid in both), strict=True)
        ]
        for code, both in grids.items()
    }


class _DayGrid:
    """Seconds by day. ``days`` are the beginnings of the days and the end of the last."""

    def __init__(self, days: Sequence[int]) -> None:
        self._days = days
        self._parts = [0] * (len(days) - 1)
        self._whole_from = [0] * len(days)
        """how many more stretches cover this day wholly than the day before"""

    def add(self, began: int, ended: int, overlay: Overlay) -> None:
        """Add the seconds of [began, ended) that are not hidden."""
        self._put(began, ended, 1)
        for first, last, _ in overlay.between(began, ended):
            self._put(first, last, -1)

    def sums(self) -> list[int]:
        """The seconds of each day."""
        covered, sums = 0, []
        for day, part in enumerate(self._parts):
            covered += self._whole_from[day]
            sums.append(part + covered * (self._days[day + 1] - self._days[day]))
        return sums

    def _put(self, began: int, ended: int, sign: int) -> None:
        first, last = bisect_right(self._days, began) - 1, bisect_right(self._days, ended - 1) - 1
        if first == last:
            self._parts[first] += sign * (ended - began)
            return
        self._parts[first] += sign * (self._days[first + 1] - began)
        self._parts[last] += sign * (ended - self._days[last])
        self._whole_from[first + 1] += sign
        self._whole_from[last] -= sign


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A camera that went from one township to another within the month."""

    camera: Camera
    origin: str
    target: str
    at: int


def moves(inspection: Inspection) -> list[Move]:
    """The cameras that have a row in more than one township, by time."""
    pieces: dict[str, list[tuple[Piece, Camera]]] = defaultdict(list)
    for counted in inspection.counted:
        pieces[counted.tally.camera] += [(piece, counted.camera) for piece in counted.pieces]
    found = [
        Move(camera=camera, origin=before.township, target=after.township, at=after.began)
        for its in pieces.values()
        if len(its) > 1
        for (before, _), (after, camera) in pairwise(sorted(its, key=lambda each: each[0].began))
        if before.township != after.township
    ]
    return sorted(found, key=lambda move: (move.at, move.camera.id))


def closing_conditions(inspection: Inspection) -> dict[Condition, int]:
    """In which condition the cameras were in the last second of the period: 月末时点数, part of no rate."""
    last = inspection.record.until - 1
    found = Counter(
        _condition_at(counted, last)
        for counted in inspection.counted
        if any(piece.began <= last < piece.ended for piece in counted.pieces)
    )
    return {condition: found[condition] for condition in Condition}


def _condition_at(counted: Counted, at: int) -> Condition:
    if not counted.overlay.seconds_seen(at, at + 1):
        return Condition.UNKNOWN
    (_, _, transition), *_ = stretches(counted.transitions, at, at + 1)
    return transition.condition if transition else Condition.UNKNOWN


def _first_days(versions: Sequence[Version], zone: tzinfo, days: int) -> Span | None:
    dated = next((version.camera for version in reversed(versions) if version.camera), None)
    return first_days(dated, zone, days) if dated else None


def _holes(exempt: Iterable[tuple[Exemption, Sequence[Span]]], new: Span | None) -> list[Span]:
    approved = [span for filing, spans in exempt if filing.state is Filing.APPROVED for span in spans]
    return [*approved, new] if new else approved


def _meets(spans: Iterable[Span], pieces: Sequence[Piece]) -> bool:
    return any(began < piece.ended and piece.began < ended for began, ended in spans for piece in pieces)


def _entry_at(versions: Sequence[Version], at: int) -> Camera:
    return next(camera for began, ended, camera in standing(versions) if began <= at < ended)


def _is_faulty(row: Tally) -> bool:
    return row.assessment is Assessment.ASSESSED and row.outages > 0


def _planned(record: MonthRecord, code: str) -> int | None:
    return record.township(code).planned


def _planned_in_all(rows: Mapping[str, Totals]) -> int | None:
    """The county's number: where a township has none, its registered cameras stand for it."""
    if all(row.planned is None for row in rows.values()):
        return None
    return sum(row.registered if row.planned is None else row.planned for row in rows.values())


def _coincide(event: Event, outage: tuple[int, int, Transition]) -> bool:
    began, ended, _ = outage
    return event.began < ended and (event.ended is None or event.ended > began)
