"""Is the fictitious camera an honest one, does it break as told, and does it count what it is asked?"""

from __future__ import annotations

import asyncio
import socket

import pytest

from probes.testing.device import DAHUA, Access, Channel, Scheme
from probes.testing.faults import TRUTH, Fault
from probes.testing.media import Codec
from tests.probes.testing.client import SETUP_TCP, RtspClient, rtsp
from tests.probes.testing.conftest import MakeCamera, Wall

SILENCE_S = 0.3


def connects(host: str, port: int) -> str:
    """What a connection attempt meets within ``SILENCE_S``."""
    with socket.socket() as client:
        client.settimeout(SILENCE_S)
        try:
            client.connect((host, port))
        except TimeoutError:
            return "silence"
        except ConnectionRefusedError:
            return "refused"
        return "connected"


async def rest_of(client: RtspClient, quiet_s: float) -> bytes:
    """All that still comes until the peer has been quiet for so long, or is gone."""
    rest = b""
    while True:
        try:
            more = await asyncio.wait_for(client.reader.read(65_536), quiet_s)
        except (TimeoutError, ConnectionResetError):
            return rest
        if not more:
            return rest
        rest += more


async def test_play_begins_with_a_key_frame_numbered_as_announced(make_camera: MakeCamera) -> None:
    camera = await make_camera()
    async with rtsp(camera) as client:
        assert (await client.ask("DESCRIBE")).status == 200
        assert (await client.ask("SETUP", f"{client.url}/trackID=1", SETUP_TCP)).status == 200
        reply = await client.ask("PLAY")
        packets = await client.access_unit()
        sequence, timestamp = (int(packets[0][a:b].hex(), 16) for a, b in ((2, 4), (4, 8)))
        assert f"seq={sequence};rtptime={timestamp}" in reply.headers["rtp-info"]
        assert packets[0][12] & 0x1F == 7
        assert (await client.ask("TEARDOWN")).status == 200
    assert camera.counts.key_frames >= 1
    assert camera.counts.missing_teardowns == 0


async def test_the_description_tells_the_encoding_and_where_to_set_up(make_camera: MakeCamera) -> None:
    relative = Channel(camera_id="b", path=DAHUA.channel_path(1), codec=Codec.H265)
    for camera, control, encoding in (
        (await make_camera(), "a=control:rtsp://", "H264/90000"),
        (await make_camera(relative, maker=DAHUA), "a=control:trackID=1", "H265/90000"),
    ):
        async with rtsp(camera) as client:
            reply = await client.ask("DESCRIBE")
        assert reply.headers["content-type"] == "application/sdp"
        assert f"a=rtpmap:96 {encoding}" in reply.body
        assert control in reply.body.partition("m=video")[2]


async def test_a_login_is_asked_for_and_counted_once_a_connection(make_camera: MakeCamera) -> None:
    camera = await make_camera()
    async with rtsp(camera, password=None) as stranger:
        assert (await stranger.ask("OPTIONS")).status == 200
        assert (await stranger.ask("DESCRIBE")).status == 401
    async with rtsp(camera) as client:
        await client.play()
    assert (camera.counts.logins, camera.counts.refused_logins, camera.counts.logins_per_minute_peak) == (1, 0, 1)


async def test_a_nonce_of_another_connection_is_refused(make_camera: MakeCamera) -> None:
    camera = await make_camera()
    async with rtsp(camera) as first, rtsp(camera) as second:
        await first.ask("DESCRIBE")
        second.challenge = first.challenge
        assert (await second.ask("DESCRIBE")).status == 401
    assert camera.counts.refused_logins == 1


async def test_stale_means_a_second_answer_is_wanted(make_camera: MakeCamera) -> None:
    camera = await make_camera(access=Access(stale_first=True))
    async with rtsp(camera) as client:
        reply = await client.ask("DESCRIBE")
        assert reply.status == 401
        assert 'stale="TRUE"' in reply.headers["www-authenticate"]
        client.challenge = {}
        assert (await client.ask("DESCRIBE")).status == 200
    assert camera.counts.refused_logins == 0


