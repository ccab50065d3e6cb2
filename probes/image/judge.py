"""One key frame, and what was remembered → faults, scores, measures, evidence, and what to remember next."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from probes.image.decode import Picture, RefusedError, decode, has_surplus
from probes.image.faults import asks_every_reference, light_of, listed, score_faults
from probes.image.judgement import Judged, PictureJob, PictureJudgement
from probes.image.measure import Comparison, Measures, Plane, compare, hash_distance, hash_of, measure, thumb_of
from probes.image.memory import THUMB_BYTES, THUMB_HEIGHT, THUMB_WIDTH
from probes.image.shake import shake_between
from probes.image.stillness import Pair, compare_pair, frozen_score, same_picture
from probes.image.thresholds import SCORE_MAX
from probes.image.veil import is_pale, veil_of
from probes.observation import Light, PictureMemory, Reference

SAME_HASH_BITS = 6
"""Of 256: a picture encoded twice differs by so many where brightness is nearly level."""

LEARNED_WITH = frozenset({"moved"})
"""Faults that don't keep a picture from becoming the reference: a dome camera has new sights."""

STANDING = frozenset({"blurred", "moved"})
"""Faults beside which a picture may also stand still: they are against a reference of another moment."""

STIRRED_PEAK = 0.3
"""How sure a shift against the reference must be to have a second key frame looked at for it."""

KNOWN_SEEN = 0.6
"""Where so much of the reference's detail is seen again, rubbish can't fill more than a small part of the picture."""

HAZE_S = 7 * 86_400.0
"""Beyond this a scene that is pale has become so."""

SCORE = "score_"
"""What the names of scores begin with among the measures: ``score_covered``."""


