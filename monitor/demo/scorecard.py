"""Did the record say what the simulator knows to be true? Everything that was broken, and nothing that was not.

    truth   ─────────╱▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔╲─────────     a Spell: impaired or offline in truth
    record  ───────────╱▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔╲───────     found, and within ``tolerance_s`` at both ends
    record  ──╱▔▔╲─────────────────────────────     an Accusation

The record is taken as it is counted: with the gaps of blindness lying over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.core.availability import FOREVER, Overlay, intervals
from monitor.core.condition import Condition, Fault
from monitor.core.outage import FAILING
from monitor.core.record import Gap, Interval, Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """In truth ``camera`` was impaired or offline in [began, ended), UTC seconds; ``ended`` None while it goes on."""

    camera: str
    began: float
    ended: float | None
    condition: Condition
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Accusation:
    """The record called ``camera`` impaired or offline in [began, ended), when in truth it was intact."""

    camera: str
    began: float
    ended: float
    condition: Condition
    fault: Fault | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """What the record is worth against the truth. ``found`` and ``missed`` together are all that was injected."""

    found: tuple[Spell, ...]
    missed: tuple[Spell, ...]
    accusations: tuple[Accusation, ...]

    @property
    def injected(self) -> int:
        """Cameras that something befell, each time counted."""
        return len(self.found) + len(self.missed)

    @property
    def falsely_accused(self) -> int:
        """Cameras that the record ever accused of what was not so."""
        return len({accusation.camera for accusation in self.accusations})

    @property
    def clean(self) -> bool:
        """Everything found and nobody accused."""
        return not self.missed and not self.accusations


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """How one story went. Times are UTC seconds, None where the story has none.

    ``why_not`` says in words what did not come about; it is empty when all did.
    """

    name: str
    injected_at: float | None = None
    """since when it was so in truth"""
    found_at: int | None = None
    """when the last verdict on it was decided"""
    recorded_at: int | None = None
    """since when the record says that it was so"""
    why_not: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "story": self.name,
            "passed": not self.why_not,
            "why_not": self.why_not or None,
            "injected_at": self.injected_at,
            "found_at": self.found_at,
            "began_in_truth": self.injected_at,
            "began_in_record": self.recorded_at,
            **self.facts,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """The whole run: the stories, and the record against the truth over all of it."""

    cameras: int
    took_s: float
    tolerance_s: float
    grade: Grade
    stories: tuple[Story, ...]

    @property
    def passed(self) -> bool:
        """Nothing missed, nobody falsely accused, every story told as it should be."""
        return self.grade.clean and not any(story.why_not for story in self.stories)

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "passed": self.passed,
            "cameras": self.cameras,
            "took_s": round(self.took_s, 1),
            "tolerance_s": self.tolerance_s,
            "injected": self.grade.injected,
            "found": len(self.grade.found),
            "falsely_accused": self.grade.falsely_accused,
            "missed": [_spell_json(spell) for spell in self.grade.missed],
            "accusations": [_accusation_json(accusation) for accusation in self.grade.accusations],
            "stories": [story.as_json() for story in self.stories],
        }


def spells_of(truth: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Spell]:
    """The spells in the truth as the simulated county tells it."""
    spells: list[Spell] = []
    for camera, life in truth.items():
        ends = [float(after["from"]) for after in life[1:]]
        for entry, ended in zip(life, [*ends, None], strict=True):
            condition = Condition(entry["condition"])
            if condition in FAILING:
                fault = Fault(entry["fault"])
                spells.append(
                    Spell(camera=camera, began=float(entry["from"]), ended=ended, condition=condition, fault=fault)
                )
    return spells


def grade(
    spells: Iterable[Spell],
    transitions: Mapping[str, Sequence[Transition]],
    gaps: Mapping[str, Iterable[Gap]],
    *,
    until: int,
    tolerance_s: float,
) -> Grade:
    """The record up to ``until`` against the truth.

    ``transitions`` are the whole record of each camera in order, ``gaps`` those that hide it. The record may differ
    from the truth by ``tolerance_s`` at either end of a spell: it knows only what a look has shown.
    """
    by_camera: dict[str, list[Spell]] = {}
    for spell in spells:
        by_camera.setdefault(spell.camera, []).append(spell)
    found: list[Spell] = []
    missed: list[Spell] = []
    accusations: list[Accusation] = []
    for camera, its in by_camera.items():
        for spell in its:
            seen = is_found(spell, transitions.get(camera, ()), tolerance_s)
            (found if seen else missed).append(spell)
    for camera, life in transitions.items():
        told = intervals(life, Overlay(gaps.get(camera, ())), life[0].at, until) if life else []
        accusations += accused(camera, told, by_camera.get(camera, ()), tolerance_s)
    return Grade(found=tuple(found), missed=tuple(missed), accusations=tuple(accusations))


def is_found(spell: Spell, transitions: Iterable[Transition], tolerance_s: float) -> bool:
    """Whether the record came to say the same of the camera, decided while it was so or within ``tolerance_s``."""
    ended = FOREVER if spell.ended is None else spell.ended
    return any(
        (transition.condition, transition.fault) == (spell.condition, spell.fault)
        and spell.began - tolerance_s <= transition.at
        and spell.began <= transition.decided_at + 1  # it is floored to the second
        and transition.decided_at <= ended + tolerance_s
        for transition in transitions
    )


def accused(camera: str, told: Iterable[Interval], spells: Iterable[Spell], tolerance_s: float) -> Iterable[Accusation]:
    """The stretches in which the record blames the camera and the truth, give or take, does not."""
    allowed = sorted(
        (spell.began - tolerance_s, (FOREVER if spell.ended is None else spell.ended) + tolerance_s) for spell in spells
    )
    for interval in told:
        if interval.condition not in FAILING:
            continue
        for began, ended in _left_over(interval.began, interval.ended, allowed):
            yield Accusation(
                camera=camera, began=began, ended=ended, condition=interval.condition, fault=interval.fault
            )


def _left_over(began: float, ended: float, allowed: Iterable[tuple[float, float]]) -> Iterable[tuple[float, float]]:
    """What of [began, ended) lies in none of the ``allowed`` spans, which are in order."""
    at = began
    for first, last in allowed:
        if at < min(first, ended):
            yield at, min(first, ended)
        at = max(at, last)
    if at < ended:
        yield at, ended


def _spell_json(spell: Spell) -> dict[str, object]:
    return {
        "camera": spell.camera,
        "began": spell.began,
        "ended": spell.ended,
        "condition": spell.condition.value,
        "fault": spell.fault.value,
    }


def _accusation_json(accusation: Accusation) -> dict[str, object]:
    return {
        "camera": accusation.camera,
        "began": accusation.began,
        "ended": accusation.ended,
        "condition": accusation.condition.value,
        "fault": accusation.fault.value if accusation.fault else None,
    }
