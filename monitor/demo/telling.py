"""How the demo tells its stories in the terminal, in Chinese or in English."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from monitor.config import Difference
from monitor.core.board import Proven
from monitor.core.fleet import Camera
from monitor.core.period import Month
from monitor.core.record import Gap, Transition
from monitor.demo.scorecard import Grade, Scorecard, Story
from monitor.desk import Papers
from monitor.importing import Imported
from monitor.web.calls import EventCall
from monitor.wording import Lang, say
from probes.observation import Step

TITLES = {
    "proof": ("一批摄像机，三个数", "three numbers for one fleet"),
    "power_cut": ("一个村停电", "a village loses power"),
    "recorder_full": ("录像机会话占满（453）", "a recorder's sessions fill up (453)"),
    "blind": ("我们自己的上行断了", "our own uplink is cut"),
    "covered_lens": ("镜头被遮住", "a lens is covered"),
    "power_back": ("来电了", "power returns"),
    "month": ("一个月结束了", "a month is over"),
}
"""The stories in the order in which they are told."""

ACCUSATIONS_SHOWN = 20


class Teller:
    """Writes to a terminal, or nothing at all when ``quiet``. ``zone`` is the site's."""

    def __init__(self, lang: Lang, zone: tzinfo, *, quiet: bool) -> None:
        self.lang = lang
        self._zone = zone
        self._console = Console(quiet=quiet, highlight=False)
        self._number = 0

    def words(self, zh: str, en: str) -> str:
        """In the language of the demo."""
        return en if self.lang is Lang.EN else zh

    def line(self, zh: str, en: str, style: str = "") -> None:
        """One line, in the language of the demo."""
        self.plain(self.words(zh, en), style)

    def plain(self, text: str, style: str = "") -> None:
        """One line that is the same in every language."""
        self._console.print(Text(text, style=style), soft_wrap=True)

    def clock(self, at: float) -> str:
        """The time of day at the site, to the second."""
        return f"{datetime.fromtimestamp(at, self._zone):%H:%M:%S}"

    @contextlib.contextmanager
    def waiting(self, zh: str, en: str) -> Iterator[None]:
        """Something turns while the block waits, where there is a terminal to see it."""
        if self._console.is_terminal and not self._console.quiet:
            with self._console.status(Text(self.words(zh, en), style="dim")):
                yield
        else:
            yield

    # Before the stories

    def announced(self, url: str, cameras: int) -> None:
        """The page's address before all else."""
        self.line(f"网页 {url}", f"page {url}", "bold cyan")
        self.line(
            f"巡检演示：虚构的霁明县，{cameras} 台摄像机，真实的 RTSP / ONVIF 查看，全部在本机回环地址上。",
            f"Xunjian demo: the fictitious county of Jiming, {cameras} cameras, real looks by RTSP and ONVIF, "
            "all on this machine's loopback addresses.",
        )

    def served(self, cameras: int, townships: int, folder: Path) -> None:
        """The county answers."""
        self.line(f"目录 {folder}（日志 daemon.log）", f"folder {folder} (log: daemon.log)")
        self.line(
            f"{townships} 个乡镇的 {cameras} 台摄像机已上线，每台设备一个地址。",
            f"{cameras} cameras of {townships} townships are up, each device at an address of its own.",
        )

    def shortened(self, differences: Sequence[Difference]) -> None:
        """What the demo does faster than a county would."""
        self.line(
            "为了在两分钟内讲完，演示缩短了这些设置（默认 → 演示）：",
            "to fit into two minutes the demo shortens these settings (default → demo):",
        )
        for difference in differences:
            default, value = _plain(difference.default), _plain(difference.value)
            self.plain(f"    {difference.path:<26} {default:>18} → {value}", "dim")

    def imported(self, ledger: Path, imported: Imported) -> None:
        """The ledger went through the product's own import."""
        added, logins = len(imported.changes.added), len(imported.changes.credentials)
        self.line(
            f"台账 {ledger.name} 已导入：{added} 台，{logins} 组登录已加密保存，试登录 {len(imported.tried)} 次。",
            f"ledger {ledger.name} imported: {added} cameras, {logins} logins encrypted, tried {len(imported.tried)} "
            "times.",
        )

    # The stories

    def begins(self, name: str) -> None:
        """The next story's title."""
        self._number += 1
        self._console.print()
        zh, en = TITLES[name]
        self.line(f"{self._number}. {zh}", f"{self._number}. {en}", "bold")

    def fails(self, why_not: str) -> None:
        """The story did not come out as it should."""
        self.plain(f"  ✗ {why_not}", "bold red")

    def graded(self, grade: Grade) -> None:
        """The scorecard so far, in one line."""
        found, accused = len(grade.found), grade.falsely_accused
        self.line(
            f"  对照模拟器的真相：注入 {grade.injected}，发现 {found}，误报 {accused}",
            f"  against the simulator's truth: injected {grade.injected}, found {found}, falsely accused {accused}",
            "green" if grade.clean else "bold red",
        )

    def proof(self, proven: Proven, camera: Camera, township: str, steps: Sequence[Step], picture: str) -> None:
        """Three numbers, and the camera that makes the difference."""
        self.line(
            f"  {proven.cameras} 台：端口有应答 {proven.port}，码流有描述 {proven.described}，"
            f"图像已证实 {proven.pictured}",
            f"  {proven.cameras} cameras: a port answers at {proven.port}, a stream is described at "
            f"{proven.described}, a picture is proven at {proven.pictured}",
            "yellow",
        )
        self.line(
            f"  只有最后一个数抓得住它：{township} {camera.village} {camera.name}（{camera.id}）",
            f"  only the last one catches this camera: {camera.name}, {camera.village}, {township} ({camera.id})",
        )
        for step in steps:
            name = say(f"step.{step.name}", self.lang)
            self.plain(f"    {name}  {step.took_ms:.0f} ms  {step.said}".rstrip(), "dim")
        self.line(f"  图像 {picture}", f"  picture {picture}", "cyan")

    def power_cut(self, call: EventCall, text: str) -> None:
        """One event, one call."""
        event = call.event
        self.line(
            f"  {event.of} 台同时没了：1 起事件（{say(f'event.{event.kind}', self.lang)}），"
            f"自 {self.clock(event.began)} 起，打 1 个电话：",
            f"  {event.of} cameras gone at once: 1 event ({say(f'event.{event.kind}', self.lang)}) since "
            f"{self.clock(event.began)}, 1 call to make:",
            "yellow",
        )
        for number in call.numbers[:1]:
            role = say(f"contact.{number.role}", self.lang)
            self.plain(f"  ☎ {call.township} {role}  {number.contact.name}  {number.contact.phone}", "bold")
        self.plain(f"  {text}", "dim")

    def recorder_full(self, recorder: str, *, channels: int, busy: int, blamed: int, accused: int) -> None:
        """What we say of a full recorder, and what others would."""
        self.line(
            f"  {recorder}：{channels} 路，我们看了 {busy} 次都是“会话已满”，判为故障的 {blamed} 路",
            f"  {recorder}: {channels} channels, {busy} of our looks met a full recorder, {blamed} channels are blamed",
            "yellow",
        )
        self.line(
            f"  同一时刻用“连端口＋DESCRIBE”查一次：会冤枉 {accused} 台",
            f"  a port-and-describe checker, run on them at that moment, accuses {accused} cameras",
            "bold",
        )

    def blind_began(self, blind: Gap, page: str) -> None:
        """We know that it is us."""
        words, since = say("page.blind", self.lang), self.clock(blind.began)
        reason = say(f"reason.{blind.reason}", self.lang)
        self.line(
            f"  {words}：{reason}，自 {since} 起不计入任何人；网页已变灰 {page}",
            f"  {words}: {reason}; from {since} on nothing counts for anybody; the page is grey: {page}",
            "yellow",
        )

    def blind_over(self, *, lasted: int, townships: int, moved: int, county: str, hidden: int, blamed: int) -> None:
        """Nothing has moved meanwhile."""
        self.line(
            f"  {lasted} 秒里，{townships} 个乡镇的在线完好率变动 {moved} 个（全县 {county}%）；"
            f"{hidden} 台这段时间记为“未判定”，被判故障 {blamed} 台",
            f"  in {lasted} s the rates of {moved} of {townships} townships moved (county {county} %); {hidden} "
            f"cameras have this time as unknown, {blamed} were blamed",
            "bold",
        )

    def covered_lens(self, camera: Camera, township: str, then: str, now: str) -> None:
        """The lens then and now."""
        fault = say("fault.covered", self.lang)
        self.line(
            f"  {township} {camera.village} {camera.name}：{fault}",
            f"  {camera.name}, {camera.village}, {township}: {fault}",
            "yellow",
        )
        self.line(f"  之前 {then}", f"  then {then}", "cyan")
        self.line(f"  现在 {now}", f"  now  {now}", "cyan")

    def power_back(self, *, truth: float, record: int, off_s: int, tolerance_s: float, cameras: int) -> None:
        """Credited from the second it was so."""
        back, credited = self.clock(truth), self.clock(record)
        self.line(
            f"  真相：{back} 来电；记录：{credited} 起恢复。{cameras} 台中差得最多的一台差 {off_s:+d} 秒"
            f"（容许一个查看间隔加一次查看：{tolerance_s:.0f} 秒）",
            f"  truth: power is back at {back}; record: intact from {credited} on. Of {cameras} cameras the farthest "
            f"is off by {off_s:+d} s (allowed: one interval and one look, {tolerance_s:.0f} s)",
            "yellow",
        )

    def history(self, months: Sequence[Month], lines: int) -> None:
        """The past was taken in."""
        names = "、".join(map(str, months))
        self.line(
            f"  导入这些摄像机 {names} 的历史记录（虚构）：{lines} 行",
            f"  the past of the same cameras, {', '.join(map(str, months))} (invented), is imported: {lines} lines",
        )

    def frozen(self, month: Month, sha256: str) -> None:
        """A month is closed for good."""
        self.line(f"  {month} 已定稿，SHA-256 {sha256[:16]}…", f"  {month} is frozen, SHA-256 {sha256[:16]}…")

    @contextlib.contextmanager
    def progress(self) -> Iterator[Callable[[int, int, str], None]]:
        """A bar, for something that says how far it is."""
        columns = (TextColumn("  {task.description:<34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task("", total=None)

            def told(done: int, of: int, name: str) -> None:
                bar.update(task, completed=done, total=of, description=name)

            yield told

    def papers(self, month: Month, papers: Papers, url: str, *, equal: bool) -> None:
        """The bundle lies there, and was counted again."""
        self.line(
            f"  {papers.files} 个文件：{papers.folder}", f"  {papers.files} files: {papers.folder}", "bold yellow"
        )
        self.plain(f"  {url}month/{month}", "cyan")
        for stand_in in papers.stand_ins:
            self.plain(f"  {stand_in}", "dim")
        self.line(
            f"  month verify {month}：" + ("从记录重新计算，逐字节相同" if equal else "不相同"),
            f"  month verify {month}: " + ("counted again from the record, equal to the byte" if equal else "unequal"),
            "green" if equal else "red",
        )

    # The end

    def scorecard(self, card: Scorecard) -> None:
        """The table at the end."""
        self._console.print()
        self._console.print(self._table(card.stories))
        grade = card.grade
        for spell in grade.missed:
            self.line(
                f"  漏报 {spell.camera} {spell.condition} {spell.fault} {self.clock(spell.began)}",
                f"  missed {spell.camera} {spell.condition} {spell.fault} {self.clock(spell.began)}",
                "red",
            )
        for wrong in grade.accusations[:ACCUSATIONS_SHOWN]:
            span = f"{self.clock(wrong.began)}–{self.clock(wrong.ended)}"
            self.line(
                f"  误报 {wrong.camera} {wrong.condition} {wrong.fault} {span}",
                f"  falsely accused {wrong.camera} {wrong.condition} {wrong.fault} {span}",
                "red",
            )
        self.line(
            f"成绩单：注入 {grade.injected}，发现 {len(grade.found)}，误报 {grade.falsely_accused}"
            f"（容差 {card.tolerance_s:.0f} 秒，全程 {card.took_s:.0f} 秒，{card.cameras} 台的全部记录都与真相对照）",
            f"scorecard: injected {grade.injected}, found {len(grade.found)}, falsely accused {grade.falsely_accused} "
            f"(tolerance {card.tolerance_s:.0f} s, {card.took_s:.0f} s in all, the whole record of {card.cameras} "
            "cameras held against the truth)",
            "bold green" if card.passed else "bold red",
        )

    def goes_on(self, url: str) -> None:
        """The county lives on."""
        self._console.print()
        self.line(
            f"县里的日子还在继续，网页一直是活的：{url}  按 Ctrl-C 结束",
            f"the county lives on and the page with it: {url}  Ctrl-C ends the demo",
            "bold cyan",
        )

    def found(self, camera: Camera, verdict: Transition) -> None:
        """What the monitor has decided."""
        condition = say(f"condition.{verdict.condition}", self.lang)
        fault = f" {say(f'fault.{verdict.fault}', self.lang)}" if verdict.fault else ""
        since, decided = self.clock(verdict.at), self.clock(verdict.decided_at)
        self.line(
            f"{decided}  {camera.name}  {condition}{fault}，自 {since} 起",
            f"{decided}  {camera.name}  {condition}{fault}, since {since}",
        )

    def ends(self, folder: Path, *, kept: bool) -> None:
        """All is over."""
        if kept:
            self.line(f"记录和日志留在 {folder}", f"record and log are kept in {folder}")
        else:
            self.line(f"已全部结束，{folder} 已删除", f"all has ended, {folder} is removed")

    def _table(self, stories: Sequence[Story]) -> Table:
        heads = (
            ("故事", "", "真相起于", "判定于", "记录起于"),
            ("story", "", "in truth", "found at", "in record"),
        )
        table = Table(*heads[self.lang is Lang.EN])
        for story in stories:
            zh, en = TITLES[story.name]
            table.add_row(
                self.words(zh, en),
                Text("✗" if story.why_not else "✓", style="red" if story.why_not else "green"),
                *(self.clock(at) if at is not None else "—" for at in (story.injected_at, story.found_at)),
                self.clock(story.recorded_at) if story.recorded_at is not None else "—",
            )
        return table


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(str, value)) + "]"
    return str(value)
