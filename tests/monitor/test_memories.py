"""What is remembered of pictures comes back as it was, whether its thumbs are on the disk or in memory."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.memories import SLOT_BYTES, PictureMemories
from probes.image.memory import THUMB_BYTES
from probes.observation import Light, PictureMemory, Reference

OTHERS = [f"cam-{number}" for number in range(5)]


def thumb(value: int) -> bytes:
    return bytes([value]) * THUMB_BYTES


def memory(value: int, *, night: bool = False) -> PictureMemory:
    day = Reference(at=value + 1.0, thumb=thumb(value + 1), approved_by="李工")
    dark = Reference(at=value + 2.0, thumb=thumb(value + 2))
    return PictureMemory(
        at=float(value),
        hash=bytes([value]) * 32,
        thumb=thumb(value),
        clock_strip=(1, 2, 3, value),
        day=day,
        night=dark if night else None,
    )


@pytest.fixture(params=["disk", "memory"])
def memories(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PictureMemories]:
    with PictureMemories(tmp_path / "evidence" if request.param == "disk" else None) as made:
        yield made


def test_what_was_put_comes_back_whole(memories: PictureMemories) -> None:
    kept = {camera: memory(10 * number, night=number % 2 == 0) for number, camera in enumerate(OTHERS)}
    for camera, its in kept.items():
        memories.put(camera, its)
    assert {camera: memories.get(camera) for camera in OTHERS} == kept
    assert memories.get("unheard of") is None


def test_the_newest_counts_and_one_without_a_reference_has_none(memories: PictureMemories) -> None:
    memories.put("cam-0", memory(1, night=True))
    memories.put("cam-1", memory(50))
    reset = memory(9).with_reference(Light.DAY, None)
    memories.put("cam-0", reset)
    assert memories.get("cam-0") == reset
    assert memories.get("cam-1") == memory(50)


def test_what_is_forgotten_is_gone_and_its_place_serves_another(memories: PictureMemories) -> None:
    for number, camera in enumerate(OTHERS):
        memories.put(camera, memory(number))
    for camera in OTHERS[:2]:
        memories.forget(camera)
    memories.put("new", memory(100))
    memories.put("newer", memory(110))
    memories.put("newest", memory(120))
    assert memories.get(OTHERS[0]) is None
    assert [memories.get(camera) for camera in OTHERS[2:]] == [memory(2), memory(3), memory(4)]
    assert [memories.get(camera) for camera in ("new", "newer", "newest")] == [memory(100), memory(110), memory(120)]
    memories.forget("unheard of")


def test_thumbs_of_another_size_are_remembered_as_they_are(memories: PictureMemories) -> None:
    for thumb_seen in (b"", b"small", bytes(SLOT_BYTES + 1)):
        odd = replace(memory(3), thumb=thumb_seen)
        memories.put("cam-0", odd)
        assert memories.get("cam-0") == odd


def test_nothing_is_left_in_the_folder(tmp_path: Path) -> None:
    with PictureMemories(tmp_path) as memories:
        memories.put("cam-0", memory(1))
        assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_what_finds_no_room_on_the_disk_stays_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with PictureMemories(tmp_path) as memories:
        memories.put("cam-0", memory(1))
        monkeypatch.setattr(os, "posix_fallocate", full)
        memories.put("cam-1", memory(2))
        memories.put("cam-0", memory(3))
        assert (memories.get("cam-0"), memories.get("cam-1")) == (memory(3), memory(2))


def test_without_a_folder_that_can_be_made_all_stays_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with PictureMemories(tmp_path / "file") as memories:
        memories.put("cam-0", memory(1))
        assert memories.get("cam-0") == memory(1)
