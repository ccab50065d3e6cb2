"""Alerts as people read them: what, where, since when, how many, whom to call; short, neutral, within a length.

Never a login; a device's address only where the channel is for who repairs it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from monitor.alerts.channel import Letter
from monitor.core.alert import CameraCase, CauseCase, MonthCase, Own, OwnCase
from monitor.core.alert_plan import (
    Alert,
    CauseAlert,
    CauseLine,
    Digest,
    Kind,
    MonthAlert,
    OutageAlert,
    OwnAlert,
    TownshipDigest,
)
from monitor.core.condition import Condition, Fault
from monitor.core.contact import FIRST_ASKED, Number, numbers_for
from monitor.core.fleet import Camera, Fleet
from monitor.core.message import Closed
from monitor.wording import Lang, duration, month_name, say

TEST = "test"
"""The kind of a letter that tells of no alert."""

NAMES_IN_LIST = 10
"""A list names so many cameras and counts the rest."""

LINES_IN_DIGEST = 30
"""A township's digest lists so many new outages and counts the rest."""

PAGES_AT_MOST = 8
"""An alert becomes so many messages at most; who needs the rest has the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Who reads: the ledger they know, their language, and what of it is theirs. No ``townships`` means all."""

    fleet: Fleet
    zone: tzinfo
    lang: Lang
    townships: frozenset[str] = frozenset()
    """codes"""
    kinds: frozenset[Kind] = field(default_factory=lambda: frozenset(Kind))
    addresses: bool = False


def letters(alert: Alert, audience: Audience, *, at: int, longest: int) -> tuple[Letter, ...]:
    """The messages that tell this audience of the alert; none if it is not told of it.

    Title and text of each have ``longest`` bytes of UTF-8 together at most.
    """
    if alert.kind not in audience.kinds:
        return ()
    told = _Teller(audience).tell(alert)
    if told is None:
        return ()
    title, lines = told
    when = datetime.fromtimestamp(at, audience.zone).isoformat(timespec="seconds")
    pages = paginate(title, lines, longest, audience.lang)
    return tuple(Letter(title=head, text=text, kind=alert.kind.value, at=when) for head, text in pages)


def trial(county: str, channel: str, *, at: int, zone: tzinfo, lang: Lang) -> Letter:
    """A message that says of itself that it is a test."""
    when = datetime.fromtimestamp(at, zone)
    text = say("alert.test_text", lang, county=county, channel=channel, at=f"{when:%m-%d %H:%M:%S}")
    return Letter(title=say("alert.test", lang), text=text, kind=TEST, at=when.isoformat(timespec="seconds"))


