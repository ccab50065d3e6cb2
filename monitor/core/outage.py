"""When does what the looks say become the record, and from which second on?

Per camera one CameraState; every step is a pure function that returns the next state and the Transitions it makes.

    looks                                              become the record
    3 failing ones in a row over 80 s or more          offline if all three say so, else impaired; from the first on
    2 good deep ones, seconds apart                    intact, from the first on
    the same grave image fault in 2 of 3 picture looks impaired, from the first of the two on; a person may say sooner
    veiled pictures, the neighbours see clearly since    impaired, from the first of them on; a person may say sooner
    24 h of veiled pictures, the neighbours can't tell   the same
    a login refused 3 times, hold periods apart        impaired, from the first refusal on
    no conclusive one for 3 of the camera's intervals  unknown, from the last conclusive one on

A look refutes only doubts that arose no deeper than it went: a TCP connect says nothing about a failed DESCRIBE.
A run of failing looks that differ proves that the camera is not intact but not that it is offline: the milder
verdict is recorded, and looks that say offline go on counting towards offline from the first of them.

No Transition is ever dated before ``settled`` was, so counters made of settled time never have to fall. Keep the
state from before a step until the witnesses have been looked at: when they fail, the step is simply not taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from monitor.core.board import Doubt
from monitor.core.condition import IMAGE_FAULTS, Cause, Condition, Fault
from monitor.core.record import Gap, Transition
from monitor.core.veil import Says
from monitor.core.verdict import Look, by_severity
from probes.observation import Depth

FAILING = frozenset({Condition.IMPAIRED, Condition.OFFLINE})

VEIL_LOOKS = 4
"""Veiled looks must follow each other within a quarter of the time that they have to last: of a day, six hours, and no
day or night between them is shorter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The numbers of confirmation; seconds unless the name says otherwise."""

    confirm_looks: int = 3
    """failing looks in a row …"""
    confirm_over_s: int = 80
    """… over at least this long"""
    up_looks: int = 2
    up_apart_s: int = 3
    """the good deep looks span at least this long"""
    image_looks: int = 2
    image_of: int = 3
    image_gap_s: int = 1800
    """picture looks closer together than this count once while an image fault is doubted"""
    veil_outlasts_s: int = 86_400
    """for so long a picture must be veiled to be covered where the neighbours can't say"""
    silence_intervals: int = 3
    hold_s: int = 1800
    """how long a refused login is held back, and how far apart refusals must be to count"""
    login_refusals: int = 3
    login_refused_is: Condition = Condition.IMPAIRED
    """impaired, or unknown if the county prefers not to blame the camera for a password"""
    first_depth: Depth = Depth.PICTURE
    """what the first look must prove before a camera that was never judged is called intact"""
    flap_changes: int = 6
    flap_window_s: int = 86400


