"""The shipped dashboards, as a reader of Grafana meets them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.deploy.rules import ROOT

FOLDER = ROOT / "deploy/grafana/dashboards"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query of a panel. ``unit`` is that of its values, ``legend`` what names its series."""

    board: str
    panel: str
    letter: str
    expr: str
    unit: str
    legend: str
    instant: bool
    as_table: bool
    shown: frozenset[str]
    """labels that a table shows as columns, or hides although they are there"""
    words: frozenset[str]
    """values that have a word, none where the number itself is shown"""

    @property
    def name(self) -> str:
        """Where it is found."""
        return f"{self.board}/{self.panel}/{self.letter}"


def boards() -> dict[str, Json]:
    """The committed dashboards by uid."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def panels(board: Json) -> Iterator[Json]:
    """Its panels, without the headings."""
    return (panel for panel in board["panels"] if panel["type"] != "row")


def queries() -> list[Query]:
    """Every query of every panel."""
    return [query for uid, board in boards().items() for panel in panels(board) for query in _queries(uid, panel)]


def _queries(uid: str, panel: Json) -> Iterator[Query]:
    renamed, hidden = _columns(panel)
    several = len(panel["targets"]) > 1
    for target in panel["targets"]:
        value = f"Value #{target['refId']}" if several else "Value"
        look = _look(panel, renamed.get(value, target["legendFormat"]))
        yield Query(
            board=uid,
            panel=panel["title"],
            letter=target["refId"],
            expr=target["expr"],
            unit=look.get("unit", panel["fieldConfig"]["defaults"].get("unit", "")),
            legend=target["legendFormat"],
            instant=bool(target.get("instant")),
            as_table=target["format"] == "table",
            shown=frozenset(name for name in {*renamed, *hidden} if not name.startswith(("Value", "Time"))),
            words=_words([*look.get("mappings", []), *panel["fieldConfig"]["defaults"].get("mappings", [])]),
        )


def _columns(panel: Json) -> tuple[dict[str, str], set[str]]:
    for transformation in panel.get("transformations", []):
        if transformation["id"] == "organize":
            dropped = set(transformation["options"]["excludeByName"])
            return transformation["options"]["renameByName"], dropped | passed_labels(panel)
    return {}, set()


def passed_labels(panel: Json) -> set[str]:
    """Labels that a table keeps, unseen, for its link."""
    hidden = {"id": "custom.hidden", "value": True}
    return {
        override["matcher"]["options"]
        for override in panel["fieldConfig"]["overrides"]
        if hidden in override["properties"]
    }


def headings(panel: Json) -> set[str]:
    """The headings of a table's columns."""
    return set(_columns(panel)[0].values())


def _look(panel: Json, heading: str) -> Json:
    """The overrides of the column with this heading, or of the series with this name."""
    return {
        each["id"]: each["value"]
        for override in panel["fieldConfig"]["overrides"]
        if override["matcher"] == {"id": "byName", "options": heading}
        for each in override["properties"]
    }


def _words(mappings: list[Json]) -> frozenset[str]:
    return frozenset(value for mapping in mappings for value in mapping["options"])


def variables() -> dict[str, tuple[str, str]]:
    """Query and regular expression of every variable that asks Prometheus, by "uid/name"."""
    return {
        f"{uid}/{variable['name']}": (variable["query"]["query"], variable["regex"])
        for uid, board in boards().items()
        for variable in board["templating"]["list"]
        if variable["type"] == "query"
    }


def asked(expr: str, chosen: Mapping[str, str]) -> str:
    """The expression as Grafana would send it, its variables replaced."""
    replaced = expr
    for name, value in sorted(chosen.items(), key=lambda item: -len(item[0])):
        replaced = re.sub(rf"\${re.escape(name)}\b", value, replaced)
    return replaced


ANY = {"township": "01", "camera": "c", "__range": "1h", "__rate_interval": "1m"}
"""Values with which every expression can be parsed."""
