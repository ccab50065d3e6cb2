"""Read config.toml: all mistakes at once, or settings that never change."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from monitor.config.alerting import ChannelEntry
from monitor.config.complaints import Complaint, ConfigError, complaint_of, syntax_complaint
from monitor.config.lines import lines_of
from monitor.config.tables import Config, TownshipEntry
from monitor.core.redaction import redact_text


class Difference(NamedTuple):
    """A setting that is not at its default."""

    path: str
    default: object
    value: object


def load(path: Path, overlay: Mapping[str, Any] | None = None, *, lang: str = "zh") -> Config:
    """The settings in ``path``, with the tables of ``overlay`` laid over them.

    Relative paths in it start at the folder of ``path``. Raises ConfigError with every mistake, in ``lang``.
    """
    return parse(_read(path, lang), overlay, lang=lang).at(path.resolve().parent)


def parse(text: str, overlay: Mapping[str, Any] | None = None, *, lang: str = "zh") -> Config:
    """The settings in a TOML document. Raises ConfigError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([syntax_complaint(error, text)], lang) from None
    try:
        return Config.model_validate(_frozen(_overlaid(document, overlay or {})))
    except ValidationError as error:
        lines = lines_of(text)
        keys = known_keys()
        complaints = [complaint_of(detail, keys=keys, lines=lines) for detail in error.errors(include_url=False)]
    # Outside the handler: the ValidationError holds the values, and must not travel along as context.
    complaints.sort(key=lambda complaint: (complaint.line or 0, complaint.path))
    raise ConfigError(complaints, lang)


def differences(config: Config) -> list[Difference]:
    """What is not at its default, in the order of the file, passwords in URLs masked."""
    defaults = dict(_leaves(Config().at(config.home)))
    return [
        Difference(path, _masked(defaults.get(path)), _masked(value))
        for path, value in _leaves(config)
        if defaults.get(path) != value
    ]


def files_named(config: Config) -> dict[str, Path]:
    """The files that settings called ``…_file`` name, by the dotted name of the setting; one of a list is numbered."""
    found: dict[str, Path] = {}

    def visit(path: str, table: BaseModel) -> None:
        for key, value in _members(table):
            inner = f"{path}.{key}".lstrip(".")
            if isinstance(value, BaseModel):
                visit(inner, value)
            elif isinstance(value, tuple):
                for number, each in enumerate(value):
                    if isinstance(each, BaseModel):
                        visit(f"{inner}.{number}", each)
            elif isinstance(value, str) and value and key.endswith("_file"):
                found[inner] = Path(value)

    visit("", config)
    return found


def known_keys() -> dict[str, tuple[str, ...]]:
    """The keys of every table by its dotted name; "" is the top level."""
    keys: dict[str, tuple[str, ...]] = {}

    def visit(path: str, table: BaseModel) -> None:
        keys[path] = tuple(type(table).model_fields)
        for key, value in _members(table):
            if isinstance(value, BaseModel):
                visit(f"{path}.{key}".lstrip("."), value)

    visit("", Config())
    keys["townships"] = tuple(TownshipEntry.model_fields)
    keys["alerts.channels"] = tuple(ChannelEntry.model_fields)
    return keys


def _read(path: Path, lang: str) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or str(error)
        zh, en = f"无法读取配置文件 {path}（{reason}）", f"cannot read the configuration {path} ({reason})"
    except UnicodeDecodeError:
        zh, en = f"{path} 不是 UTF-8 编码，请另存为 UTF-8", f"{path} is not in UTF-8; save it as UTF-8"
    raise ConfigError([Complaint(path="", line=None, zh=zh, en=en)], lang)


def _overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        lower = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(lower, Mapping)
        merged[key] = _overlaid(lower, value) if both and isinstance(lower, Mapping) else value
    return merged


def _frozen(value: Any) -> Any:
    """Lists become tuples: the settings are immutable."""
    if isinstance(value, Mapping):
        return {key: _frozen(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_frozen(member) for member in value)
    return value


def _members(table: BaseModel) -> Iterator[tuple[str, object]]:
    return ((name, getattr(table, name)) for name in type(table).model_fields)


def _leaves(table: BaseModel, path: str = "") -> Iterator[tuple[str, object]]:
    for name, value in _members(table):
        inner = f"{path}.{name}".lstrip(".")
        if isinstance(value, BaseModel):
            yield from _leaves(value, inner)
        else:
            yield inner, value


def _masked(value: object) -> object:
    return redact_text(value) if isinstance(value, str) else value
