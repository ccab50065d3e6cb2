"""The folder of a month: whole or not at all, the same bytes again, and no name that stops it."""

from __future__ import annotations

import hashlib
import json
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from reports.fonts import Typefaces
from reports.render import bundle as bundles
from reports.render.bundle import MANIFEST, BundleError, bundle
from reports.render.typst import RenderError
from tests.reports import ink, sample

HOSTILE_NAMES = (
    '#sys.version #read("gongwen.typ") $x^2$ *b* _i_ `raw` @ref <label> \\ // /* */ = + - ~',
    '"] #panic("x") #[',
    "<script>alert(1)</script><a href=x>&amp;&#x41;",
    "{{ 7*7 }}{% raw %}{{ ''.__class__ }}",
    '=HYPERLINK("http://example.invalid","x")',
    "+1-1",
    "@SUM(A1)",
    "a\x00b\x07c\x1b[31md\x7fe",
    "一\u202e二\u2066三\u2069四\u200e五",
    "零\u200b宽\u200d连\ufeff接\u2060符",
    "相机\U0001f4f7家庭\U0001f468\u200d\U0001f469\u200d\U0001f467旗\U0001f1e8\U0001f1f3",
    "𠮷野㐂龘堌滍溵洑嵖𪚥",
    "تجربة עברית",
    "a" + "\u0301" * 50,
    "长" * 300,
    "W" * 200,
    "第一行\n第二行\t制表\r\n\u2028段",
    "",
    " ",
    "../../etc/passwd",
)
PRINTED = {
    0: HOSTILE_NAMES[0],
    2: HOSTILE_NAMES[2],
    3: HOSTILE_NAMES[3],
    4: HOSTILE_NAMES[4],
    7: "abc[31mde",
    8: "一二三四五",
    9: "零宽连接符",
    10: "相机〓家庭〓〓〓旗〓〓",
    14: "长" * 300,
    15: "W" * 200,
    19: "../../etc/passwd",
}


@pytest.fixture
def snapshot() -> dict[str, Any]:
    return sample.small()


def hostile() -> dict[str, Any]:
    """A county in which every place, person and reason has one of the names."""
    snapshot = sample.big()
    names = cycle(HOSTILE_NAMES)
    snapshot["faults"] = snapshot["faults"][: 2 * len(HOSTILE_NAMES)]
    for row in snapshot["faults"]:
        name = next(names)
        row |= {
            "name": name,
            "village": name[:60],
            "cause": name[:60],
            "maintainer": {"name": name, "phone": name[:40]},
        }
    for key in ("exempted", "unassessed", "never_connected", "moved"):
        for row in snapshot[key]:
            row["name"] = next(names)
    for row in snapshot["repairs"]["rows"]:
        row |= {"name": next(names), "village": next(names)[:60]}
    snapshot["rounds"]["rows"][3]["void"] = HOSTILE_NAMES[0]
    for row in snapshot["exempted"]:
        row["reason"] = next(names)
    for row, name in zip(snapshot["townships"], names, strict=False):
        row |= {"name": name, "remark": name}
    for row, name in zip(snapshot["heat"], names, strict=False):
        row["name"] = name
    return snapshot


def test_the_folder_has_all_papers_and_a_manifest_with_their_hashes(
    snapshot: dict[str, Any], typefaces: Typefaces, tmp_path: Path
) -> None:
    folder = tmp_path / "2026-10"
    manifest = bundle(snapshot, folder, typefaces=typefaces)
    assert set(manifest.files) == {
        "annex.pdf",
        "circular.pdf",
        "snapshot.json",
        *(f"notices/{row['code']}-{row['name']}.pdf" for row in snapshot["townships"]),
    }
    for path, digest in manifest.files.items():
        assert hashlib.sha256((folder / path).read_bytes()).hexdigest() == digest
    assert (folder / "snapshot.json").read_bytes() == sample.canonical(snapshot)
    written = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    assert written["typst"]
    assert len(written["templates_sha256"]) == 64
    assert {font["role"] for font in written["fonts"]} == {"title", "fangsong", "kai", "hei", "song", "latin"}
    assert [path for path in tmp_path.iterdir() if path != folder] == []


