"""No name in a ledger can break a topic, and no two names share one."""

from __future__ import annotations

import doctest
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.message import MessageKind
from monitor.mqtt import topics
from monitor.mqtt.topics import EVENTS, LONGEST, MONTHS, Topics, level

HOSTILE = ("+", "#", "a/b", "a\u0000b", "../..", "%2F", "\ud800", "\n", "$SYS", "点位 1", "", "+/#", "x" * 70_000)
names = st.text(st.characters() | st.sampled_from("+#/%\u0000\ud800"), max_size=400)


def test_the_examples_hold() -> None:
    assert doctest.testmod(topics) == doctest.TestResults(failed=0, attempted=1)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_one_level(name: str) -> None:
    topic = Topics("331100").camera(name)
    assert topic.split("/")[:4] == ["xunjian", "v1", "331100", "camera"]
    assert (topic.count("/"), topic.rpartition("/")[2]) == (5, "state")
    assert not {"+", "#", "\u0000"} & set(topic)
    assert len(topic.encode("utf-8")) < 65_536


@given(names)
def test_a_level_can_be_read_back(name: str) -> None:
    encoded = level(name)
    if not encoded.startswith("sha256-"):
        assert unquote(encoded, errors="surrogatepass") == name
    assert len(encoded.encode("utf-8")) <= max(LONGEST, len("sha256-") + 64)


@given(names, names)
def test_different_names_have_different_levels(one: str, other: str) -> None:
    assert (level(one) == level(other)) == (one == other)


def test_every_kind_of_message_has_its_topic() -> None:
    assert set(MessageKind) == EVENTS.keys() | MONTHS
    assert not EVENTS.keys() & MONTHS
    assert Topics("a").event(MessageKind.MONTH_FROZEN, "2026-10") == "xunjian/v1/a/month/2026-10"
