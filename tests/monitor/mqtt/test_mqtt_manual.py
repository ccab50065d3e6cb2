"""The manual's page names every topic and every kind of event, each where it is published."""

from __future__ import annotations

import re

from monitor.core.message import MessageKind
from monitor.mqtt.topics import EVENTS, LONGEST, ROOT, Topics
from monitor.web.manual import HELP

PAGE = (HELP / "mqtt.md").read_text("utf-8")
COUNTY = f"{ROOT}/<county>"


def test_every_kind_stands_with_its_topic() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", PAGE, re.MULTILINE))
    assert rows == {kind.value: EVENTS.get(kind, "month/<month>") for kind in MessageKind}


def test_every_topic_stands_in_the_table_with_whether_it_is_retained() -> None:
    rows = dict(re.findall(r"^\| `(xunjian/[^`]+)` \|[^|]*\| *([^| ]*) *\|$", PAGE, re.MULTILINE))
    topics = Topics("<county>")
    retained = {topics.camera("<id>"), topics.township("<code>"), topics.status}
    retained.add(topics.event(MessageKind.MONTH_FROZEN, "<month>"))
    published = {topics.event(kind, "<month>") for kind in MessageKind} | retained
    assert set(rows) == published
    assert {topic for topic, word in rows.items() if word} == retained
    assert f"超过 {LONGEST} 字节" in PAGE
