"""The command line. Names, exit codes and JSON keys are a contract: see ARCHITECTURE.md.

Exit codes: 0 fine; 1 done, but something was refused, void or not intact; 2 bad usage, configuration or unknown
camera; 3 our own failure. Facts go to standard output, complaints to standard error.
"""

from __future__ import annotations

import getpass
import os
import re
import sys
import traceback
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from json import dumps
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
import uvloop
from pydantic import BaseModel
from rich.console import Console

from monitor import alerting, backup_commands, filing, logs, terminal
from monitor.asking import BrokenOffError, ask_for_references, look_once, look_round, read_life
from monitor.clock import SystemClock
from monitor.config import Config, ConfigError, differences, load
from monitor.control import NotToBeHadError, depth_of
from monitor.daemon import PortTakenError, serve, socket_path
from monitor.doctor import Level, doors_of, examine, passages_of, reach
from monitor.importing import import_ledger, open_store
from monitor.inventory import InventoryError, export
from monitor.png import grey_png
from monitor.secrets import SecretsError, redact
from monitor.shell import Shell
from monitor.store import AlreadyRunning, StoreError
from monitor.wording import Lang
from probes.image.memory import THUMB_HEIGHT, THUMB_WIDTH
from probes.observation import Light, Reference
from reports import commands, papers_command
from reports.office import Office

Result = TypeVar("Result")

REFUSED, USAGE, FAILED = 1, 2, 3

