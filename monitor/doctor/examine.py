"""Everything that the daemon needs, looked at one by one; no camera is asked."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from monitor.clock import Clock
from monitor.config import Config
from monitor.core.fleet import Camera, Fleet, Registration
from monitor.doctor import clocks, disk, peers
from monitor.doctor.backups import backups
from monitor.doctor.finding import Finding, Level
from monitor.doctor.outbox import broker_password, outbox
from monitor.importing import open_store
from monitor.inventory import targets
from monitor.secrets import KeyRing, SecretsError, open_key_ring
from monitor.store import Store, StoreError

FILES_NEEDED = 4096
"""Descriptors: 264 looks in flight, the database, the page, and room for UDP ports."""


def examine(config: Config, clock: Clock, environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Look at everything that the daemon needs, without asking any camera."""
    yield from _witnesses(config)
    yield from _limits()
    yield from disk.space(config)
    yield from clocks.kernel()
    yield from clocks.cameras(peers.offsets_of_cameras(config))
    yield from peers.certificates(config, clock.now())
    yield from peers.prometheus(config, clock.now())
    yield from peers.broker(config)
    yield from broker_password(config)
    yield from backups(config, int(clock.now()))
    try:
        keys = open_key_ring(Path(config.secrets.key_file), environment)
    except SecretsError as error:
        yield Finding(level=Level.BROKEN, topic="secrets", zh=error.zh, en=error.en)
        return
    try:
        with open_store(config, clock) as store:
            yield from _record(store, keys, int(clock.now()))
            yield from _evidence(store, config, int(clock.now()))
            yield from outbox(store)
            yield from _soundness(store)
            yield from disk.days(store, config, int(clock.now()))
            yield from clocks.steps(store, int(clock.now()))
    except StoreError as error:
        yield Finding(level=Level.BROKEN, topic="store", zh=f"数据库打不开：{error}", en=f"the store: {error}")


def _witnesses(config: Config) -> Iterator[Finding]:
    if config.witness.county or any(township.witness for township in config.townships):
        count = len(config.witness.county) + sum(bool(township.witness) for township in config.townships)
        yield Finding(level=Level.FINE, topic="witness", zh=f"旁证设备 {count} 个", en=f"{count} witnesses")
        return
    yield Finding(
        level=Level.WARNING,
        topic="witness",
        zh="没有配置旁证设备（[witness] county 或 [[townships]] witness）：我方上联中断时只能靠“全部同时失败”来识别",
        en="no witness is configured ([witness] county or [[townships]] witness): a failure of our own uplink is only "
        "recognised by everybody failing at once",
    )


def _limits() -> Iterator[Finding]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = hard >= FILES_NEEDED or hard == resource.RLIM_INFINITY
    yield Finding(
        level=Level.FINE if enough else Level.WARNING,
        topic="limits",
        zh=f"可打开文件数上限 {soft}（硬上限 {hard}）" + ("" if enough else f"，至少应为 {FILES_NEEDED}"),
        en=f"open files: limit {soft}, hard limit {hard}" + ("" if enough else f"; at least {FILES_NEEDED} are needed"),
    )


def _soundness(store: Store) -> Iterator[Finding]:
    """Whether the database is whole, and of which schema. An old one has been upgraded by being opened."""
    revision = store.check()
    yield Finding(
        level=Level.FINE,
        topic="store",
        zh=f"数据库完好，版本 {revision}",
        en=f"the database is sound, schema {revision}",
    )


def _record(store: Store, keys: KeyRing, now: int) -> Iterator[Finding]:
    fleet, holds = store.fleet_at(now), store.holds()
    yield from _ledger(fleet)
    yield from _logins(store, keys, fleet)
    held = [hold for hold in holds if hold.until > now]
    if held:
        hosts = ", ".join(sorted({hold.host for hold in held})[:5])
        yield Finding(
            level=Level.WARNING,
            topic="login",
            zh=f"{len(held)} 个登录被拒绝后暂停使用（{hosts}…）：请核对用户名和密码",
            en=f"{len(held)} logins are held back after a refusal ({hosts}…): check user names and passwords",
        )