def test_a_second_run_gives_the_same_bytes_and_replaces_the_first(
    snapshot: dict[str, Any], typefaces: Typefaces, tmp_path: Path
) -> None:
    first = bundle(snapshot, tmp_path / "a", typefaces=typefaces)
    assert bundle(snapshot, tmp_path / "b", typefaces=typefaces) == first
    (tmp_path / "a/circular.pdf").write_bytes(b"changed by hand")
    assert bundle(snapshot, tmp_path / "a", typefaces=typefaces) == first
    for path, digest in first.files.items():
        assert hashlib.sha256((tmp_path / "a" / path).read_bytes()).hexdigest() == digest
    assert (tmp_path / "a" / MANIFEST).read_bytes() == (tmp_path / "b" / MANIFEST).read_bytes()


def test_progress_counts_every_document_once(snapshot: dict[str, Any], typefaces: Typefaces, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    manifest = bundle(snapshot, tmp_path / "x", typefaces=typefaces, progress=lambda *each: told.append(each))
    documents = [path for path in manifest.files if path.endswith(".pdf")]
    assert [(done, total) for done, total, _ in told] == [(n, len(documents)) for n in range(1, len(documents) + 1)]
    assert {path for *_, path in told} == set(documents)


def test_a_folder_with_files_of_somebody_elses_is_left_alone(
    snapshot: dict[str, Any], typefaces: Typefaces, tmp_path: Path
) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "scan of the sealed paper.pdf").write_bytes(b"irreplaceable")
    with pytest.raises(BundleError, match=r"scan of the sealed paper\.pdf"):
        bundle(snapshot, folder, typefaces=typefaces)
    assert [path.name for path in folder.iterdir()] == ["scan of the sealed paper.pdf"]


def test_a_file_added_to_an_earlier_bundle_is_never_deleted(
    snapshot: dict[str, Any], typefaces: Typefaces, tmp_path: Path
) -> None:
    bundle(snapshot, tmp_path / "x", typefaces=typefaces)
    (tmp_path / "x/notices/signed.pdf").write_bytes(b"irreplaceable")
    with pytest.raises(BundleError, match=r"signed\.pdf"):
        bundle(snapshot, tmp_path / "x", typefaces=typefaces)
    assert (tmp_path / "x/notices/signed.pdf").exists()


def test_a_failure_leaves_the_earlier_folder_as_it_was(
    snapshot: dict[str, Any], typefaces: Typefaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "x"
    before = bundle(snapshot, folder, typefaces=typefaces)
    monkeypatch.setattr(bundles, "annex", lambda _: {"nothing": "that the template needs"})
    with pytest.raises(RenderError, match=r"annex\.typ"):
        bundle(snapshot, folder, typefaces=typefaces)
    assert json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"] == before.files
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.usefixtures("poppler")
@pytest.mark.real_peer
def test_hostile_names_are_printed_literally_and_stop_nothing(typefaces: Typefaces, tmp_path: Path) -> None:
    snapshot = hostile()
    manifest = bundle(snapshot, tmp_path / "x", typefaces=typefaces)
    text = ink.packed(ink.text_of(tmp_path / "x/annex.pdf")).replace("\u200b", "")
    for number, shown in PRINTED.items():
        assert ink.packed(shown) in text, HOSTILE_NAMES[number]
    assert {"U+1F4F7", "U+1F468"} <= set(manifest.unprintable)
    assert len([path for path in manifest.files if path.startswith("notices/")]) == len(snapshot["townships"])
    assert all(".." not in path and path.count("/") <= 1 for path in manifest.files)
    kept = json.loads((tmp_path / "x/snapshot.json").read_text(encoding="utf-8"))
    assert kept["faults"][10]["name"] == HOSTILE_NAMES[10], "the record keeps the raw name"


@pytest.mark.usefixtures("poppler")
@pytest.mark.real_peer
def test_no_name_however_long_leaves_its_table_cell(typefaces: Typefaces, tmp_path: Path) -> None:
    snapshot = sample.small()
    snapshot["demo"] = False
    snapshot["faults"][0] |= {"name": "W" * 200, "village": "村" * 300}
    bundle(snapshot, tmp_path / "x", typefaces=typefaces)
    black = ink.page_of(tmp_path / "x/annex.pdf", 1).black
    strips = ink.strips(ink.between(black, 60, 140))
    assert strips[0][0] >= 35 - 0.3
    assert strips[-1][1] <= 297 - 37 + 0.3
