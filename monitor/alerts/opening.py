"""The channels of config.toml, ready to send."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from monitor.alerts.channel import Channel, ChannelError, DeliveryError, Letter
from monitor.alerts.dispatch import Post
from monitor.alerts.gateway import Gateway
from monitor.alerts.letters import Audience
from monitor.config import Config
from monitor.config.alerting import ChannelEntry
from monitor.core.alert_plan import Policy
from monitor.core.board import Board
from monitor.core.fleet import Fleet
from monitor.wording import Lang

LONGEST_UNSENT = 2000
"""Bytes of a letter to a channel that cannot be opened: what the shortest chat service would take."""


class Unusable:
    """Stands in for a channel that cannot be opened: every letter to it fails with the reason, and is shown."""

    def __init__(self, error: ChannelError) -> None:
        self.error = error

    @property
    def longest(self) -> int:
        """Short enough for whatever it will be once it is put right."""
        return LONGEST_UNSENT

    async def send(self, letter: Letter, *, deadline_s: float) -> None:
        """Raises DeliveryError."""
        raise DeliveryError(self.error.text())

    async def close(self) -> None:
        """There is nothing to close."""


def open_channel(entry: ChannelEntry, config: Config, environment: Mapping[str, str] = os.environ) -> Channel:
    """The channel. Raises ChannelError. Blocks: the first one by apprise takes a moment to load."""
    folder = environment.get("CREDENTIALS_DIRECTORY")
    credentials = Path(folder) if folder else None
    if entry.gateway:
        return Gateway(entry, county=config.site.county, credentials=credentials)
    # Here and not above: apprise takes 40 MB, which a county without it saves.
    from monitor.alerts.by_apprise import AppriseChannel

    return AppriseChannel(entry, credentials=credentials)


def open_posts(config: Config, environment: Mapping[str, str] = os.environ) -> list[Post]:
    """All channels, those that cannot be opened included. Blocks."""
    posts: list[Post] = []
    for entry in config.alerts.channels:
        channel: Channel
        try:
            channel = open_channel(entry, config, environment)
        except ChannelError as error:
            channel = Unusable(error)
        posts.append(Post(name=entry.name, channel=channel, audience=audience_of(entry, config)))
    return posts


def policy_of(config: Config) -> Policy:
    """When people are told."""
    confirm = config.confirm
    return config.alerts.policy(
        config.site.zone, flap_changes=confirm.flap_changes, flap_window_s=confirm.flap_window_s
    )


def audience_of(entry: ChannelEntry, config: Config) -> Callable[[Board], Audience]:
    """Who reads a channel, by the ledger of a board."""
    return lambda board: Audience(
        fleet=board.fleet,
        zone=config.site.zone,
        lang=Lang(entry.lang),
        townships=townships_named(entry, board.fleet),
        kinds=entry.told_of,
        addresses=entry.addresses,
    )


def townships_named(entry: ChannelEntry, fleet: Fleet) -> frozenset[str]:
    """The codes of the townships that the channel names; a name that the ledger lacks stays as it is."""
    codes = {township.name: township.code for township in fleet.townships.values()}
    return frozenset(codes.get(each, each) for each in entry.townships)
