"""The language's one construct: `{name}`, a place for an input.

`{name}` is percent-encoded as one segment of a path; `{+name}` keeps the slashes between segments;
`{!name}` is a path that the caller has encoded already. `{event.subject}` is a property of an input.
Filling the places in is the runtime's work (`connector.runtime.template`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_PLACE = re.compile(r"\{([+!]?)([A-Za-z_]\w*(?:\.\w+)*)\}")


@dataclass(frozen=True, slots=True)
class Place:
    """One placeholder. `form` is "", "+" or "!"; `keys` the name, and the properties below it."""

    form: str
    keys: tuple[str, ...]

    @property
    def name(self) -> str:
        """The input that fills the place."""
        return self.keys[0]


Part = str | Place


@lru_cache(maxsize=8192)
def parse(text: str) -> tuple[Part, ...]:
    """The parts of a template, in order, without empty texts."""
    parts: list[Part] = []
    end = 0
    for match in _PLACE.finditer(text):
        if match.start() > end:
            parts.append(text[end : match.start()])
        parts.append(Place(match[1], tuple(match[2].split("."))))
        end = match.end()
    if end < len(text):
        parts.append(text[end:])
    return tuple(parts)


def places(template: Any) -> Iterator[Place]:
    """Every placeholder in a text, or anywhere inside an object or a list (in values, not in keys)."""
    if isinstance(template, str):
        yield from (part for part in parse(template) if isinstance(part, Place))
    elif isinstance(template, dict):
        for value in template.values():
            yield from places(value)
    elif isinstance(template, list | tuple):
        for value in template:
            yield from places(value)
