"""Who may post, and which headers every answer has."""

import pytest

from tests.monitor.web.boards import ordinary_board
from tests.monitor.web.conftest import Serve, Visit

FORM = {"verdict": "confirm", "by": "王芳"}


async def posted(visit: Visit, headers: dict[str, str]) -> int:
    """The answer's status; "{own}" in a header stands for the host and the port of the pages."""
    own = f"{visit.client.host}:{visit.client.port}"
    sent = {name: value.format(own=own, host=visit.client.host) for name, value in headers.items()}
    board = visit.source.current
    camera = next(id_ for id_, live in board.cameras.items() if live.doubt and live.doubt.needs_person)
    address = f"/camera/{camera}/decision"
    response = await visit.client.post(address, data=FORM, headers=sent, allow_redirects=False)
    return response.status


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://{own}"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://{host}:1"},
        {"Origin": "http://{own}@evil.example"},
    ],
)
async def test_another_sites_page_cannot_decide_in_a_readers_name(serve: Serve, headers: dict[str, str]) -> None:
    visit = await serve(ordinary_board())
    assert await posted(visit, headers) == 403
    assert visit.source.decisions == []


@pytest.mark.parametrize(
    "headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": "http://{own}"}]
)
async def test_our_own_page_and_plain_programs_can(serve: Serve, headers: dict[str, str]) -> None:
    visit = await serve(ordinary_board())
    assert await posted(visit, headers) == 303
    assert len(visit.source.decisions) == 1


async def test_reading_is_never_refused(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    response = await visit.client.get("/", headers={"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"})
    assert response.status == 200


async def test_a_form_that_is_too_large_is_refused(serve: Serve) -> None:
    visit = await serve(ordinary_board(880))
    camera = next(iter(visit.source.current.cameras))
    form = {"verdict": "confirm", "by": "x" * 100_000}
    assert (await visit.client.post(f"/camera/{camera}/decision", data=form)).status == 413
    assert visit.source.decisions == []


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8642", 200),
        ("monitor.county", 200),
        ("MONITOR.county:80", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("evil.example@127.0.0.1x", 421),
        ("[::1]:80", 421),
    ],
)
async def test_pages_answer_under_their_own_names_only(serve: Serve, host: str, status: int) -> None:
    visit = await serve(ordinary_board(22), hosts=frozenset({"127.0.0.1", "monitor.county"}))
    for path in ("/", "/api/board.json"):
        assert (await visit.client.get(path, headers={"Host": host})).status == status


async def test_without_named_hosts_any_name_will_do(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    assert (await visit.client.get("/", headers={"Host": "whatever.example"})).status == 200
