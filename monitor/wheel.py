"""Whose turn is it? A heap of monotonic due times, one for each camera."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count


class Wheel:
    """Each camera has at most one due time; setting it anew replaces the old one."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str]] = []
        self._valid: dict[str, int] = {}
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._valid)

    def set(self, camera: str, due: float) -> None:
        """Wake ``camera`` at ``due`` (monotonic seconds) and not at what was set before."""
        number = next(self._numbers)
        self._valid[camera] = number
        heappush(self._heap, (due, number, camera))

    def forget(self, camera: str) -> None:
        """Do not wake ``camera`` any more."""
        self._valid.pop(camera, None)

    def next_due(self) -> float | None:
        """When the first camera is to be woken, None when there is none."""
        while self._heap and not self._is_valid(self._heap[0]):
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> list[str]:
        """The cameras whose time has come, the longest overdue first; they are off the wheel then."""
        due: list[str] = []
        while (first := self.next_due()) is not None and first <= now:
            _, _, camera = heappop(self._heap)
            del self._valid[camera]
            due.append(camera)
        return due

    def _is_valid(self, entry: tuple[float, int, str]) -> bool:
        return self._valid.get(entry[2]) == entry[1]
