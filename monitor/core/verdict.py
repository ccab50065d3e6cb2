"""What does one look say of a camera?

A look rests on one or several observations: when the stream's port gave no protocol answer, the ONVIF port is
asked as well before anyone is called offline (``unanswered`` says when).

    observation                                          look
    ok                                                   intact, as deep as the probe asked
    ok or bad_picture, with a grave image fault          impaired, that fault (the gravest of several)
    undecodable                                          intact: a stream is proven, its codec we cannot decode
    unreachable, refused, timed_out; nothing answered
        … and ONVIF does not answer either               offline, refused if every port refused, else unreachable
        … but ONVIF answers                              impaired, no_stream
    the same after something spoke RTSP                  impaired, no_stream
        … but while we decoded or waited for a key frame unknown, ours
    no_stream                                            impaired, no_stream
    unauthorized                                         impaired, unauthorized (believed by ``outage`` later)
    unauthorized, by ONVIF alone                         something answers: intact as deep as a light look
    busy                                                 unknown, busy
    inconclusive                                         unknown, held if the login was held back, else ours

An unknown look neither confirms nor refutes anything. A veiled picture is judged by the neighbours' as well:
``unveiled``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import floor

from monitor.core.condition import GRAVE_BY_DEFAULT, Cause, Condition, Fault
from monitor.core.veil import Opinion, Says
from probes.observation import Depth, Observation, Outcome

SEVERITY = (
    Fault.SIGNAL_LOSS,
    Fault.BLACK,
    Fault.CORRUPTED,
    Fault.COVERED,
    Fault.FROZEN,
    *(
        fault
        for fault in Fault
        if fault not in {Fault.SIGNAL_LOSS, Fault.BLACK, Fault.CORRUPTED, Fault.COVERED, Fault.FROZEN}
    ),
)
"""Which of several image faults names the look: a lost signal is also black and frozen, so the cause comes first."""

STEP_DEPTHS = {
    "connect": Depth.LIGHT,
    "tls": Depth.DESCRIBE,
    "describe": Depth.DESCRIBE,
    "setup": Depth.MEDIA,
    "play": Depth.MEDIA,
    "first_rtp": Depth.MEDIA,
}
"""How deep a later success must go to contradict a failure at this step. Other steps: as deep as the look."""

OUR_STEPS = frozenset({"key_frame", "decode", "judge", "teardown"})
"""A deadline here is ours: the stream flows, a key frame may be 10 s away, our decoder may be slow."""

NO_ANSWER = frozenset({Outcome.UNREACHABLE, Outcome.REFUSED, Outcome.TIMED_OUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look says: the camera's ``condition`` as far as ``depth`` can tell.

    ``at`` is the start of the look in whole UTC seconds. For a good look ``depth`` is how much was proven; for a
    failing one it is the least depth at which a success would contradict it. ``grave`` holds the image faults that
    make the camera impaired, gravest first; ``image_faults`` all that were seen. ``refused_login`` asks for the
    (host, credential) to be held. ``cause`` is set for an inconclusive look (condition unknown) only. ``veil`` is
    what the neighbours say of a veiled picture, see :func:`unveiled`; None for any other look.
    """

    camera: str
    at: int
    depth: Depth
    condition: Condition
    fault: Fault | None = None
    cause: Cause | None = None
    grave: tuple[Fault, ...] = ()
    image_faults: tuple[Fault, ...] = ()
    refused_login: bool = False
    undecodable: bool = False
    veil: Opinion | None = None

    @property
    def proven(self) -> Depth | None:
        """How deep something is known to work; None when the look failed or was inconclusive.

        A black picture still proves the stream, a refused login still proves that something answers.
        """
        if self.condition is Condition.INTACT:
            return self.depth
        if self.grave:
            return Depth.MEDIA
        if self.fault is Fault.UNAUTHORIZED:
            return Depth.LIGHT
        return None


def unanswered(observation: Observation) -> bool:
    """Whether the other configured port must be asked before the look can be judged. A light look asks both."""
    return observation.outcome in NO_ANSWER and not observation.answered and observation.depth is not Depth.LIGHT


def judge(
    observations: Sequence[Observation], *, grave: frozenset[Fault] = GRAVE_BY_DEFAULT, held: bool = False
) -> Look:
    """Judge the observations of one look at one camera, which together asked every configured port.

    ``held`` says that the login was held back. Raises ValueError without observations.
    """
    if not observations:
        raise ValueError("a look needs at least one observation")
    stream = [observation for observation in observations if observation.depth is not Depth.ONVIF]
    look = _judge_one((stream or observations)[-1], grave, held=held)
    look = replace(
        look,
        at=min(floor(observation.at) for observation in observations),
        refused_login=any(observation.outcome is Outcome.UNAUTHORIZED for observation in observations),
    )
    return look if look.condition is not Condition.OFFLINE else _judge_silence(look, observations)