async def test_wrong_logins_lock_the_account_for_a_while(make_camera: MakeCamera, wall: Wall) -> None:
    camera = await make_camera(access=Access(lockout_after=3, lockout_s=600))
    for _ in range(3):
        async with rtsp(camera, password="guess") as client:
            assert (await client.ask("DESCRIBE")).status == 401
    assert [what for _, _, what in camera.counts.violations] == ["locked the account"]
    async with rtsp(camera) as client:
        assert (await client.ask("DESCRIBE")).status == 401
    wall.ahead += 601
    async with rtsp(camera) as client:
        assert (await client.ask("DESCRIBE")).status == 200


async def test_a_right_login_forgives_the_wrong_ones_before_it(make_camera: MakeCamera) -> None:
    camera = await make_camera(access=Access(lockout_after=2))
    for password in ("guess", "", "guess", ""):
        async with rtsp(camera, password=password) as client:
            await client.ask("DESCRIBE")
    assert camera.counts.violations == []
    assert camera.counts.logins == 2


async def test_the_session_limit_answers_453_until_one_is_torn_down(make_camera: MakeCamera) -> None:
    camera = await make_camera(*(Channel(camera_id=f"c{n}", path=f"/c{n}") for n in range(3)), session_limit=2)
    async with rtsp(camera, channel=1) as one, rtsp(camera, channel=2) as two, rtsp(camera, channel=3) as three:
        await one.play()
        await two.play()
        assert (await three.ask("SETUP", f"{three.url}/trackID=1", SETUP_TCP)).status == 453
        assert (await one.ask("TEARDOWN")).status == 200
        assert (await three.ask("SETUP", f"{three.url}/trackID=1", SETUP_TCP)).status == 200
    assert camera.counts.sessions_peak == 2
    assert camera.counts.refused_sessions == 1


async def test_leaving_without_teardown_is_counted_and_may_hold_the_place(make_camera: MakeCamera) -> None:
    camera = await make_camera(orphan_hold_s=0.2, session_limit=1)
    async with rtsp(camera) as client:
        await client.play()
    while camera.counts.missing_teardowns == 0:
        await asyncio.sleep(0.01)
    async with rtsp(camera) as client:
        await client.ask("DESCRIBE")
        assert (await client.ask("SETUP", f"{client.url}/trackID=1", SETUP_TCP)).status == 453
        while camera.sessions:
            await asyncio.sleep(0.01)
        assert (await client.ask("SETUP", f"{client.url}/trackID=1", SETUP_TCP)).status == 200


async def test_writing_and_looking_twice_at_a_time_are_violations(make_camera: MakeCamera) -> None:
    camera = await make_camera()
    async with rtsp(camera) as one, rtsp(camera) as two:
        await one.play()
        await two.play()
        assert (await one.ask("SET_PARAMETER")).status == 405
    assert [what for _, _, what in camera.counts.violations] == ["two sessions at a time", "SET_PARAMETER"]
    assert {camera_id for _, camera_id, _ in camera.counts.violations} == {"camera-1"}


async def test_without_power_every_syn_meets_silence_and_open_streams_stop(make_camera: MakeCamera) -> None:
    camera = await make_camera(onvif=True)
    assert camera.onvif_port is not None
    async with rtsp(camera) as client:
        await client.play()
        await client.access_unit()
        await camera.inject(Fault.POWER_LOST)
        await camera.inject(Fault.POWER_LOST)
        assert connects(camera.host, camera.rtsp_port) == "silence"
        assert connects(camera.host, camera.onvif_port) == "silence"
        client.writer.write(b"OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n")
        # what was on its way when the power went is less than the second key frame
        assert b"RTSP/1.0" not in await rest_of(client, SILENCE_S)
    await camera.repair(Fault.POWER_LOST)
    async with rtsp(camera) as client:
        assert (await client.ask("DESCRIBE")).status == 200
    assert camera.sessions == 0


async def test_a_stopped_service_refuses_and_comes_back(make_camera: MakeCamera) -> None:
    camera = await make_camera()
    await camera.inject(Fault.REFUSED)
    await asyncio.sleep(0)
    assert connects(camera.host, camera.rtsp_port) == "refused"
    await camera.repair()
    assert connects(camera.host, camera.rtsp_port) == "connected"


