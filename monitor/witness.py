"""Do we see at all? Looks at the canary and the witnesses, regularly and whenever somebody is about to be blamed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog

from monitor.canary import Canary
from monitor.clock import Clock
from monitor.core.address import split_address
from monitor.core.blindness import Witnesses, advance, begin
from monitor.core.record import Gap
from probes.observation import Outcome
from probes.observe import observe
from probes.probe import Probe

log = structlog.get_logger(__name__)

ANSWER_S = 2.0
"""How long a witness may take to accept a connection."""

AT_MOST_EVERY_S = 0.5
"""Blame waits for a look at the witnesses; a storm of it waits for the same look."""

CLOSED_PORT = 9
"""Asked of a witness without a port (discard, RFC 863): a refusal proves the way to it as well as an acceptance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posts:
    """Where the witnesses are: the county's by address, the townships' by township code."""

    county: tuple[str, ...] = ()
    townships: Mapping[str, str]


OnLook = Callable[[Witnesses, tuple[Gap, ...]], None]
"""Called after each look with the new state and the gaps that it closed."""


async def answers(address: str) -> bool:
    """Whether the way to ``address`` is open. With a port it must accept the connection; without, any answer counts."""
    host, port = split_address(address)
    try:
        async with asyncio.timeout(ANSWER_S):
            _, writer = await asyncio.open_connection(host, port or CLOSED_PORT)
    except ConnectionRefusedError:
        return port is None
    except (OSError, TimeoutError):
        return False
    writer.transport.abort()
    return True


class Outpost:
    """Keeps the witnesses' state. ``probe`` is what the canary is looked at with, ``answers`` asks a witness."""

    def __init__(
        self,
        posts: Posts,
        *,
        canary: Canary | None,
        probe: Probe,
        clock: Clock,
        every_s: float,
        answers: Callable[[str], Awaitable[bool]] = answers,
    ) -> None:
        self._answers = answers
        self._posts = posts
        self._canary = canary
        self._probe = probe
        self._clock = clock
        self._every_s = every_s
        self._wanted = asyncio.Event()
        self._waiting: list[tuple[float, asyncio.Future[None]]] = []
        self.state = begin(int(clock.now()))
        self.on_look: OnLook = lambda state, closed: None

    @property
    def has_witnesses(self) -> bool:
        """Whether anything beyond our own machine is looked at."""
        return bool(self._posts.county or self._posts.townships)

    def move(self, posts: Posts) -> None:
        """Look at other witnesses from now on."""
        self._posts = posts

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            began = self._clock.monotonic()
            self._wanted.clear()
            await self.look()
            spent = self._clock.monotonic() - began
            await asyncio.sleep(max(0.0, AT_MOST_EVERY_S - spent))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, self._every_s - AT_MOST_EVERY_S)):
                    await self._wanted.wait()

    async def look(self) -> None:
        """One look at all of them."""
        began, at = self._clock.monotonic(), int(self._clock.now())
        canary, county, townships = await asyncio.gather(
            self._ask_canary(),
            self._ask_all({address: address for address in self._posts.county}),
            self._ask_all(self._posts.townships),
        )
        was_blind, until = self.state.blind is not None, int(self._clock.now())
        self.state, closed = advance(self.state, at=at, until=until, canary=canary, gateways=county, links=townships)
        if (self.state.blind is not None) != was_blind:
            log.warning("we see again" if was_blind else "we are blind", answers=dict(self.state.answers))
        self.on_look(self.state, closed)
        answered = [waiting for waiting in self._waiting if waiting[0] <= began]
        self._waiting = [waiting for waiting in self._waiting if waiting[0] > began]
        for _, future in answered:
            if not future.done():
                future.set_result(None)

    async def look_later_than(self, moment: float) -> Witnesses:
        """The witnesses' state after a look at them begun at ``moment`` (monotonic seconds) or later."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((moment, future))
        self._wanted.set()
        await future
        return self.state

    async def _ask_canary(self) -> bool:
        if self._canary is None:
            return True
        seen = await observe(self._probe, self._canary.target(), at=self._clock.now(), deadline_s=2 * ANSWER_S)
        return seen.outcome is Outcome.OK

    async def _ask_all(self, addresses: Mapping[str, str]) -> dict[str, bool]:
        said = await asyncio.gather(*(self._answers(address) for address in addresses.values()))
        return dict(zip(addresses, said, strict=True))
