"""One rendering of /metrics for the whole fleet, beside a gauge of prometheus-client for every series."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from monitor.core.board import Board
from monitor.core.condition import Condition
from monitor.metrics import Metrics, compress
from tests.bench import county
from tests.bench.measure import Result, median_of

RUNS = 15


def ours(cameras: int) -> Result:
    """Our renderer, as /metrics serves it."""
    metrics = Metrics(version="bench", stalled_after_s=180)
    board = county.board(cameras)

    def render(number: int) -> bytes:
        return metrics.render(county.later(board, number), now_monotonic=0.0, progress_monotonic=0.0)

    usage = median_of(RUNS, render)
    page = render(0)
    notes: dict[str, object] = {"series": _series(page), "bytes": len(page)}
    return Result(what="render", items=1, usage=usage, notes=notes)


def gzipped(cameras: int) -> Result:
    """The same with compression, which is what Prometheus asks for."""
    metrics = Metrics(version="bench", stalled_after_s=180)
    board = county.board(cameras)

    def render(number: int) -> bytes:
        return compress(metrics.render(county.later(board, number), now_monotonic=0.0, progress_monotonic=0.0))

    return Result(what="render, gzip", items=1, usage=median_of(RUNS, render), notes={"bytes": len(render(0))})


def gauges(cameras: int) -> Result:
    """The plain use of prometheus-client: a labelled gauge per series, set from the board, then rendered."""
    registry = CollectorRegistry()
    board = county.board(cameras)
    exported = _Gauges(registry)

    def render(number: int) -> bytes:
        exported.set(county.later(board, number))
        return generate_latest(registry)

    usage = median_of(RUNS, render)
    page = render(0)
    notes: dict[str, object] = {"series": _series(page), "bytes": len(page)}
    return Result(what="prometheus-client gauges", items=1, usage=usage, notes=notes)


class _Gauges:
    """The same camera series as ours, the way prometheus-client's manual shows it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        own = ("camera", "township")
        self._online = Gauge("xunjian_camera_online", "1 when the camera answers.", own, registry=registry)
        self._intact = Gauge("xunjian_camera_intact", "1 when the picture is usable.", own, registry=registry)
        self._seconds = Gauge(
            "xunjian_camera_state_seconds", "Seconds in each condition.", (*own, "state"), registry=registry
        )
        self._duration = Gauge(
            "xunjian_camera_probe_duration_seconds", "How long the look took.", own, registry=registry
        )
        self._success = Gauge(
            "xunjian_camera_last_success_timestamp_seconds", "The last good look.", own, registry=registry
        )
        self._info = Gauge(
            "xunjian_camera_info", "Always 1.", ("camera", "name", "village", "model"), registry=registry
        )

    def set(self, board: Board) -> None:
        for id_, live in board.cameras.items():
            camera = board.fleet.cameras[id_]
            if live.condition is not Condition.UNKNOWN:
                self._online.labels(id_, camera.township).set(live.condition is not Condition.OFFLINE)
                self._intact.labels(id_, camera.township).set(live.condition is Condition.INTACT)
            spent = board.seconds[id_]
            for state in Condition:
                self._seconds.labels(id_, camera.township, state).set(getattr(spent, state))
            self._duration.labels(id_, camera.township).set(live.last_took_s or 0)
            self._success.labels(id_, camera.township).set(live.last_good_at or 0)
            self._info.labels(id_, camera.name, camera.village, camera.model).set(1)


def _series(page: bytes) -> int:
    return sum(not line.startswith(b"#") for line in page.splitlines())


BENCHMARKS = {"metrics.render": ours, "metrics.gzip": gzipped, "metrics.gauges": gauges}