@dataclass(frozen=True, slots=True)
class Failing:
    """A failing look that speaks against the record; a success at ``depth`` or deeper refutes it."""

    at: int
    condition: Condition
    fault: Fault
    depth: Depth


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture look while an image fault is doubted; ``faults`` are the grave ones, none if it was clean."""

    at: int
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Veil:
    """Veiled pictures one after another, none of them called weather: when the first and the last were taken."""

    since: int
    last: int
    looks: int = 1

    @property
    def rests_on(self) -> tuple[int, ...]:
        """The looks that begin and end it."""
        return (self.since,) if self.looks == 1 else (self.since, self.last)


@dataclass(frozen=True, slots=True)
class Known:
    """The last judged condition, and the depth that showed it: it outlives a stretch of unknown."""

    condition: Condition
    fault: Fault | None
    depth: Depth
    since: int
    """when it began to hold; a stretch of unknown in between changes nothing"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraState:
    """All that is remembered of one camera between its looks."""

    camera: str
    condition: Condition
    fault: Fault | None = None
    cause: Cause | None = None
    since: int
    """date of the last Transition: none will be dated earlier"""
    decided_at: int
    """when that was decided"""
    known: Known | None = None
    """equal to the record unless that is unknown; None while the camera was never judged"""
    seen_at: int
    """start of the last look of any kind; earlier looks are ignored, so a clock set back leaves the record still"""
    judged_at: int
    """start of the last conclusive look"""
    agreed_at: int
    """start of the last look that agreed with the record"""
    silent_cause: Cause | None = None
    """why the last inconclusive look was that"""
    run: tuple[Failing, ...] = ()
    """failing looks in a row that speak against the record"""
    rise: tuple[int, ...] = ()
    """good deep looks in a row at a camera on record as impaired or offline"""
    pictures: tuple[Picture, ...] = ()
    """the last picture looks since an image fault is doubted"""
    veil: Veil | None = None
    refusals: tuple[int, ...] = ()
    """logins refused, hold periods apart"""
    refuted: tuple[Fault, ...] = ()
    """image faults that a person said are none; they count again once a picture was without them"""
    answers_since: int | None = None
    """a camera on record as offline answers a light look since then: a deep look is wanted at once"""
    fails: int = 0
    """failing looks in a row that agreed with an offline record, for the backoff"""
    changes: tuple[int, ...] = ()
    """dates of the last confirmed changes of condition"""


Step = tuple[CameraState, tuple[Transition, ...]]


def unseen(camera: str, at: int) -> CameraState:
    """A camera that enters the record at ``at`` and was never looked at."""
    return CameraState(
        camera=camera,
        condition=Condition.UNKNOWN,
        cause=Cause.OURS,
        since=at,
        decided_at=at,
        seen_at=at,
        judged_at=at,
        agreed_at=at,
    )


def advance(state: CameraState, look: Look, rules: Rules) -> Step:
    """What one more look does to the record."""
    if look.at < state.seen_at:
        return state, ()
    state = replace(state, seen_at=look.at)
    state, look = _leave_out_refuted(state, look)
    if look.condition is Condition.UNKNOWN:
        return _inconclusive(state, look)
    if look.proven is None:
        return _failed(state, look, rules)
    state, network = _succeeded(state, look, look.proven, rules)
    state, picture = _look_at_picture(state, look, rules)
    state, veil = _look_at_veil(state, look, rules)
    state, login = _look_at_login(state, look, rules)
    return state, network + picture + veil + login


def expire(state: CameraState, now: float, interval_s: float, rules: Rules) -> Step:
    """Unknown from the last conclusive look on, once ``silence_intervals`` of its own intervals are over."""
    if state.condition is Condition.UNKNOWN or now - state.judged_at < rules.silence_intervals * interval_s:
        return state, ()
    cause = state.silent_cause or Cause.OURS
    state, transition = _record(
        state, state.judged_at, Condition.UNKNOWN, None, cause, decided_at=int(now), looks=(state.judged_at,)
    )
    return replace(state, run=(), rise=(), answers_since=None), (transition,)


def resume(
    camera: str, history: Sequence[Transition], covered_until: int, now: int, rules: Rules, gaps: Sequence[Gap] = ()
) -> Step:
    """The state after a restart: unknown (ours) since the record was last known to be complete.

    ``history`` holds the camera's transitions in order, at least from where its last judged condition began and
    those of the flapping window. One agreeing look resumes that condition, a differing one starts confirmation; a
    condition that was decided inside one of ``gaps`` is not taken for judged, see ``bridge``.
    """
    if not history:
        return unseen(camera, covered_until), ()
    last = history[-1]
    at = max(covered_until, last.at)
    state = CameraState(
        camera=camera,
        condition=last.condition,
        fault=last.fault,
        cause=last.cause,
        since=last.at,
        decided_at=last.decided_at,
        known=_last_known(history, gaps),
        seen_at=at,
        judged_at=at,
        agreed_at=at,
        changes=_changes(history)[-rules.flap_changes - 1 :],
    )
    if last.condition is Condition.UNKNOWN and last.cause is Cause.OURS:
        return state, ()
    state, transition = _record(state, at, Condition.UNKNOWN, None, Cause.OURS, decided_at=now, looks=())
    return state, (transition,)


