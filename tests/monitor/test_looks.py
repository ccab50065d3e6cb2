"""What one look asks, in which order, and what it leaves alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pytest

from monitor.clock import SystemClock
from monitor.looks import MOST_PATIENCE_S, Looker, Questions
from probes.answer import CameraAnswer
from probes.observation import Credential, Depth, Outcome, Target
from probes.onvif import OnvifProbe, StreamAddress
from probes.probe import Trace

CAMERA = Target(camera="c", host="10.0.0.1", rtsp_path="/1", credential=Credential(id="k", username="u", password="p"))
Script = dict[str, Outcome]


@dataclass(frozen=True)
class Asked:
    """A probe that notes that it was asked."""

    name: ClassVar[str] = "scripted"

    question: str
    depth: Depth
    script: Script = field(hash=False)
    log: list[tuple[str, str]] = field(hash=False)

    async def check(self, target: Target, trace: Trace) -> Outcome:
        trace.step(self.question)
        self.log.append((self.question, target.rtsp_path))
        return self.script.get(self.question, Outcome.OK)


@dataclass
class Bench:
    """A looker, what it asked, and how it is answered."""

    looker: Looker
    log: list[tuple[str, str]]
    script: Script

    @property
    def asked(self) -> list[str]:
        return [question for question, _ in self.log]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    log: list[tuple[str, str]] = []
    script: Script = {}

    def probe(question: str, depth: Depth) -> Any:
        return Asked(question, depth, script, log)

    questions = Questions(
        by_depth={depth: probe(depth.label if depth is not Depth.ONVIF else "device", depth) for depth in Depth},
        clock=probe("clock", Depth.ONVIF),
        device=probe("device", Depth.ONVIF),
    )
    its = Bench(Looker(questions, SystemClock()), log, script)

    async def stream_uri(device: OnvifProbe, target: Target, trace: Trace, *, channel: int) -> StreamAddress:
        trace.step("stream_uri")
        log.append(("stream_uri", str(channel)))
        outcome = script.get("stream_uri", Outcome.OK)
        if outcome is not Outcome.OK:
            raise CameraAnswer(outcome, "said")
        return StreamAddress(uri=f"rtsp://{target.host}:554/live?ch={channel}", told="", profile=None)  # type: ignore[arg-type]  # not looked at

    monkeypatch.setattr("monitor.looks.stream_uri", stream_uri)
    return its


@pytest.mark.parametrize("depth", [Depth.LIGHT, Depth.DESCRIBE, Depth.MEDIA, Depth.PICTURE])
async def test_a_camera_without_onvif_is_asked_one_question(bench: Bench, depth: Depth) -> None:
    (seen,) = await bench.looker.look(CAMERA, depth)
    assert (seen.depth, bench.asked) == (depth, [depth.label])


async def test_a_picture_look_reads_the_clock_as_well(bench: Bench) -> None:
    await bench.looker.look(replace(CAMERA, onvif_port=80), Depth.PICTURE)
    assert bench.asked == ["picture", "clock"]


@pytest.mark.parametrize(
    ("outcome", "asked"),
    [
        (Outcome.UNREACHABLE, ["describe", "clock"]),
        (Outcome.REFUSED, ["describe", "clock"]),
        (Outcome.TIMED_OUT, ["describe", "clock"]),
        (Outcome.NO_STREAM, ["describe"]),
        (Outcome.BUSY, ["describe"]),
        (Outcome.OK, ["describe"]),
    ],
)
async def test_before_a_camera_is_called_offline_onvif_is_asked_too(
    bench: Bench, outcome: Outcome, asked: list[str]
) -> None:
    bench.script["describe"] = outcome
    await bench.looker.look(replace(CAMERA, onvif_port=80), Depth.DESCRIBE)
    assert bench.asked == asked


async def test_a_light_look_never_logs_in_even_where_there_is_only_onvif(bench: Bench) -> None:
    only_onvif = replace(CAMERA, rtsp_port=None, onvif_port=80)
    await bench.looker.look(only_onvif, Depth.LIGHT)
    assert bench.asked == ["clock"]
    bench.log.clear()
    await bench.looker.look(only_onvif, Depth.DESCRIBE)
    assert bench.asked == ["device"]


PATHLESS = replace(CAMERA, rtsp_path="", onvif_port=80)


async def test_a_path_that_nobody_wrote_down_is_asked_of_the_device_once(bench: Bench) -> None:
    for _ in range(3):
        await bench.looker.look(PATHLESS, Depth.DESCRIBE, channel=2)
    assert bench.log[0] == ("stream_uri", "2")
    assert bench.log[1:] == [("describe", "/live?ch=2")] * 3


async def test_a_light_look_does_not_ask_for_the_path(bench: Bench) -> None:
    await bench.looker.look(PATHLESS, Depth.LIGHT)
    assert bench.asked == ["light"]


async def test_a_device_that_refuses_the_login_is_not_asked_for_a_second_one_in_the_same_look(bench: Bench) -> None:
    bench.script["stream_uri"] = Outcome.UNAUTHORIZED
    (seen,) = await bench.looker.look(PATHLESS, Depth.MEDIA)
    assert seen.outcome is Outcome.UNAUTHORIZED
    assert bench.asked == ["stream_uri"]


async def test_a_device_that_does_not_tell_its_path_is_looked_at_without_and_asked_again(bench: Bench) -> None:
    bench.script["stream_uri"] = Outcome.TIMED_OUT
    await bench.looker.look(PATHLESS, Depth.MEDIA)
    assert bench.log == [("stream_uri", "1"), ("media", "")]
    bench.script.clear()
    await bench.looker.look(PATHLESS, Depth.MEDIA)
    assert bench.log[-1] == ("media", "/live?ch=1")


@pytest.mark.parametrize("change", [{"host": "10.0.0.2"}, {"onvif_port": 8080}])
async def test_another_device_at_the_camera_is_asked_anew(bench: Bench, change: dict[str, Any]) -> None:
    await bench.looker.look(PATHLESS, Depth.DESCRIBE)
    await bench.looker.look(replace(PATHLESS, **change), Depth.DESCRIBE)
    assert bench.asked.count("stream_uri") == 2


async def test_a_path_that_leads_nowhere_is_asked_for_again(bench: Bench) -> None:
    await bench.looker.look(PATHLESS, Depth.DESCRIBE)
    bench.script["describe"] = Outcome.NO_STREAM
    await bench.looker.look(PATHLESS, Depth.DESCRIBE)
    await bench.looker.look(PATHLESS, Depth.DESCRIBE)
    assert bench.asked.count("stream_uri") == 2


@dataclass(frozen=True)
class Seldom:
    """A camera whose key frames come so seldom that a usual look of 12 s meets none."""

    name: ClassVar[str] = "seldom"
    depth: ClassVar[Depth] = Depth.PICTURE

    every_s: float
    waited: list[float] = field(hash=False)

    async def check(self, target: Target, trace: Trace) -> Outcome:
        trace.step("key_frame")
        self.waited.append(12.0 + target.patience_s)
        if self.waited[-1] < self.every_s:
            return Outcome.INCONCLUSIVE
        trace.step("judge")
        return Outcome.OK


def asking(probe: Seldom) -> Looker:
    probes: dict[Depth, Any] = dict.fromkeys(Depth, probe)
    return Looker(Questions(by_depth=probes, clock=probes[Depth.ONVIF], device=probes[Depth.ONVIF]), SystemClock())


async def test_a_look_that_met_no_key_frame_is_followed_by_one_that_waits_longer() -> None:
    probe = Seldom(every_s=40.0, waited=[])
    looker = asking(probe)
    outcomes = [(await looker.look(CAMERA, Depth.PICTURE))[0].outcome for _ in range(5)]
    assert outcomes == [Outcome.INCONCLUSIVE] * 2 + [Outcome.OK] * 3
    assert probe.waited == [12.0, 24.0, 48.0, 48.0, 48.0]


async def test_no_look_waits_for_ever_and_none_waits_longer_for_another_camera() -> None:
    probe = Seldom(every_s=1e6, waited=[])
    looker = asking(probe)
    for _ in range(6):
        await looker.look(CAMERA, Depth.PICTURE)
    await looker.look(replace(CAMERA, camera="other"), Depth.PICTURE)
    assert probe.waited[-2:] == [12.0 + MOST_PATIENCE_S, 12.0]


async def test_only_a_picture_look_is_patient() -> None:
    probe = Seldom(every_s=40.0, waited=[])
    looker = asking(probe)
    await looker.look(CAMERA, Depth.PICTURE)
    await looker.look(CAMERA, Depth.MEDIA)
    assert probe.waited == [12.0, 12.0]
