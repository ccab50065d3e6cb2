"""A county watched live: real probes, the real daemon, a real Prometheus, and a truth to hold them against.

One story is played once: everything is well, things fail, they are repaired, our own uplink is cut and restored, the
daemon ends. What was seen at each stage is kept, and every test asserts its figures on that.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from monitor.core.condition import Condition, Fault
from monitor.core.period import Month
from monitor.core.record import Event, Gap, Transition
from monitor.store import Batch, Coverage, Store, TransitionRecord
from probes.testing.county import County, write_ledger
from probes.testing.county_plan import PlannedDevice
from probes.testing.device import Scheme
from tests.deploy.dashboards import Query, boards
from tests.deploy.rules import RULES
from tests.e2e import alertmanager_server
from tests.e2e.alertmanager_server import Gateways, alertmanager, gateways
from tests.e2e.panels import Answers, ask_panels, ask_variables
from tests.e2e.peers import RealCamera
from tests.e2e.prometheus_server import CHECKER, PROGRAM, PrometheusServer, prometheus
from tests.e2e.site import Daemon, Site, until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]

CAMERAS, TOWNSHIPS, VILLAGES = 300, 6, 40
REMEMBERED = 5
"""the township that has been watched since the month began"""
DOWN_BEFORE_S = 5000
"""how long one of its cameras was offline in that time"""
SITE_ZONE = ZoneInfo("Asia/Shanghai")
REAL = "99000000001320000001"
"""the id of the camera that GStreamer plays"""

TOLD_OF_FAULTS = (
    ("duty", "XunjianMassOutage"),
    ("duty", "XunjianKeyPointDown"),
    ("digest", "XunjianCameraDown"),
)

EARLY_S = 9
"""A look counts from its first second, and may have begun before the change that it met: 8 s are its time limit."""

LATE_S = 15
"""How much later than the truth the record may begin or end an outage: the longest interval between two looks that
could have seen it (12 s), and what a machine shared with other tests adds."""

Board = dict[str, Any]
Life = list[dict[str, Any]]


@dataclass(kw_only=True)
class Hurt:
    """Where each fault is injected: ids of cameras, or the name of a place."""

    village: str
    without_power: list[str]
    black: str
    not_found: str
    changed_password: str
    full_recorder: str
    behind_it: list[str]

    def expected(self) -> dict[str, tuple[str, str]]:
        """Condition and fault of every camera that has one, by id."""
        found = dict.fromkeys(self.without_power, ("offline", "unreachable"))
        found[self.black] = ("impaired", "black")
        found[self.not_found] = ("impaired", "no_stream")
        found[self.changed_password] = ("impaired", "unauthorized")
        return found


@dataclass(frozen=True, kw_only=True)
class Live:
    """What Prometheus said at one moment."""

    counts: dict[tuple[str, str], int]
    """xunjian_township_cameras by (township, condition)"""
    offline: dict[str, int]
    """cameras that are not online, by township, counted by PromQL from the cameras' own series"""
    impaired: dict[str, int]
    online_series: int
    seconds: dict[str, float]
    """sum over the four states by camera"""
    ratios: dict[str, float]


