"""The examples in the docstrings of the rules, and of the histories that they take in, hold."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from monitor import history
from monitor.core import availability, exemption, inspection, ranking, scoring, workday


@pytest.mark.parametrize(
    "module",
    [availability, exemption, history, inspection, ranking, scoring, workday],
    ids=lambda module: module.__name__,
)
def test_the_examples_of_a_module_hold(module: ModuleType) -> None:
    failed, attempted = doctest.testmod(module)
    assert attempted > 0
    assert failed == 0
