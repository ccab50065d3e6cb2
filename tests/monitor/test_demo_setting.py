"""The demo's setting: who plays which part, what is shortened, and where the page goes."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from monitor.config import Config, differences, parse
from monitor.core.due import slot_after
from monitor.demo.overlay import overlay, shortened
from monitor.demo.roles import cast, soonest
from monitor.demo.stage import county_size, hold_port, port_of
from monitor.demo.telling import TITLES, Teller
from monitor.wording import Lang
from probes.testing.county_plan import Plan, plan_county

PICTURED_BY = 1_795_530_000


def plan(cameras: int) -> Plan:
    townships, villages = county_size(cameras)
    return plan_county(cameras=cameras, townships=townships, villages=villages)


@pytest.mark.parametrize("cameras", [300, 301, 440, 880, 1500, 4000])
def test_every_county_has_the_parts_in_townships_of_their_own(cameras: int) -> None:
    county = plan(cameras)
    roles = cast(county)
    homes = {camera.id: device.township for device in county.devices for camera in device.cameras}
    parts = [(roles.dead_input,), roles.village_cameras, roles.recorder_cameras, roles.lenses]
    townships = [{homes[camera] for camera in part} for part in parts]
    assert [len(each) for each in townships[:3]] == [1, 1, 1]
    assert len(set.union(*townships)) == sum(map(len, townships))
    assert len(roles.village_cameras) >= 8
    assert len(roles.recorder_cameras) >= 8
    assert len(roles.lenses) >= 50


def test_the_default_county_is_the_whole_one() -> None:
    assert county_size(880) == county_size(4000) == (22, 354)


def test_a_county_too_small_for_the_parts_says_so() -> None:
    with pytest.raises(LookupError, match="no village with several devices"):
        cast(plan_county(cameras=6, townships=3, villages=6))


def test_the_lens_is_one_whose_picture_falls_due_soon() -> None:
    lenses = cast(plan(880)).lenses
    for after in range(PICTURED_BY, PICTURED_BY + 300, 7):
        lens = soonest(lenses, pictured_by=PICTURED_BY, after=after, picture_s=60)
        slots = [slot_after(lens, PICTURED_BY, 60) + 60 * number for number in range(10)]
        wait = next(slot for slot in slots if slot >= after) - after
        assert wait <= (33 if after < PICTURED_BY + 30 else 3)


@pytest.mark.parametrize("cameras", [300, 880, 4000])
def test_the_overlay_is_a_valid_configuration_and_all_of_it_is_told(cameras: int) -> None:
    laid_over = overlay(cameras, 8420, Path("papers"))
    config = parse("", laid_over)
    told = {difference.path for difference in shortened(differences(config), laid_over)}
    untold = {"web.port", "papers.dir", "papers.fonts"}
    assert told == {difference.path for difference in differences(config)} - untold
    assert "looks.light_s" in told


def test_a_larger_county_is_looked_at_less_often() -> None:
    papers = Path("papers")
    small, large = overlay(880, 0, papers), overlay(4000, 0, papers)
    assert large["looks"]["light_s"] > small["looks"]["light_s"]
    assert overlay(300, 0, papers) == small


def test_the_page_moves_where_its_port_is_taken_and_nobody_takes_it_meanwhile() -> None:
    with hold_port(0) as first, hold_port(port_of(first)) as second:
        assert port_of(first) != port_of(second)
        with socket.socket() as page, pytest.raises(OSError, match="in use"):
            page.bind(("127.0.0.1", port_of(second)))
        wanted = port_of(second)
    with hold_port(wanted) as again:
        assert port_of(again) == wanted


@pytest.mark.parametrize("lang", list(Lang))
def test_every_story_has_a_title_in_both_languages(lang: Lang, capsys: pytest.CaptureFixture[str]) -> None:
    teller = Teller(lang, Config().site.zone, quiet=False)
    for name in TITLES:
        teller.begins(name)
    told = capsys.readouterr().out
    for number, (zh, en) in enumerate(TITLES.values(), start=1):
        assert f"{number}. {en if lang is Lang.EN else zh}" in told


def test_a_quiet_teller_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    teller = Teller(Lang.ZH, Config().site.zone, quiet=True)
    teller.announced("http://127.0.0.1:8420/", 880)
    teller.fails("…")
    with teller.waiting("……", "…"):
        pass
    assert capsys.readouterr().out == ""
