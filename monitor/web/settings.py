"""What the pages are told once, at the start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from fractions import Fraction

from monitor.clock import Clock
from monitor.core.delivery import Undelivered
from monitor.core.retention import Retention
from monitor.wording import Lang

YEAR_S = 365 * 86_400
"""How long a browser may keep what never changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A page of metrics with its content type; ``gzipped`` says how ``body`` is encoded."""

    body: bytes
    content_type: str
    gzipped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``county`` heads every page, ``target`` is the rate that townships have to reach.

    ``hosts``: the names, without port, under which the pages may be asked for; empty allows any. ``stale_after_s``:
    a board older than that is shown with a warning and is unhealthy. ``metrics`` renders ``/metrics``, gzipped if
    asked to; it is called in a thread. Without it there is no such page. ``lang`` is for visitors who ask for none.
    ``degraded`` says why the record can't be written at present, "" while it can, ``undelivered`` which alerts people
    did not get. ``evidence`` says what room pictures take, None until that was looked at.
    """

    county: str
    zone: tzinfo
    target: Fraction
    version: str
    clock: Clock
    hosts: frozenset[str] = frozenset()
    demo: bool = False
    refresh_s: int = 5
    stale_after_s: int = 60
    day_step_s: int = 60
    metrics: Callable[[bool], Rendered] | None = None
    lang: Lang = Lang.ZH
    degraded: Callable[[], str] = lambda: ""
    undelivered: Callable[[], Undelivered | None] = lambda: None
    evidence: Callable[[], Retention | None] = lambda: None