def bridge(state: CameraState, gap: Gap) -> Step:
    """The state on the far side of a closed gap of blindness or of a clock set forward.

    Doubts don't reach over it: their looks may have failed with our own line, and a skipped span is no 80 s of
    failing. Silence is counted afresh from its end. A change decided inside it is taken for our own failure: the
    camera is unknown until it is looked at, as if for the first time. Raises ValueError while the gap is open.
    """
    if gap.ended is None:
        raise ValueError("a gap must have ended before it can be bridged")
    began, ended = gap.began, gap.ended
    far = max(state.seen_at, ended)
    state = replace(
        state,
        seen_at=far,
        judged_at=max(state.judged_at, ended),
        agreed_at=max(state.agreed_at, ended),
        run=(),
        rise=(),
        answers_since=None,
        pictures=tuple(picture for picture in state.pictures if not began <= picture.at < ended),
        veil=None if state.veil and any(began <= at < ended for at in state.veil.rests_on) else state.veil,
        refusals=tuple(at for at in state.refusals if not began <= at < ended),
    )
    if not _decided_within(gap, state.condition, state.decided_at):
        return state, ()
    state, transition = _record(state, far, Condition.UNKNOWN, None, Cause.OURS, decided_at=far, looks=())
    return replace(state, known=None), (transition,)


def decide(state: CameraState, accept: bool, at: int, rules: Rules) -> Step:
    """A person confirms or refutes the doubted image fault at ``at``; without such a doubt nothing changes.

    Confirmed, it is dated back to the first picture that showed it. Refuted, it is set aside until a picture look
    is without it.
    """
    shown = _shown(state)
    if shown is None:
        return state, ()
    fault, looks = shown
    if not accept:
        doubted = {fault, *(fault for picture in _faulty(state) for fault in picture.faults)}
        return replace(state, pictures=(), veil=None, refuted=by_severity((*state.refuted, *doubted))), ()
    known = Known(Condition.IMPAIRED, fault, Depth.PICTURE, looks[0])
    state, transition = _judge(state, known, at, looks, rules)
    return state, (transition,)


def forget_refusals(state: CameraState) -> CameraState:
    """Its credential was changed: what was refused before says nothing of the new one."""
    return replace(state, refusals=())


def settled(state: CameraState) -> int:
    """The second up to which this camera's record is final. Never falls.

    It stands still while any doubt lives, because the doubt may yet be dated back to its first look.
    """
    reached = state.seen_at if state.condition is Condition.UNKNOWN else state.agreed_at
    return max(state.since, min((reached, *_doubt_starts(state))))


def flapping(state: CameraState, now: float, rules: Rules) -> bool:
    """频繁掉线: more than ``flap_changes`` confirmed changes within the sliding window up to ``now``."""
    if len(state.changes) <= rules.flap_changes:
        return False
    return now - state.changes[-rules.flap_changes - 1] < rules.flap_window_s


def holds_since(state: CameraState) -> int:
    """Since when the condition on record holds.

    A restart or a silence in between is left out: a camera that was dead before and is dead now did not fail with
    the others that are looked at for the first time again.
    """
    known = state.known
    if known and (known.condition, known.fault) == (state.condition, state.fault):
        return known.since
    return state.since


