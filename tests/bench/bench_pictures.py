"""Are faults found in pictures, and is no sound camera accused?

Each camera is looked at by day and by night, then again in other light, weather and traffic, and last with faults.
Half of the cameras learn from every good look, as they do in a county; the references of the others stay as they
were. Nothing is fetched; BENCH_PHOTOGRAPHS may name a folder of pictures that are taken as places besides.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from probes.image.judgement import Judged, PictureJudgement
from probes.picture import GRAVE
from tests.bench.lens import Lens, Shot, Watch
from tests.bench.measure import Meter, Result, Rows
from tests.bench.scenery import Place, paint_place, place_of_photograph
from tests.bench.tampering import CASES, Case, holed, shifted
from tests.bench.weather import CONDITIONS, REVISITS, Condition, Moment, View, day, infrared, street_lamps

NOON, HOUR = 1_795_492_800.0, 3600.0
"""2026-11-24 12:00 in the county."""
REVISITS_EACH, FAULTS_EACH = 10, 6
CAMERAS_PER_PLACE = 4
PROCESSES = 2
UNCHANGED = "nothing changes"
"""The one revisit at which a sound camera might look frozen."""
CASE: Mapping[str, Case] = {case.name: case for case in CASES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of one look: at a revisit called ``name``, or at the fault of that name in one ``condition``."""

    name: str
    condition: str
    faults: tuple[str, ...]
    number: int
    codec: str

    @property
    def grave(self) -> bool:
        """Whether the camera would be accused."""
        return not GRAVE.isdisjoint(self.faults)


