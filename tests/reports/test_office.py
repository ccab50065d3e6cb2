"""The office says whether a month that is over still lacks its papers: an alert rests on that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.config import Config
from monitor.store import Store
from reports import office
from reports.office import Office
from reports.render.bundle import MANIFEST, BundleError, Manifest
from reports.snapshot import Snapshot
from tests.reports import months
from tests.reports.months import HISTORY_TAKEN, NEXT_MORNING, OCTOBER


class Morning:
    """The clock on the morning after the month."""

    def now(self) -> float:
        return NEXT_MORNING

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def config(tmp_path: Path) -> Config:
    usual = months.config()
    return usual.model_copy(update={"papers": usual.papers.model_copy(update={"dir": str(tmp_path / "papers")})})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'month.db'}", at=HISTORY_TAKEN) as opened:
        months.fill(opened)
        yield opened


async def test_a_month_whose_papers_cannot_be_made_is_not_complete(
    config: Config, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(snapshot: Snapshot, folder: Path, **_: object) -> Manifest:
        raise BundleError("no room")

    monkeypatch.setattr(office, "bundle", refuse)
    assert not await Office(config, store, Morning()).reconcile()
    assert not (Path(config.papers.dir) / str(OCTOBER) / MANIFEST).exists()


async def test_a_month_with_its_papers_is_complete(
    config: Config, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def note(snapshot: Snapshot, folder: Path, **_: object) -> None:
        made.append(folder.name)

    monkeypatch.setattr(office, "bundle", note)
    assert await Office(config, store, Morning()).reconcile()
    assert made[-1] == str(OCTOBER)
