"""Keeps the broker told: of what waits in the outbox, and of what the board says.

    connect ─► learn which states the broker has retained ─► events from the outbox, changed states from the board ─┐
       ▲                                                            ▲                                               │
       │                                                            └───────────────────────────────────────────────┤
       └── wait, each time longer ◄── whatever has failed ◄─────────────────────────────────────────────────────────┘

What a broker has acknowledged may still be lost with it: Mosquitto writes to its disk now and then. So an event is done
with only once it has been acknowledged for SETTLE_S, and after a connection was lost what is not done with is published
again: whoever tells events apart by epoch and seq sees each once. Nothing here waits longer than PATIENCE_S for the
broker, and nobody waits for this task.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import ssl
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from secrets import SystemRandom
from typing import Any

import aiomqtt
import structlog
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from monitor.clock import Clock
from monitor.config.messages import Mqtt
from monitor.core.board import Board
from monitor.mqtt.documents import (
    Document,
    encoded,
    event,
    is_month,
    offline,
    online,
    topic_of,
)
from monitor.mqtt.states import GONE, Letter, States
from monitor.mqtt.topics import Topics
from monitor.store import Store, StoreError

log = structlog.get_logger(__name__)

PAHO = logging.getLogger("mqtt")
PAHO.setLevel(logging.WARNING)  # below that it tells of every packet

READER = "mqtt"
"""our name at the outbox"""

POLL_S = 1.0
"""How often the outbox and the board are asked when nothing was new."""

PATIENCE_S = 10.0
"""How long an answer of the broker is waited for."""

FAREWELL_S = 2.0
"""How long the end of the daemon waits for the broker."""

SETTLE_S = 120.0
"""Twice the autosave_interval of deploy/mosquitto: what was acknowledged so long ago is on the broker's disk."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0

WINDOW = 20
"""Messages on their way at a time: as many as paho sends before the first is acknowledged."""

EVENTS_AT_A_TIME = 100


