"""How a paper is handed to a browser: its type, and a file name that no character of a title can break."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import quote

LONGEST_NAME = 80
NOT_IN_FILE_NAMES = re.compile(r'[\\/:*?"<>|]+')
NOT_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


class Kind(NamedTuple):
    """A type of file; all its files begin with ``begins``."""

    suffix: str
    content_type: str
    begins: bytes


OFFICE = "application/vnd.openxmlformats-officedocument"
KINDS = (
    Kind(".pdf", "application/pdf", b"%PDF-"),
    Kind(".docx", f"{OFFICE}.wordprocessingml.document", b"PK"),
    Kind(".xlsx", f"{OFFICE}.spreadsheetml.sheet", b"PK"),
    Kind(".json", "application/json", b"{"),
    Kind(".zip", "application/zip", b"PK"),
)
UNKNOWN = Kind("", "application/octet-stream", b"")


def kind_of(name: str) -> Kind:
    """The type by the name's ending.

    >>> kind_of("notices/01.PDF").content_type, kind_of("page.html").content_type
    ('application/pdf', 'application/octet-stream')
    """
    suffix = PurePosixPath(name).suffix.lower()
    return next((kind for kind in KINDS if kind.suffix == suffix), UNKNOWN)


def attachment(title: str, plain: str, suffix: str) -> str:
    """The Content-Disposition (RFC 6266) of a file to keep, named ``title`` and, for old browsers, ``plain``.

    What a file system, a header or a reader's eye could be fooled by is taken out of both.

    >>> attachment("2026-10 通报", "2026-10-circular.pdf", ".pdf")
    'attachment; filename="2026-10-circular.pdf"; filename*=UTF-8\\'\\'2026-10%20%E9%80%9A%E6%8A%A5.pdf'
    """
    ascii_name = NOT_PLAIN.sub("-", plain.removesuffix(suffix))[:LONGEST_NAME].strip("-.") or "paper"
    full_name = f"{_file_name(title) or 'paper'}{suffix}"
    return f"attachment; filename=\"{ascii_name}{suffix}\"; filename*=UTF-8''{quote(full_name, safe='')}"


def _file_name(title: str) -> str:
    """Controls, direction marks, halves of characters (the classes C…) and separators (Z…) become spaces."""
    visible = "".join(" " if unicodedata.category(each)[0] in "CZ" else each for each in title)
    return " ".join(NOT_IN_FILE_NAMES.sub(" ", visible).split())[:LONGEST_NAME].strip(". ")
