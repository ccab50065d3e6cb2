"""Jobs and judgements survive the pipe, and a worker that talks nonsense is not believed."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.image.judgement import Judged, PictureJob, PictureJudgement
from probes.image.messages import (
    MAX_BLOB_BYTES,
    MAX_BLOBS,
    MAX_HEADER_BYTES,
    MessageError,
    header_length,
    pack_job,
    pack_judgement,
    parse_header,
    parse_job,
    parse_judgement,
    read_message,
)
from probes.image.thresholds import Thresholds
from probes.observation import PictureMemory, Reference

BLOBS = st.binary(max_size=60)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = st.integers(0, 1000)
REFERENCES = st.none() | st.builds(Reference, at=FINITE, thumb=BLOBS, approved_by=st.text(max_size=8))
MEMORIES = st.builds(
    PictureMemory,
    at=FINITE,
    hash=BLOBS,
    thumb=BLOBS,
    clock_strip=st.none() | st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    day=REFERENCES,
    night=REFERENCES,
)
JOBS = st.builds(
    PictureJob,
    codec=st.text(max_size=8),
    first=BLOBS,
    second=st.none() | BLOBS,
    at=FINITE,
    memory=st.none() | MEMORIES,
    frozen_s=FINITE,
    thresholds=st.builds(Thresholds, noise=FINITE, moved_shift=FINITE),
    ptz=st.booleans(),
    stamp=st.lists(st.text(max_size=8), max_size=3).map(tuple),
)
JUDGEMENTS = st.builds(
    PictureJudgement,
    judged=st.sampled_from(Judged),
    said=st.text(max_size=20),
    width=NUMBERS,
    height=NUMBERS,
    faults=st.lists(st.text(max_size=8), max_size=3).map(tuple),
    measures=st.dictionaries(st.text(max_size=8), FINITE, max_size=3),
    wants_second=st.booleans(),
    jpeg=st.none() | BLOBS,
    memory=st.none() | MEMORIES,
)


@given(jobs=st.lists(JOBS, max_size=3))
def test_jobs_come_through_one_after_the_other(jobs: list[PictureJob]) -> None:
    pipe = io.BytesIO(b"".join(pack_job(job) for job in jobs))
    for job in jobs:
        message = read_message(pipe)
        assert message is not None
        assert parse_job(*message) == job
    assert read_message(pipe) is None


@given(judgement=JUDGEMENTS)
def test_judgements_come_through(judgement: PictureJudgement) -> None:
    message = read_message(io.BytesIO(pack_judgement(judgement)))
    assert message is not None
    assert parse_judgement(*message) == judgement


@given(data=st.binary(max_size=200))
def test_nonsense_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(MessageError):
        parse_header(data)
    with pytest.raises(MessageError):
        parse_judgement({}, [data])


@pytest.mark.parametrize("prefix", [b"", b"\x00", b"\xff\xff\xff\xff", bytes(4), (MAX_HEADER_BYTES + 1).to_bytes(4)])
def test_a_header_of_a_wrong_length_is_not_waited_for(prefix: bytes) -> None:
    with pytest.raises(MessageError):
        header_length(prefix)


@pytest.mark.parametrize("length", [-1, MAX_BLOB_BYTES + 1, "7", 1.5, [1], True])
def test_a_blob_of_a_wrong_length_is_not_waited_for(length: object) -> None:
    if length is True:
        assert parse_header(json.dumps({"blobs": [length]}).encode()) == ({}, [True])
        return
    with pytest.raises(MessageError):
        parse_header(json.dumps({"blobs": [length]}).encode())


SOUND = {
    "judged": "judged",
    "said": "",
    "width": 1,
    "height": 1,
    "faults": [],
    "measures": {},
    "wants_second": False,
    "memory": None,
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"judged": "maybe"},
        {"width": "wide"},
        {"width": True},
        {"width": float("inf")},
        {"height": float("nan")},
        {"faults": "black"},
        {"measures": []},
        {"measures": {"mean": "7"}},
        {"memory": []},
        {"memory": {}},
        {"memory": {"at": 1, "clock_strip": [1, 2]}},
        {"memory": {"at": 1, "clock_strip": None}},
    ],
)
def test_a_judgement_of_a_wrong_shape_is_refused(wrong: dict[str, object]) -> None:
    assert parse_judgement(SOUND, [None, None, None]).judged is Judged.JUDGED
    with pytest.raises(MessageError):
        parse_judgement({**SOUND, **wrong}, [None, None, None])


@pytest.mark.parametrize(
    "blobs",
    [[MAX_BLOB_BYTES + 1], [MAX_BLOB_BYTES, 1], [0] * (MAX_BLOBS + 1), [-1], ["1"], [1.5], 7],
    ids=lambda blobs: repr(blobs)[:24],
)
def test_blobs_that_would_fill_the_memory_are_refused_before_they_are_read(blobs: object) -> None:
    with pytest.raises(MessageError):
        parse_header(json.dumps({"blobs": blobs}).encode())


def test_a_header_nested_without_end_is_refused() -> None:
    with pytest.raises(MessageError):
        parse_header(b'{"blobs": ' + b"[" * 60_000)


def test_a_judgement_without_its_blobs_is_refused() -> None:
    with pytest.raises(MessageError):
        parse_judgement(SOUND, [])