def paginate(title: str, lines: Sequence[str], longest: int, lang: Lang) -> list[tuple[str, str]]:
    """Title and text of each message: lines stay whole unless one alone is too long.

    >>> paginate("T", ["one", "two"], 100, Lang.EN), paginate("T", ["one", "two"], 12, Lang.EN)
    ([('T', 'one\\ntwo')], [('T (1/2)', 'one'), ('T (2/2)', 'two')])
    """
    if _size(title) + _size("\n".join(lines)) <= longest:
        return [(title, "\n".join(lines))]
    numbers = say("alert.page_of", lang, number=PAGES_AT_MOST, of=PAGES_AT_MOST)
    title = _cut(title, longest // 2 - _size(numbers))
    room = longest - _size(title) - _size(numbers)
    pages: list[list[str]] = [[]]
    for line in (_cut(line, room) for line in lines):
        if pages[-1] and _size("\n".join([*pages[-1], line])) > room:
            pages.append([])
        pages[-1].append(line)
    if len(pages) > PAGES_AT_MOST:
        rest = say("alert.cut", lang)
        pages = pages[:PAGES_AT_MOST]
        pages[-1] = [_cut("\n".join(pages[-1]), room - _size("\n" + rest)), rest]
    if len(pages) == 1:
        return [(title, "\n".join(pages[0]))]
    return [
        (title + say("alert.page_of", lang, number=number, of=len(pages)), "\n".join(page))
        for number, page in enumerate(pages, start=1)
    ]


class _Teller:
    """Puts one alert into the words of one audience."""

    def __init__(self, audience: Audience) -> None:
        self._its = audience
        self._lang = audience.lang

    def tell(self, alert: Alert) -> tuple[str, list[str]] | None:
        """Title and lines; None when nothing of it concerns the audience's townships."""
        match alert:
            case OutageAlert():
                return self._outage(alert) if self._hears(alert.case.township) else None
            case CauseAlert():
                causes = [line for line in alert.causes if self._hears(line.case.township)]
                return self._causes(causes, over=alert.is_over) if causes else None
            case Digest():
                townships = [each for each in alert.townships if self._hears(each.township)]
                return self._digest(alert.slot, townships) if townships else None
            case OwnAlert():
                return (
                    self._own(alert.case) if alert.case.own is not Own.LINK or self._hears(alert.case.about) else None
                )
            case MonthAlert():
                return self._month(alert.case)

    def _hears(self, township: str) -> bool:
        return not self._its.townships or township in self._its.townships

    # One key point

    def _outage(self, alert: OutageAlert) -> tuple[str, list[str]]:
        case = alert.case
        name, place = self._name(case.camera), self._place_of(case)
        if case.ended is not None:
            lines = [
                self._say("was", since=self._at(case.began), until=self._at(case.ended), lasted=self._lasted(case))
            ]
            if case.why is Closed.ANNULLED:
                lines.append(self._say("annulled"))
            return self._say("back", name=name, place=place), ["".join(lines)]
        condition = self._condition(case.condition)
        title = self._say("flapping" if alert.flapping else "down", condition=condition, name=name, place=place)
        sentences = [self._say("since", since=self._at(case.began), condition=condition, fault=self._fault(case.fault))]
        if alert.flapping:
            sentences.append(self._say("flaps", count=len(case.openings)))
        if address := self._address(case.camera):
            sentences.append(self._say("address", address=address))
        sentences.append(self._whom("maintainer", [case.camera]))
        return title, [self._joined(sentences)]

    # Common causes

    def _causes(self, causes: Sequence[CauseLine], *, over: bool) -> tuple[str, list[str]]:
        if len(causes) > 1:
            return self._many_causes(causes)
        line = causes[0]
        case = line.case
        kind, place = say(f"event.{case.kind}", self._lang), self._cause_place(case)
        if over:
            return self._say("cause_over", place=place, kind=kind), [self._cause_over(line)]
        title = self._say("cause", kind=kind, place=place, of=case.of, failed=len(case.cameras))
        sentences = [
            self._say("from", since=self._at(case.began)),
            self._say("points", names=self._names(case.cameras)),
        ]
        key_points = [each for each in case.cameras if (camera := self._camera(each)) and camera.key_point]
        if key_points:
            sentences.append(self._say("key_points", names=self._names(key_points)))
        if line.exempt:
            sentences.append(self._say("exempt", count=line.exempt))
        if address := self._address(case.cameras[0]) if case.kind == "recorder" and case.cameras else "":
            sentences.append(self._say("address", address=address))
        sentences.append(self._whom(FIRST_ASKED.get(case.kind, "maintainer"), case.cameras))
        return title, [self._joined(sentences)]

    def _many_causes(self, causes: Sequence[CauseLine]) -> tuple[str, list[str]]:
        ordered = sorted(causes, key=lambda line: (-len(line.case.cameras), line.case.township, line.case.id))
        failed = len({camera for line in causes for camera in line.case.cameras})
        return self._say("causes", count=len(causes), failed=failed), [self._cause_line(line) for line in ordered]

    def _cause_line(self, line: CauseLine) -> str:
        case = line.case
        return self._say(
            "cause_line",
            place=self._cause_place(case),
            kind=say(f"event.{case.kind}", self._lang),
            failed=len(case.cameras),
            of=case.of,
            since=self._at(case.began),
            whom=self._whom(FIRST_ASKED.get(case.kind, "maintainer"), case.cameras),
        )

    def _cause_over(self, line: CauseLine) -> str:
        case = line.case
        ended = case.ended if case.ended is not None else case.began
        lasted = duration(ended - case.began, self._lang)
        was = self._say("was", since=self._at(case.began), until=self._at(ended), lasted=lasted)
        if not line.out:
            return self._joined([was, self._say("all_back", count=len(case.cameras))])
        back = len(case.cameras) - len(line.out)
        return self._joined([was, self._say("left", back=back, count=len(line.out), names=self._names(line.out))])

    def _cause_place(self, case: CauseCase) -> str:
        """Where to go; an address only for whom addresses are."""
        cameras = [camera for each in case.cameras if (camera := self._camera(each))]
        villages = [name for name, _ in Counter(camera.village for camera in cameras).most_common(1) if name]
        village = villages[0] if villages else ""
        match case.kind:
            case "link":
                place = ""
            case "village":
                place = village or case.place.rpartition("/")[2]
            case "recorder":
                named = next((camera.recorder for camera in cameras if camera.recorder), "")
                place = named or self._say("recorder_of", village=village)
            case _:
                place = case.place if self._its.addresses else self._say("subnet_of", village=village)
        return " ".join(part for part in (self._township(case.township), place) if part)

    # Digests

    def _digest(self, slot: int, townships: Sequence[TownshipDigest]) -> tuple[str, list[str]]:
        at = self._at(slot)
        lines = [line for digest in townships for line in self._township_lines(digest)]
        if len(townships) == 1:
            return self._say("digest_one", at=at, township=self._township(townships[0].township)), lines
        return self._say("digest", at=at), lines

    def _township_lines(self, digest: TownshipDigest) -> list[str]:
        head = self._say(
            "head",
            township=self._township(digest.township),
            news=len(digest.news),
            recovered=len(digest.recovered),
            lasting=len(digest.lasting) + sum(len(line.out) for line in digest.causes),
        )
        head += self._say("brief", count=digest.brief) if digest.brief else ""
        head += self._say("head_exempt", count=digest.exempt) if digest.exempt else ""
        lines = [head, *(self._cause_line(line) for line in digest.causes)]
        for number, case in enumerate(digest.news[:LINES_IN_DIGEST], start=1):
            lines.append(self._new_line(number, case, flapping=case.camera in digest.flapping))
        if len(digest.news) > LINES_IN_DIGEST:
            lines.append(self._say("more", count=len(digest.news) - LINES_IN_DIGEST))
        if digest.recovered:
            lines.append(self._say("recovered", names=self._names([case.camera for case in digest.recovered])))
        if digest.lasting:
            lines.append(self._say("lasting", names=self._lasting(digest.lasting)))
        out = [case.camera for case in (*digest.news, *digest.lasting)]
        return [*lines, self._whom("maintainer", out)] if out else lines

    def _new_line(self, number: int, case: CameraCase, *, flapping: bool) -> str:
        camera, address = self._camera(case.camera), self._address(case.camera)
        return self._say(
            "line",
            number=number,
            mark=self._say("mark") if case.key_point else "",
            name=self._name(case.camera),
            village=camera.village if camera else "",
            condition=self._condition(case.condition),
            fault=self._fault(case.fault),
            since=self._at(case.began),
            flapping=self._say("line_flapping") if flapping else "",
            address=self._say("line_address", address=address) if address else "",
        )

    def _lasting(self, cases: Sequence[CameraCase]) -> str:
        named = [
            self._say("lasting_one", name=self._name(case.camera), since=self._at(case.began))
            for case in cases[:NAMES_IN_LIST]
        ]
        return self._listed(named, len(cases))

    # Ourselves, and the month

    def _own(self, case: OwnCase) -> tuple[str, list[str]]:
        values = {
            "township": self._township(case.about),
            "month": month_name(case.about, self._lang) if case.own is Own.REPORT else "",
            "about": say(f"reason.{case.about}", self._lang) if case.own is Own.BLIND else case.about,
        }
        if case.ended is not None:
            lasted = duration(case.ended - case.began, self._lang)
            was = self._say("was", since=self._at(case.began), until=self._at(case.ended), lasted=lasted)
            return self._say(f"{case.own}_over", **values), [was]
        behind = [each.id for each in self._its.fleet.cameras.values() if each.township == case.about]
        whom = self._whom("network", behind) if case.own is Own.LINK else ""
        text = self._say(f"{case.own}_text", since=self._at(case.began), whom=whom, **values)
        return self._say(str(case.own), **values), [text.rstrip()]

    def _month(self, case: MonthCase) -> tuple[str, list[str]]:
        key = "month_frozen" if case.frozen else "month_draft"
        return self._say(key, month=month_name(case.month, self._lang)), [self._say(f"{key}_text")]

    # Words

    def _say(self, key: str, **values: object) -> str:
        return say(f"alert.{key}", self._lang, **values)

    def _joined(self, sentences: Iterable[str]) -> str:
        return (" " if self._lang is Lang.EN else "").join(sentence for sentence in sentences if sentence)

    def _at(self, at: int) -> str:
        return f"{datetime.fromtimestamp(at, self._its.zone):%m-%d %H:%M}"

    def _lasted(self, case: CameraCase) -> str:
        return duration((case.ended or case.began) - case.began, self._lang)

    def _condition(self, condition: Condition) -> str:
        return say(f"condition.{condition}", self._lang)

    def _fault(self, fault: Fault | None) -> str:
        return self._say("fault", fault=say(f"fault.{fault}", self._lang)) if fault else ""

    def _camera(self, id_: str) -> Camera | None:
        return self._its.fleet.cameras.get(id_)

    def _name(self, id_: str) -> str:
        camera = self._camera(id_)
        return camera.name if camera else id_ + self._say("unlisted")

    def _names(self, ids: Sequence[str]) -> str:
        return self._listed([self._name(each) for each in ids[:NAMES_IN_LIST]], len(ids))

    def _listed(self, names: Sequence[str], total: int) -> str:
        joined = say("text.comma", self._lang).join(names)
        return say("text.and_more", self._lang, names=joined, count=total) if total > len(names) else joined

    def _township(self, code: str) -> str:
        township = self._its.fleet.townships.get(code)
        return township.name if township else code

    def _place_of(self, case: CameraCase) -> str:
        camera = self._camera(case.camera)
        return (
            f"{self._township(case.township)}{' ' if self._lang is Lang.EN else ''}{camera.village if camera else ''}"
        )

    def _address(self, id_: str) -> str:
        camera = self._camera(id_)
        if not self._its.addresses or camera is None or not camera.host:
            return ""
        if camera.channel is None:
            return camera.address
        return self._say("channel", address=camera.address, channel=camera.channel)

    def _whom(self, role: str, cameras: Iterable[str]) -> str:
        numbers: tuple[Number, ...] = numbers_for(role, [known for each in cameras if (known := self._camera(each))])
        if not numbers:
            return say("text.nobody", self._lang)
        asked = say(f"contact.{numbers[0].role}", self._lang)
        contact = numbers[0].contact
        return say("text.whom", self._lang, role=asked, name=contact.name or asked, phone=contact.phone)


def _size(text: str) -> int:
    return len(text.encode())


def _cut(text: str, longest: int) -> str:
    """The text within so many bytes, whole characters, with an ellipsis where something is missing."""
    if _size(text) <= longest:
        return text
    return text.encode()[: max(0, longest - _size("…"))].decode("utf-8", "ignore") + "…"
