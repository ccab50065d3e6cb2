"""Whom the stories befall: a dead input, a village, a recorder and a lens, each in a township of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil

from monitor.core.due import slot_after
from probes.testing.county_plan import Plan, PlannedDevice

LARGEST_IN_VILLAGE = 8
"""Channels of a village's recorder: the four places of a larger one take longer to go round than a light interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Names as the simulated county knows them, with the ids of the cameras concerned."""

    dead_input: str
    """a channel of a recorder: its port answers and its stream plays, but nothing is plugged in"""
    village: str
    village_cameras: tuple[str, ...]
    recorder: str
    recorder_cameras: tuple[str, ...]
    lenses: tuple[str, ...]
    """cameras of their own, of which one will be covered"""


def cast(plan: Plan) -> Cast:
    """Choose the roles. Raises LookupError when the county is too small for them."""
    used: set[int] = set()
    village = _village(plan)
    used.add(village[0].township)
    recorder = max(_recorders(plan, used), key=lambda device: len(device.cameras), default=None)
    if recorder is None:
        raise LookupError("the county has no recorder in a second township")
    used.add(recorder.township)
    other = next(_recorders(plan, used), None)
    if other is None:
        raise LookupError("the county has no recorder in a third township")
    used.add(other.township)
    return Cast(
        dead_input=other.cameras[2].id,
        village=village[0].village,
        village_cameras=tuple(camera.id for device in village for camera in device.cameras),
        recorder=recorder.recorder,
        recorder_cameras=tuple(camera.id for camera in recorder.cameras),
        lenses=tuple(
            device.cameras[0].id for device in plan.devices if not device.recorder and device.township not in used
        ),
    )


def soonest(cameras: Iterable[str], *, pictured_by: int, after: int, picture_s: int) -> str:
    """The camera whose next regular picture falls due first from ``after`` on: nobody wants to wait for the last.

    ``pictured_by`` is when all of them had had their first one. Times are UTC seconds.
    """

    def due(camera: str) -> int:
        first = slot_after(camera, pictured_by, picture_s)
        return first + max(0, ceil((after - first) / picture_s)) * picture_s

    return min(cameras, key=lambda camera: (due(camera), camera))


def _village(plan: Plan) -> list[PlannedDevice]:
    """The village with the most cameras that hang on more than one device, none of them large."""
    villages: dict[str, list[PlannedDevice]] = defaultdict(list)
    for device in plan.devices:
        villages[device.village].append(device)
    fitting = [
        devices
        for devices in villages.values()
        if len(devices) > 1 and max(len(device.cameras) for device in devices) <= LARGEST_IN_VILLAGE
    ]
    if not fitting:
        raise LookupError("the county has no village with several devices")
    # the county seat has quarters, and it is a village that loses power
    return max(fitting, key=lambda devices: (devices[0].village.endswith("村"), _cameras(devices)))


def _cameras(devices: list[PlannedDevice]) -> int:
    return sum(len(device.cameras) for device in devices)


def _recorders(plan: Plan, used: set[int]) -> Iterator[PlannedDevice]:
    return (device for device in plan.devices if device.recorder and device.township not in used)
