"""Microsoft's reference data, read from files that the caller names; docs/proof.md describes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from connector.proof.csdl import Metadata
from connector.proof.documented import Example, read_examples
from connector.proof.permissions import Requests, Scopes


@dataclass(frozen=True)
class Reference:
    """What methods are held against. A part that is None is not looked at."""

    metadata: Metadata
    requests: Requests | None = None
    scopes: Scopes | None = None
    examples: tuple[Example, ...] | None = None

    @classmethod
    def open(
        cls,
        metadata: Path,
        permissions: Path | None = None,
        scopes: Path | None = None,
        examples: Path | None = None,
    ) -> Reference:
        """The metadata (CSDL), the table of requests, the list of scopes and the folder of examples.

        Raises InvalidReference, which names the file, when one is missing or cannot be used.
        """
        service = Metadata.open(metadata)
        return cls(
            service,
            Requests.open(permissions, service) if permissions else None,
            Scopes.open(scopes) if scopes else None,
            tuple(read_examples(examples)) if examples else None,
        )

    @classmethod
    def in_folder(cls, folder: Path) -> Reference:
        """All parts, from a folder with the usual names. Raises InvalidReference."""
        return cls.open(
            folder / "metadata.csdl.xml",
            folder / "permissions.json",
            folder / "scopes.json",
            folder / "examples",
        )
