"""A month tells the same, and verifies, whichever version of the program its record was written by."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from monitor.core.period import Month
from monitor.months import inspect_month, show
from monitor.store import Store, upgrade
from reports.monthly import current, freeze, verify
from reports.snapshot import canonical
from tests.monitor.store.dump_schema import dump_of
from tests.reports import months

STORE = Path(__file__).parents[1] / "monitor" / "store"
OLD = sorted(STORE.glob("r*.sql"))
WITH_MONTHS = [each for each in OLD if each.stem >= "r0002"]
"""The first schema had no table for frozen months and exemptions."""
NOVEMBER = Month(2026, 11, months.SHANGHAI)
AFTER = NOVEMBER.end + 9000
CONFIG = months.config()
FIGURES = Path(__file__).parent / "snapshots" / "old-county-november.json"
"""What November was when the first of the schemas was the newest."""


def lay(dump: Path, path: Path) -> str:
    """Put an old database at ``path``; its URL."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(dump.read_text(encoding="utf-8"))
    return f"sqlite:///{path}"


def november(store: Store) -> dict[str, Any]:
    with store.snapshot() as reader:
        return show(inspect_month(reader, CONFIG, NOVEMBER, AFTER), CONFIG, "closed")


@pytest.mark.parametrize("dump", OLD, ids=lambda dump: dump.stem)
def test_a_month_shows_the_same_figures_after_every_upgrade(dump: Path, tmp_path: Path) -> None:
    with Store.open(lay(dump, tmp_path / "old.db"), at=AFTER) as store:
        assert november(store) == json.loads(FIGURES.read_text(encoding="utf-8"))


@pytest.mark.parametrize("dump", WITH_MONTHS[1:], ids=lambda dump: dump.stem)
def test_a_months_papers_are_made_of_the_same_bytes_after_every_upgrade(dump: Path, tmp_path: Path) -> None:
    drafts = []
    for source in (WITH_MONTHS[0], dump):
        path = tmp_path / f"{source.stem}.db"
        with Store.open(lay(source, path), at=AFTER) as store:
            with closing(sqlite3.connect(path)) as database:
                # One that was frozen would be told as it was.
                database.executescript("DROP TRIGGER snapshot_no_delete; DELETE FROM snapshot")
            drafts.append(canonical(current(store, CONFIG, NOVEMBER, AFTER)))
    assert drafts[1] == drafts[0]


@pytest.mark.parametrize("dump", WITH_MONTHS, ids=lambda dump: dump.stem)
def test_a_month_frozen_before_an_upgrade_verifies_after_it(dump: Path, tmp_path: Path) -> None:
    with Store.open(lay(dump, tmp_path / "then.db"), at=AFTER) as store:
        entry = freeze(store, CONFIG, NOVEMBER, AFTER, who="director", reason="更正").entry
    url = lay(dump, tmp_path / "old.db")
    with closing(sqlite3.connect(tmp_path / "then.db")) as then, closing(sqlite3.connect(tmp_path / "old.db")) as old:
        # As the version of that schema would have kept them, before anything is upgraded.
        kept = then.execute("SELECT * FROM snapshot WHERE made_at = ?", (AFTER,)).fetchall()
        old.executemany("INSERT INTO snapshot VALUES (?, ?, ?, ?, ?, ?, ?, ?)", kept)
        old.commit()
    with Store.open(url, at=AFTER) as store:
        found = verify(store, NOVEMBER)
        assert found.entry == entry
        assert found.equal, found.differences


def test_the_script_that_dumps_a_schema_upgrades_the_one_before_it() -> None:
    sql = dump_of(upgrade.head())
    assert f"VALUES('{upgrade.head()}')" in sql
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(sql)
        assert database.execute("SELECT count(*) FROM camera").fetchone() == (4,)
