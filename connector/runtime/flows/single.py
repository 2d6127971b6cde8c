"""One request, one answer."""

from __future__ import annotations

from connector.runtime.call import Step
from connector.runtime.flows import Flow, register
from connector.wire import Response


@register
class Single(Flow):
    """The answer is the item; an answer without a body gives no item."""

    type = "single"

    def step(self, response: Response) -> Step:
        return Step(items=() if response.json is None else (response.json,))
