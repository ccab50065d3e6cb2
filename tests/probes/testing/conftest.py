"""Fictitious cameras on free loopback ports, on a clock that a test can move."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

import pytest

from probes.testing.camera import FakeCamera
from probes.testing.device import Channel
from probes.testing.media import Format, Studio

START = 1_795_500_000.0

MakeCamera = Callable[..., Awaitable[FakeCamera]]


@dataclass
class Wall:
    """UTC seconds: those of the machine's monotonic clock, moved by ``ahead``."""

    ahead: float = START

    def __call__(self) -> float:
        return monotonic() + self.ahead


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def make_camera(wall: Wall) -> AsyncIterator[MakeCamera]:
    """Opens cameras that are closed when the test ends; takes channels, ``onvif=True`` and the keywords of Device."""
    opened: list[FakeCamera] = []
    # 25 pictures a second keep real players from waiting long
    studio = Studio(scenes=2, fmt=Format(fps=25))

    async def make(*channels: Channel, onvif: bool = False, **settings: object) -> FakeCamera:
        device = {"studio": studio, "wall": wall, **settings}
        camera = FakeCamera(list(channels) or [Channel(camera_id="camera-1")], **device)  # type: ignore[arg-type]  # Device checks them
        opened.append(camera)
        await camera.open(onvif_port=0 if onvif else None)
        return camera

    yield make
    for camera in opened:
        camera.close()
