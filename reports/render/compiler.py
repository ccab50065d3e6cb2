"""The child process that turns templates into PDFs: one JSON line asks for a document, one JSON line answers.

It is run as ``python -m reports.render.compiler SETTINGS``. A template can hang, eat memory or crash the typesetter,
and none of that may reach the daemon; and what a paper needs is in its template folder, its data and its fonts, so
the child gives up the network before it starts.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
MEMORY_BYTES = 3 << 30
"""Ten times what the largest paper takes; beyond it the child fails instead of the machine."""
NOWHERE = "http://127.0.0.1:9"
"""A proxy that never answers, for systems without namespaces: the typesetter itself could only want to download
packages, and no template imports one."""


def main() -> int:
    """Answer requests until standard input ends."""
    leave_network()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        os.environ[name] = os.environ[name.upper()] = NOWHERE
    settings = json.loads(sys.argv[1])
    compiler = _Compiler(Path(settings["templates"]), Path(settings["fonts"]))
    for line in sys.stdin:
        _answer(compiler.compile(json.loads(line)))
    return 0


def leave_network() -> bool:
    """Move this process into a network namespace without interfaces; False where the system does not allow it."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return any(libc.unshare(flags) == 0 for flags in (CLONE_NEWNET, CLONE_NEWUSER | CLONE_NEWNET))


class _Compiler:
    """Typst with the given fonts and no others, over one template folder."""

    def __init__(self, templates: Path, fonts: Path) -> None:
        # Imported here: it may start threads, and a process with threads can't change its user namespace.
        import typst

        self._error = typst.TypstError
        faces = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(fonts)])
        self._templates = templates
        self._typst = typst.Compiler(root=str(templates), font_paths=faces, ignore_system_fonts=True)

    def compile(self, request: dict[str, Any]) -> dict[str, Any]:
        """Write one PDF; the answer has ``error`` or ``took_s``. A warning is an error: a paper is right or isn't."""
        began = perf_counter()
        try:
            _, warnings = self._typst.compile_with_warnings(
                str(self._templates / request["template"]),
                output=request["output"],
                format="pdf",
                sys_inputs={"data": request["data"]},
                pdf_standards=request["standards"],
                pdf_tags=request["tagged"],
                timestamp=request["timestamp"],
            )
        except self._error as error:
            return {"error": error.diagnostic or error.message}
        if warnings:
            return {"error": "; ".join(warning.message for warning in warnings)}
        return {"took_s": perf_counter() - began}


def _answer(reply: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
