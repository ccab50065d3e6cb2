"""What machines fetch beside the pages."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.core.retention import Retention
from monitor.metrics import CONTENT_TYPE, Metrics, compress
from monitor.web.assets import Assets
from monitor.web.guard import HEADERS
from monitor.web.settings import Rendered
from monitor.wording import Lang, percent
from tests.monitor.web.boards import NOW, StillClock, blind_board, hostile_board, ordinary_board
from tests.monitor.web.conftest import Serve


def suspects(board_json: dict[str, object]) -> Iterator[str]:
    cameras = board_json["cameras"]
    assert isinstance(cameras, list)
    yield from (camera["id"] for camera in cameras if camera["suspect"])


async def test_the_boards_json_tells_conditions_events_and_rates(serve: Serve) -> None:
    board = ordinary_board()
    facts = json.loads(await (await serve(board)).text("/api/board.json"))
    assert {camera["id"]: camera["condition"] for camera in facts["cameras"]} == {
        id_: live.condition.value for id_, live in board.cameras.items()
    }
    assert [event["kind"] for event in facts["events"]] == ["village", "recorder"]
    proven = board.proven
    assert list(facts["proven"].values()) == [880, proven.port, proven.described, proven.pictured]
    assert [one["online_intact_rate"] for one in facts["townships"]] == [percent(one.rate) for one in board.townships]
    assert facts["blind"] is None
    assert set(suspects(facts)) == {id_ for id_, live in board.cameras.items() if live.doubt}


async def test_the_boards_json_holds_no_address_login_or_telephone_number(serve: Serve) -> None:
    board = ordinary_board()
    text = await (await serve(board)).text("/api/board.json")
    camera = next(iter(board.fleet.cameras.values()))
    for secret in (camera.host, "127.", camera.credential, camera.rtsp_path, camera.maintainer.phone, "credential"):
        assert secret not in text


async def test_hostile_names_are_json_like_all_others(serve: Serve) -> None:
    board = hostile_board()
    facts = json.loads(await (await serve(board)).text("/api/board.json"))
    assert [camera["name"] for camera in facts["cameras"]] == [camera.name for camera in board.fleet.cameras.values()]


@pytest.mark.parametrize(
    ("age_s", "status", "word"), [(0, 200, "ok"), (60, 200, "ok"), (61, 503, "stale"), (-30, 200, "ok")]
)
async def test_health_is_the_age_of_the_board(serve: Serve, age_s: float, status: int, word: str) -> None:
    visit = await serve(ordinary_board(22), clock=StillClock(at=NOW + age_s))
    response = await visit.client.get("/healthz")
    assert response.status == status
    facts = await response.json()
    assert (facts["status"], facts["cameras"], facts["board_age_s"]) == (word, 22, max(age_s, 0))


async def test_being_blind_is_told_but_is_no_illness(serve: Serve) -> None:
    response = await (await serve(blind_board(22))).client.get("/healthz")
    assert response.status == 200
    assert (await response.json())["status"] == "blind"


async def test_a_record_that_cannot_be_written_is_told_but_no_restart_would_heal_it(serve: Serve) -> None:
    visit = await serve(ordinary_board(22), degraded=lambda: "database or disk is full")
    response = await visit.client.get("/healthz")
    assert response.status == 200
    facts = await response.json()
    assert (facts["status"], facts["degraded"]) == ("degraded", "database or disk is full")
    for lang, words in (("zh", "记录写不进磁盘"), ("en", "The record can&#39;t be written")):
        page = await visit.text(f"/?lang={lang}")
        assert f"{words}" in page
        assert "database or disk is full" in page


async def test_the_room_that_evidence_takes_is_told_by_its_figures_once_it_is_known(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    assert (await (await visit.client.get("/healthz")).json())["evidence"] is None
    full = Retention(going={}, size=5 * 2**20 + 1, held=5 * 2**20, budget=4 * 2**20)
    visit = await serve(ordinary_board(22), evidence=lambda: full)
    facts = await (await visit.client.get("/healthz")).json()
    assert facts["evidence"] == {"mib": 6, "budget_mib": 4, "over_mib": 2, "frozen_mib": 5}
    assert facts["status"] == "ok"


async def test_the_warning_goes_when_the_record_can_be_written_again(serve: Serve) -> None:
    reasons = ["database or disk is full", ""]
    visit = await serve(ordinary_board(22), degraded=lambda: reasons[0])
    assert "记录写不进磁盘" in await visit.text("/")
    reasons.pop(0)
    assert "记录写不进磁盘" not in await visit.text("/")


async def test_the_page_speaks_the_language_of_the_settings_unless_another_is_asked_for(serve: Serve) -> None:
    visit = await serve(ordinary_board(22), lang=Lang.EN)
    assert '<html lang="en"' in await visit.text("/")
    assert '<html lang="zh' in await visit.text("/?lang=zh")


async def test_the_day_is_noted_from_the_start(serve: Serve) -> None:
    columns = json.loads(await (await serve(ordinary_board(220))).text("/api/day.json"))
    assert columns["at"] == [NOW]
    assert columns["offline"][0] > 0


async def test_metrics_are_gzipped_only_for_those_who_accept_it(serve: Serve) -> None:
    board = ordinary_board(22)
    metrics = Metrics(version="0.1.0", stalled_after_s=60)

    def render(gzipped: bool) -> Rendered:
        page = metrics.render(board, now_monotonic=0, progress_monotonic=0)
        return Rendered(body=compress(page) if gzipped else page, content_type=CONTENT_TYPE, gzipped=gzipped)

    visit = await serve(board, metrics=render)
    plain = await visit.client.get("/metrics", headers={"Accept-Encoding": "identity"})
    packed = await visit.client.get("/metrics", headers={"Accept-Encoding": "gzip"}, auto_decompress=False)
    assert plain.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(await packed.read()) == await plain.read()


async def test_without_a_renderer_there_are_no_metrics(serve: Serve) -> None:
    assert (await (await serve(ordinary_board(22))).client.get("/metrics")).status == 404


async def test_a_picture_is_had_by_camera_and_time_alone(serve: Serve) -> None:
    board = ordinary_board(22)
    visit = await serve(board)
    camera = next(iter(board.cameras))
    response = await visit.client.get(f"/picture/{camera}/{NOW - 300}")
    assert response.content_type == "image/jpeg"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in response.headers["Cache-Control"]
    for path in (
        f"/picture/{camera}/1",
        f"/picture/nobody/{NOW - 300}",
        f"/picture/{camera}/../../etc/passwd",
        f"/picture/{camera}/%2e%2e%2fpasswd",
        f"/picture/{camera}/-1",
    ):
        assert (await visit.client.get(path)).status == 404, path


async def test_a_picture_that_is_no_jpeg_is_not_served(serve: Serve) -> None:
    board = ordinary_board(22)
    visit = await serve(board)

    async def drawing(camera: str, at: int) -> bytes:
        return b"<svg onload='alert(1)'/>"

    visit.source.picture = drawing  # type: ignore[method-assign]  # a source whose file was replaced
    assert (await visit.client.get(f"/picture/{next(iter(board.cameras))}/{NOW}")).status == 404


async def test_files_are_kept_for_ever_under_their_version_only(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    address = Assets().address("xunjian.css")
    versioned = await visit.client.get(address)
    plain = await visit.client.get("/static/xunjian.css?v=old")
    assert versioned.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "immutable" in versioned.headers["Cache-Control"]
    assert plain.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["../app.py", "%2e%2e/app.py", "vendor/htmx.LICENSE", "missing.js", "/etc/passwd"])
async def test_only_style_sheets_scripts_and_icons_below_the_folder_are_served(serve: Serve, name: str) -> None:
    assert (await (await serve(ordinary_board(22))).client.get(f"/static/{name}")).status == 404


def test_a_missing_folder_of_fetched_scripts_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "xunjian.css").write_text("")
    assets = Assets(tmp_path)
    assert not assets.has_htmx
    assert not assets.has_uplot


@pytest.mark.parametrize("path", ["/", "/api/day.json", "/healthz", "/static/xunjian.css", "/nowhere", "/picture/x/1"])
async def test_every_answer_carries_the_security_headers(serve: Serve, path: str) -> None:
    response = await (await serve(ordinary_board(22))).client.get(path)
    assert {name: response.headers.get(name) for name in HEADERS} == HEADERS
    assert "Cache-Control" in response.headers


async def test_pages_are_never_kept(serve: Serve) -> None:
    response = await (await serve(ordinary_board(22))).client.get("/")
    assert response.headers["Cache-Control"] == "no-store"
