"""A store over a real file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.store import Store

NOW = 1_790_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "xunjian.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url, at=NOW, exclusive=True, who="test") as opened:
        yield opened
