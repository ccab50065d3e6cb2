"""Would a lost server come back? Are there backups, young ones, on another disk, and the card that opens them?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from monitor.backup import kept_in, places
from monitor.config import Config
from monitor.core.rotation import Label
from monitor.doctor.disk import disk_of
from monitor.doctor.finding import Finding, Level, finding
from monitor.recovery import RecoveryKeyError, read_seal

HOUR_S = 3_600
OLDEST_S = {Label.HOURLY: 3 * HOUR_S, Label.NIGHTLY: 30 * HOUR_S}
"""Older than this, one has been missed."""


def backups(config: Config, now: int) -> Iterator[Finding]:
    """Where backups go, how old they are, and whether there is a recovery key."""
    yield from _disks(config)
    for folder in places(config):
        yield from _ages(folder, now)
    yield _card(config)


def _disks(config: Config) -> Iterator[Finding]:
    first, second = config.backup.dir, config.backup.second
    if not second:
        yield finding(
            "backup",
            "没有第二处备份：请在 [backup] second 填写另一块磁盘或另一台机器上的文件夹",
            "there is no second place for backups: name a folder on another disk or machine in [backup] second",
            Level.BROKEN,
        )
    elif disk_of(Path(first)) == disk_of(Path(second)):
        yield finding(
            "backup",
            f"两处备份在同一块磁盘上（{first}、{second}），磁盘坏了就都没有了",
            f"both places for backups are on the same disk ({first}, {second}): if it fails, both are gone",
            Level.BROKEN,
        )
    else:
        yield finding("backup", "两处备份在不同的磁盘上", "the two places for backups are on different disks")


def _ages(folder: Path, now: int) -> Iterator[Finding]:
    try:
        there = kept_in(folder)
    except OSError as error:
        yield finding(
            "backup",
            f"备份文件夹 {folder} 不能读取（{error.strerror}）",
            f"the backups in {folder} cannot be read ({error.strerror})",
            Level.BROKEN,
        )
        return
    for label, oldest in OLDEST_S.items():
        newest = max((kept.at for kept in there if kept.label is label), default=None)
        zh, en = {Label.HOURLY: ("每小时", "hourly"), Label.NIGHTLY: ("每夜", "nightly")}[label]
        if newest is None:
            yield finding(
                "backup",
                f"{folder} 中还没有{zh}备份：请启用定时任务 xunjian backup --scheduled {label}",
                f"{folder} has no {en} backup: enable the timer of xunjian backup --scheduled {label}",
                Level.BROKEN,
            )
            continue
        age = max(0, now - newest)
        late = age > oldest
        yield finding(
            "backup",
            f"{folder} 最近一次{zh}备份在 {age / HOUR_S:.1f} 小时前" + ("，已逾期" if late else ""),
            f"{folder}: the last {en} backup is {age / HOUR_S:.1f} h old" + (", which is too old" if late else ""),
            Level.BROKEN if late else Level.FINE,
        )


def _card(config: Config) -> Finding:
    try:
        seal = read_seal(Path(config.secrets.key_file))
    except RecoveryKeyError as error:
        return finding("recovery", error.zh, error.en, Level.BROKEN)
    if seal is None:
        return finding(
            "recovery",
            "还没有恢复密钥卡，备份中不含摄像机密码的密钥：请执行 xunjian backup --new-recovery-key 并存入保险柜",
            "there is no recovery key yet, so backups lack the key of the camera passwords: "
            "run xunjian backup --new-recovery-key and put the card into the safe",
            Level.BROKEN,
        )
    day = f"{datetime.fromtimestamp(seal.made_at, config.site.zone):%Y-%m-%d}"
    return finding(
        "recovery",
        f"恢复密钥卡 {seal.id}，{day} 制作；请确认它在保险柜中",
        f"recovery key {seal.id}, made on {day}; see that the card is in the safe",
    )
