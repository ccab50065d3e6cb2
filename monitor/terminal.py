"""How the command line tells its results, for people (rich) and for programs (JSON)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, tzinfo
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from monitor.config import Config
from monitor.core.fleet import Camera, Fleet
from monitor.doctor import Answer, Finding, Level, Passage, Reached
from monitor.importing import Imported
from monitor.web.source import Life
from monitor.web.why import Look, Stretch, look_of, stretches
from monitor.wording import Lang, neighbours, say, scored
from probes.observation import Light, Reference

PROBLEMS_SHOWN = 20


def import_json(done: Imported, *, dry_run: bool, lang: Lang) -> dict[str, object]:
    """An import, for programs."""
    changes = done.changes
    return {
        "dry_run": dry_run,
        "read": len(done.ledger.rows),
        "added": [camera.id for camera in changes.added],
        "changed": [
            {
                "camera": change.camera,
                "fields": {each.field: [str(each.before), str(each.after)] for each in change.fields},
            }
            for change in changes.changed
        ],
        "retired": [camera.id for camera in changes.retired],
        "not_in_this_file": [camera.id for camera in changes.missing],
        "unchanged": changes.unchanged,
        "problems": [
            {"sheet": each.sheet, "row": each.row, "reason": each.text(lang)} for each in done.ledger.problems
        ],
        "warnings": [each.text(lang) for each in done.ledger.warnings],
        "new_logins_tried": [
            {"credential": each.credential, "camera": each.camera, "outcome": each.outcome} for each in done.tried
        ],
    }


def tell_import(console: Console, done: Imported, *, dry_run: bool, lang: Lang) -> None:
    """An import, for people: what it changed, what was left out and why."""
    english = lang is Lang.EN
    changes = done.changes
    counts = (
        ("新增", "added", len(changes.added)),
        ("修改", "changed", len(changes.changed)),
        ("停用", "retired", len(changes.retired)),
        ("未变", "unchanged", changes.unchanged),
        ("文件中没有", "not in this file", len(changes.missing)),
    )
    head = ("试运行，未写入：" if dry_run else "") if not english else ("dry run, nothing written: " if dry_run else "")
    console.print(head + ("，", ", ")[english].join(f"{en if english else zh} {count}" for zh, en, count in counts))
    for change in changes.changed[:PROBLEMS_SHOWN]:
        fields = "; ".join(f"{each.field}: {each.before} → {each.after}" for each in change.fields)
        console.print(Text(f"  {change.camera} {change.name}  {fields}"))
    _tell_lines(
        console, [each.text(lang) for each in done.ledger.problems], ("未导入", "left out")[english], "red", lang
    )
    _tell_lines(console, [each.text(lang) for each in done.ledger.warnings], ("提示", "note")[english], "yellow", lang)
    for each in done.tried:
        outcome = say(f"outcome.{each.outcome}", lang)
        console.print(Text(f"  {('试登录', 'login tried')[english]} {each.credential} @ {each.name}: {outcome}"))
    for credential in sorted(done.refused_logins):
        console.print(
            Text(
                f"new login {credential} was refused; it is held back, check user name and password"
                if english
                else f"新登录 {credential} 被拒绝，已暂停使用，请核对用户名和密码",
                style="bold red",
            )
        )


def _tell_lines(console: Console, lines: Sequence[str], head: str, style: str, lang: Lang) -> None:
    for line in lines[:PROBLEMS_SHOWN]:
        console.print(Text(f"  {head}  {line}", style=style))
    if (more := len(lines) - PROBLEMS_SHOWN) > 0:
        console.print(f"  … {more} more (--json)" if lang is Lang.EN else f"  …… 另有 {more} 条（--json 可看全部）")


def fleet_json(fleet: Fleet) -> list[dict[str, object]]:
    """The ledger, for programs; logins by id only."""
    return [
        {
            "id": camera.id,
            "name": camera.name,
            "township": fleet.townships[camera.township].name,
            "village": camera.village,
            "address": camera.address if camera.host else "",
            "key_point": camera.key_point,
            "registration": camera.registration.value,
            "credential": camera.credential,
        }
        for camera in fleet.cameras.values()
    ]


def tell_fleet(console: Console, fleet: Fleet, lang: Lang) -> None:
    """The ledger, for people."""
    table = Table(
        *(("编号", "点位", "乡镇", "村", "地址"), ("id", "name", "township", "village", "address"))[lang is Lang.EN]
    )
    for camera in fleet.cameras.values():
        table.add_row(*map(Text, _ledger_line(camera, fleet)))
    console.print(table)


def _ledger_line(camera: Camera, fleet: Fleet) -> tuple[str, ...]:
    place = fleet.townships[camera.township].name
    return camera.id, camera.name, place, camera.village, camera.address if camera.host else "—"


def tell_probe(console: Console, report: Mapping[str, Any], lang: Lang) -> None:
    """One look, for people: every step with what the camera said."""
    for step in report["steps"]:
        console.print(Text(f"  {say('step.' + step['name'], lang):<14} {step['took_ms']:>8.1f} ms  {step['said']}"))
    verdict = say(f"condition.{report['condition']}", lang)
    faults = say("text.comma", lang).join(scored(fault, report["picture"] or {}, lang) for fault in report["faults"])
    style = "green" if report["condition"] == "intact" else "red" if report["condition"] != "unknown" else "yellow"
    console.print(Text(f"{report['camera']}  {verdict}  {faults}".rstrip(), style=f"bold {style}"))


def tell_round(console: Console, report: Mapping[str, Any], lang: Lang) -> None:
    """A round, for people: the counts, and every camera that isn't intact."""
    counts = "  ".join(f"{say(f'condition.{word}', lang)} {count}" for word, count in report["counts"].items())
    console.print(Text(f"#{report['round']}  {report['took_s']} s  {counts}", style="bold"))
    if report["void"]:
        console.print(Text(f"作废：{say('reason.' + report['void'], lang)}", style="bold red"))
    for camera in report["cameras"]:
        if camera["condition"] != "intact":
            faults = "、".join(say(f"fault.{fault}", lang) for fault in camera["faults"])
            line = (
                f"  {camera['camera']}  {say('condition.' + camera['condition'], lang)}  {faults}  @ {camera['step']}"
            )
            console.print(Text(line))


