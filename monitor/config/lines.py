"""On which line of a TOML file does each key stand?"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence

Path = tuple[str | int, ...]

HEADER = re.compile(r"^\s*(\[{1,2})(?P<name>[^\[\]]+)\]{1,2}\s*(#.*)?$")


def lines_of(text: str) -> dict[Path, int]:
    """The line, counted from 1, of every table and key of ``text``, a valid TOML document.

    Members of an array of tables carry their index.

    >>> lines_of("[web]\\nport = 1\\n[[townships]]\\ncode = '01'\\n")
    {('web',): 1, ('web', 'port'): 2, ('townships',): 3, ('townships', 0): 3, ('townships', 0, 'code'): 4}
    """
    found: dict[Path, int] = {}
    seen: Counter[Path] = Counter()
    table: Path = ()
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        line = lines[number]
        header = HEADER.match(line)
        if header:
            table = _with_indexes(_keys(header["name"] + " = 0"), seen)
            if header[1] == "[[":
                found.setdefault(table, number + 1)
                table = (*table, seen[table])
                seen[table[:-1]] += 1
            found.setdefault(table, number + 1)
            number += 1
            continue
        length, keys = _statement(lines, number)
        for end in range(1, len(keys) + 1):
            found.setdefault((*table, *keys[:end]), number + 1)
        number += length
    return found


def line_of(found: Mapping[Path, int], path: Path) -> int | None:
    """The line of ``path``, or of the nearest table around it; None when nothing of it is in the file."""
    for end in range(len(path), 0, -1):
        if path[:end] in found:
            return found[path[:end]]
    return None


def _statement(lines: Sequence[str], start: int) -> tuple[int, Path]:
    """How many lines the statement at ``start`` takes (arrays and texts may span several), and its key."""
    if not lines[start].strip() or lines[start].lstrip().startswith("#"):
        return 1, ()
    for end in range(start + 1, len(lines) + 1):
        try:
            return end - start, _keys("\n".join(lines[start:end]))
        except tomllib.TOMLDecodeError:
            continue
    return 1, ()


def _keys(statement: str) -> Path:
    """The dotted key of one ``key = value``."""
    value: object = tomllib.loads(statement)
    keys: list[str | int] = []
    # An inline table looks like a dotted key once parsed: only the text before the first "=" tells them apart.
    depth = len(re.findall(r"""\.(?=(?:[^"']|"[^"]*"|'[^']*')*$)""", statement.split("=", 1)[0])) + 1
    while isinstance(value, dict) and value and len(keys) < depth:
        key, value = next(iter(value.items()))
        keys.append(key)
    return tuple(keys)


def _with_indexes(keys: Path, seen: Mapping[Path, int]) -> Path:
    """``[townships.extra]`` belongs to the latest ``[[townships]]``."""
    path: Path = ()
    for key in keys[:-1]:
        path = (*path, key)
        if seen.get(path):
            path = (*path, seen[path] - 1)
    return (*path, *keys[-1:])
