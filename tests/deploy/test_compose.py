"""The compose file, which nothing here can run: does it at least mount what is there, and say that it was not run?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.staged import ROOT

FOLDER = ROOT / "deploy" / "compose"
TEXT = (FOLDER / "compose.yml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]


def mounts(name: str) -> list[tuple[str, str]]:
    pairs = [volume.split(":")[:2] for volume in SERVICES[name]["volumes"]]
    return [(source, target) for source, target in pairs]


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_from_the_project_is_there(name: str) -> None:
    ours = [source for source, _ in mounts(name) if source.startswith("../")]
    assert ours or name == "xunjian"
    assert [source for source in ours if not (FOLDER / source).exists()] == []


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_program_is_told_to_read_is_mounted(name: str) -> None:
    """A file that the command names lies below one of the mounted folders."""
    targets = [target for _, target in mounts(name)]
    named = [word.partition("=")[2] or word for word in SERVICES[name].get("command", []) if "/etc/" in word]
    assert [path for path in named if not any(path == it or path.startswith(f"{it}/") for it in targets)] == []


def test_it_says_that_it_has_not_been_run() -> None:
    assert "NOT RUN" in TEXT
    assert "NOT RUN" in (FOLDER / "Containerfile").read_text(encoding="utf-8")


def test_the_monitor_is_locked_in_and_has_files_enough() -> None:
    monitor = SERVICES["xunjian"]
    assert (monitor["read_only"], monitor["cap_drop"]) == (True, ["ALL"])
    assert monitor["security_opt"] == ["no-new-privileges:true"]
    unit = Path(ROOT / "deploy/systemd/xunjian.service").read_text(encoding="utf-8")
    assert f"LimitNOFILE={monitor['ulimits']['nofile']}\n" in unit
    assert f"TasksMax={monitor['pids_limit']}\n" in unit
