"""Made-up snapshots for whoever lays out papers: a small county, and one of 22 townships and 4,000 cameras."""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from itertools import cycle
from typing import Any

from monitor.core.availability import Assessment, Tally, Totals, percent, totals
from monitor.core.condition import Cause, Fault

ZONE = timezone(timedelta(hours=8))
BEGAN = datetime(2026, 10, 1, tzinfo=ZONE)
ENDED = datetime(2026, 11, 1, tzinfo=ZONE)
SECONDS = 31 * 86400
TARGET = Fraction(95, 100)

NAMES = (
    "城关镇",
    "柳河镇",
    "青石镇",
    "白塔镇",
    "双桥镇",
    "云岭镇",
    "石门镇",
    "南坪镇",
    "大河镇",
    "杨集镇",
    "安平镇",
    "高店镇",
    "三合乡",
    "竹溪乡",
    "龙泉乡",
    "梅岭乡",
    "清水乡",
    "望城街道",
    "新华街道",
    "开发区街道",
    "马家湾乡",
    "阿克托别乡",
)
VILLAGES = ("东", "西", "南", "北", "上", "下", "新", "老")
PLACES = ("村委会门口", "小学校门", "十字路口", "卫生室", "文化广场", "公交站", "水库大坝", "集贸市场东侧")
KINDS = ("枪机", "球机", "卡口", "高点")
FAULT_CONDITIONS = {
    Fault.UNREACHABLE: "offline",
    Fault.REFUSED: "offline",
    Fault.UNAUTHORIZED: "impaired",
    Fault.NO_STREAM: "impaired",
    Fault.CORRUPTED: "impaired",
    Fault.SIGNAL_LOSS: "impaired",
    Fault.BLACK: "impaired",
    Fault.FROZEN: "impaired",
    Fault.COVERED: "impaired",
}
HOSTILE = (
    "#let x = 1; $y$ *b* _i_ `raw` @ref <label> \\ // /* */",
    "<script>alert(1)</script>&amp;{{ 7*7 }}{% raw %}",
    '=HYPERLINK("http://example.invalid")',
    "\u202eتجربة\u202c 零\u200b宽 📷 𠮷野 㐂 龘",
    "长" * 300,
    "第一行\n第二行\t制表\x07",
)
RULES = (
    ("计算依据", "按时长计算:每台摄像机每一秒恰处于一种状态。"),
    ("在线完好率", "在线完好时长 ÷ 应检时长,等于在线率 × 完好率;先求和再相除,不作平均之平均。"),
    ("应检时长", "服务时长 − 报备时长 − 未判定时长。"),
    ("未检", "应检时长不足服务时长(扣除报备)10% 的摄像机单列,不进入任何比率。"),
    ("取位", "各项比率向下取两位小数:94.996% 记为 94.99%,为未达标。"),
    ("得分", "得分 = 100 − 1 × (95 − 在线完好率),不高于 100,不低于 0。"),
)


@dataclass(frozen=True, slots=True)
class _Camera:
    id: str
    name: str
    township: int
    village: str
    key_point: bool
    tally: Tally
    faults: tuple[tuple[Fault, int, int], ...]
    """fault, seconds, outages"""


def big(cameras: int = 4000) -> dict[str, Any]:
    """22 townships with 4,000 cameras and a working month: outages, exemptions, 未检, 未接入, a moved camera."""
    return _snapshot(cameras, NAMES, seed=7)


def small() -> dict[str, Any]:
    """Three townships with 24 cameras: every township carries the small-township mark, one has no rate at all."""
    return _snapshot(24, NAMES[:3], seed=3, dark=2)


def hostile() -> dict[str, Any]:
    """Three townships whose faulty cameras have names that no paper may stumble over."""
    snapshot = _snapshot(90, NAMES[:3], seed=5)
    for row, name in zip(snapshot["faults"], cycle(HOSTILE), strict=False):
        tables = {
            "id": snapshot["cameras"],
            "camera": [
                *snapshot["faults"],
                *snapshot["exempted"],
                *snapshot["unassessed"],
                *snapshot["repairs"]["rows"],
            ],
        }
        for key, its in tables.items():
            for each in its:
                if each[key] == row["camera"]:
                    each["name"] = name
    snapshot["townships"][0]["name"] = HOSTILE[0]
    return snapshot