async def test_a_tarpit_takes_the_connection_and_says_nothing(make_camera: MakeCamera) -> None:
    camera = await make_camera()
    await camera.inject(Fault.TARPIT)
    async with rtsp(camera) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SILENCE_S):
                await client.ask("OPTIONS")


async def test_a_reset_comes_in_the_middle_of_a_reply(make_camera: MakeCamera) -> None:
    camera = await make_camera()
    await camera.inject(Fault.RESET)
    async with rtsp(camera) as client:
        client.writer.write(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        assert (await client.reader.readexactly(8)) == b"RTSP/1.0"
        with pytest.raises(ConnectionResetError):
            await client.reader.read(-1)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault.NO_CHANNEL, 404),
        (Fault.UNAVAILABLE, 503),
        (Fault.SESSIONS_FULL, 453),
        (Fault.WRONG_PASSWORD, 401),
        (Fault.BLACK, 200),
    ],
)
async def test_a_fault_answers_describe_and_its_repair_200(make_camera: MakeCamera, fault: Fault, status: int) -> None:
    camera = await make_camera()
    await camera.inject(fault)
    async with rtsp(camera) as client:
        assert (await client.ask("DESCRIBE")).status == status
    await camera.repair(fault)
    async with rtsp(camera) as client:
        assert (await client.ask("DESCRIBE")).status == 200


async def test_a_slow_camera_answers_late(make_camera: MakeCamera) -> None:
    camera = await make_camera()
    camera.delay_s = SILENCE_S
    await camera.inject(Fault.SLOW)
    began = asyncio.get_running_loop().time()
    async with rtsp(camera) as client:
        assert (await client.ask("OPTIONS")).status == 200
    assert asyncio.get_running_loop().time() - began >= SILENCE_S


async def test_a_client_need_not_wait_until_a_slow_camera_answers_its_teardown(make_camera: MakeCamera) -> None:
    camera = await make_camera()
    async with rtsp(camera) as client:
        await client.play()
        await camera.inject(Fault.SLOW)
        client.writer.write(f"TEARDOWN {client.url} RTSP/1.0\r\nCSeq: 9\r\n\r\n".encode())
    while camera.sessions:
        await asyncio.sleep(0.01)
    assert camera.counts.missing_teardowns == 0


@pytest.mark.parametrize("fault", [Fault.POWER_LOST, Fault.REFUSED, Fault.TARPIT, Fault.RESET])
async def test_a_client_is_not_blamed_for_a_stream_that_the_camera_broke_off(
    make_camera: MakeCamera, fault: Fault
) -> None:
    camera = await make_camera(orphan_hold_s=60.0)
    async with rtsp(camera) as client:
        await client.play()
        await camera.inject(fault)
        client.writer.write(b"GET_PARAMETER * RTSP/1.0\r\nCSeq: 9\r\n\r\n")
        await rest_of(client, 0.1)
    await camera.repair()
    while camera.sessions:
        await asyncio.sleep(0.01)
    assert camera.counts.missing_teardowns == 0


async def test_no_rtp_means_play_is_granted_and_nothing_follows(make_camera: MakeCamera) -> None:
    camera = await make_camera()
    await camera.inject(Fault.NO_RTP)
    async with rtsp(camera) as client:
        await client.play()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SILENCE_S):
                await client.packet()


async def test_no_key_frame_means_packets_without_a_gap_and_without_a_key_frame(make_camera: MakeCamera) -> None:
    camera = await make_camera()
    await camera.inject(Fault.NO_KEY_FRAME)
    async with rtsp(camera) as client:
        await client.play()
        units = [await client.access_unit() for _ in range(camera.studio.format.fps + 2)]
    packets = [packet for unit in units for packet in unit]
    assert all(packet[12] & 0x1F == 1 for packet in packets)
    sequence = [int.from_bytes(packet[2:4], "big") for packet in packets]
    assert sequence == [(sequence[0] + index) & 0xFFFF for index in range(len(packets))]


