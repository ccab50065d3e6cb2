"""The pages of a month: county → township → day or camera → interval → the look behind it."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web
from markupsafe import Markup

from monitor.charts import TrendWords, month_strip, trend
from monitor.web.frame import Frame
from monitor.web.month import camera_view, day_view, month_view, township_view
from monitor.web.source import MonthLine, Snapshot, Source
from monitor.web.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The month that a page is about, among those that there are."""

    lines: tuple[MonthLine, ...]
    line: MonthLine
    snapshot: Snapshot

    def words(self) -> dict[str, object]:
        """What every template of a month says."""
        place = self.lines.index(self.line)
        return {
            "line": self.line,
            "lines": self.lines,
            "before": self.lines[place - 1] if place else None,
            "after": self.lines[place + 1] if place + 1 < len(self.lines) else None,
            "snapshot": self.snapshot,
        }


class MonthPages:
    """All handlers of a month's pages over one Source."""

    def __init__(self, source: Source, frame: Frame) -> None:
        self._source = source
        self._frame = frame

    def routes(self) -> list[web.RouteDef]:
        """Their own addresses; those of a township and a camera they share with the running pages."""
        return [web.get("/month", self.running), web.get("/month/{month}", self.month)]

    async def running(self, request: web.Request) -> web.Response:
        """On to the newest month."""
        visitor = self._frame.visitor(request, self._source.board())
        lines = await self._source.months()
        if not lines:
            return self._frame.message(request, visitor, "page.no_month", 404)
        raise web.HTTPSeeOther(visitor.link("month", lines[-1].month))

    async def month(self, request: web.Request) -> web.Response:
        """The county's month: ranking, days, trend, papers."""
        visitor = self._frame.visitor(request, self._source.board())
        shown = await self._shown(request.match_info["month"])
        if shown is None:
            return self._frame.message(request, visitor, "page.no_month", 404)
        view = month_view(shown.line, shown.snapshot)
        words = shown.words() | {"view": view, "trend": _trend(shown.snapshot, visitor)}
        return self._frame.page(request, visitor, "month", words)

    async def township(self, request: web.Request) -> web.Response:
        """One township's month with the arithmetic of each of its cameras; one ``day`` of it if asked."""
        visitor = self._frame.visitor(request, self._source.board())
        shown = await self._shown(request.query["month"])
        if shown is None:
            return self._frame.message(request, visitor, "page.no_month", 404)
        view = township_view(shown.snapshot, request.match_info["code"])
        if view is None:
            return self._frame.message(request, visitor, "page.no_township", 404)
        day = None
        if (asked := request.query.get("day")) is not None:
            if asked not in {str(cell.day) for cell in view.days}:
                return self._frame.message(request, visitor, "page.no_day", 404)
            outages = await self._source.outages(shown.line.month, view.row["code"], int(asked))
            day = day_view(view, int(asked), outages)
        return self._frame.page(request, visitor, "township_month", shown.words() | {"view": view, "day": day})

    async def camera(self, request: web.Request) -> web.Response:
        """One camera's month: its seconds, intervals and the looks behind them. It may have left the fleet since."""
        board = self._source.board()
        visitor = self._frame.visitor(request, board)
        shown = await self._shown(request.query["month"])
        if shown is None:
            return self._frame.message(request, visitor, "page.no_month", 404)
        camera = request.match_info["id"]
        if not any(row["id"] == camera for row in shown.snapshot["cameras"]):
            return self._frame.message(request, visitor, "page.no_camera_then", 404)
        life = await self._source.life(camera, shown.line.month)
        title = f"{shown.line.month} {visitor.say('page.intervals')}"
        strip = month_strip(life.intervals, began=life.began, ended=life.until, zone=visitor.zone, title=title)
        words = shown.words() | {
            "view": camera_view(shown.snapshot, camera, life),
            "life": life,
            "strip": Markup(strip),  # noqa: S704 - our own drawing, its only text is quoted there
            "watched": camera in board.cameras,
        }
        return self._frame.page(request, visitor, "camera_month", words)

    async def _shown(self, month: str) -> Shown | None:
        """A month is looked for in the list: no other text of an address gets any further."""
        lines = await self._source.months()
        line = next((line for line in lines if line.month == month), None)
        snapshot = await self._source.month(line.month) if line else None
        return Shown(lines=lines, line=line, snapshot=snapshot) if line and snapshot else None


def _trend(snapshot: Snapshot, visitor: Visitor) -> Markup:
    words = TrendWords(
        online=visitor.say("page.online_rate"),
        online_intact=visitor.say("page.online_intact_rate"),
        target=visitor.say("page.target_short"),
        month=visitor.say("page.trend_month"),
        year=visitor.say("page.trend_year"),
    )
    drawing = trend(snapshot["trend"], target=snapshot["site"]["target"], words=words)
    return Markup(drawing)  # noqa: S704 - our own drawing, its texts are quoted there
