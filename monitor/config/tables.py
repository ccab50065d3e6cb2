"""Which settings are there? The tables of config.toml and their defaults."""

from __future__ import annotations

from collections import Counter
from datetime import date, time
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, model_validator

from monitor.config.alerting import Alerts
from monitor.config.messages import Mqtt, Outbox
from monitor.config.values import (
    Address,
    AddressOrNothing,
    Amount,
    Count,
    Host,
    MonthOrNothing,
    NoSeconds,
    Percent,
    PortOrAny,
    Seconds,
    SettingsOf,
    Table,
    TimeZone,
    WholeSeconds,
    Words,
    complaint,
)
from monitor.core import availability, retention, rotation
from monitor.core.condition import GRAVE_BY_DEFAULT, IMAGE_FAULTS, Condition, Fault
from monitor.core.due import Plan
from monitor.core.event import CommonCause
from monitor.core.fleet import Township
from monitor.core.outage import Rules
from monitor.core.scoring import Linear
from monitor.core.veil import Neighbours
from monitor.core.workday import Workdays
from probes.image.thresholds import Thresholds
from probes.observation import Depth
from probes.onvif import OnvifProbe
from probes.picture import PictureProbe
from probes.reach import ReachProbe
from probes.rtsp import RtspProbe

DAY_S = 86_400
MIB = 2**20


class Site(Table):
    """Whose network this is."""

    county: Words = "示范县"
    office: Words = "示范县综治中心"
    demo: bool = False
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
    """How often a camera gets which look, in whole seconds as the record keeps them (see ``core.due.Plan``)."""

    light_s: WholeSeconds = 60
    describe_s: NoSeconds = 300
    media_s: NoSeconds = 1800
    picture_s: NoSeconds = 21600
    impaired_s: WholeSeconds = 900
    backoff: Annotated[tuple[Count, ...], Field(min_length=1)] = (1, 2, 4, 8, 15)
    backoff_cap_s: WholeSeconds = 900
    relook_after_s: Annotated[tuple[WholeSeconds, ...], Field(min_length=1)] = (20, 60)
    deadline_s: Seconds = 25.0

    @property
    def plan(self) -> Plan:
        """The same for the rule that says which look is due."""
        return Plan(**self.model_dump(exclude={"deadline_s"}))


class Confirm(Table):
    """When looks become a verdict (see ``core.outage.Rules``)."""

    confirm_looks: Count = 3
    confirm_over_s: NoSeconds = 80
    up_looks: Count = 2
    up_apart_s: NoSeconds = 3
    image_looks: Count = 2
    image_of: Count = 3
    image_gap_s: NoSeconds = 1800
    veil_outlasts_s: WholeSeconds = DAY_S
    silence_intervals: Count = 3
    hold_s: WholeSeconds = 1800
    login_refusals: Count = 3
    login_refused_is: Literal["impaired", "unknown"] = "impaired"
    first_depth: Literal["light", "describe", "media", "picture"] = "picture"
    flap_changes: Count = 6
    flap_window_s: WholeSeconds = 86400

    @model_validator(mode="after")
    def _image_looks_fit(self) -> Self:
        if self.image_looks > self.image_of:
            raise complaint(
                f"image_looks（{self.image_looks}）不能大于 image_of（{self.image_of}）",
                f"image_looks ({self.image_looks}) must not be more than image_of ({self.image_of})",
            )
        return self

    @property
    def rules(self) -> Rules:
        """The same for the rules of the record."""
        numbers = self.model_dump(exclude={"login_refused_is", "first_depth"})
        return Rules(
            login_refused_is=Condition(self.login_refused_is), first_depth=Depth[self.first_depth.upper()], **numbers
        )


LIGHT = SettingsOf(ReachProbe)
ONVIF = SettingsOf(OnvifProbe, without=("to",))
RTSP = SettingsOf(RtspProbe, without=("to",))
PICTURE = SettingsOf(PictureProbe)


class Probes(Table):
    """The settings of each probe are the fields of its class."""

    light: Annotated[Table, LIGHT] = LIGHT.defaults()
    onvif: Annotated[Table, ONVIF] = ONVIF.defaults()
    rtsp: Annotated[Table, RTSP] = RTSP.defaults()
    picture: Annotated[Table, PICTURE] = PICTURE.defaults()

    def settings(self, name: str) -> dict[str, Any]:
        """The arguments for the probe called ``name``: ``RtspProbe(to="media", **probes.settings("rtsp"))``."""
        table: Table = getattr(self, name)
        return {key: getattr(table, key) for key in type(table).model_fields}


