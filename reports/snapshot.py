"""The snapshot of a month: everything that its papers say, finished, as one canonical JSON with its SHA-256.

    Inspection + Settings + earlier snapshots ──compose──► snapshot ──canonical──► bytes ──SHA-256

``snapshot.schema.json`` says what is in it. The same inputs make the same bytes: nothing here reads a clock. A month
that was frozen in an older format stays as it is: papers are made from it, and it is counted again in that format.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Self

from monitor.config import Config
from monitor.core.availability import Assessment, Counting, Totals
from monitor.core.condition import Cause, Condition, Fault
from monitor.core.exemption import Exemption
from monitor.core.fleet import Camera
from monitor.core.inspection import (
    Counted,
    FaultRow,
    Inspection,
    closing_conditions,
    daily_rates,
    fault_rows,
    moves,
)
from monitor.core.inspection_round import InspectionRound, round_sums
from monitor.core.period import local_date
from monitor.core.ranking import Standing, change, months_below, standings
from monitor.core.repair import DueRepair, RepairState, review
from monitor.core.scoring import RULES_VERSION, Linear, digest, figure, mean
from monitor.core.workday import Workdays
from monitor.months import camera_row, county_row, printed, township_row
from monitor.wording import Lang, say

SCHEMA = "xunjian/month-snapshot/2"
SINCE: Mapping[str, frozenset[str]] = MappingProxyType(
    {"xunjian/month-snapshot/1": frozenset(), SCHEMA: frozenset({"repairs", "rounds"})}
)
"""The formats, oldest first, and what each has brought."""
TREND = 12
"""Months in the trend, this one included."""

ON_THE_LINE = frozenset({Fault.UNREACHABLE})
"""Faults that are repaired on the way to the camera; all others but a moved one on the device."""
EVENTS_ON_THE_LINE = frozenset({"village", "link", "subnet"})

Snapshot = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings that any figure or word of a snapshot depends on. A snapshot holds them, so that it can be made
    again after the county has changed its own.
    """

    county: str
    office: str
    timezone: str
    target: str
    demo: bool
    basis: str
    assessed_from: str
    new_days: int
    small_township: int
    link_failure_counts: bool
    points_full: str
    points_floor: str
    points_per_point: str
    deadline_key_point: int
    deadline_line: int
    deadline_device: int
    deadline_relocation: int
    days_off: str
    """ISO days, separated by commas"""
    days_of_work: str

    @classmethod
    def of(cls, config: Config) -> Self:
        """The county's settings as they are now."""
        return cls(
            county=config.site.county,
            office=config.site.office,
            timezone=config.site.timezone,
            target=config.site.target,
            demo=config.site.demo,
            basis=config.month.basis,
            assessed_from=config.counting.assessed_from,
            new_days=config.counting.new_days,
            small_township=config.month.small_township,
            link_failure_counts=config.witness.link_failure_counts,
            points_full=config.points.full,
            points_floor=config.points.floor,
            points_per_point=config.points.per_point,
            deadline_key_point=config.deadlines.key_point,
            deadline_line=config.deadlines.line,
            deadline_device=config.deadlines.device,
            deadline_relocation=config.deadlines.relocation,
            days_off=",".join(sorted(map(str, config.workdays.off))),
            days_of_work=",".join(sorted(map(str, config.workdays.work))),
        )

    @classmethod
    def in_snapshot(cls, snapshot: Mapping[str, Any]) -> Self:
        """Those that a snapshot was made with. Raises KeyError and TypeError for one that does not hold them."""
        site = {key: snapshot["site"][key] for key in ("county", "office", "timezone", "target")}
        return cls(**site, demo=snapshot["demo"], basis=snapshot["basis"], **snapshot["rules"]["values"])

    @property
    def values(self) -> dict[str, str | int | bool]:
        """Those of the counting rules."""
        elsewhere = ("county", "office", "timezone", "target", "demo", "basis")
        return {name: getattr(self, name) for name in self.__slots__ if name not in elsewhere}

    @property
    def target_rate(self) -> Fraction:
        """``target`` as a share of 1."""
        return Fraction(self.target) / 100

    @property
    def counting(self) -> Counting:
        """The same for the rules of the month."""
        return Counting(assessed_from=Fraction(self.assessed_from) / 100, new_days=self.new_days)

    @property
    def points(self) -> Linear:
        """The same for the rule that gives points."""
        return Linear(
            full=Fraction(self.points_full),
            floor=Fraction(self.points_floor),
            per_point=Fraction(self.points_per_point),
        )

    @property
    def workdays(self) -> Workdays:
        """The same for the rule that counts days of work."""
        return Workdays(off=_days(self.days_off), work=_days(self.days_of_work))


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """How a snapshot came about. ``known_at`` and ``covered_until`` bound the record that it was counted from."""

    state: str
    revision: int
    reason: str
    made_at: int
    covered_until: int | None
    synchronised: bool | None
    version: str

    @classmethod
    def of_snapshot(cls, snapshot: Mapping[str, Any]) -> Self:
        """How this one came about. Raises KeyError for one that does not say."""
        return cls(
            state=snapshot["state"],
            revision=snapshot["revision"],
            reason=snapshot["reason"],
            made_at=snapshot["record"]["known_at"],
            covered_until=snapshot["record"]["covered_until"],
            synchronised=snapshot["clock"]["synchronised"],
            version=snapshot["program"]["version"],
        )


def canonical(snapshot: Mapping[str, Any]) -> bytes:
    """The bytes that are stored and hashed: UTF-8, keys sorted, no spaces, one newline at the end."""
    text = json.dumps(snapshot, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode() + b"\n"


def sha256(content: bytes) -> str:
    """The hash that names a snapshot."""
    return hashlib.sha256(content).hexdigest()


def format_of(snapshot: Mapping[str, Any]) -> str:
    """The format that it is in. Raises KeyError for one that nobody knows, TypeError for what is no snapshot."""
    schema: str = snapshot["schema"]
    if schema not in SINCE:
        raise KeyError(schema)
    return schema


def in_format(snapshot: Snapshot, schema: str) -> Snapshot:
    """The same month as the format ``schema``, one of SINCE, told it."""
    formats = list(SINCE)
    newer = frozenset().union(*(SINCE[each] for each in formats[formats.index(schema) + 1 :]))
    return {**{key: value for key, value in snapshot.items() if key not in newer}, "schema": schema}


def compose(inspection: Inspection, settings: Settings, making: Making, earlier: Sequence[Snapshot]) -> Snapshot:
    """The snapshot. ``earlier`` are those of the months before, oldest first: what changed, the trend, the year."""
    return _Composer(inspection, settings, making, earlier).snapshot()


class _Composer:
    def __init__(self, inspection: Inspection, settings: Settings, making: Making, earlier: Sequence[Snapshot]) -> None:
        self._inspection = inspection
        self._settings = settings
        self._making = making
        self._earlier = earlier
        self._month = inspection.record.month
        before = earlier[-1] if earlier and earlier[-1]["month"] == str(self._month.previous()) else None
        self._month_before: Snapshot | None = before
        self._county_before: Mapping[str, Any] | None = before and before["county"]
        self._before = {row["code"]: row for row in before["townships"]} if before else {}
        self._standings = standings(inspection, settings.target_rate, settings.points)

    def snapshot(self) -> Snapshot:
        county = self._county()
        return {
            "schema": SCHEMA,
            "month": str(self._month),
            "state": self._making.state,
            "revision": self._making.revision,
            "reason": self._making.reason,
            "basis": self._settings.basis,
            "demo": self._settings.demo,
            "made_at": self._iso(self._making.made_at),
            "program": {"name": "xunjian", "version": self._making.version},
            "site": {
                "county": self._settings.county,
                "office": self._settings.office,
                "timezone": self._settings.timezone,
                "target": self._settings.target,
            },
            "period": {
                "began": self._iso(self._month.start),
                "ended": self._iso(self._inspection.record.until),
                "days": self._month.days,
            },
            "record": {"known_at": self._making.made_at, "covered_until": self._making.covered_until},
            "clock": {"synchronised": self._making.synchronised},
            "workdays": {"published": self._knows_workdays()},
            "rules": _rules(self._settings),
            "county": county,
            "townships": [self._township(standing) for standing in self._standings],
            "faults": [self._fault(row) for row in self._faults()],
            "repairs": self._repairs(self._month_before) if self._month_before else None,
            "rounds": self._rounds(self._inspection.record.rounds),
            "exempted": list(self._exempted()),
            "unassessed": [self._unassessed(counted) for counted in self._state(Assessment.UNASSESSED)],
            "never_connected": [
                self._named(counted) for counted in self._inspection.counted if not counted.tally.connected
            ],
            "moved": [
                {
                    "camera": move.camera.id,
                    "name": move.camera.name,
                    "from": self._township_name(move.origin),
                    "to": self._township_name(move.target),
                    "at": self._iso(move.at),
                }
                for move in moves(self._inspection)
            ],
            "trend": self._trend(county),
            "heat": [
                {"code": code, "name": self._township_name(code), "days": [printed(rate) for rate in days]}
                for code, days in daily_rates(self._inspection).items()
            ],
            "cameras": [self._camera(counted) for counted in self._inspection.counted],
            "end_of_month": {
                condition.value: count for condition, count in closing_conditions(self._inspection).items()
            },
        }

    def _county(self) -> dict[str, Any]:
        row = county_row(self._inspection, self._settings.target_rate)
        totals = self._inspection.county
        return {
            **row,
            **_more_sums(totals),
            **_compared(row, self._county_before),
            "group": "",
            "small": False,
            "planned": totals.planned,
            "cumulative_points": None,
            "faulty": sum(self._inspection.faulty.values()),
            "remark": "",
        }

    def _township(self, standing: Standing) -> dict[str, Any]:
        row = township_row(standing)
        small = standing.totals.registered < self._settings.small_township
        return {
            **row,
            **_more_sums(standing.totals),
            **_compared(row, self._before.get(row["code"])),
            "group": standing.township.group,
            "small": small,
            "planned": standing.totals.planned,
            "cumulative_points": self._year_so_far(row),
            "faulty": standing.faulty,
            "remark": "；".join(_remarks(standing, small=small)),
        }

    def _year_so_far(self, row: Mapping[str, Any]) -> str | None:
        """The mean over the year's months that have points, this one included."""
        year = f"{self._month.year:04d}-"
        points = [
            each["points"]
            for snapshot in self._earlier
            if snapshot["month"].startswith(year)
            for each in snapshot["townships"]
            if each["code"] == row["code"] and each["points"] is not None
        ]
        if row["points"] is not None:
            points.append(row["points"])
        average = mean(points)
        return None if average is None else figure(average)

    def _trend(self, county: Mapping[str, Any]) -> list[dict[str, Any]]:
        rates = ("online_rate", "online_intact_rate")
        past = [
            {"month": each["month"], **{rate: each["county"][rate] for rate in rates}}
            for each in self._earlier[-(TREND - 1) :]
        ]
        return [*past, {"month": str(self._month), **{rate: county[rate] for rate in rates}}]

    def _faults(self) -> list[FaultRow]:
        order = {standing.township.code: number for number, standing in enumerate(self._standings)}

        def key(row: FaultRow) -> tuple[object, ...]:
            camera = row.counted.camera
            township = order[row.counted.tally.township]
            return township, camera.village, camera.name, camera.id, row.first_found, row.fault or ""

        return sorted(fault_rows(self._inspection), key=key)

    def _fault(self, row: FaultRow) -> dict[str, Any]:
        camera = row.counted.camera
        return {
            **self._named(row.counted),
            "village": camera.village,
            "key_point": camera.key_point,
            "fault": row.fault.value if row.fault else None,
            "condition": row.condition.value,
            "first_found": self._iso(row.first_found),
            "lasting": row.lasting,
            "seconds": row.seconds,
            "hours": f"{row.seconds // 3600}.{row.seconds % 3600 // 360}",
            "outages": row.outages,
            "online_intact_rate": printed(row.counted.tally.online_intact_rate),
            "cause": say(f"event.{row.event.kind}", Lang.ZH) if row.event else "",
            "maintainer": {"name": camera.maintainer.name, "phone": camera.maintainer.phone},
            "deadline": str(self._deadline(camera, row)),
            "evidence_at": row.evidence_at,
        }

    def _repairs(self, before: Snapshot) -> dict[str, Any]:
        """What became of the cameras that the month before listed as not restored, as its own list named them."""
        asked = [row for row in before["faults"] if row["lasting"]]
        due = [
            DueRepair(camera=row["camera"], township=row["township"], deadline=date.fromisoformat(row["deadline"]))
            for row in asked
        ]
        found = review(due, self._inspection)
        states = Counter(repair.state for repair in found)
        kept = (
            "camera",
            "name",
            "township",
            "township_name",
            "village",
            "key_point",
            "fault",
            "first_found",
            "deadline",
        )
        return {
            "month": before["month"],
            "state": before["state"],
            "revision": before["revision"],
            "listed": len(before["faults"]),
            "due": len(found),
            "counts": {state.value: states[state] for state in RepairState},
            "rows": [
                {
                    **{key: row[key] for key in kept},
                    "state": repair.state.value,
                    "restored_at": None if repair.restored_at is None else self._iso(repair.restored_at),
                }
                for row, repair in zip(asked, found, strict=True)
            ],
        }

    def _rounds(self, rounds: Sequence[InspectionRound]) -> dict[str, Any]:
        sums = round_sums(rounds, self._month.zone)
        return {
            "valid": sums.valid,
            "by_day": sums.by_day,
            "by_night": sums.by_night,
            "void": sums.void,
            "unfinished": sums.unfinished,
            "looks": sums.looks,
            "rows": [
                {
                    "number": each.number,
                    "began": self._iso(each.started),
                    "ended": None if each.ended is None else self._iso(each.ended),
                    "daylight": each.by_daylight(self._month.zone),
                    "state": each.state.value,
                    "void": each.void,
                    "cameras": each.cameras,
                    **{condition.value: each.counts.get(condition, 0) for condition in Condition},
                }
                for each in rounds
            ],
        }

    def _knows_workdays(self) -> bool:
        """Whether the calendar of days of work reaches over every deadline."""
        calendar, noticed = self._settings.workdays, local_date(self._making.made_at, self._month.zone)
        longest = max(self._settings.deadline_line, self._settings.deadline_device, self._settings.deadline_relocation)
        return all(calendar.knows(day.year) for day in (noticed, calendar.after(noticed, longest)))

    def _deadline(self, camera: Camera, row: FaultRow) -> date:
        noticed = local_date(self._making.made_at, self._month.zone)
        if camera.key_point:
            return noticed + timedelta(days=self._settings.deadline_key_point)
        if row.fault is Fault.MOVED:
            workdays = self._settings.deadline_relocation
        elif row.fault in ON_THE_LINE or (row.event and row.event.kind in EVENTS_ON_THE_LINE):
            workdays = self._settings.deadline_line
        else:
            workdays = self._settings.deadline_device
        return self._settings.workdays.after(noticed, workdays)

    def _exempted(self) -> Iterator[dict[str, Any]]:
        for counted in self._inspection.counted:
            for exemption, _ in counted.exempt:
                yield {**self._named(counted), **self._filing(exemption)}
            if counted.new:
                yield {
                    **self._named(counted),
                    "kind": "new_camera",
                    "reason": "新建点位，按规则免考",
                    "from": self._iso(counted.new[0]),
                    "until": self._iso(counted.new[1]),
                    "filed_at": None,
                    "late": False,
                    "state": "by_rule",
                }

    def _filing(self, exemption: Exemption) -> dict[str, Any]:
        return {
            "kind": exemption.kind.value,
            "reason": exemption.reason,
            "from": self._iso(exemption.began),
            "until": self._iso(exemption.ended),
            "filed_at": self._iso(exemption.filed_at),
            "late": exemption.late,
            "state": exemption.state.value,
        }

    def _unassessed(self, counted: Counted) -> dict[str, Any]:
        row = counted.tally
        share = Fraction(row.accountable, row.service - row.exempt)
        return {**self._named(counted), "accountable_share": printed(share)}

    def _state(self, assessment: Assessment) -> Iterator[Counted]:
        return (counted for counted in self._inspection.counted if counted.tally.assessment is assessment)

    def _camera(self, counted: Counted) -> dict[str, Any]:
        return {
            **camera_row(counted),
            "name": counted.camera.name,
            "village": counted.camera.village,
            "key_point": counted.camera.key_point,
            "online_intact_rate": printed(counted.tally.online_intact_rate),
        }

    def _named(self, counted: Counted) -> dict[str, Any]:
        return {
            "camera": counted.camera.id,
            "name": counted.camera.name,
            "township": counted.tally.township,
            "township_name": self._township_name(counted.tally.township),
        }

    def _township_name(self, code: str) -> str:
        return self._inspection.record.township(code).name

    def _iso(self, at: int) -> str:
        return datetime.fromtimestamp(at, self._month.zone).isoformat(timespec="seconds")


def _compared(row: Mapping[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
    """What has changed since the month before; a township that was not there then has nothing to compare."""
    old_rate = before["online_intact_rate"] if before else None
    old_place = before["place"] if before else None
    both_placed = row["place"] is not None and old_place is not None
    return {
        "previous_place": old_place,
        "previous_online_intact_rate": old_rate,
        "change": change(row["online_intact_rate"], old_rate),
        "change_places": old_place - row["place"] if both_placed else None,
        "months_below": months_below(row["reaches_target"], before["months_below"] if before else 0),
    }


def _more_sums(row: Totals) -> dict[str, Any]:
    return {
        "unknown_by": {cause.value: row.all_unknown.get(cause, 0) for cause in Cause},
        "unknown_share_by": {cause.value: printed(row.unknown_share_by(cause)) for cause in Cause},
        "connected_rate": printed(row.connected_rate),
        "equivalent_intact": None if row.equivalent_intact is None else figure(row.equivalent_intact),
    }


def _remarks(standing: Standing, *, small: bool) -> Iterator[str]:
    if standing.totals.registered == 0:
        yield "无在用点位"
    elif standing.rate is None:
        yield "无应检时长"
    if small and standing.totals.registered:
        yield "基数较小"


def _rules(settings: Settings) -> dict[str, Any]:
    rules = {
        "version": RULES_VERSION,
        "lines": [list(line) for line in _in_words(settings)],
        "values": settings.values,
    }
    return {**rules, "digest": digest({**rules, "target": settings.target, "basis": settings.basis})}


def _in_words(settings: Settings) -> Iterator[tuple[str, str]]:
    """The counting rules for the annex: heading, sentence."""
    link = "计入" if settings.link_failure_counts else "不计入，单列为链路中断"
    yield "统计周期", "自当月1日0时起至次月1日0时止，按整秒计算。"
    yield (
        "状态",
        "任一时刻每个点位恰处于在线完好、在线异常、离线、未判定四种状态之一；因巡检方原因无法查看的时段为未判定。",
    )
    yield "服务时长", "在线完好、在线异常、离线、报备、未判定五部分时长之和恒等于服务时长。"
    yield "应检时长", "服务时长减去报备时长和未判定时长。"
    yield "在线率", "（在线完好时长＋在线异常时长）÷应检时长。"
    yield "完好率", "在线完好时长÷（在线完好时长＋在线异常时长）。"
    yield (
        "在线完好率",
        "在线完好时长÷应检时长，等于在线率乘以完好率。各项比率均先求和再相除，不取点位或乡镇比率的平均值。",
    )
    yield "折合完好台数", "在线完好率乘以应检数。"
    yield (
        "未检",
        f"应检时长不足服务时长（扣除报备）{settings.assessed_from}%的点位单列，不进入任何比率；恰为{settings.assessed_from}%的计入。",
    )
    yield (
        "未接入",
        "从未查看到在线的点位逐一列名，计入接入率。接入率＝（建档数－未接入数）÷考核指标数，无考核指标数的按建档数。",
    )
    yield "新建点位", f"有启用日期的点位，启用后{settings.new_days}天内按规则免考。"
    yield "报备", "经批准的报备时段不计；逾期报备予以登记和标注，不予批准。"
    yield "乡镇链路中断", f"乡镇链路中断的时段{link}。"
    yield "调整乡镇", "月中调整乡镇的点位在各乡镇分别计算，全县合计。"
    yield "取位", "比率向下取两位小数，94.996%记为94.99%，为未达标；较上月为两个月公布数之差；名次按精确值排列。"
    yield "名次", "在线完好率相同的名次并列，其后名次顺延；并列的按故障点位数、乡镇编号排列先后。"
    yield "达标", f"在线完好率不低于{settings.target}%。"
    yield (
        "得分",
        (
            f"得分＝{settings.points_full}－{settings.points_per_point}×（{settings.target}－在线完好率），"
            f"不高于{settings.points_full}分，不低于{settings.points_floor}分；累计得分为当年各月公布得分的平均值。"
        ),
    )


def _days(text: str) -> frozenset[date]:
    return frozenset(date.fromisoformat(day) for day in text.split(",") if day)
