"""The six stories: what is done to the county, what the monitor makes of it, and what is true.

Every number that is told is read from the monitor's board, record or page, or is measured on the spot. Every wait
is bounded, and a story that does not come about says what was missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from fractions import Fraction

from monitor.core.board import Board
from monitor.core.condition import Condition, Fault
from monitor.core.outage import FAILING
from monitor.core.record import Event, Gap
from monitor.demo.checker import would_accuse
from monitor.demo.roles import soonest
from monitor.demo.scorecard import Story
from monitor.demo.watching import NotSeenError, Watcher
from monitor.web.calls import EventCall, event_call, event_text
from monitor.web.life import life_view
from monitor.wording import percent, say
from probes.observation import Depth, Outcome
from probes.testing.faults import Fault as Injected

BLIND_FOR_COUNTS = 3
"""The uplink stays cut until the month has been counted so often: enough to see that nothing moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blindness:
    """What became of the rates and of the cameras while our uplink was cut."""

    gap: Gap
    before: Board
    during: Board
    moved: int
    """townships whose rate moved while we were blind, or left 100 % because of it"""
    unknown: int
    """cameras whose record has that time as unknown"""
    blamed: int
    """cameras that were called impaired or offline in that time"""

    @property
    def lasted(self) -> int:
        """Seconds."""
        return (self.gap.ended or self.gap.began) - self.gap.began


