"""What Prometheus reads: the fleet's lines, rendered from the Board, and the monitor's own health.

The lines of 4,000 cameras are 36,000 series. prometheus-client takes 165 ms of CPU for them, in which no camera is
looked at; here everything up to the value is rendered once per fleet and only the values are joined at a scrape.
The monitor's own few series go through prometheus-client.

When the round loop has stalled, nothing is known any more: every series of the fleet disappears, so that Prometheus
marks it stale and an average over the silence can't be mistaken for availability.
"""

from __future__ import annotations

import gzip
import platform
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from monitor.core.board import Board, CameraLive, StateSeconds
from monitor.core.condition import Condition
from monitor.core.fleet import Camera, Fleet

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

WRITE_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Family(NamedTuple):
    """The head of one metric: what ``# HELP`` and ``# TYPE`` say."""

    name: str
    type: str
    help: str

    @property
    def head(self) -> str:
        """The two comment lines before the samples."""
        return f"# HELP {self.name} {self.help}\n# TYPE {self.name} {self.type}\n"


ONLINE = Family("xunjian_camera_online", "gauge", "1 when the camera is intact or impaired, absent while unknown.")
INTACT = Family("xunjian_camera_intact", "gauge", "1 when the camera delivers a usable picture, absent while unknown.")
SECONDS = Family(
    "xunjian_camera_state_seconds_total",
    "counter",
    "Seconds of settled record spent in each condition.",
)
EXEMPT = Family("xunjian_camera_exempt", "gauge", "1 while an approved exemption covers the camera, else absent.")
DURATION = Family("xunjian_camera_probe_duration_seconds", "gauge", "How long the last look at the camera took.")
SUCCESS = Family(
    "xunjian_camera_last_success_timestamp_seconds", "gauge", "When the last look that succeeded began, Unix time."
)
CAMERA = Family("xunjian_camera_info", "gauge", "Always 1; name, village and model of the camera.")
CAMERAS = Family("xunjian_township_cameras", "gauge", "Cameras of the township that are in each condition now.")
RATIO = Family(
    "xunjian_township_month_online_intact_ratio",
    "gauge",
    "Intact / accountable seconds of the running month, absent without accountable time.",
)
TOWNSHIP = Family("xunjian_township_info", "gauge", "Always 1; name of the township.")
OUTCOMES = Family("xunjian_probe_outcomes_total", "counter", "Looks that ended with each outcome.")


def escape(value: str) -> str:
    """``value`` as the text format wants it between the quotes of a label.

    >>> print(escape('say "no"'))
    say \\"no\\"
    """
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def labels(**values: str) -> str:
    """A label set in braces, in the order given."""
    return "{" + ",".join(f'{name}="{escape(value)}"' for name, value in values.items()) + "}"


class _Prefixes(NamedTuple):
    """Everything of one camera's lines up to the value, and its info line whole."""

    online: str
    intact: str
    seconds: tuple[str, str, str, str]
    duration: str
    success: str
    info: str


def _prefixes(camera: Camera) -> _Prefixes:
    own = labels(camera=camera.id, township=camera.township)
    known = {"camera": camera.id, "township": camera.township}
    intact, impaired, offline, unknown = (
        f"{SECONDS.name}{labels(**known, state=state.value)} "
        for state in (Condition.INTACT, Condition.IMPAIRED, Condition.OFFLINE, Condition.UNKNOWN)
    )
    info = labels(camera=camera.id, name=camera.name, village=camera.village, model=camera.model)
    return _Prefixes(
        online=f"{ONLINE.name}{own} ",
        intact=f"{INTACT.name}{own} ",
        seconds=(intact, impaired, offline, unknown),
        duration=f"{DURATION.name}{own} ",
        success=f"{SUCCESS.name}{own} ",
        info=f"{CAMERA.name}{info} 1\n",
    )


