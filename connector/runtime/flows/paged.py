"""A listing, one page after another (Microsoft: Paging Microsoft Graph data in your app)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.errors import ProtocolError
from connector.runtime.call import Call, Step
from connector.runtime.flows import Flow, register
from connector.wire import Request, Response, below_version


@register
class Paged(Flow):
    """Follows `@odata.nextLink` until there is none. A page may be empty and still have a link."""

    type = "paged"

    def __init__(self, options: Mapping[str, Any], call: Call) -> None:
        super().__init__(options, call)
        self._seen: set[int] = set()
        self._request = Request("GET", "")

    def first(self, request: Request) -> Request:
        self._request = request.follow(self.call.cursor, "") if self.call.cursor else request
        return self._request

    def step(self, response: Response) -> Step:
        page = response.json
        items = page.get("value") if isinstance(page, dict) else None
        if not isinstance(items, list):
            raise ProtocolError(
                "Graph answered a listing without a list of values; nothing can be read from it"
            )
        here, link = self._request.url, page.get("@odata.nextLink")
        if link is None:
            return Step(tuple(items), here=here, cursor=self.final_cursor(page, response))
        cursor = self._cursor(link, response)
        self._request = self._request.follow(cursor, "")
        return Step(tuple(items), next=self._request, here=here, cursor=cursor, complete=False)

    def final_cursor(self, page: dict[str, Any], response: Response) -> str | None:
        """What continues after the last page: nothing."""
        return None

    def _cursor(self, link: Any, response: Response) -> str:
        cursor = below_version(str(link), response.url)
        if hash(cursor) in self._seen:
            raise ProtocolError(
                "Graph repeated a link of this listing; it was stopped, for it would never end"
            )
        self._seen.add(hash(cursor))
        return cursor