def life_json(camera: Camera, life: Life, seconds: Mapping[str, int]) -> dict[str, object]:
    """One camera's month, for programs. Times are UTC seconds."""
    return {
        "camera": camera.id,
        "name": camera.name,
        "township": camera.township,
        "began": life.began,
        "until": life.until,
        "seconds": dict(seconds),
        "intervals": [
            {
                "began": each.began,
                "ended": each.ended,
                "condition": each.condition.value,
                "fault": each.fault.value if each.fault else None,
                "cause": each.cause.value if each.cause else None,
                **_why_json(stretch),
            }
            for stretch in _oldest_first(life)
            for each in [stretch.interval]
        ],
        "looks": [_look_json(look_of(each)) for each in life.evidence],
        "decisions": [
            {
                "at": each.at,
                "by": each.by,
                "ruling": each.ruling.value,
                "fault": each.fault.value if each.fault else None,
            }
            for each in life.decisions
        ],
    }


def _oldest_first(life: Life) -> Sequence[Stretch]:
    return tuple(reversed(stretches(life, max(1, len(life.intervals)))))


def _why_json(stretch: Stretch) -> dict[str, object]:
    """What an interval rests on: ``rests_on`` are the times of the looks, ``looks`` those that are kept."""
    reason, decision = stretch.reason, stretch.decision
    return {
        "decided_at": reason.decided_at if reason else None,
        "rests_on": list(reason.looks) if reason else [],
        "decided_by": decision.by if decision else None,
        "imported": stretch.imported,
        "looks": [_look_json(look) for look in reversed(stretch.looks)],
    }


