"""What is fetched to play a camera in the tests: is it pinned, and kept out of the product?"""

from __future__ import annotations

import json
import re
from importlib.metadata import distributions
from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy"
LOCK = json.loads((DEPLOY / "npm" / "peers" / "package-lock.json").read_text(encoding="utf-8"))
LISTED = [
    line for line in (DEPLOY / "setup" / "peers.txt").read_text(encoding="utf-8").splitlines() if line[:1] not in "#"
]


def test_every_program_from_npm_is_locked_by_its_hash_and_names_no_host() -> None:
    wanted = json.loads((DEPLOY / "npm" / "peers" / "package.json").read_text(encoding="utf-8"))["dependencies"]
    packages = {name: entry for name, entry in LOCK["packages"].items() if name}
    assert wanted == {name: packages[f"node_modules/{name}"]["version"] for name in wanted}
    for entry in packages.values():
        assert entry["integrity"].startswith("sha512-")
        assert "resolved" not in entry


def test_every_program_from_pip_is_one_version_of_one_hash() -> None:
    assert LISTED
    for line in LISTED:
        assert re.fullmatch(r"[\w.-]+==[\w.]+ --hash=sha256:[0-9a-f]{64}", line)


def test_none_of_them_nor_a_second_opencv_lies_in_the_projects_environment() -> None:
    strangers = {"opencv-python", *(line.partition("==")[0] for line in LISTED)}
    assert strangers.isdisjoint(distribution.metadata["Name"].lower() for distribution in distributions())
