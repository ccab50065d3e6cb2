"""Has a camera another TLS certificate than before?

Cameras sign their certificates themselves, so there is nobody who could vouch for one. A change is told to people and
is no fault: somebody has reset or exchanged the camera, or stands in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CERTIFICATE = "certificate"
"""The action in the audit."""

NOTED_EVERY_S = 3600
"""A camera that shows another one each time is told of once an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateNote:
    """From ``at`` (UTC seconds) on the certificate had the fingerprint ``sha256``; "" ``before``: it was the first."""

    at: int
    sha256: str
    before: str = ""

    @property
    def told(self) -> dict[str, object]:
        """The same for the audit."""
        return {"sha256": self.sha256, "before": self.before}

    @classmethod
    def of(cls, at: int, told: Mapping[str, object]) -> CertificateNote:
        """Back from the audit."""
        return cls(at=at, sha256=str(told.get("sha256", "")), before=str(told.get("before", "")))


def noted(known: CertificateNote | None, sha256: str, at: int) -> CertificateNote | None:
    """What is to be noted of the certificate seen at ``at``; None for one that is known."""
    if known is None:
        return CertificateNote(at=at, sha256=sha256)
    if known.sha256 == sha256 or at - known.at < NOTED_EVERY_S:
        return None
    return CertificateNote(at=at, sha256=sha256, before=known.sha256)