def _judge_silence(look: Look, observations: Sequence[Observation]) -> Look:
    """The stream's port gave nothing to go by: what do all ports together say?"""
    if any(_answers(observation) for observation in observations):
        # An open ONVIF port is enough for a light look, so that can't contradict a dead stream.
        return replace(look, condition=Condition.IMPAIRED, fault=Fault.NO_STREAM, depth=max(look.depth, Depth.DESCRIBE))
    if any(observation.outcome is Outcome.INCONCLUSIVE for observation in observations):
        return void(look, Cause.OURS)
    refused = all(observation.outcome is Outcome.REFUSED for observation in observations)
    depth = max(_contradicted_at(observation) for observation in observations)
    return replace(look, fault=Fault.REFUSED if refused else Fault.UNREACHABLE, depth=depth)


def void(look: Look, cause: Cause) -> Look:
    """The same look as if it had said nothing: our canary or our witnesses failed."""
    return replace(look, condition=Condition.UNKNOWN, fault=None, cause=cause, grave=(), image_faults=(), veil=None)


def unveiled(look: Look, opinion: Opinion, *, grave: frozenset[Fault] = GRAVE_BY_DEFAULT) -> Look:
    """The look at a veiled picture, once its neighbours were asked.

    A cover is the fault ``covered``; anything else proves the stream and says nothing of the picture. Where ``grave``
    is without ``covered``, a cover is listed, and nobody waits for an answer.
    """
    is_cover = opinion.says is Says.COVER
    seen = replace(look, image_faults=by_severity((*look.image_faults, *((Fault.COVERED,) if is_cover else ()))))
    if Fault.COVERED not in grave:
        return seen
    if not is_cover:
        return replace(seen, depth=Depth.MEDIA, veil=opinion)
    return replace(seen, condition=Condition.IMPAIRED, fault=Fault.COVERED, grave=(Fault.COVERED,), veil=opinion)


def by_severity(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Without repetition, gravest first."""
    return tuple(sorted(set(faults), key=SEVERITY.index))


def _judge_one(observation: Observation, grave: frozenset[Fault], *, held: bool) -> Look:
    match observation.outcome:
        case Outcome.OK | Outcome.BAD_PICTURE:
            return _judge_picture(observation, grave)
        case Outcome.UNDECODABLE:
            return replace(_look(observation, Condition.INTACT), undecodable=True)
        case Outcome.NO_STREAM:
            return _failed(observation, Condition.IMPAIRED, Fault.NO_STREAM)
        case Outcome.UNAUTHORIZED if observation.depth is Depth.ONVIF:
            # ONVIF users are often kept apart from those of the stream and off by default: no fault of the picture.
            return replace(_look(observation, Condition.INTACT), depth=Depth.LIGHT)
        case Outcome.UNAUTHORIZED:
            return replace(_look(observation, Condition.IMPAIRED), fault=Fault.UNAUTHORIZED, depth=Depth.DESCRIBE)
        case Outcome.BUSY:
            return replace(_look(observation, Condition.UNKNOWN), cause=Cause.BUSY)
        case Outcome.INCONCLUSIVE:
            return replace(_look(observation, Condition.UNKNOWN), cause=Cause.HELD if held else Cause.OURS)
        case Outcome.TIMED_OUT if observation.step in OUR_STEPS:
            return replace(_look(observation, Condition.UNKNOWN), cause=Cause.OURS)
        case _:
            return _failed(observation, Condition.OFFLINE, Fault.UNREACHABLE)


def _judge_picture(observation: Observation, grave: frozenset[Fault]) -> Look:
    faults = by_severity(Fault(fault) for fault in observation.faults)
    if observation.outcome is Outcome.BAD_PICTURE and not faults:
        faults = (Fault.CORRUPTED,)
    costly = tuple(fault for fault in faults if fault in grave)
    look = _look(observation, Condition.IMPAIRED if costly else Condition.INTACT)
    return replace(look, fault=costly[0] if costly else None, grave=costly, image_faults=faults)


def _look(observation: Observation, condition: Condition) -> Look:
    return Look(camera=observation.camera, at=floor(observation.at), depth=observation.depth, condition=condition)


def _failed(observation: Observation, condition: Condition, fault: Fault) -> Look:
    return replace(_look(observation, condition), fault=fault, depth=_contradicted_at(observation))


def _contradicted_at(observation: Observation) -> Depth:
    """The least depth at which a success would contradict this failure."""
    depth = min(observation.depth, STEP_DEPTHS.get(observation.step, observation.depth))
    return Depth.DESCRIBE if depth is Depth.ONVIF else depth


def _answers(observation: Observation) -> bool:
    if observation.depth is Depth.LIGHT:
        return observation.answered  # a listener alone is no protocol answer
    return observation.answered or observation.outcome in {Outcome.OK, Outcome.UNAUTHORIZED, Outcome.BUSY}
