"""The manual's pages."""

from __future__ import annotations

from aiohttp import web

from monitor.web.frame import Frame
from monitor.web.manual import FRONT, address, read_manual
from monitor.web.source import Source


class HelpPages:
    """All handlers of the manual."""

    def __init__(self, source: Source, frame: Frame) -> None:
        self._source = source
        self._frame = frame
        self._manual = read_manual()

    def routes(self) -> list[web.RouteDef]:
        """Their addresses."""
        return [web.get("/help", self.page), web.get("/help/{name:.+}", self.page)]

    async def page(self, request: web.Request) -> web.Response:
        """One page of the manual; a name is looked for among those that were read, and gets no further."""
        visitor = self._frame.visitor(request, self._source.board())
        page = self._manual.get(request.match_info.get("name", FRONT))
        if page is None:
            return self._frame.message(request, visitor, "page.not_found", 404)
        return self._frame.page(request, visitor, "help", {"page": page, "address": address, "front": FRONT})
