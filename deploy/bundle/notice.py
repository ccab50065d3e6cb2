"""Under which licences is everything in an offline bundle? NOTICE and the licence texts, from what the packages say.

    python notice.py BUNDLE     writes BUNDLE/NOTICE and BUNDLE/LICENCES from BUNDLE/wheels, debs, fonts

A wheel says it in its METADATA and ``licenses`` files, and what native libraries it carries by their file names in
``NAME.libs``; a Debian package in ``usr/share/doc/NAME/copyright`` (machine-readable copyright format 1.0); the fonts
in ``fonts.tsv`` beside this file. Uses the standard library only.
"""

from __future__ import annotations

import csv
import io
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.parser import HeaderParser
from pathlib import Path

UNSAID = "not stated; see its texts"
AR_MAGIC = b"!<arch>\n"
AR_HEADER = 60

COPYLEFT = {
    "x264": "GPL-2.0-or-later",
    "x265": "GPL-2.0-or-later",
    "xvidcore": "GPL-2.0-or-later",
    "postproc": "GPL-2.0-or-later",
    "gmp": "LGPL-3.0-or-later or GPL-2.0-or-later",
    "gnutls": "LGPL-2.1-or-later",
    "hogweed": "LGPL-3.0-or-later or GPL-2.0-or-later",
    "nettle": "LGPL-3.0-or-later or GPL-2.0-or-later",
    "unistring": "LGPL-3.0-or-later or GPL-2.0-or-later",
    "mp3lame": "LGPL-2.0-or-later",
    "asound": "LGPL-2.1-or-later",
    "avcodec": "LGPL-2.1-or-later",
    "avdevice": "LGPL-2.1-or-later",
    "avfilter": "LGPL-2.1-or-later",
    "avformat": "LGPL-2.1-or-later",
    "avutil": "LGPL-2.1-or-later",
    "swresample": "LGPL-2.1-or-later",
    "swscale": "LGPL-2.1-or-later",
    "gfortran": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "quadmath": "LGPL-2.0-or-later",
}
"""Libraries known to oblige whoever hands them on, by the name after "lib"."""

STRONG = frozenset({"x264", "x265", "xvidcore", "postproc"})
"""Those whose licence covers what is linked with them: a libavcodec built with one is under the GPL as a whole."""

OBLIGATIONS = """\
What binds whoever passes this bundle on
----------------------------------------
Xunjian itself is under the Apache License 2.0. It uses everything below as separate programs and libraries.
{strong}Source code of the Debian packages: apt-get source NAME=VERSION. Source code of the libraries inside wheels: the
projects named here, in the versions that each wheel's own notices and SBOM name. Pass NOTICE and LICENCES on with it.
"""


class NoticeError(Exception):
    """A package cannot be read; the message names it and says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing in the bundle: what it says of its licence, its texts by file name, the libraries that it carries."""

    kind: str
    name: str
    version: str
    licence: str
    texts: Mapping[str, bytes] = field(default_factory=dict)
    carries: Sequence[str] = ()


