"""How many seconds of a month was a camera intact, and what rates follow for a township and the county?

    service = intact + impaired + offline + exempt + unknown, always, to the second
    accountable = service - exempt - unknown
    online rate = (intact + impaired) / accountable
    intact rate = intact / (intact + impaired)
    online-and-intact rate = intact / accountable

Rates are exact fractions of sums of seconds over the assessed cameras, never averages of averages; a denominator of
0 gives no rate. Exemption wins over unknown, unknown over what the record says. Only paper rounds, downwards.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta, tzinfo
from enum import StrEnum
from fractions import Fraction
from itertools import accumulate
from types import MappingProxyType

from monitor.core.board import StateSeconds
from monitor.core.condition import Cause, Condition, Fault
from monitor.core.fleet import Camera, Registration
from monitor.core.period import midnight
from monitor.core.record import Gap, Interval, Outage, Transition

Span = tuple[int, int]
"""[began, ended) in whole UTC seconds"""

FOREVER = 1 << 62
NOTHING: Mapping[Cause, int] = MappingProxyType({})
CAUSES = tuple(Cause)
FAILING = (Condition.IMPAIRED, Condition.OFFLINE)
NO_FAULTS: frozenset[Fault] = frozenset()
NO_SECONDS: Mapping[Condition | Cause, int] = MappingProxyType(dict.fromkeys((*Condition, *CAUSES), 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """The numbers of the month that config.toml can change."""

    assessed_from: Fraction = Fraction(1, 10)
    """a camera whose accountable share of service - exempt is below this is unassessed"""
    new_days: int = 30
    """a new camera is exempt for its first days of service"""


BY_DEFAULT = Counting()


class Assessment(StrEnum):
    """What part a camera has in the month's rates."""

    ASSESSED = "assessed"
    UNASSESSED = "unassessed"
    EXEMPTED = "exempted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch [began, ended) of service of one camera in one township."""

    camera: str
    township: str
    began: int
    ended: int


@dataclass(frozen=True, slots=True)
class Version:
    """What the ledger said of a camera from ``at`` until the next version; None: it was not in it."""

    at: int
    camera: Camera | None


class Overlay:
    """Gaps as disjoint spans in order, ready to be asked how much of a stretch they hide.

    Where gaps overlap, the one that began first names the cause. Open gaps reach ``until``.
    """

    def __init__(self, gaps: Iterable[Gap] = (), until: int = FOREVER) -> None:
        self.spans: list[tuple[int, int, Cause]] = []
        reached = -FOREVER
        for gap in sorted(gaps, key=lambda gap: (gap.began, gap.cause)):
            ended = until if gap.ended is None else gap.ended
            began = max(gap.began, reached)
            if began < ended:
                self.spans.append((began, ended, gap.cause))
                reached = ended
        self._begins = [began for began, _, _ in self.spans]
        self._causes = {cause for _, _, cause in self.spans}
        self._before = list(accumulate((ended - began for began, ended, _ in self.spans), initial=0))

    def hidden(self, began: int, ended: int) -> Mapping[Cause, int]:
        """How many seconds of [began, ended) are hidden, by cause."""
        total = self._until(ended) - self._until(began)
        if total == 0:
            return NOTHING
        if len(self._causes) == 1:
            return {self.spans[0][2]: total}
        seconds: dict[Cause, int] = {}
        for first, last, cause in self.between(began, ended):
            seconds[cause] = seconds.get(cause, 0) + last - first
        return seconds

    def seconds_seen(self, began: int, ended: int) -> int:
        """How many seconds of [began, ended) are not hidden."""
        return ended - began - self._until(ended) + self._until(began)

    def seen_from(self, at: int) -> int:
        """The first second from ``at`` on that is not hidden."""
        for index in range(bisect_right(self._begins, at) - 1, len(self.spans)):
            if index >= 0:
                began, ended, _ = self.spans[index]
                if not began <= at < ended:
                    break
                at = ended
        return at

    def seen_to(self, at: int) -> int:
        """The end of the last second before ``at`` that is not hidden."""
        for index in range(bisect_right(self._begins, at - 1) - 1, -1, -1):
            began, ended, _ = self.spans[index]
            if not began < at <= ended:
                break
            at = began
        return at

    def _until(self, at: int) -> int:
        """How many seconds before ``at`` are hidden."""
        index = bisect_right(self._begins, at) - 1
        if index < 0:
            return 0
        began, ended, _ = self.spans[index]
        return self._before[index] + (at if at < ended else ended) - began

    def between(self, began: int, ended: int) -> Iterator[tuple[int, int, Cause]]:
        """The parts of its spans that lie in [began, ended)."""
        for index in range(max(0, bisect_right(self._begins, began) - 1), len(self.spans)):
            first, last, cause = self.spans[index]
            if first >= ended:
                return
            if last > began:
                yield max(first, began), min(last, ended), cause


