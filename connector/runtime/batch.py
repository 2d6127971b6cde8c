"""Many calls in few requests (Microsoft: Combine multiple HTTP requests using JSON batching).

The same flows as in the engine, many at a time: each round posts what they want to send next, at most
as many in one batch as the service bears, and steps each flow with its own answer. A throttled item
is sent again by itself; a lost one is looked for; the others do not notice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from connector.errors import ConnectorError, InvalidInput, NoAnswer, ProtocolError
from connector.runtime.build import mark_call
from connector.runtime.call import Call, Step
from connector.runtime.engine import Drift, Policy, check_items, drive, prepare, recover
from connector.runtime.flows import FLOWS, Flow
from connector.wire import Headers, Request, Response, Sender

MAX_BATCH_SIZE = 20
"""Graph refuses more requests in one batch."""
_MAX_IN_FLIGHT = 4
_ONE_WAS_THROTTLED = 424
"""Of a whole batch: one of its requests was throttled, and what became of the others is not told."""


@dataclass(slots=True)
class _Talk:
    """One call on its way."""

    call: Call
    flow: Flow
    request: Request
    attempts: int = 0
    answers: int = 0
    steps: list[Step] = field(default_factory=list)


Outcome = tuple[Step, ...] | ConnectorError
"""All steps of one call, or the error that ended it."""


def drive_batch(calls: Sequence[Call], sender: Sender, policy: Policy, on_drift: Drift) -> list[Outcome]:
    """Runs all calls to their end; the results are in the order of `calls`."""
    results: dict[int, Outcome] = {}
    talks: dict[int, _Talk] = {}
    for index, call in enumerate(calls):
        if not FLOWS[call.method.flow.type].batchable:
            continue
        try:
            prepared, flow, request = prepare(call)
            _refuse_batch(prepared, request)
            talks[index] = _Talk(prepared, flow, mark_call(request, prepared))
        except ConnectorError as error:
            results[index] = error
    while talks:
        _round(talks, results, sender, policy, on_drift)
    for index, call in enumerate(calls):
        if index not in results:
            results[index] = _alone(call, sender, policy, on_drift)
    return [results[index] for index in range(len(calls))]


def _refuse_batch(call: Call, request: Request) -> None:
    """Raises InvalidInput for a batch inside of a batch, for which Graph refuses all of it."""
    if request.url.partition("?")[0].casefold() == "/$batch":
        raise InvalidInput(call.method.name, [("path", "cannot be a batch inside of a batch")])


def _alone(call: Call, sender: Sender, policy: Policy, on_drift: Drift) -> Outcome:
    try:
        return tuple(drive(call, sender, policy, on_drift))
    except ConnectorError as error:
        return error


def _round(
    talks: dict[int, _Talk], results: dict[int, Outcome], sender: Sender, policy: Policy, on_drift: Drift
) -> None:
    """Sends what every talk wants to send, once, and steps each with its answer."""
    wait_seconds = 0.0
    for size, indexes in _by_size(talks).items():
        batches = [indexes[at : at + size] for at in range(0, len(indexes), size)]
        in_flight = _MAX_IN_FLIGHT if size == MAX_BATCH_SIZE else 1
        with ThreadPoolExecutor(max_workers=min(in_flight, len(batches))) as pool:
            answered = list(pool.map(lambda batch: _post([talks[i].request for i in batch], sender), batches))
        for batch, answers in zip(batches, answered, strict=True):
            for index, answer in zip(batch, answers, strict=True):
                again = _advance(index, answer, talks, results, sender, policy, on_drift)
                wait_seconds = max(wait_seconds, again)
    if wait_seconds and talks:
        policy.sleep(wait_seconds)


def _by_size(talks: dict[int, _Talk]) -> dict[int, list[int]]:
    groups: dict[int, list[int]] = {}
    for index, talk in talks.items():
        size = min(talk.call.method.service.batch_size, MAX_BATCH_SIZE)
        groups.setdefault(size, []).append(index)
    return groups


def _advance(
    index: int,
    answer: Response | ConnectorError,
    talks: dict[int, _Talk],
    results: dict[int, Outcome],
    sender: Sender,
    policy: Policy,
    on_drift: Drift,
) -> float:
    """Steps one talk; returns how long to wait before it may be sent again, 0 when it need not wait."""
    talk = talks[index]
    try:
        if isinstance(answer, ConnectorError):
            raise answer
        sender.check(talk.request, answer)
        step = talk.flow.step(answer)
    except ConnectorError as error:
        talk.attempts += 1
        wait_seconds = sender.retry_wait_seconds(talk.request, error, talk.attempts)
        if wait_seconds is not None:
            return wait_seconds
        try:
            step = recover(error, talk.call, talk.request, sender, policy, begun=talk.answers > 0)
        except ConnectorError as final:
            results[index] = final
            del talks[index]
            return 0
    talk.answers += 1
    talk.attempts = 0
    try:
        if talk.answers > policy.max_steps:
            raise ProtocolError(f"the call was stopped after {policy.max_steps} answers of Graph")
        check_items(talk.call, step, on_drift)
    except ConnectorError as error:
        results[index] = error
        del talks[index]
        return 0
    talk.steps.append(step)
    if step.next is None:
        results[index] = tuple(talk.steps)
        del talks[index]
    else:
        talk.request = step.next
    return step.wait_seconds


def _post(requests: Sequence[Request], sender: Sender) -> list[Response | ConnectorError]:
    """One batch: for each request its answer, or the error that stands for a missing one."""
    body = {"requests": [_part(str(number), request) for number, request in enumerate(requests)]}
    try:
        response = sender.send(
            Request("POST", "/$batch", json=body, repeatable=all(r.repeatable for r in requests))
        )
    except ConnectorError as error:
        if getattr(error, "status", None) == _ONE_WAS_THROTTLED:
            return [_missing(request) for request in requests]
        return [_copy(error, request) for request in requests]
    answers = {str(part.get("id")): part for part in _parts(response)}
    return [
        _answer(answers[number], response) if (number := str(position)) in answers else _missing(request)
        for position, request in enumerate(requests)
    ]


def _part(number: str, request: Request) -> dict[str, Any]:
    headers = dict(request.headers)
    part: dict[str, Any] = {"id": number, "method": request.verb, "url": request.url}
    if request.json is not None or request.verb in ("POST", "PUT", "PATCH"):
        part["body"] = {} if request.json is None else request.json
        headers.setdefault("Content-Type", "application/json")
    return {**part, "headers": headers} if headers else part


def _parts(response: Response) -> Iterator[dict[str, Any]]:
    parts = response.json.get("responses") if isinstance(response.json, dict) else None
    yield from (part for part in parts or () if isinstance(part, dict))


def _answer(part: dict[str, Any], batch: Response) -> Response:
    headers = Headers({str(name): str(value) for name, value in (part.get("headers") or {}).items()})
    headers.setdefault("request-id", batch.headers.get("request-id", ""))
    status = part.get("status")
    return Response(int(status) if status else 0, headers, batch.url, json=part.get("body"))


def _missing(request: Request) -> NoAnswer:
    return NoAnswer(
        "Graph left this request out of its answer to the batch.",
        outcome=None if request.verb == "GET" else "unknown",
    )


def _copy(error: ConnectorError, request: Request) -> ConnectorError:
    """The batch's error as that of one of its requests; a read has no outcome."""
    copied: ConnectorError = error.__reduce__()[0](*error.__reduce__()[1])
    if request.verb == "GET":
        copied.outcome = None
    return copied
