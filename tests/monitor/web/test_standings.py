"""Townships against their target."""

from dataclasses import replace
from fractions import Fraction

from monitor.core.board import Board, TownshipMonth
from monitor.core.condition import Condition
from monitor.web.standings import faulty_now, standings
from tests.monitor.web.boards import quiet_board

TARGET = Fraction(95, 100)


def board_with(*rates: Fraction | None) -> Board:
    months = tuple(
        TownshipMonth(code=f"{n:02d}", name=f"镇{n}", cameras=10, now={Condition.INTACT: 10}, rate=rate)
        for n, rate in enumerate(rates)
    )
    return replace(quiet_board(22), townships=months)


def test_the_worst_township_comes_first_and_one_without_a_rate_last() -> None:
    table = standings(board_with(Fraction(96, 100), None, Fraction(90, 100), Fraction(97, 100)), TARGET)
    assert [row.month.code for row in table.rows] == ["02", "00", "03", "01"]
    assert [row.reaches for row in table.rows] == [False, True, True, None]
    assert (table.reaching, table.rated) == (2, 3)


def test_order_and_target_use_the_exact_rate_not_the_printed_one() -> None:
    just_below, lower = Fraction(949_999, 1_000_000), Fraction(949_998, 1_000_000)
    table = standings(board_with(just_below, lower, TARGET), TARGET)
    assert [row.month.rate for row in table.rows] == [lower, just_below, TARGET]
    assert [row.reaches for row in table.rows] == [False, False, True]


def test_equal_rates_stand_in_the_order_of_their_codes() -> None:
    table = standings(board_with(TARGET, TARGET, TARGET), TARGET)
    assert [row.month.code for row in table.rows] == ["00", "01", "02"]


def test_the_axis_begins_at_80_or_at_the_ten_below_the_worst() -> None:
    assert standings(board_with(Fraction(96, 100)), TARGET).axis_from == 80
    assert standings(board_with(Fraction(77, 100)), TARGET).axis_from == 70
    assert standings(board_with(Fraction(0)), TARGET).axis_from == 0
    assert standings(board_with(None), TARGET).axis_from == 80
    assert standings(board_with(), TARGET).rows == ()


def test_positions_share_one_axis_with_the_target() -> None:
    table = standings(board_with(Fraction(1), Fraction(90, 100), Fraction(80, 100)), TARGET)
    assert [row.reach for row in table.rows] == [0.0, 50.0, 100.0]
    assert table.target_at == 75.0


def test_what_is_out_now_is_offline_and_impaired() -> None:
    now = {Condition.INTACT: 5, Condition.IMPAIRED: 2, Condition.OFFLINE: 1, Condition.UNKNOWN: 2}
    assert faulty_now(TownshipMonth(code="1", name="镇", cameras=10, now=now, rate=None)) == 3
