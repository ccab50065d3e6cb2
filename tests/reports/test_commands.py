"""The commands of the month keep their contract: exit codes, JSON keys, one sentence where something is wrong."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from monitor import cli
from monitor.core.period import Month
from monitor.months import CAMERA_KEYS, ROW_KEYS
from monitor.store import FleetChanges, Store
from tests.reports import months

PAST = Month(2024, 10, months.SHANGHAI)
"""Commands read the machine's own clock, so the month must be long over on every machine."""
CAMERA = months.CAMERAS[0].id


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs ``xunjian`` in a folder with the county's settings and ledger."""
    monkeypatch.chdir(tmp_path)
    Path("config.toml").write_text(months.SETTINGS, encoding="utf-8")
    with Store.open(f"sqlite:///{tmp_path / 'data' / 'xunjian.db'}", at=PAST.end) as store:
        changes = FleetChanges(townships=months.TOWNSHIPS, cameras=months.CAMERAS)
        store.save_fleet(changes, who="test", why="first", at=PAST.end)

    def command(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["xunjian", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return command


@pytest.fixture
def told(run: Run, tmp_path: Path) -> Run:
    """The same, with October 2024 told by another system."""
    shift = months.OCTOBER.start - PAST.start
    lines = [
        type(line)(camera=line.camera, at=line.at - shift, condition=line.condition, fault=line.fault)
        for line in months.history()
    ]
    months.write_history(tmp_path / "old.jsonl", lines)
    assert run("history", "import", "old.jsonl").code == 0
    return run


def test_a_history_is_taken_once_and_bad_lines_make_exit_code_1(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "some.jsonl"
    good = {"camera": CAMERA, "at": "2024-10-01T00:00:00+08:00", "condition": "intact"}
    file.write_text(json.dumps(good) + "\n", encoding="utf-8")
    first = run("history", "import", str(file), "--json")
    assert first.code == 0
    assert {key: first.document[key] for key in ("lines", "imported", "known", "refused")} == {
        "lines": 1,
        "imported": 1,
        "known": 0,
        "refused": [],
    }
    again = run("history", "import", str(file), "--json")
    assert (again.code, again.document["imported"], again.document["known"]) == (0, 0, 1)
    file.write_text(json.dumps(good) + "\n" + json.dumps({**good, "at": "2024-10-02T00:00:00"}), encoding="utf-8")
    bad = run("history", "import", str(file), "--json")
    assert (bad.code, bad.document["refused"]) == (1, [{"line": 2, "reason": "时间没有时区偏移"}])
    assert "第 2 行" in run("history", "import", str(file)).out
    assert "line 2: its time has no offset" in run("--lang", "en", "history", "import", str(file)).out
    assert run("history", "import", "gone.jsonl").code == 2


def test_a_month_is_shown_with_exactly_the_keys_of_the_contract(told: Run) -> None:
    shown = told("month", "show", "2024-10", "--json")
    assert shown.code == 0
    assert list(shown.document) == ["month", "state", "basis", "county", "townships", "cameras"]
    assert (shown.document["month"], shown.document["state"], shown.document["basis"]) == ("2024-10", "closed", "time")
    for row in (shown.document["county"], *shown.document["townships"]):
        assert tuple(row) == ROW_KEYS
    for camera in shown.document["cameras"]:
        assert tuple(camera) == CAMERA_KEYS
        parts = ("intact_s", "impaired_s", "offline_s", "exempt_s", "unknown_s")
        assert camera["service_s"] == sum(camera[part] for part in parts)
    assert len(shown.document["cameras"]) == len(months.CAMERAS)
    assert shown.document["county"]["place"] is None
    assert shown.document["county"]["points"] is None
    assert {row["name"]: row["online_intact_rate"] for row in shown.document["townships"]} == {
        "双桥乡": "90.32",
        "泌水镇": "90.32",
        "石门镇": None,
    }


@pytest.mark.parametrize(("lang", "head"), [("zh", "在线完好率"), ("en", "online+intact")])
def test_a_month_is_shown_to_people_with_every_figure_whole(told: Run, lang: str, head: str) -> None:
    shown = told("--lang", lang, "month", "show", "2024-10")
    assert shown.code == 0
    assert head in shown.out
    assert "100.00" in shown.out
    assert "…" not in shown.out


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("month", "show", "2024-13"),
        ("month", "show", "October"),
        ("month", "show", "1999-01"),
        ("month", "show", "2999-01"),
        ("month", "freeze", "2999-01"),
        ("month", "freeze", "1999-01"),
        ("month", "verify", "2024-10"),
        ("exempt", "approve", "99", "--by", "王"),
        ("exempt", "reject", "99", "--by", "王"),
    ],
    ids=" ".join,
)
def test_what_is_unknown_or_forbidden_ends_with_2_and_a_sentence(
    told: Run, arguments: tuple[str, ...], lang: str
) -> None:
    ended = told("--lang", lang, *arguments)
    assert ended.code == 2
    assert len(ended.err.splitlines()) == 1
    assert "Traceback" not in ended.err
    assert any("\u4e00" <= character <= "\u9fff" for character in ended.err) == (lang == "zh")


def test_a_month_is_listed_frozen_and_verified(told: Run) -> None:
    listed = told("month", "list", "--json").document
    assert [(each["month"], each["state"]) for each in listed[:3]] == [
        ("2024-08", "closed"),
        ("2024-09", "closed"),
        ("2024-10", "closed"),
    ]
    assert listed[-1]["state"] == "open"
    frozen = told("month", "freeze", "2024-10", "--json")
    assert frozen.code == 0
    assert (frozen.document["state"], frozen.document["revision"]) == ("frozen", 1)
    assert told("month", "freeze", "2024-10").code == 2
    verified = told("month", "verify", "2024-10", "--json")
    assert verified.code == 0
    assert (verified.document["equal"], verified.document["sha256"]) == (True, frozen.document["sha256"])
    assert told("month", "show", "2024-10", "--json").document["state"] == "frozen"
    again = told("month", "freeze", "2024-10", "--reason", "更正", "--json")
    assert (again.code, again.document["revision"], again.document["reason"]) == (0, 2, "更正")
    (october,) = (each for each in told("month", "list", "--json").document if each["month"] == "2024-10")
    assert (october["state"], october["revision"], october["sha256"]) == ("frozen", 2, again.document["sha256"])
    for command in (("month", "list"), ("month", "verify", "2024-10")):
        assert told(*command).code == 0


def test_an_unequal_month_ends_with_1_and_says_where(told: Run, tmp_path: Path) -> None:
    told("month", "freeze", "2024-10")
    with closing(sqlite3.connect(tmp_path / "data" / "xunjian.db")) as database:
        database.execute("DROP TRIGGER history_line_no_update")
        database.execute("UPDATE history_line SET condition = 'intact', fault = NULL WHERE fault = 'black'")
        database.commit()
    assert told("month", "verify", "2024-10", "--json").code == 1
    shown = told("--lang", "en", "month", "verify", "2024-10")
    assert shown.code == 1
    assert "unequal" in shown.out
    assert "faults: 3 entries ≠ 2 entries" in shown.out


def filing(scope: tuple[str, ...], **more: str) -> tuple[str, ...]:
    options = {
        "kind": "construction",
        "from": "2024-10-11",
        "until": "2024-10-14",
        "reason": "修路",
        "filed-at": "2024-10-01T08:00:00+08:00",
        **more,
    }
    return ("exempt", "add", *scope, *(word for key, value in options.items() for word in (f"--{key}", value)))


def test_a_filing_takes_its_way_and_the_month_follows(told: Run) -> None:
    filed = told(*filing(("--camera", months.CAMERAS[3].id)), "--json")
    assert filed.code == 0
    assert filed.document["state"] == "filed"
    assert (filed.document["from"], filed.document["until"]) == (
        "2024-10-11T00:00:00+08:00",
        "2024-10-14T00:00:00+08:00",
    )
    number = str(filed.document["id"])
    assert told("exempt", "approve", number, "--by", "王主任", "--json").document["state"] == "approved"
    assert told("exempt", "approve", number, "--by", "王主任").code == 2
    rows = {row["name"]: row for row in told("month", "show", "2024-10", "--json").document["townships"]}
    assert (rows["双桥乡"]["exempt_s"], rows["双桥乡"]["online_intact_rate"]) == (3 * 86_400, "100.00")
    assert rows["双桥乡"]["exempt_share"] == "9.67"
    (listed,) = told("exempt", "list", "--json").document
    assert (listed["id"], listed["state"], listed["decided_by"]) == (int(number), "approved", "王主任")
    assert "王" not in told("exempt", "list").err


def test_a_late_filing_is_stored_and_marked_and_never_approved(told: Run) -> None:
    late = told(*filing(("--township", "泌水镇"), **{"filed-at": "2024-10-12T00:00:00"}), "--json")
    assert (late.code, late.document["state"], late.document["late"]) == (0, "late", True)
    number = str(late.document["id"])
    assert told("exempt", "approve", number, "--by", "王").code == 2
    assert told("exempt", "reject", number, "--by", "王", "--reason", "逾期", "--json").document["state"] == "rejected"


def test_a_filing_shows_its_proof_and_its_village(told: Run, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"jpeg")
    filed = told(*filing(("--village", "东村", "--township", "01"), proof="photo.jpg"), "--json").document
    assert (filed["village"], filed["township"]) == ("东村", "01")
    assert filed["proof"].startswith("photo.jpg ")


@pytest.mark.parametrize(
    ("scope", "more"),
    [
        (("--camera", "nobody"), {}),
        (("--village", "无此村"), {}),
        (("--village", "东村"), {}),
        (("--township", "无此镇"), {}),
        ((), {}),
        (("--camera", CAMERA, "--township", "01"), {}),
        (("--camera", CAMERA), {"kind": "demolition"}),
        (("--camera", CAMERA), {"kind": "holiday"}),
        (("--camera", CAMERA), {"from": "noon"}),
        (("--camera", CAMERA), {"until": "2024-10-11"}),
        (("--camera", CAMERA), {"until": "2024-12-11"}),
        (("--camera", CAMERA), {"filed-at": "2999-10-11"}),
        (("--camera", CAMERA), {"proof": "gone.jpg"}),
    ],
)
def test_a_filing_that_the_rules_refuse_ends_with_2_and_is_not_stored(
    told: Run, scope: tuple[str, ...], more: dict[str, str]
) -> None:
    ended = told(*filing(scope, **more))
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert told("exempt", "list", "--json").document == []


def test_a_file_that_proves_an_exemption_is_kept_under_its_hash(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "停电通知.pdf").write_bytes(b"%PDF notice")
    filed = ("exempt", "add", "--camera", CAMERA, "--kind", "construction", "--reason", "修路", "--json")
    term = ("--from", "2099-10-01T00:00", "--until", "2099-10-02T00:00")
    done = run(*filed, *term, "--proof", "停电通知.pdf")
    name, sha256 = done.document["proof"].split()
    assert (done.code, name) == (0, "停电通知.pdf")
    kept = tmp_path / "data" / "proofs" / f"{sha256}.pdf"
    assert kept.read_bytes() == b"%PDF notice"
    monkeypatch.setattr("monitor.filing.PROOF_AT_MOST", 10)
    assert run(*filed, *term, "--proof", "停电通知.pdf").code == 2
    assert run(*filed, *term, "--proof", "gone.pdf").code == 2
    assert len(run("exempt", "list", "--json").document) == 1
