"""Every probe there is, by the name that config.toml and the command line know it by."""

from __future__ import annotations

from probes.onvif import OnvifProbe
from probes.picture import PictureProbe
from probes.probe import Probe
from probes.reach import ReachProbe
from probes.rtsp import RtspProbe

PROBES: dict[str, type[Probe]] = {
    ReachProbe.name: ReachProbe,
    OnvifProbe.name: OnvifProbe,
    RtspProbe.name: RtspProbe,
    PictureProbe.name: PictureProbe,
}
