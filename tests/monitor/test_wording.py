"""Words, times and rates as people read them."""

import ast
import re
import string
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.availability import Assessment
from monitor.core.condition import IMAGE_FAULTS, Cause, Condition, Fault
from monitor.core.veil import Says, Scope
from monitor.web.source import MonthState
from monitor.wording import (
    TABLES,
    Lang,
    UnknownWordError,
    Words,
    duration,
    moment,
    month_name,
    percent,
    points_short,
    say,
    scored,
)
from probes.observation import Depth, Outcome

ROOT = Path(__file__).parents[2]
ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 24, 8, 30, 5, tzinfo=ZONE).timestamp()
CHINESE = re.compile("[\u4e00-\u9fff]")


def every_word() -> Iterator[tuple[str, Words]]:
    for kind, table in TABLES.items():
        for id_, words in table.items():
            yield f"{kind}.{id_}", words


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        ("condition", Condition),
        ("cause", Cause),
        ("fault", Fault),
        ("outcome", Outcome),
        ("assessment", Assessment),
        ("veil", Says),
        ("scope", Scope),
    ],
)
def test_every_id_of_the_record_has_words(kind: str, ids: type[StrEnum]) -> None:
    assert set(TABLES[kind]) == {id_.value for id_ in ids}


def test_every_image_fault_has_words_for_what_its_score_measures() -> None:
    assert set(TABLES["score"]) == {fault.value for fault in IMAGE_FAULTS}


def test_a_score_is_told_as_a_multiple_of_its_threshold_rounded_down() -> None:
    measures = {"score_moved": 1.999, "score_noise": None}
    assert scored("moved", measures, Lang.ZH) == "场景变换（与参考图相比的移动，门限的 1.9 倍）"
    assert scored("noise", measures, Lang.EN) == "noise"


def test_every_state_of_a_month_has_words() -> None:
    assert set(MonthState) <= set(TABLES["month"])


def test_every_depth_has_words() -> None:
    assert set(TABLES["depth"]) == {depth.label for depth in Depth}


def test_every_step_that_a_probe_takes_has_words() -> None:
    steps = {
        step
        for path in (ROOT / "probes").rglob("*.py")
        for step in re.findall(r"race\.step\(\"(\w+)\"\)", path.read_text())
    }
    assert steps
    assert steps <= set(TABLES["step"])


def test_every_reason_of_a_gap_has_words() -> None:
    sources = [path.read_text() for path in (ROOT / "monitor").rglob("*.py") if path.name != "wording.py"]
    reasons = {
        reason
        for text in sources
        for reason in re.findall(r"(?:reason=|_blind\(\w+, )\"(\w+)\"", text)
        if "Gap(" in text
    }
    assert {"canary", "witnesses", "clock_step"} <= reasons
    assert reasons <= set(TABLES["reason"])


def test_every_word_stands_in_both_languages() -> None:
    for key, words in every_word():
        assert words.zh, key
        assert words.en, key
        if key != "page.other_lang":
            assert not CHINESE.search(words.en), key


def test_both_languages_fill_the_same_placeholders() -> None:
    for key, words in every_word():
        assert placeholders(words.zh) == placeholders(words.en), key
        assert placeholders(words.en_one) <= placeholders(words.en), key


def test_chinese_is_written_with_its_own_punctuation() -> None:
    for key, words in every_word():
        assert not re.search("[\u4e00-\u9fff}][,;:!?](?! )", words.zh), key


