"""After a lost answer: finds out whether a write happened, by looking in the way that the method says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from connector.errors import Conflict, ConnectorError, InvalidInput
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

    Not found, a write on whose id Graph drops duplicates is sent once more. Else `error` is raised, its
    outcome `not_done`; or `unknown`, when looking could not tell. What was sent (`kind: send`) may show
    up late or nowhere, so that not finding it proves nothing.
    """
    how = call.method.settle
    if how is None or any(call.params.get(name) == value for name, value in how.unless.items()):
        raise error
    look = _Look(how, call, request, error)
    found = look.repeatedly(sender, waits_seconds, sleep)
    if found is None and call.method.idempotency:
        try:
            return flow_of(call).step(sender.send(replace(request, repeatable=False)))
        except Conflict:
            found = look.repeatedly(sender, waits_seconds, sleep)
    if found is None:
        error.outcome = "unknown" if call.method.kind == "send" else "not_done"
        raise error
    return Step(items=(found,) if call.method.output is not None else ())


class _Look:
    """The declared request, and what the item that the call wrote must be like."""

    def __init__(self, how: Settle, call: Call, request: Request, error: ConnectorError) -> None:
        """Raises `error` where the inputs do not suffice to look."""
        body = request.json if isinstance(request.json, Mapping) else {}
        values = {
            **call.params,
            **flow_of(call).values(),
            "call_id": body.get(call.method.idempotency, call.id),
            "mark_id": MARK_ID,
            "started_at": call.started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        try:
            built = build(how.request, call.method, values)
        except InvalidInput:
            raise error from None
        self._request = replace(built, expected=frozenset({404}), repeatable=True)
        self._wanted = {name: template.fill(value, values) for name, value in how.match.items()}
        self._since = how.since
        self._start = call.started_at
        self._error = error

    def repeatedly(
        self, sender: Sender, waits_seconds: tuple[float, ...], sleep: Callable[[float], None]
    ) -> Any:
        """The item, or None: Graph shows what was written after a while. Raises the call's error when a
        look itself fails."""
        for wait_seconds in waits_seconds:
            sleep(wait_seconds)
            try:
                response = sender.send(self._request)
            except ConnectorError:
                raise self._error from None
            if response.status != 404:
                for item in _items(response.json):
                    if _is_ours(item, self._wanted, self._since, self._start):
                        return item
        return None


def _items(body: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(body, Mapping):
        listed = body.get("value")
        yield from listed if isinstance(listed, list) else [body]


def _is_ours(item: Mapping[str, Any], wanted: Mapping[str, Any], since: str | None, start: datetime) -> bool:
    for name, value in wanted.items():
        if value is not template.MISSING and value not in _values(item, name.split(".")):
            return False
    return since is None or any(_is_since(moment, start) for moment in _values(item, since.split(".")))


def _values(item: Any, keys: Sequence[str]) -> list[Any]:
    """What is found along `keys`: one value, and of a list those of all its items."""
    if isinstance(item, list):
        return [value for each in item for value in _values(each, keys)]
    if not keys:
        return [item]
    return _values(item.get(keys[0]), keys[1:]) if isinstance(item, Mapping) else []


def _is_since(moment: Any, start: datetime) -> bool:
    try:
        return datetime.fromisoformat(str(moment)) >= start - CLOCK_TOLERANCE
    except (ValueError, TypeError):
        return False
