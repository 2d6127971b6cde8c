"""Exceptions: where a method differs from the reference data on purpose, why, and who says so.

An entry names methods, one check, and whatever narrows it to one fault; it must give a reason and a
source. An entry that excuses nothing any more is itself a problem, so that the list cannot rot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector import bundle
from connector.errors import SpecError
from connector.proof.findings import CHECKS, Check, Finding
from connector.spec import schemas

_OWN = Path(__file__).with_name("overlay.yaml")
_NARROWING = ("path", "scope", "mode", "covered_by", "property", "example")
_TEXT = {"type": "string", "minLength": 1}
_FORM: Mapping[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["methods", "check", "reason", "source"],
        "anyOf": [{"required": [name]} for name in _NARROWING],
        "properties": {
            "methods": {"type": "array", "minItems": 1, "uniqueItems": True, "items": _TEXT},
            "check": {"enum": list(CHECKS)},
            "reason": {"type": "string", "pattern": r"\.$"},
            "source": {"type": "string", "pattern": "^https://"},
            **dict.fromkeys(_NARROWING, _TEXT),
        },
    },
}


@dataclass(frozen=True)
class Excuse:
    """One entry: what it excuses, and for which methods."""

    methods: tuple[str, ...]
    check: Check
    narrowed: Mapping[str, str]
    reason: str
    source: str

    def __str__(self) -> str:
        return f"{self.check} ({', '.join(f'{name} {text}' for name, text in self.narrowed.items())})"


@dataclass
class Overlay:
    """All entries, and which of them were of use."""

    entries: Sequence[Excuse] = ()
    _used: set[tuple[int, str]] = field(default_factory=set)

    @classmethod
    def open(cls, path: Path | None = None) -> Overlay:
        """The entries of a YAML file, or the connector's own. Raises SpecError with every problem."""
        path = path or _OWN
        document = bundle.read(path, path.name)
        check = schemas.compile_check(_FORM, formats=False)
        problems = [f"{document.at(address)}: {text}" for address, text in check(document.data)]
        if problems:
            raise SpecError(problems)
        return cls([_entry(data) for data in document.data])

    def excuse(self, method: str, finding: Finding) -> Excuse | None:
        """The entry that excuses a finding, if any; it counts as used."""
        found = None
        for at, entry in enumerate(self.entries):
            if method in entry.methods and entry.check == finding.check and _narrows_to(entry, finding):
                self._used.add((at, method))
                found = found or entry
        return found

    def stale(self, judged: Sequence[Check], examples: set[str]) -> Iterator[tuple[str, Excuse]]:
        """Method and entry, for entries that excused nothing though their check was made."""
        for at, entry in enumerate(self.entries):
            example = entry.narrowed.get("example")
            if entry.check not in judged or (example is not None and example not in examples):
                continue
            for method in entry.methods:
                if (at, method) not in self._used:
                    yield method, entry


def _entry(data: Mapping[str, Any]) -> Excuse:
    narrowed = {name: data[name] for name in _NARROWING if name in data}
    return Excuse(tuple(data["methods"]), data["check"], narrowed, data["reason"], data["source"])


def _narrows_to(entry: Excuse, finding: Finding) -> bool:
    return all(finding.about.get(name) == text for name, text in entry.narrowed.items())
