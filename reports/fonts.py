"""Which face serves which role on paper: the office's own fonts, then installed, then fetched ones.

GB/T 9704-2012 names kinds of type (小标宋, 仿宋, 楷体, 黑体, 宋体), not files. The fonts that offices own are
licensed to them and can't be shipped, so a face is looked for by all its names, Chinese and English, and a free one
stands in where none is found. Only the files chosen here are handed to the typesetter: a font that somebody installs
later never changes a paper.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from fontTools.ttLib import TTFont, TTLibError

if TYPE_CHECKING:
    import typst


class Role(StrEnum):
    """A kind of type in an official document."""

    TITLE = "title"
    FANGSONG = "fangsong"
    KAI = "kai"
    HEI = "hei"
    SONG = "song"
    LATIN = "latin"


ROLE_NAMES: Mapping[Role, str] = {
    Role.TITLE: "小标宋",
    Role.FANGSONG: "仿宋",
    Role.KAI: "楷体",
    Role.HEI: "黑体",
    Role.SONG: "宋体",
    Role.LATIN: "数字和西文",
}

ROLE_USES: Mapping[Role, str] = {
    Role.TITLE: "发文机关标志、标题",
    Role.FANGSONG: "正文",
    Role.KAI: "二级标题",
    Role.HEI: "一级标题、表头、“附件”字样",
    Role.SONG: "表格、页码",
    Role.LATIN: "数字、字母",
}


class Grade(StrEnum):
    """How well a face fits its role."""

    GENUINE = "genuine"
    STAND_IN = "stand_in"
    LAST_RESORT = "last_resort"
    """of another kind of type: readable, but the paper does not look as the standard asks"""


class Origin(StrEnum):
    """Where a font file was found, in the order of precedence."""

    DROP_IN = "drop_in"
    INSTALLED = "installed"
    FETCHED = "fetched"


class Candidate(NamedTuple):
    """A face that may serve a role: any of its names, the wanted weight, the fit."""

    names: tuple[str, ...]
    grade: Grade
    weight: int = 400


SERIF = ("Noto Serif CJK SC", "Noto Serif SC", "Source Han Serif SC", "思源宋体")
SANS = ("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "思源黑体")

CANDIDATES: Mapping[Role, tuple[Candidate, ...]] = {
    Role.TITLE: (
        Candidate(("方正小标宋简体", "FZXiaoBiaoSong-B05S"), Grade.GENUINE),
        Candidate(("方正小标宋_GBK", "FZXiaoBiaoSong-B05"), Grade.GENUINE),
        Candidate(("华文中宋", "STZhongsong"), Grade.STAND_IN),
        Candidate(SERIF, Grade.STAND_IN, 700),
        Candidate(("FandolSong",), Grade.STAND_IN, 700),
        Candidate(SERIF, Grade.LAST_RESORT),
    ),
    Role.FANGSONG: (
        Candidate(("仿宋_GB2312", "FangSong_GB2312"), Grade.GENUINE),
        Candidate(("方正仿宋_GBK", "FZFangSong-Z02"), Grade.GENUINE),
        Candidate(("方正仿宋简体", "FZFangSong-Z02S"), Grade.GENUINE),
        Candidate(("仿宋", "FangSong"), Grade.GENUINE),
        Candidate(("华文仿宋", "STFangsong"), Grade.STAND_IN),
        Candidate(("FandolFang R", "FandolFang"), Grade.STAND_IN),
        Candidate(("朱雀仿宋", "Zhuque Fangsong", "Zhuque Fangsong (technical preview)"), Grade.STAND_IN),
        Candidate(SERIF, Grade.LAST_RESORT),
        Candidate(("FandolSong",), Grade.LAST_RESORT),
    ),
    Role.KAI: (
        Candidate(("楷体_GB2312", "KaiTi_GB2312"), Grade.GENUINE),
        Candidate(("方正楷体_GBK", "FZKai-Z03"), Grade.GENUINE),
        Candidate(("方正楷体简体", "FZKai-Z03S"), Grade.GENUINE),
        Candidate(("楷体", "KaiTi"), Grade.GENUINE),
        Candidate(("华文楷体", "STKaiti"), Grade.STAND_IN),
        Candidate(("FandolKai",), Grade.STAND_IN),
        Candidate(("霞鹜文楷", "LXGW WenKai", "霞鹜文楷 GB", "LXGW WenKai GB"), Grade.STAND_IN),
        Candidate(SERIF, Grade.LAST_RESORT),
        Candidate(("FandolSong",), Grade.LAST_RESORT),
    ),
    Role.HEI: (
        Candidate(("黑体", "SimHei"), Grade.GENUINE),
        Candidate(("方正黑体_GBK", "FZHei-B01"), Grade.GENUINE),
        Candidate(("方正黑体简体", "FZHei-B01S"), Grade.GENUINE),
        Candidate(("华文黑体", "STHeiti"), Grade.STAND_IN),
        Candidate(SANS, Grade.STAND_IN),
        Candidate(("FandolHei",), Grade.STAND_IN),
        Candidate(SERIF, Grade.LAST_RESORT, 700),
    ),
    Role.SONG: (
        Candidate(("宋体", "SimSun"), Grade.GENUINE),
        Candidate(("方正书宋_GBK", "FZShuSong-Z01"), Grade.GENUINE),
        Candidate(("华文宋体", "STSong"), Grade.STAND_IN),
        Candidate(SERIF, Grade.STAND_IN),
        Candidate(("FandolSong",), Grade.STAND_IN),
    ),
    Role.LATIN: (
        Candidate(("Times New Roman",), Grade.GENUINE),
        Candidate(("Liberation Serif",), Grade.STAND_IN),
        Candidate(("Tinos",), Grade.STAND_IN),
        Candidate((*SERIF, "FandolSong"), Grade.LAST_RESORT),
    ),
}

FETCHED_FOLDER = "fetched"
"""``make fonts`` fills this folder inside the drop-in folder; it ranks last."""

NAME_IDS = frozenset({1, 4, 16})
"""OpenType name table: family, full name, typographic family. Offices know a font by any of them."""


class FontMissingError(Exception):
    """A role has no face at all; the message says how to get one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One face in a font file."""

    path: Path
    index: int
    """which face of a collection"""
    family: str
    """the one name under which Typst knows it"""
    weight: int
    names: frozenset[str]
    """all its names, case-folded"""
    version: str
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The face that serves a role, and how well."""

    role: Role
    face: Face
    grade: Grade