class Limits(Table):
    """How much may be in flight at once."""

    light: Count = 200
    media: Count = 64
    per_camera: Count = 1
    per_recorder: Count = 4
    link_mbit_s: Annotated[float, Field(gt=0)] = 20.0


class Together(Table):
    """When failures have a common cause (see ``core.event.CommonCause``)."""

    members: Annotated[int, Field(ge=2)] = 3
    window_s: WholeSeconds = 300

    @property
    def common_cause(self) -> CommonCause:
        """The same for the rule that finds events."""
        return CommonCause(members=self.members, window_s=self.window_s)


class NeighbourTable(Table):
    """Who tells fog from a covered lens (see ``core.veil.Neighbours``)."""

    window_s: WholeSeconds = 3600
    members: Count = 3
    weather_share: Annotated[float, Field(gt=0, le=1)] = 0.4

    @property
    def rule(self) -> Neighbours:
        """The same for the rule that asks them."""
        return Neighbours(**self.model_dump())


class Inspection(Table):
    """The month's numbered rounds with a picture look at every camera."""

    rounds_per_month: Annotated[int, Field(ge=0, le=62)] = 8
    day_time: time = time(10)
    night_time: time = time(22)


class Counting(Table):
    """How the month is counted (see ``core.availability.Counting``)."""

    assessed_from: Percent = "10"
    new_days: Annotated[int, Field(ge=0)] = 30

    @property
    def rules(self) -> availability.Counting:
        """The same for the rules of the month."""
        return availability.Counting(assessed_from=Fraction(self.assessed_from) / 100, new_days=self.new_days)


class Month(Table):
    """Which months are reported, and what stands on their papers."""

    basis: Literal["time"] = "time"
    first: MonthOrNothing = ""
    small_township: Annotated[int, Field(ge=0)] = 30
    appeal_workdays: Annotated[int, Field(ge=0)] = 3


class Points(Table):
    """What a rate is worth (see ``core.scoring.Linear``)."""

    full: Amount = "100"
    floor: Amount = "0"
    per_point: Amount = "1"

    @model_validator(mode="after")
    def _floor_fits(self) -> Self:
        if Fraction(self.floor) > Fraction(self.full):
            raise complaint(
                f"floor（{self.floor}）不能大于 full（{self.full}）",
                f"floor ({self.floor}) must not be more than full ({self.full})",
            )
        return self

    @property
    def rule(self) -> Linear:
        """The same for the rule that gives points."""
        return Linear(full=Fraction(self.full), floor=Fraction(self.floor), per_point=Fraction(self.per_point))


class Deadlines(Table):
    """Until when a fault is to be repaired, in days of work after the notice; a key point in calendar days."""

    key_point: Count = 1
    line: Count = 3
    device: Count = 7
    relocation: Count = 15


class WorkdayTable(Table):
    """Days that are not what their weekday says, besides the published ones (see ``core.workday``)."""

    off: tuple[date, ...] = ()
    work: tuple[date, ...] = ()

    @property
    def calendar(self) -> Workdays:
        """The same for the rule that counts days of work."""
        return Workdays(off=frozenset(self.off), work=frozenset(self.work))


class Record(Table):
    """How often the record and what is shown of it are renewed."""

    coverage_s: Seconds = 10.0
    board_s: Seconds = 2.0
    count_s: Seconds = 15.0


def _image_fault(value: object) -> object:
    if value not in IMAGE_FAULTS:
        raise complaint(
            f"“{value}”不是画面问题，可选：{'、'.join(sorted(IMAGE_FAULTS))}",
            f'"{value}" is not an image fault; choose from {", ".join(sorted(IMAGE_FAULTS))}',
        )
    return value


ImageFault = Annotated[Fault, Field(strict=False), BeforeValidator(_image_fault)]


THRESHOLDS = SettingsOf(Thresholds)