def doubts(state: CameraState) -> tuple[Doubt, ...]:
    """疑似: what is said against the record but not yet believed, the farthest-reaching first."""
    found: list[Doubt] = []
    if state.run:
        verdict, _ = _verdict(state.run)
        found.append(_doubt(verdict.condition, verdict.fault, state.run[0].at, len(state.run)))
    if state.refusals:
        found.append(_doubt(Condition.IMPAIRED, Fault.UNAUTHORIZED, state.refusals[0], len(state.refusals)))
    shown = _shown(state)
    if shown is not None:
        fault, looks = shown
        faulty = _faulty(state)
        since, count = (faulty[0].at, len(faulty)) if faulty else (looks[0], state.veil.looks if state.veil else 0)
        found.append(_doubt(Condition.IMPAIRED, fault, since, count, needs_person=True))
    return tuple(found)


def veiled_since(state: CameraState) -> int | None:
    """Since when the camera's picture is in doubt; None for one that isn't."""
    firsts = [picture.at for picture in _faulty(state)[:1]] + ([state.veil.since] if state.veil else [])
    return min(firsts, default=None)


def wants_neighbours(state: CameraState, look: Look) -> bool:
    """Whether the neighbours are to be looked at for a veiled ``look``: it is in doubt, and that is new.

    Those who can't tell at the first and the second time, by night say, need not be looked at all day.
    """
    if look.veil is None or look.veil.says is Says.WEATHER or Fault.COVERED in (state.fault, *state.refuted):
        return False
    return state.veil is None or state.veil.looks == 1


def needed_depth(state: CameraState) -> Depth:
    """How deep a good look must go to count towards intact again."""
    shown = state.known.depth if state.known and state.known.condition is not Condition.INTACT else Depth.DESCRIBE
    return max(Depth.DESCRIBE, shown, *(failing.depth for failing in state.run))


def depth_of(fault: Fault | None) -> Depth:
    """The depth that is taken to have shown a recorded fault when the look itself is no longer remembered."""
    if fault in IMAGE_FAULTS:
        return Depth.PICTURE
    if fault is Fault.NO_STREAM:
        return Depth.MEDIA
    return Depth.DESCRIBE if fault is Fault.UNAUTHORIZED else Depth.LIGHT


def _doubt(condition: Condition, fault: Fault, since: int, looks: int, *, needs_person: bool = False) -> Doubt:
    return Doubt(condition=condition, fault=fault, since=since, looks=looks, needs_person=needs_person)


def _doubt_starts(state: CameraState) -> tuple[int, ...]:
    """The first look of each living doubt that a Transition may still be dated to."""
    firsts = [state.run[0].at] if state.run else []
    firsts += state.rise[:1]
    firsts += [at for at in state.refusals if at >= state.since][:1]
    firsts += [picture.at for picture in _faulty(state)[:1]]
    firsts += [state.veil.since] if state.veil else []
    return tuple(firsts)


def _faulty(state: CameraState) -> list[Picture]:
    """Pictures that speak against the present record."""
    return [picture for picture in state.pictures if picture.faults and picture.at >= state.since]


def _shown(state: CameraState) -> tuple[Fault, tuple[int, ...]] | None:
    """The image fault that is doubted, and the looks that showed it."""
    faulty = _faulty(state)
    if faulty:
        fault = faulty[-1].faults[0]
        return fault, tuple(picture.at for picture in faulty if fault in picture.faults)
    return (Fault.COVERED, state.veil.rests_on) if state.veil else None


def _inconclusive(state: CameraState, look: Look) -> Step:
    cause = look.cause or Cause.OURS
    state = replace(state, silent_cause=cause)
    # Once only, so that a recorder that is busy now and then does not write a row per look.
    if state.condition is not Condition.UNKNOWN or state.cause is not Cause.OURS or cause is Cause.OURS:
        return state, ()
    if _doubt_starts(state):
        return state, ()
    state, transition = _record(state, look.at, Condition.UNKNOWN, None, cause, decided_at=look.at, looks=(look.at,))
    return state, (transition,)


