"""Programs that are none of ours and serve RTSP on 127.0.0.1 as a camera does.

    with vlc(folder, clip) as camera:
        …                              # camera.port, camera.path, camera.username …
        camera.kill()

Each needs something installed: ``wants`` says what is missing, None when nothing is. What a program prints goes into
``folder``. It is ended, by its own handle, at the exit.
"""

from __future__ import annotations

import base64
import functools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import IO, TypeVar

HERE = Path(__file__).parent
FETCHED = Path(sys.prefix) / "peers"
"""Where ``make peers`` puts what is no package of the system."""

SYSTEM_PYTHON = "/usr/bin/python3"
USERNAME, PASSWORD = "admin", "p@ss:w/rd?%40#"
PATH = "/cam"
NOBODY = 65534
READY_WITHIN_S = 20.0
POLL_S = 0.05
PORTS = range(10_000, 18_000, 50)
"""Below those that the system gives to outgoing connections: a port found free stays so until it is taken."""

Value = TypeVar("Value")

GSTREAMER = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


class NotServingError(Exception):
    """The program did not begin to serve; says what it printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealCamera:
    """A program that serves a stream. ``torn_down`` is what it prints for each TEARDOWN, "" when it prints nothing."""

    port: int
    path: str
    transport: str
    username: str = USERNAME
    password: str = PASSWORD
    onvif_port: int | None = None
    torn_down: str = ""
    log: Path
    process: subprocess.Popen[bytes]

    def teardowns(self) -> int:
        """How many TEARDOWNs it has printed so far."""
        assert self.torn_down
        return self.log.read_text(encoding="utf-8", errors="replace").count(self.torn_down)

    def freeze(self) -> None:
        """Stop it where it is: its ports stay open and nothing answers, as a firmware that hangs."""
        self.process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """End it without a farewell, as a cut power line would."""
        self.process.kill()
        self.process.wait()


@dataclass(frozen=True, slots=True)
class Program:
    """How to run one: given a folder for what it prints and a clip to show."""

    run: Callable[[Path, Path], AbstractContextManager[RealCamera]]
    wants: Callable[[], str | None]


@contextmanager
def gstreamer(folder: Path, clip: Path | None = None, *, scheme: str = "digest") -> Iterator[RealCamera]:
    """GStreamer's RTSP server, which paints its own pictures; see gst_rtsp_server.py for its paths."""
    command = [SYSTEM_PYTHON, str(HERE / "gst_rtsp_server.py"), scheme, USERNAME, PASSWORD]
    log = folder / "gstreamer.log"
    with _running(command, log) as process:
        port = int(_printed(process, log, "port ").split()[0])
        yield RealCamera(port=port, path="/H264", transport="tcp", torn_down="TEARDOWN", log=log, process=process)


@contextmanager
def vlc(folder: Path, clip: Path) -> Iterator[RealCamera]:
    """VLC's RTSP output: RTP by UDP only, login by Basic. It refuses to be root."""
    port = _free_ports(1)
    output = f"#rtp{{sdp=rtsp://127.0.0.1:{port}{PATH}}}"
    login = ["--sout-rtsp-user", USERNAME, "--sout-rtsp-pwd", PASSWORD]
    command = ["vlc", "-I", "dummy", "--no-media-library", "fd://0", ":input-repeat=65535", *login, "--sout", output]
    log = folder / "vlc.log"
    # the folder is closed to others, so the clip is handed in open
    with clip.open("rb") as opened, _running(command, log, stdin=opened, as_nobody=True) as process:
        _until_described(process, log, port)
        yield RealCamera(port=port, path=PATH, transport="udp", log=log, process=process)


