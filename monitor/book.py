"""The record of the running month in memory: what pages and counters are made of between two questions to the store.

Nothing here decides anything: transitions and gaps come in as the rounds make them; intervals, tallies and seconds
are derived by ``core.availability``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from monitor.core.availability import (
    BY_DEFAULT,
    Counting,
    Overlay,
    Piece,
    Span,
    Tally,
    Totals,
    add_seconds,
    first_days,
    intervals,
    state_seconds,
    tally,
    totals,
)
from monitor.core.blindness import hiding
from monitor.core.board import StateSeconds
from monitor.core.condition import Condition
from monitor.core.fleet import Camera, Fleet, Registration
from monitor.core.period import Month, midnight
from monitor.core.record import Gap, Interval, Transition
from monitor.store import Membership


@dataclass(slots=True)
class _Page:
    """One camera: its transitions of the month and the one before, and what its counters have been shown to hold."""

    transitions: list[Transition]
    seconds: StateSeconds
    shown_until: int
    connected: bool
    """it was ever seen intact or impaired"""


class _Hidden:
    """What given gaps hide, by township. Never changed once made, so that a thread may go on using it."""

    def __init__(self, gaps: Iterable[Gap], *, excuse_links: bool) -> None:
        self._gaps = tuple(gaps)
        self._excuse_links = excuse_links
        self._overlays: dict[str, Overlay] = {}

    def gaps(self, township: str) -> tuple[Gap, ...]:
        return hiding(self._gaps, township, excuse_links=self._excuse_links)

    def overlay(self, township: str) -> Overlay:
        overlay = self._overlays.get(township)
        if overlay is None:
            overlay = self._overlays[township] = Overlay(self.gaps(township))
        return overlay


class Book:
    """The record of every camera since ``month`` began, and its seconds since the record began.

    ``excuse_links`` says whether a township's broken link hides its cameras, ``counting`` how the month is counted.
    """

    def __init__(
        self, month: Month, gaps: Iterable[Gap], *, excuse_links: bool, counting: Counting = BY_DEFAULT
    ) -> None:
        self._counting = counting
        self._month = month
        self._excuse_links = excuse_links
        self._gaps: dict[tuple[int, str, str | None], Gap] = {}
        self._pages: dict[str, _Page] = {}
        self.hide(gaps)

    def open(self, camera: str, township: str, history: Sequence[Transition], shown_until: int) -> None:
        """Enter a camera with all its transitions. Its counters begin with what they held at ``shown_until``."""
        seconds = StateSeconds()
        if history and history[0].at < shown_until:
            seconds = state_seconds(history, self._hidden.overlay(township), history[0].at, shown_until)
        kept = _since(history, min(self._month.start, shown_until))
        self._pages[camera] = _Page(kept, seconds, shown_until, any(map(_connects, history)))

    def close(self, camera: str) -> None:
        """A camera has left the fleet."""
        self._pages.pop(camera, None)

    def add(self, transitions: Iterable[Transition]) -> None:
        """Append what the rounds have decided."""
        for transition in transitions:
            page = self._pages[transition.camera]
            page.transitions.append(transition)
            page.connected = page.connected or _connects(transition)

    def hide(self, gaps: Iterable[Gap]) -> None:
        """Enter gaps; one with the same beginning, reason and township replaces its earlier self."""
        for gap in gaps:
            self._gaps[gap.began, gap.reason, gap.township] = gap
        self._hide_anew()

    def gaps(self, township: str) -> tuple[Gap, ...]:
        """The gaps that hide this township's cameras."""
        return self._hidden.gaps(township)

    def show(self, camera: Camera, until: int) -> None:
        """Let the camera's counters reach ``until``, which must be settled and committed."""
        page = self._pages[camera.id]
        if not page.transitions:
            return
        last = page.transitions[-1]
        began = max(page.shown_until, page.transitions[0].at)
        if until <= began:
            return
        overlay = self._hidden.overlay(camera.township)
        if last.at <= began and not any(overlay.between(began, until)):
            page.seconds = _plus(page.seconds, last.condition, until - began)
        else:
            page.seconds = add_seconds(page.seconds, state_seconds(page.transitions, overlay, began, until))
        page.shown_until = until

    def seconds(self) -> Mapping[str, StateSeconds]:
        """What every camera's counters hold."""
        return MappingProxyType({camera: page.seconds for camera, page in self._pages.items()})

    def turn(self, month: Month) -> None:
        """Begin a new month: forget what only the old one needed."""
        self._month = month
        for page in self._pages.values():
            # A doubt may hold a camera's counters back into the old month.
            page.transitions = _since(page.transitions, min(month.start, page.shown_until))
        self._gaps = {
            key: gap for key, gap in self._gaps.items() if gap.ended is None or gap.ended > month.previous().start
        }
        self._hide_anew()

    def life(self, camera: Camera, until: int) -> tuple[list[Interval], tuple[Transition, ...]]:
        """The camera's intervals of this month up to ``until``, and the transitions that began them."""
        transitions = tuple(self._pages[camera.id].transitions)
        overlay = self._hidden.overlay(camera.township)
        return intervals(transitions, overlay, self._month.start, until), transitions

    def count(
        self, fleet: Fleet, memberships: Iterable[Membership], until: int, exempt: Mapping[str, Sequence[Span]]
    ) -> tuple[dict[str, Totals], Totals]:
        """The month so far, by township code and for the county; ``exempt`` holds the spans of approved filings.

        Safe to call from a thread: it changes nothing.
        """
        hidden = self._hidden
        pieces: dict[tuple[str, str], list[Piece]] = defaultdict(list)
        for membership in memberships:
            camera = fleet.cameras.get(membership.camera)
            if camera is not None and (piece := _in_service(camera, membership, self._month, until)):
                pieces[piece.camera, piece.township].append(piece)
        rows: dict[str, list[Tally]] = defaultdict(list)
        for (camera_id, township), its in pieces.items():
            page = self._pages.get(camera_id)
            if page is not None:
                filed = exempt.get(camera_id, ())
                rows[township].append(self._tally(fleet.cameras[camera_id], its, page, hidden.overlay(township), filed))
        planned = {township.code: township.planned for township in fleet.townships.values()}
        by_township = {code: totals(rows.get(code, ()), planned.get(code)) for code in fleet.townships}
        return by_township, totals(row for its_rows in rows.values() for row in its_rows)

    def _tally(
        self, camera: Camera, pieces: Sequence[Piece], page: _Page, overlay: Overlay, filed: Iterable[Span]
    ) -> Tally:
        new = first_days(camera, self._month.zone, self._counting.new_days)
        exempt = [*filed, *([new] if new else [])]
        return tally(pieces, tuple(page.transitions), overlay, exempt, self._counting, connected=page.connected)

    def _hide_anew(self) -> None:
        self._hidden = _Hidden(self._gaps.values(), excuse_links=self._excuse_links)


