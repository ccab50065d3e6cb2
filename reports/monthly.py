"""The ledger of months: which are over, which have a draft, which are frozen; and what makes them so.

    open ──(month over)──► closed ──(monthly job)──► drafted ──(a person)──► frozen, and again with a reason

The truth is the snapshots in the store. Whoever wakes the job, however late and however often, the same months come
to the same drafts: a month that has one gets no second.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from importlib.metadata import version
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from monitor.clock import Clock, is_synchronised
from monitor.config import Config
from monitor.core.inspection import Inspection, inspect
from monitor.core.period import Month, local_date, midnight
from monitor.core.rule import RuleError, UnknownError
from monitor.core.workday import Workdays
from monitor.months import known, months, read_month
from monitor.store import Reader, SnapshotEntry, SnapshotState, Store
from reports.snapshot import TREND, Making, Settings, Snapshot, canonical, compose, format_of, in_format, sha256

log = structlog.get_logger(__name__)

SETTLE_S = 2 * 3600
"""What was in doubt when the month ended is decided by then: an image fault takes three looks, half an hour apart."""

DIFFERENCES_TOLD = 20


class MonthState(StrEnum):
    """How far a month has got."""

    OPEN = "open"
    CLOSED = "closed"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthEntry:
    """A line of ``month list``. ``draft`` and ``frozen`` are the newest of their kind."""

    month: Month
    state: MonthState
    appeal_until: int
    """from then on it can be frozen without skipping the townships' time to object"""
    draft: SnapshotEntry | None
    frozen: SnapshotEntry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What ``month freeze`` did."""

    entry: SnapshotEntry
    skipped_window: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What ``month verify`` found: the stored bytes against their hash, and the month counted again against them."""

    entry: SnapshotEntry
    hash_equal: bool
    differences: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Both are."""
        return self.hash_equal and not self.differences


def entries(reader: Reader, config: Config, now: int) -> list[MonthEntry]:
    """Every month that is reported, oldest first."""
    kept: dict[str, dict[SnapshotState, SnapshotEntry]] = {}
    for entry in reader.snapshots():
        kept.setdefault(entry.month, {})[entry.state] = entry
    return [_entry(month, kept.get(str(month), {}), config, now) for month in months(reader, config, now)]


def state_of(reader: Reader, month: Month, now: int) -> MonthState:
    """How far one month has got."""
    if any(entry.state is SnapshotState.FROZEN for entry in reader.snapshots(str(month))):
        return MonthState.FROZEN
    return MonthState.CLOSED if month.end <= now else MonthState.OPEN


def current(reader: Reader, config: Config, month: Month, now: int) -> Snapshot:
    """What papers of the month are made from: the frozen snapshot, else the draft as it comes to now.

    Raises UnknownError for a month without a record, RuleError for one that is not over.
    """
    if (frozen := newest(reader, month, SnapshotState.FROZEN)) is not None:
        return load(reader, frozen)
    _refuse_open(month, now)
    return as_it_stands(reader, config, month, now)[0]


def as_it_stands(reader: Reader, config: Config, month: Month, now: int) -> tuple[Snapshot, Inspection]:
    """The month as a draft made now would tell it, a running one clipped at now, and what it was counted from.

    Raises UnknownError for a month without a record.
    """
    known(reader, config, month, now)
    drafts = reader.snapshots(str(month))
    making = _making(reader, SnapshotState.DRAFT, drafts[-1].revision + 1 if drafts else 1, "", now)
    settings = Settings.of(config)
    inspection = _inspect(reader, settings, month, making)
    return compose(inspection, settings, making, _earlier(reader, month, now)), inspection


def newest(reader: Reader, month: Month, state: SnapshotState, known_at: int | None = None) -> SnapshotEntry | None:
    """The newest snapshot of that state, or the newest that there was at ``known_at``."""
    its = [
        entry
        for entry in reader.snapshots(str(month))
        if entry.state is state and (known_at is None or entry.made_at <= known_at)
    ]
    return its[-1] if its else None


def load(reader: Reader, entry: SnapshotEntry) -> Snapshot:
    """A snapshot that was kept."""
    snapshot: Snapshot = json.loads(reader.snapshot_content(entry))
    return snapshot


async def reconcile_months(
    store: Store, config: Config, clock: Clock, *, told: Callable[[SnapshotEntry], None] = lambda entry: None
) -> list[SnapshotEntry]:
    """Make the drafts that are due, in a thread; ``told`` hears of each. For the calendar: at boot and hourly."""
    made = await asyncio.to_thread(reconcile, store, config, int(clock.now()), who="xunjian run")
    for entry in made:
        log.info("a month is drafted", month=entry.month, sha256=entry.sha256)
        told(entry)
    return made


def reconcile(
    store: Store, config: Config, now: int, *, who: str, settle_s: int = SETTLE_S, before: Month | None = None
) -> list[SnapshotEntry]:
    """Draft every month that is over and has neither draft nor frozen snapshot, oldest first.

    ``before`` leaves out that month and later ones.
    """
    made = []
    for each in entries(store, config, now):
        due = each.month.end + settle_s <= now and each.draft is None and each.frozen is None
        if due and (before is None or each.month.start < before.start):
            entry = _keep(store, config, _Wanted(month=each.month, state=SnapshotState.DRAFT, who=who), now)
            made += [entry] if entry else []
    return made


def freeze(store: Store, config: Config, month: Month, now: int, *, who: str, reason: str = "") -> Frozen:
    """Freeze the month as it is known now.

    A month that is frozen already gets a new revision, which takes a ``reason``. Freezing before the townships' time
    to object is over is allowed and logged. Raises RuleError, and UnknownError for a month without a record.
    """
    _refuse_open(month, now)
    known(store, config, month, now)
    before = newest(store, month, SnapshotState.FROZEN)
    if before and not reason:
        raise RuleError(
            f"{month} 已于第 {before.revision} 版定稿，更正须用 --reason 说明理由",
            f"{month} is frozen already (revision {before.revision}); a correction needs a --reason",
        )
    reconcile(store, config, now, who=who, settle_s=0, before=month)
    skipped = now < _appeal_until(month, config)
    wanted = _Wanted(
        month=month,
        state=SnapshotState.FROZEN,
        revision=before.revision + 1 if before else 1,
        reason=reason,
        who=who,
        remark="the townships' time to object was not over" if skipped else "",
    )
    entry = _keep(store, config, wanted, now)
    if entry is None:
        raise RuleError(f"{month} 刚刚已由他人定稿", f"somebody else has just frozen {month}")
    return Frozen(entry=entry, skipped_window=skipped)


def verify(reader: Reader, month: Month) -> Verified:
    """Count the month again from the record as it was known then, by the rules and in the format of then, and compare
    every byte.

    The newest frozen snapshot is taken, else the newest draft. Raises UnknownError when there is neither.
    """
    entry = newest(reader, month, SnapshotState.FROZEN) or newest(reader, month, SnapshotState.DRAFT)
    if entry is None:
        raise UnknownError(f"{month} 没有可核对的快照", f"{month} has no snapshot to verify")
    content = reader.snapshot_content(entry)
    try:
        snapshot = json.loads(content)
        settings, making, schema = Settings.in_snapshot(snapshot), Making.of_snapshot(snapshot), format_of(snapshot)
    except (ValueError, KeyError, TypeError):
        return Verified(entry=entry, hash_equal=sha256(content) == entry.sha256, differences=("not a snapshot",))
    its_month = Month(month.year, month.month, ZoneInfo(settings.timezone))
    again = in_format(_compose(reader, settings, its_month, making), schema)
    differences = () if canonical(again) == content else tuple(_differences(snapshot, again))
    return Verified(entry=entry, hash_equal=sha256(content) == entry.sha256, differences=differences)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A snapshot to be made."""

    month: Month
    state: SnapshotState
    who: str
    revision: int = 1
    reason: str = ""
    remark: str = ""


