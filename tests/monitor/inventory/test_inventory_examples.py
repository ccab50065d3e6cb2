"""The examples in the docstrings of configuration and inventory run."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from monitor.config import lines
from monitor.core import address, redaction
from monitor.inventory import cells, columns, makers, problems


@pytest.mark.parametrize("module", [lines, address, redaction, cells, columns, makers, problems])
def test_examples_in_docstrings_run(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