def canonical(snapshot: Mapping[str, Any]) -> bytes:
    """The bytes that a snapshot is stored and hashed as."""
    text = json.dumps(snapshot, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode() + b"\n"


def _snapshot(count: int, names: Sequence[str], *, seed: int, dark: int | None = None) -> dict[str, Any]:
    dice = random.Random(seed)
    cameras = [_camera(number, number % len(names), dice, dark) for number in range(count)]
    townships = _rows(cameras, names, dice)
    order = {row["code"]: place for place, row in enumerate(townships)}
    county = _row("", "全县", totals(camera.tally for camera in cameras), place=None, dice=dice)
    county |= {"points": None, "cumulative_points": None, "previous_place": None, "change_places": None}
    return {
        "schema": "xunjian/month-snapshot/2",
        "month": "2026-10",
        "state": "frozen",
        "revision": 1,
        "reason": "",
        "basis": "time",
        "demo": True,
        "made_at": _iso(ENDED + timedelta(hours=2, minutes=30)),
        "program": {"name": "xunjian", "version": "0.1.0"},
        "site": {"county": "示范县", "office": "示范县综治中心", "timezone": "Asia/Shanghai", "target": "95"},
        "period": {"began": _iso(BEGAN), "ended": _iso(ENDED), "days": 31},
        "record": {
            "known_at": int(ENDED.timestamp()) + 9000,
            "covered_until": int(ENDED.timestamp()) + 8990,
        },
        "clock": {"synchronised": True},
        "workdays": {"published": True},
        "rules": {
            "version": "1",
            "digest": hashlib.sha256(repr(RULES).encode()).hexdigest(),
            "lines": [list(line) for line in RULES],
            "values": {"basis": "time", "target": "95", "new_days": 30},
        },
        "county": county,
        "townships": townships,
        "faults": sorted(_faults(cameras, names, dice), key=lambda row: _fault_order(row, order)),
        "repairs": _repairs(cameras, names),
        "rounds": _rounds(count),
        "exempted": [
            {
                **_named(camera, names),
                "kind": "construction",
                "reason": "村道拓宽,杆件迁移",
                "from": _iso(BEGAN + timedelta(days=3, hours=8)),
                "until": _iso(BEGAN + timedelta(days=20, hours=8)),
                "filed_at": _iso(BEGAN + timedelta(days=2)),
                "late": False,
                "state": "approved",
            }
            for camera in cameras
            if camera.tally.exempt
        ],
        "unassessed": [
            {**_named(camera, names), "accountable_share": percent(Fraction(camera.tally.accountable, SECONDS))}
            for camera in cameras
            if camera.tally.assessment is Assessment.UNASSESSED
        ],
        "never_connected": [_named(camera, names) for camera in cameras if not camera.tally.connected],
        "moved": [
            {
                "camera": cameras[1].id,
                "name": cameras[1].name,
                "from": names[0],
                "to": names[1],
                "at": _iso(BEGAN + timedelta(days=14)),
            }
        ],
        "trend": [
            {
                "month": f"2026-{month:02}",
                "online_rate": f"9{month - 3}.{month}4",
                "online_intact_rate": f"9{month - 4}.1{month - 5}",
            }
            for month in (7, 8, 9)
        ]
        + [{"month": "2026-10", **{key: county[key] for key in ("online_rate", "online_intact_rate")}}],
        "heat": [
            {
                "code": f"{number + 1:02}",
                "name": name,
                "days": [None if number == dark else _printed(dice.triangular(0.88, 1, 0.99)) for _ in range(31)],
            }
            for number, name in enumerate(names)
        ],
        "cameras": [_piece(camera) for camera in sorted(cameras, key=lambda each: (each.tally.township, each.id))],
        "end_of_month": {"intact": count * 19 // 20, "impaired": count // 50, "offline": count // 50, "unknown": 0}
        | {"unknown": count - count * 19 // 20 - 2 * (count // 50)},
    }


def _camera(number: int, township: int, dice: random.Random, dark: int | None) -> _Camera:
    village = f"{dice.choice(VILLAGES)}{NAMES[township][0]}村"
    faults: list[tuple[Fault, int, int]] = []
    unknown = SECONDS if township == dark or number % 701 == 700 else dice.choice((0, 0, 0, 300, 4000))
    exempt = 17 * 86400 if number % 211 == 210 else 0
    left = SECONDS - unknown - exempt if unknown < SECONDS else 0
    if left and dice.random() < 0.12 + 0.01 * township:
        faults += [
            (fault, int(left * dice.triangular(0.001, 0.9, 0.05)) // 2, dice.choice((1, 1, 2, 5)))
            for fault in dice.sample(sorted(FAULT_CONDITIONS), dice.choice((1, 1, 1, 2)))
        ]
    spent = {
        word: sum(s for fault, s, _ in faults if FAULT_CONDITIONS[fault] == word) for word in ("impaired", "offline")
    }
    tally = Tally(
        camera=f"3402000000132{number:07}",
        township=f"{township + 1:02}",
        assessment=Assessment.ASSESSED if left else Assessment.UNASSESSED,
        service=SECONDS,
        intact=left - sum(spent.values()),
        impaired=spent["impaired"],
        offline=spent["offline"],
        exempt=exempt if left else 0,
        unknown=unknown,
        unknown_by={Cause.OURS: unknown} if unknown else {},
        connected=bool(left),
        outages=sum(outages for _, _, outages in faults),
        faults=frozenset(fault for fault, _, _ in faults),
    )
    return _Camera(
        id=tally.camera,
        name=f"{village}{PLACES[number % len(PLACES)]}{dice.choice(KINDS)}",
        township=township,
        village=village,
        key_point=number % 9 == 0,
        tally=tally,
        faults=tuple(faults),
    )


def _rows(cameras: Iterable[_Camera], names: Sequence[str], dice: random.Random) -> list[dict[str, Any]]:
    tallies: dict[int, list[Tally]] = defaultdict(list)
    for camera in cameras:
        tallies[camera.township].append(camera.tally)
    sums = {number: totals(its, planned=len(its) + 2) for number, its in tallies.items()}
    ordered = sorted(sums, key=lambda number: (sums[number].online_intact_rate is None, -_rate(sums[number])))
    rows = []
    for number in ordered:
        rate = sums[number].online_intact_rate
        place = None if rate is None else 1 + sum(_rate(other) > rate for other in sums.values())
        rows.append(_row(f"{number + 1:02}", names[number], sums[number], place=place, dice=dice))
    return rows


def _rate(row: Totals) -> Fraction:
    return row.online_intact_rate or Fraction(0)


def _row(code: str, name: str, row: Totals, *, place: int | None, dice: random.Random) -> dict[str, Any]:
    rate = row.online_intact_rate
    printed = _percent(rate)
    before = None if rate is None else _printed(min(1.0, float(rate) + dice.uniform(-0.02, 0.02)))
    moved = dice.randint(-3, 3)
    return {
        "code": code,
        "name": name,
        "group": "",
        "small": bool(code) and row.registered < 30,
        "planned": row.planned,
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
        "unknown_by": {cause.value: row.all_unknown.get(cause, 0) for cause in Cause},
        "online_rate": _percent(row.online_rate),
        "intact_rate": _percent(row.intact_rate),
        "online_intact_rate": printed,
        "exempt_share": _percent(row.exempt_share),
        "unknown_share": _percent(row.unknown_share),
        "unknown_share_by": {cause.value: _percent(row.unknown_share_by(cause)) for cause in Cause},
        "connected_rate": _percent(row.connected_rate),
        "equivalent_intact": None if row.equivalent_intact is None else percent(row.equivalent_intact / 100),
        "reaches_target": None if rate is None else rate >= TARGET,
        "place": place,
        "points": None if rate is None else percent(min(Fraction(1), 1 - (TARGET - rate))),
        "cumulative_points": None if rate is None else "98.75",
        "previous_place": None if place is None else max(1, place + moved),
        "previous_online_intact_rate": before,
        "change": _change(printed, before),
        "change_places": None if place is None else max(1, place + moved) - place,
        "months_below": 0 if rate is None or rate >= TARGET else dice.randint(1, 4),
        "faulty": sum(row.faults.values()),
        "faults": {fault.value: count for fault, count in sorted(row.faults.items())},
        "remark": "不足30台" if code and row.registered < 30 else "",
    }


def _faults(cameras: Iterable[_Camera], names: Sequence[str], dice: random.Random) -> Iterator[dict[str, Any]]:
    for camera in cameras:
        for fault, seconds, outages in camera.faults:
            offline = fault is Fault.UNREACHABLE
            yield {
                **_named(camera, names),
                "village": camera.village,
                "key_point": camera.key_point,
                "fault": fault.value,
                "condition": FAULT_CONDITIONS[fault],
                "first_found": _iso(BEGAN + timedelta(seconds=dice.randrange(SECONDS - seconds))),
                "lasting": dice.random() < 0.3,
                "seconds": seconds,
                "hours": f"{seconds // 3600}.{seconds % 3600 // 360}",
                "outages": outages,
                "online_intact_rate": _percent(camera.tally.online_intact_rate),
                "cause": dice.choice(("", "", "录像机离线", "疑似断电", "乡镇链路中断")) if offline else "",
                "maintainer": {"name": "示范安防运维公司", "phone": "0550-0000001"},
                "deadline": "2026-11-02" if camera.key_point else "2026-11-04" if offline else "2026-11-10",
                "evidence_at": int(BEGAN.timestamp()) + dice.randrange(SECONDS),
            }


def _repairs(cameras: Iterable[_Camera], names: Sequence[str]) -> dict[str, Any]:
    """A list of September that named every tenth faulty camera of October as not restored."""
    states = cycle(("done", "done", "late", "overdue", "done", "exempt", "overdue", "unknown", "left", "open"))
    rows = [
        {
            **_named(camera, names),
            "village": camera.village,
            "key_point": camera.key_point,
            "fault": camera.faults[0][0].value,
            "first_found": _iso(BEGAN - timedelta(days=9, hours=5)),
            "deadline": "2026-11-05" if state == "open" else "2026-10-02" if camera.key_point else "2026-10-13",
            "state": state,
            "restored_at": {"done": _iso(BEGAN + timedelta(days=1)), "late": _iso(BEGAN + timedelta(days=20))}.get(
                state
            ),
        }
        for camera, state in zip([each for each in cameras if each.faults][::10], states, strict=False)
    ]
    counts = {
        state: sum(row["state"] == state for row in rows)
        for state in ("done", "late", "open", "overdue", "exempt", "unknown", "left")
    }
    return {
        "month": "2026-09",
        "state": "frozen",
        "revision": 1,
        "listed": 3 * len(rows),
        "due": len(rows),
        "counts": counts,
        "rows": rows,
    }


def _rounds(cameras: int) -> dict[str, Any]:
    """Eight rounds, one of them void, and one in which the monitor was stopped."""
    rows = []
    for number in range(9):
        began = BEGAN + timedelta(days=2 + 3 * number, hours=22 if number % 2 else 10)
        state = "void" if number == 3 else "unfinished" if number == 6 else "valid"
        counts = {"intact": cameras - cameras // 25, "impaired": cameras // 50, "offline": cameras // 50, "unknown": 0}
        if state != "valid":
            counts = dict.fromkeys(counts, 0) | {"unknown": cameras if state == "void" else 0}
        rows.append(
            {
                "number": 40 + number,
                "began": _iso(began),
                "ended": None if state == "unfinished" else _iso(began + timedelta(minutes=24, seconds=number)),
                "daylight": number % 2 == 0,
                "state": state,
                "void": "canary" if state == "void" else None,
                "cameras": sum(counts.values()),
                **counts,
            }
        )
    valid = [row for row in rows if row["state"] == "valid"]
    return {
        "valid": len(valid),
        "by_day": sum(row["daylight"] for row in valid),
        "by_night": sum(not row["daylight"] for row in valid),
        "void": 1,
        "unfinished": 1,
        "looks": sum(row["cameras"] for row in valid),
        "rows": rows,
    }


def _fault_order(row: Mapping[str, Any], order: Mapping[str, int]) -> tuple[object, ...]:
    return order[row["township"]], row["village"], row["name"], row["camera"], row["fault"]


def _named(camera: _Camera, names: Sequence[str]) -> dict[str, str]:
    return {
        "camera": camera.id,
        "name": camera.name,
        "township": camera.tally.township,
        "township_name": names[camera.township],
    }


def _piece(camera: _Camera) -> dict[str, Any]:
    row = camera.tally
    return {
        "id": camera.id,
        "name": camera.name,
        "township": row.township,
        "village": camera.village,
        "key_point": camera.key_point,
        "state": row.assessment.value,
        "service_s": row.service,
        "intact_s": row.intact,
        "impaired_s": row.impaired,
        "offline_s": row.offline,
        "exempt_s": row.exempt,
        "unknown_s": row.unknown,
        "outages": row.outages,
        "online_intact_rate": _percent(row.online_intact_rate),
    }


def _percent(rate: Fraction | None) -> str | None:
    return None if rate is None else percent(rate)


def _printed(share: float) -> str:
    return percent(Fraction(share).limit_denominator(10**6))


def _change(now: str | None, before: str | None) -> str | None:
    if now is None or before is None:
        return None
    hundredths = round(float(now) * 100) - round(float(before) * 100)
    sign = "+" if hundredths > 0 else "-" if hundredths < 0 else ""
    return f"{sign}{abs(hundredths) // 100}.{abs(hundredths) % 100:02}"


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
