"""What every page has around it: the visitor, the scripts, the language and its cookie, messages in words."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp_jinja2
from aiohttp import web
from markupsafe import Markup

from monitor.core.board import Board
from monitor.web.assets import Assets
from monitor.web.calls import township_name
from monitor.web.settings import YEAR_S, Settings
from monitor.web.visitor import LANG_COOKIE, Visitor, language
from monitor.wording import Lang


class Frame:
    """Renders the templates of all handlers alike."""

    def __init__(self, settings: Settings, assets: Assets) -> None:
        self.settings = settings
        self.assets = assets

    def visitor(self, request: web.Request, board: Board) -> Visitor:
        """Who asks, and in which language; the page speaks of the moment of ``board``."""
        lang, asked = language(request, self.settings.lang)
        return Visitor(lang=lang, zone=self.settings.zone, now=board.now, asked=asked)

    def render(self, request: web.Request, template: str, context: Mapping[str, object]) -> Markup:
        """A template filled in."""
        context = {**context, "township_name": township_name}
        text = aiohttp_jinja2.render_string(f"{template}.html.j2", request, context)
        # half of a surrogate pair in a ledger's name must not take its page away
        text = text.encode("utf-8", "replace").decode()
        return Markup(text)  # noqa: S704 - rendered with autoescape on

    def page(
        self, request: web.Request, visitor: Visitor, template: str, words: Mapping[str, object], *, status: int = 200
    ) -> web.Response:
        """A whole page; a language that was asked for is remembered."""
        context = visitor.context() | {
            "settings": self.settings,
            "assets": self.assets,
            "other_lang": Lang.EN if visitor.lang is Lang.ZH else Lang.ZH,
            "here": request.rel_url,
        }
        text = self.render(request, template, context | dict(words))
        response = web.Response(text=text, status=status, content_type="text/html")
        if visitor.asked:
            response.set_cookie(LANG_COOKIE, visitor.lang, max_age=YEAR_S, httponly=True, samesite="Lax")
        return response

    def message(self, request: web.Request, visitor: Visitor, key: str, status: int) -> web.Response:
        """One sentence on a page of its own."""
        return self.page(request, visitor, "message", {"words": visitor.say(key)}, status=status)
