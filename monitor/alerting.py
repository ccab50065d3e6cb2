"""The commands about alerts to people, ``xunjian alert test`` and ``list``, and what doctor says of them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from monitor.alerts.channel import ChannelError, DeliveryError
from monitor.alerts.dispatch import delivery_of, is_newly_failed
from monitor.alerts.letters import trial
from monitor.alerts.opening import open_channel, policy_of, townships_named
from monitor.clock import Clock, SystemClock
from monitor.config import Config
from monitor.config.alerting import ChannelEntry
from monitor.core.alert import CameraCase, Case, CauseCase
from monitor.core.alert_plan import Scene, Wait, plan
from monitor.core.delivery import Delivery, DeliveryState, given_up, taken
from monitor.core.exemption import approved_spans
from monitor.core.fleet import Fleet
from monitor.doctor import Finding, Level
from monitor.importing import open_store
from monitor.secrets import redact
from monitor.shell import REFUSED, USAGE, Shell
from monitor.store import Batch, Reader, Store, StoreError
from monitor.wording import Lang, say

LISTED = 50
"""Deliveries listed unless more are asked for."""

JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]


def register(app: typer.Typer, shell: Shell) -> None:
    """Hang ``alert`` into the command line."""
    commands = _Alerting(shell)
    group = typer.Typer(help="告警 / alerts to people.", no_args_is_help=True, rich_markup_mode=None)
    group.command("test")(commands.test)
    group.command("list")(commands.show)
    app.add_typer(group, name="alert")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What became of a test message."""

    channel: str
    taken: bool
    took_s: float
    why: str = ""


class _Alerting:
    """``xunjian alert``."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def test(
        self,
        channel: Annotated[str, typer.Option(help="只试这个通道 / this channel only")] = "",
        as_json: JsonOption = False,
    ) -> None:
        """给各通道发一条测试消息，逐个说明是否收下 / a test message to every channel."""
        config, clock = self._shell.configuration(), SystemClock()
        entries = self._entries(config, channel)
        tried = asyncio.run(_try_all(entries, config, clock))
        _keep(tried, config, clock)
        if as_json:
            self._shell.say_json(
                [{"channel": t.channel, "taken": t.taken, "took_s": round(t.took_s, 3), "why": t.why} for t in tried]
            )
        else:
            sys.stdout.writelines(self._sentence(each) + "\n" for each in tried)
        if not all(each.taken for each in tried):
            raise typer.Exit(REFUSED)

    def _entries(self, config: Config, channel: str) -> list[ChannelEntry]:
        entries = [entry for entry in config.alerts.channels if channel in ("", entry.name)]
        if entries:
            return entries
        if not config.alerts.channels:
            raise self._shell.refusal(
                USAGE,
                "配置中没有告警通道，请写 [[alerts.channels]]",
                "no channel is configured; add [[alerts.channels]]",
            )
        names = "、".join(entry.name for entry in config.alerts.channels)
        raise self._shell.refusal(
            USAGE,
            f"没有名为“{channel}”的通道，可用的有：{names}",
            f'no channel is called "{channel}"; there are {names}',
        )

    def _sentence(self, tried: Tried) -> str:
        if tried.taken:
            zh, en = f"已收下（{tried.took_s:.1f} 秒）", f"taken ({tried.took_s:.1f} s)"
        else:
            zh, en = f"未收下：{tried.why}", f"not taken: {tried.why}"
        return self._shell.in_words(f"{tried.channel}：{zh}", f"{tried.channel}: {en}")

    def show(
        self,
        failed: Annotated[bool, typer.Option("--failed", help="只列失败的 / failed ones only")] = False,
        held: Annotated[bool, typer.Option("--held", help="列出暂不通知的故障和原因 / what waits, and why")] = False,
        limit: Annotated[int, typer.Option(min=1, max=100_000, help="最多几条 / at most")] = LISTED,
        as_json: JsonOption = False,
    ) -> None:
        """发送记录：何时、何通道、是否送达 / every delivery and what became of it."""
        config, clock = self._shell.configuration(), SystemClock()
        with open_store(config, clock) as store:
            if held:
                self._tell_held(held_cases(store, config, int(clock.now())), as_json=as_json)
                return
            found = store.deliveries(DeliveryState.FAILED if failed else None, limit)
        zone = config.site.zone
        if as_json:
            self._shell.say_json([delivery_json(each, zone) for each in found])
        else:
            self._shell.print_table(self._table(found, zone))

    def _table(self, deliveries: tuple[Delivery, ...], zone: tzinfo) -> Table:
        lang, words = self._shell.lang(), self._shell.in_words
        table = Table(box=None)
        for heading in (
            words("时间", "made at"),
            words("通道", "channel"),
            words("消息", "message"),
            words("状态", "state"),
            words("次数", "attempts"),
            words("原因", "why"),
        ):
            table.add_column(heading)
        for each in deliveries:
            at = datetime.fromtimestamp(each.made_at, zone)
            state = say(f"delivery.{each.state}", lang)
            cells = (f"{at:%Y-%m-%d %H:%M}", each.channel, each.title, state, str(each.attempts), each.error)
            table.add_row(*map(Text, cells))
        return table

    def _tell_held(self, held: Mapping[str, tuple[str, Wait]], *, as_json: bool) -> None:
        if as_json:
            self._shell.say_json([{"case": key, "name": name, "why": why.value} for key, (name, why) in held.items()])
            return
        lang = self._shell.lang()
        table = Table(box=None)
        table.add_column(self._shell.in_words("故障", "trouble"))
        table.add_column(self._shell.in_words("为何暂不通知", "why it waits"))
        for name, why in held.values():
            table.add_row(Text(name), Text(say(f"wait.{why}", lang)))
        self._shell.print_table(table)


def delivery_json(delivery: Delivery, zone: tzinfo) -> dict[str, object]:
    """A delivery for programs; times are ISO 8601 in the site's zone."""
    ended = delivery.ended_at
    return {
        "alert": delivery.alert,
        "channel": delivery.channel,
        "page": delivery.page,
        "kind": delivery.kind,
        "title": delivery.title,
        "text": delivery.text,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "made_at": datetime.fromtimestamp(delivery.made_at, zone).isoformat(),
        "ended_at": None if ended is None else datetime.fromtimestamp(ended, zone).isoformat(),
        "error": delivery.error,
    }


