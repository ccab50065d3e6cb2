"""A fictitious camera on a free loopback port, and small blocking clients to look at it with."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from probes.testing.camera import FakeCamera
from probes.testing.device import Access, Channel
from probes.testing.media import Studio

MakeCamera = Callable[..., Awaitable[FakeCamera]]


@pytest.fixture
async def make_camera() -> AsyncIterator[MakeCamera]:
    """Opens cameras that are closed when the test ends. Keywords: channels, access, and those of Device."""
    opened: list[FakeCamera] = []
    studio = Studio(scenes=2)

    async def make(
        *channels: Channel, onvif: bool = False, access: Access | None = None, **settings: object
    ) -> FakeCamera:
        camera = FakeCamera(
            list(channels) or [Channel(camera_id="camera-1")],
            studio=studio,
            wall=time.time,
            access=access,
            **settings,  # type: ignore[arg-type]  # passed on as the test wrote them
        )
        await camera.open(onvif_port=0 if onvif else None)
        opened.append(camera)
        return camera

    yield make
    for camera in opened:
        camera.close()
