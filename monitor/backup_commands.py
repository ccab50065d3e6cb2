"""The commands that keep the record from being lost: ``xunjian backup`` and ``xunjian restore``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress

from monitor.archive import Archive, ArchiveError
from monitor.backup import Made, Origin, Round, back_up_everywhere, make_backup, name_of
from monitor.clock import SystemClock
from monitor.config import Config, load
from monitor.core.rotation import Label
from monitor.importing import open_store
from monitor.recovery import RecoveryKey, Seal, new_card, read_seal
from monitor.restore import Places, Restored, Wish, opened, places_into, restore, settings_in
from monitor.shell import FAILED, REFUSED, USAGE, Shell
from monitor.store import AlreadyRunning

JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]

Templates = Callable[[], Mapping[str, Path]]
"""Fetches the files from which papers are made, by name."""


def register(app: typer.Typer, shell: Shell, templates: Templates) -> None:
    """Hang ``backup`` and ``restore`` into the command line."""
    app.command("backup")(_Backup(shell, templates).make)
    app.command("restore")(_Restore(shell).put_back)


class _Backup:
    """``xunjian backup``."""

    def __init__(self, shell: Shell, templates: Templates) -> None:
        self._shell = shell
        self._templates = templates

    def make(
        self,
        target: Annotated[
            Path | None, typer.Argument(metavar="[FILE|DIR]", help="文件或文件夹，默认按 [backup] / file or folder")
        ] = None,
        scheduled: Annotated[
            str, typer.Option(metavar="hourly|nightly", help="定时任务用：到 [backup] 的各处并轮换 / for the timers")
        ] = "",
        new_recovery_key: Annotated[
            bool, typer.Option("--new-recovery-key", help="重新制作恢复密钥卡，只显示一次 / a new card, shown once")
        ] = False,
        all_evidence: Annotated[
            bool, typer.Option("--all-evidence", help="连同全部证据图片 / all pictures of evidence")
        ] = False,
        as_json: JsonOption = False,
    ) -> None:
        """备份：运行中也可执行，写完即校验 / a backup, consistent while the daemon runs and checked when written."""
        label = self._label(scheduled, target, new_recovery_key=new_recovery_key)
        config, clock = self._shell.configuration(), SystemClock()
        now = int(clock.now())
        key_file = Path(config.secrets.key_file)
        card, before = None, read_seal(key_file)
        # Made by itself only where a person looks: in a log a card would be lost, or found.
        somebody_looks = label is Label.MANUAL and not as_json and sys.stdout.isatty()
        if new_recovery_key or (before is None and somebody_looks):
            card = new_card(key_file, now)
            if not as_json:
                self._show(card, card.seal(now), config.site.county, config.site.zone)
                self._tell_former(before)
        done = None if new_recovery_key else self._made(config, target, label, now, all_evidence=all_evidence)
        if as_json:
            self._shell.say_json(_json(done, card, now))
        elif done is not None:
            self._tell(done)
        if done is not None:
            self._end(done, label)

    def _label(self, scheduled: str, target: Path | None, *, new_recovery_key: bool) -> Label:
        if scheduled not in ("", Label.HOURLY, Label.NIGHTLY) or (scheduled and target):
            raise self._shell.refusal(
                USAGE,
                "--scheduled 后应为 hourly 或 nightly，且不带文件",
                "--scheduled takes hourly or nightly, and no FILE",
            )
        if new_recovery_key and (scheduled or target):
            raise self._shell.refusal(
                USAGE, "--new-recovery-key 单独使用", "--new-recovery-key stands alone: then make a backup"
            )
        return Label(scheduled) if scheduled else Label.MANUAL

    def _made(self, config: Config, target: Path | None, label: Label, now: int, *, all_evidence: bool) -> Round:
        with open_store(config, SystemClock()) as store:
            origin = Origin(
                config=config,
                file=self._shell.config_file(),
                store=store,
                templates=self._templates(),
                environment=os.environ,
            )
            if target is None:
                return back_up_everywhere(origin, at=now, label=label)
            path = target / name_of(now, label) if target.is_dir() else target
            if path.exists():
                raise self._shell.refusal(USAGE, f"{path} 已存在，请换一个名称", f"{path} exists; choose another name")
            everything = all_evidence or config.backup.all_evidence
            try:
                made = make_backup(origin, path, at=now, label=label, everything=everything, pool=None)
            except ArchiveError as error:
                return Round(made=(), failed={str(path.parent): error}, gone=())
            return Round(made=(made,), failed={}, gone=())

    def _show(self, card: RecoveryKey, seal: Seal, county: str, zone: tzinfo) -> None:
        """The card, as it is printed on a page for the safe. It is shown here and nowhere else."""
        day = f"{datetime.fromtimestamp(seal.made_at, zone):%Y-%m-%d}"
        groups = card.groups()
        half = len(groups) // 2
        lines = (
            "=" * 60,
            self._shell.in_words(f"  {county}  巡检系统恢复密钥卡", f"  {county}: recovery key of xunjian"),
            self._shell.in_words(f"  编号 {seal.id}    制卡日期 {day}", f"  card {seal.id}    made on {day}"),
            "",
            *("      " + "   ".join(part) for part in (groups[:half], groups[half:])),
            "",
            self._shell.in_words(
                "  请打印或抄写本卡并存入保险柜，不要留在本机。\n  服务器损毁后，凭备份文件和本卡才能恢复摄像机密码。\n"
                "  本卡只显示这一次；每组最后一个字符是校验位。",
                "  Print or copy this card into the safe; leave none on this machine.\n"
                "  After a loss, a backup and this card bring the camera passwords back.\n"
                "  It is shown this once; each group ends with its check letter.",
            ),
            "=" * 60,
        )
        sys.stdout.write("\n".join(lines) + "\n")

    def _tell_former(self, before: Seal | None) -> None:
        if before is not None:
            sys.stdout.write(
                self._shell.in_words(
                    f"此前的备份仍须用旧卡 {before.id} 打开，请一并保存。\n",
                    f"Backups made before this still open with the former card {before.id}: keep both.\n",
                )
            )

    def _tell(self, done: Round) -> None:
        for made in done.made:
            its = made.manifest
            size = f"{made.path.stat().st_size / 2**20:.1f} MiB"
            sys.stdout.write(
                self._shell.in_words(
                    f"已备份到 {made.path}（{size}，{len(its.members)} 项，已逐项校验）\n  SHA-256 {made.sha256}\n",
                    f"backup written to {made.path} ({size}, {len(its.members)} members, all verified)\n"
                    f"  SHA-256 {made.sha256}\n",
                )
            )
            if its.missing:
                sys.stdout.write(
                    self._shell.in_words(
                        f"  {len(its.missing)} 项本该有而没有：{min(its.missing)}…\n",
                        f"  {len(its.missing)} members were not there: {min(its.missing)}…\n",
                    )
                )

    def _end(self, done: Round, label: Label) -> None:
        """Exit code 3 when there is no backup at all, 1 when a place failed, or a timer's backup lacks the card."""
        for error in done.failed.values():
            sys.stderr.write(error.text(self._shell.lang()) + "\n")
        if not done.made:
            raise typer.Exit(FAILED)
        unsealed = not all(made.sealed for made in done.made)
        if unsealed:
            sys.stderr.write(
                self._shell.in_words(
                    "备份中没有摄像机密码的密钥：请先执行 xunjian backup --new-recovery-key 制作恢复密钥卡\n",
                    "the backup lacks the key of the camera passwords: run xunjian backup --new-recovery-key first\n",
                )
            )
        if done.failed or (unsealed and label is not Label.MANUAL):
            raise typer.Exit(REFUSED)


