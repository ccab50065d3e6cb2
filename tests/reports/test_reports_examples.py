"""The examples in the docstrings of the papers."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from reports import columns, paper, printable


@pytest.mark.parametrize("module", [columns, paper, printable])
def test_examples_hold(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed
