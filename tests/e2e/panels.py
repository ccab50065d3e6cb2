"""Every query of every dashboard, answered by a Prometheus that watches a county with faults."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.deploy.dashboards import Query, asked, queries, variables
from tests.e2e.prometheus_server import PrometheusServer, Sample

LOOKED_BACK_S = 40
WINDOWS = {"__range": f"{LOOKED_BACK_S}s", "__rate_interval": "20s"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of one query: each element with all its values, over time or the one that holds now."""

    query: Query
    series: tuple[tuple[Mapping[str, str], tuple[float, ...]], ...]

    @property
    def values(self) -> list[float]:
        """All values of all elements."""
        return [value for _, values in self.series for value in values]

    def by(self, label: str) -> dict[str, float]:
        """The newest value by what ``label`` says."""
        return {labels[label]: values[-1] for labels, values in self.series}


Answers = dict[str, list[Answer]]
"""By the name of the query, one for each choice of township and camera."""


async def ask_panels(watcher: PrometheusServer, choices: Sequence[Mapping[str, str]]) -> Answers:
    """Answers to everything, once for each of ``choices`` of the dashboards' variables."""
    answers: Answers = {}
    for query in queries():
        wanted = {asked(query.expr, {**choice, **WINDOWS}) for choice in choices}
        answers[query.name] = [await _answer(watcher, query, expression) for expression in sorted(wanted)]
    return answers


async def _answer(watcher: PrometheusServer, query: Query, expression: str) -> Answer:
    found = (
        [[sample] for sample in await watcher.query(expression)]
        if query.instant
        else await watcher.query_range(expression, seconds=LOOKED_BACK_S)
    )
    return Answer(
        query=query,
        series=tuple((samples[0].labels, tuple(sample.value for sample in samples)) for samples in found),
    )


async def ask_variables(watcher: PrometheusServer, choice: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """By variable, its values and the texts that stand for them, as Grafana reads them out of the answers."""
    offered = {}
    for name, (text, regex) in variables().items():
        expression = asked(text, choice).removeprefix("query_result(").removesuffix(")")
        pattern = re.compile(regex.strip("/").replace("(?<", "(?P<"))
        found = [pattern.search(_line(sample)) for sample in await watcher.query(expression)]
        offered[name] = {match["value"]: match["text"] for match in found if match}
    return offered


def _line(sample: Sample) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items() if name != "__name__")
    return f"{sample.labels.get('__name__', '')}{{{labels}}} {sample.value} 0"
