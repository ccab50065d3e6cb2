"""One stream of log lines: readable, redacted, folded, and harmless to those who log."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta, timezone

import pytest
import structlog
from structlog.typing import EventDict, WrappedLogger

from monitor import logs
from monitor.logs import Fold, Logs, Repeated

SITE = timezone(timedelta(hours=8))


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Stopwatch:
    """Monotonic time that moves when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def begin(stopwatch: Stopwatch) -> Iterator[Callable[..., Logs]]:
    started: list[Logs] = []

    def begin_logs(stream: io.StringIO, **options: object) -> Logs:
        chosen: dict[str, object] = {"style": "json", "monotonic": stopwatch, "fold_s": 60.0, **options}
        started.append(logs.start(stream=stream, **chosen))  # type: ignore[arg-type]  # options of many types
        return started[-1]

    yield begin_logs
    for each in reversed(started):
        each.close(stopwatch())


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_the_first_of_a_kind_passes_and_the_others_are_counted() -> None:
    fold: Fold[str] = Fold(60)
    passed = [fold.admit("refused", f"look {number}", now=number * 0.1, subject=str(number)) for number in range(214)]
    assert passed == [True] + [False] * 213
    assert fold.flush(59.9) == []
    assert fold.flush(60.0) == [Repeated(last="look 213", count=214, subjects=214, window_s=60)]


def test_a_kind_that_goes_on_makes_one_line_per_window() -> None:
    fold: Fold[str] = Fold(10)
    written = sum(fold.admit("refused", "again", now=float(second)) for second in range(10))
    counts = []
    for second in range(10, 40):
        counts += [line.count for line in fold.flush(float(second))]
        written += fold.admit("refused", "again", now=float(second))
    assert written == 1
    assert counts == [10, 10, 10]


def test_a_kind_that_was_silent_for_a_window_is_new_again() -> None:
    fold: Fold[str] = Fold(10)
    assert fold.admit("refused", "a", now=0.0)
    assert not fold.admit("refused", "b", now=1.0)
    assert [line.count for line in fold.flush(10.0)] == [2]
    assert fold.flush(20.0) == []
    assert fold.admit("refused", "c", now=21.0)


def test_kinds_are_folded_apart() -> None:
    fold: Fold[str] = Fold(10)
    assert fold.admit("refused", "a", now=0.0)
    assert fold.admit("unauthorized", "b", now=0.0)


def test_more_kinds_than_are_remembered_pass_unfolded() -> None:
    fold: Fold[str] = Fold(10, kinds_at_most=2)
    assert [fold.admit(kind, kind, now=0.0) for kind in ("a", "b", "c", "c", "a")] == [True, True, True, True, False]


def test_what_was_held_back_is_told_at_the_end() -> None:
    fold: Fold[str] = Fold(60)
    for number in range(3):
        fold.admit("refused", f"look {number}", now=float(number))
    assert fold.drain(5.0) == [Repeated(last="look 2", count=3, subjects=0, window_s=5)]
    assert fold.drain(6.0) == []


def test_both_ways_of_logging_make_the_same_kind_of_line(begin: Callable[..., Logs]) -> None:
    stream = io.StringIO()
    begin(stream)
    structlog.get_logger("monitor.rounds").info("round ended", cameras=880)
    logging.getLogger("probes.rtsp").info("round %s", "ended", extra={"cameras": 880})
    first, second = lines(stream)
    assert first["logger"] == "monitor.rounds"
    assert second["logger"] == "probes.rtsp"
    for line in (first, second):
        assert str(line["timestamp"]).endswith("Z")
        del line["timestamp"], line["logger"]
    assert first == second == {"event": "round ended", "level": "info", "cameras": 880}


def test_repeated_complaints_become_one_line_with_a_count(begin: Callable[..., Logs], stopwatch: Stopwatch) -> None:
    stream = io.StringIO()
    running = begin(stream)
    log = structlog.get_logger("monitor.rounds")
    for number in range(214):
        log.warning("login refused", camera=f"3402000000132{number:07}", outcome="unauthorized")
    log.warning("login refused", camera="34020000001320009999", outcome="busy")
    assert [line["outcome"] for line in lines(stream)] == ["unauthorized", "busy"]
    stopwatch.seconds += 60
    running.flush(stopwatch())
    *_, folded = lines(stream)
    assert len(lines(stream)) == 3
    assert (folded["count"], folded["cameras"], folded["window_s"]) == (214, 214, 60)
    assert folded["camera"] == "34020000001320000213"


def test_complaints_of_the_standard_library_are_told_by_their_template(
    begin: Callable[..., Logs], stopwatch: Stopwatch
) -> None:
    stream = io.StringIO()
    running = begin(stream)
    for number in range(5):
        try:
            raise ValueError(number)
        except ValueError:
            logging.getLogger("probes").exception("the %s probe failed on camera %s", "rtsp", number)
    stopwatch.seconds += 61
    running.flush(stopwatch())
    first, folded = lines(stream)
    assert "ValueError: 0" in str(first["exception"])
    assert folded["event"] == "the rtsp probe failed on camera 4"
    assert folded["count"] == 5
    assert "exception" not in folded
    assert "repeated" not in folded


def test_facts_are_never_folded(begin: Callable[..., Logs]) -> None:
    stream = io.StringIO()
    begin(stream)
    for _ in range(3):
        structlog.get_logger().info("round ended")
    assert len(lines(stream)) == 3


