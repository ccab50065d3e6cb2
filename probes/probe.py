"""The one signature of a question, and the running notes of asking it."""

from __future__ import annotations

from time import monotonic
from typing import ClassVar, Protocol, runtime_checkable

from probes.observation import Depth, Outcome, PictureMemory, Step, Target


@runtime_checkable
class Probe(Protocol):
    """One question. An implementation is a frozen dataclass whose fields are its table in config.toml."""

    name: ClassVar[str]

    @property
    def depth(self) -> Depth:
        """How much an OK of this probe proves."""
        ...

    async def check(self, target: Target, trace: Trace) -> Outcome:
        """Look once. Reports the camera's faults as an Outcome, raises only on ours, stops when cancelled."""
        ...


class Trace:
    """The running notes of one look. It outlives the deadline, so a timeout still says where it happened."""

    def __init__(self, at: float = 0.0) -> None:
        self.at = at
        """The wall time (UTC seconds) that the look is booked under."""
        self._steps: list[Step] = []
        self._name = ""
        self._began = 0.0
        self._said = ""
        self.answered = False
        """True once the peer gave any well-formed RTSP or HTTP answer: such a camera is not offline."""
        self.faults: list[str] = []
        """Ids of image faults found (DOMAIN glossary: black, covered …), grave or not."""
        self.facts: dict[str, object] = {}
        """JSON-ready findings: codec, width, height, clock_offset_s, transport, measures, noted …"""
        self.jpeg: bytes | None = None
        """The evidence picture: 640 wide, camera and time below it."""
        self.memory: PictureMemory | None = None
        """What to remember for the next picture look."""

    def step(self, name: str) -> None:
        """Close the step under way and begin the one called ``name``."""
        self._close()
        self._name, self._began, self._said = name, monotonic(), ""

    def said(self, text: str) -> None:
        """Note what the peer said in the step under way. Callers keep secrets out; it is cut to 200 characters.

        Control characters become blanks: a peer's words are printed on terminals, which would obey them.
        """
        said = text[:200]
        if not said.isprintable():
            said = "".join(character if character.isprintable() else " " for character in said)
        self._said = said

    @property
    def at_step(self) -> str:
        """The step under way, or the last one."""
        return self._name

    def close(self) -> tuple[Step, ...]:
        """End the look and return all its steps."""
        self._close()
        self._began = 0.0
        return tuple(self._steps)

    def _close(self) -> None:
        if self._name and self._began:
            took_ms = round((monotonic() - self._began) * 1000, 1)
            self._steps.append(Step(name=self._name, took_ms=took_ms, said=self._said))
