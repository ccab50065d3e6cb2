"""What the rounds find is told once, in the transaction that records it, over restarts too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from monitor.core.fleet import Registration, Township
from monitor.core.message import MessageKind
from monitor.mqtt.documents import event, schema
from monitor.store import Numbered, Round, RoundKind, Store
from probes.observation import Depth
from tests.monitor.rounds.county import T0, Run, Script, cameras, dead, no_stream, running, ways

EVENT = Draft202012Validator(schema("event"))
OUTAGE = (MessageKind.OUTAGE_OPENED, MessageKind.OUTAGE_CHANGED, MessageKind.OUTAGE_CLOSED)
CAUSE = (MessageKind.CAUSE_OPENED, MessageKind.CAUSE_CHANGED, MessageKind.CAUSE_CLOSED)
GAP = (MessageKind.GAP_BEGAN, MessageKind.GAP_ENDED)

Told = list[tuple[MessageKind, dict[str, Any]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a store lies whose outbox is read."""
    with Store.open(f"sqlite:///{tmp_path / 'xunjian.db'}", at=T0 - 1) as store:
        store.begin_outbox(["mqtt"])
    return tmp_path


def told(run: Run, *kinds: MessageKind) -> Told:
    """The messages so far, each as its schema says, numbered without a hole."""
    found: list[Numbered] = list(run.store.outbox_after("mqtt", 10_000))
    for numbered in found:
        EVENT.validate(event(numbered))
    assert [numbered.seq for numbered in found] == list(range(1, len(found) + 1))
    return [(each.message.kind, dict(each.message.body)) for each in found if each.message.kind in kinds]


async def test_an_outage_is_told_when_it_opens_changes_and_closes(folder: Path) -> None:
    script = Script(cameras(1))
    async with running(script, folder) as run:
        await run.until(300)
        script.answers["c001"] = no_stream
        await run.until(900)
        script.answers["c001"] = dead
        await run.until(1500)
        script.answers.clear()
        await run.until(2600)
        since = {condition: at for at, condition in run.said("c001")}
        (opened, first), (changed, second), (closed, third) = told(run, *OUTAGE)
    assert (opened, changed, closed) == OUTAGE
    assert (first["condition"], first["fault"]) == ("impaired", "no_stream")
    assert first["began"] == first["since"] == since["impaired"] + T0
    assert first["witnesses"] == {"canary": "ok", "10.0.0.1:80": "ok"}
    assert (second["condition"], second["began"], second["since"]) == (
        "offline",
        first["began"],
        since["offline"] + T0,
    )
    assert second["before"] == {"condition": "impaired", "fault": "no_stream"}
    assert (third["condition"], third["why"]) == ("offline", "intact")
    assert third["duration_s"] == third["ended"] - first["began"] == since["intact"] + T0 - first["began"]


async def test_a_restart_in_an_outage_tells_it_neither_again_nor_closed(folder: Path) -> None:
    script = Script(cameras(2))
    async with running(script, folder) as run:
        await run.until(300)
        script.answers["c001"] = dead
        await run.until(600)
    async with running(script, folder, at=900, boot="second") as run:
        await run.until(1500)
        assert [kind for kind, _ in told(run, *OUTAGE)] == [MessageKind.OUTAGE_OPENED]
        assert told(run, MessageKind.MONITOR_STARTED)[-1][1]["covered_until"] <= T0 + 600
        script.answers.clear()
        await run.until(2500)
        (_, opened), (kind, closed) = told(run, *OUTAGE)
    assert (kind, closed["began"]) == (MessageKind.OUTAGE_CLOSED, opened["began"])


async def test_a_camera_that_leaves_in_an_outage_closes_it(folder: Path) -> None:
    script = Script(cameras(2))
    async with running(script, folder) as run:
        await run.until(300)
        script.answers["c001"] = dead
        await run.until(600)
        script.change(without=["c001"])
        await run.until(620)
        assert [(kind, body.get("why")) for kind, body in told(run, *OUTAGE)] == [
            (MessageKind.OUTAGE_OPENED, None),
            (MessageKind.OUTAGE_CLOSED, "left"),
        ]


async def test_a_camera_that_left_while_nobody_looked_closes_its_outage_once(folder: Path) -> None:
    script = Script(cameras(2))
    async with running(script, folder) as run:
        await run.until(300)
        script.answers["c001"] = dead
        await run.until(600)
    script.change(replace(script.cameras[0], registration=Registration.RETIRED))
    for start in (900, 1200):
        async with running(script, folder, at=start, boot=str(start)) as run:
            await run.until(start + 60)
            assert [(kind, body.get("why")) for kind, body in told(run, *OUTAGE)] == [
                (MessageKind.OUTAGE_OPENED, None),
                (MessageKind.OUTAGE_CLOSED, "left"),
            ]
            assert run.store.last_transitions()["c001"].condition == "unknown"


