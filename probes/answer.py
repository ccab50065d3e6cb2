"""What a camera's failure to connect, or its refusing answer, means as an Outcome."""

from __future__ import annotations

import errno
import os
import re
import socket

from probes.observation import Outcome

_OURS = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM}
)
"""Errors of connect() that this machine makes by itself: no camera may be blamed for them."""

_FULL = re.compile(
    "online user amount|reached the threshold|too many|maximum|no more (user|session)"
    "|(user|session|connection)s? (limit|exceed|full)|用户数|连接数|上限|超过最大",
    re.IGNORECASE,
)
"""How recorders word a 403 that means "no free session"; the first is Dahua's."""

_LOCKED = re.compile("lock(ed|ed out|status)|illegal login|锁定", re.IGNORECASE)
"""How cameras word that they refuse an account for a while after failed logins."""


class CameraAnswer(Exception):  # noqa: N818 - an answer, not an error: it ends a look early
    """The look is over: the camera, or what stands in its place, has settled its outcome.

    ``said`` is one line for people, without secrets.
    """

    def __init__(self, outcome: Outcome, said: str) -> None:
        super().__init__(outcome, said)
        self.outcome = outcome
        self.said = said


def connect_failure(error: OSError) -> CameraAnswer:
    """What an error of connect() says: refused, unreachable, or, for errors of this machine, inconclusive."""
    # asyncio puts addresses into strerror; the plain text says it as well.
    number = error.errno or 0
    said = os.strerror(number) if number > 0 else error.strerror or type(error).__name__
    if isinstance(error, ConnectionRefusedError):
        return CameraAnswer(Outcome.REFUSED, said)
    if isinstance(error, socket.gaierror):
        return CameraAnswer(Outcome.INCONCLUSIVE, f"the host name cannot be resolved: {said}")
    if error.errno in _OURS:
        return CameraAnswer(Outcome.INCONCLUSIVE, f"this machine could not connect: {said}")
    return CameraAnswer(Outcome.UNREACHABLE, said)


def refusal(status: int, text: str, channels_at_address: int) -> Outcome:
    """What a final RTSP or HTTP status other than 2xx says of the camera; ``text`` is its reason and body.

    For 401 this is the answer to a login that was right in form.
    """
    if status in (401, 403) and _LOCKED.search(text):
        return Outcome.BUSY
    if status == 401:
        return Outcome.UNAUTHORIZED
    if status == 403:
        return Outcome.BUSY if _FULL.search(text) else Outcome.UNAUTHORIZED
    if status in (453, 503) or (status == 500 and channels_at_address > 1):
        return Outcome.BUSY
    return Outcome.NO_STREAM
