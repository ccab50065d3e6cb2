"""The manual is readable on the page and in the sources, and leads nowhere that is not there."""

from pathlib import Path

import pytest

from monitor.web.manual import FRONT, BrokenManualError, read_manual
from tests.monitor.web.boards import ordinary_board
from tests.monitor.web.conftest import Serve


def manual_of(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        path = folder / f"{name.replace('__', '/')}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_every_page_of_the_manual_is_reached_from_its_front() -> None:
    manual = read_manual()
    reached, todo = set(), [FRONT]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += manual[name].links
    assert reached == set(manual)


def test_a_link_to_another_file_leads_to_its_page(tmp_path: Path) -> None:
    folder = manual_of(tmp_path, index="# 甲\n[乙](alerts/b.md#先查什么)", alerts__b="# 乙\n[甲](../index.md)")
    manual = read_manual(folder)
    assert 'href="/help/alerts/b#先查什么"' in manual["index"].body.replace(
        "%E5%85%88%E6%9F%A5%E4%BB%80%E4%B9%88", "先查什么"
    )
    assert 'href="/help"' in manual["alerts/b"].body


def test_a_link_to_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenManualError, match=r"index\.md links to gone\.md"):
        read_manual(manual_of(tmp_path, index="# 甲\n[乙](gone.md)"))


def test_a_page_without_a_title_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenManualError, match=r"index\.md does not begin with a title"):
        read_manual(manual_of(tmp_path, index="没有标题"))


def test_html_in_a_page_is_shown_and_not_run(tmp_path: Path) -> None:
    body = read_manual(manual_of(tmp_path, index="# 甲\n<script>alert(1)</script>"))["index"].body
    assert "<script>" not in body
    assert "&lt;script&gt;" in body


def test_sections_are_listed_with_anchors_that_are_on_the_page(tmp_path: Path) -> None:
    page = read_manual(manual_of(tmp_path, index="# 甲\n## 先查 什么\n文\n## 再查\n文"))["index"]
    assert [(section.title, section.anchor) for section in page.sections] == [
        ("先查 什么", "先查-什么"),
        ("再查", "再查"),
    ]
    assert all(f'id="{section.anchor}"' in page.body for section in page.sections)


async def test_the_manual_is_a_link_away_from_every_page(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    assert 'href="/help"' in await visit.text("/")
    assert "巡检手册" in await visit.text("/help")
    assert "<table>" in await visit.text("/help/judging")


async def test_a_page_that_the_manual_has_not_is_said_to_be_missing(serve: Serve) -> None:
    visit = await serve(ordinary_board(22))
    for path in ("/help/nothing", "/help/..%2Fpages.py", "/help/index.md"):
        response = await visit.client.get(path)
        assert response.status == 404, path
