"""What comes over the control socket is an order, or is refused in one sentence."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from monitor.control import BadOrderError, Control, Orders, read_order


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"camera"',
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"camera": "c1"}',
        b'{"camera": 1, "depth": "light"}',
        b'{"camera": "c1", "depth": null}',
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_no_order_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(BadOrderError) as refused:
        read_order(body, "camera", "depth")
    assert len(str(refused.value)) <= 200


def test_an_order_is_read_without_what_nobody_asked_for() -> None:
    assert read_order(b'{"camera": "c1", "depth": "light", "x": [1]}', "camera", "depth") == {
        "camera": "c1",
        "depth": "light",
    }


async def test_a_bad_order_is_the_callers_fault_and_asks_nothing_of_any_camera(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def nobody(*asked: object) -> Any:
        raise AssertionError(asked)

    path = tmp_path / "control.sock"
    control = Control(path, Orders(**{order.name: nobody for order in fields(Orders)}))
    await control.start()
    try:
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(path))) as session:
            for where in ("probe", "round", "login"):
                for body in (b"no", b"[]", b'{"camera": "c1", "depth": "abyss"}'):
                    async with session.post(f"http://daemon/{where}", data=body) as answer:
                        assert (answer.status, "Traceback" in await answer.text()) == (400, False)
    finally:
        await control.close()
    assert "Traceback" not in caplog.text
