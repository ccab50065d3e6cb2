"""``xunjian camera ID`` answers why, for every interval, in words and in JSON."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from monitor import terminal
from monitor.asking import read_life
from monitor.config import Config, load
from monitor.core.condition import Condition, Fault
from monitor.core.fleet import Camera, Township
from monitor.core.record import Transition
from monitor.core.retention import Rules
from monitor.store import Batch, Coverage, Evidence, EvidenceKind, FleetChanges, Store, TransitionRecord
from monitor.wording import Lang
from probes.observation import Step

DAY = 86_400
ZONE = ZoneInfo("Asia/Shanghai")
BEGAN = 1_790_784_000  # 1 October 2026 at the site
NOW = BEGAN + 20 * DAY
OUT, BACK = BEGAN + 5 * DAY, BEGAN + 6 * DAY
TOLD = {"says": "suspect", "scope": "township", "asked": 2, "clear": 1}
BLACK = (Step(name="decode", took_ms=3.5, said="black"),)


class At:
    def now(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return 0.0


def changed(at: int, condition: Condition, *looks: int, fault: Fault | None = None) -> TransitionRecord:
    transition = Transition(
        camera="cam-1", at=at, condition=condition, fault=fault, decided_at=at + 90, looks=looks or (at,)
    )
    return TransitionRecord(transition=transition, evidence_at=max(transition.looks))


def seen(at: int, kind: EvidenceKind = EvidenceKind.FAULT) -> Evidence:
    return Evidence(
        camera="cam-1",
        at=at,
        kind=kind,
        outcome="bad_picture",
        steps=BLACK,
        measures={"neighbours": TOLD} if at == OUT else {},
        jpeg=b"\xff\xd8\xff",
    )


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    return load(tmp_path / "config.toml")


@pytest.fixture
def store(config: Config) -> Any:
    with Store.open(config.store.url, at=NOW, evidence_dir=Path(config.evidence.dir)) as opened:
        camera = Camera(id="cam-1", name="村口", township="01", village="李庄", host="10.0.0.1")
        changes = FleetChanges(townships=(Township(code="01", name="甲镇"),), cameras=(camera,))
        opened.save_fleet(changes, who="test", why="test", at=BEGAN - 40 * DAY)
        first, out, back = (
            changed(BEGAN - 30 * DAY, Condition.INTACT),
            changed(OUT, Condition.IMPAIRED, OUT, OUT + 1800, fault=Fault.BLACK),
            changed(BACK, Condition.INTACT),
        )
        for record, *looks in (
            (first, seen(first.transition.at, EvidenceKind.GOOD)),
            (out, seen(OUT), seen(OUT + 1800)),
            (back, seen(BACK, EvidenceKind.GOOD)),
        ):
            opened.write(Batch(transitions=(record,), evidence=tuple(looks))).result()
        opened.write(Batch(coverage=Coverage(boot="a", began=BEGAN - 40 * DAY, until=NOW))).result()
        yield opened


def told(config: Config) -> tuple[list[dict[str, Any]], str]:
    its, life, seconds = read_life(config, At(), "cam-1", "2026-10")
    lines = io.StringIO()
    terminal.tell_life(Console(file=lines, width=200), its, life, seconds, ZONE, Lang.EN)
    intervals: Any = terminal.life_json(its, life, seconds)["intervals"]
    return intervals, lines.getvalue()


def test_every_interval_names_the_looks_that_made_it_with_their_steps_and_pictures(
    config: Config, store: Store
) -> None:
    (before, out, after), words = told(config)
    assert out["rests_on"] == [OUT, OUT + 1800]
    assert [(look["at"], look["made_it"], look["file"]) for look in out["looks"]] == [
        (at, True, f"cam-1/{at}-fault.jpg") for at in (OUT, OUT + 1800)
    ]
    assert out["looks"][0]["steps"] == [{"name": "decode", "took_ms": 3.5, "said": "black"}]
    assert [look["neighbours"] for look in out["looks"]] == [TOLD, None]
    assert after["looks"][0]["file"] == f"cam-1/{BACK}-good.jpg"
    (first,) = before["looks"]
    assert (first["at"], first["missing"], first["missing_since"]) == (BEGAN - 30 * DAY, "replaced", BACK)
    assert f"* 10-06 00:00:00  bad picture  decode black  cam-1/{OUT}-fault.jpg" in words
    assert "of the cameras of the township only 2 can tell, 1 see clearly: fog or a cover, undecided" in words
    assert "A newer good picture took its place on 10-07 00:00:00." in words


def test_a_picture_that_was_deleted_is_told_with_its_date_and_reason(config: Config, store: Store) -> None:
    store.forget_evidence(Rules(good_s=DAY, fault_s=DAY, budget=10**9, zone=ZONE), now=NOW)
    (_, out, _), words = told(config)
    assert [(look["at"], look["file"], look["missing"], look["missing_since"]) for look in out["looks"]] == [
        (OUT + 1800, None, "age", NOW)
    ]
    assert "decode black  The picture was deleted on 10-21 00:00:00: its time was over." in words
    assert "No steps were kept of the looks at 10-06 00:00:00." in words
