"""Long trials with the real daemon: ``python -m tests.soak [NAME…] [--cameras N] [--kills N] [--minutes N]``.

Each scenario prints its figures when it has kept every promise, and why not when it has not. Exit code 1 when one
was broken; what this machine cannot play is named and counted, not passed over.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.e2e.site import NotInTimeError
from tests.soak.record import BrokenPromiseError
from tests.soak.scenarios import SCENARIOS, NotHereError, Stage


def main() -> int:
    """The command line."""
    options = _parser().parse_args()
    unknown = [name for name in options.names if name not in SCENARIOS]
    if unknown:
        sys.stderr.write(f"no such scenario: {', '.join(unknown)}; there are {', '.join(SCENARIOS)}\n")
        return 2
    random.seed(options.seed)
    sys.stderr.write(f"seed {options.seed}\n")
    results = [_play(name, options) for name in options.names or SCENARIOS]
    return 1 if "broken" in results else 0


def _play(name: str, options: argparse.Namespace) -> str:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"soak-{name}-", ignore_cleanup_errors=True) as home:
        stage = Stage(home=Path(home), cameras=options.cameras, kills=options.kills, minutes=options.minutes)
        try:
            told, result = json.dumps(asyncio.run(SCENARIOS[name](stage)), ensure_ascii=False), "kept"
        except (BrokenPromiseError, NotInTimeError) as error:
            told, result = str(error), "broken"
        except NotHereError as error:
            told, result = str(error), "not here"
    sys.stdout.write(f"{name:11} {result:8} {time.monotonic() - began:5.0f} s  {told}\n")
    sys.stdout.flush()
    return result


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default all: {', '.join(SCENARIOS)}")
    parser.add_argument("--cameras", type=int, default=200, help="of each county; default 200")
    parser.add_argument("--kills", type=int, default=60, help="of the scenario kills; default 60")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long a lock, a full disk, an absence lasts")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="of the moments; default a new one")
    return parser


if __name__ == "__main__":
    sys.exit(main())
