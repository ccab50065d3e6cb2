"""A small county with three months behind it, told by another system, as the tests of the month need it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from monitor.config import Config, parse
from monitor.core.condition import Condition, Fault
from monitor.core.fleet import Camera, Contact, Township
from monitor.core.history import Line
from monitor.core.period import Month
from monitor.store import FleetChanges, HistorySource, Store

SHANGHAI = ZoneInfo("Asia/Shanghai")
OCTOBER = Month(2026, 10, SHANGHAI)
NEXT_MORNING = OCTOBER.end + 9000
HISTORY_TAKEN = OCTOBER.end + 600
DAY = 86_400

SETTINGS = """
[site]
county = "云岭县"
office = "云岭县综治中心"
[month]
small_township = 3
"""

TOWNSHIPS = (
    Township(code="01", name="泌水镇", planned=4),
    Township(code="02", name="双桥乡"),
    Township(code="03", name="石门镇"),
)


def config(**more: Any) -> Config:
    """The county's settings, with tables laid over them."""
    return parse(SETTINGS, more)


def camera(number: int, township: str, **fields: Any) -> Camera:
    return Camera(
        id=f"3402000000132000000{number}",
        name=f"{number}号点位",
        township=township,
        village="东村" if number % 2 else "西村",
        host=f"10.0.0.{number}",
        key_point=number == 2,
        maintainer=Contact(name="示范运维", phone="0550-1"),
        **fields,
    )


CAMERAS = (camera(1, "01"), camera(2, "01"), camera(3, "01"), camera(4, "02"), camera(5, "03"))


def fill(store: Store) -> None:
    """The ledger, imported after October was over, and a history of August, September and October."""
    changes = FleetChanges(townships=TOWNSHIPS, cameras=CAMERAS)
    store.save_fleet(changes, who="test", why="first", at=OCTOBER.end + 300)
    source = HistorySource(name="old.jsonl", sha256="0" * 64, who="test")
    taken = store.take_history(list(history()), source, at=HISTORY_TAKEN)
    assert {reception.name for reception in taken} == {"NEW"}


def history() -> Iterator[Line]:
    """Camera 1 is out for four days of each month, 2 for five days of October, 4 black for three; 5 is never seen."""
    august = OCTOBER.previous().previous()
    for number in (1, 2, 3, 4):
        said: list[tuple[int, Condition, Fault | None]] = [(august.start, Condition.INTACT, None)]
        for month in (august, OCTOBER.previous(), OCTOBER):
            if number == 1:
                said += _out(month.start + 5 * DAY, 4, Condition.OFFLINE, Fault.UNREACHABLE)
        if number == 2:
            said += _out(OCTOBER.start + 20 * DAY, 5, Condition.OFFLINE, Fault.REFUSED)
        if number == 4:
            said += _out(OCTOBER.start + 10 * DAY, 3, Condition.IMPAIRED, Fault.BLACK)
        for at, condition, fault in [*said, (OCTOBER.end, Condition.UNKNOWN, None)]:
            yield Line(camera=CAMERAS[number - 1].id, at=at, condition=condition, fault=fault)


def _out(at: int, days: int, condition: Condition, fault: Fault) -> list[tuple[int, Condition, Fault | None]]:
    return [(at, condition, fault), (at + days * DAY, Condition.INTACT, None)]


def write_history(path: Path, lines: Iterable[Line]) -> None:
    """The same as a file for ``history import``."""
    path.write_text("".join(json.dumps(_document(line)) + "\n" for line in lines), encoding="utf-8")


def _document(line: Line) -> dict[str, str]:
    at = datetime.fromtimestamp(line.at, SHANGHAI).isoformat()
    document = {"camera": line.camera, "at": at, "condition": line.condition.value}
    return {**document, "fault": line.fault.value} if line.fault else document
