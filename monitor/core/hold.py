"""On which cameras is a new login tried first?"""

from __future__ import annotations

from collections.abc import Iterable

from monitor.core.fleet import Camera


def trial(cameras: Iterable[Camera], credential: str, count: int = 3) -> tuple[Camera, ...]:
    """The cameras on which a new or changed credential is tried first: behind different hosts, if there are enough.

    ``credential`` is its id. A wrong password then costs so many refusals and does not lock the accounts of a county.
    """
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