class _Restore:
    """``xunjian restore``."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def put_back(
        self,
        file: Annotated[Path, typer.Argument(help="备份文件 / the backup")],
        recovery_key_file: Annotated[
            str, typer.Option(metavar="FILE", help="写有恢复密钥的文件，- 为标准输入 / holds the key, - is stdin")
        ] = "",
        into: Annotated[
            Path | None, typer.Option(metavar="DIR", help="恢复到空文件夹，连同 config.toml / into an empty folder")
        ] = None,
        replace: Annotated[
            bool, typer.Option("--replace", help="替换现有数据，原有的移到一旁 / move what is there aside")
        ] = False,
        without_passwords: Annotated[
            bool, typer.Option("--without-passwords", help="恢复密钥卡遗失时用 / when the card is lost")
        ] = False,
        as_json: JsonOption = False,
    ) -> None:
        """恢复备份：先全部校验，再放回 / put a backup back; everything is checked before anything is touched."""
        wish = Wish(card=self._card(recovery_key_file), replaces=replace, without_passwords=without_passwords)
        with self._one_sentence(), opened(file) as archive:
            places = self._places(archive, into, replace=replace)
            with _progress() as progress:
                done = restore(archive, places, wish, at=int(SystemClock().now()), progress=progress)
        if as_json:
            self._shell.say_json(_restored_json(done, places))
        else:
            self._tell(done, places)

    @contextmanager
    def _one_sentence(self) -> Iterator[None]:
        try:
            yield
        except ArchiveError as error:
            raise self._shell.refusal(USAGE, error.zh, error.en) from error
        except OSError as error:
            raise self._shell.refusal(
                FAILED, f"恢复没有完成（{error}）；数据库未动", f"not restored ({error}); the database is as it was"
            ) from error
        except AlreadyRunning as error:
            raise self._shell.refusal(
                USAGE,
                f"巡检程序正在运行，请先停止：{error.holder}",
                f"the daemon is running, stop it first: {error.holder}",
            ) from error

    def _card(self, source: str) -> RecoveryKey | None:
        if not source:
            return None
        try:
            text = sys.stdin.read(4096) if source == "-" else Path(source).read_text(encoding="utf-8")[:4096]
        except (OSError, UnicodeDecodeError) as error:
            raise self._shell.refusal(USAGE, f"无法读取 {source}", f"cannot read {source}") from error
        return RecoveryKey.parse(text)

    def _places(self, archive: Archive, into: Path | None, *, replace: bool) -> Places:
        if into is not None:
            if into.is_dir() and any(into.iterdir()) and not replace:
                raise self._shell.refusal(USAGE, f"{into} 不是空文件夹", f"{into} is not empty")
            return places_into(archive, into, lang=self._shell.lang())
        file = self._shell.config_file()
        if file.exists():
            return Places(config=self._shell.configuration(), file=file)
        # A lost server has no settings either: those of the backup say where everything goes.
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(settings_in(archive), encoding="utf-8")
        return Places(config=load(file, lang=self._shell.lang()), file=file)

    def _tell(self, done: Restored, places: Places) -> None:
        zone = places.config.site.zone
        at, rows = f"{datetime.fromtimestamp(done.made_at, zone):%Y-%m-%d %H:%M:%S}", sum(done.rows.values())
        say = self._shell.in_words
        lines = [
            say(
                f"已恢复 {at} 的备份：数据库 {rows} 行，文件 {done.files} 个，登录 {done.logins} 个",
                f"restored the backup of {at}: {rows} rows, {done.files} files, {done.logins} logins",
            )
        ]
        lines += [say(f"  原有数据移到 {path}", f"  what was there is now {path}") for path in done.aside]
        if done.config_differs:
            lines.append(
                say(
                    f"  备份中的配置与现用的不同，放在 {done.config_differs}",
                    f"  the backup's settings differ from those in use; they are in {done.config_differs}",
                )
            )
        if places.moved:
            keys = ", ".join(places.moved)
            lines.append(
                say(
                    f"  {places.file} 中的 {keys} 仍指向原处，启动前请改为新位置",
                    f"  {keys} in {places.file} still lead elsewhere; change them before a daemon runs here",
                )
            )
        sys.stdout.write("\n".join(lines) + "\n")


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar where somebody looks, for as long as the members are read."""
    console = Console(stderr=True)
    with Progress(
        BarColumn(), DownloadColumn(), console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _json(done: Round | None, card: RecoveryKey | None, now: int) -> dict[str, object]:
    return {
        "backups": [_made_json(made) for made in done.made] if done else [],
        "failed": [{"place": place, "reason": error.en} for place, error in done.failed.items()] if done else [],
        "gone": list(done.gone) if done else [],
        "recovery_key": "-".join(card.groups()) if card else None,
        "recovery_key_id": card.seal(now).id if card else None,
    }


def _made_json(made: Made) -> dict[str, object]:
    return {
        "file": str(made.path),
        "sha256": made.sha256,
        "bytes": made.path.stat().st_size,
        "members": len(made.manifest.members),
        "missing": dict(made.manifest.missing),
        "rows": made.manifest.facts["rows"],
        "passwords": made.sealed,
    }


def _restored_json(done: Restored, places: Places) -> dict[str, object]:
    return {
        "made_at": done.made_at,
        "config": str(places.file),
        "rows": dict(done.rows),
        "files": done.files,
        "logins": done.logins,
        "aside": [str(path) for path in done.aside],
        "missing": dict(done.missing),
        "config_differs": str(done.config_differs) if done.config_differs else None,
        "change_before_running": list(places.moved),
    }
