"""The decode pool: worker processes that judge pictures, so that no camera's bytes can take the daemon down.

    judge(job) ──► waits for an idle worker ──► one message there, one back ──► PictureJudgement
                                   │
                                   └─ no answer in time, or dead: killed and replaced; only that job is lost

``concurrent.futures`` will not do: the death of one of its processes fails every job of the pool.
"""

from __future__ import annotations

import asyncio
import logging
import os
import site
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from probes.image.judgement import Judged, PictureJob, PictureJudgement
from probes.image.messages import LENGTH_BYTES, MessageError, header_length, pack_job, parse_header, parse_judgement

log = logging.getLogger(__name__)

START_LIMIT_S = 60.0
"""Loading the libraries takes 0.5 s; a machine that boots may take much longer."""

JOBS_PER_WORKER = 2000
"""Then a worker is replaced: what native libraries leak stays bounded. Two rounds of 4,000 cameras need 4."""

_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class DecoderBugError(RuntimeError):
    """A worker ran into a bug of ours; the message is its traceback."""


class DecodePool:
    """``workers`` processes, each one job at a time.

    ``job_limit_s`` is the time that one job may take, ``wait_limit_s`` the time that it may wait for a worker,
    ``memory_mib`` what it may allocate.
    """

    def __init__(
        self, workers: int = 2, *, job_limit_s: float = 5.0, wait_limit_s: float = 8.0, memory_mib: int = 768
    ) -> None:
        if workers < 1:
            raise ValueError("a decode pool needs at least one worker")
        self._count = workers
        self._job_limit_s = job_limit_s
        self._wait_limit_s = wait_limit_s
        self._memory_mib = memory_mib
        self._idle: asyncio.Queue[_Worker] = asyncio.Queue()
        self._workers: set[_Worker] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self._closed = False

    @property
    def queue_depth(self) -> int:
        """How many jobs wait for a worker."""
        return self._waiting

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes, for those who watch their memory."""
        return tuple(worker.process.pid for worker in self._workers)

    async def start(self) -> None:
        """Start all workers and wait until they are ready; raises RuntimeError if one cannot start."""
        try:
            for worker in await asyncio.gather(*(self._start_worker() for _ in range(self._count))):
                self._idle.put_nowait(worker)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End all workers, jobs under way included."""
        self._closed = True
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(worker.kill() for worker in tuple(self._workers)))
        self._workers.clear()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def judge(self, job: PictureJob) -> PictureJudgement:
        """Judge one picture; waits while all workers are busy.

        ``Judged.DIED`` and ``STALLED`` tell of a worker that died, took too long, or never became free. A caller
        that is cancelled leaves its job to end by itself: an answer that nobody reads would be taken for the next
        one's. Raises DecoderBugError.
        """
        worker = await self._wait_for_worker()
        if worker is None:
            return PictureJudgement(judged=Judged.STALLED, said="no decoder became free")
        result: asyncio.Future[PictureJudgement] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._run(worker, job, result))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await result

    async def _wait_for_worker(self) -> _Worker | None:
        if self._closed:
            raise RuntimeError("the decode pool is closed")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_limit_s):
                return await self._idle.get()
        except TimeoutError:
            return None
        finally:
            self._waiting -= 1

    async def _run(self, worker: _Worker, job: PictureJob, result: asyncio.Future[PictureJudgement]) -> None:
        """One job on one worker; puts a sound worker back, or a new one in its place."""
        try:
            judgement = await self._ask(worker, job)
            if not result.done():
                result.set_result(judgement)
        except Exception as error:  # noqa: BLE001 - told to whoever asked; the pool must not lose a worker by it
            if not result.done():
                result.set_exception(error)
        finally:
            if not result.done():
                result.set_exception(RuntimeError("the decode pool was closed"))
        if worker.sound and worker.jobs < JOBS_PER_WORKER:
            self._idle.put_nowait(worker)
        else:
            await self._replace(worker)

    async def _ask(self, worker: _Worker, job: PictureJob) -> PictureJudgement:
        try:
            async with asyncio.timeout(self._job_limit_s):
                return await worker.judge(job)
        except TimeoutError:
            log.warning("a decode worker took more than %.1f s and is replaced", self._job_limit_s)
            return PictureJudgement(judged=Judged.STALLED, said=f"the decoder took more than {self._job_limit_s:g} s")
        except (asyncio.IncompleteReadError, ConnectionError, MessageError) as error:
            log.warning("a decode worker died and is replaced: %s", error)
            return PictureJudgement(judged=Judged.DIED, said="the decoder died")

    async def _replace(self, worker: _Worker) -> None:
        await worker.kill()
        self._workers.discard(worker)
        pause_s = 1.0
        while not self._closed:
            try:
                self._idle.put_nowait(await self._start_worker())
                return
            except (OSError, RuntimeError) as error:
                log.error("no new decode worker could be started, next try in %.0f s: %s", pause_s, error)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, 60.0)

    async def _start_worker(self) -> _Worker:
        worker = await _Worker.start(self._memory_mib)
        self._workers.add(worker)
        return worker


class _Worker:
    """One process. ``sound`` is False from the moment a job begins until its whole answer has been read."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.jobs = 0
        self.sound = False

    @classmethod
    async def start(cls, memory_mib: int) -> Self:
        """Start a process and wait until it is ready; raises RuntimeError or OSError."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", "probes.image.worker", str(memory_mib)),
            stdin=PIPE,
            stdout=PIPE,
            env={**os.environ, **_ONE_THREAD, **_search_path()},
            # a Ctrl-C is the pool's to answer
            start_new_session=True,
        )
        worker = cls(process)
        try:
            async with asyncio.timeout(START_LIMIT_S):
                await worker._read()
        except BaseException as error:
            await worker.kill()
            if isinstance(error, TimeoutError | asyncio.IncompleteReadError | MessageError | ConnectionError):
                raise RuntimeError(f"a decode worker did not start: {error}") from None
            raise
        worker.sound = True
        return worker

    async def judge(self, job: PictureJob) -> PictureJudgement:
        self.sound = False
        self.jobs += 1
        assert self.process.stdin is not None
        self.process.stdin.write(pack_job(job))
        await self.process.stdin.drain()
        header, blobs = await self._read()
        if "bug" in header:
            self.sound = True
            raise DecoderBugError(str(header["bug"]))
        judgement = parse_judgement(header, blobs)
        # one that ran out of memory may have lost pieces of its libraries, too
        self.sound = judgement.judged is not Judged.DIED
        return judgement

    async def _read(self) -> tuple[dict[str, object], list[bytes | None]]:
        assert self.process.stdout is not None
        read = self.process.stdout.readexactly
        header, lengths = parse_header(await read(header_length(await read(LENGTH_BYTES))))
        return header, [None if length is None else await read(length) for length in lengths]

    async def kill(self) -> None:
        """End the process, whatever it does, and wait until it has ended."""
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        assert self.process.stdin is not None
        self.process.stdin.close()
        with suppress(OSError):
            await self.process.stdin.wait_closed()


def _search_path() -> dict[str, str]:
    """What a worker needs to find this code where it isn't installed, as in a checkout."""
    root = str(Path(__file__).resolve().parents[2])
    if root in site.getsitepackages():
        return {}
    return {"PYTHONPATH": os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)}
