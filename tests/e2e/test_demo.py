"""The demo as its user has it: it grades itself, ends on Ctrl-C, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

PROGRAM = Path(sys.executable).with_name("xunjian")
CAMERAS = 300
MARK = "XUNJIAN_DEMO_TEST"

pytestmark = pytest.mark.timeout(300)


@contextmanager
def demo(home: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running demo, and the mark that it and everything that it starts bear."""
    mark = uuid.uuid4().hex
    with subprocess.Popen(
        [PROGRAM, "demo", "--cameras", str(CAMERAS), *arguments],
        cwd=home,
        env={**os.environ, MARK: mark, "TMPDIR": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process, mark
        finally:
            process.kill()


def running_with(mark: str) -> list[str]:
    """What still runs of a demo."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue  # it has ended meanwhile, or is none of ours
    return found


def test_the_demo_finds_all_that_was_injected_and_accuses_nobody(tmp_path: Path) -> None:
    with demo(tmp_path, "--once", "--json") as (process, mark):
        told, complaints = process.communicate()
    assert (process.returncode, complaints) == (0, ""), told
    card = json.loads(told)
    assert card["passed"] is True
    assert card["injected"] == card["found"] > 10
    assert (card["falsely_accused"], card["missed"], card["accusations"]) == (0, [], [])

    stories = {story["story"]: story for story in card["stories"]}
    assert list(stories)[:6] == ["proof", "power_cut", "recorder_full", "blind", "covered_lens", "power_back"]
    proof = stories["proof"]
    assert (proof["port"], proof["described"], proof["pictured"]) == (CAMERAS, CAMERAS, CAMERAS - 1)
    assert [step["name"] for step in proof["steps"]][:3] == ["connect", "describe", "setup"]
    cut, back = stories["power_cut"], stories["power_back"]
    assert (cut["events"], cut["kind"], cut["role"]) == (1, "village", "power")
    assert cut["cameras"] == back["cameras"] == card["injected"] - 2
    assert -card["tolerance_s"] <= cut["began_in_record"] - cut["began_in_truth"] <= card["tolerance_s"]
    assert abs(back["farthest_off_s"]) <= card["tolerance_s"]
    full, blind = stories["recorder_full"], stories["blind"]
    assert (full["blamed"], full["a_port_and_describe_checker_accuses"]) == (0, full["channels"])
    assert full["looks_that_met_453"] >= full["channels"]
    assert (blind["rates_moved"], blind["blamed"], blind["cameras_unknown"]) == (0, 0, CAMERAS)
    assert blind["county_rate_blind"] != "—"

    assert running_with(mark) == []
    assert list(tmp_path.glob("xunjian-demo-*")) == []


@pytest.mark.parametrize("moment", ["网页", "台账"])
def test_ctrl_c_ends_the_demo_cleanly_whenever_it_comes(tmp_path: Path, moment: str) -> None:
    with demo(tmp_path) as (process, mark):
        assert process.stdout is not None
        while moment not in (line := process.stdout.readline()):
            assert line, "the demo ended before"
        assert running_with(mark)
        process.send_signal(signal.SIGINT)
        told, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (130, "")
    assert "已全部结束" in told
    assert running_with(mark) == []
    assert list(tmp_path.glob("xunjian-demo-*")) == []
