"""The commands that enter what no look can tell: exemptions (报备), and another system's history."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.clock import SystemClock
from monitor.core.exemption import Exemption, Scope, kind_of
from monitor.core.fleet import Fleet
from monitor.core.rule import RuleError, UnknownError
from monitor.history import Imported, import_history
from monitor.importing import open_store
from monitor.secrets import write_private
from monitor.shell import REFUSED, Shell
from monitor.store import NewExemption
from monitor.wording import Lang, say

EVER = 1 << 40
REFUSED_SHOWN = 20
PROOF_AT_MOST = 64 * 2**20
"""Bytes of a file that proves an exemption."""

JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]
NumberArgument = Annotated[int, typer.Argument(metavar="ID", help="报备编号 / number of the exemption")]
ByOption = Annotated[str, typer.Option("--by", help="审批人 / who decides")]


def register(app: typer.Typer, shell: Shell) -> None:
    """Hang ``exempt`` and ``history`` into the command line."""
    commands = _Exempting(shell)
    exempt = typer.Typer(help="报备 / exemptions.", no_args_is_help=True, rich_markup_mode=None)
    exempt.command("add")(commands.add)
    exempt.command("approve")(commands.approve)
    exempt.command("reject")(commands.reject)
    exempt.command("list")(commands.show)
    app.add_typer(exempt, name="exempt")
    history = typer.Typer(help="历史记录 / another system's record.", no_args_is_help=True, rich_markup_mode=None)
    # A group of one command would be that command itself: the callback keeps its name.
    history.callback()(_history)
    history.command("import")(_Importing(shell).take)
    app.add_typer(history, name="history")


class _Exempting:
    """``xunjian exempt``."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def add(
        self,
        kind: Annotated[str, typer.Option(help="种类，如 construction / kind")],
        began: Annotated[str, typer.Option("--from", help="2026-10-01T08:00，无时区即本县时间 / site time")],
        ended: Annotated[str, typer.Option("--until")],
        reason: Annotated[str, typer.Option(help="原因 / reason")],
        camera: Annotated[str, typer.Option(help="点位编码 / camera id")] = "",
        village: Annotated[str, typer.Option(help="村（社区） / village")] = "",
        township: Annotated[str, typer.Option(help="乡镇名称或编号 / township, by name or code")] = "",
        filed_at: Annotated[str | None, typer.Option(help="实际报备时间，默认现在 / when it was filed")] = None,
        proof: Annotated[Path | None, typer.Option(help="佐证文件，留存一份并登记哈希 / a file that proves it")] = None,
        as_json: JsonOption = False,
    ) -> None:
        """登记一次报备：点位、村或乡镇 / file an exemption for a camera, a village or a township."""
        config, clock = self._shell.configuration(), SystemClock()
        zone, now = config.site.zone, int(clock.now())
        with self._shell.refusing(), open_store(config, clock) as store:
            new = NewExemption(
                scope=_scope(store.fleet_at(now), camera, village, township),
                kind=kind_of(kind),
                began=_moment(began, zone),
                ended=_moment(ended, zone),
                reason=reason,
                filed_at=now if filed_at is None else _moment(filed_at, zone),
                proof=keep_proof(proof, Path(config.exemptions.proofs)),
            )
            filed = store.file_exemption(new, who=self._shell.user(), at=now)
        self._tell([filed], zone, as_json=as_json, one=True)

    def approve(
        self,
        number: NumberArgument,
        by: ByOption,
        reason: Annotated[str, typer.Option(help="说明 / remark")] = "",
        as_json: JsonOption = False,
    ) -> None:
        """批准 / its time does not count."""
        self._decide(number, by, reason, approve=True, as_json=as_json)

    def reject(
        self,
        number: NumberArgument,
        by: ByOption,
        reason: Annotated[str, typer.Option(help="说明 / remark")] = "",
        as_json: JsonOption = False,
    ) -> None:
        """驳回 / its time counts."""
        self._decide(number, by, reason, approve=False, as_json=as_json)

    def show(self, as_json: JsonOption = False) -> None:
        """全部报备 / every filing."""
        config, clock = self._shell.configuration(), SystemClock()
        with open_store(config, clock) as store:
            filed = store.exemptions(0, EVER, int(clock.now()))
        self._tell(filed, config.site.zone, as_json=as_json)

    def _decide(self, number: int, by: str, reason: str, *, approve: bool, as_json: bool) -> None:
        config, clock = self._shell.configuration(), SystemClock()
        with self._shell.refusing(), open_store(config, clock) as store:
            decided = store.decide_exemption(
                number, approve=approve, by=by, reason=reason, who=self._shell.user(), at=int(clock.now())
            )
        self._tell([decided], config.site.zone, as_json=as_json, one=True)

    def _tell(self, filed: Iterable[Exemption], zone: tzinfo, *, as_json: bool, one: bool = False) -> None:
        if as_json:
            documents = [_json(exemption, zone) for exemption in filed]
            self._shell.say_json(documents[0] if one else documents)
            return
        english = self._shell.lang() is Lang.EN
        heads = (
            ("编号", "状态", "种类", "范围", "自", "至", "原因"),
            ("id", "state", "kind", "scope", "from", "until", "reason"),
        )
        table = Table(*heads[english])
        for each in filed:
            table.add_row(*map(Text, _cells(each, zone, self._shell.lang())))
        self._shell.print_table(table)


