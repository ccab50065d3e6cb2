"""The settings of what is told to other programs: how long messages wait, and the MQTT broker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from monitor.config.values import Count, HostOrNothing, Port, Table, Words, complaint

DAY_S = 86_400
CREDENTIAL = "xunjian-mqtt-password"


class Outbox(Table):
    """How long messages are kept: those that all have read, and those that somebody has not."""

    read_days: Count = 7
    unread_days: Count = 30

    @model_validator(mode="after")
    def _keeps_unread_longer(self) -> Self:
        if self.unread_days < self.read_days:
            raise complaint(
                f"unread_days（{self.unread_days}）不能小于 read_days（{self.read_days}）",
                f"unread_days ({self.unread_days}) must not be less than read_days ({self.read_days})",
            )
        return self


class Mqtt(Table):
    """The broker that is told; without a ``host`` none is."""

    host: HostOrNothing = ""
    port: Port = 1883
    county: Words = "county"
    username: str = ""
    password_file: str = ""
    tls: bool = False
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    client_id: Words = "xunjian"
    keepalive_s: Annotated[int, Field(ge=5, le=65_535)] = 30
    retained: bool = True

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if bool(self.cert_file) != bool(self.key_file):
            raise complaint("cert_file 和 key_file 必须同时写", "needs both cert_file and key_file, or neither")
        if (self.ca_file or self.cert_file) and not self.tls:
            raise complaint("写了证书但 tls = false", "names certificates, but tls is false")
        if self.password_file and not self.username:
            raise complaint("写了 password_file，缺少 username", "names a password_file, but no username")
        return self

    def at(self, home: Path) -> Mqtt:
        """The same with its files' paths made absolute from ``home``."""
        names = ("password_file", "ca_file", "cert_file", "key_file")
        return self.model_copy(update={name: str(home / getattr(self, name)) for name in names if getattr(self, name)})

    def password(self, environment: Mapping[str, str]) -> str | None:
        """The password: systemd's credential of that name, else the first line of its file; None without any.

        Raises OSError when the file cannot be read.
        """
        folder = environment.get("CREDENTIALS_DIRECTORY")
        credential = Path(folder) / CREDENTIAL if folder else None
        if credential is not None and credential.is_file():
            path = credential
        elif self.password_file:
            path = Path(self.password_file)
        else:
            return None
        return path.read_text("utf-8").partition("\n")[0].rstrip("\r")

    def is_password_open(self) -> bool:
        """Whether other users of this machine may read the password's file."""
        return bool(self.password_file) and bool(Path(self.password_file).stat().st_mode & 0o007)
