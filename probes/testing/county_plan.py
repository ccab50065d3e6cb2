"""The fictitious county of Jiming (霁明县): who lives where, which cameras hang there, and what its ledger says.

A plan is a pure function of its size and seed, so the process that serves the cameras and the one that asks about
them agree without a word. No name, number or telephone in it belongs to anybody: the area code 99 of the ids and the
telephone prefix 0399 are not assigned, and no coordinates are given, because any would point at a real place.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from probes.testing.device import DAHUA, HIKVISION, UNIVIEW, Access, Maker, OnvifLogin, Scheme
from probes.testing.media import Codec

TOWNSHIPS = (
    "霁川街道",
    "岚汀街道",
    "槐序镇",
    "苇杭镇",
    "桐霭镇",
    "鹿笙镇",
    "雁书镇",
    "兰棹镇",
    "菰蒲镇",
    "荻秋镇",
    "栎影镇",
    "梅信镇",
    "杏帘镇",
    "萤窗镇",
    "星垂乡",
    "枫泊乡",
    "鸥盟乡",
    "麦陇乡",
    "蓼汀乡",
    "砚耕乡",
    "笠雨乡",
    "芦笛乡",
)
VILLAGE_FIRST = "青白柳石桃杨槐沙南北上下双云竹梨松荷枣柿菱芦"
VILLAGE_LAST = "溪湾坪岭坡桥塘岗洼泉台营铺庄沟垭墩圩渡"
PLACES = (
    "村口",
    "村委会",
    "十字路口",
    "桥头",
    "小学门口",
    "卫生室",
    "文化广场",
    "东头",
    "西头",
    "水塘边",
    "晒谷场",
    "公交站",
    "老槐树下",
    "停车场",
    "养老院",
    "供销社",
    "南巷",
    "北巷",
    "泵站",
    "果园路",
)
KEY_PLACES = frozenset({"小学门口", "卫生室", "养老院", "文化广场"})
MAINTAINERS = (
    ("霁明县望远安防服务部", "0399-5550101"),
    ("霁明县长亭弱电工程队", "0399-5550102"),
    ("霁明县晴川运维站", "0399-5550103"),
)
CARRIERS = (("霁明广电网络", "0399-5550301"), ("霁明县云桥通信", "0399-5550302"))

RECORDER_SHARE = 0.45
RECORDER_SIZES = (32, 16, 8)
SCENES_H264, SCENES_H265 = range(6), range(6, 8)
"""Few scenes in H.265: its encoder takes ten times as long, and the machine is shared with what is tested."""
SDP_ONLY_SCENES = frozenset({5, 7})
"""Scenes whose parameter sets are in the SDP alone, as some firmware does it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCamera:
    """One line of the ledger."""

    id: str
    name: str
    channel: int
    path: str
    key_point: bool
    codec: Codec
    scene: int
    in_band: bool
    joins_live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDevice:
    """A camera, or a recorder with several behind one address. ``township`` indexes Plan.townships."""

    host: str
    township: int
    village: str
    recorder: str
    maker: Maker
    access: Access
    has_onvif: bool
    session_limit: int
    orphan_hold_s: float
    refuses_tcp: bool
    since: str
    cameras: tuple[PlannedCamera, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTownship:
    """A township at the end of one link, with the gateway that bears witness for it."""

    code: str
    name: str
    gateway: str
    villages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """What a name stands for: devices, and one of their cameras when a single one is meant."""

    devices: tuple[PlannedDevice, ...]
    camera: PlannedCamera | None = None
    township: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole county."""

    townships: tuple[PlannedTownship, ...]
    devices: tuple[PlannedDevice, ...]

    def find(self, where: str) -> Place:
        """The place called ``where``: a camera id, a recorder, a village, a township, or "county" for all of it.

        Raises LookupError for anything else.
        """
        if where == "county":
            return Place(self.devices)
        for index, township in enumerate(self.townships):
            if where in (township.name, township.code):
                return Place(tuple(d for d in self.devices if d.township == index), township=index)
        for device in self.devices:
            if device.recorder and where == device.recorder:
                return Place((device,))
            for camera in device.cameras:
                if camera.id == where:
                    return Place((device,), camera)
        hit = tuple(device for device in self.devices if device.village == where)
        if not hit:
            raise LookupError(f"no camera, recorder, village or township is called {where}")
        return Place(hit)

    def ledger(self, rtsp_port: int, onvif_port: int) -> list[dict[str, str]]:
        """The county's ledger (一机一档): one row a camera, keyed by its usual Chinese headings.

        Cameras behind a recorder come without RTSP路径, as in many a real ledger: maker and channel give it.
        """
        return [
            self._row(device, camera, rtsp_port, onvif_port) for device in self.devices for camera in device.cameras
        ]

    def _row(self, device: PlannedDevice, camera: PlannedCamera, rtsp_port: int, onvif_port: int) -> dict[str, str]:
        township = self.townships[device.township]
        maintainer = MAINTAINERS[device.township % len(MAINTAINERS)]
        carrier = CARRIERS[device.township % len(CARRIERS)]
        return {
            "编号": camera.id,
            "点位名称": camera.name,
            "乡镇": township.name,
            "村(社区)": device.village,
            "IP地址": device.host,
            "RTSP端口": str(rtsp_port),
            "RTSP路径": "" if device.recorder else camera.path,
            "ONVIF端口": str(onvif_port) if device.has_onvif else "",
            "通道号": str(camera.channel),
            "用户名": device.access.username,
            "密码": device.access.password,
            "重点点位": "是" if camera.key_point else "否",
            "厂家": device.maker.name,
            "型号": device.maker.model,
            "录像机": device.recorder,
            "状态": "在用",
            "维护单位": maintainer[0],
            "联系电话": maintainer[1],
            "供电": f"{township.name[:2]}供电所",
            "供电电话": f"0399-55502{device.township + 1:02d}",
            "网络运营商": carrier[0],
            "网络电话": carrier[1],
            "启用日期": device.since,
        }


def plan_county(
    *, cameras: int = 880, seed: int = 1, townships: int = 22, villages: int = 354, channels: int | None = None
) -> Plan:
    """A county of so many cameras, in ``townships`` (1 to 22) with ``villages`` in all (at least one each).

    With ``channels`` every camera hangs behind a recorder that has so many, else about half of them do. Raises
    ValueError when that cannot be laid out.
    """
    if not 1 <= townships <= len(TOWNSHIPS):
        raise ValueError(f"the county has 1 to {len(TOWNSHIPS)} townships, not {townships}")
    if not townships <= villages <= len(VILLAGE_FIRST) * len(VILLAGE_LAST):
        raise ValueError(f"{villages} villages cannot be named in {townships} townships")
    if not 1 <= cameras <= 10_000:
        raise ValueError(f"1 to 10000 cameras can be served, not {cameras}")
    if channels is not None and (channels not in RECORDER_SIZES or cameras % channels):
        raise ValueError(f"{cameras} cameras cannot hang behind recorders of {channels} channels")
    rng = random.Random(seed)
    names = [first + last for first, last in product(VILLAGE_FIRST, VILLAGE_LAST)]
    rng.shuffle(names)
    laid = [_township(index, names[index:villages:townships]) for index in range(townships)]
    portion = channels or 1
    portions, left = divmod(cameras // portion, townships)
    quota = [(portions + (index < left)) * portion for index in range(townships)]
    devices = tuple(
        device for index, count in enumerate(quota) for device in _devices(rng, index, laid[index], count, channels)
    )
    return Plan(tuple(laid), devices)


def _township(index: int, names: list[str]) -> PlannedTownship:
    name = TOWNSHIPS[index]
    suffix = "社区" if name.endswith("街道") else "村"
    villages = tuple(village + suffix for village in names)
    return PlannedTownship(code=f"{index + 1:02d}", name=name, gateway=f"127.{index + 11}.255.1", villages=villages)


def _recorder_sizes(rng: random.Random, cameras: int) -> list[int]:
    """Recorders for about ``RECORDER_SHARE`` of the cameras, large ones where there are many."""
    left = int(cameras * RECORDER_SHARE)
    sizes: list[int] = []
    while left >= RECORDER_SIZES[-1]:
        fitting = [size for size in RECORDER_SIZES if size <= left]
        sizes.append(rng.choice(fitting))
        left -= sizes[-1]
    return sizes


def _devices(
    rng: random.Random, index: int, township: PlannedTownship, cameras: int, channels: int | None
) -> Iterator[PlannedDevice]:
    sizes = _recorder_sizes(rng, cameras) if channels is None else [channels] * (cameras // channels)
    singles = cameras - sum(sizes)
    homes = [number % len(township.villages) for number in range(min(singles, len(township.villages)))]
    # what is left over after one camera each hangs in the township's larger villages
    spare = singles - len(homes)
    larger = min(max(4, spare // 6), len(township.villages))
    homes += [number % larger for number in range(spare)]
    serial, used = 0, dict.fromkeys(township.villages, 0)
    for order, size in enumerate(sizes):
        home = len(township.villages) - 1 - order % len(township.villages)
        yield _device(rng, index, township, home, used, serial, size)
        serial += size
    for home in sorted(homes):
        yield _device(rng, index, township, home, used, serial, 1)
        serial += 1


def _device(
    rng: random.Random,
    index: int,
    township: PlannedTownship,
    home: int,
    used: dict[str, int],
    serial: int,
    size: int,
) -> PlannedDevice:
    """A device of ``size`` channels in village number ``home``; ``used`` counts the places named there so far."""
    village, single = township.villages[home], size == 1
    maker = rng.choices((HIKVISION, DAHUA, UNIVIEW), (60, 25, 15))[0]
    cameras = []
    for channel in range(1, size + 1):
        number = used[village]
        used[village] += 1
        cameras.append(_camera(rng, index, village, number, serial + channel, maker, channel))
    first_place = used[village] - size + 1
    return PlannedDevice(
        host=f"127.{index + 11}.{home}.{first_place}",
        township=index,
        village=village,
        recorder="" if single else f"{village}录像机{first_place}",
        maker=maker,
        access=_access(rng, index),
        has_onvif=single and rng.random() < 0.6,
        session_limit=4 if single else 8,
        orphan_hold_s=0.0 if single else 30.0,
        refuses_tcp=single and rng.random() < 0.05,
        since=f"20{rng.randint(19, 25)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
        cameras=tuple(cameras),
    )


def _camera(
    rng: random.Random, index: int, village: str, number: int, serial: int, maker: Maker, channel: int
) -> PlannedCamera:
    lap, turn = divmod(number, len(PLACES))
    place = PLACES[turn]
    codec = Codec.H265 if rng.random() < 0.25 else Codec.H264
    scene = rng.choice(SCENES_H264 if codec is Codec.H264 else SCENES_H265)
    return PlannedCamera(
        # GB/T 28181 annex D: area and unit 8 digits, trade 2, type 132 (network camera), network 1, serial 6
        id=f"990122{index + 1:02d}001320{serial:06d}",
        name=f"{village}{place}{lap + 1 if lap else ''}",
        channel=channel,
        path=maker.channel_path(channel),
        key_point=place in KEY_PLACES and rng.random() < 0.7,
        codec=codec,
        scene=scene,
        in_band=scene not in SDP_ONLY_SCENES,
        joins_live=rng.random() < 0.1,
    )


def _access(rng: random.Random, index: int) -> Access:
    return Access(
        username="admin" if index % 3 else "xunjian",
        # signs that break a URL are common in real passwords
        password=f"Jm@{index + 1:02d}:/2026" if index % 4 == 0 else f"Jiming{index + 1:02d}!",
        scheme=rng.choices((Scheme.MD5, Scheme.SHA256, Scheme.BASIC, Scheme.NONE), (78, 10, 8, 4))[0],
        qop=rng.random() < 0.15,
        stale_first=rng.random() < 0.05,
        onvif=rng.choices((OnvifLogin.WSSE, OnvifLogin.HTTP_DIGEST), (85, 15))[0],
        onvif_clock_login=rng.random() < 0.05,
    )