class Camera:
    """One camera of the bench, and its life there."""

    def __init__(self, number: int, place: Place) -> None:
        self.number = number
        self.place = place
        self.lens = Lens.of(number)
        self.rng = np.random.default_rng((number, 3))
        self.watch = Watch(self.lens.codec)
        self.learns = number % 4 < 2
        self.at = NOON

    def live(self) -> Iterator[Finding]:
        """All looks at it."""
        self._learn_references()
        names = [*REVISITS, UNCHANGED]
        for turn in range(REVISITS_EACH):
            name = names[(self.number * REVISITS_EACH + turn) % len(names)]
            yield self._revisit(name)
        conditions = list(Condition)
        for turn in range(FAULTS_EACH):
            draw = self.number * FAULTS_EACH + turn
            yield self._fault(CASES[draw % len(CASES)], conditions[draw // len(CASES) % len(conditions)])

    def _learn_references(self) -> None:
        """By day and by night, twice each, so that a clock can be found."""
        night: Moment = infrared if self.rng.random() < 0.85 else street_lamps
        for moment in (day, night) if self.rng.random() < 0.5 else (night, day):
            view = moment(self.place, self.rng)
            self.watch.learn(self._shot(view), self.at)
            self.watch.learn(self._shot(view), self.at + 60)
            self.at += 6 * HOUR

    def _revisit(self, name: str) -> Finding:
        self.at += 6 * HOUR + 17
        if name == UNCHANGED:
            view = (day, infrared)[int(self.rng.integers(2))](self.place, self.rng)
            self.watch.learn(self._shot(view), self.at)
            self.at += float(self.rng.choice((60, 1800, 6 * HOUR)))
        else:
            view = REVISITS[name](self.place, self.rng)
        renamed = "HEXI ZHEN 07" if self.rng.random() < 0.1 else None
        judged = (self.watch.learn if self.learns else self.watch.look)(self._shot(view, renamed=renamed), self.at)
        return self._finding(name, "", judged)

    def _finding(self, name: str, condition: str, judged: PictureJudgement) -> Finding:
        faults = _faults(judged)
        return Finding(name=name, condition=condition, faults=faults, number=self.number, codec=self.lens.codec)

    def _fault(self, case: Case, condition: Condition) -> Finding:
        view = case.spoil(CONDITIONS[condition](self.place, self.rng), self.rng)
        at = self.at + 7 * HOUR
        before = self.watch.memory
        shot = self._stuck(case, view, at) if case.stands_s else self._faulty(case, view)
        judged = self.watch.look(shot, at)
        self.watch.memory = before
        return Finding(
            name=case.name, condition=condition, faults=_faults(judged), number=self.number, codec=self.lens.codec
        )

    def _shot(self, view: View, *, renamed: str | None = None) -> Shot:
        return lambda at: self.lens.encode(self.lens.develop(view, self.rng, at, name=renamed))

    def _faulty(self, case: Case, view: View) -> Shot:
        def shot(at: float) -> bytes:
            shaken = shifted(view, case.shakes_px, self.rng) if case.shakes_px else view
            frame = self.lens.encode(self.lens.develop(shaken, self.rng, at, captioned=case.captioned))
            return holed(frame, case.lost, self.rng) if case.lost else frame

        return shot

    def _stuck(self, case: Case, view: View, at: float) -> Shot:
        """The picture was seen alive once, and has been the same from then on."""
        since = at - case.stands_s
        last, alive = self.lens.develop(view, self.rng, since), self._shot(view)
        self.watch.learn(lambda when: self.lens.encode(last) if when == since else alive(when), since)
        return lambda _: self.lens.encode(last, coarser=int(self.rng.integers(-1, 2)) if case.anew else 0)


def _faults(judged: PictureJudgement) -> tuple[str, ...]:
    """As the picture probe tells them."""
    return ("corrupted",) if judged.judged is Judged.REFUSED else judged.faults


def _lives(numbers: Sequence[int], photographs: Sequence[str]) -> list[Finding]:
    """The findings of cameras that stand at one place; runs in a worker."""
    cv2.setNumThreads(1)
    place = _place(numbers[0] // CAMERAS_PER_PLACE, photographs)
    return [finding for number in numbers for finding in Camera(number, place).live()]


def _place(number: int, photographs: Sequence[str]) -> Place:
    if photographs and number % 2:
        picture = cv2.imread(photographs[number // 2 % len(photographs)], cv2.IMREAD_COLOR)
        if picture is not None:
            return place_of_photograph(np.asarray(picture, np.uint8), np.random.default_rng((number, 4)))
    return paint_place(number)


def faults(cameras: int) -> Result:
    """The whole bench: every camera's life, counted."""
    folder = os.environ.get("BENCH_PHOTOGRAPHS")
    photographs = sorted(str(path) for path in Path(folder).iterdir()) if folder else []
    groups = [range(at, min(at + CAMERAS_PER_PLACE, cameras)) for at in range(0, cameras, CAMERAS_PER_PLACE)]
    spawn = multiprocessing.get_context("spawn")
    with Meter() as meter, ProcessPoolExecutor(PROCESSES, mp_context=spawn) as pool:
        lives = pool.map(_lives, groups, [photographs] * len(groups))
        findings = [finding for life in lives for finding in life]
        meter.stop()
    return Result(
        what="faults in pictures",
        items=len(findings),
        usage=meter.usage,
        notes=_against_goals(findings),
        tables=(_table_of_faults(findings), _table_of_revisits(findings)),
    )


def _against_goals(findings: Sequence[Finding]) -> dict[str, object]:
    """Severe grave faults found / all, by fault; corrupted ones by codec besides, since decoders differ."""
    severe: dict[str, list[bool]] = {}
    for found in findings:
        case = CASE.get(found.name)
        if case is not None and case.is_severe_in(found.condition):
            kind = f"{case.fault} {found.codec}" if case.fault == "corrupted" else case.fault
            severe.setdefault(kind, []).append(found.grave)
    revisits = [found.grave for found in findings if found.name not in CASE]
    every = [grave for each in severe.values() for grave in each]
    return {
        "severe grave faults found": _share(every),
        **{f"{kind}:": _share(each) for kind, each in severe.items()},
        "grave false alarms at revisits": _share(revisits),
    }


def _share(outcomes: Sequence[bool]) -> str:
    return f"{sum(outcomes)}/{len(outcomes)}"


def _table_of_faults(findings: Sequence[Finding]) -> Rows:
    """Found / all by light and weather; brackets where the fault counts for the goal, a dash where there was none."""
    by_cell: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        by_cell.setdefault((finding.name, finding.condition), []).append(finding)
    rows = []
    for case in CASES:
        cells = [by_cell.get((case.name, condition), []) for condition in Condition]
        marked = [
            f"[{_found(case, cell)}]" if case.is_severe_in(condition) else _found(case, cell)
            for condition, cell in zip(Condition, cells, strict=True)
        ]
        every = [finding for cell in cells for finding in cell]
        rows.append((case.fault, case.strength, *marked, _found(case, every), str(sum(each.grave for each in every))))
    return Rows("faults: found / all; [counts for the goal]", ("fault", "strength", *Condition, "all", "grave"), rows)


def _found(case: Case, findings: Sequence[Finding]) -> str:
    found = sum(finding.grave if case.fault in GRAVE else case.fault in finding.faults for finding in findings)
    return f"{found}/{len(findings)}" if findings else "–"


def _table_of_revisits(findings: Sequence[Finding]) -> Rows:
    """What sound cameras were accused of: grave faults by camera, the others by their number."""
    rows = []
    for name in (*REVISITS, UNCHANGED):
        seen = [finding for finding in findings if finding.name == name]
        grave = [finding for finding in seen if finding.grave]
        listed = Counter(fault for finding in seen for fault in finding.faults if fault not in GRAVE)
        accused = ", ".join(f"{' '.join(finding.faults)} (camera {finding.number})" for finding in grave[:8])
        others = ", ".join(f"{fault} {count}" for fault, count in listed.most_common())
        rows.append((name, f"{len(grave)}/{len(seen)}", accused, others))
    return Rows("normal revisits: grave false alarms / all", ("revisit", "grave", "which", "listed, not grave"), rows)


BENCHMARKS: Mapping[str, Callable[[int], Result]] = {"pictures.faults": faults}
