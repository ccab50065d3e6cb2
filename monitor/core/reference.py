"""The references of a camera: learned from good looks, approved by a person, let go of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from monitor.core.rule import RuleError, UnknownError
from probes.observation import Light, PictureMemory, Reference

BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceOrder:
    """What ``by`` wants: the reference for ``approve`` held from now on, those for ``reset`` let go of, or just to see.

    Reset comes first.
    """

    by: str = ""
    approve: Light | None = None
    reset: tuple[Light, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether anything is to be changed."""
        return self.approve is not None or bool(self.reset)

    @property
    def told(self) -> dict[str, object]:
        """The same for the audit."""
        return {"approve": self.approve, "reset": list(self.reset)}


def light_of(word: str) -> Light:
    """The light called ``word`` on the command line. Raises UnknownError."""
    try:
        return Light(word)
    except ValueError:
        raise UnknownError(
            f"没有“{word}”这种参考图，可选：day、night", f"no reference {word}; choose day or night"
        ) from None


def order_of(*, approve: str, reset: str, by: str) -> ReferenceOrder:
    """The order in the words of the command line: ``approve`` day or night, ``reset`` day, night or both, "" for none.

    Raises UnknownError and RuleError.
    """
    lights = tuple(Light) if reset == BOTH else (light_of(reset),) if reset else ()
    order = ReferenceOrder(by=" ".join(by.split()), approve=light_of(approve) if approve else None, reset=lights)
    if order.approve in order.reset:
        raise RuleError("不能同时确认和重置同一张参考图", "the same reference can't be approved and reset at once")
    if order.changes and not order.by:
        raise RuleError("请写明是谁", "say who does it")
    return order


def carried_out(order: ReferenceOrder, memory: PictureMemory | None) -> PictureMemory | None:
    """The memory after the order. Raises UnknownError for the approval of a reference that there isn't."""
    if memory is not None:
        for light in order.reset:
            memory = memory.with_reference(light, None)
    if order.approve is None:
        return memory
    reference = memory.reference(order.approve) if memory is not None else None
    if memory is None or reference is None:
        raise UnknownError(
            "还没有学到这张参考图，先等一次正常的抓图",
            "no such reference has been learned yet; wait for a good picture",
        )
    return memory.with_reference(order.approve, replace(reference, approved_by=order.by))


def taken_over(known: PictureMemory | None, seen: PictureMemory, reset_at: float) -> PictureMemory:
    """What to remember after a look, which began with an older memory: what a person has decided meanwhile holds.

    ``reset_at`` (UTC seconds) is when references were last let go of: older ones must not come back.
    """
    for light in Light:
        now, learned = (memory.reference(light) if memory is not None else None for memory in (known, seen))
        outdated = learned is not None and learned.at < reset_at
        if outdated or (now is not None and now.approved_by):
            seen = seen.with_reference(light, now)
    return seen


def references_of(memory: PictureMemory | None) -> Mapping[Light, Reference]:
    """The references that there are."""
    found = {light: memory.reference(light) for light in Light} if memory is not None else {}
    return {light: reference for light, reference in found.items() if reference is not None}
