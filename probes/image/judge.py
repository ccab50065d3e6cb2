"""One key frame, and what was remembered → faults, measures, evidence, and what to remember next."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np

from probes.image.decode import Picture, RefusedError, decode
from probes.image.faults import find_faults
from probes.image.judgement import Judged, PictureJob, PictureJudgement
from probes.image.measure import Comparison, Measures, Plane, compare, hash_distance, hash_of, measure, thumb_of
from probes.image.memory import THUMB_BYTES, THUMB_HEIGHT, THUMB_WIDTH
from probes.image.stillness import Pair, compare_pair, is_frozen, same_picture
from probes.observation import PictureMemory

SAME_HASH_BITS = 6
"""Of 256: a picture encoded twice differs by so many where brightness is nearly level."""

REMEMBERED_WITH = frozenset({"moved"})
"""Faults that don't keep a picture from becoming the reference: a dome camera has new sights."""


def judge(job: PictureJob) -> PictureJudgement:
    """Decode and judge; a refused picture is a result, never an exception."""
    try:
        picture = decode(job.codec, job.first, job.stamp)
        second = decode(job.codec, job.second) if job.second is not None else None
    except RefusedError as error:
        return PictureJudgement(judged=Judged.REFUSED, said=str(error))
    thumb = thumb_of(picture.planes)
    then = _remembered_thumb(job.memory)
    measures = measure(picture.planes)
    comparison = compare(thumb, then) if then is not None else None
    faults = find_faults(measures, comparison)
    look = _Look(job=job, picture=picture, thumb=thumb, then=then, faults=faults)
    pair = compare_pair(picture.planes.small, second.planes.small) if second is not None else None
    if pair is not None and look.stands_still(pair):
        faults = [*faults, "frozen"]
    return PictureJudgement(
        judged=Judged.JUDGED,
        width=picture.width,
        height=picture.height,
        faults=tuple(faults),
        measures=_rounded(measures, comparison),
        wants_second=second is None and look.suspect,
        jpeg=picture.jpeg,
        memory=look.memory(pair) if REMEMBERED_WITH.issuperset(faults) else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One picture beside what was remembered."""

    job: PictureJob
    picture: Picture
    thumb: Plane
    then: Plane | None
    faults: list[str]

    @property
    def suspect(self) -> bool:
        """Whether the picture is the one of the last look, or would teach us where the clock is."""
        remembered = self.job.memory
        if remembered is None or self.then is None or self.faults:
            return False
        if hash_distance(hash_of(self.picture.planes), remembered.hash) > SAME_HASH_BITS:
            return False
        return remembered.clock_strip is None or same_picture(self.thumb, self.then)

    def stands_still(self, pair: Pair) -> bool:
        remembered = self.job.memory
        if remembered is None or self.then is None or self.faults:
            return False
        return is_frozen(
            pair,
            self.thumb,
            self.then,
            strip=remembered.clock_strip,
            apart_s=self.job.at - remembered.at,
            frozen_s=self.job.frozen_s,
        )

    def memory(self, pair: Pair | None) -> PictureMemory:
        """What to remember. A picture without any life since keeps its age, so that hours can add up."""
        old = self.job.memory
        strip = (pair.strip if pair else None) or (old.clock_strip if old else None)
        alive = pair is not None and not pair.still
        if old is not None and self.then is not None and not alive and same_picture(self.thumb, self.then):
            return replace(old, clock_strip=strip)
        return PictureMemory(
            at=self.job.at, hash=hash_of(self.picture.planes), thumb=self.thumb.tobytes(), clock_strip=strip
        )


def _remembered_thumb(memory: PictureMemory | None) -> Plane | None:
    if memory is None or len(memory.thumb) != THUMB_BYTES:
        return None
    return np.frombuffer(memory.thumb, np.uint8).reshape(THUMB_HEIGHT, THUMB_WIDTH)


def _rounded(measures: Measures, comparison: Comparison | None) -> dict[str, float]:
    found = asdict(measures) | (asdict(comparison) if comparison is not None else {})
    return {name: round(value, 3) for name, value in found.items()}