def _failed(state: CameraState, look: Look, rules: Rules) -> Step:
    """A look at which neither port nor stream gave what it should."""
    known = state.known
    fault = look.fault or Fault.UNREACHABLE
    state = replace(state, judged_at=look.at, rise=(), answers_since=None)
    if known is None or known.condition is not Condition.OFFLINE:
        agrees = known is not None and (known.condition, known.fault) == (look.condition, fault)
    else:
        agrees = look.condition is Condition.OFFLINE
        if state.run and state.run[-1].condition is not look.condition:
            # One of the two agrees with the record, so they don't add up against it.
            state = replace(state, run=())
    resumed: tuple[Transition, ...] = ()
    if agrees and known is not None:
        run = () if known.fault is fault else state.run
        known = replace(known, depth=look.depth)
        state = replace(state, agreed_at=look.at, run=run, known=known, fails=state.fails + 1)
        state, resumed = _resume_known(state, look)
        if known.fault is fault:
            return state, resumed
    state = replace(state, run=(*state.run, Failing(look.at, look.condition, fault, look.depth)))
    state, confirmed = _confirm(state, look, rules)
    return state, resumed + confirmed


def _confirm(state: CameraState, look: Look, rules: Rules) -> Step:
    transitions: list[Transition] = []
    while len(state.run) >= rules.confirm_looks and state.run[-1].at - state.run[0].at >= rules.confirm_over_s:
        run = state.run
        verdict, rest = _verdict(run)
        known = Known(verdict.condition, verdict.fault, verdict.depth, run[0].at)
        looks = tuple(failing.at for failing in run)
        state, transition = _judge(state, known, look.at, looks, rules)
        state = replace(state, run=rest)
        transitions.append(transition)
    return state, tuple(transitions)


def _verdict(run: tuple[Failing, ...]) -> tuple[Failing, tuple[Failing, ...]]:
    """The mildest of the run, and the looks after it, which still say something worse."""
    for index in range(len(run) - 1, -1, -1):
        if run[index].condition is Condition.IMPAIRED:
            return run[index], run[index + 1 :]
    return run[-1], ()


def _succeeded(state: CameraState, look: Look, depth: Depth, rules: Rules) -> Step:
    """A look that proved the way to the camera down to ``depth``."""
    known = state.known
    state = replace(state, run=tuple(failing for failing in state.run if failing.depth > depth))
    if known is None:
        state = replace(state, judged_at=look.at)
        if state.run or look.grave or depth < rules.first_depth:
            return state, ()
        state, transition = _judge(state, Known(Condition.INTACT, None, depth, look.at), look.at, (look.at,), rules)
        return state, (transition,)
    if known.condition is Condition.INTACT:
        return _resume_known(replace(state, judged_at=look.at, agreed_at=look.at), look)
    if depth >= needed_depth(state):
        return _rise(replace(state, judged_at=look.at), look, depth, rules)
    if known.condition is Condition.OFFLINE and depth >= known.depth:
        # Something answers again, but what was said of the picture is neither confirmed nor refuted.
        cause = Cause.HELD if look.fault is Fault.UNAUTHORIZED else state.silent_cause
        since = look.at if state.answers_since is None else state.answers_since
        return replace(state, answers_since=since, silent_cause=cause), ()
    state = replace(state, judged_at=look.at, agreed_at=look.at, rise=() if look.grave else state.rise)
    return _resume_known(state, look)


def _rise(state: CameraState, look: Look, depth: Depth, rules: Rules) -> Step:
    state = replace(state, rise=(*state.rise, look.at), answers_since=None)
    if len(state.rise) < rules.up_looks or look.at - state.rise[0] < rules.up_apart_s:
        return state, ()
    state, transition = _judge(state, Known(Condition.INTACT, None, depth, state.rise[0]), look.at, state.rise, rules)
    return state, (transition,)


