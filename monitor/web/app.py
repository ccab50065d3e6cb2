"""The web application: pages over one Source, with the headers and refusals that all of them share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import aiohttp_jinja2
from aiohttp import web
from jinja2 import FileSystemLoader, StrictUndefined

from monitor.web.assets import Assets
from monitor.web.day import Day
from monitor.web.feeds import Feeds
from monitor.web.guard import known_hosts, same_origin, security_headers
from monitor.web.pages import Pages
from monitor.web.settings import Settings
from monitor.web.source import Source

TEMPLATES = Path(__file__).parent / "templates"
LARGEST_FORM = 16_384


def application(source: Source, settings: Settings, assets: Assets | None = None) -> web.Application:
    """The pages, ``/metrics``, ``/healthz`` and the JSON of the board. Bind it to 127.0.0.1: it knows no users."""
    day = Day(step_s=settings.day_step_s)
    assets = assets or Assets()
    pages = Pages(source, settings, assets)
    feeds = Feeds(source, settings, assets, day)
    app = web.Application(
        middlewares=[security_headers, known_hosts(settings.hosts), pages.failures, same_origin],
        client_max_size=LARGEST_FORM,
    )
    aiohttp_jinja2.setup(
        app,
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    app.add_routes([*pages.routes(), *feeds.routes()])
    app.cleanup_ctx.append(_noting(source, day))
    return app


def _noting(source: Source, day: Day) -> Callable[[web.Application], AsyncIterator[None]]:
    async def note(app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(_note(source, day), name="day")
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    return note


async def _note(source: Source, day: Day) -> None:
    """Notes the board once a step, as long as the application runs."""
    while True:
        day.note(source.board())
        await asyncio.sleep(day.step_s)