async def test_lossy_means_a_gap_in_every_key_frame(make_camera: MakeCamera) -> None:
    camera = await make_camera()
    await camera.inject(Fault.LOSSY)
    async with rtsp(camera) as client:
        await client.play()
        packets = await client.access_unit()
    sequence = [int.from_bytes(packet[2:4], "big") for packet in packets]
    assert (sequence[-1] - sequence[0]) & 0xFFFF == len(packets)


async def test_joining_live_begins_between_key_frames(make_camera: MakeCamera) -> None:
    camera = await make_camera(Channel(camera_id="live", joins_live=True))
    async with rtsp(camera) as client:
        await client.play()
        first = await client.access_unit()
        assert first[0][12] & 0x1F == 1
        while (await client.access_unit())[0][12] & 0x1F != 7:
            pass


async def test_a_picture_fault_reaches_those_who_already_look(make_camera: MakeCamera) -> None:
    camera = await make_camera()
    async with rtsp(camera) as client:
        await client.play()
        bright = sum(map(len, await client.access_unit()))
        await camera.inject(Fault.BLACK)
        dark = bright
        async with asyncio.timeout(5):
            while dark > bright / 2:  # a bright one may have been on its way
                unit = await client.access_unit()
                dark = sum(map(len, unit)) if unit[0][12] & 0x1F == 7 else dark


async def test_udp_is_demanded_with_461_and_served_from_an_even_port(make_camera: MakeCamera) -> None:
    camera = await make_camera(refuses_tcp=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        port = receiver.getsockname()[1]
        async with rtsp(camera) as client:
            assert (await client.ask("SETUP", f"{client.url}/trackID=1", SETUP_TCP)).status == 461
            wanted = {"Transport": f"RTP/AVP;unicast;client_port={port}-{port + 1}"}
            reply = await client.ask("SETUP", f"{client.url}/trackID=1", wanted)
            server_port = int(reply.headers["transport"].partition("server_port=")[2].partition("-")[0])
            assert server_port % 2 == 0
            assert (await client.ask("PLAY")).status == 200
            packet, sender = await asyncio.get_running_loop().sock_recvfrom(receiver, 2048)
            assert sender == (camera.host, server_port)
            assert packet[12] & 0x1F == 7
            await client.ask("TEARDOWN")


async def test_basic_and_no_login_are_schemes_too(make_camera: MakeCamera) -> None:
    open_camera = await make_camera(access=Access(scheme=Scheme.NONE))
    async with rtsp(open_camera, password=None) as client:
        assert (await client.ask("DESCRIBE")).status == 200
    basic = await make_camera(access=Access(username="u", password="p", scheme=Scheme.BASIC))
    async with rtsp(basic, password=None) as client:
        assert (await client.ask("DESCRIBE")).headers["www-authenticate"].startswith("Basic ")
        assert (await client.ask("DESCRIBE", headers={"Authorization": "Basic dTpw"})).status == 200
        assert (await client.ask("DESCRIBE", headers={"Authorization": "Basic dTpx"})).status == 401


@pytest.mark.parametrize(
    "noise", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b"$\x01\x00\x02abnonsense\r\n\r\n"]
)
async def test_what_is_not_rtsp_is_a_bad_request(make_camera: MakeCamera, noise: bytes) -> None:
    camera = await make_camera()
    async with rtsp(camera) as client:
        client.writer.write(noise)
        assert (await client.reader.readline()).startswith(b"RTSP/1.0 400")
        assert (await client.reader.readline()) == b"\r\n"
        assert (await client.ask("OPTIONS")).status == 200


async def test_the_worst_fault_is_the_truth(make_camera: MakeCamera) -> None:
    camera = await make_camera()
    channel = camera.channels[0]
    assert camera.truth(channel) == ("intact", None)
    for fault, told in (
        (Fault.CLOCK_SKEW, ("intact", "clock_off")),
        (Fault.COVERED, ("impaired", "covered")),
        (Fault.POWER_LOST, ("offline", "unreachable")),
    ):
        await camera.inject(fault)
        assert camera.truth(channel) == told
    await camera.repair(Fault.POWER_LOST)
    assert camera.truth(channel) == ("impaired", "covered")
    await camera.repair()
    assert camera.truth(channel) == ("intact", None)


def test_every_fault_has_a_truth() -> None:
    assert set(TRUTH) == set(Fault)
