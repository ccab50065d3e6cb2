"""A small coverage-guided fuzzer: mutate real messages, keep what reaches new lines, report what breaks a promise.

A promise is broken by any exception that a target lets out, by work out of all proportion to the size of the input
(lines of ours executed, so that it is the same on any machine), and, where asked for, by processor time.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import CodeType, FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OURS = tuple(str(ROOT / package) for package in ("probes", "monitor", "reports"))

MAX_INPUT = 70_000
"""Bytes: more than any bound of the parsers on one message."""
WORK_BASE, WORK_PER_BYTE = 20_000, 60
"""Lines of ours that one input may take."""
TIME_BASE_S, TIME_PER_BYTE_S = 0.1, 10e-6
"""Processor time of one input; for people at the command line, not for tests."""
INTERESTING = (0, 1, 2, 3, 0x7F, 0x80, 0xFE, 0xFF)
TOKENS = (
    b"\0",
    b"\xff" * 4,
    b"-1",
    b"4294967296",
    b"9" * 40,
    b"\r\n",
    b"\r\n\r\n",
    b"%00",
    b"\xef\xbb\xbf",
    b"\xc3\x28",
)

Run = Callable[[bytes], object]


class TooMuchWorkError(AssertionError):
    """An input takes more lines of ours, or more time, than its size allows."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is fuzzed: ``open`` gives a function that must return for any bytes.

    ``per_input`` is how much one input may take of the usual bounds; ``quick`` inputs are tried in the normal suite.
    """

    name: str
    seeds: Callable[[], Sequence[bytes]]
    open: Callable[[], AbstractContextManager[Run]]
    tokens: tuple[bytes, ...] = ()
    quick: int = 150
    allowance: int = 1


@dataclass(frozen=True)
class Finding:
    """An input that broke a promise, and how."""

    target: str
    data: bytes = field(repr=False)
    error: BaseException

    @property
    def file_name(self) -> str:
        return f"{hashlib.sha256(self.data).hexdigest()[:12]}.bin"


def parser(run: Run) -> Callable[[], AbstractContextManager[Run]]:
    """The ``open`` of a target that needs nothing prepared."""
    return lambda: nullcontext(run)


class Watch:
    """Counts the lines of ours that run, and remembers which."""

    def __init__(self) -> None:
        self.lines: set[tuple[CodeType, int]] = set()
        self.work = 0
        self._is_ours: dict[CodeType, bool] = {}

    @contextmanager
    def on(self) -> Iterator[None]:
        before = sys.gettrace()
        sys.settrace(self._call)
        try:
            yield
        finally:
            sys.settrace(before)

    def _call(self, frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        ours = self._is_ours.get(code)
        if ours is None:
            ours = self._is_ours[code] = code.co_filename.startswith(OURS)
        return self._line if ours else None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            self.work += 1
            self.lines.add((frame.f_code, frame.f_lineno))
        return self._line


class Fuzzer:
    """One target under one stream of random numbers: the same seed gives the same inputs."""

    def __init__(self, target: Target, run: Run, *, seed: int = 1, timed: bool = False) -> None:
        self.tried = 0
        self._target = target
        self._run = run
        self._timed = timed
        self._random = Random(f"{target.name} {seed}")
        self._watch = Watch()
        self._corpus: list[bytes] = []

    @property
    def lines(self) -> int:
        """How many lines of ours were reached."""
        return len(self._watch.lines)

    @property
    def corpus(self) -> int:
        """How many inputs reach lines that those before them did not."""
        return len(self._corpus)

    def inputs(self) -> Iterator[bytes]:
        """The seeds, and then mutants without end."""
        seeds = [seed[:MAX_INPUT] for seed in self._target.seeds()]
        yield from seeds
        self._corpus = self._corpus or seeds
        while True:
            yield self.mutant()

    def attempt(self, data: bytes) -> Finding | None:
        """Try one input."""
        self.tried += 1
        reached, self._watch.work = len(self._watch.lines), 0
        try:
            with self._watch.on():
                self._run(data)
            self._check_work(data)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what we look for
            return Finding(self._target.name, data, error)
        if len(self._watch.lines) > reached:
            self._corpus.append(data)
        return None

    def smaller(self, finding: Finding) -> Finding:
        """The same kind of error from less, as far as cutting pieces out brings it."""
        step = len(finding.data) // 2
        while step:
            at = 0
            while at < len(finding.data):
                cut = self.attempt(finding.data[:at] + finding.data[at + step :])
                if cut is not None and type(cut.error) is type(finding.error):
                    finding = cut
                else:
                    at += step
            step //= 2
        return finding

    def mutant(self) -> bytes:
        """A new input out of those that led somewhere."""
        random = self._random
        # The newest reach farthest, and short ones are done soonest.
        candidates = self._corpus[-32:] if random.random() < 0.5 else self._corpus
        data = bytearray(
            min(random.choices(candidates, k=3), key=len) if random.random() < 0.7 else random.choice(candidates)
        )
        for _ in range(1 << random.randrange(4)):
            random.choice(MUTATIONS)(data, random, self._corpus, (*TOKENS, *self._target.tokens))
        return bytes(data[:MAX_INPUT])

    def _check_work(self, data: bytes) -> None:
        allowed = self._target.allowance * (WORK_BASE + WORK_PER_BYTE * len(data))
        if self._watch.work > allowed:
            raise TooMuchWorkError(f"{self._watch.work} lines for {len(data)} bytes, more than {allowed}")
        if not self._timed:
            return
        allowed_s = self._target.allowance * (TIME_BASE_S + TIME_PER_BYTE_S * len(data))
        # The first time is under the watch, and a machine may stumble: only what is slow again and again is slow.
        for _ in range(4):
            began = time.process_time()
            self._run(data)
            took_s = time.process_time() - began
            if took_s <= allowed_s:
                return
        raise TooMuchWorkError(f"{took_s:.2f} s for {len(data)} bytes")


def _flip(data: bytearray, random: Random, corpus: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _set(data: bytearray, random: Random, corpus: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    if data:
        data[random.randrange(len(data))] = random.choice((*INTERESTING, random.randrange(256)))


def _cut(data: bytearray, random: Random, corpus: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    begin, end = _slice(data, random)
    del data[begin:end]


def _truncate(data: bytearray, random: Random, corpus: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    del data[random.randint(0, len(data)) :]


def _insert(data: bytearray, random: Random, corpus: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    at = random.randint(0, len(data))
    data[at:at] = random.choice(tokens)


def _replace(data: bytearray, random: Random, corpus: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    begin, end = _slice(data, random)
    data[begin:end] = random.choice((random.choice(tokens), random.randbytes(random.randrange(16))))


def _number(data: bytearray, random: Random, corpus: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    """Another number in place of the digits at some place, or behind it."""
    begin = end = random.randint(0, len(data))
    while end < len(data) and 0x30 <= data[end] <= 0x39:
        end += 1
    value = random.choice((0, 1, -1, 255, 65_535, 65_536, 2**31, 2**32, 2**63, 10**30, random.randrange(1000)))
    data[begin:end] = str(value).encode()


def _repeat(data: bytearray, random: Random, corpus: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    begin, end = _slice(data, random)
    piece = bytes(data[begin:end])
    if piece and len(data) < MAX_INPUT:
        most = (MAX_INPUT - len(data)) // len(piece)
        data[begin:begin] = piece * min(most, random.choice((1, 2, 8, 64, 1024, 65_536)))


def _splice(data: bytearray, random: Random, corpus: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    other = random.choice(corpus)
    data[random.randint(0, len(data)) :] = other[random.randint(0, len(other)) :]


def _slice(data: bytearray, random: Random) -> tuple[int, int]:
    """A piece of the data, mostly a short one."""
    begin = random.randint(0, len(data))
    return begin, min(len(data), begin + 1 + int(random.paretovariate(0.7)))


MUTATIONS = (_flip, _set, _cut, _truncate, _insert, _replace, _number, _repeat, _splice)