@dataclass(kw_only=True)
class Story:
    """What was seen, and when (UTC seconds)."""

    began: float
    hurt: Hurt
    injected: dict[str, float] = field(default_factory=dict)
    repaired: dict[str, float] = field(default_factory=dict)
    cut: tuple[float, float] = (0.0, 0.0)
    well: Board = field(default_factory=dict)
    failed: Board = field(default_factory=dict)
    blind: list[Board] = field(default_factory=list)
    recovered: Board = field(default_factory=dict)
    live_well: Live | None = None
    live_failed: Live | None = None
    live_blind: list[Live] = field(default_factory=list)
    panels: Answers = field(default_factory=dict)
    """what every query of every dashboard says while five things are broken"""
    offered: dict[str, dict[str, str]] = field(default_factory=dict)
    """values and texts of the dashboards' variables"""
    gateways: Gateways | None = None
    """what Alertmanager has told; None without one"""
    metrics: dict[str, str] = field(default_factory=dict)
    seconds: list[tuple[float, dict[str, dict[str, int]]]] = field(default_factory=list)
    healths: list[str] = field(default_factory=list)
    exit_code: int = -1
    end_took_s: float = 0.0
    children_left: list[str] = field(default_factory=list)
    socket_left: bool = True
    errors_logged: list[dict[str, Any]] = field(default_factory=list)
    truth: Mapping[str, Life] = field(default_factory=dict)
    stats: Mapping[str, Any] = field(default_factory=dict)
    history: dict[str, list[Transition]] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    events: tuple[Event, ...] = ()
    coverages: tuple[Coverage, ...] = ()
    cameras: frozenset[str] = frozenset()
    township_of: dict[str, str] = field(default_factory=dict)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def story(tmp_path_factory: pytest.TempPathFactory, real_camera: RealCamera | None) -> AsyncIterator[Story]:
    home = tmp_path_factory.mktemp("county")
    async with AsyncExitStack() as stack:
        county = await stack.enter_async_context(
            await County.start(wall=time.time, cameras=CAMERAS, townships=TOWNSHIPS, villages=VILLAGES)
        )
        site = Site.at(home / "site", county.townships())
        rows = county.ledger() + ([_row(real_camera, county)] if real_camera else [])
        write_ledger(rows, site.home / "ledger.csv")
        await site.imported(site.home / "ledger.csv")
        _remember_a_month(site, county.cameras_at(county.plan.townships[REMEMBERED].name))
        told = Story(began=time.time(), hurt=_choose(county))
        await _file(site, told.hurt.without_power[0])
        daemon = await stack.enter_async_context(site.daemon())
        told.began, told.cameras = time.time(), frozenset(row["编号"] for row in rows)
        watcher = None
        if PROGRAM is not None:
            watcher = await _watch(told, stack, daemon, home)
        await _play(told, county, daemon, watcher)
        await _end(told, site, daemon)
        told.truth, told.stats = await county.truth(), await county.stats()
        _read_record(told, site)
    yield told


async def _watch(told: Story, stack: AsyncExitStack, daemon: Daemon, home: Path) -> PrometheusServer:
    """Start Prometheus with our rules, and Alertmanager behind it where there is one."""
    told_to = ""
    if alertmanager_server.PROGRAM is not None:
        (home / "alertmanager").mkdir()
        told.gateways = await stack.enter_async_context(gateways())
        told_to = await stack.enter_async_context(alertmanager(told.gateways.url, home / "alertmanager"))
    (home / "prometheus").mkdir()
    return await stack.enter_async_context(
        prometheus(
            daemon.url.removeprefix("http://").rstrip("/"),
            home / "prometheus",
            rules=sorted(RULES.glob("*.yml")),
            alertmanager=told_to,
        )
    )


async def _file(site: Site, camera: str) -> None:
    """File an exemption that begins now for one camera, and approve it."""
    now = datetime.now(SITE_ZONE).replace(microsecond=0)
    filed = await site.command(
        *("exempt", "add", "--camera", camera, "--kind", "third_party_cut", "--reason", "挖断光缆", "--json"),
        *("--from", (now - timedelta(minutes=1)).isoformat(), "--until", (now + timedelta(hours=2)).isoformat()),
    )
    assert filed.code == 0, filed
    approved = await site.command("exempt", "approve", filed.json()["id"], "--by", "值班员")
    assert approved.code == 0, approved


def _remember_a_month(site: Site, cameras: list[str]) -> None:
    """Put a record of the month so far into the store: without one, a month is too young for a rate."""
    now = int(time.time())
    start = Month.at(now, SITE_ZONE).start
    intact: tuple[int, Condition, Fault | None] = (start, Condition.INTACT, None)
    lives = {camera: [intact] for camera in cameras}
    lives[cameras[0]] += [
        (start + 3600, Condition.OFFLINE, Fault.UNREACHABLE),
        (start + 3600 + DOWN_BEFORE_S, Condition.INTACT, None),
    ]
    records = [
        TransitionRecord(
            transition=Transition(camera=camera, at=at, condition=condition, fault=fault, decided_at=at, looks=(at,))
        )
        for camera, life in lives.items()
        for at, condition, fault in life
    ]
    covered = Coverage(boot="before", began=start, until=now - 30)
    with Store.open(f"sqlite:///{site.home / 'data' / 'xunjian.db'}", at=now) as store:
        store.write(Batch(transitions=tuple(records), coverage=covered)).result(20)