class _Lines:
    """The pre-rendered lines of one fleet."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.cameras = {id_: _prefixes(camera) for id_, camera in fleet.cameras.items()}
        self.info = "".join(prefixes.info for prefixes in self.cameras.values())
        self.townships = "".join(
            f"{TOWNSHIP.name}{labels(township=township.code, name=township.name)} 1\n"
            for township in fleet.townships.values()
        )

    def known(self, board: Board) -> Iterator[tuple[_Prefixes, CameraLive]]:
        """Cameras of the board that are in this fleet, with their prefixes."""
        for id_, live in board.cameras.items():
            prefixes = self.cameras.get(id_)
            if prefixes is not None:
                yield prefixes, live

    def online(self, board: Board) -> str:
        return "".join(
            f"{prefixes.online}{int(live.condition is not Condition.OFFLINE)}\n"
            for prefixes, live in self.known(board)
            if live.condition is not Condition.UNKNOWN
        )

    def intact(self, board: Board) -> str:
        return "".join(
            f"{prefixes.intact}{int(live.condition is Condition.INTACT)}\n"
            for prefixes, live in self.known(board)
            if live.condition is not Condition.UNKNOWN
        )

    def seconds(self, board: Board) -> str:
        return "".join(
            _seconds(prefixes.seconds, spent)
            for prefixes, spent in ((self.cameras.get(id_), spent) for id_, spent in board.seconds.items())
            if prefixes is not None
        )

    def exempt(self, board: Board) -> str:
        fleet = self.fleet.cameras
        return "".join(
            f"{EXEMPT.name}{labels(camera=id_, township=fleet[id_].township)} 1\n"
            for id_ in sorted(board.exempt)
            if id_ in fleet
        )

    def durations(self, board: Board) -> str:
        return "".join(
            f"{prefixes.duration}{live.last_took_s!r}\n"
            for prefixes, live in self.known(board)
            if live.last_took_s is not None
        )

    def successes(self, board: Board) -> str:
        return "".join(
            f"{prefixes.success}{live.last_good_at}\n"
            for prefixes, live in self.known(board)
            if live.last_good_at is not None
        )


def _seconds(prefixes: tuple[str, str, str, str], spent: StateSeconds) -> str:
    intact, impaired, offline, unknown = prefixes
    return f"{intact}{spent.intact}\n{impaired}{spent.impaired}\n{offline}{spent.offline}\n{unknown}{spent.unknown}\n"


def _township_cameras(board: Board) -> str:
    """All cameras of all townships count as unknown while nobody can look."""
    lines = []
    for township in board.townships:
        now = township.now if board.blind is None else {Condition.UNKNOWN: township.cameras}
        lines += [
            f"{CAMERAS.name}{labels(township=township.code, condition=condition.value)} {now.get(condition, 0)}\n"
            for condition in Condition
        ]
    return "".join(lines)


def _ratios(board: Board) -> str:
    return "".join(
        f"{RATIO.name}{labels(township=township.code)} {float(township.rate)!r}\n"
        for township in board.townships
        if township.rate is not None
    )


class _WithoutCreated(Collector):
    """Own metrics without their ``_created`` samples, which text format 0.0.4 would show as gauges of their own."""

    def __init__(self, metrics: Iterable[MetricWrapperBase]) -> None:
        self._metrics = tuple(metrics)

    def collect(self) -> Iterable[Metric]:
        for wrapper in self._metrics:
            for family in wrapper.collect():
                family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
                yield family


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The monitor's own health. The methods of these metrics may be called from any thread."""

    round_duration: Gauge
    round_last: Gauge
    round_void: Counter
    queue_depth: Gauge
    probes_skipped: Counter
    store_write: Histogram
    build: Info

    @classmethod
    def create(cls) -> Health:
        """Fresh metrics that are in no registry yet."""
        return cls(
            round_duration=Gauge("xunjian_round_duration_seconds", "How long the last round took.", registry=None),
            round_last=Gauge(
                "xunjian_round_last_timestamp_seconds", "When the last round ended, Unix time.", registry=None
            ),
            round_void=Counter(
                "xunjian_round_void_total", "Rounds that were void because we could not look.", registry=None
            ),
            queue_depth=Gauge("xunjian_queue_depth", "Items that wait in each queue.", ["queue"], registry=None),
            probes_skipped=Counter(
                "xunjian_probes_skipped_total", "Looks that were due but could not be begun in time.", registry=None
            ),
            store_write=Histogram(
                "xunjian_store_write_seconds",
                "How long one commit of the record took.",
                buckets=WRITE_BUCKETS_S,
                registry=None,
            ),
            build=Info("xunjian_build", "Version of the program and of its Python.", registry=None),
        )

    def all(self) -> tuple[MetricWrapperBase, ...]:
        """In the order in which they are shown."""
        return (
            self.round_duration,
            self.round_last,
            self.round_void,
            self.queue_depth,
            self.probes_skipped,
            self.store_write,
            self.build,
        )