@contextmanager
def rtsp_server_perl(folder: Path, clip: Path) -> Iterator[RealCamera]:
    """Debian's rtsp-server-perl, which passes on what FFmpeg sends it: UDP only, no login, no answer to TEARDOWN."""
    port = _free_ports(40)
    program = shutil.which("rtsp-server-perl") or ""
    addresses = ["--client_listen_address", "127.0.0.1", "--source_listen_address", "127.0.0.1"]
    ports = ["-c", str(port), "-s", str(port + 1)]
    # Unbuffered, so that what it prints can be read while it runs. Its option for the first RTP port is forgotten as
    # soon as nothing is mounted, and two servers would share one.
    wrapped = "$| = 1; require RTSP::Server; $RTSP::Server::RTP_START_PORT = shift; do shift"
    command = ["perl", "-e", wrapped, str(port + 2), program, "-l", "5", *addresses, *ports]
    log = folder / "rtsp-server-perl.log"
    with _running(command, log) as process:
        _until_open(process, log, port + 1)
        with _published(clip, port + 1, folder):
            _printed(process, log, "Source listener: >> RECORD")
            yield RealCamera(
                port=port,
                path=PATH,
                transport="udp",
                torn_down="Client listener: >> TEARDOWN",
                log=log,
                process=process,
            )


@contextmanager
def rtsp_streaming_server(folder: Path, clip: Path) -> Iterator[RealCamera]:
    """npm's rtsp-streaming-server, which passes on what FFmpeg sends it: UDP only, login by Basic."""
    port = _free_ports(40)
    command = ["node", str(HERE / "rtsp_streaming_server.cjs"), str(port), USERNAME, PASSWORD]
    log = folder / "rtsp-streaming-server.log"
    with _running(command, log, environment={"NODE_PATH": str(FETCHED / "node_modules")}) as process:
        _until_open(process, log, port + 1)
        with _published(clip, port + 1, folder):
            _printed(process, log, "recording ")
            yield RealCamera(
                port=port, path=PATH, transport="udp", torn_down=f"closed {PATH}", log=log, process=process
            )


@contextmanager
def ipycam(folder: Path, clip: Path | None = None) -> Iterator[RealCamera]:
    """ipycam, which paints its own pictures: RTSP without login, ONVIF that wants one even for the time."""
    port = _free_ports(2)
    command = [sys.executable, str(HERE / "ipycam_camera.py"), str(port), USERNAME, PASSWORD]
    log = folder / "ipycam.log"
    with _running(command, log, environment={"PYTHONPATH": str(FETCHED / "python")}) as process:
        _until_described(process, log, port, path="/video_main")
        yield RealCamera(
            port=port,
            path="/video_main",
            transport="tcp",
            onvif_port=port + 1,
            torn_down="<- TEARDOWN",
            log=log,
            process=process,
        )


@functools.cache
def wants_gstreamer() -> str | None:
    """What GStreamer's server lacks."""
    with suppress(FileNotFoundError):
        if subprocess.run([SYSTEM_PYTHON, "-c", GSTREAMER], capture_output=True, check=False).returncode == 0:
            return None
    return (
        "needs GStreamer's RTSP server: apt-get install gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-libav "
        "gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly"
    )


def wants_vlc() -> str | None:
    """What VLC lacks."""
    return _lacking({"vlc": "apt-get install vlc-bin vlc-plugin-base", "ffmpeg": "apt-get install ffmpeg"})


def wants_rtsp_server_perl() -> str | None:
    """What rtsp-server-perl lacks."""
    return _lacking({"rtsp-server-perl": "apt-get install rtsp-server-perl", "ffmpeg": "apt-get install ffmpeg"})


def wants_rtsp_streaming_server() -> str | None:
    """What rtsp-streaming-server lacks."""
    if (FETCHED / "node_modules" / "rtsp-streaming-server").is_dir():
        return _lacking({"node": "apt-get install nodejs", "ffmpeg": "apt-get install ffmpeg"})
    return "needs rtsp-streaming-server: make peers"


def wants_ipycam() -> str | None:
    """What ipycam lacks."""
    if (FETCHED / "python" / "ipycam").is_dir():
        return _lacking({"ffmpeg": "apt-get install ffmpeg"})
    return "needs ipycam: make peers"


