"""What a fictitious device knows and decides: channels, logins, sessions, and the count of what it was asked.

Device ── Channel 1, 2 …       what RTSP and ONVIF show; each with its own picture
  │
  ├── Access                   the login it demands, and when it locks an account
  ├── Counts                   what it was asked: logins, sessions, and what nobody may ask of a camera
  └── faults                   what is wrong with the device or with one channel
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from probes.testing.faults import SHOWN, TRUTH, Fault
from probes.testing.media import Codec, Feed, Picture, Studio


class Scheme(StrEnum):
    """How RTSP asks for the login (RFC 7616, RFC 7617)."""

    NONE = "none"
    BASIC = "basic"
    MD5 = "MD5"
    SHA256 = "SHA-256"


class OnvifLogin(StrEnum):
    """How ONVIF asks for the login: in the SOAP header or in HTTP."""

    NONE = "none"
    WSSE = "wsse"
    HTTP_DIGEST = "http_digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The login that a device demands. ``lockout_after`` wrong ones in a row lock it for ``lockout_s`` seconds."""

    username: str = "admin"
    password: str = field(default="Xunjian@2026", repr=False)
    scheme: Scheme = Scheme.MD5
    qop: bool = False
    stale_first: bool = False
    """The first right answer on a connection is met with ``stale=true`` and a new nonce."""
    onvif: OnvifLogin = OnvifLogin.WSSE
    onvif_clock_login: bool = False
    """Even GetSystemDateAndTime needs the login, against the ONVIF specification (seen on Axis)."""
    lockout_after: int = 5
    lockout_s: float = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Habits of a maker's firmware that a client has to cope with."""

    name: str
    realm: str
    server: str
    model: str
    firmware: str
    path: str
    """RTSP path with ``{channel}``"""
    absolute_control: bool = True
    """a=control carries whole URLs, else paths relative to Content-Base"""

    def channel_path(self, channel: int) -> str:
        """The RTSP path of a channel's main stream."""
        return self.path.format(channel=channel)


HIKVISION = Maker(
    name="海康威视",
    realm="IP Camera(G1234)",
    server="",
    model="DS-2CD3T46WDV3-I3",
    firmware="V5.6.12 build 200612",
    path="/Streaming/Channels/{channel}01",
)
DAHUA = Maker(
    name="大华",
    realm="Login to 4C0A1BFPAJ00F61",
    server="Rtsp Server/3.0",
    model="DH-IPC-HFW4443M-I2",
    firmware="2.820.0000000.18.R",
    path="/cam/realmonitor?channel={channel}&subtype=0",
    absolute_control=False,
)
UNIVIEW = Maker(
    name="宇视",
    realm="LoginToUNV",
    server="Uniview RTSP",
    model="IPC-B312-IR",
    firmware="IPC_Q1201-B0013P60D1806",
    path="/unicast/c{channel}/s0/live",
    absolute_control=False,
)
MAKERS = (HIKVISION, DAHUA, UNIVIEW)


@dataclass(slots=True, kw_only=True)
class Channel:
    """One picture source. ``camera_id`` is its id in the county's ledger."""

    camera_id: str
    number: int = 1
    path: str = "/Streaming/Channels/101"
    codec: Codec = Codec.H264
    scene: int = 0
    in_band: bool = True
    joins_live: bool = False
    """PLAY begins wherever the stream is, not with a key frame."""
    faults: set[Fault] = field(default_factory=set)
    frozen_at: float = 0.0
    sessions: int = 0

    def feed(self, studio: Studio, skew_s: float) -> Feed:
        """The stream that the channel sends at present."""
        picture = next((shown for fault, shown in SHOWN.items() if fault in self.faults), Picture.SCENE)
        return studio.feed(self.scene, self.codec, picture, since=self.frozen_at, skew_s=skew_s, in_band=self.in_band)


@dataclass(slots=True)
class Counts:
    """What a device was asked, so that a prober's manners can be judged afterwards."""

    connections: int = 0
    requests: int = 0
    logins: int = 0
    refused_logins: int = 0
    logins_per_minute_peak: int = 0
    sessions_peak: int = 0
    channel_sessions_peak: int = 0
    refused_sessions: int = 0
    missing_teardowns: int = 0
    key_frames: int = 0
    violations: list[tuple[float, str, str]] = field(default_factory=list)
    """(UTC seconds, camera id, what nobody may do to a camera that is only to be read)"""
    _recent: deque[float] = field(default_factory=deque, repr=False)

    def login(self, wall: float) -> None:
        """Count one accepted login."""
        self.logins += 1
        self._recent.append(wall)
        while self._recent[0] <= wall - 60:
            self._recent.popleft()
        self.logins_per_minute_peak = max(self.logins_per_minute_peak, len(self._recent))


