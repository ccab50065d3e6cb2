"""A county of recorders, each with 32 channels and room for 8 sessions, asked in the order of the ledger.

A recorder answers 453 when its sessions are taken, which says nothing of a channel, and it locks an account that was
tried with a wrong password too often.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from probes.testing.county import County, write_ledger
from probes.testing.media import Format
from tests.e2e.site import Ended, Site

pytestmark = [pytest.mark.asyncio(loop_scope="module")]

RECORDERS, CHANNELS, SESSIONS = 4, 32, 8
PER_RECORDER = 4
"""how many looks at a recorder config.toml allows at a time"""
TRIED_ON = 3
"""on how many cameras a new login is tried before it is used for all"""
ALL_INTACT = {"intact": RECORDERS * CHANNELS, "impaired": 0, "offline": 0, "unknown": 0}
TINY = Format(width=320, height=180)


@pytest_asyncio.fixture(loop_scope="module")
async def county() -> AsyncIterator[County]:
    cameras = RECORDERS * CHANNELS
    async with await County.start(
        wall=time.time, cameras=cameras, townships=2, villages=4, channels=CHANNELS, fmt=TINY
    ) as served:
        yield served


async def site_of(home: Path, county: County, *, per_recorder: int = PER_RECORDER) -> Site:
    """A site that knows the county's ledger."""
    site = Site.at(home, county.townships(), {"limits": {"per_recorder": per_recorder}})
    write_ledger(county.ledger(), site.home / "ledger.csv")
    await site.imported(site.home / "ledger.csv")
    return site


def outcomes(round_: Ended) -> Counter[str]:
    return Counter(camera["outcome"] for camera in round_.json()["cameras"])


async def test_a_round_over_recorders_accuses_no_channel_and_leaves_no_session(county: County, tmp_path: Path) -> None:
    site = await site_of(tmp_path, county)
    round_ = await site.command("round", "--depth", "media", "--json")
    assert (round_.code, round_.json()["counts"]) == (0, ALL_INTACT)
    stats = await county.stats()
    assert stats["sessions_peak"] == PER_RECORDER
    assert stats["channel_sessions_peak"] == 1
    assert stats["refused_sessions"] == 0
    assert (stats["missing_teardowns"], stats["open_sessions"]) == (0, 0)
    assert stats["violations"] == []


async def test_a_recorder_without_a_free_session_is_nobodys_fault(county: County, tmp_path: Path) -> None:
    site = await site_of(tmp_path, county, per_recorder=CHANNELS)
    round_ = await site.command("round", "--depth", "media", "--json")
    stats = await county.stats()
    assert stats["sessions_peak"] == SESSIONS
    assert stats["refused_sessions"] > 0
    assert set(outcomes(round_)) == {"ok", "busy"}
    counts = round_.json()["counts"]
    assert (counts["impaired"], counts["offline"]) == (0, 0)
    assert counts["unknown"] == outcomes(round_)["busy"]
    assert stats["violations"] == []


async def test_a_wrong_password_for_a_whole_recorder_locks_no_account(county: County, tmp_path: Path) -> None:
    wrong = county.plan.devices[0]
    behind = {camera.id for camera in wrong.cameras}
    rows = [{**row, "密码": "wrong"} if row["编号"] in behind else row for row in county.ledger()]
    site = Site.at(tmp_path, county.townships())
    write_ledger(rows, site.home / "ledger.csv")
    imported = await site.command("inventory", "import", site.home / "ledger.csv", "--lang", "en")
    assert (imported.code, imported.out.count("login refused")) == (1, TRIED_ON), imported
    round_ = await site.command("round", "--depth", "describe", "--json")
    told = {camera["camera"]: camera["condition"] for camera in round_.json()["cameras"]}
    assert {condition for camera, condition in told.items() if camera not in behind} == {"intact"}
    assert {condition for camera, condition in told.items() if camera in behind}.isdisjoint({"intact", "offline"})
    stats = await county.stats()
    assert TRIED_ON <= stats["refused_logins"] < wrong.access.lockout_after
    assert stats["violations"] == []
