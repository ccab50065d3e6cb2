"""How far did each camera see at its newest picture? What the neighbours of a veiled one are asked.

Kept in memory only: after a restart nobody can tell yet, and a veiled camera is a suspect until its neighbours were
looked at.
"""

from __future__ import annotations

from monitor.core.fleet import Camera, Fleet
from monitor.core.veil import Neighbours, Opinion, Sight, Sighting, judge_veil


class Sightings:
    """The newest sight of every camera that can tell of the weather."""

    def __init__(self, rule: Neighbours) -> None:
        self._rule = rule
        self._newest: dict[str, Sighting] = {}

    def saw(self, camera: str, at: int, sight: Sight | None) -> None:
        """The camera's picture of ``at`` (UTC seconds); None if that tells nothing of the weather."""
        if sight is None:
            self._newest.pop(camera, None)
        else:
            self._newest[camera] = Sighting(at=at, sight=sight)

    def forget(self, camera: str) -> None:
        """The camera has left the fleet."""
        self._newest.pop(camera, None)

    def opinion(self, fleet: Fleet, camera: Camera, at: int, *, since: int | None) -> Opinion:
        """What the neighbours say of the camera's veiled picture, as ``core.veil.judge_veil`` says."""
        near: list[Sighting] = []
        far: list[Sighting] = []
        for other in fleet.by_township.get(camera.township, ()):
            sighting = self._newest.get(other.id)
            if other.id != camera.id and sighting is not None:
                (near if other.village == camera.village else far).append(sighting)
        return judge_veil(at, near, far, self._rule, since=since)
