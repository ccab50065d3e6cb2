"""What the probes are told of each camera of the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from monitor.core.fleet import Camera, Fleet, Registration
from monitor.inventory.makers import stream_path
from monitor.inventory.ptz import is_ptz
from probes.observation import Credential, Target


def targets(fleet: Fleet, credentials: Mapping[str, Credential]) -> Mapping[str, Target]:
    """A Target for every camera that has an address and is not retired, by camera id.

    ``credentials`` are the logins by id; a camera whose login is not among them is looked at without one.
    """
    found: dict[str, Target] = {}
    for cameras in fleet.by_address.values():
        alive = [camera for camera in cameras if camera.host and camera.registration is not Registration.RETIRED]
        for camera in alive:
            found[camera.id] = Target(
                camera=camera.id,
                host=camera.host,
                rtsp_port=camera.rtsp_port,
                rtsp_path=main_stream(camera, alive),
                rtsps=camera.rtsps,
                onvif_port=camera.onvif_port,
                onvif_path=camera.onvif_path,
                channels_at_address=len(alive),
                credential=credentials.get(camera.credential),
                ptz=is_ptz(camera),
            )
    return MappingProxyType(dict(sorted(found.items())))


def main_stream(camera: Camera, neighbours: Iterable[Camera] = ()) -> str:
    """The RTSP path of a camera: the ledger's, else its maker's known form; "" when only ONVIF can tell.

    Without a channel number the form is that of channel 1, unless ``neighbours`` share the address: then nobody
    knows which of the recorder's channels this is.
    """
    if camera.rtsp_path:
        return camera.rtsp_path
    shared = any(other.id != camera.id for other in neighbours)
    if camera.channel is None and shared:
        return ""
    return stream_path(camera.maker, camera.channel or 1) or ""
