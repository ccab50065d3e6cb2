"""The harness around a real Prometheus: it scrapes, answers, says what went wrong, and ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.e2e.prometheus_server import PROGRAM, NoAnswerError, Sample, prometheus

pytestmark = [
    pytest.mark.real_peer,
    pytest.mark.skipif(PROGRAM is None, reason="needs the Debian package prometheus"),
]


@pytest.fixture
async def exporter() -> AsyncIterator[str]:
    """host:port of a target whose gauge counts its scrapes."""
    scrapes = 0

    async def metrics(_: web.Request) -> web.Response:
        nonlocal scrapes
        scrapes += 1
        return web.Response(text=f'# TYPE scrapes gauge\nscrapes{{township="泌水镇"}} {scrapes}\n')

    application = web.Application()
    application.router.add_get("/metrics", metrics)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"{host}:{port}"
    await runner.cleanup()


async def test_what_a_target_exports_can_be_asked_for(exporter: str, tmp_path: Path) -> None:
    async with prometheus(exporter, tmp_path) as server:
        await server.wait_until_scraped(2)
        (sample,) = await server.query("scrapes")
        assert sample.value >= 2
        assert sample.labels["township"] == "泌水镇"
        assert sample.labels["job"] == "xunjian"
        assert await server.query("up") == [
            Sample(labels={"__name__": "up", "instance": exporter, "job": "xunjian"}, value=1.0)
        ]
        url = server.url
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url)


async def test_a_target_that_is_not_there_is_named(tmp_path: Path) -> None:
    async with prometheus("127.0.0.1:1", tmp_path) as server:
        with pytest.raises(NoAnswerError, match=r"0 of 1 good scrapes of 127\.0\.0\.1:1 .* connection refused"):
            await server.wait_until_scraped(within_s=9)


async def test_a_query_that_prometheus_refuses_is_an_error(exporter: str, tmp_path: Path) -> None:
    async with prometheus(exporter, tmp_path) as server:
        with pytest.raises(NoAnswerError, match="parse error"):
            await server.query("sum(")
        with pytest.raises(NoAnswerError, match="not a vector"):
            await server.query("scrapes[1m]")


async def test_settings_that_prometheus_refuses_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(NoAnswerError, match="prometheus ended with"):
        async with prometheus("not a target/", tmp_path):
            pass
