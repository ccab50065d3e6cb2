"""The pages in a real browser: what scripts, layout and the content security policy do together."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, Request, async_playwright, expect

from monitor.core.board import Board
from monitor.store.values import Ruling
from monitor.web.app import application
from monitor.web.assets import Assets
from tests.monitor.web.boards import (
    PDF,
    MemorySource,
    bad_board,
    blind_board,
    hostile_board,
    ordinary_board,
    quiet_board,
    settings_at,
)
from tests.monitor.web.months import FROZEN
from tests.reports import sample

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.real_peer,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is missing: apt install chromium"),
    pytest.mark.skipif(not Assets().has_htmx, reason="the page's scripts are missing: make setup"),
]

PHONE = {"width": 375, "height": 812}
LAPTOP = {"width": 1366, "height": 768}
WALL = {"width": 1920, "height": 1080}

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@dataclass
class Visit:
    """A page in a window, its source, and everything that went wrong on it."""

    page: Page
    source: MemorySource
    address: str
    complaints: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    async def goto(self, path: str) -> None:
        await self.page.goto(self.address + path)

    async def width_of_content(self) -> int:
        return int(await self.page.evaluate("document.documentElement.scrollWidth"))


Open = Callable[..., Awaitable[Visit]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser: Browser) -> AsyncIterator[Open]:
    """Serves a board and opens a window on it; fails at the end if the page complained or looked elsewhere."""
    servers: list[TestServer] = []
    visits: list[Visit] = []

    async def start(board: Board, path: str = "/", *, window: dict[str, int] = LAPTOP, **changed: Any) -> Visit:
        source = MemorySource(board)
        server = TestServer(application(source, settings_at(**{"refresh_s": 1} | changed)), host="127.0.0.1")
        await server.start_server()
        servers.append(server)
        context = await browser.new_context(viewport={"width": window["width"], "height": window["height"]})
        await context.grant_permissions(["clipboard-read", "clipboard-write"])
        opened = Visit(page=await context.new_page(), source=source, address=str(server.make_url("")).rstrip("/"))
        opened.page.on("console", lambda said: note(opened, said.type, said.text))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.on("request", lambda request: watch(opened, request))
        visits.append(opened)
        await opened.goto(path)
        return opened

    yield start
    for opened in visits:
        await opened.page.context.close()
    for server in servers:
        await server.close()
    assert [opened.complaints for opened in visits if opened.complaints] == []
    assert [opened.outside for opened in visits if opened.outside] == []


def note(visit: Visit, kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        visit.complaints.append(text)


def watch(visit: Visit, request: Request) -> None:
    if urlsplit(request.url).netloc != urlsplit(visit.address).netloc:
        visit.outside.append(request.url)


def suspect(board: Board) -> str:
    return next(id_ for id_, live in board.cameras.items() if live.doubt and live.doubt.needs_person)


BOARDS = {
    "880": ordinary_board,
    "4000": bad_board,
    "blind": blind_board,
    "quiet": quiet_board,
    "hostile": hostile_board,
}


@pytest.mark.parametrize("window", [PHONE, LAPTOP, WALL], ids=["phone", "laptop", "wall"])
@pytest.mark.parametrize("name", BOARDS)
async def test_no_page_scrolls_sideways_or_complains(visit: Open, name: str, window: dict[str, int]) -> None:
    opened = await visit(BOARDS[name](), window=window)
    links = await opened.page.eval_on_selector_all("main a[href^='/']", "links => links.map(a => a.pathname)")
    firsts = [next((path for path in links if path.startswith(kind)), "/") for kind in ("/camera/", "/township/")]
    for path in dict.fromkeys(["/", *firsts]):
        for lang in ("zh", "en"):
            await opened.goto(f"{path}?lang={lang}")
            await opened.page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")
            assert await opened.width_of_content() <= window["width"], (path, lang)


@pytest.mark.parametrize("window", [PHONE, LAPTOP, WALL], ids=["phone", "laptop", "wall"])
@pytest.mark.parametrize("name", ["880", "hostile"])
async def test_no_page_of_a_month_scrolls_sideways_or_complains(visit: Open, name: str, window: dict[str, int]) -> None:
    opened = await visit(BOARDS[name](), window=window)
    if name == "hostile":
        opened.source.snapshots = {FROZEN: sample.hostile()}
    snapshot = await opened.source.month(FROZEN)
    assert snapshot is not None
    fault = snapshot["faults"][0]
    township, camera = (quote(fault[key], safe="") for key in ("township", "camera"))
    for path in (
        f"/month/{FROZEN}?",
        f"/township/{township}?month={FROZEN}&day=7&",
        f"/camera/{camera}?month={FROZEN}&",
    ):
        for lang in ("zh", "en"):
            await opened.goto(f"{path}lang={lang}")
            await opened.page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")
            assert await opened.width_of_content() <= window["width"], (path, lang)


@pytest.mark.parametrize("window", [PHONE, WALL], ids=["phone", "wall"])
async def test_a_rate_clicks_down_to_the_look_behind_it(visit: Open, window: dict[str, int]) -> None:
    opened = await visit(ordinary_board(), window=window)
    page = opened.page
    await page.locator("#side").get_by_role("link", name=re.compile("^全县")).click()
    await page.get_by_role("navigation", name="各月").get_by_role("link", name="2026年10月").click()
    await expect(page.get_by_text("已定稿", exact=True).last).to_be_visible()
    await page.locator("table.ranking").get_by_role("link", name="城关镇").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("城关镇")
    watched = next(iter(opened.source.current.cameras))
    await page.locator(f"table.cameras a[href^='/camera/{watched}?']").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("柳树村东路口")
    out = page.locator("details.stretch", has_text="遮挡")
    await expect(out.get_by_text("依据 3 次查看")).to_be_visible()
    await expect(out.get_by_text("DESCRIBE 流描述")).to_be_visible()
    picture = out.locator("img")
    await picture.scroll_into_view_if_needed()
    await expect(picture).to_have_js_property("naturalWidth", 640)
    await page.get_by_role("link", name="2026年10月").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("2026年10月在线完好情况")


async def test_a_day_of_the_heat_map_opens_what_was_out(visit: Open) -> None:
    opened = await visit(ordinary_board(), f"/month/{FROZEN}", window=PHONE)
    row = opened.page.locator("table.heat tr", has_text="城关镇")
    cell = row.get_by_role("link").nth(6)
    box = await cell.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 16
    await cell.click()
    await expect(opened.page.get_by_role("heading", name="7日计入的故障")).to_be_visible()
    await expect(opened.page.locator("td.chosen")).to_have_text("7")


async def test_the_name_of_a_township_stays_while_its_figures_scroll(visit: Open) -> None:
    opened = await visit(ordinary_board(), f"/month/{FROZEN}", window=PHONE)
    await opened.page.eval_on_selector(".ranking", "table => { table.parentElement.scrollLeft = 600; }")
    box = await opened.page.locator("table.ranking td.who").first.bounding_box()
    assert box is not None
    assert 0 <= box["x"] < 60
    await expect(opened.page.locator("table.ranking .brief").first).to_be_visible()


async def test_a_paper_is_downloaded_under_its_title(visit: Open) -> None:
    opened = await visit(ordinary_board(), f"/month/{FROZEN}")
    async with opened.page.expect_download() as download:
        await opened.page.get_by_role("link", name="城关镇整改通知单").click()
    file = await download.value
    assert file.suggested_filename == "2026-10 城关镇整改通知单.pdf"
    assert (await file.path()).read_bytes() == PDF


async def test_a_month_prints_on_three_sheets_without_the_head_of_the_page(visit: Open) -> None:
    opened = await visit(ordinary_board(), f"/month/{FROZEN}")
    sheets = await opened.page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", sheets)) == 3
    await opened.page.emulate_media(media="print")
    await expect(opened.page.locator("header.top")).to_be_hidden()
    await expect(opened.page.get_by_text("演示", exact=True).last).to_be_visible()
    for one in ("table.ranking", "table.heat", ".chart"):
        await expect(opened.page.locator(one).first).to_be_visible()


async def test_telephone_numbers_are_links_large_enough_for_a_thumb(visit: Open) -> None:
    opened = await visit(ordinary_board(), window=PHONE)
    numbers = opened.page.locator("a.tel")
    assert await numbers.first.get_attribute("href") == "tel:05556012345"
    box = await numbers.first.bounding_box()
    assert box is not None
    assert box["height"] >= 40
    assert box["width"] >= 250


async def test_the_button_copies_the_text_to_paste(visit: Open) -> None:
    opened = await visit(ordinary_board())
    card = opened.page.locator("article.kind-village")
    await card.get_by_role("button", name="复制文字").click()
    await expect(card.get_by_role("button")).to_have_text("已复制")
    text = await opened.page.evaluate("navigator.clipboard.readText()")
    assert text.startswith("【视频巡查】石桥镇 柳树村 疑似断电：自 06:14 起，3 台摄像机中 3 台不可用")
    assert text.endswith("联系供电：石桥镇供电所 0555-6211110。")


async def test_without_a_clipboard_the_text_is_copied_by_selection(visit: Open) -> None:
    opened = await visit(ordinary_board())
    await opened.page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    card = opened.page.locator("article.kind-village")
    await card.get_by_role("button").click()
    await expect(card.get_by_role("button")).to_have_text("已复制")
    assert await opened.page.evaluate("document.getSelection().toString() || document.activeElement.value")
    assert await card.locator("details").get_attribute("open") is not None


async def test_blindness_greys_what_can_no_longer_be_known(visit: Open) -> None:
    opened = await visit(blind_board())
    await expect(opened.page.get_by_role("alert")).to_contain_text("我们看不见")
    for part in ("#calls > .calls", "#side"):
        style = await opened.page.eval_on_selector(part, "one => getComputedStyle(one).filter")
        assert style == "grayscale(1)", part
    banner = await opened.page.eval_on_selector(".blind-banner", "one => getComputedStyle(one).filter")
    assert banner == "none"


async def test_a_refresh_brings_the_blind_banner_and_takes_it_away(visit: Open) -> None:
    seeing = ordinary_board()
    opened = await visit(seeing)
    await expect(opened.page.locator(".blind-banner")).to_have_count(0)
    opened.source.current = blind_board()
    await expect(opened.page.locator(".blind-banner")).to_be_visible()
    await expect(opened.page.get_by_role("heading", level=1)).to_have_text("现在无法判断要打哪些电话")
    opened.source.current = replace(seeing)
    await expect(opened.page.locator(".blind-banner")).to_have_count(0)
    await expect(opened.page.get_by_role("heading", level=1)).to_have_text("今天要打 4 个电话")


async def test_a_refresh_replaces_calls_and_townships_without_a_new_page(visit: Open) -> None:
    opened = await visit(bad_board(880, faulty=200))
    await opened.page.evaluate("window.stillHere = true")
    before = await opened.page.locator("article").count()
    opened.source.current = quiet_board()
    await expect(opened.page.get_by_role("heading", level=1)).to_have_text("今天没有电话要打")
    assert before > 0
    await expect(opened.page.locator("article")).to_have_count(0)
    await expect(opened.page.locator("#side .proven .pictured b")).to_have_text("880")
    assert await opened.page.evaluate("window.stillHere") is True


async def test_a_refresh_keeps_an_opened_list_open(visit: Open) -> None:
    board = ordinary_board()
    opened = await visit(board)
    folded = opened.page.locator("article.kind-village details")
    await folded.locator("summary").click()
    opened.source.current = replace(board, now=board.now + 3600)
    await expect(opened.page.locator("article.kind-village .facts")).to_contain_text("已 3 小时 16 分")
    await expect(folded.locator(".names")).to_be_visible()


async def test_a_refresh_waits_while_a_text_is_selected(visit: Open) -> None:
    board = ordinary_board()
    opened = await visit(board)
    card = opened.page.locator("article.kind-village")
    await card.locator("summary").click()
    await card.locator("textarea").focus()
    async with opened.page.expect_response(re.compile("/live")):
        opened.source.current = replace(board, now=board.now + 3600)
    async with opened.page.expect_response(re.compile("/live")):
        pass
    await expect(card.locator(".facts")).to_contain_text("已 2 小时 16 分")
    await card.locator("textarea").blur()
    await expect(card.locator(".facts")).to_contain_text("已 3 小时 16 分")


async def test_a_lost_connection_is_told_and_forgotten_when_it_is_back(visit: Open) -> None:
    board = ordinary_board()
    opened = await visit(board)
    await opened.page.route("**/live*", lambda route: asyncio.ensure_future(route.abort()))
    await expect(opened.page.locator("#lost")).to_be_visible()
    await opened.page.unroute("**/live*")
    await expect(opened.page.locator("#lost")).to_be_hidden()
    opened.complaints.clear()


async def test_the_language_switch_changes_every_word_and_stays(visit: Open) -> None:
    opened = await visit(ordinary_board())
    await opened.page.get_by_role("link", name="English").click()
    await expect(opened.page.get_by_role("heading", level=1)).to_have_text("4 calls to make today")
    await opened.page.locator("article.single h3 a").first.click()
    await expect(opened.page.get_by_role("link", name="back to the calls")).to_be_visible()
    await opened.goto("/")
    await expect(opened.page.get_by_role("heading", level=1)).to_have_text("4 calls to make today")
    await opened.page.get_by_role("link", name="中文").click()
    await expect(opened.page.get_by_role("heading", level=1)).to_have_text("今天要打 4 个电话")


@pytest.mark.parametrize(("button", "ruling"), [("确认故障", Ruling.CONFIRMED), ("否定，一切正常", Ruling.REFUTED)])
async def test_a_person_confirms_or_refutes_a_suspect(visit: Open, button: str, ruling: Ruling) -> None:
    board = ordinary_board()
    id_ = suspect(board)
    opened = await visit(board, window=PHONE)
    await opened.page.locator(f".suspects a[href='/camera/{id_}']").click()
    await opened.page.get_by_label("你的姓名").fill("王芳")
    await opened.page.get_by_role("button", name=button).click()
    await expect(opened.page.get_by_text("已记录，谢谢。")).to_be_visible()
    assert [(one.camera, one.ruling, one.by) for one in opened.source.decisions] == [(id_, ruling, "王芳")]


async def test_a_decision_needs_a_name(visit: Open) -> None:
    board = ordinary_board()
    opened = await visit(board, f"/camera/{suspect(board)}")
    await opened.page.get_by_role("button", name="确认故障").click()
    assert await opened.page.evaluate("document.querySelector('input[name=by]').matches(':invalid')")
    assert opened.source.decisions == []


async def test_the_pictures_of_a_camera_are_shown(visit: Open) -> None:
    board = ordinary_board()
    opened = await visit(board, f"/camera/{suspect(board)}")
    await expect(opened.page.locator("figure img")).to_have_count(3)
    widths = await opened.page.eval_on_selector_all("figure img", "all => all.map(one => one.naturalWidth)")
    assert widths == [640, 640, 160], "a good one, the doubted one, and the reference by day"


async def test_the_head_of_a_camera_refreshes_and_leaves_the_form_alone(visit: Open) -> None:
    board = ordinary_board()
    id_ = suspect(board)
    opened = await visit(board, f"/camera/{id_}")
    await opened.page.get_by_label("你的姓名").fill("王芳")
    black = next(live for live in board.cameras.values() if live.condition == "impaired")
    changed = dict(board.cameras) | {id_: replace(black, id=id_)}
    opened.source.current = replace(board, cameras=changed)
    await expect(opened.page.get_by_role("link", name="情况有变化，点此刷新")).to_be_visible()
    assert await opened.page.get_by_label("你的姓名").input_value() == "王芳"


async def test_a_search_leads_to_the_camera(visit: Open) -> None:
    board = ordinary_board()
    camera = next(iter(board.fleet.cameras.values()))
    opened = await visit(board, window=PHONE)
    await opened.page.get_by_role("searchbox").fill(camera.id)
    await opened.page.get_by_role("button", name="查找").click()
    await expect(opened.page.get_by_role("heading", level=1)).to_have_text(camera.name)


async def test_hostile_names_print_literally(visit: Open) -> None:
    opened = await visit(hostile_board())
    await expect(opened.page.get_by_role("link", name="<script>alert(1)</script>").first).to_be_visible()
    await opened.page.locator("details summary").first.click()
    await opened.page.locator("article.single a[href^='/camera/']").first.click()
    await expect(opened.page.get_by_role("heading", level=1)).to_contain_text("<script>")


async def test_the_day_is_drawn(visit: Open) -> None:
    opened = await visit(ordinary_board(), window=WALL)
    await expect(opened.page.locator("#day canvas")).to_be_visible()
    inked = """canvas => {
        const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        return pixels.some((value, index) => index % 4 === 3 && value > 0);
    }"""
    assert await opened.page.eval_on_selector("#day canvas", inked)
    box = await opened.page.locator("#day").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= WALL["height"]


async def test_pages_can_be_read_in_the_dark(browser: Browser, visit: Open) -> None:
    opened = await visit(ordinary_board())
    await opened.page.emulate_media(color_scheme="dark")
    ground = await opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    ink = await opened.page.evaluate("getComputedStyle(document.body).color")
    dark, light = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (ground, ink))
    assert dark < 100
    assert light > 600
