"""The commands about whole months: ``xunjian month``."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.clock import SystemClock
from monitor.importing import open_store
from monitor.months import CAMERA_KEYS, ROW_KEYS, inspect_month, month_of, show
from monitor.shell import REFUSED, Shell
from monitor.store import SnapshotState
from monitor.wording import Lang, month_name, say
from reports.monthly import MonthEntry, MonthState, entries, freeze, load, newest, state_of, verify

JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]
MonthArgument = Annotated[str, typer.Argument(metavar="MONTH", help="2026-10")]


def register(app: typer.Typer, shell: Shell) -> None:
    """Hang ``month`` into the command line."""
    commands = _Months(shell)
    month = typer.Typer(help="月份 / months.", no_args_is_help=True, rich_markup_mode=None)
    month.command("list")(commands.all)
    month.command("show")(commands.show)
    month.command("freeze")(commands.freeze)
    month.command("verify")(commands.verify)
    app.add_typer(month, name="month")


class _Months:
    """``xunjian month``."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def all(self, as_json: JsonOption = False) -> None:
        """各月的状态 / how far each month has got."""
        config, clock = self._shell.configuration(), SystemClock()
        with open_store(config, clock) as store, store.snapshot() as reader:
            found = entries(reader, config, int(clock.now()))
        if as_json:
            self._shell.say_json([_entry_json(each, config.site.zone) for each in found])
        else:
            self._tell_entries(found, config.site.zone)

    def show(self, month: MonthArgument, as_json: JsonOption = False) -> None:
        """一个月的全部数字：未结束的算到现在，已定稿的按定稿 / a month's figures: up to now, or as frozen."""
        config, clock = self._shell.configuration(), SystemClock()
        now = int(clock.now())
        with self._shell.refusing():
            wanted = month_of(month, config)
            with open_store(config, clock) as store, store.snapshot() as reader:
                state = state_of(reader, wanted, now)
                if state is MonthState.FROZEN:
                    frozen = newest(reader, wanted, SnapshotState.FROZEN)
                    assert frozen is not None, "a frozen month has its snapshot"
                    shown = _as_frozen(load(reader, frozen))
                else:
                    shown = show(inspect_month(reader, config, wanted, now), config, state.value)
        if as_json:
            self._shell.say_json(shown)
        else:
            self._tell_month(shown)

    def freeze(
        self,
        month: MonthArgument,
        reason: Annotated[str, typer.Option(help="更正理由，再次定稿时必填 / why it is frozen again")] = "",
        as_json: JsonOption = False,
    ) -> None:
        """定稿：此后该月不再变 / freeze the month for good."""
        config, clock = self._shell.configuration(), SystemClock()
        with self._shell.refusing(), open_store(config, clock) as store:
            done = freeze(
                store, config, month_of(month, config), int(clock.now()), who=self._shell.user(), reason=reason
            )
        entry = done.entry
        if as_json:
            self._shell.say_json(
                {
                    "month": entry.month,
                    "state": entry.state.value,
                    "revision": entry.revision,
                    "sha256": entry.sha256,
                    "frozen_at": _iso(entry.made_at, config.site.zone),
                    "reason": entry.reason,
                    "skipped_window": done.skipped_window,
                }
            )
            return
        console = Console()
        sentence = self._shell.in_words(
            f"{entry.month} 已定稿，第 {entry.revision} 版", f"{entry.month} is frozen, revision {entry.revision}"
        )
        console.print(Text(sentence, style="bold"))
        console.print(Text(f"SHA-256 {entry.sha256}"), soft_wrap=True)
        if done.skipped_window:
            console.print(
                self._shell.in_words(
                    "核对期尚未结束，已记入日志", "the townships' time to object was not over; this is on record"
                )
            )

    def verify(self, month: MonthArgument, as_json: JsonOption = False) -> None:
        """按当时的记录和规则重新计算并逐字节核对 / count it again as it was known then, and compare every byte."""
        config, clock = self._shell.configuration(), SystemClock()
        with self._shell.refusing(), open_store(config, clock) as store, store.snapshot() as reader:
            found = verify(reader, month_of(month, config))
        if as_json:
            self._shell.say_json(
                {
                    "month": found.entry.month,
                    "state": found.entry.state.value,
                    "revision": found.entry.revision,
                    "sha256": found.entry.sha256,
                    "equal": found.equal,
                    "hash_equal": found.hash_equal,
                    "differences": list(found.differences),
                }
            )
        else:
            console = Console()
            word = self._shell.in_words("一致", "equal") if found.equal else self._shell.in_words("不一致", "unequal")
            console.print(Text(f"{found.entry.month}  {word}", style="bold green" if found.equal else "bold red"))
            console.print(Text(f"SHA-256 {found.entry.sha256}"), soft_wrap=True)
            if not found.hash_equal:
                console.print(
                    self._shell.in_words("存储内容与哈希不符", "what is stored does not have its hash"), style="red"
                )
            for difference in found.differences:
                console.print(Text(f"  {difference}", style="red"))
        if not found.equal:
            raise typer.Exit(REFUSED)

    def _tell_entries(self, found: list[MonthEntry], zone: tzinfo) -> None:
        heads = (
            ("月份", "状态", "初稿", "核对期至", "定稿", "版次"),
            ("month", "state", "draft", "objections", "frozen", "revision"),
        )
        table = Table(*heads[self._shell.lang() is Lang.EN])
        for each in found:
            table.add_row(
                str(each.month),
                say(f"month.{each.state.value}", self._shell.lang()),
                _minute(each.draft.made_at, zone) if each.draft else "—",
                _minute(each.appeal_until, zone),
                _minute(each.frozen.made_at, zone) if each.frozen else "—",
                str(each.frozen.revision) if each.frozen else "—",
            )
        self._shell.print_table(table)

    def _tell_month(self, shown: dict[str, Any]) -> None:
        """The ranking table with all counts; the county stands last."""
        lang = self._shell.lang()
        state = say(f"month.{shown['state']}", lang)
        table = Table(title=f"{month_name(shown['month'], lang)}  {state}")
        for zh, en in COLUMNS:
            table.add_column(self._shell.in_words(zh, en), justify="left" if zh == "乡镇" else "right", no_wrap=True)
        for row in shown["townships"]:
            table.add_row(*map(Text, self._cells(row)))
        table.add_section()
        table.add_row(*map(Text, self._cells({**shown["county"], "name": self._shell.in_words("全县", "county")})))
        self._shell.print_table(table)

    def _cells(self, row: dict[str, Any]) -> list[str]:
        reaches = {True: self._shell.in_words("达标", "yes"), False: self._shell.in_words("未达标", "no"), None: "—"}
        keys = ("registered", "exempted", "unassessed", "never_connected", "assessed", "online_rate", "intact_rate")
        return [
            _or_dash(row["place"]),
            row["name"],
            *(_or_dash(row[key]) for key in (*keys, "online_intact_rate")),
            reaches[row["reaches_target"]],
            _or_dash(row["points"]),
            _or_dash(row["exempt_share"]),
            _or_dash(row["unknown_share"]),
        ]


