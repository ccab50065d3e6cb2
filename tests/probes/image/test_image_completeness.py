"""A damaged key frame of H.265 is refused, though the decoder conceals it; a sound one never is."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.image.completeness import BLOCK, CUT_BYTES, MAX_SLICES, TAIL, has_undecoded, with_tail_sooner, with_tails
from probes.image.decode import RefusedError, decode, has_surplus
from probes.image.judge import judge
from probes.image.judgement import Judged, PictureJob
from tests.probes.image.pictures import Image, Scenes

START = b"\0\0\0\1"
PARAMETERS, SLICE = b"\x42\x01parameters", b"\x26\x01slice"
PLACES, SHARES = (0.15, 0.3, 0.45), (0.3, 0.5)
SCENES = range(20, 26)

Plane = npt.NDArray[np.uint8]


def without(frame: bytes, *, at: float, share: float) -> bytes:
    """``frame`` with a hole."""
    start = int(len(frame) * at)
    return frame[:start] + frame[start + int(len(frame) * share) :]


def views(scenes: Scenes) -> list[Image]:
    """By day, in infrared, in fog, at night, covered."""
    return [
        *(scenes.caption(scenes.day(seed)) for seed in SCENES),
        scenes.infrared(scenes.day(30)),
        scenes.fog(31, density=1.5, air=180),
        scenes.lamps(32),
        scenes.far_lamps(33, 5),
        scenes.unlit(34, light=0.03, lift=16, noise=1),
        scenes.covered(35, share=0.9, tone=(60, 60, 60)),
        scenes.creased(36, (60, 80, 120)),
    ]


PLAIN = [
    *((tone, "") for tone in ((0, 0, 0), (255, 255, 255), (128, 128, 128), (200, 40, 20), (0, 255, 0))),
    ((0, 0, 0), "NO VIDEO"),
]


def how_told(frame: bytes) -> str:
    try:
        picture = decode("hevc", frame)
    except RefusedError:
        return "refused"
    return "surplus" if has_surplus("hevc", frame, picture) else "sound"


def test_sound_pictures_are_whole_and_the_same_as_without_tails(
    scenes: Scenes, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [scenes.encode(view, "hevc") for view in views(scenes)]
    told = [how_told(frame) for frame in frames]
    with_tails_on = [decode("hevc", frame).whole for frame in frames]
    monkeypatch.setattr("probes.image.decode.with_tails", bytes)
    assert told == ["sound"] * len(frames)
    for frame, whole in zip(frames, with_tails_on, strict=True):
        assert all(map(np.array_equal, decode("hevc", frame).whole, whole))


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p", "yuv420p10le", "yuv444p"])
@pytest.mark.parametrize(("tone", "text"), PLAIN)
def test_a_plain_picture_is_whole(scenes: Scenes, tone: tuple[int, int, int], text: str, pix_fmt: str) -> None:
    assert how_told(scenes.encode(scenes.flat(tone, text), "hevc", pix_fmt)) == "sound"


def test_nearly_every_picture_with_a_third_or_half_of_it_missing_is_refused(scenes: Scenes) -> None:
    """Rubbish comes out even by chance now and then; the bench of pictures measures how often."""
    told = Counter(
        how_told(without(scenes.encode(scenes.day(seed), "hevc"), at=at, share=share))
        for seed in SCENES
        for at in PLACES
        for share in SHARES
    )
    assert told["sound"] <= told.total() // 20
    assert told["refused"] > told.total() * 3 // 4


def test_what_is_missing_at_the_end_is_noticed(scenes: Scenes) -> None:
    frame = scenes.encode(scenes.day(8), "hevc")
    with pytest.raises(RefusedError, match="never coded"):
        decode("hevc", frame[: len(frame) * 9 // 10])


def test_what_a_full_picture_leaves_over_is_noticed_where_the_scene_is_not_known(scenes: Scenes) -> None:
    """A picture at whose end a part of another one hangs."""
    sound = scenes.encode(scenes.day(9), "hevc")
    doubled = sound + scenes.encode(scenes.day(10), "hevc")[-2000:].replace(b"\0", b"\1")
    first = judge(PictureJob(codec="hevc", first=sound, at=0.0))
    assert first.judged is Judged.JUDGED
    unknown = judge(PictureJob(codec="hevc", first=doubled, at=0.0))
    assert (unknown.judged, unknown.said) == (Judged.REFUSED, "the picture leaves coded data over")
    known = judge(PictureJob(codec="hevc", first=doubled, at=3600.0, memory=first.memory))
    assert known.judged is Judged.JUDGED


def test_each_slice_gets_a_tail_and_nothing_else_does() -> None:
    stream = START + PARAMETERS + START + SLICE + START + SLICE
    expected = [b"\0", PARAMETERS + b"\0", SLICE + TAIL, SLICE + TAIL]
    assert with_tails(stream).split(b"\0\0\1") == expected


@pytest.mark.parametrize("stuffing", [b"\0", b"\0\0\3", b"\0\0\3\0\0\3", b"\0\0\3\0\0\3\0\0"])
def test_zeros_stuffed_behind_a_slice_do_not_come_before_its_tail(stuffing: bytes) -> None:
    assert with_tails(START + SLICE + stuffing) == b"\0\0\0\1" + SLICE + TAIL


def test_stuffing_does_not_make_a_picture_look_damaged(scenes: Scenes) -> None:
    frame = scenes.encode(scenes.day(11), "hevc")
    assert how_told(frame + b"\0\0\3" * 400) == "sound"


def test_the_last_slice_is_cut_and_what_follows_is_left_out() -> None:
    long = SLICE + bytes(range(1, 200))
    assert with_tail_sooner(START + long + START + long + START + PARAMETERS) == (
        START + long + START + long[:-CUT_BYTES] + TAIL
    )
    assert with_tail_sooner(START + PARAMETERS) == b"\0"


def test_a_flood_of_units_does_not_grow_without_bound() -> None:
    flood = (b"\0\0\1" + SLICE) * 20_000
    assert len(with_tails(flood)) <= len(flood) + MAX_SLICES * len(TAIL)


@given(stream=st.binary(max_size=60).map(lambda data: data.replace(b"\x07", b"\0\0\1\x26").replace(b"\x08", b"\0\0\3")))
def test_any_bytes_keep_their_units(stream: bytes) -> None:
    units, tailed = (data.split(b"\0\0\1") for data in (stream, with_tails(stream)))
    assert [unit[:1] for unit in units] == [unit[:1] for unit in tailed]
    assert all(now in (unit, unit[: len(now) - len(TAIL)] + TAIL) for unit, now in zip(units, tailed, strict=True))


def planes(*, value: int = 128) -> tuple[Plane, Plane, Plane]:
    return (
        np.full((360, 640), value, np.uint8),
        np.full((180, 320), value, np.uint8),
        np.full((180, 320), value, np.uint8),
    )


@pytest.mark.parametrize("bare", ["luma", "first", "second"])
def test_only_what_is_zero_in_all_three_planes_was_never_decoded(bare: str) -> None:
    luma, first, second = planes()
    one = {"luma": luma, "first": first, "second": second}[bare]
    one[:] = 0
    assert not has_undecoded(luma, first, second)


@pytest.mark.parametrize(("side", "undecoded"), [(BLOCK - 1, False), (BLOCK, True)])
def test_a_square_as_large_as_the_smallest_block_counts(side: int, undecoded: bool) -> None:
    luma, first, second = planes()
    luma[100 : 100 + 2 * side, 60 : 60 + 2 * side] = 0
    for plane in (first, second):
        plane[50 : 50 + side, 30 : 30 + side] = 0
    assert has_undecoded(luma, first, second) is undecoded


def test_the_rim_of_a_picture_is_no_part_of_a_square() -> None:
    luma, first, second = planes()
    luma[-4:], first[-2:], second[-2:] = 0, 0, 0
    assert not has_undecoded(luma, first, second)
