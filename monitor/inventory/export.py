"""Write the fleet as a ledger that people can edit and import again. Logins are never in it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.core.fleet import Camera, Fleet, Registration, Township
from monitor.inventory.cells import visible
from monitor.inventory.problems import InventoryError

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

Column = tuple[str, Callable[[Camera, Township], object]]

STATE_WORDS = {Registration.IN_USE: "在用", Registration.REPAIR: "维修", Registration.RETIRED: "拆除"}
PLAIN_ONVIF_PATH = "/onvif/device_service"


def _rtsps_url(camera: Camera, township: Township) -> str:
    return f"rtsps://{camera.address}{camera.rtsp_path or '/'}" if camera.rtsps else ""


def _onvif_url(camera: Camera, township: Township) -> str:
    if camera.onvif_port is None or camera.onvif_path == PLAIN_ONVIF_PATH:
        return ""
    host = f"[{camera.host}]" if ":" in camera.host else camera.host
    return f"http://{host}:{camera.onvif_port}{camera.onvif_path}"


COLUMNS: tuple[Column, ...] = (
    ("编号", lambda camera, township: camera.id),
    ("点位名称", lambda camera, township: camera.name),
    ("乡镇(街道)", lambda camera, township: township.name),
    ("村(社区)", lambda camera, township: camera.village),
    ("IP地址", lambda camera, township: camera.host),
    ("RTSP端口", lambda camera, township: camera.rtsp_port if camera.rtsp_port is not None else "无"),
    ("RTSP路径", lambda camera, township: camera.rtsp_path),
    ("RTSP地址", _rtsps_url),
    ("ONVIF端口", lambda camera, township: camera.onvif_port),
    ("ONVIF地址", _onvif_url),
    ("通道号", lambda camera, township: camera.channel),
    ("凭据", lambda camera, township: camera.credential),
    ("重点点位", lambda camera, township: "是" if camera.key_point else "否"),
    ("厂家", lambda camera, township: camera.maker),
    ("型号", lambda camera, township: camera.model),
    ("录像机", lambda camera, township: camera.recorder),
    ("状态", lambda camera, township: STATE_WORDS[camera.registration]),
    ("维护单位", lambda camera, township: camera.maintainer.name),
    ("维护单位电话", lambda camera, township: camera.maintainer.phone),
    ("供电", lambda camera, township: camera.power.name),
    ("供电电话", lambda camera, township: camera.power.phone),
    ("网络运营商", lambda camera, township: camera.network.name),
    ("网络电话", lambda camera, township: camera.network.phone),
    ("启用日期", lambda camera, township: camera.in_service_from),
    ("停用日期", lambda camera, township: camera.in_service_to),
    ("经度", lambda camera, township: camera.longitude),
    ("纬度", lambda camera, township: camera.latitude),
)


def export(fleet: Fleet, path: Path) -> None:
    """Write ``fleet`` to an .xlsx at ``path``, all cells as text. Raises InventoryError when it cannot be written."""
    # Imported here: the daemon writes no spreadsheet, and should not hold what writes them.
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font
    from openpyxl.worksheet.worksheet import Worksheet

    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)  # a new workbook has one
    sheet.title = "一机一档"
    extra = sorted({heading for camera in fleet.cameras.values() for heading in camera.extra})
    headings = [heading for heading, _ in COLUMNS]
    _write(sheet, 1, [*headings, *extra])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
        cell.alignment = Alignment(horizontal="center")
    for number, camera in enumerate(fleet.cameras.values(), start=2):
        _write(sheet, number, _row(camera, fleet.townships[camera.township], extra))
    sheet.freeze_panes = "C2"
    _save(book, path)


def _row(camera: Camera, township: Township, extra: Iterable[str]) -> list[object]:
    return [value(camera, township) for _, value in COLUMNS] + [camera.extra.get(heading, "") for heading in extra]


def _write(sheet: Worksheet, row: int, values: Sequence[object]) -> None:
    for column, value in enumerate(values, start=1):
        if value is None or value == "":
            continue
        cell = sheet.cell(row=row, column=column)
        cell.value = visible(str(value))
        # Text stays text: a name such as "=1+1" must never be computed, by Excel or by what reads its CSV.
        cell.data_type = "s"
        cell.number_format = "@"
        cell.quotePrefix = str(value).startswith(("=", "+", "-", "@"))


def _save(book: Workbook, path: Path) -> None:
    """Whole or not at all."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".export-", suffix=".xlsx")
        os.close(descriptor)
        temporary = Path(name)
        try:
            book.save(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InventoryError(f"无法写入 {path}（{reason}）", f"cannot write {path} ({reason})") from None