def of_wheel(path: Path) -> Part:
    """What a wheel says of itself. Raises NoticeError."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            (metadata,) = (name for name in names if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
            home = metadata.removesuffix("METADATA")
            said = HeaderParser().parsestr(archive.read(metadata).decode())
            texts = {
                name.removeprefix(home).replace("/", "-"): archive.read(name)
                for name in names
                if name.startswith(home) and re.search(r"(?i)/(licen[cs]e|copying|notice|authors)[^/]*$", name)
            }
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise NoticeError(f"{path.name} is not a wheel: {error}") from error
    return Part(
        kind="wheel",
        name=said["Name"],
        version=said["Version"],
        licence=_licence_of(said.items()),
        texts=texts,
        carries=sorted({found[1] for name in names if (found := re.search(r"\.libs/lib([^/]+?)[-.][^/]*so", name))}),
    )


def of_deb(path: Path) -> Part:
    """What a Debian package says of itself. Raises NoticeError."""
    try:
        members = dict(_members(path.read_bytes()))
        control = HeaderParser().parsestr(_file_in(members, "control", "control").decode())
        name = control["Package"]
        copyright_ = _file_in(members, "data", f"usr/share/doc/{name}/copyright")
    except (tarfile.TarError, KeyError, ValueError, OSError) as error:
        raise NoticeError(f"{path.name} is not a Debian package: {error}") from error
    named = re.findall(rb"^License: *(\S.*?)\s*$", copyright_, re.MULTILINE)
    return Part(
        kind="deb",
        name=name,
        version=control["Version"],
        licence=", ".join(dict.fromkeys(each.decode(errors="replace") for each in named)) or UNSAID,
        texts={"copyright": copyright_} if copyright_ else {},
    )


def of_font(path: Path, known: Path) -> Part:
    """What we know of a free font. Raises NoticeError for one that nobody has written down."""
    with known.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["file"] == path.name:
                return Part(kind="font", name=path.name, version=row["family"], licence=row["licence"])
    raise NoticeError(f"{path.name}: no licence is written down for it in {known.name}")


def parts_of(bundle: Path) -> list[Part]:
    """Everything in a bundle that others have made, in the order of its folders and names. Raises NoticeError."""
    known = Path(__file__).with_name("fonts.tsv")
    fonts = [path for path in sorted((bundle / "fonts").glob("*")) if path.suffix in (".ttf", ".otf")]
    return [
        *(of_wheel(path) for path in sorted((bundle / "wheels").glob("*.whl"))),
        *(of_deb(path) for path in sorted((bundle / "debs").glob("*.deb"))),
        *(of_font(path, known) for path in fonts),
    ]


def notice(parts: Sequence[Part]) -> str:
    """The text of NOTICE."""
    titles = {"wheel": "Python packages (wheels/)", "deb": "Debian packages (debs/)", "font": "Fonts (fonts/)"}
    lines = ["What is in this bundle, and under which licences", "", OBLIGATIONS.format(strong="".join(_strong(parts)))]
    for kind, title in titles.items():
        mine = [part for part in parts if part.kind == kind]
        lines += [title, "-" * len(title), *(line for part in mine for line in _lines(part)), ""]
    return "\n".join(lines)


def write(bundle: Path) -> int:
    """Write NOTICE and LICENCES into a bundle; how many parts there are. Raises NoticeError."""
    parts = parts_of(bundle)
    for part in parts:
        for name, text in part.texts.items():
            target = bundle / "LICENCES" / f"{part.kind}s" / part.name / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)
    (bundle / "NOTICE").write_text(notice(parts), encoding="utf-8")
    return len(parts)


def _licence_of(said: Sequence[tuple[str, str]]) -> str:
    """PEP 639's expression, else the classifiers, else the first line of the older field."""
    fields: dict[str, list[str]] = {}
    for key, value in said:
        fields.setdefault(key, []).append(value)
    if "License-Expression" in fields:
        return fields["License-Expression"][0]
    classified = [
        each.split("::")[-1].strip() for each in fields.get("Classifier", ()) if each.startswith("License ::")
    ]
    # "OSI Approved" alone names none.
    return ", ".join(each for each in classified if each != "OSI Approved") or (
        fields.get("License", [""])[0].strip().partition("\n")[0] or UNSAID
    )


def _strong(parts: Sequence[Part]) -> Iterator[str]:
    for part in parts:
        if found := sorted(STRONG.intersection(part.carries)):
            yield (
                f"The wheel {part.name} {part.version} calls itself {part.licence} and carries {' and '.join(found)}, "
                "which are GPL-2.0-or-later:\nits FFmpeg libraries as built there are under the GPL as a whole, and "
                "so is the wheel when it is passed on.\n"
            )


def _lines(part: Part) -> Iterator[str]:
    yield f"{part.name} {part.version}: {part.licence}"
    for library in part.carries:
        yield f"    carries lib{library}: {COPYLEFT.get(library, 'permissive, or see the texts of the wheel')}"


def _members(archive: bytes) -> Iterator[tuple[str, bytes]]:
    """The members of an ar archive, deb(5)."""
    if not archive.startswith(AR_MAGIC):
        raise ValueError("no ar archive")
    at = len(AR_MAGIC)
    while at + AR_HEADER <= len(archive):
        name, size = archive[at : at + 16].decode("ascii").strip().rstrip("/"), int(archive[at + 48 : at + 58])
        yield name, archive[at + AR_HEADER : at + AR_HEADER + size]
        at += AR_HEADER + size + size % 2


def _file_in(members: Mapping[str, bytes], part: str, wanted: str) -> bytes:
    """A file of control.tar or data.tar; empty when it is a link into another package's folder, or isn't there."""
    (content,) = (body for name, body in members.items() if name.startswith(f"{part}.tar"))
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        for member in tar:
            if member.name.removeprefix("./") == wanted and member.isfile():
                file = tar.extractfile(member)
                return file.read() if file else b""
    return b""


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{write(Path(sys.argv[1]))} parts in NOTICE\n")
    except NoticeError as problem:
        sys.exit(str(problem))
