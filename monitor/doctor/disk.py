"""Is there room, and for how long? Growth is measured on what was written, not guessed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from monitor.config import Config
from monitor.core.disk import Growth, days_left
from monitor.doctor.finding import Finding, Level, finding
from monitor.store import Store

SPACE_NEEDED = 2 * 2**30
"""Bytes free beside the database and the evidence: about a year of record, and papers."""

MEASURED_DAYS = 14
"""Evidence is measured over so many days."""

SOON_DAYS, LITTLE_DAYS = 14, 90
DAY_S = 86_400


def space(config: Config) -> Iterator[Finding]:
    """Whether there is room at all."""
    for folder in sorted({existing(Path(config.evidence.dir)), existing(Path(config.secrets.key_file).parent)}):
        free = shutil.disk_usage(folder).free
        enough = free >= SPACE_NEEDED
        yield finding(
            "disk",
            f"{folder} 剩余 {free / 2**30:.1f} GB" + ("" if enough else "，偏少"),
            f"{folder}: {free / 2**30:.1f} GB free" + ("" if enough else ", which is little"),
            Level.FINE if enough else Level.WARNING,
        )


def days(store: Store, config: Config, now: int) -> Iterator[Finding]:
    """How long the disk will last by what the record and the evidence have grown."""
    began = min((coverage.began for coverage in store.coverages()), default=now)
    recorded = (now - began) / DAY_S
    if recorded < 1:
        yield finding(
            "disk", "记录不足一天，还不能估计磁盘可用天数", "less than a day on record: too early to say how long"
        )
        return
    over = min(MEASURED_DAYS, recorded)
    size = store.evidence_size()
    growth = Growth(
        endless=_record_bytes(config) / recorded,
        bounded=store.evidence_written(now - int(over * DAY_S)) / over,
        room=max(0, config.evidence.rules(config.site.zone).budget - size),
    )
    left = days_left(shutil.disk_usage(existing(Path(config.evidence.dir))).free, growth)
    daily = (growth.endless + growth.bounded) / 2**20
    if left is None or left > 10 * 365:
        yield finding(
            "disk", f"每天增加 {daily:.1f} MiB，够用十年以上", f"grows by {daily:.1f} MiB a day: room for ten years"
        )
        return
    level = Level.BROKEN if left < SOON_DAYS else Level.WARNING if left < LITTLE_DAYS else Level.FINE
    advice = (
        ("", "") if level is Level.FINE else ("；请扩容或调小 [evidence] budget_mib", "; add room or lower budget_mib")
    )
    yield finding(
        "disk",
        f"每天增加 {daily:.1f} MiB，约 {left:.0f} 天后用完{advice[0]}",
        f"grows by {daily:.1f} MiB a day: full in about {left:.0f} days{advice[1]}",
        level,
    )


def existing(folder: Path) -> Path:
    """The folder, or the nearest above it that exists: it will lie on the same disk."""
    return next(each for each in (folder, *folder.parents) if each.exists())


def disk_of(folder: Path) -> str:
    """A name for the disk that ``folder`` lies on or would lie on: two partitions of one disk have the same.

    Where the kernel tells of no disk (a network share, a container's layers) it is the file system's number.
    """
    number = existing(folder).stat().st_dev
    device = Path("/sys/dev/block") / f"{os.major(number)}:{os.minor(number)}"
    with suppress(OSError):
        found = device.resolve(strict=True)
        return found.parent.name if (found / "partition").exists() else found.name
    return f"dev {number}"


def _record_bytes(config: Config) -> int:
    scheme, _, name = config.store.url.partition(":///")
    if not scheme.startswith("sqlite"):
        return 0
    with suppress(OSError):
        return Path(name).stat().st_size
    return 0
