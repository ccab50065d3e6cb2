"""What machines and browsers fetch beside the pages: files, papers, evidence pictures, metrics, health, JSON."""

from __future__ import annotations

import asyncio
import logging

from aiohttp import web

from monitor.png import grey_png
from monitor.web.assets import Assets
from monitor.web.day import Day
from monitor.web.download import attachment, kind_of
from monitor.web.facts import board_json
from monitor.web.settings import YEAR_S, Settings
from monitor.web.source import NoSuchPaperError, NoSuchPictureError, Source
from probes.image.memory import THUMB_BYTES, THUMB_HEIGHT, THUMB_WIDTH
from probes.observation import Light

log = logging.getLogger(__name__)

JPEG = b"\xff\xd8\xff"


class Feeds:
    """All handlers that answer with something else than a page."""

    def __init__(self, source: Source, settings: Settings, assets: Assets, day: Day) -> None:
        self._source = source
        self._settings = settings
        self._assets = assets
        self._day = day

    def routes(self) -> list[web.RouteDef]:
        """Their addresses."""
        return [
            web.get(r"/picture/{camera}/{at:\d{1,12}}", self.picture),
            web.get("/reference/{camera}/{light:day|night}", self.reference),
            web.get(r"/month/{month:\d{4}-\d{2}}/paper/{name:.+}", self.paper),
            web.get("/static/{name:.+}", self.static),
            web.get("/metrics", self.metrics),
            web.get("/healthz", self.healthz),
            web.get("/api/board.json", self.board),
            web.get("/api/day.json", self.day),
        ]

    async def picture(self, request: web.Request) -> web.Response:
        """An evidence picture: by camera and time alone, and only if it is a JPEG."""
        camera, at = request.match_info["camera"], int(request.match_info["at"])
        if camera not in self._source.board().cameras:
            raise web.HTTPNotFound
        try:
            body = await self._source.picture(camera, at)
        except NoSuchPictureError as missing:
            raise web.HTTPNotFound from missing
        if not body.startswith(JPEG):
            log.error("evidence picture of camera %s at %d is not a JPEG file", camera, at)
            raise web.HTTPNotFound
        kept = {"Cache-Control": f"private, max-age={YEAR_S}, immutable"}
        return web.Response(body=body, content_type="image/jpeg", headers=kept)

    async def reference(self, request: web.Request) -> web.Response:
        """What a camera's pictures are held against, as a small grey PNG."""
        references = await self._source.references(request.match_info["camera"])
        reference = references.get(Light(request.match_info["light"]))
        if reference is None or len(reference.thumb) != THUMB_BYTES:
            raise web.HTTPNotFound
        return web.Response(body=grey_png(reference.thumb, THUMB_WIDTH, THUMB_HEIGHT), content_type="image/png")

    async def paper(self, request: web.Request) -> web.Response:
        """A paper of a month as a file to keep: only what the list names can be had, and it must be what it says."""
        month, name = request.match_info["month"], request.match_info["name"]
        lines = [line for line in await self._source.months() if line.month == month]
        line = next((paper for each in lines for paper in each.papers if paper.name == name), None)
        if line is None:
            raise web.HTTPNotFound
        try:
            body = await self._source.paper(month, line.name)
        except NoSuchPaperError as missing:
            raise web.HTTPNotFound from missing
        kind = kind_of(line.name)
        if not body.startswith(kind.begins):
            log.error("the paper %s of %s is not what its name says", line.name, month)
            raise web.HTTPNotFound
        disposition = attachment(f"{month} {line.title}", f"{month}-{line.name}", kind.suffix)
        headers = {"Content-Disposition": disposition, "Cache-Control": "private, no-cache"}
        return web.Response(body=body, content_type=kind.content_type, headers=headers)

    async def static(self, request: web.Request) -> web.Response:
        """A style sheet or a script; kept for ever when its address names its version."""
        asset = self._assets.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        versioned = request.query.get("v") == asset.version
        kept = {"Cache-Control": f"public, max-age={YEAR_S}, immutable" if versioned else "no-cache"}
        return web.Response(body=asset.body, content_type=asset.content_type, charset="utf-8", headers=kept)

    async def metrics(self, request: web.Request) -> web.Response:
        """What Prometheus reads. Rendered in a thread: looks with their deadlines go on meanwhile."""
        if self._settings.metrics is None:
            raise web.HTTPNotFound
        accepted = "gzip" in request.headers.get("Accept-Encoding", "").lower()
        rendered = await asyncio.to_thread(self._settings.metrics, accepted)
        headers = {"Content-Type": rendered.content_type, "Vary": "Accept-Encoding"}
        if rendered.gzipped:
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=rendered.body, headers=headers)

    async def healthz(self, request: web.Request) -> web.Response:
        """200 while the board is fresh, 503 when it has grown old.

        Being blind is no illness of the program, and a record that can't be written is none that a restart heals.
        Evidence that takes more room than it may is for people to decide: its figures tell it.
        """
        board = self._source.board()
        age = max(0.0, self._settings.clock.now() - board.now)
        stale = age > self._settings.stale_after_s
        degraded = self._settings.degraded()
        evidence = self._settings.evidence()
        facts = {
            "status": "stale" if stale else "degraded" if degraded else "blind" if board.blind else "ok",
            "degraded": degraded or None,
            "board_age_s": round(age, 1),
            "cameras": len(board.cameras),
            "evidence": evidence.in_mib() if evidence else None,
            "version": self._settings.version,
        }
        return web.json_response(facts, status=503 if stale else 200)

    async def board(self, request: web.Request) -> web.Response:
        """The board as JSON, without addresses and logins of cameras."""
        body = await asyncio.to_thread(board_json, self._source.board())
        return web.Response(body=body, content_type="application/json", charset="utf-8")

    async def day(self, request: web.Request) -> web.Response:
        """Counts of the last 24 hours."""
        return web.json_response(self._day.columns())
