"""Request and Response: the only things that cross between the runtime and HTTP.

A request's `url` says where it goes, and so whether it may bear the token: a path (`/me/messages`)
is a resource of Graph, below the API version; an absolute URL is another host, reached bare.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import urlsplit

from connector.content import Content
from connector.errors import ProtocolError

log = logging.getLogger(__name__)


class Headers(dict[str, str]):
    """Header names without regard to letter case; the last of several equal names wins."""

    def __init__(self, items: Mapping[str, str] | None = None) -> None:
        super().__init__({name.lower(): value for name, value in (items or {}).items()})

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


class Stream(Protocol):
    """The bytes of an answer that is still being received."""

    def chunks(self, size: int) -> Iterator[bytes]: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    `repeatable`: sending it twice does no harm. `stream`: the answer's bytes are handed on as they
    arrive. `expected`: statuses above 299 that are answers here, not errors. `json` and `content`
    exclude each other.
    """

    verb: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    content: Content | None = None
    stream: bool = False
    repeatable: bool = True
    expected: frozenset[int] = frozenset()

    @property
    def is_graph(self) -> bool:
        """Whether the request goes to Graph, and so bears the token."""
        return self.url.startswith("/")

    def content_headers(self) -> dict[str, str]:
        """The headers with those that follow from what is sent and what is wanted back."""
        headers = dict(self.headers)
        if self.json is not None:
            headers.setdefault("Content-Type", "application/json")
        elif self.content is not None:
            headers.setdefault("Content-Type", self.content.media_type or "application/octet-stream")
        if self.stream:
            headers.pop("Accept", None)
        elif self.is_graph:
            headers.setdefault("Accept", "application/json")
        return headers

    def follow(self, link: str, answered_by: str) -> Request:
        """The request for the next page: same verb and headers, at `link`.

        `link` may be what an earlier page gave out (a URL of the origin of `answered_by`) or a
        path below the API version. Headers go along because Graph wants `Prefer` and
        `ConsistencyLevel` on every page. Raises ProtocolError for a link that leads off Graph.
        """
        return replace(self, url=link if link.startswith("/") else below_version(link, answered_by))


def below_version(link: str, answered_by: str) -> str:
    """The path and query of an absolute `link`, below `/v1.0`.

    Raises ProtocolError unless scheme, host, port and API version are those of `answered_by`, the
    URL that the answer came from: a token must not follow a link to another server.
    """
    to, origin = urlsplit(link), urlsplit(answered_by)
    version = "/" + origin.path.split("/", 2)[1] if origin.path.count("/") > 1 else origin.path
    if (to.scheme, to.netloc) != (origin.scheme, origin.netloc) or not to.path.startswith(version + "/"):
        log.critical("Graph at %s gave a link to %s; it was not followed.", origin.hostname, to.hostname)
        raise ProtocolError(
            f"Graph gave a link to {to.hostname or 'no host'!r}, which is not the server that was asked; "
            "it was not followed. Report this to whoever runs the platform."
        )
    path = to.path[len(version) :]
    return f"{path}?{to.query}" if to.query else path


@dataclass(slots=True)
class Response:
    """One answer. `json` is the decoded body when it is JSON; `body` the bytes when it is not."""

    status: int
    headers: Headers
    url: str
    json: Any = None
    body: bytes = b""
    stream: Stream | None = None


class Sender(Protocol):
    """What the runtime asks of HTTP. `connector.graph.transport` is one; tests script others."""

    def send(self, request: Request) -> Response:
        """The answer, after retries. Raises a ConnectorError for every answer that is an error."""

    def check(self, request: Request, response: Response) -> None:
        """Raises the ConnectorError that `response`, one item of a batch, stands for, if any."""

    def retry_wait_seconds(self, request: Request, error: Exception, attempt: int) -> float | None:
        """How long to wait before sending `request` again after `error`; None: not at all."""
