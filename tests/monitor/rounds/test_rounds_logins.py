"""Logins are tried small, held after a refusal, and nobody waits for one for ever."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from monitor.core.fleet import Camera
from probes.observation import Credential, Depth, Outcome
from tests.monitor.rounds.county import T0, Run, Script, cameras, dead, denied, full, good, our_bug, running

KEY = Credential(id="key", username="admin", password="right")
HOLD_S = 1800


def with_login(its: list[Camera]) -> Script:
    return Script([replace(camera, credential="key") for camera in its], credentials={"key": KEY})


def broken_deep_down(depth: Depth) -> tuple[Outcome, str, bool, tuple[str, ...]]:
    return good(depth) if depth is Depth.LIGHT else our_bug(depth)


def logins(run: Run, camera: str, since: float = 0.0) -> list[int]:
    """When looks at the camera used its login."""
    return [int(asked.at) - T0 for asked in run.looker.looks_at(camera, T0 + since) if asked.depth > Depth.LIGHT]


async def test_a_refused_login_is_held_for_half_an_hour_and_believed_after_three(tmp_path: Path) -> None:
    script = with_login(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        script.answers["c001"] = denied
        await run.until(2 * HOLD_S + 600)
        tried = logins(run, "c001", since=100)
        assert len(tried) == 3
        assert all(later - earlier >= HOLD_S for earlier, later in pairwise(tried))
        light = [asked for asked in run.looker.looks_at("c001", T0 + 100) if asked.depth is Depth.LIGHT]
        assert len(light) > 60, "meanwhile it is looked at without its login"
        assert run.said("c001") == [(0, "unknown"), (0, "intact"), (tried[0], "impaired")]
        assert run.transitions("c001")[-1].fault == "unauthorized"
        (hold,) = run.store.holds()
        assert (hold.host, hold.credential, hold.refusals) == (script.cameras[0].host, "key", 3)


async def test_before_it_is_believed_a_refused_login_keeps_its_condition(tmp_path: Path) -> None:
    script = with_login(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        script.answers["c001"] = denied
        await run.until(2 * HOLD_S)
        assert run.said("c001") == [(0, "unknown"), (0, "intact")]
        assert run.rounds.board.cameras["c001"].doubt is not None


async def test_a_restart_keeps_the_hold(tmp_path: Path) -> None:
    script = with_login(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        script.answers["c001"] = denied
        await run.until(700)
        (refused,) = logins(run, "c001", since=100)
    async with running(script, tmp_path, at=800, boot="second") as run:
        await run.until(refused + HOLD_S - 5)
        assert logins(run, "c001") == []
        assert run.looker.looks_at("c001") != []
        await run.until(refused + HOLD_S + 400)
        assert len(logins(run, "c001")) == 1


async def test_an_accepted_login_ends_the_hold(tmp_path: Path) -> None:
    script = with_login(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        script.answers["c001"] = denied
        await run.until(700)
        script.answers["c001"] = good
        await run.until(3000)
        assert run.store.holds() == ()
        assert run.said("c001") == [(0, "unknown"), (0, "intact")]


async def test_a_changed_credential_is_tried_at_once(tmp_path: Path) -> None:
    script = with_login(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        script.answers["c001"] = denied
        await run.until(700)
        assert run.store.holds() != ()
        script.answers["c001"] = good
        script.credentials["key"] = replace(KEY, password="new")
        script.change()
        await run.until(720)
        assert run.store.holds() == ()
        assert run.looker.looks_at("c001", T0 + 700)[0].login == script.credentials["key"]
        assert run.rounds.board.cameras["c001"].doubt is None


async def test_a_refusal_of_the_old_password_says_nothing_of_the_new_one(tmp_path: Path) -> None:
    script = with_login(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        script.answers["c001"] = denied
        run.looker.took_s = lambda target, depth: 20.0
        old = run.rounds.look_now("c001", Depth.DESCRIBE)
        await run.settle()
        script.credentials["key"] = replace(KEY, password="new")
        script.answers["c001"] = good
        script.change()
        await old
        await run.settle()
        assert run.store.holds() == ()
        assert run.rounds.board.cameras["c001"].doubt is None
        run.looker.took_s = lambda target, depth: 0.3
        await run.until(200)
        assert run.looker.asked[-1].login == script.credentials["key"]


async def test_a_new_credential_is_tried_on_three_cameras_until_one_accepts_it(tmp_path: Path) -> None:
    script = with_login(cameras(40))
    script.answers.update({camera.id: denied for camera in script.cameras})
    async with running(script, tmp_path) as run:
        await run.until(1500)
        tried = {camera.id for camera in script.cameras if logins(run, camera.id)}
        assert len(tried) == 3
        assert all(len(run.looker.looks_at(camera.id)) > 20 for camera in script.cameras), "all are looked at lightly"
        assert {run.condition(camera.id) for camera in script.cameras} == {"unknown"}
        script.answers.clear()
        await run.until(2400)
        assert {run.condition(camera.id) for camera in script.cameras} == {"intact"}


async def test_when_one_accepts_it_nobody_waits_who_queued_meanwhile(tmp_path: Path) -> None:
    script = with_login(cameras(200, host="10.5.5.5"))
    async with running(script, tmp_path) as run:
        run.looker.took_s = lambda target, depth: 5.0 if depth > Depth.LIGHT else 0.3
        await run.until(600)
        assert {run.condition(camera.id) for camera in script.cameras} == {"intact"}


async def test_cameras_that_are_offline_give_their_place_in_the_trial_to_others(tmp_path: Path) -> None:
    script = with_login(cameras(20))
    script.answers.update({camera.id: dead for camera in script.cameras[:10]})
    async with running(script, tmp_path) as run:
        run.looker.took_s = lambda target, depth: 3.0
        await run.until(600)
        assert {run.condition(camera.id) for camera in script.cameras[:10]} == {"offline"}
        assert {run.condition(camera.id) for camera in script.cameras[10:]} == {"intact"}


async def test_busy_recorders_give_their_place_in_the_trial_to_others(tmp_path: Path) -> None:
    script = with_login(cameras(10))
    script.answers.update({camera.id: full for camera in script.cameras[:5]})
    async with running(script, tmp_path) as run:
        await run.until(600)
        assert {run.condition(camera.id) for camera in script.cameras[5:]} == {"intact"}


async def test_a_camera_behind_a_refused_trial_is_still_found_offline(tmp_path: Path) -> None:
    script = with_login(cameras(6))
    script.answers.update({camera.id: denied for camera in script.cameras})
    async with running(script, tmp_path) as run:
        await run.until(300)
        waiting = next(camera.id for camera in script.cameras if not logins(run, camera.id))
        script.answers[waiting] = dead
        await run.until(600)
        assert run.condition(waiting) == "offline"


async def test_cameras_that_refused_it_and_left_do_not_block_the_others(tmp_path: Path) -> None:
    script = with_login(cameras(6))
    script.answers.update({camera.id: denied for camera in script.cameras})
    async with running(script, tmp_path) as run:
        await run.until(300)
        refused = [camera.id for camera in script.cameras if logins(run, camera.id)]
        assert len(refused) == 3
        script.answers.clear()
        script.change(without=refused)
        await run.until(500)
        left = {camera.id for camera in script.cameras}
        assert {run.condition(camera) for camera in left} == {"intact"}


async def test_a_look_that_breaks_off_gives_its_login_back(tmp_path: Path) -> None:
    script = with_login(cameras(8))
    script.answers.update({camera.id: broken_deep_down for camera in script.cameras[:4]})
    async with running(script, tmp_path) as run:
        await run.until(600)
        assert {run.condition(camera.id) for camera in script.cameras[4:]} == {"intact"}


async def test_a_recorder_that_refuses_is_asked_by_one_channel_at_a_time(tmp_path: Path) -> None:
    script = with_login(cameras(32, host="10.5.5.5"))
    async with running(script, tmp_path) as run:
        await run.until(200)
        script.answers.update({camera.id: denied for camera in script.cameras})
        await run.until(200 + 7 * HOLD_S)
        tried = sorted(at for camera in script.cameras for at in logins(run, camera.id, since=200))
        burst = [at for at in tried if at <= tried[0] + 60]
        assert len(burst) <= 4, "as many as were in flight when the first one was refused"
        assert len(tried) <= len(burst) + 7
        assert {run.condition(camera.id) for camera in script.cameras} == {"impaired"}


async def test_whoever_asks_for_a_picture_of_a_held_camera_does_not_get_an_open_port_for_it(tmp_path: Path) -> None:
    script = with_login(cameras(1))
    async with running(script, tmp_path) as run:
        await run.until(100)
        script.answers["c001"] = denied
        await run.until(700)
        observations, look = await run.rounds.look_now("c001", Depth.PICTURE)
        assert observations[0].depth is Depth.LIGHT
        assert (look.condition.value, look.cause) == ("unknown", "held")
        assert run.condition("c001") == "intact"


async def test_cameras_that_refused_it_and_got_another_do_not_block_the_others(tmp_path: Path) -> None:
    script = with_login(cameras(6))
    script.credentials["other"] = Credential(id="other", username="admin", password="other")
    script.answers.update({camera.id: denied for camera in script.cameras})
    async with running(script, tmp_path) as run:
        await run.until(300)
        refused = [camera for camera in script.cameras if logins(run, camera.id)]
        assert len(refused) == 3
        script.answers.clear()
        script.answers.update({camera.id: denied for camera in refused})
        script.change(*(replace(camera, credential="other") for camera in refused))
        await run.until(500)
        others = {camera.id for camera in script.cameras} - {camera.id for camera in refused}
        assert {run.condition(camera) for camera in others} == {"intact"}
