"""The board: what is known of the whole fleet at one moment, for pages, metrics and the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from monitor.core.condition import Cause, Condition, Fault
from monitor.core.fleet import Fleet
from monitor.core.record import Event, Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """疑似: looks that speak against the recorded condition but do not yet change it.

    ``needs_person`` is true for image faults, which a person may confirm or refute with the picture.
    """

    condition: Condition
    fault: Fault | None
    since: int
    looks: int
    needs_person: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraLive:
    """One camera now. ``answers``, ``described`` and ``pictured`` say what the last look of each depth (or a deeper
    one) proved: a port answers, a stream is described, a picture is proven; None while it was never asked."""

    id: str
    condition: Condition
    fault: Fault | None
    cause: Cause | None
    since: int
    doubt: Doubt | None = None
    flapping: bool = False
    last_look_at: int | None = None
    last_good_at: int | None = None
    last_took_s: float | None = None
    last_outcome: str = ""
    answers: bool | None = None
    described: bool | None = None
    pictured: bool | None = None
    image_faults: tuple[Fault, ...] = ()
    clock_offset_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSeconds:
    """Seconds of settled and committed record since it began; never falls."""

    intact: int = 0
    impaired: int = 0
    offline: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthSeconds:
    """Where the seconds of a month's service went, summed over the assessed cameras of a township."""

    intact: int = 0
    impaired: int = 0
    offline: int = 0
    exempt: int = 0
    unknown: int = 0


NOTHING_SPENT = MonthSeconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class TownshipMonth:
    """A township this month so far. ``rate`` is intact / accountable seconds, None without a denominator."""

    code: str
    name: str
    cameras: int
    now: Mapping[Condition, int]
    rate: Fraction | None
    suspects: int = 0
    spent: MonthSeconds = NOTHING_SPENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """Three numbers for one fleet: how many cameras pass at each depth."""

    cameras: int
    port: int
    described: int
    pictured: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """An immutable picture of the fleet at ``now``; rebuilt every few seconds, replaced whole."""

    now: int
    fleet: Fleet
    cameras: Mapping[str, CameraLive]
    seconds: Mapping[str, StateSeconds]
    events: tuple[Event, ...]
    townships: tuple[TownshipMonth, ...]
    county_rate: Fraction | None
    proven: Proven
    blind: Gap | None
    month: str
    """the running month, "2026-11" """
    link_gaps: tuple[Gap, ...] = ()
    """township links that are down now"""
    exempt: frozenset[str] = frozenset()
    """cameras that an approved filing (报备) covers now: their record goes on, their time does not count"""
