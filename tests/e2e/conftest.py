"""Peers that several end-to-end tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.peers import RealCamera, gstreamer, wants_gstreamer


@pytest.fixture(scope="module")
def real_camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCamera | None]:
    """A stream of GStreamer's RTSP server; None where that is not installed."""
    if wants_gstreamer():
        yield None
        return
    with gstreamer(tmp_path_factory.mktemp("gstreamer")) as camera:
        yield camera
