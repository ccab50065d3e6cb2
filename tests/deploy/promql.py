"""What a PromQL expression uses."""

from __future__ import annotations

from collections.abc import Iterator

import promql_parser


def selectors(expression: str) -> Iterator[promql_parser.VectorSelector]:
    """Every series selector in it. Raises ValueError for what is no PromQL."""
    todo: list[object] = [promql_parser.parse(expression)]
    while todo:
        node = todo.pop()
        if isinstance(node, promql_parser.VectorSelector):
            yield node
        elif isinstance(node, promql_parser.MatrixSelector):
            todo.append(node.vector_selector)
        elif isinstance(node, promql_parser.BinaryExpr):
            todo += [node.lhs, node.rhs]
        elif isinstance(node, promql_parser.AggregateExpr):
            todo += [node.expr, *([node.param] if node.param is not None else [])]
        elif isinstance(node, promql_parser.Call):
            todo += node.args
        elif isinstance(node, (promql_parser.ParenExpr, promql_parser.UnaryExpr, promql_parser.SubqueryExpr)):
            todo.append(node.expr)


def metrics_of(expression: str) -> set[str]:
    """The names of the metrics that it asks for."""
    return {selector.name for selector in selectors(expression) if selector.name}


def labels_matched(expression: str) -> dict[str, set[str]]:
    """By metric, the labels that its selectors name."""
    found: dict[str, set[str]] = {}
    for selector in selectors(expression):
        if selector.name:
            found.setdefault(selector.name, set()).update(matcher.name for matcher in selector.matchers.matchers)
    return found
