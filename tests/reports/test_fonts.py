"""Which face serves which role: the office's own font wins, under any of its names."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.fonts import (
    CANDIDATES,
    FETCHED_FOLDER,
    FontMissingError,
    Grade,
    Origin,
    Role,
    Typefaces,
    find_typefaces,
    font_report,
)
from tests.reports.small_font import write_font

LETTERS = "示范县综治中心关于的通报附件〓0123456789"


def a_font_for_every_role(folder: Path) -> None:
    """The least that papers can be made with: one serif, as a fallback of every role."""
    write_font(folder / "serif.ttf", "Noto Serif SC", "思源宋体", LETTERS)
    write_font(folder / "serif-bold.ttf", "Noto Serif SC", "思源宋体", LETTERS, weight=700)


def test_a_font_dropped_in_wins_over_an_installed_and_a_fetched_one(tmp_path: Path) -> None:
    a_font_for_every_role(tmp_path / FETCHED_FOLDER)
    before = find_typefaces(tmp_path, installed=False)
    assert before[Role.TITLE].origin is Origin.FETCHED
    own = write_font(tmp_path / "FZXBSJW.TTF", "FZXiaoBiaoSong-B05S", "方正小标宋简体", LETTERS)
    face = find_typefaces(tmp_path)[Role.TITLE]
    assert (face.path, face.family, face.origin) == (own, "FZXiaoBiaoSong-B05S", Origin.DROP_IN)


@pytest.mark.parametrize(
    ("english", "chinese"),
    [("FangSong_GB2312", "仿宋_GB2312"), ("Some Vendor's Name", "仿宋_GB2312"), ("fangsong_gb2312", "别名")],
)
def test_a_font_is_known_by_its_chinese_or_its_english_name(tmp_path: Path, english: str, chinese: str) -> None:
    a_font_for_every_role(tmp_path / FETCHED_FOLDER)
    own = write_font(tmp_path / "font.ttf", english, chinese, LETTERS)
    assignment = next(
        each for each in find_typefaces(tmp_path, installed=False).assignments if each.role is Role.FANGSONG
    )
    assert assignment.face.path == own
    assert assignment.grade is Grade.GENUINE


def test_a_serif_dropped_in_does_not_push_out_a_fetched_fangsong(tmp_path: Path) -> None:
    a_font_for_every_role(tmp_path)
    fetched = write_font(tmp_path / FETCHED_FOLDER / "fang.ttf", "FandolFang R", "FandolFang", LETTERS)
    typefaces = find_typefaces(tmp_path, installed=False)
    assert typefaces[Role.FANGSONG].path == fetched
    assert typefaces[Role.SONG].origin is Origin.DROP_IN


def test_without_any_font_the_message_names_the_roles_and_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(FontMissingError, match=r"小标宋、仿宋、楷体、黑体、宋体、数字和西文.*make fonts"):
        find_typefaces(tmp_path, installed=False)


def test_a_damaged_file_serves_no_role_and_stops_nothing(tmp_path: Path) -> None:
    a_font_for_every_role(tmp_path)
    whole = (tmp_path / "serif.ttf").read_bytes()
    (tmp_path / "cut.ttf").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.otf").write_text("not a font", encoding="utf-8")
    assert {each.face.path.name for each in find_typefaces(tmp_path, installed=False).assignments} == {
        "serif.ttf",
        "serif-bold.ttf",
    }


def test_the_choice_does_not_depend_on_what_else_lies_in_the_folder(tmp_path: Path) -> None:
    a_font_for_every_role(tmp_path)
    chosen = find_typefaces(tmp_path, installed=False)
    write_font(tmp_path / "another.ttf", "Comic", "漫画", LETTERS)
    assert find_typefaces(tmp_path, installed=False) == chosen


def test_the_report_says_what_is_a_stand_in_and_what_a_real_font_would_improve(tmp_path: Path) -> None:
    a_font_for_every_role(tmp_path)
    write_font(tmp_path / "simsun.ttf", "SimSun", "宋体", LETTERS)
    lines = {line.role: line for line in font_report(find_typefaces(tmp_path, installed=False))}
    assert (lines["宋体"].grade, lines["宋体"].advice) == (Grade.GENUINE, "")
    assert (lines["小标宋"].grade, "方正小标宋简体" in lines["小标宋"].advice) == (Grade.STAND_IN, True)
    assert (lines["仿宋"].grade, "make fonts" in lines["仿宋"].advice) == (Grade.LAST_RESORT, True)


def test_every_role_falls_back_on_the_faces_of_the_others(tmp_path: Path) -> None:
    a_font_for_every_role(tmp_path)
    write_font(tmp_path / "hei.ttf", "SimHei", "黑体", "滍洑")
    typefaces = find_typefaces(tmp_path, installed=False)
    assert {ord("滍"), ord("示")} <= typefaces.covered
    assert ord("溵") not in typefaces.covered
    for role in typefaces.for_template().values():
        assert "SimHei" in role["families"]


def test_a_record_is_enough_to_know_the_font_again(typefaces: Typefaces) -> None:
    records = typefaces.records()
    assert [record["role"] for record in records] == [role.value for role in Role]
    assert all(record["version"] and len(record["sha256"]) == 64 for record in records)


def test_every_role_begins_with_a_genuine_face_and_ends_with_one_that_can_be_fetched() -> None:
    for candidates in CANDIDATES.values():
        assert candidates[0].grade is Grade.GENUINE
        assert {"Noto Serif SC", "Noto Sans SC", "FandolSong"} & {name for each in candidates for name in each.names}
