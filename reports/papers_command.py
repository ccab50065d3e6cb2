"""The command that makes a month's papers: ``xunjian report``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from monitor.clock import SystemClock
from monitor.config import Config
from monitor.core.period import Month
from monitor.doctor import Finding, Level
from monitor.importing import open_store
from monitor.months import month_of
from monitor.shell import REFUSED, Shell
from reports.fonts import FontMissingError, Grade, find_typefaces, font_report
from reports.office import Office
from reports.render.bundle import BundleError, Manifest
from reports.render.typst import TEMPLATES, RenderError


def register(app: typer.Typer, shell: Shell) -> None:
    """Hang ``report`` into the command line."""
    command = _Report(shell)
    app.command("report")(command.make)


class _Report:
    """``xunjian report``."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def make(
        self,
        month: Annotated[str, typer.Argument(metavar="MONTH", help="2026-10")],
        out: Annotated[Path, typer.Option("--out", help="输出文件夹 / folder to write to")],
        as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
    ) -> None:
        """生成一个月的全部材料：通报、各乡镇整改通知单、附件 / circular, notices, annex."""
        config, clock = self._shell.configuration(), SystemClock()
        with self._shell.refusing(), open_store(config, clock) as store:
            wanted = month_of(month, config)
            try:
                manifest = self._made(Office(config, store, clock), wanted, out)
            except (FontMissingError, RenderError, BundleError) as error:
                raise self._shell.refusal(REFUSED, str(error), str(error)) from error
        if as_json:
            self._shell.say_json({"folder": str(out), "files": dict(manifest.files), "fonts": list(manifest.fonts)})
            return
        self._tell(manifest, out, Path(config.papers.fonts))

    def _made(self, office: Office, month: Month, out: Path) -> Manifest:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("", total=None)
            return office.make(
                month,
                out,
                progress=lambda done, of, name: progress.update(task, completed=done, total=of, description=name),
            )

    def _tell(self, manifest: Manifest, out: Path, fonts: Path) -> None:
        console = Console()
        console.print(
            Text(
                self._shell.in_words(
                    f"{len(manifest.files)} 个文件已写入 {out}", f"{len(manifest.files)} files written to {out}"
                )
            )
        )
        if manifest.unprintable:
            missing = " ".join(manifest.unprintable)
            console.print(
                Text(
                    self._shell.in_words(
                        f"字体缺字，印作 〓：{missing}", f"no font has these, printed as 〓: {missing}"
                    ),
                    style="yellow",
                )
            )
        for line in font_report(find_typefaces(fonts)):
            if line.grade is not Grade.GENUINE:
                console.print(Text(f"  {line.role}: {line.face}  {line.advice}", style="yellow"))


def template_files() -> dict[str, Path]:
    """What papers are made from, by name: a backup keeps it beside the papers."""
    return {path.name: path for path in sorted(TEMPLATES.iterdir()) if path.is_file()}


def font_findings(config: Config) -> Iterator[Finding]:
    """Which face serves which role on paper, and what is a stand-in: the doctor's part about fonts."""
    try:
        lines = font_report(find_typefaces(Path(config.papers.fonts)))
    except FontMissingError as error:
        yield Finding(level=Level.BROKEN, topic="fonts", zh=str(error), en="no font for the papers: run make fonts")
        return
    for line in lines:
        yield Finding(
            level=Level.WARNING if line.grade is Grade.LAST_RESORT else Level.FINE,
            topic="fonts",
            zh=f"{line.role}（{line.uses}）：{line.face}" + (f"；{line.advice}" if line.advice else ""),
            en=f"font for {line.role}: {line.face} ({line.grade.value.replace('_', ' ')}, {line.origin.value})",
        )
