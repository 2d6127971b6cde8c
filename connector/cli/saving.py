"""Downloads: where the bytes go. A server never chooses the path, only a suggestion for the name."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector.content import PIECE_BYTES
from connector.errors import UsageError

if TYPE_CHECKING:
    from connector.cli.progress import Progress
    from connector.content import Content

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"|?*\u200e\u200f\u2028-\u202e\u2066-\u2069]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_LONGEST_BYTES = 200
_UNNAMED = "download"


def safe_name(suggested: str | None) -> str:
    """A file name, never a path, that every file system takes, from one that somebody else chose."""
    name = re.split(r"[\\/]", suggested or "")[-1]
    name = _FORBIDDEN.sub("_", name).strip(" .")
    if _RESERVED.fullmatch(name):
        name = f"_{name}"
    stem, dot, extension = name.rpartition(".")
    if dot and len(extension.encode()) < 20:
        stem = _cut(stem, _LONGEST_BYTES - len(extension.encode()) - 1)
        return f"{stem}.{extension}" if stem else f"{_UNNAMED}.{extension}"
    return _cut(name, _LONGEST_BYTES) or _UNNAMED


def _cut(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode(errors="ignore")


class Destination:
    """What `--save` says: a file, `-` for standard output, or a new file here under a safe name.

    Raises UsageError, before anything is sent, when it names what may not be written.
    """

    def __init__(self, save: str | None, *, force: bool) -> None:
        self._save = save
        self._force = force
        if save is not None and save != "-":
            self._check(Path(save))

    def _check(self, path: Path) -> None:
        if path.is_dir():
            raise UsageError(f"{path} is a folder. Name a file with --save.")
        if not path.parent.is_dir():
            raise UsageError(f"There is no folder {path.parent} to save in. Make it first.")
        if path.exists() and not self._force:
            raise UsageError(f"The file {path} exists. Replace it with --force, or name another with --save.")

    def write(self, content: Content, progress: Progress) -> list[dict[str, Any]]:
        """Writes a download; gives a record of it, none where it went to standard output."""
        progress.expect_bytes(content.size)
        if self._save == "-":
            with content.open() as reader:
                while piece := reader.read(PIECE_BYTES):
                    sys.stdout.buffer.write(piece)
                    progress.advance(len(piece))
            sys.stdout.buffer.flush()
            return []
        path = Path(safe_name(content.name) if self._save is None else self._save)
        self._check(path)
        size = content.save(path, progress.advance)
        return [{"file": str(path), "size_bytes": size, "media_type": content.media_type}]
