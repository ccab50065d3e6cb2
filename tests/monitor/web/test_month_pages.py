"""The pages of a month: every figure as the snapshot has it, and every rate down to the look behind it."""

import copy
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest
from yarl import URL

from monitor.web.source import MonthLine, MonthState
from tests.monitor.web.boards import NOW, hostile_board, ordinary_board
from tests.monitor.web.conftest import Serve, Visit
from tests.monitor.web.months import DAYS_SO_FAR, DRAFT, FROZEN, RUNNING, SHA256
from tests.monitor.web.test_pages import CPU_LIMIT_S, LARGEST_PAGE, Page
from tests.reports import sample

COLUMNS = (
    "registered",
    "exempted",
    "assessed",
    "online_rate",
    "intact_rate",
    "online_intact_rate",
    "equivalent_intact",
    "change",
    "previous_place",
    "points",
    "cumulative_points",
)


async def frozen(visit: Visit) -> Mapping[str, Any]:
    snapshot = await visit.source.month(FROZEN)
    assert snapshot is not None
    return snapshot


async def show(visit: Visit, snapshot: Mapping[str, Any], **said: Any) -> None:
    """Lets the source have this month alone."""
    visit.source.snapshots = {FROZEN: snapshot}
    line = {"month": FROZEN, "state": MonthState.FROZEN, "sha256": SHA256} | said
    visit.source.lines = (MonthLine(**line),)


def cells_of(row: str) -> list[str]:
    return [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)]


def ranking_of(text: str) -> list[list[str]]:
    table = text[text.index('class="ranking"') : text.index("</table>", text.index('class="ranking"'))]
    return [cells for row in re.findall(r"<tr.*?</tr>", table, re.S) if (cells := cells_of(row))]


