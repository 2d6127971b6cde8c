"""Fills the places of templates with values: in paths, queries, headers and bodies, each escaped its way.

What Graph demands (Microsoft: Use query parameters to customize responses; OData URL conventions): a
single quote inside a quoted literal is doubled, a value inside double quotes has its double quotes and
backslashes escaped, and everything is percent-encoded after that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from connector.content import Content
from connector.errors import InvalidInput
from connector.spec.template import Place, parse, places

MISSING: Any = object()
"""A template that has nothing to say: one of its places has no value."""

_SEGMENT_SAFE = "!,@"
_PATH_SAFE = "/:()'$=!,@*;~%"
_QUERY_SAFE = "$@,()/:*!"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def value_of(place: Place, values: Mapping[str, Any]) -> Any:
    """What fills the place, or MISSING. `None` counts as missing."""
    found: Any = values
    for key in place.keys:
        if not isinstance(found, Mapping) or found.get(key) is None:
            return MISSING
        found = found[key]
    return found


def is_filled(template: Any, values: Mapping[str, Any]) -> bool:
    """Whether every place has a value."""
    return all(value_of(place, values) is not MISSING for place in places(template))


def fill_path(template: str, values: Mapping[str, Any]) -> str:
    """A path, percent-encoded. Raises InvalidInput for a segment that would lead elsewhere."""
    return _join(template, values, _path_text)


def _path_text(place: Place, value: Any, before: str) -> str:
    text = as_text(value)
    if place.form == "!":
        return _verbatim(place, text)
    segments = text.strip("/").split("/") if place.form == "+" else [text]
    for segment in segments:
        if segment in ("", ".", "..") or _CONTROL.search(segment):
            raise InvalidInput(
                "the path", [(place.name, "must not be empty, '.' or '..', nor hold control characters")]
            )
    if before.count("'") % 2:
        segments = [segment.replace("'", "''") for segment in segments]
    return "/".join(quote(segment, safe=_SEGMENT_SAFE) for segment in segments)


def _verbatim(place: Place, text: str) -> str:
    path = text.strip("/")
    wrong = any(segment in ("", ".", "..") for segment in path.split("/")) or re.search(
        r"[\\?#\x00-\x1f\x7f]|%2e|%2f|%5c", path, re.I
    )
    if wrong:
        raise InvalidInput(
            "the path",
            [
                (
                    place.name,
                    "must be a path such as /me/messages: no '..', '//', '?', '#' or '\\', no server name",
                )
            ],
        )
    return quote(path, safe=_PATH_SAFE)


def fill_query(template: Any, values: Mapping[str, Any]) -> str:
    """A query, percent-encoded and without the `?`; keys without a value are left out.

    Lists are joined by commas; `$`, `@` and `,` stay as they are.
    """
    if template is None:
        return ""
    if isinstance(template, str):
        given = fill(template, values)
        template, values = ({} if given is MISSING else given), {}
        pairs = [(key, as_text(value)) for key, value in template.items() if value is not None]
    else:
        filled = ((key, _query_value(text, values)) for key, text in template.items())
        pairs = [(key, value) for key, value in filled if value is not MISSING]
    return "&".join(
        f"{quote(key, safe=_QUERY_SAFE)}={quote(value, safe=_QUERY_SAFE)}" for key, value in pairs
    )


def _query_value(template: Any, values: Mapping[str, Any]) -> Any:
    if not isinstance(template, str):
        return as_text(template)
    if not is_filled(template, values):
        return MISSING
    filled = _join(template, values, _quoted)
    return filled if filled else MISSING


def _quoted(place: Place, value: Any, before: str) -> str:
    text = as_text(value)
    if before.count('"') % 2:
        return text.replace("\\", "\\\\").replace('"', '\\"')
    if before.count("'") % 2:
        return text.replace("'", "''")
    return text


def fill_headers(template: Any, values: Mapping[str, Any]) -> dict[str, str]:
    """Headers; those with a place that has no value are left out.

    Raises InvalidInput for a value with control characters, or with double quotes inside quotes.
    """
    if template is None:
        return {}
    if isinstance(template, str):
        given = fill(template, values)
        template = {} if given is MISSING else given
        for name, value in template.items():
            _check_header(name, name), _check_header(name, as_text(value))
        return {name: as_text(value) for name, value in template.items()}
    return {
        name: _join(text, values, _header_text) for name, text in template.items() if is_filled(text, values)
    }


def _header_text(place: Place, value: Any, before: str) -> str:
    text = _check_header(place.name, as_text(value))
    if '"' in text:
        raise InvalidInput("the headers", [(place.name, "must not hold double quotes")])
    return text


def _check_header(name: str, text: str) -> str:
    if _CONTROL.search(text) or not text.isascii():
        raise InvalidInput("the headers", [(name, "must be plain ASCII text on one line")])
    return text


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """A body: a place alone becomes its value with its type, inside a text its text.

    A key without a value disappears, and so does an object that loses every key; then MISSING.
    """
    if isinstance(template, str):
        parts = parse(template)
        if len(parts) == 1 and isinstance(parts[0], Place):
            value = value_of(parts[0], values)
            return value.base64() if isinstance(value, Content) else value
        if not is_filled(template, values):
            return MISSING
        return _join(template, values, lambda place, value, before: as_text(value))
    if isinstance(template, Mapping):
        filled = {key: fill(value, values) for key, value in template.items()}
        kept = {key: value for key, value in filled.items() if value is not MISSING}
        return kept if kept or not template else MISSING
    if isinstance(template, list):
        return [value for item in template if (value := fill(item, values)) is not MISSING]
    return template


def _join(template: str, values: Mapping[str, Any], text_of: Callable[[Place, Any, str], str]) -> str:
    text = ""
    raw = ""
    for part in parse(template):
        if isinstance(part, str):
            text, raw = text + part, raw + part
        else:
            text += text_of(part, value_of(part, values), raw)
    return text


def as_text(value: Any) -> str:
    """A value inside a text: `true`, `2026-05-04T09:00:00+00:00`, `a,b`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return ",".join(map(as_text, value))
    return str(value)
