"""A county's own HTTP gateway: for isolated networks, where an SMS or message server is all there is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from monitor.alerts.channel import ChannelError, DeliveryError, Letter, read_secret
from monitor.config.alerting import ChannelEntry
from monitor.config.body import Body, BodyError
from monitor.secrets import redact

ANSWER_READ = 4096
"""So many bytes of an answer are read: enough for a code and a reason."""

SMS_LONGEST = 1500
"""Where config.toml names no length: about 500 Chinese characters, as many as gateways put into one long SMS."""

HOPELESS = frozenset({400, 405, 413, 415, 422})
"""Statuses that say that this very letter is wrong. Others (a login, a path) may be put right within hours."""


class Gateway:
    """Sends each letter as one HTTP request with a JSON body made of the channel's template."""

    def __init__(self, entry: ChannelEntry, *, county: str, credentials: Path | None = None) -> None:
        """Raises ChannelError when the file of headers cannot be used."""
        self._entry = entry
        self._county = county
        self._body = Body(entry.body)
        self._headers = _headers(entry, credentials)
        self._session: aiohttp.ClientSession | None = None

    @property
    def longest(self) -> int:
        """As config.toml says."""
        return self._entry.longest or SMS_LONGEST

    async def send(self, letter: Letter, *, deadline_s: float) -> None:
        """Raises DeliveryError."""
        try:
            body = self._body.render(
                {
                    "title": letter.title,
                    "text": letter.text,
                    "kind": letter.kind,
                    "at": letter.at,
                    "county": self._county,
                    "channel": self._entry.name,
                    "recipients": self._entry.recipients,
                }
            )
        except BodyError as error:
            raise DeliveryError(f"the template made no body: {error}", permanent=True) from None
        try:
            async with asyncio.timeout(deadline_s):
                await self._ask(body)
        except TimeoutError:
            raise DeliveryError(f"no answer within {deadline_s:g} s") from None
        except aiohttp.ClientError as error:
            raise DeliveryError(f"{type(error).__name__}: {error}") from None

    async def close(self) -> None:
        """Let go of connections."""
        if self._session is not None:
            await self._session.close()

    async def _ask(self, body: bytes) -> None:
        if self._session is None:
            # Redirects and proxies would carry the county's alerts to somebody whom config.toml doesn't name.
            self._session = aiohttp.ClientSession(headers=self._headers, auto_decompress=False, trust_env=False)
        asked = self._session.request(self._entry.method, self._entry.gateway, data=body, allow_redirects=False)
        async with asked as answer:
            said = (await answer.content.read(ANSWER_READ)).decode("utf-8", "replace")
            if not 200 <= answer.status < 300:
                raise DeliveryError(f"HTTP {answer.status} {said}", permanent=answer.status in HOPELESS)
            if self._entry.taken not in said:
                raise DeliveryError(f"HTTP {answer.status}, but the answer lacks {self._entry.taken!r}: {said}")


def _headers(entry: ChannelEntry, credentials: Path | None) -> Mapping[str, str]:
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "xunjian"}
    if not entry.headers_file:
        return headers
    for line in read_secret(Path(entry.headers_file), credentials).splitlines():
        name, colon, value = line.partition(":")
        if not colon or not name.strip() or not name.isascii():
            raise ChannelError(
                f"通道“{entry.name}”的 headers_file 每行应为 名称: 值",
                f'each line of headers_file of the channel "{entry.name}" should be Name: value',
            )
        redact.learn(value.strip())
        headers[name.strip()] = value.strip()
    return headers
