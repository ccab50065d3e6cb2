"""Whom to call? The ledger's contacts, by what has failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from monitor.core.fleet import Camera, Contact

FIRST_ASKED: Mapping[str, str] = {"village": "power", "link": "network", "subnet": "network", "recorder": "maintainer"}
"""Which contact of the ledger is called first for which kind of event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """Whom to call: ``role`` is power, network or maintainer."""

    role: str
    contact: Contact


def numbers_for(role: str, cameras: Iterable[Camera]) -> tuple[Number, ...]:
    """Contacts of ``role`` that have a telephone, by how many cameras name them; else the maintainers'."""
    asked = tuple(cameras)
    for wanted in dict.fromkeys((role, "maintainer")):
        counts = Counter(_contact(camera, wanted) for camera in asked)
        ordered = sorted(counts, key=lambda contact: (-counts[contact], contact.phone))
        found = tuple(Number(role=wanted, contact=contact) for contact in ordered if contact.phone)
        if found:
            return found
    return ()


def _contact(camera: Camera, role: str) -> Contact:
    return {"power": camera.power, "network": camera.network}.get(role, camera.maintainer)
