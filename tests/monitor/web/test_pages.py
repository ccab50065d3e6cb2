"""The pages as a browser gets them."""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
from yarl import URL

from monitor.core.board import Board
from monitor.core.certificate import CertificateNote
from monitor.core.condition import Cause, Condition
from monitor.core.record import Gap
from monitor.store.values import Ruling
from monitor.web.assets import STATIC, Assets
from tests.monitor.web.boards import (
    MONTH_BEGAN,
    NOW,
    StillClock,
    bad_board,
    blind_board,
    hostile_board,
    ordinary_board,
    quiet_board,
)
from tests.monitor.web.conftest import Serve

LARGEST_PAGE = 150_000
CPU_LIMIT_S = 0.050
BOARDS = {
    "ordinary": ordinary_board,
    "bad": bad_board,
    "quiet": quiet_board,
    "blind": blind_board,
    "hostile": hostile_board,
}


class Page(HTMLParser):
    """Tags with their attributes, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def values(self, tag: str, attribute: str) -> list[str]:
        return [value for name, own in self.tags if name == tag and (value := own.get(attribute)) is not None]


def suspect(board: Board) -> str:
    return next(id_ for id_, live in board.cameras.items() if live.doubt and live.doubt.needs_person)


def offline(board: Board) -> str:
    return next(id_ for id_, live in board.cameras.items() if live.condition is Condition.OFFLINE)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("name", BOARDS)
async def test_every_page_of_every_board_can_be_had(serve: Serve, name: str, lang: str) -> None:
    board = BOARDS[name]()
    visit = await serve(board)
    first = next(iter(board.fleet.cameras.values()))
    camera, township = quote(first.id, safe=""), quote(first.township, safe="")
    paths = ["/", "/live", "/events", "/suspects", "/search?q=村", f"/camera/{camera}", f"/camera/{camera}/now"]
    paths += [f"/township/{township}"] + [f"/event?id={quote(event.id, safe='')}" for event in board.events[:2]]
    for path in paths:
        separator = "&" if "?" in path else "?"
        text = await visit.text(f"{path}{separator}lang={lang}")
        assert "Undefined" not in text
        assert len(text.encode()) <= LARGEST_PAGE


async def test_the_front_page_says_how_many_calls_there_are_to_make(serve: Serve) -> None:
    visit = await serve(ordinary_board())
    assert "今天要打 4 个电话" in await visit.text("/")
    assert "4 calls to make today" in await visit.text("/?lang=en")


async def test_events_come_before_single_outages_and_those_before_suspects(serve: Serve) -> None:
    visit = await serve(ordinary_board())
    text = await visit.text("/")
    places = [text.index(f"<h2>{word} ") for word in ("事件", "单独故障", "疑似")]
    assert places == sorted(places)


async def test_an_event_shows_its_place_its_length_its_number_and_its_cameras(serve: Serve) -> None:
    visit = await serve(ordinary_board())
    text = await visit.text("/")
    for piece in (
        "石桥镇 <span>柳树村</span>",
        "疑似断电",
        "3 台中 3 台",
        "06:14 起",
        "已 2 小时 16 分",
        "柳树村东路口",
    ):
        assert piece in text
    assert "tel:05556211110" in Page(text).values("a", "href")


async def test_the_blind_banner_comes_first_and_greys_everything(serve: Serve) -> None:
    visit = await serve(blind_board())
    text = await visit.text("/")
    assert text.index("我们看不见") < text.index("<h1>")
    for piece in ("自检探针没有应答", "自 08:19 起，已 11 分", "现在无法判断要打哪些电话"):
        assert piece in text
    assert {"calls blind", "blind"} <= set(Page(text).values("div", "class"))
    assert "现在 0/40" not in text


async def test_rates_do_not_move_while_we_are_blind(serve: Serve) -> None:
    seeing = await (await serve(ordinary_board())).text("/")
    blind = await (await serve(blind_board())).text("/")
    rates = re.compile(r"<b>(\d+\.\d\d)</b>")
    assert rates.findall(seeing) == rates.findall(blind) != []


async def test_a_quiet_day_says_so(serve: Serve) -> None:
    text = await (await serve(quiet_board())).text("/")
    assert "今天没有电话要打" in text
    assert "<article" not in text


async def test_a_link_that_is_down_is_named_above_the_calls(serve: Serve) -> None:
    gap = Gap(began=NOW - 600, ended=None, cause=Cause.LINK_EXCUSED, reason="township_link", township="341102")
    visit = await serve(replace(ordinary_board(), link_gaps=(gap,)))
    assert "石桥镇链路中断，自 08:20 起，已 10 分" in await visit.text("/")


async def test_townships_stand_worst_first_with_rates_rounded_down(serve: Serve) -> None:
    board = ordinary_board()
    rates = [rate for rate in (month.rate for month in board.townships) if rate is not None]
    text = await (await serve(board)).text("/")
    shown = re.findall(r"</svg>\s*<b>([\d.]+)</b>", text)
    assert shown == [f"{int(rate * 10_000) / 100:.2f}" for rate in sorted(rates)]


async def test_a_bad_day_is_folded_and_linked(serve: Serve) -> None:
    visit = await serve(bad_board())
    text = await visit.text("/")
    assert text.count('class="card call kind-') == 20
    assert "查看全部 26 起事件" in text
    assert "其余 176 台" in text
    assert (await visit.text("/events")).count('class="card call kind-') == 26


async def test_the_page_of_an_event_names_all_its_cameras(serve: Serve) -> None:
    board = bad_board()
    visit = await serve(board)
    text = await visit.text(f"/event?id={quote(board.events[0].id, safe='')}")
    assert len(re.findall(r'<li><a href="/camera/', text)) == len(board.events[0].cameras)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/event?id=village:gone@1", "这起事件已经结束。"),
        ("/camera/nobody", "台账里没有这台摄像机。"),
        ("/township/99", "没有这个乡镇。"),
        ("/nowhere", "没有这一页。"),
    ],
)
async def test_what_is_not_there_is_said_in_words(serve: Serve, path: str, words: str) -> None:
    visit = await serve(ordinary_board())
    response = await visit.client.get(path)
    assert response.status == 404
    assert words in await response.text()


async def test_a_search_finds_by_name_by_village_and_by_id(serve: Serve) -> None:
    board = ordinary_board()
    visit = await serve(board)
    camera = next(iter(board.fleet.cameras.values()))
    assert camera.name in await visit.text(f"/search?q={quote(camera.name)}")
    assert "没有找到。" in await visit.text("/search?q=没有的名字")
    assert "：0 台" in await visit.text("/search?q=")
    straight = await visit.client.get(f"/search?q={camera.id}&lang=en", allow_redirects=False)
    assert (straight.status, straight.headers["Location"]) == (303, f"/camera/{camera.id}?lang=en")


async def test_hostile_names_print_literally_on_every_page(serve: Serve) -> None:
    board = hostile_board()
    visit = await serve(board)
    ids = [quote(camera, safe="") for camera in board.cameras]
    paths = ["/", f"/township/{quote('34<b>', safe='')}", "/search?q=%3Cscript", "/search?q=%22%3E%3Cscript%3E"]
    for path in paths + [f"/camera/{id_}" for id_ in ids]:
        text = await visit.text(path)
        page = Page(text)
        assert all(source.startswith("/static/") for source in page.values("script", "src"))
        assert all(own.get("src") for tag, own in page.tags if tag == "script")
        assert not [own for _, own in page.tags if any(name.startswith("on") for name in own)], path
        assert "<b>镇</b>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in await visit.text("/")
    assert "{{ 7*7 }}" in await visit.text("/")


async def test_no_page_holds_an_inline_script_or_style(serve: Serve) -> None:
    board = ordinary_board()
    visit = await serve(board)
    for path in ("/", f"/camera/{suspect(board)}", "/township/341102", "/events"):
        page = Page(await visit.text(path))
        assert not [own for tag, own in page.tags if tag == "script" and not own.get("src")]
        assert not [tag for tag, own in page.tags if tag == "style" or "style" in own]


async def test_a_language_asked_for_stays(serve: Serve) -> None:
    visit = await serve(ordinary_board())
    english = Page(await visit.text("/?lang=en"))
    ours = [href for href in english.values("a", "href") if href.startswith("/")]
    assert ours
    assert all("lang=" in href for href in ours)
    assert 'lang="en"' in await visit.text("/events")
    assert 'lang="zh-CN"' in await visit.text("/?lang=zh")
    assert 'lang="zh-CN"' in await visit.text("/?lang=xx")


async def test_the_switch_leads_to_the_same_page_in_the_other_language(serve: Serve) -> None:
    visit = await serve(ordinary_board())
    assert '<a class="lang" lang="en" href="/search?q=%E6%9D%91&amp;lang=en">English</a>' in await visit.text(
        "/search?q=村"
    )


async def test_a_fragment_is_sent_only_when_it_has_changed(serve: Serve) -> None:
    board = ordinary_board()
    visit = await serve(board)
    (poll,) = [url for url in Page(await visit.text("/")).values("div", "hx-get") if "/live" in url]
    assert (await visit.client.get(poll)).status == 204
    visit.source.current = replace(board, now=board.now + 60)
    fresh = await visit.client.get(poll)
    assert fresh.status == 200
    assert "已 2 小时 17 分" in await fresh.text()


async def test_a_fragment_brings_its_next_address_and_the_other_parts(serve: Serve) -> None:
    page = Page(await (await serve(ordinary_board())).text("/live"))
    assert len(page.values("div", "hx-get")) == 1
    parts = [own["id"] for tag, own in page.tags if tag == "div" and own.get("hx-swap-oob") == "true"]
    assert parts == ["banner", "side"]
    assert "html" not in [tag for tag, _ in page.tags]


async def test_many_readers_of_one_board_cost_one_rendering(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[str] = []
    visit = await serve(ordinary_board())
    original = __import__("aiohttp_jinja2").render_string

    def counting(name: str, request: object, context: object) -> str:
        rendered.append(name)
        return str(original(name, request, context))

    monkeypatch.setattr("aiohttp_jinja2.render_string", counting)
    for _ in range(5):
        await visit.text("/")
    assert rendered.count("calls.html.j2") == 1
    await visit.text("/?lang=en")
    assert rendered.count("calls.html.j2") == 2


async def test_an_old_board_is_shown_with_a_warning(serve: Serve) -> None:
    visit = await serve(ordinary_board(), clock=StillClock(at=NOW + 300))
    assert "巡检程序已有 5 分没有更新数据" in await visit.text("/")
    clock = StillClock(at=NOW + 60)
    fresh = await serve(ordinary_board(), clock=clock)
    assert "没有更新数据" not in await fresh.text("/")
    clock.at = NOW + 7200
    assert "巡检程序已有 2 小时没有更新数据" in await fresh.text("/")


async def test_a_camera_tells_what_it_is_why_and_since_when(serve: Serve) -> None:
    board = ordinary_board()
    id_ = next(iter(board.events[0].cameras))
    text = await (await serve(board)).text(f"/camera/{id_}")
    reason = ("离线 · 网络不通", "依据 3 次查看：06:14:05、06:14:26、06:15:27", "06:15:30 判定")
    for piece in (*reason, "DESCRIBE 流描述", "14.8 ms", 'class="strip"'):
        assert piece in text
    month, out = NOW - MONTH_BEGAN, 7000 + 8160
    assert f"<b>{(month - out) * 10_000 // month / 100:.2f}%</b>" in text


async def test_a_camera_shows_its_picture_then_and_now(serve: Serve) -> None:
    board = ordinary_board()
    id_ = suspect(board)
    visit = await serve(board)
    visit.source.known = {}
    pictures = Page(await visit.text(f"/camera/{id_}")).values("img", "src")
    assert pictures == [f"/picture/{id_}/{NOW - 6 * 3600}", f"/picture/{id_}/{NOW - 300}"]
    for address in pictures:
        assert (await visit.client.get(address)).content_type == "image/jpeg"


async def test_a_camera_shows_what_its_pictures_are_held_against(serve: Serve) -> None:
    board = ordinary_board()
    id_ = suspect(board)
    visit = await serve(board)
    text = await visit.text(f"/camera/{id_}")
    assert "李强 已确认" in text
    assert f"xunjian reference {id_} --approve day" in text
    assert [src for src in Page(text).values("img", "src") if src.startswith("/reference/")] == [
        f"/reference/{id_}/day"
    ]
    answer = await visit.client.get(f"/reference/{id_}/day")
    assert (answer.status, answer.content_type) == (200, "image/png")
    assert (await answer.read()).startswith(b"\x89PNG")
    for missing in (f"/reference/{id_}/night", f"/reference/{id_}/noon", "/reference/nobody/day"):
        assert (await visit.client.get(missing)).status == 404
    visit.source.known = {}
    assert "--approve" not in await visit.text(f"/camera/{id_}")


async def test_a_fault_is_shown_with_how_far_it_is_beyond_its_threshold(serve: Serve) -> None:
    board = ordinary_board()
    id_ = suspect(board)
    visit = await serve(board)
    text = await visit.text(f"/camera/{id_}")
    assert text.count("遮挡（原有景物消失，门限的 1.6 倍）") == 4, "below the picture, newest, interval, list"
    assert "covered lens (the scene&#39;s texture is gone, 1.6 × its threshold)" in await visit.text(
        f"/camera/{id_}?lang=en"
    )


async def test_a_veiled_picture_is_shown_with_what_its_neighbours_say(serve: Serve) -> None:
    board = ordinary_board()
    id_ = suspect(board)
    visit = await serve(board)
    assert "同村邻近 7 台中 6 台画面清晰：不是雾，是遮挡" in await visit.text(f"/camera/{id_}")
    assert "6 of 7 cameras of the village see clearly: no fog, a cover" in await visit.text(f"/camera/{id_}?lang=en")


async def test_another_certificate_is_told_on_the_cameras_page(serve: Serve) -> None:
    board = ordinary_board()
    id_ = suspect(board)
    visit = await serve(board)
    assert "TLS 证书" not in await visit.text(f"/camera/{id_}")
    first = CertificateNote(at=NOW - 900, sha256="aa" * 32)
    visit.source.certificates = (CertificateNote(at=NOW - 60, sha256="bb" * 32, before=first.sha256), first)
    assert f"证书已更换：{'aa' * 8}… 变为 {'bb' * 8}…" in await visit.text(f"/camera/{id_}")
    text = await visit.text(f"/camera/{id_}?lang=en")
    assert f"changed from {'aa' * 8}… to {'bb' * 8}…" in text
    assert f"first seen, SHA-256 fingerprint {'aa' * 8}…" in text


@pytest.mark.parametrize(("verdict", "ruling"), [("confirm", Ruling.CONFIRMED), ("refute", Ruling.REFUTED)])
async def test_a_person_decides_a_doubt_by_name(serve: Serve, verdict: str, ruling: Ruling) -> None:
    board = ordinary_board()
    id_ = suspect(board)
    visit = await serve(board)
    assert 'name="verdict"' in await visit.text(f"/camera/{id_}")
    form = {"verdict": verdict, "by": "  王\n芳 "}
    response = await visit.client.post(f"/camera/{id_}/decision", data=form)
    text = await response.text()
    assert "已记录，谢谢。" in text
    assert 'name="verdict"' not in text
    assert [(one.camera, one.ruling, one.by) for one in visit.source.decisions] == [(id_, ruling, "王 芳")]
    assert ("王 芳 确认了" if verdict == "confirm" else "王 芳 否定了") in text


@pytest.mark.parametrize("form", [{"verdict": "confirm", "by": "  "}, {"verdict": "maybe", "by": "王"}, {}])
async def test_a_decision_without_a_name_or_a_verdict_is_refused(serve: Serve, form: dict[str, str]) -> None:
    board = ordinary_board()
    visit = await serve(board)
    response = await visit.client.post(f"/camera/{suspect(board)}/decision", data=form)
    assert response.status == 400
    assert visit.source.decisions == []


async def test_a_doubt_that_has_gone_cannot_be_decided(serve: Serve) -> None:
    board = ordinary_board()
    visit = await serve(board)
    well = next(id_ for id_, live in board.cameras.items() if live.doubt is None)
    form = {"verdict": "confirm", "by": "王芳"}
    assert (await visit.client.post(f"/camera/{well}/decision", data=form)).status == 409
    assert (await visit.client.post("/camera/nobody/decision", data=form)).status == 404


async def test_only_image_faults_are_put_to_a_person(serve: Serve) -> None:
    board = ordinary_board()
    doubts = {id_: live.doubt for id_, live in board.cameras.items() if live.doubt and live.fault is None}
    other = next(id_ for id_, doubt in doubts.items() if not doubt.needs_person)
    text = await (await serve(board)).text(f"/camera/{other}")
    assert "疑似：无视频流" in text
    assert 'name="verdict"' not in text


async def test_the_head_of_a_camera_tells_when_the_rest_of_its_page_is_old(serve: Serve) -> None:
    board = ordinary_board()
    id_ = offline(board)
    visit = await serve(board)
    (poll,) = Page(await visit.text(f"/camera/{id_}")).values("section", "hx-get")
    assert "情况有变化" not in await visit.text(poll)
    back = replace(board.cameras[id_], condition=Condition.INTACT, fault=None, since=NOW)
    visit.source.current = replace(board, cameras=dict(board.cameras) | {id_: back})
    assert "情况有变化" in await visit.text(poll)


async def test_without_the_fetched_scripts_pages_work_and_say_so(serve: Serve, tmp_path: Path) -> None:
    for name in ("xunjian.css", "xunjian.js", "icon.svg"):
        (tmp_path / name).write_bytes((STATIC / name).read_bytes())
    visit = await serve(ordinary_board(), assets=Assets(tmp_path))
    text = await visit.text("/")
    assert "页面脚本没有安装" in text
    assert '<meta http-equiv="refresh" content="30">' in text
    assert "htmx.min.js" not in text
    assert "今天要打 4 个电话" in text


@pytest.mark.parametrize(
    "path",
    ["/search?q=%FF%ED%A0%BD", "/camera/%FF", "/camera/..%2F..", "/township/%00", "/event?id=%ED%A0%BD", "/?lang=%FF"],
)
async def test_broken_addresses_are_answered_in_words(serve: Serve, path: str) -> None:
    response = await (await serve(ordinary_board(22))).client.get(URL(path, encoded=True))
    assert response.status in (200, 404)
    assert "</html>" in await response.text()


async def test_an_error_of_ours_is_a_page_without_details(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    board = ordinary_board()
    visit = await serve(board)

    async def broken(camera: str) -> None:
        raise RuntimeError("secret detail")

    visit.source.life = broken  # type: ignore[assignment,method-assign]  # a source that fails
    response = await visit.client.get(f"/camera/{offline(board)}")
    text = await response.text()
    assert response.status == 500
    assert "程序出错" in text
    assert "secret detail" not in text
    assert "secret detail" in caplog.text


@pytest.mark.parametrize("path", ["/", "/township/341105", "/search?q=柳", "/events"])
async def test_a_page_of_4000_cameras_takes_less_than_50_ms_of_cpu(serve: Serve, path: str) -> None:
    board = bad_board(4000)
    visit = await serve(board)
    took = []
    for _ in range(4):
        visit.source.current = replace(board)
        began = time.thread_time()
        await visit.text(path)
        took.append(time.thread_time() - began)
    assert min(took[1:]) < CPU_LIMIT_S


def test_every_board_is_different() -> None:
    makers: list[Callable[[], Board]] = [ordinary_board, quiet_board, blind_board]
    assert len({tuple(live.condition for live in maker().cameras.values()) for maker in makers}) == len(makers)
