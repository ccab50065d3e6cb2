"""The operator's manual: CommonMark files in ``help/``, rendered once at the start.

A file's first heading is its title. Links between files are written as on a file system (``monthly.md``,
``alerts/XunjianDown.md#检查``), so that the manual can also be read where the sources are; on a page they lead to
its address. The files are ours; nevertheless HTML in them is shown and never run.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from posixpath import normpath

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

HELP = Path(__file__).parent / "help"

FRONT = "index"
"""The name of the page that lists the others."""

_FILE = re.compile(r"^(?P<path>[^:#?]*)\.md(?P<anchor>#.*)?$")


class BrokenManualError(ValueError):
    """A file of the manual has no title, or links to a file that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading of the second level, and the anchor that leads to it."""

    title: str
    anchor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpPage:
    """One page: ``name`` is its file without ``.md`` as seen from ``help/``."""

    name: str
    title: str
    sections: tuple[Section, ...]
    body: Markup
    links: frozenset[str]
    """the names of the pages that it links to"""


def read_manual(folder: Path = HELP) -> Mapping[str, HelpPage]:
    """All pages by name. Raises BrokenManualError."""
    logging.getLogger("markdown_it").setLevel(logging.INFO)  # its debugging tells every rule tried at every line
    texts = {
        path.relative_to(folder).with_suffix("").as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*.md"))
    }
    return {name: _page(name, text, texts) for name, text in texts.items()}


def _page(name: str, text: str, names: Iterable[str]) -> HelpPage:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    if not tokens or tokens[0].type != "heading_open" or tokens[0].tag != "h1":
        raise BrokenManualError(f"{name}.md does not begin with a title (# …)")
    sections = tuple(_anchor_headings(tokens))
    links = frozenset(_lead_links(name, tokens, frozenset(names)))
    return HelpPage(
        name=name,
        title=_words(tokens[1]),
        sections=sections,
        body=Markup(parser.renderer.render(tokens, parser.options, {})),  # noqa: S704 - our own files, HTML quoted
        links=links,
    )


def _words(inline: Token) -> str:
    """The text of a heading without its marks."""
    return "".join(child.content for child in inline.children or ())


def _anchor_headings(tokens: list[Token]) -> Iterable[Section]:
    for opened, inline in pairwise(tokens):
        if opened.type == "heading_open" and opened.tag in ("h2", "h3"):
            title = _words(inline)
            anchor = re.sub(r"\s+", "-", title.strip())
            opened.attrSet("id", anchor)
            if opened.tag == "h2":
                yield Section(title=title, anchor=anchor)


def _lead_links(name: str, tokens: list[Token], names: frozenset[str]) -> Iterable[str]:
    for token in tokens:
        for child in token.children or ():
            if child.type != "link_open":
                continue
            link = _FILE.match(str(child.attrGet("href")))
            if link is None:
                continue
            target = normpath(str(PurePosixPath(name).parent / link["path"]))
            if target not in names:
                raise BrokenManualError(f"{name}.md links to {target}.md, which is not there")
            child.attrSet("href", address(target) + (link["anchor"] or ""))
            yield target


def address(name: str) -> str:
    """Where a page of the manual is found.

    >>> address("index"), address("alerts/XunjianDown")
    ('/help', '/help/alerts/XunjianDown')
    """
    return "/help" if name == FRONT else f"/help/{name}"
