"""An HTTP request to Graph or the content host, its body received; items of a batch are made of the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from werkzeug.datastructures import Headers

from .odata import link

if TYPE_CHECKING:
    from .journal import Entry


@dataclass(frozen=True, slots=True)
class GraphRequest:
    """One request."""

    method: str
    url: str
    """Scheme, host, port and raw path, without query."""
    query: dict[str, str]
    headers: Headers
    stream: IO[bytes]
    stream_bytes: int
    entry: Entry | None = None
    """The line of the journal about this request."""

    @property
    def raw_path(self) -> str:
        """The still percent-encoded path."""
        return "/" + self.url.partition("://")[2].partition("/")[2]

    @property
    def url_with_query(self) -> str:
        """The whole URL."""
        return link(self.url, self.query)
