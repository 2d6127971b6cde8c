"""The bytes of a file to Graph (Microsoft: driveItem: createUploadSession; Attach large files to Outlook
messages or events).

A small file goes in one request; an empty one has to, for a session cannot carry it. Any other goes
in pieces, to an address on another host that is itself the permission and refuses the token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from connector.content import Content
from connector.errors import InvalidInput, NoAnswer, ProtocolError
from connector.runtime.build import build
from connector.runtime.call import Call, Step
from connector.runtime.flows import Flow, register
from connector.wire import Request, Response

_SESSION_GONE, _RANGE_RECEIVED = 404, 416
_MAX_STATUS_QUERIES = 5


@register
class Upload(Flow):
    """Sends the file; gives the item that Graph made of it."""

    type = "upload"
    batchable: ClassVar[bool] = False

    def __init__(self, options: Mapping[str, Any], call: Call) -> None:
        super().__init__(options, call)
        self._content: Content = call.params[options["content"]]
        if self._content.size is None:
            raise InvalidInput(call.method.name, [(options["content"], "must have a known size")])
        self._size = self._content.size
        limit = options.get("limit_bytes")
        if limit is not None and self._size > limit:
            raise InvalidInput(
                call.method.name,
                [(options["content"], f"has {self._size} bytes; Graph takes at most {limit}")],
            )
        self._session: Request | None = None
        self._url: str | None = None
        self._stop = 0
        self._restarted = False
        self._status_queries = 0
        self._finished = False

    def values(self) -> dict[str, Any]:
        return {"content_size": self._size}

    def first(self, request: Request) -> Request:
        small = self.options.get("small")
        if small and (self._size <= small["up_to_bytes"] or not self._size):
            self._finished = True
            one = build(small["request"], self.call.method, {**self.call.params, **self.values()})
            return one if one.json is not None else replace(one, content=self._content)
        self._session = replace(request, repeatable=True)
        return self._session

    def step(self, response: Response) -> Step:
        if self._finished:
            return Step(items=() if response.json is None else (response.json,))
        if self._url is None:
            return self._begin(response)
        if response.status == _SESSION_GONE:
            return self._restart()
        if response.status == _RANGE_RECEIVED:
            return self._ask_status()
        ranges = _missing_ranges(response.json)
        if ranges is None:
            return self._done(response)
        return Step(next=self._piece(*ranges[0]), progress=float(ranges[0][0]))

    def _begin(self, response: Response) -> Step:
        url = response.json.get("uploadUrl") if isinstance(response.json, dict) else None
        if not isinstance(url, str):
            raise ProtocolError("Graph opened an upload session without saying where to send the file")
        self._url = url
        return Step(next=self._piece(0, None), progress=0.0)

    def _piece(self, start: int, stop: int | None) -> Request:
        """The PUT of the bytes from `start`: a fragment at most, and no further than Graph asks."""
        self._stop = min(start + self.options["fragment_bytes"], self._size, stop or self._size)
        if not 0 <= start < self._stop:
            raise ProtocolError(
                f"Graph asked for bytes from {start}, which this file of {self._size} has not"
            )
        return Request(
            "PUT",
            str(self._url),
            headers={
                "Content-Range": f"bytes {start}-{self._stop - 1}/{self._size}",
                "Content-Type": "application/octet-stream",
            },
            content=self._content.part(start, self._stop),
            expected=frozenset({_SESSION_GONE, _RANGE_RECEIVED}),
        )

    def _ask_status(self) -> Step:
        self._status_queries += 1
        if self._status_queries > _MAX_STATUS_QUERIES:
            raise ProtocolError(
                "Graph keeps refusing a piece of the file that it says is missing", outcome="not_done"
            )
        return Step(next=Request("GET", str(self._url), expected=frozenset({_SESSION_GONE})))

    def _restart(self) -> Step:
        """The session is gone: it expired, or the answer to the last piece was lost."""
        if self._stop == self._size:
            raise NoAnswer(
                "The upload session closed before Graph confirmed the last piece of the file.",
                outcome="unknown",
            )
        if self._restarted:
            raise NoAnswer("The upload session was lost twice; try again later.", outcome="not_done")
        self._restarted, self._url = True, None
        return Step(next=self._session, progress=0.0)

    def _done(self, response: Response) -> Step:
        self._finished = True
        result = self.options.get("result")
        resource_id = _id_in(response.headers.get("Location"))
        if result is None or resource_id is None:
            return Step(items=() if response.json is None else (response.json,), progress=float(self._size))
        values = {**self.call.params, "resourceId": resource_id}
        return Step(next=build(result, self.call.method, values), progress=float(self._size))


def _missing_ranges(report: Any) -> list[tuple[int, int | None]] | None:
    """The (start, stop) that Graph still wants; None when the answer is no report of a session.

    The name's case and the form of a range (`26-`, `12345-55232`, `2097152`) differ between OneDrive
    and Outlook.
    """
    if not isinstance(report, dict):
        return None
    ranges = next((value for key, value in report.items() if key.lower() == "nextexpectedranges"), None)
    if not isinstance(ranges, list) or not ranges:
        return None
    found = [re.fullmatch(r"(\d+)(?:-(\d*))?", str(text)) for text in ranges]
    if not all(found):
        raise ProtocolError("Graph reported the missing parts of an upload in a form that cannot be read")
    return [(int(match[1]), int(match[2]) + 1 if match[2] else None) for match in found if match]


def _id_in(location: str | None) -> str | None:
    """The last key of a URL, `…/Attachments('AAMk…')` or `…/attachments/AAMk…`: only the id is used."""
    if not location:
        return None
    segment = unquote(urlsplit(location).path.rstrip("/").rpartition("/")[2])
    quoted = re.search(r"\('(.*)'\)$", segment)
    return quoted[1].replace("''", "'") if quoted else segment or None
