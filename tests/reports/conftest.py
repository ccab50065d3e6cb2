"""Fonts and snapshots that the tests of the papers share."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reports.annex import annex
from reports.circular import circular
from reports.fonts import FontMissingError, Typefaces, find_typefaces
from reports.notice import notice
from reports.paper import Snapshot, timestamp_of
from reports.render.typst import ARCHIVAL, COMPACT, Document, TypstRenderer
from tests.reports import sample

DROP_IN = Path(__file__).parents[2] / "data/fonts"
TOOLS = ("pdftoppm", "pdftotext", "pdffonts", "pdfinfo")

Compile = Callable[[str, dict[str, Any]], Path]


@pytest.fixture(scope="session")
def typefaces() -> Typefaces:
    try:
        return find_typefaces(DROP_IN)
    except FontMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def poppler() -> None:
    if missing := [tool for tool in TOOLS if not shutil.which(tool)]:
        pytest.skip(f"poppler-utils is not installed: no {missing[0]}")


@pytest.fixture(scope="session")
def renderer(typefaces: Typefaces) -> Iterator[TypstRenderer]:
    with TypstRenderer(typefaces) as renderer:
        yield renderer


@pytest.fixture
def compiled(renderer: TypstRenderer, tmp_path: Path) -> Compile:
    """Compile a template of ours with the data given, into a file of its own."""

    def compile_(template: str, data: dict[str, Any]) -> Path:
        output = tmp_path / f"{template}-{len(list(tmp_path.iterdir()))}.pdf"
        standards = COMPACT if template == "annex.typ" else ARCHIVAL
        renderer.compile(Document(template=template, data=data, standards=standards, timestamp=0), output)
        return output

    return compile_


@pytest.fixture(scope="session")
def big() -> dict[str, Any]:
    return sample.big()


@pytest.fixture(scope="session")
def big_papers(renderer: TypstRenderer, tmp_path_factory: pytest.TempPathFactory, big: Snapshot) -> dict[str, Path]:
    """Circular, the last township's notice and the annex of a county of 4,000 cameras."""
    folder = tmp_path_factory.mktemp("papers")
    papers = {
        "circular": ("circular.typ", circular(big), ARCHIVAL),
        "notice": ("notice.typ", notice(big, big["townships"][-1]), ARCHIVAL),
        "annex": ("annex.typ", annex(big), COMPACT),
    }
    made = {}
    for name, (template, data, standards) in papers.items():
        made[name] = folder / f"{name}.pdf"
        document = Document(template=template, data=data, standards=standards, timestamp=timestamp_of(big))
        renderer.compile(document, made[name])
    return made
