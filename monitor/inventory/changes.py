"""What does a ledger change? A new fleet from the old one and a file, and the differences field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date

from monitor.core.fleet import Camera, Fleet, Registration, Township
from monitor.inventory.columns import normal
from monitor.inventory.ledger import Ledger
from monitor.inventory.problems import InventoryError
from monitor.inventory.rows import CameraRow
from probes.observation import Credential


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field of a Camera by name, before and after."""

    field: str
    before: object
    after: object


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraChange:
    """One camera that stays on the books with other particulars."""

    camera: str
    name: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What an import does. ``missing`` are in use and not in the file: they stay, unless told otherwise.

    ``credentials`` are ids of logins that are new or have another secret, ``townships`` names of new or changed ones.
    """

    on: date
    added: tuple[Camera, ...] = ()
    changed: tuple[CameraChange, ...] = ()
    retired: tuple[Camera, ...] = ()
    missing: tuple[Camera, ...] = ()
    unchanged: int = 0
    credentials: tuple[str, ...] = ()
    townships: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True when the import leaves everything as it was."""
        return not (self.added or self.changed or self.retired or self.credentials or self.townships)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The fleet and all logins after an import, and what it changed, dated."""

    fleet: Fleet
    credentials: Mapping[str, Credential] = field(repr=False)
    changes: Changes


def apply(
    fleet: Fleet,
    ledger: Ledger,
    *,
    on: date,
    credentials: Mapping[str, Credential] | None = None,
    townships: Sequence[Township] = (),
    retire_missing: bool = False,
) -> Applied:
    """The fleet once ``ledger`` has gone in on the site's day ``on``; nothing is stored.

    Columns that the file lacks keep what is known; empty cells clear it, except 用户名 and 密码, which are often
    blanked before a ledger is passed around. ``credentials`` are the stored logins by id, ``townships`` those of
    config.toml. Raises InventoryError when ``retire_missing`` would retire a camera only because its row is bad.
    """
    logins = _Logins(credentials or {})
    places = _Places(fleet, townships)
    cameras = {camera.id: places.moved(camera) for camera in fleet.cameras.values()}
    for row in ledger.rows:
        known = cameras.get(row.camera.id)
        camera = _merged(known, row, places.code(row.camera.township), logins)
        cameras[camera.id] = _dated(known, camera, on)
    missing = _missing(cameras, ledger)
    if retire_missing:
        if ledger.nameless:
            raise InventoryError(
                f"有 {ledger.nameless} 处读不出编号，不能据此停用未出现的摄像机；请先改好台账",
                f"{ledger.nameless} rows have no readable id, so nothing is retired for being absent; correct it first",
            )
        for camera in missing:
            cameras[camera.id] = _retired(camera, on)
    after = Fleet.of(places.all(cameras.values()), cameras.values())
    changes = _changes(fleet, after, () if retire_missing else missing, logins, on)
    return Applied(fleet=after, credentials=logins.by_id, changes=changes)


def diff(
    fleet: Fleet,
    ledger: Ledger,
    *,
    on: date,
    credentials: Mapping[str, Credential] | None = None,
    townships: Sequence[Township] = (),
    retire_missing: bool = False,
) -> Changes:
    """What ``apply`` would change. Raises InventoryError as it does."""
    applied = apply(fleet, ledger, on=on, credentials=credentials, townships=townships, retire_missing=retire_missing)
    return applied.changes


class _Places:
    """Codes of townships: config.toml's, else the fleet's own, else the next number, by first sight."""

    def __init__(self, fleet: Fleet, configured: Sequence[Township]) -> None:
        self._old = fleet.townships
        self._configured = frozenset(township.code for township in configured)
        self._by_key = {normal(township.name): township for township in configured}
        self._taken = set(self._configured)
        for township in fleet.townships.values():
            if normal(township.name) not in self._by_key:
                self._add(township.name, township)

    def code(self, name: str) -> str:
        """The code of the township called ``name``, given now if it is new."""
        if normal(name) not in self._by_key:
            self._add(name, Township(code="", name=name))
        return self._by_key[normal(name)].code

    def _add(self, name: str, township: Township) -> None:
        code, number = township.code, 1
        while not code or code in self._taken:
            code, number = f"{number:03d}", number + 1
        self._by_key[normal(name)] = replace(township, code=code)
        self._taken.add(code)

    def moved(self, camera: Camera) -> Camera:
        """``camera`` under the code that its township has now."""
        old = self._old.get(camera.township)
        return replace(camera, township=self.code(old.name)) if old else camera

    def all(self, cameras: Iterable[Camera]) -> list[Township]:
        """Every township; one that config.toml no longer names only as long as it has cameras."""
        used = {camera.township for camera in cameras}
        return [
            township
            for township in self._by_key.values()
            if not self._configured or township.code in self._configured or township.code in used
        ]


class _Logins:
    """Logins by id. The same user name and password is one login; a new one gets the next free ``cred-1``."""

    def __init__(self, stored: Mapping[str, Credential]) -> None:
        self.by_id = dict(stored)
        self.touched: list[str] = []
        self._ids = {(login.username, login.password): login.id for login in reversed(tuple(stored.values()))}

    def id_of(self, login: Credential) -> str:
        """The id of ``login``, kept from now on."""
        pair = (login.username, login.password)
        identity = login.id or self._ids.get(pair) or self._next()
        if self.by_id.get(identity) != Credential(id=identity, username=pair[0], password=pair[1]):
            self.by_id[identity] = Credential(id=identity, username=pair[0], password=pair[1])
            self.touched.append(identity)
            self._ids = {key: owner for key, owner in self._ids.items() if owner != identity}
        self._ids.setdefault(pair, identity)
        return identity

    def _next(self) -> str:
        number = len(self.by_id) + 1
        while f"cred-{number}" in self.by_id:
            number += 1
        return f"cred-{number}"


def _merged(known: Camera | None, row: CameraRow, township: str, logins: _Logins) -> Camera:
    camera = replace(row.camera, township=township, credential=_credential(known, row, logins))
    if known is None:
        return camera
    kept = {name: getattr(known, name) for name in FIELDS if name not in row.given and name not in ALWAYS}
    return replace(camera, **kept)


FIELDS = tuple(member.name for member in fields(Camera))
ALWAYS = frozenset({"id", "credential"})


def _credential(known: Camera | None, row: CameraRow, logins: _Logins) -> str:
    if row.login_cleared:
        return ""
    if row.login:
        return logins.id_of(row.login)
    return row.camera.credential or (known.credential if known else "")


def _dated(known: Camera | None, camera: Camera, on: date) -> Camera:
    """A camera that is taken down today leaves service today, unless the ledger says when."""
    if camera.registration is Registration.RETIRED and camera.in_service_to is None:
        was = known.in_service_to if known and known.registration is Registration.RETIRED else None
        return replace(camera, in_service_to=was or on)
    return camera


def _retired(camera: Camera, on: date) -> Camera:
    return replace(camera, registration=Registration.RETIRED, in_service_to=camera.in_service_to or on)


def _missing(cameras: Mapping[str, Camera], ledger: Ledger) -> list[Camera]:
    present = {row.camera.id for row in ledger.rows} | ledger.refused
    return [
        camera
        for camera in cameras.values()
        if camera.id not in present and camera.registration is not Registration.RETIRED
    ]


def _changes(before: Fleet, after: Fleet, missing: Iterable[Camera], logins: _Logins, on: date) -> Changes:
    added, changed, retired, unchanged = [], [], [], 0
    for camera in after.cameras.values():
        known = before.cameras.get(camera.id)
        if known is None:
            added.append(camera)
        elif _leaves(known, camera, on):
            retired.append(camera)
        elif known != camera:
            changed.append(CameraChange(camera=camera.id, name=camera.name, fields=_field_changes(known, camera)))
        else:
            unchanged += 1
    return Changes(
        on=on,
        added=tuple(added),
        changed=tuple(changed),
        retired=tuple(retired),
        missing=tuple(missing),
        unchanged=unchanged,
        credentials=tuple(logins.touched),
        townships=tuple(township.name for code, township in after.townships.items() if code not in before.townships),
    )


def _leaves(known: Camera, camera: Camera, on: date) -> bool:
    def is_out(one: Camera) -> bool:
        return one.registration is Registration.RETIRED or (one.in_service_to is not None and one.in_service_to <= on)

    return is_out(camera) and not is_out(known)


def _field_changes(before: Camera, after: Camera) -> tuple[FieldChange, ...]:
    return tuple(
        FieldChange(field=name, before=getattr(before, name), after=getattr(after, name))
        for name in FIELDS
        if getattr(before, name) != getattr(after, name)
    )
