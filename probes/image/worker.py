"""The decode worker: jobs come in on standard input, judgements go out on standard output, one at a time.

Run by the pool as ``python -m probes.image.worker MEGABYTES``. It ends when its input does, so it never outlives
the pool. What hostile video can do to it is bounded: its memory, its privileges over the machine's attention (nice)
and, by the pool, its time.
"""

from __future__ import annotations

import os
import resource
import sys
import traceback
from pathlib import Path
from typing import BinaryIO

import av.logging
import cv2

from probes.image.judge import judge
from probes.image.judgement import Judged, PictureJudgement
from probes.image.messages import pack, pack_judgement, parse_job, read_message

NICENESS = 5


def main(megabytes: int) -> None:
    """Serve until the input ends. ``megabytes`` is how much a job may take beyond what the libraries have."""
    answers = _claim_standard_output()
    cv2.setNumThreads(1)
    av.logging.set_level(None)
    _bound(megabytes)
    answers.write(pack({"ready": True}, []))
    answers.flush()
    while (message := read_message(sys.stdin.buffer)) is not None:
        answers.write(_answer(*message))
        answers.flush()


def _answer(header: dict[str, object], blobs: list[bytes | None]) -> bytes:
    try:
        return pack_judgement(judge(parse_job(header, blobs)))
    except Exception as error:  # noqa: BLE001 - told to the pool, which raises it there if it is a bug of ours
        if _is_out_of_memory(error):
            said = "the picture needs more memory than a decoder may take"
            return pack_judgement(PictureJudgement(judged=Judged.DIED, said=said))
        return pack({"bug": traceback.format_exc(limit=-8)[-4000:]}, [])


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or (isinstance(error, cv2.error) and error.code == cv2.Error.StsNoMem)


def _claim_standard_output() -> BinaryIO:
    """Keep the pipe for answers alone: whatever a library prints must not get between them."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def _bound(megabytes: int) -> None:
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    limit = pages * resource.getpagesize() + megabytes * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    main(int(sys.argv[1]))
