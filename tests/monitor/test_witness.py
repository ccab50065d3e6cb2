"""Looks at ourselves: the canary, and the witnesses by real connections."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import pytest

from monitor.canary import MAX_REQUEST, Canary
from monitor.clock import SystemClock
from monitor.core.blindness import Witnesses
from monitor.core.record import Gap
from monitor.witness import Outpost, Posts, answers
from probes.observation import Outcome
from probes.observe import observe
from probes.rtsp import RtspProbe


@asynccontextmanager
async def canary() -> AsyncIterator[Canary]:
    started = Canary()
    await started.start()
    try:
        yield started
    finally:
        await started.close()


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def open_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def outpost(its: Canary | None, *addresses: str, **townships: str) -> Outpost:
    posts = Posts(county=addresses, townships=townships)
    return Outpost(posts, canary=its, probe=RtspProbe(to="describe"), clock=SystemClock(), every_s=60.0)


async def say(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_the_canary_is_described_by_our_own_probe() -> None:
    async with canary() as its:
        seen = await observe(RtspProbe(to="describe"), its.target(), at=1.0)
        assert (seen.outcome, seen.step) == (Outcome.OK, "describe")


async def test_the_canary_answers_what_it_knows_and_refuses_the_rest() -> None:
    async with canary() as its:
        port = its.target().rtsp_port or 0
        options = await say(port, b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n")
        assert options.startswith(b"RTSP/1.0 200 OK\r\nCSeq: 7\r\n")
        assert b"405" in (await say(port, b"PLAY rtsp://x RTSP/1.0\r\nCSeq: 1\r\n\r\n")).split(b"\r\n")[0]


@pytest.mark.parametrize("request_", [b"", b"OPTIONS", b"x" * (2 * MAX_REQUEST), b"\xff\xfe\r\n\r\n", b"\r\n\r\n"])
async def test_nothing_that_is_said_to_the_canary_hurts_it(request_: bytes) -> None:
    async with canary() as its:
        with suppress(ConnectionError):
            await say(its.target().rtsp_port or 0, request_)
        seen = await observe(RtspProbe(to="describe"), its.target(), at=1.0)
        assert seen.outcome is Outcome.OK


async def test_a_witness_with_a_port_must_accept_one_without_need_only_be_there(
    open_port: int, closed_port: int
) -> None:
    assert await answers(f"127.0.0.1:{open_port}")
    assert not await answers(f"127.0.0.1:{closed_port}")
    assert await answers("127.0.0.1"), "a refusal proves the way"
    assert not await answers("no-such-host.invalid")


async def test_a_canary_that_is_gone_blinds_us_and_one_that_is_back_ends_it() -> None:
    told: list[tuple[Witnesses, tuple[Gap, ...]]] = []
    its = Canary()
    await its.start()
    post = outpost(its)
    post.on_look = lambda state, closed: told.append((state, closed))
    await post.look()
    assert post.state.blind is None
    await its.close()
    await post.look()
    assert post.state.blind is not None
    assert post.state.blind.reason == "canary"
    assert told[-1] == (post.state, ())
    await its.start()
    await post.look()
    await its.close()
    assert told[-1][0].blind is None
    assert [gap.reason for gap in told[-1][1]] == ["canary"]


async def test_answers_are_named_by_address_and_township(open_port: int, closed_port: int) -> None:
    post = outpost(None, f"127.0.0.1:{open_port}", t1=f"127.0.0.1:{closed_port}")
    await post.look()
    assert post.state.answers == {"canary": True, f"127.0.0.1:{open_port}": True, "t1": False}
    assert post.has_witnesses
    assert post.state.blind is None
    post.move(Posts(townships={}))
    assert not post.has_witnesses


async def test_whoever_waits_gets_the_state_after_a_look_begun_later(open_port: int) -> None:
    asked = 0

    async def count(address: str) -> bool:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return True

    clock = SystemClock()
    post = Outpost(
        Posts(county=("a",), townships={}),
        canary=None,
        probe=RtspProbe(to="describe"),
        clock=clock,
        every_s=60.0,
        answers=count,
    )
    watching = asyncio.create_task(post.run())
    try:
        async with asyncio.timeout(10):
            waiting = [post.look_later_than(clock.monotonic()) for _ in range(50)]
            states = await asyncio.gather(*waiting)
            assert asked <= 2, "a storm of blame waits for the same look"
            before = asked
            await post.look_later_than(clock.monotonic())
            assert asked == before + 1
        assert all(state.blind is None for state in states)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
