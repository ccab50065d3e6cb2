"""Does the camera turn (球机, 云台)? Then another scene than yesterday's is no fault of its."""

from __future__ import annotations

from monitor.core.fleet import Camera
from monitor.inventory.cells import TRUE, plain
from monitor.inventory.columns import normal

KINDS = frozenset(map(normal, ("类型", "摄像机类型", "设备类型", "摄像机形态", "设备形态", "类别", "kind", "type")))
"""Columns that say what kind of camera it is, in words."""
ASKED = frozenset(map(normal, ("球机", "是否球机", "云台", "是否云台", "带云台", "PTZ")))
"""Columns that ask it, to be answered by 是 or 否, or by a kind."""

TURNING = ("球机", "球型", "快球", "高速球", "匀速球", "智能球", "云台", "ptz", "speeddome", "pan-tilt", "pantilt")
FIXED = ("半球", "固定", "无云台", "不带云台")
"""A 半球 is a fixed camera in half a dome."""


def is_ptz(camera: Camera) -> bool:
    """Whether a column of the ledger says that the camera turns; those columns are kept as they stand.

    >>> is_ptz(Camera(id="1", name="村口", township="01", village="东村", extra={"类型": "高速球机"}))
    True
    """
    return any(_says_so(normal(heading), text) for heading, text in camera.extra.items())


def _says_so(heading: str, text: str) -> bool:
    said = plain(text).casefold().replace(" ", "")
    if heading not in KINDS | ASKED or any(word in said for word in FIXED):
        return False
    return any(word in said for word in TURNING) or (heading in ASKED and (said in TRUE or said == "球"))
