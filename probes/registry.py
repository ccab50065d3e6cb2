"""Every probe there is, by the name that config.toml and the command line know it by."""

from __future__ import annotations

from probes.observation import Probe
from probes.reach import ReachProbe
from probes.rtsp import RtspProbe

PROBES: dict[str, type[Probe]] = {
    ReachProbe.name: ReachProbe,
    RtspProbe.name: RtspProbe,
}