def _row(camera: RealCamera, county: County) -> dict[str, str]:
    """GStreamer's stream as a line of the ledger."""
    return {
        **dict.fromkeys(county.ledger()[0], ""),
        "编号": REAL,
        "点位名称": "真实码流",
        "乡镇": county.plan.townships[0].name,
        "村(社区)": "真实村",
        "IP地址": "127.0.0.1",
        "RTSP端口": str(camera.port),
        "RTSP路径": camera.path,
        "用户名": camera.username,
        "密码": camera.password,
    }


def _choose(county: County) -> Hurt:
    """Different townships for different faults, so that their counts can't make up for each other."""

    def singles(township: int) -> list[PlannedDevice]:
        return [device for device in county.plan.devices if device.township == township and not device.recorder]

    villages = Counter(device.village for device in singles(0))
    village = next(
        name
        for name, count in villages.items()
        if count >= 3 and not any(device.recorder for device in county.plan.devices if device.village == name)
    )
    recorder = next(device for device in county.plan.devices if device.township == 4 and device.recorder)
    guarded = next(device for device in singles(3) if device.access.scheme is not Scheme.NONE)
    return Hurt(
        village=village,
        without_power=county.cameras_at(village),
        black=next(device.cameras[0].id for device in singles(1) if device.cameras[0].key_point),
        not_found=singles(2)[0].cameras[0].id,
        changed_password=guarded.cameras[0].id,
        full_recorder=recorder.recorder,
        behind_it=[camera.id for camera in recorder.cameras],
    )


async def _play(told: Story, county: County, daemon: Daemon, watcher: PrometheusServer | None) -> None:
    hurt = told.hurt
    told.well = await daemon.until("every camera is intact", _all_intact)
    told.live_well = await _ask(watcher)
    told.seconds.append((time.time(), await daemon.seconds()))

    found: dict[str, tuple[str, str]] = hurt.expected()
    refused = found.pop(hurt.changed_password)
    places = {
        "power_lost": hurt.village,
        "black": hurt.black,
        "no_channel": hurt.not_found,
        "sessions_full": hurt.full_recorder,
    }
    for fault, where in places.items():
        told.injected[fault] = await county.inject(fault, where)
    await daemon.until("four faults are found", lambda board: _faulty(board) == found and board["events"])
    # Last found and first repaired: after five refusals in a row the camera locks the account.
    told.injected["wrong_password"] = await county.inject("wrong_password", hurt.changed_password)
    found[hurt.changed_password] = refused
    told.failed = await daemon.until("a changed password is found", lambda board: _faulty(board) == found)
    told.live_failed = await _ask(watcher)
    told.metrics["failed"] = await daemon.get("metrics")
    if watcher is not None:
        await _look_at_dashboards(told, watcher, county)
    if told.gateways is not None:
        for receiver, alert in TOLD_OF_FAULTS:
            await told.gateways.until_posted(receiver, alert)
    told.repaired["wrong_password"] = await county.repair(hurt.changed_password, "wrong_password")
    for fault, where in places.items():
        told.repaired[fault] = await county.repair(where, fault)
    told.recovered = await daemon.until(
        "every repair is noticed", lambda board: _all_intact(board) and not board["events"], within_s=80
    )

    if told.gateways is not None:
        await told.gateways.until_posted("duty", "XunjianMassOutage", status="resolved")
    began = await county.cut_uplink()
    # long enough that the month has been counted anew since it was noticed
    await daemon.until("we are blind", lambda board: board["blind"] and board["now"] >= board["blind"]["began"] + 8)
    for _ in range(2):
        told.live_blind.append(await _ask(watcher) or _nothing())
        told.blind.append(await daemon.board())
    if told.gateways is not None:
        await told.gateways.until_posted("administrator", "XunjianBlind")
    told.healths.append(await daemon.get("healthz"))
    told.metrics["blind"] = await daemon.get("metrics")
    ended = await county.restore_uplink()
    told.cut = (began, ended)
    await daemon.until("we see again", lambda board: not board["blind"] and _all_intact(board))
    told.healths.append(await daemon.get("healthz"))
    held = await daemon.seconds()

    async def standing_still() -> Board:
        now, cameras = await daemon.seconds(), (await daemon.board())["cameras"]
        return {id_: cameras[id_] for id_ in held if sum(now[id_].values()) == sum(held[id_].values())}

    await until("the counters of all cameras go on", standing_still, lambda it: not it, within_s=90)


