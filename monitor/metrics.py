"""What Prometheus reads: the fleet's lines, rendered from the Board, and the monitor's own health.

The lines of 4,000 cameras are 36,000 series. prometheus-client takes 165 ms of CPU for them, in which no camera is
looked at; here everything up to the value is rendered once per fleet and only the values are joined at a scrape.
The monitor's own few series go through prometheus-client.

When the round loop has stalled, nothing is known any more: every series of the fleet disappears, so that Prometheus
marks it stale and an average over the silence can't be mistaken for availability.

Addresses are no labels: whoever may read a rate need not learn where a camera is to be reached.
"""

from __future__ import annotations

import gzip
import hashlib
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from fractions import Fraction
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from monitor.core.board import Board, CameraLive, StateSeconds
from monitor.core.condition import Condition
from monitor.core.fleet import Camera, Fleet
from monitor.core.period import Month
from monitor.core.record import Event

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

FAILING = frozenset({Condition.OFFLINE, Condition.IMPAIRED})
DIRECTIONS = ("forward", "back")
USUAL_TARGET = Fraction(95, 100)
PLACES_NAMED = 3
"""A subnet may reach into dozens of villages; a label is no list of them."""
MONTH_PARTS = ("intact", "impaired", "offline", "exempt", "unknown")
"""the parts of a month's service that sum up to it"""

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
KEY_POINT = Family("xunjian_camera_key_point", "gauge", "Always 1; the camera is a key point, else absent.")
EXPLAINED = Family(
    "xunjian_camera_event_info", "gauge", "Always 1; the open event that explains why the camera fails, else absent."
)
EVENT = Family("xunjian_event_cameras", "gauge", "Cameras that failed together in an event that is still open.")
EVENT_BEGAN = Family("xunjian_event_start_timestamp_seconds", "gauge", "When an open event began, Unix time.")
MONTH_SECONDS = Family(
    "xunjian_township_month_seconds",
    "gauge",
    "Seconds of the running month by condition, exempt ones apart, summed over the assessed cameras.",
)
LINK = Family(
    "xunjian_township_link_up",
    "gauge",
    "1 when the witness at the end of the township's link answers, absent without one and while nobody can look.",
)
PROVEN = Family("xunjian_proven_cameras", "gauge", "Cameras that pass at each depth: port, described, pictured.")
BLIND = Family("xunjian_blind", "gauge", "1 while we cannot look at all, so that everybody is unknown.")
MONTH_BEGAN = Family("xunjian_month_start_timestamp_seconds", "gauge", "When the running month began, Unix time.")
MONTH_ENDS = Family("xunjian_month_end_timestamp_seconds", "gauge", "When the running month will end, Unix time.")
TARGET = Family("xunjian_target_ratio", "gauge", "The online-and-intact rate that a township has to reach.")
SYNCHRONISED = Family(
    "xunjian_clock_synchronised", "gauge", "1 when the kernel holds its clock to be synchronised, absent if unsaid."
)
DEGRADED = Family("xunjian_store_degraded", "gauge", "1 while the record cannot be written and waits in memory.")
PICTURES_LOST = Family("xunjian_pictures_lost_total", "counter", "Pictures of evidence that could not be written.")
DISK_FREE = Family("xunjian_disk_free_bytes", "gauge", "Bytes free where the record and the evidence lie.")
DISK_SIZE = Family(
    "xunjian_disk_size_bytes", "gauge", "Bytes that the disk with the record or the evidence has in all."
)
BACKUP = Family(
    "xunjian_backup_last_timestamp_seconds",
    "gauge",
    "When the newest backup of each place was made, Unix time; 0 without any.",
)
OUTBOX_WAITING = Family("xunjian_outbox_waiting", "gauge", "Messages that a reader of the outbox has not dealt with.")
OUTBOX_DROPPED = Family(
    "xunjian_outbox_dropped_total", "counter", "Messages dropped for their age before a reader has dealt with them."
)
MQTT_CONNECTED = Family("xunjian_mqtt_connected", "gauge", "1 while the MQTT broker is connected, absent without one.")
MQTT_PUBLISHED = Family(
    "xunjian_mqtt_published_total", "counter", "Documents that the MQTT broker has acknowledged since the start."
)
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
    own: str
    """the labels alone"""
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
        own=own,
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
        self.key_points = "".join(
            f"{KEY_POINT.name}{self.cameras[id_].own} 1\n" for id_, camera in fleet.cameras.items() if camera.key_point
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
        return "".join(
            f"{EXEMPT.name}{self.cameras[id_].own} 1\n" for id_ in sorted(board.exempt) if id_ in self.cameras
        )

    def explained(self, board: Board) -> str:
        # One event a camera, the newest: an event remembers those that are back, and they may fail again in another.
        event_of = {id_: event_label(event) for event in board.events for id_ in event.cameras}
        fleet = self.fleet.cameras
        return "".join(
            f"{EXPLAINED.name}{labels(camera=id_, township=fleet[id_].township, event=event)} 1\n"
            for id_, event in event_of.items()
            if id_ in fleet and (live := board.cameras.get(id_)) is not None and live.condition in FAILING
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


def _month_seconds(board: Board) -> str:
    return "".join(
        f"{MONTH_SECONDS.name}{labels(township=township.code, condition=part)} {getattr(township.spent, part)}\n"
        for township in board.townships
        for part in MONTH_PARTS
    )


def event_label(event: Event) -> str:
    """Names an event without telling an address: the same over its life, another one for the next at its place."""
    return f"{event.kind}-{hashlib.sha256(event.id.encode('utf-8', 'replace')).hexdigest()[:10]}"


def _place(board: Board, event: Event) -> str:
    """What a person calls the place of an event: the village, the township, or the recorder by its name."""
    if event.kind == "link":
        township = board.fleet.townships.get(event.township)
        return township.name if township else event.township
    members = [board.fleet.cameras[id_] for id_ in event.cameras if id_ in board.fleet.cameras]
    told = {camera.recorder if event.kind == "recorder" else camera.village for camera in members}
    names = sorted(name for name in told if name)
    if len(names) > PLACES_NAMED:
        return f"{'、'.join(names[:PLACES_NAMED])}等{len(names)}处"
    return "、".join(names)


def _events(board: Board) -> str:
    return "".join(f"{EVENT.name}{_event_labels(board, event)} {len(event.cameras)}\n" for event in board.events)


def _event_labels(board: Board, event: Event) -> str:
    return labels(event=event_label(event), kind=event.kind, township=event.township, place=_place(board, event))


def _event_begins(board: Board) -> str:
    return "".join(
        f"{EVENT_BEGAN.name}{labels(event=event_label(event), township=event.township)} {event.began}\n"
        for event in board.events
    )


def _links(board: Board) -> str:
    """A township without a witness has no link that could be looked at; while we are blind none can be judged."""
    if board.blind is not None:
        return ""
    down = {gap.township for gap in board.link_gaps}
    return "".join(
        f"{LINK.name}{labels(township=township.code)} {int(township.code not in down)}\n"
        for township in board.fleet.townships.values()
        if township.witness
    )


def _proven(board: Board) -> str:
    proven = {"port": board.proven.port, "described": board.proven.described, "pictured": board.proven.pictured}
    return "".join(f"{PROVEN.name}{labels(depth=depth)} {count}\n" for depth, count in proven.items())


class Disk(NamedTuple):
    """Bytes of one file system."""

    free: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """How far others have been told: messages that wait and that were dropped, by reader of the outbox.

    ``connected`` is None without an MQTT broker; ``published`` counts what it has acknowledged by kind of document.
    """

    waiting: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    connected: bool | None = None
    published: Mapping[str, int] = field(default_factory=dict)

    def render(self) -> str:
        """Its families; those of a broker only where there is one."""
        waiting = "".join(f"{OUTBOX_WAITING.name}{labels(reader=each)} {n}\n" for each, n in self.waiting.items())
        dropped = "".join(f"{OUTBOX_DROPPED.name}{labels(reader=each)} {n}\n" for each, n in self.dropped.items())
        published = "".join(f"{MQTT_PUBLISHED.name}{labels(document=each)} {n}\n" for each, n in self.published.items())
        connected = "" if self.connected is None else f"{MQTT_CONNECTED.name} {int(self.connected)}\n"
        return "".join(
            (
                *(OUTBOX_WAITING.head, waiting),
                *(OUTBOX_DROPPED.head, dropped),
                *(MQTT_CONNECTED.head, connected),
                *(MQTT_PUBLISHED.head, published),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is read at a scrape of the machine and of the store on it.

    ``synchronised`` is None where the kernel does not say; ``disks`` maps what lies there to its file system,
    ``backups`` a place (first, second) to when its newest backup was made, UTC seconds.
    """

    synchronised: bool | None = None
    store_degraded: bool = False
    pictures_lost: int = 0
    disks: Mapping[str, Disk] = field(default_factory=dict)
    backups: Mapping[str, int] = field(default_factory=dict)
    telling: Telling = field(default_factory=Telling)

    def render(self) -> str:
        """Its families."""
        clock = "" if self.synchronised is None else f"{SYNCHRONISED.name} {int(self.synchronised)}\n"
        free = "".join(f"{DISK_FREE.name}{labels(holds=what)} {disk.free}\n" for what, disk in self.disks.items())
        size = "".join(f"{DISK_SIZE.name}{labels(holds=what)} {disk.size}\n" for what, disk in self.disks.items())
        made = "".join(f"{BACKUP.name}{labels(place=place)} {at}\n" for place, at in self.backups.items())
        return "".join(
            (
                *(SYNCHRONISED.head, clock),
                *(DEGRADED.head, f"{DEGRADED.name} {int(self.store_degraded)}\n"),
                *(PICTURES_LOST.head, f"{PICTURES_LOST.name} {self.pictures_lost}\n"),
                *(DISK_FREE.head, free),
                *(DISK_SIZE.head, size),
                *(BACKUP.head, made),
                self.telling.render(),
            )
        )


NOTHING_READ = Machine()


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
    clock_set: Counter
    report_last: Gauge
    alert_deliveries: Counter
    began: Gauge
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
            clock_set=Counter(
                "xunjian_clock_steps_total", "Times the wall clock was set while we ran.", ["direction"], registry=None
            ),
            report_last=Gauge(
                "xunjian_report_last_success_timestamp_seconds",
                "When every month that is over was last found with its draft and its papers, Unix time.",
                registry=None,
            ),
            alert_deliveries=Counter(
                "xunjian_alert_deliveries_total",
                "Attempts to deliver an alert to people, by channel and result.",
                ["channel", "result"],
                registry=None,
            ),
            began=Gauge("xunjian_start_timestamp_seconds", "When the program started, Unix time.", registry=None),
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
            self.clock_set,
            self.report_last,
            self.alert_deliveries,
            self.began,
            self.build,
        )


class Metrics:
    """The one renderer of ``/metrics``. Counting and rendering may happen in different threads.

    ``stalled_after_s``: how old the round loop's last progress may be before the fleet's series disappear.
    ``began`` is when the program started (UTC seconds), ``target`` the rate to reach, ``zone`` where months are cut.
    """

    def __init__(
        self,
        *,
        version: str,
        stalled_after_s: float,
        began: float = 0.0,
        target: Fraction = USUAL_TARGET,
        zone: tzinfo = UTC,
    ) -> None:
        self._stalled_after_s = stalled_after_s
        self._target = f"{TARGET.name} {float(target)!r}\n"
        self._zone = zone
        self._lines: _Lines | None = None
        self._outcomes: dict[tuple[str, str, str], int] = {}
        self._outcome_prefixes: dict[tuple[str, str, str], str] = {}
        self._health = Health.create()
        self._health.build.info({"version": version, "python": platform.python_version()})
        self._health.began.set(began)
        for direction in DIRECTIONS:
            self._health.clock_set.labels(direction)
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

    def clock_was_set(self, by_s: float) -> None:
        """The wall clock was set forward by so many seconds, or back when negative."""
        self._health.clock_set.labels(DIRECTIONS[by_s < 0]).inc()

    def months_are_reported(self, at: float) -> None:
        """At ``at`` (UTC seconds) every month that is over had its draft and its papers."""
        self._health.report_last.set(at)

    def alert_delivered(self, *, channel: str, result: str) -> None:
        """One attempt to deliver an alert ended: it was sent, will be retried, or has failed for good."""
        self._health.alert_deliveries.labels(channel, result).inc()

    def store_wrote(self, took_s: float) -> None:
        """One commit of the record took ``took_s``."""
        self._health.store_write.observe(took_s)

    def render(
        self, board: Board | None, *, now_monotonic: float, progress_monotonic: float, machine: Machine = NOTHING_READ
    ) -> bytes:
        """The whole page in text format 0.0.4.

        ``progress_monotonic`` is when the round loop last got on. No fleet series without a board, or when that is
        more than ``stalled_after_s`` ago.
        """
        alive = now_monotonic - progress_monotonic <= self._stalled_after_s
        fleet = self._fleet(board) if board is not None and alive else ""
        # a name may hold half of a surrogate pair; one bad ledger row must not take the page away
        own = (fleet + self._probe_outcomes() + machine.render()).encode("utf-8", "replace")
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
            (KEY_POINT, lines.key_points),
            (EXPLAINED, lines.explained),
            (EVENT, _events),
            (EVENT_BEGAN, _event_begins),
            (MONTH_SECONDS, _month_seconds),
            (LINK, _links),
            (PROVEN, _proven),
            (BLIND, f"{BLIND.name} {int(board.blind is not None)}\n"),
            (MONTH_BEGAN, self._of_the_month(MONTH_BEGAN, board)),
            (MONTH_ENDS, self._of_the_month(MONTH_ENDS, board)),
            (TARGET, self._target),
        ]
        return "".join(
            family.head + (samples if isinstance(samples, str) else samples(board)) for family, samples in families
        )

    def _of_the_month(self, family: Family, board: Board) -> str:
        month = Month.parse(board.month, self._zone)
        return f"{family.name} {month.start if family is MONTH_BEGAN else month.end}\n"

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
