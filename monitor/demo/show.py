"""The demo from curtain up to curtain down."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.clock import SystemClock
from monitor.config import Config
from monitor.demo.afterwards import live_on
from monitor.demo.closing import close_months
from monitor.demo.office import OpenOffice
from monitor.demo.scorecard import Scorecard
from monitor.demo.stage import hold_port, port_of, stage
from monitor.demo.stories import Stories
from monitor.demo.telling import Teller
from monitor.demo.watching import Watcher
from monitor.wording import Lang

PAPERS = Path("demo-data", "papers")
"""Where the papers stay, from the folder that the demo is started in."""


async def demonstrate(
    *, cameras: int, lang: Lang, once: bool, quiet: bool, open_office: OpenOffice, papers: Path = PAPERS
) -> Scorecard:
    """Tell the stories; ``once`` ends after them, else Ctrl-C does. ``quiet`` says nothing.

    ``open_office`` opens what closes months and prints papers; they stay in ``papers``.

    Raises KeyboardInterrupt when Ctrl-C comes before the scorecard, DemoError and CountyError when the machine does
    not allow it, and what the daemon raises.
    """
    show = _Show(cameras, Teller(lang, Config().site.zone, quiet=quiet), open_office, papers.absolute(), once=once)
    task = asyncio.create_task(show.run(), name="demo")
    with _ended_by_signals(task):
        try:
            await task
        except asyncio.CancelledError:
            if show.card is None:
                raise KeyboardInterrupt from None
        except Exception:
            show.failed = True
            raise
        finally:
            # a thread of a cancelled step may still be writing into the folder
            await asyncio.get_running_loop().shutdown_default_executor()
            show.sweep()
    assert show.card is not None, "a show that ran to its end has a scorecard"
    return show.card


class _Show:
    def __init__(self, cameras: int, teller: Teller, open_office: OpenOffice, papers: Path, *, once: bool) -> None:
        self._cameras = cameras
        self._open_office = open_office
        self._papers = papers
        self._teller = teller
        self._once = once
        self._folder = Path(tempfile.mkdtemp(prefix="xunjian-demo-"))
        self.failed = False
        self.card: Scorecard | None = None

    async def run(self) -> None:
        """Until the end of the stories, or until cancelled."""
        clock = SystemClock()
        began = clock.monotonic()
        held = hold_port()
        self._teller.announced(f"http://127.0.0.1:{port_of(held)}/", self._cameras)
        with held:
            await self._tell(held, began)

    async def _tell(self, held: socket.socket, began: float) -> None:
        async with stage(self._cameras, held, self._folder, self._papers, self._teller, self._open_office) as set_up:
            watcher = Watcher(set_up, self._teller)
            stories = Stories(watcher)
            await stories.tell()
            grade = await watcher.grade()
            self._teller.begins("month")
            stories.told.append(await close_months(set_up, set_up.office, self._teller))
            self.card = Scorecard(
                cameras=self._cameras,
                took_s=set_up.clock.monotonic() - began,
                tolerance_s=watcher.tolerance_s,
                grade=grade,
                stories=tuple(stories.told),
            )
            self._teller.scorecard(self.card)
            if not self._once:
                self._teller.goes_on(set_up.url)
                await live_on(watcher)

    def sweep(self) -> None:
        """Take the folder away, unless it is needed to see what went wrong."""
        kept = self.failed or (self.card is not None and not self.card.passed)
        if not kept:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._teller.ends(self._folder, kept=kept)


@contextmanager
def _ended_by_signals(task: asyncio.Task[None]) -> Iterator[None]:
    """SIGINT and SIGTERM cancel ``task``, once: it needs its time to take everything down."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def end() -> None:
        if not task.cancelling():
            task.cancel()

    for number in signals:
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