def _look_json(look: Look) -> dict[str, object]:
    """``file`` is its picture within ``[evidence] dir``; without one ``missing`` says why, and since when."""
    its = look.evidence
    return {
        "at": its.at,
        "kind": its.kind.value,
        "outcome": its.outcome,
        "faults": list(its.faults),
        "picture": its.measures.get("measures"),
        "neighbours": its.measures.get("neighbours"),
        "steps": [{"name": step.name, "took_ms": step.took_ms, "said": step.said} for step in its.steps],
        "made_it": look.made_it,
        "file": its.picture or None,
        "missing": look.missing or None,
        "missing_since": its.gone.at if its.gone else None,
    }


def tell_life(
    console: Console, camera: Camera, life: Life, seconds: Mapping[str, int], zone: tzinfo, lang: Lang
) -> None:
    """One camera's month, for people: its intervals, each with the looks behind it, and the arithmetic."""
    console.print(Text(f"{camera.name}  {camera.id}", style="bold"))
    for stretch in _oldest_first(life):
        each = stretch.interval
        began, ended = _when(each.began, zone), _when(each.ended, zone)
        words = [say(f"condition.{each.condition.value}", lang)]
        words += [say(f"fault.{each.fault.value}", lang)] if each.fault else []
        words += [say(f"cause.{each.cause.value}", lang)] if each.cause else []
        console.print(Text(f"  {began} – {ended}  {each.ended - each.began:>8} s  {' '.join(words)}"))
        for line in _why(stretch, zone, lang):
            console.print(Text(f"    {line}", style="dim"))
    total = sum(seconds.values())
    parts = " + ".join(f"{say(f'condition.{word}', lang)} {count}" for word, count in seconds.items())
    console.print(Text(f"  {parts} = {total} s"))


def _why(stretch: Stretch, zone: tzinfo, lang: Lang) -> Iterator[str]:
    """What is behind an interval, a line each; a star marks the looks that it rests on."""
    if (decision := stretch.decision) is not None:
        what = say(f"fault.{decision.fault}", lang) if decision.fault else say(f"condition.{decision.condition}", lang)
        yield say(f"page.{decision.ruling}_by", lang, by=decision.by, what=what)
    if stretch.imported:
        yield say("page.imported", lang)
    if stretch.untold:
        times = say("text.comma", lang).join(_when(at, zone) for at in stretch.untold)
        yield say("page.untold", lang, times=times)
    for look in reversed(stretch.looks):
        its = look.evidence
        steps = " → ".join(f"{step.name} {step.said}".strip() for step in its.steps)
        at = _when(its.gone.at, zone) if its.gone else ""
        picture = say(f"missing.{look.missing}", lang, at=at) if look.missing else its.picture
        mark = "*" if look.made_it else " "
        yield f"{mark} {_when(its.at, zone)}  {say(f'outcome.{its.outcome}', lang)}  {steps}  {picture}"
        if told := neighbours(its.measures, lang):
            yield f"  {told}"


