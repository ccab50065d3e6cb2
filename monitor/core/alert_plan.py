"""What are people told now, what waits, and why? One message per common cause, and none that nobody needs.

    key point          at once, after ``settle_s`` in which a common cause may be found; its recovery too
    common cause       once, with all its cameras; again when it has doubled; its recovery
    many causes        that are found together are one message
    all other cameras  in the next digest of their township, with what has recovered and what lasts
    flapping           a key point is called so once, and then waits for the digest like all others
    quiet hours        hold what is not in ``loud`` until they end
    exempt, in repair  never told while it is so; the record knows nothing of this

What recovered before anybody was told is counted in the next digest, if there is one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum

from monitor.core.alert import CameraCase, Case, Cases, CauseCase, MonthCase, Own, OwnCase, Told
from monitor.core.fleet import Fleet, Registration
from monitor.core.period import local_date

GROWN = 2
"""A common cause is told again when it has so many times the cameras that it was told with."""

DAY_S = 86_400


class Kind(StrEnum):
    """What an alert is about; a channel may be told of some kinds only."""

    KEY_POINT = "key_point"
    CAUSE = "cause"
    DIGEST = "digest"
    MONITOR = "monitor"
    MONTH = "month"


class Loud(StrEnum):
    """What quiet hours may let through."""

    KEY_POINT = "key_point"
    MASS = "mass"
    MONITOR = "monitor"


class Wait(StrEnum):
    """Why a case is not told now."""

    SETTLING = "settling"
    QUIET = "quiet"
    DIGEST = "digest"
    CAUSE = "cause"
    FLAPPING = "flapping"
    EXEMPT = "exempt"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When people are told. ``quiet`` is from and until when, at the site; None for no quiet hours."""

    zone: tzinfo
    digests: tuple[time, ...] = (time(8, 30), time(17, 30))
    settle_s: int = 60
    quiet: tuple[time, time] | None = (time(22), time(7))
    loud: frozenset[Loud] = frozenset(Loud)
    mass_cameras: int = 20
    """a common cause of so many cameras, and every broken link, is a mass outage"""
    fold_causes: int = 3
    """more causes than this that are found together are one message"""
    flap_openings: int = 3
    """more outages than this within ``flap_window_s`` are flapping"""
    flap_window_s: int = DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the cases are judged by: the ledger, the cameras that a filing covers now, and the time."""

    fleet: Fleet
    exempt: frozenset[str]
    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageAlert:
    """One key point is out, or is back when ``case.ended`` is set."""

    case: CameraCase
    flapping: bool = False

    @property
    def id(self) -> str:
        """Names the alert for good."""
        what = "opened" if self.case.ended is None else "recovered"
        return f"{self.case.key}@{self.case.opened_at}:{what}"

    @property
    def kind(self) -> Kind:
        return Kind.KEY_POINT


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseLine:
    """A cause within an alert or digest: how many of its cameras are exempt, and which are still out."""

    case: CauseCase
    exempt: int
    out: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseAlert:
    """Cameras failed together; with several ``causes`` they were found together. Or it is over, for one cause."""

    causes: tuple[CauseLine, ...]

    @property
    def id(self) -> str:
        """Names the alert for good."""
        case = self.causes[0].case
        if case.ended is not None:
            return f"{case.key}:recovered"
        return f"{case.key}:{case.told_of}{f'+{len(self.causes) - 1}' if len(self.causes) > 1 else ''}"

    @property
    def kind(self) -> Kind:
        return Kind.CAUSE

    @property
    def is_over(self) -> bool:
        """Whether it tells of the end."""
        return self.causes[0].case.ended is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAlert:
    """The monitor itself has a trouble, or has it no more when ``case.ended`` is set."""

    case: OwnCase

    @property
    def id(self) -> str:
        """Names the alert for good."""
        return f"{self.case.key}@{self.case.began}:{'begun' if self.case.ended is None else 'over'}"

    @property
    def kind(self) -> Kind:
        return Kind.CAUSE if self.case.own is Own.LINK else Kind.MONITOR


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthAlert:
    """A month has its draft or was frozen."""

    case: MonthCase

    @property
    def id(self) -> str:
        """Names the alert for good: a month is drafted anew, and frozen anew, when it is corrected."""
        return f"{self.case.key}@{self.case.opened_at}"

    @property
    def kind(self) -> Kind:
        return Kind.MONTH


@dataclass(frozen=True, slots=True, kw_only=True)
class TownshipDigest:
    """A township since its last digest. ``brief`` counts what recovered untold, ``lasting`` what was told before."""

    township: str
    news: tuple[CameraCase, ...] = ()
    recovered: tuple[CameraCase, ...] = ()
    lasting: tuple[CameraCase, ...] = ()
    causes: tuple[CauseLine, ...] = ()
    flapping: frozenset[str] = frozenset()
    brief: int = 0
    exempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """The digest that was due at ``slot``, by township."""

    slot: int
    townships: tuple[TownshipDigest, ...]

    @property
    def id(self) -> str:
        """Names the alert for good."""
        return f"digest@{self.slot}"

    @property
    def kind(self) -> Kind:
        return Kind.DIGEST


Alert = OutageAlert | CauseAlert | OwnAlert | MonthAlert | Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be told now, the cases after that, and why each untold one waits."""

    cases: Cases
    alerts: tuple[Alert, ...]
    waits: Mapping[str, Wait] = field(default_factory=dict)


