"""The page says which alerts people did not get, where it says that the program itself is ill."""

from __future__ import annotations

import pytest

from monitor.core.delivery import Undelivered
from tests.monitor.web.boards import NOW, ordinary_board
from tests.monitor.web.conftest import Serve

FAILED = Undelivered(failed=3, retried=1, channel="值班群", at=NOW, why="HTTP 500 <b>")
RETRIED = Undelivered(failed=0, retried=2, channel="短信", at=NOW, why="no answer")


@pytest.mark.parametrize(
    ("found", "lang", "words"),
    [
        (FAILED, "zh", "告警发送失败 3 条，最近：通道“值班群”"),
        (FAILED, "en", "3 alerts were not delivered; the last: channel “值班群”"),
        (RETRIED, "zh", "告警有 2 条未送达，正在重试；通道“短信”"),
        (RETRIED, "en", "2 alerts are being retried; channel “短信”"),
    ],
)
async def test_a_failure_is_shown_with_its_channel_and_reason(
    serve: Serve, found: Undelivered, lang: str, words: str
) -> None:
    visit = await serve(ordinary_board(22), undelivered=lambda: found)
    page = await visit.text(f"/?lang={lang}")
    assert words in page
    assert "<b>" not in page.split(words)[1][:200]


async def test_the_page_follows_what_is_delivered_meanwhile(serve: Serve) -> None:
    found: list[Undelivered | None] = [FAILED]
    visit = await serve(ordinary_board(22), undelivered=lambda: found[0])
    assert "值班群" in await visit.text("/")
    found[0] = None
    assert "值班群" not in await visit.text("/")
