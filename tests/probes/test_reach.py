"""The light look: does anything listen?"""

from __future__ import annotations

import errno
import socket

import pytest

from probes.answer import connect_failure
from probes.observation import Depth, Outcome, Target
from probes.observe import observe
from probes.reach import ReachProbe
from tests.probes.peers import refusing_port, serving, silent_port

PROBE = ReachProbe(connect_timeout_s=0.3)


def at(rtsp_port: int | None, onvif_port: int | None = None, host: str = "127.0.0.1") -> Target:
    return Target(camera="c1", host=host, rtsp_port=rtsp_port, onvif_port=onvif_port)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_listener_is_enough(host: str) -> None:
    async with serving(host=host) as peer:
        observation = await observe(PROBE, at(peer.port, host=host), at=0.0)
    assert (observation.outcome, observation.depth, observation.step) == (Outcome.OK, Depth.LIGHT, "connect")
    assert peer.requests == []


async def test_a_listener_has_not_yet_answered_a_protocol() -> None:
    async with serving() as peer:
        assert not (await observe(PROBE, at(peer.port), at=0.0)).answered


async def test_the_onvif_port_is_tried_after_the_rtsp_port() -> None:
    async with serving() as peer:
        with refusing_port() as refusing:
            observation = await observe(PROBE, at(refusing, peer.port), at=0.0)
    assert observation.outcome is Outcome.OK
    said = [step.said for step in observation.steps]
    assert said == [f"port {refusing}: Connection refused", f"port {peer.port} is open"]


async def test_a_port_configured_twice_is_tried_once() -> None:
    with refusing_port() as port:
        observation = await observe(PROBE, at(port, port), at=0.0)
    assert len(observation.steps) == 1


async def test_silence_is_unreachable() -> None:
    with silent_port() as port:
        observation = await observe(PROBE, at(port), at=0.0)
    assert observation.outcome is Outcome.UNREACHABLE
    assert observation.steps[0].said == f"port {port}: no connection within 0.3 s"


async def test_a_reset_is_refused() -> None:
    with refusing_port() as port:
        assert (await observe(PROBE, at(port), at=0.0)).outcome is Outcome.REFUSED


@pytest.mark.parametrize("refusing_first", [True, False])
async def test_a_refusal_counts_for_more_than_silence(refusing_first: bool) -> None:
    with refusing_port() as refusing, silent_port() as silent:
        ports = (refusing, silent) if refusing_first else (silent, refusing)
        assert (await observe(PROBE, at(*ports), at=0.0)).outcome is Outcome.REFUSED


async def test_no_port_at_all_is_our_own_omission() -> None:
    assert (await observe(PROBE, at(None), at=0.0)).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (OSError(errno.EHOSTUNREACH, "No route to host"), Outcome.UNREACHABLE),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), Outcome.UNREACHABLE),
        (OSError(errno.ETIMEDOUT, "Connection timed out"), Outcome.UNREACHABLE),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), Outcome.UNREACHABLE),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), Outcome.REFUSED),
        (OSError(errno.EMFILE, "Too many open files"), Outcome.INCONCLUSIVE),
        (OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"), Outcome.INCONCLUSIVE),
        (PermissionError(errno.EPERM, "Operation not permitted"), Outcome.INCONCLUSIVE),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), Outcome.INCONCLUSIVE),
    ],
    ids=lambda value: type(value).__name__ + str(getattr(value, "errno", "")) if isinstance(value, OSError) else None,
)
def test_errors_of_connect_blame_the_camera_only_for_its_own(error: OSError, outcome: Outcome) -> None:
    assert connect_failure(error).outcome is outcome
