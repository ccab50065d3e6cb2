"""The day so far: how many cameras were in which condition, noted once a minute and kept in memory."""

from __future__ import annotations

from collections import Counter, deque
from typing import NamedTuple

from monitor.core.board import Board
from monitor.core.condition import Condition

DAY_S = 86_400


class Moment(NamedTuple):
    """The fleet's counts at one board; None while nobody could look."""

    at: int
    offline: int | None
    impaired: int | None
    unknown: int | None


class Day:
    """The last 24 hours of counts. It starts empty with the program and says so; the record is elsewhere."""

    def __init__(self, *, step_s: int = 60) -> None:
        self.step_s = step_s
        self._moments: deque[Moment] = deque(maxlen=DAY_S // step_s)

    def note(self, board: Board) -> None:
        """Keep the board's counts, unless the last ones are younger than a step or the clock went back."""
        if self._moments and board.now < self._moments[-1].at + self.step_s:
            return
        if board.blind is not None:
            self._moments.append(Moment(board.now, None, None, None))
            return
        counts = Counter(live.condition for live in board.cameras.values())
        self._moments.append(
            Moment(board.now, counts[Condition.OFFLINE], counts[Condition.IMPAIRED], counts[Condition.UNKNOWN])
        )

    def columns(self) -> dict[str, list[int | None]]:
        """The counts column by column, as a chart wants them."""
        moments = list(self._moments)
        return {
            "at": [moment.at for moment in moments],
            "offline": [moment.offline for moment in moments],
            "impaired": [moment.impaired for moment in moments],
            "unknown": [moment.unknown for moment in moments],
        }
