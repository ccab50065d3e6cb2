"""Is a camera's lens covered, or does it look into fog?

A grey or bright cover and dense fog leave the same picture: smooth, pale, and without anything of the scene. But fog
is not one camera's affair, so its neighbours are asked, those that were looked at within ``window_s``:

    of the cameras of its village that can tell         a veiled picture is
    ``members`` or more, hardly one veiled or hazy      a cover: as good as a picture with the fault ``covered``
    ``members`` or more, a share of them veiled or hazy weather: it says nothing of the picture
    fewer: the township is asked as well
    … many times as many, and every one sees clearly    a cover
    … a share of them veiled or hazy                    weather
    … anything else                                     suspect: covered once it outlasts any weather

A false accusation is the worst mistake. Haze at a neighbour counts as weather, although it may be thinner there. A
neighbour whose view tells nothing, because it is dark or was never seen before, is not asked. A township is wide and a
bank of fog is not, so one hazy camera there is enough for a doubt. And one look is not believed: by the rules of
``monitor.core.outage`` a second one half an hour later has to say the same, and it hears only neighbours that were
looked at since the first. So fog that had just come up, before any neighbour was looked at again, is found out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from probes.observation import Observation

FAR_TIMES = 4
"""A township has to bring so many times as many witnesses as a village."""


class Sight(StrEnum):
    """How much of the scene a picture shows, against the camera's own reference."""

    CLEAR = "clear"
    HAZY = "hazy"
    """Paler: what is far is gone."""
    VEILED = "veiled"
    """Nothing of the scene is to be seen: fog, or a cover."""


class Says(StrEnum):
    """What is behind a veiled picture."""

    COVER = "cover"
    WEATHER = "weather"
    SUSPECT = "suspect"


class Scope(StrEnum):
    """Whose cameras were asked."""

    VILLAGE = "village"
    TOWNSHIP = "township"


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The numbers of the rule, ``[neighbours]`` of config.toml."""

    window_s: int = 3600
    """older looks tell nothing of the weather now"""
    members: int = 3
    """so many of a village must be able to tell"""
    weather_share: float = 0.4
    """from this share of veiled and hazy ones on it is weather"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """How far a camera saw at ``at`` (UTC seconds)."""

    at: int
    sight: Sight


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What ``asked`` cameras of ``scope`` say of a veiled picture; ``clear`` of them see clearly."""

    says: Says
    scope: Scope
    asked: int
    clear: int

    @property
    def told(self) -> dict[str, object]:
        """The same as plain values, for the evidence."""
        return {"says": self.says.value, "scope": self.scope.value, "asked": self.asked, "clear": self.clear}


def sight_of(measures: Mapping[str, object]) -> Sight | None:
    """The sight by the measures ``veil`` and ``haze`` of a picture, None for one that cannot tell."""
    veil, haze = measures.get("veil"), measures.get("haze")
    if not isinstance(veil, int | float) or not isinstance(haze, int | float):
        return None
    if veil >= 1:
        return Sight.VEILED
    return Sight.HAZY if haze >= 1 else Sight.CLEAR


def sight_seen(observation: Observation) -> Sight | None:
    """The sight of a look that brought a picture."""
    measures = observation.facts.get("measures")
    return sight_of(measures) if isinstance(measures, Mapping) else None


def judge_veil(
    at: int, village: Iterable[Sighting], elsewhere: Iterable[Sighting], rule: Neighbours, *, since: int | None = None
) -> Opinion:
    """What is behind a picture that was veiled at ``at``.

    ``village`` are the other cameras of the same village, ``elsewhere`` those of other villages of the township.
    ``since``: when this camera's picture was first in doubt, None if it is for the first time.
    """
    oldest = at - rule.window_s
    if since is not None:
        oldest = max(oldest, since)
    near = [its.sight for its in village if its.at >= oldest]
    if len(near) >= rule.members:
        return _opinion(Scope.VILLAGE, near, rule, may_differ=True, needed=rule.members)
    far = [*near, *(its.sight for its in elsewhere if its.at >= oldest)]
    return _opinion(Scope.TOWNSHIP, far, rule, may_differ=False, needed=FAR_TIMES * rule.members)


def _opinion(scope: Scope, sights: Sequence[Sight], rule: Neighbours, *, may_differ: bool, needed: int) -> Opinion:
    clear = sum(sight is Sight.CLEAR for sight in sights)
    unclear = len(sights) - clear
    if unclear and unclear >= rule.weather_share * len(sights):
        says = Says.WEATHER
    elif len(sights) >= needed and (may_differ or not unclear):
        says = Says.COVER
    else:
        says = Says.SUSPECT
    return Opinion(says=says, scope=scope, asked=len(sights), clear=clear)
