"""Real programs at the other end."""

from __future__ import annotations

from dataclasses import dataclass

SYSTEM_PYTHON = "/usr/bin/python3"


@dataclass(frozen=True, slots=True, kw_only=True)
class RealCamera:
    """An RTSP stream on 127.0.0.1 that is none of ours."""

    port: int
    path: str
    username: str
    password: str