def plan(cases: Cases, scene: Scene, policy: Policy) -> Plan:
    """What people are told at ``scene.now``. Asked again with the cases that it returns, it tells nothing twice."""
    planner = _Planner(cases, scene, policy)
    planner.plan_causes()
    planner.plan_key_points()
    planner.plan_own()
    planner.plan_months()
    planner.plan_digest()
    planner.tidy()
    return planner.result()


def is_quiet(quiet: tuple[time, time] | None, zone: tzinfo, now: int) -> bool:
    """Whether ``now`` lies in the quiet hours, which may reach over midnight.

    >>> from datetime import UTC
    >>> [is_quiet((time(22), time(7)), UTC, hour * 3600) for hour in (21, 22, 6, 7)]
    [False, True, True, False]
    """
    if quiet is None:
        return False
    began, ended = quiet
    at = datetime.fromtimestamp(now, zone).time()
    return began <= at < ended if began <= ended else at >= began or at < ended


def latest_slot(times: Iterable[time], zone: tzinfo, now: int) -> int | None:
    """When the last digest before or at ``now`` was due; None if there are none.

    >>> from datetime import UTC
    >>> latest_slot([time(8, 30), time(17, 30)], UTC, 8 * 3600), latest_slot([], UTC, 0)
    (-23400, None)
    """
    today = local_date(now, zone)
    days = (today - timedelta(days=1), today)
    slots = [int(datetime.combine(day, at, tzinfo=zone).timestamp()) for day in days for at in times]
    return max((slot for slot in slots if slot <= now), default=None)


