"""The closing scene: the months before are closed, and the papers of the last one lie on the table."""

from __future__ import annotations

import asyncio

from monitor.core.period import Month
from monitor.demo.office import Office
from monitor.demo.past import lines, months_before
from monitor.demo.scorecard import Story
from monitor.demo.stage import Stage
from monitor.demo.telling import Teller
from monitor.desk import PapersError
from monitor.history import import_history
from monitor.importing import open_store


async def close_months(stage: Stage, office: Office, teller: Teller) -> Story:
    """Take in the past, freeze it month by month, print the last one, and count it again."""
    began = stage.clock.now()
    months = months_before(Month.at(began, stage.config.site.zone))
    taken = await asyncio.to_thread(_take_in, stage, months)
    teller.history(months, taken)
    for month in months:
        teller.frozen(month, await asyncio.to_thread(office.freeze, month, who="demo"))
    last = months[-1]
    try:
        with teller.progress() as progress:
            papers = await asyncio.to_thread(office.publish, last, progress)
    except PapersError as error:
        teller.fails(str(error))
        return Story(name="month", injected_at=began, why_not=str(error))
    equal = await asyncio.to_thread(office.verify, last)
    teller.papers(last, papers, stage.url, equal=equal)
    why_not = "" if equal else teller.words("复核结果与定稿不一致", "counted again, the month is not equal")
    return Story(
        name="month",
        injected_at=began,
        found_at=int(stage.clock.now()),
        why_not=why_not,
        facts={"month": str(last), "papers": papers.files, "folder": str(papers.folder), "verify_equal": equal},
    )


def _take_in(stage: Stage, months: tuple[Month, ...]) -> int:
    """Write the history and import it as anybody would; the number of lines that went in."""
    file = stage.folder / "history.jsonl"
    file.write_text("\n".join(lines(stage.fleet, months)) + "\n", encoding="utf-8")
    with open_store(stage.config, stage.clock) as store:
        done = import_history(store, file, who="demo", at=int(stage.clock.now()))
    if done.refused:
        raise AssertionError(f"line {done.refused[0].line} of the demo's own history: {done.refused[0].en}")
    return done.imported
