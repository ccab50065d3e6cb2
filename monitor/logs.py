"""What does the program say of itself, in lines for people or for machines, and without saying one thing 214 times?

    logging, structlog ─► FoldingHandler ─► fields, traceback, time ─► redact ─► console | JSON
                             │ the first of a kind passes, the rest are counted
                             └► one line for each kind when its window ends

Our own modules use structlog or the standard library as they like (probes use the latter); both end here.
"""

from __future__ import annotations

import copy
import logging
import os
import sys
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Generic, Literal, TextIO, TypeVar

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

Style = Literal["auto", "console", "json"]
Entry = TypeVar("Entry")

KINDS_AT_MOST = 1024
"""Kinds of events folded at a time; what is beyond passes unfolded, so that the memory for it is bounded."""

FOLD_FROM = logging.WARNING
"""Only complaints are folded: two rounds that end within one window are two facts."""

KIND_FIELDS = ("probe", "outcome", "channel")
"""Fields that belong to what happened; all others, the camera before all, say to whom."""

NOISY = ("aiohttp.access", "alembic", "apscheduler")
"""Loggers of libraries that tell every step at info; they are heard from warnings on, or at debug."""


@dataclass(slots=True)
class _Window(Generic[Entry]):
    """The events of one kind since ``began``; ``last`` is None while nothing was held back."""

    began: float
    count: int = 0
    last: Entry | None = None
    subjects: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated(Generic[Entry]):
    """``count`` events of a kind within ``window_s`` seconds, about ``subjects`` different cameras (0: not known)."""

    last: Entry
    count: int
    subjects: int
    window_s: int


class Fold(Generic[Entry]):
    """Lets the first event of a kind pass and counts the others until the window ends. Times are monotonic seconds.

    A kind that goes on makes one line per window; one that was silent for a whole window is new again.
    """

    def __init__(self, window_s: float, *, kinds_at_most: int = KINDS_AT_MOST) -> None:
        self._window_s = window_s
        self._kinds_at_most = kinds_at_most
        self._windows: dict[Hashable, _Window[Entry]] = {}

    def admit(self, kind: Hashable, entry: Entry, *, now: float, subject: str = "") -> bool:
        """Whether ``entry`` is to be written now. If not it is counted, and kept while it is the last of its kind."""
        window = self._windows.get(kind)
        first = window is None
        if window is None:
            if len(self._windows) >= self._kinds_at_most:
                return True
            window = self._windows[kind] = _Window(began=now)
        window.count += 1
        if subject:
            window.subjects.add(subject)
        if not first:
            window.last = entry
        return first

    def flush(self, now: float) -> list[Repeated[Entry]]:
        """What was held back in the windows that have ended by ``now``; kinds without repeats are forgotten."""
        ended = [kind for kind, window in self._windows.items() if now - window.began >= self._window_s]
        return self._close(ended, now, go_on=True)

    def drain(self, now: float) -> list[Repeated[Entry]]:
        """Everything that was held back, whether its window has ended or not."""
        return self._close(list(self._windows), now, go_on=False)

    def _close(self, kinds: Sequence[Hashable], now: float, *, go_on: bool) -> list[Repeated[Entry]]:
        lines: list[Repeated[Entry]] = []
        for kind in kinds:
            window = self._windows.pop(kind)
            if window.last is None:
                continue
            took = max(1, round(now - window.began))
            lines.append(Repeated(last=window.last, count=window.count, subjects=len(window.subjects), window_s=took))
            if go_on:
                self._windows[kind] = _Window(began=now)
        return lines


class FoldingHandler(logging.StreamHandler[TextIO]):
    """Writes records to ``stream``, folding repeated complaints. Whatever goes wrong in here, the caller goes on."""

    def __init__(self, stream: TextIO, *, window_s: float, monotonic: Callable[[], float]) -> None:
        super().__init__(stream)
        self._fold: Fold[logging.LogRecord] = Fold(window_s)
        self._monotonic = monotonic
        self.lost = 0
        """Lines that could not be written."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < FOLD_FROM or self._is_first(record):
            super().emit(record)

    def flush_repeats(self, now: float) -> None:
        """Write one line for each kind whose window has ended by ``now`` (monotonic seconds)."""
        self._write_repeats(self._fold.flush, now)

    def drain_repeats(self, now: float) -> None:
        """Write all that was held back."""
        self._write_repeats(self._fold.drain, now)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is the standard library's
        # The library's own report would print the record's arguments, which nobody has redacted.
        self.lost += 1
        error = sys.exc_info()[0]
        if self.lost == 1 and sys.__stderr__ is not None:
            try:
                print(f"a log line was lost: {error.__name__ if error else 'unknown'}", file=sys.__stderr__)
            except (OSError, ValueError):
                return  # the terminal is gone; the count remains

    def _is_first(self, record: logging.LogRecord) -> bool:
        try:
            kind, subject = _kind_and_subject(record)
            return self._fold.admit(kind, record, now=self._monotonic(), subject=subject)
        except Exception:  # noqa: BLE001 - an odd record must be neither lost nor harmful
            return True

    def _write_repeats(self, close: Callable[[float], list[Repeated[logging.LogRecord]]], now: float) -> None:
        self.acquire()
        try:
            for repeated in close(now):
                super().emit(_as_record(repeated))
        finally:
            self.release()


def _kind_and_subject(record: logging.LogRecord) -> tuple[Hashable, str]:
    """What happened, as something that can be compared, and the camera that it happened to, "" if it is not said.

    A record of the standard library is told by its template, one of structlog by its event and KIND_FIELDS.
    """
    error = record.exc_info[0] if record.exc_info else sys.exc_info()[0]
    fields: Mapping[str, object] = record.msg if isinstance(record.msg, dict) else record.__dict__
    event = fields.get("event") if isinstance(record.msg, dict) else record.msg
    kind = (record.name, record.levelno, str(event), error, *(str(fields.get(name, "")) for name in KIND_FIELDS))
    return kind, str(fields.get("camera", ""))


def _as_record(repeated: Repeated[logging.LogRecord]) -> logging.LogRecord:
    """The last record of its kind with the count on it; its traceback was printed with the first."""
    record = copy.copy(repeated.last)
    record.exc_info = record.exc_text = record.stack_info = None
    if isinstance(record.msg, dict):
        record.msg = {name: value for name, value in record.msg.items() if name not in ("exc_info", "stack_info")}
    record.repeated = repeated
    return record


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """The running logs. ``flush`` belongs into the daemon's tick, ``close`` to its end."""

    handler: FoldingHandler
    levels_before: Mapping[str, int]
    handlers_before: Sequence[logging.Handler]

    def flush(self, now: float) -> None:
        """Write the counts of the windows that have ended by ``now`` (monotonic seconds)."""
        self.handler.flush_repeats(now)

    def close(self, now: float) -> None:
        """Write all that was held back and leave logging as it was before ``start``."""
        self.handler.drain_repeats(now)
        root = logging.getLogger()
        root.handlers[:] = self.handlers_before
        for name, level in self.levels_before.items():
            logging.getLogger(name).setLevel(level)
        logging.captureWarnings(False)
        structlog.reset_defaults()