def _keep(store: Store, config: Config, wanted: _Wanted, now: int) -> SnapshotEntry | None:
    """Make a snapshot and keep it; None when somebody else was faster."""
    with store.snapshot() as reader:
        making = _making(reader, wanted.state, wanted.revision, wanted.reason, now)
        content = canonical(_compose(reader, Settings.of(config), wanted.month, making))
    entry = SnapshotEntry(
        month=str(wanted.month),
        state=wanted.state,
        revision=wanted.revision,
        sha256=sha256(content),
        made_at=now,
        who=wanted.who,
        reason=wanted.reason,
    )
    return entry if store.keep_snapshot(entry, content, remark=wanted.remark) else None


def _making(reader: Reader, state: SnapshotState, revision: int, reason: str, now: int) -> Making:
    return Making(
        state=state.value,
        revision=revision,
        reason=reason,
        made_at=now,
        covered_until=reader.covered_until(now),
        synchronised=is_synchronised(),
        version=version("xunjian"),
    )


def _compose(reader: Reader, settings: Settings, month: Month, making: Making) -> Snapshot:
    inspection = _inspect(reader, settings, month, making)
    return compose(inspection, settings, making, _earlier(reader, month, making.made_at))


def _inspect(reader: Reader, settings: Settings, month: Month, making: Making) -> Inspection:
    until = min(month.end, making.made_at)
    record = read_month(reader, month, until=until, known_at=making.made_at, covered_until=making.covered_until)
    return inspect(record, settings.counting, excuse_links=not settings.link_failure_counts)


