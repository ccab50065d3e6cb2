"""The pages: each handler turns the newest Board, or one camera's Life, into an answer."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from hashlib import blake2s

from aiohttp import web
from aiohttp.typedefs import Handler
from markupsafe import Markup

from monitor.charts import month_strip
from monitor.core.board import Board
from monitor.core.contact import numbers_for
from monitor.core.fleet import Camera
from monitor.web.assets import Assets
from monitor.web.calls import (
    FAULTY,
    EventCall,
    Member,
    TownshipCall,
    call_list,
    event_call,
    event_text,
    is_suspect,
    township_name,
    township_text,
)
from monitor.web.frame import Frame
from monitor.web.help_pages import HelpPages
from monitor.web.life import life_view
from monitor.web.month_pages import MonthPages
from monitor.web.settings import Settings
from monitor.web.source import NothingToDecideError, Source
from monitor.web.standings import faulty_now, standings
from monitor.web.visitor import Visitor
from monitor.wording import Lang, duration, moment, say

log = logging.getLogger(__name__)

EVENTS_ON_FRONT = 20
EVENTS_ON_ONE_PAGE = 150
SINGLES_ON_FRONT = 3
SUSPECTS_ON_FRONT = 12
SUSPECTS_ON_ONE_PAGE = 300
NAMES_IN_CARD = 6
FOUND_AT_MOST = 100
NAME_LENGTH = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The parts of the front page that refresh, rendered; ``digest`` names their content."""

    banner: Markup
    calls: Markup
    side: Markup
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Illness:
    """What is wrong with the program itself, in words; "" for what is not."""

    stale: str
    degraded: str
    undelivered: str


