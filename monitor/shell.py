"""What a group of commands needs from the command line that it is hung into."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from monitor.config import Config
from monitor.core.rule import RuleError, UnknownError
from monitor.wording import Lang

WIDEST = 1000
"""Columns that a table may take."""

REFUSED, USAGE, FAILED = 1, 2, 3
"""Exit codes: done, but something was refused or is unequal; a rule, an unknown thing or bad usage; our own failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """``refusal`` makes the exception that ends a command with an exit code and a sentence in both languages."""

    configuration: Callable[[], Config]
    config_file: Callable[[], Path]
    lang: Callable[[], Lang]
    user: Callable[[], str]
    refusal: Callable[[int, str, str], Exception]

    def in_words(self, zh: str, en: str) -> str:
        """In the language of ``--lang``."""
        return en if self.lang() is Lang.EN else zh

    def say_json(self, value: object) -> None:
        """Facts for programs: one JSON document on standard output."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")

    def print_table(self, table: Table) -> None:
        """A table on standard output, as wide as it needs: cut off by a narrow terminal, a figure is another figure."""
        console = Console()
        needed = console.measure(table, options=console.options.update(max_width=WIDEST)).maximum
        Console(width=max(console.width, needed)).print(table)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """What the rules forbid, and what is not on record, ends the command with its sentence."""
        try:
            yield
        except (RuleError, UnknownError) as error:
            raise self.refusal(USAGE, error.zh, error.en) from error
