"""What a channel is: a way to people that takes a letter or says why not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from monitor.secrets import SecretsError

LONGEST_REASON = 300
"""A refusal is kept and shown with so many characters: a gateway may answer with a whole page."""


class DeliveryError(Exception):
    """A letter was not taken; the message says why, in the words of the peer. ``permanent`` ones are not retried."""

    def __init__(self, reason: str, *, permanent: bool = False) -> None:
        super().__init__(" ".join(reason.split())[:LONGEST_REASON])
        self.permanent = permanent


class ChannelError(SecretsError):
    """A channel of config.toml cannot be used; the message says why and what to do, without any secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message as people read it. ``kind`` is that of its alert or "test", ``at`` the site's time in ISO 8601."""

    title: str
    text: str
    kind: str
    at: str


class Channel(Protocol):
    """A way to people."""

    @property
    def longest(self) -> int:
        """How many bytes of UTF-8 a letter's title and text may have together."""
        ...

    async def send(self, letter: Letter, *, deadline_s: float) -> None:
        """Deliver the letter. Raises DeliveryError when it was not taken within ``deadline_s``."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def read_secret(path: Path, credentials: Path | None) -> str:
    """What stands in a secret file: in systemd's credential of that name if there is one. Raises ChannelError.

    Comments and empty lines are left out. A file that others can read is refused, as a key file is.
    """
    credential = credentials / path.name if credentials else None
    if credential is not None and credential.is_file():
        path = credential
    try:
        if path != credential and path.stat().st_mode & 0o077:
            raise ChannelError(
                f"{path} 其他用户也能读取；请先执行 chmod 600 {path}",
                f"others can read {path}; run chmod 600 {path} first",
            )
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise ChannelError(f"无法读取 {path}（{error.strerror}）", f"cannot read {path} ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ChannelError(f"{path} 不是 UTF-8 编码", f"{path} is not in UTF-8") from None
    return "\n".join(line.strip() for line in lines if line.strip() and not line.startswith("#"))
