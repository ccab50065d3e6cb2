"""Which settings are there? The tables of config.toml and their defaults."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr

from monitor.config.values import (
    Address,
    AddressOrNothing,
    Count,
    Host,
    Percent,
    PortOrAny,
    Seconds,
    Table,
    TimeZone,
    Words,
    complaint,
)
from monitor.core.condition import GRAVE_BY_DEFAULT, IMAGE_FAULTS, Fault
from monitor.core.fleet import Township


class Site(Table):
    """Whose network this is."""

    county: Words = "示范县"
    office: Words = "示范县综治中心"
    timezone: TimeZone = "Asia/Shanghai"
    target: Percent = "95"

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that days and months are cut in."""
        return ZoneInfo(self.timezone)

    @property
    def target_rate(self) -> Fraction:
        """``target`` as an exact share: "95" is 19/20."""
        return Fraction(self.target) / 100


class TownshipEntry(Table):
    """One ``[[townships]]``."""

    code: Words
    name: Words
    group: str = ""
    planned: Count | None = None
    witness: AddressOrNothing = ""


class Looks(Table):
    """How often each kind of look is taken, and how long one may take."""

    light_s: Seconds = 60.0
    describe_s: Seconds = 300.0
    media_s: Seconds = 1800.0
    picture_per_day: Count = 4
    inspections_per_month: Annotated[int, Field(ge=0)] = 8
    deadline_s: Seconds = 25.0


class Limits(Table):
    """How much may be in flight at once."""

    light: Count = 200
    media: Count = 64
    per_camera: Count = 1
    per_recorder: Count = 4
    link_mbit_s: Annotated[float, Field(gt=0)] = 20.0


def _image_fault(value: object) -> object:
    if value not in IMAGE_FAULTS:
        raise complaint(
            f"“{value}”不是画面问题，可选：{'、'.join(sorted(IMAGE_FAULTS))}",
            f'"{value}" is not an image fault; choose from {", ".join(sorted(IMAGE_FAULTS))}',
        )
    return value


ImageFault = Annotated[Fault, Field(strict=False), BeforeValidator(_image_fault)]


class Picture(Table):
    """Which image faults make a camera impaired, and how many processes decode."""

    grave: tuple[ImageFault, ...] = tuple(sorted(GRAVE_BY_DEFAULT))
    workers: Count = 2


class Witness(Table):
    """Who is asked whether we ourselves can see, before any camera is blamed."""

    canary: bool = True
    county: tuple[Address, ...] = ()
    every_s: Seconds = 20.0
    link_failure_counts: bool = True


class Store(Table):
    """Where the record is kept."""

    url: Words = Field(default="sqlite:///data/xunjian.db", repr=False)


class Web(Table):
    """The page."""

    host: Host = "127.0.0.1"
    port: PortOrAny = 8420
    lang: Literal["zh", "en"] = "zh"


class Metrics(Table):
    """What Prometheus is given."""

    enabled: bool = True
    stalled_after_s: Seconds = 180.0


class Evidence(Table):
    """Pictures that prove a fault."""

    dir: Words = "data/evidence"
    days: Count = 90


class Secrets(Table):
    """Where the key that encrypts camera passwords is."""

    key_file: Words = "data/xunjian.key"


class Log(Table):
    """What the program says of itself."""

    format: Literal["auto", "console", "json"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


def _distinct(townships: tuple[TownshipEntry, ...]) -> tuple[TownshipEntry, ...]:
    for key, word in (("code", "编号"), ("name", "名称")):
        for value, count in Counter(getattr(township, key) for township in townships).items():
            if count > 1:
                raise complaint(
                    f"乡镇{word}“{value}”出现了 {count} 次，应各不相同",
                    f'the township {key} "{value}" stands there {count} times; each must be different',
                )
    return townships


class Config(Table):
    """Everything that config.toml can say. Immutable; paths are absolute once it has been loaded."""

    site: Site = Site()
    looks: Looks = Looks()
    limits: Limits = Limits()
    picture: Picture = Picture()
    witness: Witness = Witness()
    store: Store = Store()
    web: Web = Web()
    metrics: Metrics = Metrics()
    evidence: Evidence = Evidence()
    secrets: Secrets = Secrets()
    log: Log = Log()
    townships: Annotated[tuple[TownshipEntry, ...], AfterValidator(_distinct)] = ()
    _home: Path = PrivateAttr(default=Path())

    @property
    def home(self) -> Path:
        """The folder that relative paths start at: the one that config.toml lies in."""
        return self._home

    def at(self, home: Path) -> Config:
        """The same settings with every relative path made absolute from ``home``."""
        evidence = self.evidence.model_copy(update={"dir": str(home / self.evidence.dir)})
        secrets = self.secrets.model_copy(update={"key_file": str(home / self.secrets.key_file)})
        store = self.store.model_copy(update={"url": _anchored(self.store.url, home)})
        settled = self.model_copy(update={"evidence": evidence, "secrets": secrets, "store": store})
        settled._home = home
        return settled


def _anchored(url: str, home: Path) -> str:
    """``sqlite:///data/x.db`` names a file relative to ``home``; other databases have no files of ours."""
    scheme, slashes, name = url.partition(":///")
    if not slashes or not scheme.startswith("sqlite") or not name or name.startswith(":memory:"):
        return url
    return f"{scheme}:///{home / name}"


def townships_of(config: Config) -> tuple[Township, ...]:
    """The townships that config.toml names; none means that the ledger's own names are taken."""
    return tuple(Township(**dict(entry)) for entry in config.townships)
