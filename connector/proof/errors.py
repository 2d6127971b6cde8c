"""What can go wrong before anything is proven."""

from __future__ import annotations

from pathlib import Path

from connector.errors import UsageError


class InvalidReference(UsageError):
    """A file that the proof works with is missing or cannot be used; the message names it."""

    code = "invalid_reference"

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(
            f"{path} {text}. Give a folder with Microsoft's reference data, as docs/proof.md describes it."
        )