async def _look_at_dashboards(told: Story, watcher: PrometheusServer, county: County) -> None:
    """As a reader who chooses the township without power, then the one with a month behind it, and a dark camera."""
    codes = {township["name"]: township["code"] for township in county.townships()}
    dark = {"township": codes[county.plan.townships[0].name], "camera": told.hurt.without_power[0]}
    remembered = {"township": codes[county.plan.townships[REMEMBERED].name], "camera": told.hurt.black}
    told.panels = await ask_panels(watcher, [dark, remembered])
    told.offered = await ask_variables(watcher, dark)


def _all_intact(board: Board) -> bool:
    return all(camera["condition"] == "intact" and not camera["suspect"] for camera in board["cameras"].values())


def _faulty(board: Board) -> dict[str, tuple[str, str]]:
    """Condition and fault of everything that is blamed."""
    return {
        id_: (camera["condition"], camera["fault"])
        for id_, camera in board["cameras"].items()
        if camera["condition"] in ("offline", "impaired")
    }


def _nothing() -> Live:
    return Live(counts={}, offline={}, impaired={}, online_series=0, seconds={}, ratios={})


async def _ask(watcher: PrometheusServer | None) -> Live | None:
    """What Prometheus says after two further scrapes, of which the second began after now; None without one."""
    if watcher is None:
        return None
    await watcher.wait_until_scraped(2)

    async def by_township(promql: str) -> dict[str, int]:
        return {each.labels["township"]: int(each.value) for each in await watcher.query(promql)}

    counts = await watcher.query("xunjian_township_cameras")
    total = await watcher.query("count(xunjian_camera_online)")
    sums = await watcher.query("sum by (camera) (xunjian_camera_state_seconds_total)")
    ratios = await watcher.query("xunjian_township_month_online_intact_ratio")
    return Live(
        counts={(each.labels["township"], each.labels["condition"]): int(each.value) for each in counts},
        offline=await by_township("count by (township) (xunjian_camera_online == 0)"),
        impaired=await by_township("count by (township) (xunjian_camera_online == 1 and xunjian_camera_intact == 0)"),
        online_series=int(total[0].value) if total else 0,
        seconds={each.labels["camera"]: each.value for each in sums},
        ratios={each.labels["township"]: each.value for each in ratios},
    )


async def _end(told: Story, site: Site, daemon: Daemon) -> None:
    told.seconds.append((time.time(), await daemon.seconds()))
    told.metrics["end"] = await daemon.get("metrics")
    board = await daemon.board()
    told.township_of = {id_: camera["township"] for id_, camera in board["cameras"].items()}
    children = daemon.children()
    began = time.monotonic()
    told.exit_code = await daemon.end()
    told.end_took_s = time.monotonic() - began
    told.children_left = [str(child) for child in children if child.is_running()]
    told.socket_left = site.socket.exists()
    told.errors_logged = [line for line in daemon.logged() if line["level"] in ("error", "critical")]


def _read_record(told: Story, site: Site) -> None:
    end = int(time.time()) + 1
    with Store.open(f"sqlite:///{site.home / 'data' / 'xunjian.db'}", at=end) as store:
        for transition in store.transitions(0, end):
            told.history.setdefault(transition.camera, []).append(transition)
        told.gaps = store.gaps(0, end)
        told.events = store.events(0, end)
        told.coverages = store.coverages()