class RoleFonts(TypedDict):
    """What a template sets a role in."""

    families: list[str]
    weight: int


@dataclass(frozen=True)
class Typefaces:
    """A face for every role."""

    assignments: tuple[Assignment, ...]

    def __getitem__(self, role: Role) -> Face:
        return next(each.face for each in self.assignments if each.role is role)

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The font files in use, each once."""
        return tuple(dict.fromkeys(each.face.path for each in self.assignments))

    @cached_property
    def covered(self) -> frozenset[int]:
        """The characters that can be printed: every role falls back on the faces of all others."""
        faces = dict.fromkeys((each.face.path, each.face.index) for each in self.assignments)
        return frozenset().union(*(_characters(path, index) for path, index in faces))

    def for_template(self) -> dict[str, RoleFonts]:
        """For each role its families, the own one first, and the weight; as the templates read it."""
        fallback = [self[role].family for role in (Role.SONG, Role.HEI, Role.FANGSONG, Role.KAI, Role.TITLE)]
        return {
            each.role.value: RoleFonts(
                families=list(dict.fromkeys([each.face.family, *fallback])), weight=each.face.weight
            )
            for each in self.assignments
        }

    def records(self) -> list[dict[str, str]]:
        """For the manifest: enough to tell later which font a paper was set in."""
        return [
            {
                "role": each.role.value,
                "family": each.face.family,
                "grade": each.grade.value,
                "file": each.face.path.name,
                "version": each.face.version,
                "sha256": sha256_of(each.face.path),
            }
            for each in self.assignments
        ]


class FontLine(NamedTuple):
    """A line of the doctor's table."""

    role: str
    uses: str
    face: str
    grade: Grade
    origin: Origin
    advice: str
    """what a better font would change; "" where none is needed"""


