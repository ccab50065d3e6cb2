"""A month's papers from its snapshot: circular, 22 notices and annex, reading fonts and starting typesetters too."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from reports.fonts import find_typefaces
from reports.render.bundle import bundle
from tests.bench.measure import Meter, Result
from tests.reports import sample

DROP_IN = Path(__file__).parents[2] / "data/fonts"


def month(cameras: int) -> Result:
    """Everything that ``xunjian report`` does after it has the snapshot."""
    snapshot = sample.big(cameras)
    with tempfile.TemporaryDirectory() as scratch, Meter() as meter:
        folder = Path(scratch) / "papers"
        manifest = bundle(snapshot, folder, typefaces=find_typefaces(DROP_IN))
        meter.stop()
        papers = [folder / path for path in manifest.files if path.endswith(".pdf")]
        size = sum(path.stat().st_size for path in papers)
    return Result(
        what="papers of a month",
        items=len(papers),
        usage=meter.usage,
        notes={"faults": len(snapshot["faults"]), "kib": size // 1024},
    )


BENCHMARKS: Mapping[str, Callable[[int], Result]] = {"papers.month": month}