def _blamed(told: Story, camera: str) -> list[tuple[int, int, str, str]]:
    """The outages on record since the story began: when they began and ended, condition, fault."""
    history = told.history[camera]
    ends = [transition.at for transition in history[1:]] + [int(told.seconds[-1][0])]
    return [
        (transition.at, end, transition.condition.value, transition.fault.value)
        for transition, end in zip(history, ends, strict=True)
        if transition.fault is not None and transition.at >= told.began
    ]


def _as_one(outages: list[tuple[int, int, str, str]]) -> list[tuple[int, int, str, str]]:
    """The outages, with what one look saw of a stream that broke off joined to the offline stretch that it began.

    A look under way when the power goes meets an open port and a stream that ends: looks that differ record the milder
    verdict until one more says offline.
    """
    joined: list[tuple[int, int, str, str]] = []
    for began, ended, condition, fault in outages:
        last = joined[-1] if joined else None
        broke_off = last is not None and last[1] == began and last[1] - last[0] <= EARLY_S and last[3] == "no_stream"
        if last is not None and broke_off and condition == "offline":
            joined[-1] = (last[0], ended, condition, fault)
        else:
            joined.append((began, ended, condition, fault))
    return joined


def _true_outages(life: Life) -> list[tuple[float, float, str, str]]:
    """The outages of the simulator's truth, in the same form."""
    ends = [each["from"] for each in life[1:]] + [float("inf")]
    return [
        (each["from"], end, each["condition"], each["fault"])
        for each, end in zip(life, ends, strict=True)
        if each["condition"] != "intact"
    ]


async def test_exactly_the_injected_faults_are_found(story: Story) -> None:
    assert _faulty(story.failed) == story.hurt.expected()
    assert len(story.hurt.without_power) >= 3


async def test_the_record_accuses_nobody_of_what_was_not_so(story: Story) -> None:
    true = {id_: _true_outages(life) for id_, life in story.truth.items()}
    assert set(true) | {REAL} >= story.cameras
    for camera in story.cameras:
        its, blamed = true.get(camera, []), _as_one(_blamed(story, camera))
        assert len(blamed) == len(its), (camera, blamed)
        for (began, ended, condition, fault), truth in zip(blamed, its, strict=True):
            assert (condition, fault) == truth[2:], camera
            assert truth[0] - EARLY_S <= began <= truth[0] + LATE_S, camera
            assert truth[1] - EARLY_S <= ended <= truth[1] + LATE_S, camera
    assert sum(map(bool, true.values())) == len(story.hurt.expected())


async def test_a_full_recorder_is_nobodys_fault(story: Story) -> None:
    busy = re.findall(r'outcomes_total\{township="05",probe="\w+",outcome="busy"\} (\d+)', story.metrics["failed"])
    assert sum(map(int, busy)) >= len(story.hurt.behind_it)
    for camera in story.hurt.behind_it:
        assert {transition.condition for transition in story.history[camera]} <= {Condition.UNKNOWN, Condition.INTACT}


async def test_a_village_without_power_is_one_event(story: Story) -> None:
    (event,) = story.failed["events"]
    assert event["kind"] == "village"
    assert event["place"].endswith(f"/{story.hurt.village}")
    assert sorted(event["cameras"]) == sorted(story.hurt.without_power)
    assert event["of"] == len(story.hurt.without_power)
    (recorded,) = story.events
    assert recorded.ended is not None
    assert recorded.ended >= int(story.repaired["power_lost"])


@pytest.mark.real_peer
@pytest.mark.skipif(PROGRAM is None, reason="needs the Debian package prometheus")
async def test_prometheus_counts_what_the_page_counts(story: Story) -> None:
    live = story.live_failed
    assert live is not None
    for township in story.failed["townships"]:
        code = township["code"]
        assert {state.value: live.counts[code, state.value] for state in Condition} == township["now"], code
        assert live.offline.get(code, 0) == township["now"]["offline"], code
        assert live.impaired.get(code, 0) == township["now"]["impaired"], code
    assert sum(live.offline.values()) == len(story.hurt.without_power)
    assert sum(live.impaired.values()) == 3
    assert story.live_well is not None
    assert story.live_well.online_series == len(story.cameras)


