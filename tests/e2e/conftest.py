"""Peers that several end-to-end tests share."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.peers import SYSTEM_PYTHON, RealCamera

SERVER = Path(__file__).with_name("gst_rtsp_server.py")
NEEDS = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


@pytest.fixture(scope="module")
def real_camera() -> Iterator[RealCamera | None]:
    """A stream of GStreamer's RTSP server; None where that is not installed."""
    try:
        installed = subprocess.run([SYSTEM_PYTHON, "-c", NEEDS], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        installed = False
    if not installed:
        yield None
        return
    username, password = "viewer", "gst@Pass:/2026#"
    command = [SYSTEM_PYTHON, str(SERVER), "digest", username, password]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            port = int(server.stdout.readline())
            yield RealCamera(port=port, path="/H264", username=username, password=password)
        finally:
            server.terminate()
