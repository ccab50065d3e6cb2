"""A GStreamer RTSP server on a free port of 127.0.0.1; run by the system's Python, which has its bindings.

Usage: gst_rtsp_server.py digest|basic USERNAME PASSWORD. Prints the port and each TEARDOWN, serves until standard
input ends.
Mounts: /H264, /H265, /JPEG, and /UDP, which is H.264 and knows no RTP inside the connection.
"""

import sys
import threading

import gi  # type: ignore[import-not-found]  # only the system's Python has it

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")

from gi.repository import (  # type: ignore[import-not-found]  # noqa: E402 - the versions must be named first
    GLib,
    Gst,
    GstRtsp,
    GstRtspServer,
)

H264 = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0"
PIPELINES = {
    "/H264": H264,
    "/H265": "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph265pay name=pay0",
    "/JPEG": "jpegenc ! rtpjpegpay name=pay0",
    "/UDP": H264,
}
ROLE = "viewer"


def guard(scheme: str, username: str, password: str) -> GstRtspServer.RTSPAuth:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, ROLE)
    if scheme == "digest":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(username, password, token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(username, password), token)
    return auth


def factory(path: str, pipeline: str) -> GstRtspServer.RTSPMediaFactory:
    made = GstRtspServer.RTSPMediaFactory()
    source = "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=176,framerate=10/1"
    made.set_launch(f"( {source} ! {pipeline} )")
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role(ROLE, GstRtspServer.RTSP_PERM_MEDIA_FACTORY_ACCESS, True)
    permissions.add_permission_for_role(ROLE, GstRtspServer.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, True)
    made.set_permissions(permissions)
    if path == "/UDP":
        made.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
    return made


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def watch(_: GstRtspServer.RTSPServer, client: GstRtspServer.RTSPClient) -> None:
    client.connect("teardown-request", lambda _, context: tell(f"TEARDOWN {context.uri.abspath}"))


def main() -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    server.set_auth(guard(*sys.argv[1:4]))
    for path, pipeline in PIPELINES.items():
        server.get_mount_points().add_factory(path, factory(path, pipeline))
    server.connect("client-connected", watch)
    server.attach(None)
    loop = GLib.MainLoop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    tell(f"port {server.get_bound_port()}")
    loop.run()


main()