class Metrics:
    """The one renderer of ``/metrics``. Counting and rendering may happen in different threads.

    ``stalled_after_s``: how old the round loop's last progress may be before the fleet's series disappear.
    """

    def __init__(self, *, version: str, stalled_after_s: float) -> None:
        self._stalled_after_s = stalled_after_s
        self._lines: _Lines | None = None
        self._outcomes: dict[tuple[str, str, str], int] = {}
        self._outcome_prefixes: dict[tuple[str, str, str], str] = {}
        self._health = Health.create()
        self._health.build.info({"version": version, "python": platform.python_version()})
        self._registry = CollectorRegistry()
        self._registry.register(_WithoutCreated(self._health.all()))

    def round_ended(self, *, at: float, took_s: float) -> None:
        """A round ended at ``at`` (UTC seconds) after ``took_s``."""
        self._health.round_last.set(at)
        self._health.round_duration.set(took_s)

    def round_was_void(self) -> None:
        """A round counts for nobody: we could not look."""
        self._health.round_void.inc()

    def look_ended(self, *, township: str, probe: str, outcome: str) -> None:
        """One look at a camera of ``township`` (its code) ended. Called from one thread only."""
        key = (township, probe, outcome)
        self._outcomes[key] = self._outcomes.get(key, 0) + 1

    def looks_skipped(self, count: int = 1) -> None:
        """Looks were due and could not be begun."""
        self._health.probes_skipped.inc(count)

    def queue_holds(self, queue: str, depth: int) -> None:
        """``depth`` items wait in ``queue``."""
        self._health.queue_depth.labels(queue).set(depth)

    def store_wrote(self, took_s: float) -> None:
        """One commit of the record took ``took_s``."""
        self._health.store_write.observe(took_s)

    def render(self, board: Board | None, *, now_monotonic: float, progress_monotonic: float) -> bytes:
        """The whole page in text format 0.0.4.

        ``progress_monotonic`` is when the round loop last got on. No fleet series without a board, or when that is
        more than ``stalled_after_s`` ago.
        """
        alive = now_monotonic - progress_monotonic <= self._stalled_after_s
        fleet = self._fleet(board) if board is not None and alive else ""
        # a name may hold half of a surrogate pair; one bad ledger row must not take the page away
        own = (fleet + self._probe_outcomes()).encode("utf-8", "replace")
        return own + generate_latest(self._registry)

    def _fleet(self, board: Board) -> str:
        lines = self._lines_of(board.fleet)
        families: list[tuple[Family, str | Callable[[Board], str]]] = [
            (ONLINE, "" if board.blind else lines.online),
            (INTACT, "" if board.blind else lines.intact),
            (EXEMPT, lines.exempt),
            (SECONDS, lines.seconds),
            (DURATION, lines.durations),
            (SUCCESS, lines.successes),
            (CAMERA, lines.info),
            (CAMERAS, _township_cameras),
            (RATIO, _ratios),
            (TOWNSHIP, lines.townships),
        ]
        return "".join(
            family.head + (samples if isinstance(samples, str) else samples(board)) for family, samples in families
        )

    def _lines_of(self, fleet: Fleet) -> _Lines:
        lines = self._lines
        # by identity: a fleet is immutable, and its digest takes longer than to render it again
        if lines is None or lines.fleet is not fleet:
            lines = self._lines = _Lines(fleet)
        return lines

    def _probe_outcomes(self) -> str:
        lines = [OUTCOMES.head]
        for key, count in list(self._outcomes.items()):
            prefix = self._outcome_prefixes.get(key)
            if prefix is None:
                township, probe, outcome = key
                own = labels(township=township, probe=probe, outcome=outcome)
                prefix = self._outcome_prefixes[key] = f"{OUTCOMES.name}{own} "
            lines.append(f"{prefix}{count}\n")
        return "".join(lines)


def compress(page: bytes) -> bytes:
    """The page as gzip level 1: six times smaller for 10 ms; level 9 saves little more and takes 120 ms."""
    return gzip.compress(page, compresslevel=1, mtime=0)