@pytest.mark.real_peer
@pytest.mark.skipif(PROGRAM is None, reason="needs the Debian package prometheus")
async def test_no_rate_moves_while_we_are_blind(story: Story) -> None:
    first, second = story.live_blind
    assert second.ratios == first.ratios
    (gap,) = [gap for gap in story.gaps if gap.township is None]
    ((code, ratio),) = first.ratios.items()  # all the others were watched for less than a tenth of the month
    spent = Counter[str]()
    for camera in story.cameras:
        if story.township_of[camera] == code:
            spent.update(_spent(story, camera, gap.began))
    assert spent["offline"] == DOWN_BEFORE_S
    assert ratio == pytest.approx(spent["intact"] / (spent["intact"] + spent["offline"]), rel=1e-12)
    assert first.online_series == second.online_series == 0
    assert {count for (_, condition), count in second.counts.items() if condition != "unknown"} == {0}
    assert sum(second.counts.values()) == len(story.cameras)


needs_prometheus = pytest.mark.skipif(PROGRAM is None, reason="needs the Debian package prometheus")
needs_alertmanager = pytest.mark.skipif(
    PROGRAM is None or alertmanager_server.PROGRAM is None,
    reason="needs the Debian packages prometheus and prometheus-alertmanager",
)

EMPTY = {
    "xunjian-health/对时/A": "the kernel of a container need not say whether its clock is synchronised",
    "xunjian-health/MQTT/A": "this county has no broker",
    "xunjian-health/每秒发布（MQTT）/A": "likewise",
    "xunjian-health/发件箱里等待/A": "likewise",
    "xunjian-health/发件箱丢弃（所选时段）/A": "likewise",
    "xunjian-health/告警送达（所选时段）/A": "this county's program tells nobody itself",
}
"""queries that may be empty although five things are broken, and why"""

AS_UNIT_SAYS: dict[str, Callable[[float], bool]] = {
    "percentunit": lambda value: 0 <= value <= 1,
    "s": lambda value: 0 <= value < 40 * 86_400,
    "bytes": lambda value: value > 0,
    "ops": lambda value: value >= 0,
    "cpm": lambda value: value >= 0,
    "short": lambda value: value >= 0 and value.is_integer(),
    "suffix:台": lambda value: value >= 0 and value.is_integer(),
    "suffix:个": lambda value: 0 <= value <= TOWNSHIPS and value.is_integer(),
    "suffix:张": lambda value: value >= 0 and value.is_integer(),
    "suffix:条": lambda value: value >= 0,
    "suffix:次": lambda value: value >= 0,
    "suffix:台时": lambda value: -CAMERAS * 744 <= value <= CAMERAS * 744,
    "dateTimeAsLocal": lambda value: abs(value / 1000 - time.time()) < 3600,
    "dateTimeFromNow": lambda value: abs(value / 1000 - time.time()) < 3600,
}


@pytest.mark.real_peer
@needs_prometheus
@pytest.mark.parametrize("uid", boards())
async def test_every_panel_shows_what_its_unit_and_its_legend_can_say(story: Story, uid: str) -> None:
    answers = {name: each for name, each in story.panels.items() if name.startswith(f"{uid}/")}
    assert answers
    assert {name for name, each in answers.items() if not any(answer.series for answer in each)} <= EMPTY.keys()
    for name, each in answers.items():
        for answer in each:
            assert [value for value in answer.values if not is_sayable(answer.query, value)] == [], name
            for labels, _ in answer.series:
                assert set(re.findall(r"{{(\w+)}}", answer.query.legend)) <= labels.keys(), name


def is_sayable(query: Query, value: float) -> bool:
    """Whether a value has a word, or lies in the range of its unit."""
    if query.words:
        return f"{value:g}" in query.words
    if query.expr.endswith("- scalar(max(xunjian_target_ratio))"):
        return -1 <= value <= 1
    return AS_UNIT_SAYS[query.unit](value)


