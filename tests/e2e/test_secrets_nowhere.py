"""No password stands anywhere: not in what is printed, logged, served, exported or stored."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from urllib.parse import quote
from zipfile import ZipFile, is_zipfile

import pytest
import pytest_asyncio

from probes.testing.county import County, write_ledger
from tests.e2e.site import Daemon, Site

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(180),
]

WRONG = "Wr0ng:@pass/word#9"
IN_URL = "Url&Secret?77"
BAD_ROW = "BadRowSecret=55"
PROBED = "Prob3d@Once:61"


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What was left behind: the folder, everything that was served, and the passwords that were used."""

    home: Path
    served: dict[str, bytes]
    passwords: frozenset[str]
    codes: dict[str, int]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with await County.start(wall=time.time, cameras=40, townships=2, villages=10) as county:
        site = Site.at(tmp_path_factory.mktemp("secrets"), county.townships())
        ledgers = tmp_path_factory.mktemp("ledgers")  # the one place where passwords stand by their owner's will
        codes = await _use(site, county, ledgers)
        served: dict[str, bytes] = {}
        async with site.daemon("--debug") as daemon:
            await daemon.until("it has looked", lambda board: all(c["last_look_at"] for c in board["cameras"].values()))
            codes |= await _use_beside(site, county, ledgers)
            served = await _read_everything(daemon, county)
            await daemon.end()
        passwords = {row["密码"] for row in county.ledger()} | {WRONG, IN_URL, BAD_ROW, PROBED}
    yield Scene(home=site.home, served=served, passwords=frozenset(passwords), codes=codes)


async def _use(site: Site, county: County, ledgers: Path) -> dict[str, int]:
    """A first import with bad rows, and commands that succeed and fail."""
    rows = county.ledger()
    host, port = rows[0]["IP地址"], rows[0]["RTSP端口"]
    bad = [
        {**rows[1], "编号": "1.23457E+19", "密码": BAD_ROW},
        {**rows[2], "编号": "bad-2", "RTSP端口": "many", "密码": BAD_ROW},
        {**rows[3], "编号": "bad-3", "乡镇": "无此镇", "密码": BAD_ROW},
        {**rows[4], "编号": "bad-4", "IP地址": f"rtsp://admin:{BAD_ROW}@{host}:{port}/x", "密码": BAD_ROW},
    ]
    without_login = {**rows[5], "编号": "url-1", "用户名": "", "密码": "", "RTSP端口": "", "RTSP路径": ""}
    by_url = {**without_login, "RTSP地址": f"rtsp://admin:{IN_URL}@{host}:{port}/nowhere"}
    write_ledger([by_url, *({**row, "RTSP地址": ""} for row in [*rows[6:], *bad])], ledgers / "first.csv")
    url = f"rtsp://admin:{quote(PROBED, safe='')}@{host}:{port}/Streaming/Channels/101"
    commands: dict[str, tuple[object, ...]] = {
        "import": ("inventory", "import", ledgers / "first.csv"),
        "import json": ("inventory", "import", ledgers / "first.csv", "--json", "--debug"),
        "list": ("inventory", "list", "--json"),
        "export": ("inventory", "export", site.home / "export.xlsx"),
        "probe": ("probe", rows[6]["编号"], "--json", "--debug"),
        "probe url": ("probe", url, "--debug"),
        "probe bad url": ("probe", f"rtsp://admin:{PROBED}@:x/", "--debug"),
        "probe typed url": ("probe", f"rtsp://admin:{PROBED}@{host}:{port}/1", "--debug", "--lang", "en"),
        "unreadable ledger": ("inventory", "import", ledgers / "none.csv", "--debug"),
        "check": ("check-config", "--json"),
    }
    return {name: (await site.command(*arguments)).code for name, arguments in commands.items()}


async def _use_beside(site: Site, county: County, ledgers: Path) -> dict[str, int]:
    """Wrong logins beside the running daemon, looks by them, and a life that tells of them."""
    rows = county.ledger()[6:]
    write_ledger([{**row, "密码": WRONG} for row in rows], ledgers / "wrong.csv")
    commands: dict[str, tuple[object, ...]] = {
        "wrong import": ("inventory", "import", ledgers / "wrong.csv", "--lang", "en"),
        "round": ("round", "--depth", "describe", "--json"),
        "camera": ("camera", rows[0]["编号"], "--json"),
        "second daemon": ("run", "--debug"),
    }
    return {name: (await site.command(*arguments)).code for name, arguments in commands.items()}


async def _read_everything(daemon: Daemon, county: County) -> dict[str, bytes]:
    camera, township = county.ledger()[6]["编号"], county.plan.townships[0].code
    paths = [
        "",
        "?lang=en",
        "live",
        "events",
        "suspects",
        f"township/{township}",
        f"camera/{camera}",
        f"search?q={quote(WRONG)}",
        "metrics",
        "healthz",
        "api/board.json",
        "api/day.json",
    ]
    return {path: (await daemon.get(path)).encode() for path in paths}


def _forms(password: str) -> Iterator[bytes]:
    """How a password might stand in bytes: as it is, in a URL, in JSON, in HTML, in Base64 and in UTF-16."""
    yield password.encode()
    yield quote(password, safe="").encode()
    yield quote(password).encode()
    yield password.replace("&", "&amp;").encode()
    yield password.encode("utf-16-le")
    for username in ("admin", "xunjian"):
        yield base64.b64encode(f"{username}:{password}".encode()).rstrip(b"=")


def _found(passwords: frozenset[str], content: bytes) -> set[str]:
    return {password for password in passwords if any(form in content for form in _forms(password))}


def _contents(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()
    if is_zipfile(path):
        with ZipFile(BytesIO(path.read_bytes())) as archive:
            yield from (archive.read(name) for name in archive.namelist())


async def test_no_file_that_the_program_writes_holds_a_password(scene: Scene) -> None:
    files = [path for path in scene.home.rglob("*") if path.is_file()]
    names = {path.suffix for path in files}
    assert {".db", ".log", ".out", ".err", ".xlsx", ".key"} <= names
    assert any("evidence" in path.parts for path in files)
    found = {
        str(path): leaked
        for path in files
        for content in _contents(path)
        if (leaked := _found(scene.passwords, content))
    }
    assert found == {}


async def test_nothing_that_is_served_holds_a_password(scene: Scene) -> None:
    query = next(path for path in scene.served if path.startswith("search"))
    for path, body in scene.served.items():
        # a search shows what was typed into it
        passwords = scene.passwords - {WRONG} if path == query else scene.passwords
        assert body, path
        assert _found(passwords, body) == set(), path


async def test_the_scene_was_what_it_should_be(scene: Scene) -> None:
    """Otherwise nothing would have been printed in which a password could stand."""
    refused = {"import", "import json", "probe url", "probe typed url", "wrong import"}
    assert {name for name, code in scene.codes.items() if code == 1} >= refused
    usage = {"probe bad url", "unreadable ledger", "second daemon"}
    assert {name for name, code in scene.codes.items() if code == 2} == usage
    assert 3 not in scene.codes.values()
    errors = "".join(path.read_text(encoding="utf-8") for path in scene.home.glob("said/*.err"))
    assert "Traceback" in errors


async def test_a_password_would_be_found(tmp_path: Path) -> None:
    hidden = b"\x00" + base64.b64encode(f"admin:{WRONG}".encode()) + b"\x00"
    assert _found(frozenset({WRONG, IN_URL}), hidden) == {WRONG}
    assert _found(frozenset({WRONG, IN_URL}), quote(IN_URL, safe="").encode()) == {IN_URL}
