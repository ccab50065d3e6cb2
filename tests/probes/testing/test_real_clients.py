"""Do clients that were not written here take the fictitious camera for a real one?"""

from __future__ import annotations

import asyncio
import shutil
from urllib.parse import quote

import av
import onvif  # type: ignore[import-untyped]  # ships no type hints
import pytest

from probes.testing.device import MAKERS, Access, Channel, Maker
from probes.testing.media import Codec
from tests.probes.testing.conftest import MakeCamera, Wall

FFPROBE = shutil.which("ffprobe")
DECODERS = {Codec.H264: "h264", Codec.H265: "hevc"}


def first_pictures(url: str, transport: str, count: int) -> tuple[str, list[tuple[int, int]]]:
    """Codec name and sizes of the first pictures that FFmpeg's libraries decode."""
    with av.open(url, options={"rtsp_transport": transport, "analyzeduration": "0"}, timeout=10) as stream:
        frames = stream.decode(video=0)
        sizes = [(frame.width, frame.height) for frame, _ in zip(frames, range(count), strict=False)]
        return stream.streams.video[0].codec_context.name, sizes


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("codec", Codec)
@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.path)
async def test_pyav_plays_it(make_camera: MakeCamera, maker: Maker, codec: Codec, transport: str) -> None:
    channel = Channel(camera_id="a", path=maker.channel_path(1), codec=codec)
    camera = await make_camera(channel, maker=maker, access=Access(password="p@ss:/w"))
    url = f"rtsp://admin:{quote('p@ss:/w', safe='')}@{camera.host}:{camera.rtsp_port}{channel.path}"
    name, sizes = await asyncio.to_thread(first_pictures, url, transport, 3)
    assert name == DECODERS[codec]
    assert sizes == [(640, 360)] * 3
    assert camera.counts.violations == []
    assert camera.counts.missing_teardowns == 0


@pytest.mark.real_peer
@pytest.mark.skipif(FFPROBE is None, reason="needs the Debian package ffmpeg")
@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("codec", Codec)
async def test_ffprobe_reads_it(make_camera: MakeCamera, codec: Codec, transport: str) -> None:
    assert FFPROBE is not None
    camera = await make_camera(Channel(camera_id="a", codec=codec, in_band=False))
    url = f"rtsp://admin:Xunjian%402026@{camera.host}:{camera.rtsp_port}{camera.channels[0].path}"
    shown = ["-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0"]
    process = await asyncio.create_subprocess_exec(
        FFPROBE, "-v", "error", "-rtsp_transport", transport, *shown, url, stdout=-1, stderr=-1
    )
    output, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")
    assert output.decode().strip() == f"{DECODERS[codec]},640,360"


async def test_a_wsdl_driven_onvif_client_reads_it_by_the_cameras_clock(make_camera: MakeCamera, wall: Wall) -> None:
    wall.ahead += 7200
    camera = await make_camera(onvif=True)
    login = (camera.access.username, camera.access.password)
    client = onvif.ONVIFCamera(camera.host, camera.onvif_port, *login, adjust_time=True)
    try:
        await client.update_xaddrs()
        media = await client.create_media_service()
        profiles = await media.GetProfiles()
        assert [(p.token, p.VideoEncoderConfiguration.Resolution.Width) for p in profiles] == [("Profile_1", 640)]
    finally:
        await client.close()
    assert camera.counts.violations == []
