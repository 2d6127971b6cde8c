"""What a proof finds: one thing that does not agree with the reference data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Check = Literal["path", "verb", "scopes", "schema", "examples"]
CHECKS: tuple[Check, ...] = ("path", "verb", "scopes", "schema", "examples")


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. `about` has what an exception can name: `path`, `scope`, `property`, `example`."""

    check: Check
    text: str
    about: Mapping[str, str] = field(default_factory=dict)