class Picture(Table):
    """Which image faults make a camera impaired, from where on each is one, and how many processes decode."""

    grave: tuple[ImageFault, ...] = tuple(sorted(GRAVE_BY_DEFAULT))
    workers: Count = 2
    thresholds: Annotated[Table, THRESHOLDS] = THRESHOLDS.defaults()

    @property
    def limits(self) -> Thresholds:
        """The thresholds as the decode workers take them."""
        return Thresholds(**self.thresholds.model_dump())


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
    """The page; ``names`` are those it is asked for by besides ``host``, at a proxy in front of it, say."""

    host: Host = "127.0.0.1"
    names: tuple[Host, ...] = ()
    port: PortOrAny = 8420
    lang: Literal["zh", "en"] = "zh"


class Metrics(Table):
    """What Prometheus is given."""

    enabled: bool = True
    stalled_after_s: Seconds = 180.0
    prometheus: str = ""


class Evidence(Table):
    """Pictures that prove a fault, and how long they are kept (see ``core.retention.Rules``)."""

    dir: Words = "data/evidence"
    good_days: Count = 90
    fault_days: Count = 180
    budget_mib: Count = 4096
    keep_free_mib: NoSeconds = 1024
    closed_years: tuple[Annotated[int, Field(ge=2000, le=9999)], ...] = ()

    @model_validator(mode="after")
    def _faults_are_kept_longer(self) -> Self:
        if self.fault_days < self.good_days:
            raise complaint(
                f"fault_days（{self.fault_days}）不能小于 good_days（{self.good_days}）：问题图片是凭据",
                f"fault_days ({self.fault_days}) must not be less than good_days ({self.good_days}): "
                "pictures of faults are proof",
            )
        return self

    def rules(self, zone: ZoneInfo) -> retention.Rules:
        """The same for the rules that say what goes; ``zone`` is the site's."""
        return retention.Rules(
            good_s=self.good_days * DAY_S,
            fault_s=self.fault_days * DAY_S,
            budget=self.budget_mib * MIB,
            spare=self.keep_free_mib * MIB,
            zone=zone,
            closed_years=frozenset(self.closed_years),
        )


class Papers(Table):
    """What the month's papers are made with."""

    dir: Words = "data/papers"
    fonts: Words = "data/fonts"


class Exemptions(Table):
    """Where the files that prove an exemption are kept, each under its hash."""

    proofs: Words = "data/proofs"


class Backup(Table):
    """Where backups go, and how many of each kind stay (see ``core.rotation.Rules``)."""

    dir: Words = "data/backup"
    second: str = ""
    hourly: Count = 24
    nightly: Count = 30
    monthly: NoSeconds = 12
    all_evidence: bool = False

    @property
    def rules(self) -> rotation.Rules:
        """The same for the rule that says which backups go."""
        return rotation.Rules(hourly=self.hourly, nightly=self.nightly, monthly=self.monthly)


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
    confirm: Confirm = Confirm()
    probes: Probes = Probes()
    limits: Limits = Limits()
    together: Together = Together()
    neighbours: NeighbourTable = NeighbourTable()
    inspection: Inspection = Inspection()
    counting: Counting = Counting()
    month: Month = Month()
    points: Points = Points()
    deadlines: Deadlines = Deadlines()
    workdays: WorkdayTable = WorkdayTable()
    record: Record = Record()
    picture: Picture = Picture()
    witness: Witness = Witness()
    store: Store = Store()
    web: Web = Web()
    metrics: Metrics = Metrics()
    evidence: Evidence = Evidence()
    papers: Papers = Papers()
    exemptions: Exemptions = Exemptions()
    alerts: Alerts = Alerts()
    outbox: Outbox = Outbox()
    mqtt: Mqtt = Mqtt()
    backup: Backup = Backup()
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
        papers = self.papers.model_copy(
            update={"dir": str(home / self.papers.dir), "fonts": str(home / self.papers.fonts)}
        )
        secrets = self.secrets.model_copy(update={"key_file": str(home / self.secrets.key_file)})
        exemptions = self.exemptions.model_copy(update={"proofs": str(home / self.exemptions.proofs)})
        second = str(home / self.backup.second) if self.backup.second else ""
        backup = self.backup.model_copy(update={"dir": str(home / self.backup.dir), "second": second})
        store = self.store.model_copy(update={"url": _anchored(self.store.url, home)})
        settled = self.model_copy(
            update={
                "evidence": evidence,
                "papers": papers,
                "exemptions": exemptions,
                "mqtt": self.mqtt.at(home),
                "alerts": self.alerts.at(home),
                "backup": backup,
                "secrets": secrets,
                "store": store,
            }
        )
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