def _look_at_picture(state: CameraState, look: Look, rules: Rules) -> Step:
    if look.depth is not Depth.PICTURE or not (look.grave or state.pictures):
        return state, ()
    if state.known and state.known.fault in look.grave:
        return replace(state, pictures=()), ()
    if state.pictures and look.at - state.pictures[-1].at < rules.image_gap_s:
        return state, ()
    pictures = (*state.pictures, Picture(look.at, look.grave))[-rules.image_of :]
    state = replace(state, pictures=pictures)
    for fault in look.grave:
        looks = tuple(picture.at for picture in pictures if fault in picture.faults)
        if len(looks) >= rules.image_looks:
            first = next(at for at in looks if at >= state.since)
            known = Known(Condition.IMPAIRED, fault, Depth.PICTURE, first)
            state, transition = _judge(state, known, look.at, looks, rules)
            return state, (transition,)
    # A faulty picture that can't be among the next ``image_of`` any more is no doubt any more.
    alive = pictures[-(rules.image_of - 1) :] if rules.image_of > 1 else ()
    while alive and not alive[0].faults:
        alive = alive[1:]
    return replace(state, pictures=alive), ()


def _look_at_veil(state: CameraState, look: Look, rules: Rules) -> Step:
    """No weather lasts as long, and a cover is there by day and by night: that is seen at looks close enough."""
    if look.veil is None and look.depth is not Depth.PICTURE:
        return state, ()
    is_known = Fault.COVERED in (state.known.fault if state.known else None, *state.refuted)
    if look.veil is None or look.veil.says is Says.WEATHER or is_known:
        # a cover that turns out to be weather was none before, either
        pictures = (
            state.pictures
            if look.veil is None
            else tuple(picture for picture in state.pictures if Fault.COVERED not in picture.faults)
        )
        return replace(state, veil=None, pictures=pictures), ()
    before, apart_s = state.veil, rules.veil_outlasts_s // VEIL_LOOKS
    if before is None or before.since < state.since or look.at - before.last > apart_s:
        return replace(state, veil=Veil(look.at, look.at) if Fault.COVERED not in look.grave else None), ()
    is_apart = look.at - before.last >= rules.image_gap_s
    veil = Veil(before.since, look.at, before.looks + is_apart)
    # the neighbours were looked at since the first of them: what they say of this look holds for that one, too
    is_told = look.veil.says is Says.COVER and veil.looks >= rules.image_looks
    if not is_told and veil.last - veil.since < rules.veil_outlasts_s:
        return replace(state, veil=veil), ()
    known = Known(Condition.IMPAIRED, Fault.COVERED, Depth.PICTURE, veil.since)
    state, transition = _judge(state, known, look.at, veil.rests_on, rules)
    return state, (transition,)


def _look_at_login(state: CameraState, look: Look, rules: Rules) -> Step:
    if look.fault is not Fault.UNAUTHORIZED:
        refusals = () if look.proven and look.proven >= Depth.DESCRIBE else state.refusals
        return (state if refusals == state.refusals else replace(state, refusals=refusals)), ()
    if state.known and state.known.fault is Fault.UNAUTHORIZED:
        return state, ()
    if state.refusals and look.at - state.refusals[-1] < rules.hold_s:
        return state, ()
    transitions: tuple[Transition, ...] = ()
    if state.condition is Condition.UNKNOWN and state.cause is Cause.OURS and not _doubt_starts(state):
        state, transition = _record(
            state, look.at, Condition.UNKNOWN, None, Cause.HELD, decided_at=look.at, looks=(look.at,)
        )
        transitions = (transition,)
    state = replace(state, refusals=(*state.refusals, look.at))
    if len(state.refusals) < rules.login_refusals:
        return state, transitions
    first = next(at for at in state.refusals if at >= state.since)
    known = Known(rules.login_refused_is, Fault.UNAUTHORIZED, Depth.DESCRIBE, first)
    state, transition = _judge(state, known, look.at, state.refusals, rules)
    return state, (*transitions, transition)


