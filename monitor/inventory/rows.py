"""One row of a ledger → one camera, or the reasons why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TypeVar

from monitor.core.fleet import Camera, Contact, Registration
from monitor.core.redaction import redact_text
from monitor.inventory import cells, streams
from monitor.inventory.cells import CellError
from monitor.inventory.sheets import Cell
from probes.observation import Credential

Value = TypeVar("Value")

GIVEN_BY: Mapping[str, tuple[str, ...]] = {
    "name": ("name",),
    "township": ("township",),
    "village": ("village",),
    "host": ("host",),
    "rtsp_port": ("rtsp_port",),
    "rtsp_path": ("rtsp_path",),
    "rtsp_url": ("host", "rtsp_port", "rtsp_path", "rtsps"),
    "onvif_port": ("onvif_port",),
    "onvif_url": ("host", "onvif_port", "onvif_path"),
    "channel": ("channel",),
    "key_point": ("key_point",),
    "maker": ("maker",),
    "model": ("model",),
    "recorder": ("recorder",),
    "state": ("registration",),
    "maintainer": ("maintainer",),
    "phone": ("maintainer",),
    "power": ("power",),
    "power_phone": ("power",),
    "network": ("network",),
    "network_phone": ("network",),
    "in_service_from": ("in_service_from",),
    "in_service_to": ("in_service_to",),
    "longitude": ("longitude",),
    "latitude": ("latitude",),
}
"""Which fields of a Camera a column speaks of, even when its cell is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraRow:
    """A row that can go in.

    ``camera.township`` holds the township's name, as the ledger does; its code is settled when the row is applied.
    ``given`` names the fields of the camera that the sheet has columns for: the others keep what is known already.
    ``login`` is what stood in 用户名 and 密码 or in the URL; its id is the 凭据 column's, or empty.
    """

    sheet: str
    row: int
    camera: Camera
    given: frozenset[str]
    login: Credential | None = None
    login_cleared: bool = False
    """用户名 says 无: the camera is to be looked at without login"""


@dataclass(slots=True)
class RowReader:
    """The cells of one row by field, and what was found wrong with them."""

    columns: Mapping[str, int]
    headings: Mapping[str, str]
    values: Sequence[Cell]
    fixed: Mapping[str, str] = field(default_factory=dict)
    """fields that the sheet as a whole says, not a column of it"""
    mistakes: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[tuple[str, str]] = field(default_factory=list)

    def has(self, name: str) -> bool:
        """True when the sheet has this column."""
        return name in self.columns or name in self.fixed

    def cell(self, name: str) -> Cell:
        """The cell of a field; None when there is none."""
        if name in self.fixed:
            return self.fixed[name]
        column = self.columns.get(name)
        return self.values[column] if column is not None and column < len(self.values) else None

    def take(self, name: str, parse: Callable[[Cell], Value], otherwise: Value) -> Value:
        """What the cell of a field says; a mistake is noted and ``otherwise`` taken."""
        if not self.has(name):
            return otherwise
        try:
            return parse(self.cell(name))
        except CellError as error:
            heading = self.headings.get(name, name)
            # A URL with its login may stand in any column.
            self.wrong(redact_text(f"“{heading}”{error.zh}"), redact_text(f"{heading}: {error.en}"))
            return otherwise

    def wrong(self, zh: str, en: str) -> None:
        """Note a mistake: the row cannot go in."""
        self.mistakes.append((zh, en))

    def remark(self, zh: str, en: str) -> None:
        """Note something to look at: the row can go in."""
        self.remarks.append((zh, en))