def spoken_keys() -> set[str]:
    """Keys that the pages say literally, and the beginnings of those that they put together."""
    web = ROOT / "monitor" / "web"
    templates = "\n".join(path.read_text() for path in (web / "templates").glob("*.j2"))
    keys = set(re.findall(r"'((?:page|text|unit)\.\w+)'", templates))
    for path in [*web.glob("*.py"), ROOT / "monitor" / "wording.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                keys.update(re.findall(r"^(?:page|text)\.\w+$", node.value))
    return keys


def test_pages_say_only_words_that_exist_and_no_word_is_dead() -> None:
    page_words = {f"page.{id_}" for id_ in TABLES["page"]} | {f"text.{id_}" for id_ in TABLES["text"]}
    put_together = {"page.proven_", "page."}
    composed = {"page.proven_port", "page.proven_described", "page.proven_pictured"}
    composed |= {"page.confirmed_by", "page.refuted_by"}
    spoken = spoken_keys() - put_together
    assert spoken - page_words == set()
    assert page_words - spoken - composed == set()


def test_a_missing_page_word_is_our_mistake() -> None:
    with pytest.raises(UnknownWordError, match=r"page\.nonsense"):
        say("page.nonsense", Lang.ZH)
    with pytest.raises(UnknownWordError):
        say("nonsense", Lang.EN)


def test_a_word_that_came_with_the_data_is_shown_as_it_stands() -> None:
    assert say("step.handshake", Lang.ZH) == "handshake"
    assert say("fault.melted", Lang.EN) == "melted"


def test_names_are_filled_in_literally() -> None:
    assert say("page.back", Lang.EN) == "back to the calls"
    assert say("page.found", Lang.EN, query="{0.__class__}", count=2) == "“{0.__class__}”: 2 cameras"


def test_one_is_singular_and_thousands_are_apart() -> None:
    assert say("page.calls", Lang.EN, count=1) == "1 call to make today"
    assert say("page.calls", Lang.EN, count=0) == "0 calls to make today"
    assert say("page.proven", Lang.ZH, count=3912) == "同一批 3,912 台，三个数"


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (0, "0 秒", "0 s"),
        (59.9, "59 秒", "59 s"),
        (60, "1 分", "1 min"),
        (3599, "59 分", "59 min"),
        (3600, "1 小时", "1 h"),
        (11_520, "3 小时 12 分", "3 h 12 min"),
        (86_400, "1 天", "1 d"),
        (86_520, "1 天", "1 d"),
        (90_000, "1 天 1 小时", "1 d 1 h"),
        (-5, "0 秒", "0 s"),
    ],
)
def test_a_duration_names_its_largest_units(seconds: float, zh: str, en: str) -> None:
    assert (duration(seconds, Lang.ZH), duration(seconds, Lang.EN)) == (zh, en)


@pytest.mark.parametrize(
    ("at", "zh", "en"),
    [
        (datetime(2026, 11, 24, 0, 0, tzinfo=ZONE), "00:00", "00:00"),
        (datetime(2026, 11, 23, 23, 59, tzinfo=ZONE), "11月23日 23:59", "23 Nov 23:59"),
        (datetime(2026, 11, 24, 2, 0, tzinfo=UTC), "10:00", "10:00"),
        (datetime(2025, 11, 24, 8, 30, tzinfo=ZONE), "2025-11-24 08:30", "2025-11-24 08:30"),
    ],
)
def test_a_time_is_the_sites_own_and_no_longer_than_needed(at: datetime, zh: str, en: str) -> None:
    stamp = at.timestamp()
    assert (moment(stamp, ZONE, Lang.ZH, now=NOW), moment(stamp, ZONE, Lang.EN, now=NOW)) == (zh, en)


def test_a_time_can_show_its_seconds() -> None:
    assert moment(NOW, ZONE, Lang.ZH, now=NOW, seconds=True) == "08:30:05"


def test_a_month_is_named_in_words() -> None:
    assert (month_name("2026-01", Lang.ZH), month_name("2026-01", Lang.EN)) == ("2026年1月", "Jan 2026")


@pytest.mark.parametrize(
    ("rate", "printed"),
    [
        (Fraction(94_996, 100_000), "94.99"),
        (Fraction(949_999_999, 1_000_000_000), "94.99"),
        (Fraction(95, 100), "95.00"),
        (Fraction(1), "100.00"),
        (Fraction(2_678_399, 2_678_400), "99.99"),
        (Fraction(0), "0.00"),
        (Fraction(1, 3), "33.33"),
        (None, "—"),
    ],
)
def test_a_rate_is_rounded_down(rate: Fraction | None, printed: str) -> None:
    assert percent(rate) == printed


@given(st.fractions(min_value=0, max_value=1))
def test_a_printed_rate_never_exceeds_the_exact_one(rate: Fraction) -> None:
    printed = Fraction(percent(rate)) / 100
    assert printed <= rate < printed + Fraction(1, 10_000)


def test_what_is_missing_is_the_difference_of_what_is_printed() -> None:
    assert points_short(Fraction(94_996, 100_000), Fraction(95, 100)) == "0.01"
    assert points_short(Fraction(96, 100), Fraction(95, 100)) == "0.00"
    assert points_short(Fraction(8_859, 10_000), Fraction(95, 100)) == "6.41"