def find_typefaces(drop_in: Path, *, installed: bool = True) -> Typefaces:
    """The best face for each role from the drop-in folder, the installed fonts and the fetched ones.

    A face in the drop-in folder wins over any other of its kind, since somebody put it there on purpose. Raises
    FontMissingError when a role has none.
    """
    faces = [*_scan(drop_in, installed=installed)]
    found = [_assign(role, faces) for role in Role]
    missing = [role for role, assignment in zip(Role, found, strict=True) if assignment is None]
    if missing:
        names = "、".join(ROLE_NAMES[role] for role in missing)
        raise FontMissingError(f"没有可用的{names}字体：请执行 make fonts，或把单位的字体文件放入 {drop_in}")
    return Typefaces(tuple(assignment for assignment in found if assignment is not None))


def font_report(typefaces: Typefaces) -> list[FontLine]:
    """Which face serves which role, and what a real one would improve."""
    return [
        FontLine(
            role=ROLE_NAMES[each.role],
            uses=ROLE_USES[each.role],
            face=each.face.family,
            grade=each.grade,
            origin=each.face.origin,
            advice=_advice(each),
        )
        for each in typefaces.assignments
    ]


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _advice(assignment: Assignment) -> str:
    wanted = CANDIDATES[assignment.role][0].names[0]
    if assignment.grade is Grade.GENUINE:
        return ""
    if assignment.grade is Grade.STAND_IN:
        return f"字形相近；放入“{wanted}”即与本单位其他公文一致"
    return f"字体种类不对，{ROLE_USES[assignment.role]}看上去不像公文；请放入“{wanted}”，或执行 make fonts"


def _scan(drop_in: Path, *, installed: bool) -> Iterable[Face]:
    fetched = drop_in / FETCHED_FOLDER
    candidates = (each for listed in CANDIDATES.values() for each in listed)
    wanted = frozenset(_folded(name) for each in candidates for name in each.names)
    if drop_in.is_dir():
        own = (each for each in _listed(drop_in) if not Path(each.path or "").is_relative_to(fetched))
        yield from _faces(own, Origin.DROP_IN, wanted)
    if installed:
        yield from _faces(_listed(None), Origin.INSTALLED, wanted)
    if fetched.is_dir():
        yield from _faces(_listed(fetched), Origin.FETCHED, wanted)


def _listed(folder: Path | None) -> list[typst.FontInfo]:
    """Upright faces of ``folder``, or those that are installed.

    They come by path, so that the choice never depends on how a folder lists its files.
    """
    # Imported here: the daemon looks for fonts once a month, and the typesetter would be in its memory all the time.
    import typst

    fonts = typst.Fonts(
        include_system_fonts=folder is None,
        include_embedded_fonts=False,
        font_paths=[] if folder is None else [str(folder)],
    )
    upright = [each for each in fonts.fonts() if each.path and each.style == "normal"]
    return sorted(upright, key=lambda each: (each.path or "", each.index))


def _faces(listed: Iterable[typst.FontInfo], origin: Origin, wanted: frozenset[str]) -> Iterable[Face]:
    for each in listed:
        path = Path(each.path or "")
        # A font that can't be read serves no role; whoever asks the doctor sees that it is not in use.
        with suppress(OSError, TTLibError, ValueError, AssertionError):
            names, version = _names(path, each.index)
            names |= {_folded(each.family)}
            if names & wanted:
                yield Face(
                    path=path,
                    index=each.index,
                    family=each.family,
                    weight=each.weight,
                    names=names,
                    version=version,
                    origin=origin,
                )


def _names(path: Path, index: int) -> tuple[frozenset[str], str]:
    with TTFont(path, fontNumber=index, lazy=True) as font:
        records = font["name"].names
        names = {_folded(str(each)) for each in records if each.nameID in NAME_IDS}
        version = next((str(each) for each in records if each.nameID == 5), "")
    return frozenset(names), version


def _characters(path: Path, index: int) -> frozenset[int]:
    with TTFont(path, fontNumber=index, lazy=True) as font:
        return frozenset(font.getBestCmap() or ())


def _folded(name: str) -> str:
    return name.strip().casefold()


def _assign(role: Role, faces: Sequence[Face]) -> Assignment | None:
    fits = [
        (candidate.grade is Grade.LAST_RESORT, list(Origin).index(face.origin), order, place, face, candidate.grade)
        for order, candidate in enumerate(CANDIDATES[role])
        for place, face in enumerate(faces)
        if face.weight == candidate.weight and not face.names.isdisjoint(map(_folded, candidate.names))
    ]
    if not fits:
        return None
    *_, face, grade = min(fits, key=lambda fit: fit[:4])
    return Assignment(role=role, face=face, grade=grade)
