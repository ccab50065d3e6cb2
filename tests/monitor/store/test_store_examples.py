"""The examples in the store's docstrings run."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from monitor.store import codec, evidence, schema


@pytest.mark.parametrize("module", [codec, evidence, schema], ids=lambda module: module.__name__)
def test_the_examples_of_a_module_hold(module: ModuleType) -> None:
    failed, attempted = doctest.testmod(module)
    assert attempted > 0
    assert failed == 0
