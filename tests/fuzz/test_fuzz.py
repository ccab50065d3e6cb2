"""What was found once stays mended, a few new inputs at every run, and the fuzzer does find what is planted."""

from __future__ import annotations

import logging
from itertools import islice
from pathlib import Path

import pytest

from tests.fuzz.engine import Fuzzer, Target, TooMuchWorkError, parser
from tests.fuzz.targets import TARGETS

CASES = sorted((Path(__file__).parent / "cases").glob("*/*"))


@pytest.mark.parametrize("case", CASES, ids=[f"{case.parent.name}/{case.stem}" for case in CASES])
def test_an_input_that_once_broke_a_promise_breaks_it_no_more(case: Path) -> None:
    target = TARGETS[case.parent.name]
    with target.open() as run:
        finding = Fuzzer(target, run).attempt(case.read_bytes())
    assert finding is None, repr(finding)


@pytest.mark.parametrize("name", TARGETS)
def test_new_inputs_break_no_promise(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    target = TARGETS[name]
    with target.open() as run:
        fuzzer = Fuzzer(target, run)
        findings = [fuzzer.attempt(data) for data in islice(fuzzer.inputs(), target.quick)]
    assert [(repr(each.error), each.data) for each in findings if each is not None] == []
    assert fuzzer.lines > 5, "the parser was not even reached"


def _planted(data: bytes) -> None:
    if data.startswith(b"v=0") and b"\xff" in data[3:]:
        raise ZeroDivisionError


def test_a_planted_mistake_is_found_and_made_small() -> None:
    target = Target(name="planted", seeds=lambda: [b"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"], open=parser(_planted))
    fuzzer = Fuzzer(target, _planted)
    found = next(each for each in map(fuzzer.attempt, islice(fuzzer.inputs(), 5000)) if each is not None)
    assert fuzzer.smaller(found).data == b"v=0\xff"


def test_work_out_of_proportion_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def quadratic(data: bytes) -> int:
        return sum(1 for _ in data for _ in data)

    monkeypatch.setattr("tests.fuzz.engine.OURS", (__file__,))
    fuzzer = Fuzzer(Target(name="slow", seeds=list, open=parser(quadratic)), quadratic)
    assert fuzzer.attempt(bytes(20)) is None
    finding = fuzzer.attempt(bytes(400))
    assert finding is not None
    assert isinstance(finding.error, TooMuchWorkError)


def test_the_same_seed_gives_the_same_inputs() -> None:
    target = TARGETS["sdp"]
    with target.open() as run:
        first, second = (list(islice(Fuzzer(target, run, seed=7).inputs(), 40)) for _ in range(2))
    assert first == second