class Stories:
    """Plays them on the watcher's stage, one after the other."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._stage = watcher.stage
        self._teller = watcher.teller
        self._pictured_by = 0
        self.told: list[Story] = []

    async def tell(self) -> None:
        """All of them, in order."""
        for name, play in (
            ("proof", self._proof),
            ("power_cut", self._power_cut),
            ("recorder_full", self._recorder_full),
            ("blind", self._blind),
            ("covered_lens", self._covered_lens),
            ("power_back", self._power_back),
        ):
            self._teller.begins(name)
            self.told.append(await self._told(name, play))
            self._teller.graded(await self._watcher.grade())

    async def _told(self, name: str, play: Callable[[], Awaitable[Story]]) -> Story:
        try:
            return await play()
        except NotSeenError as missing:
            self._teller.fails(str(missing))
            return Story(name=name, why_not=str(missing))

    async def _proof(self) -> Story:
        """Three numbers for one fleet, and one camera that only the last one catches."""
        camera = self._stage.fleet.cameras[self._stage.cast.dead_input]
        board = await self._first_pictures(camera.id)
        self._pictured_by = board.now
        verdict = self._watcher.verdict([camera.id], FAILING)
        look = life_view(await self._stage.daemon.desk.life(camera.id)).latest
        if look is None:
            raise self._watcher.not_seen("没有留下证据图像", "no picture was kept as evidence")
        picture = await self._watcher.picture(camera.id, look.at)
        proven = board.proven
        self._teller.proof(proven, camera, self._watcher.township(camera.id), look.steps, picture)
        return Story(
            name="proof",
            injected_at=self._stage.dead_input_at,
            found_at=verdict.decided_at,
            recorded_at=verdict.at,
            facts={
                "cameras": proven.cameras,
                "port": proven.port,
                "described": proven.described,
                "pictured": proven.pictured,
                "camera": camera.id,
                "fault": verdict.fault,
                "steps": [{"name": step.name, "took_ms": step.took_ms, "said": step.said} for step in look.steps],
                "picture": picture,
            },
        )

    async def _first_pictures(self, dead_input: str) -> Board:
        whole = len(self._stage.fleet.cameras)

        def all_but_one(board: Board) -> Board | None:
            proven = board.proven
            numbers = (proven.port, proven.described, proven.pictured)
            told = numbers == (whole, whole, whole - 1) and board.cameras[dead_input].condition is Condition.IMPAIRED
            return board if told else None

        with self._teller.waiting("正在给每台摄像机抓第一幅图……", "taking the first picture of every camera …"):
            return await self._watcher.until(
                all_but_one,
                "首轮抓图没有得出“端口全有应答、码流全有描述、图像少一台”",
                "the first pictures did not come to all ports, all streams and all pictures but one",
            )

    async def _power_cut(self) -> Story:
        """A village loses power: one event, one call."""
        village, members = self._stage.cast.village, self._stage.cast.village_cameras
        injected_at = await self._stage.county.inject(Injected.POWER_LOST, village)

        def one_event(board: Board) -> EventCall | None:
            touching = _touching(board, members)
            if len(touching) != 1 or set(touching[0].cameras) != set(members):
                return None
            return event_call(board, touching[0].id) if _all_are(board, members, Condition.OFFLINE) else None

        with self._teller.waiting("全村停电，等三次查看落实……", "the village is dark, three looks must confirm it …"):
            call = await self._watcher.until(
                one_event,
                f"{village}的 {len(members)} 台没有并成一起事件",
                f"the {len(members)} cameras of {village} did not become one event",
            )
        if not call.numbers:
            raise self._watcher.not_seen("事件没有联系电话", "the event has no number to call")
        now, zone = int(self._stage.clock.now()), self._stage.config.site.zone
        self._teller.power_cut(call, event_text(call, now=now, zone=zone, lang=self._teller.lang))
        return Story(
            name="power_cut",
            injected_at=injected_at,
            found_at=self._watcher.verdict(members, {Condition.OFFLINE}).decided_at,
            recorded_at=call.event.began,
            facts={
                "events": 1,
                "kind": call.event.kind,
                "township": call.township,
                "village": village,
                "cameras": len(call.event.cameras),
                "call": call.numbers[0].contact.phone,
                "role": call.numbers[0].role,
            },
        )

    async def _recorder_full(self) -> Story:
        """A recorder's sessions fill up: nobody is blamed, where a plain checker blames them all."""
        recorder, channels = self._stage.cast.recorder, self._stage.cast.recorder_cameras
        injected_at = await self._stage.county.inject(Injected.SESSIONS_FULL, recorder)
        try:
            with self._teller.waiting("录像机回答 453……", "the recorder answers 453 …"):
                busy = await self._look_as_for_an_outage(channels)
            accused = await would_accuse([self._stage.targets[camera] for camera in channels], self._stage.clock)
        finally:
            await self._stage.county.repair(recorder, Injected.SESSIONS_FULL)
        blamed = sum(self._watcher.was_blamed(camera, int(injected_at)) for camera in channels)
        self._teller.recorder_full(recorder, channels=len(channels), busy=busy, blamed=blamed, accused=len(accused))
        if blamed or busy < len(channels):
            raise self._watcher.not_seen(
                f"{busy} 次查看遇到会话已满，{blamed} 路被判故障",
                f"{busy} looks met a full recorder, {blamed} channels were blamed",
            )
        return Story(
            name="recorder_full",
            injected_at=injected_at,
            facts={
                "recorder": recorder,
                "channels": len(channels),
                "looks_that_met_453": busy,
                "blamed": blamed,
                "a_port_and_describe_checker_accuses": len(accused),
            },
        )

    async def _look_as_for_an_outage(self, channels: Collection[str]) -> int:
        """As many looks at each, over as long, as would confirm an outage; returns how many met a full recorder."""
        rules = self._stage.config.confirm.rules
        busy = 0
        for number in range(rules.confirm_looks):
            if number:
                await asyncio.sleep(rules.confirm_over_s / (rules.confirm_looks - 1))
            seen = await asyncio.gather(*(self._stage.daemon.desk.probe(camera, Depth.DESCRIBE) for camera in channels))
            busy += sum(observations[0].outcome is Outcome.BUSY for observations, _ in seen)
        return busy

    async def _blind(self) -> Story:
        """Our own uplink is cut: the page greys and no rate moves."""
        before = self._stage.daemon.desk.board()
        injected_at = await self._stage.county.cut_uplink()
        try:
            blind = await self._notice_blindness()
            first = await self._watcher.counted(1)
            during = await self._watcher.counted(BLIND_FOR_COUNTS)
        finally:
            await self._stage.county.restore_uplink()
        seen = self._account(await self._see_again(blind), before, first, during)
        cameras, townships = len(self._stage.fleet.cameras), len(during.townships)
        self._teller.blind_over(
            lasted=seen.lasted,
            townships=townships,
            moved=seen.moved,
            county=percent(during.county_rate),
            hidden=seen.unknown,
            blamed=seen.blamed,
        )
        if seen.moved or seen.blamed or seen.unknown != cameras:
            raise self._watcher.not_seen(
                f"{seen.moved} 个乡镇的比率变了，{seen.blamed} 台被判故障，{seen.unknown} 台记为未判定",
                f"{seen.moved} rates moved, {seen.blamed} cameras were blamed, {seen.unknown} have it as unknown",
            )
        return Story(
            name="blind",
            injected_at=injected_at,
            recorded_at=seen.gap.began,
            facts={
                "reason": seen.gap.reason,
                "lasted_s": seen.lasted,
                "townships": townships,
                "rates_moved": seen.moved,
                "county_rate_before": percent(before.county_rate),
                "county_rate_blind": percent(during.county_rate),
                "cameras_unknown": seen.unknown,
                "blamed": seen.blamed,
            },
        )

    async def _notice_blindness(self) -> Gap:
        with self._teller.waiting("上行已断，先查自己……", "the uplink is cut; we check ourselves first …"):
            blind = await self._watcher.until(
                lambda board: board.blind, "没有发现自己看不见了", "we did not notice that we are blind"
            )
        if say("page.blind", self._teller.lang) not in await self._watcher.page():
            raise self._watcher.not_seen("网页没有变灰", "the page did not grey")
        self._teller.blind_began(blind, self._stage.url)
        return blind

    async def _see_again(self, blind: Gap) -> Gap:
        with self._teller.waiting("上行恢复，等见证点应答……", "the uplink is back, the witnesses must answer …"):
            await self._watcher.until(
                lambda board: board.blind is None, "上行恢复后没有看见", "we did not see again once the uplink was back"
            )
        return await self._watcher.closed(blind)

    def _account(self, gap: Gap, before: Board, first: Board, during: Board) -> Blindness:
        """``first`` and ``during`` are boards of the blind time, some counts apart."""
        earlier, then, now = _rates(before), _rates(first), _rates(during)
        moved = sum(now[code] != then[code] or (earlier[code] == 1 and now[code] != 1) for code in now)
        cameras = self._stage.fleet.cameras
        return Blindness(
            gap=gap,
            before=before,
            during=during,
            moved=moved,
            unknown=sum(self._watcher.is_hidden(camera, gap) for camera in cameras),
            blamed=sum(self._watcher.was_blamed(camera, gap.began, gap.ended) for camera in cameras),
        )

    async def _covered_lens(self) -> Story:
        """A lens is covered: then and now."""
        picture_s, now = self._stage.config.looks.picture_s, int(self._stage.clock.now())
        lenses, pictured_by = self._stage.cast.lenses, self._pictured_by
        lens = soonest(lenses, pictured_by=pictured_by, after=now + 2, picture_s=picture_s)
        camera = self._stage.fleet.cameras[lens]
        injected_at = await self._stage.county.inject(Injected.COVERED, camera.id)
        with self._teller.waiting("镜头被遮住，等下一次抓图……", "a lens is covered, the next picture will tell …"):
            await self._watcher.until(
                lambda board: board.cameras[camera.id].fault is Fault.COVERED,
                f"{camera.id} 的遮挡没有被发现",
                f"the covered lens of {camera.id} was not found",
            )
        life = life_view(await self._stage.daemon.desk.life(camera.id))
        if life.then is None or life.latest is None:
            raise self._watcher.not_seen("缺“之前”或“现在”的图像", "the picture then or the picture now is missing")
        then = await self._watcher.picture(camera.id, life.then.at)
        latest = await self._watcher.picture(camera.id, life.latest.at)
        self._teller.covered_lens(camera, self._watcher.township(camera.id), then, latest)
        verdict = self._watcher.verdict([camera.id], FAILING)
        return Story(
            name="covered_lens",
            injected_at=injected_at,
            found_at=verdict.decided_at,
            recorded_at=verdict.at,
            facts={"camera": camera.id, "fault": verdict.fault, "picture_then": then, "picture_now": latest},
        )

    async def _power_back(self) -> Story:
        """Power returns and is credited from the second it did."""
        village, members = self._stage.cast.village, self._stage.cast.village_cameras
        await self._stage.county.repair(village, Injected.POWER_LOST)
        with self._teller.waiting("来电，等两次良好的抓图……", "power is back, two good pictures must show it …"):
            await self._watcher.until(
                lambda board: _all_are(board, members, Condition.INTACT) and not _touching(board, members),
                f"{village}没有全部恢复",
                f"not all of {village} is intact again",
            )
        truth = await self._stage.county.truth()
        back = {camera: float(truth[camera][-1]["from"]) for camera in members}
        verdicts = {camera: self._watcher.verdict([camera], {Condition.INTACT}) for camera in members}
        off_s = max((verdicts[camera].at - int(back[camera]) for camera in members), key=abs)
        credited_at, tolerance_s = min(verdict.at for verdict in verdicts.values()), self._watcher.tolerance_s
        self._teller.power_back(
            truth=min(back.values()), record=credited_at, off_s=off_s, tolerance_s=tolerance_s, cameras=len(members)
        )
        if abs(off_s) > tolerance_s:
            raise self._watcher.not_seen(
                f"有一台的恢复时间差 {off_s} 秒", f"a camera was credited {off_s} s away from when it was back"
            )
        return Story(
            name="power_back",
            injected_at=min(back.values()),
            found_at=max(verdict.decided_at for verdict in verdicts.values()),
            recorded_at=credited_at,
            facts={"cameras": len(members), "farthest_off_s": off_s, "tolerance_s": tolerance_s},
        )


def _all_are(board: Board, cameras: Iterable[str], condition: Condition) -> bool:
    return all(board.cameras[camera].condition is condition for camera in cameras)


def _touching(board: Board, cameras: Collection[str]) -> list[Event]:
    """The open events that concern any of the cameras."""
    return [event for event in board.events if event.ended is None and not set(cameras).isdisjoint(event.cameras)]


def _rates(board: Board) -> dict[str, Fraction | None]:
    return {township.code: township.rate for township in board.townships}
