"""What stands around the program: the running daemon's page, Prometheus, broker, certificates. Each is asked once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from cryptography import x509

from monitor.config import Config, files_named
from monitor.doctor.finding import Finding, Level, finding
from monitor.doctor.network import Answer, Door, reach

PATIENCE = aiohttp.ClientTimeout(total=5)
ANSWER_AT_MOST = 2**24
SCRAPED_WITHIN_S = 300
EXPIRES_WITHIN_DAYS = 30
DAY_S = 86_400
CERTIFICATES = ("ca_file", "cert_file")
"""Settings that name one."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A peer that gave no usable answer, and why."""

    why: str


def offsets_of_cameras(config: Config) -> list[float]:
    """The cameras' clocks less ours, in seconds, as the running daemon knows them; empty without one."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.web.host, config.web.host)  # noqa: S104 - not bound
    netloc = f"[{host}]" if ":" in host else host
    board = asyncio.run(_ask(f"http://{netloc}:{config.web.port}/api/board.json"))
    if not isinstance(board, dict):
        return []
    found = (each.get("clock_offset_s") for each in board.get("cameras", ()) if isinstance(each, dict))
    return [float(offset) for offset in found if isinstance(offset, int | float)]


def prometheus(config: Config, now: float) -> Iterator[Finding]:
    """Whether the configured Prometheus has scraped us lately."""
    if not (url := config.metrics.prometheus):
        return
    query = "max(timestamp(xunjian_build_info))"
    answer = asyncio.run(_ask(f"{url.rstrip('/')}/api/v1/query", {"query": query}))
    if isinstance(answer, Unanswered):
        yield finding(
            "prometheus",
            f"Prometheus {url} 没有应答（{answer.why}）",
            f"Prometheus at {url} gives no answer ({answer.why})",
            Level.BROKEN,
        )
        return
    scraped = _value_in(answer)
    if scraped is None or now - scraped > SCRAPED_WITHIN_S:
        yield finding(
            "prometheus",
            f"Prometheus {url} 没有在采集本程序：请检查 scrape_configs 和防火墙",
            f"Prometheus at {url} does not scrape us: check its scrape_configs and the firewall",
            Level.BROKEN,
        )
        return
    yield finding(
        "prometheus",
        f"Prometheus {max(0, now - scraped):.0f} 秒前采集过本程序",
        f"Prometheus has scraped us {max(0, now - scraped):.0f} s ago",
    )


def certificates(config: Config, now: float) -> Iterator[Finding]:
    """Every certificate that the settings name: whether it can be read, and how long it is good."""
    named = {path for setting, path in files_named(config).items() if setting.endswith(CERTIFICATES)}
    for path in sorted(named):
        yield _certificate(path, now)


def broker(config: Config) -> Iterator[Finding]:
    """Whether anything listens where the settings say that the MQTT broker is."""
    if not (host := config.mqtt.host):
        return
    door = Door(host=host, port=config.mqtt.port, purpose="mqtt")
    (reached,) = asyncio.run(reach([door]))
    said = next((answer for _, answer in reached.closed), Answer.OPEN)
    is_open = said is Answer.OPEN
    yield finding(
        "mqtt",
        f"MQTT 服务器 {host}:{door.port} " + ("可以连接" if is_open else f"连接不上（{said}）"),
        f"the MQTT broker at {host}:{door.port} " + ("can be reached" if is_open else f"cannot be reached ({said})"),
        Level.FINE if is_open else Level.BROKEN,
    )


def _certificate(path: Path, now: float) -> Finding:
    try:
        ends = min(each.not_valid_after_utc.timestamp() for each in x509.load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "PEM"
        return finding(
            "certificate",
            f"证书 {path} 不能读取（{why}）",
            f"the certificate {path} cannot be read ({why})",
            Level.BROKEN,
        )
    left = (ends - now) / DAY_S
    if left <= 0:
        return finding(
            "certificate",
            f"证书 {path} 已过期 {-left:.0f} 天",
            f"{path} has expired {-left:.0f} days ago",
            Level.BROKEN,
        )
    return finding(
        "certificate",
        f"证书 {path} 还有 {left:.0f} 天到期",
        f"the certificate {path} is good for {left:.0f} days",
        Level.WARNING if left < EXPIRES_WITHIN_DAYS else Level.FINE,
    )


def _value_in(answer: object) -> float | None:
    """The number in the answer to an instant query (Prometheus HTTP API, resultType "vector")."""
    try:
        result: Any = answer
        return float(result["data"]["result"][0]["value"][1])
    except (LookupError, TypeError, ValueError):
        return None


async def _ask(url: str, parameters: dict[str, str] | None = None) -> object:
    """One JSON document, or why there is none. Never more than ANSWER_AT_MOST bytes of it."""
    try:
        async with (
            # What is not inflated here must not be asked for deflated.
            aiohttp.ClientSession(
                timeout=PATIENCE, auto_decompress=False, headers={"Accept-Encoding": "identity"}
            ) as session,
            session.get(url, params=parameters, allow_redirects=False) as response,
        ):
            if response.status != 200:
                return Unanswered(f"HTTP {response.status}")
            content = await response.content.read(ANSWER_AT_MOST)
            while chunk := await response.content.read(ANSWER_AT_MOST):
                content += chunk
                if len(content) > ANSWER_AT_MOST:
                    return Unanswered("too long")
            return json.loads(content)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        return Unanswered(type(error).__name__)