async def test_the_month_leads_to_the_running_one_in_the_language_asked_for(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    answer = await visit.client.get("/month?lang=en", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, f"/month/{RUNNING}?lang=en")


async def test_without_any_month_that_is_said(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    visit.source.lines = ()
    answer = await visit.client.get("/month")
    assert answer.status == 404
    assert "没有这个月的记录。" in await answer.text()


async def test_the_front_page_and_every_other_lead_to_the_month(serve: Serve) -> None:
    board = ordinary_board(220)
    visit = await serve(board)
    camera = next(iter(board.cameras))
    for path, address in (
        ("/", f"/month/{RUNNING}"),
        ("/events", "/month"),
        ("/township/341101", f"/township/341101?month={RUNNING}"),
        (f"/camera/{camera}", f"/camera/{camera}?month={RUNNING}"),
    ):
        assert address in Page(await visit.text(path)).values("a", "href"), path


@pytest.mark.parametrize(
    ("month", "words"),
    [
        (RUNNING, ["进行中", "截至 08:30", "未定稿的数字仍会变化", "月末生成后在这里下载"]),
        (DRAFT, ["已结束，待定稿", "未定稿的数字仍会变化"]),
        (
            FROZEN,
            ["已定稿", "更正（第 2 版）", "SHA-256 9f2c4e1d9f2c…", "事由：城关镇一处报备补录", "11月1日 02:30 制作"],
        ),
    ],
)
async def test_the_head_says_how_far_the_month_has_come(serve: Serve, month: str, words: list[str]) -> None:
    text = await (await serve(ordinary_board(22))).text(f"/month/{month}")
    for word in words:
        assert word in text
    assert ("未定稿" in text) == (month != FROZEN)
    assert (SHA256 in text) == (month == FROZEN)


async def test_all_months_are_named_with_their_state_and_this_one_is_marked(serve: Serve) -> None:
    page = Page(await (await serve(ordinary_board(22))).text(f"/month/{FROZEN}"))
    links = [own for tag, own in page.tags if tag == "a" and re.fullmatch(r"/month/[\d-]+", own.get("href") or "")]
    assert [own["href"] for own in links] == [f"/month/{month}" for month in (RUNNING, FROZEN, DRAFT)]
    assert [own["href"] for own in links if own.get("aria-current") == "page"] == [f"/month/{FROZEN}"]


async def test_every_count_of_the_ranking_stands_as_the_snapshot_has_it(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    snapshot = await frozen(visit)
    shown = ranking_of(await visit.text(f"/month/{FROZEN}"))
    rows = [*snapshot["townships"], snapshot["county"]]
    assert len(shown) == len(rows) == 23
    for cells, row in zip(shown, rows, strict=True):
        figures = [cells[place] for place in (2, 3, 4, 5, 6, 7, 9, 10, 11, 13, 14)]
        expected = ["—" if row[key] is None else str(row[key]) for key in COLUMNS]
        assert [figure.replace(",", "") for figure in figures] == expected
        assert row["name"] in cells[1]
        assert cells[0] == ("" if not row["code"] else str(row["place"]))
        assert cells[12].startswith({True: "达标", False: "未达标", None: "—"}[row["reaches_target"]])
        assert cells[15] == row["remark"]


async def test_the_last_row_is_the_county(serve: Serve) -> None:
    text = await (await serve(ordinary_board(22))).text(f"/month/{FROZEN}")
    assert ranking_of(text)[-1][1] == "全县"


async def test_a_township_without_a_rate_stands_last_with_dashes(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    await show(visit, sample.small())
    cells = ranking_of(await visit.text(f"/month/{FROZEN}"))[-2]
    assert [cells[place] for place in (0, 5, 7, 12)] == ["—"] * 4


async def test_groups_have_a_heading_of_their_own(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    snapshot = copy.deepcopy(sample.small())
    for row, group in zip(snapshot["townships"], ("城区组", "山区组", "山区组"), strict=True):
        row["group"] = group
    await show(visit, snapshot)
    text = await visit.text(f"/month/{FROZEN}")
    assert re.findall(r'class="group"><th[^>]*>(\w+)</th>', text) == ["城区组", "山区组"]
    assert "group" not in Page(await (await serve(ordinary_board(22))).text(f"/month/{FROZEN}")).values("tr", "class")


async def test_what_is_not_counted_is_shown_by_cause(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    county = (await frozen(visit))["county"]
    text = await visit.text(f"/month/{FROZEN}")
    table = text[text.index('class="shares"') :]
    shown = cells_of(table[table.index("<tfoot>") : table.index("</tfoot>")])
    shares = list(county["unknown_share_by"].values())
    assert shown == [
        "全县",
        str(county["unassessed"]),
        str(county["never_connected"]),
        county["connected_rate"],
        county["exempt_share"],
        county["unknown_share"],
        *shares,
    ]


async def test_each_day_of_each_township_leads_to_that_day(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    snapshot = await frozen(visit)
    links = Page(await visit.text(f"/month/{FROZEN}")).values("a", "href")
    days = [f"/township/{row['code']}?month={FROZEN}&day={day}" for row in snapshot["heat"] for day in range(1, 32)]
    assert [link for link in links if "day=" in link] == days


async def test_days_to_come_lead_nowhere(serve: Serve) -> None:
    links = Page(await (await serve(ordinary_board(22))).text(f"/month/{RUNNING}")).values("a", "href")
    days = {int(match[1]) for link in links if (match := re.search(r"day=(\d+)", link))}
    assert days == set(range(1, DAYS_SO_FAR + 1))


async def test_the_papers_can_be_downloaded(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    links = Page(await visit.text(f"/month/{FROZEN}")).values("a", "href")
    papers = [link for link in links if "/paper/" in link]
    assert len(papers) == 3
    for link in papers:
        assert (await visit.client.get(URL(link, encoded=True))).content_type == "application/pdf"


async def test_a_rate_leads_from_the_county_to_the_look_behind_it(serve: Serve) -> None:
    visit = await serve(ordinary_board(220))
    county = Page(await visit.text("/")).values("a", "href")
    month = Page(await visit.text(next(link for link in county if link == f"/month/{RUNNING}")))
    assert f"/month/{FROZEN}" in month.values("a", "href")
    townships = Page(await visit.text(f"/month/{FROZEN}")).values("a", "href")
    township = next(link for link in townships if link.startswith("/township/"))
    cameras = Page(await visit.text(township)).values("a", "href")
    camera = next(link for link in cameras if link.startswith("/camera/") and "month=" in link)
    assert "离线" in await visit.text(camera)
    watched = next(iter(visit.source.current.cameras))
    text = await visit.text(f"/camera/{watched}?month={FROZEN}")
    for piece in ("在线异常 · 遮挡", "依据 3 次查看：10月12日 08:20:00", "DESCRIBE 流描述", "14.8 ms"):
        assert piece in text
    (picture, *_) = Page(text).values("img", "src")
    assert (await visit.client.get(picture)).content_type == "image/jpeg"


async def test_a_township_shows_an_arithmetic_that_works_out(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    row = next(row for row in (await frozen(visit))["townships"] if row["code"] == "341101")
    text = await visit.text(f"/township/341101?month={FROZEN}")
    accountable = row["intact_s"] + row["impaired_s"] + row["offline_s"]
    assert f"{row['intact_s']:,} ÷ {accountable:,} = <b>{row['online_intact_rate']}%</b>" in text
    for key in ("intact_s", "impaired_s", "offline_s", "service_s"):
        assert f"{row[key]:,}" in text


async def test_every_camera_of_a_township_is_in_its_table_with_its_seconds(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    pieces = [row for row in (await frozen(visit))["cameras"] if row["township"] == "341103"]
    text = await visit.text(f"/township/341103?month={FROZEN}")
    table = text[text.index('class="cameras"') :]
    rows = [
        cells for row in re.findall(r"<tr.*?</tr>", table[: table.index("</table>")], re.S) if (cells := cells_of(row))
    ]
    shown = {(cells[3], cells[4] or "0", cells[5] or "0") for cells in rows[1:]}
    assert len(rows) == len(pieces) + 1
    assert shown == {tuple(f"{row[key]:,}" for key in ("intact_s", "impaired_s", "offline_s")) for row in pieces}


async def test_a_day_tells_what_counted_against_the_township(serve: Serve) -> None:
    text = await (await serve(ordinary_board(880))).text(f"/township/341101?month={FROZEN}&day=7")
    for piece in (
        "7日计入的故障 <i>3</i>",
        "离线 · 网络不通",
        "10月7日 09:12:00 – 持续中",
        "1 天 1 小时",
        "柳树村东路口",
    ):
        assert piece in text


@pytest.mark.parametrize("day", ["0", "32", "-1", "x", "", "07", "１"])
async def test_a_day_that_the_month_does_not_have_is_said(serve: Serve, day: str) -> None:
    visit = await serve(ordinary_board(22))
    answer = await visit.client.get(f"/township/341101?month={FROZEN}&day={quote(day)}")
    assert answer.status == 404
    assert "这个月没有这一天。" in await answer.text()


async def test_a_camera_that_has_left_the_fleet_still_has_its_month(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    gone = (await frozen(visit))["cameras"][-1]["id"]
    assert gone not in visit.source.current.cameras
    text = await visit.text(f"/camera/{gone}?month={FROZEN}")
    assert "看现在" not in text
    assert not Page(text).values("img", "src")
    assert (await visit.client.get(f"/camera/{gone}")).status == 404


async def test_the_evidence_of_a_fault_leads_to_its_look_or_else_to_its_picture(serve: Serve) -> None:
    visit = await serve(ordinary_board(880))
    snapshot = copy.deepcopy(dict(await frozen(visit)))
    fault = next(row for row in snapshot["faults"] if row["camera"] in visit.source.current.cameras)
    camera = fault["camera"]
    kept = (await visit.source.life(camera, FROZEN)).evidence[0].at
    for at, address in ((kept, f"#at-{kept}"), (kept + 1, f"/picture/{camera}/{kept + 1}")):
        fault["evidence_at"] = at
        await show(visit, snapshot)
        page = Page(await visit.text(f"/camera/{camera}?month={FROZEN}"))
        assert address in page.values("a", "href")
    assert f"at-{kept}" in page.values("div", "id")


async def test_a_fault_without_a_name_is_called_by_its_condition(serve: Serve) -> None:
    visit = await serve(ordinary_board(880))
    snapshot = copy.deepcopy(dict(await frozen(visit)))
    fault = next(row for row in snapshot["faults"] if row["condition"] == "offline")
    fault["fault"] = None
    await show(visit, snapshot)
    assert f"离线 {fault['hours']} h" in await visit.text(f"/township/{fault['township']}?month={FROZEN}")
    assert '<span class="cond is-offline">离线</span>' in await visit.text(f"/camera/{fault['camera']}?month={FROZEN}")


async def test_exemptions_stand_with_kind_reason_and_state(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    row = (await frozen(visit))["exempted"][0]
    for path in (f"/township/{row['township']}?month={FROZEN}", f"/camera/{row['camera']}?month={FROZEN}"):
        text = await visit.text(path)
        for piece in ("施工", "村道拓宽,杆件迁移", "10月4日 08:00", "已批准"):
            assert piece in text


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/month/2026-08", "没有这个月的记录。"),
        ("/month/%2e%2e%2fetc", "没有这个月的记录。"),
        ("/month/%FF", "没有这个月的记录。"),
        ("/township/341101?month=2026-08", "没有这个月的记录。"),
        ("/township/341101?month=", "没有这个月的记录。"),
        (f"/township/99?month={FROZEN}", "没有这个乡镇。"),
        (f"/camera/nobody?month={FROZEN}", "这个月没有这台摄像机。"),
        ("/camera/nobody?month=%ED%A0%BD", "没有这个月的记录。"),
    ],
)
async def test_what_the_month_does_not_have_is_said_in_words(serve: Serve, path: str, words: str) -> None:
    answer = await (await serve(ordinary_board(22))).client.get(URL(path, encoded=True))
    assert answer.status == 404
    assert words in await answer.text()


async def test_the_source_is_never_asked_for_a_month_that_it_does_not_list(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    asked: list[str] = []

    async def month(name: str) -> None:
        asked.append(name)

    visit.source.month = month  # type: ignore[assignment,method-assign]  # a source that notes what it is asked
    for path in ("/month/x", "/month/2026-08", "/township/341101?month=../x", "/camera/1?month=2026-1"):
        assert (await visit.client.get(path)).status == 404
    assert asked == []


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_hostile_names_print_literally(serve: Serve, lang: str) -> None:
    visit = await serve(hostile_board())
    snapshot = copy.deepcopy(sample.hostile())
    for row in (snapshot["townships"][0], snapshot["heat"][0]):
        row["name"], row["code"] = "<script>alert(1)</script>{{ 7*7 }}\ud83d", '34"<b>'
    await show(visit, snapshot)
    cameras = [quote(row["camera"], safe="") for row in snapshot["faults"][:6]]
    paths = [
        f"/month/{FROZEN}?",
        f"/township/34%22%3Cb%3E?month={FROZEN}&",
        f"/township/{snapshot['townships'][-1]['code']}?month={FROZEN}&",
    ]
    for path in [*paths, *(f"/camera/{camera}?month={FROZEN}&" for camera in cameras)]:
        page = Page(await visit.text(f"{path}lang={lang}"))
        assert all(source.startswith("/static/") for source in page.values("script", "src")), path
        assert all(own.get("src") for tag, own in page.tags if tag == "script"), path
        assert not [own for _, own in page.tags if any(name.startswith("on") or name == "style" for name in own)], path
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7*7 }}?" in await visit.text(f"/month/{FROZEN}")


@pytest.mark.parametrize("path", [f"/month/{FROZEN}", f"/township/341101?month={FROZEN}&day=3"])
async def test_english_pages_say_everything_in_english_but_names(serve: Serve, path: str) -> None:
    visit = await serve(ordinary_board(880))
    snapshot = copy.deepcopy(dict(await frozen(visit)))
    for table in ("townships", "heat", "cameras", "faults", "exempted", "unassessed", "never_connected"):
        for row in snapshot[table]:
            row |= {key: "name" for key in ("name", "township_name", "village", "reason") if key in row}
    await show(visit, snapshot | {"reason": ""})
    text = await visit.text(f"{path}{'&' if '?' in path else '?'}lang=en")
    main = text[text.index("<main") : text.index("</main>")]
    assert re.findall("[\u4e00-\u9fff]+", main) == []


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(
    "path", ["/month/{month}?", "/township/341101?month={month}&", "/camera/{camera}?month={month}&"]
)
@pytest.mark.parametrize("month", [FROZEN, DRAFT, RUNNING])
async def test_a_page_of_4000_cameras_is_small_and_quick(serve: Serve, month: str, path: str, lang: str) -> None:
    visit = await serve(ordinary_board(4000))
    await frozen(visit)
    address = path.format(month=month, camera=next(iter(visit.source.current.cameras))) + f"lang={lang}"
    took = []
    for _ in range(4):
        began = time.thread_time()
        text = await visit.text(address)
        took.append(time.thread_time() - began)
    assert "Undefined" not in text
    assert len(text.encode()) <= LARGEST_PAGE
    assert min(took[1:]) < CPU_LIMIT_S


async def test_a_language_asked_for_stays_through_the_month(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    for path in (f"/month/{FROZEN}?lang=en", f"/township/341101?month={FROZEN}&lang=en"):
        ours = [href for href in Page(await visit.text(path)).values("a", "href") if href.startswith("/")]
        assert ours
        assert all("lang=" in href for href in ours)


async def test_an_interval_of_a_past_month_ends_with_it(serve: Serve) -> None:
    board = ordinary_board(22)
    visit = await serve(board)
    camera = next(iter(board.cameras))
    assert "10月14日 00:15:00 – 11月1日 00:00:00" in await visit.text(f"/camera/{camera}?month={FROZEN}")
    assert "持续中" in await visit.text(f"/camera/{camera}?month={RUNNING}")
    assert (await visit.source.life(camera)).until == NOW