def start(
    *,
    style: Style = "auto",
    level: str = "info",
    stream: TextIO | None = None,
    zone: tzinfo = UTC,
    redact: Sequence[Processor] = (),
    fold_s: float = 60.0,
    monotonic: Callable[[], float] = time.monotonic,
) -> Logs:
    """Send every log line of the process to ``stream`` (default standard error) and say how to end that.

    ``auto`` is the console's style on a terminal and JSON lines elsewhere. JSON has UTC times, the console those of
    ``zone``. ``redact`` runs last before rendering and sees tracebacks as text. Complaints of one kind are folded
    within ``fold_s`` seconds.
    """
    out = stream or sys.stderr
    handler = FoldingHandler(out, window_s=fold_s, monotonic=monotonic)
    as_json = style == "json" or (style == "auto" and not out.isatty())
    handler.setFormatter(_formatter(as_json=as_json, colours=_wants_colours(out), zone=zone, redact=redact))
    root = logging.getLogger()
    logs = Logs(
        handler=handler,
        levels_before={name: logging.getLogger(name).level for name in ("", *NOISY)},
        handlers_before=tuple(root.handlers),
    )
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "debug" else logging.WARNING)
    logging.captureWarnings(True)
    structlog.configure(
        # All that can fail runs in the formatter, inside the handler, where it cannot reach the caller.
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return logs


def _wants_colours(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR")


def _formatter(*, as_json: bool, colours: bool, zone: tzinfo, redact: Sequence[Processor]) -> logging.Formatter:
    told: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        # Plain text: the formatters with local variables would print passwords.
        structlog.processors.format_exc_info,
        _add_time(None if as_json else zone),
        _add_repeats if as_json else _say_repeats,
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        *redact,
    ]
    rendered: list[Processor] = (
        [structlog.processors.JSONRenderer(ensure_ascii=False, default=str)]
        if as_json
        else [
            _show_controls,
            structlog.dev.ConsoleRenderer(
                colors=colours, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    )
    return structlog.stdlib.ProcessorFormatter(
        processors=[*told, *rendered], foreign_pre_chain=[structlog.stdlib.ExtraAdder()]
    )


def _add_time(zone: tzinfo | None) -> Processor:
    """The record's own time: ISO 8601 in UTC for machines, the local second for people in ``zone``."""

    def add(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
        created: float = event_dict["_record"].created
        if zone is None:
            text = datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        else:
            text = f"{datetime.fromtimestamp(created, zone):%Y-%m-%d %H:%M:%S}"
        event_dict["timestamp"] = text
        return event_dict

    return add


def _repeats(event_dict: EventDict) -> Repeated[object] | None:
    event_dict.pop("repeated", None)  # copied there with the other extras of a record of the standard library
    repeated: Repeated[object] | None = getattr(event_dict["_record"], "repeated", None)
    return repeated


def _add_repeats(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
    if repeated := _repeats(event_dict):
        event_dict["count"], event_dict["window_s"] = repeated.count, repeated.window_s
        if repeated.subjects:
            event_dict["cameras"] = repeated.subjects
    return event_dict


def _say_repeats(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
    if repeated := _repeats(event_dict):
        cameras = f" from {repeated.subjects} cameras" if repeated.subjects else ""
        counted = f"{repeated.count} times{cameras} in {repeated.window_s} s, the last:"
        event_dict["event"] = f"{counted} {event_dict['event']}"
    return event_dict


_VISIBLE = {
    **{code: 0x2400 + code for code in range(0x20)},  # the control pictures of Unicode, ␛ for the escape
    **dict.fromkeys(range(0x7F, 0xA0), 0xFFFD),
}
_VISIBLE_BUT_LINES = {code: shown for code, shown in _VISIBLE.items() if chr(code) not in "\t\n"}


def _show_controls(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
    # A camera's answer may hold line ends and terminal sequences, which would forge or hide lines.
    for name, value in event_dict.items():
        if isinstance(value, str):
            event_dict[name] = value.translate(_VISIBLE_BUT_LINES if name in ("exception", "stack") else _VISIBLE)
    return event_dict
