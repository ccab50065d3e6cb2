"""Which backups may go? So many hourly ones stay, so many nightly ones, and of each month the first nightly one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo
from enum import StrEnum

from monitor.core.period import Month


class Label(StrEnum):
    """Why a backup was made. One made by hand never goes by itself."""

    HOURLY = "hourly"
    NIGHTLY = "nightly"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, order=True)
class Kept:
    """A backup of the second ``at`` (UTC)."""

    at: int
    label: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How many of each kind stay; ``monthly`` counts months, each with its first nightly backup that is there."""

    hourly: int
    nightly: int
    monthly: int


def superfluous(backups: Iterable[Kept], rules: Rules, zone: tzinfo) -> set[Kept]:
    """The backups that may go; ``zone`` is the site's, in which months are cut."""
    newest_first = sorted(backups, reverse=True)
    hourly = [each for each in newest_first if each.label is Label.HOURLY]
    nightly = [each for each in newest_first if each.label is Label.NIGHTLY]
    # Later entries overwrite earlier ones, so that the oldest of each month is left.
    first = {str(Month.at(each.at, zone)): each for each in nightly}
    monthly = {first[month] for month in sorted(first, reverse=True)[: rules.monthly]}
    return {*hourly[rules.hourly :], *nightly[rules.nightly :]} - monthly
