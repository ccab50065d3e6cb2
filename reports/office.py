"""The office behind the page: every month as it stands, its papers, and the job that makes both once it is over."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

import structlog

from monitor.clock import Clock
from monitor.config import Config
from monitor.core.availability import intervals, outages
from monitor.core.inspection import Counted, Inspection
from monitor.core.period import Month, midnight
from monitor.core.record import Interval, Outage, Transition
from monitor.core.rule import UnknownError
from monitor.desk import Papers, PapersError
from monitor.months import month_of
from monitor.store import SnapshotEntry, SnapshotState, Store
from monitor.web.source import MonthLine, MonthState, NoSuchPaperError, PaperLine, Snapshot
from reports.fonts import FontMissingError, find_typefaces, font_report
from reports.monthly import (
    MonthEntry,
    as_it_stands,
    current,
    entries,
    freeze,
    load,
    newest,
    reconcile_months,
    verify,
)
from reports.render.bundle import MANIFEST, SNAPSHOT, BundleError, Manifest, Progress, bundle
from reports.render.typst import RenderError

log = structlog.get_logger(__name__)

TITLES = {
    "circular.pdf": "通报 / circular",
    "annex.pdf": "附件 / annex",
    SNAPSHOT: "快照 / snapshot",
    MANIFEST: "清单 / manifest",
}


@dataclass(frozen=True, slots=True)
class _Counted:
    """A running month as it was counted at ``at``."""

    at: float
    snapshot: Snapshot
    inspection: Inspection


class Office:
    """Reads the store, remembers what it counted for a while, and keeps the papers in ``[papers] dir``."""

    def __init__(self, config: Config, store: Store, clock: Clock) -> None:
        self._config = config
        self._store = store
        self._clock = clock
        self._running: dict[str, _Counted] = {}

    def months(self) -> tuple[MonthLine, ...]:
        """Every month that can be shown, oldest first. Blocks, like all here that isn't async."""
        with self._store.snapshot() as reader:
            found = entries(reader, self._config, int(self._clock.now()))
        return tuple(self._line(each) for each in found)

    def month(self, month: str) -> Snapshot | None:
        """The month's newest frozen snapshot, else its draft, else the month as it stands; None without a record."""
        try:
            wanted = month_of(month, self._config)
        except ValueError:
            return None
        with self._store.snapshot() as reader:
            kept = newest(reader, wanted, SnapshotState.FROZEN) or newest(reader, wanted, SnapshotState.DRAFT)
            if kept is not None:
                return load(reader, kept)
        try:
            return self._count(wanted).snapshot
        except UnknownError:
            return None

    def outages(self, month: str, township: str, day: int) -> tuple[Outage, ...]:
        """What counted against the township's cameras on that day of the month, each whole."""
        wanted = month_of(month, self._config)
        first = wanted.first.replace(day=day)
        began, ended = midnight(first, wanted.zone), midnight(first, wanted.zone) + 86_400
        its = (each for each in self._count(wanted).inspection.counted if each.tally.township == township)
        found = (outage for each in its for outage in _counting(each, began, ended))
        return tuple(sorted(found, key=lambda outage: (outage.began, outage.camera)))

    def life(self, camera: str, month: str) -> tuple[tuple[Interval, ...], tuple[Transition, ...]]:
        """The camera's intervals of the month, wherever it belonged, and the transitions that began them."""
        counted = self._count(month_of(month, self._config))
        record = counted.inspection.record
        its = [each for each in counted.inspection.counted if each.camera.id == camera]
        found = [
            interval
            for each in its
            for piece in each.pieces
            for interval in intervals(each.transitions, each.overlay, piece.began, piece.ended)
        ]
        transitions = record.transitions.get(camera, ()) if its else ()
        return tuple(sorted(found, key=lambda interval: interval.began)), tuple(transitions)

    def paper(self, month: str, name: str) -> bytes:
        """One file of the month's bundle, as its manifest lists it. Raises NoSuchPaperError."""
        folder = self._folder(month)
        if name != MANIFEST and name not in self._files(month):
            raise NoSuchPaperError(f"{month} has no paper called {name}")
        try:
            return (folder / name).read_bytes()
        except OSError as error:
            raise NoSuchPaperError(f"{name} of {month} cannot be read: {error.strerror}") from error

    async def reconcile(self) -> bool:
        """Make the drafts and the papers that are due; whether that left none to make.

        The calendar calls it at the start and every hour.
        """
        await reconcile_months(self._store, self._config, self._clock)
        return await asyncio.to_thread(self._make_missing_papers)

    def freeze(self, month: Month, *, who: str) -> str:
        """Freeze the month; the SHA-256 of its snapshot. Raises UnknownError and RuleError."""
        return freeze(self._store, self._config, month, int(self._clock.now()), who=who).entry.sha256

    def publish(self, month: Month, progress: Progress) -> Papers:
        """Make the month's papers where the page looks for them. Raises PapersError."""
        folder = self._folder(str(month))
        try:
            manifest = self.make(month, folder, progress=progress)
        except (FontMissingError, RenderError, BundleError) as error:
            raise PapersError(str(error)) from error
        lines = font_report(find_typefaces(Path(self._config.papers.fonts)))
        stand_ins = tuple(f"{line.role}：{line.face}，{line.advice}" for line in lines if line.advice)
        return Papers(folder=folder, files=len(manifest.files) + 1, stand_ins=stand_ins)

    def verify(self, month: Month) -> bool:
        """Whether the month, counted again from the record, is equal to its snapshot to the byte."""
        with self._store.snapshot() as reader:
            verified = verify(reader, month)
        return verified.hash_equal and not verified.differences

    def make(self, month: Month, folder: Path, *, progress: Progress | None = None) -> Manifest:
        """Write the month's bundle to ``folder``: from its frozen snapshot, else from a draft as of now.

        Raises UnknownError and RuleError of ``reports.monthly``, FontMissingError, RenderError and BundleError.
        """
        typefaces = find_typefaces(Path(self._config.papers.fonts))
        with self._store.snapshot() as reader:
            snapshot = current(reader, self._config, month, int(self._clock.now()))
        return bundle(snapshot, folder, typefaces=typefaces, progress=progress)

    def _make_missing_papers(self) -> bool:
        with self._store.snapshot() as reader:
            due = [
                kept
                for each in entries(reader, self._config, int(self._clock.now()))
                if (kept := each.frozen or each.draft) is not None and not self._has_papers_of(kept)
            ]
            snapshots = [load(reader, kept) for kept in due]
        made = 0
        for snapshot in snapshots:
            folder = self._folder(snapshot["month"])
            try:
                bundle(snapshot, folder, typefaces=find_typefaces(Path(self._config.papers.fonts)))
            except (FontMissingError, RenderError, BundleError) as error:
                log.error("a month's papers cannot be made", month=snapshot["month"], reason=str(error))
            else:
                log.info("a month's papers are made", month=snapshot["month"], folder=str(folder))
                made += 1
        return made == len(due)

    def _has_papers_of(self, kept: SnapshotEntry) -> bool:
        return self._files(kept.month).get(SNAPSHOT) == kept.sha256

    def _files(self, month: str) -> dict[str, str]:
        """SHA-256 by name of the papers that there are, from the manifest beside them."""
        try:
            month_of(month, self._config)
            manifest = json.loads((self._folder(month) / MANIFEST).read_text(encoding="utf-8"))
            return dict(manifest["files"])
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def _folder(self, month: str) -> Path:
        return Path(self._config.papers.dir) / month

    def _line(self, entry: MonthEntry) -> MonthLine:
        kept = entry.frozen or entry.draft
        return MonthLine(
            month=str(entry.month),
            state=MonthState(entry.state.value),
            revision=kept.revision if kept else 1,
            sha256=entry.frozen.sha256 if entry.frozen else "",
            papers=tuple(self._papers(str(entry.month))),
        )

    def _papers(self, month: str) -> list[PaperLine]:
        found = []
        for name in [*self._files(month), MANIFEST]:
            try:
                size = (self._folder(month) / name).stat().st_size
            except OSError:
                continue
            title = TITLES.get(name) or f"整改通知单 / notice {Path(name).stem}"
            found.append(PaperLine(name=name, title=title, bytes=size))
        return found

    def _count(self, month: Month) -> _Counted:
        """The month as it stands, counted anew when what is remembered is older than the live counts may be."""
        now = self._clock.now()
        known = self._running.get(str(month))
        if known is not None and now - known.at < self._config.record.count_s * 4:
            return known
        with self._store.snapshot() as reader:
            counted = _Counted(now, *as_it_stands(reader, self._config, month, int(now)))
        self._running[str(month)] = counted
        return counted


def _counting(counted: Counted, began: int, ended: int) -> list[Outage]:
    """The camera's outages that cost accountable time in [began, ended)."""
    spans = [(max(began, first), min(ended, last)) for first, last in counted.open_spans()]
    return [
        outage
        for outage in outages(counted.transitions, counted.overlay)
        if any(first < last and _meets(outage, first, last) for first, last in spans)
    ]


def _meets(outage: Outage, began: int, ended: int) -> bool:
    return outage.began < ended and (outage.ended is None or outage.ended > began)
