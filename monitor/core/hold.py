"""May this login be tried on this host now?

Vendors lock an account after a few refused logins, for half an hour as a rule. So one refusal holds the pair (host,
credential) back, for all cameras behind that host, until the hold is over or the credential is changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from monitor.core.fleet import Camera


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """No login with ``credential`` (its id) at ``host`` before ``until``."""

    host: str
    credential: str
    since: int
    until: int


Holds = Mapping[tuple[str, str], Hold]


def held(holds: Holds, host: str, credential: str, now: float) -> Hold | None:
    """The hold that forbids this login at ``now``, if there is one."""
    hold = holds.get((host, credential))
    return hold if hold and now < hold.until else None


def refused(holds: Holds, host: str, credential: str, at: int, hold_s: int) -> Holds:
    """After a login refused at ``at``."""
    hold = Hold(host=host, credential=credential, since=at, until=at + hold_s)
    return {**holds, (host, credential): hold}


def over(holds: Holds, now: float) -> Holds:
    """Without the holds that are over."""
    return {pair: hold for pair, hold in holds.items() if now < hold.until}


def changed(holds: Holds, credentials: Collection[str]) -> Holds:
    """After these credentials were changed: nothing that was refused before says anything of the new ones."""
    return {pair: hold for pair, hold in holds.items() if hold.credential not in credentials}


def trial(cameras: Iterable[Camera], credential: str, count: int = 3) -> tuple[Camera, ...]:
    """The cameras on which a new or changed credential is tried first: behind different hosts, if there are enough."""
    by_host: dict[str, list[Camera]] = {}
    for camera in cameras:
        if camera.credential == credential:
            by_host.setdefault(camera.host, []).append(camera)
    chosen: list[Camera] = []
    while len(chosen) < count and by_host:
        for host in list(by_host):
            chosen.append(by_host[host].pop(0))
            if not by_host[host]:
                del by_host[host]
    return tuple(chosen[:count])