def _evidence(store: Store, config: Config, now: int) -> Iterator[Finding]:
    """Whether the pictures fit their room, and whether the disk has that much."""
    found = store.survey_evidence(config.evidence.rules(config.site.zone), now=now)
    zh = "证据图片 {mib} MiB，上限 {budget_mib} MiB，其中已定稿月份的证据 {frozen_mib} MiB"
    en = "pictures of evidence: {mib} MiB of {budget_mib}, {frozen_mib} of them held by frozen months"
    if found.over:
        zh += "；超出 {over_mib} MiB，都不能删：请调大 [evidence] budget_mib，或在年度考评定稿后填写 closed_years"
        en += (
            "; {over_mib} MiB too many, and none may be deleted: raise [evidence] budget_mib, or name in closed_years "
        )
        en += "the years whose annual sheet is closed"
    yield Finding(
        level=Level.WARNING if found.over else Level.FINE,
        topic="evidence",
        zh=zh.format_map(found.in_mib()),
        en=en.format_map(found.in_mib()),
    )
    free, more = shutil.disk_usage(disk.existing(Path(config.evidence.dir))).free, found.budget - found.size
    if free < more:
        yield Finding(
            level=Level.WARNING,
            topic="evidence",
            zh=f"证据图片还可能增加 {more / 2**30:.1f} GB，磁盘只剩 {free / 2**30:.1f} GB：请调小 budget_mib",
            en=f"evidence may grow by {more / 2**30:.1f} GB and the disk has {free / 2**30:.1f} GB: lower [evidence] "
            "budget_mib",
        )


def _ledger(fleet: Fleet) -> Iterator[Finding]:
    cameras = [camera for camera in fleet.cameras.values() if camera.registration is not Registration.RETIRED]
    if not cameras:
        yield Finding(
            level=Level.WARNING,
            topic="ledger",
            zh="台账是空的：请执行 xunjian inventory import 台账.xlsx",
            en="the ledger is empty: run xunjian inventory import LEDGER.xlsx",
        )
        return
    yield Finding(
        level=Level.FINE, topic="ledger", zh=f"台账 {len(cameras)} 台", en=f"{len(cameras)} cameras in the ledger"
    )
    paths = targets(fleet, {})
    pathless = [
        each for each in cameras if each.id in paths and not paths[each.id].rtsp_path and each.onvif_port is None
    ]
    yield from _lacking(
        [each for each in cameras if not each.host], "没有地址，无法巡查", "have no address and cannot be looked at"
    )
    yield from _lacking([each for each in cameras if not each.credential], "没有登录凭据", "have no login")
    yield from _lacking(pathless, "没有取流路径，也没有 ONVIF 端口可问", "have no stream path and no ONVIF port to ask")


def _lacking(cameras: Sequence[Camera], zh: str, en: str) -> Iterator[Finding]:
    if not cameras:
        return
    names = ", ".join(camera.id for camera in cameras[:3]) + ("…" if len(cameras) > 3 else "")
    yield Finding(
        level=Level.WARNING,
        topic="ledger",
        zh=f"{len(cameras)} 台{zh}（{names}）",
        en=f"{len(cameras)} cameras {en} ({names})",
    )


def _logins(store: Store, keys: KeyRing, fleet: Fleet) -> Iterator[Finding]:
    """Whether every stored login can be read, and whether the ledger names one that is not stored."""
    stored = store.credentials()
    try:
        for each in stored.values():
            keys.decrypt(each.ciphertext)
    except SecretsError as error:
        yield Finding(level=Level.BROKEN, topic="secrets", zh=error.zh, en=error.en)
        return
    yield Finding(
        level=Level.FINE, topic="secrets", zh=f"{len(stored)} 个登录可以解密", en=f"{len(stored)} logins can be read"
    )
    yield from _lacking(
        [each for each in fleet.cameras.values() if each.credential and each.credential not in stored],
        "引用的登录凭据不存在",
        "name a login that is not stored",
    )
