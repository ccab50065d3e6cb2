"""The month counted by asking of every single tick what was the case then: slow, plain, and independent of the code
that it checks. It shares nothing with it but the values that go in.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from monitor.core.availability import Counting, Version
from monitor.core.exemption import Filing
from monitor.core.fleet import Camera, Registration
from monitor.core.inspection import MonthRecord
from monitor.core.record import Transition

WORDS = ("intact", "impaired", "offline", "unknown")


@dataclass
class Row:
    """One camera in one township."""

    seconds: Counter[str] = field(default_factory=Counter)
    """by condition, and "exempt"; unknown ones by cause as well"""
    outages: set[int] = field(default_factory=set)
    faults: set[str] = field(default_factory=set)
    fault_seconds: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    days: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    last: str | None = None
    """the condition in the last tick of the period, None when it was not in service then"""
    connected: bool = False

    @property
    def accountable(self) -> int:
        return sum(self.seconds[word] for word in WORDS[:3])

    @property
    def service(self) -> int:
        return sum(self.seconds[word] for word in (*WORDS, "exempt"))

    def state(self, counting: Counting) -> str:
        not_exempt = self.service - self.seconds["exempt"]
        if not_exempt == 0:
            return "exempted"
        if self.accountable == 0 or Fraction(self.accountable, not_exempt) < counting.assessed_from:
            return "unassessed"
        return "assessed"


def count(record: MonthRecord, counting: Counting, *, excuse_links: bool, tick: int = 1) -> dict[tuple[str, str], Row]:
    """Every camera's row by township code and camera id. All times in ``record`` must be multiples of ``tick``
    seconds away from the month's beginning.
    """
    rows: dict[tuple[str, str], Row] = {}
    for camera, versions in record.versions.items():
        transitions = list(record.transitions.get(camera, ()))
        told = dict(what_was_told(transitions, record.until, tick))
        outage_at = _outages(told)
        seen = camera in record.seen_before or any(each.condition in ("intact", "impaired") for each in transitions)
        for at in range(record.month.start, record.until, tick):
            entry = entry_at(versions, at)
            if entry is None or not _serves(entry, versions, at, record):
                continue
            row = rows.setdefault((entry.township, camera), Row(connected=seen))
            condition, cause = _condition(record, entry, told.get(at), at, excuse_links=excuse_links)
            if at == record.until - tick:
                row.last = condition
            if _exempt(record, camera, versions, entry, at, counting):
                row.seconds["exempt"] += tick
                continue
            row.seconds[condition] += tick
            day = (_local(at, record) - _local(record.month.start, record)).days
            row.days[day][condition] += tick
            if condition == "unknown":
                row.seconds[cause] += tick
            elif condition != "intact":
                transition = told[at]
                assert transition is not None
                row.outages.add(outage_at[at])
                row.fault_seconds[condition, transition.fault] += tick
                row.faults |= {transition.fault} if transition.fault else set()
    return rows


def entry_at(versions: Iterable[Version], at: int) -> Camera | None:
    """What the ledger said of a camera; before its first entry, that."""
    entries = list(versions)
    standing = [entry for entry in entries if entry.at <= at] or entries[:1]
    return standing[-1].camera


def _serves(entry: Camera, versions: Iterable[Version], at: int, record: MonthRecord) -> bool:
    if entry.registration is Registration.RETIRED:
        return False
    dated = [version.camera for version in versions if version.camera][-1]
    today = _local(at, record).date()
    if dated.in_service_from and today < dated.in_service_from:
        return False
    return not (dated.in_service_to and today >= dated.in_service_to)


def _exempt(
    record: MonthRecord, camera: str, versions: Iterable[Version], entry: Camera, at: int, counting: Counting
) -> bool:
    dated = [version.camera for version in versions if version.camera][-1]
    if dated.in_service_from and counting.new_days:
        today = _local(at, record).date()
        if dated.in_service_from <= today < dated.in_service_from + timedelta(days=counting.new_days):
            return True
    for filing in record.exemptions:
        if filing.state is Filing.APPROVED and filing.began <= at < filing.ended:
            scope = filing.scope
            if scope.camera:
                if scope.camera == camera:
                    return True
            elif scope.township in ("", entry.township) and scope.village in ("", entry.village):
                return True
    return False


def _condition(
    record: MonthRecord, entry: Camera, transition: Transition | None, at: int, *, excuse_links: bool
) -> tuple[str, str]:
    hiding = [
        gap
        for gap in record.gaps
        if gap.township in (None, entry.township)
        and (excuse_links or gap.cause != "link_excused")
        and gap.began <= at
        and (gap.ended is None or at < gap.ended)
    ]
    if hiding:
        return "unknown", min(hiding, key=lambda gap: (gap.began, gap.cause)).cause
    if transition is None:
        return "unknown", "ours"
    if transition.condition == "unknown":
        return "unknown", transition.cause or "ours"
    return transition.condition, ""


def what_was_told(transitions: list[Transition], until: int, tick: int) -> Iterator[tuple[int, Transition | None]]:
    """By the transitions alone, what held in each tick from the first on."""
    if not transitions:
        return
    for at in range(transitions[0].at, until, tick):
        yield at, [each for each in transitions if each.at <= at][-1]


def _outages(told: dict[int, Transition | None]) -> dict[int, int]:
    """The number of the outage that each failing tick belongs to. Unknown ticks in between part none."""
    found: dict[int, int] = {}
    number, failing = 0, None
    for at, transition in told.items():
        if transition is None or transition.condition == "unknown":
            continue
        said = None if transition.condition == "intact" else (transition.condition, transition.fault)
        if said != failing:
            number, failing = number + 1, said
        if said is not None:
            found[at] = number
    return found


def _local(at: int, record: MonthRecord) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone(record.month.zone)