def held_cases(store: Reader, config: Config, now: int) -> dict[str, tuple[str, Wait]]:
    """What nobody was told of yet, by its key: its name, and why it waits."""
    with store.snapshot() as reader:
        cases, fleet = reader.alert_cases(), reader.fleet_at(now)
        spans = approved_spans(reader.exemptions(now, now + 1, now), reader.camera_versions(now))
    exempt = frozenset(camera for camera, its in spans.items() if any(began <= now < ended for began, ended in its))
    planned = plan(cases, Scene(fleet=fleet, exempt=exempt, now=now), policy_of(config))
    known = cases.by_key
    return {key: (_name(known[key], fleet), why) for key, why in planned.waits.items() if key in known}


def alert_findings(config: Config, clock: Clock) -> Iterator[Finding]:
    """What doctor says of alerts: channels that cannot be used, and messages that nobody got."""
    if not config.alerts.channels:
        yield _finding("没有配置告警通道，不给人发消息", "no channel is configured: nobody is told")
        return
    try:
        with open_store(config, clock) as store:
            fleet = store.fleet_at(int(clock.now()))
            yield from _delivered(store, int(clock.now()))
    except StoreError:
        return  # the record's own finding says so
    for entry in config.alerts.channels:
        yield _channel_finding(entry, config, fleet)


def _delivered(store: Store, now: int) -> Iterator[Finding]:
    failed = [each for each in store.deliveries(DeliveryState.FAILED) if is_newly_failed(each, now)]
    waiting = [each for each in store.deliveries(DeliveryState.WAITING) if each.attempts]
    if failed or waiting:
        yield _finding(
            f"24 小时内 {len(failed)} 条告警发送失败，{len(waiting)} 条正在重试；见 xunjian alert list",
            f"{len(failed)} alerts failed within a day, {len(waiting)} are being retried; see xunjian alert list",
            Level.WARNING,
        )


def _channel_finding(entry: ChannelEntry, config: Config, fleet: Fleet) -> Finding:
    try:
        open_channel(entry, config)
    except ChannelError as error:
        return _finding(f"通道“{entry.name}”：{error.zh}", f'channel "{entry.name}": {error.en}', Level.BROKEN)
    if strangers := sorted(townships_named(entry, fleet) - set(fleet.townships)):
        names = "、".join(strangers)
        return _finding(
            f"通道“{entry.name}”写的乡镇台账中没有：{names}",
            f'channel "{entry.name}" names townships that the ledger lacks: {names}',
            Level.WARNING,
        )
    return _finding(
        f"通道“{entry.name}”可以打开；用 xunjian alert test 试发",
        f'channel "{entry.name}" is ready; try xunjian alert test',
    )


def _finding(zh: str, en: str, level: Level = Level.FINE) -> Finding:
    return Finding(level=level, topic="alerts", zh=zh, en=en)


async def _try_all(entries: list[ChannelEntry], config: Config, clock: Clock) -> list[Tried]:
    return await asyncio.gather(*(_try(entry, config, clock) for entry in entries))


async def _try(entry: ChannelEntry, config: Config, clock: Clock) -> Tried:
    began = clock.monotonic()
    lang = Lang(entry.lang)
    letter = trial(config.site.county, entry.name, at=int(clock.now()), zone=config.site.zone, lang=lang)
    try:
        channel = await asyncio.to_thread(open_channel, entry, config)
        try:
            await channel.send(letter, deadline_s=config.alerts.deadline_s)
        finally:
            await channel.close()
    except ChannelError as error:
        return Tried(channel=entry.name, taken=False, took_s=clock.monotonic() - began, why=error.text(entry.lang))
    except DeliveryError as error:
        why = redact.text(str(error))
        return Tried(channel=entry.name, taken=False, took_s=clock.monotonic() - began, why=why)
    return Tried(channel=entry.name, taken=True, took_s=clock.monotonic() - began)


def _keep(tried: list[Tried], config: Config, clock: Clock) -> None:
    """A test is a delivery like any other: it is on file."""
    now = int(clock.now())
    made = []
    for each in tried:
        letter = trial(config.site.county, each.channel, at=now, zone=config.site.zone, lang=Lang.ZH)
        delivery = delivery_of(letter, alert=f"test@{now}", channel=each.channel, page=1, now=now)
        made.append(taken(delivery, now) if each.taken else given_up(delivery, each.why, now))
    with open_store(config, clock) as store:
        store.write(Batch(deliveries=tuple(made))).result()


def _name(case: Case, fleet: Fleet) -> str:
    match case:
        case CameraCase():
            camera = fleet.cameras.get(case.camera)
            return camera.name if camera else case.camera
        case CauseCase():
            return case.id
        case _:
            return case.key