class _Planner:
    def __init__(self, cases: Cases, scene: Scene, policy: Policy) -> None:
        self._scene = scene
        self._policy = policy
        self._cameras = dict(cases.cameras)
        self._causes = dict(cases.causes)
        self._own = dict(cases.own)
        self._months = dict(cases.months)
        self._digested = cases.digested
        self._alerts: list[Alert] = []
        self._waits: dict[str, Wait] = {}
        self._quiet = is_quiet(policy.quiet, policy.zone, scene.now)

    def result(self) -> Plan:
        cases = Cases(
            cameras=self._cameras,
            causes=self._causes,
            own=self._own,
            months=self._months,
            digested=self._digested,
        )
        return Plan(cases=cases, alerts=tuple(self._alerts), waits=self._waits)

    # Common causes

    def plan_causes(self) -> None:
        due: list[CauseCase] = []
        settling: list[CauseCase] = []
        for cause in list(self._causes.values()):
            if cause.ended is not None:
                self._plan_recovery(cause)
                continue
            if all(self._excused(camera) for camera in cause.cameras):
                self._wait(cause, self._excused(cause.cameras[0]) if cause.cameras else Wait.EXEMPT)
                continue
            if cause.told_of and len(cause.cameras) < GROWN * cause.told_of:
                continue
            why = self._why_wait(cause.opened_at, self._loudness(cause))
            if why is None:
                due.append(cause)
                continue
            self._wait(cause, why)
            if why is Wait.SETTLING:
                settling.append(cause)
        if due and len(due) + len(settling) > self._policy.fold_causes:
            self._tell_causes([*due, *settling])
        else:
            for cause in due:
                self._tell_causes([cause])

    def _plan_recovery(self, cause: CauseCase) -> None:
        """Its cameras do not come back in one second: the message waits until most have."""
        why = self._why_wait(cause.closed_at or self._scene.now, self._loudness(cause))
        if why is not None:
            self._wait(cause, why)
            return
        self._alerts.append(CauseAlert(causes=(self._line(cause),)))
        del self._causes[cause.id]
        for camera in cause.cameras:
            case = self._cameras.get(camera)
            if case is not None and case.ended is not None and case.told is not None:
                self._cameras[camera] = replace(case, told=None, over=True)

    def _tell_causes(self, causes: list[CauseCase]) -> None:
        told = [replace(cause, told_of=len(cause.cameras)) for cause in causes]
        for cause in told:
            self._waits.pop(cause.key, None)
            self._causes[cause.id] = cause
            for camera in cause.cameras:
                case = self._cameras.get(camera)
                if case is not None and case.ended is None and not self._excused(camera):
                    self._cameras[camera] = replace(case, told=Told.CAUSE)
        self._alerts.append(CauseAlert(causes=tuple(self._line(cause) for cause in told)))

    def _line(self, cause: CauseCase) -> CauseLine:
        return CauseLine(
            case=cause,
            exempt=sum(self._excused(camera) is not None for camera in cause.cameras),
            out=tuple(camera for camera in cause.cameras if self._is_out(camera)),
        )

    def _is_out(self, camera: str) -> bool:
        case = self._cameras.get(camera)
        return case is not None and case.ended is None

    def _loudness(self, cause: CauseCase) -> Loud | None:
        is_mass = cause.kind == "link" or len(cause.cameras) >= self._policy.mass_cameras
        return Loud.MASS if is_mass else None

    # Key points

    def plan_key_points(self) -> None:
        causes = self._explained()
        for case in list(self._cameras.values()):
            if not case.key_point or case.over:
                continue
            cause = causes.get(case.camera)
            if cause is not None and cause.ended is not None and case.began > cause.ended:
                cause = None
            if case.ended is None:
                self._plan_key_point(case, cause)
            else:
                self._plan_key_point_back(case, cause)

    def _plan_key_point(self, case: CameraCase, cause: CauseCase | None) -> None:
        if case.told is not None:
            return
        flapping = self._flaps(case)
        if why := self._excused(case.camera):
            self._wait(case, why)
        elif cause is not None:
            self._join(case, cause)
        elif flapping and self._was_called_flapping(case):
            self._wait(case, Wait.FLAPPING)
        elif why := self._why_wait(case.opened_at, Loud.KEY_POINT):
            self._wait(case, why)
        else:
            called_at = self._scene.now if flapping else case.told_flapping_at
            self._cameras[case.camera] = replace(case, told=Told.ALONE, told_flapping_at=called_at)
            self._alerts.append(OutageAlert(case=case, flapping=flapping))

    def _plan_key_point_back(self, case: CameraCase, cause: CauseCase | None) -> None:
        if case.told not in (Told.ALONE, Told.CAUSE) or cause is not None:
            return
        if self._flaps(case):
            self._wait(case, Wait.FLAPPING)
        elif self._quiet and Loud.KEY_POINT not in self._policy.loud:
            self._wait(case, Wait.QUIET)
        else:
            self._alerts.append(OutageAlert(case=case))
            self._cameras[case.camera] = replace(case, told=None, over=True)

    def _join(self, case: CameraCase, cause: CauseCase) -> None:
        """One that failed later in a cause that was told has been told with it."""
        if cause.told_of:
            self._cameras[case.camera] = replace(case, told=Told.CAUSE)
        else:
            self._wait(case, Wait.CAUSE)

    def _explained(self) -> dict[str, CauseCase]:
        return {camera: cause for cause in self._causes.values() for camera in cause.cameras}

    def _flaps(self, case: CameraCase) -> bool:
        since = self._scene.now - self._policy.flap_window_s
        return sum(opening > since for opening in case.openings) > self._policy.flap_openings

    def _was_called_flapping(self, case: CameraCase) -> bool:
        called_at = case.told_flapping_at
        return called_at is not None and called_at > self._scene.now - self._policy.flap_window_s

    # Ourselves, and the month

    def plan_own(self) -> None:
        for case in list(self._own.values()):
            if case.ended is not None:
                del self._own[case.key]
                if case.told:
                    self._alerts.append(OwnAlert(case=case))
                continue
            if case.told:
                continue
            loud = Loud.MASS if case.own is Own.LINK else Loud.MONITOR
            if why := self._why_wait(case.opened_at, loud):
                self._wait(case, why)
                continue
            self._own[case.key] = replace(case, told=True)
            self._alerts.append(OwnAlert(case=case))

    def plan_months(self) -> None:
        for case in list(self._months.values()):
            if self._quiet:
                self._wait(case, Wait.QUIET)
                continue
            del self._months[case.key]
            self._alerts.append(MonthAlert(case=case))

    # Digests

    def plan_digest(self) -> None:
        slot = latest_slot(self._policy.digests, self._policy.zone, self._scene.now)
        if slot is None:
            return
        before = self._digested
        # One from the future was written by a clock that was wrong: it must not silence the digests until then.
        if before is None or before > self._scene.now + DAY_S:
            self._digested = slot
            return
        if slot <= before:
            return
        self._digested = slot
        zone = self._policy.zone
        reminds = local_date(slot, zone) != local_date(before, zone)
        townships = tuple(
            digest
            for digest in self._township_digests()
            if digest.news or digest.recovered or (reminds and _lasts(digest))
        )
        self._settle_told(townships)
        if townships:
            self._alerts.append(Digest(slot=slot, townships=townships))

    def _township_digests(self) -> list[TownshipDigest]:
        """Every township with something to say, in the order of their codes."""
        sorted_in: dict[str, dict[str, list[CameraCase]]] = defaultdict(lambda: defaultdict(list))
        causes = self._explained()
        for case in self._cameras.values():
            if place := self._place_in_digest(case, causes.get(case.camera)):
                sorted_in[case.township][place].append(case)
        lines: dict[str, list[CauseLine]] = defaultdict(list)
        for cause in self._causes.values():
            if cause.ended is None and cause.told_of:
                lines[cause.township].append(self._line(cause))
        return [
            TownshipDigest(
                township=township,
                news=_longest_first(sorted_in[township]["news"]),
                recovered=_longest_first(sorted_in[township]["recovered"]),
                lasting=_longest_first(sorted_in[township]["lasting"]),
                causes=tuple(lines[township]),
                flapping=frozenset(case.camera for case in sorted_in[township]["news"] if self._flaps(case)),
                brief=len(sorted_in[township]["brief"]),
                exempt=len(sorted_in[township]["exempt"]),
            )
            for township in sorted(sorted_in.keys() | lines.keys())
        ]

    def _place_in_digest(self, case: CameraCase, cause: CauseCase | None) -> str:
        """Which list of its township's digest a case stands in, "" for none: its cause's message tells of it."""
        if case.over:
            return ""
        if case.ended is not None:
            if case.told is None:
                return "brief"
            return "recovered" if cause is None or case.told is Told.DIGEST else ""
        if case.told is None:
            if self._excused(case.camera):
                return "exempt"
            if self._waits.get(case.key) in (Wait.SETTLING, Wait.QUIET):
                return ""  # told on its own as soon as it may be
            return "news" if cause is None else ""
        return "lasting" if cause is None else ""

    def _settle_told(self, townships: Iterable[TownshipDigest]) -> None:
        for digest in townships:
            for case in digest.news:
                self._cameras[case.camera] = replace(case, told=Told.DIGEST)
                self._waits.pop(case.key, None)
            for case in digest.recovered:
                self._cameras[case.camera] = replace(case, told=None, over=True)
                self._waits.pop(case.key, None)
        for case in list(self._cameras.values()):
            # What came and went between two digests was counted, or is not worth a message of its own.
            if case.ended is not None and case.told is None and not case.over:
                self._cameras[case.camera] = replace(case, over=True)

    # What waits

    def tidy(self) -> None:
        """Let go of what is over, and say of all that is untold why it waits."""
        since = self._scene.now - self._policy.flap_window_s
        causes = self._explained()
        for case in list(self._cameras.values()):
            if case.over:
                if not case.key_point or all(opening <= since for opening in case.openings):
                    del self._cameras[case.camera]
            elif case.told is None and case.key not in self._waits:
                cause = causes.get(case.camera)
                if cause is not None and case.ended is None and cause.ended is None and not self._excused(case.camera):
                    self._join(case, cause)
                else:
                    self._wait(case, (case.ended is None and self._excused(case.camera)) or Wait.DIGEST)

    def _wait(self, case: Case, why: Wait | None) -> None:
        if why is not None:
            self._waits[case.key] = why

    def _why_wait(self, since: int, loud: Loud | None) -> Wait | None:
        # A clock set back must not hold a message for as long as it was wrong.
        if 0 <= self._scene.now - since < self._policy.settle_s:
            return Wait.SETTLING
        if self._quiet and loud not in self._policy.loud:
            return Wait.QUIET
        return None

    def _excused(self, camera: str) -> Wait | None:
        if camera in self._scene.exempt:
            return Wait.EXEMPT
        known = self._scene.fleet.cameras.get(camera)
        if known is not None and known.registration is Registration.REPAIR:
            return Wait.REPAIR
        return None


def _lasts(digest: TownshipDigest) -> bool:
    return bool(digest.lasting or digest.causes)


def _longest_first(cases: Iterable[CameraCase]) -> tuple[CameraCase, ...]:
    return tuple(sorted(cases, key=lambda case: (not case.key_point, case.began, case.camera)))