def test_closing_tells_what_was_held_back_and_restores_logging(stopwatch: Stopwatch) -> None:
    before = list(logging.getLogger().handlers)
    stream = io.StringIO()
    running = logs.start(style="json", stream=stream, monotonic=stopwatch)
    for _ in range(4):
        logging.getLogger("monitor").error("no answer")
    running.close(stopwatch())
    assert [line.get("count") for line in lines(stream)] == [None, 4]
    assert logging.getLogger().handlers == before


def test_the_console_speaks_local_time_and_chinese(begin: Callable[..., Logs], stopwatch: Stopwatch) -> None:
    stream = io.StringIO()
    running = begin(stream, style="console", zone=SITE)
    record = logging.makeLogRecord(
        {"name": "monitor", "levelno": logging.WARNING, "levelname": "WARNING", "msg": "泌水镇断电", "created": 0.0}
    )
    logging.getLogger().handle(record)
    logging.getLogger().handle(record)
    stopwatch.seconds += 60
    running.flush(stopwatch())
    first, folded = stream.getvalue().splitlines()
    assert first.startswith("1970-01-01 08:00:00 [warning")
    assert "泌水镇断电" in first
    assert "2 times in 60 s, the last: 泌水镇断电" in folded
    assert "\x1b" not in stream.getvalue()


def test_a_terminal_gets_colours_unless_they_are_unwanted(
    begin: Callable[..., Logs], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = Terminal()
    begin(coloured, style="auto")
    logging.getLogger("monitor").warning("colour")
    assert "\x1b[" in coloured.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Terminal()
    begin(plain, style="auto")
    logging.getLogger("monitor").warning("colour")
    assert "\x1b[" not in plain.getvalue()


def test_auto_writes_json_where_nobody_watches(begin: Callable[..., Logs]) -> None:
    stream = io.StringIO()
    begin(stream, style="auto")
    logging.getLogger("monitor").warning("泌水镇")
    assert lines(stream)[0]["event"] == "泌水镇"
    assert "泌水镇" in stream.getvalue()


def test_a_camera_cannot_forge_lines_on_the_console(begin: Callable[..., Logs]) -> None:
    stream = io.StringIO()
    begin(stream, style="console")
    structlog.get_logger().warning("answer", said="401\n2026-11-01 [info] all is well \x1b[2J\x9b2J")
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()
    assert "\x9b" not in stream.getvalue()
    assert "401␊2026" in stream.getvalue()


def test_tracebacks_keep_their_lines_but_not_their_variables(begin: Callable[..., Logs]) -> None:
    stream = io.StringIO()
    begin(stream, style="console")
    password = "correct horse"
    try:
        raise ValueError(len(password))
    except ValueError:
        structlog.get_logger().exception("failed")
    assert "Traceback" in stream.getvalue()
    assert len(stream.getvalue().splitlines()) > 3
    assert "correct horse" not in stream.getvalue()


@pytest.mark.parametrize("style", ["json", "console"])
def test_redaction_sees_everything_that_is_written(style: str, begin: Callable[..., Logs]) -> None:
    def redact(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
        return {name: str(value).replace("geheim", "•••") for name, value in event_dict.items()}

    stream = io.StringIO()
    begin(stream, style=style, redact=[redact])
    logging.getLogger("probes").warning("rtsp://admin:%s@127.0.0.1", "geheim", extra={"said": "geheim"})
    structlog.get_logger().warning("again", url="geheim")
    try:
        raise ValueError("geheim")
    except ValueError:
        logging.getLogger("probes").exception("failed")
    assert "geheim" not in stream.getvalue()
    assert stream.getvalue().count("•••") >= 4


def test_the_level_hides_what_is_below_it_and_libraries_are_quiet(begin: Callable[..., Logs]) -> None:
    stream = io.StringIO()
    begin(stream, level="info")
    structlog.get_logger("monitor").debug("detail")
    logging.getLogger("monitor").debug("detail")
    logging.getLogger("aiohttp.access").info("GET /")
    assert stream.getvalue() == ""
    stream = io.StringIO()
    begin(stream, level="debug")
    structlog.get_logger("monitor").debug("detail")
    logging.getLogger("aiohttp.access").info("GET /")
    assert [line["event"] for line in lines(stream)] == ["detail", "GET /"]


def test_warnings_of_libraries_become_lines(begin: Callable[..., Logs]) -> None:
    stream = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        begin(stream)
        warnings.warn("soon gone", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(False)
    assert "soon gone" in str(lines(stream)[0]["event"])


class Broken:
    """A value that cannot be written."""

    def __str__(self) -> str:
        raise RuntimeError("no text for geheim")

    __repr__ = __str__


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_line_that_cannot_be_written_harms_nobody(
    style: str, begin: Callable[..., Logs], capsys: pytest.CaptureFixture[str]
) -> None:
    stream = io.StringIO()
    running = begin(stream, style=style)
    structlog.get_logger("monitor").warning("odd", value=Broken())
    logging.getLogger("monitor").warning("odd %s", Broken())
    logging.getLogger("monitor").warning("too many %s", 1, 2)
    structlog.get_logger("monitor").warning("far too many %s", 1, 2)
    structlog.get_logger("monitor").warning("kind", outcome=Broken())
    structlog.get_logger("monitor").warning("well")
    assert running.handler.lost == 5
    assert "well" in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 1
    assert "geheim" not in capsys.readouterr().err


def test_a_closed_stream_harms_nobody(begin: Callable[..., Logs], stopwatch: Stopwatch) -> None:
    stream = io.StringIO()
    running = begin(stream)
    stream.close()
    for _ in range(3):
        logging.getLogger("monitor").warning("nobody hears this")
    running.flush(stopwatch() + 60)
    assert running.handler.lost == 2
