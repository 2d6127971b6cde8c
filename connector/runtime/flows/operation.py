"""An operation that takes time (Microsoft: Working with long running actions).

Graph answers 202 with the address of a monitor, on another host and asked without the token, which
tells how far it is until it is completed or failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urljoin

from connector.errors import NoAnswer, OperationFailed, ProtocolError
from connector.runtime.build import build
from connector.runtime.call import Call, Step
from connector.runtime.flows import Flow, register
from connector.wire import Request, Response, below_version

_EVERY_SECONDS = 2.0
_TIMEOUT_SECONDS = 600.0
_ENDED_BADLY = frozenset({"failed", "cancelled", "canceled", "deletefailed"})


@register
class Operation(Flow):
    """Waits for the end, then gives what the declared `result` request brings, or the last report."""

    type = "operation"
    batchable: ClassVar[bool] = False

    def __init__(self, options: Mapping[str, Any], call: Call) -> None:
        super().__init__(options, call)
        self._every_seconds = float(options.get("every_seconds", _EVERY_SECONDS))
        self._left_seconds = float(options.get("timeout_seconds", _TIMEOUT_SECONDS))
        self._monitor: Request | None = None
        self._graph_url = ""
        self._finished = False

    def step(self, response: Response) -> Step:
        if self._finished:
            return Step(items=(response.json,))
        if self._monitor is None:
            return self._started(response)
        if response.status == 404:
            raise NoAnswer("The monitor of the operation is gone before it told the end.", outcome="unknown")
        if response.status == 303:
            return self._result_at(urljoin(response.url, response.headers.get("Location", "")))
        return self._report(response.json if isinstance(response.json, dict) else {})

    def _started(self, response: Response) -> Step:
        location = response.headers.get("Location")
        if response.status != 202:
            return Step(items=() if response.json is None else (response.json,))
        if not location:
            raise ProtocolError("Graph began an operation without saying where it can be watched")
        self._graph_url = response.url
        self._monitor = Request("GET", urljoin(response.url, location), expected=frozenset({303, 404}))
        return self._again(None)

    def _report(self, report: dict[str, Any]) -> Step:
        status = str(report.get("status", "")).lower()
        if status in _ENDED_BADLY:
            error = report.get("error") if isinstance(report.get("error"), dict) else {}
            raise OperationFailed(
                f"The operation ended as {status}: {(error or {}).get('message') or 'Graph gave no reason'}.",
                graph_code=(error or {}).get("code"),
                outcome="not_done",
            )
        if status != "completed":
            return self._again(report.get("percentageComplete"))
        result = self.options.get("result")
        if result is None or "resourceId" not in report:
            return Step(items=(report,))
        self._finished = True
        return Step(next=build(result, self.call.method, {**self.call.params, **report}))

    def _result_at(self, location: str) -> Step:
        self._finished = True
        return Step(next=Request("GET", below_version(location, self._graph_url)))

    def _again(self, percentage: float | None) -> Step:
        if self._left_seconds <= 0:
            raise NoAnswer("The operation was still running when the wait for it ended.", outcome="unknown")
        self._left_seconds -= self._every_seconds
        return Step(next=self._monitor, wait_seconds=self._every_seconds, progress=percentage)
