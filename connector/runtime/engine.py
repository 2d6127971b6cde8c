"""The one loop: check the input, build the request, send, step the flow, check the output."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import sleep as real_sleep

from connector.content import Content
from connector.errors import ConnectorError, NoAnswer, ProtocolError, Unavailable
from connector.runtime import settle
from connector.runtime.build import build, mark_call
from connector.runtime.call import Call, Step
from connector.runtime.check import check_input, check_output
from connector.runtime.flows import Flow, flow_of
from connector.spec.model import Limits, Retry
from connector.wire import Request, Sender

Drift = Callable[[Call, list[tuple[str, str]]], None]
"""Hears of an answer that does not fit the method's output schema."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What bounds a call: waits between looks after a lost answer, and the number of answers."""

    settle_after_seconds: tuple[float, ...]
    max_steps: int
    sleep: Callable[[float], None] = real_sleep

    @classmethod
    def of(cls, retry: Retry, limits: Limits, sleep: Callable[[float], None] = real_sleep) -> Policy:
        """The policy that a manifest declares."""
        return cls(retry.settle_after_seconds, limits.pages, sleep)


def prepare(call: Call) -> tuple[Call, Flow, Request]:
    """The call with checked input, its flow, and the first request, without anything sent.

    Raises InvalidInput with every problem of the input.
    """
    call = call.with_params(check_input(call.method, call.params))
    flow = flow_of(call)
    request = build(call.method.request, call.method, {**call.params, **flow.values()})
    return call, flow, flow.first(request)


def drive(call: Call, sender: Sender, policy: Policy, on_drift: Drift) -> Iterator[Step]:
    """Runs one call to its end, yielding each step as it comes; the caller may stop in between.

    Raises a ConnectorError. That of a write says by `outcome` whether it happened; where an answer
    was lost and the method says how to look, it was looked for before.
    """
    call, flow, request = prepare(call)
    pending: Request | None = mark_call(request, call)
    answers = 0
    while pending is not None:
        try:
            step = flow.step(sender.send(pending))
        except ConnectorError as error:
            step = recover(error, call, pending, sender, policy, begun=answers > 0)
        answers += 1
        if answers > policy.max_steps:
            raise ProtocolError(f"{call.method.name} was stopped after {policy.max_steps} answers of Graph")
        check_items(call, step, on_drift)
        yield step
        if step.next is not None and step.wait_seconds:
            policy.sleep(step.wait_seconds)
        pending = step.next


def recover(
    error: ConnectorError, call: Call, request: Request, sender: Sender, policy: Policy, *, begun: bool
) -> Step:
    """What to make of a failed request: for a write whose answer was lost, the look for what it did.

    Raises the error again, with its outcome, when nothing can be found.
    """
    if call.method.kind == "read":
        raise error
    if begun and error.outcome is None and isinstance(error, NoAnswer | Unavailable):
        error.outcome = "unknown"
    if error.outcome != "unknown":
        raise error
    return settle.settle(error, call, request, sender, policy.settle_after_seconds, policy.sleep)


def check_items(call: Call, step: Step, on_drift: Drift) -> None:
    """Holds what a step gives out against the method's output schema."""
    items = [item for item in step.items if not isinstance(item, Content)]
    if items and (problems := check_output(call.method, items)):
        on_drift(call, problems)
