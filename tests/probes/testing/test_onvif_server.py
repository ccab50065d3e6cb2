"""Does the fictitious device answer ONVIF as the specification and common firmware do?"""

from __future__ import annotations

import pytest

from probes.testing.device import Access, Channel, OnvifLogin
from probes.testing.faults import Fault
from tests.probes.testing.client import http_post, soap
from tests.probes.testing.conftest import START, MakeCamera, Wall


async def test_the_clock_is_told_without_login_and_shows_its_error(make_camera: MakeCamera, wall: Wall) -> None:
    camera = await make_camera(onvif=True)
    wall.ahead -= wall() - START
    await camera.inject(Fault.CLOCK_SKEW, skew_s=3600.0)
    status, text = await http_post(camera, soap("GetSystemDateAndTime"))
    assert status == 200
    assert "<tt:UTCDateTime><tt:Time><tt:Hour>7</tt:Hour><tt:Minute>0</tt:Minute>" in text
    assert "<tt:Year>2026</tt:Year><tt:Month>11</tt:Month><tt:Day>24</tt:Day>" in text


async def test_the_clock_can_want_a_login(make_camera: MakeCamera) -> None:
    camera = await make_camera(onvif=True, access=Access(onvif_clock_login=True))
    status, text = await http_post(camera, soap("GetSystemDateAndTime"))
    assert (status, "ter:NotAuthorized" in text) == (400, True)


async def test_a_token_is_taken_by_the_cameras_own_clock(make_camera: MakeCamera, wall: Wall) -> None:
    camera = await make_camera(onvif=True)
    await camera.inject(Fault.CLOCK_SKEW, skew_s=120.0)
    login = {"username": camera.access.username, "password": camera.access.password}
    refused = await http_post(camera, soap("GetDeviceInformation", **login, created=wall()))
    taken = await http_post(camera, soap("GetDeviceInformation", **login, created=wall() + 120))
    assert (refused[0], "ter:NotAuthorized" in refused[1]) == (400, True)
    assert (taken[0], camera.maker.model in taken[1]) == (200, True)
    assert (camera.counts.logins, camera.counts.refused_logins) == (1, 1)


@pytest.mark.parametrize(("username", "password"), [("admin", "guess"), ("nobody", "Xunjian@2026")])
async def test_a_wrong_token_is_refused(make_camera: MakeCamera, wall: Wall, username: str, password: str) -> None:
    camera = await make_camera(onvif=True)
    request = soap("GetProfiles", username=username, password=password, created=wall())
    assert (await http_post(camera, request))[0] == 400
    assert camera.counts.refused_logins == 1


async def test_every_channel_is_a_profile_with_its_stream(make_camera: MakeCamera) -> None:
    channels = [Channel(camera_id=f"c{n}", number=n, path=f"/Streaming/Channels/{n}01") for n in (1, 2, 3)]
    camera = await make_camera(*channels, onvif=True, access=Access(onvif=OnvifLogin.NONE))
    _, text = await http_post(camera, soap("GetProfiles"))
    assert text.count("<trt:Profiles ") == 3
    asked = soap("GetStreamUri").replace(
        b"'/></s:Body>", b"'><ProfileToken>Profile_2</ProfileToken></d:GetStreamUri></s:Body>"
    )
    _, text = await http_post(camera, asked)
    assert f"rtsp://{camera.host}:{camera.rtsp_port}/Streaming/Channels/201" in text


@pytest.mark.parametrize("operation", ["ContinuousMove", "CreatePullPointSubscription", "SetSystemDateAndTime"])
async def test_what_is_not_reading_is_refused_and_noted(make_camera: MakeCamera, operation: str) -> None:
    camera = await make_camera(onvif=True, access=Access(onvif=OnvifLogin.NONE))
    assert (await http_post(camera, soap(operation)))[0] == 400
    assert [(who, what) for _, who, what in camera.counts.violations] == [("camera-1", operation)]


async def test_what_is_not_soap_is_a_fault(make_camera: MakeCamera) -> None:
    camera = await make_camera(onvif=True)
    for body in (b"", b"<", b"<a/>", b"not xml at all"):
        status, text = await http_post(camera, body)
        assert (status, "env:Fault" in text) == (400, True)