def intervals(transitions: Sequence[Transition], overlay: Overlay, start: int, end: int) -> list[Interval]:
    """One camera's life in [start, end), without holes: unknown (ours) before its first transition.

    ``transitions`` are the camera's in order; gaps lie over them.
    """
    pieces: list[Interval] = []
    for began, ended, transition in stretches(transitions, start, end):
        said = Interval(began=began, ended=ended, condition=Condition.UNKNOWN, cause=Cause.OURS)
        if transition:
            said = replace(said, condition=transition.condition, fault=transition.fault, cause=transition.cause)
        at = began
        for first, last, cause in overlay.between(began, ended):
            pieces.append(replace(said, began=at, ended=first))
            pieces.append(Interval(began=first, ended=last, condition=Condition.UNKNOWN, cause=cause))
            at = last
        pieces.append(replace(said, began=at, ended=ended))
    return _joined(piece for piece in pieces if piece.began < piece.ended)


def outages(transitions: Sequence[Transition], overlay: Overlay, until: int = FOREVER) -> list[Outage]:
    """The stretches impaired or offline with one fault, in order; the last may be open.

    Unknown time between two stretches with the same fault does not part them: a restart makes no new outage. What a
    gap hides at either end is cut off, and an outage wholly hidden is none. ``until`` leaves out what comes later.
    """
    return [
        Outage(
            camera=transition.camera,
            condition=transition.condition,
            fault=transition.fault,
            began=began,
            ended=None if ended >= until else ended,
        )
        for began, ended, transition in failures(transitions, overlay, until)
    ]


def state_seconds(transitions: Sequence[Transition], overlay: Overlay, began: int, ended: int) -> StateSeconds:
    """What a stretch of settled record adds to a camera's counters; exemptions never move them."""
    seconds = _seconds(transitions, overlay, [(began, ended)])
    return StateSeconds(
        intact=seconds[Condition.INTACT],
        impaired=seconds[Condition.IMPAIRED],
        offline=seconds[Condition.OFFLINE],
        unknown=sum(seconds[cause] for cause in CAUSES),
    )


def add_seconds(first: StateSeconds, second: StateSeconds) -> StateSeconds:
    """The sum of two stretches."""
    return StateSeconds(
        intact=first.intact + second.intact,
        impaired=first.impaired + second.impaired,
        offline=first.offline + second.offline,
        unknown=first.unknown + second.unknown,
    )


def service(versions: Sequence[Version], zone: tzinfo, start: int, end: int) -> list[Piece]:
    """A camera's stretches of service in [start, end), parted where it changed its township.

    ``versions`` are what the ledger said of it, in order. The first also holds for the time before it was written,
    and the service dates of the last hold throughout: a date is a statement about the past as well. Without
    dates a camera is in service from before all records until a version retires it.
    """
    dated = next((version.camera for version in reversed(versions) if version.camera), None)
    if dated is None:
        return []
    first = midnight(dated.in_service_from, zone) if dated.in_service_from else -FOREVER
    last = midnight(dated.in_service_to, zone) if dated.in_service_to else FOREVER
    pieces: list[Piece] = []
    for since, until, camera in standing(versions):
        began, ended = max(start, first, since), min(end, last, until)
        if began >= ended or camera.registration is Registration.RETIRED:
            continue
        if pieces and pieces[-1].township == camera.township and pieces[-1].ended == began:
            pieces[-1] = replace(pieces[-1], ended=ended)
        else:
            pieces.append(Piece(camera=camera.id, township=camera.township, began=began, ended=ended))
    return pieces


