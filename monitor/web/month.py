"""A month's snapshot as its pages show it: ordered, folded and joined, with every printed figure left as it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import Any

from monitor.charts import heat_classes, heat_grade
from monitor.core.record import Outage
from monitor.web.source import Life, MonthLine, Snapshot
from monitor.web.standings import axis_from, position
from monitor.web.why import Stretch, stretches

Row = Mapping[str, Any]

STRETCHES_SHOWN = 80
OUTAGES_SHOWN = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotient:
    """How a rate comes about, in whole seconds: ``intact`` ÷ (``intact`` + ``impaired`` + ``offline``).

    ``rate`` is the printed one, None without accountable time.
    """

    intact: int
    impaired: int
    offline: int
    rate: str | None

    @classmethod
    def of(cls, row: Row) -> Quotient:
        """The quotient behind a row or a camera of the snapshot."""
        return cls(
            intact=row["intact_s"],
            impaired=row["impaired_s"],
            offline=row["offline_s"],
            rate=row["online_intact_rate"],
        )

    @property
    def lost(self) -> int:
        """The accountable seconds without a usable picture."""
        return self.impaired + self.offline

    @property
    def accountable(self) -> int:
        """The divisor."""
        return self.intact + self.lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One township in the ranking; ``reach`` is where its bar ends on the common axis, 0 to 100."""

    row: Row
    reach: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Townships that rank among themselves; "" where the county has no groups."""

    name: str
    ranked: tuple[Ranked, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One township and day; without a rate it has no grade."""

    day: int
    rate: str | None
    grade: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatRow:
    """One township's days."""

    code: str
    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthView:
    """The county's month. ``faults`` are the commonest first, ``grades`` the words of the heat map's classes."""

    line: MonthLine
    snapshot: Snapshot
    county: Row
    quotient: Quotient
    groups: tuple[Group, ...]
    target_at: float
    reaching: int
    rated: int
    faults: tuple[tuple[str, int], ...]
    heat: tuple[HeatRow, ...]
    grades: tuple[str, ...]

    @property
    def townships(self) -> Sequence[Row]:
        """In printed order."""
        return self.snapshot["townships"]  # type: ignore[no-any-return]  # rows, by the schema


def month_view(line: MonthLine, snapshot: Snapshot) -> MonthView:
    """What the page of the county's month shows."""
    townships, target = snapshot["townships"], snapshot["site"]["target"]
    begins = axis_from(_share(row["online_intact_rate"]) for row in townships)
    classes = heat_classes(target)
    return MonthView(
        line=line,
        snapshot=snapshot,
        county=snapshot["county"],
        quotient=Quotient.of(snapshot["county"]),
        groups=tuple(
            Group(name=name, ranked=tuple(Ranked(row=row, reach=_reach(row, begins)) for row in its))
            for name, its in groupby(townships, key=lambda row: str(row["group"]))
        ),
        target_at=position(Fraction(target) / 100, begins),
        reaching=sum(row["reaches_target"] is True for row in townships),
        rated=sum(row["reaches_target"] is not None for row in townships),
        faults=tuple(sorted(snapshot["county"]["faults"].items(), key=lambda fault: (-fault[1], fault[0]))),
        heat=tuple(
            HeatRow(code=row["code"], name=row["name"], cells=_cells(row["days"], classes)) for row in snapshot["heat"]
        ),
        grades=tuple(words for _, words, _ in classes),
    )


def _share(rate: str | None) -> Fraction | None:
    return None if rate is None else Fraction(rate) / 100


def _reach(row: Row, begins: int) -> float:
    share = _share(row["online_intact_rate"])
    return 0.0 if share is None else position(share, begins)


