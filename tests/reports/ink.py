"""Measure a PDF by its ink: a page as a raster, and where its colours stand, in millimetres from the paper's edge."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

DPI = 400
MM_PER_DOT = 25.4 / DPI
FONT_LINE = re.compile(r"(\S+) +(.+?) +(\S+) +(yes|no) +(yes|no) +(yes|no) +\d+ +\d+")
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Page:
    """One page, blue, green, red."""

    dots: NDArray[np.uint8]

    @property
    def red(self) -> Mask:
        """Where the red of the mark and the rules is."""
        blue, green, red = (self.dots[..., channel].astype(int) for channel in range(3))
        return np.asarray((red > 150) & (green < 90) & (blue < 110))

    @property
    def black(self) -> Mask:
        """Where type and lines are; a watermark is too light to count."""
        return np.asarray(self.dots.max(axis=2) < 120)


def page_of(pdf: Path, number: int) -> Page:
    """A page as pdftoppm draws it."""
    drawn = subprocess.run(
        ["pdftoppm", "-r", str(DPI), "-f", str(number), "-l", str(number), str(pdf)],
        capture_output=True,
        check=True,
    )
    dots = cv2.imdecode(np.frombuffer(drawn.stdout, np.uint8), cv2.IMREAD_COLOR)
    assert dots is not None
    return Page(np.asarray(dots, np.uint8))


def bands(mask: Mask) -> list[tuple[float, float]]:
    """Rows with ink as spans from top to bottom, in millimetres."""
    return _spans(np.asarray(mask.any(axis=1)))


def strips(mask: Mask) -> list[tuple[float, float]]:
    """Columns with ink as spans from left to right, in millimetres."""
    return _spans(np.asarray(mask.any(axis=0)))


def between(mask: Mask, top: float, bottom: float) -> Mask:
    """The mask with everything outside these millimetres blank."""
    kept = np.zeros_like(mask)
    rows = slice(round(top / MM_PER_DOT), round(bottom / MM_PER_DOT))
    kept[rows] = mask[rows]
    return kept


def _spans(inked: Mask) -> list[tuple[float, float]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inked, [False]]).astype(int)))
    return [(float(begin) * MM_PER_DOT, float(end) * MM_PER_DOT) for begin, end in edges.reshape(-1, 2)]


def text_of(pdf: Path, *, layout: bool = False, first: int = 1, last: int = 0) -> str:
    """The text that a reader can select, as pdftotext finds it."""
    command = ["pdftotext", "-f", str(first), *(["-l", str(last)] if last else []), *(["-layout"] if layout else [])]
    said = subprocess.run([*command, str(pdf), "-"], capture_output=True, check=True)
    return said.stdout.decode()


def packed(text: str) -> str:
    """Text without white space: lines of a narrow cell read as one."""
    return re.sub(r"\s+", "", text)


def page_count(pdf: Path) -> int:
    """How many pages the file has."""
    said = subprocess.run(["pdfinfo", str(pdf)], capture_output=True, check=True, text=True).stdout
    found = re.search(r"^Pages:\s+(\d+)", said, re.MULTILINE)
    assert found
    return int(found[1])


class Font(NamedTuple):
    """A line of pdffonts."""

    name: str
    kind: str
    embedded: bool
    subset: bool


def fonts_of(pdf: Path) -> list[Font]:
    """The fonts that a file uses."""
    said = subprocess.run(["pdffonts", str(pdf)], capture_output=True, check=True, text=True).stdout
    rows = (
        re.fullmatch(r"(\S+) +(.+?) +(\S+) +(yes|no) +(yes|no) +(yes|no) +\d+ +\d+", line) for line in said.splitlines()
    )
    return [Font(name=row[1], kind=row[2], embedded=row[4] == "yes", subset=row[5] == "yes") for row in rows if row]


def lines_of(pdf: Path, number: int) -> list[str]:
    """The lines of a page as they are seen: words whose boxes stand at one height, from left to right."""
    command = ["pdftotext", "-bbox", "-f", str(number), "-l", str(number), str(pdf), "-"]
    said = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    words = re.findall(r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="[\d.]+" yMax="([\d.]+)">(.*?)</word>', said)
    lines: dict[int, list[tuple[float, str]]] = {}
    for left, top, bottom, word in words:
        lines.setdefault(round((float(top) + float(bottom)) / 2), []).append((float(left), word))
    return ["".join(word for _, word in sorted(words)) for _, words in sorted(lines.items())]