app = typer.Typer(
    name="xunjian",
    help="巡检：摄像机在线完好巡查 / watches a county's cameras and reports on them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
inventory_app = typer.Typer(help="台账 / the ledger of cameras.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(inventory_app, name="inventory")

JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]
DepthOption = Annotated[str, typer.Option(help="light | onvif | describe | media | picture")]


@dataclass(slots=True)
class _Common:
    """The options that stand before or after any command."""

    config: Path = Path("config.toml")
    lang: Lang = Lang.ZH
    debug: bool = False


_common = _Common()


class Refusal(Exception):  # noqa: N818 - the command says no; nothing has failed
    """The command ends with an exit code and one sentence, in both languages."""

    def __init__(self, code: int, zh: str, en: str) -> None:
        super().__init__(en if _common.lang is Lang.EN else zh)
        self.code = code


@app.callback()
def common(
    config: Annotated[Path, typer.Option(envvar="XUNJIAN_CONFIG", help="配置文件 / the settings")] = Path(
        "config.toml"
    ),
    lang: Annotated[Lang, typer.Option(help="语言 / language")] = Lang.ZH,
    debug: Annotated[bool, typer.Option("--debug", help="出错时显示调用过程 / show tracebacks")] = False,
) -> None:
    """These options may stand before or after a command."""
    _common.config, _common.lang, _common.debug = config, lang, debug


@app.command()
def run() -> None:
    """守护进程：巡查、记录、网页和 /metrics / the daemon: probes, record, page and /metrics."""
    config = configuration()
    with logging_to_stderr(config, config.log.level) as started:
        wait_for(serve(config, Office, started.flush))


@app.command()
def demo(
    cameras: Annotated[int, typer.Option(min=300, max=4000, help="模拟摄像机数 / simulated cameras")] = 880,
    once: Annotated[bool, typer.Option("--once", help="演示完即结束 / end after the stories")] = False,
    as_json: JsonOption = False,
) -> None:
    """演示：回环地址上的模拟县 / a simulated county on loopback, and the daemon on it."""
    # Imported here: a county's encoders and painters would be in the memory of every daemon.
    from monitor.demo import demonstrate

    card = wait_for(
        demonstrate(cameras=cameras, lang=_common.lang, once=once or as_json, quiet=as_json, open_office=Office)
    )
    if as_json:
        say_json(card.as_json())
    if not card.passed:
        raise typer.Exit(REFUSED)


@app.command("check-config")
def check_config(as_json: JsonOption = False) -> None:
    """一次列出配置中的全部错误 / every mistake in config.toml at once."""
    changed = differences(configuration())
    if as_json:
        say_json([{"path": each.path, "default": each.default, "value": each.value} for each in changed])
        return
    say(
        f"{_common.config}: "
        + in_words(f"没有错误，{len(changed)} 项不是默认值", f"no mistakes, {len(changed)} settings of its own")
    )
    for each in changed:
        value, default = (dumps(it, ensure_ascii=False, default=_plain) for it in (each.value, each.default))
        say(f"  {each.path} = {value}  ({in_words('默认', 'default')} {default})")


@inventory_app.command("import")
def inventory_import(
    file: Annotated[Path, typer.Argument(help="台账 .xlsx .xls .csv / the ledger")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只看不写 / show only")] = False,
    retire_missing: Annotated[
        bool, typer.Option("--retire-missing", help="停用文件中没有的 / retire what is not in it")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """导入台账：坏行逐条说明，好行照常导入 / bad rows are explained, good ones go in."""
    config = configuration()
    with only_complaints(config):
        done = import_ledger(
            config,
            SystemClock(),
            file,
            socket_path(config),
            who=user_name(),
            dry_run=dry_run,
            retire_missing=retire_missing,
        )
    if as_json:
        say_json(terminal.import_json(done, dry_run=dry_run, lang=_common.lang))
    else:
        terminal.tell_import(Console(), done, dry_run=dry_run, lang=_common.lang)
    if done.ledger.problems or done.refused_logins:
        raise typer.Exit(REFUSED)


@inventory_app.command("export")
def inventory_export(file: Annotated[Path, typer.Argument(help="要写的 .xlsx / the file to write")]) -> None:
    """导出台账，不含密码 / the ledger as it stands, without passwords."""
    clock = SystemClock()
    with open_store(configuration(), clock) as store:
        fleet = store.fleet_at(int(clock.now()))
    with writing(file):
        export(fleet, file)
    say(in_words(f"已导出 {len(fleet.cameras)} 台到 {file}", f"{len(fleet.cameras)} cameras written to {file}"))


@inventory_app.command("list")
def inventory_list(as_json: JsonOption = False) -> None:
    """台账现状 / the ledger as it stands."""
    clock = SystemClock()
    with open_store(configuration(), clock) as store:
        fleet = store.fleet_at(int(clock.now()))
    if as_json:
        say_json(terminal.fleet_json(fleet))
    else:
        terminal.tell_fleet(Console(), fleet, _common.lang)


@app.command()
def probe(
    camera: Annotated[str, typer.Argument(help="编号或 rtsp:// 地址 / camera id or URL")],
    depth: DepthOption = "picture",
    save_picture: Annotated[Path | None, typer.Option(help="保存图片 / where to save the picture")] = None,
    as_json: JsonOption = False,
) -> None:
    """看一台摄像机：每一步和它的回答 / one look, with every step and answer."""
    config = configuration()
    with only_complaints(config):
        seen = wait_for(look_once(config, SystemClock(), socket_path(config), camera, depth_of(depth)))
    if save_picture is not None:
        save(seen.jpeg, save_picture)
    if as_json:
        say_json(seen.report)
    else:
        terminal.tell_probe(Console(), seen.report, _common.lang)
    if seen.report["condition"] != "intact":
        raise typer.Exit(REFUSED)


@app.command("round")
def round_(depth: DepthOption = "picture", as_json: JsonOption = False) -> None:
    """立即巡查一轮 / one look at every camera, now."""
    config = configuration()
    with only_complaints(config):
        report = wait_for(look_round(config, SystemClock(), socket_path(config), depth_of(depth), Console(stderr=True)))
    if as_json:
        say_json(report)
    else:
        terminal.tell_round(Console(), report, _common.lang)
    if report["void"] or any(each["condition"] != "intact" for each in report["cameras"]):
        raise typer.Exit(REFUSED)


@app.command()
def camera(
    camera_id: Annotated[str, typer.Argument(metavar="ID", help="编号 / camera id")],
    month: Annotated[str | None, typer.Option(help="2026-10")] = None,
    as_json: JsonOption = False,
) -> None:
    """一台摄像机的一个月：区间、查看、证据、算式 / its intervals, looks, evidence and arithmetic."""
    config = configuration()
    its, life, seconds = read_life(config, SystemClock(), camera_id, month)
    if as_json:
        say_json(terminal.life_json(its, life, seconds))
    else:
        terminal.tell_life(Console(), its, life, seconds, config.site.zone, _common.lang)


@app.command()
def reference(
    camera_id: Annotated[str, typer.Argument(metavar="ID", help="编号 / camera id")],
    approve: Annotated[str, typer.Option(help="确认为参考图：day 或 night / hold it from now on")] = "",
    reset: Annotated[str, typer.Option(help="重新学习：day、night 或 both / let go of it and learn anew")] = "",
    by: Annotated[str, typer.Option("--by", help="姓名，默认当前用户 / who does it")] = "",
    save_picture: Annotated[
        Path | None, typer.Option(help="把参考图存到文件夹 / a folder for the pictures, as PNG")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """参考图：白天、夜间各一张，画面与它对照 / what its pictures are held against, by day and by night."""
    config, clock, who = configuration(), SystemClock(), by or user_name()
    with only_complaints(config), _shell.refusing():
        asked = ask_for_references(config, clock, socket_path(config), camera_id, approve=approve, reset=reset, by=who)
        references = wait_for(asked)
    if save_picture is not None:
        save_references(references, camera_id, save_picture)
    if as_json:
        say_json(terminal.references_json(camera_id, references))
    else:
        terminal.tell_references(Console(), references, config.site.zone, _common.lang)


@app.command()
def doctor(
    network: Annotated[
        bool,
        typer.Option(
            "--network", help="防火墙放行清单，以及登录前的连通情况 / the firewall list, and what is reachable"
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """体检：找出将要出问题的地方 / what will go wrong if nobody looks."""
    if network:
        knock(configuration(), as_json=as_json)
        return
    config = configuration()
    clock = SystemClock()
    findings = [
        *examine(config, clock),
        *alerting.alert_findings(config, clock),
        *papers_command.font_findings(config),
    ]
    if as_json:
        say_json(
            [{"level": each.level.value, "topic": each.topic, "text": each.text(_common.lang)} for each in findings]
        )
    else:
        terminal.tell_findings(Console(), findings, _common.lang)
    if any(each.level is not Level.FINE for each in findings):
        raise typer.Exit(REFUSED)


def knock(config: Config, *, as_json: bool) -> None:
    """The firewall list first, since whoever opens doors needs it while they are closed; then who answers."""
    clock = SystemClock()
    with open_store(config, clock) as store:
        fleet = store.fleet_at(int(clock.now()))
    doors = doors_of(fleet, config)
    passages = passages_of(doors, fleet)
    if not as_json:
        terminal.tell_passages(Console(), passages, config, _common.lang)
    with terminal.knocking(Console(stderr=True)) as progress:
        reached = wait_for(reach(doors, progress=progress))
    if as_json:
        say_json(terminal.network_json(passages, reached, config))
    else:
        terminal.tell_reached(Console(), reached, _common.lang)
    if any(each.closed for each in reached):
        raise typer.Exit(REFUSED)


_shell = Shell(
    configuration=lambda: configuration(),
    config_file=lambda: _common.config,
    lang=lambda: _common.lang,
    user=lambda: user_name(),
    refusal=Refusal,
)
for _group in (alerting, filing, commands, papers_command):
    _group.register(app, _shell)
backup_commands.register(app, _shell, papers_command.template_files)


def main() -> None:
    """The program's entry: every failure becomes an exit code and one sentence."""
    try:
        app(args=with_common_first(sys.argv[1:]))
    except Refusal as refusal:
        end(refusal.code, str(refusal))
    except ConfigError as error:
        end(USAGE, str(error))
    except (InventoryError, SecretsError, NotToBeHadError, PortTakenError) as error:
        end(USAGE, error.text(_common.lang.value))
    except AlreadyRunning as error:
        end(USAGE, in_words(f"已有一个巡检程序在用这个数据库：{error}", str(error)))
    except StoreError as error:
        end(FAILED, in_words(f"数据库不能用：{error}", str(error)))
    except BrokenOffError:
        end(FAILED, in_words("巡检程序在答复之前退出了", "the daemon ended before it had answered"))
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - a traceback is nothing for a duty officer
        what = f"{type(error).__name__}: {error}"
        end(FAILED, in_words(f"程序自身出错：{what}", f"the program failed: {what}"))


def with_common_first(arguments: list[str]) -> list[str]:
    """``arguments`` with ``--config``, ``--lang`` and ``--debug`` moved in front of the command.

    >>> with_common_first(["check-config", "--config", "a.toml", "--json"])
    ['--config', 'a.toml', 'check-config', '--json']
    """
    first: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument in ("--config", "--lang"):
            first += [argument, *(value for value in (next(waiting, None),) if value is not None)]
        elif argument == "--debug" or argument.startswith(("--config=", "--lang=")):
            first.append(argument)
        else:
            rest.append(argument)
    return first + rest


def configuration() -> Config:
    """The county's settings. Raises ConfigError."""
    return load(_common.config, lang=_common.lang.value)


def wait_for(work: Coroutine[Any, Any, Result]) -> Result:
    """Run on uvloop: it halves the CPU of a look."""
    return uvloop.run(work)


@contextmanager
def logging_to_stderr(config: Config, level: str) -> Iterator[logs.Logs]:
    """The program's logs from ``level`` on, on standard error, for as long as the context lasts."""
    started = logs.start(style=config.log.format, level=level, zone=config.site.zone, redact=(redact,))
    try:
        yield started
    finally:
        started.close(SystemClock().monotonic())


def only_complaints(config: Config) -> AbstractContextManager[logs.Logs]:
    """The logs of a command that prints facts: nothing but errors, and all with ``--debug``."""
    return logging_to_stderr(config, "debug" if _common.debug else "error")


def user_name() -> str:
    """Who has typed the command, for the audit: a container's user may have a number only."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """A file that the user named is being written: that it cannot be is no failure of ours. Raises Refusal."""
    try:
        yield
    except OSError as error:
        raise Refusal(
            USAGE, f"无法写入 {path}（{error.strerror}）", f"cannot write {path} ({error.strerror})"
        ) from error


def save(jpeg: bytes | None, path: Path) -> None:
    """Write the picture of a look, or say that there is none."""
    if jpeg is None:
        sys.stderr.write(in_words("这次查看没有得到图片", "this look has no picture") + "\n")
        return
    with writing(path):
        path.write_bytes(jpeg)


def save_references(references: Mapping[Light, Reference], camera_id: str, folder: Path) -> None:
    """Write each as ``ID-day.png`` or ``ID-night.png`` into ``folder``."""
    name = re.sub(r"[^\w-]", "_", camera_id)
    with writing(folder):
        folder.mkdir(exist_ok=True)
        for light, each in references.items():
            (folder / f"{name}-{light.value}.png").write_bytes(grey_png(each.thumb, THUMB_WIDTH, THUMB_HEIGHT))


def in_words(zh: str, en: str) -> str:
    """In the language of ``--lang``."""
    return en if _common.lang is Lang.EN else zh


def say(text: str) -> None:
    """A fact, on standard output."""
    sys.stdout.write(text + "\n")


def say_json(value: object) -> None:
    """Facts for programs: one JSON document."""
    say(dumps(value, ensure_ascii=False, indent=1, default=_plain))


def _plain(value: object) -> object:
    """A setting in JSON: tables as objects, times of day as text."""
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)


def end(code: int, sentence: str) -> None:
    """Say what is wrong, without secrets, and end."""
    if _common.debug:
        sys.stderr.write(redact.text(traceback.format_exc()))
    sys.stderr.write(redact.text(sentence) + "\n")
    sys.exit(code)
