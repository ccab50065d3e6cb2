"""Take in another system's record: JSON lines, one for each change of a camera's condition.

{"camera": ID, "at": "2026-10-01T00:00:00+08:00", "condition": "offline", "fault": "unreachable"}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from monitor.core.condition import Condition, Fault
from monitor.core.history import Line, Reception
from monitor.core.rule import UnknownError
from monitor.store import HistorySource, Store

REASONS = {
    Reception.NO_CAMERA: ("台账中没有这个点位", "the ledger has no such camera"),
    Reception.NOT_YET: ("时间在将来", "it speaks of the future"),
    Reception.OWN_RECORD: ("与本系统自己的记录重叠", "it overlaps our own record"),
    Reception.OUT_OF_ORDER: ("早于该点位的上一行", "it is earlier than the camera's line before"),
    Reception.CONTRADICTS: ("与以前导入的内容矛盾", "it contradicts what was imported before"),
}


class LineError(ValueError):
    """A line that says nothing usable."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A line that did not go in, by its number in the file, and why."""

    line: int
    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did: how many lines there were, went in, were there already, and those refused."""

    sha256: str
    lines: int
    imported: int
    known: int
    refused: tuple[Refused, ...]


def import_history(store: Store, path: Path, *, who: str, at: int) -> Imported:
    """Enter the lines of ``path``. Raises UnknownError for a file that cannot be read, and StoreError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnknownError(f"无法读取 {path}（{error.strerror}）", f"cannot read {path} ({error.strerror})") from error
    read, refused = _read(content)
    source = HistorySource(name=path.name, sha256=hashlib.sha256(content).hexdigest(), who=who)
    receptions = store.take_history([line for _, line in read], source, at=at)
    for (number, _), reception in zip(read, receptions, strict=True):
        if reception in REASONS:
            zh, en = REASONS[reception]
            refused.append(Refused(line=number, zh=zh, en=en))
    return Imported(
        sha256=source.sha256,
        lines=len(read) + len(refused) - sum(reception in REASONS for reception in receptions),
        imported=receptions.count(Reception.NEW),
        known=receptions.count(Reception.KNOWN),
        refused=tuple(sorted(refused, key=lambda each: each.line)),
    )


def _read(content: bytes) -> tuple[list[tuple[int, Line]], list[Refused]]:
    read: list[tuple[int, Line]] = []
    refused: list[Refused] = []
    for number, text in _numbered(content):
        try:
            read.append((number, line_of(text)))
        except LineError as error:
            refused.append(Refused(line=number, zh=error.zh, en=error.en))
    return read, refused


def _numbered(content: bytes) -> Iterator[tuple[int, bytes]]:
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return ((number, line.strip()) for number, line in enumerate(lines, 1) if line.strip())


def line_of(text: bytes) -> Line:
    """What one line says. Raises LineError.

    >>> line_of(b'{"camera": "c", "at": "2026-10-01T00:00:00+08:00", "condition": "intact"}').at
    1790784000
    """
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise LineError("不是 JSON", "it is not JSON") from None
    camera = said.get("camera") if isinstance(said, dict) else None
    if not isinstance(camera, str) or not camera or not _is_text(camera):
        raise LineError("没有点位编码 camera", 'it names no "camera"')
    condition, fault = _said(str(said.get("condition")), said.get("fault"))
    return Line(camera=camera, at=_moment(said.get("at")), condition=condition, fault=fault)


def _is_text(text: str) -> bool:
    """JSON can escape half a surrogate pair, which no database can store."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _said(condition: str, fault: object) -> tuple[Condition, Fault | None]:
    if condition not in list(Condition):
        raise LineError(f"没有“{condition}”这种状态", f"there is no condition {condition!r}")
    if fault is None:
        return Condition(condition), None
    if fault not in list(Fault):
        raise LineError(f"没有“{fault}”这种故障", f"there is no fault {fault!r}")
    if condition in (Condition.INTACT, Condition.UNKNOWN):
        raise LineError(f"{condition} 不能带故障", f"a camera that is {condition} has no fault")
    return Condition(condition), Fault(str(fault))


def _moment(text: object) -> int:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise LineError("没有可读的时间 at", 'it has no readable time "at"')
    if moment.tzinfo is None:
        raise LineError("时间没有时区偏移", "its time has no offset")
    return int(moment.timestamp() // 1)
