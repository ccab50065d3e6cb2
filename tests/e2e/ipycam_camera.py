"""ipycam as a camera on 127.0.0.1. Usage: ipycam_camera.py PORT USERNAME PASSWORD

RTSP at PORT, ONVIF at PORT + 1. The pictures are painted; prints each RTSP request; serves until standard input
ends.
"""

import functools
import logging
import sys
import threading

import cv2
import ipycam  # type: ignore[import-not-found]  # lies outside the project's environment
import numpy as np
from ipycam import camera as inside

WIDTH, HEIGHT, RATE = 640, 360, 10


class Undiscovered:
    """Stands in for WS-Discovery, which would speak to the whole network."""

    def __init__(self, *_: object) -> None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


def keep_to_loopback() -> None:
    """ipycam would listen on every address of the machine."""
    serve = inside.ReusableThreadingTCPServer
    inside.ReusableThreadingTCPServer = lambda address, handler: serve(("127.0.0.1", address[1]), handler)
    inside.NativeRTSPServer = functools.partial(inside.NativeRTSPServer, host="127.0.0.1")
    inside.WSDiscoveryServer = Undiscovered


def main() -> None:
    port, username, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
    keep_to_loopback()
    camera = ipycam.IPCamera(
        ipycam.CameraConfig(
            local_ip="127.0.0.1",
            rtsp_port=port,
            onvif_port=port + 1,
            username=username,
            password=password,
            main_width=WIDTH,
            main_height=HEIGHT,
            main_fps=RATE,
            main_bitrate="1M",
        )
    )
    camera.start()
    camera.rtsp_server.verbose = True
    coarse = np.random.default_rng(1).integers(0, 255, (HEIGHT // 10, WIDTH // 10, 3), dtype=np.uint8)
    scene = cv2.resize(coarse, (WIDTH, HEIGHT))
    left = 0
    reading = threading.Thread(target=sys.stdin.read, daemon=True)
    reading.start()
    while reading.is_alive():
        picture = scene.copy()
        picture[:, left : left + 40] = 255
        left = (left + 8) % WIDTH
        camera.stream(picture)


main()