@pytest.mark.real_peer
@needs_prometheus
async def test_a_table_has_the_columns_that_it_names_or_hides_and_no_others(story: Story) -> None:
    tables: dict[tuple[str, str], tuple[frozenset[str], set[str]]] = {}
    for answers in story.panels.values():
        for answer in answers:
            if answer.query.as_table:
                place = answer.query.board, answer.query.panel
                _, found = tables.setdefault(place, (answer.query.shown, set()))
                found.update(label for labels, _ in answer.series for label in labels)
    assert {place: sorted(found) for place, (_, found) in tables.items()} == {
        place: sorted(shown) for place, (shown, _) in tables.items()
    }


@pytest.mark.real_peer
@needs_prometheus
async def test_the_variables_offer_the_ledgers_names(story: Story) -> None:
    townships = {township["code"]: township["name"] for township in story.failed["townships"]}
    assert story.offered["xunjian-township/township"] == townships
    assert story.offered["xunjian-camera/township"] == townships
    here = story.township_of[story.hurt.without_power[0]]
    cameras = story.offered["xunjian-camera/camera"]
    assert set(cameras) == {camera for camera, township in story.township_of.items() if township == here}
    assert all(cameras.values())


@pytest.mark.real_peer
@needs_prometheus
async def test_the_dashboards_show_what_the_board_shows(story: Story) -> None:
    (ranking,) = story.panels["xunjian-county/乡镇排名（本月至今）/A"]
    rates = {
        township["code"]: float(township["online_intact_rate"]) / 100
        for township in story.failed["townships"]
        if township["online_intact_rate"] is not None
    }
    # both rounded down to a hundredth of a percent, but asked seconds apart
    assert ranking.by("township") == pytest.approx(rates, abs=0.00011)
    (event,) = story.panels["xunjian-links/未结束的共因事件/A"][0].series
    assert event[0]["place"] == story.hurt.village
    assert event[1] == (len(story.hurt.without_power),)
    failing = [answer.by("camera") for answer in story.panels["xunjian-township/故障点位/A"] if answer.series]
    assert failing == [dict.fromkeys(story.hurt.without_power, 0.0)]
    (key_points,) = story.panels["xunjian-county/重点点位故障/A"]
    assert key_points.by("camera")[story.hurt.black] == 1.0
    (exempt,) = [answer for answer in story.panels["xunjian-township/报备中的点位/A"] if answer.series]
    assert exempt.by("camera") == {story.hurt.without_power[0]: 1.0}


@pytest.mark.real_peer
@needs_alertmanager
async def test_a_dark_village_is_one_message_and_its_cameras_are_none(story: Story) -> None:
    assert story.gateways is not None
    (message,) = {alert["fingerprint"]: alert for alert in story.gateways.alerts("XunjianMassOutage")}.values()
    said = re.search(rf"{story.hurt.village} (\d+) 台同时故障，疑似停电$", message["annotations"]["summary"])
    # told once, with those that had been confirmed by then
    assert said
    assert 3 <= int(said[1]) <= len(story.hurt.without_power)
    alone = [*story.gateways.alerts("XunjianCameraDown"), *story.gateways.alerts("XunjianKeyPointDown")]
    named = {alert["labels"]["camera"] for alert in alone}
    # the password was put right as soon as it was found wrong
    assert {story.hurt.black, story.hurt.not_found} <= named
    assert named <= {story.hurt.black, story.hurt.not_found, story.hurt.changed_password}


@pytest.mark.real_peer
@needs_alertmanager
async def test_a_key_point_is_told_to_the_duty_officer_in_words(story: Story) -> None:
    assert story.gateways is not None
    (alert,) = {each["fingerprint"]: each for each in story.gateways.alerts("XunjianKeyPointDown")}.values()
    assert alert["labels"]["camera"] == story.hurt.black
    (shown,) = [text for text in story.gateways.shown if text.startswith("【紧急】重点点位故障")]
    assert alert["annotations"]["summary"] in shown
    assert "/help/alerts/XunjianKeyPointDown" in shown


