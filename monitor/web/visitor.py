"""One visitor: their language, the site's zone, the moment that the page speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from hashlib import blake2s
from urllib.parse import quote

from aiohttp import web

from monitor.wording import Lang, duration, moment, month_name, neighbours, percent, points_short, say, scored

LANG_COOKIE = "lang"
LANGUAGES = {lang.value: lang for lang in Lang}
NOT_DIALLED = re.compile(r"[^0-9+*#]")
BETWEEN_NUMBERS = re.compile(r"[/、,;\s\uff0c\uff1b]+(?=[+0-9(\uff08])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """``now`` is the moment of the data (UTC seconds). ``asked`` is true when the address names the language, which
    links then carry on: a page works without cookies."""

    lang: Lang
    zone: tzinfo
    now: int
    asked: bool = False

    def say(self, key: str, **values: object) -> str:
        """Words of monitor.wording."""
        return say(key, self.lang, **values)

    def when(self, at: float, seconds: bool = False) -> str:
        """A time in the site's zone."""
        return moment(at, self.zone, self.lang, now=self.now, seconds=seconds)

    def when_iso(self, iso: str) -> str:
        """A time that a snapshot wrote."""
        return self.when(datetime.fromisoformat(iso).timestamp())

    def times(self, moments: Iterable[float]) -> str:
        """Several times in one sentence."""
        return say("text.comma", self.lang).join(self.when(at, seconds=True) for at in moments)

    def lasted(self, since: float) -> str:
        """How long since then."""
        return duration(self.now - since, self.lang)

    def span(self, seconds: float) -> str:
        """A length of time."""
        return duration(seconds, self.lang)

    def month(self, month: str) -> str:
        """A month like "2026-11" in words."""
        return month_name(month, self.lang)

    def link(self, *segments: str, **query: str) -> str:
        """The address of a page of ours: segments and values are quoted here."""
        if self.asked:
            query["lang"] = self.lang
        path = "/" + "/".join(quote(segment.encode("utf-8", "replace"), safe="") for segment in segments)
        values = "&".join(f"{name}={quote(value.encode('utf-8', 'replace'), safe='')}" for name, value in query.items())
        return f"{path}?{values}" if values else path

    def fault(self, fault: str, facts: Mapping[str, object]) -> str:
        """A fault that a look listed, with its score where ``facts``, what the look found, hold one."""
        measures = facts.get("measures")
        return scored(fault, measures if isinstance(measures, Mapping) else {}, self.lang)

    def neighbours(self, facts: Mapping[str, object]) -> str:
        """What the neighbours said of a veiled picture, "" of any other."""
        return neighbours(facts, self.lang)

    def context(self) -> dict[str, object]:
        """What every template can say."""
        return {
            "lang": self.lang,
            "now": self.now,
            "say": self.say,
            "when": self.when,
            "when_iso": self.when_iso,
            "times": self.times,
            "scored": self.fault,
            "neighbours": self.neighbours,
            "lasted": self.lasted,
            "span": self.span,
            "month_name": self.month,
            "link": self.link,
            "size": size,
            "percent": percent,
            "points_short": points_short,
            "numbers_of": numbers_of,
            "dialled": dialled,
            "anchor": anchor,
        }


def language(request: web.Request, otherwise: Lang) -> tuple[Lang, bool]:
    """The language that the address asks for, else the cookie's, else ``otherwise``; and whether the address asked."""
    asked = LANGUAGES.get(request.query.get("lang", ""))
    if asked is not None:
        return asked, True
    return LANGUAGES.get(request.cookies.get(LANG_COOKIE, ""), otherwise), False


def numbers_of(phone: str) -> list[str]:
    """The single numbers of a ledger cell that may hold several.

    >>> numbers_of("0555-6012345 / 13800000000")
    ['0555-6012345', '13800000000']
    """
    return [number for number in BETWEEN_NUMBERS.split(phone.strip()) if NOT_DIALLED.sub("", number)]


def size(length: int) -> str:
    """The length of a file, rounded up.

    >>> size(0), size(812), size(140_001), size(3_200_000)
    ('0 kB', '1 kB', '141 kB', '3.2 MB')
    """
    if length < 1_000_000:
        return f"{-(-length // 1000)} kB"
    tenths = -(-length // 100_000)
    return f"{tenths // 10}.{tenths % 10} MB"


def dialled(number: str) -> str:
    """A number as a ``tel:`` address wants it.

    >>> dialled("0555-601 2345")
    '05556012345'
    """
    return NOT_DIALLED.sub("", number)


def anchor(text: str) -> str:
    """A short stable id for an element of the page."""
    return "a" + blake2s(text.encode("utf-8", "replace"), digest_size=6).hexdigest()
