"""The decode pool: real processes that die, stall and run out of memory, one job at a time and no other with it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
import uvloop

import probes.image.pool as pool_module
from probes.image.judgement import Judged, PictureJob
from probes.image.pool import DecodePool, DecoderBugError
from tests.probes.image.pictures import Scenes

Run = Callable[[Coroutine[None, None, None]], None]


def job_of(scenes: Scenes, seed: int = 1, *, codec: str = "h264") -> PictureJob:
    return PictureJob(codec=codec, first=scenes.encode(scenes.caption(scenes.day(seed)), codec), at=1000.0)


async def busy(pool: DecodePool, pid: int, job: PictureJob) -> asyncio.Task[Judged]:
    """A job under way on a worker that was stopped before it began."""

    async def judge() -> Judged:
        return (await pool.judge(job)).judged

    os.kill(pid, signal.SIGSTOP)
    task = asyncio.create_task(judge())
    await asyncio.sleep(0)
    return task


async def test_a_picture_is_judged_by_a_worker(pool: DecodePool, scenes: Scenes, codec: str) -> None:
    judgement = await pool.judge(job_of(scenes, codec=codec))
    assert (judgement.judged, judgement.width, judgement.height) == (Judged.JUDGED, 640, 360)
    assert judgement.faults == ()
    assert judgement.measures["mean"] > 60
    assert judgement.jpeg is not None
    assert judgement.jpeg.startswith(b"\xff\xd8")
    assert judgement.memory is not None
    assert judgement.memory.at == 1000.0
    again = await pool.judge(
        PictureJob(codec=codec, first=job_of(scenes, codec=codec).first, at=2000.0, memory=judgement.memory)
    )
    assert again.measures["likeness"] > 0.99
    assert again.wants_second


async def test_a_refused_picture_is_a_result(pool: DecodePool) -> None:
    judgement = await pool.judge(PictureJob(codec="h264", first=b"\x00\x00\x00\x01\x65" + bytes(50), at=0.0))
    assert judgement.judged is Judged.REFUSED
    assert judgement.said


async def test_many_jobs_share_the_workers(pool: DecodePool, scenes: Scenes) -> None:
    jobs = [job_of(scenes, seed) for seed in range(4)] * 5
    running = [asyncio.create_task(pool.judge(job)) for job in jobs]
    await asyncio.sleep(0)
    assert pool.queue_depth == len(jobs) - 2
    judgements = await asyncio.gather(*running)
    assert pool.queue_depth == 0
    assert {judgement.judged for judgement in judgements} == {Judged.JUDGED}
    # each answer belongs to its question
    hashes = [judgement.memory.hash for judgement in judgements if judgement.memory is not None]
    assert hashes == hashes[:4] * 5
    assert len(set(hashes[:4])) == 4


async def test_a_worker_killed_in_the_middle_loses_only_its_own_job(scenes: Scenes) -> None:
    async with DecodePool(2, job_limit_s=20) as pool:
        victim, other = pool.pids
        first, second = job_of(scenes, 1), job_of(scenes, 2)
        # both workers are stopped, so that it is known which job is where
        os.kill(other, signal.SIGSTOP)
        doomed = await busy(pool, victim, first)
        spared = asyncio.create_task(pool.judge(second))
        queued = [asyncio.create_task(pool.judge(first)) for _ in range(4)]
        await asyncio.sleep(0)
        os.kill(victim, signal.SIGKILL)
        os.kill(other, signal.SIGCONT)
        lost = {await doomed, (await spared).judged}
        assert lost == {Judged.DIED, Judged.JUDGED}
        assert {judgement.judged for judgement in await asyncio.gather(*queued)} == {Judged.JUDGED}
        await _until(lambda: len(pool.pids) == 2)
        assert victim not in pool.pids
        assert other in pool.pids


async def test_a_stalled_worker_is_replaced(scenes: Scenes) -> None:
    async with DecodePool(1, job_limit_s=0.5, wait_limit_s=30) as pool:
        (stalled,) = pool.pids
        doomed = await busy(pool, stalled, job_of(scenes))
        waiting = asyncio.create_task(pool.judge(job_of(scenes, 2)))
        assert await doomed is Judged.STALLED
        assert (await waiting).judged is Judged.JUDGED
        assert not psutil.pid_exists(stalled)


async def test_a_job_that_finds_no_worker_in_time_is_given_back(scenes: Scenes) -> None:
    async with DecodePool(1, job_limit_s=20, wait_limit_s=0.1) as pool:
        (pid,) = pool.pids
        under_way = await busy(pool, pid, job_of(scenes))
        judgement = await pool.judge(job_of(scenes))
        assert (judgement.judged, judgement.said) == (Judged.STALLED, "no decoder became free")
        os.kill(pid, signal.SIGCONT)
        assert await under_way is Judged.JUDGED


async def test_a_picture_too_large_for_its_memory_costs_one_worker(scenes: Scenes) -> None:
    large = np.asarray(cv2.resize(scenes.day(1), (4096, 2304)), np.uint8)
    bomb = PictureJob(codec="hevc", first=scenes.encode(large, "hevc"), at=0.0)
    async with DecodePool(1, memory_mib=14, wait_limit_s=30, job_limit_s=20) as pool:
        (pid,) = pool.pids
        assert (await pool.judge(bomb)).judged is Judged.DIED
        assert (await pool.judge(job_of(scenes))).judged is Judged.JUDGED
        assert pid not in pool.pids


async def test_a_cancelled_caller_leaves_the_next_answer_right(scenes: Scenes) -> None:
    async with DecodePool(1, job_limit_s=20, wait_limit_s=20) as pool:
        (pid,) = pool.pids
        abandoned = await busy(pool, pid, job_of(scenes, 1))
        await asyncio.sleep(0)
        abandoned.cancel()
        next_one = asyncio.create_task(pool.judge(job_of(scenes, 2)))
        await asyncio.sleep(0)
        os.kill(pid, signal.SIGCONT)
        judgement = await next_one
        assert judgement.memory is not None
        expected = await pool.judge(job_of(scenes, 2))
        assert expected.memory is not None
        assert judgement.memory.hash == expected.memory.hash
        assert pool.pids == (pid,)


async def test_a_bug_in_a_worker_is_raised_with_its_traceback(pool: DecodePool) -> None:
    with pytest.raises(DecoderBugError, match="UnknownCodecError"):
        await pool.judge(PictureJob(codec="no such codec", first=b"", at=0.0))


async def test_an_answer_that_nobody_foresaw_costs_one_job_and_no_worker(
    scenes: Scenes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(header: object, blobs: object) -> None:
        raise ZeroDivisionError

    async with DecodePool(1, wait_limit_s=30) as pool:
        with monkeypatch.context() as broken:
            broken.setattr(pool_module, "parse_judgement", stumble)
            with pytest.raises(ZeroDivisionError):
                await pool.judge(job_of(scenes))
        assert (await pool.judge(job_of(scenes))).judged is Judged.JUDGED


async def test_a_worker_is_renewed_after_its_share_of_jobs(scenes: Scenes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "JOBS_PER_WORKER", 2)
    async with DecodePool(1, wait_limit_s=30) as pool:
        (pid,) = pool.pids
        for _ in range(3):
            assert (await pool.judge(job_of(scenes))).judged is Judged.JUDGED
        assert pid not in pool.pids


async def test_a_closed_pool_leaves_no_process_and_takes_no_job(scenes: Scenes) -> None:
    pool = DecodePool(2, job_limit_s=20)
    await pool.start()
    pids = pool.pids
    under_way = [await busy(pool, pid, job_of(scenes)) for pid in pids]
    await asyncio.sleep(0)
    await pool.close()
    for task in under_way:
        with pytest.raises(RuntimeError, match="closed"):
            await task
    assert not any(psutil.pid_exists(pid) for pid in pids)
    with pytest.raises(RuntimeError, match="closed"):
        await pool.judge(job_of(scenes))
    await pool.close()


async def test_a_pool_that_is_closed_while_it_replaces_a_worker_waits_for_its_end(scenes: Scenes) -> None:
    pool = DecodePool(1, job_limit_s=0.2)
    await pool.start()
    (worker,) = pool._workers
    os.kill(worker.process.pid, signal.SIGSTOP)
    assert (await pool.judge(job_of(scenes))).judged is Judged.STALLED
    assert worker.process.returncode is None, "it has been told to end just now"
    await pool.close()
    assert worker.process.returncode == -signal.SIGKILL


async def test_workers_that_cannot_start_are_said_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(RuntimeError, match="did not start"):
        await DecodePool(2).start()


def test_a_pool_has_workers() -> None:
    with pytest.raises(ValueError, match="at least one"):
        DecodePool(0)


async def test_a_worker_is_modest(pool: DecodePool) -> None:
    for pid in pool.pids:
        process = psutil.Process(pid)
        assert process.nice() >= 5
        assert process.num_threads() == 1
        assert os.getsid(pid) == pid
        assert process.memory_info().rss < 200 * 1024 * 1024


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_it_works_on_either_loop(scenes: Scenes, run: Run) -> None:
    async def judge_and_kill() -> None:
        async with DecodePool(1, wait_limit_s=30) as pool:
            assert (await pool.judge(job_of(scenes))).judged is Judged.JUDGED
            os.kill(pool.pids[0], signal.SIGKILL)
            await pool.judge(job_of(scenes))
            assert (await pool.judge(job_of(scenes))).judged is Judged.JUDGED

    run(judge_and_kill())


def test_a_worker_ends_with_its_pool(scenes: Scenes) -> None:
    """Even when the daemon is killed: the pipe's end is the worker's end."""

    async def orphan() -> int:
        pool = DecodePool(1)
        await pool.start()
        (worker,) = pool._workers
        assert worker.process.stdin is not None
        worker.process.stdin.close()
        await worker.process.wait()
        code = worker.process.returncode
        await pool.close()
        assert code is not None
        return code

    assert asyncio.run(orphan()) == 0


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)