def _when(at: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(at, zone).strftime("%m-%d %H:%M:%S")


def references_json(camera: str, references: Mapping[Light, Reference]) -> dict[str, object]:
    """A camera's references, for programs. Times are UTC seconds."""
    told: dict[str, object] = {"camera": camera}
    for light in Light:
        each = references.get(light)
        told[light.value] = None if each is None else {"at": int(each.at), "approved_by": each.approved_by}
    return told


def tell_references(console: Console, references: Mapping[Light, Reference], zone: tzinfo, lang: Lang) -> None:
    """A camera's references, for people."""
    for light in Light:
        words = say(f"light.{light.value}", lang)
        if (each := references.get(light)) is None:
            console.print(Text(f"{words}  {say('page.reference_none', lang)}"))
            continue
        at = datetime.fromtimestamp(each.at, zone).strftime("%Y-%m-%d %H:%M:%S")
        how = say("page.reference_approved", lang, by=each.approved_by) if each.approved_by else ""
        console.print(Text(f"{words}  {at}  {how or say('page.reference_learned', lang)}"))


MARKS = {Level.FINE: ("✓", "green"), Level.WARNING: ("!", "yellow"), Level.BROKEN: ("✗", "bold red")}


def tell_findings(console: Console, findings: Sequence[Finding], lang: Lang) -> None:
    """What the doctor found, a line each."""
    for each in findings:
        mark, style = MARKS[each.level]
        console.print(Text(f" {mark} {each.text(lang)}", style=style))


ANSWERS = {
    Answer.OPEN: ("连通", "open"),
    Answer.REFUSED: ("拒绝", "refused"),
    Answer.SILENT: ("无应答", "silent"),
    Answer.UNREACHABLE: ("不可达", "unreachable"),
}
CLOSED_SHOWN = 20


def tell_passages(console: Console, passages: Sequence[Passage], config: Config, lang: Lang) -> None:
    """The list for whoever keeps the firewalls, a subnet a line."""
    english = lang is Lang.EN
    heads = (("源", "目的网段", "端口/TCP", "设备", "乡镇"), ("from", "to", "ports/TCP", "devices", "townships"))
    table = Table(*heads[english], title=("防火墙放行清单", "firewall list")[english])
    for each in passages:
        ports = ", ".join(f"{port} ({purpose})" for port, purpose in each.ports.items())
        townships = say("text.comma", lang).join(each.townships)
        table.add_row(*map(Text, (each.source or "—", each.subnet, ports, str(each.devices), townships)))
    table.add_row(*map(Text, _inward(config, english=english)))
    console.print(table)


def _inward(config: Config, *, english: bool) -> tuple[str, ...]:
    what = ("网页和 /metrics", "the page and /metrics")[english]
    return ("值班终端、Prometheus", "duty staff, Prometheus")[english], config.web.host, str(config.web.port), "1", what


def tell_reached(console: Console, reached: Sequence[Reached], lang: Lang) -> None:
    """Who answers, a subnet a line; then the doors that are closed."""
    english = lang is Lang.EN
    table = Table(("网段", "subnet")[english], *(words[english] for words in ANSWERS.values()))
    for each in reached:
        table.add_row(Text(each.subnet), *(Text(str(each.counts[answer])) for answer in ANSWERS))
    console.print(table)
    closed = [(door, answer) for each in reached for door, answer in each.closed]
    for door, answer in closed[:CLOSED_SHOWN]:
        host = f"[{door.host}]" if ":" in door.host else door.host
        console.print(Text(f"  {host}:{door.port}  {door.purpose}  {ANSWERS[answer][english]}", style="yellow"))
    if (more := len(closed) - CLOSED_SHOWN) > 0:
        console.print(f"  … {more} more (--json)" if english else f"  …… 另有 {more} 个（--json 可看全部）")


def network_json(passages: Sequence[Passage], reached: Sequence[Reached], config: Config) -> dict[str, object]:
    """The firewall list and who answers, for programs."""
    return {
        "firewall": [
            {
                "source": each.source,
                "subnet": each.subnet,
                "ports": [{"port": port, "purpose": purpose} for port, purpose in each.ports.items()],
                "devices": each.devices,
                "townships": list(each.townships),
            }
            for each in passages
        ],
        "inward": {"host": config.web.host, "port": config.web.port},
        "reach": [
            {
                "subnet": each.subnet,
                **{answer.value: count for answer, count in each.counts.items()},
                "closed": [
                    {"host": door.host, "port": door.port, "purpose": door.purpose, "answer": answer.value}
                    for door, answer in each.closed
                ],
            }
            for each in reached
        ],
    }


@contextmanager
def knocking(console: Console) -> Iterator[Callable[[int, int], None]]:
    """A progress bar for as long as doors are knocked at."""
    with Progress(BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
