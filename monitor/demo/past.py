"""Three months that the fictitious county had before the demo began, as another system would have recorded them.

The lives are invented, from a seed: about one outage a camera and month, most of them short, some townships worse
than others, a few cameras dead throughout. They go in by ``xunjian history import``'s own door.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from datetime import datetime

from monitor.core.condition import Condition, Fault
from monitor.core.fleet import Camera, Fleet
from monitor.core.period import Month

MONTHS = 3
HOUR = 3600

FAULTS = (
    (Condition.OFFLINE, Fault.UNREACHABLE, 52),
    (Condition.OFFLINE, Fault.REFUSED, 8),
    (Condition.IMPAIRED, Fault.NO_STREAM, 16),
    (Condition.IMPAIRED, Fault.UNAUTHORIZED, 6),
    (Condition.IMPAIRED, Fault.COVERED, 7),
    (Condition.IMPAIRED, Fault.BLACK, 6),
    (Condition.IMPAIRED, Fault.FROZEN, 5),
)
"""What fails, and how often of a hundred times."""

DEAD_THROUGHOUT = 0.006
"""The share of cameras that nobody repaired in all that time."""


def months_before(month: Month) -> tuple[Month, ...]:
    """The months that the history covers, oldest first."""
    found: list[Month] = []
    for _ in range(MONTHS):
        month = month.previous()
        found.append(month)
    return tuple(reversed(found))


def lines(fleet: Fleet, months: tuple[Month, ...], *, seed: int = 1) -> Iterator[str]:
    """The history of every camera, a JSON object a line, in order of time for each camera."""
    chance = random.Random(seed)  # noqa: S311 - an invented past needs no secrecy
    began, ended, zone = months[0].start, months[-1].end, months[0].zone
    diligence = {code: chance.uniform(0.3, 2.2) for code in fleet.townships}
    for camera in fleet.cameras.values():
        for at, condition, fault in _life(camera, began, ended, diligence[camera.township], chance):
            entry = {"camera": camera.id, "at": datetime.fromtimestamp(at, zone).isoformat(), "condition": condition}
            yield json.dumps(entry | ({"fault": fault} if fault else {}), ensure_ascii=False)


Change = tuple[int, Condition, Fault | None]


def _life(camera: Camera, began: int, ended: int, diligence: float, chance: random.Random) -> Iterable[Change]:
    """One camera's changes; the last one only closes the one before."""
    if chance.random() < DEAD_THROUGHOUT:
        return [(began, Condition.OFFLINE, Fault.UNREACHABLE), (ended, Condition.OFFLINE, Fault.UNREACHABLE)]
    changes: list[Change] = [(began, Condition.INTACT, None)]
    at = began + int(chance.expovariate(diligence / (30 * 24 * HOUR)))
    while at < ended:
        lasting = int(HOUR * (chance.lognormvariate(-1.0, 0.8) if chance.random() < 0.7 else chance.uniform(6, 96)))
        condition, fault, _ = chance.choices(FAULTS, [weight for _, _, weight in FAULTS])[0]
        repaired = min(ended, at + max(120, lasting))
        changes += [(at, condition, fault), (repaired, Condition.INTACT, None)]
        at = repaired + 60 + int(chance.expovariate(diligence / (30 * 24 * HOUR)))
    if changes[-1][0] < ended:
        changes.append((ended, changes[-1][1], changes[-1][2]))
    return changes
