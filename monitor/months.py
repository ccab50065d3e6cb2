"""How was a month? Read what the store knew of it, count it, and tell it as ``month show`` does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from monitor.config import Config
from monitor.core.availability import Totals, percent
from monitor.core.fleet import Township
from monitor.core.history import timeline
from monitor.core.inspection import Counted, Inspection, MonthRecord, inspect
from monitor.core.period import Month
from monitor.core.ranking import Standing, standings
from monitor.core.rule import RuleError, UnknownError
from monitor.core.scoring import figure
from monitor.store import Reader, TownshipVersion

ROW_KEYS = (
    "code",
    "name",
    "registered",
    "assessed",
    "exempted",
    "unassessed",
    "never_connected",
    "service_s",
    "intact_s",
    "impaired_s",
    "offline_s",
    "exempt_s",
    "unknown_s",
    "online_rate",
    "intact_rate",
    "online_intact_rate",
    "exempt_share",
    "unknown_share",
    "reaches_target",
    "place",
    "points",
    "faults",
)
CAMERA_KEYS = (
    "id",
    "township",
    "state",
    "service_s",
    "intact_s",
    "impaired_s",
    "offline_s",
    "exempt_s",
    "unknown_s",
    "outages",
)
"""What a row of ``month show --json`` holds: the contract of ARCHITECTURE.md."""


def month_of(text: str, config: Config) -> Month:
    """The month called "2026-10". Raises RuleError."""
    try:
        return Month.parse(text, config.site.zone)
    except ValueError:
        raise RuleError(f"月份应写作 2026-10，现为“{text}”", f"a month is written like 2026-10, not {text!r}") from None


def months(reader: Reader, config: Config, now: int) -> list[Month]:
    """Every month that is reported, oldest first, the running one last."""
    running = Month.at(now, config.site.zone)
    first = reader.first_second()
    month = running if first is None else Month.at(first, config.site.zone)
    if config.month.first:
        month = max(month, month_of(config.month.first, config), key=lambda each: each.start)
    found = []
    while month.start < running.end:
        found.append(month)
        month = month.next()
    return found or [running]


def known(reader: Reader, config: Config, month: Month, now: int) -> None:
    """Raises UnknownError for a month that has not begun, or of which nothing is on record."""
    if month.start > now:
        raise UnknownError(f"{month} 还没有开始", f"{month} has not begun")
    first = reader.first_second()
    if month.end <= now and (first is None or month.end <= first):
        raise UnknownError(f"没有 {month} 的记录", f"there is no record of {month}")


def read_month(reader: Reader, month: Month, *, until: int, known_at: int, covered_until: int | None) -> MonthRecord:
    """All that was known of [month.start, until) at ``known_at``, the daemon having looked up to ``covered_until``."""
    recorded = reader.recorded(month.start, until, known_at)
    standing, former = _townships(reader.township_versions(known_at), until - 1)
    return MonthRecord(
        month=month,
        until=until,
        townships=standing,
        former=former,
        versions=reader.camera_versions(known_at),
        transitions={
            camera: timeline(recorded.own.get(camera, ()), recorded.imported.get(camera, ()), covered_until)
            for camera in recorded.own.keys() | recorded.imported.keys()
        },
        seen_before=recorded.seen_before,
        gaps=reader.gaps(month.start, until),
        exemptions=reader.exemptions(month.start, until, known_at),
        events=reader.events(month.start, until),
        rounds=reader.inspection_rounds(month.start, until, known_at),
        evidence=recorded.evidence,
    )


def inspect_month(reader: Reader, config: Config, month: Month, now: int) -> Inspection:
    """Count the month as it is known now; an open one is clipped at now. Raises UnknownError for an unknown month."""
    known(reader, config, month, now)
    record = read_month(reader, month, until=min(month.end, now), known_at=now, covered_until=reader.covered_until(now))
    return inspect(record, config.counting.rules, excuse_links=not config.witness.link_failure_counts)


def show(inspection: Inspection, config: Config, state: str) -> dict[str, Any]:
    """The month as ``month show --json`` prints it."""
    placed = standings(inspection, config.site.target_rate, config.points.rule)
    return {
        "month": str(inspection.record.month),
        "state": state,
        "basis": config.month.basis,
        "county": county_row(inspection, config.site.target_rate),
        "townships": [township_row(standing) for standing in placed],
        "cameras": [camera_row(counted) for counted in inspection.counted],
    }


def county_row(inspection: Inspection, target: Fraction) -> dict[str, Any]:
    """The county's sums; it has no place and no points."""
    rate = inspection.county.online_intact_rate
    return {
        "code": "",
        "name": "全县",
        **_sums(inspection.county),
        "reaches_target": None if rate is None else rate >= target,
        "place": None,
        "points": None,
        "faults": _faults(inspection.county),
    }


def township_row(standing: Standing) -> dict[str, Any]:
    """A township's sums, place and points."""
    return {
        "code": standing.township.code,
        "name": standing.township.name,
        **_sums(standing.totals),
        "reaches_target": standing.reaches,
        "place": standing.place,
        "points": None if standing.points is None else figure(standing.points),
        "faults": _faults(standing.totals),
    }


def camera_row(counted: Counted) -> dict[str, Any]:
    """One camera's piece in one township."""
    row = counted.tally
    return {
        "id": row.camera,
        "township": row.township,
        "state": row.assessment.value,
        "service_s": row.service,
        "intact_s": row.intact,
        "impaired_s": row.impaired,
        "offline_s": row.offline,
        "exempt_s": row.exempt,
        "unknown_s": row.unknown,
        "outages": row.outages,
    }


def printed(rate: Fraction | None) -> str | None:
    """A rate in percent, rounded down; None without one."""
    return None if rate is None else percent(rate)


def _sums(row: Totals) -> dict[str, Any]:
    return {
        "registered": row.registered,
        "assessed": row.assessed,
        "exempted": row.exempted,
        "unassessed": row.unassessed,
        "never_connected": row.never_connected,
        "service_s": row.service,
        "intact_s": row.intact,
        "impaired_s": row.impaired,
        "offline_s": row.offline,
        "exempt_s": row.exempt,
        "unknown_s": row.unknown,
        "online_rate": printed(row.online_rate),
        "intact_rate": printed(row.intact_rate),
        "online_intact_rate": printed(row.online_intact_rate),
        "exempt_share": printed(row.exempt_share),
        "unknown_share": printed(row.unknown_share),
    }


def _faults(row: Totals) -> dict[str, int]:
    return {fault.value: count for fault, count in sorted(row.faults.items())}


def _townships(versions: Iterable[TownshipVersion], at: int) -> tuple[Mapping[str, Township], Mapping[str, Township]]:
    """Those that stood in the ledger at ``at``, and those that ever did. A first entry reaches back before its time."""
    standing: dict[str, Township] = {}
    ever: dict[str, Township] = {}
    for version in versions:
        code = version.township.code
        if version.began <= at or code not in ever:
            ever[code] = version.township
            if version.ended is None or version.ended > at:
                standing[code] = version.township
            else:
                standing.pop(code, None)
    return standing, ever
