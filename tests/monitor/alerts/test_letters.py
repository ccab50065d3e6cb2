"""What people read: short, complete, neutral, within the channel's length, and never a login."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.letters import PAGES_AT_MOST, Audience, letters, paginate, trial
from monitor.core.alert import CameraCase, CauseCase, MonthCase, Own, OwnCase
from monitor.core.alert_plan import (
    Alert,
    CauseAlert,
    CauseLine,
    Digest,
    Kind,
    MonthAlert,
    OutageAlert,
    OwnAlert,
    TownshipDigest,
)
from monitor.core.condition import Condition, Fault
from monitor.core.fleet import Camera, Contact, Fleet, Township
from monitor.core.message import Closed
from monitor.wording import Lang

ZONE = ZoneInfo("Asia/Shanghai")


def at(text: str) -> int:
    return int(datetime.fromisoformat(f"2026-10-24T{text}:00").replace(tzinfo=ZONE).timestamp())


def camera(number: int, name: str, *, key_point: bool = False) -> Camera:
    return Camera(
        id=f"C{number}",
        name=name,
        township="01",
        village="东街村",
        host="10.1.2.3",
        channel=number,
        credential="geheim",
        key_point=key_point,
        maintainer=Contact(name="甲公司", phone="13800000001"),
        power=Contact(name="供电所", phone="13800000002"),
    )


GATE, SCHOOL, OTHER = camera(1, "县政府门口", key_point=True), camera(2, "东街小学"), camera(3, "东街菜市场")
FLEET = Fleet.of([Township(code="01", name="城关镇"), Township(code="02", name="泌水镇")], [GATE, SCHOOL, OTHER])
AUDIENCE = Audience(fleet=FLEET, zone=ZONE, lang=Lang.ZH)
CASE = CameraCase(
    camera="C1",
    township="01",
    condition=Condition.OFFLINE,
    fault=Fault.UNREACHABLE,
    began=at("08:12"),
    opened_at=at("08:14"),
    key_point=True,
)
CAUSE = CauseCase(
    id="village:01/东街村@1",
    kind="village",
    place="01/东街村",
    township="01",
    began=at("08:12"),
    opened_at=at("08:14"),
    cameras=("C1", "C2", "C3"),
    of=4,
    told_of=3,
)


def read(alert: Alert, audience: Audience = AUDIENCE, longest: int = 2048) -> str:
    """The one message that tells of it."""
    (letter,) = letters(alert, audience, at=at("08:20"), longest=longest)
    return f"{letter.title}\n{letter.text}"


def test_a_key_point_that_is_out() -> None:
    assert read(OutageAlert(case=CASE)) == (
        "【离线】重点点位 县政府门口（城关镇东街村）\n自 10-24 08:12 起离线（网络不通）。联系维护：甲公司 13800000001。"
    )
    assert read(OutageAlert(case=CASE), replace(AUDIENCE, lang=Lang.EN)) == (
        "[offline] Key point 县政府门口 (城关镇 东街村)\n"
        "offline since 10-24 08:12 (unreachable). Contact (maintainer): 甲公司 13800000001."
    )


def test_the_contractor_gets_the_address_and_nobody_else() -> None:
    assert "10.1.2.3" not in read(OutageAlert(case=CASE))
    assert "设备 10.1.2.3:554 通道 1。" in read(OutageAlert(case=CASE), replace(AUDIENCE, addresses=True))


def test_a_key_point_that_is_back() -> None:
    back = replace(CASE, ended=at("09:42"), closed_at=at("09:43"), why=Closed.INTACT)
    assert read(OutageAlert(case=back)) == (
        "【恢复】重点点位 县政府门口（城关镇东街村）\n10-24 08:12 至 10-24 09:42，历时 1 小时 30 分。"
    )
    assert "不计入" in read(OutageAlert(case=replace(back, why=Closed.ANNULLED)))


def test_one_that_flaps_is_told_so_once() -> None:
    text = read(OutageAlert(case=replace(CASE, openings=(1, 2, 3, 4)), flapping=True))
    assert text.startswith("【频繁掉线】重点点位 县政府门口")
    assert "24 小时内第 4 次，此后计入汇总" in text


def test_a_common_cause_is_one_message_with_one_number_to_call() -> None:
    line = CauseLine(case=CAUSE, exempt=1, out=CAUSE.cameras)
    assert read(CauseAlert(causes=(line,))) == (
        "【疑似断电】城关镇 东街村：4 台中 3 台不可用\n"
        "自 10-24 08:12 起。点位：县政府门口、东街小学、东街菜市场。其中重点点位：县政府门口。其中 1 台已报备。"
        "联系供电：供电所 13800000002。"
    )


def test_its_end_says_who_is_still_out() -> None:
    over = replace(CAUSE, ended=at("10:12"), closed_at=at("10:13"))
    every = read(CauseAlert(causes=(CauseLine(case=over, exempt=0, out=()),)))
    assert every == "【恢复】城关镇 东街村（疑似断电）\n10-24 08:12 至 10-24 10:12，历时 2 小时。3 台已全部恢复。"
    some = read(CauseAlert(causes=(CauseLine(case=over, exempt=0, out=("C2",)),)))
    assert some.endswith("2 台已恢复，仍有 1 台未恢复：东街小学。")


def test_many_causes_are_one_message_with_a_line_for_each() -> None:
    causes = tuple(
        CauseLine(case=replace(CAUSE, id=f"x{n}", place=f"01/{n}村", cameras=(f"C{n}",)), exempt=0, out=())
        for n in range(1, 5)
    )
    text = read(CauseAlert(causes=causes))
    assert text.startswith("【大面积故障】4 起同时发生，共 4 台不可用\n")
    assert text.count("\n") == 4


@pytest.mark.parametrize(
    ("kind", "place", "shown", "to_the_contractor"),
    [
        ("recorder", "10.1.2.3:554", "城关镇 东街村录像机", "城关镇 东街村录像机"),
        ("subnet", "10.1.2.0/24", "城关镇 东街村等处网段", "城关镇 10.1.2.0/24"),
        ("link", "01", "城关镇：", "城关镇："),
    ],
)
def test_the_place_of_a_cause_is_no_address(kind: str, place: str, shown: str, to_the_contractor: str) -> None:
    alert = CauseAlert(causes=(CauseLine(case=replace(CAUSE, kind=kind, place=place), exempt=0, out=()),))
    assert shown in read(alert)
    assert "10.1." not in read(alert)
    assert to_the_contractor in read(alert, replace(AUDIENCE, addresses=True))


DIGEST = Digest(
    slot=at("08:30"),
    townships=(
        TownshipDigest(
            township="01",
            news=(CASE, replace(CASE, camera="C2", key_point=False)),
            recovered=(replace(CASE, camera="C3"),),
            lasting=(replace(CASE, camera="C2", began=at("07:00")),),
            flapping=frozenset({"C2"}),
            brief=4,
            exempt=2,
        ),
        TownshipDigest(township="02", recovered=(replace(CASE, camera="C9", township="02"),)),
    ),
)


def test_a_digest_says_by_township_what_is_new_what_is_back_and_what_lasts() -> None:
    assert read(DIGEST).splitlines() == [
        "【汇总】10-24 08:30 视频点位故障",
        "◆ 城关镇：新增 2，恢复 1，未恢复 1，另有 4 台短时故障已恢复，已报备 2",
        "1. [重点] 县政府门口（东街村）离线（网络不通），自 10-24 08:12 起",
        "2. 东街小学（东街村）离线（网络不通），自 10-24 08:12 起，频繁掉线",
        "已恢复：东街菜市场。",
        "未恢复：东街小学（自 10-24 07:00）。",
        "联系维护：甲公司 13800000001。",
        "◆ 泌水镇：新增 0，恢复 1，未恢复 0",
        "已恢复：C9（台账已无此点位）。",
    ]


def test_a_township_reads_its_own_digest_only() -> None:
    text = read(DIGEST, replace(AUDIENCE, townships=frozenset({"02"})))
    assert text.splitlines()[0] == "【汇总】10-24 08:30 泌水镇视频点位故障"
    assert "城关镇" not in text
    assert letters(OutageAlert(case=CASE), replace(AUDIENCE, townships=frozenset({"02"})), at=0, longest=999) == ()


def test_a_channel_is_told_of_its_kinds_only() -> None:
    operator = replace(AUDIENCE, kinds=frozenset({Kind.MONITOR, Kind.MONTH}))
    assert letters(OutageAlert(case=CASE), operator, at=0, longest=999) == ()
    blind = OwnCase(own=Own.BLIND, about="witnesses", began=at("08:12"), opened_at=at("08:13"))
    assert "全部见证点都没有应答" in read(OwnAlert(case=blind), operator)


@pytest.mark.parametrize("lang", list(Lang))
@pytest.mark.parametrize("own", list(Own))
@pytest.mark.parametrize("ended", [None, at("09:00")])
def test_every_trouble_of_ours_has_words(own: Own, ended: int | None, lang: Lang) -> None:
    about = {Own.LINK: "02", Own.REPORT: "2026-09"}.get(own, "canary")
    case = OwnCase(own=own, about=about, began=at("08:12"), opened_at=at("08:13"), ended=ended, told=True)
    text = read(OwnAlert(case=case), replace(AUDIENCE, lang=lang))
    assert "{" not in text
    assert ("泌水镇" in text) == (own is Own.LINK)


@pytest.mark.parametrize("lang", list(Lang))
@pytest.mark.parametrize("frozen", [False, True])
def test_a_month_has_words(frozen: bool, lang: Lang) -> None:
    text = read(MonthAlert(case=MonthCase(month="2026-10", frozen=frozen, opened_at=0)), replace(AUDIENCE, lang=lang))
    assert ("2026年10月" if lang is Lang.ZH else "Oct 2026") in text


@pytest.mark.parametrize("lang", list(Lang))
def test_no_alert_names_a_login_and_all_have_words_in_both_languages(lang: Lang) -> None:
    audience = replace(AUDIENCE, lang=lang, addresses=True)
    for alert in (OutageAlert(case=CASE), CauseAlert(causes=(CauseLine(case=CAUSE, exempt=0, out=()),)), DIGEST):
        text = read(alert, audience, longest=9999)
        assert "geheim" not in text
        assert "{" not in text


def test_a_test_says_that_it_is_one() -> None:
    letter = trial("示范县", "值班群", at=at("08:12"), zone=ZONE, lang=Lang.ZH)
    assert letter.title == "【测试】视频巡检告警通道"
    assert "通道“值班群”可用，不必处理" in letter.text
    assert (letter.kind, letter.at) == ("test", "2026-10-24T08:12:00+08:00")


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=80)


@given(title=TEXTS, lines=st.lists(TEXTS, max_size=40), longest=st.integers(120, 2048))
def test_no_page_is_longer_than_the_channel_takes_and_no_line_is_lost_before_the_last_page(
    title: str, lines: list[str], longest: int
) -> None:
    pages = paginate(title, lines, longest, Lang.ZH)
    assert 1 <= len(pages) <= PAGES_AT_MOST
    assert all(len(f"{head}{text}".encode()) <= longest for head, text in pages)
    if len(pages) < PAGES_AT_MOST:
        shown = "\n".join(text for _, text in pages).split("\n")
        assert len(shown) == max(1, len(lines))
        assert all(line == its or its.endswith("…") for line, its in zip(lines, shown, strict=False))