COLUMNS = (
    ("名次", "place"),
    ("乡镇", "township"),
    ("建档", "registered"),
    ("报备", "exempted"),
    ("未检", "unassessed"),
    ("未接入", "unconnected"),
    ("应检", "assessed"),
    ("在线率", "online"),
    ("完好率", "intact"),
    ("在线完好率", "online+intact"),
    ("达标", "target"),
    ("得分", "points"),
    ("报备占比", "exempt %"),
    ("未判定占比", "unknown %"),
)


def _as_frozen(snapshot: dict[str, Any]) -> dict[str, Any]:
    """What ``month show`` prints, out of a snapshot that says more."""
    return {
        "month": snapshot["month"],
        "state": snapshot["state"],
        "basis": snapshot["basis"],
        "county": {key: snapshot["county"][key] for key in ROW_KEYS},
        "townships": [{key: row[key] for key in ROW_KEYS} for row in snapshot["townships"]],
        "cameras": [{key: row[key] for key in CAMERA_KEYS} for row in snapshot["cameras"]],
    }


def _entry_json(each: MonthEntry, zone: tzinfo) -> dict[str, object]:
    return {
        "month": str(each.month),
        "state": each.state.value,
        "appeal_until": _iso(each.appeal_until, zone),
        "drafted_at": _iso(each.draft.made_at, zone) if each.draft else None,
        "frozen_at": _iso(each.frozen.made_at, zone) if each.frozen else None,
        "revision": each.frozen.revision if each.frozen else None,
        "sha256": each.frozen.sha256 if each.frozen else None,
        "reason": each.frozen.reason if each.frozen else None,
    }


def _or_dash(value: object) -> str:
    return "—" if value is None else str(value)


def _minute(at: int, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(at, zone):%Y-%m-%d %H:%M}"


def _iso(at: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(at, zone).isoformat(timespec="seconds")
