"""Which logins may be tried now? Vendors lock accounts, so a refused one is held back and a new one is tried small.

    a pair (host, credential)      may log in
    never refused                  always, as far as its credential is proven
    refused                        one camera at a time, and only once the hold is over
    a credential never accepted    three cameras try it first; all others wait until one of them gets in

A refusal is the camera's own. Only when three channels of one device have been refused and none has got in since do
its other channels share the refusal without being asked: so many tries would lock the account.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from monitor.store import Hold
from probes.observation import Target

TRIAL = 3
"""How many cameras try a new credential, and how many channels must be refused to speak for their device."""

NEVER = 2**40
"""Later than any look: an unproven credential waits for its trial."""

Pair = tuple[str, str]


class Login(Enum):
    """What a look said of the login it used."""

    ACCEPTED = auto()
    REFUSED = auto()
    UNASKED = auto()


@dataclass(slots=True)
class _Pair:
    until: int = 0
    refusals: int = 0
    refused: set[str] = field(default_factory=set)
    trying: str = ""


@dataclass(slots=True)
class _Trial:
    trying: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)


class Logins:
    """The holds and trials of a fleet. Times are UTC seconds."""

    def __init__(self, holds: Iterable[Hold], proven: Iterable[str], hold_s: int) -> None:
        self._hold_s = hold_s
        self._pairs = {(hold.host, hold.credential): _Pair(until=hold.until, refusals=hold.refusals) for hold in holds}
        self._proven = set(proven)
        self._trials: dict[str, _Trial] = {}
        self._tried: dict[str, dict[str, Login]] = {}

    def allowed_from(self, target: Target, now: int) -> int:
        """From when on a look at this camera may log in; 0 when nothing holds it back."""
        if target.credential is None:
            return 0
        trial = self._trial(target.credential.id)
        if trial and target.camera not in (tried := trial.trying | trial.refused) and len(tried) >= TRIAL:
            return NEVER
        pair = self._pairs.get(_pair(target))
        if pair is None or not pair.refusals:
            return 0
        if pair.trying and pair.trying != target.camera:
            return max(pair.until, now + self._hold_s)
        return pair.until

    def awaits_trial(self, target: Target) -> bool:
        """Whether three other cameras are trying this login and their answers will say whether it may be used here."""
        trial = self._trial(target.credential.id) if target.credential else None
        if trial is None or target.camera in (tried := trial.trying | trial.refused):
            return False
        return len(tried) >= TRIAL > len(trial.refused)

    def begin(self, target: Target, now: int) -> bool:
        """Whether the look that starts now may log in; if so, it counts as trying until ``end``."""
        if target.credential is None:
            return True
        if self.allowed_from(target, now) > now:
            return False
        if trial := self._trial(target.credential.id):
            trial.trying.add(target.camera)
        pair = self._pairs.get(_pair(target))
        if pair is not None and pair.refusals:
            pair.trying = target.camera
        return True

    def end(self, target: Target, login: Login, now: int) -> tuple[Hold, ...]:
        """What the look said; returns the holds that changed and must be kept over a restart."""
        if target.credential is None:
            return ()
        trial = self._trials.get(target.credential.id)
        if trial:
            trial.trying.discard(target.camera)
        pair = self._pairs.get(_pair(target))
        if pair is not None and pair.trying == target.camera:
            pair.trying = ""
        if login is not Login.UNASKED and self.on_trial(target.credential.id):
            self._tried.setdefault(target.credential.id, {})[target.camera] = login
        match login:
            case Login.REFUSED:
                if trial:
                    trial.refused.add(target.camera)
                return (self._refuse(target, now),)
            case Login.ACCEPTED:
                self._proven.add(target.credential.id)
                self._trials.pop(target.credential.id, None)
                return self._release(_pair(target)) if pair is not None and pair.refusals else ()
            case Login.UNASKED:
                return ()

    def on_trial(self, credential: str) -> bool:
        """Whether this credential has never been accepted."""
        return credential not in self._proven

    def tried(self, credential: str) -> Mapping[str, Login]:
        """What the cameras that tried this credential first said of it, by camera, as far as they have answered."""
        return self._tried.get(credential, {})

    def speaks_for_device(self, target: Target, channels: int) -> bool:
        """Whether so many channels have been refused, with none let in since, that the others share it."""
        pair = self._pairs.get(_pair(target)) if target.credential else None
        return pair is not None and channels > 1 and len(pair.refused) >= min(TRIAL, channels)

    def changed(self, credential: str) -> tuple[Hold, ...]:
        """The credential was changed: its holds are void and it is on trial again."""
        self._proven.discard(credential)
        self._trials.pop(credential, None)
        self._tried.pop(credential, None)
        return tuple(hold for key in list(self._pairs) if key[1] == credential for hold in self._release(key))

    def forget(self, camera: str) -> None:
        """The camera has left, or has another login now: it must not take up a place among those that try."""
        for trial in self._trials.values():
            trial.trying.discard(camera)
            trial.refused.discard(camera)
        for pair in self._pairs.values():
            pair.refused.discard(camera)
            if pair.trying == camera:
                pair.trying = ""

    def _trial(self, credential: str) -> _Trial | None:
        if credential in self._proven:
            return None
        return self._trials.setdefault(credential, _Trial())

    def _refuse(self, target: Target, now: int) -> Hold:
        pair = self._pairs.setdefault(_pair(target), _Pair())
        pair.until, pair.refusals = now + self._hold_s, pair.refusals + 1
        pair.refused.add(target.camera)
        host, credential = _pair(target)
        return Hold(host=host, credential=credential, until=pair.until, refusals=pair.refusals)

    def _release(self, key: Pair) -> tuple[Hold, ...]:
        self._pairs.pop(key, None)
        return (Hold(host=key[0], credential=key[1], until=0, refusals=0),)


def _pair(target: Target) -> Pair:
    return target.host, target.credential.id if target.credential else ""
