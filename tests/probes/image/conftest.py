"""What the picture tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import cv2
import pytest

from probes.image.pool import DecodePool
from tests.probes.image.pictures import Scenes


@pytest.fixture(scope="session")
def scenes() -> Scenes:
    cv2.setNumThreads(1)
    return Scenes()


@pytest.fixture
async def pool() -> AsyncIterator[DecodePool]:
    async with DecodePool(2) as started:
        yield started


@pytest.fixture(params=["h264", "hevc"])
def codec(request: pytest.FixtureRequest) -> str:
    return cast("str", request.param)