class RefusedError(aiomqtt.MqttError):
    """The broker has acknowledged a message and refused it, for its access list say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """What can be said of the broker: whether it is connected, and what it has acknowledged since we began.

    ``trouble`` is why it is not connected, or what broke the last connection; "" before anything did.
    """

    connected: bool
    trouble: str
    events: int
    states: int


class _Client(aiomqtt.Client):
    """Remembers a refusal: aiomqtt takes every PUBACK for a success, whatever its reason code."""

    refused: ReasonCode | None = None

    def _on_publish(
        self, client: PahoClient, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        if reason_code.is_failure:
            self.refused = reason_code
        super()._on_publish(client, userdata, mid, reason_code, properties)


class Publisher:
    """Tells one broker. ``board`` gives the newest board, ``degraded`` why the record can't be written, "" if it can.

    ``epoch`` is the outbox's. The password is read at each connection from where ``environment`` or ``settings`` say.
    """

    def __init__(
        self,
        settings: Mqtt,
        *,
        store: Store,
        clock: Clock,
        board: Callable[[], Board],
        degraded: Callable[[], str],
        epoch: str,
        environment: Mapping[str, str],
    ) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._board = board
        self._degraded = degraded
        self._epoch = epoch
        self._environment = environment
        self._topics = Topics(settings.county)
        self._beyond = 0
        """the last event that the broker has acknowledged on this connection"""
        self._acknowledged: deque[tuple[float, int]] = deque()
        """when (monotonic seconds) and up to which: events that the broker may yet lose"""
        self._done = 0
        """the last event that we are done with in this run"""
        self._connected, self._trouble = False, ""
        self._events = self._states_sent = 0
        self._states = States(self._topics)
        self._status: Document = {}

    @property
    def broker(self) -> Broker:
        """How it stands with the broker."""
        return Broker(connected=self._connected, trouble=self._trouble, events=self._events, states=self._states_sent)

    async def run(self) -> None:
        """Tell until cancelled."""
        telling = asyncio.create_task(self._run(), name="mqtt-tell")
        try:
            await asyncio.wait({telling})
        finally:
            # aiomqtt waits by asyncio.wait_for, which before Python 3.12 loses a cancellation that comes with a result.
            while not telling.done():
                telling.cancel()
                await asyncio.wait({telling}, timeout=2 * FAREWELL_S)

    async def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await self._session()
            except (aiomqtt.MqttError, OSError, StoreError) as error:
                self._trouble = str(error)
                log.warning("the broker cannot be told", host=self._settings.host, reason=str(error))
            except Exception as error:
                self._trouble = repr(error)
                log.exception("telling the broker broke off; it is tried again")
            if self._connected:
                self._connected, pause_s = False, FIRST_PAUSE_S
            # Not all at once: after a power cut the monitors of many counties may share one broker.
            await asyncio.sleep(SystemRandom().uniform(pause_s / 2, pause_s))
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _session(self) -> None:
        async with await self._client() as client:
            client.pending_calls_threshold = WINDOW  # else each further one is a line in the log
            self._connected, self._status, self._beyond = True, {}, self._done
            self._acknowledged.clear()
            log.info("connected to the broker", host=self._settings.host)
            since = int(self._clock.now())
            listening = asyncio.create_task(self._listen(client), name="mqtt-listen")
            try:
                await self._send_status(client, since)
                if self._settings.retained:
                    await self._learn_states(client)
                await self._tell(client, listening, since)
            except asyncio.CancelledError:
                if await self._say_goodbye(client):
                    self._settle(math.inf)
                raise
            finally:
                client.timeout = FAREWELL_S
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    async def _client(self) -> _Client:
        settings = self._settings
        tls = await asyncio.to_thread(self._tls) if settings.tls else None
        password = await asyncio.to_thread(settings.password, self._environment)
        will = encoded(offline(epoch=self._epoch, lost=True))
        return _Client(
            settings.host,
            settings.port,
            identifier=settings.client_id,
            username=settings.username or None,
            password=password,
            protocol=aiomqtt.ProtocolVersion.V5,
            logger=PAHO,
            tls_context=tls,
            keepalive=settings.keepalive_s,
            timeout=PATIENCE_S,
            max_inflight_messages=WINDOW,
            will=aiomqtt.Will(self._topics.status, will, qos=1, retain=True, properties=_json(PacketTypes.WILLMESSAGE)),
        )

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._settings.ca_file or None)
        if self._settings.cert_file:
            context.load_cert_chain(self._settings.cert_file, self._settings.key_file)
        return context

    async def _listen(self, client: _Client) -> None:
        """What the broker has retained. Raises MqttError when the connection is lost."""
        async for message in client.messages:
            payload = message.payload
            self._states.heard(str(message.topic), payload if isinstance(payload, bytes) else GONE)

    async def _learn_states(self, client: _Client) -> None:
        """Ask the broker what it has retained, so that what is not so any more is corrected and what is gone, removed.

        The status that we have just published is retained, too: once it comes back, what was asked for before it has.
        """
        self._states.forget()
        filters = (*self._topics.states, self._topics.status)
        answers = [code for each in filters for code in await client.subscribe(each)]
        if any(isinstance(code, ReasonCode) and code.is_failure for code in answers):
            log.warning("the broker does not let us read what it has retained: all of it is published anew")
        else:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    await self._states.until_heard(self._topics.status)
        for each in filters:
            await client.unsubscribe(each)

    async def _tell(self, client: _Client, listening: asyncio.Task[None], since: int) -> None:
        while True:
            sent = await self._send_events(client)
            await self._send_status(client, since)
            if self._settings.retained:
                await self._send_states(client)
            await asyncio.wait({listening}, timeout=0 if sent == EVENTS_AT_A_TIME else POLL_S)
            if listening.done():
                listening.result()

    async def _send_events(self, client: _Client) -> int:
        """Publish what waits in the outbox; returns how many that were, EVENTS_AT_A_TIME at most."""
        waiting = await asyncio.to_thread(self._store.outbox_after, READER, EVENTS_AT_A_TIME, beyond=self._beyond)
        for portion in _portions(waiting):
            await _publish(
                client,
                [
                    Letter(
                        topic_of(each, self._topics), encoded(event(each)), self._settings.retained and is_month(each)
                    )
                    for each in portion
                ],
            )
            self._beyond = portion[-1].seq
            self._events += len(portion)
            self._acknowledged.append((self._clock.monotonic(), self._beyond))
        self._settle(self._clock.monotonic() - SETTLE_S)
        return len(waiting)

    def _settle(self, before: float) -> None:
        """Be done with what was acknowledged by then (monotonic seconds)."""
        seq = 0
        while self._acknowledged and self._acknowledged[0][0] <= before:
            _, seq = self._acknowledged.popleft()
        if seq:
            # The store may be slow to take it; until then this stands for it.
            self._done = seq
            self._store.outbox_done(READER, seq)

    async def _send_status(self, client: _Client, since: int) -> None:
        status = online(self._board(), epoch=self._epoch, since=since, degraded=self._degraded())
        if status != self._status:
            await _publish(client, [Letter(self._topics.status, encoded(status), retain=True)])
            self._status = status

    async def _send_states(self, client: _Client) -> None:
        for letters in self._states.changes(self._board()):
            await asyncio.sleep(0)  # the looks have their deadlines
            for portion in _portions(letters):
                await _publish(client, portion)
                self._states.told(portion)
                self._states_sent += len(portion)
                # A storm of states is no reason for what happened to wait.
                await self._send_events(client)

    async def _say_goodbye(self, client: _Client) -> bool:
        """Say that we end; returns whether the broker has heard it."""
        farewell = Letter(self._topics.status, encoded(offline(epoch=self._epoch, lost=False)), retain=True)
        with contextlib.suppress(TimeoutError, aiomqtt.MqttError):
            async with asyncio.timeout(FAREWELL_S):
                await _publish(client, [farewell])
                return True
        return False


async def _publish(client: _Client, letters: Sequence[Letter]) -> None:
    """Publish them in their order; comes back once the broker has acknowledged all. Raises MqttError."""
    sending = [
        client.publish(letter.topic, letter.payload, qos=1, retain=letter.retain, properties=_json(PacketTypes.PUBLISH))
        for letter in letters
    ]
    for answer in await asyncio.gather(*sending, return_exceptions=True):
        if isinstance(answer, BaseException):
            raise answer
    if client.refused is not None:
        raise RefusedError(f"the broker has refused a message: {client.refused}")


def _portions(values: Iterable[Any]) -> Iterator[list[Any]]:
    remaining = iter(values)
    while portion := list(islice(remaining, WINDOW)):
        yield portion


def _json(packet: int) -> Properties:
    """The payload is JSON (MQTT 5, §3.3.2.3.2 and §3.3.2.3.9)."""
    make: Callable[[int], Properties] = Properties  # paho does not annotate it
    properties = make(packet)
    properties.ContentType = "application/json"
    properties.PayloadFormatIndicator = 1
    return properties
