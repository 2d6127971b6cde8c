"""After a lost answer: finds out whether a write happened, by looking in the way that the method says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from connector.errors import Conflict, ConnectorError
from connector.runtime import template
from connector.runtime.build import MARK_ID, build
from connector.runtime.call import Call, Step
from connector.runtime.flows import flow_of
from connector.spec.model import Settle
from connector.wire import Request, Sender

CLOCK_TOLERANCE = timedelta(seconds=60)
"""How far Microsoft's clock may be behind ours when an item's date is compared with the call's start."""


def settle(
    error: ConnectorError,
    call: Call,
    request: Request,
    sender: Sender,
    waits_seconds: tuple[float, ...],
    sleep: Callable[[float], None],
) -> Step:
    """The step of a write that turns out to have happened, or that is now done for good.

    Not found, a write on whose id Graph drops duplicates is sent once more. Else `error` is raised,
    its outcome `not_done`; or `unknown`, when looking could not tell.
    """
    how = call.method.settle
    if how is None:
        raise error
    found = _look(how, call, sender, waits_seconds, sleep, error)
    if found is None and call.method.idempotency:
        try:
            return flow_of(call).step(sender.send(replace(request, repeatable=False)))
        except Conflict:
            found = _look(how, call, sender, waits_seconds, sleep, error)
    if found is None:
        error.outcome = "not_done"
        raise error
    return Step(items=(found,) if call.method.output is not None else ())


def _look(
    how: Settle,
    call: Call,
    sender: Sender,
    waits_seconds: tuple[float, ...],
    sleep: Callable[[float], None],
    error: ConnectorError,
) -> Any:
    """The item that the call wrote, or None. Raises `error` when the look itself fails."""
    values = {
        **call.params,
        **flow_of(call).values(),
        "call_id": call.id,
        "mark_id": MARK_ID,
        "started_at": call.started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    request = replace(build(how.request, call.method, values), expected=frozenset({404}), repeatable=True)
    wanted = {name: template.fill(value, values) for name, value in how.match.items()}
    for wait_seconds in waits_seconds:
        sleep(wait_seconds)
        try:
            response = sender.send(request)
        except ConnectorError:
            raise error from None
        if response.status == 404:
            continue
        for item in _items(response.json):
            if _is_ours(item, wanted, how.since, call.started_at):
                return item
    return None


def _items(body: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(body, Mapping):
        listed = body.get("value")
        yield from listed if isinstance(listed, list) else [body]


def _is_ours(item: Mapping[str, Any], wanted: Mapping[str, Any], since: str | None, start: datetime) -> bool:
    for name, value in wanted.items():
        if value is not template.MISSING and _property(item, name) != value:
            return False
    return since is None or _is_since(_property(item, since), start)


def _property(item: Any, name: str) -> Any:
    for key in name.split("."):
        item = item.get(key) if isinstance(item, Mapping) else None
    return item


def _is_since(moment: Any, start: datetime) -> bool:
    try:
        return datetime.fromisoformat(str(moment)) >= start - CLOCK_TOLERANCE
    except (ValueError, TypeError):
        return False
