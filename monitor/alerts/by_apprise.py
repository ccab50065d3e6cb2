"""WeCom, DingTalk, Feishu, mail, webhooks and a hundred other services, by apprise.

apprise blocks, so every letter is sent in a thread of its own, which the end of the program does not wait for. It
answers yes or no and logs why: what it logs in that thread is the reason. Two of its services take any HTTP 200 for a
yes, although WeCom and DingTalk refuse with one; their answers are read here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apprise

from monitor.alerts.channel import ChannelError, DeliveryError, Letter, read_secret
from monitor.config.alerting import ChannelEntry
from monitor.secrets import redact

LONGEST_IN_CHAT = 18_000
"""Bytes that DingTalk and Feishu take with some room for what is around the text; both allow 20 kB."""

ERRCODE_SERVICES = ("wecombot", "dingtalk")
"""Services whose refusals are ``{"errcode": 93000, "errmsg": "…"}`` within an HTTP 200."""


class AppriseChannel:
    """One service of apprise, by the URL in the channel's file."""

    def __init__(self, entry: ChannelEntry, *, credentials: Path | None = None) -> None:
        """Raises ChannelError when the file or the URL in it cannot be used. Blocks while apprise is loaded."""
        url = read_secret(Path(entry.url_file), credentials)
        redact.learn(url)
        _listen_to_apprise()
        service = apprise.Apprise.instantiate(url, asset=_asset()) if "\n" not in url else None
        if service is None:
            raise ChannelError(
                f"通道“{entry.name}”的 url_file 中应有一行 apprise 地址，例如 wecombot://密钥",
                f'url_file of the channel "{entry.name}" should hold one apprise URL such as wecombot://KEY',
            )
        _learn_secrets(service)
        self._service = service
        self._longest = entry.longest
        self._sending = threading.Lock()
        if service.secure_protocol in ERRCODE_SERVICES:
            _read_answers_of(type(service))

    @property
    def longest(self) -> int:
        """As config.toml says, else what the service takes. Its limits are meant as bytes where bytes matter."""
        return self._longest or min(int(self._service.body_maxlen), LONGEST_IN_CHAT)

    async def send(self, letter: Letter, *, deadline_s: float) -> None:
        """Raises DeliveryError; also while an earlier letter is still on its way past its deadline."""
        if not self._sending.acquire(blocking=False):
            raise DeliveryError("an earlier letter is still on its way")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[tuple[bool, str]] = loop.create_future()
        arguments = (letter, deadline_s, loop, answer)
        threading.Thread(target=self._deliver, args=arguments, name="alert", daemon=True).start()
        try:
            async with asyncio.timeout(deadline_s):
                taken, why = await answer
        except TimeoutError:
            raise DeliveryError(f"no answer within {deadline_s:g} s") from None
        if not taken:
            raise DeliveryError(why or "refused without a reason")

    async def close(self) -> None:
        """Nothing is kept open between letters."""

    def _deliver(
        self,
        letter: Letter,
        deadline_s: float,
        loop: asyncio.AbstractEventLoop,
        answer: asyncio.Future[tuple[bool, str]],
    ) -> None:
        said: tuple[bool, str]
        try:
            # A connection and a reply may take half of the time each, so that the thread ends soon after it.
            self._service.socket_connect_timeout = self._service.socket_read_timeout = max(1.0, deadline_s / 2)
            with _overheard() as complaints:
                taken = self._service.notify(
                    title=letter.title, body=letter.text, body_format=apprise.NotifyFormat.TEXT
                )
            said = bool(taken) and not complaints, "; ".join(complaints)
        except Exception as error:  # noqa: BLE001 - whatever a service of apprise raises is a refusal
            said = False, f"{type(error).__name__}: {error}"
        finally:
            self._sending.release()
        with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits for the answer
            loop.call_soon_threadsafe(_answer, answer, said)


def _answer(answer: asyncio.Future[tuple[bool, str]], said: tuple[bool, str]) -> None:
    if not answer.done():
        answer.set_result(said)


def _asset() -> apprise.AppriseAsset:
    """No plugins of other people, no redirects, nothing on the disk, and no advertisement."""
    return apprise.AppriseAsset(
        app_id="xunjian",
        app_desc="巡检",
        app_url="",
        plugin_paths=[],
        storage_mode="memory",
        async_mode=False,
        http_redirects=False,
        secure_logging=True,
        allow_templates=False,
    )


def _learn_secrets(service: Any) -> None:
    for name, token in service.template_tokens.items():
        if token.get("private"):
            value = getattr(service, str(token.get("map_to", name)), None)
            if isinstance(value, str):
                redact.learn(value)
    for value in getattr(service, "headers", {}).values():
        redact.learn(str(value))


class _Ear(logging.Handler):
    """Keeps what the thread that listens has logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.thread = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        heard: list[str] | None = getattr(self.thread, "heard", None)
        if heard is not None:
            heard.append(record.getMessage())


_ear = _Ear()


def _listen_to_apprise() -> None:
    logger = logging.getLogger("apprise")
    if _ear not in logger.handlers:
        logger.addHandler(_ear)
        logger.setLevel(logging.WARNING)
        logger.propagate = False  # the dispatcher logs each refusal itself, once


@contextmanager
def _overheard() -> Iterator[list[str]]:
    heard: list[str] = []
    _ear.thread.heard = heard
    try:
        yield heard
    finally:
        _ear.thread.heard = None


class _Answers:
    """Stands in for ``requests`` in a plugin of apprise, and complains of a refusal that the plugin doesn't read."""

    def __init__(self, requests: Any) -> None:
        self._requests = requests

    def __getattr__(self, name: str) -> Any:
        return getattr(self._requests, name)

    def post(self, *arguments: Any, **named: Any) -> Any:
        answer = self._requests.post(*arguments, **named)
        with contextlib.suppress(ValueError):
            said = json.loads(answer.content)
            if isinstance(said, dict) and said.get("errcode"):
                logging.getLogger("apprise").warning("errcode %s: %s", said["errcode"], said.get("errmsg", ""))
        return answer


def _read_answers_of(service: type[Any]) -> None:
    plugin = sys.modules[service.__module__]
    if not isinstance(plugin.__dict__["requests"], _Answers):
        plugin.__dict__["requests"] = _Answers(plugin.__dict__["requests"])
