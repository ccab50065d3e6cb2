"""A file of another system's record: good lines go in, each bad one is told by its number and why."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.core.condition import Condition, Fault
from monitor.core.fleet import Camera, Township
from monitor.core.history import Line
from monitor.core.record import Transition
from monitor.core.rule import UnknownError
from monitor.history import LineError, import_history, line_of
from monitor.store import Batch, FleetChanges, Store, TransitionRecord

OCTOBER = 1_790_784_000
"""2026-10-01T00:00:00+08:00"""
NOW = OCTOBER + 40 * 86_400


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'x.db'}", at=OCTOBER) as opened:
        cameras = tuple(Camera(id=id_, name=id_, township="01", village="东村") for id_ in "ab")
        changes = FleetChanges(townships=(Township(code="01", name="泌水镇"),), cameras=cameras)
        opened.save_fleet(changes, who="test", why="first", at=NOW - 60)
        yield opened


def said(camera: str, at: str, condition: str, **more: object) -> str:
    return json.dumps({"camera": camera, "at": at, "condition": condition, **more})


GOOD = [
    said("a", "2026-10-01T00:00:00+08:00", "intact"),
    said("a", "2026-10-11T00:00:00+08:00", "offline", fault="unreachable"),
    said("b", "2026-09-30T16:00:00Z", "intact", note="a stranger's key"),
    said("a", "2026-10-12T00:00:00.900+08:00", "intact", fault=None),
]


def test_good_lines_go_in_and_the_same_file_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "old.jsonl"
    file.write_text("\ufeff" + "\r\n".join(GOOD) + "\n\n", encoding="utf-8")
    done = import_history(store, file, who="test", at=NOW)
    assert (done.lines, done.imported, done.known, done.refused) == (4, 4, 0, ())
    assert done.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    again = import_history(store, file, who="test", at=NOW)
    assert (again.lines, again.imported, again.known, again.refused) == (4, 0, 4, ())
    imported = store.recorded(0, 1 << 40, 1 << 40).imported
    assert imported["a"] == (
        Line(camera="a", at=OCTOBER, condition=Condition.INTACT),
        Line(camera="a", at=OCTOBER + 10 * 86_400, condition=Condition.OFFLINE, fault=Fault.UNREACHABLE),
        Line(camera="a", at=OCTOBER + 11 * 86_400, condition=Condition.INTACT),
    )


def test_a_longer_file_adds_only_what_is_new(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "old.jsonl"
    file.write_text("\n".join(GOOD[:2]), encoding="utf-8")
    import_history(store, file, who="test", at=NOW)
    file.write_text("\n".join(GOOD), encoding="utf-8")
    done = import_history(store, file, who="test", at=NOW)
    assert (done.imported, done.known) == (2, 2)


def test_bad_lines_are_told_and_the_rest_goes_in(store: Store, tmp_path: Path) -> None:
    own = Transition(camera="b", at=OCTOBER + 86_400, condition=Condition.INTACT, decided_at=OCTOBER + 86_400)
    store.write(Batch(transitions=(TransitionRecord(transition=own),))).result(30)
    file = tmp_path / "mixed.jsonl"
    bad = [
        said("a", "2026-10-05T00:00:00", "intact"),
        said("b", "2026-10-02T00:00:00+08:00", "offline"),
        said("nobody", "2026-10-02T00:00:00+08:00", "intact"),
        said("a", "2026-10-03T00:00:00+08:00", "intact"),
        said("a", "2030-01-01T00:00:00+08:00", "intact"),
        "{",
    ]
    file.write_text("\n".join([*GOOD, *bad]), encoding="utf-8")
    done = import_history(store, file, who="test", at=NOW)
    assert (done.lines, done.imported) == (10, 4)
    assert [(each.line, each.en) for each in done.refused] == [
        (5, "its time has no offset"),
        (6, "it overlaps our own record"),
        (7, "the ledger has no such camera"),
        (8, "it is earlier than the camera's line before"),
        (9, "it speaks of the future"),
        (10, "it is not JSON"),
    ]
    assert all(each.zh != each.en for each in done.refused)


BAD_LINES = [
    (b"[]", 'names no "camera"'),
    (b'"intact"', 'names no "camera"'),
    (b"{}", 'names no "camera"'),
    (b'{"camera": ""}', 'names no "camera"'),
    (b'{"camera": 7}', 'names no "camera"'),
    (rb'{"camera": "\ud800", "at": "2026-10-01T00:00:00Z", "condition": "intact"}', 'names no "camera"'),
    (b'{"camera": "a", "at": "2026-10-01T00:00:00Z"}', "no condition"),
    (b'{"camera": "a", "at": "2026-10-01T00:00:00Z", "condition": "fine"}', "no condition 'fine'"),
    (b'{"camera": "a", "at": "2026-10-01T00:00:00Z", "condition": ["intact"]}', "no condition"),
    (b'{"camera": "a", "at": "2026-10-01T00:00:00Z", "condition": "offline", "fault": "asleep"}', "no fault 'asleep'"),
    (b'{"camera": "a", "at": "2026-10-01T00:00:00Z", "condition": "intact", "fault": "black"}', "has no fault"),
    (b'{"camera": "a", "condition": "intact"}', "no readable time"),
    (b'{"camera": "a", "at": 1790784000, "condition": "intact"}', "no readable time"),
    (b'{"camera": "a", "at": "yesterday", "condition": "intact"}', "no readable time"),
    (b"\xff", "not JSON"),
    (b"[" * 100_000, "not JSON"),
]


@pytest.mark.parametrize(("text", "complaint"), BAD_LINES, ids=[str(n) for n in range(len(BAD_LINES))])
def test_a_line_that_says_nothing_usable_is_refused(text: bytes, complaint: str) -> None:
    with pytest.raises(LineError, match=complaint):
        line_of(text)


def test_a_file_that_is_not_there_is_unknown(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UnknownError, match="cannot read"):
        import_history(store, tmp_path / "gone.jsonl", who="test", at=NOW)
