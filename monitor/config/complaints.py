"""What is wrong with config.toml, in words that the person who edits it understands."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import ErrorDetails

from monitor.config.lines import Path, line_of
from monitor.core.redaction import redact_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One mistake: where it stands (``path`` as in TOML, ``line`` from 1 if known) and what is wrong, twice."""

    path: str
    line: int | None
    zh: str
    en: str

    def text(self, lang: str = "zh") -> str:
        """One sentence with the place in front."""
        if lang == "en":
            place = ", ".join(part for part in (self.line and f"line {self.line}", self.path) if part)
            return f"{place}: {self.en}" if place else self.en
        place = " ".join(part for part in (self.line and f"第 {self.line} 行", self.path) if part)
        return f"{place}：{self.zh}" if place else self.zh


class ConfigError(Exception):
    """The configuration cannot be used: the message lists every mistake, one a line."""

    def __init__(self, complaints: Sequence[Complaint], lang: str = "zh") -> None:
        self.complaints = tuple(complaints)
        super().__init__(self.text(lang))

    def text(self, lang: str = "zh") -> str:
        """The message in ``lang``."""
        return "\n".join(complaint.text(lang) for complaint in self.complaints)


SYNTAX = (
    ("Expected '=' after a key", "键的后面缺少等号 ="),
    ("Cannot overwrite a value", "同一项写了两次"),
    ("Cannot declare", "同一张表写了两次"),
    ("Cannot mutate immutable", "同一项写了两次"),
    ("Unclosed array", "数组缺少右方括号 ]"),
    ("Unclosed inline table", "缺少右花括号 }"),
    ("Expected ']'", "表头缺少右方括号 ]"),
    ("Unterminated string", "文字缺少结束的引号"),
    ("Expected newline or end of document", "一行只能写一项"),
    ("Illegal character", "含有不允许的字符"),
    ("Invalid initial character", "键名只能用英文字母、数字、_ 和 -"),
    ("Invalid statement", "键名只能用英文字母、数字、_ 和 -"),
    ("Invalid value", "值写法不对（文字要加英文引号，是/否写 true/false）"),
)
FULL_WIDTH = "“”‘’＂＇＝［］，"


def syntax_complaint(error: tomllib.TOMLDecodeError, text: str) -> Complaint:
    """Where the file stops being TOML, and why."""
    message = str(error)
    where = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    reason = message[: where.start()] if where else message.removesuffix(" (at end of document)")
    lines = text.splitlines() or [""]
    line = int(where[1]) if where else len(lines)
    zh = next((zh for start, zh in SYNTAX if reason.startswith(start)), reason)
    column = f"第 {where[2]} 列，" if where else "文件末尾，"
    en_column = f"column {where[2]}, " if where else "at the end of the file, "
    if any(character in FULL_WIDTH for character in lines[line - 1].split("#")[0]):
        zh += "；请改用英文半角的引号和标点"
        reason += "; use plain ASCII quotes and punctuation"
    return Complaint(path="", line=line, zh=f"{column}{zh}", en=f"{en_column}{reason[:1].lower()}{reason[1:]}")


def complaint_of(error: ErrorDetails, *, keys: Mapping[str, Sequence[str]], lines: Mapping[Path, int]) -> Complaint:
    """Translate one error of pydantic. ``keys`` lists the keys of each table ("" is the top level)."""
    path = tuple(error["loc"])
    zh, en = _words(error, keys)
    return Complaint(path=dotted(path), line=line_of(lines, path), zh=zh, en=en)


def dotted(path: Path) -> str:
    """``townships[3].code``: indexes count from 1, as people do."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _words(error: ErrorDetails, keys: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    context: Mapping[str, Any] = error.get("ctx", {})
    kind = error["type"]
    if kind == "rule":
        return context["zh"], context["en"]
    if kind == "extra_forbidden":
        return _unknown_key(tuple(error["loc"]), keys)
    if kind == "missing":
        return "缺少这一项", "is missing"
    value_zh, value_en = _shown(error["input"], "zh"), _shown(error["input"], "en")
    if kind in TYPES:
        zh, en = TYPES[kind]
        return f"应为{zh}，现为{value_zh}", f"should be {en}, is {value_en}"
    if kind in LIMITS:
        zh, en, name = LIMITS[kind]
        return f"{zh} {context[name]:g}，现为{value_zh}", f"{en} {context[name]:g}, is {value_en}"
    if kind in ("literal_error", "enum"):
        expected = context["expected"].replace("'", '"')
        zh_expected = expected.replace(" or ", "、").replace(", ", "、")
        return f"只能是 {zh_expected} 之一，现为{value_zh}", f"must be one of {expected}, is {value_en}"
    if kind in ("string_too_short", "too_short"):
        return "不能留空", "must not be empty"
    return f"写法不对（{error['msg']}）", error["msg"]


TYPES = {
    "int_type": ("整数", "a whole number"),
    "int_from_float": ("整数", "a whole number"),
    "float_type": ("数字", "a number"),
    "finite_number": ("有限的数字", "a finite number"),
    "string_type": ("加引号的文字", "text in quotes"),
    "bool_type": (" true 或 false", "true or false"),
    "time_type": ("不加引号的时刻，例如 10:00:00", "a time of day without quotes such as 10:00:00"),
    "tuple_type": ("方括号中的列表", "a list in brackets"),
    "model_type": ("一张表", "a table"),
    "dict_type": ("一张表", "a table"),
}
LIMITS = {
    "greater_than": ("应大于", "must be greater than", "gt"),
    "greater_than_equal": ("不能小于", "must not be less than", "ge"),
    "less_than": ("应小于", "must be less than", "lt"),
    "less_than_equal": ("不能大于", "must not be more than", "le"),
}


def _shown(value: object, lang: str) -> str:
    """A value as it stands in the file, cut to 60 characters, without passwords in its URLs."""
    if isinstance(value, bool):
        return f" {str(value).lower()}"
    if isinstance(value, str):
        return f' "{redact_text(value)[:60]}"' if lang == "zh" else f'"{redact_text(value)[:60]}"'
    if isinstance(value, int | float):
        return f" {value}" if lang == "zh" else str(value)
    if isinstance(value, tuple | list):
        return "一个列表" if lang == "zh" else "a list"
    if isinstance(value, Mapping):
        return "一张表" if lang == "zh" else "a table"
    return f" {value}" if lang == "zh" else str(value)


def _unknown_key(path: Path, keys: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    name = str(path[-1])
    table = ".".join(part for part in path[:-1] if isinstance(part, str))
    close = difflib.get_close_matches(name, keys.get(table, ()), n=1, cutoff=0.6)
    if close:
        return f"没有这一项，是否想写 {close[0]}？", f"there is no such key; did you mean {close[0]}?"
    elsewhere = [other for other, names in keys.items() if name in names and other != table]
    if elsewhere:
        here = f"[{elsewhere[0]}]" if elsewhere[0] else "文件开头"
        return f"没有这一项，{name} 属于 {here}", f"there is no such key here; {name} belongs to [{elsewhere[0]}]"
    known = sorted(keys.get(table, ()))
    return f"没有这一项，可用的有：{'、'.join(known)}", f"there is no such key; known are {', '.join(known)}"