def _cells(days: Iterable[str | None], classes: Sequence[tuple[float, str, str]]) -> tuple[Cell, ...]:
    return tuple(
        Cell(day=day, rate=rate, grade=None if rate is None else heat_grade(rate, classes))
        for day, rate in enumerate(days, 1)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraLine:
    """One camera's month in the township, with the faults that cost it time."""

    row: Row
    quotient: Quotient
    faults: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """An outage of that day, with the camera's name."""

    outage: Outage
    name: str
    village: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayView:
    """One day of the township: its rate, and what counted against it, longest first."""

    day: int
    rate: str | None
    missed: tuple[Missed, ...]
    hidden: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TownshipView:
    """A township's month. Cameras with most time lost come first, then those that were not assessed."""

    row: Row
    quotient: Quotient
    cameras: tuple[CameraLine, ...]
    days: tuple[Cell, ...]
    exempted: tuple[Row, ...]
    unassessed: tuple[Row, ...]
    never_connected: tuple[Row, ...]


def township_view(snapshot: Snapshot, code: str) -> TownshipView | None:
    """What the page of a township's month shows; None for a township that the month does not have."""
    row = next((row for row in snapshot["townships"] if row["code"] == code), None)
    if row is None:
        return None
    faults: dict[str, list[Row]] = defaultdict(list)
    for fault in snapshot["faults"]:
        if fault["township"] == code:
            faults[fault["camera"]].append(fault)
    lines = [
        CameraLine(row=piece, quotient=Quotient.of(piece), faults=tuple(faults[piece["id"]]))
        for piece in snapshot["cameras"]
        if piece["township"] == code
    ]
    lines.sort(key=lambda line: (line.row["state"] != "assessed", -line.quotient.lost, line.row["id"]))
    days = next((row["days"] for row in snapshot["heat"] if row["code"] == code), ())
    return TownshipView(
        row=row,
        quotient=Quotient.of(row),
        cameras=tuple(lines),
        days=_cells(days, heat_classes(snapshot["site"]["target"])),
        exempted=_of_township(snapshot["exempted"], code),
        unassessed=_of_township(snapshot["unassessed"], code),
        never_connected=_of_township(snapshot["never_connected"], code),
    )


def _of_township(rows: Iterable[Row], code: str) -> tuple[Row, ...]:
    return tuple(row for row in rows if row["township"] == code)


def day_view(view: TownshipView, day: int, outages: Iterable[Outage]) -> DayView:
    """What a day of the township shows. An outage that goes on is the longest."""
    known = {line.row["id"]: line.row for line in view.cameras}
    ordered = sorted(outages, key=lambda outage: (outage.ended is not None, outage.began - (outage.ended or 0)))
    missed = tuple(
        Missed(
            outage=outage,
            name=known[outage.camera]["name"] if outage.camera in known else outage.camera,
            village=known[outage.camera]["village"] if outage.camera in known else "",
        )
        for outage in ordered[:OUTAGES_SHOWN]
    )
    return DayView(day=day, rate=view.days[day - 1].rate, missed=missed, hidden=max(0, len(ordered) - OUTAGES_SHOWN))


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraPiece:
    """The camera's service in one township."""

    row: Row
    township: str
    quotient: Quotient


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraView:
    """One camera's month: what was counted, and the intervals that it was counted from, newest first."""

    id: str
    name: str
    village: str
    key_point: bool
    pieces: tuple[CameraPiece, ...]
    faults: tuple[Row, ...]
    exempted: tuple[Row, ...]
    stretches: tuple[Stretch, ...]
    hidden_stretches: int

    @property
    def looks(self) -> frozenset[int]:
        """When the looks that are shown were."""
        return frozenset(look.evidence.at for stretch in self.stretches for look in stretch.looks)


def camera_view(snapshot: Snapshot, camera: str, life: Life) -> CameraView | None:
    """What the page of a camera's month shows; None for a camera that the month does not have."""
    names = {row["code"]: row["name"] for row in snapshot["townships"]}
    pieces = tuple(
        CameraPiece(row=row, township=names.get(row["township"], row["township"]), quotient=Quotient.of(row))
        for row in snapshot["cameras"]
        if row["id"] == camera
    )
    if not pieces:
        return None
    newest = pieces[-1].row
    return CameraView(
        id=camera,
        name=newest["name"],
        village=newest["village"],
        key_point=newest["key_point"],
        pieces=pieces,
        faults=tuple(row for row in snapshot["faults"] if row["camera"] == camera),
        exempted=tuple(row for row in snapshot["exempted"] if row["camera"] == camera),
        stretches=stretches(life, STRETCHES_SHOWN),
        hidden_stretches=max(0, len(life.intervals) - STRETCHES_SHOWN),
    )