@pytest.mark.real_peer
@needs_alertmanager
async def test_being_blind_is_told_to_the_administrator_and_nothing_of_townships(story: Story) -> None:
    assert story.gateways is not None
    (blind,) = {alert["fingerprint"]: alert for alert in story.gateways.alerts("XunjianBlind")}.values()
    assert blind["labels"]["scope"] == "monitor"
    began, ended = story.cut
    during = [
        alert
        for messages in (story.gateways.posted.get("duty", []), story.gateways.posted.get("digest", []))
        for message in messages
        for alert in message["alerts"]
        if alert["status"] == "firing" and began < datetime.fromisoformat(alert["startsAt"]).timestamp() < ended
    ]
    assert during == []


async def test_being_blind_is_told_and_blames_nobody(story: Story) -> None:
    for board in story.blind:
        assert board["blind"]["reason"] == "witnesses"
        assert _faulty(board) == {}
    blind, again = story.healths
    assert '"blind"' in blind
    assert '"ok"' in again
    (gap,) = [gap for gap in story.gaps if gap.township is None]
    assert gap.ended is not None
    began, ended = story.cut
    # from the last good look at the witnesses, at most 2 s and a look before, to the next good one
    assert began - 6 <= gap.began <= began
    assert int(ended) <= gap.ended <= ended + 6


async def test_every_second_of_the_counters_is_in_the_record(story: Story) -> None:
    _, counters = story.seconds[-1]
    assert counters.keys() == story.cameras
    for camera, counted in counters.items():
        history = story.history[camera]
        until = history[0].at + sum(counted.values())
        assert counted == _spent(story, camera, until), (camera, until, history, story.gaps)


def _spent(told: Story, camera: str, until: int) -> dict[str, int]:
    """Seconds of the record up to ``until`` by condition: a plain sum over the stored transitions and gaps."""
    history = [transition for transition in told.history[camera] if transition.at < until]
    spent = {state.value: 0 for state in Condition}
    for transition, end in zip(history, [*(each.at for each in history[1:]), until], strict=True):
        hidden = sum(
            max(0, min(end, gap.ended or until) - max(transition.at, gap.began))
            for gap in told.gaps
            if gap.township is None
        )
        spent["unknown"] += hidden
        spent[transition.condition.value] += end - transition.at - hidden
    return spent


async def test_the_counters_go_on_with_the_clock(story: Story) -> None:
    (first_at, first), (last_at, last) = story.seconds
    elapsed = last_at - first_at
    coverage = story.coverages[-1]
    for camera, counted in last.items():
        assert all(counted[state] >= first[camera][state] for state in counted), camera
        increase = sum(counted.values()) - sum(first[camera].values())
        assert abs(increase - elapsed) <= LATE_S, camera
        # never ahead of what is committed
        assert story.history[camera][0].at + sum(counted.values()) <= coverage.until, camera


@pytest.mark.real_peer
@pytest.mark.skipif(CHECKER is None, reason="needs the Debian package prometheus")
@pytest.mark.parametrize("moment", ["failed", "blind", "end"])
async def test_promtool_has_nothing_to_say_about_the_live_metrics(story: Story, moment: str) -> None:
    assert CHECKER is not None
    page = story.metrics[moment].encode()
    checked = await asyncio.to_thread(
        subprocess.run, [CHECKER, "check", "metrics"], input=page, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


@pytest.mark.real_peer
async def test_a_real_rtsp_server_is_a_camera_like_any_other(story: Story, real_camera: RealCamera | None) -> None:
    if real_camera is None:
        pytest.skip("needs GStreamer's RTSP server")
    assert story.well["cameras"][REAL]["proven"] == {"port": True, "described": True, "pictured": True}
    assert [transition.condition for transition in story.history[REAL]] == [Condition.UNKNOWN, Condition.INTACT]


async def test_the_cameras_were_only_read_and_one_look_at_a_time(story: Story) -> None:
    assert story.stats["violations"] == []
    assert story.stats["channel_sessions_peak"] == 1
    assert story.stats["open_sessions"] == 0


async def test_it_ends_cleanly(story: Story) -> None:
    assert story.exit_code == 0
    assert story.end_took_s < 10
    assert story.children_left == []
    assert not story.socket_left
    assert story.errors_logged == []