def camera_of(reader: RowReader, day: Callable[[Cell], date | None]) -> Camera:
    """The camera that a row describes. Mistakes are noted in the reader; then the camera is not to be used."""
    since = reader.take("in_service_from", day, None)
    until = reader.take("in_service_to", day, None)
    if since and until and until < since:
        reader.wrong(f"停用日期 {until} 早于启用日期 {since}", f"out of service on {until}, before {since}")
    camera = Camera(
        id=reader.take("id", cells.camera_id, ""),
        name=reader.take("name", cells.name, ""),
        township=reader.take("township", cells.name, ""),
        village=reader.take("village", cells.name, ""),
        channel=reader.take("channel", cells.channel, None),
        key_point=reader.take("key_point", cells.yes_or_no, False),
        maker=reader.take("maker", cells.text_or_nothing, ""),
        model=reader.take("model", cells.text_or_nothing, ""),
        recorder=reader.take("recorder", cells.text_or_nothing, ""),
        maintainer=_contact(reader, "maintainer", "phone"),
        power=_contact(reader, "power", "power_phone"),
        network=_contact(reader, "network", "network_phone"),
        registration=reader.take("state", cells.state, Registration.IN_USE),
        in_service_from=since,
        in_service_to=until,
        longitude=reader.take("longitude", cells.longitude, None),
        latitude=reader.take("latitude", cells.latitude, None),
    )
    if not cells.is_camera_code(camera.id):
        reader.remark(
            f"国标编码 {camera.id} 的第 11–13 位是 {camera.id[10:13]}，不是摄像机（131、132）",
            f"digits 11 to 13 of {camera.id} are {camera.id[10:13]}, not those of a camera (131, 132)",
        )
    return _with_address(reader, camera)


def given_by(reader: RowReader) -> frozenset[str]:
    """The fields of a Camera that the columns of the sheet speak of."""
    return frozenset(name for column, names in GIVEN_BY.items() if reader.has(column) for name in names)


def login_of(reader: RowReader) -> tuple[Credential | None, bool]:
    """The login in 用户名 and 密码, else in the URL; and whether the row says that there is none."""
    label = reader.take("credential", cells.text_or_nothing, "")
    username = reader.take("username", cells.text_of, "")
    password = reader.take("password", cells.password, "")
    if username and username.casefold() in cells.NOTHING:
        return None, True
    if username and password:
        return Credential(id=label, username=username, password=password), False
    if password:
        reader.wrong("有密码，但没有用户名", "has a password, but no user name")
    elif username and reader.has("password"):
        reader.remark(
            "有用户名，但没有密码：沿用已保存的凭据", "has a user name, but no password: the stored login is kept"
        )
    url = _quietly(reader, "rtsp_url", streams.rtsp_url)
    if url and url.username and url.password:
        return Credential(id=label, username=url.username, password=url.password), False
    return None, False


def extra_of(reader: RowReader, columns: Mapping[str, int]) -> dict[str, str]:
    """The columns without a field, by heading. Logins in them are masked: this text is shown."""
    kept: dict[str, str] = {}
    for heading, column in columns.items():
        try:
            text = cells.text_of(reader.values[column]) if column < len(reader.values) else ""
        except CellError as error:
            reader.remark(f"“{heading}”{error.zh}，未保留", f"{heading}: {error.en}; not kept")
            continue
        if text:
            kept[heading] = redact_text(text)
    return kept


def _contact(reader: RowReader, who: str, phone: str) -> Contact:
    return Contact(
        name=reader.take(who, cells.text_or_nothing, ""),
        phone=cells.plain(reader.take(phone, cells.text_or_nothing, "")),
    )


def _with_address(reader: RowReader, camera: Camera) -> Camera:
    nowhere: tuple[str, int | None] = ("", None)
    host, port_beside_host = reader.take("host", cells.host, nowhere)
    usual: int | None = 554
    port = reader.take("rtsp_port", cells.rtsp_port, usual)
    if port_beside_host and cells.is_empty(reader.cell("rtsp_port")):
        port = port_beside_host
    camera = replace(
        camera,
        host=host,
        rtsp_port=port,
        rtsp_path=reader.take("rtsp_path", streams.rtsp_path, ""),
        onvif_port=reader.take("onvif_port", cells.port, None),
    )
    url = reader.take("rtsp_url", streams.rtsp_url, None)
    if url:
        if host and host != url.host:
            reader.remark(
                f"RTSP 地址中的主机 {url.host} 与 IP 列的 {host} 不同，以 RTSP 地址为准",
                f"the RTSP URL names {url.host}, the IP column {host}; the URL is taken",
            )
        rtsps = url.scheme == "rtsps"
        camera = replace(camera, host=url.host, rtsp_port=url.port, rtsp_path=url.path, rtsps=rtsps)
    device = reader.take("onvif_url", streams.onvif_url, None)
    if device:
        path = device.path if device.path != "/" else camera.onvif_path
        camera = replace(camera, host=camera.host or device.host, onvif_port=device.port, onvif_path=path)
    return camera


def _quietly(reader: RowReader, name: str, parse: Callable[[Cell], Value]) -> Value | None:
    """A cell whose mistakes are noted elsewhere."""
    try:
        return parse(reader.cell(name))
    except CellError:
        return None