def _connects(transition: Transition) -> bool:
    return transition.condition in (Condition.INTACT, Condition.IMPAIRED)


def _since(history: Sequence[Transition], start: int) -> list[Transition]:
    """The transitions from ``start`` on, with the last one before: the condition that the month began in."""
    first = next((index for index, transition in enumerate(history) if transition.at > start), len(history))
    return list(history[max(0, first - 1) :])


def _plus(seconds: StateSeconds, condition: Condition, more: int) -> StateSeconds:
    match condition:
        case Condition.INTACT:
            return replace(seconds, intact=seconds.intact + more)
        case Condition.IMPAIRED:
            return replace(seconds, impaired=seconds.impaired + more)
        case Condition.OFFLINE:
            return replace(seconds, offline=seconds.offline + more)
        case Condition.UNKNOWN:
            return replace(seconds, unknown=seconds.unknown + more)


def _in_service(camera: Camera, membership: Membership, month: Month, until: int) -> Piece | None:
    if camera.registration is Registration.RETIRED and camera.in_service_to is None:
        return None
    began, ended = max(month.start, membership.began), min(until, membership.ended)
    if camera.in_service_from is not None:
        began = max(began, midnight(camera.in_service_from, month.zone))
    if camera.in_service_to is not None:
        ended = min(ended, midnight(camera.in_service_to, month.zone))
    if began >= ended:
        return None
    return Piece(camera=camera.id, township=membership.township, began=began, ended=ended)