def standing(versions: Sequence[Version]) -> Iterator[tuple[int, int, Camera]]:
    """A camera's entries in the ledger as [began, ended); the first also holds for the time before it was written."""
    for index, version in enumerate(versions):
        if version.camera is not None:
            ended = versions[index + 1].at if index + 1 < len(versions) else FOREVER
            yield version.at if index else -FOREVER, ended, version.camera


def first_days(camera: Camera, zone: tzinfo, days: int) -> Span | None:
    """The days for which a new camera is exempt by rule; only one with an explicit date is new."""
    if camera.in_service_from is None or days <= 0:
        return None
    return midnight(camera.in_service_from, zone), midnight(camera.in_service_from + timedelta(days=days), zone)


def union(spans: Iterable[Span]) -> list[Span]:
    """The same seconds as disjoint spans in order."""
    joined: list[Span] = []
    for began, ended in sorted(span for span in spans if span[0] < span[1]):
        if joined and began <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], ended))
        else:
            joined.append((began, ended))
    return joined


def without(span: Span, holes: Sequence[Span]) -> list[Span]:
    """What is left of a span; ``holes`` are disjoint and in order, as ``union`` gives them."""
    left: list[Span] = []
    at, end = span
    for began, ended in holes:
        if ended <= at:
            continue
        if began >= end:
            break
        if began > at:
            left.append((at, began))
        at = ended
    if at < end:
        left.append((at, end))
    return left


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """One camera's month in one township, in seconds. The parts sum up to ``service``: building it asserts that."""

    camera: str
    township: str
    assessment: Assessment
    service: int
    intact: int
    impaired: int
    offline: int
    exempt: int
    unknown: int
    unknown_by: Mapping[Cause, int]
    connected: bool
    """it was once seen intact or impaired; else it is 未接入"""
    outages: int = 0
    """how many of its outages cost it accountable time"""
    faults: frozenset[Fault] = NO_FAULTS
    """their faults"""

    def __post_init__(self) -> None:
        assert self.service == self.intact + self.impaired + self.offline + self.exempt + self.unknown, self

    @property
    def accountable(self) -> int:
        """The seconds that count."""
        return self.intact + self.impaired + self.offline

    @property
    def online_intact_rate(self) -> Fraction | None:
        """在线完好率"""
        return _rate(self.intact, self.accountable)


