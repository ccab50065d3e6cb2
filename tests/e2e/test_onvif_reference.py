"""Does onvif-zeep-async, which knows ONVIF by its WSDL files, read of the same devices what our probe reads?

The devices are those of the fictitious county, and ipycam, which is none of ours and lets nobody read its clock without
a login.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import onvif  # type: ignore[import-untyped]  # ships no type hints
import pytest

from probes.observation import Credential, Observation, Outcome, Target
from probes.observe import observe
from probes.onvif import OnvifProbe, stream_uri
from probes.probe import Trace
from probes.testing.county import County
from probes.testing.device import OnvifLogin
from probes.testing.faults import Fault
from probes.testing.media import Format
from tests.e2e.peers import RealCamera, ipycam, wants_ipycam

TRANSPORT = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
CLOCK_TOLERANCE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a client read of a device."""

    maker: str
    model: str
    firmware: str
    serial: str
    profile: str
    stream: str


async def by_ours(target: Target) -> tuple[Told, float]:
    """By our probe; and how far the clock is off, in seconds."""
    async with probing() as probe:
        seen = await observe(probe, target, at=0.0)
        assert seen.outcome is Outcome.OK, seen.steps
        address = await stream_uri(probe, target, Trace())
    facts = {name: str(seen.facts[name]) for name in ("maker", "model", "firmware", "serial")}
    offset = seen.facts["clock_offset_s"]
    assert isinstance(offset, float)
    return Told(**facts, profile=address.profile.token, stream=address.told), offset


async def by_reference(target: Target) -> tuple[Told, float]:
    """By onvif-zeep-async."""
    assert target.credential is not None
    login = (target.credential.username, target.credential.password)
    client = onvif.ONVIFCamera(target.host, target.onvif_port, *login, adjust_time=True)
    try:
        await client.update_xaddrs()
        device, media = await client.create_devicemgmt_service(), await client.create_media_service()
        offset = _stated(await device.GetSystemDateAndTime()) - time.time()
        made = await device.GetDeviceInformation()
        profile = (await media.GetProfiles())[0]
        stream = await media.GetStreamUri({"StreamSetup": TRANSPORT, "ProfileToken": profile.token})
    finally:
        await client.close()
    told = Told(
        maker=made.Manufacturer,
        model=made.Model,
        firmware=made.FirmwareVersion,
        serial=made.SerialNumber,
        profile=profile.token,
        stream=stream.Uri,
    )
    return told, offset


def _stated(clock: Any) -> float:
    date, at = clock.UTCDateTime.Date, clock.UTCDateTime.Time
    stated = datetime(date.Year, date.Month, date.Day, at.Hour, at.Minute, at.Second, tzinfo=UTC)
    return stated.timestamp() + 0.5


@asynccontextmanager
async def probing() -> AsyncIterator[OnvifProbe]:
    probe = OnvifProbe(now=time.time)
    try:
        yield probe
    finally:
        await probe.close()


async def assert_both_tell_the_same(target: Target) -> None:
    ours, our_offset = await by_ours(target)
    theirs, their_offset = await by_reference(target)
    assert ours == theirs
    assert our_offset == pytest.approx(their_offset, abs=CLOCK_TOLERANCE_S)


async def test_both_read_the_same_of_the_countys_cameras() -> None:
    small = Format(width=320, height=180)
    async with await County.start(wall=time.time, cameras=60, townships=6, villages=12, fmt=small) as county:
        # the reference knows no HTTP Digest
        asked = [
            Target(
                camera=device.cameras[0].id,
                host=device.host,
                onvif_port=county.onvif_port,
                credential=Credential(id=device.host, username=device.access.username, password=device.access.password),
            )
            for device in county.plan.devices
            if device.has_onvif and device.access.onvif is OnvifLogin.WSSE
        ]
        assert len(asked) >= 10
        for target in asked:
            await assert_both_tell_the_same(target)
        skewed = asked[0]
        await county.inject(Fault.CLOCK_SKEW, skewed.camera, skew_s=300.0)
        await assert_both_tell_the_same(skewed)
        assert (await by_ours(skewed))[1] == pytest.approx(300, abs=CLOCK_TOLERANCE_S)


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCamera]:
    if lack := wants_ipycam():
        pytest.skip(lack)
    with ipycam(tmp_path_factory.mktemp("ipycam")) as running:
        yield running


def target(camera: RealCamera) -> Target:
    credential = Credential(id="site", username=camera.username, password=camera.password)
    return Target(camera="c1", host="127.0.0.1", onvif_port=camera.onvif_port, credential=credential)


async def look(target: Target) -> Observation:
    async with probing() as probe:
        return await observe(probe, target, at=0.0)


@pytest.mark.real_peer
async def test_both_read_the_same_of_ipycam(camera: RealCamera) -> None:
    await assert_both_tell_the_same(target(camera))
    (told, offset) = await by_ours(target(camera))
    assert (told.maker, told.model, told.profile) == ("PythonCam", "VirtualCam-1", "Profile_Main")
    assert told.stream == f"rtsp://127.0.0.1:{camera.port}{camera.path}"
    assert offset == pytest.approx(0, abs=CLOCK_TOLERANCE_S)


@pytest.mark.real_peer
async def test_ipycam_lets_nobody_in_with_a_wrong_password_or_none(camera: RealCamera) -> None:
    right = target(camera)
    wrong = await look(replace(right, credential=Credential(id="x", username=camera.username, password="wrong")))
    assert (wrong.outcome, wrong.step, wrong.answered) == (Outcome.UNAUTHORIZED, "clock", True), wrong.steps
    without = await look(replace(right, credential=None))
    assert (without.outcome, without.facts["ours"]) == (Outcome.INCONCLUSIVE, "no credential")
