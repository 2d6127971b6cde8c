"""The journal of every HTTP request, with its secrets; only `/_sandbox/journal` shows it.

Tests read it to prove that no token left the allowed hosts. The middleware also receives each body whole
before the application runs, so that a connection can be kept alive whatever the application reads.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from email.utils import format_datetime
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any

from werkzeug.wsgi import ClosingIterator, get_input_stream

from .state import World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_SHOWN_BYTES = 64 * 1024
_OWN_PREFIX = "/_sandbox"
_ENTRIES_KEPT = 20_000
_IN_MEMORY_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 16


@dataclass(slots=True)
class Entry:
    """One request and how it was answered."""

    number: int
    at: str
    method: str
    scheme: str
    host: str
    path: str
    query: str
    headers: dict[str, str]
    body_bytes: int
    body: str
    """The first 64 KiB as text."""
    bears_authorization: bool
    bears_cookie: bool
    status: int = 0
    request_id: str = ""
    fault: str = ""
    """The kind of the fault that struck, if any."""

    def as_json(self) -> dict[str, Any]:
        """The entry ready for JSON."""
        return asdict(self)


@dataclass(slots=True)
class Journal:
    """All requests in order of arrival."""

    entries: list[Entry] = field(default_factory=list)
    count: int = 0

    def add(self, entry: Entry) -> None:
        """Keep an entry; the oldest go when there are too many."""
        self.entries.append(entry)
        if len(self.entries) > _ENTRIES_KEPT:
            del self.entries[: _ENTRIES_KEPT // 10]

    def next_number(self) -> int:
        """A running number, from 1."""
        self.count += 1
        return self.count


def journal_of(world: World) -> Journal:
    """The journal of this world."""
    return world.part("journal", Journal)


def received(stream: IO[bytes]) -> tuple[IO[bytes], int]:
    """The whole body, kept in memory or, when it is large, in a temporary file, and its length in bytes."""
    kept: IO[bytes] = BytesIO()
    size = 0
    while chunk := stream.read(_CHUNK_BYTES):
        if isinstance(kept, BytesIO) and size + len(chunk) > _IN_MEMORY_BYTES:
            file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the request
            file.write(kept.getvalue())
            kept = file
        kept.write(chunk)
        size += len(chunk)
    kept.seek(0)
    return kept, size


class Recorder:
    """WSGI middleware: receives the body, keeps a journal entry, notes the answer in it."""

    def __init__(self, application: WSGIApplication, world: World) -> None:
        self._application = application
        self._world = world

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        stream, size = received(get_input_stream(environ))
        try:
            return ClosingIterator(self._answered(environ, start_response, stream, size), stream.close)
        except BaseException:
            stream.close()
            raise

    def _answered(
        self, environ: WSGIEnvironment, start_response: StartResponse, stream: IO[bytes], size: int
    ) -> Iterable[bytes]:
        environ["wsgi.input"] = stream
        environ["CONTENT_LENGTH"] = str(size)
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ.pop("wsgi.input_terminated", None)
        if environ["PATH_INFO"].startswith(_OWN_PREFIX):
            return self._application(environ, start_response)
        body = stream.read(_SHOWN_BYTES).decode("utf-8", "replace")
        stream.seek(0)
        with self._world.lock:
            entry = _entry_of(environ, self._world, size, body)
            journal_of(self._world).add(entry)
        environ["sandbox.entry"] = entry

        def noting(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            headers.append(("Date", format_datetime(self._world.clock.now(), usegmt=True)))
            entry.status = int(status.split()[0])
            entry.request_id = next((value for name, value in headers if name.casefold() == "request-id"), "")
            return start_response(status, headers, exc_info)

        return self._application(environ, noting)


def _entry_of(environ: WSGIEnvironment, world: World, size: int, body: str) -> Entry:
    raw_path, _, query = str(environ.get("RAW_URI", environ["PATH_INFO"])).partition("?")
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").title(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
    }
    return Entry(
        number=journal_of(world).next_number(), at=world.clock.now().isoformat(),
        method=environ["REQUEST_METHOD"], scheme=environ["wsgi.url_scheme"],
        host=environ.get("HTTP_HOST", ""), path=raw_path, query=query, headers=headers,
        body_bytes=size, body=body,
        bears_authorization="HTTP_AUTHORIZATION" in environ, bears_cookie="HTTP_COOKIE" in environ,
    )  # fmt: skip