def tally(
    pieces: Sequence[Piece],
    transitions: Sequence[Transition],
    overlay: Overlay,
    exempt: Iterable[Span] = (),
    counting: Counting = BY_DEFAULT,
    *,
    connected: bool | None = None,
) -> Tally:
    """Count one camera's service in one township.

    ``pieces`` are its stretches there, at least one; ``overlay`` the gaps that hide that township; ``exempt`` the
    spans of its approved exemptions, overlapping as they may, and of its first days. ``connected`` says whether it
    was ever seen intact or impaired, for a caller that does not hand in the transitions from the beginning.
    """
    open_spans = [(piece.began, piece.ended) for piece in pieces]
    total = sum(ended - began for began, ended in open_spans)
    if holes := union(exempt):
        open_spans = [left for span in open_spans for left in without(span, holes)]
    seconds = _seconds(transitions, overlay, open_spans)
    unknown_by = {cause: seconds[cause] for cause in CAUSES if seconds[cause]}
    unknown = sum(unknown_by.values())
    impaired, offline = seconds[Condition.IMPAIRED], seconds[Condition.OFFLINE]
    counted = seconds[Condition.INTACT] + impaired + offline
    failed = failures_in(transitions, overlay, open_spans, open_spans[-1][1]) if impaired or offline else []
    return Tally(
        camera=pieces[0].camera,
        township=pieces[0].township,
        assessment=_assessment(counted, counted + unknown, counting),
        service=total,
        intact=seconds[Condition.INTACT],
        impaired=impaired,
        offline=offline,
        exempt=total - counted - unknown,
        unknown=unknown,
        unknown_by=unknown_by,
        connected=_seen(transitions) if connected is None else connected,
        outages=len(failed),
        faults=frozenset([first.fault for _, _, first in failed if first.fault]) if failed else NO_FAULTS,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The month of a township or of the county. Seconds are sums over assessed cameras, shares over all registered."""

    assessed: int = 0
    unassessed: int = 0
    exempted: int = 0
    never_connected: int = 0
    planned: int | None = None
    """考核指标数, the number of cameras that should exist"""
    service: int = 0
    intact: int = 0
    impaired: int = 0
    offline: int = 0
    exempt: int = 0
    unknown: int = 0
    all_service: int = 0
    all_exempt: int = 0
    all_unknown: Mapping[Cause, int] = field(default_factory=lambda: NOTHING)
    faults: Mapping[Fault, int] = field(default_factory=lambda: MappingProxyType({}))
    """cameras with at least one such outage"""

    def __post_init__(self) -> None:
        assert self.service == self.intact + self.impaired + self.offline + self.exempt + self.unknown, self

    @property
    def registered(self) -> int:
        """建档数"""
        return self.assessed + self.unassessed + self.exempted

    @property
    def accountable(self) -> int:
        """The seconds that count."""
        return self.intact + self.impaired + self.offline

    @property
    def online_rate(self) -> Fraction | None:
        """在线率"""
        return _rate(self.intact + self.impaired, self.accountable)

    @property
    def intact_rate(self) -> Fraction | None:
        """完好率"""
        return _rate(self.intact, self.intact + self.impaired)

    @property
    def online_intact_rate(self) -> Fraction | None:
        """在线完好率"""
        return _rate(self.intact, self.accountable)

    @property
    def equivalent_intact(self) -> Fraction | None:
        """折合完好台数: the rate in cameras, so that a reader's division works out."""
        rate = self.online_intact_rate
        return None if rate is None else rate * self.assessed

    @property
    def exempt_share(self) -> Fraction | None:
        """Exempt seconds of all registered service."""
        return _rate(self.all_exempt, self.all_service)

    @property
    def unknown_share(self) -> Fraction | None:
        """Unknown seconds of all registered service."""
        return _rate(sum(self.all_unknown.values()), self.all_service)

    def unknown_share_by(self, cause: Cause) -> Fraction | None:
        """The part of ``unknown_share`` that has this cause."""
        return _rate(self.all_unknown.get(cause, 0), self.all_service)

    @property
    def connected_rate(self) -> Fraction | None:
        """接入率"""
        return _rate(self.registered - self.never_connected, self.planned or self.registered)


def totals(tallies: Iterable[Tally], planned: int | None = None) -> Totals:
    """Sum up a township's tallies, or the county's: a camera that moved counts once in each township."""
    rows = list(tallies)
    assessments = Counter(row.assessment for row in rows)
    assessed = [row for row in rows if row.assessment is Assessment.ASSESSED]
    unknown: Counter[Cause] = Counter()
    for row in rows:
        unknown.update(row.unknown_by)
    faults = Counter(fault for _, fault in {(row.camera, fault) for row in rows for fault in row.faults})
    return Totals(
        assessed=assessments[Assessment.ASSESSED],
        unassessed=assessments[Assessment.UNASSESSED],
        exempted=assessments[Assessment.EXEMPTED],
        never_connected=sum(not row.connected for row in rows),
        planned=planned,
        service=sum(row.service for row in assessed),
        intact=sum(row.intact for row in assessed),
        impaired=sum(row.impaired for row in assessed),
        offline=sum(row.offline for row in assessed),
        exempt=sum(row.exempt for row in assessed),
        unknown=sum(row.unknown for row in assessed),
        all_service=sum(row.service for row in rows),
        all_exempt=sum(row.exempt for row in rows),
        all_unknown=MappingProxyType(dict(unknown)),
        faults=MappingProxyType(dict(faults)),
    )


def percent(rate: Fraction) -> str:
    """A rate as it is printed: in percent with two decimals, rounded down, so that 94.996 % is not 95 %.

    >>> percent(Fraction(94996, 100000)), percent(Fraction(1))
    ('94.99', '100.00')
    """
    hundredths = rate.numerator * 10000 // rate.denominator
    sign = "-" if hundredths < 0 else ""
    return f"{sign}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}"


def _rate(numerator: int, denominator: int) -> Fraction | None:
    return Fraction(numerator, denominator) if denominator else None


def _assessment(accountable: int, not_exempt: int, counting: Counting) -> Assessment:
    if not_exempt == 0:
        return Assessment.EXEMPTED
    least = counting.assessed_from
    enough = accountable * least.denominator >= not_exempt * least.numerator
    return Assessment.ASSESSED if enough and accountable else Assessment.UNASSESSED


def _seen(transitions: Iterable[Transition]) -> bool:
    return any(transition.condition in (Condition.INTACT, Condition.IMPAIRED) for transition in transitions)


def _seconds(
    transitions: Sequence[Transition], overlay: Overlay, spans: Iterable[Span]
) -> dict[Condition | Cause, int]:
    """Seconds by condition; the unknown ones by their cause instead."""
    seconds = dict(NO_SECONDS)
    for start, end in spans:
        for began, ended, transition in stretches(transitions, start, end):
            length = ended - began
            if overlay.spans:
                for cause, hidden in overlay.hidden(began, ended).items():
                    seconds[cause] += hidden
                    length -= hidden
            if transition is None:
                seconds[Cause.OURS] += length
            elif transition.condition is Condition.UNKNOWN:
                seconds[transition.cause or Cause.OURS] += length
            else:
                seconds[transition.condition] += length
    return seconds


def stretches(transitions: Sequence[Transition], start: int, end: int) -> Iterator[tuple[int, int, Transition | None]]:
    """What held when within [start, end), by the transitions alone; None before the first."""
    if start >= end:
        return
    index = bisect_right(transitions, start, key=_dated)
    holding = transitions[index - 1] if index else None
    began = start
    for transition in transitions[index:]:
        if transition.at >= end:
            break
        if transition.at > began:
            yield began, transition.at, holding
        began, holding = transition.at, transition
    yield began, end, holding


def _dated(transition: Transition) -> int:
    return transition.at


def _joined(pieces: Iterable[Interval]) -> list[Interval]:
    joined: list[Interval] = []
    for piece in pieces:
        if joined and replace(joined[-1], began=piece.began, ended=piece.ended) == piece:
            joined[-1] = replace(joined[-1], ended=piece.ended)
        else:
            joined.append(piece)
    return joined


def failures(
    transitions: Sequence[Transition], overlay: Overlay, until: int = FOREVER
) -> Iterator[tuple[int, int, Transition]]:
    """Outages as [began, ended) with the transition that began them, cut where a gap hides their ends."""
    failing: Transition | None = None
    began = ended = 0
    for start, end, transition in stretches(transitions, -FOREVER, until):
        if transition is None or transition.condition is Condition.UNKNOWN:
            continue
        if failing and (transition.condition is not failing.condition or transition.fault is not failing.fault):
            yield from _seen_part(began, ended, until, failing, overlay)
            failing = None
        if transition.condition is not Condition.INTACT:
            if failing is None:
                failing, began = transition, start
            ended = end
    if failing:
        yield from _seen_part(began, ended, until, failing, overlay)


def failures_in(
    transitions: Sequence[Transition], overlay: Overlay, spans: Sequence[Span], until: int = FOREVER
) -> list[tuple[int, int, Transition]]:
    """Those of ``failures`` that were seen for at least a second of the spans, which are disjoint and in order."""
    seen = [
        (began, ended)
        for start, end in spans
        for began, ended, said in stretches(transitions, start, end)
        if said and said.condition in FAILING and overlay.seconds_seen(began, ended) > 0
    ]
    found = []
    unmatched = 0
    for outage in failures(transitions, overlay, until):
        while unmatched < len(seen) and seen[unmatched][1] <= outage[0]:
            unmatched += 1
        if unmatched < len(seen) and seen[unmatched][0] < outage[1]:
            found.append(outage)
    return found


def _seen_part(
    began: int, ended: int, until: int, failing: Transition, overlay: Overlay
) -> Iterator[tuple[int, int, Transition]]:
    began = overlay.seen_from(began)
    if ended < until:
        ended = overlay.seen_to(ended)
    if began < ended:
        yield began, ended, failing
