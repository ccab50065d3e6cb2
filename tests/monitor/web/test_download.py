"""Papers are handed out by name from the list alone, and no title can break out of a header or a folder."""

import doctest
import re
from urllib.parse import quote, unquote

import pytest
from yarl import URL

from monitor.web import download
from monitor.web.download import LONGEST_NAME, attachment, kind_of
from monitor.web.guard import HEADERS
from monitor.web.source import MonthLine, MonthState, PaperLine
from tests.monitor.web.boards import PAPERS, PDF, ordinary_board
from tests.monitor.web.conftest import Serve, Visit
from tests.monitor.web.months import FROZEN

HOSTILE = (
    '"; filename="evil.exe',
    "a\r\nSet-Cookie: x=1",
    "../../etc/passwd",
    "..\\..\\windows\\system32",
    "\u202egnp.exe",
    "半个\ud83d字符",
    "长" * 300,
    "   ...   ",
    "",
    "<script>alert(1)</script>",
    "%2e%2e%2f*?|:",
)


def full_name(disposition: str) -> str:
    match = re.fullmatch(
        r"attachment; filename=\"([A-Za-z0-9._-]+)\"; filename\*=UTF-8''([A-Za-z0-9%._~-]+)", disposition
    )
    assert match, disposition
    return unquote(match[2], errors="strict")


async def list_paper(visit: Visit, paper: PaperLine, body: bytes) -> None:
    visit.source.lines = (MonthLine(month=FROZEN, state=MonthState.FROZEN, papers=(paper,)),)
    visit.source.papers = {(FROZEN, paper.name): body}


def test_examples_in_docstrings_run() -> None:
    assert doctest.testmod(download).failed == 0


@pytest.mark.parametrize("title", HOSTILE)
def test_no_title_breaks_out_of_its_header_or_its_folder(title: str) -> None:
    name = full_name(attachment(title, title, ".pdf"))
    assert name.endswith(".pdf")
    assert len(name) <= LONGEST_NAME + 4
    assert not re.search(r'[\x00-\x1f\x7f\\/:*?"<>|\u200b-\u200f\u202a-\u202e]', name)
    assert not name.startswith(".")


def test_a_chinese_title_stays_whole() -> None:
    assert (
        full_name(attachment("2026-10 关于10月份的通报", "2026-10-circular.pdf", ".pdf"))
        == "2026-10 关于10月份的通报.pdf"
    )


def test_what_is_no_paper_is_never_shown_as_a_page() -> None:
    for name in ("x.html", "x.svg", "x", "x.js"):
        assert kind_of(name).content_type == "application/octet-stream"


@pytest.mark.parametrize("paper", PAPERS)
async def test_a_paper_is_a_file_to_keep(serve: Serve, paper: PaperLine) -> None:
    visit = await serve(ordinary_board(22))
    address = URL(f"/month/{FROZEN}/paper/{quote(paper.name, safe='')}", encoded=True)
    response = await visit.client.get(address)
    assert (response.status, await response.read()) == (200, PDF)
    assert response.headers["Content-Type"] == "application/pdf"
    assert {name: response.headers.get(name) for name in HEADERS} == HEADERS
    assert paper.title[:20] in full_name(response.headers["Content-Disposition"])


@pytest.mark.parametrize(
    "path",
    [
        f"/month/{FROZEN}/paper/secret.pdf",
        "/month/2026-09/paper/circular.pdf",
        "/month/2026-13/paper/circular.pdf",
        f"/month/{FROZEN}/paper/..%2F{FROZEN}%2Fcircular.pdf",
        f"/month/{FROZEN}/paper/%2Fetc%2Fpasswd",
        f"/month/{FROZEN}/paper/circular.pdf%00",
        f"/month/..%2F{FROZEN}/paper/circular.pdf",
        f"/month/{FROZEN}/paper/../paper/./secret.pdf",
    ],
)
async def test_only_listed_papers_are_ever_asked_of_the_source(serve: Serve, path: str) -> None:
    visit = await serve(ordinary_board(22))
    asked: list[str] = []

    async def paper(month: str, name: str) -> bytes:
        asked.append(name)
        return PDF

    visit.source.paper = paper  # type: ignore[method-assign]  # a source that would hand out anything
    assert (await visit.client.get(URL(path, encoded=True))).status == 404
    assert asked == []


async def test_a_paper_that_is_gone_is_said_in_words(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    visit.source.papers = {}
    response = await visit.client.get(f"/month/{FROZEN}/paper/circular.pdf")
    assert response.status == 404
    assert "没有这一页。" in await response.text()


async def test_a_paper_that_is_not_what_its_name_says_is_not_served(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    visit = await serve(ordinary_board(22))
    await list_paper(visit, PaperLine(name="circular.pdf", title="通报", bytes=9), b"<html></html>")
    assert (await visit.client.get(f"/month/{FROZEN}/paper/circular.pdf")).status == 404
    assert "is not what its name says" in caplog.text


@pytest.mark.parametrize("title", HOSTILE)
async def test_a_hostile_title_is_downloaded_under_a_tame_name(serve: Serve, title: str) -> None:
    visit = await serve(ordinary_board(22))
    await list_paper(visit, PaperLine(name="circular.pdf", title=title, bytes=9), PDF)
    assert "circular.pdf" in await visit.text(f"/month/{FROZEN}")
    response = await visit.client.get(f"/month/{FROZEN}/paper/circular.pdf")
    assert response.status == 200
    assert "Set-Cookie" not in response.headers
    assert full_name(response.headers["Content-Disposition"]).startswith("2026-10")