PROGRAMS: Mapping[str, Program] = {
    "gstreamer digest": Program(gstreamer, wants_gstreamer),
    "gstreamer basic": Program(functools.partial(gstreamer, scheme="basic"), wants_gstreamer),
    "vlc": Program(vlc, wants_vlc),
    "rtsp-server-perl": Program(rtsp_server_perl, wants_rtsp_server_perl),
    "rtsp-streaming-server": Program(rtsp_streaming_server, wants_rtsp_streaming_server),
    "ipycam": Program(ipycam, wants_ipycam),
}


def clip_in(folder: Path) -> Path:
    """Ten seconds of a moving test picture in H.264, a key frame every second; needs FFmpeg."""
    clip = folder / "clip.mp4"
    source = ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=10", "-t", "10"]
    encoder = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "10", "-pix_fmt", "yuv420p"]
    subprocess.run(["ffmpeg", "-v", "error", *source, *encoder, str(clip)], check=True)
    return clip


def _lacking(programs: Mapping[str, str]) -> str | None:
    missing = [f"{name}: {remedy}" for name, remedy in programs.items() if shutil.which(name) is None]
    return f"needs {', '.join(missing)}" if missing else None


@contextmanager
def _running(
    command: Sequence[str],
    log: Path,
    *,
    stdin: IO[bytes] | int = subprocess.PIPE,
    environment: Mapping[str, str] | None = None,
    as_nobody: bool = False,
) -> Iterator[subprocess.Popen[bytes]]:
    user = NOBODY if as_nobody and os.geteuid() == 0 else None
    with ExitStack() as stack:
        printed = stack.enter_context(log.open("wb"))
        process = stack.enter_context(
            subprocess.Popen(
                command,
                stdin=stdin,
                stdout=printed,
                stderr=printed,
                env={**os.environ, **(environment or {})},
                user=user,
                group=user,
                extra_groups=None if user is None else [],
            )
        )
        try:
            yield process
        finally:
            # one that was frozen takes no other signal
            process.kill()


@contextmanager
def _published(clip: Path, port: int, folder: Path) -> Iterator[None]:
    """The clip, over and over, sent to a server that passes it on."""
    reading = ["-re", "-stream_loop", "-1", "-i", str(clip), "-c", "copy"]
    command = ["ffmpeg", "-v", "error", "-nostdin", *reading, "-f", "rtsp", f"rtsp://127.0.0.1:{port}{PATH}"]
    with _running(command, folder / "ffmpeg.log"):
        yield


def _free_ports(count: int) -> int:
    """The first, an even one, of so many ports in a row that are free."""
    for first in random.sample(PORTS, 20):
        if all(_is_free(kind, port) for port in range(first, first + count) for kind in _KINDS):
            return first
    raise NotServingError(f"no {count} free ports in a row")


_KINDS = (socket.SOCK_STREAM, socket.SOCK_DGRAM)


def _is_free(kind: int, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _printed(process: subprocess.Popen[bytes], log: Path, word: str) -> str:
    """What the program printed after ``word``."""

    def after() -> str:
        return log.read_text(encoding="utf-8", errors="replace").partition(word)[2].partition("\n")[0]

    return _until(process, log, after)


def _until_open(process: subprocess.Popen[bytes], log: Path, port: int) -> None:
    def is_open() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    _until(process, log, is_open)


def _until_described(process: subprocess.Popen[bytes], log: Path, port: int, *, path: str = PATH) -> None:
    """Wait until the stream is there. The login is sent unasked, which only Basic allows."""
    login = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    request = f"DESCRIBE rtsp://127.0.0.1:{port}{path} RTSP/1.0\r\nCSeq: 1\r\nAuthorization: Basic {login}\r\n\r\n"

    def is_described() -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as client:
            client.sendall(request.encode())
            return client.recv(65536).startswith(b"RTSP/1.0 200")
        return False

    _until(process, log, is_described)


def _until(process: subprocess.Popen[bytes], log: Path, ask: Callable[[], Value]) -> Value:
    give_up = monotonic() + READY_WITHIN_S
    while process.poll() is None and monotonic() < give_up:
        if value := ask():
            return value
        sleep(POLL_S)
    raise NotServingError(f"{process.args!r}: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