def judge(job: PictureJob) -> PictureJudgement:
    """Decode and judge; a refused picture is a result, never an exception."""
    try:
        picture = decode(job.codec, job.first, job.stamp)
        second = decode(job.codec, job.second) if job.second is not None else None
    except RefusedError as error:
        return PictureJudgement(judged=Judged.REFUSED, said=str(error))
    look = _Look.of(job, picture)
    # the first of two was sound when it was judged alone
    if second is None and not look.is_known and has_surplus(job.codec, job.first, picture):
        return PictureJudgement(judged=Judged.REFUSED, said="the picture leaves coded data over")
    scores = dict(look.scores)
    faults = list(look.faults)
    veil = veil_of(look.measures, look.held_against, job.thresholds, ptz=job.ptz)
    is_veiled = veil.get("veil", 0.0) >= 1
    pair = compare_pair(picture.planes.small, second.planes.small) if second is not None else None
    if pair is not None and second is not None and STANDING.issuperset(faults):
        scores |= look.scores_of_two(pair, second)
        faults = [fault for fault in ("frozen", "shaking") if scores.get(fault, 0.0) >= 1] or faults
    return PictureJudgement(
        judged=Judged.JUDGED,
        width=picture.width,
        height=picture.height,
        faults=tuple(faults),
        measures=_rounded(look.measures, look.shown, scores, veil),
        wants_second=second is None and (look.suspect or look.has_stirred),
        jpeg=picture.jpeg,
        memory=look.memory(pair, learns=LEARNED_WITH.issuperset(faults))
        if STANDING.issuperset(faults) and not is_veiled
        else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One picture beside what was remembered: ``then`` is the last look's, the comparisons are by light."""

    job: PictureJob
    picture: Picture
    thumb: Plane
    then: Plane | None
    measures: Measures
    light: Light | None
    comparisons: Mapping[Light, Comparison]
    scores: Mapping[str, float]
    faults: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, job: PictureJob, picture: Picture) -> _Look:
        thumb, measures = thumb_of(picture.planes), measure(picture.planes)
        light = light_of(measures)
        lights = set(Light) if asks_every_reference(measures) else {light}
        comparisons = _comparisons(thumb, job.memory, lights)
        others = [each for its, each in comparisons.items() if its is not light]
        own = comparisons.get(light) if light is not None else None
        scores = score_faults(measures, own, job.thresholds, others=others, ptz=job.ptz)
        return cls(
            job=job,
            picture=picture,
            thumb=thumb,
            then=_thumb(job.memory.thumb) if job.memory is not None else None,
            measures=measures,
            light=light,
            comparisons=comparisons,
            scores=scores,
            faults=listed(scores),
        )

    @property
    def own(self) -> Comparison | None:
        """Against the reference of the picture's own light."""
        return self.comparisons.get(self.light) if self.light is not None else None

    @property
    def shown(self) -> Comparison | None:
        """The comparison that evidence tells of: with its own light, else with another that it was held to."""
        return self.own or next(iter(self.comparisons.values()), None)

    @property
    def is_known(self) -> bool:
        """Whether the scene is the one of a reference, so that the picture can't be rubbish for the most part."""
        return any(each.detailed > 0 and each.seen >= KNOWN_SEEN for each in self.comparisons.values())

    @property
    def held_against(self) -> Sequence[Comparison]:
        """With the reference of the picture's own light, or with every one where it tells of no light."""
        return [self.own] if self.own is not None else list(self.comparisons.values()) if self.light is None else []

    @property
    def suspect(self) -> bool:
        """Whether the picture is the one of the last look, or would teach us where the clock is."""
        remembered = self.job.memory
        if remembered is None or self.then is None or not STANDING.issuperset(self.faults):
            return False
        if hash_distance(hash_of(self.picture.planes), remembered.hash) > SAME_HASH_BITS:
            return False
        return remembered.clock_strip is None or same_picture(self.thumb, self.then)

    @property
    def has_stirred(self) -> bool:
        """Whether the whole scene is a little beside where the reference has it: it may be moving still."""
        if self.own is None or self.job.ptz or self.faults:
            return False
        return self.own.peak > STIRRED_PEAK and self.own.shift >= self.job.thresholds.shaking_shift

    def scores_of_two(self, pair: Pair, second: Picture) -> dict[str, float]:
        """What a second key frame tells besides."""
        remembered = self.job.memory
        scores = {}
        if remembered is not None and self.then is not None:
            scores["frozen"] = frozen_score(
                pair,
                self.thumb,
                self.then,
                strip=remembered.clock_strip,
                apart_s=self.job.at - remembered.at,
                frozen_s=self.job.frozen_s,
            )
        if not self.job.ptz:
            shift = shake_between(self.picture.planes.small, second.planes.small)
            scores["shaking"] = shift / max(self.job.thresholds.shaking_shift, 1e-6)
        return {fault: min(score, SCORE_MAX) for fault, score in scores.items()}

    def memory(self, pair: Pair | None, *, learns: bool) -> PictureMemory:
        """What to remember. A picture without any life since keeps its age, so that hours can add up.

        ``learns`` says whether the picture may become the reference of its light.
        """
        old = self.job.memory
        strip = (pair.strip if pair else None) or (old.clock_strip if old else None)
        alive = pair is not None and not pair.still
        if old is not None and self.then is not None and not alive and same_picture(self.thumb, self.then):
            kept = replace(old, clock_strip=strip)
            return kept if self.light is None or old.reference(self.light) or not learns else self._learned(kept)
        seen = PictureMemory(
            at=self.job.at,
            hash=hash_of(self.picture.planes),
            thumb=self.thumb.tobytes(),
            clock_strip=strip,
            day=old.day if old else None,
            night=old.night if old else None,
        )
        return self._learned(seen) if learns else seen

    def _learned(self, memory: PictureMemory) -> PictureMemory:
        """With this picture as the reference for its light, unless a person approved the one there is."""
        if self.light is None:
            return memory
        old = memory.reference(self.light)
        if old is not None and (old.approved_by or self._is_haze(old)):
            return memory
        return memory.with_reference(self.light, Reference(at=self.job.at, thumb=self.thumb.tobytes()))

    def _is_haze(self, reference: Reference) -> bool:
        """Whether the picture is the paler one; no haze lasts as long as the reference may be old."""
        if self.own is None or self.job.at - reference.at > HAZE_S:
            return False
        return is_pale(self.own, self.job.thresholds)


def _comparisons(
    thumb: Plane, memory: PictureMemory | None, lights: Collection[Light | None]
) -> dict[Light, Comparison]:
    """With the references for those lights, as far as there are any."""
    found: dict[Light, Comparison] = {}
    for each in Light:
        reference = memory.reference(each) if memory is not None else None
        then = _thumb(reference.thumb) if reference is not None else None
        if then is not None and each in lights:
            found[each] = compare(thumb, then)
    return found


def _thumb(luma: bytes) -> Plane | None:
    if len(luma) != THUMB_BYTES:
        return None
    return np.frombuffer(luma, np.uint8).reshape(THUMB_HEIGHT, THUMB_WIDTH)


def _rounded(
    measures: Measures, comparison: Comparison | None, scores: Mapping[str, float], veil: Mapping[str, float]
) -> dict[str, float]:
    found = asdict(measures) | (asdict(comparison) if comparison is not None else {}) | dict(veil)
    found |= {f"{SCORE}{fault}": score for fault, score in scores.items()}
    return {name: round(value, 3) for name, value in found.items()}
