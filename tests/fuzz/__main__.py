"""Fuzz everything that reads what strangers wrote: ``python -m tests.fuzz [NAME…] [--seconds N] [--seed N]``.

The seconds are shared out evenly. What breaks a promise is made smaller, kept under ``tests/fuzz/cases`` and replayed
by the normal suite from then on. Exit code 1 when there was any.
"""

from __future__ import annotations

import argparse
import logging
import sys
import traceback
from pathlib import Path
from random import Random
from time import monotonic

from tests.fuzz.engine import Finding, Fuzzer, Target
from tests.fuzz.targets import TARGETS

CASES = Path(__file__).parent / "cases"
MOST_FINDINGS = 5
"""Of one target: more would only be the same mistake again."""


def main() -> int:
    """The command line."""
    options = _parser().parse_args()
    targets = [target for name, target in TARGETS.items() if not options.names or name.startswith(tuple(options.names))]
    if not targets:
        sys.stderr.write(f"no such target; there are {', '.join(TARGETS)}\n")
        return 2
    logging.disable(logging.WARNING)  # replaced workers and such are what is meant to happen here
    seed = options.seed if options.seed is not None else Random().randrange(2**32)
    sys.stderr.write(f"seed {seed}\n")
    broken = [finding for target in targets for finding in fuzz(target, seed, options.seconds / len(targets))]
    return 1 if broken else 0


def fuzz(target: Target, seed: int, seconds: float) -> list[Finding]:
    """Try inputs for so long; what was found is kept and told."""
    findings: dict[str, Finding] = {}
    with target.open() as run:
        fuzzer = Fuzzer(target, run, seed=seed, timed=True)
        until = monotonic() + seconds
        for data in fuzzer.inputs():
            finding = fuzzer.attempt(data)
            if finding is not None:
                where = _where(finding.error)
                if where not in findings:
                    findings[where] = fuzzer.smaller(finding)
                    _keep(findings[where])
            if monotonic() > until or len(findings) >= MOST_FINDINGS:
                break
    sys.stderr.write(f"{target.name:15} {fuzzer.tried:8} inputs {fuzzer.lines:5} lines {fuzzer.corpus:4} kept")
    sys.stderr.write(f" {len(findings)} broken\n")
    return list(findings.values())


def _where(error: BaseException) -> str:
    """What tells one mistake from another: the kind, and the line that raised it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} {last.filename}:{last.lineno}"


def _keep(finding: Finding) -> None:
    folder = CASES / finding.target
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / finding.file_name
    path.write_bytes(finding.data)
    sys.stderr.write(f"{finding.target}: {finding.error!r} by {len(finding.data)} bytes in {path}\n")
    sys.stderr.writelines(traceback.format_tb(finding.error.__traceback__)[-3:])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="the beginning of names; default all")
    parser.add_argument("--seconds", type=float, default=300.0, help="altogether; default 300")
    parser.add_argument("--seed", type=int, help="for the same inputs again; default a new one")
    return parser


if __name__ == "__main__":
    sys.exit(main())
