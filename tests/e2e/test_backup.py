"""A server is lost with everything on it, and comes back from one file and the card in the safe."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitor import cli
from monitor.core.condition import Condition, Fault
from monitor.core.history import Line
from monitor.core.period import Month
from probes.testing.county import County, write_ledger
from reports.fonts import FontMissingError, find_typefaces
from tests.e2e.site import Site
from tests.reports.months import DAY, SHANGHAI, write_history

pytestmark = pytest.mark.timeout(180)

PAST = Month.at(time.time(), SHANGHAI).previous()
"""The last month that is over: nothing before it is left to be drafted."""
MONTH = str(PAST)
PROOF = b"%PDF the power company's notice"
Said = Callable[..., Any]
FONTS = Path(__file__).parents[2] / "data/fonts"


def history(cameras: list[str]) -> list[Line]:
    """Every camera was there all month; every third was out for some days of it."""
    lines = []
    for number, camera in enumerate(cameras):
        lines.append(Line(camera=camera, at=PAST.start, condition=Condition.INTACT))
        if number % 3 == 0:
            began = PAST.start + (number % 20) * DAY
            lines.append(Line(camera=camera, at=began, condition=Condition.OFFLINE, fault=Fault.UNREACHABLE))
            lines.append(Line(camera=camera, at=began + 5 * DAY + number, condition=Condition.INTACT))
        lines.append(Line(camera=camera, at=PAST.end, condition=Condition.UNKNOWN))
    return lines


def with_fonts(site: Site) -> bool:
    """Let the papers find the fonts that were fetched for the tests; whether there are any."""
    folder = site.home / "data" / "fonts"
    folder.mkdir(parents=True, exist_ok=True)
    for path in FONTS.rglob("*"):
        if path.is_file() and not (folder / path.name).exists():
            (folder / path.name).symlink_to(path)
    try:
        find_typefaces(folder)
    except FontMissingError:
        return False
    return True


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """Runs a command in this process, which takes a tenth of starting the program; its JSON, or what it refuses."""

    def command(*arguments: object, code: int = 0) -> Any:
        words = [*map(str, arguments), "--json", "--config", str(tmp_path / "site" / "config.toml"), "--lang", "en"]
        monkeypatch.setattr(sys, "argv", ["xunjian", *words])
        ended = 0
        try:
            cli.main()
        except SystemExit as end:
            ended = int(end.code or 0)
        told = capsys.readouterr()
        assert ended == code, told
        return json.loads(told.out) if told.out else told.err

    return command


def facts(said: Said, camera: str) -> dict[str, Any]:
    """What is told of the frozen month, of a camera's part in it, and of the ledger."""
    verified, life = said("month", "verify", MONTH), said("camera", camera, "--month", MONTH)
    assert verified["equal"]
    return {
        "verify": verified,
        "month": said("month", "show", MONTH),
        # What it looked like since is another month's.
        "camera": {key: value for key, value in life.items() if key != "looks"},
        "ledger": said("inventory", "list"),
        "exemptions": said("exempt", "list"),
    }


def papers(said: Said, folder: Path) -> dict[str, bytes]:
    said("report", MONTH, "--out", folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def prepare(said: Said, county: County, site: Site) -> None:
    """A frozen month, an exemption that has been proven."""
    write_ledger(county.ledger(), site.home / "ledger.csv")
    said("inventory", "import", site.home / "ledger.csv")
    ids = [row["编号"] for row in county.ledger()]
    write_history(site.home / "old.jsonl", history(ids))
    said("history", "import", site.home / "old.jsonl")
    (site.home / "notice.pdf").write_bytes(PROOF)
    (term, proof) = (
        ("--from", "2099-10-01T00:00", "--until", "2099-10-02T00:00"),
        ("--proof", site.home / "notice.pdf"),
    )
    said("exempt", "add", "--camera", ids[0], "--kind", "construction", *term, "--reason", "修路", *proof)
    said("month", "freeze", MONTH)


async def test_a_lost_server_comes_back_from_a_backup_and_the_card(tmp_path: Path, said: Said) -> None:
    async with await County.start(wall=time.time, cameras=8, townships=2, villages=2) as county:
        site, backup, camera = Site.at(tmp_path / "site", county.townships()), tmp_path / "backup.zip", first_of(county)
        # The simulated cameras answer in this loop, so commands go to a thread.
        await asyncio.to_thread(prepare, said, county, site)
        typeset = with_fonts(site)
        made_papers = await asyncio.to_thread(papers, said, site.home / "data" / "papers" / MONTH) if typeset else {}
        async with site.daemon() as daemon:
            await daemon.until(
                "it writes", lambda board: any(each["condition"] == "intact" for each in board["cameras"].values())
            )
            # Nobody reads what a timer prints, so a card is not made by one.
            hourly = await asyncio.to_thread(said, "backup", "--scheduled", "hourly", code=1)
            key = (await asyncio.to_thread(said, "backup", "--new-recovery-key"))["recovery_key"]
            made = await asyncio.to_thread(said, "backup", backup)
            assert "the daemon is running" in await asyncio.to_thread(said, "restore", backup, "--replace", code=2)
        assert hourly["backups"][0]["rows"]["snapshot"] == made["backups"][0]["rows"]["snapshot"] == 1
        assert made["backups"][0]["passwords"]
        assert made["backups"][0]["rows"]["transition"] > 0
        before = facts(said, camera)
        shutil.rmtree(site.home / "data")
        site.config.unlink()

        assert "--recovery-key-file" in said("restore", backup, code=2)
        assert not list((site.home / "data").glob("*.db"))
        card = tmp_path / "card.txt"
        card.write_text(key, encoding="utf-8")
        restored = said("restore", backup, "--recovery-key-file", card)
        assert (restored["logins"] > 0, restored["aside"], restored["missing"]) == (True, [], {})
        assert facts(said, camera) == before
        kept = site.home / "data" / "papers" / MONTH
        assert {name: (kept / name).read_bytes() for name in made_papers} == made_papers
        if typeset:
            with_fonts(site)
            assert papers(said, tmp_path / "again") == made_papers
        (proof,) = (site.home / "data" / "proofs").iterdir()
        assert proof.read_bytes() == PROOF
        look = await asyncio.to_thread(said, "probe", camera, "--depth", "describe")
        assert look["outcome"] == "ok"


def first_of(county: County) -> str:
    """The id of a camera that wants a login."""
    return next(row["编号"] for row in county.ledger() if row["密码"])
