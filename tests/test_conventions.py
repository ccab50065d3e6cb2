"""The house rules that no linter knows: what is shipped, what is named, and that the papers agree with the code."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import typer

from monitor.cli import app

ROOT = Path(__file__).parent.parent
PACKAGES = ("monitor", "probes", "reports")
MARKDOWN = ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "README.md", "README.zh-CN.md", "SECURITY.md")


def any_of(*halves: tuple[str, str]) -> str:
    """A pattern of words given in halves, so that this file does not name what it looks for."""
    return "|".join(re.escape(first + second) for first, second in halves)


FORBIDDEN = {
    "a package registry's host": any_of(
        ("py", "pi.org"),
        ("python", "hosted.org"),
        ("registry.", "npmjs"),
        ("registry.", "yarnpkg"),
        ("npm", "mirror.com"),
        ("deb.", "debian.org"),
        ("proxy.", "golang"),
    ),
    "an index option": any_of(
        ("--index", "-url"), ("--extra-index", "-url"), ("--find", "-links"), ("--trusted", "-host"), ("--regis", "try")
    ),
    "a path of one machine": r"(?<![\w.~}])/(?:"
    + any_of(("wo", "rk"), ("ro", "ot"), ("ho", "me"), ("Us", "ers"))
    + ")/",
}


def tracked() -> tuple[str, ...]:
    """Paths of all files under version control that are there now, relative to the root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return tuple(name for name in listed.decode().split("\0") if name and (ROOT / name).is_file())


def text_of(name: str) -> str:
    return (ROOT / name).read_bytes().decode(errors="replace")


def forbidden_in(name: str, text: str) -> Iterator[str]:
    """What ``text`` names that no file may name, one complaint for each line and kind."""
    for number, line in enumerate(text.splitlines(), 1):
        for what, pattern in FORBIDDEN.items():
            if re.search(pattern, line, re.IGNORECASE):
                yield f"{name}:{number} names {what}"


def lock_complaints(text: str) -> Iterator[str]:
    """Lines of a lock file that are neither a pinned requirement with hashes nor a hash."""
    for requirement in re.sub(r"\\\n\s*", "", text).splitlines():
        pinned, *hashes = requirement.split("--hash=")
        if not re.fullmatch(r"[\w.\-]+==[\w.!+]+\s*(;[^#]*)?", pinned):
            yield f"not a pinned requirement: {pinned!r}"
        elif not hashes or not all(re.fullmatch(r"sha256:[0-9a-f]{64}\s*", each) for each in hashes):
            yield f"without good hashes: {pinned!r}"


def locked_names(text: str) -> set[str]:
    return {name.lower().replace("_", "-") for name in re.findall(r"^([\w.\-]+)==", text, re.MULTILINE)}


def declared_names(requirements: Iterable[str]) -> set[str]:
    """Distribution names of PEP 508 requirements, normalised as far as ours need it."""
    return {re.split(r"[^\w.\-]", each, maxsplit=1)[0].lower().replace("_", "-") for each in requirements}


def lacks_docstring(source: str) -> bool:
    return not ast.get_docstring(ast.parse(source))


def headings(markdown: str) -> list[int]:
    """The levels of the headings in order; lines within fences are not headings."""
    outside = re.sub(r"^```.*?^```", "", markdown, flags=re.MULTILINE | re.DOTALL)
    return [len(marks) for marks in re.findall(r"^(#+) ", outside, re.MULTILINE)]


def unknown_targets(markdown: str, makefile: str) -> set[str]:
    """The ``make`` targets that a page names and the Makefile does not have."""
    return set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", markdown, re.MULTILINE)) - set(
        re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE)
    )


def unknown_commands(markdown: str, commands: Iterable[str]) -> set[str]:
    """The ``xunjian`` commands that a page names and the program does not have."""
    return set(re.findall(r"(?:^|`)xunjian ([a-z][a-z-]*)", markdown, re.MULTILINE)) - set(commands)


