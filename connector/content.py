"""Content: the bytes of a file, read where they are and never whole in memory.

An upload reads a Content piece by piece, from any position, so that a piece can be sent again. A
download gives one whose bytes come from the network, once.
"""

from __future__ import annotations

import base64
import binascii
import io
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

PIECE_BYTES = 1024 * 1024
_IN_MEMORY_BYTES = 4 * 1024 * 1024


class Content:
    """Bytes with a size, a name and a media type, opened when they are needed."""

    def __init__(
        self,
        open_at: Callable[[int], BinaryIO],
        size: int | None,
        *,
        name: str | None = None,
        media_type: str | None = None,
    ) -> None:
        self._open_at = open_at
        self.size = size
        self.name = name
        self.media_type = media_type

    def __repr__(self) -> str:
        return f"Content(name={self.name!r}, size={self.size}, media_type={self.media_type!r})"

    @classmethod
    def from_path(cls, path: str | Path) -> Content:
        """The file at `path`. Raises OSError when it cannot be read."""
        path = Path(path)

        def open_at(start: int) -> BinaryIO:
            file = path.open("rb")
            file.seek(start)
            return file

        with path.open("rb"):
            return cls(open_at, path.stat().st_size, name=path.name)

    @classmethod
    def from_bytes(cls, data: bytes, *, name: str | None = None) -> Content:
        """Bytes that are in memory already."""
        return cls(lambda start: io.BytesIO(data[start:]), len(data), name=name)

    @classmethod
    def from_base64(cls, text: str, *, name: str | None = None) -> Content:
        """Base64 text. Raises ValueError when it is not."""
        try:
            return cls.from_bytes(base64.b64decode(text, validate=True), name=name)
        except (binascii.Error, ValueError):
            raise ValueError("is not base64; give the file itself, or its bytes in base64") from None

    @classmethod
    def from_stream(cls, stream: BinaryIO, *, name: str | None = None) -> Content:
        """A stream of unknown length, such as standard input: spooled, to disk beyond a few MiB."""
        spool = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115
        shutil.copyfileobj(stream, spool, PIECE_BYTES)
        size = spool.tell()

        def open_at(start: int) -> BinaryIO:
            spool.seek(start)
            return _Borrowed(spool)

        content = cls(open_at, size, name=name)
        weakref.finalize(content, spool.close)
        return content

    @classmethod
    def from_chunks(
        cls,
        chunks: Iterator[bytes],
        size: int | None,
        *,
        name: str | None = None,
        media_type: str | None = None,
    ) -> Content:
        """Bytes that arrive once, from the network; they can be read from the start only."""
        source = iter(chunks)

        def open_at(start: int) -> BinaryIO:
            if start:
                raise ValueError("a download is read from its start, once")
            return io.BufferedReader(_Chunks(source), PIECE_BYTES)

        return cls(open_at, size, name=name, media_type=media_type)

    def open(self, start: int = 0, stop: int | None = None) -> Window:
        """A reader over the bytes from `start` up to `stop`, the end when left out."""
        end = self.size if stop is None else stop
        return Window(self._open_at(start), None if end is None else end - start)

    def part(self, start: int, stop: int) -> Content:
        """The bytes from `start` up to `stop` as a Content of their own."""
        return Content(lambda at: self.open(start + at, stop), stop - start, name=self.name)

    def read(self) -> bytes:
        """All bytes. For small content: nothing here bounds it."""
        with self.open() as reader:
            return reader.read()

    def base64(self) -> str:
        """All bytes in base64, for the requests of Graph that carry a small file inside JSON."""
        return base64.b64encode(self.read()).decode("ascii")

    def save(self, path: str | Path, progress: Callable[[int], None] = lambda size: None) -> int:
        """Writes the bytes to `path` and returns how many; `progress` hears of each piece's size.

        The file appears under its name only when it is complete.
        """
        path = Path(path)
        total = 0
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name[:100]}.", delete=False
        ) as file:
            partial = Path(file.name)
            try:
                with self.open() as reader:
                    while piece := reader.read(PIECE_BYTES):
                        file.write(piece)
                        total += len(piece)
                        progress(len(piece))
            except BaseException:
                file.close()
                partial.unlink(missing_ok=True)
                raise
        partial.replace(path)
        return total


class Window(io.RawIOBase, BinaryIO):
    """A file cut to `size` bytes. It has a length, so that HTTP sends it with Content-Length."""

    def __init__(self, file: BinaryIO, size: int | None) -> None:
        self._file = file
        self._left = size
        self._size = size

    def __len__(self) -> int:
        if self._size is None:
            raise TypeError("the size is not known")
        return self._size

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(PIECE_BYTES), b""))
        piece = self._file.read(size if self._left is None else min(size, self._left))
        if self._left is not None:
            self._left -= len(piece)
        return piece

    def close(self) -> None:
        self._file.close()
        super().close()


class _Borrowed(io.RawIOBase, BinaryIO):
    """A reader whose close leaves the file open: the spool is opened again for a repeated piece."""

    def __init__(self, file: tempfile.SpooledTemporaryFile[bytes]) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        return self._file.read(-1 if size is None else size)


class _Chunks(io.RawIOBase):
    """An iterator of byte strings as a raw file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        piece, self._rest = self._rest[: len(view)], self._rest[len(view) :]
        view[: len(piece)] = piece
        return len(piece)
