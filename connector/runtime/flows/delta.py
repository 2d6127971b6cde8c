"""A listing of changes (Microsoft: Use delta query to track changes in Microsoft Graph data)."""

from __future__ import annotations

from typing import Any

from connector.errors import ProtocolError
from connector.runtime.flows import register
from connector.runtime.flows.paged import Paged
from connector.wire import Response, below_version


@register
class Delta(Paged):
    """Pages as any listing; the last one has the cursor from which the next round starts."""

    type = "delta"

    def final_cursor(self, page: dict[str, Any], response: Response) -> str | None:
        link = page.get("@odata.deltaLink")
        if link is None:
            raise ProtocolError("Graph ended a listing of changes without a link for the next round")
        return below_version(str(link), response.url)