class Pages:
    """All handlers over one Source."""

    def __init__(self, source: Source, settings: Settings, assets: Assets) -> None:
        self.source = source
        self.settings = settings
        self.frame = Frame(settings, assets)
        self.months = MonthPages(source, self.frame)
        self.help = HelpPages(source, self.frame)
        self._board: Board | None = None
        self._rendered: dict[tuple[Lang, bool], tuple[Illness, Live]] = {}

    def routes(self) -> list[web.RouteDef]:
        """The addresses of pages; those of files and figures are in ``feeds``."""
        return [
            web.get("/", self.front),
            web.get("/live", self.live),
            web.get("/events", self.events),
            web.get("/event", self.event),
            web.get("/suspects", self.suspects),
            web.get("/township/{code}", self.township),
            web.get("/camera/{id}", self.camera),
            web.get("/camera/{id}/now", self.camera_now),
            web.post("/camera/{id}/decision", self.decide),
            web.get("/search", self.search),
            *self.months.routes(),
            *self.help.routes(),
        ]

    async def front(self, request: web.Request) -> web.Response:
        """Whom to call."""
        board = self.source.board()
        visitor = self.frame.visitor(request, board)
        return self.frame.page(request, visitor, "front", {"live": self._live(request, visitor, board)})

    async def live(self, request: web.Request) -> web.Response:
        """The refreshing parts of the front page; 204 while the visitor has already ``seen`` them."""
        board = self.source.board()
        visitor = self.frame.visitor(request, board)
        live = self._live(request, visitor, board)
        if request.query.get("seen") == live.digest:
            return web.Response(status=204)
        return self.frame.page(request, visitor, "live", {"live": live})

    async def events(self, request: web.Request) -> web.Response:
        """All open events."""
        board = self.source.board()
        visitor = self.frame.visitor(request, board)
        calls = call_list(board).events[:EVENTS_ON_ONE_PAGE]
        return self.frame.page(request, visitor, "events", {"events": calls} | self._card_words(visitor))

    async def event(self, request: web.Request) -> web.Response:
        """One event with all its cameras and the whole text."""
        board = self.source.board()
        visitor = self.frame.visitor(request, board)
        call = event_call(board, request.query.get("id", ""))
        if call is None:
            return self.frame.message(request, visitor, "page.event_over", 404)
        text = event_text(call, now=board.now, zone=visitor.zone, lang=visitor.lang, names=len(call.members))
        return self.frame.page(request, visitor, "event", {"call": call, "text": text})

    async def suspects(self, request: web.Request) -> web.Response:
        """All cameras with a doubt that is not counted yet."""
        board = self.source.board()
        visitor = self.frame.visitor(request, board)
        members = call_list(board).suspects
        words = {"suspects": members[:SUSPECTS_ON_ONE_PAGE], "count": len(members), "board": board}
        return self.frame.page(request, visitor, "suspects", words)

    async def township(self, request: web.Request) -> web.Response:
        """One township: its rate, what is out, all its cameras; with a ``month`` in the address that month's table."""
        if "month" in request.query:
            return await self.months.township(request)
        board = self.source.board()
        visitor = self.frame.visitor(request, board)
        code = request.match_info["code"]
        month = next((month for month in board.townships if month.code == code), None)
        if month is None:
            return self.frame.message(request, visitor, "page.no_township", 404)
        members = tuple(
            Member(camera=camera, live=board.cameras[camera.id])
            for camera in board.fleet.cameras.values()
            if camera.township == code and camera.id in board.cameras
        )
        out = tuple(sorted((m for m in members if m.live.condition in FAULTY), key=lambda m: m.live.since))
        numbers = numbers_for("maintainer", (member.camera for member in out))
        call = TownshipCall(code=code, township=month.name, numbers=numbers, members=out)
        words = {
            "month": month,
            "board": board,
            "target": self.settings.target,
            "out": out,
            "suspects": tuple(member for member in members if is_suspect(member.live)),
            "members": members,
            "call": call,
            "text": township_text(call, now=board.now, zone=visitor.zone, lang=visitor.lang, names=len(out)),
        }
        return self.frame.page(request, visitor, "township", words)

    async def camera(self, request: web.Request) -> web.Response:
        """One camera's life; with a ``month`` in the address that month's."""
        if "month" in request.query:
            return await self.months.camera(request)
        board = self.source.board()
        visitor = self.frame.visitor(request, board)
        camera = board.fleet.cameras.get(request.match_info["id"])
        if camera is None or camera.id not in board.cameras:
            return self.frame.message(request, visitor, "page.no_camera", 404)
        life = await self.source.life(camera.id)
        title = visitor.say("page.month_so_far", month=visitor.month(board.month))
        strip = month_strip(life.intervals, began=life.began, ended=life.until, zone=visitor.zone, title=title)
        words = {
            "view": life_view(life),
            "strip": Markup(strip),  # noqa: S704 - our own drawing, its only text is quoted there
            "references": await self.source.references(camera.id),
            "notice": request.query.get("said", ""),
        }
        return self.frame.page(request, visitor, "camera", words | self._camera_words(board, camera))

    async def camera_now(self, request: web.Request) -> web.Response:
        """The refreshing head of a camera's page."""
        board = self.source.board()
        visitor = self.frame.visitor(request, board)
        camera = board.fleet.cameras.get(request.match_info["id"])
        if camera is None or camera.id not in board.cameras:
            raise web.HTTPNotFound
        words = self._camera_words(board, camera)
        changed = request.query.get("state", words["state"]) != words["state"]
        return self.frame.page(request, visitor, "camera_now", words | {"changed": changed})

    async def decide(self, request: web.Request) -> web.Response:
        """Confirm or refute a doubt, in the name of a person."""
        board = self.source.board()
        visitor = self.frame.visitor(request, board)
        camera = request.match_info["id"]
        form = await request.post()
        verdict, by = form.get("verdict"), " ".join(str(form.get("by", "")).split())[:NAME_LENGTH]
        if camera not in board.cameras:
            return self.frame.message(request, visitor, "page.no_camera", 404)
        if verdict not in ("confirm", "refute") or not by:
            return self.frame.message(request, visitor, "page.name_missing", 400)
        try:
            await self.source.decide(camera, verdict == "confirm", by)
        except NothingToDecideError:
            return self.frame.message(request, visitor, "page.nothing_to_decide", 409)
        raise web.HTTPSeeOther(visitor.link("camera", camera, said="decided"))

    async def search(self, request: web.Request) -> web.Response:
        """Cameras whose id, name or village holds the words; straight to the camera when its id was given."""
        board = self.source.board()
        visitor = self.frame.visitor(request, board)
        query = request.query.get("q", "").strip()[:NAME_LENGTH]
        if query in board.cameras:
            raise web.HTTPSeeOther(visitor.link("camera", query))
        found = [
            Member(camera=camera, live=board.cameras[camera.id])
            for camera in board.fleet.cameras.values()
            if query and _matches(camera, query) and camera.id in board.cameras
        ]
        words = {"query": query, "found": found[:FOUND_AT_MOST], "count": len(found), "board": board}
        return self.frame.page(request, visitor, "search", words)

    def _live(self, request: web.Request, visitor: Visitor, board: Board) -> Live:
        """Rendered once per board and language, however many visitors there are."""
        if board is not self._board:
            self._board = board
            self._rendered.clear()
        illness = Illness(
            stale=self._stale(visitor, board),
            degraded=self.settings.degraded(),
            undelivered=self._undelivered(visitor),
        )
        key = (visitor.lang, visitor.asked)
        rendered = self._rendered.get(key)
        if rendered is None or rendered[0] != illness:
            rendered = self._rendered[key] = (illness, self._render_live(request, visitor, board, illness))
        return rendered[1]

    def _stale(self, visitor: Visitor, board: Board) -> str:
        """How old the board is, in words; "" while it is fresh."""
        age = self.settings.clock.now() - board.now
        return duration(age, visitor.lang) if age > self.settings.stale_after_s else ""

    def _undelivered(self, visitor: Visitor) -> str:
        """Which alerts people did not get, in words; "" when all is well."""
        found = self.settings.undelivered()
        if found is None:
            return ""
        key, count = ("alert.failed", found.failed) if found.failed else ("alert.overdue", found.retried)
        at = moment(found.at, visitor.zone, visitor.lang, now=visitor.now)
        return say(key, visitor.lang, count=count, channel=found.channel, at=at, why=found.why)

    def _render_live(self, request: web.Request, visitor: Visitor, board: Board, illness: Illness) -> Live:
        calls = call_list(board)
        context = visitor.context() | self._card_words(visitor)
        context |= {
            "board": board,
            "stale": illness.stale,
            "degraded": illness.degraded,
            "undelivered": illness.undelivered,
            "blind": board.blind,
            "calls": calls,
            "events": calls.events[:EVENTS_ON_FRONT],
            "suspects": calls.suspects[:SUSPECTS_ON_FRONT],
            "singles_shown": SINGLES_ON_FRONT,
            "standings": standings(board, self.settings.target),
            "target": self.settings.target,
            "faulty_now": faulty_now,
        }
        banner, calls_html, side = (self.frame.render(request, name, context) for name in ("banner", "calls", "side"))
        digest = blake2s((banner + calls_html + side).encode(), digest_size=8).hexdigest()
        return Live(banner=banner, calls=calls_html, side=side, digest=digest)

    def _card_words(self, visitor: Visitor) -> dict[str, object]:
        def of_event(call: EventCall) -> str:
            return event_text(call, now=visitor.now, zone=visitor.zone, lang=visitor.lang)

        def of_township(call: TownshipCall) -> str:
            return township_text(call, now=visitor.now, zone=visitor.zone, lang=visitor.lang)

        return {"event_text": of_event, "township_text": of_township, "names_shown": NAMES_IN_CARD}

    def _camera_words(self, board: Board, camera: Camera) -> dict[str, object]:
        live = board.cameras[camera.id]
        doubt = live.doubt
        return {
            "camera": camera,
            "live": live,
            "board": board,
            "township": township_name(board.fleet, camera.township),
            "suspect": is_suspect(live),
            "faulty": live.condition in FAULTY,
            "state": f"{live.condition}.{live.since}.{doubt.since if doubt else ''}",
        }

    @web.middleware
    async def failures(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refusals and errors in words, on a page of ours."""
        keys = {403: "page.refused", 404: "page.not_found"}
        try:
            return await handler(request)
        except web.HTTPException as answer:
            if answer.status not in keys:
                raise
            key, status = keys[answer.status], answer.status
        except Exception:
            log.exception("the page %s failed", request.path)
            key, status = "page.failed", 500
        return self.frame.message(request, self.frame.visitor(request, self.source.board()), key, status)


def _matches(camera: Camera, query: str) -> bool:
    wanted = query.casefold()
    return any(wanted in text.casefold() for text in (camera.id, camera.name, camera.village))
