"""Run the benchmarks: ``python -m tests.bench [NAME…] [--cameras N] [--json]``, from the project's folder.

Each runs in a process of its own, so that no peak of memory is another one's. A NAME may be the beginning of several.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.bench.measure import Result

GROUPS = ("metrics", "page", "round", "look", "recorders", "daemon", "month", "papers", "pictures")
LONGEST_S = 1800
WIDTH = 150
"""Columns that the table needs, also where no terminal says how many there are."""


def main() -> int:
    """The command line. 1 when a benchmark failed, 2 for a name that is none."""
    arguments = _parser().parse_args()
    if arguments.inside:
        # Only what this one needs is loaded: its memory is measured.
        benchmark = _benchmarks(arguments.inside.partition(".")[0])[arguments.inside]
        sys.stdout.write(json.dumps(benchmark(arguments.cameras).as_json()) + "\n")
        return 0
    known = [name for group in GROUPS for name in _benchmarks(group)]
    names = [name for name in known if not arguments.names or name.startswith(tuple(arguments.names))]
    if not names:
        sys.stderr.write(f"no such benchmark; there are {', '.join(known)}\n")
        return 2
    results = {name: _in_a_process_of_its_own(name, arguments.cameras) for name in names}
    done = {name: result for name, result in results.items() if result is not None}
    if arguments.json:
        sys.stdout.write(json.dumps({"machine": _machine(), "cameras": arguments.cameras, "results": done}) + "\n")
    else:
        console = Console(width=max(Console().width, WIDTH))
        console.print(_table(done, arguments.cameras))
        for own in (own for result in done.values() for own in result["tables"]):
            console.print(_own_table(*own))
        if any(result["goals"] for result in done.values()):
            console.print(_goals(done))
    return 0 if len(done) == len(results) else 1


def _benchmarks(group: str) -> Mapping[str, Callable[[int], Result]]:
    benchmarks: Mapping[str, Callable[[int], Result]] = import_module(f"tests.bench.bench_{group}").BENCHMARKS
    return benchmarks


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="the beginning of names; default all")
    parser.add_argument("--cameras", type=int, default=4000)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    return parser


def _in_a_process_of_its_own(name: str, cameras: int) -> dict[str, Any] | None:
    """What the benchmark printed, or None when it failed, which is told on standard error."""
    command = [sys.executable, "-m", "tests.bench", "--inside", name, "--cameras", str(cameras)]
    sys.stderr.write(f"==> {name}\n")
    try:
        ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=LONGEST_S)
    except subprocess.SubprocessError as error:
        sys.stderr.write(f"    failed: {error}\n")
        return None
    result: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return result


def _machine() -> dict[str, object]:
    return {
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": [round(average, 2) for average in os.getloadavg()],
    }


def _own_table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(*headings, title=title)
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def _table(results: Mapping[str, Mapping[str, Any]], cameras: int) -> Table:
    machine = _machine()
    load = f"load averages {machine['load']} at the end"
    table = Table(title=f"{cameras} cameras, {machine['cores']} cores, Python {machine['python']}, {load}")
    for heading in ("benchmark", "what"):
        table.add_column(heading)
    for heading in ("items", "wall s", "CPU s", "workers s", "ms/item", "peak MiB", "workers MiB"):
        table.add_column(heading, justify="right")
    table.add_column("notes")
    for name, result in results.items():
        usage = result["usage"]
        table.add_row(
            name,
            result["what"],
            str(result["items"]),
            f"{usage['wall_s']:.3f}",
            f"{usage['cpu_s']:.3f}",
            f"{usage['workers_cpu_s']:.3f}",
            f"{result['cpu_ms_per_item']:.3f}",
            f"{usage['peak_mib']:.0f}",
            f"{usage['workers_peak_mib']:.0f}",
            ", ".join(f"{key} {value}" for key, value in result["notes"].items()),
        )
    return table


def _goals(results: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table(title="What is to be reached")
    table.add_column("benchmark")
    table.add_column("figure")
    for heading in ("reached", "goal", "unit", "met"):
        table.add_column(heading, justify="right")
    for name, result in results.items():
        for goal in result["goals"]:
            bound, met = f"{goal['sense']} {goal['bound']:g}", "yes" if goal["is_met"] else "no"
            table.add_row(name, goal["what"], f"{goal['reached']:.3f}", bound, goal["unit"], met)
    return table


if __name__ == "__main__":
    sys.exit(main())