def _earlier(reader: Reader, month: Month, known_at: int) -> list[Snapshot]:
    """The snapshots of the months before as they stood then, oldest first; a month without one ends them."""
    found: list[Snapshot] = []
    for _ in range(TREND - 1):
        month = month.previous()
        entry = newest(reader, month, SnapshotState.FROZEN, known_at) or newest(
            reader, month, SnapshotState.DRAFT, known_at
        )
        if entry is None:
            break
        found.append(load(reader, entry))
    return found[::-1]


def _entry(month: Month, kept: dict[SnapshotState, SnapshotEntry], config: Config, now: int) -> MonthEntry:
    frozen = kept.get(SnapshotState.FROZEN)
    closed = MonthState.CLOSED if month.end <= now else MonthState.OPEN
    return MonthEntry(
        month=month,
        state=MonthState.FROZEN if frozen else closed,
        appeal_until=_appeal_until(month, config),
        draft=kept.get(SnapshotState.DRAFT),
        frozen=frozen,
    )


def _appeal_until(month: Month, config: Config) -> int:
    """The midnight after the last day of work on which townships may object."""
    calendar: Workdays = config.workdays.calendar
    last: date = calendar.after(local_date(month.end - 1, month.zone), config.month.appeal_workdays)
    return max(month.end, midnight(last, month.zone) + 86_400)


def _refuse_open(month: Month, now: int) -> None:
    if month.end > now:
        raise RuleError(f"{month} 尚未结束，不能定稿", f"{month} is not over and cannot be frozen")


def _differences(stored: Any, again: Any, path: str = "") -> Iterator[str]:
    """Where two JSON values differ, at most DIFFERENCES_TOLD places."""
    found = _every_difference(stored, again, path)
    for _, difference in zip(range(DIFFERENCES_TOLD), found, strict=False):
        yield difference


def _every_difference(stored: Any, again: Any, path: str) -> Iterator[str]:
    if isinstance(stored, dict) and isinstance(again, dict):
        for key in sorted(stored.keys() | again.keys()):
            yield from _every_difference(stored.get(key), again.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(stored, list) and isinstance(again, list) and len(stored) == len(again):
        for number, (one, other) in enumerate(zip(stored, again, strict=True)):
            yield from _every_difference(one, other, f"{path}[{number}]")
    elif stored != again:
        yield f"{path}: {_short(stored)} ≠ {_short(again)}"


def _short(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"{len(value)} entries"
    return json.dumps(value, ensure_ascii=False)[:60]
