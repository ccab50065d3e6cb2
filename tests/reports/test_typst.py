"""The typesetter in its child process: bounded in time, cut off from the network, strict about warnings."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from reports.circular import circular
from reports.fonts import Typefaces
from reports.render.typst import (
    COMPACT,
    TEMPLATES,
    Document,
    RenderError,
    RenderTimeoutError,
    TypstRenderer,
    templates_digest,
)
from tests.reports import sample

HEAD = """#let paper = json(bytes(sys.inputs.data))
#set document(title: "t", date: datetime(year: 2026, month: 11, day: 1))
#set text(lang: "zh", fallback: false, font: paper.fonts.song.families)
"""


@pytest.fixture
def render(typefaces: Typefaces, tmp_path: Path) -> Iterator[Callable[..., bytes]]:
    """Compile markup of a test's own in a template folder of its own."""
    templates = tmp_path / "templates"
    templates.mkdir()
    with TypstRenderer(typefaces, templates=templates, limit_s=30) as renderer:

        def render_(markup: str, data: dict[str, Any] | None = None, standards: tuple[str, ...] = COMPACT) -> bytes:
            (templates / "test.typ").write_text(HEAD + markup, encoding="utf-8")
            output = tmp_path / "test.pdf"
            document = Document(template="test.typ", data=data or {}, standards=standards, timestamp=0)
            renderer.compile(document, output)
            return output.read_bytes()

        yield render_


def test_the_same_data_gives_the_same_bytes(typefaces: Typefaces, tmp_path: Path) -> None:
    data = circular(sample.small())
    made = []
    for number in (1, 2):
        output = tmp_path / f"{number}.pdf"
        with TypstRenderer(typefaces) as renderer:
            renderer.compile(Document(template="circular.typ", data=data, timestamp=1_793_478_600), output)
        made.append(output.read_bytes())
    assert made[0] == made[1]
    assert set(re.findall(rb"\d{4}-\d\d-\d\dT[\d:]+Z", made[0])) == {b"2026-11-01T00:00:00Z"}, (
        "the snapshot's day alone"
    )


def test_a_template_that_hangs_is_ended_and_the_next_document_is_made(typefaces: Typefaces, tmp_path: Path) -> None:
    slow = "#for a in range(100000) { for b in range(100000) { let c = calc.rem(a, b + 1) } }"
    (tmp_path / "slow.typ").write_text(slow, encoding="utf-8")
    (tmp_path / "fine.typ").write_text(f"{HEAD}村口", encoding="utf-8")
    output = tmp_path / "test.pdf"
    with TypstRenderer(typefaces, templates=tmp_path, limit_s=4) as renderer:
        began = monotonic()
        with pytest.raises(RenderTimeoutError, match=r"slow\.typ: not finished within 4 s"):
            renderer.compile(Document(template="slow.typ", data={}, standards=COMPACT, timestamp=0), output)
        assert monotonic() - began < 20
        assert not output.exists()
        renderer.compile(Document(template="fine.typ", data={}, standards=COMPACT, timestamp=0), output)
    assert output.read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("markup", "reason"),
    [
        ('#text(font: "No Such Font")[村口]', "unknown font family"),
        ("#nothing", "unknown variable"),
        ('#read("/etc/passwd")', "file not found"),
        ('#read("../secret.txt")', "root|escape|not found"),
        ('#text(font: "Noto Serif CJK SC", fallback: false)[\U0001f4f7]', "could not be displayed|unknown font"),
    ],
)
def test_a_failure_names_the_template_and_the_reason(
    render: Callable[..., bytes], tmp_path: Path, markup: str, reason: str
) -> None:
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    with pytest.raises(RenderError, match=rf"(?s)test\.typ: .*({reason})"):
        render(markup)


def test_a_failed_document_does_not_spoil_the_next(render: Callable[..., bytes]) -> None:
    with pytest.raises(RenderError):
        render("#nothing")
    assert render("村口").startswith(b"%PDF")


@pytest.mark.usefixtures("poppler")
@pytest.mark.parametrize("name", ["#sys.version", '#read("test.typ")', "$x^2$ *b* _i_ `r` @a <b> \\ // /* */ = - + ~"])
def test_data_is_never_run(render: Callable[..., bytes], tmp_path: Path, name: str) -> None:
    render("#paper.name", {"name": name})
    said = subprocess.run(["pdftotext", str(tmp_path / "test.pdf"), "-"], capture_output=True, check=True, text=True)
    assert said.stdout.strip().replace("\u200b", "") == name


def test_a_package_is_not_fetched_from_anywhere(render: Callable[..., bytes]) -> None:
    with pytest.raises(RenderError, match=r"test\.typ: "):
        render('#import "@preview/cetz:0.3.1": *')


def test_no_template_imports_or_reads_anything_but_its_neighbour() -> None:
    for template in TEMPLATES.glob("*.typ"):
        text = template.read_text(encoding="utf-8")
        assert "@preview" not in text
        assert "read(" not in text
        assert text.count("#import") <= text.count('#import "gongwen.typ": *')


def test_the_child_has_no_network() -> None:
    """It can't even reach a listener on this machine's own loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        program = (
            "import socket, sys\n"
            "from reports.render.compiler import leave_network\n"
            "left = leave_network()\n"
            "try:\n"
            f"    socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), timeout=5)\n"
            "except OSError:\n"
            "    print('cut off')\n"
            "else:\n"
            "    print('connected' if left else 'not allowed here')\n"
        )
        said = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=TEMPLATES.parents[1]
        )
    if said.stdout.strip() == "not allowed here":
        pytest.skip("this system allows no network namespaces")
    assert said.stdout.strip() == "cut off"


def test_the_digest_of_the_templates_changes_with_any_of_them(tmp_path: Path) -> None:
    (tmp_path / "a.typ").write_text("1", encoding="utf-8")
    first = templates_digest(tmp_path)
    (tmp_path / "b.typ").write_text("", encoding="utf-8")
    second = templates_digest(tmp_path)
    (tmp_path / "b.typ").write_text(" ", encoding="utf-8")
    assert len({first, second, templates_digest(tmp_path)}) == 3
