"""PDFs from templates and finished data, through Typst in a child process with a time limit and no network.

Data reaches a template as JSON only and is never built into markup, so a name that looks like code is printed as it
stands. The templates' folder is all that a template can read.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from threading import Event, Timer
from types import TracebackType
from typing import Any, Self

from reports.fonts import Typefaces
from reports.printable import Printer

TEMPLATES = Path(__file__).parent.parent / "templates"
ARCHIVAL = ("a-2a", "ua-1")
"""PDF/A-2a for the archive and PDF/UA-1 for screen readers."""
COMPACT = ("a-2b",)
"""For long tables, whose tags would take twelve times the space of the text."""
LIMIT_S = 120.0


class RenderError(Exception):
    """A document was not made; the message names its template and the reason."""


class RenderTimeoutError(RenderError):
    """A document took longer than its limit; the child was ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One PDF to make: a template, its data (JSON values only) and the standards that the file keeps to."""

    template: str
    data: Mapping[str, Any]
    standards: tuple[str, ...] = ARCHIVAL
    timestamp: int
    """UTC seconds, written into the file instead of the time of compiling: the same data gives the same bytes"""


class TypstRenderer:
    """Compiles documents one after the other in one child process, which loads the fonts once.

    To be used in a ``with`` block. After an error the child is gone and the next document starts a new one.
    """

    def __init__(self, typefaces: Typefaces, *, templates: Path = TEMPLATES, limit_s: float = LIMIT_S) -> None:
        self.printer = Printer(typefaces.covered)
        self._typefaces = typefaces
        self._templates = templates
        self._limit_s = limit_s
        self._cleanup = ExitStack()
        self._fonts = Path()
        self._child: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._fonts = Path(self._cleanup.enter_context(tempfile.TemporaryDirectory(prefix="xunjian-fonts-")))
        self._cleanup.callback(self._end_child)
        for number, file in enumerate(self._typefaces.files):
            _link(file, self._fonts / f"{number:02}-{file.name}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._cleanup.close()

    def compile(self, document: Document, output: Path) -> None:
        """Write the document to ``output``. Raises RenderError; RenderTimeoutError when the limit is over."""
        data = self.printer.tree({**document.data, "fonts": self._typefaces.for_template()})
        request = {
            "template": document.template,
            "output": str(output),
            "data": json.dumps(data, ensure_ascii=False, allow_nan=False),
            "standards": list(document.standards),
            "tagged": document.standards != COMPACT,
            "timestamp": document.timestamp,
        }
        try:
            reply = self._ask(request)
        except (OSError, ValueError) as error:
            self._end_child()
            raise RenderError(f"{document.template}: {error}") from error
        if "error" in reply:
            raise RenderError(f"{document.template}: {reply['error']}")

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """One line to the child, one back, within the limit."""
        child = self._child = self._child or self._start_child()
        assert child.stdin
        assert child.stdout
        expired = Event()

        def end() -> None:
            expired.set()
            child.kill()

        timer = Timer(self._limit_s, end)
        timer.start()
        try:
            with suppress(BrokenPipeError):
                child.stdin.write(json.dumps(request) + "\n")
                child.stdin.flush()
            line = child.stdout.readline()
        finally:
            timer.cancel()
        if line:
            reply: dict[str, Any] = json.loads(line)
            return reply
        self._end_child()
        if expired.is_set():
            raise RenderTimeoutError(f"{request['template']}: not finished within {self._limit_s:g} s")
        raise RenderError(f"{request['template']}: the typesetter ended without an answer ({child.returncode})")

    def _start_child(self) -> subprocess.Popen[str]:
        settings = json.dumps({"templates": str(self._templates), "fonts": str(self._fonts)})
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell, no outside words
            [sys.executable, "-m", "reports.render.compiler", settings],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            text=True,
            encoding="utf-8",
        )

    def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        # Between documents it holds nothing, in the middle of one its paper is not wanted any more.
        child.kill()
        with suppress(BrokenPipeError):
            child.communicate()


def typst_version() -> str:
    """The version of the typesetter, part of what makes the same bytes again."""
    return version("typst")


def templates_digest(templates: Path = TEMPLATES) -> str:
    """One SHA-256 over all template files, by name."""
    digest = hashlib.sha256()
    for path in sorted(templates.glob("*.typ")):
        digest.update(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _link(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source.resolve())
    except OSError:  # Windows without the right to make links
        shutil.copyfile(source, target)
