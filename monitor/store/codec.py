"""Values of the program to columns and back: what was written reads back equal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError, from_json, to_json, to_jsonable_python

from monitor.core.fleet import Camera, Township
from probes.observation import Step

_CAMERA = TypeAdapter(Camera)
_TOWNSHIP = TypeAdapter(Township)


def json_of(value: Mapping[str, object] | Sequence[object]) -> str:
    """Canonical JSON: equal values make equal texts."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def object_of(text: str) -> dict[str, object]:
    """The JSON object in ``text``."""
    value: dict[str, object] = json.loads(text)
    return value


def texts_of(text: str) -> tuple[str, ...]:
    """The JSON list of strings in ``text``."""
    return tuple(json.loads(text))


def measures_json(measures: Mapping[str, object]) -> str:
    """JSON of what a look measured. What JSON has no word for (a NaN, a stray type) must not cost the record a batch.

    >>> measures_json({"sharpness": float("nan")})
    '{"sharpness":null}'
    """
    return _lenient_json(measures)


def camera_json(camera: Camera) -> str:
    return to_json(camera, fallback=_plain).decode()


def camera_of(text: str) -> Camera:
    return _CAMERA.validate_json(text)


def township_json(township: Township) -> str:
    return to_json(township).decode()


def township_of(text: str) -> Township:
    return _TOWNSHIP.validate_json(text)


def steps_json(steps: tuple[Step, ...]) -> str:
    return _lenient_json(steps)


def steps_of(text: str) -> tuple[Step, ...]:
    return tuple(Step(name=step["name"], took_ms=step["took_ms"], said=step["said"]) for step in json.loads(text))


def looks_json(at: int, looks: tuple[int, ...]) -> str:
    """Times as seconds after ``at``.

    >>> looks_json(1790000000, (1790000000, 1790000080))
    '[0,80]'
    """
    return json_of([look - at for look in looks])


def looks_of(at: int, text: str) -> tuple[int, ...]:
    """The inverse of ``looks_json``.

    >>> looks_of(1790000000, "[0,80]")
    (1790000000, 1790000080)
    """
    return tuple([at + after for after in from_json(text)])


def clock_strip_json(strip: tuple[int, int, int, int] | None) -> str | None:
    return None if strip is None else json_of(list(strip))


def clock_strip_of(text: str | None) -> tuple[int, int, int, int] | None:
    if text is None:
        return None
    left, top, width, height = json.loads(text)
    return left, top, width, height


def _lenient_json(value: object) -> str:
    try:
        return to_json(value, inf_nan_mode="null", bytes_mode="base64", fallback=_plain).decode()
    except PydanticSerializationError:
        # A peer's reply may hold half a surrogate pair, which UTF-8 cannot say but an ASCII escape can.
        plain = to_jsonable_python(value, inf_nan_mode="null", bytes_mode="base64", fallback=_plain)
        return json.dumps(plain, separators=(",", ":"))


def _plain(value: object) -> object:
    # MappingProxyType and the like; anything else is at least said in words.
    return dict(value) if isinstance(value, Mapping) else str(value)
