"""What is remembered of a picture survives the store, and nothing else is taken for it."""

from __future__ import annotations

import base64
import json
import os
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.image.memory import THUMB_BYTES, from_json, to_json
from probes.observation import PictureMemory, Reference

NUMBERS = st.integers(0, 1000)
THUMBS = st.binary(min_size=30, max_size=30).map(lambda part: part * (THUMB_BYTES // 30))
REFERENCES = st.none() | st.builds(Reference, at=st.floats(0, 4e9), thumb=THUMBS, approved_by=st.text(max_size=8))
MEMORIES = st.builds(
    PictureMemory,
    at=st.floats(0, 4e9),
    hash=st.binary(min_size=32, max_size=32),
    thumb=THUMBS,
    clock_strip=st.none() | st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    day=REFERENCES,
    night=REFERENCES,
)


@given(memory=MEMORIES)
def test_a_memory_comes_back_from_its_text(memory: PictureMemory) -> None:
    assert from_json(to_json(memory)) == memory


def test_a_text_from_before_there_were_references_is_read_without_them() -> None:
    memory = PictureMemory(at=1.0, hash=bytes(32), thumb=bytes(THUMB_BYTES), clock_strip=(1, 2, 3, 4))
    old = {name: value for name, value in json.loads(to_json(memory)).items() if name != "references"}
    assert from_json(json.dumps(old)) == memory


def test_the_text_is_no_larger_than_the_thumb_by_more_than_base64() -> None:
    worst = PictureMemory(at=1.0, hash=bytes(32), thumb=os.urandom(THUMB_BYTES))
    assert len(to_json(worst)) < THUMB_BYTES * 1.4


def changed(**values: object) -> str:
    sound = to_json(PictureMemory(at=1.0, hash=bytes(32), thumb=bytes(THUMB_BYTES), clock_strip=(1, 2, 3, 4)))
    return json.dumps({**json.loads(sound), **values})


def packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        changed(at="soon"),
        changed(at=None),
        changed(hash="xyz"),
        changed(hash=7),
        changed(thumb="%%%"),
        changed(thumb=base64.b64encode(b"not zlib").decode()),
        changed(thumb=packed(bytes(THUMB_BYTES - 1))),
        changed(thumb=packed(bytes(THUMB_BYTES + 1))),
        changed(thumb=packed(bytes(50_000_000))),
        changed(clock_strip=[1, 2, 3]),
        changed(clock_strip=[1, 2, 3, "4"]),
        changed(clock_strip=5),
        changed(references=7),
        changed(references={"noon": {"at": 1, "thumb": packed(bytes(THUMB_BYTES)), "approved_by": ""}}),
        changed(references={"day": {"at": 1, "thumb": packed(bytes(7)), "approved_by": ""}}),
        changed(references={"day": {"at": 1}}),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        from_json(text)