class _Importing:
    """``xunjian history import``."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def take(
        self,
        file: Annotated[Path, typer.Argument(help="JSON 行文件 / a file of JSON lines")],
        as_json: JsonOption = False,
    ) -> None:
        """导入其他系统的历史状态 / past conditions from another system; refused lines are told one by one."""
        config, clock = self._shell.configuration(), SystemClock()
        with self._shell.refusing(), open_store(config, clock) as store:
            done = import_history(store, file, who=self._shell.user(), at=int(clock.now()))
        if as_json:
            self._shell.say_json(self._document(done))
        else:
            self._tell(done)
        if done.refused:
            raise typer.Exit(REFUSED)

    def _document(self, done: Imported) -> dict[str, object]:
        return {
            "sha256": done.sha256,
            "lines": done.lines,
            "imported": done.imported,
            "known": done.known,
            "refused": [{"line": each.line, "reason": self._shell.in_words(each.zh, each.en)} for each in done.refused],
        }

    def _tell(self, done: Imported) -> None:
        console = Console()
        counts = (done.lines, done.imported, done.known, len(done.refused))
        console.print(
            self._shell.in_words(
                "共 {} 行：新导入 {}，已有 {}，未导入 {}".format(*counts),
                "{} lines: {} new, {} there already, {} refused".format(*counts),
            )
        )
        for each in done.refused[:REFUSED_SHOWN]:
            reason = self._shell.in_words(f"第 {each.line} 行：{each.zh}", f"line {each.line}: {each.en}")
            console.print(Text(f"  {reason}", style="red"))
        if (more := len(done.refused) - REFUSED_SHOWN) > 0:
            console.print(self._shell.in_words(f"  …… 另有 {more} 行（--json 可看全部）", f"  … {more} more (--json)"))


def _history() -> None:
    """历史记录 / another system's record."""


def _scope(fleet: Fleet, camera: str, village: str, township: str) -> Scope:
    """What the options name. Raises RuleError and UnknownError."""
    if bool(camera) == bool(village or township):
        raise RuleError("--camera、--village、--township 须指明其一", "name one of --camera, --village and --township")
    code = _township(fleet, township) if township else ""
    if camera and camera not in fleet.cameras:
        raise UnknownError(f"台账中没有点位 {camera}", f"no camera {camera} in the ledger")
    if village:
        homes = {
            its.township for its in fleet.cameras.values() if its.village == village and code in ("", its.township)
        }
        if not homes:
            raise UnknownError(f"台账中没有“{village}”的点位", f"the ledger has no camera in {village}")
        if len(homes) > 1:
            raise RuleError(
                f"有 {len(homes)} 个乡镇都有“{village}”，请同时用 --township 指明",
                f"{len(homes)} townships have a {village}; say which with --township",
            )
        return Scope(village=village, township=homes.pop())
    return Scope(camera=camera, township=code)


def _township(fleet: Fleet, text: str) -> str:
    for township in fleet.townships.values():
        if text in (township.name, township.code):
            return township.code
    raise UnknownError(f"台账中没有乡镇“{text}”", f"no township {text} in the ledger")


def _moment(text: str, zone: tzinfo) -> int:
    """A time in ISO 8601; without an offset it is the site's. Raises RuleError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RuleError(
            f"时间应写作 2026-10-01T08:00，现为“{text}”", f"a time is written like 2026-10-01T08:00, not {text!r}"
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp() // 1)


def keep_proof(path: Path | None, folder: Path) -> str:
    """Keep a copy of the file under its hash; its name with its hash. Raises UnknownError and RuleError."""
    if path is None:
        return ""
    try:
        if path.stat().st_size > PROOF_AT_MOST:
            raise RuleError(
                f"{path} 超过 {PROOF_AT_MOST >> 20} MiB，不能作为佐证保存",
                f"{path} has more than {PROOF_AT_MOST >> 20} MiB, too much for a proof",
            )
        content = path.read_bytes()
    except OSError as error:
        raise UnknownError(f"无法读取 {path}（{error.strerror}）", f"cannot read {path} ({error.strerror})") from error
    sha256 = hashlib.sha256(content).hexdigest()
    ending = re.sub(r"[^.\w]", "", path.suffix)[:10]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_private(folder / f"{sha256}{ending}", content)
    except OSError as error:
        raise RuleError(
            f"佐证无法保存到 {folder}（{error.strerror}）", f"the proof cannot be kept in {folder} ({error.strerror})"
        ) from error
    return f"{path.name} {sha256}"


def _json(exemption: Exemption, zone: tzinfo) -> dict[str, object]:
    decided_at = exemption.decided_at
    return {
        "id": exemption.id,
        "state": exemption.state.value,
        "late": exemption.late,
        "kind": exemption.kind.value,
        "camera": exemption.scope.camera,
        "village": exemption.scope.village,
        "township": exemption.scope.township,
        "from": _iso(exemption.began, zone),
        "until": _iso(exemption.ended, zone),
        "reason": exemption.reason,
        "filed_at": _iso(exemption.filed_at, zone),
        "proof": exemption.proof,
        "decided_by": exemption.decided_by,
        "decided_at": None if decided_at is None else _iso(decided_at, zone),
        "decided_why": exemption.decided_why,
    }


def _cells(exemption: Exemption, zone: tzinfo, lang: Lang) -> tuple[str, ...]:
    scope = exemption.scope
    return (
        str(exemption.id),
        say(f"filing.{exemption.state.value}", lang),
        say(f"exemption.{exemption.kind.value}", lang),
        scope.camera or " ".join(filter(None, (scope.township, scope.village))),
        f"{datetime.fromtimestamp(exemption.began, zone):%Y-%m-%d %H:%M}",
        f"{datetime.fromtimestamp(exemption.ended, zone):%Y-%m-%d %H:%M}",
        exemption.reason,
    )


def _iso(at: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(at, zone).isoformat(timespec="seconds")
