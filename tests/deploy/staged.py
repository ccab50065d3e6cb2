"""The installation scripts as tests run them: from a folder like an unpacked bundle, into a folder of their own."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEPLOYED = ("bundle", "npm", "pictures", "setup")
"""Folders of deploy/ that no bundle has."""


def source(folder: Path, wheel: str = "xunjian-9.9.9-py3-none-any.whl") -> Path:
    """A folder as a bundle unpacks, with a wheel that is only a name."""
    shutil.copytree(ROOT / "deploy", folder / "deploy", ignore=shutil.ignore_patterns(*DEPLOYED))
    shutil.copy(ROOT / "config.toml", folder)
    (folder / "wheels").mkdir()
    (folder / "wheels" / wheel).touch()
    return folder


def run(source: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A script of ``source/deploy``."""
    command = ["sh", str(source / "deploy" / script), *arguments]
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def digests(folder: Path) -> dict[str, str]:
    """What lies below a folder: names, and the bytes, modes and times of files."""
    return {
        str(path.relative_to(folder)): f"{path.lstat().st_mode:o} {path.lstat().st_mtime_ns} "
        + (hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "")
        for path in sorted(folder.rglob("*"))
    }
