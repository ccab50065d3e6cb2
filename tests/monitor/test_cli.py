"""The command line as a contract: where options stand, exit codes, one sentence for each mistake, JSON alone."""

from __future__ import annotations

import csv
import json
import socket
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from monitor import asking, cli, control

HEADINGS = ("编号", "点位名称", "乡镇", "村(社区)", "IP地址", "RTSP端口", "RTSP路径", "用户名", "密码")
ROW = ("cam-1", "村口", "霁川街道", "青溪村", "127.0.0.1", "1", "/1", "admin", "Geheim@1")


@dataclass(frozen=True, kw_only=True)
class Ended:
    code: int
    out: str
    err: str


class Program:
    """Runs commands in this process, as the program's entry does."""

    def __init__(self, patch: pytest.MonkeyPatch, output: pytest.CaptureFixture[str], home: Path) -> None:
        self.home = home
        self.config = home / "config.toml"
        self.config.write_text("[looks]\ndeadline_s = 2.0\n", encoding="utf-8")
        self._patch = patch
        self._output = output

    def bare(self, *arguments: object) -> Ended:
        """With these arguments only."""
        self._patch.setattr(sys, "argv", ["xunjian", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = self._output.readouterr()
        return Ended(code=int(ended.value.code or 0), out=told.out, err=told.err)

    def __call__(self, *arguments: object) -> Ended:
        """On the county's config.toml, in English."""
        return self.bare("--config", self.config, "--lang", "en", *arguments)

    def ledger(self, *rows: tuple[str, ...]) -> Path:
        """A ledger with these rows."""
        path = self.home / "ledger.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([HEADINGS, *rows])
        return path


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Program:
    monkeypatch.delenv("XUNJIAN_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return Program(monkeypatch, capsys, tmp_path)


def test_common_options_stand_before_or_after_the_command(program: Program, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('[site]\ncounty = "甲县"\n', encoding="utf-8")
    for arguments in (
        ("--config", other, "check-config", "--json"),
        ("check-config", "--json", "--config", other),
        ("check-config", f"--config={other}", "--json"),
        ("--lang", "en", "check-config", "--json", "--debug", "--config", other),
    ):
        ended = program.bare(*arguments)
        assert (ended.code, ended.err) == (0, "")
        assert json.loads(ended.out) == [{"path": "site.county", "default": "示范县", "value": "甲县"}]


def test_the_settings_are_named_by_the_environment_else_lie_in_the_folder(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert json.loads(program.bare("check-config", "--json").out) == [
        {"path": "looks.deadline_s", "default": 25.0, "value": 2.0}
    ]
    (tmp_path / "other.toml").write_text("", encoding="utf-8")
    monkeypatch.setenv("XUNJIAN_CONFIG", str(tmp_path / "other.toml"))
    assert json.loads(program.bare("check-config", "--json").out) == []


def test_settings_of_any_kind_are_told_in_json(program: Program) -> None:
    program.config.write_text('[inspection]\nday_time = 11:00:00\n[[townships]]\ncode = "1"\nname = "甲镇"\n')
    told = {each["path"]: each["value"] for each in json.loads(program("check-config", "--json").out)}
    assert told["inspection.day_time"] == "11:00:00"
    assert told["townships"][0]["name"] == "甲镇"
    assert "datetime" not in program("check-config").out


MISTAKES: dict[str, tuple[tuple[str, ...], str, str]] = {
    "no such camera": (("probe", "nobody"), "台账中没有可巡查的摄像机 nobody", "no camera nobody with an address"),
    "no such life": (("camera", "nobody"), "台账中没有摄像机 nobody", "no camera nobody in the ledger"),
    "no such depth": (("probe", "nobody", "--depth", "deep"), "没有 deep 这种深度", "there is no depth deep"),
    "no such round": (("round", "--depth", "deep"), "没有 deep 这种深度", "there is no depth deep"),
    "no month": (("camera", "x", "--month", "2026-13"), "月份写作 2026-10", "a month is written 2026-10"),
    "no year": (("camera", "x", "--month", "0000-01"), "月份写作 2026-10", "a month is written 2026-10"),
    "a month to come": (("camera", "x", "--month", "2999-01"), "2999-01 还没有开始", "the month 2999-01 has not begun"),
    "no URL": (("probe", "http://127.0.0.1/"), "这不是 RTSP 地址", "this is not an RTSP URL"),
    "no port": (("probe", "rtsp://u:Gehe1m@127.0.0.1:x/"), "这不是 RTSP 地址", "this is not an RTSP URL"),
    "no folder": (("inventory", "export", "nowhere/x.xlsx"), "无法写入 nowhere/x.xlsx", "cannot write nowhere/x.xlsx"),
}


@pytest.mark.parametrize(("arguments", "zh", "en"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_sentence_in_either_language_and_exit_code_2(
    program: Program, arguments: tuple[str, ...], zh: str, en: str
) -> None:
    for lang, words in (("zh", zh), ("en", en)):
        ended = program.bare("--config", program.config, "--lang", lang, *arguments)
        assert (ended.code, ended.out) == (2, "")
        assert words in ended.err
        assert ended.err.count("\n") == 1
        assert "Gehe1m" not in ended.err


@pytest.mark.parametrize("arguments", [("probe",), ("walk",), ("probe", "x", "--deep"), ("demo", "--cameras", "1")])
def test_wrong_usage_is_exit_code_2(program: Program, arguments: tuple[str, ...]) -> None:
    ended = program(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert "Traceback" not in ended.err


def test_wrong_settings_are_exit_code_2_with_all_mistakes(program: Program) -> None:
    program.config.write_text("[looks]\nlight_s = 0\nevery = 1\n", encoding="utf-8")
    ended = program("run")
    assert (ended.code, ended.out) == (2, "")
    assert "looks.light_s" in ended.err
    assert "looks.every" in ended.err


def test_missing_settings_are_exit_code_2(program: Program, tmp_path: Path) -> None:
    ended = program.bare("check-config", "--config", tmp_path / "none.toml", "--lang", "en")
    assert (ended.code, ended.out) == (2, "")
    assert "cannot read the configuration" in ended.err


def test_our_own_failure_is_exit_code_3_and_a_traceback_only_with_debug(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("rtsp://admin:Gehe1m@10.0.0.1/")

    monkeypatch.setattr(cli, "read_life", broken)
    ended = program("camera", "x")
    assert (ended.code, ended.out) == (3, "")
    assert "Traceback" not in ended.err
    debugged = program("camera", "x", "--debug")
    assert (debugged.code, "Traceback" in debugged.err) == (3, True)
    assert "Gehe1m" not in ended.err + debugged.err


def test_a_damaged_database_is_our_failure(program: Program, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "xunjian.db").write_bytes(b"no database at all" * 100)
    ended = program("inventory", "list")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.count("\n") == 1


def test_a_port_that_is_taken_is_named(program: Program) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        program.config.write_text(f'[web]\nport = {port}\n[log]\nlevel = "error"\n', encoding="utf-8")
        ended = program("run")
    assert (ended.code, ended.out) == (2, "")
    assert f"the page cannot listen on 127.0.0.1:{port} (Address already in use)" in ended.err


def test_an_import_tells_what_went_in_and_what_was_left_out(program: Program) -> None:
    bad = ("", *ROW[1:])
    ended = program("inventory", "import", program.ledger(ROW, bad), "--json")
    told = json.loads(ended.out)
    assert ended.code == 1
    assert set(told) == {
        "dry_run",
        "read",
        "added",
        "changed",
        "retired",
        "not_in_this_file",
        "unchanged",
        "problems",
        "warnings",
        "new_logins_tried",
    }
    assert (told["added"], [each["row"] for each in told["problems"]]) == (["cam-1"], [3])
    assert [each["outcome"] for each in told["new_logins_tried"]] == ["refused"]  # the port, not the login
    again = program("inventory", "import", program.ledger(ROW), "--json")
    assert (again.code, json.loads(again.out)["unchanged"]) == (0, 1)


def test_a_dry_run_writes_nothing(program: Program) -> None:
    ended = program("inventory", "import", program.ledger(ROW), "--dry-run", "--json")
    assert (ended.code, json.loads(ended.out)["added"]) == (0, ["cam-1"])
    assert json.loads(program("inventory", "list", "--json").out) == []


def test_a_camera_is_missing_from_a_file_until_it_is_retired_on_purpose(program: Program) -> None:
    other = ("cam-2", *ROW[1:])
    program("inventory", "import", program.ledger(ROW, other))
    kept = json.loads(program("inventory", "import", program.ledger(ROW), "--json").out)
    assert (kept["not_in_this_file"], kept["retired"]) == (["cam-2"], [])
    retired = json.loads(program("inventory", "import", program.ledger(ROW), "--retire-missing", "--json").out)
    assert retired["retired"] == ["cam-2"]


def test_the_ledger_goes_out_as_it_came_in_but_for_the_passwords(program: Program, tmp_path: Path) -> None:
    program("inventory", "import", program.ledger(ROW))
    (camera,) = json.loads(program("inventory", "list", "--json").out)
    assert (camera["id"], camera["township"], camera["address"]) == ("cam-1", "霁川街道", "127.0.0.1:1")
    assert program("inventory", "export", tmp_path / "out.xlsx").code == 0
    again = json.loads(program("inventory", "import", tmp_path / "out.xlsx", "--json").out)
    assert (again["unchanged"], again["changed"], again["problems"]) == (1, [], [])


def test_a_look_at_a_camera_that_refuses_is_exit_code_1_with_every_step(program: Program) -> None:
    program("inventory", "import", program.ledger(ROW))
    ended = program("probe", "cam-1", "--json", "--depth", "describe")
    told: dict[str, Any] = json.loads(ended.out)
    assert (ended.code, ended.err) == (1, "")
    assert set(told) == {
        "camera",
        "outcome",
        "condition",
        "faults",
        "step",
        "steps",
        "took_ms",
        "codec",
        "width",
        "height",
        "clock_offset_s",
        "picture",
    }
    assert (told["outcome"], told["condition"], told["faults"], told["step"]) == (
        "refused",
        "offline",
        ["refused"],
        "connect",
    )
    assert {frozenset(step) for step in told["steps"]} == {frozenset({"name", "took_ms", "said"})}


def test_a_round_without_a_daemon_prints_json_alone_and_is_kept(program: Program) -> None:
    program("inventory", "import", program.ledger(ROW))
    first = program("round", "--depth", "light", "--json")
    second = program("round", "--depth", "light", "--json")
    told = json.loads(second.out)
    assert (first.code, second.code) == (1, 1)
    assert (json.loads(first.out)["round"], told["round"], told["depth"]) == (1, 2, "light")
    assert told["counts"] == {"intact": 0, "impaired": 0, "offline": 1, "unknown": 0}
    assert [camera["camera"] for camera in told["cameras"]] == ["cam-1"]


def test_a_life_is_told_with_seconds_that_add_up(program: Program) -> None:
    program("inventory", "import", program.ledger(ROW))
    program("round", "--depth", "light")
    told = json.loads(program("camera", "cam-1", "--json").out)
    assert set(told["seconds"]) == {"intact", "impaired", "offline", "unknown"}
    assert sum(told["seconds"].values()) == sum(each["ended"] - each["began"] for each in told["intervals"])
    assert program("camera", "cam-1").code == 0


def test_a_password_in_a_url_may_hold_any_sign() -> None:
    for typed in ("p@ss:w/rd?x", "p%40ss%3Aw%2Frd%3Fx"):
        target = asking.target_of_url(f"rtsp://admin:{typed}@10.1.2.3:8554/live?channel=1")
        assert target.credential is not None
        assert target.credential.password == "p@ss:w/rd?x"
        assert (target.host, target.rtsp_port, target.rtsp_path) == ("10.1.2.3", 8554, "/live?channel=1")
        assert "p@ss" not in target.camera
        assert "p@ss" not in repr(target)


def test_urls_need_neither_login_nor_port() -> None:
    assert asking.target_of_url("rtsp://nvr.lan/1").credential is None
    assert asking.target_of_url("rtsps://10.0.0.1/1").rtsp_port == 322
    assert asking.target_of_url("rtsp://[2001:db8::9]:8554/1").host == "2001:db8::9"


async def test_only_its_owner_may_ask_the_daemon(tmp_path: Path) -> None:
    async def never(*_: object) -> Any:
        raise AssertionError

    path = tmp_path / "x.sock"
    path.write_text("left behind by one that was killed")
    asked = control.Control(path, control.Orders(probe=never, round=never, login=never, references=never))
    await asked.start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await asked.close()
    assert not path.exists()
    with pytest.raises(control.NoDaemonError):
        await control.ask_login(path, "cred-1")
