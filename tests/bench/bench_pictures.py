"""Are faults found in pictures, and is no sound camera accused?

Villages go through hours of light and weather that their cameras share (``weather.HOURS``). Each camera is looked at
by day and by night, then again in every hour, and last with faults: at one camera alone, while its neighbours show
what the hour brings. A veiled picture is what ``monitor.core.veil`` makes of it, by the looks at the neighbours.
Half of the cameras learn from every good look, as they do in a county; the references of the others stay as they
were. Nothing is fetched; BENCH_PHOTOGRAPHS may name a folder of pictures that are taken as places besides.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from monitor.core.veil import Neighbours, Opinion, Says, Sight, Sighting, judge_veil, sight_of
from probes.image.judgement import Judged, PictureJudgement
from probes.picture import GRAVE
from tests.bench.lens import Lens, Shot, Watch
from tests.bench.measure import Goal, Meter, Result, Rows
from tests.bench.scenery import Place, paint_place, place_of_photograph
from tests.bench.tampering import CASES, Case, holed, shifted
from tests.bench.weather import (
    CONDITIONS,
    HOURS,
    REVISITS,
    Condition,
    Hour,
    Moment,
    Rng,
    View,
    day,
    infrared,
    street_lamps,
)

NOON, HOUR_S, MINUTE_S = 1_795_492_800.0, 3600.0, 60.0
"""2026-11-24 12:00 in the county."""
BETWEEN_HOURS_S = 6 * HOUR_S + 17
LOOKS_WITHIN_MINUTES = 90
"""Some neighbours were looked at too long ago to tell of the weather."""
FAULTS_EACH = 6
CAMERAS_PER_PLACE, CAMERAS_PER_VILLAGE = 4, 12
PROCESSES = 2
UNCHANGED = "nothing changes"
"""The one revisit at which a sound camera might look frozen."""
CASE: Mapping[str, Case] = {case.name: case for case in CASES}
NEIGHBOURS = Neighbours()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of one look: at a revisit called ``name``, or at the fault of that name in one ``condition``.

    ``veiled`` says what became of a veiled picture, None for another one; ``later`` whether the camera was accused
    once the weather had changed, None where it was not looked at again.
    """

    name: str
    condition: str
    faults: tuple[str, ...]
    number: int
    codec: str
    veiled: Says | None = None
    later: bool | None = None

    @property
    def in_the_end(self) -> bool:
        """Whether the camera was accused, at once or later."""
        return self.grave or bool(self.later)

    @property
    def grave(self) -> bool:
        """Whether the camera would be accused."""
        return not GRAVE.isdisjoint(self.faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One look: the picture's judgement, and what it tells its neighbours."""

    judged: PictureJudgement
    sighting: Sighting | None


class Camera:
    """One camera of the bench, and the looks at it."""

    def __init__(self, number: int, place: Place) -> None:
        self.number = number
        self.place = place
        self.lens = Lens.of(number)
        self.rng = np.random.default_rng((number, 3))
        self.watch = Watch(self.lens.codec)
        self.learns = number % 4 < 2

    def learn_references(self, at: float) -> None:
        """By day and by night, twice each, so that a clock can be found."""
        night: Moment = infrared if self.rng.random() < 0.85 else street_lamps
        for moment in (day, night) if self.rng.random() < 0.5 else (night, day):
            view = moment(self.place, self.rng, self.rng)
            self.watch.learn(self._shot(view), at)
            self.watch.learn(self._shot(view), at + 60)
            at += 6 * HOUR_S

    def revisit(self, name: str, sky: Rng, at: float) -> Seen:
        """A normal look at another time."""
        view = REVISITS[name](self.place, self.rng, sky)
        renamed = "HEXI ZHEN 07" if self.rng.random() < 0.1 else None
        shot = self._shot(view, renamed=renamed)
        return self._seen((self.watch.learn if self.learns else self.watch.look)(shot, at), at)

    def unchanged(self, at: float) -> Seen:
        """The same view twice, some time apart."""
        view = (day, infrared)[int(self.rng.integers(2))](self.place, self.rng, self.rng)
        self.watch.learn(self._shot(view), at)
        at += float(self.rng.choice((60, 1800, 6 * HOUR_S)))
        return self._seen(self.watch.look(self._shot(view), at), at)

    def fault(self, case: Case, condition: Condition, sky: Rng, at: float) -> Seen:
        """The look at a fault, which leaves nothing behind."""
        view = case.spoil(CONDITIONS[condition](self.place, self.rng, sky), self.rng)
        before = self.watch.memory
        shot = self._stuck(case, view, at) if case.stands_s else self._faulty(case, view)
        judged = self.watch.look(shot, at)
        self.watch.memory = before
        return self._seen(judged, at)

    def _seen(self, judged: PictureJudgement, at: float) -> Seen:
        sight = sight_of(judged.measures)
        return Seen(judged=judged, sighting=None if sight is None else Sighting(at=int(at), sight=sight))

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


class Village:
    """Cameras that share the weather, and what they go through."""

    def __init__(self, number: int, cameras: Sequence[Camera]) -> None:
        self.number = number
        self.cameras = cameras
        self.rng = np.random.default_rng((number, 6))
        self.sightings: dict[int, dict[int, Sighting]] = {}
        """by hour and camera"""

    def live(self) -> Iterator[Finding]:
        """All looks at its cameras."""
        for camera in self.cameras:
            camera.learn_references(NOON)
        for turn, hour in enumerate(HOURS):
            yield from self._go_through(turn, hour)
        for camera in self.cameras:
            at = self._begins(len(HOURS))
            yield self._finding(camera, UNCHANGED, "", camera.unchanged(at), judge_veil(int(at), (), (), NEIGHBOURS))
        for camera in self.cameras:
            yield from self._faults(camera)

    def _begins(self, turn: int) -> float:
        return NOON + 24 * HOUR_S + turn * BETWEEN_HOURS_S

    def _sky(self, turn: int) -> Rng:
        return np.random.default_rng((self.number, turn, 7))

    def _go_through(self, turn: int, hour: Hour) -> Iterator[Finding]:
        looks: list[tuple[Camera, str, Seen]] = []
        for camera in self.cameras:
            name = hour.shown[(camera.number + self.number + turn) % len(hour.shown)]
            at = self._begins(turn) + MINUTE_S * int(self.rng.integers(LOOKS_WITHIN_MINUTES))
            looks.append((camera, name, camera.revisit(name, self._sky(turn), at)))
        self.sightings[turn] = {camera.number: seen.sighting for camera, _, seen in looks if seen.sighting}
        for camera, name, seen in looks:
            yield self._finding(camera, name, "", seen, self._opinion(camera, turn, seen))

    def _faults(self, camera: Camera) -> Iterator[Finding]:
        conditions = list(Condition)
        for count in range(FAULTS_EACH):
            draw = camera.number * FAULTS_EACH + count
            case, condition = CASES[draw % len(CASES)], conditions[draw // len(CASES) % len(conditions)]
            turn = next(turn for turn, hour in enumerate(HOURS) if condition in hour.conditions)
            at = self._begins(turn) + MINUTE_S * LOOKS_WITHIN_MINUTES
            # what the camera remembers is from the last of its revisits
            seen = camera.fault(case, condition, self._sky(turn), self._begins(len(HOURS) + 2))
            found = self._finding(camera, case.name, condition, seen, self._opinion(camera, turn, seen, at=at))
            yield replace(found, later=self._later(camera, case)) if found.veiled and not found.grave else found

    def _later(self, camera: Camera, case: Case) -> bool:
        """Whether the same fault is found in the open, by the next day."""
        turn = next(turn for turn, hour in enumerate(HOURS) if Condition.DAY in hour.conditions)
        at = self._begins(turn) + MINUTE_S * LOOKS_WITHIN_MINUTES
        seen = camera.fault(case, Condition.DAY, self._sky(turn), self._begins(len(HOURS) + 6))
        return self._finding(camera, case.name, "", seen, self._opinion(camera, turn, seen, at=at)).grave

    def _opinion(self, camera: Camera, turn: int, seen: Seen, *, at: float | None = None) -> Opinion:
        others = [its for number, its in self.sightings[turn].items() if number != camera.number]
        own = seen.sighting
        return judge_veil(int(at) if at is not None else own.at if own else 0, others, (), NEIGHBOURS)

    def _finding(self, camera: Camera, name: str, condition: str, seen: Seen, opinion: Opinion) -> Finding:
        faults = ("corrupted",) if seen.judged.judged is Judged.REFUSED else seen.judged.faults
        veiled = seen.sighting is not None and seen.sighting.sight is Sight.VEILED and GRAVE.isdisjoint(faults)
        if veiled and opinion.says is Says.COVER:
            faults = ("covered",)
        return Finding(
            name=name,
            condition=condition,
            faults=faults,
            number=camera.number,
            codec=camera.lens.codec,
            veiled=opinion.says if veiled else None,
        )


def _lives(number: int, cameras: Sequence[int], photographs: Sequence[str]) -> list[Finding]:
    """The findings at one village; runs in a worker."""
    cv2.setNumThreads(1)
    places = {place: _place(place, photographs) for place in {camera // CAMERAS_PER_PLACE for camera in cameras}}
    return list(Village(number, [Camera(each, places[each // CAMERAS_PER_PLACE]) for each in cameras]).live())


def _place(number: int, photographs: Sequence[str]) -> Place:
    if photographs and number % 2:
        picture = cv2.imread(photographs[number // 2 % len(photographs)], cv2.IMREAD_COLOR)
        if picture is not None:
            return place_of_photograph(np.asarray(picture, np.uint8), np.random.default_rng((number, 4)))
    return paint_place(number)


def faults(cameras: int) -> Result:
    """The whole bench: every village's hours and faults, counted."""
    folder = os.environ.get("BENCH_PHOTOGRAPHS")
    photographs = sorted(str(path) for path in Path(folder).iterdir()) if folder else []
    villages = [range(at, min(at + CAMERAS_PER_VILLAGE, cameras)) for at in range(0, cameras, CAMERAS_PER_VILLAGE)]
    spawn = multiprocessing.get_context("spawn")
    with Meter() as meter, ProcessPoolExecutor(PROCESSES, mp_context=spawn) as pool:
        lives = pool.map(_lives, range(len(villages)), villages, [photographs] * len(villages))
        findings = [finding for life in lives for finding in life]
        meter.stop()
    cpu_s = meter.usage.cpu_s + meter.usage.workers_cpu_s
    return Result(
        what="faults in pictures",
        items=len(findings),
        usage=meter.usage,
        notes=_notes(findings) | {"CPU s per camera": round(cpu_s / cameras, 2)},
        tables=(_table_of_faults(findings), _table_of_revisits(findings)),
        goals=_goals(findings),
    )


def _severe(findings: Sequence[Finding]) -> list[tuple[Case, Finding]]:
    """The looks at faults that count for the goal."""
    return [
        (CASE[each.name], each)
        for each in findings
        if each.name in CASE and CASE[each.name].is_severe_in(each.condition)
    ]


def _notes(findings: Sequence[Finding]) -> dict[str, object]:
    """Severe grave faults found / all, by fault; corrupted ones by codec besides, since decoders differ."""
    severe: dict[str, list[bool]] = {}
    for case, found in _severe(findings):
        kind = f"{case.fault} {found.codec}" if case.fault == "corrupted" else case.fault
        severe.setdefault(kind, []).append(found.grave)
    left = [found.in_the_end for _, found in _severe(findings) if found.later is not None]
    revisits = [found.grave for found in findings if found.name not in CASE]
    every = [grave for each in severe.values() for grave in each]
    return {
        "severe grave faults found at once": _share(every),
        **{f"{kind}:": _share(each) for kind, each in severe.items()},
        "of those left, found when the weather has changed": _share(left),
        "grave false alarms at revisits": _share(revisits),
    }


def _goals(findings: Sequence[Finding]) -> tuple[Goal, ...]:
    severe = [found for _, found in _severe(findings)]
    revisits = [found.grave for found in findings if found.name not in CASE]

    def goal(what: str, found: Sequence[bool]) -> Goal:
        return Goal(what=what, reached=100 * sum(found) / max(len(found), 1), bound=99.0, unit="%", sense="≥")

    alarms = 1000 * sum(revisits) / max(len(revisits), 1)
    return (
        goal("severe grave faults found, fog lifted", [found.in_the_end for found in severe]),
        goal("… in the weather as it is", [found.grave for found in severe]),
        Goal(what="grave false alarms at revisits", reached=alarms, bound=1.0, unit="in 1,000"),
    )


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
        grave = sum(each.grave for each in every)
        left = [bool(each.later) for each in every if each.later is not None]
        rows.append((case.fault, case.strength, *marked, _found(case, every), str(grave), _share(left) if left else ""))
    headings = ("fault", "strength", *Condition, "all", "grave", "later")
    title = "faults: found / all; [counts for the goal]; later: of those left to other weather"
    return Rows(title, headings, rows)


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
        veiled = Counter(finding.veiled.value for finding in seen if finding.veiled is not None)
        told = ", ".join(f"{says} {count}" for says, count in veiled.most_common())
        rows.append((name, f"{len(grave)}/{len(seen)}", accused, others, told))
    headings = ("revisit", "grave", "which", "listed, not grave", "veiled")
    return Rows("normal revisits: grave false alarms / all", headings, rows)


BENCHMARKS: Mapping[str, Callable[[int], Result]] = {"pictures.faults": faults}