class Connection(Protocol):
    """What a device needs of its open connections. ``dark`` once nothing more will be said on it."""

    dark: bool

    def go_dark(self) -> None:
        """Send nothing more, not even a FIN."""
        ...

    def drop(self) -> None:
        """Close at once."""
        ...


class Device:
    """One camera or recorder, without its ports.

    ``wall`` gives UTC seconds and is the only clock it knows; its own is ``skew_s`` ahead of it. ``session_limit``
    media sessions fit at a time; one that ends without TEARDOWN holds its place for ``orphan_hold_s`` more.
    ``refuses_tcp`` answers 461 to interleaved SETUP.
    """

    def __init__(
        self,
        channels: list[Channel],
        *,
        studio: Studio,
        wall: Callable[[], float],
        host: str = "127.0.0.1",
        access: Access | None = None,
        maker: Maker = HIKVISION,
        session_limit: int = 4,
        orphan_hold_s: float = 0.0,
        refuses_tcp: bool = False,
        serial: str = "XJ00000001",
    ) -> None:
        self.channels, self.studio, self.wall = channels, studio, wall
        self.host, self.maker, self.serial = host, maker, serial
        self.rtsp_port = 0
        self.http_nonce = secrets.token_hex(8)
        """good for every HTTP connection until the device is switched on anew"""
        self.access = Access() if access is None else access
        self.session_limit, self.orphan_hold_s, self.refuses_tcp = session_limit, orphan_hold_s, refuses_tcp
        self.faults: set[Fault] = set()
        self.skew_s, self.delay_s = 0.0, 2.0
        self.counts = Counts()
        self.sessions = 0
        self.connections: set[Connection] = set()
        self._bad_logins, self._locked_until = 0, 0.0

    def truth(self, channel: Channel) -> tuple[str, str | None]:
        """(condition, fault) of the camera on ``channel`` in the county's words."""
        present = self.faults | channel.faults
        return next((told for fault, told in TRUTH.items() if fault in present), ("intact", None))

    def has(self, fault: Fault) -> bool:
        """True while ``fault`` is on the device."""
        return fault in self.faults

    def channel_at(self, path: str) -> Channel | None:
        """The channel that an RTSP path, perhaps with a track behind it, belongs to."""
        for channel in self.channels:
            if path == channel.path or path.startswith((f"{channel.path}/", f"{channel.path}?", f"{channel.path}&")):
                return None if Fault.NO_CHANNEL in channel.faults else channel
        return None

    def clock(self) -> float:
        """The device's own idea of UTC."""
        return self.wall() + self.skew_s

    def password(self) -> str:
        """The password at present: WRONG_PASSWORD means that somebody changed it on the device."""
        return self.access.password + ("-changed" if Fault.WRONG_PASSWORD in self.faults else "")

    @property
    def locked(self) -> bool:
        """True while the account is locked after too many wrong logins."""
        return self.wall() < self._locked_until

    def judge_login(self, right: bool, *, counts: bool) -> bool:
        """True when a login is accepted; ``counts`` when it begins something new rather than goes on."""
        if self.locked:
            self.violation("login while locked")
            return False
        if right:
            self._bad_logins = 0
            if counts:
                self.counts.login(self.wall())
            return True
        self.counts.refused_logins += 1
        self._bad_logins += 1
        if self._bad_logins >= self.access.lockout_after:
            self._locked_until, self._bad_logins = self.wall() + self.access.lockout_s, 0
            self.violation("locked the account")
        return False

    def open_session(self, channel: Channel) -> bool:
        """Take a media session; False when all are taken."""
        if self.sessions >= self.session_limit or Fault.SESSIONS_FULL in self.faults:
            self.counts.refused_sessions += 1
            return False
        self.sessions += 1
        channel.sessions += 1
        self.counts.sessions_peak = max(self.counts.sessions_peak, self.sessions)
        self.counts.channel_sessions_peak = max(self.counts.channel_sessions_peak, channel.sessions)
        if channel.sessions > 1:
            self.violation("two sessions at a time", channel)
        return True

    def end_session(self, channel: Channel, *, torn_down: bool) -> None:
        """Give a session back, later when the client left without TEARDOWN."""
        channel.sessions -= 1
        if torn_down:
            self._free_session()
            return
        self.counts.missing_teardowns += 1
        if self.orphan_hold_s:
            asyncio.get_running_loop().call_later(self.orphan_hold_s, self._free_session)
        else:
            self._free_session()

    def violation(self, what: str, channel: Channel | None = None) -> None:
        """Note something that nobody may do to a camera that is only to be read."""
        self.counts.violations.append((self.wall(), (channel or self.channels[0]).camera_id, what))

    def connected(self, connection: Connection) -> None:
        """A client has connected."""
        self.counts.connections += 1
        self.connections.add(connection)

    def disconnected(self, connection: Connection) -> None:
        """A client is gone."""
        self.connections.discard(connection)

    def _free_session(self) -> None:
        self.sessions -= 1
