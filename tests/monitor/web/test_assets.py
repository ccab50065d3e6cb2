"""The files that the page loads."""

import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

from monitor.web.assets import HTMX, STATIC, UPLOT, Assets

NPM = Path(__file__).parents[3] / "deploy" / "npm"
VENDOR = STATIC / "vendor"


def listed() -> dict[str, str]:
    lines = (NPM / "vendor.sha256").read_text().splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def test_the_lock_names_each_script_by_its_hash_and_no_host() -> None:
    text = (NPM / "package-lock.json").read_text()
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert set(packages) == {"node_modules/htmx.org", "node_modules/uplot"}
    for entry in packages.values():
        assert entry["integrity"].startswith("sha512-")
        assert "resolved" not in entry
    assert not re.search(r"https?:|//", re.sub(r'"integrity": "[^"]+"', "", text))


def test_the_lock_and_the_package_file_ask_for_the_same_exact_versions() -> None:
    wanted = json.loads((NPM / "package.json").read_text())["dependencies"]
    locked = json.loads((NPM / "package-lock.json").read_text())["packages"]
    assert wanted == {name: locked[f"node_modules/{name}"]["version"] for name in wanted}


def test_every_script_that_pages_load_is_listed_with_its_hash() -> None:
    assert {Path(name).name for name in (HTMX, *UPLOT)} <= set(listed())


@pytest.mark.skipif(not VENDOR.is_dir(), reason="the page's scripts are missing: make setup")
def test_the_fetched_scripts_are_those_of_the_list() -> None:
    found = {path.name: sha256(path.read_bytes()).hexdigest() for path in VENDOR.iterdir()}
    assert found == listed()


def test_our_own_script_and_style_sheet_load_nothing_from_outside() -> None:
    for name in ("xunjian.js", "xunjian.css"):
        text = (STATIC / name).read_text()
        assert not re.search(r"https?://|url\(|@import|eval\(|innerHTML", text), name


def test_an_address_changes_with_the_content(tmp_path: Path) -> None:
    (tmp_path / "xunjian.css").write_text("a {}")
    before = Assets(tmp_path).address("xunjian.css")
    (tmp_path / "xunjian.css").write_text("b {}")
    assert Assets(tmp_path).address("xunjian.css") != before
