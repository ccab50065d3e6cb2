"""What ``/metrics`` exports, with a sample in every family."""

from __future__ import annotations

from functools import cache

from prometheus_client.parser import text_string_to_metric_families

from tests.monitor.web.reference import rendered

OF_PROMETHEUS = frozenset({"up"})
"""Series that Prometheus itself makes of a scrape."""


@cache
def exported() -> dict[str, frozenset[str]]:
    """The labels of every metric by its name, as PromQL asks for it."""
    return {
        sample.name: frozenset(sample.labels)
        for family in text_string_to_metric_families(rendered())
        for sample in family.samples
    }
