"""The county's ledger of cameras (一机一档): read it, see what it changes, hand it out again."""

from monitor.inventory.cells import CellError
from monitor.inventory.changes import Applied, CameraChange, Changes, FieldChange, apply, diff
from monitor.inventory.export import export
from monitor.inventory.ledger import Ledger, read
from monitor.inventory.problems import InventoryError, Problem
from monitor.inventory.rows import CameraRow
from monitor.inventory.streams import rtsp_url
from monitor.inventory.targets import main_stream, targets

__all__ = [
    "Applied",
    "CameraChange",
    "CameraRow",
    "CellError",
    "Changes",
    "FieldChange",
    "InventoryError",
    "Ledger",
    "Problem",
    "apply",
    "diff",
    "export",
    "main_stream",
    "read",
    "rtsp_url",
    "targets",
]
