"""What is sent to a county's own HTTP gateway: JSON made of a template, whatever the words in it are."""

from __future__ import annotations

import json
from collections.abc import Mapping

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

SAMPLE: Mapping[str, object] = {
    "title": '"引号" \\ 反斜杠',
    "text": '第一行\n第二行 "}], \t',
    "kind": "key_point",
    "county": "示范县",
    "channel": "短信",
    "at": "2026-11-24T08:30:00+08:00",
    "recipients": ("13800000000", "13900000000"),
}
"""What a template may name, with the characters that break JSON where they are not escaped."""

LONGEST = 64 * 1024
"""A body is cut off at so many characters while it is made: a template may hold loops."""


class BodyError(ValueError):
    """The template cannot be used; the message says why."""


def _escaped(value: object) -> object:
    """A value within a JSON text, without the quotes around it; lists as they are, for loops and filters."""
    return json.dumps(str(value), ensure_ascii=False)[1:-1]


_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, finalize=_escaped, autoescape=False)


class Body:
    """A template of JSON. Every value that it prints is escaped as within a JSON text: ``{"text": "{{ text }}"}``."""

    def __init__(self, template: str) -> None:
        """Raises BodyError for one that is no template, names what there isn't, or does not make JSON."""
        try:
            self._template = _ENVIRONMENT.from_string(template)
        except TemplateError as error:
            raise BodyError(str(error)) from None
        self.render(SAMPLE)

    def render(self, values: Mapping[str, object]) -> bytes:
        """The body for these values, in UTF-8. Raises BodyError."""
        parts: list[str] = []
        length = 0
        try:
            for part in self._template.generate(values):
                length += len(part)
                if length > LONGEST:
                    raise BodyError(f"longer than {LONGEST} characters")
                parts.append(part)
            text = "".join(parts)
            json.loads(text)
        except (TemplateError, ArithmeticError, TypeError, AttributeError) as error:
            raise BodyError(str(error)) from None
        except json.JSONDecodeError as error:
            raise BodyError(f"no JSON: {error}") from None
        return text.encode()
