"""The bytes of a file (Microsoft: Download driveItem content).

Graph answers with a redirect to another host, whose URL is the permission: it is followed without the
token. What small things Graph serves itself (an attachment) come in the first answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from email.message import Message
from typing import Any, ClassVar
from urllib.parse import urljoin

from connector.content import PIECE_BYTES, Content
from connector.errors import ProtocolError
from connector.runtime.call import Call, Step
from connector.runtime.flows import Flow, register
from connector.wire import Request, Response

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_HOPS = 5


@register
class Download(Flow):
    """Gives one `Content` that reads from the network."""

    type = "download"
    batchable: ClassVar[bool] = False

    def __init__(self, options: Mapping[str, Any], call: Call) -> None:
        super().__init__(options, call)
        self._hops = 0

    def first(self, request: Request) -> Request:
        self._request = replace(request, stream=True, expected=_REDIRECTS)
        return self._request

    def step(self, response: Response) -> Step:
        if response.status in _REDIRECTS:
            return Step(next=self._redirected(response))
        stream = response.stream
        if stream is None:
            raise ProtocolError("Graph answered a download without content")
        size = response.headers.get("Content-Length")
        coded = response.headers.get("Content-Encoding", "identity") != "identity"
        return Step(
            items=(
                Content.from_chunks(
                    stream.chunks(PIECE_BYTES),
                    int(size) if size and size.isdigit() and not coded else None,
                    name=_file_name(response.headers.get("Content-Disposition")),
                    media_type=response.headers.get("Content-Type"),
                ),
            )
        )

    def _redirected(self, response: Response) -> Request:
        self._hops += 1
        location = response.headers.get("Location")
        if not location or self._hops > _MAX_HOPS:
            reason = f"more than {_MAX_HOPS} times" if location else "to nowhere"
            raise ProtocolError(f"The download was redirected {reason}; it was stopped")
        return Request("GET", urljoin(response.url, location), stream=True, expected=_REDIRECTS)


def _file_name(disposition: str | None) -> str | None:
    """The name that the answer gives the file. Chosen by others: never a path to write to as it is."""
    if not disposition:
        return None
    message = Message()
    message["Content-Disposition"] = disposition
    return message.get_filename()
