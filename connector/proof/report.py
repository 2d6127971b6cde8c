"""What came of a proof, for people and for machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["ok", "failed", "exempt", "skipped"]
"""`exempt`: nothing to prove, or every fault is excused by a cited entry of the overlay. `skipped`: the
reference data for it was not given."""


@dataclass(frozen=True)
class MethodReport:
    """One method. `problems` has every fault that nothing excuses; `excused` the others, with the reason."""

    name: str
    path: Verdict
    verb: Verdict
    scopes: Verdict
    schema: Verdict
    examples_matched: int
    examples_total: int
    problems: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The report of the method in its fixed shape."""
        return {
            "name": self.name,
            "path": self.path,
            "verb": self.verb,
            "scopes": self.scopes,
            "schema": self.schema,
            "examples_matched": self.examples_matched,
            "examples_total": self.examples_total,
            "problems": self.problems,
        }


@dataclass(frozen=True)
class Report:
    """All methods. `problems` are those of no method; `left_out` says why an example counts for none."""

    methods: list[MethodReport]
    problems: list[str] = field(default_factory=list)
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong that the overlay does not excuse."""
        return not self.problems and not any(method.problems for method in self.methods)

    def as_json(self) -> dict[str, Any]:
        """The report in its fixed shape: `{"methods": [{"name", "path", …, "problems"}]}`."""
        return {"methods": [method.as_json() for method in self.methods]}