def _leave_out_refuted(state: CameraState, look: Look) -> tuple[CameraState, Look]:
    """The look without the image faults that a person has set aside, as long as they are still to be seen."""
    if not state.refuted or look.depth is not Depth.PICTURE or look.proven is None:
        return state, look
    state = replace(state, refuted=tuple(fault for fault in state.refuted if fault in look.grave))
    grave = tuple(fault for fault in look.grave if fault not in state.refuted)
    if grave == look.grave:
        return state, look
    condition = Condition.IMPAIRED if grave else Condition.INTACT
    return state, replace(look, grave=grave, condition=condition, fault=grave[0] if grave else None)


def _resume_known(state: CameraState, look: Look) -> Step:
    """End a stretch of unknown with the condition that held before, unless a doubt is still open."""
    known = state.known
    if known is None or state.run or state.rise or (state.condition, state.fault) == (known.condition, known.fault):
        return state, ()
    cause = Cause.HELD if known.condition is Condition.UNKNOWN else None
    state, transition = _record(
        state, look.at, known.condition, known.fault, cause, decided_at=look.at, looks=(look.at,)
    )
    return state, (transition,)


def _judge(
    state: CameraState, known: Known, decided_at: int, looks: tuple[int, ...], rules: Rules
) -> tuple[CameraState, Transition]:
    """A confirmed change: into the record, with the doubts that it settles dropped."""
    before = state.known
    at = max(known.since, state.since)
    known = replace(known, since=at)
    cause = Cause.HELD if known.condition is Condition.UNKNOWN else None
    state, transition = _record(state, at, known.condition, known.fault, cause, decided_at=decided_at, looks=looks)
    changes = state.changes
    if before is not None and before.condition is not known.condition:
        changes = (*changes, at)[-rules.flap_changes - 1 :]
    reached = min(decided_at, state.seen_at)  # a person decides after the last look, and is none
    state = replace(
        state,
        known=known,
        judged_at=max(state.judged_at, reached),
        agreed_at=max(state.agreed_at, reached),
        run=(),
        rise=(),
        pictures=() if known.fault in IMAGE_FAULTS else state.pictures,
        veil=None if known.fault in IMAGE_FAULTS else state.veil,
        refusals=() if known.fault is Fault.UNAUTHORIZED else state.refusals,
        answers_since=None,
        fails=0,
        changes=changes,
    )
    return state, transition


def _record(
    state: CameraState,
    at: int,
    condition: Condition,
    fault: Fault | None,
    cause: Cause | None,
    *,
    decided_at: int,
    looks: tuple[int, ...],
) -> tuple[CameraState, Transition]:
    transition = Transition(
        camera=state.camera,
        at=at,
        condition=condition,
        fault=fault,
        cause=cause,
        decided_at=decided_at,
        looks=looks,
    )
    return (
        replace(state, condition=condition, fault=fault, cause=cause, since=at, decided_at=decided_at),
        transition,
    )


def _judged(transition: Transition) -> bool:
    """Whether it says something of the camera: a login not believed in is unknown but judged."""
    return transition.condition is not Condition.UNKNOWN or transition.fault is not None


def _last_known(history: Sequence[Transition], gaps: Sequence[Gap]) -> Known | None:
    judged = [transition for transition in history if _judged(transition)]
    if not judged:
        return None
    last = judged[-1]
    if any(_decided_within(gap, last.condition, last.decided_at) for gap in gaps):
        return None
    since = last.at
    for transition in reversed(judged):
        if (transition.condition, transition.fault) != (last.condition, last.fault):
            break
        since = transition.at
    return Known(last.condition, last.fault, depth_of(last.fault), since)


def _decided_within(gap: Gap, condition: Condition, decided_at: int) -> bool:
    return condition in FAILING and gap.began <= decided_at and (gap.ended is None or decided_at <= gap.ended)


def _changes(history: Sequence[Transition]) -> tuple[int, ...]:
    judged = [transition for transition in history if _judged(transition)]
    return tuple(after.at for before, after in pairwise(judged) if before.condition is not after.condition)
