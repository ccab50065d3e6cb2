"""A page over boards held in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from monitor.core.board import Board
from monitor.web.app import application
from monitor.web.assets import Assets
from tests.monitor.web.boards import MemorySource, settings_at


@dataclass
class Visit:
    """A running application with the source behind it."""

    client: TestClient[web.Request, web.Application]
    source: MemorySource

    async def text(self, path: str, **options: Any) -> str:
        """The body of a page that must be there."""
        response = await self.client.get(path, **options)
        assert response.status == 200, path
        return await response.text()


Serve = Callable[..., Awaitable[Visit]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts the pages over a board; everything is stopped at the end of the test."""
    clients: list[TestClient[web.Request, web.Application]] = []

    async def start(board: Board, *, assets: Assets | None = None, **changed: Any) -> Visit:
        source = MemorySource(board)
        client = TestClient(TestServer(application(source, settings_at(**changed), assets)))
        await client.start_server()
        clients.append(client)
        return Visit(client=client, source=source)

    yield start
    for client in clients:
        await client.close()
