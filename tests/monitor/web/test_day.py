"""The last day as a curve."""

from dataclasses import replace

from monitor.core.condition import Condition
from monitor.web.day import Day
from tests.monitor.web.boards import NOW, blind_board, ordinary_board


def test_counts_are_those_of_the_board() -> None:
    board = ordinary_board(220)
    day = Day()
    day.note(board)
    conditions = [live.condition for live in board.cameras.values()]
    assert day.columns() == {
        "at": [NOW],
        "offline": [conditions.count(Condition.OFFLINE)],
        "impaired": [conditions.count(Condition.IMPAIRED)],
        "unknown": [0],
    }


def test_blind_time_has_no_counts() -> None:
    day = Day()
    day.note(blind_board(22))
    assert day.columns() == {"at": [NOW], "offline": [None], "impaired": [None], "unknown": [None]}


def test_a_board_is_noted_once_a_step_and_never_backwards() -> None:
    board = ordinary_board(22)
    day = Day(step_s=60)
    for later in (0, 5, 59, 60, 61, -3600, 130):
        day.note(replace(board, now=NOW + later))
    assert day.columns()["at"] == [NOW, NOW + 60, NOW + 130]


def test_only_the_last_24_hours_are_kept() -> None:
    board = ordinary_board(22)
    day = Day(step_s=3600)
    for hour in range(30):
        day.note(replace(board, now=NOW + hour * 3600))
    assert day.columns()["at"] == [NOW + hour * 3600 for hour in range(6, 30)]
