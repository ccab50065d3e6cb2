"""A whole daemon tells people of a dark village: one message, one more when it is back, also over a kill."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from probes.testing.county import County, write_ledger
from tests.e2e.site import Site, until
from tests.monitor.alerts.peers import HttpPeer, http_peer

pytestmark = pytest.mark.timeout(180)

SECRET = "geheimes-wort-7"


def settings(site: Site, peer: HttpPeer) -> None:
    """A webhook by apprise with a secret in its URL, a gateway of the county's own, and no quiet hours."""
    url = site.home / "webhook.url"
    url.write_text(f"json://{peer.url.removeprefix('http://')}/webhook?+X-Token={SECRET}\n", encoding="utf-8")
    url.chmod(0o600)
    more = f"""
[alerts]
settle_s = 5
quiet_from = 00:00:00
quiet_until = 00:00:00
[[alerts.channels]]
name = "webhook"
url_file = "webhook.url"
[[alerts.channels]]
name = "sms"
gateway = "{peer.url}/sms"
lang = "en"
"""
    site.config.write_text(site.config.read_text("utf-8") + more, encoding="utf-8")


def told(peer: HttpPeer, path: str) -> list[Any]:
    return [body for asked, _, body in peer.requests if asked.startswith(path)]


async def until_told(peer: HttpPeer, path: str, count: int) -> list[Any]:
    async def ask() -> list[Any]:
        return told(peer, path)

    return await until(f"{count} messages to {path}", ask, lambda bodies: len(bodies) >= count, within_s=60)


async def test_a_dark_village_is_one_message_and_its_return_another(tmp_path: Path) -> None:
    async with (
        http_peer() as peer,
        await County.start(wall=time.time, cameras=12, townships=2, villages=4) as county,
    ):
        site = Site.at(tmp_path / "site", county.townships())
        settings(site, peer)
        write_ledger(county.ledger(), site.home / "ledger.csv")
        await site.imported(site.home / "ledger.csv")
        village = county.plan.townships[0].villages[0]
        dark = len(county.cameras_at(village))
        async with site.daemon() as daemon:
            await daemon.until("every camera is intact", lambda board: counts(board, "intact") == 12)
            peer.status = 500  # nobody is to be reached before it is killed
            await county.inject("power_lost", village)
            await until_told(peer, "/sms", 1)
            assert await daemon.end(signal.SIGKILL) == -signal.SIGKILL
        peer.status = 200
        peer.requests.clear()
        async with site.daemon() as daemon:
            (webhook,) = await until_told(peer, "/webhook", 1)
            (sms,) = await until_told(peer, "/sms", 1)
            assert f"{dark} 台不可用" in webhook["title"]
            assert f": {dark} of" in sms["title"]
            await county.repair(village)
            await daemon.until("all are intact again", lambda board: counts(board, "intact") == 12)
            (_, back) = await until_told(peer, "/webhook", 2)
            assert back["title"].startswith("【恢复】")
            await until_told(peer, "/sms", 2)
            await asyncio.sleep(0)
            listed = await site.command("alert", "list", "--json")
            assert await daemon.end() == 0
    assert (len(told(peer, "/webhook")), len(told(peer, "/sms"))) == (2, 2)
    assert {headers["X-Token"] for path, headers, _ in peer.requests if path.startswith("/webhook")} == {SECRET}
    deliveries = json.loads(listed.out)
    assert [each["state"] for each in deliveries if each["channel"] == "webhook"] == ["sent", "sent"]
    assert SECRET not in listed.out + daemon.log.read_text("utf-8")


def counts(board: dict[str, Any], condition: str) -> int:
    return sum(camera["condition"] == condition for camera in board["cameras"].values())
