"""`$batch`: up to twenty requests in one.

Source: Microsoft: Combine multiple HTTP requests using JSON batching.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.datastructures import Headers

from .answers import Answer, GraphError
from .changelog import Item
from .fault_answers import body_bytes
from .graph_request import GraphRequest
from .state import World

_MOST_ITEMS = 20
_FAILED_DEPENDENCY = {
    "error": {"code": "FailedDependency", "message": "A request this one depends on has failed."}
}


def run_batch(world: World, request: GraphRequest, answer_one: Callable[[GraphRequest], Answer]) -> Answer:
    """Run the items in their order and answer them; raises GraphError when the envelope is bad."""
    items = _checked(request)
    statuses: dict[str, int] = {}
    responses: list[Item] = []
    for item in items:
        item_id = str(item["id"])
        parents = [str(parent) for parent in item.get("dependsOn") or []]
        if any(statuses[parent] >= 400 for parent in parents):
            response: Item = {"id": item_id, "status": 424, "headers": {}, "body": _FAILED_DEPENDENCY}
        else:
            response = _response(item_id, answer_one(_item_request(request, item)))
        statuses[item_id] = response["status"]
        responses.append(response)
    if world.switches.batch_throttle_424 and 429 in statuses.values():
        raise GraphError(424, "FailedDependency", "A request of the batch was throttled.")
    if world.switches.batch_reversed:
        responses.reverse()
    return Answer(body={"responses": responses})


def _checked(request: GraphRequest) -> list[Item]:
    try:
        body = json.loads(request.stream.read())
        items = body["requests"]
        ids = [str(item["id"]) for item in items]
        complete = all(item["method"] and item["url"] for item in items)
    except (ValueError, KeyError, TypeError):
        raise GraphError(400, "BadRequest", "Invalid batch payload format.") from None
    if not items or not complete:
        raise GraphError(400, "BadRequest", "Invalid batch payload format.")
    if len(items) > _MOST_ITEMS:
        raise GraphError(400, "BadRequest", f"A batch takes {_MOST_ITEMS} requests at most.")
    if len({item_id.casefold() for item_id in ids}) != len(ids):
        raise GraphError(400, "BadRequest", "Every request of a batch needs an id of its own.")
    _check_dependencies(items, ids)
    if any("$batch" in str(item["url"]) or "://" in str(item["url"]).partition("?")[0] for item in items):
        raise GraphError(400, "BadRequest", "A batch takes relative URLs and no batches.")
    return list(items)


def _check_dependencies(items: list[Item], ids: list[str]) -> None:
    parents = [[str(parent) for parent in item.get("dependsOn") or []] for item in items]
    serial = all(named == [ids[index]] for index, named in enumerate(parents[1:]))
    single = [named[0] for named in parents if len(named) == 1]
    same = all(len(named) <= 1 for named in parents) and len(set(single)) <= 1
    earlier = all(parent in ids[:index] for index, named in enumerate(parents) for parent in named)
    if not earlier or not (serial or same):
        raise GraphError(400, "BadRequest", "Requests of a batch depend on one earlier request, all in a row "
                         "or all on the same one.")  # fmt: skip


def _item_request(request: GraphRequest, item: Item) -> GraphRequest:
    path, _, query = str(item["url"]).partition("?")
    headers = Headers({name: str(value) for name, value in (item.get("headers") or {}).items()})
    headers.setdefault("Authorization", request.headers.get("Authorization", ""))
    origin = request.url.partition("/v1.0/")[0]
    data = b""
    if item.get("body") is not None:
        body = item["body"]
        if "Content-Type" not in headers:
            raise GraphError(400, "BadRequest", f"Request {item['id']} needs a Content-Type header.")
        data = base64.urlsafe_b64decode(body + "==") if isinstance(body, str) else json.dumps(body).encode()
    return GraphRequest(
        method=str(item["method"]).upper(), url=f"{origin}/v1.0/{path.lstrip('/')}",
        query=dict(parse_qsl(query, keep_blank_values=True)), headers=headers, stream=io.BytesIO(data),
        stream_bytes=len(data), entry=request.entry,
    )  # fmt: skip


def _response(item_id: str, answer: Answer) -> Item:
    headers = {name: value for name, value in answer.headers.items() if name != "x-ms-ags-diagnostic"}
    body: Any = answer.body
    if body is None and answer.content is not None:
        data = body_bytes(answer)
        body = base64.b64encode(data).decode() if data else None
    return {"id": item_id, "status": answer.status, "headers": headers, "body": body}
