"""The dashboards are what their generator writes, fit together, and ask only for what there is."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.generate import dashboards
from tests.deploy.dashboards import (
    ANY,
    FOLDER,
    Json,
    Query,
    asked,
    boards,
    headings,
    panels,
    passed_labels,
    queries,
    variables,
)
from tests.deploy.exported import OF_PROMETHEUS, exported
from tests.deploy.promql import labels_matched, metrics_of
from tests.deploy.rules import ROOT, alerts, recorded

MADE_BY_PROMETHEUS = OF_PROMETHEUS | {"ALERTS"}
UNUSED: dict[str, str] = {}
"""metrics that nothing shows and no rule asks for, each with the reason"""

UNITS = {"percentunit", "s", "bytes", "ops", "cpm", "short", "dateTimeAsLocal", "dateTimeFromNow"}
BOARDS = boards()
QUERIES = queries()
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def overlap(one: Json, other: Json) -> bool:
    a, b = one["gridPos"], other["gridPos"]
    apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
    return not apart and not (a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"])


def test_the_committed_files_are_what_the_generator_writes_now() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    assert committed == dashboards(), "run `make dashboards` and commit"


def test_every_dashboard_has_a_name_of_its_own_and_a_chinese_title() -> None:
    assert len(BOARDS) == 6
    for uid, board in BOARDS.items():
        assert board["uid"] == uid
        assert CHINESE.search(board["title"])
        assert CHINESE.search(board["description"])
    assert len({board["title"] for board in BOARDS.values()}) == len(BOARDS)


@pytest.mark.parametrize("uid", BOARDS)
def test_panels_have_numbers_of_their_own_and_lie_beside_each_other(uid: str) -> None:
    placed = BOARDS[uid]["panels"]
    assert [panel["id"] for panel in placed] == list(range(1, len(placed) + 1))
    for panel in placed:
        assert 0 <= panel["gridPos"]["x"] < panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
    assert [(a["title"], b["title"]) for a, b in combinations(placed, 2) if overlap(a, b)] == []


@pytest.mark.parametrize("uid", BOARDS)
def test_every_panel_has_a_title_of_its_own_and_a_query(uid: str) -> None:
    found = list(panels(BOARDS[uid]))
    twice = [title for title, count in Counter(panel["title"] for panel in found).items() if count > 1]
    assert twice == []
    for panel in found:
        assert panel["targets"]
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters)


@pytest.mark.parametrize("uid", BOARDS)
def test_the_reader_chooses_the_datasource_of_everything(uid: str) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    board = BOARDS[uid]
    assert board["templating"]["list"][0]["type"] == "datasource"
    assert [variable["datasource"] for variable in board["templating"]["list"][1:]] == [
        chosen for _ in board["templating"]["list"][1:]
    ]
    for panel in panels(board):
        assert panel["datasource"] == chosen
        assert [target["datasource"] for target in panel["targets"]] == [chosen for _ in panel["targets"]]


def test_a_table_leads_only_to_dashboards_and_variables_that_there_are() -> None:
    links = set(re.findall(r'"(/d/[^"]*)"', json.dumps(BOARDS, ensure_ascii=False)))
    assert links
    for link in links:
        path, _, rest = link.partition("?")
        target = BOARDS[path.removeprefix("/d/")]
        named = {variable["name"] for variable in target["templating"]["list"]}
        assert set(re.findall(r"var-(\w+)=", rest)) <= named


def test_what_a_link_passes_on_is_kept_in_its_table() -> None:
    passing = 0
    for board in BOARDS.values():
        for panel in panels(board):
            text = json.dumps(panel, ensure_ascii=False)
            named = {*re.findall(r"__data\.fields\.(\w+)", text), *re.findall(r'__data\.fields\[\\"(\w+)\\"\]', text)}
            assert named <= {*headings(panel), *passed_labels(panel)}, panel["title"]
            assert passed_labels(panel) <= named, panel["title"]
            passing += len(named)
    assert passing > 10


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_a_query_is_promql_and_asks_only_for_what_is_exported_or_recorded(query: Query) -> None:
    expression = asked(query.expr, ANY)
    assert "$" not in expression
    assert metrics_of(expression) <= {*exported(), *recorded(), *MADE_BY_PROMETHEUS}
    for metric, labels in labels_matched(expression).items():
        if metric in exported():
            assert labels <= exported()[metric], metric


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_a_value_has_a_unit_or_words(query: Query) -> None:
    assert query.unit in UNITS or query.unit.startswith("suffix:") or query.words


def test_variables_ask_only_for_what_is_exported() -> None:
    assert set(variables()) == {"xunjian-township/township", "xunjian-camera/township", "xunjian-camera/camera"}
    for text, _ in variables().values():
        expression = re.fullmatch(r"query_result\((.*)\)", asked(text, ANY))
        assert expression
        assert metrics_of(expression[1]) <= set(exported())


def test_everything_exported_is_shown_or_alarmed_on_or_named_as_unused() -> None:
    expressions = [asked(query.expr, ANY) for query in QUERIES]
    expressions += [rule["expr"] for rule in alerts().values()] + list(recorded().values())
    used = {metric for expression in expressions for metric in metrics_of(expression)}
    assert set(exported()) - used == set(UNUSED)
    assert set(recorded()) - used == set()


@pytest.mark.parametrize("uid", BOARDS)
def test_grafanas_own_types_read_it_and_write_it_unchanged(uid: str) -> None:
    register_default_plugins()
    again: Any = json.loads(json.dumps(Dashboard.from_json(BOARDS[uid]), cls=JSONEncoder))
    assert again == BOARDS[uid]


def test_provisioning_fits_what_is_shipped() -> None:
    folder = ROOT / "deploy/grafana/provisioning"
    (source,) = yaml.safe_load((folder / "datasources/xunjian.yml").read_text(encoding="utf-8"))["datasources"]
    (provider,) = yaml.safe_load((folder / "dashboards/xunjian.yml").read_text(encoding="utf-8"))["providers"]
    scraped = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
    assert source["type"] == "prometheus"
    assert source["jsonData"]["timeInterval"] == scraped["global"]["scrape_interval"]
    assert provider["options"]["path"].startswith("/")
