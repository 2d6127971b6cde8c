"""A declared request and its values become a `wire.Request`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connector.errors import InvalidInput
from connector.runtime import template
from connector.runtime.call import Call
from connector.spec.model import Method, PathSpec, RequestSpec, names
from connector.spec.template import places
from connector.wire import Request


def build(spec: RequestSpec, method: Method, values: Mapping[str, Any]) -> Request:
    """The request that `spec` says, as part of `method`.

    Raises InvalidInput when no path can be filled.
    """
    path = template.fill_path(choose_path(spec, method, values).text, values)
    query = template.fill_query(spec.query, values)
    verb = str(template.fill(spec.verb, values)).upper()
    body = template.fill(spec.body, values) if spec.body is not None else None
    return Request(
        verb,
        f"{path}?{query}" if query else path,
        headers=_headers(method.service.headers, template.fill_headers(spec.headers, values)),
        json=({} if isinstance(spec.body, Mapping) else None) if body is template.MISSING else body,
        repeatable=is_repeatable(method, verb),
    )


def choose_path(spec: RequestSpec, method: Method, values: Mapping[str, Any]) -> PathSpec:
    """The first path whose places all have values. Raises InvalidInput with what is lacking."""
    given = [name for name in method.target_inputs if values.get(name) is not None]
    if len(given) > 1:
        raise InvalidInput(method.name, [(given[1], f"give only one of {names(given)}")])
    target = method.target_inputs[given[0]] if given else None
    for path in spec.paths:
        if template.is_filled(path.text, values) and (
            target is None or path.prefix is None or path.prefix.name == target
        ):
            return path
    if given and not any(path.prefix is None or path.prefix.name == target for path in spec.paths):
        raise InvalidInput(
            method.name, [(given[0], "cannot be combined with this method's other inputs here")]
        )
    lacking = {
        place.name: "is required"
        for path in spec.paths[-1:]
        for place in places(path.text)
        if values.get(place.name) is None
    }
    raise InvalidInput(method.name, sorted(lacking.items()) or [("", "no path fits these inputs")])


def is_repeatable(method: Method, verb: str) -> bool:
    """Whether a request may be sent again after a lost answer (Graph: a repeated POST creates twice)."""
    if method.repeat is not None:
        return method.repeat == "safe"
    return verb != "POST" or method.kind == "read"


def mark_call(request: Request, call: Call) -> Request:
    """The request with the call's id where the method says that it can be found again.

    `idempotency` names the body property on which Graph drops duplicates; `settle.mark` the place of
    an extended property that can be searched for.
    """
    method, body = call.method, request.json
    if not isinstance(body, dict):
        return request
    if method.idempotency and not body.get(method.idempotency):
        body = {**body, method.idempotency: call.id}
    if method.settle and method.settle.mark:
        body = _append(body, method.settle.mark.split("."), {"id": MARK_ID, "value": call.id})
    return replace(request, json=body)


MARK_ID = "String {3b0f1c52-6a7d-4e0e-9d54-0a8a3c5d7f21} Name M365ConnectorCall"
"""The extended property that bears the id of a call (Microsoft: Outlook extended properties overview)."""


def _append(body: dict[str, Any], keys: list[str], item: dict[str, Any]) -> dict[str, Any]:
    key, *deeper = keys
    if deeper:
        inner = body.get(key)
        return {**body, key: _append(inner if isinstance(inner, dict) else {}, deeper, item)}
    return {**body, key: [*body.get(key, ()), item]}


def _headers(of_service: Mapping[str, str], of_request: Mapping[str, str]) -> dict[str, str]:
    """Both; the values of a header that both have (`Prefer`) are joined."""
    joined = dict(of_service)
    for name, value in of_request.items():
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined
