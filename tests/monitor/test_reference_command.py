"""``xunjian reference``: by the running daemon, or in the store when there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from monitor import asking, control
from monitor.clock import SystemClock
from monitor.config import load
from monitor.core.reference import ReferenceOrder, carried_out, references_of
from monitor.core.rule import RuleError, UnknownError
from monitor.store import Batch, CameraMemory, Store
from probes.observation import Light, PictureMemory, Reference
from tests.monitor.test_cli import ROW, Program, program

__all__ = ["program"]

LUMA = bytes(range(160)) * 90
MEMORY = PictureMemory(at=1000.0, hash=b"h", thumb=LUMA, day=Reference(at=1000.5, thumb=LUMA))


@pytest.fixture
def stored(program: Program) -> Program:
    """A county with one camera that has a reference by day."""
    assert program("inventory", "import", program.ledger(ROW)).code == 0
    with Store.open(f"sqlite:///{program.home / 'data' / 'xunjian.db'}", at=1000) as store:
        store.write(Batch(memories=(CameraMemory(camera="cam-1", memory=MEMORY),))).result(30)
    return program


def test_references_are_shown_approved_and_let_go_of_without_a_daemon(stored: Program, tmp_path: Path) -> None:
    shown = stored("reference", "cam-1", "--json")
    assert json.loads(shown.out) == {"camera": "cam-1", "day": {"at": 1000, "approved_by": ""}, "night": None}
    approved = stored("reference", "cam-1", "--approve", "day", "--by", "王芳")
    assert (approved.code, approved.out.split("\n")[1:]) == (0, ["night  none yet", ""])
    assert approved.out.split("\n")[0].endswith("approved by 王芳")
    assert json.loads(stored("reference", "cam-1", "--json").out)["day"] == {"at": 1000, "approved_by": "王芳"}
    assert stored("reference", "cam-1", "--save-picture", tmp_path / "seen").code == 0
    assert [path.name for path in (tmp_path / "seen").iterdir()] == ["cam-1-day.png"]
    reset = stored("reference", "cam-1", "--reset", "both", "--json")
    assert json.loads(reset.out) == {"camera": "cam-1", "day": None, "night": None}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("cam-9",), "no camera cam-9 in the ledger"),
        (("cam-1", "--approve", "noon"), "no reference noon; choose day or night"),
        (("cam-1", "--approve", "night"), "no such reference has been learned yet; wait for a good picture"),
        (("cam-1", "--approve", "day", "--reset", "both"), "the same reference can't be approved and reset at once"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(stored: Program, arguments: tuple[str, ...], complaint: str) -> None:
    ended = stored("reference", *arguments)
    assert (ended.code, ended.out, ended.err) == (2, "", complaint + "\n")


class Daemon:
    """What a daemon holds in its memory."""

    def __init__(self) -> None:
        self.memory: PictureMemory | None = MEMORY
        self.orders: list[ReferenceOrder] = []

    async def references(self, camera: str, order: ReferenceOrder) -> Mapping[Light, Reference]:
        if camera != "cam-1":
            raise KeyError(camera)
        self.orders.append(order)
        self.memory = carried_out(order, self.memory)
        return references_of(self.memory)


async def _never(*_: object) -> Any:
    raise AssertionError


async def test_a_running_daemon_is_asked_and_the_store_left_alone(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    config, path, daemon = load(tmp_path / "config.toml"), tmp_path / "x.sock", Daemon()
    asked = control.Control(
        path, control.Orders(probe=_never, round=_never, login=_never, references=daemon.references)
    )
    await asked.start()

    async def ask(camera: str = "cam-1", **words: str) -> Mapping[Light, Reference]:
        return await asking.ask_for_references(config, SystemClock(), path, camera, **{"by": "王芳", **words})

    try:
        assert await ask() == {Light.DAY: MEMORY.day}
        assert (await ask(approve="day"))[Light.DAY].approved_by == "王芳"
        assert await ask(reset="day") == {}
        with pytest.raises(control.NotToBeHadError, match="no camera cam-9"):
            await ask("cam-9")
        with pytest.raises(UnknownError, match="no such reference has been learned"):
            await ask(approve="night")
        with pytest.raises(RuleError, match="say who"):
            await ask(reset="night", by=" ")
    finally:
        await asked.close()
    assert [order.changes for order in daemon.orders] == [False, True, True, True]
    assert not (tmp_path / "data").exists()
