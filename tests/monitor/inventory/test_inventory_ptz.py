"""Cameras that turn are known by the ledger's own words."""

from __future__ import annotations

import pytest

from monitor.core.fleet import Camera, Fleet, Township
from monitor.inventory import targets
from monitor.inventory.columns import SILENT, normal
from monitor.inventory.ptz import ASKED, KINDS, is_ptz


def camera(**extra: str) -> Camera:
    return Camera(id="c1", name="村口", township="01", village="东村", host="10.0.0.1", extra=extra)


@pytest.mark.parametrize(
    ("heading", "text"),
    [
        ("类型", "球机"),
        ("摄像机类型", "200万高速球机"),
        ("设备类型 ", "球型摄像机"),
        ("类 型", "４寸网络快球"),
        ("设备类型", "PTZ"),
        ("类别", "Speed Dome"),
        ("摄像机形态", "枪球一体（云台）"),
        ("是否球机", "是"),
        ("球机", "√"),
        ("云台", "有"),
        ("带云台", "球机"),
    ],
)
def test_a_camera_that_turns_is_known(heading: str, text: str) -> None:
    assert is_ptz(camera(**{heading: text}))


@pytest.mark.parametrize(
    ("heading", "text"),
    [
        ("类型", "枪机"),
        ("类型", "半球"),
        ("类型", "网络半球机"),
        ("类型", "是"),
        ("设备类型", "人脸抓拍机"),
        ("是否球机", "否"),
        ("云台", "无"),
        ("云台", "无云台"),
        ("备注", "原为球机，已换枪机"),
        ("安装位置", "球机厂门口"),
    ],
)
def test_a_camera_that_does_not_turn_is_none(heading: str, text: str) -> None:
    assert not is_ptz(camera(**{heading: text}))
    assert not is_ptz(camera())


def test_its_target_says_so() -> None:
    fleet = Fleet.of([Township(code="01", name="城关镇")], [camera(类型="球机")])
    assert targets(fleet, {})["c1"].ptz
    assert not targets(Fleet.of(fleet.townships.values(), [camera(类型="枪机")]), {})["c1"].ptz


def test_no_column_that_says_it_draws_a_warning() -> None:
    assert {normal("kind"), normal("type")} >= (KINDS | ASKED) - SILENT
