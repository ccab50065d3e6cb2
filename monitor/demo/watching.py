"""How the demo looks at what the monitor says: its board, its record, its page. It only reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

import aiohttp

from monitor.core.board import Board
from monitor.core.condition import Condition
from monitor.core.outage import FAILING
from monitor.core.record import Gap, Transition
from monitor.demo.scorecard import Grade, grade, spells_of
from monitor.demo.stage import EVER, Record, Stage
from monitor.demo.telling import Teller

Found = TypeVar("Found")

POLL_S = 0.2
PATIENCE_S = 60.0
"""How long a story may take where nothing slows it down; to it comes what the county's size and intervals cost."""

JPEG = b"\xff\xd8\xff"


class NotSeenError(Exception):
    """What a story waits for did not come about; the message says what, in the demo's language."""


class Watcher:
    """Looks at the monitor on ``stage``, and holds it against the truth."""

    def __init__(self, stage: Stage, teller: Teller) -> None:
        self.stage = stage
        self.teller = teller
        self._patience_s = PATIENCE_S + 10 * stage.config.looks.light_s + len(stage.fleet.cameras) / 10

    @property
    def tolerance_s(self) -> float:
        """How far the record may be from the truth: one light interval, and as long as a look may wait for answers.

        A look that began before a change may have been answered after it, and is dated by its beginning.
        """
        picture = self.stage.config.probes.settings("picture")
        return float(self.stage.config.looks.light_s + picture["connect_timeout_s"] + picture["reply_timeout_s"])

    async def grade(self) -> Grade:
        """The whole record so far against the truth."""
        record = await self._written()
        truth = await self.stage.county.truth()
        now = int(self.stage.clock.now())
        return grade(spells_of(truth), record.transitions, record.gaps, until=now, tolerance_s=self.tolerance_s)

    async def until(self, ready: Callable[[Board], Found | None], zh: str, en: str) -> Found:
        """What ``ready`` says of the board, once it says anything. Raises NotSeenError when it never does."""
        clock, patience_s = self.stage.clock, self._patience_s
        patience_until = clock.monotonic() + patience_s
        while not (found := ready(self.stage.daemon.desk.board())):
            if clock.monotonic() > patience_until:
                raise self.not_seen(f"{zh}（等了 {patience_s:.0f} 秒）", f"{en} (waited {patience_s:.0f} s)")
            await asyncio.sleep(POLL_S)
        return found

    def not_seen(self, zh: str, en: str) -> NotSeenError:
        """The error that says so."""
        return NotSeenError(self.teller.words(zh, en))

    async def counted(self, times: int) -> Board:
        """A board made after the month has been counted so often anew."""
        record = self.stage.config.record
        await asyncio.sleep(times * record.count_s + record.board_s)
        return self.stage.daemon.desk.board()

    def verdict(self, cameras: Iterable[str], conditions: Collection[Condition]) -> Transition:
        """The last verdict of such a condition that was decided on any of the cameras."""
        verdicts = (verdict for camera in cameras for verdict in self._verdicts(camera))
        return max(
            (verdict for verdict in verdicts if verdict.condition in conditions), key=lambda verdict: verdict.decided_at
        )

    def was_blamed(self, camera: str, since: int, until: int | None = None) -> bool:
        """Whether anything was decided against the camera in that time."""
        return any(
            verdict.condition in FAILING and since <= verdict.decided_at <= (EVER if until is None else until)
            for verdict in self._verdicts(camera)
        )

    def is_hidden(self, camera: str, gap: Gap) -> bool:
        """Whether the whole gap is unknown time of this camera."""
        intervals, _ = self.stage.daemon.rounds.life(camera)
        ended = EVER if gap.ended is None else gap.ended
        return any(
            interval.condition is Condition.UNKNOWN and interval.began <= gap.began and ended <= interval.ended
            for interval in intervals
        )

    async def closed(self, blind: Gap) -> Gap:
        """The same gap as the store has it, ended. Raises NotSeenError."""
        record = await self._written()
        for gap in next(iter(record.gaps.values()), ()):
            if (gap.began, gap.reason) == (blind.began, blind.reason) and gap.ended is not None:
                return gap
        raise self.not_seen("记录里没有这段看不见的时间", "the record lacks the time in which we were blind")

    async def page(self) -> str:
        """The front page in the demo's language."""
        url = f"{self.stage.url}?lang={self.teller.lang}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return await answer.text()

    async def picture(self, camera: str, at: int) -> str:
        """The address of an evidence picture, once the page has served it. Raises NotSeenError."""
        url = f"{self.stage.url}picture/{camera}/{at}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            if answer.status != 200 or not (await answer.read()).startswith(JPEG):
                raise self.not_seen(f"打不开图像 {url}", f"the picture {url} is not served")
        return url

    def township(self, camera: str) -> str:
        """The name of the camera's township."""
        fleet = self.stage.fleet
        return fleet.townships[fleet.cameras[camera].township].name

    def _verdicts(self, camera: str) -> tuple[Transition, ...]:
        return self.stage.daemon.rounds.life(camera)[1]

    async def _written(self) -> Record:
        """The record on the disk, once it holds what memory held when this was called: only that survives."""
        newest = {camera: self._verdicts(camera)[-1] for camera in self.stage.fleet.cameras}
        patience_until = self.stage.clock.monotonic() + self._patience_s
        while True:
            record = await asyncio.to_thread(self.stage.read_record)
            written = all(verdict in record.transitions.get(camera, ()) for camera, verdict in newest.items())
            if written or self.stage.clock.monotonic() > patience_until:
                return record
            await asyncio.sleep(POLL_S)
