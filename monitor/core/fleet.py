"""Who is watched: townships, villages and cameras as they stood on a day."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


class Registration(StrEnum):
    """状态 of the ledger."""

    IN_USE = "in_use"
    REPAIR = "repair"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Township:
    """``code`` orders townships that tie; ``planned`` is the assessed target number of cameras (考核指标数)."""

    code: str
    name: str
    group: str = ""
    planned: int | None = None
    witness: str = ""
    """host or host:port of a device at the end of this township's link, looked at before the township is blamed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom to call: a name and a telephone number, either may be empty."""

    name: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """One channel of the ledger (一机一档). ``credential`` is the id of a stored login, never the login itself."""

    id: str
    name: str
    township: str
    """code of its Township"""
    village: str
    host: str = ""
    rtsp_port: int | None = 554
    rtsp_path: str = ""
    rtsps: bool = False
    onvif_port: int | None = None
    onvif_path: str = "/onvif/device_service"
    channel: int | None = None
    credential: str = ""
    key_point: bool = False
    maker: str = ""
    model: str = ""
    recorder: str = ""
    maintainer: Contact = Contact()
    power: Contact = Contact()
    network: Contact = Contact()
    registration: Registration = Registration.IN_USE
    in_service_from: date | None = None
    in_service_to: date | None = None
    longitude: float | None = None
    latitude: float | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    """columns of the ledger that have no field here, kept as they stood"""

    @property
    def address(self) -> str:
        """Shared fate: cameras with the same address sit behind one device (host and RTSP port)."""
        port = self.rtsp_port if self.rtsp_port is not None else self.onvif_port
        return f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Everything that is in the ledger at one moment. Immutable; ``digest`` names its content."""

    townships: Mapping[str, Township]
    cameras: Mapping[str, Camera]

    @classmethod
    def of(cls, townships: Iterable[Township], cameras: Iterable[Camera]) -> Fleet:
        """A fleet keyed by township code and camera id, in that order."""
        return cls(
            townships=MappingProxyType({t.code: t for t in sorted(townships, key=lambda t: t.code)}),
            cameras=MappingProxyType({c.id: c for c in sorted(cameras, key=lambda c: c.id)}),
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the canonical JSON of the content."""
        content = {
            "townships": [asdict(t) for t in self.townships.values()],
            "cameras": [asdict(c) for c in self.cameras.values()],
        }
        text = json.dumps(content, default=str, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def by_address(self) -> Mapping[str, tuple[Camera, ...]]:
        """Cameras behind one device (recorder), keyed by ``Camera.address``."""
        return self._grouped(lambda camera: camera.address)

    @cached_property
    def by_village(self) -> Mapping[tuple[str, str], tuple[Camera, ...]]:
        """Cameras of one village, keyed by the township's code and the village's name."""
        return self._grouped(lambda camera: (camera.township, camera.village))

    @cached_property
    def by_township(self) -> Mapping[str, tuple[Camera, ...]]:
        """Cameras of one township, keyed by its code."""
        return self._grouped(lambda camera: camera.township)

    def _grouped(self, key: Callable[[Camera], Key]) -> Mapping[Key, tuple[Camera, ...]]:
        groups: dict[Key, list[Camera]] = {}
        for camera in self.cameras.values():
            groups.setdefault(key(camera), []).append(camera)
        return MappingProxyType({its: tuple(cameras) for its, cameras in groups.items()})
