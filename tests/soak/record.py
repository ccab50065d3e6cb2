"""What a soak holds the daemon to: its record against the county's own truth, and the promises."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from monitor.core.condition import Cause, Condition
from monitor.core.record import Gap, Transition
from monitor.store import Coverage, Store
from tests.e2e.site import Daemon, Site

EARLY_S = 9
"""A look counts from its first second, and may have begun before the change that it met: 8 s are its time limit."""

Seconds = Mapping[str, Mapping[str, int]]
Life = list[dict[str, Any]]


class BrokenPromiseError(AssertionError):
    """A promise of ARCHITECTURE.md did not hold; says which one, and for which camera."""


@dataclass(kw_only=True)
class Record:
    """The store of a site as it stands."""

    history: dict[str, list[Transition]] = field(default_factory=dict)
    coverages: tuple[Coverage, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def of(cls, site: Site) -> Record:
        """Read it; the daemon has ended."""
        end = 2**40
        record = cls()
        with Store.open(f"sqlite:///{site.home / 'data' / 'xunjian.db'}", at=int(time.time())) as store:
            for transition in store.transitions(0, end):
                record.history.setdefault(transition.camera, []).append(transition)
            record.coverages = store.coverages()
            record.gaps = store.gaps(0, end)
        return record

    def outages(self) -> dict[str, list[tuple[int, float]]]:
        """From when to when each camera was blamed; without an end while it lasts."""
        found: dict[str, list[tuple[int, float]]] = {}
        for camera, history in self.history.items():
            ends = [*(float(each.at) for each in history[1:]), float("inf")]
            blamed = [
                (each.at, end)
                for each, end in zip(history, ends, strict=True)
                if each.condition in (Condition.OFFLINE, Condition.IMPAIRED)
            ]
            if blamed:
                found[camera] = blamed
        return found

    def unknown_s(self, camera: str, began: float, ended: float) -> float:
        """Seconds of the camera's record between two moments in which we could not look."""
        history = self.history[camera]
        ends = [*(float(each.at) for each in history[1:]), ended]
        return sum(
            max(0.0, min(end, ended) - max(each.at, began))
            for each, end in zip(history, ends, strict=True)
            if each.condition is Condition.UNKNOWN and each.cause is Cause.OURS
        )


def nobody_was_accused(record: Record, truth: Mapping[str, Life], *, ahead_s: float = 0.0) -> int:
    """P6: every outage on record was one in truth; returns how many there are.

    ``ahead_s`` is how far the daemon's clock was ahead of the county's. Raises BrokenPromiseError.
    """
    outages = record.outages()
    for camera, blamed in outages.items():
        true = [
            (each["from"] + ahead_s - EARLY_S, end + ahead_s)
            for each, end in zip(truth[camera], _ends(truth[camera]), strict=True)
            if each["condition"] != "intact"
        ]
        for began, ended in blamed:
            if not any(true_began <= began <= true_ended for true_began, true_ended in true):
                raise BrokenPromiseError(f"P6: {camera} is blamed from {began} to {ended}, in truth it was {true}")
    return sum(map(len, outages.values()))


def _ends(life: Life) -> list[float]:
    return [*(float(each["from"]) for each in life[1:]), float("inf")]


def what_was_shown_is_kept(shown: Iterable[Mapping[str, Any]], record: Record) -> int:
    """P1: every condition that a board has shown is in the store; returns how many there were."""
    count = 0
    for board in shown:
        for id_, camera in board["cameras"].items():
            facts = (camera["since"], camera["condition"], camera["fault"])
            if facts not in [(each.at, each.condition, each.fault) for each in record.history[id_]]:
                raise BrokenPromiseError(f"P1: the page has shown {facts} of {id_}, the store has it not")
            count += 1
    return count


def nothing_was_rewritten(before: Record, after: Record) -> None:
    """P1: a later record only adds to an earlier one."""
    for camera, history in before.history.items():
        if after.history[camera][: len(history)] != history:
            raise BrokenPromiseError(f"P1: the record of {camera} has been changed")


def no_counter_falls(readings: Iterable[Seconds]) -> None:
    """The counters of ``/metrics``, in order, over restarts too."""
    for before, after in pairwise(readings):
        for camera, counted in before.items():
            for state, value in counted.items():
                if after[camera][state] < value:
                    raise BrokenPromiseError(f"counter {state} of {camera} fell from {value} to {after[camera][state]}")


async def parts_add_up(site: Site, *months: str, environment: Mapping[str, str] | None = None) -> int:
    """P3: for every camera of each month the parts are the service time, to the second; returns how many cameras."""
    count = 0
    for month in months:
        told = (await site.command("month", "show", month, "--json", environment=environment)).json()
        for camera in told["cameras"]:
            parts = sum(camera[f"{part}_s"] for part in ("intact", "impaired", "offline", "exempt", "unknown"))
            if parts != camera["service_s"]:
                raise BrokenPromiseError(f"P3: {camera['id']} has {parts} s in parts of {camera['service_s']} s")
            count += 1
    return count


def cameras_were_only_read(stats: Mapping[str, Any]) -> int:
    """P7: one look at a time, no bad manners; returns how many logins there were."""
    if stats["violations"] or stats["channel_sessions_peak"] > 1:
        raise BrokenPromiseError(f"P7: {stats['violations'][:3]}, {stats['channel_sessions_peak']} looks at a time")
    return int(stats["logins"])


def all_intact(board: Mapping[str, Any]) -> bool:
    """Whether a board shows every camera intact and nobody suspected."""
    return bool(board["cameras"]) and all(
        camera["condition"] == "intact" and not camera["suspect"] for camera in board["cameras"].values()
    )


async def metric(daemon: Daemon, name: str) -> float:
    """The sum of a metric's samples, 0 without any."""
    lines = (await daemon.get("metrics")).splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((name + " ", name + "{")))