async def test_a_common_cause_is_told_and_one_that_is_taken_up_is_no_recovery(folder: Path) -> None:
    fleet = [*cameras(3, host="10.3.3.3", village="v"), *cameras(6, start=4, village="v")]
    script = Script([*fleet, *cameras(20, start=50)])
    async with running(script, folder) as run:
        await run.until(300)
        script.answers.update({camera.id: dead for camera in fleet[:3]})
        await run.until(480)
        script.answers.update({camera.id: dead for camera in fleet})
        await run.until(780)
        script.answers.clear()
        await run.until(1800)
        causes = told(run, *CAUSE)
    recorder = [(kind, body) for kind, body in causes if body["kind"] == "recorder"]
    village = [(kind, body) for kind, body in causes if body["kind"] == "village"]
    assert [kind for kind, _ in recorder] == [MessageKind.CAUSE_OPENED, MessageKind.CAUSE_CLOSED]
    assert recorder[-1][1]["taken_up_by"] == village[0][1]["id"]
    assert (village[0][0], village[-1][0]) == (MessageKind.CAUSE_OPENED, MessageKind.CAUSE_CLOSED)
    assert village[-1][1]["taken_up_by"] is None
    assert len({body["id"] for _, body in village}) == 1


async def test_an_event_that_goes_on_over_a_restart_is_opened_once(folder: Path) -> None:
    script = Script(cameras(6, village="v"))
    async with running(script, folder) as run:
        await run.until(300)
        script.answers.update({camera.id: dead for camera in script.cameras})
        await run.until(900)
        before = told(run, *CAUSE)
    async with running(script, folder, at=1200, boot="second") as run:
        await run.until(1800)
        assert told(run, *CAUSE) == before
    assert [kind for kind, _ in before].count(MessageKind.CAUSE_OPENED) == 1


async def test_our_own_blindness_is_told_when_it_begins_and_ends_and_blames_nobody(folder: Path) -> None:
    script = Script(cameras(2))
    async with running(script, folder) as run:
        await run.until(300)
        script.down.update(script.witnesses)
        script.answers.update({camera.id: dead for camera in script.cameras})
        await run.until(600)
        script.down.clear()
        script.answers.clear()
        await run.until(900)
        (began, first), (ended, second) = told(run, *GAP)
        assert told(run, *OUTAGE) == []
    assert (began, ended) == GAP
    assert first == {"began": first["began"], "cause": "ours", "reason": "witnesses", "township": None}
    assert (second["began"], second["duration_s"]) == (first["began"], second["ended"] - first["began"])


async def test_a_gap_that_a_killed_run_left_open_is_ended_by_the_next(folder: Path) -> None:
    script = Script(cameras(1))
    async with running(script, folder) as run:
        await run.until(300)
        script.down.update(script.witnesses)
        await run.until(400)
    script.down.clear()
    async with running(script, folder, at=900, boot="second") as run:
        await run.until(930)
        (_, first), (kind, second) = told(run, *GAP)
    assert (kind, second["began"], second["ended"]) == (MessageKind.GAP_ENDED, first["began"], T0 + 900)


async def test_an_outage_decided_while_the_link_was_excused_is_annulled(folder: Path) -> None:
    script = Script(cameras(2), [Township(code="t1", name="t1", witness="10.9.9.9")])
    async with running(script, folder, by=replace(ways(), excuse_links=True)) as run:
        await run.until(300)
        script.down.add("10.9.9.9")
        script.answers["c001"] = dead
        await run.until(700)
        script.down.clear()
        await run.until(740)
        assert [(kind, body.get("why")) for kind, body in told(run, *OUTAGE)] == [
            (MessageKind.OUTAGE_OPENED, None),
            (MessageKind.OUTAGE_CLOSED, "annulled"),
        ]


async def test_a_store_that_could_not_write_is_told_of_once_it_can(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    degraded = (MessageKind.STORE_DEGRADED, MessageKind.STORE_RECOVERED)
    async with running(Script(cameras(1)), folder) as run:
        await run.until(60)
        assert told(run, *degraded) == []
        failing = replace(run.store.health(), degraded_for_s=5.0, reason="database or disk is full")
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(run.store, "health", lambda: failing)
            await run.until(90)
        await run.until(120)
        assert told(run, *degraded) == [
            (MessageKind.STORE_DEGRADED, {"reason": "database or disk is full"}),
            (MessageKind.STORE_RECOVERED, {}),
        ]


async def test_a_round_is_told_when_it_is_over(folder: Path) -> None:
    async with running(Script(cameras(1)), folder) as run:
        await run.until(60)
        begun = Round(number=7, kind=RoundKind.MANUAL, depth=Depth.PICTURE, started=T0 + 10)
        run.clerk.write(rounds=(begun,))
        run.clerk.write(rounds=(replace(begun, ended=T0 + 50, counts={"intact": 1}),))
        assert told(run, MessageKind.ROUND_ENDED) == [
            (
                MessageKind.ROUND_ENDED,
                {
                    "number": 7,
                    "kind": "manual",
                    "depth": "picture",
                    "started": T0 + 10,
                    "ended": T0 + 50,
                    "counts": {"intact": 1},
                    "void": None,
                },
            )
        ]
