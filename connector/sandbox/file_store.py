"""Contents of files, on disk in a temporary folder, so that no upload is ever whole in memory.

A stored file never changes and lives as long as something refers to it: items, recycle bins and running
downloads share it. What the files are called and where they belong is left to `drive_tree`.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO

from .quick_xor_hash import quick_xor_hash
from .state import World

_READ_BYTES = 1 << 18


@dataclass(frozen=True, eq=False)
class StoredFile:
    """An unchanging sequence of bytes on disk; the disk space is freed with the last reference."""

    path: Path
    size: int
    _hashes: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        weakref.finalize(self, self.path.unlink, missing_ok=True)

    def hash(self, name: str) -> str:
        """A hash by the name that Graph gives it: `quickXorHash`, `sha1Hash` or `sha256Hash`."""
        if name not in self._hashes:
            with self.path.open("rb") as file:
                if name == "quickXorHash":
                    self._hashes[name] = quick_xor_hash(file)
                else:
                    algorithm = name.removesuffix("Hash")
                    self._hashes[name] = hashlib.file_digest(file, algorithm).hexdigest().upper()
        return self._hashes[name]

    def chunks(self, first: int = 0, last: int | None = None) -> Iterator[bytes]:
        """The bytes from `first` to `last`, both included, piece by piece."""
        left = (self.size if last is None else last + 1) - first
        with self.path.open("rb") as file:
            file.seek(first)
            while left > 0 and (data := file.read(min(left, _READ_BYTES))):
                left -= len(data)
                yield data

    def text(self, limit_bytes: int) -> str:
        """The content as text, or nothing when it is larger than the limit or no UTF-8."""
        if self.size > limit_bytes:
            return ""
        try:
            return self.path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return ""


class FileStore:
    """A temporary folder for stored files and for uploads under way; it goes with the world it belongs to."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="m365-sandbox-"))
        self._count = 0
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def new_path(self) -> Path:
        """A path where nothing is yet."""
        self._count += 1
        return self._folder / f"{self._count:08d}"

    def keep(self, source: IO[bytes]) -> StoredFile:
        """Store everything from here to the end of a file."""
        path = self.new_path()
        with path.open("wb") as target:
            shutil.copyfileobj(source, target, _READ_BYTES)
            size = target.tell()
        return StoredFile(path, size)

    def keep_bytes(self, content: bytes) -> StoredFile:
        """Store some bytes."""
        return self.keep(BytesIO(content))


def files_of(world: World) -> FileStore:
    """The file store of a world; empty after a reset."""
    return world.part("files", FileStore)