def dead_links(markdown: str, there: Iterable[str]) -> set[str]:
    """Links, pictures and paths of tests on a page at the root that lead to no file and no folder."""
    files = set(there)
    folders = {str(parent) for name in files for parent in Path(name).parents}
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", markdown) + re.findall(r"`(tests/[^`\s]+)`", markdown)
    return {link for link in links if link.rstrip("/") not in files | folders}


def foreign_names(wheel: Iterable[str]) -> set[str]:
    """Top-level names in a wheel that are neither our packages nor its own metadata."""
    return {
        top for top in (name.split("/")[0] for name in wheel) if top not in PACKAGES and not top.endswith(".dist-info")
    }


def left_out(files: Iterable[str], wheel: Iterable[str]) -> set[str]:
    """Files of our packages that did not get into the wheel."""
    return {name for name in files if name.split("/")[0] in PACKAGES} - set(wheel)


@pytest.fixture(scope="module")
def shipped() -> tuple[str, ...]:
    """What a checkout consists of: the tracked files, and the scripts that npm brought."""
    vendor = ROOT / "monitor/web/static/vendor"
    brought = (path for path in vendor.rglob("*") if path.is_file() and not path.name.startswith("."))
    return (*tracked(), *(str(path.relative_to(ROOT)) for path in brought))


@pytest.fixture(scope="module")
def wheel(shipped: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The names in a wheel that was built from a fresh copy: a build in place would ship what lies about."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in shipped:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = out.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return tuple(name for name in archive.namelist() if not name.endswith("/"))


def test_the_wheel_holds_our_packages_and_nothing_else(wheel: tuple[str, ...]) -> None:
    assert foreign_names(wheel) == set()
    assert {"monitor", "probes"} <= {name.split("/")[0] for name in wheel}


def test_a_stranger_in_the_wheel_is_seen() -> None:
    assert foreign_names(["monitor/cli.py", "xunjian-0.1.0.dist-info/METADATA"]) == set()
    assert foreign_names(["monitor/cli.py", "tests/test_x.py", "six.py"]) == {"tests", "six.py"}


def test_every_file_of_our_packages_is_in_the_wheel(shipped: tuple[str, ...], wheel: tuple[str, ...]) -> None:
    assert left_out(shipped, wheel) == set()


def test_a_file_left_out_of_the_wheel_is_seen() -> None:
    files = ["monitor/cli.py", "monitor/web/templates/page.j2", "deploy/x.yml"]
    assert left_out(files, ["monitor/cli.py"]) == {"monitor/web/templates/page.j2"}


def test_no_file_names_a_registry_an_index_or_a_machine() -> None:
    assert [complaint for name in tracked() for complaint in forbidden_in(name, text_of(name))] == []


@pytest.mark.parametrize(
    "line",
    [
        '"resolved": "https://registry.' + 'npmjs.org/htmx.org/-/htmx.org-2.0.0.tgz"',
        "https://files.python" + "hosted.org/packages/x.whl",
        "pip install --index" + "-url https://example.invalid/simple x",
        "--extra-index" + "-url=https://example.invalid",
        "npm ci --regis" + "try=https://example.invalid",
        "see /wo" + "rk/main/Makefile",
        'path = "/ro' + 'ot/.cache"',
        "/ho" + "me/zhang/xunjian",
    ],
)
def test_a_line_that_names_one_is_seen(line: str) -> None:
    assert list(forbidden_in("some.txt", f"fine\n{line}\n")) != []


@pytest.mark.parametrize("line", ["uv pip compile --no-emit-index-url", "network/paths and homework/", "rooted/in"])
def test_a_harmless_line_is_not_complained_of(line: str) -> None:
    assert list(forbidden_in("some.txt", line)) == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_lock_files_pin_everything_by_hash(lock: str) -> None:
    assert list(lock_complaints(text_of(lock))) == []


@pytest.mark.parametrize(
    "bad",
    [
        "aiohttp==3.14.5\n",
        "aiohttp>=3.14 \\\n    --hash=sha256:" + "0" * 64,
        "aiohttp==3.14.5 \\\n    --hash=md5:" + "0" * 32,
        "aiohttp @ file:///x.whl \\\n    --hash=sha256:" + "0" * 64,
        "-e .\n",
        "# a comment\n",
    ],
)
def test_a_loose_line_of_a_lock_file_is_seen(bad: str) -> None:
    assert list(lock_complaints(bad)) != []


def test_lock_files_hold_all_that_is_declared() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))
    run = declared_names(project["project"]["dependencies"])
    assert run - locked_names(text_of("requirements.lock")) == set()
    assert declared_names(project["dependency-groups"]["dev"]) - locked_names(text_of("requirements-dev.lock")) == set()


def test_a_requirement_that_is_not_locked_is_seen() -> None:
    declared = declared_names(["uvloop>=0.23; sys_platform != 'win32'", "lxml", "opencv_python[x]~=5.0"])
    assert declared - locked_names("lxml==6.1.3 \\\nuvloop==0.23.0 \\\n") == {"opencv-python"}


def test_every_module_says_what_it_is_for() -> None:
    assert [name for name in tracked() if name.endswith(".py") and lacks_docstring(text_of(name))] == []


def test_a_module_that_does_not_is_seen() -> None:
    assert lacks_docstring('import os\n"""Too late."""\n')
    assert not lacks_docstring('"""In time."""\nimport os\n')


@pytest.mark.parametrize("page", MARKDOWN)
def test_pages_name_only_commands_targets_and_files_that_are_there(page: str) -> None:
    program = typer.main.get_command(app)
    assert isinstance(program, typer.core.TyperGroup)
    assert unknown_commands(text_of(page), program.commands) == set()
    assert unknown_targets(text_of(page), text_of("Makefile")) == set()
    assert dead_links(text_of(page), tracked()) == set()


def test_a_dead_command_target_or_link_is_seen() -> None:
    assert unknown_commands("`xunjian run` or `xunjian coffee --strong`", ["run", "demo"]) == {"coffee"}
    assert unknown_targets("`make demo`, then `make coffee`", "demo: setup\n\ttrue\n") == {"coffee"}
    page = "[a](LICENSE) ![b](deploy/pictures/gone.png) [c](https://example.invalid) [d](#part) [e](deploy/pictures/)"
    assert dead_links(page, ["LICENSE", "deploy/pictures/here.png"]) == {"deploy/pictures/gone.png"}
    assert dead_links("`tests/test_x.py`, `tests/bench/`", ["tests/bench/measure.py"]) == {"tests/test_x.py"}


def test_both_readmes_name_the_two_commands_and_have_the_same_build() -> None:
    english, chinese = text_of("README.md"), text_of("README.zh-CN.md")
    for page in (english, chinese):
        assert "make demo" in page
        assert "make test" in page
    assert headings(english) == headings(chinese)


def test_headings_are_told_from_comments_in_a_listing() -> None:
    assert headings("# a\n```sh\n# not one\n```\n## b\n#no\n### c\n") == [1, 2, 3]


def changes_of(changelog: str, version: str) -> bool:
    return re.search(rf"^## \[{re.escape(version)}\]", changelog, re.MULTILINE) is not None


def test_the_changelog_speaks_of_this_version() -> None:
    assert changes_of(text_of("CHANGELOG.md"), tomllib.loads(text_of("pyproject.toml"))["project"]["version"])


def test_a_version_without_changes_is_seen() -> None:
    assert changes_of("## [0.1.0] - unreleased\n", "0.1.0")
    assert not changes_of("## [0.1.0] - unreleased\n", "0.1")
    assert not changes_of("## [0.1.0] - unreleased\n", "0.2.0")
