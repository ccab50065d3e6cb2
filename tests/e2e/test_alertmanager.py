"""A real Alertmanager with our settings: who is told, once for one cause, and what is held back meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.deploy.rules import alerts
from tests.e2e.alertmanager_server import PROGRAM, Gateways, alertmanager, gateways

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.real_peer,
    pytest.mark.skipif(PROGRAM is None, reason="needs the Debian package prometheus-alertmanager"),
]


def alert(name: str, /, **labels: str) -> dict[str, Any]:
    """An alert as Prometheus would post it."""
    rule = alerts()[name]
    return {
        "labels": {"alertname": name, **rule["labels"], **labels},
        "annotations": {
            "summary": f"{labels.get('township_name', '')}{labels.get('name', name)}",
            "description": rule["annotations"]["description"],
            "runbook_url": rule["annotations"]["runbook_url"],
        },
        "startsAt": datetime.now(UTC).isoformat(),
    }


def camera(number: int, township: str, village: str, *, name: str = "XunjianKeyPointDown") -> dict[str, Any]:
    here = {"township": township, "township_name": f"{township}镇", "village": village}
    return alert(name, camera=str(number), name=f"{village}{number}号", **here)


def outage(township: str, kind: str, village: str) -> dict[str, Any]:
    return alert(
        "XunjianMassOutage", township=township, kind=kind, village=village, place=village, event=kind + village
    )


def storm() -> list[dict[str, Any]]:
    """A village without power, a broken link with a village behind it, single cameras, a clock set back."""
    return [
        outage("一", "village", "柳树村"),
        *(camera(number, "一", "柳树村") for number in range(3)),
        camera(10, "一", "前进村"),
        camera(11, "一", "前进村"),
        outage("二", "link", "二镇"),
        outage("二", "village", "石门村"),
        *(camera(number, "二", "石门村") for number in range(20, 23)),
        camera(30, "三", "高庙村", name="XunjianCameraDown"),
        alert("XunjianClockStepped", direction="back"),
    ]


async def post(address: str, posted: list[dict[str, Any]]) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://{address}/api/v2/alerts", json=posted) as response,
    ):
        assert response.status == 200, await response.text()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateways]:
    """What is told of a storm, and then of the monitor being down while it goes on."""
    async with gateways() as taken, alertmanager(taken.url, tmp_path_factory.mktemp("alertmanager")) as address:
        await post(address, storm())
        await taken.until_posted("duty", "XunjianMassOutage")
        await taken.until_posted("duty", "XunjianKeyPointDown")
        await taken.until_posted("digest", "XunjianCameraDown")
        await taken.until_posted("administrator", "XunjianClockStepped")
        await post(address, [alert("XunjianDown", job="xunjian")])
        await taken.until_posted("administrator", "XunjianDown")
        await post(address, [camera(40, "四", "张家村"), alert("XunjianStoreFailing", job="xunjian")])
        # A group is told at most once a second, so the third message is at least a second younger than those alerts.
        for times in (2, 3):
            await post(address, [alert("XunjianDown", job="xunjian", instance=str(times))])
            await taken.until_posted("administrator", "XunjianDown", times=times)
        yield taken


async def test_all_outages_are_one_message_to_the_duty_officer(told: Gateways) -> None:
    (message,) = [each for each in told.posted["duty"] if each["commonLabels"]["alertname"] == "XunjianMassOutage"]
    assert {(each["labels"]["township"], each["labels"]["kind"]) for each in message["alerts"]} == {
        ("一", "village"),
        ("二", "link"),
    }


async def test_a_village_behind_a_broken_link_is_held_back(told: Gateways) -> None:
    assert "石门村" not in {each["labels"]["village"] for each in told.alerts("XunjianMassOutage")}


async def test_cameras_of_a_dark_village_or_link_are_held_back_and_those_beside_it_are_told(told: Gateways) -> None:
    assert {each["labels"]["camera"] for each in told.alerts("XunjianKeyPointDown")} == {"10", "11"}


async def test_key_points_of_a_township_are_one_message_that_people_can_read(told: Gateways) -> None:
    (shown,) = [text for text in told.shown if "前进村" in text]
    assert shown.startswith("【紧急】一镇 2 条\n· 一镇前进村10号（")
    assert "一镇前进村11号（" in shown
    assert shown.endswith("处置：http://127.0.0.1:8420/help/alerts/XunjianKeyPointDown")


async def test_each_hears_what_concerns_him(told: Gateways) -> None:
    heard = {
        receiver: {each["labels"]["alertname"] for message in messages for each in message["alerts"]}
        for receiver, messages in told.posted.items()
    }
    assert heard == {
        "duty": {"XunjianMassOutage", "XunjianKeyPointDown"},
        "digest": {"XunjianCameraDown"},
        "administrator": {"XunjianClockStepped", "XunjianDown"},
    }


async def test_while_the_monitor_is_down_nothing_else_is_told(told: Gateways) -> None:
    assert told.alerts("XunjianStoreFailing") == []
    assert "40" not in {each["labels"]["camera"] for each in told.alerts("XunjianKeyPointDown")}
