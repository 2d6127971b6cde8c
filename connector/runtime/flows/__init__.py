"""The conversations: what to send next, given an answer. No flow does I/O.

A method names its flow by `type`; the registry maps that to a class. A new kind of conversation is a
new class here, its options in the meta-schema of methods, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from connector.runtime.call import Call, Step
from connector.wire import Request, Response


class Flow:
    """One conversation with Graph.

    `first` may change the request that the method describes; `step` reads one answer and says what to
    give out, what to send next and how long to wait before it.
    """

    type: ClassVar[str]
    batchable: ClassVar[bool] = True

    def __init__(self, options: Mapping[str, Any], call: Call) -> None:
        self.options = options
        self.call = call

    def values(self) -> dict[str, Any]:
        """What templates may use beside the inputs."""
        return {}

    def first(self, request: Request) -> Request:
        """The first request to send."""
        return request

    def step(self, response: Response) -> Step:
        """What `response` leads to."""
        raise NotImplementedError


FLOWS: dict[str, type[Flow]] = {}


def register(flow: type[Flow]) -> type[Flow]:
    """Class decorator: makes the flow known under its type."""
    FLOWS[flow.type] = flow
    return flow


def flow_of(call: Call) -> Flow:
    """The conversation that the method of `call` declares, at its beginning."""
    return FLOWS[call.method.flow.type](call.method.flow.options, call)


from connector.runtime.flows import delta, download, operation, paged, single, upload  # noqa: E402

__all__ = [
    "FLOWS",
    "Flow",
    "delta",
    "download",
    "flow_of",
    "operation",
    "paged",
    "register",
    "single",
    "upload",
]
