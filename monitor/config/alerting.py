"""The settings of alerts to people: when they are told, and by which channels."""

from __future__ import annotations

from collections import Counter
from datetime import time, tzinfo
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from monitor.config.body import Body, BodyError
from monitor.config.values import Count, NoSeconds, Seconds, Table, Words, complaint
from monitor.core.alert_plan import Kind, Loud, Policy

KindName = Literal["key_point", "cause", "digest", "monitor", "month"]
LoudName = Literal["key_point", "mass", "monitor"]
KINDS: tuple[KindName, ...] = ("key_point", "cause", "digest", "monitor", "month")
LOUD: tuple[LoudName, ...] = ("key_point", "mass", "monitor")

BODY = '{"title": "{{ title }}", "text": "{{ text }}"}'


def _gateway(url: str) -> str:
    if not url:
        return url
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port beyond 65535, or half an IPv6 address
        is_url = False
    if not is_url:
        raise complaint(
            f"应为 http:// 或 https:// 开头的地址，现为“{url}”", f'should begin with http:// or https://, is "{url}"'
        )
    if parts.username is not None:
        raise complaint("地址中不要写用户名和密码，请写入 headers_file", "no login in it: put it into headers_file")
    return url


def _body(template: str) -> str:
    try:
        Body(template)
    except BodyError as error:
        raise complaint(f"模板不能用（{error}）", f"the template cannot be used ({error})") from None
    return template


def _some(kinds: tuple[KindName, ...]) -> tuple[KindName, ...]:
    if not kinds:
        raise complaint("不能留空", "must not be empty")
    return kinds


class ChannelEntry(Table):
    """One ``[[alerts.channels]]``: an apprise URL in a file, or an HTTP gateway of the county's own."""

    name: Words
    url_file: str = ""
    gateway: Annotated[str, AfterValidator(_gateway)] = ""
    method: Literal["POST", "PUT"] = "POST"
    headers_file: str = ""
    body: Annotated[str, AfterValidator(_body)] = BODY
    taken: str = ""
    recipients: tuple[Words, ...] = ()
    kinds: Annotated[tuple[KindName, ...], AfterValidator(_some)] = KINDS
    townships: tuple[Words, ...] = ()
    lang: Literal["zh", "en"] = "zh"
    addresses: bool = False
    longest: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _has_one_way(self) -> Self:
        if bool(self.url_file) == bool(self.gateway):
            raise complaint(
                "url_file 和 gateway 必须写一项，且只写一项", "needs url_file or gateway, one of them and not both"
            )
        return self

    @property
    def told_of(self) -> frozenset[Kind]:
        """The kinds of alerts that it is told of."""
        return frozenset(Kind(kind) for kind in self.kinds)

    @property
    def gateway_door(self) -> tuple[str, int] | None:
        """Host and port of the gateway; None for a channel by apprise."""
        if not self.gateway:
            return None
        parts = urlsplit(self.gateway)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)

    def at(self, home: Path) -> ChannelEntry:
        """The same with its files' paths made absolute from ``home``."""
        files = {name: str(home / getattr(self, name)) for name in ("url_file", "headers_file") if getattr(self, name)}
        return self.model_copy(update=files)


def _distinct(channels: tuple[ChannelEntry, ...]) -> tuple[ChannelEntry, ...]:
    for name, count in Counter(channel.name for channel in channels).items():
        if count > 1:
            raise complaint(
                f"通道名称“{name}”出现了 {count} 次，应各不相同",
                f'the channel name "{name}" stands there {count} times; each must be different',
            )
    return channels


class Alerts(Table):
    """When people are told of what (see ``core.alert_plan.Policy``), and how long a delivery is tried."""

    digests: tuple[time, ...] = (time(8, 30), time(17, 30))
    settle_s: NoSeconds = 60
    quiet_from: time = time(22)
    quiet_until: time = time(7)
    quiet_lets: tuple[LoudName, ...] = LOUD
    mass_cameras: Count = 20
    fold_causes: Count = 3
    deadline_s: Seconds = 20.0
    give_up_h: Count = 24
    keep_days: Count = 400
    channels: Annotated[tuple[ChannelEntry, ...], AfterValidator(_distinct)] = ()

    def policy(self, zone: tzinfo, *, flap_changes: int, flap_window_s: int) -> Policy:
        """The same for the rules of alerts. Every outage of a flapping camera is two changes of its condition."""
        quiet = None if self.quiet_from == self.quiet_until else (self.quiet_from, self.quiet_until)
        return Policy(
            zone=zone,
            digests=self.digests,
            settle_s=self.settle_s,
            quiet=quiet,
            loud=frozenset(Loud(each) for each in self.quiet_lets),
            mass_cameras=self.mass_cameras,
            fold_causes=self.fold_causes,
            flap_openings=max(1, flap_changes // 2),
            flap_window_s=flap_window_s,
        )

    def at(self, home: Path) -> Alerts:
        """The same with every path made absolute from ``home``."""
        return self.model_copy(update={"channels": tuple(channel.at(home) for channel in self.channels)})
