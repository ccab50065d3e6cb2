"""Which backups stay."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.period import Month
from monitor.core.rotation import Kept, Label, Rules, superfluous

SHANGHAI = ZoneInfo("Asia/Shanghai")
OCTOBER = Month(2026, 10, SHANGHAI)
DAY, HOUR = 86_400, 3_600
RULES = Rules(hourly=3, nightly=2, monthly=2)


def nights(month: Month) -> list[Kept]:
    return [Kept(month.start + day * DAY + 2 * HOUR, Label.NIGHTLY) for day in range(month.days)]


def test_the_newest_of_each_kind_stay() -> None:
    hours = [Kept(OCTOBER.start + hour * HOUR, Label.HOURLY) for hour in range(5)]
    assert superfluous(hours, RULES, SHANGHAI) == set(hours[:2])


def test_of_each_month_the_first_night_stays_for_so_many_months() -> None:
    august, september, october = (nights(each) for each in (Month(2026, 8, SHANGHAI), OCTOBER.previous(), OCTOBER))
    stay = {*august, *september, *october} - superfluous([*october, *august, *september], RULES, SHANGHAI)
    assert stay == {september[0], october[0], *october[-2:]}


def test_the_month_of_a_night_is_the_sites() -> None:
    first = Kept(OCTOBER.start, Label.NIGHTLY)
    last_of_september = Kept(OCTOBER.start - 1, Label.NIGHTLY)
    none_nightly = Rules(hourly=1, nightly=0, monthly=1)
    assert superfluous([first, last_of_september], none_nightly, SHANGHAI) == {last_of_september}


def test_a_backup_made_by_hand_never_goes() -> None:
    by_hand = [Kept(OCTOBER.start + minute, Label.MANUAL) for minute in range(50)]
    assert superfluous(by_hand, RULES, SHANGHAI) == set()


@given(
    st.sets(st.builds(Kept, st.integers(1_700_000_000, 1_800_000_000), st.sampled_from(Label)), max_size=60),
    st.builds(Rules, hourly=st.integers(1, 9), nightly=st.integers(1, 9), monthly=st.integers(0, 9)),
)
def test_the_newest_backup_never_goes_and_enough_of_each_kind_stay(backups: set[Kept], rules: Rules) -> None:
    stay = backups - superfluous(backups, rules, SHANGHAI)
    assert not backups or max(backups) in stay
    for label, count in ((Label.HOURLY, rules.hourly), (Label.NIGHTLY, rules.nightly)):
        its = sum(each.label is label for each in backups)
        assert sum(each.label is label for each in stay) >= min(its, count)
    assert len([each for each in stay if each.label is Label.NIGHTLY]) <= rules.nightly + rules.monthly
