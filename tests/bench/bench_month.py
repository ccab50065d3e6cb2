"""A month of the whole county, counted out of a year's record on disk; and how big that record is."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from monitor.config import Config
from monitor.core.condition import Cause, Condition, Fault
from monitor.core.exemption import Kind, Scope
from monitor.core.period import Month
from monitor.core.record import Event, Gap, Transition
from monitor.months import inspect_month, show
from monitor.store import Batch, Coverage, FleetChanges, NewExemption, Store, TransitionRecord
from reports.monthly import SETTLE_S, entries, freeze
from tests.bench import county
from tests.bench.measure import Meter, Result, median_of

SITE = ZoneInfo("Asia/Shanghai")
MONTHS = 12
LAST = Month(2026, 10, SITE)
CONFIG = Config()
COUNTED_AT = LAST.end + SETTLE_S
RUNS = 5
PORTION = 20_000

OUTAGES = 1
"""of an ordinary camera in a month"""
FLAPPING, FLAPS = 50, 200
"""one camera of so many goes down so often in a month"""
RESTARTS = 1
"""of the monitor in a month: each begins an unknown of every camera, ended by its next look"""
FAULTS = (
    (Condition.OFFLINE, Fault.UNREACHABLE),
    (Condition.OFFLINE, Fault.REFUSED),
    (Condition.IMPAIRED, Fault.NO_STREAM),
    (Condition.IMPAIRED, Fault.BLACK),
    (Condition.IMPAIRED, Fault.FROZEN),
)


def month_of_a_year(cameras: int) -> Result:
    """``month show`` of the last of twelve months, out of a database that holds all of them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "year.db"
        written = _year(path, cameras)
        with Store.open(f"sqlite:///{path}", at=LAST.end) as store:

            def count(_: int) -> dict[str, Any]:
                with store.snapshot() as reader:
                    return show(inspect_month(reader, CONFIG, LAST, COUNTED_AT), CONFIG, "closed")

            if len(count(0)["cameras"]) != cameras:
                raise RuntimeError("the month does not hold every camera")
            usage = median_of(RUNS, count)
    return Result(what="month show", items=cameras, usage=usage, notes={"transitions a year": written})


def freeze_of_a_year(cameras: int) -> Result:
    """``month freeze`` after eleven frozen months: counted, composed, stored. And how big all of that is."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "year.db"
        _year(path, cameras)
        with Store.open(f"sqlite:///{path}", at=LAST.end) as store:
            for each in entries(store, CONFIG, COUNTED_AT)[:-2]:
                freeze(store, CONFIG, each.month, each.month.end + SETTLE_S, who="bench")
            with Meter() as meter:
                frozen = freeze(store, CONFIG, LAST, COUNTED_AT, who="bench")
            snapshot = len(store.snapshot_content(frozen.entry))
        size = sum(file.stat().st_size for file in Path(folder).glob("year.db*"))
    notes: dict[str, object] = {"snapshot KiB": snapshot // 1024, "database MB": round(size / 1e6, 1)}
    return Result(what="month freeze", items=cameras, usage=meter.usage, notes=notes)


def _year(path: Path, cameras: int) -> int:
    """Write a year of a county's life; returns how many transitions that were."""
    fleet = county.fleet(cameras)
    first = LAST
    for _ in range(MONTHS - 1):
        first = first.previous()
    with Store.open(f"sqlite:///{path}", at=first.start) as store:
        everybody = FleetChanges(townships=tuple(fleet.townships.values()), cameras=tuple(fleet.cameras.values()))
        store.save_fleet(everybody, who="bench", why="made up", at=first.start)
        written, month = 0, first
        while month.start < LAST.end:
            written += _write_month(store, month, list(fleet.cameras), first=month == first)
            month = month.next()
        store.write(Batch(coverage=Coverage(boot="b", began=first.start, until=COUNTED_AT - 10))).result()
        for number in range(40):
            began = LAST.start + number * 50_000
            scope = Scope(township=f"{number % county.TOWNSHIPS + 1:02}") if number < 4 else Scope(camera=_id(number))
            new = NewExemption(
                scope=scope,
                kind=Kind.CONSTRUCTION,
                began=began,
                ended=began + 400_000,
                reason="made up",
                filed_at=began - 86_400,
            )
            filed = store.file_exemption(new, who="bench", at=began)
            store.decide_exemption(filed.id, approve=True, by="bench", who="bench", at=began)
    return written


def _write_month(store: Store, month: Month, cameras: list[str], *, first: bool) -> int:
    transitions = _transitions(month, cameras, first=first)
    written = 0
    while portion := tuple(islice(transitions, PORTION)):
        store.write(Batch(transitions=portion)).result()
        written += len(portion)
    gaps = tuple(
        Gap(
            began=month.start + number * 90_000,
            ended=month.start + number * 90_000 + 240,
            cause=Cause.OURS,
            reason="canary",
        )
        for number in range(20)
    )
    events = tuple(
        Event(
            kind="recorder",
            place=f"10.0.0.{number}:554",
            township="01",
            began=month.start + number * 20_000,
            ended=month.start + number * 20_000 + 3600,
            cameras=tuple(cameras[number : number + 8]),
            of=9,
        )
        for number in range(100)
    )
    store.write(Batch(gaps=gaps, events=events)).result()
    return written


def _transitions(month: Month, cameras: list[str], *, first: bool) -> Iterator[TransitionRecord]:
    """Everybody's transitions; the last of the month leaves every camera intact."""
    length = month.end - month.start
    for number, camera in enumerate(cameras):
        dice = random.Random(f"{camera} {month}")
        times = FLAPS if number % FLAPPING == 0 else OUTAGES
        said: list[tuple[int, Condition, Fault | None, Cause | None]] = []
        if first:
            said.append((0, Condition.INTACT, None, None))
        for began in sorted(dice.sample(range(1000, length - 90_000, 1000), times)):
            condition, fault = dice.choice(FAULTS)
            said += [(began, condition, fault, None), (began + dice.randrange(60, 990), Condition.INTACT, None, None)]
        for restart in range(RESTARTS):
            at = length - 80_000 + restart * 30_000
            said += [(at, Condition.UNKNOWN, None, Cause.OURS), (at + number % 300 + 1, Condition.INTACT, None, None)]
        for after, condition, its_fault, cause in said:
            at = month.start + after
            yield TransitionRecord(
                transition=Transition(
                    camera=camera,
                    at=at,
                    condition=condition,
                    fault=its_fault,
                    cause=cause,
                    decided_at=at + 80,
                    looks=(at, at + 20, at + 80),
                ),
                witnesses={"canary": "ok"},
                evidence_at=at if its_fault else None,
            )


def _id(number: int) -> str:
    return f"3402000000132{number:07}"


BENCHMARKS: dict[str, Callable[[int], Result]] = {"month.show": month_of_a_year, "month.freeze": freeze_of_a_year}
